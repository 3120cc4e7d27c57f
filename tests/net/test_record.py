"""A recording that timeballctl takes of a running daemon, with a receiver behind a pseudo terminal and a network server, is
replayed by timeball-sim from bytes and packets to the same state.

usage: test_record.py TIMEBALLCTL TIMEBALL-SIM -- DAEMON [ARGUMENT]...
"""

import contextlib
import json
import os
import re
import subprocess
import tempfile
import time

import harness
from harness import check
from receiver import Receiver

SECONDS = 16
SERVER = "127.0.0.2"  # not an address of this machine's own, and yet reached by its loopback
SERVER_PORT = 11123
SERVER_CONF = f"listen {SERVER} port {SERVER_PORT}\nstatussocket none\ndriftfile none\n"
CONF = """
threads 0
listen 127.0.0.1 port 123
clock none
statussocket {folder}/status
controlsocket {folder}/control
driftfile none
refclock nmea {tty} delay 0..0.4
server {server} port {port} iburst minpoll 1 maxpoll 2
"""


@contextlib.contextmanager
def server(sim, folder):
    path = f"{folder}/server.conf"
    with open(path, "w") as f:
        f.write(SERVER_CONF)
    with open(f"{folder}/server.log", "w") as out:
        process = subprocess.Popen([sim, "--live", "-q", "-c", path], stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def status(ctl, folder):
    done = subprocess.run(
        [ctl, "-s", f"{folder}/status", "--json", "status"], capture_output=True, text=True, timeout=30
    )
    check(done.returncode in (0, 2), f"status: {done.returncode} {done.stderr}")
    return json.loads(done.stdout)


def take(ctl, folder):
    path = f"{folder}/a.rec"
    words = [ctl, "-s", f"{folder}/control", "record", path, "--for", str(SECONDS)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    check(done.returncode == 0, f"record: {done.stderr}")
    with open(path) as f:
        kinds = [line[0] for line in f]
    print("recorded:", {kind: kinds.count(kind) for kind in sorted(set(kinds))})
    for kind, least in {"B": SECONDS - 4, "L": SECONDS - 4, "Q": 2, "N": 2, "C": 2, "P": 1}.items():
        check(kinds.count(kind) >= least, f"fewer than {least} lines {kind}")
    return path


def replay(sim, path):
    done = subprocess.run([sim, "--replay", "--json", path], capture_output=True, text=True, timeout=60)
    check(done.returncode == 0, f"replay: {done.stderr}")
    print(done.stdout)
    return json.loads(done.stdout)


def last_local(path):
    with open(path) as f:
        return max(int(line.split()[1]) for line in f if not line.startswith("#"))


def test(own, command):
    ctl, sim = own
    with tempfile.TemporaryDirectory(prefix="timeball-record-") as folder, Receiver() as r, server(sim, folder):
        r.fix = True
        conf = CONF.format(folder=folder, tty=r.path, server=SERVER, port=SERVER_PORT)
        with harness.daemon(command, conf) as d:
            d.wait_synchronised()
            until = time.monotonic() + 60
            while not any(s["verdict"] == "standby" for s in status(ctl, folder)["sources"]):
                check(time.monotonic() < until, f"the server does not stand by: {status(ctl, folder)}")
                time.sleep(1)
            path = take(ctl, folder)
            was = {s["receiver"]: s["verdict"] for s in status(ctl, folder)["sources"]}
        got = replay(sim, path)
        check(got["state"] == "locked", f"{got['state']}, not locked")
        check(got["packets"] >= 2 and got["pieces"] >= SECONDS - 4, "packets or bytes are missing")
        # a name may be another server tomorrow: the recording names its address
        was = {re.sub(r"^server .*", f"server {SERVER}", name): verdict for name, verdict in was.items()}
        now = {s["receiver"]: s["verdict"] for s in got["sources"]}
        check(now == was, f"replayed {now}, was {was}")
        fraction = last_local(path) % 10**9 * 1e-9
        off = (float("0." + got["time"].rstrip("Z").split(".")[1]) - fraction + 0.5) % 1 - 0.5
        print(f"true time less the recorded clock: {off:+.6f} s; the receiver's delay is half known")
        check(abs(off) < 0.25, f"{off} s off")
        empty = os.path.join(folder, "empty")
        with open(empty, "w"):
            pass
        done = subprocess.run([sim, "--replay", empty], capture_output=True, text=True, timeout=60)
        check(done.returncode == 1 and "no event" in done.stderr, f"an empty recording: {done}")


harness.main(test)
