"""Published clients, unmodified, against one instance: what each can do with it, as a table.

usage: matrix.py SIGNHERE WORK [NAME...]     (only what has one of the names in its own)

Exit code 1 if anything failed. A client that cannot be had here is shown as skipped, with the reason.
"""

import pathlib
import sys
import time

import checks
import installs
import peer
from instance import Instance

COLUMNS = ["initialises", "signs, we verify", "verifies ours", "refuses", "after rotation"]
NOTE_LINES = 15


class Matrix:
    """Rows of cells, and what is to be said about them."""

    def __init__(self):
        self.rows, self.notes, self.failed = [], [], 0

    def cell(self, who, step):
        """What became of a step: `ok`, or what it gave, `FAILED`, or `SKIPPED`."""
        try:
            return step() or "ok"
        except installs.Missing as reason:
            self.notes.append(f"SKIPPED {who}: {reason}")
            return "SKIPPED"
        except Exception as error:  # whatever it is, this step failed, and the next client has its turn
            self.failed += 1
            last = "\n".join(str(error).splitlines()[-NOTE_LINES:])
            self.notes.append(f"FAILED {who}: {type(error).__name__}: {last}")
            return "FAILED"

    def show(self, *header):
        table = [header, *self.rows]
        widths = [max(len(row[i]) for row in table) for i in range(len(header))]
        for row in table:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
        print()
        self.rows = []


class Row:
    """One client and its cells. What comes after the client could not be had is not tried."""

    def __init__(self, matrix, kind, instance, work, us):
        self.matrix, self.kind, self.instance, self.us = matrix, kind, instance, us
        self.home, self.client, self.cells = work / kind.name, None, [f"{kind.name} {kind.version}"]
        self.theirs = peer.Artifact(self.home / "signed", f"signed with {kind.name}\n")

    def step(self, step, *arguments):
        first = len(self.cells) == 1
        self.cells.append(self.matrix.cell(self.cells[0], lambda: step(*arguments)) if first or self.client else "")

    def initialise(self):
        self.client = self.kind(self.instance, self.home)
        self.client.initialise()

    def sign(self):
        self.client.sign(self.theirs)
        self.client.attest(self.theirs)
        peer.verified_by_us(self.us, self.theirs)
        peer.verified_by(self.client, self.theirs)

    def verify(self, ours):
        peer.verified_by(self.client, ours)

    def refuse(self, ours):
        peer.refused_by(self.client, ours)
        peer.refused_by(self.client, self.theirs)

    def go_on(self, before, after):
        """After every key was replaced: what was signed before still counts, what is signed now does too."""
        now = peer.Artifact(self.home / "signed-later", f"signed later with {self.kind.name}\n")
        self.client.sign(now)
        self.client.attest(now)
        peer.verified_by_us(self.us, now)
        assert now.logs().isdisjoint(self.theirs.logs()), "it signed on the old log"
        for artifact in (self.theirs, now, before, after):
            peer.verified_by(self.client, artifact)
        peer.verified_by_us(self.us, self.theirs)


def signed_by_us(us, folder):
    ours = peer.Artifact(folder, f"signed with signhere, {folder.name}\n")
    us.sign(ours)
    us.attest(ours)
    peer.verified_by_us(us, ours)
    return ours


def main(signhere, work, *names):
    began, work, matrix = time.monotonic(), pathlib.Path(work), Matrix()
    clients = [kind for kind in checks.CLIENTS if asked_for(kind.name, names)]
    others = [(name, check) for name, check in checks.ALL if asked_for(name, names)]
    with Instance(signhere, work / "instance") as instance:
        us = peer.Signhere(instance, work, signhere)
        ours = signed_by_us(us, work / "ours")
        rows = [Row(matrix, kind, instance, work, us) for kind in clients]
        for row in rows:
            row.step(row.initialise)
            row.step(row.sign)
            row.step(row.verify, ours)
            row.step(row.refuse, ours)
        rotated = matrix.cell("rotation", lambda: instance.rotate("ca", "ct", "tsa"))
        later = signed_by_us(us, work / "ours-later")
        for row in rows:
            if rotated == "ok":
                row.step(row.go_on, ours, later)
            else:
                row.cells.append("")
            matrix.rows.append(row.cells)
        matrix.show("client", *COLUMNS)
        for n, (name, check) in enumerate(others):
            home = work / f"check-{n}"
            home.mkdir()
            matrix.rows.append((name, matrix.cell(name, lambda: check(instance, us, home))))
        matrix.show("check", "result")
    for note in matrix.notes:
        print(note)
    print(f"{matrix.failed} failed, {time.monotonic() - began:.0f} s")
    return matrix.failed


def asked_for(name, names):
    return not names or any(part in name for part in names)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) != 0)
