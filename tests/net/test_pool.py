"""timeballctl pool-check against the real daemon, and against servers that lose points in every way.

usage: test_pool.py TIMEBALLCTL -- DAEMON [ARGUMENT]...
"""

import json
import socket
import struct
import subprocess
import threading
import time

import harness
from harness import NTP_1970, PORT, check
from receiver import Receiver

CONF = """
clock none
statussocket {socket}
refclock nmea {tty} delay 0..0.4
listen 127.0.0.1
listen ::1
"""


class Stub:
    """A server on an address of its own that answers each request by `answer(count, request)`, or not at all."""

    def __init__(self, host, answer):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, PORT))
        self.answer, self.count = answer, 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            data, address = self.socket.recvfrom(2048)
            self.count += 1
            packet = self.answer(self.count, data)
            if packet:
                self.socket.sendto(packet, address)


def packet(request, offset=0.0, stratum=2, refid=b"\x7f\x00\x00\x01", leap=0):
    now = time.time() + offset + NTP_1970
    stamp = struct.pack("!II", int(now), int(now % 1 * 2**32))
    head = bytes([leap << 6 | 4 << 3 | 4, stratum, 0, 0xEC]) + bytes(8) + refid
    return head + stamp + request[40:48] + stamp + stamp


LOSERS = {  # address: (answer, result, step, cap, queries)
    "127.0.0.11": (lambda n, r: packet(r, stratum=0, refid=b"RATE"), "kiss RATE", -3.5, None, 1),
    "127.0.0.12": (lambda n, r: packet(r, stratum=0, refid=b"DENY"), "kiss DENY", -10, -50, 1),
    "127.0.0.13": (lambda n, r: packet(r, stratum=0, refid=b"INIT", leap=3), "unsynchronised", -2, 5, 1),
    "127.0.0.14": (lambda n, r: packet(r, stratum=16), "stratum", -4, None, 1),
    "127.0.0.15": (lambda n, r: packet(r, offset=5), "answered", -4, -20, 3),
    "127.0.0.16": (lambda n, r: packet(r, offset=-1), "answered", -2, None, 3),
    "127.0.0.17": (lambda n, r: packet(r, stratum=9), "answered", -4, None, 3),
    "127.0.0.18": (lambda n, r: None, "no answer", -5, None, 3),
    "127.0.0.19": (None, "no answer", -5, None, 3),  # nobody listens there
    "127.0.0.20": (lambda n, r: packet(r, offset=0.5) if n == 2 else None, "answered", 0.731 - 2.308 * 0.5, None, 3),
    "127.0.0.21": (lambda n, r: packet(b"\0" * 48), "no answer", -5, None, 3),  # not the answer to what was asked
}


class Run:
    def __init__(self, program, *words):
        self.words = [program, *words]
        self.process = subprocess.Popen(self.words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def end(self, expected):
        out, err = self.process.communicate(timeout=60)
        print("$", *self.words, f"-> {self.process.returncode}\n{out.partition('net_speeds')[0]}{err}")
        check(self.process.returncode == expected, f"{self.words}: exit status {self.process.returncode}, not {expected}")
        return out + err


def good(program, status):
    """The daemon gets every point, its own estimate is what it is held against, three requests in four seconds pass."""
    text = Run(program, "-s", status, "pool-check").end(0)  # this machine has no other address than loopback
    for part in ("127.0.0.1 (loopback: the pool does not take it)", "3 of 3 answered with a time, stratum 1", "nothing costs points",
                 "it goes to 20.0", "in the pool (10) after 14 checks, about 2 h 6 min", "capacity: timeballd answered"):
        check(part in text, f"'{part}' is not in:\n{text}")
    check("the estimate of this machine's timeballd" in " ".join(text.split()), text)
    for host in harness.hosts():
        check(host in text, f"{host} is not in:\n{text}")
    found = json.loads(Run(program, "-s", status, "--json", "pool-check", "localhost").end(0))
    check(found["reference"] == "timeballd" and found["good"], f"{found}")
    check({a["address"] for a in found["addresses"]} <= set(harness.hosts()), f"{found}")
    for a in found["addresses"]:
        check(a["step"] == 1 and a["answers"] == 3 and abs(a["offset"]) < 0.025 and not a["costs"], f"{a}")
    check(found["answers_per_s"] > 0.2, f"{found['answers_per_s']} answers/s")


def bad(program):
    """Each at the same time; without a status socket the system clock is what offsets are told of."""
    stubs = [Stub(host, row[0]) for host, row in LOSERS.items() if row[0]]
    runs = {host: Run(program, "-s", "/nonexistent", "--json", "pool-check", host) for host in LOSERS}
    for host, (_, result, step, cap, queries) in LOSERS.items():
        out = runs[host].end(2)
        found = json.loads(out)
        a = found["addresses"][0]
        check(found["reference"] == "system clock", out)
        check((a["result"], a["cap"], a["queries"]) == (result, cap, queries), f"{host}: {a}")
        check(abs(a["step"] - step) < 0.25, f"{host}: {a}")  # a stub on a busy machine is late
        check(a["costs"] and a["todo"], f"{host}: no word what to do: {a}")
    one = Run(program, "-s", "/nonexistent", "pool-check", "127.0.0.12").end(2)
    for part in ("kiss of death DENY", "restrict", "not above -50", "no timeballd answers"):
        check(part in " ".join(one.split()), f"'{part}' is not in:\n{one}")
    print(len(stubs), "servers that lose points")


def errors(program):
    out = Run(program, "-s", "/nonexistent", "pool-check", "no-such-host.invalid").end(1)
    check(out.startswith("timeballctl: no-such-host.invalid: "), out)
    check("it takes one word, or none" in Run(program, "pool-check", "a", "b").end(1), "two hosts are taken")


def test(own, command):
    (program,) = own
    bad(program)
    errors(program)
    with Receiver() as receiver:
        receiver.fix = True
        with harness.daemon(command, CONF.format(tty=receiver.path, socket="status.sock")) as d:
            d.wait_synchronised()
            status = f"/proc/{d.process.pid}/cwd/status.sock"
            harness.while_synchronised(d, lambda: good(program, status))


harness.main(test)
