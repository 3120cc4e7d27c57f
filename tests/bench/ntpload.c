/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loads an NTP server with requests from many addresses, and checks every answer: its origin
 * timestamp must be a request's own, from the server, to that request's client, once.
 *
 * usage: ntpload --interface IF --mac MAC --server ADDR --clients ADDR/LENGTH [--port N]
 *                (--rate N | --window N) [--seconds N] [--burst N] [--stamps] [--turn K/N]
 *                [--slice MS]
 *
 * --rate N     N requests a second, whatever comes back
 * --window N   saturates: always N requests under way
 * --burst N    with --rate: so many at once
 * --stamps     the moment of sending is the kernel's, not of our reading the clock before: what
 * holds us up in between is not taken for the server's error
 * --turn K/N   works in slice K of every N slices of time only (K from 0). Load tools that are run
 * together with other K thus ask their servers in turn, so quickly that all of them get the same of
 * what else the machine does
 * --slice MS   how long that is
 *
 * Prints one JSON object: answers a second, loss, latency, and how far the server's stamps are from
 * this machine's clock, which server and load tool share: `receive` is its receive timestamp less
 * the moment of sending, `transmit` the moment of arrival less its transmit timestamp, `offset` the
 * time error of a client, half of their difference. All in us.
 *
 * Meant for network namespaces of one's own. The interface needs no address.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <netinet/ether.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "refclock/civil.h"
#include "refclock/rng.h"
#include "server/ntp/wire.h"
#include "tests/bench/load_wire.h"

#define SLOTS      (1u << 20) /* requests that are remembered */
#define FIGURES    (1u << 20) /* measurements kept of each kind */
#define WINDOW_MAX 1e5
#define GIVE_UP_NS 20000000 /* with a window: without an answer for so long, all are lost */
#define HELD_UP_S  0.001    /* a pause of our own from which on requests are left out */
#define LINGER_NS  50000000 /* the last answers are waited for */
#define GUARD      5 /* in the last fifth of a slice no more is asked, for what waits to be answered */

struct options {
    const char *interface;
    uint8_t mac[6];
    uint32_t server, clients, mask;
    uint16_t port;
    double rate, seconds;
    unsigned window, burst, turn, turns;
    int64_t slice; /* ns */
    bool stamps;
};

/* A request under way. */
struct slot {
    uint64_t transmit; /* 0: answered, or never used */
    int64_t sent;      /* ns of CLOCK_REALTIME */
    uint32_t client;
    uint16_t port;
};

enum figure { LATENCY, RECEIVE, TRANSMIT, OFFSET, FIGURE_COUNT };

struct load {
    struct options o;
    struct load_wire wire;
    struct rng rng;
    struct slot *slot;
    uint64_t sequence, sent, answered, wrong, refused, given_up;
    uint64_t in_time;    /* answers that came while was asked ... */
    int64_t asking;      /* ... for so long, ns */
    uint64_t disordered; /* answers whose receive timestamp is after the transmit timestamp */
    int64_t last_answer;
    float *figure[FIGURE_COUNT];
    uint64_t stride; /* every so many answers are kept as figures */
    size_t figures;
};

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static int usage(void)
{
    fputs(
        "usage: ntpload --interface IF --mac MAC --server ADDR --clients ADDR/LENGTH [--port N]\n"
        "               (--rate N | --window N) [--seconds N] [--burst N] [--stamps] [--turn K/N]\n"
        "               [--slice MS]\n",
        stderr);
    return 1;
}

static bool parse_address(const char *text, uint32_t *address)
{
    struct in_addr in;
    if (inet_pton(AF_INET, text, &in) != 1)
        return false;
    *address = ntohl(in.s_addr);
    return true;
}

static bool parse_number(const char *text, double least, double most, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return end != text && !*end && *value >= least && *value <= most;
}

static bool parse_clients(const char *text, struct options *o)
{
    char address[32];
    double length;
    size_t size = strcspn(text, "/");
    if (!text[size] || size >= sizeof address || !parse_number(text + size + 1, 1, 31, &length))
        return false;
    snprintf(address, sizeof address, "%.*s", (int)size, text);
    o->mask = UINT32_MAX >> (unsigned)length;
    bool good = parse_address(address, &o->clients);
    o->clients &= ~o->mask;
    return good;
}

static bool parse_turn(const char *text, struct options *o)
{
    char turn[8];
    double mine, all;
    size_t size = strcspn(text, "/");
    if (!text[size] || size >= sizeof turn || !parse_number(text + size + 1, 1, 100, &all))
        return false;
    snprintf(turn, sizeof turn, "%.*s", (int)size, text);
    bool good = parse_number(turn, 0, all - 1, &mine);
    o->turn = (unsigned)mine;
    o->turns = (unsigned)all;
    return good;
}

static bool parse_mac(const char *text, uint8_t mac[6])
{
    struct ether_addr parsed;
    if (!ether_aton_r(text, &parsed))
        return false;
    memcpy(mac, parsed.ether_addr_octet, 6);
    return true;
}

static bool take_number(int option, const char *text, struct options *o)
{
    double value;
    if (!parse_number(text, option == 't' ? 0.01 : 1, 1e9, &value))
        return false;
    switch (option) {
    case 'p':
        o->port = (uint16_t)value;
        return value <= UINT16_MAX;
    case 'r':
        o->rate = value;
        return true;
    case 'w':
        o->window = (unsigned)value;
        return value <= WINDOW_MAX;
    case 't':
        o->seconds = value;
        return value <= 3600;
    case 'b':
        o->burst = (unsigned)value;
        return value <= LOAD_BATCH;
    case 'l':
        o->slice = (int64_t)(value * 1e6);
        return value <= 10000;
    default:
        return false;
    }
}

static bool take_option(int option, const char *text, struct options *o)
{
    switch (option) {
    case 'i':
        o->interface = text;
        return true;
    case 'm':
        return parse_mac(text, o->mac);
    case 's':
        return parse_address(text, &o->server);
    case 'c':
        return parse_clients(text, o);
    case 'k':
        return o->stamps = true;
    case 'u':
        return parse_turn(text, o);
    default:
        return take_number(option, text, o);
    }
}

static bool parse(int argc, char **argv, struct options *o)
{
    static const struct option words[] = {
        {"interface", 1, NULL, 'i'}, {"mac", 1, NULL, 'm'},     {"server", 1, NULL, 's'},
        {"clients", 1, NULL, 'c'},   {"port", 1, NULL, 'p'},    {"rate", 1, NULL, 'r'},
        {"window", 1, NULL, 'w'},    {"seconds", 1, NULL, 't'}, {"burst", 1, NULL, 'b'},
        {"stamps", 0, NULL, 'k'},    {"turn", 1, NULL, 'u'},    {"slice", 1, NULL, 'l'},
        {NULL, 0, NULL, 0}};
    *o = (struct options){.port = 123, .seconds = 2, .burst = 1, .slice = 25000000};
    for (int c; (c = getopt_long(argc, argv, "", words, NULL)) != -1;)
        if (!take_option(c, optarg, o))
            return false;
    return optind == argc && o->interface && o->server && o->clients &&
           (o->rate != 0) != (o->window != 0);
}

/* One more request in frame `i`: any of the clients, a random transmit timestamp as RFC 9109's
 * practice has it, whose low bits name the slot. */
static void compose(struct load *l, unsigned i)
{
    uint64_t random = rng_u64(&l->rng);
    uint64_t at = l->sequence++ % SLOTS;
    struct slot *s = &l->slot[at];
    s->transmit = (random & ~(uint64_t)(SLOTS - 1)) | at | UINT64_C(1) << 63;
    s->client = l->o.clients + ((uint32_t)(random * 0x9e3779b97f4a7c15 >> 32) & l->o.mask);
    s->port = (uint16_t)(1024 + random % 60000);
    load_wire_put(&l->wire, i, s->client, s->port, s->transmit);
}

static void send_requests(struct load *l, unsigned count)
{
    uint64_t first = l->sequence;
    for (unsigned i = 0; i < count; i++)
        compose(l, i);
    int64_t now = now_ns();
    for (unsigned i = 0; i < count; i++)
        l->slot[(first + i) % SLOTS].sent = now;
    unsigned taken = load_wire_send(&l->wire, count);
    for (unsigned i = taken; i < count; i++)
        l->slot[(first + i) % SLOTS].transmit = 0;
    l->sent += taken;
    l->refused += count - taken;
}

/* Frames are numbered as requests are, as long as the kernel takes all of them. */
static void take_stamps(struct load *l)
{
    uint32_t number;
    int64_t left;
    while (load_wire_left(&l->wire, &number, &left))
        if (!l->refused)
            l->slot[number % SLOTS].sent = left;
}

static void keep(struct load *l, const struct slot *s, const struct load_answer *a,
                 const struct ntp_packet *p)
{
    int64_t receive = civil_from_ntp(p->receive, a->received) - s->sent;
    int64_t transmit = a->received - civil_from_ntp(p->transmit, a->received);
    if (l->answered % l->stride || l->figures == FIGURES)
        return;
    l->figure[LATENCY][l->figures] = (float)(a->received - s->sent) * 1e-3F;
    l->figure[RECEIVE][l->figures] = (float)receive * 1e-3F;
    l->figure[TRANSMIT][l->figures] = (float)transmit * 1e-3F;
    l->figure[OFFSET][l->figures] = (float)(receive - transmit) * 0.5e-3F;
    l->figures++;
}

static void judge(struct load *l, const struct load_answer *a)
{
    struct ntp_packet p;
    if ((a->client & ~l->o.mask) != l->o.clients)
        return; /* of another load tool */
    if (a->size < LOAD_PAYLOAD || a->from != l->o.server) {
        l->wrong++;
        return;
    }
    wire_decode(a->ntp, &p);
    struct slot *s = &l->slot[p.origin % SLOTS];
    if (!s->transmit || s->transmit != p.origin || s->client != a->client || s->port != a->port ||
        p.mode != WIRE_MODE_SERVER) {
        l->wrong++;
        return;
    }
    l->disordered += p.receive > p.transmit;
    keep(l, s, a, &p);
    s->transmit = 0;
    l->answered++;
    l->last_answer = a->received;
}

static void take_answers(struct load *l)
{
    struct load_answer a;
    if (l->o.stamps)
        take_stamps(l);
    while (load_wire_next(&l->wire, &a))
        judge(l, &a);
}

/* Where the load tool itself was held up, it does not make up for it with a burst. */
static void ask_paced(struct load *l, int64_t begin, int64_t end)
{
    uint64_t before = l->sent + l->refused;
    double skipped = 0;
    for (int64_t now = now_ns(); now < end; now = now_ns()) {
        double due = (double)(now - begin) * 1e-9 * l->o.rate - skipped;
        double behind = due - (double)(l->sent + l->refused - before);
        if (behind > l->o.rate * HELD_UP_S + l->o.burst) {
            skipped += behind - l->o.burst;
            behind = l->o.burst;
        }
        if (behind >= l->o.burst)
            send_requests(l, l->o.burst);
        take_answers(l);
    }
}

static void ask_window(struct load *l, int64_t begin, int64_t end)
{
    l->given_up = l->sent - l->answered; /* what is still under way from before */
    l->last_answer = begin;
    for (int64_t now = now_ns(); now < end; now = now_ns()) {
        uint64_t done = l->answered + l->given_up;
        unsigned under_way = l->sent > done ? (unsigned)(l->sent - done) : 0;
        unsigned room = l->o.window > under_way ? l->o.window - under_way : 0;
        if (room >= l->o.burst)
            send_requests(l, room > LOAD_BATCH ? LOAD_BATCH : room);
        else if (now - l->last_answer > GIVE_UP_NS) {
            l->given_up += under_way;
            l->last_answer = now;
        }
        take_answers(l);
    }
}

static void ask(struct load *l, int64_t begin, int64_t end)
{
    uint64_t before = l->answered;
    if (l->o.window)
        ask_window(l, begin, end);
    else
        ask_paced(l, begin, end);
    l->in_time += l->answered - before;
    l->asking += end - begin;
}

static void linger(struct load *l, int64_t until)
{
    while (l->answered < l->sent && now_ns() < until) {
        load_wire_wait(&l->wire, 1000000);
        take_answers(l);
    }
}

/* All load tools read the same clock, which nobody steps meanwhile. */
static void ask_in_turn(struct load *l)
{
    int64_t slice = l->o.slice, round = slice * l->o.turns, asking = slice - slice / GUARD;
    int64_t begin = (now_ns() / round + 1) * round + slice * l->o.turn;
    int64_t last = begin + (int64_t)(l->o.seconds * 1e9) - round;
    do {
        struct timespec at = {begin / NS_PER_S, begin % NS_PER_S};
        clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &at, NULL);
        ask(l, begin, begin + asking);
        linger(l, begin + slice);
        begin += round;
    } while (begin <= last);
}

static void run(struct load *l)
{
    int64_t begin = now_ns();
    if (l->o.turns)
        ask_in_turn(l);
    else
        ask(l, begin, begin + (int64_t)(l->o.seconds * 1e9));
    linger(l, now_ns() + LINGER_NS);
}

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void print_figure(const char *name, float *values, size_t count)
{
    static const struct {
        const char *name;
        double at;
    } points[] = {{"p1", 0.01}, {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}};
    qsort(values, count, sizeof *values, ascending);
    printf(", \"%s\": {", name);
    for (size_t i = 0; i < sizeof points / sizeof *points; i++)
        printf("\"%s\": %.3f, ", points[i].name,
               count ? (double)values[(size_t)(points[i].at * (double)(count - 1))] : 0.0);
    printf("\"max\": %.3f}", count ? (double)values[count - 1] : 0.0);
}

static void print_magnitudes(const char *name, float *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        values[i] = values[i] < 0 ? -values[i] : values[i];
    print_figure(name, values, count);
}

static void report(struct load *l)
{
    double seconds = (double)l->asking * 1e-9;
    printf(
        "{\"seconds\": %.3f, \"sent\": %llu, \"answered\": %llu, \"rate\": %.0f, \"lost\": %llu, "
        "\"wrong\": %llu, \"refused\": %llu, \"disordered\": %llu, \"unread\": %u",
        seconds, (unsigned long long)l->sent, (unsigned long long)l->answered,
        (double)l->in_time / seconds, (unsigned long long)(l->sent - l->answered),
        (unsigned long long)l->wrong, (unsigned long long)l->refused,
        (unsigned long long)l->disordered, load_wire_lost(&l->wire));
    print_figure("latency", l->figure[LATENCY], l->figures);
    print_figure("receive", l->figure[RECEIVE], l->figures);
    print_figure("transmit", l->figure[TRANSMIT], l->figures);
    print_figure("offset", l->figure[OFFSET], l->figures);
    print_magnitudes("error", l->figure[OFFSET], l->figures);
    puts("}");
}

int main(int argc, char **argv)
{
    static struct load l;
    if (!parse(argc, argv, &l.o))
        return usage();
    l.rng = rng_from_kernel();
    l.stride = 1 + (uint64_t)(l.o.seconds * (l.o.window ? 1e6 : l.o.rate)) / FIGURES;
    l.slot = calloc(SLOTS, sizeof *l.slot);
    bool room = l.slot;
    for (int i = 0; i < FIGURE_COUNT; i++) {
        l.figure[i] = calloc(FIGURES, sizeof **l.figure);
        room = room && l.figure[i];
    }
    if (!room) {
        fputs("ntpload: out of memory\n", stderr);
        return 1;
    }
    if (load_wire_open(&l.wire, l.o.interface, l.o.mac, l.o.server, l.o.port) ||
        (l.o.stamps && load_wire_stamp(&l.wire)))
        return 1;
    run(&l);
    report(&l);
    load_wire_close(&l.wire);
    free(l.slot);
    for (int i = 0; i < FIGURE_COUNT; i++)
        free(l.figure[i]);
    return 0;
}
