/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ctl/ctl.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <string.h>

#include "refclock/civil.h"
#include "refclock/clock.h"
#include "server/ctl/text.h"
#include "server/options.h"

#define ERROR_DEFAULT 1e-3 /* s */

/* "1ms", "100us", "0.5s", "0.001": seconds. 0, or -1 with *err. */
static int take_seconds(const char *text, const char *option, double *seconds, struct err *err)
{
    static const struct {
        const char *unit;
        double size;
    } units[] = {{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1}};
    char number[32];
    size_t digits = strspn(text, "0123456789.");
    double size = text[digits] ? NAN : 1;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (!strcmp(text + digits, units[i].unit))
            size = units[i].size;
    snprintf(number, sizeof number, "%.*s", (int)digits, text);
    if (digits && digits < sizeof number && !isnan(size) && !number_double(number, seconds)) {
        *seconds *= size;
        if (*seconds > 0)
            return 0;
    }
    return err_set(err, option, "write it like 1ms, 100us or 0.5s", "'%.40s' is no time", text);
}

/* Whether the answer promises no more than `limit` (s); *bound: what it promises, NAN nothing. */
static bool good(const json_t *answer, double limit, double *bound)
{
    struct ctl_now now = ctl_now_from(answer, 0);
    *bound = now.known ? ctl_number(answer, "bound") : NAN;
    return ctl_judge(answer) == CTL_OK && *bound <= limit;
}

static int give_up(double limit, double bound, struct err *err)
{
    char text[48] = "not known", wanted[48];
    ctl_bound(limit, wanted, sizeof wanted);
    if (!isnan(bound))
        ctl_bound(bound, text, sizeof text);
    return err_set(err, "wait", "`timeballctl status` says why",
                   "the time is not within %s yet; its error bound: %s", wanted, text);
}

/* Said once, for the person who wonders what is waited for. */
static void say_nobody(const struct err *err)
{
    char line[512];
    fputs("timeballctl: waiting: ", stderr);
    ctl_print_clean(stderr, err_line(err, line, sizeof line));
    fputc('\n', stderr);
}

int ctl_wait(const struct ctl *ctl, struct err *err)
{
    double limit = ERROR_DEFAULT, patience = INFINITY, bound = NAN;
    struct clock *clock;
    if ((ctl->error && take_seconds(ctl->error, "--error", &limit, err)) ||
        (ctl->length && take_seconds(ctl->length, "--for", &patience, err)) ||
        clock_reader_open(&clock, err))
        return -1;
    int64_t begun = clock_raw(clock);
    int result = -1;
    bool said = false;
    for (bool first = true; result < 0; first = false) {
        /* no daemon yet is what one waits for, too: its error is the answer when time is up */
        json_t *answer = first || poll(NULL, 0, 1000) == 0 || errno == EINTR
                             ? ctl_fetch(ctl->socket, "now", err)
                             : NULL;
        if (!answer && !said)
            say_nobody(err);
        said = said || !answer;
        if (answer && good(answer, limit, &bound))
            result = CTL_OK;
        else if ((double)(clock_raw(clock) - begun) >= patience * 1e9) {
            if (answer)
                give_up(limit, bound, err);
            json_decref(answer);
            break;
        }
        json_decref(answer);
    }
    clock_close(clock);
    return result;
}
