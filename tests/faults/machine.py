"""How long the machine makes anybody wait, whatever the instance does: others may use its processors and its disk."""

import os
import time

TURN = 0.01  # seconds


class Machine:
    """Watched by a process of its own while a block holds it, which sleeps and syncs a small file, over and over."""

    def __init__(self, processes, path):
        self.longest = processes.Value("d", 0.0)
        self.process = processes.Process(target=watch, args=(path, self.longest), daemon=True)

    def __enter__(self):
        self.process.start()
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.join()

    def forget(self):
        self.longest.value = 0.0

    def worst(self):
        """The seconds that the longest turn took more than it should."""
        return self.longest.value


def watch(path, longest):
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    while True:
        began = time.monotonic()
        time.sleep(TURN)
        os.pwrite(file, b"x", 0)
        os.fsync(file)
        longest.value = max(longest.value, time.monotonic() - began - TURN)
