/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/daemon/control_commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/daemon/daemon.h"
#include "server/daemon/daemon_alarm.h"
#include "server/daemon/reload.h"

static int run_version(void *arg, struct control_client *c, const char *const *words, size_t count,
                       struct err *err)
{
    (void)arg;
    (void)words;
    if (count)
        return err_set(err, "version", "", "takes no more words");
    control_say(c, "timeballd " TIMEBALL_VERSION, true, false);
    return 0;
}

/* ---- receiver ---- */

/* A receiver is named by its path or the last part of that: /dev/ttyAMA0, ttyAMA0. */
static bool named(const struct driver *d, const char *word)
{
    const char *slash = strrchr(d->path, '/');
    return !strcmp(d->path, word) || (slash && !strcmp(slash + 1, word));
}

/* The paths of those that can be set up, for a message. */
static void list_receivers(const struct config *config, char *buf, size_t size)
{
    size_t n = (size_t)snprintf(buf, size, "name one of");
    for (size_t i = 0; i < config->refclock_count && n < size; i++)
        if (config->refclock[i].ops->command)
            n += (size_t)snprintf(buf + n, size - n, " %s", config->refclock[i].driver->path);
}

/* The one that is named by the first word, else the only one. NULL with *err. */
static struct driver *find_receiver(const struct config *config, const char *const *words,
                                    size_t count, bool *by_name, struct err *err)
{
    struct driver *only = NULL;
    char todo[sizeof err->todo];
    size_t found = 0;
    *by_name = false;
    for (size_t i = 0; i < config->refclock_count; i++) {
        const struct config_refclock *r = &config->refclock[i];
        *by_name = count && named(r->driver, words[0]);
        if (*by_name && r->ops->command)
            return r->driver;
        if (*by_name) {
            list_receivers(config, todo, sizeof todo);
            err_set(err, r->driver->path, todo, "the driver %s has nothing to set up",
                    r->ops->name);
            return NULL;
        }
        if (r->ops->command) {
            only = r->driver;
            found++;
        }
    }
    if (found == 1)
        return only;
    list_receivers(config, todo, sizeof todo);
    err_set(err, "receiver", found ? todo : "add a refclock line for it to the configuration",
            found ? "there are several" : "there is none that can be set up");
    return NULL;
}

static void reply(void *arg, const char *line, bool last, bool failed)
{
    control_say(arg, line, last, failed);
}

static int run_receiver(void *arg, struct control_client *c, const char *const *words, size_t count,
                        struct err *err)
{
    struct daemon *d = arg;
    bool by_name;
    struct driver *driver = find_receiver(d->config, words, count, &by_name, err);
    if (!driver)
        return -1;
    struct driver_command command = {
        .words = words + by_name, .count = count - by_name, .reply = reply, .arg = c};
    return driver->ops->command(driver, &command, err);
}

/* ---- record ---- */

/* One that listens to the recording, until it leaves. */
struct take {
    struct recording *recording;
    struct control_client *client;
    struct record_listener listener;
};

static void take_line(void *arg, const char *text, size_t size)
{
    (void)control_send(((struct take *)arg)->client, text, size);
}

static void take_gone(void *arg)
{
    struct take *t = arg;
    record_unlisten(t->recording, &t->listener);
    free(t);
}

static int run_record(void *arg, struct control_client *c, const char *const *words, size_t count,
                      struct err *err)
{
    struct daemon *d = arg;
    (void)words;
    if (count)
        return err_set(err, "record", "", "takes no more words");
    struct take *t = calloc(1, sizeof *t);
    if (!t)
        return err_set(err, "record", "", "out of memory");
    *t = (struct take){.recording = d->recording, .client = c};
    t->listener = (struct record_listener){.line = take_line, .arg = t};
    if (control_stream(c, take_gone, t))
        record_listen(d->recording, &t->listener);
    return 0;
}

/* ---- reload ---- */

static void say_reloaded(void *arg, enum log_level level, const char *line)
{
    (void)level;
    control_say(arg, line, false, false);
}

static int run_reload(void *arg, struct control_client *c, const char *const *words, size_t count,
                      struct err *err)
{
    (void)words;
    if (count)
        return err_set(err, "reload", "", "takes no more words");
    int bad = reload_now(arg, say_reloaded, c);
    control_say(c, bad ? "reload: nothing was changed" : "", true, bad);
    return 0;
}

/* ---- alarm ---- */

static int run_alarm(void *arg, struct control_client *c, const char *const *words, size_t count,
                     struct err *err)
{
    if (count != 1 || strcmp(words[0], "test") != 0)
        return err_set(err, "alarm", "`alarm test` tries the alarms", "takes the word test");
    daemon_alarm_test(arg);
    control_say(c,
                "the event `test` stands in the status for 15 s: the log, timeball-alarm with its "
                "program, the web page and the exporter show it",
                true, false);
    return 0;
}

const struct control_command control_commands[] = {
    {"reload", "", "configuration and keys are read again", run_reload},
    {"alarm", "test", "tries the alarms", run_alarm},
    {"version", "", "the daemon's version", run_version},
    {"receiver", "[NAME] VERB ...", "shows or sets up a receiver", run_receiver},
    {"record", "", "a recording, until the client leaves", run_record},
    {0},
};
