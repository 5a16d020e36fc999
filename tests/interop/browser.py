"""What a person's browser does at the instance's login page: open it, fill in the address, follow the redirect.

usage: browser.py login ISSUER EMAIL     (prints an identity token)
       browser.py visit PAGE EMAIL
"""

import base64
import hashlib
import html.parser
import http.client
import json
import secrets
import ssl
import sys
import urllib.parse

CLIENT_ID = "sigstore"
REDIRECT = "http://localhost:1/auth/callback"  # nothing listens there: the redirect is read, not followed
TIMEOUT = 60
REDIRECTS = (302, 303)
SOURCE = None  # the address that requests come from, if it matters
AUTHORITIES = []  # certificate files: the authorities that a page over TLS may be certified by


class LoginForm(html.parser.HTMLParser):
    """The first form of a page: where it goes and what it carries."""

    def __init__(self, page):
        super().__init__()
        self.action, self.fields = None, {}
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form" and self.action is None:
            self.action = attrs.get("action", "")
        if tag == "input" and "name" in attrs:
            self.fields[attrs["name"]] = attrs.get("value", "")


def request(method, url, body=None, headers=None):
    """One HTTP exchange with a server on this machine: (status, headers, text)."""
    exchange = connection(url)
    try:
        at = urllib.parse.urlsplit(url)
        exchange.request(method, urllib.parse.urlunsplit(("", "", at.path, at.query, "")), body, headers or {})
        response = exchange.getresponse()
        return response.status, response.headers, response.read(1 << 20).decode()
    finally:
        exchange.close()


def connection(url):
    """A connection to a server on this machine."""
    at = urllib.parse.urlsplit(url)
    assert at.hostname in ("127.0.0.1", "localhost"), url
    source = (SOURCE, 0) if SOURCE else None
    if at.scheme == "https":
        return http.client.HTTPSConnection(at.hostname, at.port, timeout=TIMEOUT, source_address=source, context=trust())
    return http.client.HTTPConnection(at.hostname, at.port, timeout=TIMEOUT, source_address=source)


def trust():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for file in AUTHORITIES:
        context.load_verify_locations(file)
    return context


def post_form(url, fields, headers=None):
    form = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
    return request("POST", url, urllib.parse.urlencode(fields), form)


def login(issuer, email):
    """An identity token for `email`, by the authorization code flow with PKCE (RFC 7636)."""
    discovery = json.loads(request("GET", f"{issuer}/.well-known/openid-configuration")[2])
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = urllib.parse.urlencode({
        "response_type": "code", "client_id": CLIENT_ID, "redirect_uri": REDIRECT, "scope": "openid email",
        "state": state, "nonce": secrets.token_urlsafe(16),
        "code_challenge": challenge, "code_challenge_method": "S256",
    })
    status, headers, text = submit(f"{discovery['authorization_endpoint']}?{query}", email)
    assert status in REDIRECTS, f"login answered {status}: {text[:200]}"
    answer = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(headers["Location"]).query))
    assert answer["state"] == state
    status, _, text = post_form(discovery["token_endpoint"], {
        "grant_type": "authorization_code", "code": answer["code"], "redirect_uri": REDIRECT,
        "client_id": CLIENT_ID, "code_verifier": verifier,
    })
    assert status == 200, f"token endpoint answered {status}: {text[:200]}"
    return json.loads(text)["id_token"]


def visit(page, email):
    """What a person does with a page that a client shows: logs in where it leads, and is led back if the client waits."""
    status, headers, _ = request("GET", page)
    if status in REDIRECTS:
        page = headers["Location"]
    status, headers, text = submit(page, email)
    if status in REDIRECTS:
        status, _, text = request("GET", headers["Location"])
    assert status == 200, f"login answered {status}: {text[:200]}"


def submit(page_url, email):
    """The answer to the first form of a page, sent with this address."""
    status, headers, page = request("GET", page_url)
    assert status == 200, f"login page answered {status}: {page[:200]}"
    cookies = "; ".join(cookie.split(";")[0] for cookie in headers.get_all("Set-Cookie") or [])
    form = LoginForm(page)
    form.fields["email"] = email
    at = urllib.parse.urlsplit(page_url)
    browser = {"Origin": f"{at.scheme}://{at.netloc}", **({"Cookie": cookies} if cookies else {})}
    return post_form(urllib.parse.urljoin(page_url, form.action), form.fields, browser)


if __name__ == "__main__":
    {"login": lambda *a: print(login(*a)), "visit": visit}[sys.argv[1]](*sys.argv[2:])
