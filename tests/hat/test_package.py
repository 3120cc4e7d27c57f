#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The arm64 package on the emulated HAT: dpkg installs it in a small Debian with systemd, the receiver is found without a
configuration, and a client outside gets the time at stratum 1; again behind the strict filter of system calls, with servers
by name; then it is removed and purged. `./dev hat --package` makes what is needed and runs it.

usage: test_package.py PACKAGE.deb ROOT.ext4     (inside tests/net/enclosed: ports 53 and 123 of 127.0.0.1 are the guest's
                                                  name server and NTP server)
"""
import fcntl
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import ntpcheck

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
OUT = TOP / 'build/hat/runs/package'
PORT = 12300
LIMIT = 600     # s, for all of it
STEP = 240      # s, for the guest to come to the next step
WANTED = 5      # good answers in a row
PAUSE = 1.2     # s: an empty configuration lets a client ask once a second
OTHERS = '10.9.0.1', '10.9.0.2'     # this machine's too, so that there are several servers
# the guest sees the loopback of this machine as 10.0.2.2
NAMES = {'witness.test': ['10.0.2.2'], 'second.test': [OTHERS[0]], 'third.test': [OTHERS[1]]}


def read(name):
    try:
        return (OUT / name).read_text(errors='replace')
    except OSError:
        return ''


class Guest:
    def __init__(self, package, root):
        shutil.rmtree(OUT, ignore_errors=True)
        OUT.mkdir(parents=True)
        self.log = open(OUT / 'rig.log', 'w')
        self.rig = subprocess.Popen(
            [HERE / 'hat-rig', '-o', OUT, '-t', str(LIMIT), '-r', '2020-01-01T00:00:00', '-u', str(PORT), '-s', '2', '-d', root,
             '-f', f'{package}:/hat/timeball.deb', '-f', HERE / 'guest/package-test', '--', './package-test'],
            stdout=self.log, stderr=subprocess.STDOUT)

    def fail(self, why):
        for name in ('rig.log', 'console.log', 'guest.log'):
            print(f'--- {name}\n{read(name)[-6000:]}')
        sys.exit(f'FAILED: {why}; see {OUT}')

    def wait_for(self, name):
        end = time.monotonic() + STEP
        while not read(name).strip():
            if time.monotonic() > end or self.rig.poll() is not None:
                self.fail(f'the guest did not come as far as {name}')
            time.sleep(0.2)

    def good_answers(self, step):
        """Waits for stratum 1, and then wants nothing else."""
        self.wait_for('truth.json')
        truth, begin, good = ntpcheck.Truth(OUT / 'truth.json'), time.monotonic(), []
        while len(good) < WANTED:
            answer = ntpcheck.ask(PORT, truth)
            if answer and answer.leap == 0 and answer.stratum == 1:
                good.append(answer)
                if abs(answer.offset) > ntpcheck.bound(answer):
                    self.fail(f'a wrong time: {answer}')
            elif good:
                self.fail(f'after {len(good)} good answers: {answer}')
            if time.monotonic() > begin + STEP or self.rig.poll() is not None:
                self.fail(f'no stratum 1 after {step}, the last answer: {answer}')
            time.sleep(PAUSE)
        worst = max(abs(a.offset) for a in good) * 1e6
        print(f'{step}: {len(good)} answers at stratum 1, refid {good[-1].refid}, worst {worst:.0f} us', flush=True)
        (OUT / f'asked-{step}').write_text('')


def check_strict(guest):
    status = json.loads(read('strict.json') or '{}')
    process = status.get('process', {})
    print('the daemon says of itself:', process)
    if process.get('sandbox') != 'strict' or process.get('user') != 'timeball':
        guest.fail('it does not run as it should')


def main(package, root):
    with tempfile.NamedTemporaryFile('w', suffix='.json') as zone:
        json.dump(NAMES, zone)
        zone.flush()
        for address in OTHERS:
            subprocess.run(['ip', 'address', 'add', address + '/32', 'dev', 'lo'], check=True)
        helpers = [subprocess.Popen([sys.executable, '-B', TOP / 'tests/net' / name, word])
                   for name, word in (('dns_host.py', zone.name), ('ntp_host.py', 'right'))]
        guest = Guest(package, root)
        try:
            guest.wait_for('installed')
            guest.good_answers('installed')
            guest.wait_for('strict')
            guest.good_answers('strict')
            guest.wait_for('guest-rc')
            print(read('guest.log'))
            check_strict(guest)
            if guest.rig.wait(30):
                guest.fail('the guest says so')
        finally:
            for process in (guest.rig, *helpers):
                process.terminate()
                process.wait()


if __name__ == '__main__':
    (TOP / 'build/hat').mkdir(exist_ok=True)
    lock = open(TOP / 'build/hat/lock', 'w')
    fcntl.flock(lock, fcntl.LOCK_EX)  # two guests at a time would disturb each other's pulses
    main(*sys.argv[1:])
