"""README.md and docs/*.md as their reader uses them: every command in them is run against a real daemon, or, where it needs
root, hardware or hours, known by its program's own help; every configuration in them is understood, and the two of a page
that translates one mean the same. Every program that is installed has a manual.

A block that is indented holds commands; what is no command stands between fences, with its kind.

usage: test_docs.py FOLDER_OF_PROGRAMS -- DAEMON [ARGUMENT]...
"""

import concurrent.futures
import glob
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile

import harness
from harness import check
from receiver import Receiver

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
CONF = """
clock none
statussocket {folder}/status.sock
controlsocket {folder}/control.sock
driftfile none
refclock nmea {tty} delay 0..0.4
"""
KINDS = {"conf", "ntp", "chrony", "nft", "sysctl", "text"}
OURS = r"(?:timeballd|timeballctl|timeball-sim|timeball-exporter|timeball-alarm|timeball-web)"
# What ends by a signal alone.
ENDLESS = {"watch", "record", "timeball-exporter", "timeball-alarm", "timeball-web"}
# These end with another status where something is not as it should be on this machine, which is their answer.
STATUS = {"status": (0, 2), "now": (0, 2), "doctor": (0, 1), "pool-check": (0, 2), "receiver": (0, 1)}
# Units of others that the pages name.
UNITS = {"gpsd.socket", "gpsd.service", "gpsd", "chrony.service", "chrony", "ntpsec", "systemd-timesyncd", "serial-getty@ttyAMA0"}
# Commands of others that a test cannot run, and why.
NOT_RUN = {
    "apt": "installs", "cmake": "installs, as this test does elsewhere", "systemd-sysusers": "makes users", "raspi-config": "a Raspberry Pi's",
    "reboot": "ends the machine", "sysctl": "sets the kernel", "openssl": "its output goes nowhere", "ssh": "needs another machine",
    "hwstamp_ctl": "needs a network card", "cat": "what it shows is there with connection tracking alone", "git": "needs the network",
    "dpkg": "installs", "lsblk": "needs a card", "scp": "needs another machine",
}  # fmt: skip


class Page:
    def __init__(self, path):
        self.name = os.path.basename(path)
        with open(path) as f:
            self.text = f.read()
        self.fenced = re.findall(r"^```(\w*)\n(.*?)^```$", self.text, flags=re.M | re.S)
        self.plain = re.sub(r"^```.*?^```$", "", self.text, flags=re.M | re.S)
        for kind, _ in self.fenced:
            check(kind in KINDS, f"{self.name}: a block of the kind '{kind}'; known are {sorted(KINDS)}")

    def blocks(self, kind):
        return [body for k, body in self.fenced if k == kind]

    def commands(self):
        """Of indented lines, which may say behind two blanks what they do; and of our programs also in the text."""
        for line in re.findall(r"^    (\S.*)$", self.plain, flags=re.M):
            yield from re.split(r"\s{2,}", line)[0].split(" && ")
        yield from re.findall(rf"`((?:{OURS}|\./dev) [^`\n]+)`", self.plain)


def pages():
    paths = [f"{TOP}/README.md", *sorted(glob.glob(f"{TOP}/docs/*.md"))]
    return [Page(p) for p in paths]


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
                check(f"[{words[1]}" in usage, f"./dev {words[0]} has no {words[1]}")
        elif program == "systemctl":
            for unit in (w for w in words[1:] if not w.startswith("-")):
                ours = os.path.exists(f"{TOP}/udev/{unit.removesuffix('.service')}.service")
                check(ours or unit in UNITS or words[0] == "daemon-reload", f"there is no unit {unit}")
        elif program in ("ntpq", "chronyd", "ip", "nstat"):
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


def understood(timeballd, folder, body):
    """What --check makes of a configuration: lines without comments; what it warns of."""
    path = f"{folder}/page.conf"
    with open(path, "w") as f:
        f.write(body)
    done = subprocess.run([timeballd, "--check", path], capture_output=True, text=True, timeout=30)
    check(done.returncode == 0, f"a configuration is wrong:\n{body}\n{done.stderr}")
    lines = (line.partition("#")[0].strip() for line in done.stdout.splitlines())
    return sorted(line for line in lines if line), done.stderr


def configurations(all_pages, timeballd, folder):
    for page in all_pages:
        for body in page.blocks("conf"):
            warned = understood(timeballd, folder, body)[1]
            check(not warned, f"{page.name}: {warned}\n{body}")
        for body in page.blocks("ntp"):
            understood(timeballd, folder, body)
        for body in page.blocks("chrony"):
            if shutil.which("chronyd"):
                given = f"{folder}/chrony.conf"
                with open(given, "w") as f:
                    f.write(body)
                done = subprocess.run(["chronyd", "-p", "-f", given], capture_output=True, text=True, timeout=30)
                check(done.returncode == 0, f"{page.name}: chronyd does not take its example: {done}")
        print(f"{page.name}: {', '.join(k for k, _ in page.fenced) or 'no'} blocks")


def same_meaning(page, timeballd, folder):
    """The translation of an ntp.conf is what timeballd makes of it itself."""
    theirs, ours = (understood(timeballd, folder, page.blocks(kind)[0])[0] for kind in ("ntp", "conf"))
    check(theirs == ours, f"{page.name}: not the same: {sorted(set(theirs) ^ set(ours))}")


def manuals(programs, folder):
    """What is installed is documented, and the documents are installed."""
    build = subprocess.run(["cmake", "--install", programs, "--prefix", f"{folder}/usr"], capture_output=True, text=True, timeout=120)
    check(build.returncode == 0, build.stderr)
    found = {os.path.basename(p) for p in glob.glob(f"{folder}/usr/share/man/man?/*")}
    installed = [os.path.basename(p) for p in glob.glob(f"{folder}/usr/*bin/*")]
    print(f"installed: {sorted(installed)}; manuals: {sorted(found)}")
    check(len(installed) >= 4, "hardly a program is installed")
    for program in installed:
        check({f"{program}.1", f"{program}.8"} & found, f"{program} has no manual")
    check({"timeball.conf.5", "timeball-status.7"} <= found, "a manual of a file is missing")
    for path in glob.glob(f"{TOP}/docs/*.[1-8]"):
        name, section = os.path.basename(path).rsplit(".", 1)
        with open(path) as f:
            text = f.read().replace("\\-", "-")
        check(re.search(rf"^\.TH {name} {section} ", text, flags=re.M | re.I), f"{path}: its heading")
        check(re.search(rf"^\.SH NAME\n{name} - ", text, flags=re.M), f"{path}: its name")
        for other, number in re.findall(r"^\.BR (timeball\S*) \((\d)\)", text, flags=re.M):
            check(f"{other}.{number}" in found, f"{path} refers to {other}({number})")
    docs = {os.path.basename(p) for p in glob.glob(f"{folder}/usr/share/doc/timeball/*")}
    check({"README.md", "status.schema.json", "pool.md", "from-ntpd.md"} <= docs, f"documents: {docs}")


def links(all_pages):
    """Links between the pages lead somewhere."""
    for page in all_pages:
        base = TOP if page.name == "README.md" else f"{TOP}/docs"
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.text):
            check(os.path.exists(os.path.join(base, target)), f"{page.name}: nothing is at {target}")


def test(own, command):
    all_pages, programs = pages(), own[0]
    timeballd = f"{programs}/timeballd"
    links(all_pages)
    with tempfile.TemporaryDirectory(prefix="timeball-net-") as folder:
        manuals(programs, folder)
        configurations(all_pages, timeballd, folder)
        ntpd = next(p for p in all_pages if p.name == "from-ntpd.md")
        same_meaning(ntpd, timeballd, folder)
        with open(f"{folder}/ntp.conf", "w") as f:
            f.write(ntpd.blocks("ntp")[0])
        with Receiver() as receiver:
            receiver.fix = True
            with harness.daemon(command, CONF.format(folder=folder, tty=receiver.path)) as d:
                d.wait_synchronised()
                run_all(all_pages, Commands(programs, folder, f"{folder}/ntp.conf"))


harness.main(test)
