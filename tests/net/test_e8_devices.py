"""A device that is not there or may not be opened, or no right to set the clock: one clear line with what to do, exit status 1.

usage: test_e8_devices.py -- DAEMON [ARGUMENT]...
"""

import os
import subprocess
import tempfile

import harness
from harness import PORT, check

CONF = "driftfile none\nlisten 127.0.0.1 port 123\n"


def ends(command, conf_lines, words):
    """Starts the daemon, which must end by itself with a line that holds all of `words`."""
    with tempfile.TemporaryDirectory(prefix="timeball-net-") as folder:
        conf = os.path.join(folder, "timeball.conf")
        with open(conf, "w", encoding="ascii") as f:
            f.write(CONF + conf_lines.format(folder=folder) + "\n")
        line = [w.format(port=PORT, seconds=10, conf=conf) for w in command]
        done = subprocess.run(line, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL, check=False)
    said = done.stdout + done.stderr
    print(f"{conf_lines!r}: exit status {done.returncode}: {said.strip()}")
    check(done.returncode == 1, f"{conf_lines!r}: exit status {done.returncode}")
    lines = [text for text in said.splitlines() if all(word in text for word in words)]
    check(len(lines) == 1, f"{conf_lines!r}: not one line with all of {words}:\n{said}")


def test(own, command):
    ends(command, "clock none\nrefclock nmea {folder}/none", ("/none", "No such file", "plugged in"))
    ends(command, "clock none\nrefclock pps /dev/pps-none", ("/dev/pps-none", "No such file", "pps"))
    ends(command, "clock system", ("system clock", "Operation not permitted", "CAP_SYS_TIME", "clock none"))


harness.main(test)
