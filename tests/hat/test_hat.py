#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""timeballd on a real kernel: within 20 s of its start it answers a client outside as stratum 1, and it disciplines
the guest's system clock, which booted in the year 2020 on a crystal that is 20 ppm off. Then the receiver misbehaves,
phase after phase, and the client must never be told a wrong time at stratum 1.

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
PPM = 20
MIDNIGHT = 190    # s of the run: 2027-01-01T00:00:00, after 23:59:60
START = '2026-12-31T23:56:50'
LIMIT = 20        # s, from the daemon's start to the first good answer
NEAR = 0.005      # s; the emulated pulse itself comes up to 2 ms late
NEAR_PPM = 15     # after minutes with pulses that scatter by some hundred us, and misbehave
SAME_PPM = 0.05
STA_UNSYNC = 0x40
# What the receiver does, from .. to seconds of the run, and what of it the feeder is told. All but the last end with some
# seconds in which nothing is wrong.
PHASES = [
    ('clock in 2020, cold start', 0, 30, None),
    ('pulses missing and extra', 30, 65, '--drop 30-50:0.3 --spike 30-50:0.3'),
    ('fix lost', 65, 100, '--no-fix 65-85'),
    ('sentences a second wrong', 100, 140, '--nmea-off 100-115:1'),
    ('bytes damaged', 140, 175, '--corrupt 140-160:0.5'),
    ('23:59:60', 175, 215, '--leap 2027-01-01'),
]
END = PHASES[-1][2]


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
            [HERE / 'hat-rig', '-o', self.out, '-t', str(END + 60), '-r', '2020-01-01T00:00:00', '-u', str(self.port),
             '-F', ' '.join([f'--ppm {PPM} --start {START}'] + [p[3] for p in PHASES if p[3]]), '-f', PROGRAMS / 'timeballd',
             '-f', PROGRAMS / 'timeballctl', '-f', TOP / 'tests/sim/lists/plus.list',
             '-f', HERE / 'guest/timeballd-test', '--', './timeballd-test'],
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


def wrong(answer, n):
    """Is this a claim of a time that it is not?"""
    if answer.leap == 3 or not 0 < answer.stratum < 16:
        return False
    # POSIX time has no name for 23:59:60: the second before or the one after stands for it
    names = (-1, 0, 1) if MIDNIGHT - 0.5 <= n < MIDNIGHT + 1.5 else (0,)
    return min(abs(answer.offset - name) for name in names) > ntpcheck.bound(answer)


class Hat(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.guest = g = Guest()
        cls.answers, cls.first = [], None
        try:
            g.wait_for('started', 90)
            begin = time.monotonic()
            g.wait_for('truth.json', 10)
            cls.truth = truth = ntpcheck.Truth(g.out / 'truth.json')
            while (n := time.monotonic() - truth.t['mono0']) < END and g.rig.poll() is None:
                answer = ntpcheck.ask(g.port, truth)
                if answer:
                    cls.answers.append((n, answer))
                if cls.first is None and answer and answer.stratum == 1 and answer.leap != 3:
                    cls.first = time.monotonic() - begin
                if cls.first is None and time.monotonic() > begin + 3 * LIMIT:
                    break
                time.sleep(0.5)
        finally:
            cls.rc = g.stop()
        print(f'first synchronised answer {cls.first and round(cls.first, 1)} s after the daemon\'s start')
        for phase in PHASES:
            cls.say_phase(phase)

    @classmethod
    def of(cls, phase):
        return [(n, a) for n, a in cls.answers if phase[1] <= n < phase[2]]

    @classmethod
    def say_phase(cls, phase):
        answers = cls.of(phase)
        claims = [(n, a) for n, a in answers if a.stratum == 1 and a.leap != 3]
        bad = [n for n, a in answers if wrong(a, n)]
        worst = max((abs(a.offset) for n, a in claims if not MIDNIGHT - 0.5 <= n < MIDNIGHT + 1.5), default=0)
        print(f'{phase[0]:26} {len(answers):3} answers, {len(claims):3} at stratum 1, worst {worst * 1e6:6.0f} us, '
              f'{len(bad)} wrong' + ''.join(f' at {n:.1f} s' for n in bad[:5]))

    def start(self):
        """Answers of the first phase, from the first good one on."""
        answers = [a for _, a in self.of(PHASES[0])]
        good = [i for i, a in enumerate(answers) if a.stratum == 1 and a.leap != 3]
        return answers[:good[0]] if good else answers, answers[good[0]:] if good else []

    def say(self):
        return f'see {self.guest.out}\n' + self.guest.read('rig.log')[-3000:]

    def second_of(self, utc):
        """Second of the run that a POSIX time before the leap second is."""
        return utc - self.truth.t['first_utc']

    def test_synchronised_in_time(self):
        self.assertIsNotNone(self.first, self.say())
        self.assertLess(self.first, LIMIT, self.say())

    def test_answers(self):
        _, good = self.start()
        self.assertGreater(len(good), 20, self.say())
        for a in good:
            self.assertEqual((a.leap, a.mode, a.stratum), (1, 4, 1), a)  # it is 31 December, and a list knows
            self.assertIn(a.refid, ('PPS', 'GPS'))
            self.assertLess(abs(a.offset), NEAR + a.delay / 2, a)

    def test_before_that_it_says_so(self):
        for a in self.start()[0]:
            self.assertEqual((a.leap, a.stratum, a.refid), (3, 0, 'INIT'), a)

    def test_never_a_wrong_time(self):
        """Whatever the receiver does."""
        self.assertEqual([(n, a) for n, a in self.answers if wrong(a, n)], [], self.say())

    def test_it_recovers(self):
        """Before the next thing goes wrong, the time is served again."""
        for phase in PHASES[:-1]:
            last = [a for _, a in self.of(phase)][-4:]
            with self.subTest(phase[0]):
                self.assertEqual([a.stratum for a in last], [1] * 4, self.say())

    def test_system_clock(self):
        """The kernel's stamps of the pulses, by the guest's clock, beside the seconds the pulses were."""
        before = int(self.guest.read('clock-before') or 0)
        self.assertLess(before, self.truth.t['first_utc'] - 5 * 365 * 86400, 'the guest did not boot in 2020')
        stamps = [int(s) + int(f) / 1e9 for s, f in re.findall(r'(\d+)\.(\d{9})#', self.guest.read('asserts'))]
        stamps = [s for s in stamps if LIMIT <= self.second_of(s) < PHASES[0][2] - 0.5]
        self.assertGreater(len(stamps), 6, self.say())
        for s in stamps:
            self.assertLess(abs(s - round(s)), NEAR, self.say())

    def looks(self):
        """(second of the run, kernel's frequency in ppm, its status, the daemon's status) of each look during which the
        daemon told the kernel nothing new."""
        for look in self.guest.read('told').split('\n\n'):
            kernel = re.findall(r'freq\.adjust:\s*(-?\d+).*?status:\s*(\d+).*?tv_sec:\s*(\d+)', look, re.S)
            said = re.search(r'^\{.*\}$', look, re.M)
            if len(kernel) == 2 and said and kernel[0][:2] == kernel[1][:2]:
                frequency, status, utc = map(int, kernel[0])
                yield self.second_of(utc), frequency / 65536, status, json.loads(said[0])['clock']

    def test_kernel_is_told(self):
        """What the daemon says, and in the end the crystal's error. Pulses that come late on a busy machine are no error of
        either, so it has the whole run for that."""
        rows = [row for row in self.looks() if LIMIT <= row[0] < MIDNIGHT]
        locked = [row for row in rows if row[3]['state'] == 'locked']
        self.assertGreater(len(locked), 20, f'the looks were: {self.guest.read("told")[:2000]!r}')
        for second, told, status, clock in locked:
            self.assertFalse(status & STA_UNSYNC, f'STA_UNSYNC is set at {second} s')
            self.assertAlmostEqual(told, clock['frequency_ppm'] - clock['rate_ppm'],
                                   delta=SAME_PPM + told * told * 1e-6, msg=f'at {second} s')
        last = statistics.median(clock['frequency_ppm'] for _, _, _, clock in locked[-10:])
        self.assertLess(abs(last - PPM), NEAR_PPM, rows)

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
