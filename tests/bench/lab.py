# SPDX-License-Identifier: GPL-2.0-or-later
"""Two network namespaces with a wire between them, for a server and its load, and what work there costs.

The wire is a veth pair with NAPI threads: the receive path of each end is a kernel thread of its own, which can be pinned
and whose processor time the kernel counts to the nanosecond, whoever else is busy on the machine. Its polls are moderated
as a network card's interrupts are (every 50 us), so that neither end interrupts the other's processor for every packet.
With `direct` there are no threads and no moderation: a packet is stamped, and handed over, as soon as it is sent.
"""
import contextlib
import ctypes
import fcntl
import glob
import os
import pathlib
import signal
import socket
import struct
import subprocess
import time

SERVER, GATEWAY = "198.18.0.1", "198.18.0.2"  # RFC 2544
SERVER_MAC, LOAD_MAC, CLIENTS_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:99"
MODERATION_NS, IDLE_POLLS = 50000, 200
SIOCETHTOOL, SET_GRO, SET_TSO = 0x8946, 0x2C, 0x1F
CLONE_NEWNET = 0x40000000


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


class Namespace:
    """Held by a process that sleeps; whatever happens to us, it goes with its namespace."""

    def __init__(self, stack):
        words = ["unshare", "--net", "--mount", "sh", "-c", "mount -t sysfs sysfs /sys && echo ready && exec sleep infinity"]
        self.holder = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
        stack.callback(end, self.holder)
        if self.holder.stdout.readline().strip() != "ready":
            raise SystemExit("serving: network namespaces need root")
        self.enter = ["nsenter", "--target", str(self.holder.pid), "--net"]

    def ip(self, *words):
        run(*self.enter, "ip", *words)

    def write(self, path, value):
        run(*self.enter, f"--mount=/proc/{self.holder.pid}/ns/mnt", "sh", "-c", f"echo {value} >{path}")

    def offload(self, interface, command, value):
        """ethtool -K, for one word."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/self/ns/net", "rb") as own, open(f"/proc/{self.holder.pid}/ns/net", "rb") as other:
            if libc.setns(other.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            try:
                word = ctypes.create_string_buffer(struct.pack("II", command, value))
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                    fcntl.ioctl(s, SIOCETHTOOL, struct.pack("16sP16x", interface.encode(), ctypes.addressof(word)))
            finally:
                libc.setns(own.fileno(), CLONE_NEWNET)


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def end(process):
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def napi_thread(interface):
    """The newest NAPI thread of an interface of that name."""
    found = []
    for path in glob.glob("/proc/[0-9]*/comm"):
        with contextlib.suppress(OSError):
            if pathlib.Path(path).read_text().startswith(f"napi/{interface}-"):
                found.append(int(path.split("/")[2]))
    return max(found)


def executed(pid):
    """Processor time of all threads of a process so far, s: user, system, and interrupts that came meanwhile."""
    total = 0
    for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        with contextlib.suppress(OSError):
            total += int(pathlib.Path(path).read_text().split()[0])
    return total * 1e-9


class Wire:
    """`srv` in one namespace, `load` in the other; any address is a client, reached through the wire."""

    def __init__(self, stack, cores, direct=False):
        self.server, self.load, self.cores = Namespace(stack), Namespace(stack), cores
        s, l = self.server, self.load
        queues = ("numrxqueues", "1", "numtxqueues", "1")
        s.ip("link", "set", "lo", "up")
        s.ip("link", "add", "srv", "address", SERVER_MAC, *queues, "type", "veth",
             "peer", "name", "load", "address", LOAD_MAC, *queues, "netns", str(l.holder.pid))
        s.ip("address", "add", f"{SERVER}/30", "dev", "srv")
        s.ip("link", "set", "srv", "up")
        l.ip("link", "set", "load", "up")
        s.ip("neighbour", "add", GATEWAY, "lladdr", CLIENTS_MAC, "dev", "srv")
        s.ip("route", "add", "default", "via", GATEWAY)
        self.path = None  # the server's receive path
        if direct:
            s.write("/sys/class/net/srv/queues/rx-0/rps_cpus", 1 << cores[0])
            l.write("/sys/class/net/load/queues/rx-0/rps_cpus", 1 << cores[1])
            return
        threads = []
        for space, interface, core in ((s, "srv", cores[0]), (l, "load", cores[1])):
            space.offload(interface, SET_GRO, 1)
            space.offload(interface, SET_TSO, 0)
            space.write(f"/sys/class/net/{interface}/threaded", 1)
            space.write(f"/sys/class/net/{interface}/gro_flush_timeout", MODERATION_NS)
            space.write(f"/sys/class/net/{interface}/napi_defer_hard_irqs", IDLE_POLLS)
            time.sleep(0.05)
            threads.append(napi_thread(interface))
            run("taskset", "-pc", str(core), str(threads[-1]))
            run("chrt", "-f", "-p", "50", str(threads[-1]))  # as interrupts do, it comes before the server
        self.path = threads[0]

    def start(self, stack, command, log, cores=None):
        """Runs a server, pinned to its core, before everything else that runs there."""
        pinned = ",".join(map(str, cores or self.cores[:1]))
        with open(log, "w") as out:
            process = subprocess.Popen([*self.server.enter, "taskset", "-c", pinned, "chrt", "-f", "10", *command],
                                       stdin=subprocess.DEVNULL, stdout=out, stderr=out, preexec_fn=die_with_parent)
        stack.callback(end, process)
        return process

    def load_tool(self, words, ntpload):
        """Starts the load tool, before all else on its processor."""
        command = [*self.load.enter, "taskset", "-c", str(self.cores[1]), "chrt", "-f", "10", str(ntpload),
                   "--interface", "load", "--mac", SERVER_MAC, "--server", SERVER, *words]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=die_with_parent)

    def spent(self, process):
        """Processor time of the server and of its receive path so far, us."""
        return executed(process.pid) * 1e6, (executed(self.path) if self.path else 0) * 1e6


def printed(tool):
    """What a load tool printed, when it has ended."""
    out, err = tool.communicate()
    if tool.returncode:
        raise SystemExit(f"serving: {' '.join(tool.args)}: {err}")
    return out


def machine():
    """What the figures were measured on."""
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    return f"{model}, {os.cpu_count()} processors, Linux {os.uname().release}"
