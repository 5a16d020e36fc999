"""What is done to an instance. Each attack returns how many connections it had, what came back, and how often `Retry-After` lacked.

Attackers come from 127.0.0.3 and after; the honest caller does not.
"""

import itertools
import json

from caller import Key
from crowd import Crowd, addresses, allowed

POSTS = {  # every route that takes a body, with the media type it takes
    "/api/v1/signingCert": "application/json", "/api/v2/signingCert": "application/json",
    "/api/v2/log/entries": "application/json", "/api/v1/timestamp": "application/timestamp-query",
    "/ct/ct/v1/add-chain": "application/json", "/ct/ct/v1/add-pre-chain": "application/json",
    "/oidc/auth": "application/x-www-form-urlencoded", "/oidc/token": "application/x-www-form-urlencoded",
    "/oidc/device": "application/x-www-form-urlencoded", "/oidc/device/code": "application/x-www-form-urlencoded",
}
READS = ("/", "/search?q=x", "/api/status", "/metrics", "/checkpoint", "/trusted_root.json", "/oidc/keys")
MANY = 10_000
MIB = 1 << 20
FILLER = b"A" * (1 << 16)


def head(address, path, *headers, method="POST"):
    lines = [f"{method} {path} HTTP/1.1", f"Host: {address[0]}:{address[1]}", *headers]
    return "".join(f"{line}\r\n" for line in lines).encode()


def result(*crowds, note=""):
    answers, unsaid = {}, 0
    for crowd in crowds:
        said, without = crowd.said()
        unsaid += without
        for what, count in said.items():
            answers[what] = answers.get(what, 0) + count
    return max(crowd.most for crowd in crowds), answers, unsaid, note


def idle(address):
    """Connections that say nothing."""
    count = allowed(MANY)
    return result(Crowd(address, lambda n: iter(()), count, 8, addresses("127.0.0.3", 4)))


def one_address(address):
    """Connections that say nothing, all from one address."""
    return result(Crowd(address, lambda n: iter(()), allowed(MANY // 2), 8, ("127.0.0.3",)))


def slow_headers(address):
    """Headers that come a byte a second."""
    def script(number):
        yield head(address, "/api/v2/log/entries")
        for _ in range(60):
            yield 1.0
            yield b"x"
    return result(Crowd(address, script, allowed(MANY // 2), 14, addresses("127.0.0.3", 4)))


def fat_headers(address):
    """Headers of 120 KiB that do not end."""
    def script(number):
        yield head(address, "/api/v2/log/entries", "x: " + "A" * 120 * 1024)
    return result(Crowd(address, script, allowed(MANY // 2), 14, addresses("127.0.0.3", 4)))


def slow_bodies(address):
    """Bodies that come a byte a second, to every route in turn."""
    routes = list(POSTS.items())

    def script(number):
        path, media_type = routes[number % len(routes)]
        yield head(address, path, f"Content-Type: {media_type}", "Content-Length: 10000") + b"\r\n"
        for _ in range(60):
            yield 1.0
            yield b" "
    return result(Crowd(address, script, allowed(MANY // 2), 14, addresses("127.0.0.3", 4)))


def stuck_bodies(address):
    """Bodies of all but a byte of 1 MiB, which stop there."""
    def script(number):
        yield head(address, "/api/v2/log/entries", "Content-Type: application/json", f"Content-Length: {MIB}") + b"\r\n"
        yield b" " * (MIB - 1)
    return result(Crowd(address, script, 256, 13))


def large_bodies(address):
    """100 MB to every route: announced, and in chunks that nobody has counted."""
    cases = [(path, kind, chunked) for path, kind in POSTS.items() for chunked in (False, True)]
    cases += [("/nowhere", "text/plain", chunked) for chunked in (False, True)]

    def script(number):
        path, media_type, chunked = cases[number]
        length = "Transfer-Encoding: chunked" if chunked else "Content-Length: 100000000"
        yield head(address, path, f"Content-Type: {media_type}", length) + b"\r\n"
        piece = b"%x\r\n%s\r\n" % (len(FILLER), FILLER) if chunked else FILLER
        for _ in range(100_000_000 // len(FILLER)):
            yield piece
    return result(Crowd(address, script, len(cases), 12))


def large_tokens(address):
    """Identity tokens of 10 MB: as a header, and in the body of each version."""
    token = "eyJ" + "A" * 10_000_000
    inside = json.dumps({"credentials": {"oidcIdentityToken": token}}).encode()
    requests = []
    for path in ("/api/v2/signingCert", "/api/v1/signingCert"):
        json_type = "Content-Type: application/json"
        requests.append(head(address, path, json_type, "Content-Length: 2", f"Authorization: Bearer {token}") + b"\r\n{}")
        requests.append(head(address, path, json_type, f"Content-Length: {len(inside)}") + b"\r\n" + inside)
    return result(Crowd(address, lambda n: iter([requests[n % len(requests)]]), 40, 12))


def flood(address, count=128, seconds=6, source="127.0.0.3"):
    """As many requests as it can make on connections that it keeps, of every kind."""
    requests = [head(address, path, method="GET") + b"\r\n" for path in READS]
    for path, media_type in POSTS.items():
        requests.append(head(address, path, f"Content-Type: {media_type}", "Content-Length: 2") + b"\r\n{}")
    turns = itertools.cycle(requests)
    crowd = Crowd(address, lambda n: iter([next(turns)]), count, seconds, (source,), again="on")
    return result(crowd, note=f"{sum(crowd.answers.values()) // seconds} a second")


def churn(address):
    """A connection for each request, and as many of them as it can make."""
    request = head(address, "/checkpoint", method="GET") + b"\r\n"
    crowd = Crowd(address, lambda n: iter([request]), 128, 6, addresses("127.0.0.3", 8), again="anew")
    return result(crowd, note=f"{sum(crowd.answers.values()) // 6} a second")


def entries(address, count, seconds):
    """Valid entries, each a new one."""
    key = Key()

    def script(number):
        body = json.dumps(key.entry()).encode()
        yield head(address, "/api/v2/log/entries", "Content-Type: application/json", f"Content-Length: {len(body)}") + b"\r\n" + body
    return result(Crowd(address, script, count, seconds, again="on"))
