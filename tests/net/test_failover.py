"""A receiver is lost while a client asks, and comes back; or it lies, and three servers say so. The receiver is NTP samples
through chrony's SOCK, the servers are real chronyds in network namespaces of their own, the client asks twice a second: what
it is told is inside the bound that it was told, and from one answer to the next there is no step beyond that bound.

usage: test_failover.py lost|lies TIMEBALLCTL -- DAEMON [ARGUMENT]...
"""

import contextlib
import os
import socket
import struct
import tempfile
import threading
import time

import harness
import hosts
from harness import ask, check

CONF = """
threads 0
clock none
listen 127.0.0.1
statussocket {folder}/status
controlsocket none
driftfile none
leapfile none
holdover 3.5e-5
refclock sock {folder}/gps
server {one} iburst minpoll 0 maxpoll 1
server {two} iburst minpoll 0 maxpoll 1
server {three} iburst minpoll 0 maxpoll 1
"""
STRATUM = 3  # of the servers
LIE = 0.05  # s
MAGIC = 0x534F434B


class Receiver:
    """Sends the time once a second while it is plugged in."""

    def __init__(self, path):
        self.path, self.plugged, self.off = path, True, 0.0
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.speak)

    def speak(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            while not self.done.wait(1):
                now = time.time()
                sample = struct.pack("@qqdiiii", int(now), int(now % 1 * 1e6), self.off, 0, 0, 0, MAGIC)
                with contextlib.suppress(OSError):  # the daemon is not there yet
                    if self.plugged:
                        s.sendto(sample, self.path)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()


class Client:
    """Keeps what it was told, and holds each answer against the one before."""

    def __init__(self):
        self.before, self.strata, self.worst, self.count = None, [], 0.0, 0

    def look(self):
        a = ask()
        check(a, "no answer")
        check(a.leap != 3 and a.stratum, f"unsynchronised: {a}")
        bound = a.root_delay / 2 + a.root_dispersion
        check(abs(a.offset) <= bound + a.delay / 2, f"{a.offset:.6f} s off, bound {bound:.6f} s: {a}")
        if self.before:
            offset, delay, promised = self.before
            seen = abs(a.offset - offset) - (a.delay + delay) / 2
            check(seen <= promised, f"a step of {seen:.6f} s, {promised:.6f} s were promised: {a}")
            self.worst = max(self.worst, seen / promised)
        self.before = a.offset, a.delay, bound
        self.count += 1
        if self.strata[-1:] != [a.stratum]:
            self.strata.append(a.stratum)
        return a

    def until(self, wanted, what, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            a = self.look()
            if wanted(a):
                return a
            time.sleep(0.5)
        raise AssertionError(f"not {what} within {seconds} s: {a}, strata {self.strata}")


def lost(receiver, client, status, gps):
    receiver.plugged = False
    begun = time.monotonic()
    a = client.until(lambda a: a.stratum == STRATUM + 1, "at the servers' stratum", 90)
    print(f"after {time.monotonic() - begun:.1f} s without the receiver: {a}")
    client.until(lambda a: status.sources()[gps]["verdict"] == "unfit", "told so", 5)
    receiver.plugged = True
    client.until(lambda a: a.stratum == 1, "back at stratum 1", 40)


def lies(receiver, client, status, gps):
    receiver.off = LIE
    client.until(lambda a: a.stratum == STRATUM + 1, "at the servers' stratum", 60)
    source = status.sources()[gps]
    check(source["verdict"] == "falseticker" and "what the majority says" in source["sentence"], hosts.show(source))
    print(source["sentence"])
    receiver.off = 0.0
    client.until(lambda a: a.stratum == 1, "back at stratum 1", 60)


def test(own, command):
    case = {"lost": lost, "lies": lies}[own[0]]
    hosts.have(("chronyd", "chrony"))
    with tempfile.TemporaryDirectory(prefix="timeball-failover-") as folder, hosts.hosts(folder, 3) as lan:
        for host in lan:
            host.chronyd(STRATUM)
        for host in lan:
            host.wait()
        gps, client = os.path.join(folder, "gps"), Client()
        status = hosts.Status(os.path.join(folder, "status"))
        one, two, three = (h.address for h in lan)
        conf = CONF.format(folder=folder, one=one, two=two, three=three)
        with Receiver(gps) as receiver, harness.daemon(command, conf) as d:
            d.wait_synchronised()
            agree = lambda s: s[gps]["verdict"] == "leads" and all(s[h.address]["verdict"] == "standby" for h in lan)
            status.wait(agree, "the receiver leads, and the servers stand by", 30)
            for _ in range(20):
                client.look()
                time.sleep(0.5)
            case(receiver, client, status, gps)
            for _ in range(10):
                client.look()
                time.sleep(0.5)
            hosts.print_as_people_see_it(own[1], status.path)
            check(client.strata == [1, STRATUM + 1, 1], f"strata {client.strata}")
            print(f"{client.count} answers, strata {client.strata}, the largest step {client.worst:.3f} of what was promised")


harness.main(test)
