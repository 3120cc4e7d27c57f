"""Other machines for a test: each in a network namespace of its own, joined to the daemon's by a virtual cable (veth).

Host number i has 10.9.i.2 and fd00:9:i::2, and sees the daemon's machine as 10.9.i.1 and fd00:9:i::1. Whatever runs there
ends with it. The clock is the same everywhere: it is the truth, and nobody here has the right to set it.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

from harness import ask, check, need, patience

HERE = os.path.dirname(os.path.abspath(__file__))

CHRONYD = """
local stratum {stratum}
allow all
port 123
cmdport 0
bindcmdaddress {folder}/command.sock
pidfile {folder}/pid
"""
NTPD = """
tos orphan {stratum} orphanwait 1
disable ntp
restrict default nomodify noquery
"""


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True, timeout=patience(20))
    check(not done.returncode, f"{' '.join(words)}: {done.stderr.strip()}")


class Host:
    def __init__(self, folder, number):
        self.number, self.folder = number, os.path.join(folder, f"host{number}")
        os.mkdir(self.folder)
        self.address, self.address6 = f"10.9.{number}.2", f"fd00:9:{number}::2"
        self.ours, self.ours6 = f"10.9.{number}.1", f"fd00:9:{number}::1"
        self.running = []
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "600"])
        try:
            self._join(str(self.holder.pid), f"v{number}")
        except BaseException:
            self.close()
            raise

    def _join(self, holder, device):
        mine = os.readlink("/proc/self/ns/net")
        for _ in range(200):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{holder}/ns/net") != mine:
                    break
            time.sleep(0.01)
        self.enter = ["nsenter", "-t", holder, "-n"]
        run("ip", "link", "add", device, "type", "veth", "peer", "name", "eth0", "netns", holder)
        for enter, name, v4, v6 in ([], device, self.ours, self.ours6), (self.enter, "eth0", self.address, self.address6):
            run(*enter, "ip", "address", "add", v4 + "/30", "dev", name)
            with contextlib.suppress(AssertionError):  # IPv6 may be off
                run(*enter, "ip", "address", "add", v6 + "/64", "dev", name, "nodad")
            run(*enter, "ip", "link", "set", name, "up")
        run(*self.enter, "ip", "link", "set", "lo", "up")

    def start(self, *words):
        with open(os.path.join(self.folder, "log"), "a") as log:
            process = subprocess.Popen([*self.enter, *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.running.append(process)
        return process

    def _conf(self, text, stratum):
        path = os.path.join(self.folder, "conf")
        with open(path, "w") as f:
            f.write(text.format(stratum=stratum, folder=self.folder))
        return path

    def chronyd(self, stratum=1):
        return self.start(need("chronyd", "chrony"), "-x", "-d", "-u", "root", "-f", self._conf(CHRONYD, stratum))

    def ntpd(self, stratum=2):
        return self.start(need("ntpd", "ntpsec"), "-n", "-c", self._conf(NTPD, stratum))

    def server(self, manner, *words):
        """One of ntp_host.py."""
        return self.start(sys.executable, "-B", os.path.join(HERE, "ntp_host.py"), manner, *words)

    def wait(self, seconds=20):
        """Until it answers as a synchronised server."""
        until, last = time.monotonic() + patience(seconds), None
        while time.monotonic() < until:
            last = ask(self.address, timeout=0.5) or last
            if last and last.leap != 3 and last.stratum:
                return
            time.sleep(0.2)
        with open(os.path.join(self.folder, "log")) as f:
            raise AssertionError(f"host {self.number} serves no time within {seconds} s; last answer: {last}\n{f.read()}")

    def close(self):
        for process in self.running + [self.holder]:
            process.send_signal(signal.SIGTERM)
        for process in self.running + [self.holder]:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(3)
            process.kill()
            process.wait()


@contextlib.contextmanager
def hosts(folder, count):
    for tool, package in ("unshare", "util-linux"), ("nsenter", "util-linux"), ("ip", "iproute2"):
        need(tool, package)
    made = []
    try:
        for number in range(1, count + 1):
            made.append(Host(folder, number))
        yield made
    finally:
        for host in made:
            host.close()


class Status:
    """What the daemon's status socket says."""

    def __init__(self, path):
        self.path = path

    def ask(self, word="status"):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            s.connect(self.path)
            s.sendall(word.encode() + b"\n")
            data = b""
            while not data.endswith(b"\n"):
                more = s.recv(65536)
                check(more, "the status socket was closed")
                data += more
        return json.loads(data)

    def sources(self):
        """By what is written in the configuration after `server`, or by name in a pool."""
        return {s["path"] if s["driver"] != "pool" else s["name"]: s for s in self.ask("sources")["sources"]}

    def wait(self, wanted, what, seconds=30):
        """Until wanted(sources by name) is true; returns them."""
        until, sources = time.monotonic() + patience(seconds), {}
        while time.monotonic() < until:
            with contextlib.suppress(OSError):
                sources = self.sources()
                if wanted(sources):
                    return sources
            time.sleep(0.2)
        raise AssertionError(f"not {what} within {seconds} s:\n" + "\n".join(map(show, sources.values())))


def show(source):
    counters = {k: v for k, v in source["counters"].items() if v}
    return f"{source['name']}: {source['verdict']} reach {source['reach']}, {source['sentence']} {source['error'] or ''} {counters}"


def print_as_people_see_it(timeballctl, path):
    done = subprocess.run([timeballctl, "-s", path, "sources"], capture_output=True, text=True, timeout=patience(20))
    print(done.stdout + done.stderr)
    return done.stdout


def have(*programs):
    """A machine without the distribution's servers skips the test."""
    for program, package in programs:
        if not shutil.which(program):
            need(program, package)
