#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the daemon says in scenarios is what the schema of the status protocol allows; the schema itself refuses what is not
in it; and its fields and examples are those of the manual.

usage: test_status.py STATUS_LINES SCENARIO...
"""
import copy
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../net"))
import status_schema  # noqa: E402

MANUAL = os.path.join(HERE, "../../docs/timeball-status.7")
TIMES = "12"


def fields_of_schema(schema, at, path=""):
    """Every field by its path, as sources[].report.model."""
    for name, value in at["properties"].items():
        value = schema.defs[value["$ref"].rpartition("/")[2]] if "$ref" in value else value
        yield path + name
        if value.get("type") == "array":
            yield from fields_of_schema(schema, value["items"], f"{path}{name}[].")
        elif value.get("type") == "object" and name not in ("counters", "verdicts", "modes", "versions"):
            yield from fields_of_schema(schema, value, f"{path}{name}.")


def fields_of_manual():
    with open(MANUAL) as f:
        part = f.read().partition(".SH FIELDS\n")[2].partition(".SH COUNTERS\n")[0]
    path = ""
    for heading, name in re.findall(r'^\.SS (\S+)$|^\.BR (\S+) " \(', part, flags=re.M):
        path = heading + "." if heading else path
        if name:
            yield path + name


def same_fields(schema):
    whole = {"properties": {name: {"$ref": name} for a in schema.requests() for name in schema.defs["answer-" + a]["properties"]}}
    of_schema, of_manual = set(fields_of_schema(schema, whole)), set(fields_of_manual())
    print(f"{len(of_schema)} fields")
    assert of_schema == of_manual, f"not the same fields: {sorted(of_schema ^ of_manual)}"


def examples_of_manual(schema):
    with open(MANUAL) as f:
        examples = re.findall(r"^(?:\.IR )?(\{\"version\".*\}) ?,?$", f.read(), flags=re.M)
    validator = status_schema.jsonschema.Draft202012Validator(schema.whole)
    for example in examples:
        assert validator.is_valid(json.loads(example)), f"an example of the manual is no answer: {example}"
    assert len(examples) >= 4, f"hardly an example: {examples}"


def refuses(schema, good):
    """What a strict schema must not let pass."""
    breaches = {
        "a new field": lambda a: a["clock"].update(sundial=1),
        "a field less": lambda a: a["clock"].pop("stratum"),
        "a new counter": lambda a: a["sources"][0]["counters"].update(sundials=1),
        "a new verdict": lambda a: a["server"]["verdicts"].update(sundial=1),
        "another type": lambda a: a["clock"].update(stratum="1"),
        "another state": lambda a: a["clock"].update(state="asleep"),
        "an instant without its nanoseconds": lambda a: a.update(time="2026-11-24T12:00:00Z"),
        "a negative bound": lambda a: a.update(bound=-1e-9),
        "another version": lambda a: a.update(version=a["version"] + 1),
    }
    for what, breach in breaches.items():
        bad = copy.deepcopy(good)
        breach(bad)
        try:
            schema.hold("status", bad)
        except AssertionError:
            continue
        raise AssertionError(f"the schema lets {what} pass")


def main(program, scenarios):
    schema, states, good = status_schema.Schema(), set(), None
    same_fields(schema)
    if not status_schema.jsonschema:
        print("skipped: the package python3-jsonschema is not installed")
        sys.exit(77)
    status_schema.jsonschema.Draft202012Validator.check_schema(schema.whole)
    examples_of_manual(schema)
    for path in scenarios:
        lines = subprocess.run([program, path, TIMES], capture_output=True, text=True, check=True, timeout=100).stdout
        for line in lines.splitlines():
            word, _, answer = line.partition(" ")
            answer = schema.hold(word, answer)
            if word == "status":
                good = answer
                states.add(answer["clock"]["state"])
    print(f"held: {schema.held}; states: {sorted(states)}")
    assert states >= {"locked", "holdover", "unsynchronised"}, f"scenarios with more states are needed: {states}"
    refuses(schema, good)


try:
    main(sys.argv[1], sys.argv[2:])
except AssertionError as e:
    sys.exit(f"FAILED: {e}")
except subprocess.CalledProcessError as e:
    sys.exit(f"FAILED: {e}: {e.stderr}")
