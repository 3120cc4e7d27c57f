/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ctl/ctl.h"

#include <math.h>

#include "server/ctl/text.h"

static double count(const json_t *object, const char *name)
{
    double value = ctl_number(object, name);
    return isnan(value) ? 0 : value;
}

static void view_head(FILE *out, const json_t *status)
{
    const json_t *clients = json_object_get(status, "clients");
    json_t *server = json_object_get(status, "server");
    fprintf(out, "remembers up to %.0f clients, in %.1f MB\n", count(clients, "room"),
            count(clients, "memory") / 1e6);
    ctl_print_counters(out, "requests", json_object_get(server, "verdicts"));
    ctl_print_counters(out, "by mode", json_object_get(server, "modes"));
    ctl_print_counters(out, "by version", json_object_get(server, "versions"));
}

/* How long ago, by the answer's own time. */
static const char *ago(const json_t *status, const json_t *client, char *buf, size_t size)
{
    const char *now = ctl_string(status, "time"), *then = ctl_string(client, "last");
    int64_t a, b;
    if (!now || !then || ctl_instant(now, &a) || ctl_instant(then, &b))
        return "-";
    return ctl_age(a > b ? (double)(a - b) * 1e-9 : 0, buf, size);
}

static bool over_the_limit(const json_t *client)
{
    return json_is_true(json_object_get(client, "limited"));
}

static void view_client(FILE *out, const json_t *status, const json_t *client)
{
    char age[48];
    const char *address = ctl_string(client, "address");
    double rate = ctl_number(client, "rate");
    fprintf(out, "%10.0f %10.0f ", count(client, "requests"), count(client, "dropped"));
    if (isnan(rate))
        fprintf(out, "%9s", "-");
    else
        fprintf(out, rate < 100 ? "%9.3g" : "%9.0f", rate);
    fprintf(out, " %4.0f %3.0f %6.0f  %-14s ", count(client, "mode"), count(client, "version"),
            count(client, "port"), ago(status, client, age, sizeof age));
    ctl_print_clean(out, address ? address : "?");
    if (over_the_limit(client))
        fputs("  over the limit", out);
    fputc('\n', out);
}

void ctl_view_clients(FILE *out, const json_t *status)
{
    json_t *list = json_object_get(json_object_get(status, "clients"), "busiest"), *client;
    size_t i;
    bool over = false;
    view_head(out, status);
    if (!json_array_size(list)) {
        fputs("\nnobody has asked for the time yet; is UDP port 123 open in the firewall?\n", out);
        return;
    }
    fprintf(out, "\n%10s %10s %9s %4s %3s %6s  %-14s %s\n", "requests", "dropped", "a second",
            "mode", "ver", "port", "last", "address");
    json_array_foreach(list, i, client)
    {
        view_client(out, status, client);
        over = over || over_the_limit(client);
    }
    if (over)
        fputs("\nWho is over the limit gets one answer in a few. To stop one for good write\n"
              "`restrict ADDRESS ignore` into the configuration, or let the firewall drop it;\n"
              "but a source address can be forged.\n",
              out);
}
