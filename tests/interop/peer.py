"""What every client is to the matrix, and what both sides sign."""

import base64
import hashlib
import json

import browser
from instance import run

EMAIL, STRANGER = "alice@example.com", "mallory@example.com"
WRONG_FILE, WRONG_SIGNER, TRY_AGAIN = 12, 20, 40  # exit codes of signhere
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
PREDICATE = {
    "buildDefinition": {"buildType": "https://example.com/build/v1", "externalParameters": {}},
    "runDetails": {"builder": {"id": "https://example.com/builder"}},
}


class Peer:
    """A published client in a home of its own."""

    name = version = None
    # What it says when it refuses another file than was signed, another than was attested, another signer, another content.
    # None: it does not look at the file that a statement is about.
    says = {"file": "", "statement": "", "signer": "", "twisted": ""}

    def __init__(self, instance, home):
        self.instance, self.home = instance, home
        self.env = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "XDG_DATA_HOME": str(home / "data"),
                    "XDG_CONFIG_HOME": str(home / "config")}

    def token(self):
        return browser.login(self.instance.issuer, EMAIL)

    def token_file(self):
        file = self.home / "token"
        file.write_text(self.token())
        return file


class Artifact:
    """A file, what a build says of it, and another file with the same name."""

    def __init__(self, folder, text):
        folder.mkdir(parents=True)
        self.file, self.forged = folder / "artifact.txt", folder / "forged.txt"
        self.predicate, self.statement = folder / "predicate.json", folder / "statement.json"
        self.signature, self.attestation = folder / "signature.json", folder / "attestation.json"
        self.twisted = folder / "twisted.json"
        self.file.write_text(text)
        self.forged.write_text(f"not {text}")
        self.predicate.write_text(json.dumps(PREDICATE))
        self.statement.write_text(json.dumps({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": self.file.name, "digest": {"sha256": hashlib.sha256(text.encode()).hexdigest()}}],
            "predicateType": PREDICATE_TYPE,
            "predicate": PREDICATE,
        }))

    def bundles(self):
        """Each bundle that was made, and its kind."""
        both = [("file", self.signature), ("statement", self.attestation)]
        return [(kind, bundle) for kind, bundle in both if bundle.exists()]


    def logs(self):
        """The ids of the logs that hold what was signed."""
        documents = [json.loads(bundle.read_text()) for _, bundle in self.bundles()]
        return {d["verificationMaterial"]["tlogEntries"][0]["logId"]["keyId"] for d in documents}

    def twist(self):
        """The attestation as someone would like it to be who cannot sign it."""
        bundle = json.loads(self.attestation.read_text())
        envelope = bundle["dsseEnvelope"]
        payload = base64.b64decode(envelope["payload"]).replace(b"example.com/builder", b"example.com/mallory")
        envelope["payload"] = base64.b64encode(payload).decode()
        self.twisted.write_text(json.dumps(bundle))


class Signhere(Peer):
    """Our own command line, which trusts the instance's folder."""

    def __init__(self, instance, home, program):
        super().__init__(instance, home)
        self.program = program

    def sign(self, artifact):
        self.run_sign(artifact.signature, artifact.file)

    def attest(self, artifact):
        self.run_sign(artifact.attestation, "--statement", artifact.statement)

    def run_sign(self, bundle, *what, fails=False):
        run(self.program, "sign", "--trust-config", self.instance.trust, "--identity-token-file", self.token_file(),
            "--bundle", bundle, *what, env=self.env, fails=fails)

    def verify(self, kind, bundle, file, signer=EMAIL, fails=False):
        run(self.program, "verify", "--trust-config", self.instance.trust, "--certificate-identity", signer,
            "--certificate-oidc-issuer", self.instance.issuer, "--bundle", bundle, file, env=self.env, fails=fails)

    def sign_with_key(self, key, bundle, file, env):
        run(self.program, "sign", "--trust-config", self.instance.trust, "--key", key, "--bundle", bundle, file,
            env={**self.env, **env})

    def verify_with_key(self, key, bundle, file, fails=False):
        run(self.program, "verify", "--trust-config", self.instance.trust, "--key", key, "--bundle", bundle, file,
            env=self.env, fails=fails)


def verified_by_us(us, artifact):
    """A client's bundles pass with us, and with another file, signer or content they do not."""
    for kind, bundle in artifact.bundles():
        us.verify(kind, bundle, artifact.file)
        us.verify(kind, bundle, artifact.forged, fails=WRONG_FILE)
        us.verify(kind, bundle, artifact.file, signer=STRANGER, fails=WRONG_SIGNER)
    if artifact.attestation.exists():
        artifact.twist()
        us.verify("statement", artifact.twisted, artifact.file, fails=WRONG_FILE)


def verified_by(client, artifact):
    for kind, bundle in artifact.bundles():
        client.verify(kind, bundle, artifact.file)


def refused_by(client, artifact):
    """The client refuses, for the right reason, what it accepted a moment ago."""
    for kind, bundle in artifact.bundles():
        if client.says[kind]:
            client.verify(kind, bundle, artifact.forged, fails=client.says[kind])
        client.verify(kind, bundle, artifact.file, signer=STRANGER, fails=client.says["signer"])
    if artifact.attestation.exists():
        client.verify("statement", artifact.twisted, artifact.file, fails=client.says["twisted"])
