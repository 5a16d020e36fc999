#!/usr/bin/env python3
"""The pages at / in headless Chromium: what is shown, a file that is dropped, and that the policy holds.

usage: web.py SIGNHERE WORK [SCREENSHOTS]

Drives Chromium over its DevTools protocol with the standard library alone. Exit 77: there is no Chromium.
"""

import base64
import hashlib
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import time
import urllib.request

import browser
from instance import Instance, run

SKIPPED = 77
LIMIT = 120  # seconds
EVIL = b"<script>document.title='owned'</script>"


class DevTools:
    """One page of a Chromium, by the DevTools protocol over a WebSocket (RFC 6455)."""

    def __init__(self, chromium, work):
        self.process = subprocess.Popen(
            [chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
             "--disable-dev-shm-usage", "--remote-debugging-port=0", f"--user-data-dir={work / 'chromium'}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        port_file = work / "chromium" / "DevToolsActivePort"
        until = time.monotonic() + LIMIT
        while not (port_file.exists() and port_file.read_text().count("\n")):
            assert time.monotonic() < until and self.process.poll() is None, "Chromium does not start"
            time.sleep(0.05)
        port = int(port_file.read_text().split()[0])
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://127.0.0.1:{port}/json", timeout=LIMIT) as answer:
            page = next(page for page in json.load(answer) if page["type"] == "page")
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=LIMIT)
        path = page["webSocketDebuggerUrl"].split(str(port), 1)[1]
        self.socket.sendall((f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Key: c2lnbmhlcmUgdGVzdHMuLg==\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.exactly(1)
        assert b" 101 " in head.split(b"\r\n", 1)[0], head
        self.number, self.events = 0, []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            assert more, "Chromium has gone"
            data += more
        return data

    def message(self):
        text = b""
        while True:
            first, second = self.exactly(2)
            length = second & 127
            if length == 126:
                length = struct.unpack(">H", self.exactly(2))[0]
            elif length == 127:
                length = struct.unpack(">Q", self.exactly(8))[0]
            text += self.exactly(length)
            if first & 0x80:
                return json.loads(text)

    def call(self, method, **params):
        self.number += 1
        data = json.dumps({"id": self.number, "method": method, "params": params}).encode()
        mask = os.urandom(4)
        head = bytes([0x81, 0x80 | 127]) + struct.pack(">Q", len(data)) + mask
        self.socket.sendall(head + bytes(byte ^ mask[at % 4] for at, byte in enumerate(data)))
        while True:
            message = self.message()
            if message.get("id") == self.number:
                assert "error" not in message, message
                return message["result"]
            self.events.append(message)

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def until(self, expression, what):
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            try:
                if self.evaluate(expression):
                    return
            except AssertionError:
                pass  # the page is being replaced
            time.sleep(0.05)
        raise AssertionError(f"{what}: {self.evaluate('document.documentElement.outerHTML')[:2000]}")

    def go(self, url):
        self.call("Page.navigate", url=url)
        self.until(f"location.href === {json.dumps(url)} && document.readyState === 'complete'", f"{url} does not load")

    def screenshot(self, folder, name, dark=False, width=1100, height=1300):
        if folder is None:
            return
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        data = self.call("Page.captureScreenshot", format="png")["data"]
        (folder / f"{name}.png").write_bytes(base64.b64decode(data))

    def complaints(self):
        """What the console and the policy have to say, and where requests went that left the instance."""
        said = []
        for event in self.events:
            if event.get("method") == "Log.entryAdded":
                said.append(event["params"]["entry"]["text"])
            if event.get("method") == "Runtime.exceptionThrown":
                said.append(str(event["params"]))
        return said

    def requested(self):
        return {event["params"]["request"]["url"] for event in self.events if event.get("method") == "Network.requestWillBeSent"}

    def close(self):
        self.process.terminate()
        self.process.wait(LIMIT)


def main(signhere, work, shots):
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        print("SKIPPED web: there is no Chromium (apt-get install chromium)")
        return SKIPPED
    work.mkdir(parents=True, exist_ok=True)
    with Instance(signhere, work / "instance") as instance:
        artifact = work / "artifact.bin"
        artifact.write_bytes(b"what is dropped\n")
        digest = hashlib.sha256(artifact.read_bytes()).hexdigest()
        for number in range(30):
            other = work / f"other-{number}.txt"
            other.write_text(f"{number}\n")
        token = browser.login(instance.issuer, "ada@example.org")
        environment = work / "token"
        environment.write_text(token)
        run(signhere, "--instance", instance.folder, "sign", "--identity-token-file", environment, artifact,
            *(work / f"other-{number}.txt" for number in range(30)))

        tools = DevTools(chromium, work)
        try:
            tools.go(f"{instance.base}/")
            assert tools.evaluate("document.querySelector('h1').textContent.trim()") == "All is well"
            tools.screenshot(shots, "home-light")
            tools.screenshot(shots, "home-dark", dark=True)
            tools.screenshot(shots, "home-narrow", width=400, height=1600)

            # A file is dropped: its digest is computed in the page.
            drop = """(name, bytes) => {
                const transfer = new DataTransfer();
                transfer.items.add(new File([Uint8Array.from(bytes)], name));
                document.getElementById('drop').dispatchEvent(new DragEvent('drop', {dataTransfer: transfer, bubbles: true, cancelable: true}));
            }"""
            tools.evaluate(f"({drop})('artifact.bin', {json.dumps(list(artifact.read_bytes()))})")
            tools.until("location.pathname === '/search' && document.readyState === 'complete'", "the drop leads nowhere")
            assert tools.evaluate("location.search") == f"?digest=sha256:{digest}"
            assert tools.evaluate("document.querySelector('h1').textContent.trim()") == "Signed here"
            tools.screenshot(shots, "found")
            tools.evaluate("document.querySelector('.entries a').click()")
            tools.until("location.pathname.startsWith('/logs/log-1/') && document.readyState === 'complete'", "the entry does not open")
            text = tools.evaluate("document.querySelector('main').innerText")
            for shown in ("ada@example.org", instance.issuer, digest, "BEGIN CERTIFICATE"):
                assert shown in tools.evaluate("document.querySelector('main').textContent"), (shown, text)
            tools.screenshot(shots, "entry")
            tools.screenshot(shots, "entry-dark", dark=True)
            index = tools.evaluate("location.pathname").rsplit("/", 1)[1]
            body = browser.request("GET", f"{instance.base}/logs/log-1/{index}/body.json")[2]
            assert base64.b64encode(bytes.fromhex(digest)).decode() in body, body

            # A file that nobody signed, by the other way: chosen, not dropped.
            tools.go(f"{instance.base}/")
            stranger = work / "stranger.txt"
            stranger.write_bytes(EVIL)
            root = tools.call("DOM.getDocument")["root"]["nodeId"]
            field = tools.call("DOM.querySelector", nodeId=root, selector="#file")["nodeId"]
            tools.call("DOM.setFileInputFiles", files=[str(stranger.resolve())], nodeId=field)
            tools.until("location.pathname === '/search' && document.readyState === 'complete'", "the choice leads nowhere")
            assert tools.evaluate("document.querySelector('h1').textContent.trim()") == "Not signed here"

            # Pages of the log, with the keyboard's order of links intact.
            tools.go(f"{instance.base}/logs/log-1")
            assert tools.evaluate("document.querySelectorAll('.entries li').length") == 25
            tools.screenshot(shots, "listing")
            tools.evaluate("document.querySelector('.pages a[rel=next]').click()")
            tools.until("location.search === '?before=6' && document.readyState === 'complete'", "there is no older page")
            assert tools.evaluate("document.querySelectorAll('.entries li').length") == 6
            assert tools.complaints() == [], tools.complaints()

            # What is typed is text.
            tools.go(f"{instance.base}/search?digest=%3Cscript%3Edocument.title%3D1%3C/script%3E")
            assert tools.evaluate("document.querySelector('h1').textContent.trim()") == "That is no digest"
            assert tools.evaluate("document.title") == "Search · signhere"
            # The policy holds: what a page would inject does not run, and nothing leaves the instance.
            tools.evaluate("""(() => { const s = document.createElement('script'); s.textContent = "document.title = 'owned'";
                document.body.append(s); const i = document.createElement('img'); i.src = 'http://127.0.0.1:1/x'; document.body.append(i); })()""")
            time.sleep(0.3)
            assert tools.evaluate("document.title") == "Search · signhere"
            blocked = [said for said in tools.complaints() if "Content Security Policy" in said]
            assert len(blocked) >= 2, tools.complaints()
            strays = {url for url in tools.requested() if not url.startswith((instance.base, "about:", "http://127.0.0.1:1/x"))}
            assert not strays, strays
        finally:
            tools.close()
        status, _, text = browser.request("GET", f"{instance.base}/api/status")
        assert status == 200 and json.loads(text)["ready"] is True
    print("web: pages, a dropped file, a chosen file, the policy")
    return 0


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else None
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
    sys.exit(main(sys.argv[1], pathlib.Path(sys.argv[2]), folder))
