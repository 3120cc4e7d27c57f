#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The outside half of the emulated GPS HAT.

Drives the guest's PL061 line 4 through QEMU's qtest socket (the PPS) and writes NMEA bytes to the guest's PL011 at
a chosen baud rate. Every pulse sent goes to pulses.jsonl, and truth.json says what the simulated GPS time is as a
function of the host's CLOCK_MONOTONIC, so that a checker can compare.
"""
import argparse
import calendar
import fcntl
import json
import math
import os
import random
import socket
import struct
import sys
import time

SIOCOUTQ = 0x5411


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--dir', required=True, help='folder with the sockets qtest, nmea, qmp')
    p.add_argument('--out', required=True, help='the result folder')
    p.add_argument('--seconds', type=float, default=60)
    p.add_argument('--width', type=float, default=0.1, help='pulse width, s')
    p.add_argument('--invert', action='store_true', help='idle high, pulse low')
    p.add_argument('--baud', type=int, default=9600)
    p.add_argument('--nmea-delay', type=float, default=0.15, help='from pulse to first byte, s')
    p.add_argument('--nmea-jitter', type=float, default=0.03, help='std of that delay, s')
    p.add_argument('--sentences', default='RMC,GGA,GSA,GSV,ZDA')
    p.add_argument('--talker', default='GP')
    p.add_argument('--start', default='', help='GPS time of the first pulse (2026-12-31T23:59:30); default: host time')
    p.add_argument('--start-offset', type=float, default=0.0, help='seconds added to host time without --start')
    p.add_argument('--ppm', type=float, default=0.0, help='rate of GPS time against the host clock')
    p.add_argument('--ppm-sine', default='', help='AMPLITUDE,PERIOD: temperature-like wander of that rate')
    p.add_argument('--jitter', type=float, default=0.0, help='std of added pulse jitter, s')
    p.add_argument('--drop', default='', help='P or FROM-TO:P[,..]: probability that a pulse is missing')
    p.add_argument('--spike', default='', help='P or FROM-TO:P[,..]: probability of an extra pulse at a random phase')
    p.add_argument('--no-fix', default='', help='FROM-TO[,..]: seconds of the run with RMC status V')
    p.add_argument('--no-pps', default='', help='FROM-TO[,..]: seconds without pulses')
    p.add_argument('--no-nmea', default='', help='FROM-TO[,..]: seconds without sentences')
    p.add_argument('--nmea-off', default='', help='FROM-TO:N[,..]: sentences N s wrong')
    p.add_argument('--corrupt', default='', help='P or FROM-TO:P[,..]: probability that a sentence has one byte changed')
    p.add_argument('--leap', default='', help='UTC midnight before which 23:59:60 is inserted, e.g. 2027-01-01')
    p.add_argument('--seed', type=int, default=1)
    return p.parse_args()


def connect(path, limit=30):
    """The Unix socket at path, once QEMU has made it."""
    end = time.monotonic() + limit
    while True:
        s = socket.socket(socket.AF_UNIX)
        try:
            s.connect(path)
            return s
        except OSError:
            s.close()
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


class Spans:
    """FROM-TO[:VALUE],... over the seconds of the run; or a VALUE for all of it."""

    def __init__(self, text):
        self.spans = []
        try:
            self.spans, text = [(0.0, math.inf, float(text))], ''
        except ValueError:
            pass
        for part in filter(None, text.split(',')):
            span, _, value = part.partition(':')
            begin, _, end = span.partition('-')
            self.spans.append((float(begin), float(end or 'inf'), float(value or 1)))

    def at(self, n):
        return next((value for begin, end, value in self.spans if begin <= n < end), 0)


class Gpio:
    """The PPS line, through QEMU's qtest protocol."""

    def __init__(self, folder, line=4):
        self.place, self.line = self.find_pl061(os.path.join(folder, 'qmp')), line
        self.socket = connect(os.path.join(folder, 'qtest'))
        self.buffer = b''

    @staticmethod
    def find_pl061(path):
        """The QOM path of the machine's PL061, by listing the machine over QMP."""
        with connect(path) as s, s.makefile('rw') as stream:
            stream.readline()

            def execute(command, **args):
                stream.write(json.dumps({'execute': command, 'arguments': args}) + '\n')
                stream.flush()
                while True:
                    answer = json.loads(stream.readline())
                    if 'return' in answer:
                        return answer['return']
                    if 'error' in answer:
                        raise RuntimeError(answer['error'])
            execute('qmp_capabilities')
            for base in ('/machine/unattached', '/machine'):
                for child in execute('qom-list', path=base):
                    if child['type'] == 'child<pl061>':
                        return base + '/' + child['name']
        raise RuntimeError('no PL061 in this machine')

    def set(self, level):
        """Returns (monotonic ns before the send, ns until QEMU answered)."""
        message = f'set_irq_in {self.place} unnamed-gpio-in {self.line} {level}\n'.encode()
        sent = time.monotonic_ns()
        self.socket.sendall(message)
        while b'\n' not in self.buffer:
            data = self.socket.recv(4096)
            if not data:
                raise EOFError('QEMU went away')
            self.buffer += data
        took = time.monotonic_ns() - sent
        answer, _, self.buffer = self.buffer.partition(b'\n')
        if not answer.startswith(b'OK'):
            raise RuntimeError(answer.decode())
        return sent, took


class Uart:
    """Bytes at the baud rate; one is lost when the guest does not take it, as in a real UART."""

    def __init__(self, folder, baud):
        self.socket = connect(os.path.join(folder, 'nmea'))
        self.socket.setblocking(False)
        self.byte, self.queue, self.next = 10.0 / baud, bytearray(), 0.0
        self.sent = self.lost = 0
        self.received = bytearray()

    def put(self, data):
        if not self.queue:
            self.next = max(self.next, time.monotonic())
        self.queue += data

    def pump(self):
        """Sends what is due by now."""
        now, n = time.monotonic(), 0
        while n < len(self.queue) and self.next <= now:
            self.next += self.byte
            n += 1
        if n:
            chunk = bytes(self.queue[:n])
            del self.queue[:n]
            unread = struct.unpack('i', fcntl.ioctl(self.socket, SIOCOUTQ, b'\0' * 4))[0]
            try:
                if unread > 32768:
                    raise BlockingIOError
                self.socket.send(chunk)
                self.sent += n
            except BlockingIOError:
                self.lost += n
        try:
            self.received += self.socket.recv(4096)
        except BlockingIOError:
            pass

    def wait(self, until):
        """Keeps the bytes going until then; spins for the last millisecond."""
        while (left := until - time.monotonic()) > 0.0015:
            pause = left - 0.0012
            if self.queue:
                pause = min(pause, max(self.next - time.monotonic(), 0.0005))
            time.sleep(pause)
            self.pump()
        while time.monotonic() < until:
            pass


class Truth:
    """Simulated GPS time: when each of its seconds is on the host's monotonic clock, and what it is called."""

    def __init__(self, o):
        mono, real = time.monotonic_ns() / 1e9, time.time_ns() / 1e9
        host = real + o.start_offset
        self.first = int(host) + 2
        self.mono0 = mono + (self.first - host)
        if o.start:
            self.first = calendar.timegm(time.strptime(o.start, '%Y-%m-%dT%H:%M:%S'))
        self.leap = calendar.timegm(time.strptime(o.leap, '%Y-%m-%d')) if o.leap else None
        self.rate = o.ppm * 1e-6
        self.sine = [float(x) for x in o.ppm_sine.split(',')] if o.ppm_sine else [0.0, 1.0]
        with open(os.path.join(o.out, 'truth.json.new'), 'w') as f:
            json.dump({'first_utc': self.first, 'mono0': self.mono0, 'ppm': o.ppm, 'ppm_sine': self.sine, 'leap': self.leap,
                       'host_real_minus_mono': real - mono, 'argv': sys.argv[1:]}, f)
        os.rename(f.name, os.path.join(o.out, 'truth.json'))

    def mono(self, n):
        amplitude, period = self.sine
        wander = amplitude * 1e-6 * period / (2 * math.pi) * (1 - math.cos(2 * math.pi * n / period))
        return self.mono0 + n * (1 - self.rate) - wander

    def utc(self, n):
        """(POSIX second, is it 23:59:60?)"""
        t = self.first + n
        if self.leap is None or t < self.leap:
            return t, False
        return t - 1, t == self.leap


def sentence(body):
    check = 0
    for c in body:
        check ^= ord(c)
    return f'${body}*{check:02X}\r\n'


def sentences(o, t, fix, sec60):
    g, k = time.gmtime(t), o.talker
    hms = f'{g.tm_hour:02d}{g.tm_min:02d}{60 if sec60 else g.tm_sec:02d}.00'
    dmy = f'{g.tm_mday:02d}{g.tm_mon:02d}{g.tm_year % 100:02d}'
    body = {
        'RMC': [f'RMC,{hms},{"A" if fix else "V"},5228.9000,N,00154.1000,W,0.02,,{dmy},,,{"A" if fix else "N"}'],
        'GGA': [f'GGA,{hms},5228.9000,N,00154.1000,W,{1 if fix else 0},{9 if fix else 0:02d},0.9,140.0,M,48.0,M,,'],
        'GSA': [f'GSA,A,{3 if fix else 1},02,05,07,13,15,18,21,29,30,,,,1.6,0.9,1.3'],
        'GSV': ['GSV,2,1,08,02,45,101,40,05,60,200,42,07,15,300,33,13,70,050,45',
                'GSV,2,2,08,15,30,150,38,18,22,250,35,21,55,330,41,29,12,020,30'],
        'ZDA': [f'ZDA,{hms},{g.tm_mday:02d},{g.tm_mon:02d},{g.tm_year:04d},00,00'],
    }
    return [sentence(k + text) for name in o.sentences.split(',') for text in body[name]]


class Hat:
    """One second after the other: a pulse, then the sentences that name it."""

    def __init__(self, o):
        self.o, self.random = o, random.Random(o.seed)
        self.gpio, self.uart = Gpio(o.dir), Uart(o.dir, o.baud)
        self.high, self.low = (0, 1) if o.invert else (1, 0)
        self.no_fix, self.no_pps, self.no_nmea = Spans(o.no_fix), Spans(o.no_pps), Spans(o.no_nmea)
        self.nmea_off, self.corrupt = Spans(o.nmea_off), Spans(o.corrupt)
        self.drop, self.spikes = Spans(o.drop), Spans(o.spike)
        self.gpio.set(self.low)
        while not os.path.exists(os.path.join(o.out, 'guest-ready')):
            time.sleep(0.05)
        self.truth = Truth(o)
        self.log = open(os.path.join(o.out, 'pulses.jsonl'), 'w', buffering=1)

    def record(self, **what):
        self.log.write(json.dumps(what) + '\n')

    def pulse(self, n, t):
        utc, sec60 = self.truth.utc(n)
        at = t + (self.random.gauss(0, self.o.jitter) if self.o.jitter else 0.0)
        self.uart.wait(at)
        sent, took = self.gpio.set(self.high)
        self.record(n=n, utc=utc, sec60=sec60, want_mono=round(t, 9), sent_mono=sent / 1e9, answer_us=took // 1000)
        self.uart.wait(at + self.o.width)
        self.gpio.set(self.low)

    def message(self, n):
        if self.no_nmea.at(n):
            return
        utc, sec60 = self.truth.utc(n)
        wrong = int(self.nmea_off.at(n))
        for text in sentences(self.o, utc + wrong, not self.no_fix.at(n), sec60 and not wrong):
            if self.random.random() < self.corrupt.at(n):
                i = self.random.randrange(1, len(text) - 5)
                text = text[:i] + chr(ord(text[i]) ^ 1) + text[i + 1:]
            self.uart.put(text.encode())

    def spike(self, n, after):
        at = after + self.random.random() * 0.5
        self.uart.wait(at)
        self.gpio.set(self.high)
        self.record(n=n, spike_mono=round(at, 9))
        self.uart.wait(at + 0.01)
        self.gpio.set(self.low)

    def second(self, n):
        t, o = self.truth.mono(n), self.o
        if not self.no_pps.at(n) and self.random.random() >= self.drop.at(n):
            self.pulse(n, t)
        delay = max(o.width + 0.005, self.random.gauss(o.nmea_delay, o.nmea_jitter))
        self.uart.wait(t + delay)
        self.message(n)
        if self.random.random() < self.spikes.at(n):
            self.spike(n, t + delay)


def main():
    o = arguments()
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    except OSError:
        pass  # an ordinary user: later by some tens of us
    hat, n = Hat(o), 0
    try:
        while n < o.seconds:
            hat.second(n)
            n += 1
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the guest was switched off
    with open(os.path.join(o.out, 'feeder.json'), 'w') as f:
        u = hat.uart
        json.dump({'pulses': n, 'uart_sent': u.sent, 'uart_lost': u.lost, 'uart_from_guest': u.received.hex()}, f)


main()
