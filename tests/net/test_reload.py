"""The configuration is read again under a daemon that serves: a client that asks five times a second misses nothing and sees
no other stratum, what can change does, a file with errors changes nothing, and storms of signals are harmless (F4).

usage: test_reload.py TIMEBALLCTL THREADS -- DAEMON [ARGUMENT]...
"""

import hashlib
import os
import signal
import subprocess
import tempfile
import time

import harness
from harness import ask, check
from steady import Client, Truth

ALLOWED = 1  # request that a busy machine may not answer within a second

FIRST = """
threads {threads}
user none
sandbox strict
clock none
driftfile none
controlsocket {folder}/control.sock
log {folder}/daemon.log level info
refclock sock {folder}/truth.sock
"""


class Reloaded:
    def __init__(self, d, timeballctl, folder, conf):
        self.d, self.folder, self.timeballctl, self.conf = d, folder, timeballctl, conf
        self.path = next(w for w in d.process.args if w.endswith(".conf"))

    def write(self, more, conf=None):
        with open(self.path, "w") as f:
            f.write((conf or self.conf) + more)

    def control(self, more, conf=None, expected=0):
        self.write(more, conf)
        command = [self.timeballctl, "-s", os.path.join(self.folder, "control.sock"), "reload"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
        text = done.stdout + done.stderr
        check(done.returncode == expected, f"timeballctl reload: {done.returncode}, not {expected}:\n{text}")
        return text

    def log(self):
        with open(os.path.join(self.folder, "daemon.log")) as f:
            return f.read()


def signed(key, secret):
    head = harness.request()
    prober = harness.Prober()
    answers = prober.exchange(head + key.to_bytes(4, "big") + hashlib.sha1(secret + head).digest())
    prober.close()
    for a in answers:
        check(len(a) == 72 and a[52:] == hashlib.sha1(secret + a[:48]).digest(), f"not signed alike: {a.hex()}")
    return bool(answers)


def keys_change(r):
    path = os.path.join(r.folder, "keys")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
        f.write("1 SHA1 one\n")
    check(not signed(1, b"one"), "an answer to a key that nobody has named")
    print(r.control(f"keys {path}\n"), end="")
    check(signed(1, b"one") and not signed(1, b"two"), "the key is not used")
    with open(path, "w") as f:
        f.write("1 SHA1 two\n")
    r.control(f"keys {path}\n")
    check(signed(1, b"two") and not signed(1, b"one"), "the new key is not used")
    text = r.control("keys /nonexistent\n", expected=1)
    check("/nonexistent" in text and "nothing was changed" in text, text)
    check(signed(1, b"two"), "a reload that failed took the keys away")
    r.control("")
    check(not signed(1, b"two"), "keys that are not configured any more")


def errors_change_nothing(r):
    line = r.conf.count("\n") + 2
    text = r.control("server 192.0.2.1\nbogus word\n", expected=1)
    check(f"{r.path}:{line}: unknown word 'bogus'" in text and "nothing was changed" in text, text)
    print(text, end="")


def what_needs_a_restart_is_said(r):
    text = r.control("", r.conf.replace("clock none", "clock system") + "listen 127.0.0.1 port 124\n")
    check("clock: not changed; restart" in text and "listen: not changed; restart" in text, text)
    print(text, end="")
    check(ask(port=124, timeout=0.3) is None, "it listens on a port that needs a restart")


def log_file_is_opened_again(r):
    os.rename(os.path.join(r.folder, "daemon.log"), os.path.join(r.folder, "daemon.log.1"))
    r.control("", r.conf.replace("level info", "level warning"))
    r.control("", r.conf.replace("level info", "level warning"))
    r.control("")
    check("reload" in r.log(), "the log file was not opened again")


def storm(r, d):
    for i in range(5000):
        d.process.send_signal(signal.SIGHUP)
        if i % 500 == 0:
            r.write("server 192.0.2.1\n" if i % 1000 else "")
            time.sleep(0.2)
    time.sleep(1.5)
    count = r.log().count("reloaded; ")
    check(1 <= count <= 12, f"{count} reloads in a storm of signals")
    d.alive()


def test(own, command):
    timeballctl, threads = own
    with tempfile.TemporaryDirectory(prefix="timeball-reload-") as folder, Truth(os.path.join(folder, "truth.sock")):
        conf = FIRST.format(threads=threads, folder=folder)
        with harness.daemon(command, conf) as d:
            r = Reloaded(d, timeballctl, folder, conf)
            d.wait_synchronised()
            memory = d.memory()
            with Client(patience=1) as client:
                for f in keys_change, errors_change_nothing, what_needs_a_restart_is_said, log_file_is_opened_again:
                    f(r)
                    print(f.__name__, "ok")
                storm(r, d)
                client.wait()
            print(f"{client.asked} asked, {client.lost} lost, leap and stratum {client.seen}, worst {client.worst:.4f} s")
            print(f"memory {memory} kB, then {d.memory()} kB")
            check(client.lost <= ALLOWED, f"{client.lost} of {client.asked} requests got no answer")
            check(client.seen == {(0, 1)}, f"leap and stratum: {client.seen}")
            check("holdover" not in r.log() and "unsynchronised (" not in r.log(), "the lock was lost:\n" + r.log())


harness.main(test)
