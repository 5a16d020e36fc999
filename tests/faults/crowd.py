"""Many connections at one time, each of which follows a script, from one thread."""

import collections
import heapq
import ipaddress
import re
import resource
import selectors
import socket
import time

CONNECTING = 512  # connections that are opened at one time, at most: more would only queue in the kernel
SPARE = 100  # files that the process needs besides
HEAD = re.compile(rb"HTTP/1\.[01] ([0-9]{3})")
LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
CHUNKED = b"\r\ntransfer-encoding: chunked"
AGAIN = re.compile(rb"\r\nretry-after: *[0-9]+\r\n", re.IGNORECASE)


def allowed(wanted):
    """How many connections of `wanted` this process may have, after it asked for as many as it gets."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = wanted + SPARE if most == resource.RLIM_INFINITY else min(wanted + SPARE, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
    return files - SPARE


def addresses(first, count):
    """Addresses of this machine, from `first` on."""
    return [str(ipaddress.ip_address(first) + n) for n in range(count)]


class Crowd:
    """What became of `count` connections to `address` within `seconds`.

    `script(number)` yields what a connection sends (bytes) and how long it waits (a number of seconds); when it ends, the answer is
    waited for. With `again`, the script is begun anew after each answer; on a new connection if it is "anew".
    """

    def __init__(self, address, script, count, seconds, sources=("127.0.0.3",), again=None):
        self.address, self.script, self.sources, self.again = address, script, sources, again
        self.answers, self.unsaid, self.most = collections.Counter(), 0, 0
        self.selector, self.pauses, self.open, self.begun = selectors.DefaultSelector(), [], set(), 0
        self.to_open, self.until = count, time.monotonic() + seconds
        while time.monotonic() < self.until and (self.open or self.to_open):
            self.turn()
        for visitor in list(self.open):
            visitor.end("left open")

    def turn(self):
        connecting = sum(1 for visitor in self.open if not visitor.is_connected) if self.to_open else 0
        while self.to_open and connecting < CONNECTING:
            self.to_open, connecting = self.to_open - 1, connecting + 1
            Visitor(self)
        self.most = max(self.most, len(self.open))
        wait = min(self.until, *(self.pauses[0][:1] if self.pauses else ()), time.monotonic() + 0.1)
        for key, events in self.selector.select(max(0, wait - time.monotonic())):
            key.data.ready(events)
        while self.pauses and self.pauses[0][0] <= time.monotonic():
            heapq.heappop(self.pauses)[2].go_on()

    def said(self):
        """The answers and ends, counted, and how many of the refusals that pass did not say when to come again."""
        return dict(self.answers), self.unsaid


class Visitor:
    """One connection of a crowd."""

    def __init__(self, crowd):
        self.crowd, self.number = crowd, crowd.begun
        crowd.begun += 1
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.bind((crowd.sources[self.number % len(crowd.sources)], 0))
        self.is_connected, self.read, self.begin = False, b"", 0
        self.restart()
        crowd.open.add(self)
        self.socket.connect_ex(crowd.address)
        crowd.selector.register(self.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, self)

    def restart(self):
        self.script, self.out, self.read = iter(self.crowd.script(self.number)), memoryview(b""), b""

    def ready(self, events):
        try:
            if events & selectors.EVENT_READ:
                self.receive()
            if self in self.crowd.open and events & selectors.EVENT_WRITE:
                self.is_connected = True
                self.send()
        except BlockingIOError:
            pass
        except OSError as error:
            self.end(type(error).__name__)

    def receive(self):
        got = self.socket.recv(1 << 16)
        self.is_connected = True
        if not got:
            return self.end("closed")
        self.read += got
        head, separator, body = self.read.partition(b"\r\n\r\n")
        status, length = HEAD.match(head), LENGTH.search(head)
        if not separator or not status:
            return None
        if len(body) < int(length[1]) if length else CHUNKED in head.lower() and not body.endswith(b"0\r\n\r\n"):
            return None
        self.count(status[1].decode())
        if status[1] in (b"429", b"503") and not AGAIN.search(head + b"\r\n"):
            self.crowd.unsaid += 1
        if self.crowd.again == "anew":
            self.crowd.to_open += 1
        if self.crowd.again != "on":
            return self.end()
        self.restart()
        return self.listen(write=True)

    def send(self):
        while True:
            if not self.out:
                step = next(self.script, None)
                if not isinstance(step, bytes):
                    self.listen(write=False)
                    if step is not None:
                        heapq.heappush(self.crowd.pauses, (time.monotonic() + step, id(self), self))
                    return
                self.out = memoryview(step)
            self.out = self.out[self.socket.send(self.out):]

    def go_on(self):
        if self in self.crowd.open:
            self.ready(selectors.EVENT_WRITE)
            if self in self.crowd.open and self.out:
                self.listen(write=True)

    def listen(self, write):
        self.crowd.selector.modify(self.socket, selectors.EVENT_READ | (selectors.EVENT_WRITE if write else 0), self)

    def count(self, what):
        self.crowd.answers[what] += 1

    def end(self, how=None):
        if how:
            self.count(how)
        self.crowd.open.discard(self)
        self.crowd.selector.unregister(self.socket)
        self.socket.close()
