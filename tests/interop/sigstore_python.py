"""sigstore-python, from the Python package index."""

import installs
from instance import run
from peer import EMAIL, PREDICATE_TYPE, Peer


class SigstorePython(Peer):
    name, version = "sigstore-python", "4.5.1"
    says = {
        "file": "Bundle message digest mismatch",
        "statement": "in-toto statement has no subject for digest",
        "signer": "Certificate's SANs do not match",
        "twisted": "DSSE: invalid signature",
    }

    @classmethod
    def install(cls):
        return installs.venv(f"sigstore=={cls.version}")

    def __init__(self, instance, home):
        super().__init__(instance, home)
        self.python = self.install()

    def sigstore(self, *arguments, **expect):
        run(self.python, "-m", "sigstore", "--instance", self.instance.mirror, *arguments, env=self.env, **expect)

    def initialise(self):
        self.sigstore("trust-instance", self.instance.root)

    def sign(self, artifact):
        self.sigstore("sign", "--identity-token", self.token(), "--bundle", artifact.signature, artifact.file)

    def attest(self, artifact):
        self.sigstore("attest", "--identity-token", self.token(), "--predicate", artifact.predicate,
                      "--predicate-type", PREDICATE_TYPE, "--bundle", artifact.attestation, artifact.file)

    def verify(self, kind, bundle, file, signer=EMAIL, fails=False):
        self.sigstore("verify", "identity", "--cert-identity", signer, "--cert-oidc-issuer", self.instance.issuer,
                      "--bundle", bundle, file, fails=fails)
