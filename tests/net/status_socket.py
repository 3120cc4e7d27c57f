"""What tests of the programs on the status socket share: one that is made up, and the wait for something to be said."""

import contextlib
import json
import os
import socket
import subprocess
import tempfile
import threading
import time

from harness import check, patience

TIME = "2026-11-24T12:00:00.000000000Z"


def alarm(event, thing, sentence, level="warning"):
    return {"event": event, "level": level, "thing": thing, "sentence": sentence, "since": TIME}


def status(state="locked", alarms=(), sources=(), **clock):
    """A bad state is an alarm by itself, as the daemon has it."""
    level = {"holdover": "warning", "unsynchronised": "error"}.get(state)
    own = [alarm(state, None, f"It is {state}.", level)] if level else []
    return {
        "version": 1,
        "host": "made-up",
        "time": TIME,
        "clock": {"state": state, "sentence": f"It is {state}.", **clock},
        "alarms": own + list(alarms),
        "sources": list(sources),
    }


class MadeUp:
    """Answers each request with `answer`, and again whenever that is set; None: it says nothing."""

    def __init__(self, path, answer):
        self.path, self.answer, self.clients = path, answer, []
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        self.socket.listen(16)
        threading.Thread(target=self.accept, daemon=True).start()

    def line(self):
        return json.dumps(self.answer).encode() + b"\n"

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.socket.accept()
                client.recv(64)
                self.clients.append(client)
                if self.answer is not None:
                    client.sendall(self.line())

    def set(self, answer):
        self.answer = answer
        for client in self.clients:
            with contextlib.suppress(OSError):
                client.sendall(self.line())

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for client in self.clients:
            client.close()
        os.unlink(self.path)


class Program:
    """A program whose output is watched."""

    def __init__(self, folder, *words, **options):
        self.log = os.path.join(folder, os.path.basename(words[0]) + ".log")
        with open(self.log, "w") as out:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=folder, **options)

    def output(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def says(self, part, seconds=40):
        until = time.monotonic() + patience(seconds)
        while part not in self.output():
            check(self.process.poll() is None, f"it ended with {self.process.returncode}:\n{self.output()}")
            check(time.monotonic() < until, f"not '{part}' within {seconds} s:\n{self.output()}")
            time.sleep(0.1)

    def end(self):
        self.process.terminate()
        check(self.process.wait(patience(10)) == 0, f"after SIGTERM: exit status {self.process.returncode}\n{self.output()}")


@contextlib.contextmanager
def program(*words, **options):
    with tempfile.TemporaryDirectory(prefix="timeball-net-") as folder:
        p = Program(folder, *words, **options)
        try:
            yield p
            p.end()
        except AssertionError:
            print(p.output())
            raise
        finally:
            if p.process.poll() is None:
                p.process.kill()
                p.process.wait()
