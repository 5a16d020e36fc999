"""sigstore-js, from the npm registry: its command line verifies, a script on its library signs."""

import json

import installs
from instance import run
from peer import EMAIL, Peer


class SigstoreJs(Peer):
    name = "sigstore-js"
    version = json.loads((installs.HERE / "sigstore-js/package.json").read_text())["dependencies"]["@sigstore/cli"]
    says = {
        "file": "signature verification failed",
        "statement": None,
        "signer": "certificate identity error",
        "twisted": "digest mismatch",
    }
    @classmethod
    def install(cls):
        return installs.npm("sigstore-js")

    def __init__(self, instance, home):
        super().__init__(instance, home)
        self.folder, self.cache = self.install(), home / "tuf"

    def sigstore(self, *arguments, **expect):
        run(self.folder / "node_modules/.bin/sigstore", *arguments, env=self.env, **expect)

    def initialise(self):
        self.sigstore("initialize", "--mirror", self.instance.mirror, "--root", self.instance.root,
                      "--cache-path", self.cache)

    def sign(self, artifact):
        self.run_sign("file", artifact.file, artifact.signature)

    def attest(self, artifact):
        self.run_sign("statement", artifact.statement, artifact.attestation)

    def run_sign(self, *what):
        run("node", self.folder / "sign.mjs", *what, self.instance.mirror, self.instance.root, self.cache,
            env={**self.env, "SIGSTORE_ID_TOKEN": self.token()})

    def verify(self, kind, bundle, file, signer=EMAIL, fails=False):
        what = ["--blob-file", file] if kind == "file" else []
        self.sigstore("verify", "--tuf-mirror-url", self.instance.mirror, "--tuf-root-path", self.instance.root,
                      "--tuf-cache-path", self.cache, "--certificate-identity-email", signer,
                      "--certificate-issuer", self.instance.issuer, *what, bundle, fails=fails)
