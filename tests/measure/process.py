"""Whole processes: what a verification and a start cost, beside a floor or a peer, in one run.

usage: process.py SIGNHERE [PYTHON_WITH_SIGSTORE]

Makes an instance and a signature on loopback, then measures `signhere verify` on a small and a large file, `openssl dgst` on
the large one (the floor), sigstore-python if its interpreter is given, and the start of the instance. Times are minima and
medians over the runs; CPU is user and system together; RSS is the peak.
"""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "interop"))
import browser  # noqa: E402
from instance import Instance, run  # noqa: E402

EMAIL = "alice@example.com"
LARGE = 1 << 30  # bytes
RUNS = 20
STARTS = 5


def measure(label, command, runs=RUNS):
    """Prints what `command` costs as a row of a Markdown table."""
    command = [str(c) for c in command]
    walls, cpus = [], []
    for _ in range(runs):
        began = time.perf_counter()
        process = start(command)
        _, status, usage = os.wait4(process.pid, 0)
        walls.append((time.perf_counter() - began) * 1000)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, f"{label}: exit code {process.returncode}"
        cpus.append((usage.ru_utime + usage.ru_stime) * 1000)
    figures = f"{min(walls):.1f} | {statistics.median(walls):.1f} | {min(cpus):.1f} | {peak_rss(command):.1f}"
    print(f"| {label} | {figures} |", flush=True)


def peak_rss(command):
    """The peak of a run of its own in MiB, as /proc shows it: rusage would count this process before the exec."""
    process, peak = start(command), 0
    status = pathlib.Path(f"/proc/{process.pid}/status")
    name = pathlib.Path(command[0]).name[:15]
    while process.poll() is None:
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        if fields["Name"].strip() == name:
            peak = max(peak, int(fields.get("VmHWM", "0 kB").split()[0]))
    return peak / 1024


def start(command):
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main(signhere, python=None):
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        small, large = work / "small.bin", work / "large.bin"
        small.write_bytes(b"small\n")
        with large.open("wb") as file:
            file.truncate(LARGE)
        with Instance(signhere, work / "instance") as instance:
            trust, issuer = instance.trust, instance.issuer
            token = work / "token"
            token.write_text(browser.login(issuer, EMAIL))
            run(signhere, "sign", "--trust-config", trust, "--identity-token-file", token, small, large)

        print("| process | wall min, ms | wall median, ms | CPU min, ms | peak RSS, MiB |\n|---|---|---|---|---|")
        who = ["--certificate-identity", EMAIL, "--certificate-oidc-issuer", issuer]
        measure("signhere verify, 6 bytes", [signhere, "verify", "--trust-config", trust, *who, small])
        if python:
            flags = ["--cert-identity", EMAIL, "--cert-oidc-issuer", issuer, "--bundle", f"{small}.sigstore.json", small]
            measure("sigstore-python verify, 6 bytes",
                    [python, "-m", "sigstore", "--trust-config", trust, "verify", "identity", *flags], runs=5)
        measure("signhere verify, 1 GiB", [signhere, "verify", "--trust-config", trust, *who, large], runs=3)
        measure("openssl dgst -sha256, 1 GiB", ["openssl", "dgst", "-sha256", large], runs=3)

        fresh = [Instance(signhere, work / f"new{number}") for number in range(STARTS)]
        for label, instances in (("first start", fresh), ("start on an old folder", [instance] * STARTS)):
            starts = []
            for one in instances:
                with one as started:
                    starts.append(started.ready_after * 1000)
            print(f"{label} to ready: min {min(starts):.0f} ms, median {statistics.median(starts):.0f} ms")


main(*sys.argv[1:])
