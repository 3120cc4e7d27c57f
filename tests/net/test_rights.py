"""Started by root, the daemon serves as another user, with no capability but those to bind its port and lock its memory, behind its filter of
system calls, in every thread; and removes at its end what it made.

usage: test_rights.py TIMEBALLCTL -- DAEMON [ARGUMENT]...
"""

import glob
import json
import os
import pwd
import shutil
import stat
import subprocess
import tempfile

import harness
from harness import ask, check, skip
from receiver import Receiver

CONF = """
threads 2
clock none
user {user}
sandbox {sandbox}
lock_memory on
sched_priority {priority}
driftfile {folder}/state/drift
statussocket {folder}/run/status.sock
controlsocket {folder}/run/control.sock
refclock nmea {tty} delay 0..0.4
"""
NET_BIND_SERVICE = 1 << 10
IPC_LOCK = 1 << 14 # it was asked for locked memory


def may_map_users():
    """Only real root has other users to become."""
    with open("/proc/self/uid_map") as f:
        return os.geteuid() == 0 and int(f.read().split()[2]) > 1


def may_be_real_time():
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    except OSError:
        return False
    return True


def state_of(path):
    with open(path) as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def check_threads(pid, user):
    tasks = glob.glob(f"/proc/{pid}/task/*/status")
    check(len(tasks) >= 3, f"{len(tasks)} threads")
    for task in tasks:
        s = state_of(task)
        check(set(s["Uid"].split()) == {str(user.pw_uid)}, f"{task}: Uid {s['Uid']}")
        check(set(s["Gid"].split()) == {str(user.pw_gid)}, f"{task}: Gid {s['Gid']}")
        allowed = int(s["CapPrm"], 16)
        check(allowed & ~(NET_BIND_SERVICE | IPC_LOCK) == 0, f"{task}: CapPrm {s['CapPrm']}")
        check(int(s["CapInh"], 16) == 0 and int(s["CapAmb"], 16) == 0, f"{task}: CapInh, CapAmb")
        check(s["NoNewPrivs"] == "1" and s["Seccomp"] == "2", f"{task}: {s['NoNewPrivs']} {s['Seccomp']}")


def check_real_time(pid, priority):
    policies = [os.sched_getscheduler(int(os.path.basename(t))) for t in glob.glob(f"/proc/{pid}/task/*")]
    real = [p for p in policies if p & os.SCHED_FIFO]
    check(len(real) == (1 if priority else 0), f"policies of its threads: {policies}")
    with open(f"/proc/{pid}/maps") as f:
        if "libasan" in f.read():
            return  # it makes mlockall() do nothing
    check(int(state_of(f"/proc/{pid}/status")["VmLck"].split()[0]) > 0, "nothing is locked in memory")


def status(ctl, folder):
    done = subprocess.run([ctl, "-s", f"{folder}/run/status.sock", "status", "--json"], capture_output=True, text=True)
    check(done.returncode == 0, done.stderr)
    return json.loads(done.stdout)


def serves_as_another(command, ctl, folder, receiver, sandbox):
    user = pwd.getpwnam("nobody")
    priority = 1 if may_be_real_time() else 0
    conf = CONF.format(user="nobody", folder=folder, tty=receiver.path, priority=priority, sandbox=sandbox)
    with harness.daemon(command, conf) as d:
        d.wait_synchronised()
        check_threads(d.process.pid, user)
        check_real_time(d.process.pid, priority)
        process = status(ctl, folder)["process"]
        print(process)
        check(process["user"] == "nobody" and process["sandbox"] == sandbox, f"{process}")
        check(process["sched_priority"] == priority and process["memory_locked"], f"{process}")
        for name, mode in (("run/status.sock", 0o660), ("run/control.sock", 0o600)):
            s = os.stat(f"{folder}/{name}")
            check(s.st_uid == user.pw_uid and stat.S_IMODE(s.st_mode) == mode, f"{name}: {s}")
        check(ask() is not None, "no answer")
    check(not os.listdir(f"{folder}/run"), f"left behind: {os.listdir(f'{folder}/run')}")


def refuses_a_stranger(command, folder, receiver):
    conf = os.path.join(folder, "timeball.conf")
    with open(conf, "w") as f:
        f.write(CONF.format(user="no-such-user", folder=folder, tty=receiver.path, priority=0, sandbox="on"))
    line = [w.format(port=harness.PORT, seconds=10, conf=conf) for w in command]
    done = subprocess.run(line, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
    print(done.stderr.strip())
    check(done.returncode == 1 and "adduser" in done.stderr, f"exit status {done.returncode}: {done.stderr}")


def test(own, command):
    (ctl,) = own
    if not may_map_users():
        skip("there is no other user here to become; run the tests as root")
    folder = tempfile.mkdtemp(prefix="timeball-rights-")
    os.chmod(folder, 0o755)
    try:
        with Receiver() as receiver:
            receiver.fix = True
            for sandbox in ("strict", "on"):
                serves_as_another(command, ctl, folder, receiver, sandbox)
            refuses_a_stranger(command, folder, receiver)
    finally:
        shutil.rmtree(folder)


harness.main(test)
