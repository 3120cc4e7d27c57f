/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ctl.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* ECMA-48 and xterm: the alternate screen leaves what was there before as it was. */
#define SCREEN_ENTER "\033[?1049h\033[?25l"
#define SCREEN_LEAVE "\033[?25h\033[?1049l"

struct watch {
    const struct ctl *ctl;
    struct ctl_client client;
    int signals; /* signalfd, so that no handler needs a global */
    bool screen; /* a terminal: redraw; else a line a second */
};

static int open_signals(void)
{
    static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
        sigaddset(&set, caught[i]);
    if (sigprocmask(SIG_BLOCK, &set, NULL))
        return -1;
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void screen_say(const struct watch *w, const char *code)
{
    if (!w->screen)
        return;
    fputs(code, w->ctl->out);
    fflush(w->ctl->out);
}

/* Prints the text from the top of the screen, cut to its size, and clears what is left. */
static void draw(FILE *out, const char *text)
{
    struct winsize size = {.ws_row = 24, .ws_col = 80};
    int row = 0;
    (void)!ioctl(fileno(out), TIOCGWINSZ, &size);
    fputs("\033[H", out);
    while (*text && row < (size.ws_row ? size.ws_row : 24) - 1) {
        int length = (int)strcspn(text, "\n");
        int shown = size.ws_col && length > size.ws_col ? size.ws_col : length;
        fprintf(out, "%.*s\033[K\n", shown, text);
        text += length + (text[length] == '\n');
        row++;
    }
    fputs("\033[J", out);
}

static void show_object(const struct watch *w, const json_t *status)
{
    FILE *out = w->ctl->out, *page;
    char *text = NULL;
    size_t size = 0;
    if (w->ctl->json) {
        json_dumpf(status, out, JSON_COMPACT | JSON_REAL_PRECISION(17));
        fputc('\n', out);
    } else if (!w->screen) {
        ctl_view_line(out, status);
        fputc('\n', out);
    } else if ((page = open_memstream(&text, &size))) {
        ctl_view_status(page, status);
        fclose(page);
        draw(out, text);
        free(text);
    }
    fflush(out);
}

/* Ctrl-Z leaves the screen as it was, and `fg` comes back to it. True: the end is wanted. */
static bool take_signal(const struct watch *w)
{
    struct signalfd_siginfo info;
    if (read(w->signals, &info, sizeof info) != sizeof info)
        return false;
    if (info.ssi_signo != SIGTSTP)
        return true;
    screen_say(w, SCREEN_LEAVE);
    kill(getpid(), SIGSTOP);
    screen_say(w, SCREEN_ENTER);
    return false;
}

/* Until a signal ends it (0), or something fails (-1). */
static int follow(struct watch *w, struct err *err)
{
    for (;;) {
        struct pollfd fds[] = {{.fd = w->signals, .events = POLLIN},
                               {.fd = w->client.fd, .events = POLLIN}};
        bool buffered =
            memchr(w->client.buffer + w->client.begin, '\n', w->client.end - w->client.begin);
        if (poll(fds, 2, buffered ? 0 : -1) < 0 && errno != EINTR)
            return err_errno(err, "poll", "", "", errno);
        if (fds[0].revents && take_signal(w))
            return 0;
        if (!fds[1].revents && !buffered)
            continue;
        json_t *status = ctl_read_object(&w->client, err);
        if (!status)
            return -1;
        show_object(w, status);
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
        w.screen = !ctl->json && isatty(fileno(ctl->out));
        screen_say(&w, SCREEN_ENTER);
        result = w.signals < 0 ? err_errno(err, "signals", "", "", errno) : follow(&w, err);
        screen_say(&w, SCREEN_LEAVE);
    }
    if (w.signals >= 0)
        close(w.signals);
    ctl_close(&w.client);
    return result ? -1 : CTL_OK;
}
