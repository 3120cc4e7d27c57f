/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/daemon/daemon_record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/config/servers.h"
#include "server/options.h"

/* Directives that a replay needs; those of network servers follow when their addresses are known.
 */
static const char *const wanted[] = {"refclock ", "steplimit ", "holdover "};

static void record_line(struct daemon *d, const char *line)
{
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!strncmp(line, wanted[i], strlen(wanted[i])))
            record_config(d->recording, d->started, line);
}

static int record_configuration(struct daemon *d, struct err *err)
{
    char *text = NULL, *at = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return err_errno(err, "timeballd", "", "starting", ENOMEM);
    config_check_print(out, d->config);
    fclose(out);
    for (char *line = text ? strtok_r(text, "\n", &at) : NULL; line;
         line = strtok_r(NULL, "\n", &at))
        record_line(d, line);
    free(text);
    return 0;
}

/* A name may be another server by the time of the replay: the address stands for it. */
static void record_server(struct daemon *d, const struct peers_member *m, int64_t now)
{
    char text[RECORD_TEXT + 1] = "";
    struct config_server as = *m->config, plain;
    options_initial(config_server_rows, &plain);
    as.pool = false;
    as.key = plain.key; /* a replay has no keys */
    address_text(&m->peer->address, as.host, sizeof as.host);
    FILE *out = fmemopen(text, sizeof text, "w");
    if (!out)
        return;
    config_print_server(out, &as);
    fclose(out);
    text[strcspn(text, "\n")] = 0;
    record_config(d->recording, now, text);
}

static void before(void *daemon)
{
    daemon_record_before(daemon);
}

int daemon_record_open(struct daemon *d, struct err *err)
{
    d->recorded = INT64_MIN;
    if (record_open(&d->recording, d->config->record, d->world.log, err) ||
        record_configuration(d, err))
        return -1;
    record_pivot(d->recording, d->started, d->world.era_pivot);
    net_udp_init(&d->udp, d->world.loop);
    record_net_init(&d->net, d->world.net ? d->world.net : &d->udp.net, d->recording, d->world.loop,
                    before, d);
    return 0;
}

void daemon_record_before(struct daemon *d)
{
    const struct discipline_segment *s = d->refclock.discipline.segment;
    for (int i = DISCIPLINE_SEGMENTS - 1; i >= 0; i--)
        if (s[i].since > d->recorded) {
            d->recorded = s[i].since;
            record_freq(d->recording, s[i].since, s[i].freq);
        }
}

void daemon_record_tick(struct daemon *d, int64_t now)
{
    for (size_t i = 0; i < peers_count(d->peers); i++) {
        const struct peers_member *m = peers_member(d->peers, i);
        if (!m->addressed || address_same(&d->recorded_address[i], &m->peer->address))
            continue;
        d->recorded_address[i] = m->peer->address;
        record_server(d, m, now);
    }
    daemon_record_before(d);
    record_tick(d->recording, now);
}
