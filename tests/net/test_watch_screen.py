"""`timeballctl watch` on a terminal (a pty): it draws, takes a new size, ends with q, and leaves the terminal as it was.

usage: test_watch_screen.py TIMEBALLCTL -- DAEMON [ARGUMENT]...
"""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import tempfile
import termios
import time

import fake_status
import harness
from harness import check

LEAVE = b"\x1b[?1049l"  # xterm: back from the alternate screen
SPITE = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\n\x7f"


class Terminal:
    def __init__(self, words, rows, columns, term="xterm-256color"):
        self.master, slave = pty.openpty()
        self.slave = slave
        self.size(rows, columns)
        self.before = termios.tcgetattr(slave)
        environment = {**os.environ, "TERM": term, "LC_ALL": "C.UTF-8"}
        self.process = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave, env=environment,
                                        start_new_session=True)
        self.output = b""

    def size(self, rows, columns):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def wait(self, wanted, what, seconds=60, after=0):
        until = time.monotonic() + seconds
        while not wanted(self.output[after:]):
            check(time.monotonic() < until, f"not within {seconds} s: {what}: {self.output[after:][-3000:]!r}")
            self.read(0.2)

    def read(self, seconds):
        """What there is within so many seconds; b"": nothing. A terminal hands out 4 KiB at most."""
        some = b""
        if select.select([self.master], [], [], seconds)[0]:
            with contextlib.suppress(OSError):
                some = os.read(self.master, 65536)
        self.output += some
        return some

    def ends(self, status, seconds=20):
        until = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < until:
            self.read(0.1)
        while self.read(0.1):
            pass
        check(self.process.poll() == status, f"exit status {self.process.poll()}, not {status}: {self.output[-2000:]!r}")
        check(self.output.rfind(LEAVE) > 0, "the screen was not given back")
        check(self.output.rfind(b"\x1b[?25h") > 0 or b"\x1b[?12l" in self.output, "the cursor was not given back")
        now = termios.tcgetattr(self.slave)
        check(now == self.before, f"the terminal is not as it was: {self.before} {now}")

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@contextlib.contextmanager
def terminal(*words, rows=24, columns=80):
    t = Terminal(words, rows, columns)
    try:
        yield t
    finally:
        t.close()


# xterm's words that move the cursor to another row: CUP, VPA, CUU, CUD, line feed, reverse index
MOVES = re.compile(rb"\x1b\[(\d*)(?:;\d*)?([HdAB])|(\n)|(\x1bM)")


def lowest(output):
    """The lowest row that the cursor was sent to, counted from 1. Which words send it there is the choice of curses."""
    row = found = 1
    for number, word, feed, reverse in MOVES.findall(output):
        many = int(number or 1)
        row = many if word and word in b"Hd" else row
        row += many * ((word == b"B") - (word == b"A")) + bool(feed) - bool(reverse)
        found = max(found, row)
    return found


def draws(watch):
    with terminal(*watch) as t:
        for text in (b"locked", b"true time within", b"pps simulated0", b"leads", b"clock", b"satellites", b"requests"):
            t.wait(lambda out, text=text: text in out, text)
        check(lowest(t.output) <= 24, "drew below a terminal of 24 rows")
        seen = len(t.output)
        t.size(40, 120)
        t.process.send_signal(signal.SIGWINCH)
        t.wait(lambda out: b"requests" in out and lowest(out) == 40, "a terminal of 40 rows is used", after=seen)
        for rows, columns in ((5, 20), (1, 1), (200, 500), (24, 80)):
            t.size(rows, columns)
            t.process.send_signal(signal.SIGWINCH)
            time.sleep(1.2)
            t.read(0.1)
            check(t.process.poll() is None, f"ended at {rows} rows: {t.output[-500:]!r}")
        os.write(t.master, b"xyz\x1b[A\x0c")
        t.read(0.5)
        os.write(t.master, b"q")
        t.ends(0)


def ends_by_signals(watch):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with terminal(*watch) as t:
            t.wait(lambda out: b"requests" in out, "the screen")
            t.process.send_signal(number)
            t.ends(0)


def stops(watch):
    """Ctrl-Z gives the terminal back, and fg takes it again."""
    with terminal(*watch) as t:
        t.wait(lambda out: b"requests" in out, "the screen")
        t.process.send_signal(signal.SIGTSTP)
        t.wait(lambda out: LEAVE in out, "the screen given back")
        os.waitid(os.P_PID, t.process.pid, os.WSTOPPED)  # as a shell does: a SIGCONT before the stop would be lost
        seen = len(t.output)
        t.process.send_signal(signal.SIGCONT)
        t.wait(lambda out: b"requests" in out, "the screen again", after=seen)
        os.write(t.master, b"q")
        t.ends(0)


def hostile(program, status):
    with fake_status.fake_status(fake_status.spoil(status, SPITE)) as path:
        with terminal(program, "-s", path, "watch") as t:
            t.wait(lambda out: b"?]0;owned" in out, "the hostile text, made harmless")
            os.write(t.master, b"q")
            t.ends(0)
        for bad in (b"\x1b]0", b"\x07", b"\x9b", b"\x7f", b"\x1b[31m\r"):
            check(bad not in t.output, f"{bad!r} reached the terminal")
        done = subprocess.Popen([program, "-s", path, "watch"], stdout=subprocess.PIPE)
        line = done.stdout.readline()
        done.terminate()
        check(done.wait(5) == 0, f"as a pipe: exit status {done.returncode}")
        check(not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]", line), f"as a pipe: {line!r}")


def test(own, command):
    program = own[0]
    with tempfile.TemporaryDirectory(prefix="timeball-watch-") as folder:
        path = os.path.join(folder, "status.sock")
        watch = [program, "-s", path, "watch"]
        with harness.daemon([*command, "-s", path]) as daemon:
            daemon.wait_synchronised()
            status = fake_status.ask(path)
            draws(watch)
            ends_by_signals(watch)
            stops(watch)
            lines = subprocess.Popen(watch, stdout=subprocess.PIPE, text=True)
            first, second = lines.stdout.readline(), lines.stdout.readline()
            lines.terminate()
            check(lines.wait(5) == 0 and " locked  stratum 1 XSIM" in second, f"as a pipe: {first}{second}")
            with terminal(*watch) as t:
                t.wait(lambda out: b"requests" in out, "the screen")
                daemon.process.send_signal(signal.SIGSTOP)
                t.wait(lambda out: b"has said nothing" in out, "that the daemon is silent")
                daemon.process.send_signal(signal.SIGCONT)
                os.write(t.master, b"q")
                t.ends(0)
            last = Terminal(watch, 24, 80)
            last.wait(lambda out: b"requests" in out, "the screen")
        with contextlib.closing(last):
            last.ends(1)
            check(b"closed the connection" in last.output, f"does not say why it ends: {last.output[-500:]!r}")
        hostile(program, status)


harness.main(test)
