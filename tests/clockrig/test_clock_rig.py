#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Eight simulated hours of the daemon on bad oscillators, under ../shared/rigs/clock: each run must reach its end,
and the clock must have come within 10 us of the truth and stayed there.

usage: test_clock_rig.py SOURCE_FOLDER TIMEBALLD WORK_FOLDER     exit status 77 where there is no such folder
"""
import json
import math
import os
import pathlib
import subprocess
import sys

SCENARIOS = 'a1,b1,c1,f1'
SEED = 1
LIMIT = 250  # wall seconds for one run; a build with sanitizers takes ten times the time of a release


def main():
    source, daemon, work = map(pathlib.Path, sys.argv[1:])
    rig = source.parent / 'shared/rigs/clock'
    if not (rig / 'rig.py').is_file():
        print('skipped: no ../shared/rigs/clock beside the checkout')
        return 77
    result = work / 'clock_rig.json'
    result.unlink(missing_ok=True)
    subprocess.run([sys.executable, rig / 'rig.py', '--work', work, '--seeds', str(SEED), '--scenario', SCENARIOS,
                    '--limit', str(LIMIT), '--json', result, '--daemon', f'timeball=exec:{daemon} -c {{conf}}',
                    '--template', f'timeball={rig / "timeball.conf"}'],
                   env=os.environ | {'XDG_CACHE_HOME': str(work)}, check=True)
    rows = json.loads(result.read_text())
    failed = len(rows) != len(SCENARIOS.split(','))
    for row in rows:
        for run in row['runs']:
            if 'fail' in run:
                failed = True
                print(f"{row['scenario']}: {run['fail']}")
            elif math.isinf(run['to10us']):
                failed = True
                print(f"{row['scenario']}: never within 10 us, rms {run['rms']:.3g} s")
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
