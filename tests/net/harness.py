"""What the tests in this folder share: the daemon under test, the NTP packet, and the reasons to skip.

Every test runs inside `enclosed`, so port 123 is free. The daemon's command follows `--` on the command line; {port},
{seconds}, {conf} (the path of its configuration) and {status} (that of a status socket) in it are replaced. At the end of
each test the answers of its sockets are held against the schema.
"""

import contextlib
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

PORT = 123
SKIP = 77
NTP_1970 = 2208988800
CLIENT = 3
SLOW = float(os.environ.get("TIMEBALL_TEST_SLOW", 1))


def patience(seconds):
    """How long to wait for what must come; an emulated machine needs a multiple of it, which its environment says."""
    return seconds * SLOW


def skip(reason):
    print("skipped:", reason)
    sys.exit(SKIP)


def need(tool, package):
    """The path of a program, also where only root's PATH has it."""
    path = shutil.which(tool) or shutil.which(tool, path="/usr/sbin:/sbin:/usr/local/sbin")
    return path or skip(f"{tool} is not here; install the package {package}")


def check(condition, text):
    if not condition:
        raise AssertionError(text)


def hosts():
    """The loopback addresses of this machine: IPv6 may be off."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
            s.bind(("::1", 0))
    except OSError:
        return ("127.0.0.1",)
    return ("127.0.0.1", "::1")


def split_command(argv):
    """The test's own words, and the daemon's command after `--`."""
    at = argv.index("--")
    return argv[1:at], argv[at + 1 :]


class Answer:
    """The header of RFC 5905 figure 8."""

    def __init__(self, data):
        check(len(data) >= 48, f"an answer of {len(data)} octets")
        first, self.stratum, self.poll, self.precision = struct.unpack("!BBbb", data[:4])
        self.leap, self.version, self.mode = first >> 6, first >> 3 & 7, first & 7
        self.root_delay, self.root_dispersion = (v / 65536 for v in struct.unpack("!II", data[4:12]))
        self.refid = data[12:16]
        self.reftime, self.origin, self.receive, self.transmit = (data[i : i + 8] for i in (16, 24, 32, 40))
        self.data = data

    def __str__(self):
        return (
            f"LI {self.leap} VN {self.version} mode {self.mode} stratum {self.stratum} refid {self.refid} "
            f"root dispersion {self.root_dispersion:.6f} {self.data.hex()}"
        )


def request(version=4, mode=CLIENT, transmit=b"\x55" * 8, tail=b""):
    return bytes([version << 3 | mode]) + bytes(39) + transmit + tail


def send_forged(source, source_port, destination="127.0.0.1"):
    """A good request from an address and port that are not ours, by a raw socket."""
    payload = request()
    udp = struct.pack("!HHHH", source_port, PORT, 8 + len(payload), 0) + payload
    addresses = socket.inet_aton(source) + socket.inet_aton(destination)
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, socket.IPPROTO_UDP, 0) + addresses
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        raw.sendto(header + udp, (destination, 0))


def ntp_seconds(stamp):
    seconds, fraction = struct.unpack("!II", stamp)
    return seconds - NTP_1970 + fraction / 2**32


def ask(host="127.0.0.1", port=PORT, timeout=1.0, **fields):
    """One answer and the offset that it shows, or None."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.settimeout(patience(timeout))
        sent = time.time()
        try:
            s.connect((host, port))
            s.send(request(**fields))
            answer = Answer(s.recv(2048))
        except OSError:
            return None
        came = time.time()
    t1, t2, t3, t4 = sent, ntp_seconds(answer.receive), ntp_seconds(answer.transmit), came
    answer.offset, answer.delay = ((t2 - t1) + (t3 - t4)) / 2, (t4 - t1) - (t3 - t2)
    return answer


class Daemon:
    def __init__(self, process, log):
        self.process, self.log, self.last = process, log, None

    def hold_to_schema(self, conf, folder):
        """What its sockets answer now is what the schema says."""
        import status_schema  # which needs check()

        words = self.process.args
        if "-s" in words:  # timeball-sim
            conf = f"statussocket {words[-words[::-1].index('-s')]}"
        for word, hold in (("statussocket", status_schema.hold_status), ("controlsocket", status_schema.hold_control)):
            path = (re.findall(rf"^{word} (\S+)$", conf, flags=re.M) or ["none"])[-1]
            if path != "none":
                hold(os.path.join(folder, path))

    def output(self):
        """All that it has said; also after its end."""
        if self.last is not None:
            return self.last
        with open(self.log, errors="replace") as f:
            return f.read()

    def alive(self):
        check(self.process.poll() is None, f"the daemon ended with {self.process.returncode}:\n{self.output()}")

    def memory(self):
        """Resident set, kB."""
        with open(f"/proc/{self.process.pid}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))

    def wait(self, wanted, what, seconds=60):
        """Asks until an answer is as wanted; returns it."""
        until, last = time.monotonic() + patience(seconds), None
        while time.monotonic() < until:
            self.alive()
            last = ask(timeout=0.5) or last
            if last and wanted(last):
                return last
            time.sleep(0.2)
        raise AssertionError(f"not {what} within {seconds} s; last answer: {last}\n{self.output()}")

    def wait_synchronised(self):
        return self.wait(lambda a: a.leap == 0 and a.stratum == 1, "synchronised")


def while_synchronised(d, run, tries=5):
    """Runs a part of a test anew when it fails because the daemon lost its time meanwhile: the receiver of these tests is a
    thread that a busy machine may hold up."""
    for _ in range(tries):
        d.wait_synchronised()
        losses = d.output().count("(was locked)")
        try:
            return run()
        except AssertionError as e:
            if d.output().count("(was locked)") == losses:
                raise
            print("the time was lost meanwhile, again:", e)
    raise AssertionError(f"the time was lost {tries} times")


def missing_from(conf, status="none"):
    """Every test runs with the filter that ends the daemon at a system call that is not in its table; as root, for a
    user `timeball` of this machine could not write to the tests' folders; and with nothing of this machine's timeball."""
    if "includefile" in conf:
        return "\nsandbox strict\nuser none\n"  # the file has words of its own
    lines = ("sandbox strict", "user none", f"statussocket {status}", "controlsocket none", "driftfile none")
    return "".join(f"\n{line}\n" for line in lines if not conf.count("\n" + line.split()[0] + " "))


@contextlib.contextmanager
def daemon(command, conf="", seconds=120):
    """Runs the daemon; SIGTERM must end it cleanly and at once."""
    with tempfile.TemporaryDirectory(prefix="timeball-net-") as folder:
        log, conf_path, status = (os.path.join(folder, name) for name in ("log", "timeball.conf", "status.sock"))
        conf += missing_from(conf, status)
        with open(conf_path, "w") as f:
            f.write(conf)
        words = [w.format(port=PORT, seconds=seconds, conf=conf_path, status=status) for w in command]
        with open(log, "w") as out:
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=folder)
        d = Daemon(process, log)
        try:
            yield d
            d.alive()
            d.hold_to_schema(conf, folder)
            for _ in range(20):  # a storm is as good as one (F4)
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(patience(5))
            except subprocess.TimeoutExpired:
                raise AssertionError("SIGTERM did not end the daemon within 5 s") from None
            check(process.returncode == 0, f"after SIGTERM: exit status {process.returncode}\n{d.output()}")
        except AssertionError:
            print(d.output())
            raise
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            d.last = d.output()


class Prober:
    """Sends datagrams from one socket and tells which answers they got. A last good request marks the end: one client's
    datagrams are served in their order."""

    def __init__(self, host="127.0.0.1", port=PORT):
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect((host, port))
        self.count = 0

    def exchange(self, *datagrams):
        self.count += 1
        mark = struct.pack("!Q", 0xFEEDFACE00000000 + self.count)
        for datagram in datagrams:
            self.socket.send(datagram)
        self.socket.send(request(transmit=mark))
        answers = []
        while True:
            ready, _, _ = select.select([self.socket], [], [], patience(3))
            check(ready, f"no answer to a good request after {[d[:12].hex() for d in datagrams]}")
            data = self.socket.recv(65535)
            if data[24:32] == mark:
                return answers
            answers.append(data)

    def close(self):
        self.socket.close()


def main(run):
    """Runs a test; a breach is one line and exit status 1."""
    own, command = split_command(sys.argv)
    try:
        run(own, command)
    except AssertionError as e:
        sys.exit(f"FAILED: {e}")
    print("passed")
