"""The instance that is abused: its process, its memory, what it writes."""

import pathlib
import re
import secrets
import subprocess
import time

from caller import browser  # its folder holds what follows
from instance import clean, free_port, run

START_LIMIT = 120  # seconds


class Server:
    """An instance that runs while a block holds it, with `limits` as lines of its configuration, under `prefix` if there is one."""

    def __init__(self, signhere, folder, limits=(), prefix=()):
        self.listen, self.passphrase = ("127.0.0.1", free_port()), secrets.token_urlsafe(24)
        self.base = f"http://127.0.0.1:{self.listen[1]}"
        self.events, secret = folder.with_suffix(".log"), folder.with_suffix(".passphrase")
        secret.write_text(self.passphrase)
        secret.chmod(0o600)
        run(signhere, "serve", "init", folder, "--listen", f"127.0.0.1:{self.listen[1]}", "--development",
            "--unlock", "passphrase", "--passphrase-file", secret)
        config = folder / "instance.toml"
        text = config.read_text()
        assert text.count("[limits]\n") == 1, f"no section [limits] in {config}"
        config.write_text(text.replace("[limits]\n", "\n".join(["[limits]", *limits, ""])))
        self.command = [*prefix, signhere, "serve", folder, "--passphrase-file", secret]
        self.process, self.greeting, self.rest = None, 0, None

    def __enter__(self):
        with self.events.open("w") as events:
            self.process = subprocess.Popen([str(c) for c in self.command], stdin=subprocess.DEVNULL, stdout=events, stderr=events,
                                            env=clean())
        until = time.monotonic() + START_LIMIT
        while time.monotonic() < until:
            assert self.process.poll() is None, f"the instance ended at its start: {self.events.read_text()}"
            try:
                if browser.request("GET", f"{self.base}/readyz")[0] == 200:
                    self.greeting, (self.rest, _) = len(self.lines()), self.memory()
                    return self
            except OSError:
                pass
            time.sleep(0.05)
        self.process.kill()
        raise AssertionError(f"the instance was not ready in {START_LIMIT} s")

    def __exit__(self, *_):
        self.process.terminate()
        assert self.process.wait(START_LIMIT) == 0, "the instance did not end cleanly"

    def memory(self):
        """Resident memory now and at its highest since the last `forget`, in MiB."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        now, most = (int(re.search(rf"{name}:\s+([0-9]+) kB", status)[1]) / 1024 for name in ("VmRSS", "VmHWM"))
        return now, most

    def forget(self):
        """Lets the highest begin anew (proc(5), clear_refs)."""
        pathlib.Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def lines(self):
        return self.events.read_text(errors="replace").splitlines()

    def leaks(self, secrets_of_callers):
        """Lines that were written after the greeting with a secret in them, or what looks like one; and how many there are in all."""
        lines = self.lines()[self.greeting:]
        found = [line for line in lines if "@" in line or "eyJ" in line or self.passphrase in line
                 or any(secret in line for secret in secrets_of_callers)]
        return found, len(lines)
