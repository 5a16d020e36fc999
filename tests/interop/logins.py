"""The clients' own logins: what they do when they are given no token."""

import re
import subprocess
import sys
import threading

import browser
import installs
from cosign import Cosign
from instance import COMMAND_LIMIT, clean
from peer import EMAIL, Artifact, verified_by_us
from sigstore_python import SigstorePython

PAGE = re.compile(r"https?://\S+/device\S*")


def cosign_device(instance, us, home):
    """The device flow: cosign shows a page and waits."""
    client, artifact = Cosign(instance, home), Artifact(home / "artifact", "signed after a login on another device\n")
    client.initialise()
    command = [client.program, "sign-blob", "--yes", "--bundle", artifact.signature, artifact.file]
    device = subprocess.Popen(command, env=clean(client.env), stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    watchdog = threading.Timer(COMMAND_LIMIT, device.kill)
    watchdog.start()
    said = ""
    for line in device.stdout:
        said += line
        if page := PAGE.search(line):
            browser.visit(page[0], EMAIL)
    watchdog.cancel()
    assert device.wait() == 0, said
    verified_by_us(us, artifact)
    client.verify("file", artifact.signature, artifact.file)


def with_browser(client, home):
    """The client's environment, in which the browser is ours."""
    ours = home / "browser"
    ours.mkdir()
    for name in ("browser", "xdg-open"):
        script = ours / name
        script.write_text(f'#!/bin/sh\n"{sys.executable}" "{installs.HERE}/browser.py" visit "$1" "{EMAIL}" &\n')
        script.chmod(0o755)
    return {**client.env, "BROWSER": f"{ours}/browser", "PATH": f"{ours}:{clean()['PATH']}"}


def python_browser(instance, us, home):
    """The authorization code flow: sigstore-python opens a browser and listens for where that is led."""
    client, artifact = SigstorePython(instance, home), Artifact(home / "artifact", "signed after a login in a browser\n")
    client.initialise()
    client.env = with_browser(client, home)
    client.sigstore("sign", "--bundle", artifact.signature, artifact.file)
    verified_by_us(us, artifact)
    client.verify("file", artifact.signature, artifact.file)


def cosign_browser(instance, us, home):
    client, artifact = Cosign(instance, home), Artifact(home / "artifact", "signed after a login in a browser\n")
    client.initialise()
    client.env = with_browser(client, home)
    client.cosign("sign-blob", "--yes", "--fulcio-auth-flow", "normal", "--bundle", artifact.signature, artifact.file)
    verified_by_us(us, artifact)
    client.verify("file", artifact.signature, artifact.file)


ALL = [
    (f"cosign {Cosign.version}, device login", cosign_device),
    (f"cosign {Cosign.version}, browser login", cosign_browser),
    (f"sigstore-python {SigstorePython.version}, browser login", python_browser),
]
