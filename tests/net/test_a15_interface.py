"""The network fails under a running server and comes back (A15): the server goes on, and answers again.

usage: test_a15_interface.py -- DAEMON [ARGUMENT]...
"""

import os
import shutil
import socket
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


def firewall_forbids(d):
    """A firewall drops the answers to one client: sending them fails with EPERM, and the others' go out."""
    nft = shutil.which("nft")
    rules = "table inet t { chain c { type filter hook output priority 0; ip daddr 127.0.0.9 udp sport 123 drop; }; }"
    if not nft or subprocess.run([nft, rules], check=False).returncode:
        print("left out: nft of the package nftables is not here, or the kernel has no nf_tables")
        return

    def ask_from(address):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.3)
            s.bind((address, 0))
            s.connect(("127.0.0.1", harness.PORT))
            s.send(request())
            try:
                return s.recv(2048)
            except TimeoutError:
                return None

    prober = Prober()
    for _ in range(20):
        for _ in range(5):
            harness.send_forged("127.0.0.9", 4321)
            prober.socket.send(request())
        check(len(prober.exchange()) == 5, "answers to good clients were lost")
    prober.close()
    check(ask_from("127.0.0.9") is None, "the firewall lets answers through")
    subprocess.run([nft, "delete table inet t"], check=True)
    check(ask_from("127.0.0.9"), "no answer after the firewall's rule has gone")


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
        for f in (interface_goes, answers_that_cannot_leave, firewall_forbids, ipv6_goes):
            f(d)
            d.alive()
            print(f.__name__, "ok")


harness.main(test)
