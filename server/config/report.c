/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/config/report.h"

#include <stdlib.h>

#include "server/config/config.h"

void config_errors_add(struct config_errors *errors, const struct err *err)
{
    if (errors->count < CONFIG_ERRORS_MAX)
        errors->err[errors->count++] = *err;
    else
        errors->more++;
}

void config_errors_print(FILE *out, const char *program, const struct config_errors *errors)
{
    char text[sizeof(struct err) + 8];
    for (size_t i = 0; i < errors->count; i++)
        fprintf(out, "%s: %s\n", program, err_line(&errors->err[i], text, sizeof text));
    if (errors->more)
        fprintf(out, "%s: and %zu more\n", program, errors->more);
}

struct err *config_warning(struct config *c)
{
    if (!c->warning)
        c->warning = calloc(CONFIG_WARNINGS_MAX, sizeof *c->warning);
    if (c->warning && c->warning_count < CONFIG_WARNINGS_MAX)
        return &c->warning[c->warning_count++];
    c->warning_more++;
    return NULL;
}

/* Each warning as a line of text. */
static void each_warning(const struct config *c, void (*say)(void *, const char *), void *arg)
{
    char text[sizeof(struct err) + 8];
    for (size_t i = 0; i < c->warning_count; i++)
        say(arg, err_line(&c->warning[i], text, sizeof text));
    if (!c->warning_more)
        return;
    snprintf(text, sizeof text, "and %zu more warnings of the configuration", c->warning_more);
    say(arg, text);
}

static void print_warning(void *out, const char *text)
{
    fprintf(out, "timeballd: warning: %s\n", text);
}

static void log_warning(void *log, const char *text)
{
    log_say(log, LOG_LEVEL_WARNING, "%s", text);
}

void config_warnings_print(FILE *out, const struct config *c)
{
    each_warning(c, print_warning, out);
}

void config_warnings_log(const struct log *log, const struct config *c)
{
    each_warning(c, log_warning, (void *)log);
}
