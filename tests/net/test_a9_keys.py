"""Symmetric keys between timeballd and real others: a chronyd and an ntpd serve it, a chronyd asks it. Then keys differ, and a
server answers as no good one does: one clear line, and the daemon goes on.

usage: test_a9_keys.py TIMEBALLCTL -- DAEMON [ARGUMENT]...
       test_a9_keys.py --answer FILE        answers NTP requests; the word in FILE says how it signs
"""

import hashlib
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

import harness
import hosts
from harness import check, need

AES = "HEX:2b7e151628aed2a6abf7158809cf4f3c"
OTHER = "HEX:00000000000000000000000000000000"
SHA = "HEX:0123456789abcdef0123456789abcdef01234567"

TIMEBALL = """
threads 2
clock none
refclock none
driftfile none
controlsocket {folder}/control.sock
statussocket {folder}/status.sock
keys {folder}/keys
trustedkey 5 (6 ... 7)
server {chrony} iburst minpoll -1 maxpoll 0 key 5
server {ntp} iburst minpoll -1 maxpoll 0 key 7
server {bad} iburst minpoll -1 maxpoll 0 key 6
"""

KEYS = """# what the three have in common
5 AES128 {aes}
6 SHA256 {sha}
7 SHA1 {sha1}
8 SHA1 not-trusted
9 MD5 left-out
"""

NTPD = """
tos orphan {stratum} orphanwait 1
disable ntp
keys {folder}/keys
trustedkey 7
"""


def write_keys(folder, aes=AES, sha1=SHA):
    path = os.path.join(folder, "keys")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
        f.write(KEYS.format(aes=aes, sha=SHA, sha1=sha1))


def write_conf(host, text):
    path = os.path.join(host.folder, "conf")
    with open(path, "w") as f:
        f.write(text.format(stratum=1, folder=host.folder))
    return path


def need_ntpsec():
    done = subprocess.run([need("ntpd", "ntpsec"), "--version"], capture_output=True, text=True, timeout=10)
    return "ntpsec" in done.stdout + done.stderr or harness.skip("ntpd is not that of the package ntpsec")


def start_servers(chrony, ntp):
    for host in chrony, ntp:
        write_keys(host.folder)
    path = os.path.join(ntp.folder, "keys")  # NTPsec has its own name for AES-CMAC, and no prefix
    with open(path, "w") as f:
        f.write(f"7 SHA1 {SHA.removeprefix('HEX:')}\n")
    chrony.start(need("chronyd", "chrony"), "-x", "-d", "-u", "root", "-f",
                 write_conf(chrony, hosts.CHRONYD + "keyfile {folder}/keys\n"))
    ntp.start(need("ntpd", "ntpsec"), "-n", "-c", write_conf(ntp, NTPD))
    chrony.wait()
    ntp.wait()


def ask_as_chronyd(host, key, keyfile, seconds=2):
    """A chronyd on that host asks timeballd with a key; whether it took the answer."""
    command = [*host.enter, need("chronyd", "chrony"), "-Q", "-t", str(seconds), "-u", "root", f"keyfile {keyfile}",
               f"server {host.ours} port {harness.PORT} iburst maxsamples 1 key {key}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    print(f"chronyd -Q with key {key}: {done.returncode}", (done.stdout + done.stderr).strip().splitlines()[-1:])
    return done.returncode == 0


def verdicts(status):
    return status.ask()["server"]["verdicts"]


def keys_agree(status, d, chrony, ntp):
    both = (chrony.address, ntp.address)
    sources = status.wait(lambda s: all(s[a]["counters"]["measured"] >= 8 for a in both), "both signed servers measured", 40)
    for name in both:
        counters = sources[name]["counters"]
        bad = {k: counters[k] for k in ("unsigned", "wrong_key", "crypto_nak") if counters[k]}
        check(not bad, f"{name}: {bad}")
        print(hosts.show(sources[name]))
    d.wait(lambda a: a.leap == 0 and 0 < a.stratum < 16, "synchronised", 40)


def real_chronyd_asks(status, chrony):
    folder = chrony.folder
    for key in 5, 6, 7:
        check(ask_as_chronyd(chrony, key, f"{folder}/keys", 20), f"no answer to chronyd's key {key}")
    before = verdicts(status)
    check(not ask_as_chronyd(chrony, 8, f"{folder}/keys"), "an answer to a key that is not trusted")
    middle = verdicts(status)
    check(middle["key"] > before["key"] and middle["mac"] == before["mac"], f"not counted as key: {before} {middle}")
    wrong = os.path.join(folder, "wrong")
    os.mkdir(wrong)
    write_keys(wrong, aes=OTHER)
    check(not ask_as_chronyd(chrony, 5, f"{wrong}/keys"), "an answer to a wrong key")
    check(verdicts(status)["mac"] > middle["mac"], f"not counted as mac: {verdicts(status)}")


def reload_by_signal(d):
    d.process.send_signal(signal.SIGHUP)


def keys_differ(status, d, folder, chrony, ntp):
    """Neither chronyd nor NTPsec answers a key that is wrong for it. An answer under way while the keys change counts for
    nothing."""
    def warned(source, key):
        return f"does it know key {key}" in source["sentence"]

    write_keys(folder, aes=OTHER, sha1="HEX:" + "ab" * 20)
    reload_by_signal(d)
    sources = status.wait(
        lambda s: not s[chrony.address]["reach"] and not s[ntp.address]["reach"] and
        warned(s[chrony.address], 5) and warned(s[ntp.address], 7),
        "two silent servers", 60)
    print(hosts.show(sources[chrony.address]))
    print(hosts.show(sources[ntp.address]))


def keys_agree_again(status, d, folder, chrony, ntp, timeballctl):
    write_keys(folder)
    command = [timeballctl, "-s", os.path.join(folder, "control.sock"), "reload"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    print("$ timeballctl reload\n" + done.stdout + done.stderr)
    check(done.returncode == 0 and "4 keys" in done.stdout, "timeballctl reload")
    status.wait(lambda s: s[chrony.address]["reach"] & 1 and s[ntp.address]["reach"] & 1, "both back", 60)
    d.wait(lambda a: a.leap == 0 and 0 < a.stratum < 16, "synchronised", 20)


def bad_answers(status, d, bad):
    """Without a signature, with another key's, and with a crypto-NAK, as old servers do."""
    for manner, counter in ("unsigned", "unsigned"), ("other", "wrong_key"), ("nak", "crypto_nak"):
        answer_so(bad, manner)
        sources = status.wait(lambda s: s[bad.address]["counters"][counter] >= 2, f"answers of the kind {manner}")
        source = sources[bad.address]
        check("wrong key: " in source["sentence"] and "key 6" in source["sentence"], source["sentence"])
        check(source["counters"]["measured"] == 0 and source["reach"] == 0, hosts.show(source))
        print(hosts.show(source))
    lines = [line for line in d.output().splitlines() if "wrong key" in line]
    check(len(lines) == 1 and bad.address in lines[0], f"{len(lines)} lines: {lines}")
    answer_so(bad, "right")
    sources = status.wait(lambda s: s[bad.address]["counters"]["measured"] >= 2, "answers that are signed right")
    check("wrong key" not in sources[bad.address]["sentence"], sources[bad.address]["sentence"])


# ---- a server that signs as it is told ----


def answer_so(host, manner):
    path = os.path.join(host.folder, "manner")
    with open(path + ".new", "w") as f:
        f.write(manner)
    os.rename(path + ".new", path)


def sign(packet, manner):
    def mac(key, secret):
        return packet + struct.pack("!I", key) + hashlib.sha256(secret + packet).digest()[:20]

    right = bytes.fromhex(SHA.removeprefix("HEX:"))
    return {"unsigned": packet, "nak": packet + bytes(4), "other": mac(6, b"other"), "right": mac(6, right)}[manner]


def answer(path):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("0.0.0.0", harness.PORT))
    while True:
        request, sender = server.recvfrom(2048)
        seconds = time.time() + harness.NTP_1970
        now = struct.pack("!II", int(seconds), int(seconds % 1 * 2**32))
        header = struct.pack("!BBbbII4s", 0x24, 1, 0, -20, 0, 10, b"TEST")
        with open(path) as f:
            server.sendto(sign(header + now + request[40:48] + now + now, f.read()), sender)


def test(own, command):
    (timeballctl,) = own
    need("chronyd", "chrony")
    need_ntpsec()
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="timeball-keys-") as folder, hosts.hosts(folder, 3) as (chrony, ntp, bad):
        answer_so(bad, "unsigned")
        bad.start(sys.executable, "-B", __file__, "--answer", os.path.join(bad.folder, "manner"))
        start_servers(chrony, ntp)
        write_keys(folder)
        conf = TIMEBALL.format(folder=folder, chrony=chrony.address, ntp=ntp.address, bad=bad.address)
        status = hosts.Status(os.path.join(folder, "status.sock"))
        with harness.daemon(command, conf) as d:
            keys_agree(status, d, chrony, ntp)
            real_chronyd_asks(status, chrony)
            bad_answers(status, d, bad)
            keys_differ(status, d, folder, chrony, ntp)
            keys_agree_again(status, d, folder, chrony, ntp, timeballctl)
            check("key 9 is left out" in d.output(), "MD5 was not said to be left out")
        print(f"{time.monotonic() - begin:.1f} s")


if sys.argv[1] == "--answer":
    answer(sys.argv[2])
harness.main(test)
