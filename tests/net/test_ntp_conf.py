"""A pool server's ntp.conf, read as it is: no name resolves, no server answers, and the service starts, takes its time from
the receiver and serves. ntpd's drift file is where it begins and stays as it is; what is learned, and the statistics, go where
they should. Debian's own file loads too, where its package is unpacked.

usage: test_ntp_conf.py FOLDER-OF-UNPACKED-PACKAGES -- DAEMON [ARGUMENT]...
"""

import glob
import os
import signal
import socket
import subprocess
import sys
import time

import harness
from harness import ask, check
from receiver import Receiver

POOL = """# pool server
driftfile /var/lib/ntp/ntp.drift
leapfile /usr/share/zoneinfo/leap-seconds.list
statsdir /var/lib/ntpstats/
statistics loopstats peerstats clockstats
filegen loopstats file loopstats type day enable
server ntp1.example.org iburst
server ntp2.example.org iburst
server ntp3.example.net iburst
server 192.0.2.4 iburst
server 2001:db8::5 iburst

restrict -4 default kod notrap nomodify nopeer noquery limited
restrict -6 default kod notrap nomodify nopeer noquery limited
restrict ::1
crypto pw unused
"""
# what the file cannot say: that this machine's clock is not to be touched, and where its receiver is
CONF = """clock none
statussocket none
controlsocket none
refclock nmea {tty} delay 0..0.4
includefile {file}
"""
OURS, THEIRS, STATISTICS = "/var/lib/timeball/drift", "/var/lib/ntp/ntp.drift", "/var/lib/ntpstats"


def alone():
    """Starts the test anew with a /var/lib of its own."""
    if os.environ.get("TIMEBALL_OWN_VAR"):
        return
    os.environ["TIMEBALL_OWN_VAR"] = "1"
    own = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /var/lib && exec "$@"', "own"]
    if subprocess.run([*own, "true"], capture_output=True).returncode:
        harness.skip("no mount namespace is to be had here")
    os.execvp(own[0], [*own, sys.executable, "-B", *sys.argv])


def read(path):
    with open(path) as f:
        return f.read()


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)


def serves(d, wanted):
    """Asks no more often than `limited` allows. The receiver's messages are late where the machine is busy."""
    for host in harness.hosts():
        until, answer = time.monotonic() + 120, None
        while not answer or not wanted(answer):
            d.alive()
            check(time.monotonic() < until, f"{host}: {answer}")
            time.sleep(1.2)
            answer = ask(host) or answer


def columns(name):
    """The last line of a statistics file."""
    until = time.monotonic() + 100
    while time.monotonic() < until:
        for path in glob.glob(f"{STATISTICS}/{name}.2*"):
            lines = read(path).splitlines()
            if lines:
                check(os.path.samefile(path, f"{STATISTICS}/{name}"), f"{name} is not linked to {path}")
                return lines[-1].split()
        time.sleep(0.5)
    raise AssertionError(f"no {name} in time: {os.listdir(STATISTICS)}")


def statistics_are_written():
    loop, peer, clock = (columns(name) for name in ("loopstats", "peerstats", "clockstats"))
    print("loopstats", *loop, "\npeerstats", *peer, "\nclockstats", *clock)
    check(len(loop) == 7 and len(peer) == 8 and len(clock) > 3, "not the columns of ntpd")
    check(abs(int(loop[0]) - (time.time() / 86400 + 40587)) < 1.1, f"not today: {loop}")
    check(peer[2].startswith("NMEA(") and clock[2] == peer[2], f"not the receiver: {peer} {clock}")


def pool(command, tty, folder):
    file = f"{folder}/ntp.conf"
    write(file, POOL)
    write(THEIRS, "13.778\n")
    os.makedirs(STATISTICS)
    with harness.daemon(command, CONF.format(tty=tty, file=file)) as d:
        serves(d, lambda a: a.leap == 0 and a.stratum == 1)
        statistics_are_written()
        said = d.output()
    check(f"{file}:16: crypto means nothing here" in said, "no warning with its line")
    check("frequency +13.778 ppm" in said, "ntpd's number is not where it begins")
    check(read(THEIRS) == "13.778\n", "ntpd's drift file was written")
    check(f"what is learned goes to {OURS}" in said, "nobody said where what is learned goes")


RULES = """clock none
statussocket none
controlsocket none
refclock none
restrict default limited kod
restrict 127.0.0.3 ignore
restrict 127.0.0.4 mask 255.255.255.252 noserve
restrict 127.0.0.5
restrict localhost noserve
"""


def answered(source):
    """Whether a request from that loopback address gets an answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.5)
        s.bind((source, 0))
        s.sendto(harness.request(), ("127.0.0.1", harness.PORT))
        try:
            return len(s.recv(2048)) == 48
        except TimeoutError:
            return False


def rules(command):
    """Lines of `restrict` hold for packets, and those with a name too."""
    with harness.daemon(command, RULES) as d:
        until = time.monotonic() + 20
        while not answered("127.0.0.2") and time.monotonic() < until:
            d.alive()
        for source, wanted in (("127.0.0.2", True), ("127.0.0.3", False), ("127.0.0.6", False), ("127.0.0.5", True)):
            check(answered(source) == wanted, f"{source}: answered: {not wanted}")
        until = time.monotonic() + 20
        while answered("127.0.0.1"):
            check(time.monotonic() < until, "the line for localhost does not hold")
        write(d.process.args[-1], RULES.replace("127.0.0.3 ignore", "127.0.0.2 ignore\nrestrict 127.0.0.3"))
        d.process.send_signal(signal.SIGHUP)
        until = time.monotonic() + 20
        while not answered("127.0.0.3"):
            check(time.monotonic() < until, "the new rules do not hold")
        check(not answered("127.0.0.2"), "the new rules do not hold")


def debian(command, tty, packages):
    files = glob.glob(f"{packages}/**/etc/ntpsec/ntp.conf", recursive=True)
    if not files:
        print("left out: the package ntpsec is not unpacked")
        return
    with harness.daemon(command, CONF.format(tty=tty, file=files[0])) as d:
        serves(d, lambda a: a.mode == 4)
        check("ntp.conf:20: tos maxclock means nothing here" in d.output(), "no warning with its line")


def test(own, command):
    with Receiver() as receiver:
        receiver.fix = True
        pool(command, receiver.path, "/var/lib/etc")
        debian(command, receiver.path, own[0])
    rules(command)


alone()
harness.main(test)
