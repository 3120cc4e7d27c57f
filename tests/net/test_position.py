"""Where a receiver stands is told to a kilometre, and no closer: not by the status, the metrics, the page for browsers, ntpq,
the statistics or the log.

usage: test_position.py FOLDER_OF_PROGRAMS -- DAEMON [ARGUMENT]...
"""

import contextlib
import glob
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request

import harness
import status_schema
from harness import check
from receiver import Receiver
from status_socket import program

CONF = """
clock none
statussocket {folder}/status.sock
controlsocket none
driftfile {folder}/drift
log stderr level debug
statsdir {folder}/stats
statistics loopstats peerstats clockstats
refclock nmea {tty} delay 0..0.4
"""
# 48 degrees 8.23456 minutes north, 11 degrees 34.56789 minutes east, as a receiver says it; rounded; and what must not be said
SENT = ("4808.23456,N", "01134.56789,E")
ROUNDED = (48.14, 11.58)
EXACT = ("08.2345", "34.5678", "48.137", "11.576", "4808.2", "1134.5")


class Placed(Receiver):
    def sentences(self, now):
        for body in super().sentences(now):
            yield body.replace("5128.6000,N", SENT[0]).replace("00000.0000,W", SENT[1])


def check_all(said):
    for where, text in said.items():
        check(text, f"{where} says nothing")
        for exact in EXACT:
            check(exact not in text, f"{where} says {exact}: {text[:3000]}")
        print(f"{where}: {len(text)} octets, nothing closer than a kilometre")


def fetch(url):
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read().decode()


def status(folder):
    words = status_schema.Schema().requests()
    return dict(zip(words, (line.decode() for line in status_schema.ask(f"{folder}/status.sock", *words))))


def wait_for_position(d, folder):
    until = time.monotonic() + 40
    while True:
        report = json.loads(status(folder)["status"])["sources"][0]["report"]
        if report["latitude"] is not None:
            return report
        d.alive()
        check(time.monotonic() < until, f"no position: {report}")
        time.sleep(0.5)


def ntpq(said):
    if shutil.which("ntpq"):
        for words in (["-p"], ["-c", "as"], ["-c", "rv"], ["-c", "rv &1"], ["-c", "cv &1"]):
            done = subprocess.run(["ntpq", "-n", *words, "127.0.0.1"], capture_output=True, text=True, timeout=30)
            said[f"ntpq {words}"] = done.stdout


def test(own, command):
    programs, said = own[0], {}
    with tempfile.TemporaryDirectory(prefix="timeball-net-") as folder, Placed() as receiver:
        os.mkdir(f"{folder}/stats")
        receiver.fix = True
        with harness.daemon(command, CONF.format(folder=folder, tty=receiver.path)) as d, contextlib.ExitStack() as others:
            d.wait_synchronised()
            report = wait_for_position(d, folder)
            place = report["latitude"], report["longitude"]
            check(place == ROUNDED, f"{place}, not {ROUNDED}")
            for name, path in (("timeball-exporter", "9123/metrics"), ("timeball-web", "8123/status.json")):
                if os.path.exists(f"{programs}/{name}"):
                    others.enter_context(program(f"{programs}/{name}", "-s", f"{folder}/status.sock")).says("http://")
                    said[name] = fetch(f"http://127.0.0.1:{path}")
            ntpq(said)
            for word, line in status(folder).items():
                said[f"the request {word}"] = line
            until = time.monotonic() + 40
            while not glob.glob(f"{folder}/stats/clockstats.2*"):
                check(time.monotonic() < until, "no statistics")
                time.sleep(0.5)
            said["the log"] = d.output()
        for path in (f"{folder}/drift", *glob.glob(f"{folder}/stats/*.2*")):
            if os.path.exists(path):
                with open(path) as f:
                    said[os.path.basename(path)] = f.read()
    check_all(said)


harness.main(test)
