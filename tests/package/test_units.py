"""The units as systemd reads them: nothing in them is wrong or unknown, and how much they leave open is bounded.

usage: test_units.py FOLDER PROGRAM...    a unit of a program that was not built is left out
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

SKIP = 77
# exposure as `systemd-analyze security` counts it, 0 to 10; what timeball needs of devices, network and clock is 2.4 of it
MOST = {
    "timeball.service": 2.5,
    "timeball-wait.service": 1.5,
    "timeball-web.service": 1.5,
    "timeball-exporter.service": 1.5,
    "timeball-alarm.service": 1.5,
}


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, timeout=30)


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
