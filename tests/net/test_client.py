"""A real client takes the time: it must find stratum 1, no leap warning, the right reference and the host's time.

usage: test_client.py CLIENT REFID -- DAEMON [ARGUMENT]...
"""

import json
import re
import subprocess
import sys

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


CLIENTS = {f.__name__: f for f in (chronyd, ntpdig, ntplib, rdate)}
PROGRAMS = {"chronyd": "chrony", "ntpdig": "ntpsec-ntpdig", "rdate": "rdate"}


def test(own, command):
    client, refid = own
    if client in PROGRAMS:
        harness.need(client, PROGRAMS[client])
    else:
        python_with_ntplib()
    with harness.daemon(command) as d:
        answer = d.wait_synchronised()
        harness.check(answer.refid.rstrip(b"\0").decode() == refid, f"refid {answer.refid}")
        near(answer.offset)
        CLIENTS[client](refid)


harness.main(test)
