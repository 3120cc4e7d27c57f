"""The real daemon on a receiver behind a pseudo terminal. Before the first fix it answers that it does not know: LI 3,
stratum 0, refid INIT, and clients refuse. With a fix it is stratum 1, and true time lies inside what it promises.

usage: test_receiver.py THREADS -- DAEMON [ARGUMENT]...
"""

import shutil
import subprocess

import harness
from harness import PORT, Prober, ask, check
from receiver import Receiver

CONF = """
threads {threads}
clock none
refclock nmea {tty} delay 0..0.4
"""


CLIENTS = (
    ("chronyd", "-Q", "-t", "4", "-u", "root", f"server 127.0.0.1 port {PORT} iburst maxsamples 1"),
    ("ntpdig", "-j", "-t", "2", "127.0.0.1"),
    ("rdate", "-n", "-p", "-o", str(PORT), "127.0.0.1"),
)


def ask_clients(take):
    """All clients that are here take the time, or refuse it."""
    for client, *words in CLIENTS:
        path = shutil.which(client) or shutil.which(client, path="/usr/sbin:/sbin")
        if not path:
            print(client, "is not here: left out")
            continue
        done = subprocess.run([path, *words], capture_output=True, text=True, timeout=60)
        print(client, done.returncode, (done.stdout + done.stderr).strip())
        check((done.returncode == 0) == take, f"{client}: exit status {done.returncode}")


def unsynchronised(a):
    return (a.leap, a.stratum, a.refid) == (3, 0, b"INIT")


def without_fix(d):
    d.wait(unsynchronised, "answering LI 3, stratum 0, INIT", 10)
    for host in ("127.0.0.2", *harness.hosts()):
        answer = ask(host)
        check(answer and unsynchronised(answer), f"{host}: {answer}")
        check(answer.origin == b"\x55" * 8 and answer.root_dispersion >= 1, f"{host}: {answer}")
    prober = Prober()
    check(not prober.exchange(b"", b"\x17\x00\x03\x2a" + bytes(4), b"\x24" + bytes(47)), "an answer to junk")
    prober.close()
    ask_clients(take=False)
    # the receiver has spoken all the time, and has not been believed
    check(unsynchronised(ask()), f"after a while: {ask()}")


def with_fix(d):
    d.wait(lambda a: (a.leap, a.stratum, a.refid) == (0, 1, b"GPS\0"), "stratum 1 by GPS", 30)
    for host in harness.hosts():
        answer = ask(host)
        check(abs(answer.offset) < answer.root_dispersion + answer.delay / 2, f"{answer.offset} s off: {answer}")
    ask_clients(take=True)


def test(own, command):
    (threads,) = own
    with Receiver() as receiver:
        conf = CONF.format(threads=threads, tty=receiver.path)
        with harness.daemon(command, conf) as d:
            without_fix(d)
            receiver.fix = True
            with_fix(d)


harness.main(test)
