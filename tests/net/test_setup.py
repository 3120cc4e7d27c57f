"""A u-blox receiver of generation 9 behind a pseudo terminal, set up by timeballctl through the daemon's control socket.
Nothing is written before the receiver has spoken; at a wrong baud rate it neither hears nor is heard.

usage: test_setup.py TIMEBALLCTL -- DAEMON [ARGUMENT]...
"""

import contextlib
import datetime
import os
import stat
import struct
import subprocess
import tempfile
import termios
import threading
import time
import tty

import harness
from harness import check

CONF = """
threads 0
listen none
clock none
statussocket {folder}/status
controlsocket {folder}/control
driftfile none
refclock nmea {tty} delay 0..0.4
"""
SPEEDS = {termios.B9600: 9600, termios.B38400: 38400, termios.B115200: 115200}
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8}
BAUD, ELEVATION, TMODE = 0x40520001, 0x201100A4, 0x20030001


def sentence(body):
    total = 0
    for c in body.encode():
        total ^= c
    return f"${body}*{total:02X}\r\n".encode()


def frame(cls, id_, payload=b""):
    body = struct.pack("<BBH", cls, id_, len(payload)) + payload
    a = b = 0
    for c in body:
        a = (a + c) & 255
        b = (b + a) & 255
    return b"\xb5\x62" + body + bytes((a, b))


def size_of(key):
    return SIZES[key >> 28]


class Receiver:
    def __init__(self):
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        os.set_blocking(self.master, False)
        self.path, self.rate, self.quiet = os.ttyname(self.slave), 9600, True
        self.saved, self.heard, self.deaf_at, self.wrong = 0, b"", None, False
        self.values = {BAUD: 9600, ELEVATION: 5, 0x1041000D: 0, 0x30050001: 0, 0x1005000B: 1}
        self.done = threading.Event()
        self.threads = [threading.Thread(target=f) for f in (self.speak, self.listen)]

    def line_rate(self):
        return SPEEDS.get(termios.tcgetattr(self.slave)[5])

    def send(self, data):
        if self.line_rate() == self.rate != self.deaf_at:
            with contextlib.suppress(BlockingIOError):
                os.write(self.master, data)

    def speak(self):
        while not self.done.wait((1.1 - time.time()) % 1):
            now = datetime.datetime.now(datetime.timezone.utc)
            if not self.quiet:
                self.send(sentence(f"GPRMC,{now:%H%M%S}.00,V,,,,,,,{now:%d%m%y},,,N"))
            self.done.wait(0.2)

    def listen(self):
        while not self.done.wait(0.02):
            with contextlib.suppress(BlockingIOError):
                data = os.read(self.master, 4096)
                if self.line_rate() == self.rate != self.deaf_at:
                    self.heard += data
            while len(self.heard) >= 8:
                begin = self.heard.find(b"\xb5\x62")  # what came while the rate changed may be cut off
                if begin:
                    self.heard = self.heard[begin:] if begin > 0 else self.heard[-1:]
                    continue
                cls, id_, length = struct.unpack("<BBH", self.heard[2:6])
                if len(self.heard) < length + 8:
                    break
                whole, self.heard = self.heard[: length + 8], self.heard[length + 8 :]
                if whole == frame(cls, id_, whole[6:-2]):
                    self.obey(cls, id_, whole[6:-2])

    def obey(self, cls, id_, payload):
        if (cls, id_) == (0x0A, 0x04):
            texts = (b"EXT CORE 1.00", 30), (b"00190000", 10), (b"PROTVER=29.20", 30), (b"MOD=ZED-F9T", 30)
            self.send(frame(cls, id_, b"".join(t.ljust(n, b"\0") for t, n in texts)))
        if cls != 6:
            return
        before = self.values[BAUD]
        good = {0x8B: self.get, 0x8A: self.set, 0x09: self.keep}.get(id_, lambda _: False)(payload)
        self.send(frame(5, int(good), bytes((cls, id_))))
        if self.values[BAUD] != before:
            termios.tcdrain(self.master)
            time.sleep(0.05)
            self.rate = self.values[BAUD]

    def get(self, payload):
        keys = struct.unpack(f"<{len(payload) // 4 - 1}I", payload[4:])
        if not all(k in self.values for k in keys):
            return False
        values = (struct.pack("<I", k) + (self.values[k] & (1 << 64) - 1).to_bytes(8, "little")[: size_of(k)] for k in keys)
        self.send(frame(6, 0x8B, b"\1\0\0\0" + b"".join(values)))
        return True

    def set(self, payload):
        self.wrong |= payload[:2] != b"\0\1"  # RAM alone is to be written
        at, values = 4, {}
        while at < len(payload):
            (key,) = struct.unpack_from("<I", payload, at)
            values[key] = int.from_bytes(payload[at + 4 : at + 4 + size_of(key)], "little")
            at += 4 + size_of(key)
        if not all(k in self.values for k in values):
            return False
        self.values.update(values)
        return True

    def keep(self, _):
        self.saved += 1
        return True

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        for t in self.threads:
            t.join()
        os.close(self.slave)
        os.close(self.master)


def record(ctl, folder):
    """What the receiver sends is in the recording, byte by byte; a file that is there is left alone."""
    path = f"{folder}/a.rec"
    words = [ctl, "-s", f"{folder}/control", "record", path, "--for", "6"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    check(done.returncode == 0, f"record: {done.stderr}")
    with open(path) as f:
        lines = f.read().splitlines()
    check(lines[0] == "# timeball recording, version 2", f"not a recording: {lines[:3]}")
    sent = b"".join(bytes.fromhex(line.split()[3]) for line in lines if line.startswith("B "))
    check(sent.count(b"$GPRMC,") >= 3, f"these bytes alone: {sent}")
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    check(done.returncode == 1 and "File exists" in done.stderr, f"a file that was there: {done}")
    with open(path) as f:
        check(f.read().splitlines() == lines, "the file that was there is another")


def test(own, command):
    (ctl,) = own
    with tempfile.TemporaryDirectory(prefix="timeball-setup-") as folder, Receiver() as r:
        def order(*words, good=True):
            done = subprocess.run(
                [ctl, "-s", f"{folder}/control", "receiver", *words], capture_output=True, text=True, timeout=90
            )
            print(words, done.returncode, done.stdout + done.stderr)
            check((done.returncode == 0) == good, f"{words}: exit status {done.returncode}")
            return done.stdout + done.stderr

        def expect(text, *words, good=True):
            check(text in order(*words, good=good), f"{words}: not '{text}'")

        def expect_soon(text, *words):
            """The daemon may be listening at other rates when the receiver begins to speak."""
            until = time.monotonic() + 60
            while time.monotonic() < until:
                try:
                    return expect(text, *words)
                except AssertionError:
                    time.sleep(1)
            expect(text, *words)

        with harness.daemon(command, CONF.format(folder=folder, tty=r.path)) as d:
            while not os.path.exists(f"{folder}/control"):
                d.alive()
                time.sleep(0.05)
            mode = stat.S_IMODE(os.stat(f"{folder}/control").st_mode)
            check(mode == 0o600, f"mode {mode:o}")
            expect("before a receiver was heard", "show", good=False)
            check(not r.heard, "something was written to a silent port")
            r.quiet = False
            expect_soon("ZED-F9T", "show")
            record(ctl, folder)
            expect("elevation mask: was 5 degrees, is 12 degrees", "elevation", "12")
            check(r.values[ELEVATION] == 12 and not r.saved, "not set, or saved")
            expect("is -20 ns", os.path.basename(r.path), "cable", "-2e-8")
            expect("no time mode", "survey", "100", "1", good=False)
            expect("baud rate: was 9600 baud, is 38400 baud", "baud", "38400")
            check(r.rate == 38400 == r.line_rate(), "the rates differ")
            r.deaf_at = 115200
            expect("no answer at 115200 baud", "baud", "115200", good=False)
            check(r.line_rate() == 38400, "the port did not go back")
            r.rate = r.values[BAUD] = 38400  # its power was taken away
            expect_soon("is 10 degrees", "elevation", "10")
            expect("saved", "save")
            check(r.saved == 1 and not r.wrong, "not saved, or not by this word alone")
            expect("no verb", "dance", good=False)
            check("control: uid" in d.output() and ": receiver elevation 12" in d.output(), "no command was logged")


harness.main(test)
