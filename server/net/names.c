/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/net/names.h"

#include <ares.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>

#define SOCKETS_MAX 16
#define TIMEOUT_MS  3000
#define TRIES       3
#define SERVERS     "/etc/resolv.conf"
#define IDLE_NS     INT64_C(1000000000) /* between looks at time-outs, at most */

struct names_socket {
    struct names *names; /* NULL: free */
    struct loop_fd fd;
};

struct names {
    struct loop *loop;
    ares_channel channel;
    struct loop_timer timer;
    struct names_socket socket[SOCKETS_MAX];
    struct stat servers; /* of /etc/resolv.conf, as it was read */
    int asked;           /* names under way */
    bool closing;
};

struct names_query {
    struct names *names;
    names_found *found;
    void *arg;
    char name[256];
};

static void look_later(struct names *n)
{
    struct timeval most = {.tv_sec = 1}, left;
    if (!n->asked) {
        loop_cancel(n->loop, &n->timer);
        return;
    }
    struct timeval *t = ares_timeout(n->channel, &most, &left);
    int64_t wait = t ? t->tv_sec * INT64_C(1000000000) + t->tv_usec * INT64_C(1000) : IDLE_NS;
    loop_after(n->loop, &n->timer, wait);
}

static void on_timer(void *arg, int64_t now)
{
    struct names *n = arg;
    (void)now;
    ares_process_fd(n->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    look_later(n);
}

static void on_ready(void *arg, int64_t now, short revents)
{
    struct names_socket *s = arg;
    struct names *n = s->names;
    int fd = s->fd.fd;
    (void)now;
    ares_process_fd(n->channel, revents & (POLLIN | POLLERR | POLLHUP) ? fd : ARES_SOCKET_BAD,
                    revents & POLLOUT ? fd : ARES_SOCKET_BAD);
    look_later(n);
}

static struct names_socket *socket_of(struct names *n, int fd)
{
    struct names_socket *unused = NULL;
    for (int i = 0; i < SOCKETS_MAX; i++) {
        struct names_socket *s = &n->socket[i];
        if (s->names && s->fd.fd == fd)
            return s;
        if (!s->names && !unused)
            unused = s;
    }
    return unused;
}

/* c-ares opens and closes its sockets itself; one too many is served by the timer alone. */
static void on_socket(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct names *n = arg;
    struct names_socket *s = socket_of(n, fd);
    short events = (short)((readable ? POLLIN : 0) | (writable ? POLLOUT : 0));
    if (!s)
        return;
    if (!events && s->names) {
        loop_unwatch(n->loop, &s->fd);
        s->names = NULL;
    } else if (events && s->names) {
        s->fd.events = events;
    } else if (events) {
        *s = (struct names_socket){
            .names = n,
            .fd = {.name = "names", .fd = fd, .events = events, .ready = on_ready, .arg = s}};
        loop_watch(n->loop, &s->fd);
    }
}

/* A status of c-ares. */
static int open_channel(struct names *n)
{
    struct ares_options options = {
        .timeout = TIMEOUT_MS, .tries = TRIES, .sock_state_cb = on_socket, .sock_state_cb_data = n};
    if (stat(SERVERS, &n->servers))
        n->servers = (struct stat){0};
    return ares_init_options(&n->channel, &options,
                             ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
}

int names_open(struct names **out, struct loop *loop, struct err *err)
{
    struct names *n = calloc(1, sizeof *n);
    int status = n ? ares_library_init(ARES_LIB_INIT_ALL) : ARES_ENOMEM;
    if (!status)
        status = open_channel(n);
    if (status) {
        free(n);
        return err_set(err, "names", "look at /etc/resolv.conf", "%s", ares_strerror(status));
    }
    n->loop = loop;
    n->timer = (struct loop_timer){.name = "names", .fire = on_timer, .arg = n, .due = INT64_MAX};
    *out = n;
    return 0;
}

/* c-ares reads the name servers once; without them at boot it would never find any. */
static void follow_servers(struct names *n)
{
    struct stat now;
    if (stat(SERVERS, &now))
        now = (struct stat){0};
    bool same = now.st_ino == n->servers.st_ino && now.st_size == n->servers.st_size &&
                now.st_mtim.tv_sec == n->servers.st_mtim.tv_sec &&
                now.st_mtim.tv_nsec == n->servers.st_mtim.tv_nsec;
    ares_channel before = n->channel;
    if (same || n->asked)
        return;
    if (open_channel(n))
        n->channel = before; /* what was known serves on */
    else
        ares_destroy(before);
}

/* ::ffff:192.0.2.1 is 192.0.2.1, and must not count as another one. */
static void unmap(union address *a)
{
    if (a->any.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr))
        return;
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = a->v6.sin6_port};
    memcpy(&v4.sin_addr, a->v6.sin6_addr.s6_addr + 12, sizeof v4.sin_addr);
    memset(a, 0, sizeof *a);
    a->v4 = v4;
}

static size_t copy_addresses(const struct ares_addrinfo *found,
                             union address addresses[NAMES_ADDRESSES])
{
    size_t count = 0;
    for (const struct ares_addrinfo_node *a = found ? found->nodes : NULL;
         a && count < NAMES_ADDRESSES; a = a->ai_next) {
        bool known = a->ai_family == AF_INET || a->ai_family == AF_INET6;
        if (!known || a->ai_addrlen > sizeof *addresses)
            continue;
        memset(&addresses[count], 0, sizeof *addresses);
        memcpy(&addresses[count], a->ai_addr, a->ai_addrlen);
        unmap(&addresses[count++]);
    }
    return count;
}

static void on_found(void *arg, int status, int timeouts, struct ares_addrinfo *found)
{
    struct names_query *q = arg;
    union address addresses[NAMES_ADDRESSES];
    struct err err = {0};
    (void)timeouts;
    size_t count = status == ARES_SUCCESS ? copy_addresses(found, addresses) : 0;
    ares_freeaddrinfo(found);
    if (!count)
        err_set(&err, q->name, "is the name right, and is there a name server (/etc/resolv.conf)?",
                "no address: %s", status ? ares_strerror(status) : "none of a known kind");
    q->names->asked--;
    if (!q->names->closing)
        q->found(q->arg, addresses, count, count ? NULL : &err);
    free(q);
}

/* c-ares would ask a name server for the other family of a number. */
bool names_number(const char *name, int family, union address *address)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_family = family}, *found = NULL;
    if (getaddrinfo(name, NULL, &hints, &found) || !found)
        return false;
    memset(address, 0, sizeof *address);
    memcpy(address, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    unmap(address);
    return true;
}

void names_ask(struct names *n, const char *name, int family, names_found *found, void *arg)
{
    union address number;
    if (names_number(name, family, &number)) {
        found(arg, &number, 1, NULL);
        return;
    }
    follow_servers(n);
    struct ares_addrinfo_hints hints = {.ai_family = family, .ai_socktype = SOCK_DGRAM};
    struct names_query *q = calloc(1, sizeof *q);
    if (!q) {
        struct err err;
        err_set(&err, name, "", "out of memory");
        found(arg, NULL, 0, &err);
        return;
    }
    *q = (struct names_query){.names = n, .found = found, .arg = arg};
    strncpy(q->name, name, sizeof q->name - 1);
    n->asked++;
    ares_getaddrinfo(n->channel, q->name, NULL, &hints, on_found, q);
    look_later(n);
}

void names_close(struct names *n)
{
    if (!n)
        return;
    n->closing = true;
    ares_destroy(n->channel); /* ends what is under way, and closes the sockets */
    loop_cancel(n->loop, &n->timer);
    ares_library_cleanup();
    free(n);
}
