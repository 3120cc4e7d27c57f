"""The units as systemd reads them: nothing in them is wrong or unknown, and how much they leave open is bounded.

usage: test_units.py FOLDER PROGRAM...    a unit of a program that was not built is left out
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

SKIP = 77
# exposure as `systemd-analyze security` counts it, 0 to 10
MOST = {
    "timeball.service": 2.4,
    "timeball-wait.service": 1.5,
    "timeball-web.service": 1.5,
    "timeball-exporter.service": 1.5,
    "timeball-alarm.service": 1.5,
}


# What makes up the exposure of timeball.service, and what a user would lose without it. Without netlink, other processes, the rest
# of /proc, a port below 1024 and addresses of clients it would be 2.0.
OPEN = {
    "CapabilityBoundingSet_CAP_SYS_TIME": "the clock is steered",
    "ProtectClock": "the same",
    "SystemCallFilter_clock": "the same",
    "SystemCallFilter_privileged": "the same: clock calls are among them",
    "PrivateUsers": "in a user namespace nobody may set the clock",
    "AmbientCapabilities": "it need not start as root",
    "CapabilityBoundingSet_CAP_NET_BIND_SERVICE_BROADCAST_RAW)": "port 123",
    "PrivateDevices": "receivers and pulses",
    "DeviceAllow": "these classes of devices, and no others",
    "PrivateNetwork": "NTP",
    "IPAddressDeny": "clients may be anywhere; `restrict` says who is served",
    "RestrictAddressFamilies_AF_INET_INET6": "NTP",
    "RestrictAddressFamilies_AF_UNIX": "status and control socket, journal",
    "RestrictAddressFamilies_AF_NETLINK": "its own addresses, so that it is not its own server; cards that stamp",
    "ProtectProc": "gpsd or a login that holds the port, another program that steers the clock",
    "ProcSubset": "the board's device tree, consoles",
    "RootDirectoryOrRootImage": "its files are where the administrator looks for them",
}


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, timeout=30)


def open_otherwise(path):
    """What counts and has no reason here, or has one and does not count any more. Another release may know more."""
    listed = json.loads(run("systemd-analyze", "security", "--offline=true", "--json=short", path).stdout)
    counts = {row["json_field"] for row in listed if row["exposure"]}
    known = {row["json_field"] for row in listed}
    print("\n".join(f"  {row['exposure']} {row['json_field']}: {OPEN.get(row['json_field'])}" for row in listed if row["exposure"]))
    return [f"open: {name}" for name in counts - set(OPEN)] + [f"not open: {name}" for name in set(OPEN) & known - counts]


def check(folder, unit, programs, most):
    path = os.path.join(folder, unit)
    with open(path) as f:
        text = f.read()
    for name, program in programs.items():
        text = re.sub(rf"=\S*/{name}\b", f"={program}", text)
    text = re.sub(r"^Documentation=.*\n", "", text, flags=re.M)  # the manuals are not installed here
    with open(path, "w") as f:
        f.write(text)
    said = run("systemd-analyze", "verify", path)
    wrong = [line for line in said.stderr.splitlines() if unit in line]
    done = run("systemd-analyze", "security", "--offline=true", path)
    found = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
    exposure = float(found.group(1)) if found else None
    if unit == "timeball.service":
        wrong += open_otherwise(path)
    print(f"{unit}: exposure {exposure}, at most {most}; {wrong or 'nothing wrong'}")
    return not wrong and exposure is not None and exposure <= most


def main(built, *paths):
    if not shutil.which("systemd-analyze"):
        print("skipped: systemd-analyze is not here; install the package systemd")
        sys.exit(SKIP)
    programs = {os.path.basename(path): path for path in paths}
    units = [unit for unit in MOST if os.path.exists(os.path.join(built, unit))]
    with tempfile.TemporaryDirectory(prefix="timeball-units-") as folder:
        for unit in units:
            shutil.copy(os.path.join(built, unit), folder)
        good = [check(folder, unit, programs, MOST[unit]) for unit in units]
    sys.exit(not all(good))


main(*sys.argv[1:])
