"""An instance for a test's time, and commands that must succeed or must not."""

import contextlib
import json
import os
import random
import re
import socket
import subprocess
import time

import browser

START_LIMIT = 120  # seconds
COMMAND_LIMIT = 300  # seconds
FOLDER = re.compile("(log|ct)-[0-9]+")  # how an origin begins
STEERING = ("SIGSTORE_", "SIGNHERE_", "COSIGN_", "TUF_")  # variables that would lead a client elsewhere


class Instance:
    """A new instance on loopback; it runs while a block holds it, and keeps its address when it is started again."""

    def __init__(self, signhere, folder):
        self.signhere, self.folder, self.listen = signhere, folder, f"127.0.0.1:{free_port()}"
        self.base = f"http://{self.listen}"
        self.trust, self.root = folder / "trust_config.json", folder / "root.json"
        self.events = folder.with_name(f"{folder.name}.log")
        self.made = run(signhere, "serve", "init", "--listen", self.listen, "--development", "--unlock", "file", folder)
        self.began = self.ready_after = self.process = None  # seconds

    @property
    def issuer(self):
        return f"{self.base}/oidc"

    @property
    def mirror(self):
        """The TUF repository."""
        return f"{self.base}/tuf"

    def configure(self, section, lines):
        """Writes `lines` at the head of a section of the configuration file."""
        file = self.folder / "instance.toml"
        text = file.read_text()
        assert text.count(f"[{section}]\n") == 1, f"no section [{section}] in {file}"
        file.write_text(text.replace(f"[{section}]\n", f"[{section}]\n{lines}\n"))

    def rotate(self, *roles):
        """Gives each of these services a new key, the log after them, and waits until the log uses its own."""
        for role in (*roles, "log"):
            run(self.signhere, "serve", "rotate", role, self.folder)
        newest = self.logs("tlogs")[-1][1]
        until = time.monotonic() + START_LIMIT
        while browser.request("GET", f"{self.base}/checkpoint")[2].splitlines()[0] != newest:
            assert time.monotonic() < until, f"{newest} is not used after {START_LIMIT} s"
            time.sleep(0.02)

    def logs(self, kind):
        """Folder, origin and key (SubjectPublicKeyInfo in base64) of each of the `tlogs` or `ctlogs`, the newest last."""
        listed = json.loads(self.trust.read_text())["trustedRoot"][kind]
        listed.sort(key=lambda log: log["publicKey"]["validFor"]["start"])
        origins = [(log["baseUrl"].split("://")[1], log["publicKey"]["rawBytes"]) for log in listed]
        return [(FOLDER.match(origin)[0], origin, key) for origin, key in origins]

    def __enter__(self):
        self.began = time.perf_counter()
        with self.events.open("a") as events:
            self.process = subprocess.Popen([self.signhere, "serve", str(self.folder)], stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=events)
        while time.perf_counter() - self.began < START_LIMIT:
            assert self.process.poll() is None, f"the instance ended at its start: {self.events.read_text()}"
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
    """A port that is free, and that the system gives to nobody who does not ask for it."""
    for _ in range(1000):
        with socket.socket() as probe, contextlib.suppress(OSError):
            port = random.randrange(10_000, 30_000)  # below those for whoever connects
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def clean(env=None):
    """The environment without what would lead a client elsewhere, and with `env`."""
    return {**{k: v for k, v in os.environ.items() if not k.startswith(STEERING)}, **(env or {})}


def run(*command, fails=False, env=None, limit=COMMAND_LIMIT, cwd=None):
    """What the command printed.

    It must succeed; with `fails=True` it must not; with a number, it must exit with that; with a text, it must fail and
    say this.
    """
    done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, text=True, timeout=limit, cwd=cwd,
                          env=clean(env), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if isinstance(fails, bool):
        right = (done.returncode != 0) == fails
    elif isinstance(fails, int):
        right = done.returncode == fails
    else:
        right = done.returncode != 0 and fails in done.stdout
    if not right:
        wanted = f", wanted {fails!r}" if fails is not False else ""
        shown = " ".join(str(c)[:80] for c in command)
        raise AssertionError(f"{done.stdout.rstrip()}\nexit code {done.returncode}{wanted}: {shown}")
    return done.stdout
