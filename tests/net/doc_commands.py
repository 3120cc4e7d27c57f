"""How the commands of README.md and docs/*.md are run against a real daemon; those that need root, hardware or hours are looked
up in their program's own help."""

import concurrent.futures
import glob
import os
import re
import shlex
import shutil
import signal
import subprocess

import harness
from doc_pages import OURS, TOP
from harness import check

# What ends by a signal alone.
ENDLESS = {"watch", "record", "timeball-exporter", "timeball-alarm", "timeball-web"}
# These end with another status where something is not as it should be on this machine, which is their answer.
STATUS = {"status": (0, 2), "now": (0, 2), "doctor": (0, 1), "pool-check": (0, 2), "receiver": (0, 1),
          "/etc/chrony/chrony.conf": (1,)}  # each of its words is said to be chrony's, or the file is not here
# Units of others that the pages name.
UNITS = {"gpsd.socket", "gpsd.service", "chrony.service", "chrony", "ntpsec", "systemd-timesyncd"}
# Commands of others that a test cannot run, and why.
NOT_RUN = {
    "apt": "installs", "cmake": "installs, as this test does elsewhere", "systemd-sysusers": "makes users", "reboot": "ends the machine",
    "openssl": "is not needed by any test", "hwstamp_ctl": "needs a network card", "cat": "that file is there with connection tracking",
}  # fmt: skip


class Commands:
    """How each of them is run here."""

    def __init__(self, programs, folder, ntp_conf):
        self.programs, self.folder = programs, folder
        self.stand_ins = {
            "/etc/timeball.conf": f"{folder}/page.conf",
            "/etc/ntpsec/ntp.conf": ntp_conf,
            "FILE": f"{folder}/page.conf",
            "HOST": "127.0.0.1",
            "ntp.example.net": "127.0.0.1",
        }
        self.helps = {}

    def help_of(self, program):
        if program not in self.helps:
            done = subprocess.run([f"{self.programs}/{program}", "--help"], capture_output=True, text=True, timeout=30)
            check(done.returncode == 0, f"{program} --help: {done}")
            self.helps[program] = done.stdout
        return self.helps[program]

    def options_exist(self, program, words):
        for option in (w for w in words if w.startswith("-")):
            check(re.search(rf"(?<!\S){option}\b", self.help_of(program)), f"{program} has no option {option}")

    def ours(self, program, words):
        """The command as it is run here; None: it must not be, or cannot."""
        self.options_exist(program, words)
        words = [self.stand_ins.get(w, w) for w in words]
        if program == "timeballd":
            return [program, *words] if "--check" in words else None  # it would steer the clock, if it could
        if program == "timeball-sim":
            return [program, *words] if words[-1].endswith(".scn") else None
        if "wait" in words:
            words += ["--error", "1s"]  # there is no pulse; of two the last one counts
        if "record" in words:
            words[words.index("record") + 1] = f"{self.folder}/recording-{len(os.listdir(self.folder))}"
        control = {"reload", "record", "receiver"} & set(words)
        return [program, "-s", f"{self.folder}/{'control' if control else 'status'}.sock", *words]

    def others(self, program, words):
        if program == "./dev":
            usage = subprocess.run([f"{TOP}/dev", "help"], capture_output=True, text=True, timeout=30).stdout
            check(re.search(rf"^  (\w+, )?{words[0]}\b", usage, flags=re.M), f"./dev has no command {words[0]}")
            if words[0] == "bench":
                check(glob.glob(f"{TOP}/tests/bench/{words[1]}*"), f"no benchmark {words[1]}")
            elif any(w.startswith("--") for w in words):
                check(f"[{words[1]}" in usage or f"{words[0]} {words[1]}" in usage, f"./dev {words[0]} has no {words[1]}")
        elif program == "systemctl":
            for unit in (w for w in words[1:] if not w.startswith("-")):
                ours = os.path.exists(f"{TOP}/udev/{unit.removesuffix('.service')}.service")
                check(ours or unit in UNITS or words[0] == "daemon-reload", f"there is no unit {unit}")
        elif program in ("ntpq", "chronyd", "ip"):
            if program == "chronyd":
                words = ["-U", "-u", "root", *(w.replace("port 11123", f"port {harness.PORT}") for w in words)]
            if shutil.which(program):
                return [program, *(self.stand_ins.get(w, w) for w in words)]
        else:
            check(program in NOT_RUN, f"nobody knows the command {program}")
        return None

    def made(self, line):
        program, *words = shlex.split(line.removeprefix("sudo "))
        name = program.removeprefix("build/release/")
        if re.fullmatch(OURS, name):
            if name == "timeballctl" and "-s" in words:  # the page's socket
                del words[words.index("-s") : words.index("-s") + 2]
            return self.ours(name, words)
        return self.others(program, words)

    def run(self, line):
        """What became of it, in a word."""
        command = self.made(line)
        if not command:
            return "known"
        program, words = command[0], command[1:]
        path = f"{self.programs}/{program}" if re.fullmatch(OURS, program) else program
        with subprocess.Popen([path, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=TOP) as p:
            endless = ENDLESS & {program, *words}
            try:
                said, _ = p.communicate(timeout=3 if endless else 45)
            except subprocess.TimeoutExpired:
                p.send_signal(signal.SIGINT)
                said, _ = p.communicate(timeout=20)
                check(endless, f"{line}: does not end:\n{said}")
                check(p.returncode in (0, -signal.SIGINT), f"{line}: exit status {p.returncode}\n{said}")
                return "run, and ended"
        allowed = next((STATUS[w] for w in words if w in STATUS), (0,))
        check(p.returncode in allowed, f"{line}: exit status {p.returncode}\n{said}")
        check("usage:" not in said and "--help" not in said, f"{line}: {said}")
        return f"run: {p.returncode}"


def run_all(all_pages, commands):
    lines = {line: page.name for page in reversed(all_pages) for line in page.commands()}
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        results = list(pool.map(commands.run, lines))
    for (line, page), result in zip(lines.items(), results):
        print(f"{page}: {line}: {result}")
    check(sum(r.startswith("run") for r in results) >= 15, "hardly a command was run")
