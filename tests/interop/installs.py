"""Published clients, installed by their ordinary package managers, once: under a cache that outlives the run.

What is installed stands in a folder named by the digest of what was asked for, and is put there by a rename, so it is
whole or absent.
"""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

INSTALL_LIMIT = 1200  # seconds
HERE = pathlib.Path(__file__).parent
CACHE = pathlib.Path(os.environ.get("SIGNHERE_CACHE") or pathlib.Path.home() / ".cache" / "signhere") / "interop"


class Missing(Exception):
    """A peer that cannot be had on this machine; the text says why."""


def venv(*requirements):
    """A Python interpreter with these packages."""

    def install(folder):
        quietly(sys.executable, "-m", "venv", folder)
        quietly(folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements)

    # A virtual environment knows its own path, so this one is made in place, and marked when it is whole.
    folder = CACHE / f"venv-{digest(sys.version, *requirements)}"
    if not (folder / "whole").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        install(folder)
        (folder / "whole").touch()
    return folder / "bin" / "python"


def npm(name):
    """The folder of this name beside this file, copied, with the packages that its lock file names."""
    needs("node", "npm")

    def install(folder):
        shutil.copytree(HERE / name, folder, dirs_exist_ok=True)
        quietly("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=folder)

    return cached(f"npm-{name}", digest(*sources(name)), install)


def go_install(package, version):
    """The program of a Go package, as published."""
    needs("go")
    name = package.rsplit("/", 1)[1]
    folder = cached(f"go-{name}", digest(package, version),
                    lambda folder: quietly("go", "install", f"{package}@{version}", env={"GOBIN": str(folder)}))
    return folder / name


def go_build(name):
    """The program in the folder of this name beside this file. That it does not compile is a failure of ours."""
    needs("go")

    def build(folder):
        quietly("go", "mod", "download", cwd=HERE / name)
        command = ["go", "build", "-o", folder / name, "."]
        done = subprocess.run(command, cwd=HERE / name, env=go_env(), text=True, timeout=INSTALL_LIMIT,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == 0, done.stdout

    return cached(f"go-{name}", digest(*sources(name)), build) / name


def go_module_version(name, module):
    """The version of a module that the program's go.mod asks for."""
    for line in (HERE / name / "go.mod").read_text().splitlines():
        words = line.removeprefix("require").split()
        if words[:1] == [module]:
            return words[1]
    raise AssertionError(f"{name}/go.mod does not ask for {module}")


def needs(*programs):
    for program in programs:
        if not shutil.which(program):
            raise Missing(f"there is no {program}")


def cached(name, key, install):
    folder = CACHE / f"{name}-{key}"
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as half:
        install(pathlib.Path(half))
        os.rename(half, folder)
        os.mkdir(half)  # for the end of the block, which removes it
    return folder


def quietly(*command, cwd=None, env=None):
    try:
        done = subprocess.run([str(c) for c in command], cwd=cwd, env={**go_env(), **(env or {})}, text=True,
                              timeout=INSTALL_LIMIT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Missing(str(error)) from error
    if done.returncode != 0:
        raise Missing((done.stdout.strip() or "no word").splitlines()[-1])


def go_env():
    """The Go that is here, never another that it would download."""
    return {**os.environ, "GOTOOLCHAIN": "local"}


def sources(name):
    for file in sorted((HERE / name).iterdir()):
        yield file.name
        yield file.read_text()


def digest(*parts):
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
