"""A name server on port 53 of its namespace: what the zone file holds now, {"name": ["address", ...]}; else no such name.

usage: dns_host.py ZONE
"""

import ipaddress
import json
import socket
import struct
import sys

A, AAAA, NXDOMAIN = 1, 28, 3


def question(data):
    """The name, its type, and where the question ends."""
    at, labels = 12, []
    while data[at]:
        labels.append(data[at + 1 : at + 1 + data[at]].decode())
        at += 1 + data[at]
    return ".".join(labels).lower(), struct.unpack("!H", data[at + 1 : at + 3])[0], at + 5


def answer(data, zone):
    name, kind, end = question(data)
    known = [ipaddress.ip_address(a) for a in zone.get(name, [])]
    found = [a for a in known if kind == {4: A, 6: AAAA}[a.version]]
    flags = 0x8180 | (0 if known else NXDOMAIN)
    reply = data[:2] + struct.pack("!HHHHH", flags, 1, len(found), 0, 0) + data[12:end]
    for a in found:
        reply += struct.pack("!HHHIH", 0xC00C, kind, 1, 1, len(a.packed)) + a.packed
    return reply


def main():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("", 53))
        while True:
            data, address = s.recvfrom(2048)
            with open(sys.argv[1]) as f:
                s.sendto(answer(data, json.load(f)), address)


main()
