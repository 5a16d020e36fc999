"""Requests that are wrong in every way that is known, none of which deserves an answer other than a refusal."""

import json

from attacks import POSTS, head, result
from crowd import Crowd


def malformed(address):
    """Each once, on a connection of its own."""
    requests = [*lines(address), *bodies(address), *addressed(address)]
    return result(Crowd(address, lambda n: iter([requests[n]]), len(requests), 13), note=f"{len(requests)} requests")


def lines(address):
    """Wrong in what HTTP is."""
    host = f"Host: {address[0]}:{address[1]}\r\n".encode()
    post = b"POST /api/v2/log/entries HTTP/1.1\r\n" + host + b"Content-Type: application/json\r\n"
    ok = b"GET / HTTP/1.1\r\n" + host
    return [
        b"\r\n\r\n\r\n\r\n", b"\x00" * 64 + b"\r\n\r\n", b"\xff" * 4096 + b"\r\n\r\n", b"GET /\r\n\r\n", b"GET / HTTP/0.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x55" * 509, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/9.9\r\n" + host + b"\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n",
        ok + host + b"\r\n", b"GET / HTTP/1.1\r\nHost: rebound.example\r\n\r\n", b"GET / HTTP/1.1\r\nHost: \r\n\r\n",
        b"GET http://rebound.example/ HTTP/1.1\r\n" + host + b"\r\n", b"CONNECT 127.0.0.1:22 HTTP/1.1\r\n" + host + b"\r\n",
        b"OPTIONS * HTTP/1.1\r\n" + host + b"\r\n", b"TRACE / HTTP/1.1\r\n" + host + b"\r\n", b"BREW / HTTP/1.1\r\n" + host + b"\r\n",
        b"A" * 100_000 + b" / HTTP/1.1\r\n" + host + b"\r\n", b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n" + host + b"\r\n",
        b"GET /a\x00b HTTP/1.1\r\n" + host + b"\r\n", b"GET / / HTTP/1.1\r\n" + host + b"\r\n",
        ok + b"no colon\r\n\r\n", ok + b": no name\r\n\r\n", ok + b"x : y\r\n\r\n", ok + b"x: \x00\r\n\r\n", ok + b" folded: y\r\n\r\n",
        ok + b"x: y\r\n" * 10_000 + b"\r\n", ok + b"x: " + b"y" * 200_000 + b"\r\n\r\n",
        ok + b"Expect: 200-ok\r\n\r\n", ok + b"Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
        ok + b"Range: bytes=5-2,-0,99999999999999999999-\r\n\r\n",
        post + b"Content-Length: -1\r\n\r\n", post + b"Content-Length: x\r\n\r\n", post + b"Content-Length: 99999999999999999999\r\n\r\n",
        post + b"Content-Length: 18446744073709551615\r\n\r\n{}", post + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
        post + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", post + b"Transfer-Encoding: gzip\r\n\r\n{}",
        post + b"Transfer-Encoding: chunked, identity\r\n\r\n{}", post + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}",
        post + b"Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n", post + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
        post + b"Transfer-Encoding: chunked\r\n\r\n2;" + b"e" * 100_000 + b"\r\n{}\r\n0\r\n\r\n",
        post + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"t: r\r\n" * 10_000 + b"\r\n", post + b"\r\n",
    ]


def bodies(address):
    """Wrong in what they carry, to every route that takes a body, as what it takes and as what it does not."""
    values = [
        b"", b"{", b"null", b"[]", b"0", b'""', b"{}", b"\xff\xfe", b"{}{}", b'{"a":1,"a":2}', b"[" * 10_000, b'{"a":' * 5_000,
        b"1e999999", b"-" + b"9" * 10_000, b'"\\ud800"', b'{"\\u0000":"\\u0000"}', b"\x30\x80", b"\x30\x84\xff\xff\xff\xff",
        b"\x30\x39\x02\x01\x01", b"\x30" * 5_000, b"a=b&a=c&a=%zz", b"grant_type=authorization_code&code=%00", b"&" * 10_000,
        json.dumps({"hashedRekordRequestV002": {"digest": "=", "signature": {}}}).encode(),
        json.dumps({"chain": ["AAAA"] * 2_000}).encode(), json.dumps({"chain": [[]]}).encode(),
        json.dumps({"publicKeyRequest": {"publicKey": {"content": "A" * 10_000}}}).encode(),
        json.dumps({"certificateSigningRequest": "MIIB"}).encode(),
        json.dumps({"artifactHash": 5, "hashAlgorithm": "md5", "nonce": -1}).encode(),
    ]
    found = []
    for path, media_type in POSTS.items():
        for value in values:
            for kind in (media_type, "text/plain", "\x80/;;;"):
                lines = head(address, path, f"Content-Length: {len(value)}", "Authorization: Bearer eyJhbGciOiJub25lIn0.e30.")
                found.append(lines + b"Content-Type: " + kind.encode("latin-1") + b"\r\n\r\n" + value)
        found.append(head(address, path, "Authorization: Bearer " + "." * 60_000, "Content-Length: 0") + b"\r\n")
        found.append(head(address, path, method="GET") + b"\r\n")
        found.append(head(address, path, "Content-Length: 0", method="DELETE") + b"\r\n")
    return found


def addressed(address):
    """Wrong in what they ask for."""
    paths = [
        "/..", "/%2e%2e/%2e%2e/etc/passwd", "/tile/../../keys/keys.json", "/tile/..%2f..%2fkeys", "/tile/0/x999/999", "/tile/64/000",
        "/tile/0/000.p/0", "/tile/0/000.p/257", "/tile/entries/x" + "999/" * 1_000, "/ct/tile/data/%00", "/ct/issuer/zz", "/tuf/%2e%2e",
        "/tuf/99999999999999999999.root.json", "/tuf/targets/..", "/logs/x/1", "/logs/log-1/-1", "/logs/log-1/99999999999999999999",
        "/logs/log-1/99999999999999999999/body.json", "/search?q=" + "x" * 10_000, "/search?q=%ff%fe", "/search?" + "q=1&" * 2_000,
        "/api/entries?digest=zz", "/api/entries?index=-1&count=99999999999999999999", "/api/entries?%", "/oidc/auth",
        "/oidc/auth?redirect_uri=javascript:1", "/oidc/auth?" + "state=" + "s" * 50_000, "/oidc/device?user_code=%00", "//", "/%", "/?%",
    ]
    return [head(address, path, method=method) + b"\r\n" for path in paths for method in ("GET", "PUT")]
