#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Plays a scenario with several seeds and holds every run against what the scenario itself expects.

usage: test_scenario.py TIMEBALL_SIM SCENARIO

In the comments of SCENARIO:
    # expect FIGURE OP VALUE   for every seed; FIGURE as in `timeball-sim --json`, or `share` (of the seconds that were
                               served), or `inside` (per cent of what was served); OP is < <= > >= =; VALUE a number or `never`
    # seeds N                  play seeds 1 to N (10)
    # vary WORD VALUE ...      play it with each of these values (a blank in one is written _); several such lines: with each
                               of their combinations

Always expected: exit status 0, which means that nothing served was outside its bound, that time never ran back, and that
answers while unsynchronised were LI 3 and stratum 0; the first of these not where the scenario itself says something
about `outside`, because nobody could know better.
"""
import itertools
import json
import operator
import re
import subprocess
import sys
import tempfile

OPERATORS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq}
EXPECT = re.compile(r"#\s*expect\s+(\w+)\s*(<=|>=|<|>|=)\s*(\S+)\s*$")
VARY = re.compile(r"#\s*vary\s+(\w+)\s+(\S.*)$")
ALWAYS = [("outside", "=", 0), ("backwards", "=", 0), ("malformed", "=", 0)]


def read_scenario(path):
    """Number of seeds, [(figure, operator, value)], and [[line of the scenario, ...] for each combination]."""
    seeds, expected, vary = 10, [], []
    with open(path, encoding="utf-8") as file:
        for line in file:
            line = line.strip()
            if found := EXPECT.match(line):
                figure, op, value = found.groups()
                expected.append((figure, op, None if value == "never" else float(value)))
            elif found := re.match(r"#\s*seeds\s+(\d+)$", line):
                seeds = int(found.group(1))
            elif found := VARY.match(line):
                vary.append([f"{found.group(1)} {value.replace('_', ' ')}" for value in found.group(2).split()])
            elif re.match(r"#\s*(expect|seeds|vary)\b", line):
                sys.exit(f"{path}: not understood: {line}")
    own = {figure for figure, _, _ in expected}
    return seeds, expected + [e for e in ALWAYS if e[0] not in own], list(itertools.product(*vary))


def figures(line):
    """One run's figures, and those that follow from them."""
    run = json.loads(line)
    run["share"] = run["served"] / run["seconds"]
    run["inside"] = 100 * (1 - run["outside"] / run["served"]) if run["served"] else 100
    return run


def judge(run, expected):
    """What is not as it should be."""
    for figure, op, value in expected:
        if figure not in run:
            yield f"there is no figure {figure}"
        elif value is None or run[figure] is None:
            if not (op == "=" and value is None and run[figure] is None):
                yield f"{figure} is {run[figure]}, expected {op} {value}"
        elif not OPERATORS[op](run[figure], value):
            yield f"{figure} is {run[figure]}, expected {op} {value:g}"


def play(program, path, lines, seeds, expected):
    """What is not as it should be, with these lines added to the scenario."""
    with tempfile.NamedTemporaryFile("w", suffix=".scn", encoding="utf-8") as copy:
        with open(path, encoding="utf-8") as file:
            copy.write(file.read() + "\n" + "\n".join(lines) + "\n")
        copy.flush()
        done = subprocess.run([program, "--quiet", "--json", "--seeds", str(seeds), copy.name], capture_output=True, text=True,
                              check=False)
    runs = [figures(line) for line in done.stdout.splitlines()]
    where = ", ".join(lines) + ": " if lines else ""
    for run in runs:
        for what in judge(run, expected):
            yield f"{where}seed {run['seed']}: {what}"
    if len(runs) != seeds:
        yield f"{where}{len(runs)} of {seeds} runs came to an end"
    if done.returncode and ("outside", "=", 0) in expected:
        yield f"{where}exit status {done.returncode}: {done.stderr.strip()[-500:]}"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    program, path = sys.argv[1:]
    seeds, expected, combinations = read_scenario(path)
    breaches = [what for lines in combinations for what in play(program, path, lines, seeds, expected)]
    print("\n".join(breaches) or f"{len(combinations)} x {seeds} seeds, {len(expected)} expectations each: all hold")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
