"""README.md and docs/*.md: their blocks, and the commands in them.

A block that is indented holds commands; what is no command stands between fences, with its kind.
"""

import glob
import os
import re

from harness import check

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
KINDS = {"conf", "ntp", "chrony", "nft", "sysctl", "text"}
OURS = r"(?:timeballd|timeballctl|timeball-sim|timeball-exporter|timeball-alarm|timeball-web)"


class Page:
    def __init__(self, path):
        self.name = os.path.basename(path)
        with open(path) as f:
            self.text = f.read()
        self.fenced = re.findall(r"^```(\w*)\n(.*?)^```$", self.text, flags=re.M | re.S)
        self.plain = re.sub(r"^```.*?^```$", "", self.text, flags=re.M | re.S)
        for kind, _ in self.fenced:
            check(kind in KINDS, f"{self.name}: a block of the kind '{kind}'; known are {sorted(KINDS)}")

    def blocks(self, kind):
        return [body for k, body in self.fenced if k == kind]

    def commands(self):
        """Of indented lines, which may say behind two blanks what they do; and of our programs also in the text."""
        for line in re.findall(r"^    (\S.*)$", self.plain, flags=re.M):
            yield from re.split(r"\s{2,}", line)[0].split(" && ")
        yield from re.findall(rf"`((?:{OURS}|\./dev|systemctl) [^`\n]+)`", self.plain)


def pages():
    paths = [f"{TOP}/README.md", *sorted(glob.glob(f"{TOP}/docs/*.md"))]
    return [Page(p) for p in paths]
