"""What a person did wrong about `listen` is said in one line, with what to do, and nothing is half started.

usage: test_start.py -- DAEMON [ARGUMENT]...
"""

import os
import socket
import subprocess
import tempfile

import harness
from harness import PORT, check

CONF = "clock none\nthreads {threads}\nlisten {listen}\ndriftfile none\nstatussocket none\ncontrolsocket none\n"
WITHOUT_RIGHT = ("setpriv", "--bounding-set", "-net_bind_service", "--inh-caps", "-net_bind_service")


def refused(command, listen, words, prefix=(), threads=0):
    """Starts the daemon, which must end by itself with a line that holds all of `words`."""
    with tempfile.TemporaryDirectory(prefix="timeball-net-") as folder:
        conf = os.path.join(folder, "timeball.conf")
        with open(conf, "w") as f:
            f.write(CONF.format(listen=listen, threads=threads))
        line = [*prefix, *(w.format(port=PORT, seconds=10, conf=conf) for w in command)]
        done = subprocess.run(line, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
    said = done.stdout + done.stderr
    print(f"listen {listen}: exit status {done.returncode}: {said.strip()}")
    check(done.returncode == 1, f"listen {listen}: exit status {done.returncode}")
    lines = [line for line in said.splitlines() if all(word in line for word in words)]
    check(len(lines) == 1, f"listen {listen}: not one line with all of {words}:\n{said}")


def test(own, command):
    for threads in (0, 2):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", PORT))
            refused(command, f"127.0.0.1 port {PORT}", ("127.0.0.1", str(PORT), "chronyd"), threads=threads)
            refused(command, f"0.0.0.0 port {PORT}", ("0.0.0.0", "chronyd"), threads=threads)
        refused(command, f"192.0.2.1 port {PORT}", ("192.0.2.1", "ip address"), threads=threads)
        refused(command, f"127.0.0.1 port {PORT}", ("CAP_NET_BIND_SERVICE",), WITHOUT_RIGHT, threads)


harness.main(test)
