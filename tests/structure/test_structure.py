#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Each rule of structure.py must find a breach made for it, and leave its lawful twin alone."""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import structure


class Rules(unittest.TestCase):
    def setUp(self):
        self.top = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.top)

    def write(self, **files):
        for name, text in files.items():
            path = self.top / name.replace("__", "/").replace("_DOT_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def breaches(self, rule):
        return list(structure.RULES[rule](structure.Tree(self.top, self.top / "build")))

    def test_include_against_the_direction(self):
        self.write(refclock__a_DOT_c='#include "drivers/b.h"\n', drivers__b_DOT_h='#include "refclock/c.h"\n')
        self.assertEqual(len(self.breaches("includes")), 1)

    def test_include_cycle(self):
        self.write(refclock__a_DOT_h='#include "refclock/b.h"\n', refclock__b_DOT_h='#include "refclock/a.h"\n')
        self.assertIn("cycle", self.breaches("includes")[0])

    def test_include_twice_is_no_cycle(self):
        self.write(refclock__a_DOT_h="", refclock__b_DOT_h='#include "refclock/a.h"\n',
                   refclock__c_DOT_c='#include "refclock/a.h"\n#include "refclock/b.h"\n')
        self.assertEqual(self.breaches("includes"), [])

    def test_long_file(self):
        self.write(tests__a_DOT_c="\n" * 601, tests__b_DOT_c="\n" * 600)
        self.assertEqual(len(self.breaches("file_length")), 1)

    def test_long_function(self):
        short = "int f(int a)\n{\n    return a;\n}\n" * 20
        self.write(server__a_DOT_c=short + "static int g(int a,\n         int b)\n{\n" + "    a++;\n" * 79 + "}\n")
        self.assertRegex(self.breaches("function_length")[0], ": g has 81 lines")

    def test_os_time(self):
        self.write(server__a_DOT_c='/* time(NULL) */ const char *s = "time(NULL)"; int x = l->time(NULL);\n',
                   server__b_DOT_c="time_t t = time(NULL);\n", refclock__clock_system_DOT_c="clock_gettime(0, &t);\n")
        self.assertRegex("".join(self.breaches("os_time")), r"^server/b.c:1: time\(\)[^:]*$")

    def test_steering(self):
        self.write(server__main_DOT_c="return clock_system_open(clock, err);\n",
                   server__ctl__now_DOT_c="return clock_system_open(&c, err);\n",
                   tests__unit__a_DOT_c="assert(!clock_system_open(&c, &e));\n",
                   drivers__a_DOT_c="clock_reader_open(&c, &e);\n")
        self.assertEqual(sorted(b.split(":")[0] for b in self.breaches("steering")),
                         ["server/ctl/now.c", "tests/unit/a.c"])

    def test_headers(self):
        self.write(refclock__a_DOT_h="/* Says what. */\nint f(void);\nint g(void);\n\nint h(void);\n\n"
                                     "struct s {\n    int (*call)(void);\n};\n/*\n * Says\n *\n * more.\n */\nint *i(void);\n")
        self.assertRegex("".join(self.breaches("headers")), r"^refclock/a.h:5: h\(\)[^:]*$")

    def test_test_includes_source(self):
        self.write(tests__unit__a_DOT_c='#include "refclock/a.c"\n')
        self.assertEqual(len(self.breaches("tests")), 1)

    def test_paths(self):
        place = "/".join(("", "home", "someone"))
        self.write(a_DOT_md=f"see {place}/x\n", b_DOT_md="see the home/page and ../Users/x\n")
        self.assertEqual(len(self.breaches("paths")), 1)

    def compiled(self, folder, source, *flags, name="a.o"):
        out = self.top / "build" / folder
        out.mkdir(parents=True, exist_ok=True)
        (self.top / "x.c").write_text(source)
        subprocess.run(["cc", "-fPIE", *flags, "-o", str(out / name), str(self.top / "x.c")], check=True)

    def test_state(self):
        constant = "extern int e; static int *const t[] = {&e}; static const char *const n[] = {\"a\"};" \
                   "int *f(int i) { return n[i][0] ? t[i] : t[0]; }\n"
        for flags in ([], ["-fsanitize=address,undefined"]):
            self.compiled("refclock", constant, "-c", *flags)
            self.assertEqual(self.breaches("state"), [])
            self.compiled("refclock", constant + "int h(void) { static int n; return n++; }\n", "-c", *flags)
            self.assertEqual(len(self.breaches("state")), 1)

    def test_state_needs_objects(self):
        self.assertEqual(len(self.breaches("state")), 1)

    def test_setter(self):
        sets = "#include <time.h>\nint f(void) { struct timespec t = {0}; return clock_settime(CLOCK_REALTIME, &t); }\n"
        self.compiled("refclock", sets, "-c", name="clock_system.c.o")
        self.assertEqual(self.breaches("setters"), [])
        self.compiled("tests", sets, "-c")
        self.compiled("tests/unit", sets + "int main(void) { return f(); }\n", name="test_a")
        self.assertEqual(self.breaches("setters"), ["tests/a.o: calls clock_settime", "tests/unit/test_a: calls clock_settime"])


if __name__ == "__main__":
    unittest.main()
