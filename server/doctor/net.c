/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Do clients reach the NTP port? What cannot be seen from inside is said. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/find/root_file.h"
#include "server/ctl/text.h"
#include "server/doctor/doctor.h"

#define TABLE_MAX (256 * 1024)
#define FULL      0.9 /* of the connection tracking table: it is about to drop packets */
#define NOTRACK                                                                                 \
    "table inet timeball { chain in { type filter hook prerouting priority raw; udp dport 123 " \
    "notrack; } chain out { type filter hook output priority raw; udp sport 123 notrack; } }, " \
    "and `udp dport 123 accept` in the input chain"
#define OUTSIDE                                                                                 \
    "from outside it cannot be told here: a router must pass UDP port 123 on to this machine; " \
    "ask "                                                                                      \
    "from another network: `chronyd -Q 'server ADDRESS iburst maxsamples 1'`"

/* ---- who holds the port ---- */

struct holder {
    const char *root, *folder;
    char socket[48]; /* "socket:[1234]" */
    char program[32];
    int pid;
};

/* The socket bound to that UDP port, by a line of /proc/net/udp; its inode in *h. */
static bool find_socket(const char *root, const char *table, int port, struct holder *h)
{
    char *text = malloc(TABLE_MAX), want[8];
    bool found = false;
    snprintf(want, sizeof want, ":%04X", (unsigned)port & 0xffff);
    if (text)
        root_read(root, table, text, TABLE_MAX);
    for (char *rest = text, *line; !found && rest && (line = strsep(&rest, "\n"));) {
        char *word = NULL, *local = NULL;
        for (int i = 0; i < 10 && line; i++) {
            do
                word = strsep(&line, " ");
            while (word && !*word);
            local = i == 1 ? word : local;
        }
        found = local && word && strlen(local) > 5 && !strcmp(local + strlen(local) - 5, want);
        if (found)
            snprintf(h->socket, sizeof h->socket, "socket:[%.24s]", word);
    }
    free(text);
    return found;
}

static bool on_descriptor(void *arg, const char *name)
{
    struct holder *h = arg;
    char path[96], target[64];
    snprintf(path, sizeof path, "%.64s/%.20s", h->folder, name);
    h->pid = root_link(h->root, path, target, sizeof target) && !strcmp(target, h->socket);
    return !h->pid;
}

static bool on_process(void *arg, const char *name)
{
    struct holder *h = arg;
    char folder[64], comm[64], *end;
    long pid = strtol(name, &end, 10);
    if (*end || pid <= 0)
        return true;
    snprintf(folder, sizeof folder, "/proc/%.12s/fd", name);
    h->folder = folder;
    root_list(h->root, folder, on_descriptor, h);
    if (!h->pid)
        return true;
    h->pid = (int)pid;
    snprintf(comm, sizeof comm, "/proc/%.12s/comm", name);
    root_line(h->root, comm, h->program, sizeof h->program);
    return false;
}

static bool find_holder(const char *root, int port, struct holder *h)
{
    *h = (struct holder){.root = root};
    if (!find_socket(root, "/proc/net/udp", port, h) &&
        !find_socket(root, "/proc/net/udp6", port, h))
        return false;
    root_list(root, "/proc", on_process, h);
    return true;
}

static struct doctor_finding taken(const struct doctor *d, const struct holder *h)
{
    char todo[240];
    if (!*h->program)
        return doctor_says(DOCTOR_BROKEN,
                           "run `ss -ulpn` as root: it names the program; then stop "
                           "that",
                           "another program holds UDP port %d", d->wants.listen_port);
    snprintf(todo, sizeof todo,
             "stop it (`systemctl status %d` names its service: `systemctl disable "
             "--now` that), or serve on another port: `listen ADDRESS port 11123`",
             h->pid);
    return doctor_says(DOCTOR_BROKEN, todo, "%s (process %d) holds UDP port %d", h->program, h->pid,
                       d->wants.listen_port);
}

/* ---- does the daemon answer ---- */

static struct doctor_finding answers(const struct doctor *d)
{
    char all[300] = "";
    const struct doctor_asked *last = d->ask;
    for (int i = 0; i < d->asks; i++) {
        const struct doctor_asked *a = &d->ask[i];
        size_t n = strlen(all);
        if (!a->answered)
            return doctor_says(
                DOCTOR_BROKEN,
                "look for a rule that drops it (`nft list ruleset`, `iptables -L -n`), "
                "and at `timeballctl status` under requests",
                "no answer from %s port %d: %s", a->address, a->port, a->why);
        snprintf(all + n, sizeof all - n, "%s%s", n ? ", " : "", a->address);
        last = a;
    }
    return doctor_says(DOCTOR_OK, OUTSIDE, "answers on %s, port %d, %s", all, last->port,
                       last->stratum ? "with the time" : "that it does not know the time yet");
}

struct doctor_finding doctor_port_123(const struct doctor *d)
{
    struct holder h;
    if (!d->wants.serves)
        return doctor_says(DOCTOR_NOT_NEEDED, "", "timeballd does not serve NTP (listen none)");
    if (d->status && d->asks)
        return answers(d);
    bool held = find_holder(d->root, d->wants.listen_port, &h);
    if (held && strncmp(h.program, "timeball", strlen("timeball")) != 0)
        return taken(d, &h);
    if (d->status)
        return doctor_says(DOCTOR_BROKEN,
                           "look at timeballd's log: it says which address it could "
                           "not have",
                           "timeballd listens on no address");
    return doctor_says(DOCTOR_UNKNOWN, "",
                       "UDP port %d is free; whether it is answered shows when "
                       "timeballd runs",
                       d->wants.listen_port);
}

/* ---- what drops requests ---- */

static double number_of(const char *root, const char *path)
{
    char text[32];
    return root_line(root, path, text, sizeof text) ? strtod(text, NULL) : -1;
}

static bool contains(const char *root, const char *path, const char *const *words)
{
    char *text = malloc(TABLE_MAX);
    bool has = false;
    if (text)
        root_read(root, path, text, TABLE_MAX);
    for (; text && *words && !has; words++)
        has = strstr(text, *words);
    free(text);
    return has;
}

/* Rules that files show: what is loaded by hand is not seen. */
static bool by_files(const struct doctor *d, struct doctor_finding *f)
{
    static const char *const on[] = {"ENABLED=yes", NULL};
    static const char *const drops[] = {"policy drop", "drop\n", "reject", NULL};
    static const char *const ntp[] = {"dport 123", "dport ntp", " 123,", " 123 ", ", 123", NULL};
    bool ufw = contains(d->root, "/etc/ufw/ufw.conf", on) &&
               !contains(d->root, "/etc/ufw/user.rules", ntp);
    bool nft = root_exists(d->root, "/etc/systemd/system/sysinit.target.wants/nftables.service") &&
               contains(d->root, "/etc/nftables.conf", drops) &&
               !contains(d->root, "/etc/nftables.conf", ntp);
    if (ufw)
        *f = doctor_says(DOCTOR_BROKEN, "run `ufw allow 123/udp`",
                         "ufw is on, and no rule of it "
                         "lets UDP port 123 in");
    else if (nft)
        *f = doctor_says(DOCTOR_BROKEN,
                         "add `udp dport 123 accept` to the input chain in "
                         "/etc/nftables.conf, and run `systemctl reload nftables`",
                         "/etc/nftables.conf drops what it does not name, and does not name UDP "
                         "port 123");
    return ufw || nft;
}

struct doctor_finding doctor_firewall(const struct doctor *d)
{
    static const char *const untracked[] = {"notrack", NULL};
    struct doctor_finding f;
    double count = number_of(d->root, "/proc/sys/net/netfilter/nf_conntrack_count");
    double max = number_of(d->root, "/proc/sys/net/netfilter/nf_conntrack_max");
    bool spared = contains(d->root, "/etc/nftables.conf", untracked);
    if (!d->wants.serves)
        return doctor_says(DOCTOR_NOT_NEEDED, "", "timeballd does not serve NTP");
    if (by_files(d, &f))
        return f;
    if (count >= 0 && max > 0 && count >= FULL * max)
        return doctor_says(DOCTOR_BROKEN,
                           "add to /etc/nftables.conf, then `systemctl reload "
                           "nftables`: " NOTRACK,
                           "the connection tracking table is nearly full "
                           "(%.0f of %.0f): packets get dropped",
                           count, max);
    if (count >= 0 && !spared)
        return doctor_says(DOCTOR_OK,
                           "for many clients, spare it NTP; in /etc/nftables.conf: " NOTRACK,
                           "connection tracking is there (%.0f of %.0f entries): with a stateful "
                           "firewall each client takes one",
                           count, max);
    return doctor_says(DOCTOR_OK, "", "%s; rules that were loaded by hand are not seen here",
                       count < 0 ? "no connection tracking" : "NTP is spared connection tracking");
}
