"""What udev makes of devices by our rules: groups, links, and the service that follows them. The devices are made up
(umockdev), and all happens in a mount namespace of its own.

usage: test_udev.py RULES
"""

import os
import shutil
import subprocess
import sys
import tempfile

SKIP = 77

DEVICES = """P: /devices/usb1/1-1
N: bus/usb/001/002
E: DEVTYPE=usb_device
E: SUBSYSTEM=usb
A: idVendor={vendor}\\n
A: idProduct={product}\\n

P: /devices/usb1/1-1/1-1:1.0/tty/ttyACM3
N: ttyACM3
E: SUBSYSTEM=tty
E: DEVNAME=/dev/ttyACM3
E: MAJOR=166
E: MINOR=3

P: /devices/virtual/pps/pps2
N: pps2
E: SUBSYSTEM=pps
E: DEVNAME=/dev/pps2
E: MAJOR=250
E: MINOR=2
A: name={pulse}\\n

P: /devices/virtual/ptp/ptp0
N: ptp0
E: SUBSYSTEM=ptp
E: DEVNAME=/dev/ptp0
E: MAJOR=249
E: MINOR=0
"""

# a device manager's world of our own: its data, its rules, and a /dev that links may be made in
SCRIPT = """
set -e
touch "$1/null"; mount --bind /dev/null "$1/null"
mkdir "$1/pts"; mount --bind /dev/pts "$1/pts"
mkdir -p /run/udev; mount -t tmpfs none /run/udev
mount -t tmpfs none /dev
touch /dev/null; mount --bind "$1/null" /dev/null
mkdir /dev/pts; mount --bind "$1/pts" /dev/pts; ln -s pts/ptmx /dev/ptmx
mkdir -p /run/udev/rules.d; cp "$2" /run/udev/rules.d/60-timeball.rules
exec umockdev-run --device="$1/devices" -- udevadm test --action=add "/sys$3"
"""

# device, what it is, what must be in the output, what must not
TTY, PPS, PTP = "/devices/usb1/1-1/1-1:1.0/tty/ttyACM3", "/devices/virtual/pps/pps2", "/devices/virtual/ptp/ptp0"
STARTS = "SYSTEMD_WANTS=timeball.service"
CASES = (
    ("a u-blox receiver", TTY, {}, ["DEVLINKS=/dev/gps3", "MODE 0660", "ID_MM_DEVICE_IGNORE=1", STARTS], []),
    ("MediaTek's GPS", TTY, {"vendor": "0e8d", "product": "3329"}, ["DEVLINKS=/dev/gps3", STARTS], []),
    ("another device of MediaTek", TTY, {"vendor": "0e8d", "product": "2008"}, [], ["gps3", STARTS, "GROUP"]),
    ("an adapter that could be anything", TTY, {"vendor": "0403", "product": "6001"}, [], ["gps3", STARTS]),
    ("a pulse at a pin", PPS, {}, ["DEVLINKS=/dev/gpspps2", "MODE 0660", STARTS], []),
    ("the kernel's test source", PPS, {"pulse": "ktimer0"}, ["MODE 0660"], ["gpspps2", STARTS]),
    ("a network card's pulse", PPS, {"pulse": "ptp0"}, ["MODE 0660"], ["gpspps2", STARTS]),
    ("a PTP hardware clock", PTP, {}, ["MODE 0660"], [STARTS]),
)


def skip(why):
    print("skipped:", why)
    sys.exit(SKIP)


def try_case(rules, device, fields):
    with tempfile.TemporaryDirectory(prefix="timeball-udev-") as folder:
        with open(f"{folder}/devices", "w") as f:
            f.write(DEVICES.format(**{"vendor": "1546", "product": "01a9", "pulse": "pps@12.-1", **fields}))
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", SCRIPT, "sh", folder, rules, device],
            capture_output=True,
            text=True,
            timeout=30,
        )
    return done.stdout + done.stderr


def main(rules):
    for tool in ("unshare", "umockdev-run", "udevadm"):
        if not shutil.which(tool):
            skip(f"{tool} is not here")
    if os.geteuid() or subprocess.run(["unshare", "--mount", "true"]).returncode:
        skip("no mount namespace is to be had here (run as root)")
    failed = False
    for name, device, fields, wanted, unwanted in CASES:
        said = try_case(rules, device, fields)
        ours = [line for line in said.splitlines() if "=" in line or "60-timeball.rules" in line]
        text = "\n".join(ours)
        wrong = [w for w in wanted if w not in text] + [f"not {u}" for u in unwanted if u in text]
        wrong += [line for line in ours if "Invalid" in line or "not understood" in line]
        print(f"{name}: {'wrong: ' + ', '.join(wrong) if wrong else 'as it should be'}")
        if wrong:
            print(said)
            failed = True
    sys.exit(failed)


main(sys.argv[1])
