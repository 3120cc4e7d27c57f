"""F2: 10,000 connections to the status socket, half requests, 1 MB without a newline, readers that do not read, clients
that hang up in the middle. Meanwhile a client of the time loses no answer and is told no wrong time, and timeballctl gets its
answer; afterwards memory and descriptors are what they were.

usage: test_f2_storm.py THREADS TIMEBALLCTL -- DAEMON [ARGUMENT]...
"""

import contextlib
import os
import socket
import tempfile
import threading
import time

import harness
from harness import check
from steady import Client, Truth, descriptors, status

CONNECTIONS = 10_000
PLACES = 64
MEGABYTE = b"x" * (1 << 20)
GROWTH = 2048  # kB, of a second storm that is ten times as long

CONF = """
threads {threads}
clock none
driftfile none
controlsocket none
statussocket {folder}/status.sock
refclock sock {folder}/truth.sock
"""


class Storm:
    def __init__(self, path, timeballctl):
        self.path, self.timeballctl, self.made, self.answers = path, timeballctl, 0, []

    def dial(self):
        s = socket.socket(socket.AF_UNIX)
        s.connect(self.path)  # waits its turn
        s.settimeout(20)
        self.made += 1
        return s

    def say(self, s, text):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the daemon has had enough
            s.sendall(text)

    def connections(self, count=CONNECTIONS):
        """Most say nothing, some half a word, some a whole one; up to 200 are held open at a time."""
        words = [b""] * 6 + [b"stat", b"\n", b"status\n", b"watch\nversion"]
        kept = []
        for i in range(count):
            s = self.dial()
            self.say(s, words[i % len(words)])
            kept.append(s)
            if len(kept) > 200:
                kept.pop(0).close()
        for s in kept:
            s.close()

    def megabytes(self):
        for _ in range(20):
            with self.dial() as s:
                self.say(s, MEGABYTE)

    def slow_readers(self):
        """As many as there are places ask without end and read nothing."""
        slow = [self.dial() for _ in range(PLACES)]
        for s in slow:
            self.say(s, b"watch\n" + b"status\n" * 200)
        self.honest("while nobody reads", patience=20)  # who does not read for a second makes room
        for s in slow:
            s.close()

    def hang_up(self):
        for _ in range(200):
            with self.dial() as s:
                self.say(s, b"status\nstatus\n")
                with contextlib.suppress(ConnectionResetError):
                    s.recv(100)

    def ask(self):
        found = status(self.timeballctl, self.path)
        self.answers.append(bool(found))
        return found

    def honest(self, when, patience=0):
        until = time.monotonic() + patience
        while True:
            found = self.ask()
            if found:
                return found
            check(time.monotonic() < until, f"timeballctl got no answer {when}")
            time.sleep(0.3)


def with_honest(storm, phase):
    """Runs a phase; timeballctl asks all the while, and is answered at least once, and straight after it."""
    over = threading.Event()
    answers = storm.answers = []

    def keep_asking():
        while True:
            storm.ask()
            if over.wait(0.3):
                return

    asking = threading.Thread(target=keep_asking)
    asking.start()
    try:
        phase()
    finally:
        over.set()
        asking.join()
    print(f"{phase.__name__}: {storm.made} connections; meanwhile {sum(answers)} of {len(answers)} timeballctl were answered")
    check(any(answers), f"no timeballctl was answered during {phase.__name__}")
    storm.honest(f"after {phase.__name__}")


def counted(storm, before):
    """Each connection is in the counters."""
    after = storm.honest("at the end")["socket"]
    print(after)
    check(after["accepted"] + after["refused"] >= storm.made, f"{storm.made} connections, counted: {after}")
    check(after["oversize"] - before["oversize"] == 20, f"20 requests were too long: {after}")
    check(after["displaced"] >= 1, f"nobody made room: {after}")
    check(after["clients"] <= 2, f"clients are left: {after}")


def test(own, command):
    threads, timeballctl = own
    with tempfile.TemporaryDirectory(prefix="timeball-f2-") as folder, Truth(os.path.join(folder, "truth.sock")):
        with harness.daemon(command, CONF.format(threads=threads, folder=folder)) as d:
            d.wait_synchronised()
            storm = Storm(os.path.join(folder, "status.sock"), timeballctl)
            first = storm.honest("at first")["socket"]
            lines, open_before = d.output().count("\n"), descriptors(d)
            storm.connections(CONNECTIONS // 10)  # what a storm may take is taken now
            storm.megabytes()
            storm.slow_readers()
            before = storm.honest("before")["socket"]
            check(before["oversize"] - first["oversize"] == 20, f"20 requests were too long: {before}")
            memory = d.memory()
            with Client() as client:
                for phase in storm.connections, storm.megabytes, storm.slow_readers, storm.hang_up:
                    with_honest(storm, phase)
                client.wait()
            counted(storm, before)
            grown = d.memory() - memory
            print(f"memory {memory} kB {grown:+d} kB; descriptors {open_before}, then {descriptors(d)}")
            client.missed_nothing()
            check(grown < GROWTH, f"memory grew by {grown} kB")
            check(descriptors(d) <= open_before + 1, f"{descriptors(d)} descriptors are open, {open_before} were")
            check(d.output().count("\n") - lines <= 5, "a flood of lines")


harness.main(test)
