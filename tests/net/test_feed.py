"""A real chronyd takes its time from timeballd's feed: through NTP shared memory or its SOCK. It selects that source, and
the offset that it sees is the one that timeballd answers with over NTP. Nobody steers: chronyd runs with -x.

usage: test_feed.py shm|sock -- DAEMON [ARGUMENT]...
"""

import contextlib
import math
import os
import subprocess
import tempfile
import time

import harness
from harness import ask, check, need
from receiver import Receiver

UNIT = 7
AGREE = 0.001  # s; the receiver's messages alone put the clock some 0.1 s off

TIMEBALL = """
threads 0
clock none
driftfile none
refclock nmea {tty} delay 0..0.4
feed {feed}
"""

CHRONY = """
refclock {refclock} refid TBAL poll 2 dpoll 0
port 0
cmdport 0
bindcmdaddress {folder}/cmd.sock
pidfile {folder}/pid
logdir {folder}
log refclocks
"""


@contextlib.contextmanager
def chronyd(folder, refclock):
    conf = os.path.join(folder, "chrony.conf")
    with open(conf, "w") as f:
        f.write(CHRONY.format(refclock=refclock, folder=folder))
    with open(os.path.join(folder, "log"), "w") as log:
        process = subprocess.Popen([need("chronyd", "chrony"), "-x", "-d", "-u", "root", "-f", conf], stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)


def offset_logged(folder):
    """The newest sample that chronyd took, true minus system, s; NaN before one. What chronyc shows is held against a clock
    that chronyd believes to steer."""
    with contextlib.suppress(FileNotFoundError), open(os.path.join(folder, "refclocks.log")) as f:
        samples = [w for w in map(str.split, f) if len(w) == 9 and w[2] == "TBAL" and w[6] != "-"]
        return float(samples[-1][6]) if samples else math.nan
    return math.nan


def source(folder):
    """State and reach of chronyd's only source, or None."""
    command = [need("chronyc", "chrony"), "-h", os.path.join(folder, "cmd.sock"), "-c", "sources"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    fields = done.stdout.strip().split(",")
    if len(fields) < 10:
        return None
    mode, state, name, _, _, reach = fields[:6]
    check((mode, name) == ("#", "TBAL"), done.stdout)
    return state, int(reach, 8)


def wait_selected(folder, seconds):
    until, last = time.monotonic() + seconds, None
    while time.monotonic() < until:
        last = source(folder)
        if last and last[0] == "*" and last[1]:
            return last
        time.sleep(0.5)
    with open(os.path.join(folder, "log")) as f:
        raise AssertionError(f"chronyd has not selected it within {seconds} s: {last}\n{f.read()}")


def agree(folder, d):
    """Soon after the start the estimate moves, and a sample is some time old: both come to agree."""
    for _ in range(60):
        state, reach = wait_selected(folder, 40)
        offset, answer = offset_logged(folder), ask()
        if abs(offset - answer.offset) < AGREE:
            print(f"chronyd: {state} reach {reach:o} offset {offset:.6f} s; over NTP {answer.offset:.6f} s")
            return
        time.sleep(0.5)
    raise AssertionError(f"chronyd sees {offset} s, timeballd says {answer.offset} s\n{d.output()}")


def test(own, command):
    (kind,) = own
    need("chronyd", "chrony")
    need("chronyc", "chrony")
    with tempfile.TemporaryDirectory(prefix="timeball-chrony-") as folder, Receiver() as receiver:
        sock = os.path.join(folder, "feed.sock")
        feed, refclock = {"shm": (f"shm {UNIT}", f"SHM {UNIT}:perm=0600"), "sock": (f"sock {sock}", f"SOCK {sock}")}[kind]
        with harness.daemon(command, TIMEBALL.format(tty=receiver.path, feed=feed)) as d:
            # without a fix nothing is fed
            with chronyd(folder, refclock):
                time.sleep(6)
                last = source(folder)
                check(last and last[1] == 0, f"fed while not synchronised: {last}")
                receiver.fix = True
                d.wait(lambda a: a.stratum == 1, "locked", 30)
                agree(folder, d)
            # and a chronyd that was started anew is found again
            with chronyd(folder, refclock):
                agree(folder, d)


harness.main(test)
