"""The real daemon finds a receiver by itself. Without any refclock line it starts, says what it looked for, and answers
that it does not know; on a made-up machine it finds the USB receiver, and finds it again at another port.

usage: test_find.py -- DAEMON [ARGUMENT]...
"""

import os
import shutil
import tempfile

import harness
from harness import ask, check
from receiver import Receiver, plug_in

CONF = """
threads 0
clock none
{line}
"""


def unsynchronised(a):
    return (a.leap, a.stratum, a.refid) == (3, 0, b"INIT")


def locked(a):
    return (a.leap, a.stratum) == (0, 1)


def unplug(root, name):
    os.unlink(f"{root}/dev/{name}")
    shutil.rmtree(f"{root}/sys/class/tty/{name}")


def without_receiver(command):
    with tempfile.TemporaryDirectory(prefix="timeball-net-") as root:
        with harness.daemon(command, CONF.format(line=f"refclock auto root {root}")) as d:
            d.wait(unsynchronised, "answering LI 3, stratum 0, INIT", 10)
            check("no receiver is found on this machine" in d.output(), d.output())


def without_a_line(command):
    with harness.daemon(command, CONF.format(line="")) as d:
        d.wait(unsynchronised, "answering LI 3, stratum 0, INIT", 10)
        check("auto any" in d.output() or "refclock auto" in d.output(), d.output())


def found_again(d, root, first):
    with Receiver() as other:
        other.fix = True
        unplug(root, "ttyACM0")
        first.__exit__()
        plug_in(root, "ttyACM1", other.path)
        d.wait(lambda a: "/dev/ttyACM1" in d.output(), "finding it at ttyACM1", 30)
        d.wait(locked, "stratum 1 again", 30)


def found(command):
    with tempfile.TemporaryDirectory(prefix="timeball-net-") as root:
        receiver = Receiver()
        receiver.fix = receiver.thread.daemon = True
        receiver.__enter__()
        plug_in(root, "ttyACM0", receiver.path)
        with harness.daemon(command, CONF.format(line=f"refclock auto delay 0..0.4 root {root}")) as d:
            d.wait(locked, "stratum 1", 30)
            check("(USB 1546:01a8) at /dev/ttyACM0" in d.output(), d.output())
            answer = ask()
            check(abs(answer.offset) < answer.root_dispersion + answer.delay / 2, f"{answer}")
            found_again(d, root, receiver)


def test(own, command):
    without_receiver(command)
    without_a_line(command)
    found(command)


harness.main(test)
