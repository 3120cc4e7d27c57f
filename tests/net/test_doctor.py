"""timeballctl doctor beside the real daemon with a receiver behind a pseudo terminal: healthy, silent, and without the
daemon, where it listens itself, writes nothing, and leaves alone a port that somebody holds.

usage: test_doctor.py TIMEBALLCTL -- DAEMON [ARGUMENT]...
"""

import json
import os
import subprocess
import tempfile

import harness
from harness import check
from receiver import Receiver

CONF = """
threads 0
clock none
statussocket {folder}/status
controlsocket none
driftfile none
refclock nmea {tty} delay 0..0.4
"""
ADDRESS = "192.0.2.7"  # of this machine, and no loopback


class Doctor:
    def __init__(self, program, folder, tty):
        self.command = [program, "-c", f"{folder}/conf", "doctor"]
        self.conf = CONF.format(folder=folder, tty=tty)
        with open(f"{folder}/conf", "w") as f:
            f.write(self.conf)

    def run(self, *words):
        return subprocess.run([*self.command, *words], capture_output=True, text=True, timeout=60)

    def links(self, status):
        """The findings by name, and the first broken one."""
        done = self.run("--json")
        check(done.returncode == status, f"exit status {done.returncode}: {done.stdout} {done.stderr}")
        answer = json.loads(done.stdout)
        for link in answer["links"]:
            print(f"{link['state']:10} {link['name']:10} {link['saw']}")
        return {link["name"]: link for link in answer["links"]}, answer["broken"]


def expect(links, **states):
    for name, state in states.items():
        link = links[name.replace("port_123", "port-123")]
        check(link["state"] == state, f"{name}: {link}, expected {state}")


def healthy(doctor, command):
    with harness.daemon(command, doctor.conf) as d:
        d.wait_synchronised()
        links, broken = doctor.links(0)
        check(broken is None, broken)
        expect(links, port="ok", rights="ok", baud="ok", sentences="ok", fix="ok", timeballd="ok", pulse="not_needed",
               discipline="ok", port_123="ok")
        check("127.0.0.1" in links["port-123"]["saw"] and ADDRESS in links["port-123"]["saw"], links["port-123"])
        text = doctor.run().stdout
        check("Nothing is broken" in text, text)


def silent(doctor, command):
    with harness.daemon(command, doctor.conf) as d:
        d.wait(lambda a: doctor.run().returncode, "found to be broken", 30)  # silence is known after 5 s
        links, broken = doctor.links(1)
        check(broken == "sentences", broken)
        expect(links, port="ok", baud="unknown", sentences="broken", fix="unknown", timeballd="ok", discipline="unknown",
               port_123="ok")
        check("wired" in links["sentences"]["todo"], links["sentences"])
        text = doctor.run().stdout
        check('Begin with "sentences"' in text and "-> is the receiver powered" in text, text)


def held(doctor):
    links, broken = doctor.links(1)
    check(broken == "port" and "another program holds it (python" in links["port"]["saw"], links["port"])
    expect(links, timeballd="broken", fix="unknown")


def listening(doctor, receiver):
    links, broken = doctor.links(1)
    check(broken == "timeballd", broken)
    expect(links, port="ok", baud="ok", sentences="ok", fix="ok", timeballd="broken", port_123="unknown")
    check("listened to here: NMEA" in links["baud"]["saw"], links["baud"])
    try:
        written = os.read(receiver.master, 100)
    except OSError:
        written = b""
    check(not written, f"it wrote {written} to the receiver")


def usage(doctor):
    for words in (("more",), ("--frobnicate",), ("--root", "/nonexistent")):
        done = doctor.run(*words)
        check(done.returncode == 2 and done.stderr, f"{words}: {done}")


def test(own, command):
    subprocess.run(["ip", "address", "add", f"{ADDRESS}/32", "dev", "lo"], check=True)
    with tempfile.TemporaryDirectory(prefix="timeball-net-") as folder:
        with Receiver() as receiver:
            receiver.fix = True
            doctor = Doctor(own[0], folder, receiver.path)
            usage(doctor)
            healthy(doctor, command)
            held(doctor)
            os.close(receiver.slave)  # now nobody holds the port
            receiver.slave = os.open("/dev/null", os.O_RDONLY)
            listening(doctor, receiver)
        mute = Receiver()  # it never begins to speak
        silent(Doctor(own[0], folder, mute.path), command)


harness.main(test)
