"""Chromium without a window, spoken to over a pipe (Chrome DevTools Protocol), so that no port and no library is needed."""

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --hide-scrollbars --remote-debugging-pipe"
).split()


class Browser:
    def __init__(self, to, come):
        self.to, self.come, self.rest, self.count = to, come, b"", 0
        self.events, self.session = [], None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")

    def message(self, seconds):
        until = time.monotonic() + seconds
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.come], [], [], max(0, until - time.monotonic()))
            if not ready:
                return None
            data = os.read(self.come, 1 << 20)
            if not data:
                raise AssertionError("the browser ended")
            self.rest += data
        one, self.rest = self.rest.split(b"\0", 1)
        return json.loads(one)

    def call(self, method, **params):
        self.count += 1
        ask = {"id": self.count, "method": method, "params": params}
        if self.session:
            ask["sessionId"] = self.session
        os.write(self.to, json.dumps(ask).encode() + b"\0")
        while True:
            said = self.message(60)
            if said is None:
                raise AssertionError(f"the browser does not answer {method}")
            if said.get("id") == self.count:
                if "error" in said:
                    raise AssertionError(f"{method}: {said['error']}")
                return said["result"]
            self.events.append(said)

    def open(self, url):
        self.call("Page.navigate", url=url)

    def value(self, script):
        """What a script is worth in the page."""
        return self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def wait(self, script, what, seconds=60):
        until = time.monotonic() + seconds
        while not self.value(script):
            if time.monotonic() > until:
                raise AssertionError(f"not within {seconds} s: {what}; the page says: {self.text()}")
            time.sleep(0.2)

    def text(self):
        return self.value("document.body ? document.body.innerText : ''")

    def size(self, width, height, mobile=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)

    def scheme(self, name):
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def picture(self, path):
        """The whole page, however long."""
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
        with open(path, "wb") as f:
            f.write(base64.b64decode(data))

    def complaints(self):
        """What the browser found wrong: errors of scripts, and what the page's policy forbade."""
        wrong = [e["params"] for e in self.events if e.get("method") == "Runtime.exceptionThrown"]
        wrong += [e["params"]["entry"]["text"] for e in self.events if e.get("method") == "Log.entryAdded"]
        return wrong

    def asked(self):
        """Every address that the page asked for."""
        return {e["params"]["request"]["url"] for e in self.events if e.get("method") == "Network.requestWillBeSent"}


def program():
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


@contextlib.contextmanager
def browser():
    to_read, to_write = os.pipe()
    come_read, come_write = os.pipe()

    def descriptors():  # the protocol's: it reads from 3 and writes to 4
        a, b = os.dup(to_read), os.dup(come_write)
        os.dup2(a, 3)
        os.dup2(b, 4)

    with tempfile.TemporaryDirectory(prefix="timeball-browser-", ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            [program(), *FLAGS, "--user-data-dir=" + folder], preexec_fn=descriptors, close_fds=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(come_write)
        try:
            yield Browser(to_write, come_read)
        finally:
            process.kill()
            process.wait()
            os.close(to_write)
            os.close(come_read)
