"""The lines of docs/guide/clients.md, run as they stand there."""

import json
import os
import re
import sys

import installs
from cosign import Cosign
from instance import run
from peer import EMAIL, PREDICATE, Peer
from sigstore_js import SigstoreJs
from sigstore_python import SigstorePython

PAGE = installs.HERE.parent.parent / "docs/guide/clients.md"
BLOCK = re.compile(r"^```sh ([a-z-]+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def cosign():
    return {"cosign": Cosign.install()}


def sigstore_python():
    return {"python": SigstorePython.install()}


def sigstore_js():
    return {"sigstore": SigstoreJs.install() / "node_modules/.bin/sigstore"}


def openssl():
    installs.needs("openssl", "curl")
    return {}


PROGRAMS = {"cosign": cosign, "sigstore-python": sigstore_python, "sigstore-js": sigstore_js, "openssl": openssl}


def check(name, block):
    """A check that runs one block as a person would, who is logged in without being asked."""

    def follow(instance, us, home):
        reader = Peer(instance, home)
        programs = home / "bin"
        programs.mkdir()
        for program, path in PROGRAMS[name]().items():
            script(programs / program, f'exec "{path}" "$@"')
        login = f'exec "{sys.executable}" "{installs.HERE}/browser.py" login "{instance.issuer}" "{EMAIL}"'
        script(programs / "signhere", f'[ "$1" = token ] && {login}\nexec "{us.program}" "$@"')
        (home / "FILE").write_text("the reader's\n")
        (home / "predicate.json").write_text(json.dumps(PREDICATE))
        if name == "sigstore-js":
            us.run_sign(home / "FILE.sigstore.json", home / "FILE")
        given = f"INSTANCE={instance.base} ROOT={instance.root} WHO={EMAIL} ISSUER={instance.issuer}\n"
        path = f"{programs}:{os.environ['PATH']}"
        run("bash", "-euo", "pipefail", "-c", given + block, cwd=home, env={**reader.env, "PATH": path})

    return follow


def script(file, text):
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


BLOCKS = BLOCK.findall(PAGE.read_text())
assert {name for name, _ in BLOCKS} == set(PROGRAMS), "a block of the guide is not run"
ALL = [(f"guide: {name}", check(name, block)) for name, block in BLOCKS]
