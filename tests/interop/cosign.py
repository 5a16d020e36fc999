"""cosign, built from its Go module."""

import installs
from instance import run
from peer import EMAIL, PREDICATE_TYPE, Peer


class Cosign(Peer):
    name, version = "cosign", "v3.1.3"
    says = {
        "file": "failed to verify signature",
        "statement": "provided artifact digests do not match digests in statement",
        "signer": "no matching CertificateIdentity found",
        "twisted": "does not match expected root",
    }

    @classmethod
    def install(cls):
        return installs.go_install("github.com/sigstore/cosign/v3/cmd/cosign", cls.version)

    def __init__(self, instance, home):
        super().__init__(instance, home)
        self.program = self.install()
        self.env["TUF_ROOT"] = str(home / "tuf")

    def cosign(self, *arguments, env=None, **expect):
        run(self.program, *arguments, env={**self.env, **(env or {})}, **expect)

    def initialise(self):
        self.cosign("initialize", "--mirror", self.instance.mirror, "--root", self.instance.root)

    def sign(self, artifact):
        self.cosign("sign-blob", "--yes", "--bundle", artifact.signature, artifact.file,
                    env={"SIGSTORE_ID_TOKEN": self.token()})

    def attest(self, artifact):
        self.cosign("attest-blob", "--yes", "--predicate", artifact.predicate, "--type", PREDICATE_TYPE,
                    "--bundle", artifact.attestation, artifact.file, env={"SIGSTORE_ID_TOKEN": self.token()})

    def verify(self, kind, bundle, file, signer=EMAIL, fails=False):
        how = ["verify-blob"] if kind == "file" else ["verify-blob-attestation", "--type", PREDICATE_TYPE]
        self.cosign(*how, "--bundle", bundle, "--certificate-identity", signer,
                    "--certificate-oidc-issuer", self.instance.issuer, file, fails=fails)

    def sign_with_key(self, key, bundle, file, env):
        self.cosign("sign-blob", "--yes", "--key", key, "--bundle", bundle, file, env=env)

    def verify_with_key(self, key, bundle, file, fails=False):
        self.cosign("verify-blob", "--key", key, "--bundle", bundle, file, fails=fails)
