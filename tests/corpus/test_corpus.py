#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds `timeballctl epochs` against logs of real receivers with known times.

usage: test_corpus.py CORPUS TIMEBALLCTL

Fails on one wrong time that is vouched for, and unless every log with fixes is clean. Exit status 77:
no corpus.

The expected times were made with gpsd, which takes 18 s for the leap count until the receiver has said
its own: in a log of UBX alone from the years of another count, the times before that (their third
column is `-`) are wrong by the difference. They are put right here by the first count that the same
log's later times have, in a copy. The summary of the judge is printed for both.
"""
import csv
import datetime
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

GPSD_LEAP = 18


def logs(corpus):
    """The rows of the manifest, as dictionaries."""
    lines = [line for line in (corpus / "MANIFEST.tsv").read_text().splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines, delimiter="\t"))


def epochs(timeballctl, corpus, row, got):
    with open(got / (row["name"] + ".got"), "wb") as out:
        subprocess.run([timeballctl, "epochs", "--date", row["date"], corpus / "logs" / row["name"]],
                       stdout=out, check=True)


def put_right(lines):
    """Expected times of a UBX log with the leap count that it names, instead of gpsd's first guess."""
    rows = [line.split() for line in lines]
    known = next((int(row[2]) for row in rows if row[2] != "-"), GPSD_LEAP)
    for row in rows:
        if row[2] != "-":
            break
        time = datetime.datetime.fromisoformat(row[0].replace("Z", "+00:00"))
        time += datetime.timedelta(seconds=GPSD_LEAP - known)
        row[0] = time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"
    return [" ".join(row) for row in rows]


def mend_corpus(corpus, rows, mended):
    """A copy of the judge and of what it expects, without gpsd's first guesses of the leap count."""
    (mended / "expect").mkdir(parents=True)
    for name in ("score.py", "MANIFEST.tsv"):
        shutil.copyfile(corpus / name, mended / name)
    for row in rows:
        lines = (corpus / "expect" / (row["name"] + ".times")).read_text().splitlines()
        if not int(row["nmea_time"]):
            lines = put_right(lines)
        (mended / "expect" / (row["name"] + ".times")).write_text("".join(line + "\n" for line in lines))


def score(corpus, got):
    """(the names of the logs that are not clean with their lines, the summary) of the corpus' own judge."""
    out = subprocess.run([sys.executable, corpus / "score.py", "--got", got, "-v"],
                         capture_output=True, text=True, check=False).stdout.splitlines()
    return {line.split()[0]: line for line in out[:-1]}, out[-1]


def number(summary, word):
    return int(re.search(rf"{word} (\d+)", summary).group(1))


def main():
    corpus, timeballctl = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    if not (corpus / "score.py").exists():
        print(f"no receiver corpus at {corpus}: skipped")
        return 77
    rows = logs(corpus)
    with tempfile.TemporaryDirectory() as folder:
        got, mended = pathlib.Path(folder) / "got", pathlib.Path(folder) / "mended"
        got.mkdir()
        mend_corpus(corpus, rows, mended)
        for row in rows:
            epochs(timeballctl, corpus, row, got)
        _, as_given = score(corpus, got)
        unclean, summary = score(mended, got)
    print(f"as given:               {as_given}")
    print(f"leap counts put right:  {summary}")
    print("\n".join(unclean.values()))
    clean = number(summary, "logs") == number(summary, "clean") > 0
    return 0 if clean and not number(summary, "bad") and not number(as_given, "bad") else 1


if __name__ == "__main__":
    sys.exit(main())
