"""Run in a clean root: the installed unit's command line, as its user with its rights, on a receiver behind a pseudo
terminal, until it is stratum 1. `systemd` is not there: this does what the unit's lines say."""

import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
from receiver import Receiver

UNIT = "/lib/systemd/system/timeball.service"


def value(text, name):
    return re.search(rf"^{name}=(.*)$", text, re.M).group(1)


def main():
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with open(UNIT) as f:
        unit = f.read()
    user, folder = value(unit, "User"), value(unit, "RuntimeDirectory")
    # SYS_TIME is not to be had here, so nothing can set a clock: `clock none`
    caps = "+net_bind_service"
    for path in (f"/run/{folder}", f"/var/lib/{folder}"):
        os.makedirs(path, exist_ok=True)
        subprocess.run(["chown", f"{user}:{user}", path], check=True)
    with Receiver() as receiver:
        receiver.fix = True
        os.chmod(receiver.path, 0o666)
        with open("/etc/timeball.conf", "a") as f:
            f.write(f"clock none\nrefclock nmea {receiver.path} delay 0..0.4\n")
        command = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", f"--inh-caps={caps}"]
        command += [f"--ambient-caps={caps}", *value(unit, "ExecStart").split()]
        daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        try:
            until = time.monotonic() + 60
            while True:
                answer = harness.ask(timeout=0.5)
                if answer and answer.stratum == 1 and answer.leap == 0:
                    break
                if time.monotonic() > until or daemon.poll() is not None:
                    sys.exit(f"not stratum 1 within 60 s: {answer}, exit status {daemon.poll()}")
                time.sleep(0.3)
            print(f"stratum 1: {answer}")
            subprocess.run(["timeballctl", "wait", "--error", "0.5s", "--for", "10"], check=True)
            subprocess.run(["timeballctl", "status"], check=True)
        finally:
            daemon.terminate()
            status = daemon.wait(10)
            os.rmdir(f"/run/{folder}")  # systemd does, and it must be empty
        if status:
            sys.exit(f"exit status {status}")


main()
