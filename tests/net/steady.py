"""A daemon in its ordinary work, for tests that disturb it: a source that is right to the microsecond, and a client that
misses nothing.
"""

import contextlib
import json
import os
import socket
import struct
import subprocess
import threading
import time

from harness import ask, check

SOCK_MAGIC = 0x534F434B
PATIENCE = 5  # s; an answer that a busy machine holds up is not lost


class Truth(threading.Thread):
    """Says once a second, to `refclock sock`, that the system clock is right; as a pulse it leaves open which second it is."""

    def __init__(self, path, pulse=False):
        super().__init__()
        self.path, self.pulse, self.sent, self.over = path, pulse, 0, threading.Event()

    def run(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.setblocking(False)
            while not self.over.wait(1.05 - time.time() % 1):
                now = time.time_ns() // 1000
                with contextlib.suppress(OSError):  # the daemon is not there yet
                    s.sendto(struct.pack("@qqdiiii", now // 10**6, now % 10**6, 0.0, self.pulse, 0, 0, SOCK_MAGIC), self.path)
                    self.sent += 1

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()


class Client(threading.Thread):
    """Asks five times a second, each time for itself."""

    def __init__(self, patience=PATIENCE):
        super().__init__()
        self.patience, self.over = patience, threading.Event()
        self.asked, self.lost, self.seen, self.worst, self.slowest, self.outside = 0, 0, set(), 0.0, 0.0, []

    def run(self):
        while not self.over.wait(0.2):
            answer = ask(timeout=self.patience)
            self.asked += 1
            if not answer:
                self.lost += 1
                continue
            self.seen.add((answer.leap, answer.stratum))
            self.slowest = max(self.slowest, answer.delay)
            self.worst = max(self.worst, abs(answer.offset) if answer.delay < 0.1 else 0)
            if abs(answer.offset) > answer.root_dispersion + (answer.root_delay + answer.delay) / 2:
                self.outside.append(f"{answer.offset} s off: {answer}")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()

    def wait(self, more=20):
        """So that there is something to count."""
        until = self.asked + more
        while self.asked < until:
            time.sleep(0.1)

    def missed_nothing(self):
        """At stratum 1 all the time, and each answer right by its own word."""
        print(f"{self.asked} asked, {self.lost} lost, leap and stratum {self.seen}, worst {self.worst * 1e6:.0f} us, "
              f"slowest {self.slowest * 1e3:.1f} ms")
        check(self.asked and not self.lost, f"{self.lost} of {self.asked} requests got no answer")
        check(self.seen == {(0, 1)}, f"leap and stratum: {self.seen}")
        check(not self.outside, f"{len(self.outside)} answers outside their bound: {self.outside[:3]}")


def status(timeballctl, path, part=None):
    """What an honest timeballctl is told, or None with the reason printed."""
    done = subprocess.run([timeballctl, "-s", path, "status", "--json"], capture_output=True, text=True, timeout=30)
    if done.returncode:
        print("timeballctl:", done.stderr.strip())
        return None
    whole = json.loads(done.stdout)
    return whole[part] if part else whole


def descriptors(d):
    return len(os.listdir(f"/proc/{d.process.pid}/fd"))
