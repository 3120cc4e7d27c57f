/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waiting is what lets time pass. */
#include "machine.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#define WAKE_UP 20e-6 /* s, mean delay until a process that waited runs */
#define NEVER   (-1)

static int (*real_poll)(struct pollfd *, nfds_t, int);

/* What is ready now, of the simulated network and, without waiting, of the rest. */
static int look(struct pollfd *p, nfds_t n)
{
    int count = 0;
    if (!real_poll)
        real_poll = (int (*)(struct pollfd *, nfds_t, int))dlsym(RTLD_NEXT, "poll");
    for (nfds_t i = 0; i < n; i++) {
        struct pollfd one = {.fd = p[i].fd, .events = p[i].events};
        p[i].revents = 0;
        if (p[i].fd < 0)
            continue;
        if (network_has(p[i].fd))
            one.revents = (short)((network_ready(p[i].fd) ? POLLIN : 0) | POLLOUT);
        else if (real_poll(&one, 1, 0) < 0)
            one.revents = 0;
        p[i].revents = (short)(one.revents & (p[i].events | POLLERR | POLLHUP));
        count += p[i].revents != 0;
    }
    return count;
}

/* Until a descriptor is ready, a clock shows `deadline` (NEVER: it does not matter), or SIGTERM. */
static int wait_for(struct pollfd *p, nfds_t n, int id, seconds deadline)
{
    machine_now();
    int ended = machine_ended();
    for (bool first = true;; first = false) {
        int count = look(p, n);
        if (count || (deadline >= 0 && machine_clock(id) >= deadline)) {
            seconds late = first ? 1e-7L : (seconds)machine_exponential(STREAM_OTHER, WAKE_UP);
            machine_advance(machine_now() + late);
            return count;
        }
        seconds to = machine_mark(), packet = network_next();
        if (packet < to)
            to = packet;
        seconds end = deadline >= 0 ? machine_when(id, deadline) : to;
        machine_advance(end < to ? end : to);
        if (machine_ended() != ended && ended == 0) {
            errno = EINTR;
            return -1;
        }
    }
}

bool machine_wait_for(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return wait_for(&p, 1, CLOCK_MONOTONIC, NEVER) >= 0;
}

static seconds in_seconds(const struct timespec *t)
{
    return (seconds)t->tv_sec + (seconds)t->tv_nsec * 1e-9L;
}

static seconds from_now(seconds wait)
{
    machine_now();
    return machine_clock(CLOCK_MONOTONIC) + wait;
}

int poll(struct pollfd *p, nfds_t n, int ms)
{
    return wait_for(p, n, CLOCK_MONOTONIC, ms < 0 ? NEVER : from_now((seconds)ms * 1e-3L));
}

/* What a fortified program calls. NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl*) */
int __poll_chk(struct pollfd *p, nfds_t n, int ms, size_t size);
int __poll_chk(struct pollfd *p, nfds_t n, int ms, size_t size)
{
    (void)size;
    return poll(p, n, ms);
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl*) */

int ppoll(struct pollfd *p, nfds_t n, const struct timespec *t, const sigset_t *mask)
{
    (void)mask;
    return wait_for(p, n, CLOCK_MONOTONIC, t ? from_now(in_seconds(t)) : NEVER);
}

static bool in_set(int fd, const fd_set *set)
{
    return set && FD_ISSET(fd, set);
}

/* Fills the sets from what was found. How many bits. */
static int tell(const struct pollfd *p, int n, fd_set *read, fd_set *write)
{
    int count = 0;
    for (int i = 0; i < n; i++) {
        bool readable = read && p[i].events & POLLIN && p[i].revents & (POLLIN | POLLHUP | POLLERR);
        bool writable = write && p[i].events & POLLOUT && p[i].revents & POLLOUT;
        if (readable)
            FD_SET(p[i].fd, read);
        if (writable)
            FD_SET(p[i].fd, write);
        count += readable + writable;
    }
    return count;
}

int select(int n, fd_set *restrict read, fd_set *restrict write, fd_set *restrict other,
           struct timeval *restrict t)
{
    struct pollfd p[FD_SETSIZE];
    int used = 0;
    for (int fd = 0; fd < n && fd < FD_SETSIZE; fd++) {
        short events = (short)((in_set(fd, read) ? POLLIN : 0) | (in_set(fd, write) ? POLLOUT : 0));
        if (events || in_set(fd, other))
            p[used++] = (struct pollfd){.fd = fd, .events = events};
    }
    seconds wait = t ? (seconds)t->tv_sec + (seconds)t->tv_usec * 1e-6L : NEVER;
    if (wait_for(p, (nfds_t)used, CLOCK_MONOTONIC, t ? from_now(wait) : NEVER) < 0)
        return -1;
    if (read)
        FD_ZERO(read);
    if (write)
        FD_ZERO(write);
    if (other)
        FD_ZERO(other);
    return tell(p, used, read, write);
}

int clock_nanosleep(clockid_t id, int flags, const struct timespec *t, struct timespec *left)
{
    (void)left;
    bool absolute = flags & TIMER_ABSTIME;
    seconds end = absolute ? in_seconds(t) : from_now(in_seconds(t));
    while (wait_for(NULL, 0, absolute ? id : CLOCK_MONOTONIC, end) < 0) {
    }
    return 0;
}

int nanosleep(const struct timespec *t, struct timespec *left)
{
    return clock_nanosleep(CLOCK_MONOTONIC, 0, t, left);
}

int usleep(useconds_t us)
{
    struct timespec t = {.tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000};
    return nanosleep(&t, NULL);
}

unsigned sleep(unsigned s)
{
    struct timespec t = {.tv_sec = s};
    nanosleep(&t, NULL);
    return 0;
}
