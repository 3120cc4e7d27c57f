"""Names of servers: B9, a name server that says nothing at boot and comes later, and names that stand for this machine; B6, one
address under many names, which counts once; and pools, whose members are replaced when they do not want to be asked.

usage: test_names.py TIMEBALLCTL -- DAEMON [ARGUMENT]...
"""

import json
import os
import signal
import sys
import tempfile

import harness
import hosts
from harness import check

CONF = """
threads 0
clock none
listen 127.0.0.1
refclock none
statussocket {folder}/status
controlsocket none
driftfile none
leapfile none
server one.test iburst minpoll 0 maxpoll 1
server two.test iburst minpoll 0 maxpoll 1
server self.test iburst minpoll 0 maxpoll 1
server gone.test minpoll -2 maxpoll -2
pool pool.test maxsources 3 minpoll 0 maxpoll 1
"""
RESOLVER = "/etc/resolv.conf"
MOUNTED = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


def test(own, command):
    hosts.have(("chronyd", "chrony"))
    if not os.path.exists(RESOLVER):
        harness.skip(f"there is no {RESOLVER} to put another one in the place of")
    with tempfile.TemporaryDirectory(prefix="timeball-names-") as folder, hosts.hosts(folder, 6) as lan:
        resolver, zone = os.path.join(folder, "resolv.conf"), os.path.join(folder, "zone")
        write(resolver, "")
        own_resolver = ["unshare", "--mount", "sh", "-c", MOUNTED, "sh", resolver, RESOLVER]
        lan[0].chronyd()
        gone = lan[5].server("right")
        for host, manner in zip(lan[1:5], ("deny", "deny", "right", "right")):
            host.server(manner)
        status = hosts.Status(os.path.join(folder, "status"))
        with harness.daemon(own_resolver + command, CONF.format(folder=folder)) as d:
            # B9: nothing at boot
            status.wait(lambda s: s["one.test"]["error"], "told that the name has no address", 20)
            check("name server" in status.sources()["one.test"]["error"], status.sources()["one.test"]["error"])
            pool = [h.address for h in lan[1:5]]
            names = {"one.test": [lan[0].address], "two.test": ["::ffff:" + lan[0].address], "self.test": [lan[0].ours]}
            names.update({"pool.test": pool, "gone.test": [lan[5].address]})
            write(zone, json.dumps(names))
            lan[0].start(sys.executable, "-B", os.path.join(hosts.HERE, "dns_host.py"), zone)
            write(resolver, f"nameserver {lan[0].address}\n")
            # ... and it comes
            good = {h.address for h in lan[3:5]}
            def all_told(s):
                pair = [s["one.test"], s["two.test"]]
                heard = {v["peer"]["address"] for v in s.values() if v["reach"]}
                refused = [v["error"] or "" for v in pair + [s["self.test"]] if not v["reach"]]
                return good <= heard and s["gone.test"]["reach"] and len(refused) == 2 and all("it" in e for e in refused)

            sources = status.wait(all_told, "names found, and members of the pool that answer", 50)
            d.wait(lambda a: a.leap == 0, "synchronised", 20)
            # B6: counted once, whatever its name and its spelling
            asked = [v["peer"]["address"] for v in status.sources().values() if v["health"] == "ok"]
            check(sorted(asked) == sorted(set(asked)) and lan[0].address in asked, asked)
            other = sources["two.test"] if sources["one.test"]["peer"]["address"] else sources["one.test"]
            check("another line asks it already" in other["error"], hosts.show(other))
            # B9: we are no server of ours
            check("it is this machine itself" in sources["self.test"]["error"], hosts.show(sources["self.test"]))
            check(sources["self.test"]["counters"]["sent"] == 0, hosts.show(sources["self.test"]))
            # a server that goes away: its name is looked up again
            names["gone.test"] = [lan[5].address6] if ":" in harness.hosts()[-1] else ["10.9.6.2"]
            write(zone, json.dumps(names))
            gone.send_signal(signal.SIGKILL)
            if ":" in names["gone.test"][0]:
                status.wait(lambda s: s["gone.test"]["peer"]["address"] == lan[5].address6, "another address taken", 40)
            hosts.print_as_people_see_it(own[0], status.path)


harness.main(test)
