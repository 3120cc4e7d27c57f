/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_RESPONDER_RESPONDER_H
#define TIMEBALL_SERVER_RESPONDER_RESPONDER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "refclock/clock.h"
#include "refclock/err.h"
#include "refclock/log.h"
#include "refclock/loop.h"
#include "refclock/snapshot.h"
#include "server/net/address.h"
#include "server/access/ratelimit.h"
#include "server/shared_table.h"
#include "server/ntpq/inbox.h"
#include "server/ntp/verdict.h"

/*
 * The only place with NTP sockets; of NTP it knows nothing but handler_answer(). Either the loop
 * serves (threads 0), or worker threads with sockets of their own, among which the kernel chooses
 * by the client's address: IPv4 address or IPv6 /48, never the port, so that one client always
 * meets the same worker; IPv4 and IPv6 have threads of their own. Per packet there is no lock, no
 * allocation, no log line and no system call but the batch's.
 */
#define RESPONDER_LISTENS 16
#define RESPONDER_THREADS 64

struct listen_addr {
    union address addr; /* IPv4 or IPv6, with the port; port 0: any free one */
    socklen_t len;
    char text[64]; /* as the user wrote it, for messages */
    bool optional; /* a default: where the machine lacks the address or its family, go without */
};

struct responder_config {
    struct listen_addr listen[RESPONDER_LISTENS];
    int listens;                 /* 0: nothing is opened */
    int threads;                 /* 0: serve from the loop; negative: responder_auto_threads() */
    struct shared_table *keys;   /* NULL: signed requests get no answer */
    struct shared_table *access; /* of struct access; NULL: everybody may do all */
    const struct ratelimit_config *limit; /* threads share the places for their family out; NULL:
                                             none, no limit */
};

struct responder_counts {
    uint64_t verdict[VERDICT_COUNT];
    uint64_t mode[8], version[8];
    uint64_t stamped;        /* datagrams with the kernel's receive stamp */
    uint64_t unstamped;      /* datagrams without the kernel's receive stamp */
    uint64_t by_card;        /* requests whose receive timestamp is the network card's */
    uint64_t contradicted;   /* ... was the kernel's, for the card's stamp could not be */
    uint64_t dropped;        /* datagrams that the kernel dropped: the queue was full, or damaged */
    int64_t overload;        /* reading, ns: when a queue was last seen to stand; 0: never */
    uint64_t receive_errors; /* receiving failed (interface down, no memory) */
    uint64_t send_errors;    /* answers that the kernel did not take (firewall, no buffers) */
    uint64_t measured;       /* answers whose leaving the kernel stamped */
    double latency;          /* s, from the reading of the clock until an answer leaves, by those */
};

struct responder;

/* Threads for `threads auto`: the CPUs that this process may use, at most RESPONDER_THREADS. */
int responder_auto_threads(void);

/*
 * Opens and binds the sockets. Loop, clock, latch and log are borrowed and must outlive the
 * responder; with threads, clock_now() and clock_stamp() must be safe to call in any thread. What
 * handler_look() expects of the latch's publisher holds here too. Where the kernel cannot choose
 * workers by address, there will be one thread, and the log says so. Returns 0, or -1 with *err
 * (port taken, no right to the port, no such address), having opened nothing.
 */
int responder_open(struct responder **out, const struct responder_config *config, struct loop *loop,
                   struct clock *clock, struct snapshot_latch *latch, const struct log *log,
                   struct err *err);

/* Begins to serve: adds the sockets to the loop, or starts the threads (they take no signals).
 * Apart from open, so that rights can be dropped in between. Returns 0, or -1 with *err. */
int responder_start(struct responder *r, struct err *err);

/* Workers that serve, each with sockets of its own: the threads of each family that is listened to,
 * or the loop as the only one. */
int responder_workers(const struct responder *r);

/* Control requests that come to that worker go into `inbox`, borrowed; before responder_start(). */
void responder_pass_queries(struct responder *r, int worker, struct ntpq_inbox *inbox);

/* Stops threads, closes sockets, frees. NULL is allowed. */
void responder_close(struct responder *r);

/* Sums the counters of all workers. For the loop's thread; more often than the kernel can drop
 * 2^32.
 */
void responder_counts(struct responder *r, struct responder_counts *counts);

/* Fills up to `most` clients of all workers, in that order. Returns their number. For the loop's
 * thread. */
size_t responder_clients(struct responder *r, enum ratelimit_order order,
                         struct ratelimit_client *list, size_t most);

/* Memory of the tables of clients, octets, and how many clients there is room for. */
size_t responder_clients_memory(const struct responder *r);
size_t responder_clients_room(const struct responder *r);

/* Worker threads that serve a family; 0: the loop does. */
int responder_threads(const struct responder *r);

/*
 * The memory that the workers write while they serve, part by part, so that it can be checked that
 * no two write the same cache line. Returns 0, or -1 when there are no more parts.
 */
struct responder_part {
    int worker;
    const void *at;
    size_t size; /* octets */
};
int responder_written(const struct responder *r, int part, struct responder_part *out);

/* The address that listen[index] is bound to, with the port that the kernel chose for port 0.
 * Returns 0, or -1 when there is none (index out of range, optional and absent). */
int responder_address(const struct responder *r, int index, union address *addr);

#endif
