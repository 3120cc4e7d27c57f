"""timeball-web by its port: what it answers, what it refuses, and that the daemon does not notice how many ask.

usage: test_web.py TIMEBALL_WEB -- DAEMON [ARGUMENT]...
"""

import concurrent.futures
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time

import harness
from harness import check

PATHS = {"/": "text/html", "/style.css": "text/css", "/page.js": "text/javascript", "/status.json": "application/json"}
WANTED = {
    "Content-Security-Policy": "default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def ask(path, method="GET", source="127.0.0.1", body=None, timeout=15):
    connection = http.client.HTTPConnection("127.0.0.1", 8123, timeout=timeout, source_address=(source, 0))
    with contextlib.closing(connection):
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


def status():
    code, _, body = ask("/status.json")
    check(code == 200, f"status.json: {code} {body}")
    return json.loads(body)


def wait_for(code, seconds=30):
    """The body of status.json, once its status is that."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found, _, body = ask("/status.json")
        if found == code:
            return json.loads(body)
        time.sleep(0.2)
    raise AssertionError(f"status.json does not become {code} within {seconds} s but is {found}: {body}")


@contextlib.contextmanager
def web(program, *words):
    process = subprocess.Popen([program, *words], stderr=subprocess.PIPE, text=True)
    try:
        said = process.stderr.readline()
        check("serves http://127.0.0.1:8123/" in said, f"timeball-web says: {said}")
        yield process
        process.terminate()
        check(process.wait(5) == 0, f"after SIGTERM: exit status {process.returncode}")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def pages():
    for path, kind in PATHS.items():
        code, headers, body = ask(path)
        check(code == 200 and body, f"{path}: {code}")
        check(headers["Content-Type"].startswith(kind), f"{path}: {headers['Content-Type']}")
        for name, value in WANTED.items():
            check(headers.get(name, "").startswith(value), f"{path}: {name}: {headers.get(name)}")
        if path != "/status.json":
            elsewhere = re.findall(rb"https?://(?!www\.w3\.org/2000/svg)\S*", body)
            check(not elsewhere, f"{path} names {elsewhere}")
            unsafe = re.findall(rb"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|style=|onclick=", body)
            check(not unsafe, f"{path} has {unsafe}")
            head, headers, nothing = ask(path, "HEAD")
            check(head == 200 and int(headers["Content-Length"]) == len(body) and not nothing, f"HEAD {path}")
    receivers = [s["report"] for s in status()["sources"] if s["report"]["latitude"] is not None]
    check(receivers, "no receiver says its position")
    for r in receivers:
        for value in (r["latitude"], r["longitude"]):
            check(abs(value * 100 - round(value * 100)) < 1e-6, f"a position of {value}, not rounded")


def refusals():
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"):
        code, headers, _ = ask("/status.json", method, body=b"x" * 100 if method != "TRACE" else None)
        check(code == 405 and headers["Allow"] == "GET, HEAD", f"{method}: {code}")
    for path in ("/x", "/../etc/passwd", "/%2e%2e/etc/passwd", "//", "/status.json/", "/STYLE.CSS", "/a" * 2500):
        code = ask(path)[0]
        check(code == 404, f"{path[:40]}: {code}")
    check(ask("/?a=b")[0] == 200, "a query is not ignored")
    for n in (10_000, 100_000):
        try:
            code = ask("/" + "u" * n)[0]
        except (ConnectionError, http.client.HTTPException):
            code = 414  # closed while it was still being sent
        check(400 <= code < 500, f"a path of {n} octets: {code}")
    for junk in (b"\0" * 5000, b"\xff\xfe\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"A: " * 20000):
        with socket.create_connection(("127.0.0.1", 8123), 5) as s, contextlib.suppress(ConnectionError):
            s.sendall(junk)
    check(ask("/")[0] == 200, "no page after junk")


def many():
    """However many ask, the daemon has one connection and a request a second."""
    before, begun = status()["socket"], time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _: ask("/status.json")[0], range(300)))
    time.sleep(1.1)
    after, took = status()["socket"], time.monotonic() - begun
    check(codes == [200] * 300, f"of 300 requests {codes.count(200)} were answered")
    requests = after["requests"] - before["requests"]
    print(f"300 requests in {took:.1f} s: {requests} for the daemon")
    check(requests <= took + 1, f"{requests} requests in {took:.1f} s reached the daemon")
    check(after["accepted"] == before["accepted"] and after["clients"] == 1, f"connections: {before} {after}")


def slow():
    """Who holds connections open has no more than his share, and not for long."""
    held = []
    for _ in range(40):
        s = socket.create_connection(("127.0.0.1", 8123), 5, ("127.0.0.2", 0))
        with contextlib.suppress(ConnectionError):
            s.sendall(b"GET /status.json HTTP/1.1\r\nX-Slow: ")
        held.append(s)
    begun = time.monotonic()
    code = ask("/status.json", source="127.0.0.3", timeout=30)[0]
    print(f"beside 40 slow connections the status came in {time.monotonic() - begun:.2f} s")
    check(code == 200, f"beside slow connections: {code}")
    check(status()["socket"]["clients"] == 1, "slow connections reached the daemon")
    until = time.monotonic() + 60
    for s in held:
        s.settimeout(max(0.1, until - time.monotonic()))
        with contextlib.suppress(ConnectionError), s:
            while s.recv(4096):
                pass


def frozen(daemon):
    """A daemon that does not answer costs a second, not the page."""
    os.kill(daemon.process.pid, signal.SIGSTOP)
    said = wait_for(503)
    check("no answer" in said["error"], said)
    check(ask("/")[0] == 200, "no page while the daemon is frozen")
    os.kill(daemon.process.pid, signal.SIGCONT)
    wait_for(200)


def refused(program, words, wanted):
    done = subprocess.run([program, *words], capture_output=True, text=True, timeout=20)
    check(done.returncode == 1 and wanted in done.stderr, f"{words}: exit status {done.returncode}: {done.stderr}")
    print(done.stderr.strip())


def test(own, command):
    program = own[0]
    with tempfile.TemporaryDirectory(prefix="timeball-web-") as folder:
        path = os.path.join(folder, "status.sock")
        refused(program, ["-s", path, "-l", "8123"], "ADDRESS:PORT")
        refused(program, ["-s", path, "-l", "192.0.2.1:8123"], "address of this machine")
        with web(program, "-s", path):
            check("timeballd running?" in wait_for(503)["error"], "does not say what to do without a daemon")
            refused(program, ["-s", path], "another port with -l")
            with harness.daemon([*command, "-s", path]) as daemon:
                wait_for(200)
                daemon.wait_synchronised()
                pages()
                refusals()
                many()
                slow()
                frozen(daemon)
            wait_for(503)
            check(ask("/")[0] == 200, "no page without a daemon")
            with harness.daemon([*command, "-s", path]):
                check(wait_for(200)["version"] == 1, "not the daemon that came back")


harness.main(test)
