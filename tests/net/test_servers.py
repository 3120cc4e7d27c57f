"""The daemon as a client of real servers, chronyd and ntpd, and of hostile ones, each in a network namespace of its own.
The rows are those of the upstream client: B1 zero origin, B2 kisses of death, B3 replay, B4 off path, B5 falsetickers, B7
loop, B8 answers of no use, B10 years off.

usage: test_servers.py CASE TIMEBALLCTL -- DAEMON [ARGUMENT]...
"""

import os
import signal
import tempfile
import time

import harness
import hosts
from harness import ask, check

CONF = """
threads 0
clock none
listen 127.0.0.1
refclock none
statussocket {folder}/status
controlsocket none
driftfile none
leapfile none
"""
NEAR = 0.02  # s; what a busy machine makes of stamps on both sides
YEARS = "-378691200"
QUICK = "iburst minpoll 0 maxpoll 1"
USED = ("leads", "combined")


def counters(source, *names):
    return [source["counters"].get(name, 0) for name in names]


def good(sources, *names):
    return all(n in sources and sources[n]["verdict"] in USED for n in names)


def near(sources, *names):
    """Offsets count from the estimate of their moment: the first ones may be from before the majority was found."""
    return all(abs(sources[n]["offset"]) < NEAR for n in names)


def serves_true_time(what="the time"):
    answer = ask()
    check(answer, "the daemon does not answer")
    bound = answer.root_delay / 2 + answer.root_dispersion + answer.delay / 2
    check(answer.leap != 3 and abs(answer.offset) < bound, f"{what} is off: {answer.offset:.6f} s, bound {bound:.6f} s, {answer}")
    return answer


def is_off(sources, name):
    return sources.get(name, {}).get("verdict") == "falseticker"


def b1_to_b5_hostile(lan, start):
    """Two chronyd and two ntpd, and all that is hostile beside them."""
    names = ("chronyd", "chronyd", "ntpd", "ntpd")
    for host, program in zip(lan, names):
        getattr(host, program)()
    manners = (("off", "1"), ("zero",), ("replay",), ("spoof",), ("off_path",), ("loop", lan[9].ours), ("useless",), ("off", YEARS))
    for host, words in zip(lan[4:], manners):
        host.server(*words)
    for host in lan[:4]:
        host.wait()
    honest = [h.address for h in lan[:3]] + [lan[3].address6 if ":" in harness.hosts()[-1] else lan[3].address]
    off, zero, replay, spoof, path, loop, useless, years = (h.address for h in lan[4:])
    with start("".join(f"server {a} {QUICK}\n" for a in honest + [h.address for h in lan[4:]])) as (d, status):
        d.wait(lambda a: a.leap == 0 and a.stratum < 16, "synchronised", 40)
        sources = status.wait(
            lambda s: good(s, *honest, replay, spoof, path)
            and is_off(s, off)
            and is_off(s, years)
            and s[zero]["counters"]["bogus"] > 3
            and s[replay]["counters"]["duplicate"] > 3
            and s[spoof]["counters"]["bogus"] > 3
            and near(s, spoof, replay, path),
            "every server judged",
            40,
        )
        # B1: an answer with a zero origin is none
        check(counters(sources[zero], "measured") == [0], hosts.show(sources[zero]))
        # B2: a kiss that does not know our origin is none; B3, B4: neither replay nor another port does harm
        for name in spoof, replay, path:
            check(counters(sources[name], "kiss_rate", "kiss_deny") == [0, 0] and sources[name]["reach"], hosts.show(sources[name]))
        # B5, B10: who is off is named, with a reason
        check("off what the majority says" in sources[off]["sentence"], hosts.show(sources[off]))
        # B7, B8
        check(counters(sources[loop], "measured") == [0] and sources[loop]["counters"]["loop"], hosts.show(sources[loop]))
        check(counters(sources[useless], "measured") == [0], hosts.show(sources[useless]))
        for cause in "unsynchronised", "distance", "header", "delay":
            check(sources[useless]["counters"][cause], f"{cause}: {hosts.show(sources[useless])}")
        for source in sources.values():
            check(len(source["sentence"]) > 20, hosts.show(source))
        serves_true_time()
        check(d.output().count("\n") < 80, "the log is flooded")


def b2_kiss(lan, start):
    """A true RATE lengthens the poll, a true DENY ends it, and the others go on."""
    for host in lan[:3]:
        host.chronyd()
    lan[3].server("rate")
    lan[4].server("deny")
    for host in lan[:3]:
        host.wait()
    rate, deny = lan[3].address, lan[4].address
    with start("".join(f"server {h.address} {QUICK}\n" for h in lan)) as (d, status):
        sources = status.wait(
            lambda s: good(s, *(h.address for h in lan[:3]))
            and s[rate]["peer"]["poll"] >= 3
            and s[deny]["counters"]["kiss_deny"],
            "kissed",
        )
        check(sources[rate]["peer"]["kiss"] == "RATE", hosts.show(sources[rate]))
        check(sources[deny]["counters"]["sent"] <= 2, hosts.show(sources[deny]))
        check("DENY" in d.output(), "no line about DENY")
        d.wait(lambda a: a.leap == 0, "synchronised", 20)
        serves_true_time()


def b10_all_years_off(lan, start):
    """All servers jump twelve years while the clock runs: refused, said once, and believed again when they are right."""
    later = [h.server("later", YEARS) for h in lan[:3]]
    for host in lan[:3]:
        host.wait()
    with start("".join(f"server {h.address} minpoll -2 maxpoll -2\n" for h in lan[:3])) as (d, status):
        d.wait(lambda a: a.leap == 0, "synchronised", 30)
        for process in later:
            process.send_signal(signal.SIGUSR1)
        until = time.monotonic() + 12
        while time.monotonic() < until:
            answer = ask()
            check(answer.leap == 0 and abs(answer.offset) < NEAR, f"served: {answer.offset} s, {answer}")
            time.sleep(0.25)
        check(d.output().count("refused") == 1, "not said once")
        clock = status.ask()["clock"]
        check(clock["state"] == "holdover" and "restart timeballd" in clock["sentence"], clock["sentence"])
        for process in later:
            process.send_signal(signal.SIGUSR2)
        status.wait(lambda s: good(s, *(h.address for h in lan[:3])), "followed again")
        serves_true_time()


def interleaved(lan, start):
    """Interleaved mode against a real chronyd, with the kernel's stamps."""
    for host in lan[:1]:
        host.chronyd()
        host.wait()
    name = lan[0].address
    with start(f"server {name} xleave minpoll -2 maxpoll -2\n") as (d, status):
        sources = status.wait(lambda s: s[name]["peer"]["interleaved"] and s[name]["counters"]["measured"] > 20, "interleaved")
        peer = sources[name]["peer"]
        check((peer["sent_by"], peer["received_by"]) == ("kernel", "kernel"), peer)
        check(0 <= peer["delay_least"] < 2e-3 and peer["root_distance"] < 0.1 and peer["jitter"] < NEAR, peer)
        d.wait(lambda a: a.leap == 0 and a.stratum == 2, "synchronised", 20)
        serves_true_time()


def bad_input(lan, start):
    """A name that does not resolve, a server that never answers, one that nobody listens at: a line each, and it goes on."""
    lan[0].chronyd()
    lan[1].server("silent")
    lan[0].wait()
    good_one, silent, closed = (h.address for h in lan[:3])
    conf = f"server nowhere.invalid iburst\nserver {silent} {QUICK}\nserver {closed} {QUICK}\nserver {good_one} {QUICK}\n"
    with start(conf) as (d, status):
        d.wait(lambda a: a.leap == 0, "synchronised", 30)
        sources = status.wait(
            lambda s: s["nowhere.invalid"]["error"] and s[closed]["error"] and s[silent]["counters"]["sent"] > 6,
            "all told",
        )
        check("name server" in sources["nowhere.invalid"]["error"], hosts.show(sources["nowhere.invalid"]))
        check("does not answer" in sources[silent]["sentence"], hosts.show(sources[silent]))
        check("nothing answers NTP there" in sources[closed]["error"], hosts.show(sources[closed]))
        lines = [line for line in d.output().splitlines() if "nowhere.invalid" in line]
        check(len(lines) == 1, lines)
        serves_true_time()


CASES = {f.__name__: (f, count) for f, count in ((b1_to_b5_hostile, 12), (b2_kiss, 5), (b10_all_years_off, 3), (interleaved, 1), (bad_input, 3))}


def test(own, command):
    case, count = CASES[own[0]]
    hosts.have(("chronyd", "chrony"), ("ntpd", "ntpsec"))
    with tempfile.TemporaryDirectory(prefix="timeball-servers-") as folder, hosts.hosts(folder, count) as lan:
        path = os.path.join(folder, "status")
        with_status = hosts.Status(path)

        class Start:
            """The daemon with these servers."""

            def __init__(self, servers):
                self.context = harness.daemon(command, CONF.format(folder=folder) + servers)

            def __enter__(self):
                return self.context.__enter__(), with_status

            def __exit__(self, *what):
                hosts.print_as_people_see_it(own[1], path)
                return self.context.__exit__(*what)

        case(lan, Start)


harness.main(test)
