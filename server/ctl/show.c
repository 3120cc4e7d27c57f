/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ctl/ctl.h"

#include <stdlib.h>

json_t *ctl_fetch(const char *socket, const char *word, struct err *err)
{
    struct ctl_client client = {.fd = -1};
    json_t *answer = NULL;
    if (!ctl_connect(&client, socket, err) && !ctl_ask(&client, word, err))
        answer = ctl_read_object(&client, err);
    ctl_close(&client);
    return answer;
}

/* Asks once and shows the answer: as it came for --json, else by `view`. */
static int show(const struct ctl *ctl, const char *word, void (*view)(FILE *, const json_t *),
                int (*judge)(const json_t *), struct err *err)
{
    json_t *answer = ctl_fetch(ctl->socket, word, err);
    int result = -1;
    if (!answer)
        return -1;
    if (ctl->json) {
        json_dumpf(answer, ctl->out, JSON_COMPACT | JSON_REAL_PRECISION(17));
        fputc('\n', ctl->out);
    } else {
        view(ctl->out, answer);
    }
    result = judge ? judge(answer) : CTL_OK;
    json_decref(answer);
    return result;
}

int ctl_status(const struct ctl *ctl, struct err *err)
{
    return show(ctl, "status", ctl_view_status, ctl_judge, err);
}

int ctl_sources(const struct ctl *ctl, struct err *err)
{
    return show(ctl, "sources", ctl_view_sources, NULL, err);
}

int ctl_satellites(const struct ctl *ctl, struct err *err)
{
    return show(ctl, "satellites", ctl_view_satellites, NULL, err);
}

int ctl_clients(const struct ctl *ctl, struct err *err)
{
    return show(ctl, "clients", ctl_view_clients, NULL, err);
}
