"""What clients do beside signing for an identity: audit the logs, use one service, sign with keys of their own.

A check returns what it saw, in a few words.
"""

import subprocess

import guide
import installs
import logins
import tls
import witnessing
from cosign import Cosign
from instance import COMMAND_LIMIT, run
from peer import EMAIL, WRONG_FILE
from sigstore_go import SigstoreGo
from sigstore_js import SigstoreJs
from sigstore_python import SigstorePython

CLIENTS = [SigstorePython, SigstoreJs, Cosign, SigstoreGo]

SKIPPED = 77  # exit code of a check that is a program of its own

BATCH = 300  # entries: more than the 256 of one tile


def fulcio_v1(instance, us, home):
    """Certificates by the first version of Fulcio's API, which gitsign speaks; many, so that the CT log has whole tiles."""
    program = installs.go_build("fulcio-v1")
    return run(program, "-url", instance.base, "-token-file", us.token_file(), "-email", EMAIL,
               "-issuer", instance.issuer, "-count", BATCH).strip()


def signatures(instance, us, home):
    """Each log of signatures, and the newest again after a batch that fills a tile."""
    return audited(instance, us, home, "tlogs", BATCH)


def certificates(instance, us, home):
    """Each log of certificates, and the newest again after one more."""
    return audited(instance, us, home, "ctlogs", 1, "-ct")


def audited(instance, us, home, kind, batch, *flags):
    program, listed = installs.go_build("tessera"), instance.logs(kind)
    foreign = instance.logs("tlogs" if kind == "ctlogs" else "ctlogs")[0][2]

    def audit(log, key=None, **expect):
        name, origin, own = log
        said = run(program, *flags, "-url", f"{instance.base}/{name}/", "-origin", origin, "-key", key or own,
                   "-kept", home / name, **expect)
        return said.strip().splitlines()[-1]

    for log in listed:
        audit(log)
        audit(log, key=foreign, fails="no verifiable signatures")
    files = [home / f"{n}.txt" for n in range(batch)]
    for file in files:
        file.write_text(f"{file}\n")
    run(us.program, "sign", "--trust-config", instance.trust, "--identity-token-file", us.token_file(), *files)
    return f"{len(listed)} shards; {audit(listed[-1])}"


def key_files(instance, us, home):
    """cosign's key files: each side makes a pair, the other reads it, each verifies what the other signed."""
    cosign = Cosign(instance, home)
    cosign.initialise()
    password = {"COSIGN_PASSWORD": "of both"}
    theirs, ours, file = home / "theirs", home / "ours", home / "artifact.txt"
    file.write_text("signed with a key\n")
    cosign.cosign("generate-key-pair", "--output-key-prefix", theirs, env=password)
    run(us.program, "key", "generate", "--output-key-prefix", ours, env=password)
    for key, other in ((theirs, ours), (ours, theirs)):
        for n, sign in enumerate((cosign.sign_with_key, us.sign_with_key)):
            bundle = home / f"{key.name}-{n}.json"
            sign(f"{key}.key", bundle, file, password)
            for client, wrong in ((cosign, "failed to verify"), (us, WRONG_FILE)):
                client.verify_with_key(f"{key}.pub", bundle, file)
                client.verify_with_key(f"{other}.pub", bundle, file, fails=wrong)
    return "2 pairs, 4 bundles, each verified by both"


def events(instance, us, home):
    """The log of events, after all that: one line an event, no address of a person, no token."""
    lines = instance.events.read_text().splitlines()
    assert any("/api/v2/signingCert" in line for line in lines), "no certificate was asked for"
    for line in lines:
        assert "@" not in line and "eyJ" not in line, line
    return f"{len(lines)} lines, no e-mail address, no token"


def outside(program):
    """A check that is a program of its own, with an instance of its own: `PROGRAM SIGNHERE WORK`."""

    def check(_, us, home):
        done = subprocess.run([installs.HERE / program, us.program, home], stdin=subprocess.DEVNULL, text=True,
                              timeout=COMMAND_LIMIT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        lines = done.stdout.strip().splitlines() or ["no word"]
        if done.returncode == SKIPPED:
            raise installs.Missing(lines[-1])
        assert done.returncode == 0, "\n".join(lines)
        return lines[-1]

    return check


TESSERA = installs.go_module_version("tessera", "github.com/transparency-dev/tessera")
FULCIO = installs.go_module_version("fulcio-v1", "github.com/sigstore/fulcio")

ALL = [
    (f"fulcio/pkg/api {FULCIO}, API v1", fulcio_v1),
    (f"tessera {TESSERA}, log", signatures),
    (f"tessera {TESSERA}, CT log", certificates),
    (f"cosign {Cosign.version}, key files", key_files),
    (f"tessera {TESSERA}, witnessed", witnessing.check),
    ("every client, over TLS", tls.check(CLIENTS)),
    ("openssl ts", outside("openssl_ts")),
    ("python-tuf", outside("python-tuf")),
    ("pages in Chromium", outside("web.py")),
    *logins.ALL,
    *guide.ALL,
    ("what the instance wrote", events),
]
