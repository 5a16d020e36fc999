"""An honest caller: logs in, gets a certificate, a timestamp and a log entry, each over a connection of its own.

Signs with ECDSA on P-256 in plain Python. The nonces follow one another, which would give a real key away: these keys are worth
nothing, and a thousand signatures cost a few milliseconds.
"""

import base64
import hashlib
import json
import pathlib
import secrets
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "interop"))
import browser  # noqa: E402

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551
G = (0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296,
     0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5)
SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")  # what precedes x and y
# A TimeStampReq without nonce that wants certificates, up to the SHA-256 digest and after it (RFC 3161 section 2.4.1).
QUERY, WITH_CERTIFICATES = bytes.fromhex("30390201013031300d060960864801650304020105000420"), bytes.fromhex("0101ff")
LIMIT = 2  # seconds that a whole signing may take


class Refused(Exception):
    """An answer that is not the one an honest caller deserves."""

    def __init__(self, path, status, headers, text):
        super().__init__(f"{path} answered {status}: {text[:200]}")
        self.status, self.retry_after = status, headers["Retry-After"]


class Caller:
    """Signs again and again, and remembers how long the slowest signing took."""

    def __init__(self, base, source="127.0.0.1", is_patient=False):
        self.base, self.source, self.is_patient, self.key = base, source, is_patient, Key()
        self.email = f"caller-{secrets.token_hex(6)}@example.com"
        self.tokens, self.times, self.failures, self.put_off = [], [], [], 0

    def sign(self):
        """One signing, timed. A failure is kept, and not raised."""
        began = time.monotonic()
        browser.SOURCE = self.source
        try:
            token = browser.login(f"{self.base}/oidc", self.email)
            self.tokens.append(token)
            self.certificate(token)
            self.timestamp()
            self.log()
        except (Refused, AssertionError, OSError) as failure:
            self.failures.append(f"{type(failure).__name__}: {failure}")
        finally:
            browser.SOURCE = None
        self.times.append(time.monotonic() - began)

    def certificate(self, token):
        key = {"algorithm": "ECDSA", "content": pem(self.key.spki)}
        body = {"publicKeyRequest": {"publicKey": key, "proofOfPossession": text(self.key.sign(self.email.encode()))}}
        self.post("/api/v2/signingCert", json.dumps(body), 200, "application/json", {"Authorization": f"Bearer {token}"})

    def timestamp(self):
        query = QUERY + secrets.token_bytes(32) + WITH_CERTIFICATES
        at = f"{self.base}/api/v1/timestamp"
        connection = browser.connection(at)
        try:
            connection.request("POST", "/api/v1/timestamp", query, {"Content-Type": "application/timestamp-query"})
            response = connection.getresponse()
            answer = response.read(1 << 20)
        finally:
            connection.close()
        if response.status != 200 or not answer.startswith(b"\x30"):
            raise Refused("/api/v1/timestamp", response.status, response.headers, repr(answer))

    def log(self):
        """An entry; to be told to come again later is no failure for who is patient."""
        try:
            self.entry()
        except Refused as refusal:
            if not self.is_patient or refusal.status != 503 or not refusal.retry_after:
                raise
            self.put_off += 1

    def entry(self):
        answer = json.loads(self.post("/api/v2/log/entries", json.dumps(self.key.entry()), 201, "application/json"))
        assert answer["inclusionProof"]["checkpoint"]["envelope"], answer

    def post(self, path, body, expected, media_type, headers=None):
        status, found, said = browser.request("POST", self.base + path, body, {"Content-Type": media_type, **(headers or {})})
        if status != expected:
            raise Refused(path, status, found, said)
        return said


class Key:
    """A key for signatures that nobody relies on."""

    def __init__(self):
        self.secret, nonce = (secrets.randbelow(N - 1) + 1 for _ in range(2))
        x, y = times(self.secret, G)
        self.spki = SPKI + x.to_bytes(32) + y.to_bytes(32)
        self.nonce, self.point = nonce, times(nonce, G)

    def sign(self, message):
        """The signature in DER, over the SHA-256 digest of the message."""
        digest = int.from_bytes(hashlib.sha256(message).digest())
        self.nonce, self.point = self.nonce + 1, plus(self.point, G)
        r = self.point[0] % N
        s = pow(self.nonce, -1, N) * (digest + r * self.secret) % N
        both = integer(r) + integer(s)
        return bytes([0x30, len(both)]) + both

    def entry(self):
        """A request to log a signature over a new message, by this key."""
        message = secrets.token_bytes(16)
        verifier = {"publicKey": {"rawBytes": text(self.spki)}, "keyDetails": "PKIX_ECDSA_P256_SHA_256"}
        return {"hashedRekordRequestV002": {"digest": text(hashlib.sha256(message).digest()),
                                            "signature": {"content": text(self.sign(message)), "verifier": verifier}}}


def plus(a, b):
    """The sum of two points of the curve, which are not each other's negative."""
    if a == b:
        slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def times(factor, point):
    product = None
    while factor:
        if factor & 1:
            product = plus(product, point) if product else point
        point, factor = plus(point, point), factor >> 1
    return product


def integer(value):
    """A positive INTEGER in DER."""
    octets = value.to_bytes(value.bit_length() // 8 + 1)
    return bytes([0x02, len(octets)]) + octets


def text(octets):
    return base64.b64encode(octets).decode()


def pem(spki):
    return f"-----BEGIN PUBLIC KEY-----\n{base64.encodebytes(spki).decode()}-----END PUBLIC KEY-----\n"
