/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_BENCH_LOAD_WIRE_H
#define TIMEBALL_BENCH_LOAD_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/*
 * Requests as raw IPv4 frames on one interface, so that one process is any number of clients:
 * packet(7) sockets, one to send, one that receives into a ring shared with the kernel.
 */
#define LOAD_BATCH   32
#define LOAD_PAYLOAD 48

struct load_frame {
    uint8_t ether[14], ip[20], udp[8], ntp[LOAD_PAYLOAD];
};

struct load_wire {
    int sender, receiver;
    uint8_t *ring;
    size_t at; /* frame of the ring to look at next */
    struct load_frame frame[LOAD_BATCH];
    struct iovec iov[LOAD_BATCH];
    struct mmsghdr message[LOAD_BATCH];
};

/* An answer as it lies in the ring, until load_wire_next() is called again. */
struct load_answer {
    const uint8_t *ntp;
    size_t size;   /* octets of the UDP payload */
    uint32_t from; /* addresses and port in host order */
    uint32_t client;
    uint16_t port;    /* of the client */
    int64_t received; /* the kernel's stamp, ns of CLOCK_REALTIME */
};

/*
 * Opens both sockets on `interface`. Frames go to the Ethernet address `mac`, and to UDP port
 * `port` of `server` (host order). Returns 0, or -1 after saying why on stderr.
 */
int load_wire_open(struct load_wire *w, const char *interface, const uint8_t mac[6],
                   uint32_t server, uint16_t port);
void load_wire_close(struct load_wire *w);

/* Makes frame `i` a request from `client` port `port` whose transmit timestamp is `transmit`. */
void load_wire_put(struct load_wire *w, unsigned i, uint32_t client, uint16_t port,
                   uint64_t transmit);

/* Sends the first `count` frames; returns how many the kernel took. */
unsigned load_wire_send(struct load_wire *w, unsigned count);

/* From now on the kernel says when each frame leaves. Before the first is sent; 0, or -1 after
 * saying why on stderr. */
int load_wire_stamp(struct load_wire *w);

/* When a frame left: the `number`th (0: the first, mod 2^32) left at *ns of CLOCK_REALTIME. 0: none
 * is known now. */
int load_wire_left(const struct load_wire *w, uint32_t *number, int64_t *ns);

/* The next answer, or 0 for none now. */
int load_wire_next(struct load_wire *w, struct load_answer *a);

/* Waits up to `ns` for an answer. */
void load_wire_wait(const struct load_wire *w, int64_t ns);

/* Answers that found the ring full. */
unsigned load_wire_lost(const struct load_wire *w);

#endif
