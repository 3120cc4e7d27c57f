"""timeball-alarm on a status socket that is made up: each event once, the hook's environment, one hook at a time, what a hook
may not do; and on the real daemon, whose receiver goes away.

usage: test_alarm.py KIND TIMEBALL_ALARM -- DAEMON [ARGUMENT]...      KIND: hook, journal, restart, hang, daemon
"""

import os
import socket
import subprocess
import tempfile
import time

import harness
from harness import check
from receiver import Receiver
from status_socket import TIME, MadeUp, program, status
from status_socket import alarm as made_up_alarm

HOOK = """#!/bin/sh
# two of these at a time would be seen
mkdir {folder}/running || echo TWO >>{folder}/events
echo "$TIMEBALL_EVENT|$TIMEBALL_CHANGE|$TIMEBALL_LEVEL|$TIMEBALL_THING|$TIMEBALL_SENTENCE|$TIMEBALL_HOST|$TIMEBALL_TIME" >>{folder}/events
env >{folder}/environment
sleep 0.3
rmdir {folder}/running
"""


def write_hook(folder, text):
    path = os.path.join(folder, "hook")
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o755)
    return path


def wait_for(path, lines, seconds=30):
    until = time.monotonic() + seconds
    while True:
        seen = []
        if os.path.exists(path):
            with open(path) as f:
                seen = f.read().splitlines()
        if len(seen) >= lines:
            return seen
        check(time.monotonic() < until, f"not {lines} lines within {seconds} s: {seen}")
        time.sleep(0.1)


def antenna(name, is_):
    return made_up_alarm("antenna", name, f"{name}: its antenna is {is_}.")


def hook(alarm, folder, command):
    """What shells would run stands in the receiver's name: it arrives as it is."""
    path, events = os.path.join(folder, "s"), os.path.join(folder, "events")
    evil = "nmea $(touch {0}/evil);`touch {0}/evil`\n\x1b[2J".format(folder)
    world = MadeUp(path, status("locked"))
    words = ["-s", path, "-x", write_hook(folder, HOOK.format(folder=folder)), "-p", "2"]
    with program(alarm, *words, env={"SECRET": "1", "PATH": os.environ["PATH"]}) as p:
        time.sleep(1)
        world.set(status("holdover", [antenna(evil, "open"), antenna("b", "short")]))
        seen = wait_for(events, 3)
        cleaned = evil.replace("\n", "?").replace("\x1b", "?")
        check(seen[0] == f"holdover|begins|warning||It is holdover.|made-up|{TIME}", seen[0])
        check(seen[1].startswith(f"antenna|begins|warning|{cleaned}|{cleaned}: its antenna is open"), seen[1])
        check(seen[2].startswith("antenna|begins|warning|b|"), seen[2])
        check(not os.path.exists(os.path.join(folder, "evil")), "a shell ran what a receiver said")
        with open(os.path.join(folder, "environment")) as f:
            check("SECRET" not in f.read(), "the hook got the environment of the alarm")
        world.set(status("locked"))
        seen = wait_for(events, 6)
        check([line.split("|")[0:2] for line in seen[3:]].count(["antenna", "ends"]) == 2, str(seen))
        check(seen[5].startswith("locked|begins|notice|"), seen[5])
        world.close()
        check(wait_for(events, 7)[6].startswith("gone|begins|error||timeballd does not answer"), "gone")
        world = MadeUp(path, status("locked", [made_up_alarm("clock_moved", "step 1", "The clock was stepped by +3.500 s, by another program.")]))
        seen = wait_for(events, 9)
        check({line.split("|")[0] for line in seen[7:]} == {"gone", "clock_moved"}, str(seen))
        while os.path.exists(os.path.join(folder, "running")):
            time.sleep(0.1)  # the end of the alarm would kill it
        p.says("clock_moved begins: The clock was stepped by +3.500 s, by another program")
    world.close()
    check("TWO" not in seen, "two hooks ran at a time")
    tested = subprocess.run([alarm, "--test", *words], capture_output=True, text=True, timeout=30)
    check(tested.returncode == 0 and wait_for(events, 10)[9].startswith("test|begins|notice|"), f"--test: {tested}")


def bad_hooks(alarm, folder):
    """A hook that fails is said, and a test of it fails."""
    for text, words in (("#!/bin/sh\nexit 3\n", "exit status 3"), ("no program", "could not be run"), ("", "could not be run")):
        path = write_hook(folder, text)
        if not text:
            os.unlink(path)
        done = subprocess.run([alarm, "--test", "-x", path], capture_output=True, text=True, timeout=30)
        check(done.returncode == 1 and words in done.stderr, f"{text!r}: {done}")
    done = subprocess.run([alarm, "-x", "hook"], capture_output=True, text=True, timeout=30)
    check(done.returncode == 1 and "whole path" in done.stderr, f"a relative path: {done}")


def journal(alarm, folder, command):
    bad_hooks(alarm, folder)
    path = os.path.join(folder, "j")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(path)
        s.settimeout(10)
        done = subprocess.run([alarm, "--test", "-j", path], capture_output=True, text=True, timeout=30)
        text = s.recv(8192).decode()
    listed = subprocess.run([alarm, "--list"], capture_output=True, text=True, timeout=30).stdout
    message_id = next(line.split()[1] for line in listed.splitlines() if line.startswith("test "))
    check(done.returncode == 0 and not done.stdout, str(done))
    fields = dict(line.split("=", 1) for line in text.splitlines())
    check(fields["MESSAGE_ID"] == message_id and fields["SYSLOG_IDENTIFIER"] == "timeball-alarm", text)
    check(fields["TIMEBALL_EVENT"] == "test" and fields["PRIORITY"] == "5", text)
    # without a journal the line is not lost
    done = subprocess.run([alarm, "--test", "-j", "/nowhere/j"], capture_output=True, text=True, timeout=30)
    check(done.stdout.startswith("test begins: ") and "journal" in done.stderr, str(done))


def restart(alarm, folder, command):
    """Started again, it tells what has changed since, and nothing twice; but what a hook was still telling of, again."""
    path, events = os.path.join(folder, "s"), os.path.join(folder, "events")
    gate = os.path.join(folder, "gate")
    script = write_hook(folder, f'#!/bin/sh\necho "$TIMEBALL_EVENT $TIMEBALL_CHANGE" >>{events}\nwhile [ -e {gate} ]; do sleep 0.1; done\n')
    world = MadeUp(path, status("locked", [antenna("a", "open"), antenna("b", "open")]))
    words = [alarm, "-s", path, "-x", script, "-p", "600"]  # the made-up daemon says each status once
    environment = {"PATH": os.environ["PATH"], "RUNTIME_DIRECTORY": folder}

    def told(*lines):
        seen = wait_for(events, len(lines))
        check(seen == list(lines), f"{seen} instead of {lines}")

    lines = ["antenna begins"] * 2
    with program(*words, env=environment):
        told(*lines)
        wait_for_text(os.path.join(folder, "told"), '"b"')
    world.set(status("locked", [antenna("b", "open")]))
    with program(*words, env=environment):
        lines.append("antenna ends")
        told(*lines)
        wait_for_text(os.path.join(folder, "told"), '"a"', there=False)
        with open(gate, "w"):
            pass
        world.set(status("locked", [antenna("b", "open"), antenna("c", "open")]))
        lines.append("antenna begins")
        told(*lines)  # and its hook is killed
    os.unlink(gate)
    world.close()
    with program(*words, "-p", "1", env=environment):
        lines.append("gone begins")  # the others are not over, for nobody knows
        told(*lines)
        wait_for_text(os.path.join(folder, "told"), "gone")
    world = MadeUp(path, status("locked", [antenna("b", "open"), antenna("c", "open")]))
    with program(*words, env=environment):
        lines += ["gone ends", "antenna begins"]
        told(*lines)
        time.sleep(2)
        told(*lines)
    with program(*words, "-m", "none", env=environment):
        told(*lines, "antenna begins", "antenna begins")
    world.close()


def wait_for_text(path, part, there=True):
    until = time.monotonic() + 20
    while True:
        text = ""
        if os.path.exists(path):
            with open(path) as f:
                text = f.read()
        if (part in text) == there:
            return
        check(time.monotonic() < until, f"{path}: {part} {'is not' if there else 'is still'} there: {text}")
        time.sleep(0.1)


def hang(alarm, folder, command):
    """A hook that hangs, with what it started, is killed, and then the next event is told; a daemon that takes
    the connection and says nothing is gone."""
    path, events = os.path.join(folder, "s"), os.path.join(folder, "events")
    world = MadeUp(path, status("holdover"))
    script = write_hook(folder, f'#!/bin/sh\necho "$TIMEBALL_EVENT $$" >>{events}\n[ $TIMEBALL_EVENT != holdover ] || {{ sleep 600 & wait; }}\n')
    with program(alarm, "-s", path, "-x", script, "-p", "2", "-k", "3") as p:
        pid = int(wait_for(events, 1)[0].split()[1])
        world.set(status("unsynchronised"))
        p.says("ran for 3 s and was killed", 30)
        check(wait_for(events, 2)[1].startswith("unsynchronised "), "the next event")
        left = subprocess.run(["pgrep", "-r", "D,R,S", "-s", str(pid)], capture_output=True, text=True).stdout
        check(not left, f"the hook left processes: {left}")
        world.answer = None
        p.says("gone begins: timeballd does not answer: timeballd: takes the connection and says nothing", 30)
    world.close()


CONF = """
clock none
holdover 1e-6
statussocket {folder}/status.sock
controlsocket none
driftfile none
leapfile none
threads 0
refclock nmea {tty} delay 0..0.4
"""


def daemon(alarm, folder, command):
    with Receiver() as receiver:
        receiver.fix = True
        with program(alarm, "-s", f"{folder}/status.sock", "-p", "2") as p:
            p.says("gone begins: timeballd does not answer: ")
            with harness.daemon(command, CONF.format(folder=folder, tty=receiver.path)) as d:
                p.says("gone ends")
                d.wait_synchronised()
                p.says("locked begins: ")
                receiver.fix = False
                until = time.monotonic() + 60
                while "begins: " not in p.output().rsplit("locked begins: ", 1)[1]:
                    check(time.monotonic() < until, f"the lost receiver is not told:\n{p.output()}")
                    time.sleep(0.2)
            until = time.monotonic() + 20
            while p.output().count("gone begins: ") < 2:
                check(time.monotonic() < until, f"its end is not told:\n{p.output()}")
                time.sleep(0.2)
            print(p.output())


KINDS = {"hook": hook, "journal": journal, "restart": restart, "hang": hang, "daemon": daemon}


def test(own, command):
    kind, alarm = own
    with tempfile.TemporaryDirectory(prefix="timeball-net-") as folder:
        KINDS[kind](alarm, folder, command)


harness.main(test)
