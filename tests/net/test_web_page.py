"""The page of timeball-web in a real browser: what a person sees, and what hostile texts do there (nothing).

usage: test_web_page.py TIMEBALL_WEB [PICTURES] -- DAEMON [ARGUMENT]...     PICTURES: a folder for screenshots
"""

import os
import signal
import subprocess
import tempfile
import time

import browser
import fake_status
import harness
from harness import check

PAGE = "http://127.0.0.1:8123/"
SPITE = "<img src=x onerror='document.title=1'><script>document.title=2</script>\u202e\x1b[2J"


class Web:
    def __init__(self, program, socket):
        self.process = subprocess.Popen([program, "-s", socket], stderr=subprocess.PIPE, text=True)
        check("serves" in self.process.stderr.readline(), "timeball-web does not serve")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(5)
        self.process.stderr.close()


def sees(page):
    page.wait("document.getElementById('state').textContent == 'locked'", "the page says locked")
    page.wait("document.querySelectorAll('#chart path.curve').length > 0", "a chart")
    shown = page.text()
    for text in ("true time within", "pps simulated0", "error bound", "Leap seconds", "8 of 8 used", "a second"):
        check(text in shown, f"the page does not say {text!r}: {shown}")
    check(page.value("document.querySelectorAll('#skyplot .satellite').length") == 8, "not 8 satellites in the sky")
    check(page.value("document.querySelectorAll('#bars .satellite').length") == 8, "not 8 bars of signals")
    check(page.value("document.getElementById('gone').hidden"), "the page says that something is wrong")


def fits(page, folder):
    """On a screen and on a phone, in light and dark, nothing is wider than the window."""
    for name, width, height, mobile in (("screen", 1280, 900, False), ("phone", 390, 844, True)):
        for scheme in ("light", "dark"):
            page.size(width, height, mobile)
            page.scheme(scheme)
            time.sleep(1.5)
            wide = page.value("document.documentElement.scrollWidth")
            check(wide <= width, f"the page is {wide} wide on a {name} of {width}")
            if folder:
                page.picture(os.path.join(folder, f"{name}-{scheme}.png"))
    grounds = []
    for scheme in ("light", "dark"):
        page.scheme(scheme)
        grounds.append(page.value("getComputedStyle(document.body).backgroundColor"))
    check(grounds[0] != grounds[1], f"light and dark are the same: {grounds}")


def quiet(page):
    check(not page.complaints(), f"the browser complains: {page.complaints()}")
    outside = [url for url in page.asked() if not url.startswith(PAGE) and not url.startswith("data:")]
    check(not outside, f"the page asks elsewhere: {outside}")


def hostile(program, status, page):
    spite = fake_status.spoil(status, SPITE)
    spite["sources"] *= 3
    with fake_status.fake_status(spite) as path, Web(program, path):
        page.open(PAGE)
        page.wait("document.getElementById('sentence').textContent.includes('onerror')", "the hostile sentence as text")
        check(page.value("document.querySelectorAll('img, main script, iframe').length") == 0, "a text became markup")
        check(page.value("document.title") not in ("1", "2"), "a text became a script")
        wide = page.value("document.documentElement.scrollWidth - innerWidth")
        check(wide <= 0, f"hostile texts make the page {wide} too wide")


def test(own, command):
    program, folder = own[0], own[1] if len(own) > 1 else None
    if not browser.program():
        harness.skip("chromium is not here; install the package chromium")
    with tempfile.TemporaryDirectory(prefix="timeball-page-") as place, browser.browser() as page:
        path = os.path.join(place, "status.sock")
        with Web(program, path):
            with harness.daemon([*command, "-s", path]) as daemon:
                daemon.wait_synchronised()
                page.open(PAGE)
                sees(page)
                fits(page, folder)
                quiet(page)
                status = fake_status.ask(path)
                daemon.process.send_signal(signal.SIGSTOP)
                page.wait("!document.getElementById('gone').hidden", "the page says that timeballd does not answer")
                page.size(800, 700)  # which draws all anew
                time.sleep(1.5)
                check(page.value("document.getElementById('state').textContent") == "no news", "the state is shown as if of now")
                check(page.value("getComputedStyle(document.querySelector('main')).opacity") != "1", "old data look new")
                if folder:
                    page.picture(os.path.join(folder, "gone.png"))
                daemon.process.send_signal(signal.SIGCONT)
                page.wait("document.getElementById('gone').hidden", "the page is content again")
            page.wait("document.getElementById('gone').textContent.includes('timeballd running?')", "what to do")
        page.wait("document.getElementById('gone').textContent.includes('timeball-web')", "who does not answer")
        hostile(program, status, page)


harness.main(test)
