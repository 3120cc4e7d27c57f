"""A real client takes the time: it must find stratum 1, no leap warning, the right reference and the host's time.

usage: test_client.py CLIENT REFID -- DAEMON [ARGUMENT]...
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time

import harness

LIMIT = 0.02  # s; simulated truth is the host's clock, and a client on a busy machine is late by milliseconds


def run(command, expected=0):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    text = done.stdout + done.stderr
    print("$", " ".join(command), f"-> {done.returncode}\n{text}")
    harness.check(done.returncode == expected, f"{command[0]}: exit status {done.returncode}, not {expected}")
    return text


def number(pattern, text):
    found = re.search(pattern, text)
    harness.check(found, f"nothing like {pattern} in its output")
    return float(found[1])


def near(offset):
    harness.check(abs(offset) < LIMIT, f"offset {offset:.6f} s")


def chronyd(refid):
    program = harness.need("chronyd", "chrony")
    for host in harness.hosts():
        out = run([program, "-Q", "-t", "8", "-u", "root", f"server {host} port {harness.PORT} iburst maxsamples 1"])
        near(number(r"System clock wrong by (-?[0-9.]+) seconds", out))


def ntpdig(refid):
    out = run([harness.need("ntpdig", "ntpsec-ntpdig"), "-j", "-t", "3", "127.0.0.1"])
    found = json.loads(out[out.index("{") :])
    harness.check(found["stratum"] == 1 and found["leap"] == "no-leap", f"stratum or leap of {found}")
    near(found["offset"])


NTPLIB = """
import ntplib, sys
for version in 2, 3, 4:
    r = ntplib.NTPClient().request('127.0.0.1', version=version, port=int(sys.argv[1]), timeout=3)
    print(r.version, r.leap, r.stratum, r.ref_id.to_bytes(4, 'big').decode(), r.root_dispersion, r.offset)
"""


def python_with_ntplib():
    for python in (sys.executable, "/usr/bin/python3"):
        if not subprocess.run([python, "-c", "import ntplib"], capture_output=True).returncode:
            return python
    return harness.skip("ntplib is not here; install the package python3-ntplib")


def ntplib(refid):
    out = run([python_with_ntplib(), "-c", NTPLIB, str(harness.PORT)])
    for version, line in zip("234", out.splitlines()):
        words = line.split()
        harness.check(words[:4] == [version, "0", "1", refid], f"version, leap, stratum, refid: {words[:4]}")
        harness.check(0 < float(words[4]) < 1, f"root dispersion {words[4]}")
        near(float(words[5]))


def rdate(refid):
    out = run([harness.need("rdate", "rdate"), "-n", "-p", "-v", "-o", str(harness.PORT), "127.0.0.1"])
    near(number(r"adjust local clock by (-?[0-9.]+) seconds", out))


def ntpdate(refid):
    harness.need("ntpdig", "ntpsec-ntpdig")
    out = run([harness.need("ntpdate", "ntpsec-ntpdate"), "-q", "127.0.0.1"])
    harness.check(" s1 no-leap" in out, "stratum or leap")
    near(number(r"\) ([+-][0-9.]+) \+/-", out))


def nmap(refid):
    """Its probes are of all modes and versions, the first one empty; ntp-info learns what loopback may ask (mode 6),
    ntp-monlist nothing at all (mode 7)."""
    program = harness.need("nmap", "nmap")
    data = os.path.join(os.path.dirname(program), "../root/usr/share/nmap")
    words = ["-Pn", "-n", "-sU", "-p", str(harness.PORT), "-sV", "--script", "ntp-info,ntp-monlist", "127.0.0.1"]
    out = run([program, *(["--datadir", data] if os.path.isdir(data) else []), *words])
    harness.check(re.search(r"123/udp open +ntp +NTP v4", out), "not known as an NTP server")
    harness.check("receive time stamp" in out, "no time")
    harness.check("ntp-monlist" not in out, "mode 7 was answered")


OPENNTPD = """
set -e
cp /etc/passwd passwd
echo 'ntpd:x:65534:65534::/run/openntpd:/bin/false' >>passwd
mount --bind passwd /etc/passwd
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib
mkdir -p /run/openntpd /var/lib/openntpd/db /var/lib/openntpd/run
exec "$2" -d -v -f "$1" -p "$PWD/pid"
"""


def openntpd(refid):
    """It wants a user and folders of its own: it gets them in a mount namespace of its own."""
    program = harness.need("openntpd", "openntpd")
    with tempfile.TemporaryDirectory(prefix="timeball-net-") as folder:
        conf, log = os.path.join(folder, "conf"), os.path.join(folder, "log")
        with open(conf, "w") as f:
            f.write("server 127.0.0.1\n")
        with open(log, "w") as out:
            words = ["unshare", "--mount", "sh", "-c", OPENNTPD, "sh", conf, program]
            process = subprocess.Popen(words, cwd=folder, stdout=out, stderr=out)
        try:
            until, said = time.monotonic() + 20, ""
            while "reply from" not in said and time.monotonic() < until:
                if process.poll() is not None and os.stat("/etc/passwd").st_uid:
                    harness.skip(f"openntpd needs real root here: {said}")  # in a user namespace there is no other user
                time.sleep(0.2)
                with open(log) as f:
                    said = f.read()
        finally:
            process.terminate()
            process.wait()
        print(said)
        near(number(r"reply from 127.0.0.1: offset (-?[0-9.]+) delay", said))


XLEAVE = """
server 127.0.0.1 port {port} xleave minpoll -2 maxpoll -2
port 0
cmdport 0
bindcmdaddress {folder}/sock
pidfile {folder}/pid
"""


def chronyd_xleave(refid):
    """In interleaved mode the transmit timestamps are the kernel's, so the offset is near zero and not only near."""
    chronyc = harness.need("chronyc", "chrony")
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="timeball-net-"))
        conf = os.path.join(folder, "conf")
        with open(conf, "w") as f:
            f.write(XLEAVE.format(port=harness.PORT, folder=folder))
        process = subprocess.Popen([harness.need("chronyd", "chrony"), "-x", "-d", "-u", "root", "-f", conf])
        stack.callback(process.wait)
        stack.callback(process.terminate)
        until, out = time.monotonic() + 20, ""
        good = re.compile(r"NTP tests +: 111 111 1111.*Interleaved +: Yes", re.S)  # its first ones are weighed by themselves
        while not good.search(out) and time.monotonic() < until:
            time.sleep(0.5)
            done = subprocess.run([chronyc, "-h", f"{folder}/sock", "ntpdata", "127.0.0.1"], capture_output=True, text=True)
            out = done.stdout + done.stderr
        print(out)
        harness.check(re.search(r"Interleaved +: Yes", out), "never interleaved")
        harness.check(re.search(r"NTP tests +: 111 111 1111", out), "an answer failed its tests")
        near(number(r"Offset +: ([+-][0-9.]+) seconds", out))


CLIENTS = {f.__name__: f for f in (chronyd, chronyd_xleave, ntpdig, ntpdate, ntplib, rdate, openntpd, nmap)}
PROGRAMS = {"chronyd": "chrony", "chronyd_xleave": "chrony", "ntpdig": "ntpsec-ntpdig", "ntpdate": "ntpsec-ntpdate",
            "rdate": "rdate", "openntpd": "openntpd", "nmap": "nmap"}


def test(own, command):
    client, refid = own
    if client in PROGRAMS:
        harness.need(client.split("_")[0], PROGRAMS[client])
    else:
        python_with_ntplib()
    with harness.daemon(command) as d:
        answer = d.wait_synchronised()
        harness.check(answer.refid.rstrip(b"\0").decode() == refid, f"refid {answer.refid}")
        near(answer.offset)
        CLIENTS[client](refid)


harness.main(test)
