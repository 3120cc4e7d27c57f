#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Asks an NTP server (the guest's, through the forwarded port) and compares it with the HAT's truth.

usage: ntpcheck.py PORT [--truth RESULT/truth.json] [-n COUNT] [-i INTERVAL] [--wait SECONDS]
Offset printed: server minus simulated GPS time (or minus the host's clock without --truth).
"""
import argparse
import json
import math
import socket
import statistics
import struct
import sys
import time
from collections import namedtuple

NTP_TO_UNIX = 2208988800
GRAIN = 0.0025    # s, what the way from the rig to the guest may add to an answer
Answer = namedtuple('Answer', 'leap mode stratum refid root_delay root_dispersion offset delay')


class Truth:
    """Simulated GPS time out of the host's CLOCK_MONOTONIC; the host's own clock without a file."""

    def __init__(self, path=None):
        self.base = time.time() - time.monotonic()
        self.t = None
        if path:
            with open(path) as f:
                self.t = json.load(f)

    def at(self, mono):
        if not self.t:
            return mono + self.base
        t, x = self.t, mono - self.t['mono0']
        (amplitude, period), rate = t['ppm_sine'], 1 - t['ppm'] * 1e-6
        n = x / rate
        for _ in range(3):
            n = (x + amplitude * 1e-6 * period / (2 * math.pi) * (1 - math.cos(2 * math.pi * n / period))) / rate
        utc = t['first_utc'] + n
        return utc - 1 if t['leap'] and utc >= t['leap'] + 1 else utc


def bound(answer):
    """How wrong it may be, by its own word, s."""
    return answer.root_delay / 2 + answer.root_dispersion + answer.delay / 2 + GRAIN


def stamp(high, low):
    return high - NTP_TO_UNIX + low / 2**32


def ask(port, truth, host='127.0.0.1', timeout=1.0):
    """One mode 3 request. None when there is no answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(timeout)
        try:
            s.connect((host, port))
            sent = time.monotonic()
            cookie = time.monotonic_ns() & 0xffffffffffffffff
            s.send(struct.pack('!B39xQ', 0x23, cookie))
            while True:
                packet, got = s.recv(1024), time.monotonic()
                if len(packet) >= 48 and struct.unpack('!Q', packet[24:32])[0] == cookie:
                    break
        except OSError:
            return None
    first, stratum, delay, dispersion = struct.unpack('!BBxxII', packet[:12])
    received, answered = stamp(*struct.unpack('!II', packet[32:40])), stamp(*struct.unpack('!II', packet[40:48]))
    offset = ((received - truth.at(sent)) + (answered - truth.at(got))) / 2
    return Answer(first >> 6, first & 7, stratum, packet[12:16].rstrip(b'\0').decode('latin1'), delay / 65536,
                  dispersion / 65536, offset, (got - sent) - (answered - received))


def main():
    p = argparse.ArgumentParser()
    p.add_argument('port', type=int)
    p.add_argument('--truth')
    p.add_argument('-n', type=int, default=8)
    p.add_argument('-i', type=float, default=0.5)
    p.add_argument('--wait', type=float, default=0, help='first wait up to this long for a synchronised answer')
    o = p.parse_args()
    truth, end, answers = Truth(o.truth), time.monotonic() + o.wait, []
    for _ in range(o.n):
        a = ask(o.port, truth)
        while time.monotonic() < end and not answers and (a is None or a.stratum in (0, 16)):
            time.sleep(o.i)
            a = ask(o.port, truth)
        if a:
            answers.append(a)
            print(f'stratum {a.stratum} refid {a.refid:<4} leap {a.leap} offset {a.offset * 1e6:+12.1f} us '
                  f'delay {a.delay * 1e6:8.1f} us root dispersion {a.root_dispersion:.6f}', flush=True)
        time.sleep(o.i)
    if not answers:
        sys.exit('no answer')
    best = min(answers, key=lambda a: a.delay)
    print(f'{len(answers)} of {o.n} answered, offset median {statistics.median(a.offset for a in answers) * 1e6:+.1f} us, '
          f'at the least delay {best.offset * 1e6:+.1f} us')


if __name__ == '__main__':
    main()
