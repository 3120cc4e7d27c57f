/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ctl/doctor.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/find/root_file.h"
#include "server/ctl/ctl.h"
#include "server/ctl/text.h"
#include "server/doctor/gather.h"

/* A configuration that cannot be used is a finding, and the defaults are looked at then. */
static void load_config(struct doctor *d, const struct ctl *ctl, struct config *config)
{
    struct config_errors errors;
    char path[PATH_MAX], why[sizeof d->wants.error];
    bool given = ctl->config;
    snprintf(path, sizeof path, "%s%s", given ? "" : ctl->root, given ? ctl->config : CONFIG_PATH);
    snprintf(d->wants.config, sizeof d->wants.config, "%.120s", given ? ctl->config : CONFIG_PATH);
    bool there = given || root_exists(ctl->root, CONFIG_PATH);
    if (!there || config_load(config, path, &errors)) {
        if (there)
            snprintf(d->wants.error, sizeof d->wants.error, "%s",
                     err_line(&errors.err[0], why, sizeof why));
        config_parse(config, CONFIG_PATH, "", 0, &errors);
    }
}

/* Another tree than the machine's has no daemon, unless its socket is named. */
static void ask_daemon(struct doctor *d, const struct ctl *ctl, const struct config *config,
                       json_t **status)
{
    struct err err = {0};
    const char *socket = ctl->socket ? ctl->socket : config->statussocket;
    d->asked = ctl->socket || !*ctl->root;
    if (!d->asked)
        return;
    if (!*socket)
        err_set(&err, "", "", "its configuration says `statussocket none`");
    else
        *status = ctl_fetch(socket, "status", &err);
    d->status = *status;
    if (!d->status)
        snprintf(d->no_answer, sizeof d->no_answer, "%s%s%s", err.thing, *err.thing ? ": " : "",
                 err.why);
}

static void say_first(const struct doctor *d)
{
    if (!*d->root && geteuid() != 0)
        fputs("not root: which programs of other users hold a device is not seen\n", stderr);
    if (!d->status && !*d->root && d->wants.port && d->chosen && d->chosen->bar == FIND_FREE)
        fprintf(stderr, "listening to %s for up to 12 s\n", d->chosen->device);
}

static struct doctor_machine machine_of(const struct doctor *d)
{
    double pid = ctl_number(json_object_get(d->status, "process"), "pid");
    struct doctor_machine m = {.root = d->root, .interfaces = -1};
    m.pid = pid >= 1 && pid < 1e9 ? (int)pid : 0;
    if (!*d->root)
        doctor_eee_ask(&m);
    return m;
}

static int run(struct doctor *d, const struct ctl *ctl, struct err *err)
{
    doctor_look(d);
    say_first(d);
    if (d->status)
        doctor_ask_receiver(d);
    if (doctor_listen(d, err))
        return -1;
    doctor_run(d);
    struct doctor_machine m = machine_of(d);
    (ctl->json ? ctl_json_doctor : ctl_view_doctor)(ctl->out, d, &m);
    return doctor_first(d) >= 0 ? CTL_BROKEN : CTL_OK;
}

static int check_root(const char *root)
{
    struct stat st;
    if (!*root || (!stat(root, &st) && S_ISDIR(st.st_mode)))
        return 0;
    fprintf(stderr, "timeballctl: %s: is no folder; name the tree to look at\n", root);
    return -1;
}

int ctl_doctor(const struct ctl *ctl, struct err *err)
{
    struct doctor *d = calloc(1, sizeof *d);
    struct config config = {0};
    json_t *status = NULL;
    int result;
    if (!d)
        return err_set(err, "", "", "out of memory");
    if (check_root(ctl->root)) {
        free(d);
        return CTL_DOCTOR_USAGE;
    }
    d->root = strcmp(ctl->root, "/") != 0 ? ctl->root : "";
    load_config(d, ctl, &config);
    ask_daemon(d, ctl, &config, &status);
    doctor_want(d, &config);
    result = run(d, ctl, err);
    json_decref(status);
    config_free(&config);
    free(d);
    return result;
}
