"""F4: no descriptor left, no memory left, storms of SIGHUP and SIGTERM. The time is served all the while, timeballctl is
answered, what cannot be done is said, and afterwards all is as before.

usage: test_f4_exhaustion.py TIMEBALLCTL -- DAEMON [ARGUMENT]...
"""

import contextlib
import os
import resource
import signal
import socket
import subprocess
import tempfile
import threading
import time

import harness
from harness import check
from steady import Client, Truth, descriptors, status

CONF = """
threads 2
clock none
driftfile none
controlsocket none
statussocket {folder}/status.sock
refclock sock {folder}/truth.sock
"""


@contextlib.contextmanager
def limited(d, what, most):
    """The running daemon under a limit."""
    before = resource.prlimit(d.process.pid, what)
    resource.prlimit(d.process.pid, what, (most, before[1]))
    try:
        yield
    finally:
        resource.prlimit(d.process.pid, what, before)


def says(d, words, seconds=20):
    until = time.monotonic() + seconds
    while words not in d.output():
        d.alive()
        check(time.monotonic() < until, f"'{words}' was not said within {seconds} s")
        time.sleep(0.1)


def served(timeballctl, path, what):
    found = status(timeballctl, path)
    check(found, f"timeballctl got no answer {what}")
    return found


def no_descriptors(d, timeballctl, path):
    """Others hold connections until there is no descriptor for one more; timeballctl is answered, for they ask nothing."""
    most = descriptors(d) + 3
    with limited(d, resource.RLIMIT_NOFILE, most), contextlib.ExitStack() as held:
        for _ in range(20):
            held.enter_context(socket.socket(socket.AF_UNIX)).connect(path)
        print("without descriptors:", served(timeballctl, path, "without descriptors")["socket"])
        # the configuration cannot be opened while the last one is taken: those who have asked keep theirs for a while
        for _ in range(3):
            s = held.enter_context(socket.socket(socket.AF_UNIX))
            s.connect(path)
            s.sendall(b"version\n")
            s.recv(4096)
        check(descriptors(d) == most, f"{descriptors(d)} descriptors, not {most}")
        d.process.send_signal(signal.SIGHUP)
        says(d, "Too many open files")
        says(d, "nothing was changed")
    d.process.send_signal(signal.SIGHUP)
    says(d, "reloaded; nothing new to apply")
    counts = served(timeballctl, path, "with descriptors again")["socket"]
    check(counts["accept_errors"] > 0 and counts["displaced"] > 0, f"not counted: {counts}")


def sanitized(d):
    with open(f"/proc/{d.process.pid}/maps") as f:
        return "libasan" in f.read()


def no_memory(d, timeballctl, path):
    """Not one page more than it has. (A sanitizer would end it then; unit_f4_memory lets each allocation fail under one.)"""
    if sanitized(d):
        print("no limit of memory: the daemon is built with a sanitizer")
        return
    with open(f"/proc/{d.process.pid}/statm") as f:
        size = int(f.read().split()[0]) * resource.getpagesize()
    with limited(d, resource.RLIMIT_AS, size), contextlib.ExitStack() as held:
        for i in range(80):
            s = held.enter_context(socket.socket(socket.AF_UNIX))
            s.connect(path)
            s.sendall(b"watch\n" if i % 2 else b"status\n" * 30)
            if i % 20 == 0:
                d.process.send_signal(signal.SIGHUP)
                time.sleep(1.1)
        print("without memory: timeballctl was answered:", bool(status(timeballctl, path)))
    served(timeballctl, path, "with memory again")


def hangups(d):
    before = d.output().count("reloaded; ")
    begun = time.monotonic()
    for i in range(5000):
        d.process.send_signal(signal.SIGHUP)
        if i % 1000 == 0:
            time.sleep(0.5)
    time.sleep(1.5)
    count = d.output().count("reloaded; ") - before
    print(f"5000 times SIGHUP: {count} reloads")
    check(1 <= count <= time.monotonic() - begun + 2, f"{count} reloads in a storm of signals")


def terminated_at_any_time(command, conf, path):
    """SIGTERM and SIGHUP in a storm from its first moment on: it ends as it should, and leaves no socket."""
    conf_path = os.path.join(os.path.dirname(path), "conf")
    with open(conf_path, "w") as f:
        f.write(conf + harness.missing_from(conf))
    words = [w.format(port=harness.PORT, seconds=10, conf=conf_path) for w in command]
    ends = []
    for pause in (0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8):
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        said = []
        reader = threading.Thread(target=lambda p=process, to=said: to.append(p.stderr.read()))
        reader.start()
        time.sleep(pause)
        for signum in (signal.SIGHUP, signal.SIGTERM, signal.SIGTERM) if pause else (signal.SIGTERM,) * 3:
            process.send_signal(signum)
        try:
            ends.append(process.wait(20))
        finally:
            process.kill()
            process.wait()
            reader.join()
            process.stderr.close()
        # before it is ready for signals, one ends it as it ends any program
        check(ends[-1] in (0, -signal.SIGTERM, -signal.SIGHUP), f"after {pause} s: exit status {ends[-1]}\n{said[0]}")
        check(not os.path.exists(path), f"after {pause} s: it left its socket")
    print("exit statuses of starts that were broken off:", ends)
    check(0 in ends, "no start went so far that it ended by itself")


def test(own, command):
    (timeballctl,) = own
    with tempfile.TemporaryDirectory(prefix="timeball-f4-") as folder, Truth(os.path.join(folder, "truth.sock")):
        path, conf = os.path.join(folder, "status.sock"), CONF.format(folder=folder)
        with harness.daemon(command, conf) as d:
            d.wait_synchronised()
            served(timeballctl, path, "at first")
            before = descriptors(d)
            with Client() as client:
                no_descriptors(d, timeballctl, path)
                no_memory(d, timeballctl, path)
                hangups(d)
                client.wait()
            client.missed_nothing()
            check(descriptors(d) <= before + 1, f"{descriptors(d)} descriptors are open, {before} were")
        terminated_at_any_time(command, conf, path)


harness.main(test)
