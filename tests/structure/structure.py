#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The house's own rules: who may include whom, how long a thing may be, where state and time may live.

usage: structure.py RULE SOURCE_FOLDER BUILD_FOLDER     prints every breach; exit status 1 when there is one
"""
import pathlib
import re
import statistics
import subprocess
import sys

ROOMS = ("refclock", "drivers", "server")  # each may know itself and those before it
TEXT = {".c", ".h", ".py", ".sh", ".txt", ".cmake", ".md", ".json", ".conf", ".rules", ".service", ""}
OS_TIME = ("clock_gettime|gettimeofday|time|clock_adjtime|adjtimex|ntp_adjtime|ntp_gettime|clock_settime|settimeofday"
           "|nanosleep|clock_nanosleep|usleep|sleep")
SETTERS = {"clock_adjtime", "adjtimex", "ntp_adjtime", "clock_settime", "settimeofday", "adjtime", "stime"}
MACHINE_PATH = re.compile(r"(?<![\w.~}$])/(home|root|work|Users)/\w")
MAX_FILE, MAX_FUNCTION, LONG_FUNCTION, MEDIAN_FUNCTION = 600, 80, 45, 15


class Tree:
    """The sources, read once."""

    def __init__(self, top, build):
        self.top, self.build = pathlib.Path(top), pathlib.Path(build)
        self.files = {}
        for path in sorted(self.top.rglob("*")):
            name = path.relative_to(self.top).as_posix()
            if path.suffix in TEXT and path.is_file() and not re.match(r"(build|\.git)(/|$)", name):
                try:
                    self.files[name] = path.read_text()
                except UnicodeDecodeError:
                    pass  # a seed or a capture

    def c_files(self, *folders, suffixes=(".c", ".h")):
        for name, text in self.files.items():
            if name.split("/")[0] in folders and name.endswith(suffixes):
                yield name, text


def without_comments(text, strings=True):
    """The same lines with comments, and with `strings` their contents too, blanked out."""
    def blank(match):
        found = match.group(0)
        if found[0] == "/":
            return re.sub(r"[^\n]", " ", found)
        return found[0] + " " * (len(found) - 2) + found[-1] if strings else found
    return re.sub(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", blank, text, flags=re.S)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def included(text):
    return re.findall(r'^\s*#\s*include\s+"([^"]+)"', text, flags=re.M)


def includes(tree):
    """Includes go one way (refclock <- drivers <- server), by full name, and in no circle."""
    graph = {}
    for name, text in tree.c_files(*ROOMS):
        room = ROOMS.index(name.split("/")[0])
        graph[name] = included(text)
        for other in graph[name]:
            if other.split("/")[0] not in ROOMS:
                yield f'{name}: include "{other}" by its place, as "{ROOMS[room]}/..."'
            elif ROOMS.index(other.split("/")[0]) > room:
                yield f"{name}: {ROOMS[room]} may not know {other}"
    seen = {}  # True: done; False: on the way

    def visit(name, way):
        if seen.get(name) is False:
            yield "include cycle: " + " -> ".join(way[way.index(name):] + [name])
        if name in seen:
            return
        seen[name] = False
        for other in graph.get(name, []):
            yield from visit(other, way + [name])
        seen[name] = True

    for name in graph:
        yield from visit(name, [])


def file_length(tree):
    """No file over 600 lines; half of the C files under 200."""
    for name, text in tree.files.items():
        if text.count("\n") > MAX_FILE and name != "LICENSE":
            yield f"{name}: {text.count(chr(10))} lines, more than {MAX_FILE}"
    lengths = [text.count("\n") for _, text in tree.c_files(*ROOMS)]
    if lengths and statistics.median(lengths) >= 200:
        yield f"median length of a file: {statistics.median(lengths)} lines, aim under 200"


def functions(text):
    """(line, name, lines) of each function, by its braces in the first column."""
    lines = text.split("\n")
    start = None
    for number, line in enumerate(lines):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            head = "\n".join(lines[max(0, start - 6):start])
            names = re.findall(r"(\w+)\(", head)
            yield start, next((n for n in reversed(re.findall(r"^[\w* ]*?(\w+)\(", head, flags=re.M))), names[-1] if names else "?"), \
                number - start + 1
            start = None


def function_length(tree):
    """No function over 80 lines, one in ten over 45, median under 15."""
    lengths = []
    for name, text in tree.c_files(*ROOMS, "tests", suffixes=(".c", ".h")):
        for line, function, length in functions(text):
            if name.split("/")[0] in ROOMS:
                lengths.append(length)
            if length > MAX_FUNCTION:
                yield f"{name}:{line}: {function} has {length} lines, more than {MAX_FUNCTION}"
    if not lengths:
        return
    long = sum(n > LONG_FUNCTION for n in lengths)
    print(f"{len(lengths)} functions, median {statistics.median(lengths)} lines, {long} over {LONG_FUNCTION}")
    if long > len(lengths) / 10:
        yield f"{long} of {len(lengths)} functions have more than {LONG_FUNCTION} lines"
    if statistics.median(lengths) >= MEDIAN_FUNCTION:
        yield f"median length of a function: {statistics.median(lengths)} lines, aim under {MEDIAN_FUNCTION}"


def os_time(tree):
    """Only loop_* and clock_* ask the operating system for time, sleep or set a clock."""
    for name, text in tree.c_files(*ROOMS):
        if re.match(r"refclock/(loop|clock)_\w+\.c$", name):
            continue
        code = without_comments(text)
        for match in re.finditer(rf"(?<![\w.>])({OS_TIME})\s*\(", code):
            yield f"{name}:{line_of(code, match.start())}: {match.group(1)}() outside loop_*.c and clock_*.c"


def steering(tree):
    """The clock that can be set is opened by the daemon's main alone; timeballctl and tests only read it."""
    for name, text in tree.c_files(*ROOMS, "tests"):
        if name.startswith("refclock/clock"):
            continue
        code = without_comments(text)
        for match in re.finditer(r"\bclock_system_open\b", code):
            if name != "server/main.c":
                yield f"{name}:{line_of(code, match.start())}: clock_system_open() outside server/main.c"


def headers(tree):
    """In a header every prototype, or the first of a group without a blank line, has a comment above."""
    for name, text in tree.c_files(*ROOMS, suffixes=(".h",)):
        lines = text.split("\n")
        code = without_comments(text).split("\n")
        documented, depth = False, 0
        for number, line in enumerate(code):
            if not lines[number].strip():
                documented = False  # a blank line ends what a comment speaks of
            elif not line.strip() or lines[number].rstrip().endswith("*/"):
                documented = True
            starts = depth == 0 and re.match(r"(?!typedef|struct \w+ *[{;]|enum|#|static const)[A-Za-z_][\w \*]*\b(\w+)\(", line)
            if starts and not documented:
                yield f"{name}:{number + 1}: {starts.group(1)}() has no comment that says what it does"
            depth += line.count("{") - line.count("}")


def tests(tree):
    """No test includes a .c file: what is tested is the public header."""
    for name, text in tree.c_files("tests"):
        for other in included(text):
            if other.endswith(".c"):
                yield f"{name}: includes {other}"


def paths(tree):
    """Nothing names a place of one machine."""
    for name, text in tree.files.items():
        for match in MACHINE_PATH.finditer(text):
            yield f"{name}:{line_of(text, match.start())}: path of a machine: {match.group(0)}..."


def symbols(path):
    """(section, name) of the symbols of an object file or program."""
    out = subprocess.run(["objdump", "-t", str(path)], capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        match = re.match(r"[0-9a-f]+ (.{7}) (\S+)\t[0-9a-f]+\s+(?:\.hidden )?(\S+)", line)
        if match and "d" not in match.group(1)[5:6]:
            yield match.group(2), match.group(3)


def writable(section):
    return bool(re.match(r"\.(data|bss|tdata|tbss)(\.|$)|\*COM\*$", section)) and not section.startswith(".data.rel.ro")


def state(tree):
    """No mutable variable at file scope (nor static in a function) in the project's objects."""
    made_by_compiler = re.compile(r"__odr_asan|\.?L|__asan|_sub_[ID]_|__sancov|__start___|__stop___")
    objects = [p for room in ROOMS for p in sorted((tree.build / room).rglob("*.o"))]
    if not objects:
        yield f"no object files below {tree.build}: nothing was checked"
    for path in objects:
        for section, name in symbols(path):
            if writable(section) and not made_by_compiler.match(name):
                yield f"{path.relative_to(tree.build)}: {name} is mutable ({section})"


def is_program(path):
    if not path.is_file() or not path.stat().st_mode & 0o100:
        return False
    with path.open("rb") as f:
        return f.read(4) == b"\x7fELF"


def setters(tree):
    """Only clock_system.c holds a call that could set this machine's clock, and of the programs only timeballd."""
    files = [p for room in (*ROOMS, "tests") for p in sorted((tree.build / room).rglob("*"))]
    objects = [p for p in files if p.suffix == ".o"]
    if not objects:
        yield f"no object files below {tree.build}: nothing was checked"
    for path in objects + [p for p in files + sorted(tree.build.glob("*")) if is_program(p)]:
        found = {name.split("@")[0] for section, name in symbols(path) if section == "*UND*"} & SETTERS
        if found and path.name not in ("clock_system.c.o", "timeballd"):
            yield f"{path.relative_to(tree.build)}: calls {', '.join(sorted(found))}"


RULES = {f.__name__: f for f in (includes, file_length, function_length, os_time, steering, headers, tests, paths, state, setters)}


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in RULES:
        sys.exit(__doc__ + "\nrules: " + " ".join(RULES))
    breaches = list(RULES[sys.argv[1]](Tree(sys.argv[2], sys.argv[3])))
    print("\n".join(breaches) or RULES[sys.argv[1]].__doc__ + " Holds.")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
