/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/responder/listeners.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "refclock/rng.h"
#include "server/responder/socket.h"

/* SO_REUSEPORT would let a second daemon of the same user join unnoticed: try the address alone
 * first. */
static int probe(const struct listen_addr *where, struct err *err)
{
    int fd = responder_socket_open(where, false, err);
    if (fd >= 0)
        close(fd);
    return fd < 0 ? -1 : 0;
}

static int open_one(struct listeners *l, int worker, int listen, struct err *err)
{
    struct listen_addr *where = &l->addr[listen];
    bool shared = l->workers > 1;
    if (shared && worker == 0 && probe(where, err))
        return -1;
    int fd = l->fd[worker][listen] = responder_socket_open(where, shared, err);
    if (fd < 0)
        return -1;
    /* the others follow to the port that the kernel chose for the first */
    union address bound;
    socklen_t len = sizeof bound;
    if (!getsockname(fd, &bound.any, &len))
        address_set_port(&where->addr, address_port(&bound));
    return 0;
}

/* Opens one address for all workers. An optional one that the machine lacks stays closed. */
static int open_address(struct listeners *l, int listen, const struct log *log, struct err *err)
{
    const struct listen_addr *where = &l->addr[listen];
    for (int i = 0; i < l->workers; i++) {
        if (!open_one(l, i, listen, err))
            continue;
        if (!where->optional || (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL))
            return -1;
        log_say(log, LOG_LEVEL_NOTICE, "listen %s: not on this machine; going without",
                where->text);
        return 0;
    }
    return 0;
}

static int open_for(struct listeners *l, int workers, const struct log *log, struct err *err)
{
    l->workers = workers;
    for (int i = 0; i < l->count; i++) {
        if (!open_address(l, i, log, err))
            continue;
        listeners_close(l);
        return -1;
    }
    return 0;
}

/* True when the kernel chooses the workers of every address as told. */
static bool steer(const struct listeners *l, const struct log *log)
{
    struct rng rng = rng_from_kernel();
    uint32_t key = (uint32_t)rng_u64(&rng);
    for (int i = 0; i < l->count; i++) {
        sa_family_t family = l->addr[i].addr.any.sa_family;
        int fd = l->fd[0][i];
        if (fd < 0 || !responder_socket_steer(fd, family, (unsigned)l->workers, key))
            continue;
        log_say(log, LOG_LEVEL_WARNING,
                "threads %d: the kernel cannot choose a thread by address (%s); serving with one",
                l->workers, strerror(errno));
        return false;
    }
    return true;
}

/* Once, for what is to be done is the same for all. */
static void say_room(const struct listeners *l, const struct log *log)
{
    for (int i = 0; i < l->count; i++) {
        int room = l->fd[0][i] < 0 ? RESPONDER_ROOM : responder_socket_room(l->fd[0][i]);
        if (room >= RESPONDER_ROOM)
            continue;
        log_say(log, LOG_LEVEL_INFO,
                "listen %s: the kernel keeps %d KiB of waiting requests, not %d: a busy server "
                "needs `sysctl -w net.core.rmem_max=%d`",
                l->addr[i].text, room >> 10, RESPONDER_ROOM >> 10, RESPONDER_ROOM / 2);
        return;
    }
}

int listeners_open(struct listeners *l, const struct responder_config *config, int workers,
                   const struct log *log, struct err *err)
{
    l->count = config->listens;
    memcpy(l->addr, config->listen, sizeof l->addr);
    memset(l->fd, -1, sizeof l->fd);
    if (open_for(l, workers, log, err))
        return -1;
    if (workers > 1 && !steer(l, log)) {
        listeners_close(l);
        if (open_for(l, 1, log, err))
            return -1;
    }
    say_room(l, log);
    return 0;
}

void listeners_close(struct listeners *l)
{
    for (int i = 0; i < l->workers; i++) {
        for (int k = 0; k < l->count; k++) {
            if (l->fd[i][k] >= 0)
                close(l->fd[i][k]);
            l->fd[i][k] = -1;
        }
    }
}
