"""The documents as they are installed: every link in them leads to something that is there, and no text is lost on the way.

usage: test_documents.py CMAKE FOLDER SOURCE    of the build, and of the sources
"""

import os
import re
import subprocess
import sys
import tempfile

LINK = re.compile(r"\]\(([^)\s]+)\)")
ELSEWHERE = ("https://", "http://", "#")
MENTION = re.compile(r"(?<![\w/.-])(?:docs|udev)/[\w./-]+")  # a path of the sources, where no link is


def read(path):
    with open(path) as f:
        return f.read()


def bare(text):
    """What stays the same whatever the links are."""
    return re.sub(r"\s+", " ", LINK.sub("", text).replace("docs/", "").replace("[", "").replace("]", ""))


def dead(path, text):
    folder = os.path.dirname(path)
    links = [link for link in LINK.findall(text) if not link.startswith(ELSEWHERE)]
    wrong = [link for link in links if not os.path.exists(os.path.join(folder, link.split("#")[0]))]
    return [f"{os.path.basename(path)}: {where}" for where in wrong + MENTION.findall(text)]


def main():
    cmake, build, source = sys.argv[1:]
    wrong = []
    with tempfile.TemporaryDirectory(prefix="timeball-package-") as folder:
        subprocess.run([cmake, "--install", build, "--component", "documents", "--prefix", folder], check=True, stdout=subprocess.DEVNULL)
        found = [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names]
        pages = {os.path.basename(path): path for path in found if path.endswith(".md")}
        originals = {name: os.path.join(source, name) for name in ("README.md", "CHANGELOG.md")}
        docs = os.path.join(source, "docs")
        originals.update({name: os.path.join(docs, name) for name in os.listdir(docs) if name.endswith(".md")})
        for name, original in originals.items():
            if name not in pages:
                wrong.append(f"{name} is not installed")
                continue
            wrong += dead(pages[name], read(pages[name]))
            if bare(read(pages[name])) != bare(read(original)):
                wrong.append(f"{name} is another text than {original}")
    print(f"{len(pages)} documents of {len(found)} files:", "\n".join(wrong) or "every link leads somewhere")
    sys.exit(bool(wrong))


main()
