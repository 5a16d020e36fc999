"""Witnesses: one instance cosigns the log of another, and the log of a published program; a published client checks both."""

import base64
import hashlib
import re

import installs
from instance import Instance, run
from peer import TRY_AGAIN, Artifact, Signhere

TESSERA = installs.go_module_version("tessera", "github.com/transparency-dev/tessera")
ORIGIN = "log.example/interop"
WITNESS = re.compile(r"witness-[0-9a-f]+\.signhere\.localhost\+[0-9a-f]{8}\+\S+")  # as `serve init` shows it
ED25519, COSIGNATURE = b"\1", b"\4"  # C2SP signed-note: signature types


def check(_, us, home):
    auditor = installs.go_build("tessera")
    publisher = installs.go_install("github.com/transparency-dev/tessera/cmd/examples/posix-oneshot", TESSERA)
    witness, logger = Instance(us.program, home / "witness"), Instance(us.program, home / "logger")
    cosigner = WITNESS.search(witness.made)[0]
    _, origin, key = logger.logs("tlogs")[0]
    private, public = key_pair(home)
    (witness.folder / "witnessed.vkeys").write_text(f"{vkey(origin, base64.b64decode(key))}\n{vkey(ORIGIN, public)}\n")
    witness.configure("witness", 'enabled = true\nlogs = "witnessed.vkeys"')
    policy = logger.folder / "witnesses.policy"
    policy.write_text(f"witness one {cosigner} {witness.base}/witness\nquorum one\n")
    logger.configure("log", 'witnesses = "witnesses.policy"')
    with logger:
        with witness:
            client = Signhere(logger, home, us.program)
            artifact = Artifact(home / "artifact", "signed on a witnessed log\n")
            client.sign(artifact)
            client.verify("file", artifact.signature, artifact.file)
            audit = [auditor, "-url", f"{logger.base}/", "-origin", origin, "-key", key]
            run(*audit, "-witness", cosigner)
            run(*audit, "-witness", vkey("stranger.example", public, COSIGNATURE), fails="no verifiable signatures")
            run(publisher, "--storage_dir", home / "published", "--entries", artifact.file,
                "--witness_policy_file", policy, env={"LOG_PRIVATE_KEY": private})
            assert f"\n\u2014 {cosigner.split('+')[0]} " in (home / "published/checkpoint").read_text()
        client.run_sign(artifact.signature, artifact.file, fails=TRY_AGAIN)
    return "our log and tessera's, cosigned by another instance; none without it"


def vkey(name, spki, kind=ED25519):
    """A verifier key (C2SP signed-note) of an Ed25519 key."""
    key = kind + spki[-32:]
    return f"{name}+{hint(name, spki, kind)}+{base64.b64encode(key).decode()}"


def hint(name, spki, kind=ED25519):
    return hashlib.sha256(name.encode() + b"\n" + kind + spki[-32:]).hexdigest()[:8]


def key_pair(home):
    """A new log key: the form in which Go's note package reads its private half, and its SubjectPublicKeyInfo."""
    installs.needs("openssl")
    pem, der, public = home / "key.pem", home / "key.der", home / "key.pub"
    run("openssl", "genpkey", "-algorithm", "ed25519", "-out", pem)
    run("openssl", "pkey", "-in", pem, "-outform", "DER", "-out", der)
    run("openssl", "pkey", "-in", pem, "-pubout", "-outform", "DER", "-out", public)
    secret, spki = ED25519 + der.read_bytes()[-32:], public.read_bytes()
    return f"PRIVATE+KEY+{ORIGIN}+{hint(ORIGIN, spki)}+{base64.b64encode(secret).decode()}", spki
