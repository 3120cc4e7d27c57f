#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""timeballd on a real kernel: within 20 s of its start it answers a client outside as stratum 1, and it disciplines
the guest's system clock, which booted in the year 2020 on a crystal that is 20 ppm off.

Exit status 77, with the reason, where the rig was not set up (`./dev hat --prepare`).
"""
import fcntl
import json
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
import unittest

sys.dont_write_bytecode = True
import ntpcheck

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
PROGRAMS = TOP / 'build/arm64'
RUNS = TOP / 'build/hat/runs'
PPM, START_OFFSET = 20, 3600.25
LIMIT = 20        # s, from the daemon's start to the first good answer
NEAR = 0.005      # s; the emulated pulse itself comes up to 2 ms late
NEAR_PPM = 15     # in so short a time, with pulses that scatter by some hundred us
STA_UNSYNC = 0x40
WATCH = 30        # s, how long the answers are looked at after the first good one


def why_not():
    """The reason to skip, or None."""
    for program in ('qemu-system-aarch64', 'fdtput', 'cpio', 'xz', 'aarch64-linux-gnu-gcc'):
        if not shutil.which(program, path='/usr/bin:/bin:/usr/sbin:/sbin'):
            return f'{program} is not installed'
    if not list(TOP.glob('build/hat/kernel/boot/vmlinuz-*')):
        return 'no guest kernel in build/hat/kernel'
    if not (PROGRAMS / 'build.ninja').exists():
        return 'no cross build in build/arm64'
    return None


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Guest:
    """One run of the rig, with timeballd in it."""

    def __init__(self):
        RUNS.mkdir(parents=True, exist_ok=True)
        for old in sorted(RUNS.glob('test-*'))[:-4]:
            shutil.rmtree(old)
        self.out = RUNS / time.strftime('test-%Y%m%d-%H%M%S')
        self.out.mkdir()
        self.port = free_port()
        self.log = open(self.out / 'rig.log', 'w')
        self.rig = subprocess.Popen(
            [HERE / 'hat-rig', '-o', self.out, '-t', '150', '-r', '2020-01-01T00:00:00', '-u', str(self.port),
             '-F', f'--ppm {PPM} --start-offset {START_OFFSET}', '-f', PROGRAMS / 'timeballd',
             '-f', PROGRAMS / 'timeballctl', '-f', HERE / 'guest/timeballd-test', '--', './timeballd-test'],
            stdout=self.log, stderr=subprocess.STDOUT)

    def read(self, name):
        try:
            return (self.out / name).read_text(errors='replace')
        except OSError:
            return ''

    def wait_for(self, name, seconds):
        end = time.monotonic() + seconds
        while not self.read(name).strip():
            if time.monotonic() > end or self.rig.poll() is not None:
                raise AssertionError(f'the guest made no {name}:\n{self.read("rig.log")}{self.read("console.log")}')
            time.sleep(0.1)

    def stop(self):
        (self.out / 'stop').write_text('')
        try:
            return self.rig.wait(30)
        except subprocess.TimeoutExpired:
            self.rig.terminate()
            self.rig.wait()
            return None


class Hat(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.guest = g = Guest()
        cls.answers, cls.first = [], None
        try:
            g.wait_for('started', 90)
            begin = time.monotonic()
            g.wait_for('truth.json', 10)
            truth = ntpcheck.Truth(g.out / 'truth.json')
            while (now := time.monotonic() - begin) < LIMIT + WATCH and g.rig.poll() is None:
                answer = ntpcheck.ask(g.port, truth)
                if answer:
                    cls.answers.append((now, answer))
                if cls.first is None and answer and answer.stratum == 1 and answer.leap == 0:
                    cls.first = time.monotonic() - begin
                if cls.first is not None and now > cls.first + WATCH:
                    break
                time.sleep(0.5)
        finally:
            cls.rc = g.stop()
        print(f'first synchronised answer {cls.first and round(cls.first, 1)} s after the daemon\'s start')
        for when, a in cls.answers[-3:]:
            print(f'{when:5.1f} s: stratum {a.stratum} refid {a.refid} leap {a.leap} offset {a.offset * 1e6:+.0f} us')

    def good(self):
        return [a for when, a in self.answers if self.first is not None and when >= self.first]

    def say(self):
        return f'see {self.guest.out}\n' + self.guest.read('rig.log')[-3000:]

    def test_synchronised_in_time(self):
        self.assertIsNotNone(self.first, self.say())
        self.assertLess(self.first, LIMIT, self.say())

    def test_answers(self):
        self.assertGreater(len(self.good()), 20, self.say())
        for a in self.good():
            self.assertEqual((a.leap, a.mode, a.stratum), (0, 4, 1), a)
            self.assertIn(a.refid, ('PPS', 'GPS'))
            self.assertLess(abs(a.offset), NEAR + a.delay / 2, a)
            self.assertLess(abs(a.offset), a.root_delay / 2 + a.root_dispersion + a.delay / 2 + 0.0025, a)

    def test_before_that_it_says_so(self):
        for when, a in self.answers:
            if self.first is None or when < self.first - 1:
                self.assertEqual((a.leap, a.stratum, a.refid), (3, 0, 'INIT'), a)

    def test_system_clock(self):
        """The kernel's stamps of the pulses, by the guest's clock, beside the seconds the pulses were."""
        before = int(self.guest.read('clock-before') or 0)
        truth = ntpcheck.Truth(self.guest.out / 'truth.json')
        self.assertLess(before, truth.t['first_utc'] - 5 * 365 * 86400, 'the guest did not boot in 2020')
        utc = {json.loads(x)['utc'] for x in self.guest.read('pulses.jsonl').splitlines()}
        stamps = [int(s) + int(f) / 1e9 for s, f in re.findall(r'(\d+)\.(\d{9})#', self.guest.read('asserts'))][-10:]
        self.assertEqual(len(stamps), 10, self.say())
        for s in stamps:
            self.assertIn(round(s), utc, f'{s} is no second of the receiver')
            self.assertLess(abs(s - round(s)), NEAR, self.say())

    def test_kernel_is_told(self):
        text = self.guest.read('adjtimex')
        status = [int(x) for x in re.findall(r'status:\s*(\d+)', text)][-10:]
        frequency = [int(x) / 65536 for x in re.findall(r'freq\.adjust:\s*(-?\d+)', text)][-10:]
        self.assertEqual((len(status), len(frequency)), (10, 10), f'adjtimex printed: {text!r}')
        self.assertFalse(any(x & STA_UNSYNC for x in status), f'STA_UNSYNC is set: {text}')
        self.assertLess(abs(statistics.median(frequency) - PPM), NEAR_PPM, frequency)

    def test_end(self):
        self.assertEqual(self.rc, 0, self.say())
        self.assertTrue(self.guest.read('drift').strip(), 'no drift file was written')


if __name__ == '__main__':
    reason = why_not()
    if reason:
        print(f'skipped: {reason}; `./dev hat` sets the emulated HAT up and runs this test')
        sys.exit(77)
    lock = open(TOP / 'build/hat/lock', 'w')
    fcntl.flock(lock, fcntl.LOCK_EX)  # two guests at a time would disturb each other's pulses
    build = subprocess.run(['cmake', '--build', PROGRAMS], capture_output=True, text=True)
    if build.returncode:
        sys.exit(build.stdout + build.stderr)
    unittest.main(verbosity=2)
