#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds `timeballctl epochs` against logs of real receivers with known times.

usage: test_corpus.py CORPUS TIMEBALLCTL

Fails on one wrong time that is vouched for, and on every log with the time in NMEA alone that is not
clean. Logs whose time is in UBX messages, or in both, may miss epochs. Exit status 77: no corpus.
"""
import csv
import pathlib
import re
import subprocess
import sys
import tempfile


def logs(corpus):
    """The rows of the manifest, as dictionaries."""
    lines = [line for line in (corpus / "MANIFEST.tsv").read_text().splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines, delimiter="\t"))


def epochs(timeballctl, corpus, row, got):
    with open(got / (row["name"] + ".got"), "wb") as out:
        subprocess.run([timeballctl, "epochs", "--date", row["date"], corpus / "logs" / row["name"]],
                       stdout=out, check=True)


def score(corpus, got):
    """(the names of the logs that are not clean with their lines, the summary) of the corpus' own judge."""
    out = subprocess.run([sys.executable, corpus / "score.py", "--got", got, "-v"],
                         capture_output=True, text=True, check=False).stdout.splitlines()
    return {line.split()[0]: line for line in out[:-1]}, out[-1]


def main():
    corpus, timeballctl = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    if not (corpus / "score.py").exists():
        print(f"no receiver corpus at {corpus}: skipped")
        return 77
    rows = logs(corpus)
    with tempfile.TemporaryDirectory() as folder:
        got = pathlib.Path(folder)
        for row in rows:
            epochs(timeballctl, corpus, row, got)
        unclean, summary = score(corpus, got)
    nmea = {row["name"] for row in rows if int(row["nmea_time"]) and not int(row["ubx"])}
    failed = [line for name, line in unclean.items() if name in nmea]
    print(summary)
    print(f"{len(nmea)} logs with the time in NMEA alone, {len(failed)} of them not clean")
    print("\n".join(failed))
    bad = int(re.search(r"bad (\d+)", summary).group(1))
    return 1 if bad or failed or not nmea else 0


if __name__ == "__main__":
    sys.exit(main())
