"""A status socket whose texts are hostile: what a receiver or a server of the network might make the daemon say."""

import contextlib
import json
import os
import socket
import tempfile
import threading
import time


def spoil(value, text):
    """The same object with `text` in every text that no protocol fixes."""
    fixed = {"version", "time", "state", "health", "trust", "reftime", "served", "change", "system", "started"}
    if isinstance(value, dict):
        return {k: v if k in fixed or k.startswith("passes") else spoil(v, text) for k, v in value.items()}
    if isinstance(value, list):
        return [spoil(v, text) for v in value]
    return text if isinstance(value, str) else value


def serve(connection, status):
    """Answers `watch` each second and everything else once."""
    with connection, contextlib.suppress(OSError):
        for line in connection.makefile():
            while True:
                connection.sendall(json.dumps(status).encode() + b"\n")
                if line.strip() != "watch":
                    break
                time.sleep(1)


def accept(listener, status):
    with contextlib.suppress(OSError):
        while True:
            threading.Thread(target=serve, args=(listener.accept()[0], status), daemon=True).start()


@contextlib.contextmanager
def fake_status(status):
    """The path of a socket that answers with this object."""
    with tempfile.TemporaryDirectory(prefix="timeball-fake-") as folder:
        path = os.path.join(folder, "status.sock")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen(8)
            threading.Thread(target=accept, args=(listener, status), daemon=True).start()
            yield path


def ask(path, word="status"):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        s.sendall(word.encode() + b"\n")
        return json.loads(s.makefile().readline())
