"""README.md and docs/*.md as their reader uses them: every command in them is run against a real daemon, or, where it needs
root, hardware or hours, known by its program's own help; every configuration in them is understood, and the two of a page
that translates one mean the same. Every program that is installed has a manual.

usage: test_docs.py FOLDER_OF_PROGRAMS -- DAEMON [ARGUMENT]...
"""

import glob
import os
import re
import shutil
import subprocess
import tempfile

import harness
from doc_commands import NOT_RUN, Commands, run_all
from doc_pages import OURS, TOP, pages
from harness import check
from receiver import Receiver

CONF = """
clock none
statussocket {folder}/status.sock
controlsocket {folder}/control.sock
driftfile none
refclock nmea {tty} delay 0..0.4
"""
# Words of others on our side of a table.
THEIRS = {"makestep", "slew", "interval", "ntpq"}


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
            warned = understood(timeballd, folder, body)[1].splitlines()
            warned = [line for line in warned if ": there is no " not in line]  # on this machine, of which the page is not
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


def examples(timeballd, folder):
    """Configurations in the manual of the configuration."""
    with open(f"{TOP}/docs/timeball.conf.5") as f:
        blocks = [b for b in re.findall(r"^\.nf\n\.RS\n(.*?)^\.RE\n", f.read(), flags=re.M | re.S) if re.match("refclock|clock", b)]
    check(len(blocks) >= 4, f"hardly an example: {blocks}")
    for body in blocks:
        understood(timeballd, folder, body.replace("\\-", "-"))


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


def options_are_in_the_manuals(programs):
    for program in sorted(glob.glob(f"{programs}/timeball*")):
        name = os.path.basename(program)
        if not re.fullmatch(OURS, name):
            continue
        helped = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=30).stdout
        with open(next(p for p in glob.glob(f"{TOP}/docs/{name}.[18]"))) as f:
            manual = f.read().replace("\\-", "-")
        option = r"(?<![\w-])--?[a-zA-Z][a-z-]*"
        described = set(re.findall(option, manual.partition("\n.SH OPTIONS\n")[2].partition("\n.SH ")[0]))
        known = set(re.findall(option, helped))
        check(described and known <= set(re.findall(option, manual)), f"{name}: its manual lacks {known - described}")
        missing = {o for o in described - known if o.startswith("--")}
        check(not missing, f"{name} --help lacks {missing}")


def settings(page):
    """What the tables of a page offer in place of another's setting; where they say that it is the same, that itself."""
    for row in re.findall(r"^\|(?!---).*\|$", page.plain, flags=re.M):
        theirs, ours = row.strip("|").split(" | ", 1)
        same = re.match(r" *the same", ours)
        yield from (w for w in re.findall(r"`([a-z][^`]*)`", theirs if same else ours) if w not in THEIRS)


def tried(setting, folder):
    """With values for what stands in capitals."""
    values = {"PATH": f"{folder}/page", "N": "2", "S": "0.5", "U": "1", "WORD": "gps", "HOST": "a", "NAME": "a", "NET": "192.0.2.0/24",
              "A": "192.0.2.1", "ADDRESS": "192.0.2.1", "CLIENTS": "1024", "LEVEL": "info"}  # fmt: skip
    setting = re.sub(r"(/dev/\w+)U\b", r"\g<1>1", setting.replace("0..S", "0..0.5").replace("baud N", "baud 9600"))
    return " ".join(values.get(word, word) for word in setting.split())


def settings_exist(page, timeballd, folder):
    """Each is a line, or part of one; a single word is one that the manual knows."""
    with open(f"{TOP}/docs/timeball.conf.5") as f:
        manual = f.read()
    lines = ("", "refclock pps /dev/pps0 ", "refclock nmea /dev/ttyS0 ", "refclock shm 2 ", "refclock phc /dev/ptp0 ", "server a ", "pool a ")
    checked, path = [], f"{folder}/setting.conf"
    open(f"{folder}/page", "w").close()
    for setting in sorted(set(settings(page))):
        first = setting.split()[0]
        if re.fullmatch(OURS, first) or first == "systemctl" or first in NOT_RUN:
            continue
        for line in lines:
            with open(path, "w") as f:
                f.write(f"{line}{tried(setting, folder)}\n")
            if subprocess.run([timeballd, "--check", path], capture_output=True, timeout=30).returncode == 0:
                break
        else:
            check(setting == first and re.search(rf"\b{setting}\b", manual), f"{page.name}: '{setting}' is no setting")
        checked.append(setting)
    print(f"{page.name}: {len(checked)} settings of its tables are there: {', '.join(checked)}")
    check(len(checked) > 20, f"{page.name}: hardly a setting")


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
        options_are_in_the_manuals(programs)
        examples(timeballd, folder)
        configurations(all_pages, timeballd, folder)
        ntpd = next(p for p in all_pages if p.name == "from-ntpd.md")
        same_meaning(ntpd, timeballd, folder)
        for page in all_pages:
            if page.name.startswith("from-"):
                settings_exist(page, timeballd, folder)
        with open(f"{folder}/ntp.conf", "w") as f:
            f.write(ntpd.blocks("ntp")[0])
        with Receiver() as receiver:
            receiver.fix = True
            with harness.daemon(command, CONF.format(folder=folder, tty=receiver.path)) as d:
                d.wait_synchronised()
                run_all(all_pages, Commands(programs, folder, f"{folder}/ntp.conf"))


harness.main(test)
