"""F1: a configuration that is none ends the daemon at once, with status 1 and a line that says where and what to do, and
nothing is half started.

usage: test_f1_config.py -- DAEMON [ARGUMENT]...
"""

import os
import socket
import subprocess
import tempfile

import harness
from harness import PORT, check

GOOD = b"clock none\nlisten 127.0.0.1\nstatussocket {folder}/status.sock\ncontrolsocket none\n"
# what the file is, and what the line about it must hold
BAD = {
    "unknown word": (GOOD + b"sundial 3\n", ("conf:5", "'sundial'")),
    "number overflow": (GOOD + b"threads 99999999999999999999\n", ("conf:5", "too large")),
    "double overflow": (GOOD + b"holdover 1e999\n", ("conf:5", "too large")),
    "NUL byte": (GOOD + b"threads 1\0\n", ("conf:5", "NUL byte")),
    "10 MB": (GOOD + b"# filler\n" * 1200000, ("conf", "larger than")),
    "one long line": (GOOD + b"log " + b"x" * 900000, ("conf:5", "longer than")),
    "includes itself": (GOOD + b"\nincludefile conf\n", ("conf:6", "includes itself")),
    "includes a folder": (GOOD + b"includefile /tmp\n", ("conf:5", "is a directory")),
    "binary": (bytes(range(256)) * 400, ("conf:1", "NUL byte")),
}


def port_is_free():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", PORT))


def refused(command, conf, words, folder):
    for line in ([w.format(port=PORT, seconds=10, conf=conf) for w in command], [command[0], "--check", conf]):
        done = subprocess.run(line, capture_output=True, text=True, errors="replace", timeout=60, stdin=subprocess.DEVNULL)
        said = done.stdout + done.stderr
        print(f"{' '.join(words)}: exit status {done.returncode}: {said.splitlines()[0][:160] if said else ''}")
        check(done.returncode == 1, f"{words}: exit status {done.returncode}:\n{said[:2000]}")
        check(any(all(w in text for w in words) for text in said.splitlines()), f"no line with {words}:\n{said[:2000]}")
        check(len(said.splitlines()) <= 21, "a flood of lines")
    check("status.sock" not in os.listdir(folder), "the status socket was made")
    port_is_free()


def test(own, command):
    with tempfile.TemporaryDirectory(prefix="timeball-net-") as folder:
        conf = os.path.join(folder, "conf")
        for bad, words in BAD.values():
            with open(conf, "wb") as f:
                f.write(bad.replace(b"{folder}", folder.encode()))
            refused(command, conf, words, folder)
        refused(command, folder, ("is a directory",), folder)
        refused(command, os.path.join(folder, "absent"), ("No such file",), folder)


harness.main(test)
