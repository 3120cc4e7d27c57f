"""Holds answers of the status socket and the control socket against docs/status.schema.json.

The package python3-jsonschema does the work; where it is not installed, answers are only asked for and must be JSON.
"""

import json
import os
import socket

from harness import check

try:
    import jsonschema
except ImportError:
    jsonschema = None

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/status.schema.json")
ANSWER = "answer-"


class Schema:
    def __init__(self):
        with open(FILE) as f:
            self.whole = json.load(f)
        self.defs = self.whole["$defs"]
        self.held, self.made = {}, {}

    def requests(self):
        """The words that the status socket knows."""
        names = [d.removeprefix(ANSWER) for d in self.defs if d.startswith(ANSWER)]
        return [n for n in names if n not in ("error", "control", "stream")]

    def validator(self, kind):
        if kind not in self.made:
            self.made[kind] = jsonschema.Draft202012Validator({"$ref": f"#/$defs/{ANSWER}{kind}", "$defs": self.defs})
        return self.made[kind]

    def hold(self, kind, answer):
        """`answer`: a line, or an object; as the request of that name is answered."""
        if not isinstance(answer, dict):
            answer = json.loads(answer)
        self.held[kind] = self.held.get(kind, 0) + 1
        if jsonschema:
            wrong = jsonschema.exceptions.best_match(self.validator(kind).iter_errors(answer))
            check(not wrong, f"answer to {kind}, {wrong and wrong.json_path}: {wrong and wrong.message[:500]}")
        return answer


def ask(path, *words):
    """A line for each of the words, over one connection."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(path)
        with s.makefile("rwb") as f:
            for word in words:
                f.write(word.encode() + b"\n")
                f.flush()
                line = f.readline()
                check(line.endswith(b"\n"), f"{path}: no whole answer to '{word}': {line[:200]}")
                yield line


def hold_status(path):
    """Every request to a status socket."""
    schema = Schema()
    words = schema.requests()
    for word, line in zip(words, ask(path, *words)):
        schema.hold(word, line)
    for line in ask(path, "no such request"):
        schema.hold("error", line)


def hold_control(path):
    """A request that a control socket answers, and one that it does not know."""
    schema = Schema()
    for line in ask(path, "version"):
        schema.hold("control", line)
    for line in ask(path, "no such request"):
        schema.hold("error", line)
