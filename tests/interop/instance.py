"""An instance for a test's time, and commands that must succeed or must not."""

import os
import socket
import subprocess
import time

import browser

START_LIMIT = 30  # seconds
COMMAND_LIMIT = 120  # seconds


class Instance:
    """`signhere serve` on loopback, ended with the block that holds it."""

    def __init__(self, signhere, folder):
        self.folder, self.base = folder, f"http://127.0.0.1:{free_port()}"
        self.issuer, self.trust = f"{self.base}/oidc", folder / "trust_config.json"
        self.began = time.perf_counter()
        self.ready_after = None  # seconds
        listen = self.base.removeprefix("http://")
        self.process = subprocess.Popen([signhere, "--quiet", "serve", str(folder), "--listen", listen],
                                        stdin=subprocess.DEVNULL)

    def __enter__(self):
        while time.perf_counter() - self.began < START_LIMIT:
            assert self.process.poll() is None, "the instance ended at its start"
            try:
                if browser.request("GET", f"{self.base}/healthz")[0] == 200:
                    self.ready_after = time.perf_counter() - self.began
                    return self
            except OSError:
                time.sleep(0.005)
        self.process.kill()
        raise AssertionError(f"the instance was not ready in {START_LIMIT} s")

    def __exit__(self, *_):
        self.process.terminate()
        assert self.process.wait(START_LIMIT) == 0, "the instance did not end cleanly"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(*command, fails=False):
    """What the command printed. It must succeed, or with `fails`, must not."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("SIGSTORE_", "SIGNHERE_", "COSIGN_"))}
    done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, text=True, timeout=COMMAND_LIMIT,
                          env=clean, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if (done.returncode != 0) != fails:
        print(done.stdout)
        raise AssertionError(f"exit code {done.returncode}: {' '.join(str(c)[:80] for c in command)}")
    return done.stdout
