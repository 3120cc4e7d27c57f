"""The real gpsd holds a receiver behind a pseudo terminal, and timeballd takes the time from it through libgps. Before a fix
it is not synchronised; then true time lies inside what it promises, and a gpsd that was started anew is found again.

usage: test_gpsd.py -- DAEMON [ARGUMENT]...
"""

import contextlib
import subprocess
import time

import harness
from harness import ask, check, need
from receiver import Receiver

PORT = 12947

CONF = f"""
threads 0
clock none
driftfile none
refclock gpsd localhost:{PORT} delay 0..0.4
"""


@contextlib.contextmanager
def gpsd(path):
    command = [need("gpsd", "gpsd"), "-N", "-n", "-b", "-S", str(PORT), path]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def inside(d):
    answer = ask()
    print(f"offset {answer.offset:.6f} s, promised {answer.root_dispersion:.6f} s")
    check(answer.stratum == 1, f"{answer}")
    check(abs(answer.offset) < answer.root_dispersion + answer.delay / 2, f"{answer.offset} s off: {answer}\n{d.output()}")


def test(own, command):
    need("gpsd", "gpsd")
    with Receiver() as receiver, harness.daemon(command, CONF) as d:
        time.sleep(2)  # gpsd may start later than the daemon
        with gpsd(receiver.path) as first:
            time.sleep(6)
            d.wait(lambda a: a.leap == 3, "without a fix: LI 3", 5)
            check(first.poll() is None, "gpsd has ended")
            receiver.fix = True
            d.wait(lambda a: (a.leap, a.stratum, a.refid) == (0, 1, b"GPS\0"), "stratum 1 through gpsd", 40)
            inside(d)
        time.sleep(2)
        with gpsd(receiver.path):
            d.wait(lambda a: d.output().count("gpsd localhost:12947 works") == 2, "connected again", 40)
            time.sleep(3)
            inside(d)


harness.main(test)
