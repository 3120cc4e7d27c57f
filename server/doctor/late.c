/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/doctor/late.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/find/root_file.h"

#define CPU     "/sys/devices/system/cpu"
#define ETERNAL 4294967295.0 /* ns: cpufreq's word for a transition latency that is not known */
#define QUICK   2e-6         /* s: an idle state that is left so quickly does no harm */

static struct doctor_late says(int state, double cost, const char *todo, const char *saw, ...)
    __attribute__((format(printf, 4, 5)));

static struct doctor_late says(int state, double cost, const char *todo, const char *saw, ...)
{
    struct doctor_late l = {.cost = cost};
    va_list args;
    l.state = state;
    va_start(args, saw);
    /* clang-tidy loses va_start() when it is given several files */
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
    vsnprintf(l.saw, sizeof l.saw, saw, args);
    va_end(args);
    snprintf(l.todo, sizeof l.todo, "%s", todo);
    return l;
}

static double number_of(const char *root, const char *path)
{
    char text[40];
    return root_line(root, path, text, sizeof text) ? strtod(text, NULL) : NAN;
}

/* ---- idle states ---- */

struct idle {
    const char *root;
    int states;
    char name[32]; /* of the deepest one that is on */
    double latency, usage, all;
};

static bool on_state(void *arg, const char *state)
{
    struct idle *i = arg;
    char path[120];
    if (strncmp(state, "state", 5) != 0)
        return true;
    i->states++;
    snprintf(path, sizeof path, CPU "/cpu0/cpuidle/%.16s/disable", state);
    if (number_of(i->root, path) > 0)
        return true;
    snprintf(path, sizeof path, CPU "/cpu0/cpuidle/%.16s/usage", state);
    double usage = number_of(i->root, path);
    i->all += isnan(usage) ? 0 : usage;
    snprintf(path, sizeof path, CPU "/cpu0/cpuidle/%.16s/latency", state);
    double latency = number_of(i->root, path) * 1e-6;
    if (isnan(latency) || latency < i->latency)
        return true;
    i->latency = latency;
    i->usage = usage;
    snprintf(path, sizeof path, CPU "/cpu0/cpuidle/%.16s/name", state);
    root_line(i->root, path, i->name, sizeof i->name);
    return true;
}

static struct doctor_late idle(const struct doctor_machine *m)
{
    struct idle i = {.root = m->root};
    root_list(m->root, CPU "/cpu0/cpuidle", on_state, &i);
    if (!i.states)
        return says(LATE_UNKNOWN, NAN, "", "the kernel tells of no idle states");
    if (i.latency <= QUICK)
        return says(LATE_NONE, i.latency, "",
                    "the deepest idle state that is on, %s, is left in "
                    "%.0f us",
                    i.name, i.latency * 1e6);
    return says(
        LATE_COSTS, i.latency,
        "add `cpuidle.off=1` to the kernel's command line (a Pi: cmdline.txt) and reboot; "
        "or, until the next boot, `cpupower idle-set -D 2`",
        "waking up from %s takes up to "
        "%.0f us, as the processor's driver says; it was %.0f %% of the idle states entered",
        i.name, i.latency * 1e6, i.all > 0 ? 100 * i.usage / i.all : 0);
}

/* ---- the processor's rate ---- */

static struct doctor_late governor(const struct doctor_machine *m)
{
    char name[40];
    double ns = number_of(m->root, CPU "/cpu0/cpufreq/cpuinfo_transition_latency");
    double low = number_of(m->root, CPU "/cpu0/cpufreq/scaling_min_freq");
    double high = number_of(m->root, CPU "/cpu0/cpufreq/scaling_max_freq");
    if (!root_line(m->root, CPU "/cpu0/cpufreq/scaling_governor", name, sizeof name))
        return says(LATE_UNKNOWN, NAN, "", "the kernel does not set the processor's rate");
    if (!strcmp(name, "performance") || low >= high)
        return says(LATE_NONE, NAN, "", "the processor's rate is fixed (governor %s)", name);
    return says(
        LATE_COSTS, ns > 0 && ns < ETERNAL ? ns * 1e-9 : (double)NAN,
        "run `cpupower frequency-set -g performance`, at each boot (a Pi: `force_turbo=1` in "
        "config.txt)",
        "governor %s moves the processor between %.0f and %.0f MHz; while it "
        "changes it stands still, and slow it takes longer",
        name, low / 1000, high / 1000);
}

/* ---- PCIe ---- */

struct aspm {
    const char *root;
    int devices, on;
    char first[32];
};

static bool on_pci(void *arg, const char *name)
{
    struct aspm *a = arg;
    char path[120];
    a->devices++;
    snprintf(path, sizeof path, "/sys/bus/pci/devices/%.24s/link/l1_aspm", name);
    if (number_of(a->root, path) > 0 && !a->on++)
        snprintf(a->first, sizeof a->first, "%.24s", name);
    return true;
}

static struct doctor_late aspm(const struct doctor_machine *m)
{
    struct aspm a = {.root = m->root};
    char policy[80], *chosen;
    root_list(m->root, "/sys/bus/pci/devices", on_pci, &a);
    if (!a.devices)
        return says(LATE_NONE, NAN, "", "there is no PCIe device");
    if (!root_line(m->root, "/sys/module/pcie_aspm/parameters/policy", policy, sizeof policy))
        return says(LATE_UNKNOWN, NAN, "", "the kernel does not tell whether PCIe links sleep");
    chosen = strchr(policy, '[');
    policy[chosen ? strcspn(policy, "]") + 1 : strlen(policy)] = 0;
    if (!a.on &&
        (!chosen || !strncmp(chosen, "[performance]", 13) || !strncmp(chosen, "[default]", 9)))
        return says(LATE_NONE, NAN, "", "no PCIe link sleeps (ASPM policy %s)",
                    chosen ? chosen : "unknown");
    return says(
        LATE_COSTS, NAN,
        "add `pcie_aspm.policy=performance` to the kernel's command line (a Pi: cmdline.txt) and "
        "reboot",
        "PCIe links sleep between packets (ASPM; %d devices, %s first): a pulse at "
        "a device behind one, as a Pi 5's pins are, waits for the link",
        a.on, *a.first ? a.first : "none");
}

/* ---- network ---- */

static struct doctor_late eee(const struct doctor_machine *m)
{
    char todo[200];
    if (m->interfaces < 0)
        return says(LATE_UNKNOWN, NAN, "",
                    "network cards can be asked on the running machine only");
    if (!m->interfaces)
        return says(LATE_NONE, NAN, "", "no network link sleeps");
    snprintf(todo, sizeof todo, "run `ethtool --set-eee %.*s eee off`, at each boot",
             (int)strcspn(m->eee, ","), m->eee);
    return says(LATE_COSTS, NAN, todo,
                "Energy-Efficient Ethernet is on (%s): requests and answers "
                "wait for the link to wake up; pulses do not",
                m->eee);
}

/* ---- the scheduler ---- */

struct threads {
    const char *root;
    int pid;
    bool realtime;
};

/* Field 41 of /proc/PID/task/TID/stat is the scheduling policy: 1 SCHED_FIFO, 2 SCHED_RR. */
static bool on_thread(void *arg, const char *thread)
{
    struct threads *t = arg;
    char path[80], text[1024];
    snprintf(path, sizeof path, "/proc/%d/task/%.12s/stat", t->pid, thread);
    root_read(t->root, path, text, sizeof text);
    char *at = strrchr(text, ')'); /* field 2 is a name and may hold anything */
    for (int field = 2; at && field < 41; field++)
        at = strchr(at + 1, ' ');
    long policy = at ? strtol(at, NULL, 10) : 0;
    t->realtime |= policy == 1 || policy == 2;
    return true;
}

/* /proc/PID/schedstat: ns run, ns waited for a processor, times run. */
static double waited(const struct doctor_machine *m)
{
    char path[48], text[96], *end;
    snprintf(path, sizeof path, "/proc/%d/schedstat", m->pid);
    if (!root_line(m->root, path, text, sizeof text))
        return NAN;
    (void)strtod(text, &end);
    double wait = strtod(end, &end), times = strtod(end, NULL);
    return times > 0 ? wait * 1e-9 / times : (double)NAN;
}

static struct doctor_late realtime(const struct doctor_machine *m)
{
    struct threads t = {.root = m->root, .pid = m->pid};
    char folder[48], todo[300];
    if (!m->pid)
        return says(LATE_UNKNOWN, NAN, "", "timeballd does not run");
    snprintf(folder, sizeof folder, "/proc/%d/task", m->pid);
    root_list(m->root, folder, on_thread, &t);
    double wait = waited(m);
    if (t.realtime)
        return says(LATE_NONE, wait, "", "timeballd runs in a real-time class");
    snprintf(
        todo, sizeof todo,
        "add `sched_priority 10` to the configuration; where systemd runs timeballd, its unit "
        "must allow it: see examples/realtime.conf in timeball's folder of /usr/share/doc; or, "
        "until it ends, `chrt -a -f -p 10 %d`",
        m->pid);
    return says(LATE_COSTS, wait, todo,
                "timeballd has no real-time class: it has waited this long "
                "for a processor, on average, each time it ran; the kernel's stamps of pulses and "
                "packets do not wait");
}

const struct doctor_late_row doctor_late_rows[DOCTOR_LATE_ROWS] = {
    {"idle", "processor's idle states", idle},
    {"governor", "processor's rate", governor},
    {"aspm", "PCIe links", aspm},
    {"eee", "network links", eee},
    {"realtime", "scheduling", realtime},
};
