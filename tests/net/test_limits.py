"""Floods against the rate limit: rows A10 and A14.

The 10/8 and 2001:db8::/32 of the test's namespace are its own, so that clients of any address can be. A flood goes in
bursts smaller than a socket's buffer, each followed by a request whose answer is waited for: what is lost was then not
lost for want of a buffer, however slow the machine is.

usage: test_limits.py a10|a10_victim|a14 TIMEBALLCTL -- DAEMON [ARGUMENT]...
"""

import json
import os
import random
import socket
import struct
import subprocess
import tempfile
import time

import harness

SPOOFED = 1_000_000
BURST = 128
FREEBIND = {socket.AF_INET: (socket.IPPROTO_IP, 15), socket.AF_INET6: (socket.IPPROTO_IPV6, 78)}
CONF = "refclock none\nclock none\nthreads {threads}\nstatussocket {socket}\ncontrolsocket none\ndriftfile none\n"


def own_networks():
    subprocess.run(["ip", "route", "add", "local", "10.0.0.0/8", "dev", "lo"], check=True)
    if len(harness.hosts()) > 1:
        subprocess.run(["ip", "-6", "route", "add", "local", "2001:db8::/32", "dev", "lo"], check=True)


def client(address):
    """A socket of that address, any port, connected to the daemon."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.setsockopt(*FREEBIND[family], 1)
    s.bind((address, 0))
    s.connect(("::1" if ":" in address else "127.0.0.1", harness.PORT))
    return s


def ask(address, timeout=3):
    """The refid of the answer to one request, or None."""
    with client(address) as s:
        s.settimeout(timeout)
        s.send(harness.request())
        try:
            return harness.Answer(s.recv(2048)).refid
        except OSError:
            return None


def count_answers(addresses):
    """A request from each; how many are answered with the time, and how many with RATE. A client that nobody limits shows
    that all were judged."""
    sockets = []
    for address in addresses:
        s = client(address)
        s.send(harness.request())
        sockets.append(s)
        if len(sockets) % BURST == 0:
            drained()
    drained()
    refids = []
    for s in sockets:
        s.setblocking(False)
        try:
            refids.append(harness.Answer(s.recv(2048)).refid)
        except BlockingIOError:
            pass
        s.close()
    return len(refids) - refids.count(b"RATE"), refids.count(b"RATE")


def drained():
    """Waits until each of the daemon's threads has served what came before: 127/8 is not limited, and of 32 addresses
    some belong to each thread."""
    for i in range(1, 33):
        harness.check(ask(f"127.0.0.{i}"), "127.0.0.0/8 gets no answer")


class Flood:
    """Requests from addresses that are not the sender's, by a raw socket."""

    def __init__(self):
        self.raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        payload = harness.request()
        udp = struct.pack("!HHHH", 4000, harness.PORT, 8 + len(payload), 0) + payload
        header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, socket.IPPROTO_UDP, 0)
        self.packet = bytearray(header + bytes(4) + socket.inet_aton("127.0.0.1") + udp)

    def send(self, sources):
        for source in sources:
            struct.pack_into("!I", self.packet, 12, source)
            self.raw.sendto(self.packet, ("127.0.0.1", 0))


def clients_of(timeballctl, path, *more):
    return subprocess.run(
        [timeballctl, "-s", path, *more, "clients"], check=True, capture_output=True, text=True, timeout=30
    ).stdout


def started(d):
    d.wait(lambda a: True, "answering")


def is_limited(what, addresses, share=1):
    """Of requests from all these, so many times what one address may ask is answered. Returns how often RATE came."""
    before = time.monotonic()
    passed, kisses = count_answers(addresses)
    took = time.monotonic() - before
    print(f"{what}: {passed} answers, {kisses} RATE in {took:.1f} s")
    harness.check(20 * share <= passed <= share * (20 + took + 1), f"{what}: {passed} answers in {took:.1f} s")
    return kisses


def one_client(d):
    """1000 ports, or addresses of a /64, or networks of a /48, are one client, whatever thread they meet."""
    kisses = is_limited("one address, 1000 ports", ["10.1.1.1"] * 1000)
    harness.check(1 <= kisses <= 10, f"{kisses} times RATE for one address")
    if len(harness.hosts()) > 1:
        is_limited("one /64, 999 addresses", [f"2001:db8:1:2::{i:x}" for i in range(1, 1000)])
        kisses = is_limited("one /48, 800 networks", [f"2001:db8:2:{i:x}::1" for i in range(800)], 16)
        harness.check(kisses <= 10, f"{kisses} times RATE for one /48")


def many_sources(d):
    """A million forged sources and one that asks without end: those who behave lose nothing, memory stays."""
    flood, memory, lost, asked = Flood(), d.memory(), 0, 0
    for first in range(0, SPOOFED, BURST):
        flood.send(range(0x0B000000 + first, 0x0B000000 + first + BURST // 2))
        flood.send([0x0A090909] * 32)
        flood.send(range(0x0C000000 + first, 0x0C000000 + first + BURST // 2))
        lost += ask(f"10.2.{asked >> 8 & 15}.{asked & 255}") is None
        asked += 1
    grown = d.memory() - memory
    print(f"{SPOOFED} forged sources: {asked} requests of 4096 clients, {lost} lost; memory {grown:+d} kB of {memory} kB")
    harness.check(lost == 0, f"{lost} of {asked} requests lost")
    harness.check(grown < 1024, f"memory grew by {grown} kB")


def a10(timeballctl, command, folder):
    path = os.path.join(folder, "s")
    conf = CONF.format(threads=2, socket=path) + "ratelimit 65536 leak 0\n"
    with harness.daemon(command, conf) as d:
        started(d)
        one_client(d)
    conf = CONF.format(threads=1, socket=path) + "ratelimit 65536 leak 0\n"
    with harness.daemon(command, conf) as d:
        started(d)
        many_sources(d)
        text = clients_of(timeballctl, path)
        print(text)
        top = json.loads(clients_of(timeballctl, path, "--json"))["clients"]["busiest"][0]
        harness.check(top["address"] == "10.9.9.9" and top["dropped"] > 200000, f"not the flood: {top}")
        harness.check("10.9.9.9" in text and "over the limit" in text, "the table does not show the flood")


def a10_victim(timeballctl, command, folder):
    """Somebody asks in a client's name, without end: the client still gets one answer in four."""
    with harness.daemon(command, CONF.format(threads=1, socket=os.path.join(folder, "s"))) as d:
        started(d)
        flood, got = Flood(), 0
        with client("10.3.3.3") as s:
            for i in range(400):
                flood.send([0x0A030303] * 20)
                mark = struct.pack("!Q", 1 + i)
                s.send(harness.request(transmit=mark))
                drained_one()
                got += answered(s, mark)
        print(f"a client in whose name 20 times as many are sent: {got} answers to 400 requests")
        harness.check(60 <= got <= 160, f"{got} answers to 400 requests; one in four is 100")


def drained_one():
    harness.check(ask("127.0.0.1"), "127.0.0.1 gets no answer")


def answered(s, mark):
    """Whether the time came for that request, among what waits in the socket."""
    s.setblocking(False)
    found = False
    while True:
        try:
            answer = harness.Answer(s.recv(2048))
        except BlockingIOError:
            return found
        found = found or (answer.origin == mark and answer.refid != b"RATE")


def a14(timeballctl, command, folder):
    """100000 datagrams of junk: a few log lines, and each in one counter."""
    path = os.path.join(folder, "s")
    with harness.daemon(command, CONF.format(threads=1, socket=path)) as d:
        started(d)
        before = counted(timeballctl, path)
        lines = d.output().count("\n")
        dice, sockets = random.Random(14), [client(f"10.4.0.{i}") for i in range(1, 101)]
        judged = 0
        for _ in range(1000):
            for s in sockets:
                s.send(dice.randbytes(dice.choice((0, 1, 12, 47, 48, 49, 68, 200))))
            drained_one()
            judged += 1
        sent, counts = 100_000 + judged, counted(timeballctl, path)
        new = d.output().count("\n") - lines
        print({k: v - before.get(k, 0) for k, v in counts.items() if v})
        print(f"{sent} datagrams: {sum(counts.values()) - sum(before.values())} counted, {new} log lines")
        harness.check(sum(counts.values()) - sum(before.values()) == sent, "not all were counted")
        harness.check(new <= 5, f"{new} log lines")


def counted(timeballctl, path):
    return json.loads(clients_of(timeballctl, path, "--json"))["server"]["verdicts"]


def test(own, command):
    which, timeballctl = own
    own_networks()
    with tempfile.TemporaryDirectory(prefix="timeball-net-") as folder:
        {"a10": a10, "a10_victim": a10_victim, "a14": a14}[which](timeballctl, command, folder)


harness.main(test)
