/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ctl/pool.h"

#include <arpa/inet.h>
#include <math.h>
#include <string.h>

#include "refclock/civil.h"
#include "server/ctl/ctl.h"
#include "server/ctl/text.h"
#include "server/net/names.h"
#include "server/ntp/verdict.h"

#define NTP_PORT    123
#define TARGETS_MAX NAMES_ADDRESSES
#define NAMES_NS    (10 * NS_PER_S) /* patience for a name */

/* ---- whom to ask ---- */

struct found {
    struct loop *loop;
    struct pool_target *target;
    size_t count;
    struct err err;
    bool answered;
};

static void add(struct pool_target *target, size_t *count, const union address *a)
{
    for (size_t i = 0; i < *count; i++)
        if (address_same(&target[i].address, a))
            return;
    if (*count == TARGETS_MAX)
        return;
    target[*count] = (struct pool_target){.address = *a};
    address_set_port(&target[(*count)++].address, NTP_PORT);
}

static void on_names(void *arg, const union address *addresses, size_t count, const struct err *err)
{
    struct found *f = arg;
    for (size_t i = 0; i < count; i++)
        add(f->target, &f->count, &addresses[i]);
    if (err && !count)
        f->err = *err;
    f->answered = true;
    loop_stop(f->loop);
}

static void on_late(void *arg, int64_t now)
{
    struct found *f = arg;
    (void)now;
    err_set(&f->err, "", "is the resolver of this machine in order?", "no answer to its name");
    loop_stop(f->loop);
}

/* The addresses of a host, IPv4 and IPv6. 0, or -1 with *err. */
static int look_up(struct loop *loop, const char *host, struct pool_target *target, size_t *count,
                   struct err *err)
{
    struct found f = {.loop = loop, .target = target};
    struct loop_timer late = {.name = "look up", .fire = on_late, .arg = &f};
    struct names *names;
    if (names_open(&names, loop, err))
        return -1;
    loop_after(loop, &late, NAMES_NS);
    names_ask(names, host, AF_UNSPEC, on_names, &f);
    if (!f.answered)
        loop_run(loop);
    loop_cancel(loop, &late);
    names_close(names);
    *count = f.count;
    return f.count ? 0 : err_set(err, host, f.err.todo, "%.150s", f.err.why);
}

/* This machine's addresses that others may use; loopback where there are none. */
static void own_targets(struct pool_target *target, size_t *count)
{
    struct own_addresses own;
    own_addresses_read(&own);
    *count = 0;
    for (int pass = 0; pass < 2 && !*count; pass++)
        for (size_t i = 0; i < own.count; i++) {
            const char *why = pool_address_refused(&own.address[i]);
            bool local = why && (!strcmp(why, "loopback") || !strcmp(why, "link-local"));
            if (!local || (pass && address_is_loopback(&own.address[i])))
                add(target, count, &own.address[i]);
        }
}

/* ---- what this machine's daemon says ---- */

/* NULL when there is none, or it does not answer: then it is done without. */
static json_t *ask_daemon(const char *socket)
{
    struct err err;
    return socket ? ctl_fetch(socket, "status", &err) : NULL;
}

static struct ctl_pool_reference reference_of(const json_t *status)
{
    struct ctl_pool_reference r = {.bound = NAN};
    const json_t *clock = json_object_get(status, "clock");
    const char *steers = ctl_string(clock, "steering");
    double offset = ctl_number(clock, "offset");
    if (!status)
        r.why = "no timeballd answers on this machine";
    else if (ctl_judge(status) != CTL_OK || isnan(offset))
        r.why = "this machine's timeballd is not synchronised";
    else if (!steers || !strcmp(steers, "virtual"))
        r.why = "this machine's timeballd runs on a simulated clock";
    if (r.why)
        return r;
    r.estimate = true;
    r.correction = offset;
    r.bound = ctl_number(clock, "bound_total");
    return r;
}

static double answered(const json_t *status)
{
    const json_t *verdicts = json_object_get(json_object_get(status, "server"), "verdicts");
    return ctl_number(verdicts, verdict_table[VERDICT_ANSWERED].name) +
           ctl_number(verdicts, verdict_table[VERDICT_UNSYNCHRONISED].name);
}

/* ---- the command ---- */

static int check(const struct ctl *ctl, struct loop *loop, struct err *err)
{
    struct pool_target target[TARGETS_MAX];
    struct ctl_pool_report report = {.target = target, .rate = NAN};
    struct net_udp net;
    if (!ctl->file)
        own_targets(target, &report.count);
    else if (look_up(loop, ctl->file, target, &report.count, err))
        return -1;
    if (!report.count)
        return err_set(err, "pool-check", "name the host", "this machine has no address");
    net_udp_init(&net, loop);
    json_t *before = ask_daemon(ctl->socket);
    int64_t begun = clock_raw(loop->clock);
    int failed = pool_monitor_run(loop, &net.net, target, report.count);
    json_t *after = ask_daemon(ctl->socket);
    report.rate =
        (answered(after) - answered(before)) / ((double)(clock_raw(loop->clock) - begun) * 1e-9);
    report.reference = reference_of(after);
    if (!failed)
        (ctl->json ? ctl_pool_print_json : ctl_pool_print)(ctl->out, &report);
    json_decref(before);
    json_decref(after);
    if (failed)
        return err_set(err, "pool-check", "", "waiting for answers failed");
    return ctl_pool_good(&report) ? CTL_OK : CTL_POINTS;
}

int ctl_pool(const struct ctl *ctl, struct err *err)
{
    struct clock *clock;
    struct loop loop;
    if (clock_reader_open(&clock, err))
        return -1;
    loop_poll_init(&loop, clock);
    int result = check(ctl, &loop, err);
    loop_close(&loop);
    clock_close(clock);
    return result;
}
