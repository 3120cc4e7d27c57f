"""The network fails under a running server and comes back (A15): the server goes on, and answers again.

usage: test_interface.py -- DAEMON [ARGUMENT]...
"""

import os
import subprocess

import harness
from harness import Prober, ask, check, request

IPV6_OFF = "/proc/sys/net/ipv6/conf/lo/disable_ipv6"


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def interface_goes(d):
    for _ in range(3):
        ip("link", "set", "lo", "down")
        check(ask(timeout=0.3) is None, "an answer over an interface that is down")
        ip("link", "set", "lo", "up")
        d.wait_synchronised()


def answers_that_cannot_leave(d):
    """No route leads back to these clients: sending fails, alone and amid answers that do leave."""
    prober = Prober()
    for i in range(20):
        for k in range(5):
            harness.send_forged(f"203.0.113.{i + 1}", 4321)
            prober.socket.send(request())
            harness.send_forged("203.0.113.1", 4322 + k)
        check(len(prober.exchange()) == 5, "answers to good clients were lost")
    prober.close()


def ipv6_goes(d):
    def switch(off):
        with open(IPV6_OFF, "w") as f:
            f.write(off)

    if not os.access(IPV6_OFF, os.W_OK) or "::1" not in harness.hosts():
        print("left out: IPv6 is off here, or cannot be switched")
        return
    check(ask("::1"), "no answer over IPv6")
    switch("1")
    check(ask("::1", timeout=0.3) is None, "an answer over IPv6 that is off")
    d.wait_synchronised()
    switch("0")
    ip("-6", "address", "replace", "::1/128", "dev", "lo")
    d.wait(lambda a: ask("::1", timeout=0.3), "answering over IPv6 again", 5)


def test(own, command):
    with harness.daemon(command) as d:
        d.wait_synchronised()
        for f in (interface_goes, answers_that_cannot_leave, ipv6_goes):
            f(d)
            d.alive()
            print(f.__name__, "ok")


harness.main(test)
