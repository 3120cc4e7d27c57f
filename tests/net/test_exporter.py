"""timeball-exporter on the real daemon: what Prometheus' own promtool says of it, of the rules and of their tests; that the
dashboard and the rules name nothing that is not there; and what it does when the daemon is not there, slow, or lies.

usage: test_exporter.py TIMEBALL_EXPORTER FOLDER_OF_RULES -- DAEMON [ARGUMENT]...
"""

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import harness
from harness import check
from receiver import Receiver
from status_socket import TIME, MadeUp, alarm, program, status

CONF = """
clock none
statussocket {folder}/status.sock
controlsocket none
driftfile none
threads 0
server 127.0.0.2
feed sock {folder}/feed.sock
refclock nmea {tty} delay 0..0.4
"""
URL = "http://127.0.0.1:9123"


def get(path="/metrics", method="GET"):
    with urllib.request.urlopen(urllib.request.Request(URL + path, method=method), timeout=20) as answer:
        return answer.headers, answer.read().decode()


def samples(text):
    """{series: value}; every line is one, or a comment."""
    found = {}
    for line in text.splitlines():
        if not line.startswith("# "):
            series, value = line.rsplit(" ", 1)
            check(series not in found, f"twice: {series}")
            found[series] = float(value)
    return found


def families(text):
    return set(re.findall(r"^# TYPE (\w+) ", text, flags=re.M))


def promtool(*words, given=None):
    path = shutil.which("promtool")
    if not path:
        print("promtool is not here (package prometheus): left out")
        return
    done = subprocess.run([path, *words], input=given, capture_output=True, text=True, timeout=60)
    print("promtool", *words, done.returncode, done.stdout.strip(), done.stderr.strip())
    check(done.returncode == 0 and not done.stderr, f"promtool {words}: {done.stdout}{done.stderr}")


def known_names(folder, there):
    """What rules, their tests and the dashboard name, the exporter has."""
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name)) as f:
            written = f.read()
        if name.endswith(".json"):
            written = "\n".join(t["expr"] for p in json.loads(written)["panels"] for t in p["targets"])
        else:
            written = "\n".join(re.findall(r"(?:expr|series): *(.*)", written))
        named = set(re.findall(r"\btimeball_\w+", written))
        print(f"{name}: names {len(named)} metrics")
        check(named, f"{name} names no metric")
        check(named <= there, f"{name} names what is not there: {named - there}")


def on_the_daemon(rules, folder, command, there):
    with Receiver() as receiver:
        receiver.fix = True
        with harness.daemon(command, CONF.format(folder=folder, tty=receiver.path)) as d:
            d.wait_synchronised()
            headers, text = get()
            check(headers["Content-Type"].startswith("text/plain; version=0.0.4"), headers["Content-Type"])
            found = samples(text)
            print(f"{len(found)} samples of {len(families(text))} metrics, {len(text)} octets")
            check(found["timeball_up"] == 1 and found["timeball_stratum"] == 1, text)
            check(found['timeball_state{state="locked"}'] == 1, text)
            check(found['timeball_ntp_packets_total{verdict="answered"}'] >= 1, text)
            check(found[f'timeball_source_used{{source="nmea {receiver.path}"}}'] == 1, text)
            check(0 < found["timeball_error_bound_seconds"] < 10, text)
            check(found["timeball_process_start_time_seconds"] > 1.7e9, text)
            promtool("check", "metrics", given=text)
            known_names(rules, there | families(text))
            _, later = get()
            check(get(method="HEAD")[1] == "" and "/metrics" in get("/")[1], "HEAD or /")
            check(families(later) >= families(text), "a metric went away")


def refused(path, code, method="GET"):
    try:
        get(path, method)
    except urllib.error.HTTPError as e:
        check(e.code == code, f"{method} {path}: {e.code}")
        return
    raise AssertionError(f"{method} {path} was answered")


def without_a_daemon(folder, p):
    check(get()[1].splitlines()[-1] == "timeball_up 0", "up without a daemon")
    p.says("is timeballd running?")
    refused("/metrics/../../etc/passwd", 404)
    refused("/metrics", 405, "POST")
    time.sleep(1.1)
    world = MadeUp(os.path.join(folder, "status.sock"), None)
    began = time.monotonic()
    check(get()[1].splitlines()[-1] == "timeball_up 0", "up while it is silent")
    check(0.5 < time.monotonic() - began < 15, "its time-out")
    # what the daemon of this test has no value for: no sensor, no pulse, no list that has surely an end
    made_up = status("locked", [alarm("antenna", "a", "Open.")], [{"name": 'a"} 1\nevil 1', "used": True}], celsius=40.5, passes_1ms=TIME)
    world.set({**made_up, "leap": {"witnesses": [{"name": "l", "expires": TIME}]}, "sky": {"satellites": [{"system": "G", "used": True}]}})
    world.clients.clear()
    time.sleep(1.1)
    text = get()[1]
    check(samples(text)['timeball_source_used{source="a\\"} 1?evil 1"}'] == 1, text)
    promtool("check", "metrics", given=text)
    world.close()
    return families(text)


def crowd():
    """Silent connections are bounded, and do not keep others out for good."""
    silent = [socket.create_connection(("127.0.0.1", 9123), timeout=5) for _ in range(200)]
    until = time.monotonic() + 40
    while True:
        try:
            check("timeball_up" in get()[1], "an answer")
            break
        except OSError:
            check(time.monotonic() < until, "nobody is answered after a crowd of silent connections")
            time.sleep(1)
    for s in silent:
        s.close()


def test(own, command):
    exporter, rules = own
    promtool("check", "rules", os.path.join(rules, "timeball-alerts.yml"))
    promtool("test", "rules", os.path.join(rules, "timeball-rules-test.yml"))
    with tempfile.TemporaryDirectory(prefix="timeball-net-") as folder:
        with program(exporter, "-s", f"{folder}/status.sock") as p:
            p.says(URL)
            there = without_a_daemon(folder, p)
            on_the_daemon(rules, folder, command, there)
            crowd()
            time.sleep(1.1)
            check(get()[1].splitlines()[-1] == "timeball_up 0", "up after the daemon's end")
            second = subprocess.run([exporter], capture_output=True, text=True, timeout=20)
            check(second.returncode == 1 and "9123" in second.stderr, f"a taken port: {second}")


harness.main(test)
