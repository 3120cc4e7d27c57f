"""A small NTP server on port 123 of its namespace, right but for the one thing that its manner says. SIGUSR1 turns on what
the manner `later` says; SIGUSR2 turns it off.

usage: ntp_host.py MANNER [VALUE]

  right            right answers
  off SECONDS      so much ahead
  later SECONDS    the same after SIGUSR1
  zero             originate timestamp zero
  replay           the right answer, the same again, and an earlier one
  spoof            kisses of death RATE and DENY with a wrong and a zero originate, then the right answer
  rate, deny       a true kiss of death
  silent           none
  off_path         a right originate from another port, an hour off; then the right answer
  loop ADDRESS     it says that it follows that address
  useless          by turns: stratum 16, LI 3, root distance of 2 s, precision of 2^127 s, a reply before the request
"""

import ipaddress
import signal
import socket
import struct
import sys
import time

NTP_1970 = 2208988800
RATE, DENY = b"RATE", b"DENY"


def stamp(t):
    return struct.pack("!Q", int((t + NTP_1970) * 2**32) & (2**64 - 1))


class Reply:
    def __init__(self, request, received, by=0.0):
        self.version, self.origin, self.received, self.by = request[0] >> 3 & 7, request[40:48], received, by
        self.leap, self.stratum, self.precision, self.refid = 0, 1, -20, b"TEST"
        self.root_delay, self.root_dispersion, self.early = 0, 1e-4, 0

    def kiss(self, code, origin):
        self.leap, self.stratum, self.refid, self.origin = 3, 0, code, origin
        return self

    def bytes(self):
        first = self.leap << 6 | self.version << 3 | 4
        head = struct.pack("!BBbb", first, self.stratum, 6, self.precision)
        head += struct.pack("!II", int(self.root_delay * 65536), int(self.root_dispersion * 65536)) + self.refid
        received, sent = self.received + self.by, time.time() + self.by - self.early
        return head + stamp(received - 1) + self.origin + stamp(received) + stamp(sent)


def useless(turn, reply):
    if turn == 0:
        reply.stratum = 16
    elif turn == 1:
        reply.leap = 3
    elif turn == 2:
        reply.root_dispersion = 2
    elif turn == 3:
        reply.precision = 127
    else:
        reply.early = 1
    return reply


class Server:
    def __init__(self, manner, value):
        self.manner, self.value, self.on, self.count, self.kept = manner, value, manner == "off", 0, []
        self.socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.socket.bind(("::", 123))
        self.other = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.other.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)

    def replies(self, request, received):
        """(socket, datagram) each."""
        right = Reply(request, received, float(self.value) if self.on else 0.0)
        mine, origin, manner = self.socket, request[40:48], self.manner
        if manner == "silent":
            return
        if manner in ("rate", "deny"):
            yield mine, right.kiss(manner.upper().encode(), origin).bytes()
            return
        if manner == "spoof":
            for code in RATE, DENY:
                yield mine, Reply(request, received).kiss(code, b"\0" * 8).bytes()
                yield mine, Reply(request, received).kiss(code, b"\x99" * 8).bytes()
        elif manner == "off_path":
            yield self.other, Reply(request, received, 3600.0).bytes()
        elif manner == "zero":
            right.origin = b"\0" * 8
        elif manner == "loop":
            right.stratum, right.refid = 2, ipaddress.ip_address(self.value).packed
        elif manner == "useless":
            useless(self.count % 5, right)
        data = right.bytes()
        yield mine, data
        if manner == "replay":
            yield mine, data
            for old in self.kept[-1:]:
                yield mine, old
            self.kept.append(data)

    def run(self):
        while True:
            request, address = self.socket.recvfrom(2048)
            received = time.time()
            if len(request) < 48 or request[0] & 7 != 3:
                continue
            for sender, data in self.replies(request, received):
                sender.sendto(data, address)
            self.count += 1


def main():
    server = Server(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "0")
    signal.signal(signal.SIGUSR1, lambda *_: setattr(server, "on", True))
    signal.signal(signal.SIGUSR2, lambda *_: setattr(server, "on", False))
    server.run()


main()
