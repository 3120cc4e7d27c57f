"""In a container: a root of its own with a named list of devices, no systemd, and the rights that podman and docker leave to
root. It serves with `clock none`, and as another user; for `clock system` it says which right is missing.

usage: test_container.py -- DAEMON [ARGUMENT]...
"""

import os
import subprocess
import tempfile

import harness
from harness import check
from receiver import Receiver

CONF = """
clock {clock}
user {user}
sandbox on
statussocket none
controlsocket none
driftfile /var/lib/timeball/drift
leapfile none
threads 1
refclock nmea /dev/gps0 delay 0..0.4
"""
# $1 an empty folder, $2 the receiver, $3 the folder of the program; the rest is run inside
INSIDE = """
set -e
root=$1 tty=$2 top=$3
shift 3
mount -t tmpfs none "$root"
for d in usr bin sbin lib lib64 "$top" "$PWD"; do
    [ -d "/$d" ] || continue
    mkdir -p "$root/$d" && mount --rbind "/$d" "$root/$d"
done
mkdir -p "$root/dev" "$root/proc" "$root/etc" "$root/run" "$root/tmp" "$root/var/lib"
printf 'root:x:0:0::/:/bin/sh\\ntimeball:x:990:990::/:/bin/false\\n' >"$root/etc/passwd"
printf 'root:x:0:\\ntimeball:x:990:\\n' >"$root/etc/group"
for d in /dev/null /dev/urandom; do touch "$root$d"; mount --bind "$d" "$root$d"; done
touch "$root/dev/gps0"
mount --bind "$tty" "$root/dev/gps0"
mount -t proc none "$root/proc" 2>/dev/null || mount --rbind /proc "$root/proc"
exec setpriv --bounding-set -all,+chown,+setuid,+setgid,+net_bind_service,+kill,+dac_override,+fowner \\
    --inh-caps -all chroot "$root" "$@"
"""


def inside(root, tty, top, command):
    # chroot() itself needs a right that is given up with the program
    script = INSIDE.replace("+fowner", "+fowner,+sys_chroot")
    return ["unshare", "--mount", "sh", "-c", script, "sh", root, tty, top, *command]


def test(own, command):
    top = os.path.dirname(os.path.realpath(command[0]))
    if os.geteuid() or subprocess.run(["unshare", "--mount", "true"], check=False).returncode:
        harness.skip("no root of its own is to be had here (run as root)")
    with tempfile.TemporaryDirectory(prefix="timeball-root-") as root, Receiver() as receiver:
        receiver.fix = True
        os.chmod(receiver.path, 0o666)
        words = inside(root, receiver.path, top, command)
        with harness.daemon(words, CONF.format(clock="none", user="timeball")) as d:
            d.wait_synchronised()
            with open(f"/proc/{d.process.pid}/status") as f:
                state = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
            check(set(state["Uid"].split()) == {"990"}, f"it runs as {state['Uid']}")
            check(int(state["CapEff"], 16) & ~(1 << 10) == 0, f"rights: {state['CapEff']}")
        with tempfile.TemporaryDirectory(prefix="timeball-net-") as folder:
            conf = os.path.join(folder, "conf")
            with open(conf, "w") as f:
                f.write(CONF.format(clock="system", user="timeball"))
            line = [w.format(port=harness.PORT, seconds=10, conf=conf) for w in command]
            done = subprocess.run(inside(root, receiver.path, top, line), capture_output=True, text=True, timeout=30, cwd=folder)
            print(done.stderr.strip())
            check(done.returncode == 1 and "CAP_SYS_TIME" in done.stderr, f"exit status {done.returncode}: {done.stderr}")


harness.main(test)
