/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ctl/ctl.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "server/ctl/screen.h"

struct watch {
    const struct ctl *ctl;
    struct ctl_client client;
    int signals;               /* signalfd, so that no handler needs a global */
    struct ctl_screen *screen; /* NULL: a line a second */
    int silent;                /* s without a status */
    bool typed;                /* somebody may type */
};

static int open_signals(void)
{
    static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
        sigaddset(&set, caught[i]);
    if (sigprocmask(SIG_BLOCK, &set, NULL))
        return -1;
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void show(struct watch *w, const json_t *status)
{
    FILE *out = w->ctl->out;
    w->silent = 0;
    if (w->screen) {
        ctl_screen_take(w->screen, status);
        ctl_screen_draw(w->screen, 0);
        return;
    }
    if (w->ctl->json)
        json_dumpf(status, out, JSON_COMPACT | JSON_REAL_PRECISION(17));
    else
        ctl_view_line(out, status);
    fputc('\n', out);
    fflush(out);
}

/* Ctrl-Z leaves the screen as it was, and `fg` comes back to it. True: the end is wanted. */
static bool take_signal(const struct watch *w)
{
    struct signalfd_siginfo info;
    if (read(w->signals, &info, sizeof info) != sizeof info)
        return false;
    if (info.ssi_signo == SIGWINCH) {
        if (w->screen)
            ctl_screen_resize(w->screen);
    } else if (info.ssi_signo == SIGTSTP) {
        if (w->screen)
            ctl_screen_pause(w->screen);
        kill(getpid(), SIGSTOP);
        if (w->screen)
            ctl_screen_resume(w->screen);
    } else {
        return true;
    }
    if (w->screen)
        ctl_screen_draw(w->screen, w->silent);
    return false;
}

static bool take_keys(struct watch *w, short revents)
{
    if (ctl_screen_ends(w->screen))
        return true;
    w->typed = !(revents & (POLLHUP | POLLERR | POLLNVAL));
    ctl_screen_draw(w->screen, w->silent);
    return false;
}

/* Until q or a signal ends it (0), or something fails (-1). */
static int follow(struct watch *w, struct err *err)
{
    for (;;) {
        struct pollfd fds[] = {{.fd = w->signals, .events = POLLIN},
                               {.fd = w->client.fd, .events = POLLIN},
                               {.fd = w->typed ? STDIN_FILENO : -1, .events = POLLIN}};
        bool buffered =
            memchr(w->client.buffer + w->client.begin, '\n', w->client.end - w->client.begin);
        int ready = poll(fds, 3, buffered ? 0 : w->screen ? 1100 : -1);
        if (ready < 0 && errno != EINTR)
            return err_errno(err, "poll", "", "", errno);
        if (fds[0].revents && take_signal(w))
            return 0;
        if (fds[2].revents && take_keys(w, fds[2].revents))
            return 0;
        if (!ready && !buffered)
            ctl_screen_draw(w->screen, ++w->silent);
        if (!fds[1].revents && !buffered)
            continue;
        json_t *status = ctl_read_object(&w->client, err);
        if (!status)
            return -1;
        show(w, status);
        json_decref(status);
        if (ferror(w->ctl->out))
            return err_set(err, "output", "", "cannot be written");
    }
}

int ctl_watch(const struct ctl *ctl, struct err *err)
{
    struct watch w = {.ctl = ctl, .client = {.fd = -1}, .signals = -1};
    int result = -1;
    if (!ctl_connect(&w.client, ctl->socket, err) && !ctl_ask(&w.client, "watch", err)) {
        w.signals = open_signals();
        w.screen = ctl->json ? NULL : ctl_screen_open(ctl->out);
        w.typed = w.screen && isatty(STDIN_FILENO);
        result = w.signals < 0 ? err_errno(err, "signals", "", "", errno) : follow(&w, err);
        ctl_screen_close(w.screen);
    }
    if (w.signals >= 0)
        close(w.signals);
    ctl_close(&w.client);
    return result ? -1 : CTL_OK;
}
