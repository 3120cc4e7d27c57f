/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Several seeds at once: a process each, which tells through a pipe how far it is. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/sim/play.h"

#define WORKERS_MOST 64

/* What a child says; shorter than PIPE_BUF, so that it arrives whole. */
struct message {
    enum { AT_WORK, DONE, FAILED } kind;
    double share;
    struct sim_result result;
    struct err err;
};

struct worker {
    pid_t pid; /* 0: free */
    int fd;
    int index; /* of the seed */
    double share;
};

struct team {
    const struct sim_play *play;
    int64_t first;
    int count, begun, finished;
    int size; /* workers */
    struct worker worker[WORKERS_MOST];
    struct sim_result *result;
};

static void say_share(void *arg, double share)
{
    struct message m = {.kind = AT_WORK, .share = share};
    (void)!write(*(const int *)arg, &m, sizeof m);
}

static _Noreturn void work(const struct team *t, int index, int fd)
{
    struct sim_play play = *t->play;
    struct message m = {.kind = DONE};
    play.scenario.seed = t->first + index;
    play.progress = say_share;
    play.arg = &fd;
    if (sim_play(&play, &m.result, &m.err))
        m.kind = FAILED;
    _exit(write(fd, &m, sizeof m) == sizeof m ? 0 : 1);
}

static int begin(struct team *t, struct worker *w, struct err *err)
{
    int fds[2];
    if (pipe(fds))
        return err_errno(err, "timeball-sim", "", "starting a seed", errno);
    *w = (struct worker){.index = t->begun++, .fd = fds[0]};
    w->pid = fork();
    if (w->pid == 0) {
        close(fds[0]);
        work(t, w->index, fds[1]);
    }
    close(fds[1]);
    if (w->pid > 0)
        return 0;
    w->pid = 0;
    close(fds[0]);
    return err_errno(err, "timeball-sim", "", "starting a seed", errno);
}

static void end(struct worker *w)
{
    close(w->fd);
    while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    w->pid = 0;
}

static int hear(struct team *t, struct worker *w, struct err *err)
{
    struct message m;
    if (read(w->fd, &m, sizeof m) != sizeof m) {
        long long seed = t->first + w->index;
        end(w);
        return err_set(err, "timeball-sim", "run it alone with --seed", "seed %lld crashed", seed);
    }
    if (m.kind == AT_WORK) {
        w->share = m.share;
        return 0;
    }
    end(w);
    if (m.kind == FAILED) {
        *err = m.err;
        return -1;
    }
    t->result[w->index] = m.result;
    t->finished++;
    return 0;
}

static double share_of(const struct team *t)
{
    double share = t->finished;
    for (int i = 0; i < t->size; i++)
        if (t->worker[i].pid)
            share += t->worker[i].share;
    return share / t->count;
}

/* Fills free places, then waits until one of the workers says something. */
static int turn(struct team *t, struct err *err)
{
    struct pollfd fds[WORKERS_MOST];
    for (int i = 0; i < t->size; i++) {
        struct worker *w = &t->worker[i];
        if (!w->pid && t->begun < t->count && begin(t, w, err))
            return -1;
        fds[i] = (struct pollfd){.fd = w->pid ? w->fd : -1, .events = POLLIN};
    }
    if (poll(fds, (nfds_t)t->size, -1) < 0 && errno != EINTR)
        return err_errno(err, "timeball-sim", "", "waiting", errno);
    for (int i = 0; i < t->size; i++)
        if (t->worker[i].pid && fds[i].revents && hear(t, &t->worker[i], err))
            return -1;
    return 0;
}

int sim_play_seeds(const struct sim_play *p, int64_t first, int count, struct sim_result *r,
                   struct err *err)
{
    struct team *t = calloc(1, sizeof *t);
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    int bad = 0;
    if (!t)
        return err_errno(err, "timeball-sim", "", "starting", ENOMEM);
    *t = (struct team){.play = p, .first = first, .count = count, .result = r};
    t->size = processors < 1 ? 1 : processors > WORKERS_MOST ? WORKERS_MOST : (int)processors;
    while (!bad && t->finished < count) {
        bad = turn(t, err);
        if (p->progress)
            p->progress(p->arg, share_of(t));
    }
    for (int i = 0; i < t->size; i++)
        if (t->worker[i].pid) {
            kill(t->worker[i].pid, SIGTERM);
            end(&t->worker[i]);
        }
    free(t);
    return bad;
}
