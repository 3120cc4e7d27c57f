"""What ntpq and ntpmon of NTPsec show of the daemon, on IPv4 and IPv6; and what gets no answer, or none longer than 480
octets, from an address that may query and from one that may not.

usage: test_ntpq.py PART THREADS -- DAEMON [ARGUMENT]...     PART: clients, probe or operators
"""

import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import time

import harness
from harness import PORT, Prober, check
from receiver import Receiver

CONF = """
threads {threads}
clock none
refclock nmea {tty} delay 0..0.4
server 192.0.2.7 iburst
"""
POOL = """
server ntp1.example.org iburst
restrict -4 default kod notrap nomodify nopeer noquery limited
restrict -6 default kod notrap nomodify nopeer noquery limited
restrict ::1
"""
LOCAL_PREFIX = "198.51.100.0/24"  # every address of it is this machine, and none of them is loopback
READS = (1, 2, 4, 10, 12)


def ntpq(host, *commands):
    words = [harness.need("ntpq", "ntpsec"), "-n", *(w for c in commands for w in ("-c", c)), host]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    print("$ ntpq", *words[1:], f"-> {done.returncode}\n{done.stdout}{done.stderr}")
    check(done.returncode == 0 and "***" not in done.stdout + done.stderr, f"ntpq {commands} {host}")
    return done.stdout


def shown(pattern, text):
    found = re.search(pattern, text, re.M)
    check(found, f"nothing like {pattern} in:\n{text}")
    return found


def ntpq_shows(host):
    peers = ntpq(host, "peers")
    shown(r"^\*NMEA\(\d+\) +\.GPS\. +0 l +\S+ +1 +[1-7]\d* ", peers)
    shown(r"^ 192\.0\.2\.7 +\.INIT\. +16 u +- +\d+ +0 ", peers)
    system = ntpq(host, "rv")
    shown(r"associd=0 status=04\d\d leap_none, sync_uhf_radio", system)
    shown(r'version="timeballd [^"]+".*leap=00, stratum=1, precision=-\d+', system.replace("\n", " "))
    offset = float(shown(r"offset=(\S+),", system)[1])
    check(abs(offset) < 500, f"offset {offset} ms")
    shown(r"reftime=\w+\.\w+ 20\d\d-", system)
    associations = ntpq(host, "as")
    shown(r"^ +1 +1 +9600 +yes +yes +none +sys.peer", associations)
    shown(r"^ +2 +2 +8000 +yes +no +none +reject", associations)
    clock = ntpq(host, "as", "rv &1", "cv &1").replace("\n", " ")
    shown(r'srcadr=127\.127\.20\.\d+, .*srchost="NMEA\(\d+\)".*reach=\d+', clock)
    shown(r'device="nmea /dev/pts/\d+", .*poll=[1-9]', clock)
    server = ntpq(host, "as", "rv &2").replace("\n", " ")
    shown(r"srcadr=192\.0\.2\.7, .*stratum=16, .*unreach=1", server)
    ntpq(host, "rv 0 offset,frequency", "sysinfo", "apeers", "opeers")
    check(harness.ask(host, timeout=2), f"no time from {host}")
    address = r"127\.0\.0\.1" if host == "127.0.0.1" else "::"  # IPv6 clients are known by their /64
    shown(rf"^ +\d+ +[\d.]+ +\w+ \S 3 4 +[1-9]\d* +\S+ +0 +\d+ {address}", ntpq(host, "mrulist"))


def ntpmon(host):
    """On a terminal, for some refreshes, with the details of a source and back; it ends itself when it is refused anything."""
    words = [harness.need("ntpmon", "ntpsec"), "-n", host]
    child, terminal = pty.fork()
    if not child:
        os.environ.update(TERM="vt100", LINES="40", COLUMNS="100")
        os.execv(words[0], words)
    seen, begun, keys = b"", time.monotonic(), [(3, b"d"), (4.5, b"d"), (6, b"q")]
    try:
        while time.monotonic() < begun + 40:
            if keys and b"NMEA(" in seen and time.monotonic() > begun + keys[0][0]:
                os.write(terminal, keys.pop(0)[1])
            if select.select([terminal], [], [], 0.2)[0]:
                seen += os.read(terminal, 65536)
    except OSError:  # it has ended
        pass
    else:
        os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.close(terminal)
    print("ntpmon", host, "->", status, len(seen), "octets")
    check(status == 0 and not keys, f"ntpmon ended with {status}:\n{seen.decode(errors='replace')}")
    for part in (rb"\*NMEA\(", rb"timeballd ", rb"srcadr=127\.127\.20", rb"filtoffset"):
        check(re.search(part, seen), f"ntpmon did not show {part}:\n{seen.decode(errors='replace')}")


def clients(d):
    for host in harness.hosts():
        harness.while_synchronised(d, lambda: ntpq_shows(host))
        harness.while_synchronised(d, lambda: ntpmon(host))


def operators(d):
    """With a pool operator's usual restrict lines, only ::1 may query: the rules say it of loopback too, once there are any."""
    if "::1" not in harness.hosts():
        harness.skip("IPv6 is off here")
    shown(r"^.NMEA\(\d+\) +\.GPS\. ", ntpq("::1", "peers"))
    done = subprocess.run([harness.need("ntpq", "ntpsec"), "-n", "-p", "127.0.0.1"], capture_output=True, text=True,
                          timeout=60, stdin=subprocess.DEVNULL)
    print("$ ntpq -p 127.0.0.1\n", done.stdout, done.stderr)
    check("timed out" in done.stdout + done.stderr and "NMEA" not in done.stdout, "ntpq -p 127.0.0.1 is answered")
    check(harness.ask("127.0.0.1", timeout=2) and harness.ask("::1", timeout=2), "no time")


def control(opcode, size, version=2, data=b"," * 488):
    count = max(0, min(size, 480) - 12)
    return (struct.pack("!BBHHHHH", version << 3 | 6, opcode, opcode, 0, 0, 0, count) + data)[:size]


def ask(s, datagram, timeout=0.5):
    """Every packet of an answer."""
    s.send(datagram)
    packets = []
    while select.select([s], [], [], timeout if not packets else 0.1)[0]:
        packets.append(s.recv(65535))
        if not packets[-1][1] & 0x20:
            break
    return packets


def a2_queries_of_who_may(d, host):
    """Opcodes 1, 2, 4, 10, 12 are answered, others with error 3; nothing is longer than 480 octets; the version is echoed."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.connect((host, PORT))
        for opcode in range(32):
            version = opcode % 4 + 1
            packets = ask(s, control(opcode, 12, version), 3)
            check(packets, f"{host}: opcode {opcode}: no answer")
            for p in packets:
                check(12 <= len(p) <= 480 and len(p) % 4 == 0, f"opcode {opcode}: {len(p)} octets")
                check(p[0] == version << 3 | 6, f"opcode {opcode}: version {p[0] >> 3 & 7} for {version}")
                check(p[1] & 0x9F == 0x80 | opcode, f"opcode {opcode}: {p[1]:#x}")
            error = packets[0][4] if packets[0][1] & 0x40 else None
            wanted = {10: 6}.get(opcode) if opcode in READS else 3  # 10 without a nonce: bad value
            check(error == wanted, f"{host}: opcode {opcode}: error {error}, not {wanted}")
        names = b"version,system,reftime," * 20
        parts = ask(s, control(2, 12 + len(names), data=names), 3)
        check(len(parts) > 2 and {len(p) for p in parts[:-1]} == {480}, f"parts of {[len(p) for p in parts]} octets")
        for version in (0, 5, 6, 7):
            check(not ask(s, control(1, 12, version)), f"an answer to version {version}")
        check(not ask(s, bytes([0x16, 0x81]) + bytes(10)), "an answer to an answer")


def a2_any_length(d):
    """As fast as it goes: what is too much is dropped, nothing ends, time is served all the while."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(("127.0.0.1", PORT))
        probe = Prober()
        for size in range(501):
            for opcode in range(32):
                s.send(control(opcode, size))
            check(not probe.exchange(), "an answer that nobody asked for")
            while select.select([s], [], [], 0)[0]:
                check(len(s.recv(65535)) <= 480, "an answer of over 480 octets")
        probe.close()
    d.alive()
    time.sleep(3)  # the waiting ones are answered, and there is room again
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(("127.0.0.1", PORT))
        check(ask(s, control(1, 12), 5), "no answer after the flood")


def silent(source, *datagrams):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((source, 0))
        s.connect(("127.0.0.1", PORT))
        for datagram in datagrams:
            s.send(datagram)
        ready = select.select([s], [], [], 0.3)[0]
        check(not ready, f"{source}: an answer to one of {[d[:4].hex() for d in datagrams[:8]]} ...")


def a2_queries_of_who_may_not(d):
    subprocess.run(["ip", "route", "add", "local", LOCAL_PREFIX, "dev", "lo"], check=True)
    check(harness.ask(timeout=1), "no time")
    for size in (1, 11, 12, 13, 48, 100, 500):
        silent("198.51.100.9", *(control(opcode, size) for opcode in range(32)))


def a1_private_requests(d):
    """monlist and its kind, from every address: no answer to mode 7, whoever asks."""
    requests = [bytes([version << 3 | 7, sequence, implementation, code]).ljust(size, b"\0")
                for size in range(8, 49) for version in (2, 4) for implementation in (2, 3)
                for code, sequence in ((0, 0), (2, 0), (16, 0), (20, 0), (42, 0), (42, 0x80))]
    for source in ("127.0.0.1", "198.51.100.9"):
        for i in range(0, len(requests), 200):  # what fits into a socket's buffer
            silent(source, *requests[i : i + 200])


def probe(d):
    for host in harness.hosts():
        a2_queries_of_who_may(d, host)
    a2_queries_of_who_may_not(d)
    a1_private_requests(d)
    a2_any_length(d)
    d.alive()


def test(own, command):
    part, threads = own
    if part != "probe":
        harness.need("ntpq", "ntpsec")
    with Receiver() as receiver:
        receiver.fix = True
        conf = CONF.format(threads=threads, tty=receiver.path) + (POOL if part == "operators" else "")
        with harness.daemon(command, conf) as d:
            d.wait(lambda a: part != "clients" or a.stratum == 1, "answering")
            {"clients": clients, "probe": probe, "operators": operators}[part](d)


harness.main(test)
