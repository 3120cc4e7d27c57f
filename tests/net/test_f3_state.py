"""F3: a drift file that is torn, empty, absurd, or no file at all: a line says so, and the daemon serves. Where it cannot be
written (no room, read-only, not ours), one line says so, and what was there stays whole.

usage: test_f3_state.py unusable|unwritable -- DAEMON [ARGUMENT]...
"""

import contextlib
import ctypes
import os
import subprocess
import tempfile
import time

import harness
from harness import ask, check
from steady import Truth

CLONE_NEWNS = 0x00020000
LEARNING = 26  # samples, a second apart; what fewer have shown is not kept
GOOD = """# timeball drift file, version 1
written 1795521600
# 2026-11-24T12:00:00Z
frequency_ppm 0.25
error_ppm 0.001
pulse_noise_us 1
gain_phase 0.01
gain_frequency 1e-05
gain_drift 0
walk_fm 1e-10
"""
CONF = """
threads 0
clock none
user {user}
sandbox strict
statussocket none
controlsocket none
driftfile {drift}
refclock sock {folder}/truth.sock
"""
# what stands there, and a part of the line about it
UNUSABLE = {
    "torn in a line": (GOOD[:-8], "torn"),
    "torn after a line": (GOOD[: GOOD.index("gain_phase")], "gain_phase is missing"),
    "empty": ("", "is not a timeball drift file"),
    "not a number": (GOOD.replace("0.25", "nan"), "frequency_ppm is missing or a value that no clock has"),
    "absurd": (GOOD.replace("0.25", "1e300"), "frequency_ppm is missing or a value that no clock has"),
    "negative": (GOOD.replace("error_ppm 0.001", "error_ppm -0.001"), "error_ppm is missing or a value that no clock has"),
    "from before time began": (GOOD.replace("written 1795521600", "written -1"), "does not say when it was written"),
    "from a century ahead": (GOOD.replace("written 1795521600", "written 4951281600"), "written on 2126-11-25, but dates are believed until"),
    # what may be somebody else's is never replaced
    "binary": ("\x7fELF\0" * 100, "is left as it is"),
    "10 MB": (GOOD + "#" * 10_000_000, "is left as it is"),
}


def own_mounts():
    """What is mounted from here on is seen by nobody else. False: this may not be done here."""
    libc = ctypes.CDLL(None, use_errno=True)
    return not libc.unshare(CLONE_NEWNS) and not subprocess.run(["mount", "--make-rprivate", "/"], check=False).returncode


def put(path, text):
    with open(path, "w") as f:
        f.write(text)


def get(path):
    with open(path) as f:
        return f.read()


def about(d, path):
    """What is said of the file, but that it was taken."""
    return [line for line in d.output().splitlines() if path in line and f"{path}: frequency " not in line]


def a_line(d, path, words, what):
    lines = about(d, path)
    print(f"{what}: {lines}")
    check(len(lines) <= 2 and any(words in line for line in lines), f"{what}: not a line with '{words}':\n{d.output()}")


def unusable(command, folder):
    """Each of them is started without."""
    path = os.path.join(folder, "drift")
    makers = {what: (lambda text=text: put(path, text), words) for what, (text, words) in UNUSABLE.items()}
    makers["a folder"] = (lambda: os.mkdir(path), "is left as it is")
    makers["a link"] = (lambda: os.symlink("/etc/passwd", path), "is left as it is")
    for what, (make, words) in makers.items():
        make()
        with harness.daemon(command, CONF.format(user="none", drift=path, folder=folder)) as d:
            d.wait(lambda a: True, "answering")
            a_line(d, path, words, what)
        check(ask(timeout=0.1) is None, "it is still there")
        os.rmdir(path) if os.path.isdir(path) else os.unlink(path)


class Learner:
    """A daemon that starts with a good file in a folder of its own and, once it has learned, cannot write another one."""

    def __init__(self, stack, command, folder, what, words, user="none"):
        self.what, self.words, self.folder = what, words, os.path.join(folder, what.replace(" ", "-"))
        self.state = os.path.join(self.folder, "state")
        self.path, self.log = os.path.join(self.state, "drift"), os.path.join(self.folder, "log")
        os.makedirs(self.state)
        self.truth = stack.enter_context(Truth(os.path.join(self.folder, "truth.sock")))
        self.command, self.user, self.process = command, user, None

    def mount(self, stack, size):
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", self.state], check=True)
        stack.callback(subprocess.run, ["umount", self.state], check=True)

    def start(self, stack):
        conf = os.path.join(self.folder, "conf")
        put(conf, CONF.format(user=self.user, drift=self.path, folder=self.folder) + "listen none\n")
        words = [w.format(port=0, seconds=0, conf=conf) for w in self.command]
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        stack.callback(self.process.wait)
        stack.callback(self.process.kill)

    def output(self):
        return get(self.log)

    def learn(self):
        until = time.monotonic() + 120
        while self.truth.sent < LEARNING:
            check(self.process.poll() is None and time.monotonic() < until, f"{self.what}: it takes no samples:\n{self.output()}")
            time.sleep(0.2)

    def end(self):
        self.process.terminate()
        check(self.process.wait(20) == 0, f"{self.what}: exit status {self.process.returncode}\n{self.output()}")
        lines = about(self, self.path)
        print(f"{self.what}: {lines}")
        check(len(lines) == 1 and self.words in lines[0], f"{self.what}: not one line with '{self.words}':\n{self.output()}")
        check(get(self.path) == GOOD, f"{self.what}: the file is not whole any more")
        check("drift.new" not in os.listdir(self.state), f"{self.what}: a half-written file was left")


def unwritable(command, folder):
    """A full disk, a read-only one, and a folder of root's for a daemon that becomes somebody else."""
    with contextlib.ExitStack() as stack:
        full = Learner(stack, command, folder, "disk full", "No space left")
        sealed = Learner(stack, command, folder, "read-only", "Read-only file system")
        learners = [full, sealed]
        if may_map_users():
            learners.append(Learner(stack, command, folder, "not ours", "Permission denied", user="nobody"))
        full.mount(stack, "8k")
        sealed.mount(stack, "8k")
        for learner in learners:
            put(learner.path, GOOD)
            os.chmod(learner.path, 0o600)
        with contextlib.suppress(OSError), open(os.path.join(full.state, "filler"), "w") as f:
            f.write("x" * 8192)
        subprocess.run(["mount", "-o", "remount,ro", sealed.state], check=True)
        for learner in learners:
            learner.start(stack)
        for learner in learners:
            learner.learn()
        for learner in learners:
            learner.end()


def may_map_users():
    with open("/proc/self/uid_map") as f:
        return os.geteuid() == 0 and int(f.read().split()[2]) > 1


def test(own, command):
    (which,) = own
    with tempfile.TemporaryDirectory(prefix="timeball-f3-") as folder:
        os.chmod(folder, 0o755)
        if which == "unusable":
            unusable(command, folder)
        elif own_mounts():
            unwritable(command, folder)
        else:
            harness.skip("a full or read-only disk cannot be made here; run the tests as root")


harness.main(test)
