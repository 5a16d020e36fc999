"""sigstore-python, as published, on a signhere instance: each signs and verifies what the other made.

usage: sigstore_python.py SIGNHERE WORK
"""

import os
import pathlib
import socket
import subprocess
import sys
import time

import browser

EMAIL = "alice@example.com"
LIMIT = 120  # seconds for any one command


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Instance:
    """`signhere serve` on loopback, ended with the block that holds it."""

    def __init__(self, signhere, folder):
        self.folder, self.base = folder, f"http://127.0.0.1:{free_port()}"
        self.issuer = f"{self.base}/oidc"
        listen = self.base.removeprefix("http://")
        self.process = subprocess.Popen([signhere, "serve", str(folder), "--listen", listen], stdin=subprocess.DEVNULL)

    def __enter__(self):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            assert self.process.poll() is None, "the instance ended at its start"
            try:
                if browser.request("GET", f"{self.base}/healthz")[0] == 200:
                    return self
            except OSError:
                time.sleep(0.05)
        raise AssertionError("the instance was not ready in 30 s")

    def __exit__(self, *_):
        self.process.terminate()
        assert self.process.wait(30) == 0, "the instance did not end cleanly"


def run(*command, fails=False):
    """What the command printed. It must succeed, or with `fails`, must not."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("SIGSTORE_", "SIGNHERE_", "COSIGN_"))}
    done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, text=True, timeout=LIMIT, env=clean,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if (done.returncode != 0) != fails:
        print(done.stdout)
        raise AssertionError(f"exit code {done.returncode}: {' '.join(str(c)[:80] for c in command)}")
    return done.stdout


def main(signhere, work):
    work = pathlib.Path(work)
    passed = 0
    with Instance(signhere, work / "instance") as instance:
        trust = instance.folder / "trust_config.json"
        python = [sys.executable, "-m", "sigstore", "--trust-config", trust]
        who = ["--certificate-identity", EMAIL, "--certificate-oidc-issuer", instance.issuer]

        def by_python(file, bundle, **expect):
            flags = ["--cert-identity", EMAIL, "--cert-oidc-issuer", instance.issuer, "--bundle", bundle, file]
            return run(*python, "verify", "identity", *flags, **expect)

        def by_us(file, bundle, **expect):
            return run(signhere, "verify", "--trust-config", trust, *who, "--bundle", bundle, file, **expect)

        theirs, ours, forged = work / "theirs.txt", work / "ours.txt", work / "forged.txt"
        theirs.write_text("signed by sigstore-python\n")
        ours.write_text("signed by signhere\n")
        forged.write_text("signed by nobody\n")

        bundle = work / "theirs.sigstore.json"
        token = browser.login(instance.issuer, EMAIL)
        run(*python, "sign", "--identity-token", token, "--bundle", bundle, theirs)
        for verify in (by_us, by_python):
            verify(theirs, bundle)
            verify(forged, bundle, fails=True)
            passed += 2
        print("ok   sigstore-python signs, signhere and sigstore-python verify, a forged file is refused")

        bundle = work / "ours.sigstore.json"
        token_file = work / "token"
        token_file.write_text(browser.login(instance.issuer, EMAIL))
        run(signhere, "sign", "--trust-config", trust, "--identity-token-file", token_file, "--bundle", bundle, ours)
        for verify in (by_us, by_python):
            verify(ours, bundle)
            verify(forged, bundle, fails=True)
            passed += 2
        print("ok   signhere signs, signhere and sigstore-python verify, a forged file is refused")

        stranger = ["--cert-identity", "mallory@example.com", "--cert-oidc-issuer", instance.issuer]
        run(*python, "verify", "identity", *stranger, "--bundle", bundle, ours, fails=True)
        passed += 1
        print("ok   sigstore-python refuses another identity on our bundle")
    print(f"{passed} passed, 0 failed")


main(sys.argv[1], sys.argv[2])
