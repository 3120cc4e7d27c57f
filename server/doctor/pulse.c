/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which PPS device is the receiver's, does it pulse, and by which edge? */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "drivers/find/root_file.h"
#include "server/ctl/text.h"
#include "server/doctor/doctor.h"

#define SECOND        INT64_C(1000000000)
#define HALF_DOUBT    0.02 /* s: a pulse so near half a second does not show which edge leads */
#define SERVERS_AGREE 0.02 /* s: pulses are longer */
#define USUAL_DOUBT   0.2  /* s: so far may messages be from a board's usual delay */

static const char *const pulse_drivers[] = {"pps", NULL};

/* ---- which device ---- */

struct others {
    const char *root;
    char text[160];
};

static bool on_pps(void *arg, const char *name)
{
    struct others *o = arg;
    char path[64], says[40];
    size_t n = strlen(o->text);
    snprintf(path, sizeof path, "/sys/class/pps/%.20s/name", name);
    if (root_line(o->root, path, says, sizeof says) &&
        (!strcmp(says, "ktimer") || !strncmp(says, "ptp", 3)))
        snprintf(o->text + n, sizeof o->text - n, "%s/dev/%.20s (%.30s)",
                 n ? ", " : "; no receiver's: ", name, says);
    return true;
}

static struct doctor_finding wrong_device(const struct doctor *d, const char *name)
{
    char todo[260] = "`grep . /sys/class/pps/*/name` lists them; name the receiver's";
    if (d->find.pulses)
        snprintf(todo, sizeof todo, "write `refclock pps %s` into %s, and start timeballd again",
                 d->find.pulse[0].device, d->wants.config);
    return doctor_says(DOCTOR_BROKEN, todo, "%s is %s, which is no receiver's pulse", d->wants.pps,
                       name);
}

static struct doctor_finding named_pulse_missing(const struct doctor *d)
{
    char path[96], name[40];
    bool serial = strncmp(d->wants.pps, "/dev/pps", 8) != 0;
    snprintf(path, sizeof path, "/sys/class/pps/%.30s/name", d->wants.pps + strlen("/dev/"));
    if (!serial && root_line(d->root, path, name, sizeof name))
        return wrong_device(d, name);
    if (serial && root_exists(d->root, d->wants.pps))
        return doctor_says(DOCTOR_OK, "", "the pulse is waited for at the serial port %s",
                           d->wants.pps);
    if (d->link[DOCTOR_OVERLAY].state == DOCTOR_BROKEN)
        return doctor_waits(DOCTOR_OVERLAY);
    return doctor_says(DOCTOR_BROKEN,
                       "`grep . /sys/class/pps/*/name` lists what there is; name the "
                       "receiver's in the refclock line",
                       "%s is named in the configuration and is "
                       "not there",
                       d->wants.pps);
}

struct doctor_finding doctor_pps(const struct doctor *d)
{
    struct others others = {.root = d->root};
    char todo[260] = "";
    root_list(d->root, "/sys/class/pps", on_pps, &others);
    if (!d->wants.pulse && d->pulse)
        snprintf(todo, sizeof todo, "to use it, add the line `refclock pps %s` to %s",
                 d->pulse->device, d->wants.config);
    if (!d->wants.pulse)
        return doctor_says(DOCTOR_NOT_NEEDED, todo, "the configuration has no pulse%s%s",
                           d->pulse ? ", and there is " : "", d->pulse ? d->pulse->device : "");
    if (d->pulse)
        return doctor_says(DOCTOR_OK, "", "%s is %s%s", d->pulse->device, d->pulse->name,
                           others.text);
    if (*d->wants.pps)
        return named_pulse_missing(d);
    if (d->link[DOCTOR_OVERLAY].state == DOCTOR_BROKEN)
        return doctor_waits(DOCTOR_OVERLAY);
    return doctor_says(
        DOCTOR_NOT_NEEDED,
        "messages alone are good to milliseconds, a pulse to microseconds: wire it to "
        "a pin or to the port's DCD, and write `refclock pps DEVICE`",
        "there is no receiver's PPS device%s", others.text);
}

/* ---- does it pulse ---- */

static const char *where_wired(const struct doctor *d, char *buf, size_t size)
{
    if (d->pulse && d->pulse->gpio == 18)
        snprintf(buf, size, "GPIO 18, pin 12 of the header");
    else if (d->pulse && d->pulse->gpio == 4)
        snprintf(buf, size, "GPIO 4, pin 7 of the header");
    else if (d->pulse && d->pulse->gpio >= 0)
        snprintf(buf, size, "GPIO %d", d->pulse->gpio);
    else
        snprintf(buf, size, "that input");
    return buf;
}

static struct doctor_finding no_pulse(const struct doctor *d, const char *saw)
{
    char todo[300], where[48];
    snprintf(todo, sizeof todo,
             "most receivers pulse only with a fix: see \"fix\"; else check that "
             "the pulse is wired to %s, and at 3.3 V",
             where_wired(d, where, sizeof where));
    return doctor_says(DOCTOR_BROKEN, todo, "%s", saw);
}

static uint64_t seq(const struct doctor_edges *e, bool clear)
{
    return clear ? e->clear_seq : e->assert_seq;
}

/* By the kernel's own counts. */
static struct doctor_finding count(const struct doctor *d)
{
    bool clear = d->wants.clear || !d->now.has_assert;
    unsigned long long now = seq(&d->now, clear), came = now - seq(&d->before, clear);
    char saw[160];
    if (!d->waited)
        return doctor_says(DOCTOR_UNKNOWN, "",
                           "%llu pulses were counted at %s; whether they come "
                           "shows on the running machine",
                           now, d->pulse->device);
    snprintf(saw, sizeof saw, "no pulse at %s in %.1f s (%llu counted since the boot)",
             d->pulse->device, d->seconds, now);
    if (!came)
        return no_pulse(d, saw);
    if ((double)came > d->seconds + 1.5)
        return doctor_says(DOCTOR_BROKEN,
                           "set the receiver to one pulse a second (u-blox: CFG-TP5); "
                           "keep other signals off the wire",
                           "%llu pulses came at %s in %.1f s", came, d->pulse->device, d->seconds);
    return doctor_says(DOCTOR_OK, "", "%llu pulses came at %s in %.1f s", came, d->pulse->device,
                       d->seconds);
}

struct doctor_finding doctor_pulse(const struct doctor *d)
{
    const json_t *source = doctor_source(d, pulse_drivers);
    const char *health = doctor_text(source, "health"), *error = doctor_text(source, "error");
    if (d->link[DOCTOR_PPS].state != DOCTOR_OK)
        return d->link[DOCTOR_PPS].state == DOCTOR_NOT_NEEDED
                   ? doctor_says(DOCTOR_NOT_NEEDED, "", "there is no PPS device")
                   : doctor_waits(d->link[DOCTOR_PPS].state == DOCTOR_BROKEN ? DOCTOR_PPS
                                                                             : DOCTOR_OVERLAY);
    if (!strcmp(health, "ok"))
        return doctor_says(DOCTOR_OK, "", "timeballd: %s pulses", doctor_text(source, "name"));
    if (*error)
        return no_pulse(d, error);
    if (d->pulse && (d->now.has_assert || d->now.has_clear))
        return count(d);
    return doctor_says(DOCTOR_UNKNOWN, "", "the kernel does not tell what came at %s",
                       d->pulse ? d->pulse->device : d->wants.pps);
}

/* ---- by which edge ---- */

/* How long the line is high, s, by the newest edges; NAN: it does not show. */
static double high(const struct doctor_edges *e)
{
    if (!e->assert_seq || !e->clear_seq)
        return NAN;
    return (double)(((e->clear_at - e->assert_at) % SECOND + SECOND) % SECOND) / 1e9;
}

static const char *config_txt(const struct doctor *d)
{
    return *d->boot.config ? d->boot.config : "/boot/firmware/config.txt";
}

/* The edge that leads must be the one that the configuration names. */
static struct doctor_finding by_edge(const struct doctor *d, bool clear_leads, const char *saw)
{
    char todo[300];
    const char *edge = clear_leads ? "clear" : "assert";
    if (clear_leads == d->wants.clear)
        return doctor_says(DOCTOR_OK, "", "%s: the %s edge marks the second", saw, edge);
    snprintf(todo, sizeof todo,
             "write `refclock pps %s edge %s` into %s, and start timeballd again",
             d->pulse ? d->pulse->device : d->wants.pps, edge, d->wants.config);
    return doctor_says(DOCTOR_BROKEN, todo,
                       "%s: the %s edge marks the second, and the %s edge is "
                       "taken for it",
                       saw, edge, clear_leads ? "assert" : "clear");
}

static struct doctor_finding by_width(const struct doctor *d, double width)
{
    char saw[96];
    bool inverted = width > 0.5;
    if (fabs(width - 0.5) < HALF_DOUBT)
        return doctor_says(DOCTOR_UNKNOWN, "set the receiver to a pulse of 100 ms",
                           "unverified: the pulse is %.0f ms wide, so both edges look alike",
                           width * 1e3);
    snprintf(saw, sizeof saw, "the pulse is %.0f ms wide%s", (inverted ? 1 - width : width) * 1e3,
             inverted ? " and inverted" : "");
    return by_edge(d, inverted, saw);
}

/* True time minus the estimate, by the network server that is farthest off; NAN: none speaks. */
static double servers_say(const struct doctor *d)
{
    json_t *source;
    size_t i;
    double worst = NAN;
    json_array_foreach(json_object_get(d->status, "sources"), i, source)
    {
        double says = ctl_number(source, "says");
        const char *driver = doctor_text(source, "driver");
        bool server = !strcmp(driver, "server") || !strcmp(driver, "pool");
        if (server && !isnan(says) && !(fabs(worst) >= fabs(says)))
            worst = says;
    }
    return worst;
}

/* Both edges would show it: what must be written for that? */
static struct doctor_finding unverified(const struct doctor *d)
{
    char todo[400];
    if (d->pulse && d->pulse->gpio >= 0)
        snprintf(todo, sizeof todo,
                 "%s `dtoverlay=pps-gpio,gpiopin=%d,capture_clear` in %s, and "
                 "reboot: then the pulse's width tells",
                 d->boot.pps ? "change the overlay's line to" : "write the line", d->pulse->gpio,
                 config_txt(d));
    else
        snprintf(todo, sizeof todo,
                 "name network servers (`server NAME iburst`): a wrong edge shows "
                 "as an offset as long as the pulse");
    return doctor_says(DOCTOR_UNKNOWN, todo,
                       "unverified: only the %s edge is captured, and nothing "
                       "else tells whether it is the one that marks the second",
                       d->wants.clear ? "clear" : "assert");
}

/* The receiver's polarity, and where its board's messages usually are. */
static struct doctor_finding by_receiver(const struct doctor *d)
{
    static const char *const drivers[] = {"nmea", "auto", NULL};
    const json_t *report = json_object_get(doctor_source(d, drivers), "report");
    const char *edge = doctor_text(report, "pulse_edge");
    const json_t *clock = json_object_get(d->status, "clock");
    double delay = ctl_number(clock, "delay");
    const struct profile *board = d->find.profile;
    if (!strcmp(edge, "rising") || !strcmp(edge, "falling"))
        return by_edge(d, !strcmp(edge, "falling") != d->boot.falling,
                       "by the receiver's own setting");
    if (board && board->usual > 0 && fabs(delay - board->usual) < USUAL_DOUBT)
        return doctor_says(DOCTOR_OK, "", "messages come %.0f ms after it, as is usual for the %s",
                           delay * 1e3, board->name);
    double says = servers_say(d);
    if (fabs(says) < SERVERS_AGREE && !strcmp(doctor_text(clock, "state"), "locked"))
        return doctor_says(DOCTOR_OK, "",
                           "network servers agree to %.0f ms: a pulse longer than that "
                           "is the right way round",
                           ceil(fabs(says) * 1e3));
    return unverified(d);
}

struct doctor_finding doctor_edge(const struct doctor *d)
{
    double width = high(&d->now);
    const struct doctor_finding *pulse = &d->link[DOCTOR_PULSE];
    if (pulse->state == DOCTOR_NOT_NEEDED)
        return doctor_says(DOCTOR_NOT_NEEDED, "", "there is no PPS device");
    if (pulse->state == DOCTOR_BROKEN)
        return doctor_waits(DOCTOR_PULSE);
    if (!isnan(width))
        return by_width(d, width);
    if (pulse->state == DOCTOR_UNKNOWN)
        return doctor_waits(d->link[DOCTOR_PPS].state == DOCTOR_OK ? DOCTOR_PULSE : DOCTOR_PPS);
    return by_receiver(d);
}
