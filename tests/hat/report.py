#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Sums up one run of the rig: boot time, guest output, pulses sent and seen.  usage: report.py RESULT_FOLDER --start UNIX_TIME"""
import argparse
import json
import os
import re
import statistics


def stats(name, values):
    if len(values) < 3:
        return
    us = [v * 1e6 for v in values]
    middle = statistics.median(us)
    print(f'{name}: n {len(us)}  median {middle:.1f} us  std {statistics.stdev(us):.1f} us  '
          f'MAD {statistics.median(abs(v - middle) for v in us):.1f} us  min {min(us):.1f} us  max {max(us):.1f} us')


def main():
    p = argparse.ArgumentParser()
    p.add_argument('out')
    p.add_argument('--start', type=float, default=0)
    o = p.parse_args()

    def text(name):
        try:
            with open(os.path.join(o.out, name), errors='replace') as f:
                return f.read()
        except OSError:
            return ''
    ready = re.search(r'HAT-READY uptime (\S+) kernel (\S+)', text('console.log'))
    if ready:
        wall = os.stat(os.path.join(o.out, 'guest-ready')).st_mtime - o.start
        print(f'boot: kernel {ready.group(2)}, ready after {ready.group(1)} s of guest uptime, {wall:.1f} s of host time')
    else:
        print('boot: the guest did not come up; its console ends with:\n' + text('console.log')[-1500:])
    for name in ('qemu.err', 'feeder.err'):
        if text(name).strip():
            print(f'{name}: {text(name).strip()[-800:]}')
    print('--- guest command output\n' + text('guest.log').rstrip()[-6000:])
    print('--- HAT')
    pulses = [x for x in map(json.loads, text('pulses.jsonl').splitlines()) if 'sent_mono' in x]
    print(f'pulses sent: {len(pulses)}')
    stats('send lateness against plan (host)', [x['sent_mono'] - x['want_mono'] for x in pulses])
    stats('QEMU answer time (host)          ', [x['answer_us'] / 1e6 for x in pulses])
    seen = {int(n): int(s) + int(f) / 1e9 for s, f, n in re.findall(r'assert (\d+)\.(\d+), sequence: (\d+)', text('ppstest.txt'))}
    order = sorted(seen)
    if order:
        missed = order[-1] - order[0] + 1 - len(order)
        print(f'asserts seen by the guest: {len(order)}, sequence {order[0]}..{order[-1]}, missed by the reader {missed}')
        stats('guest assert interval - 1 s      ', [seen[n + 1] - seen[n] - 1 for n in order if n + 1 in seen])
    if text('feeder.json'):
        f = json.loads(text('feeder.json'))
        print(f"uart: {f['uart_sent']} bytes sent, {f['uart_lost']} lost, {len(f['uart_from_guest']) // 2} from the guest")


main()
