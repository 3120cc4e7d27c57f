"""Requests that nobody should send, from the histories of other servers: what gets an answer, and of what size.

usage: test_probe.py REFID -- DAEMON [ARGUMENT]...
"""

import random
import socket
import struct

import harness
from harness import PORT, Answer, Prober, check, request

HEADER = 48


def silent(probe, what, *datagrams):
    answers = probe.exchange(*datagrams)
    check(not answers, f"{what}: {len(answers)} answers, the first {answers[0].hex() if answers else ''}")


def answered(probe, what, datagram):
    """Exactly one answer, not longer than the request, in order."""
    answers = probe.exchange(datagram)
    check(len(answers) == 1, f"{what}: {len(answers)} answers")
    check(HEADER == len(answers[0]) <= len(datagram), f"{what}: {len(datagram)} octets in, {len(answers[0])} out")
    a = Answer(answers[0])
    check(a.origin == datagram[40:48], f"{what}: origin {a.origin.hex()}")
    check(a.version == datagram[0] >> 3 & 7, f"{what}: version {a.version}")
    check(a.mode == (datagram[0] & 7) + 1, f"{what}: mode {a.mode}")
    check(a.reftime <= a.receive <= a.transmit, f"{what}: order of times: {a}")
    check(0 < a.root_dispersion < 16, f"{what}: root dispersion {a.root_dispersion}")
    check((a.leap, a.stratum) == (0, 1), f"{what}: {a}")
    return a


def a4_modes(probe, refid):
    """A4: 3 and 1 are answered, the others not: two servers can never talk to each other for ever."""
    for version in (1, 2, 3, 4):
        for mode in (0, 2, 4, 5):
            silent(probe, f"version {version}, mode {mode}", request(version, mode))
        for mode in (1, 3):
            answered(probe, f"version {version}, mode {mode}", request(version, mode))


def a6_versions(probe, refid):
    """A6: the version asked is the version answered."""
    for version in (0, 5, 6, 7):
        silent(probe, f"version {version}", request(version))
    for version in (1, 2, 3, 4):
        a = answered(probe, f"version {version}", request(version))
        check(a.refid.rstrip(b"\0") == refid.encode(), f"refid {a.refid}")


def a5_lengths(probe, refid):
    """A5: nothing below 48 octets; what follows 48 is parsed or ignored, never echoed."""
    for size in (0, 1, 12, 47):
        silent(probe, f"{size} octets", request()[:size])
    for size in (48, *range(49, 68), 72, 76, 1472, 65507):
        datagram = request(tail=bytes(size - HEADER))
        if size - HEADER in (4, 20, 24):  # a MAC
            silent(probe, f"{size} octets", datagram)
        else:
            answered(probe, f"{size} octets", datagram)


def a7_fields(probe, refid):
    """A7: extension fields, whole and broken; A9: keys that nobody has."""
    def field(kind, length, size=None):
        return struct.pack("!HH", kind, length) + bytes((length if size is None else size) - 4)

    good = {
        "unknown type": field(0x7777, 28),
        "two": field(0x0104, 16) + field(0x0204, 28),
        "16 of one type": field(0x0104, 16) * 15 + field(0x0104, 28),
        "length 0": field(0x0104, 0, 60),
        "length 3": field(0x0104, 3, 60),
        "length 18": field(0x0104, 18, 60),
        "past the end": field(0x0104, 0xFFFC, 60),
        "a field, then length 0": field(0x0104, 16) + bytes(40),
    }
    for what, tail in good.items():
        answered(probe, what, request(tail=tail))
    for what, tail in {"crypto-NAK": bytes(4), "MD5": bytes(20), "SHA-1": bytes(24)}.items():
        silent(probe, what, request(tail=tail))


def a8_origins(probe, refid):
    """A8: the client's transmit timestamp comes back bit for bit, whatever it is."""
    for stamp in (bytes(8), b"\xff" * 8, b"\x80" + bytes(7), random.randbytes(8)):
        answered(probe, f"transmit {stamp.hex()}", request(transmit=stamp))


def answers_to_forged(source, source_port):
    """The answers that left our port for a forged request, as seen on the wire."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800)) as tap:
        tap.bind(("lo", 0x0800))
        tap.settimeout(0.1)
        harness.send_forged(source, source_port)
        Prober().exchange()  # by then it would have been answered
        left = 0
        try:
            while True:
                data, where = tap.recvfrom(65535)
                is_udp = where[2] != socket.PACKET_OUTGOING and data[9] == socket.IPPROTO_UDP
                ports = struct.unpack("!HH", data[20:24])
                left += is_udp and ports == (PORT, source_port) and data[28] & 7 == 4
        except TimeoutError:
            return left


def a3_forged_sources(probe, refid):
    """A3: no answer to port 0, to our own port, to broadcast or multicast."""
    check(answers_to_forged("127.0.0.9", 4321) == 1, "a forged request is not even seen")
    for source, port in (("127.0.0.1", 0), ("127.0.0.1", PORT), ("255.255.255.255", 4321), ("224.0.0.1", 4321)):
        check(not answers_to_forged(source, port), f"an answer to {source} port {port}")


def a14_junk(probe, refid):
    """A14: noise costs no memory and no log lines."""
    generator = random.Random(1)
    for _ in range(300):
        datagrams = [generator.randbytes(generator.choice((0, 1, 8, 12, 47, 48, 68, 100, 500))) for _ in range(60)]  # fits any socket buffer
        size, answers = sum(map(len, datagrams)), probe.exchange(*datagrams)
        check(len(answers) <= 60 and sum(map(len, answers)) <= size, "more out than in")


PROBES = (a4_modes, a6_versions, a5_lengths, a7_fields, a8_origins, a3_forged_sources)


def test(own, command):
    (refid,) = own
    with harness.daemon(command) as d:
        d.wait_synchronised()
        for host in harness.hosts():
            probe = Prober(host)
            for f in PROBES:
                f(probe, refid)
                d.alive()
                print(host, f.__name__, "ok")
            a14_junk(probe, refid)
            memory, lines = d.memory(), d.output().count("\n")
            a14_junk(probe, refid)
            grown, said = d.memory() - memory, d.output().count("\n") - lines
            print(host, f"18000 datagrams of junk: {grown} kB, {said} lines")
            check(grown <= 512, f"junk cost {grown} kB of memory")
            check(said <= 20, f"junk cost {said} log lines")
            probe.close()


harness.main(test)
