"""What timeballd itself tells the journal: each change once, by its native protocol with its MESSAGE_ID, where its standard error
is the journal (a made-up one, in a mount namespace of its own), and every other line with its priority; and `timeballctl alarm test` goes all the way.

usage: test_events.py TIMEBALLCTL TIMEBALL_ALARM -- DAEMON [ARGUMENT]...
"""

import json
import os
import re
import socket
import subprocess
import tempfile
import time

import harness
from harness import check
from receiver import Receiver
from status_socket import program

CONF = """
clock none
holdover 1e-6
statussocket {folder}/status.sock
controlsocket {folder}/control.sock
driftfile none
leapfile none
threads 0
refclock nmea {tty} delay 0..0.4
"""
# the journal's socket is where it always is, and standard error is what JOURNAL_STREAM says
INSIDE = """
mount -t tmpfs none /run/systemd && mkdir /run/systemd/journal && mount --bind "$1" /run/systemd/journal || exit 9
shift
JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2)
export JOURNAL_STREAM
exec "$@"
"""


class Journal:
    def __init__(self, folder):
        os.mkdir(folder)
        self.heard = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(os.path.join(folder, "socket"))

    def hear(self, event, seconds=60):
        """The fields of the next event of that word; those before it are kept."""
        until = time.monotonic() + seconds
        while True:
            self.socket.settimeout(max(0.1, until - time.monotonic()))
            try:
                text = self.socket.recv(8192).decode()
            except TimeoutError:
                raise AssertionError(f"no event {event} within {seconds} s: {self.heard}") from None
            fields = dict(line.split("=", 1) for line in text.splitlines())
            self.heard.append(fields)
            check(fields["SYSLOG_IDENTIFIER"] == "timeballd" and fields["MESSAGE"], text)
            if fields["TIMEBALL_EVENT"] in event:
                return fields


def ids(alarm):
    listed = subprocess.run([alarm, "--list"], capture_output=True, text=True, timeout=30).stdout
    return dict(line.split()[:2] for line in listed.splitlines())


def run(ctl, *words):
    return subprocess.run([ctl, *words], capture_output=True, text=True, timeout=60)


def tries(ctl, alarm, folder, journal, known):
    """A test goes to the journal, into the status, and through timeball-alarm."""
    with program(alarm, "-s", f"{folder}/status.sock", "-j", "none") as p:
        time.sleep(1)
        done = run(ctl, "-s", f"{folder}/control.sock", "alarm", "test")
        check(done.returncode == 0 and "15 s" in done.stdout, f"alarm test: {done}")
        check(journal.hear("test")["MESSAGE_ID"] == known["test"], "the MESSAGE_ID of a test")
        p.says("test begins: This is a test")
    shown = json.loads(run(ctl, "-s", f"{folder}/status.sock", "status", "--json").stdout)["alarms"]
    check([a["level"] for a in shown if a["event"] == "test"] == ["notice"], f"the alarms: {shown}")
    check("! This is a test" in run(ctl, "-s", f"{folder}/status.sock", "status").stdout, "not shown")
    done = run(ctl, "-s", f"{folder}/control.sock", "alarm", "clock")
    check(done.returncode == 1 and "alarm test" in done.stderr, f"another word: {done}")


def test(own, command):
    ctl, alarm = own
    if subprocess.run(["unshare", "--mount", "true"], check=False).returncode:
        harness.skip("no mount namespace is to be had here (run as root)")
    if not os.path.isdir("/run/systemd"):
        harness.skip("/run/systemd is not here: no machine with systemd")
    known = ids(alarm)
    with tempfile.TemporaryDirectory(prefix="timeball-net-") as folder, Receiver() as receiver:
        receiver.fix = True
        journal = Journal(f"{folder}/journal")
        words = ["unshare", "--mount", "sh", "-c", INSIDE, "sh", f"{folder}/journal", *command]
        with harness.daemon(words, CONF.format(folder=folder, tty=receiver.path)) as d:
            fields = journal.hear("locked")
            check(fields["MESSAGE_ID"] == known["locked"] and fields["PRIORITY"] == "5", str(fields))
            check(fields["TIMEBALL_SENTENCE"].startswith("true time within"), str(fields))
            tries(ctl, alarm, folder, journal, known)
            receiver.fix = False
            fields = journal.hear(("holdover", "unsynchronised"))
            check(fields["MESSAGE_ID"] == known[fields["TIMEBALL_EVENT"]] and fields["PRIORITY"] in "34", str(fields))
            lines = d.output().splitlines()
            check(all(re.match("<[3-7]>.", line) for line in lines), f"lines without a priority: {lines}")
            check(any(line.startswith("<5>timeballd ") for line in lines), f"the first line: {lines}")
        journal.socket.close()


harness.main(test)
