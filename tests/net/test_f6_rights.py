"""F6: started by root, the daemon serves as another user, with no capability but those that its configuration needs (with
`clock none` none at all; to lock its memory one), in every thread, behind its filter of system calls; and removes at its end
what it made. A right that is missing is said, with what to do.

usage: test_f6_rights.py TIMEBALLCTL -- DAEMON [ARGUMENT]...
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
clock {clock}
user {user}
sandbox {sandbox}
lock_memory {lock}
sched_priority {priority}
driftfile {folder}/state/drift
statussocket {folder}/run/status.sock
controlsocket {folder}/run/control.sock
refclock nmea {tty} delay 0..0.4
"""
IPC_LOCK = 1 << 14


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


def check_threads(pid, user, wanted):
    tasks = glob.glob(f"/proc/{pid}/task/*/status")
    check(len(tasks) >= 3, f"{len(tasks)} threads")
    for task in tasks:
        s = state_of(task)
        check(set(s["Uid"].split()) == {str(user.pw_uid)}, f"{task}: Uid {s['Uid']}")
        check(set(s["Gid"].split()) == {str(user.pw_gid)}, f"{task}: Gid {s['Gid']}")
        check(int(s["CapPrm"], 16) == int(s["CapEff"], 16) == wanted, f"{task}: CapPrm {s['CapPrm']}, not {wanted:x}")
        check(int(s["CapInh"], 16) == 0 and int(s["CapAmb"], 16) == 0, f"{task}: CapInh, CapAmb")
        check(s["NoNewPrivs"] == "1" and s["Seccomp"] == "2", f"{task}: {s['NoNewPrivs']} {s['Seccomp']}")


def check_real_time(pid, priority, lock):
    policies = [os.sched_getscheduler(int(os.path.basename(t))) for t in glob.glob(f"/proc/{pid}/task/*")]
    real = [p for p in policies if p & os.SCHED_FIFO]
    check(len(real) == (1 if priority else 0), f"policies of its threads: {policies}")
    with open(f"/proc/{pid}/maps") as f:
        if "libasan" in f.read():
            return  # it makes mlockall() do nothing
    locked = int(state_of(f"/proc/{pid}/status")["VmLck"].split()[0])
    check((locked > 0) == lock, f"{locked} kB are locked in memory")


def status(ctl, folder):
    done = subprocess.run([ctl, "-s", f"{folder}/run/status.sock", "status", "--json"], capture_output=True, text=True)
    check(done.returncode == 0, done.stderr)
    return json.loads(done.stdout)


def serves_as_another(command, ctl, folder, receiver, sandbox, lock):
    user = pwd.getpwnam("nobody")
    priority = 1 if may_be_real_time() else 0
    conf = CONF.format(user="nobody", folder=folder, tty=receiver.path, priority=priority, sandbox=sandbox, clock="none",
                       lock="on" if lock else "off")
    with harness.daemon(command, conf) as d:
        d.wait_synchronised()
        check_threads(d.process.pid, user, IPC_LOCK if lock else 0)
        check_real_time(d.process.pid, priority, lock)
        process = status(ctl, folder)["process"]
        print(process)
        check(process["user"] == "nobody" and process["sandbox"] == sandbox, f"{process}")
        check(process["sched_priority"] == priority and process["memory_locked"] == lock, f"{process}")
        check(process["capabilities"] == ("ipc_lock" if lock else None), f"{process}")
        for name, mode in (("run/status.sock", 0o660), ("run/control.sock", 0o600)):
            s = os.stat(f"{folder}/{name}")
            check(s.st_uid == user.pw_uid and stat.S_IMODE(s.st_mode) == mode, f"{name}: {s}")
        check(ask() is not None, "no answer")
    check(not os.listdir(f"{folder}/run"), f"left behind: {os.listdir(f'{folder}/run')}")


def refused(command, folder, receiver, words, without=None, **fields):
    """Ends at once, with a line that has all the words; perhaps without one of root's rights."""
    conf = os.path.join(folder, "timeball.conf")
    fields = {"user": "nobody", "priority": 0, "sandbox": "strict", "lock": "off", "clock": "none", "more": "", **fields}
    with open(conf, "w") as f:
        f.write(CONF.format(folder=folder, tty=receiver.path, **fields) + fields["more"])
    prefix = ["setpriv", "--bounding-set", f"-{without}", "--inh-caps", f"-{without}"] if without else []
    line = prefix + [w.format(port=harness.PORT, seconds=10, conf=conf) for w in command]
    done = subprocess.run(line, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
    print(done.stderr.strip())
    check(done.returncode == 1, f"without {without}: exit status {done.returncode}: {done.stderr}")
    check(any(all(w in said for w in words) for said in done.stderr.splitlines()), f"no line with {words}: {done.stderr}")


def says_what_is_missing(command, folder, receiver):
    refused(command, folder, receiver, ("no-such-user", "adduser"), user="no-such-user")
    refused(command, folder, receiver, ("nobody", "systemd unit", "user none"), without="setuid")
    refused(command, folder, receiver, ("port 123", "CAP_NET_BIND_SERVICE"), without="net_bind_service")
    refused(command, folder, receiver, ("sched_priority", "LimitRTPRIO"), without="sys_nice", priority=1)
    refused(command, folder, receiver, ("CAP_SYS_TIME", "clock none"), clock="system")  # that no test has
    if not os.path.exists("/dev/cpu_dma_latency"):
        refused(command, folder, receiver, ("cpu_dma_latency", "delete `cpu_latency`"), more="cpu_latency 10\n")


def test(own, command):
    (ctl,) = own
    if not may_map_users():
        skip("there is no other user here to become; run the tests as root")
    folder = tempfile.mkdtemp(prefix="timeball-rights-")
    os.chmod(folder, 0o755)
    try:
        with Receiver() as receiver:
            receiver.fix = True
            for sandbox, lock in (("strict", False), ("on", True)):
                serves_as_another(command, ctl, folder, receiver, sandbox, lock)
            says_what_is_missing(command, folder, receiver)
    finally:
        shutil.rmtree(folder)


harness.main(test)
