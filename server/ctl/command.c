/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ctl/ctl.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "server/ctl/text.h"

#define PATIENCE 60 /* s: a receiver at 4800 baud that answers nothing is asked many times */

/* The command and its words. 0, or -1 with *err. */
static int make_request(const struct ctl *ctl, const char *command, char *buf, size_t size,
                        struct err *err)
{
    size_t n = (size_t)snprintf(buf, size, "%s", command);
    for (size_t i = 0; i < ctl->count; i++) {
        if (!*ctl->words[i] || strpbrk(ctl->words[i], " \t\r\n"))
            return err_set(err, command, "", "a word is empty or has a blank in it");
        n += (size_t)snprintf(buf + n, n < size ? size - n : 0, " %s", ctl->words[i]);
        if (n >= size)
            return err_set(err, command, "", "too many words");
    }
    return 0;
}

/* Prints the lines of the answer. An enum ctl_exit, or -1 with *err. */
static int print_answer(struct ctl_client *client, const struct ctl *ctl, struct err *err)
{
    for (;;) {
        json_t *o = ctl_read_object(client, err);
        const char *line = o ? ctl_string(o, "line") : NULL;
        bool last = json_is_true(json_object_get(o, "last"));
        bool failed = json_is_true(json_object_get(o, "failed"));
        if (!o)
            return -1;
        if (ctl->json) {
            json_dumpf(o, ctl->out, JSON_COMPACT);
            fputc('\n', ctl->out);
        } else if (last && failed) {
            fputs("timeballctl: ", stderr);
            ctl_print_clean(stderr, line ? line : "it failed");
            fputc('\n', stderr);
        } else if (line && *line) {
            ctl_print_clean(ctl->out, line);
            fputc('\n', ctl->out);
        }
        fflush(ctl->out);
        json_decref(o);
        if (last)
            return failed ? CTL_ERROR : CTL_OK;
    }
}

static int run(const struct ctl *ctl, const char *command, struct err *err)
{
    struct ctl_client client = {.fd = -1};
    struct timeval patience = {.tv_sec = PATIENCE};
    char request[CTL_ASK_MAX];
    int result = -1;
    if (!make_request(ctl, command, request, sizeof request, err) &&
        !ctl_connect(&client, ctl->socket, err)) {
        setsockopt(client.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        if (!ctl_ask(&client, request, err))
            result = print_answer(&client, ctl, err);
    }
    ctl_close(&client);
    return result;
}

int ctl_receiver(const struct ctl *ctl, struct err *err)
{
    return run(ctl, "receiver", err);
}

int ctl_alarm(const struct ctl *ctl, struct err *err)
{
    return run(ctl, "alarm", err);
}

int ctl_reload(const struct ctl *ctl, struct err *err)
{
    return run(ctl, "reload", err);
}
