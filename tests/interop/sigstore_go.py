"""sigstore-go, by a small program on the library."""

import installs
from instance import run
from peer import EMAIL, Peer


class SigstoreGo(Peer):
    name = "sigstore-go"
    version = installs.go_module_version("sigstore-go", "github.com/sigstore/sigstore-go")
    says = {
        "file": "failed to verify signature",
        "statement": "provided artifact digests do not match digests in statement",
        "signer": "no matching CertificateIdentity found",
        "twisted": "does not match expected root",
    }

    @classmethod
    def install(cls):
        return installs.go_build("sigstore-go")

    def __init__(self, instance, home):
        super().__init__(instance, home)
        self.program = self.install()

    def client(self, *arguments, **expect):
        run(self.program, "-mirror", self.instance.mirror, "-root", self.instance.root, "-cache", self.home / "tuf",
            *arguments, env=self.env, **expect)

    def initialise(self):
        self.client("initialise")

    def sign(self, artifact):
        self.client("-token-file", self.token_file(), "sign", artifact.file, artifact.signature)

    def attest(self, artifact):
        self.client("-token-file", self.token_file(), "-statement", "sign", artifact.statement, artifact.attestation)

    def verify(self, kind, bundle, file, signer=EMAIL, fails=False):
        self.client("-identity", signer, "-issuer", self.instance.issuer, "verify", file, bundle, fails=fails)
