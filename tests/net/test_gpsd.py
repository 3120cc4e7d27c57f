"""The real gpsd holds a receiver behind a pseudo terminal, and timeballd takes the time from it through libgps. Before a fix
it is not synchronised; then true time lies inside what it promises, and a gpsd that was started anew is found again.
With `auto` nobody says that there is a gpsd: the port that it holds is found, gpsd is asked, and that is said; when gpsd
has gone, the port itself is read.

usage: test_gpsd.py named|auto -- DAEMON [ARGUMENT]...
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time

import harness
from harness import ask, check, need
from receiver import Receiver, plug_in, write

PORT = 12947

CONF = f"""
threads 0
clock none
driftfile none
refclock gpsd localhost:{PORT} delay 0..0.4
"""


AUTO = """
threads 0
clock none
driftfile none
refclock auto delay 0..0.4 root {root}
"""


@contextlib.contextmanager
def gpsd(path, port=PORT):
    command = [need("gpsd", "gpsd"), "-N", "-n", "-b", "-S", str(port), path]
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


def stratum_1(a):
    return (a.leap, a.stratum) == (0, 1)


def auto(command):
    """gpsd was given the port by another name than the one that the daemon finds it by."""
    with tempfile.TemporaryDirectory(prefix="timeball-net-") as root, Receiver() as receiver:
        receiver.fix = True
        os.chmod(root, 0o755)
        plug_in(root, "ttyACM0", receiver.path)
        os.symlink("ttyACM0", f"{root}/dev/gps0")
        with gpsd(f"{root}/dev/gps0", 2947) as held:
            write(root, f"/proc/{held.pid}/comm", "gpsd\n")
            write(root, f"/proc/{held.pid}/cmdline", "gpsd\0-N\0-n\0/dev/gps0\0")
            with harness.daemon(command, AUTO.format(root=root)) as d:
                d.wait(stratum_1, "stratum 1 through gpsd", 40)
                said = f"held by gpsd (gpsd, process {held.pid}), which is asked instead"
                check(said in d.output(), d.output())
                inside(d)
                held.terminate()
                held.wait()
                shutil.rmtree(f"{root}/proc/{held.pid}")
                d.wait(lambda a: d.output().count("at /dev/ttyACM0 (/dev/gps0); no pulse") == 1, "the port itself", 30)
                d.wait(stratum_1, "stratum 1 from the port", 30)
                inside(d)


def test(own, command):
    need("gpsd", "gpsd")
    if own[0] == "auto":
        auto(command)
        return
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
