/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control messages (mode 6) as packets: what is answered, and what it says of a status. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "refclock/civil.h"
#include "refclock/snapshot.h"
#include "server/ntpq/ntpq.h"

#define NOW (INT64_C(1795521600) * NS_PER_S)

struct world {
    struct status status;
    struct ntpq_associations list;
    struct ntpq_world ntpq;
    struct ntpq_answer answer;
    union address from;
    char text[NTPQ_TEXT_MAX + 1]; /* of the last answer, put together from its packets */
    uint8_t header[NTPQ_HEADER];  /* of its first packet */
};

static struct status_source *add(struct world *w, const char *driver, const char *path,
                                 const char *verdict, bool used)
{
    struct status_source *s = &w->status.source[w->status.source_count++];
    snprintf(s->name, sizeof s->name, "%s %s", driver, path);
    snprintf(s->driver, sizeof s->driver, "%s", driver);
    snprintf(s->path, sizeof s->path, "%s", path);
    snprintf(s->verdict, sizeof s->verdict, "%s", verdict);
    s->used = used;
    s->reach = 0xff;
    s->health = HEALTH_OK;
    return s;
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    status_init(&w->status);
    w->status.time = NOW;
    w->status.clock.stratum = 1;
    w->status.clock.leap = LEAP_NONE;
    w->status.clock.refid = SNAPSHOT_REFID('P', 'P', 'S', 0);
    w->status.clock.offset = 12.5e-6;
    w->status.clock.frequency = -3.25e-6;
    w->status.clock.reftime = NOW - NS_PER_S;
    w->status.leap.tai = 37;
    add(w, "nmea", "/dev/ttyS1", "leads", true)->age = 0.5;
    struct status_source *pps = add(w, "pps", "/dev/pps0", "leads", true);
    pps->offset = -250e-9;
    pps->jitter = 1e-6;
    snprintf(pps->numbering, sizeof pps->numbering, "numbered");
    struct status_source *server = add(w, "server", "ntp.example.net", "standby", false);
    snprintf(server->peer.address, sizeof server->peer.address, "192.0.2.7");
    server->peer.stratum = 2;
    server->peer.refid = 0xc0000209;
    server->peer.poll = 6;
    server->peer.delay = 0.0125;
    add(w, "pool", "pool.example.net", "falseticker", false)->reach = 1;
    w->ntpq = (struct ntpq_world){
        .status = &w->status, .associations = &w->list, .now = 100 * NS_PER_S, .key = {1, 2, 3}};
    w->from.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001)};
    ntpq_associations_update(&w->list, &w->status);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static unsigned field(const struct world *w, int at)
{
    return (unsigned)w->header[at] << 8 | w->header[at + 1];
}

/* Puts the answer together as a client does; every packet must be as RFC 9327 has it. */
static void collect(struct world *w, unsigned opcode)
{
    uint8_t packet[NTPQ_PACKET_MAX];
    size_t end = 0;
    for (int i = 0; i < w->answer.packets; i++) {
        size_t size = ntpq_packet(&w->answer, i, packet);
        size_t count = (size_t)packet[10] << 8 | packet[11];
        bool more = packet[1] & 0x20, last = i == w->answer.packets - 1;
        assert_true(size <= 480 && size % 4 == 0 && size == 12 + ((count + 3) & ~(size_t)3));
        assert_int_equal(packet[1] & 0x9f, 0x80 | opcode);
        assert_int_equal(packet[8] << 8 | packet[9], end);
        assert_int_equal(more, !last);
        memcpy(w->text + end, packet + NTPQ_HEADER, count);
        end += count;
        if (!i)
            memcpy(w->header, packet, sizeof w->header);
    }
    w->text[end] = 0;
}

/* Asks; returns the error, or NTPQ_OK. */
static int ask(struct world *w, unsigned opcode, unsigned association, const char *data)
{
    uint8_t request[NTPQ_REQUEST_MAX] = {0x16, (uint8_t)opcode, 0x12, 0x34};
    size_t size = strnlen(data, sizeof request - NTPQ_HEADER);
    request[6] = (uint8_t)(association >> 8);
    request[7] = (uint8_t)association;
    request[11] = (uint8_t)size;
    memcpy(request + NTPQ_HEADER, data, size);
    ntpq_answer(&w->ntpq, &w->from, request, NTPQ_HEADER + size, &w->answer);
    assert_true(w->answer.packets >= 1);
    collect(w, opcode);
    assert_int_equal(w->header[0], 0x16);
    assert_int_equal(field(w, 2), 0x1234);
    assert_int_equal(field(w, 6), association);
    return w->header[1] & 0x40 ? w->header[4] : NTPQ_OK;
}

static void expect(struct world *w, const char *part)
{
    if (!strstr(w->text, part))
        fail_msg("no '%s' in: %s", part, w->text);
}

static void associations_have_the_words_that_fit_the_selection(void **state)
{
    struct world *w = *state;
    static const uint16_t words[] = {0x9600, 0x9700, 0x9400, 0x1100};
    assert_int_equal(ask(w, NTPQ_READSTAT, 0, ""), NTPQ_OK);
    assert_int_equal(w->answer.text.size, 16);
    assert_int_equal(field(w, 4), 0x0100); /* no leap second, pulses */
    for (size_t i = 0; i < 4; i++) {
        const uint8_t *pair = w->answer.text.bytes + 4 * i;
        assert_int_equal(pair[0] << 8 | pair[1], i + 1);
        assert_int_equal(pair[2] << 8 | pair[3], words[i]);
    }
}

static void an_association_keeps_its_number_while_its_source_lives(void **state)
{
    struct world *w = *state;
    struct status_source *pool = &w->status.source[3];
    snprintf(pool->peer.address, sizeof pool->peer.address, "192.0.2.9");
    ntpq_associations_update(&w->list, &w->status);
    assert_int_equal(w->list.of[3].id, 5);
    w->status.source[0] = w->status.source[1];
    w->status.source_count = 1;
    ntpq_associations_update(&w->list, &w->status);
    assert_int_equal(w->list.of[0].id, 2);
    w->list.last = 65535;
    add(w, "pps", "/dev/pps0", "standby", false);
    add(w, "pps", "/dev/pps1", "standby", false);
    ntpq_associations_update(&w->list, &w->status);
    assert_int_equal(w->list.of[1].id, 1); /* 0 means the system, 2 is taken */
    assert_int_equal(w->list.of[2].id, 3);
    assert_int_equal(w->list.of[1].unit, 1); /* 0 is taken as well */
    assert_int_equal(w->list.of[2].unit, 2);
}

static void the_default_set_of_the_system(void **state)
{
    struct world *w = *state;
    assert_int_equal(ask(w, NTPQ_READVAR, 0, ""), NTPQ_OK);
    expect(w, "version=\"timeballd ");
    expect(w, "leap=0, stratum=1, ");
    expect(w, "refid=PPS, reftime=0xeeaffabf.00000000, clock=0xeeaffac0.00000000, peer=2, ");
    expect(w, "offset=0.012500, frequency=-3.250000, ");
    expect(w, "tai=37");
    assert_null(strstr(w->text, "leapsec")); /* none is known */
    w->status.leap.tai = -1;
    w->status.leap.at = NOW;
    assert_int_equal(ask(w, NTPQ_READVAR, 0, ""), NTPQ_OK);
    expect(w, "leapsec=202611241200");
    assert_null(strstr(w->text, "tai="));
}

static void an_unsynchronised_system(void **state)
{
    struct world *w = *state;
    w->status.clock.stratum = 16;
    w->status.clock.leap = LEAP_UNKNOWN;
    for (int i = 0; i < 4; i++)
        w->status.source[i].used = false;
    assert_int_equal(ask(w, NTPQ_READVAR, 0, "stratum,leap,refid,peer"), NTPQ_OK);
    assert_string_equal(w->text, "stratum=16, leap=3, refid=INIT, peer=0\r\n");
    assert_int_equal(field(w, 4), 0xc000);
}

static void the_variables_of_sources(void **state)
{
    struct world *w = *state;
    assert_int_equal(ask(w, NTPQ_READVAR, 2, ""), NTPQ_OK);
    expect(w, "srcadr=127.127.22.0, srcport=123, srchost=\"PPS(0)\"");
    expect(w, "refid=PPS");
    expect(w, "reach=0xff");
    expect(w, "offset=-0.000250");
    assert_null(strstr(w->text, "rec=")); /* its age is not known */
    assert_int_equal(ask(w, NTPQ_READVAR, 3, ""), NTPQ_OK);
    expect(w, "srcadr=192.0.2.7");
    expect(w, "srchost=\"ntp.example.net\"");
    expect(w, "refid=192.0.2.9");
    expect(w, "hpoll=6, ppoll=6");
    expect(w, "delay=12.500000");
    assert_int_equal(ask(w, NTPQ_READVAR, 1, "srcadr, rec, reach"), NTPQ_OK);
    assert_string_equal(w->text, "srcadr=127.127.20.1, rec=0xeeaffabf.80000000, reach=0xff\r\n");
    assert_int_equal(ask(w, NTPQ_READVAR, 77, ""), NTPQ_ERROR_ASSOCIATION);
    /* what the ntpq of the reference implementation asks for */
    assert_int_equal(ask(w, NTPQ_READVAR, 4,
                         "srcadr,refid,stratum,hpoll,ppoll,reach,delay,offset,jitter,dispersion,"
                         "rec,reftime,srcport,hmode,srchost"),
                     NTPQ_OK);
    expect(w, "stratum=16");
    expect(w, "rec=0x00000000.00000000");
}

static void names_in_every_dress(void **state)
{
    struct world *w = *state;
    assert_int_equal(ask(w, NTPQ_READVAR, 0, " stratum = 3 ,, leap=\r\n"), NTPQ_OK);
    assert_string_equal(w->text, "stratum=1, leap=0\r\n");
    assert_int_equal(ask(w, NTPQ_READVAR, 0, "stratum,stratu"), NTPQ_ERROR_VARIABLE);
    assert_int_equal(w->answer.text.size, 0);
    assert_int_equal(ask(w, NTPQ_READVAR, 1, "leapsec"), NTPQ_ERROR_VARIABLE);
}

static void text_from_outside_cannot_leave_its_quotes(void **state)
{
    struct world *w = *state;
    snprintf(w->status.source[2].path, sizeof w->status.source[2].path, "a\", stratum=0\n\033[2J");
    assert_int_equal(ask(w, NTPQ_READVAR, 3, "srchost"), NTPQ_OK);
    assert_string_equal(w->text, "srchost=\"a?, stratum=0??[2J\"\r\n");
}

static void clocks(void **state)
{
    struct world *w = *state;
    status_count(&w->status.source[0].counters, "sentences", 9);
    status_count(&w->status.source[0].counters, "bad_checksum", 2);
    status_count(&w->status.source[0].counters, "malformed", 1);
    assert_int_equal(ask(w, NTPQ_READCLOCK, 1, ""), NTPQ_OK);
    expect(w, "device=\"nmea /dev/ttyS1\", poll=9, noreply=0, badformat=2, baddata=1");
    assert_int_equal(ask(w, NTPQ_READCLOCK, 0, "device"), NTPQ_OK); /* the system's */
    expect(w, "device=\"pps /dev/pps0\"");
    assert_int_equal(ask(w, NTPQ_READCLOCK, 3, ""), NTPQ_ERROR_ASSOCIATION);
    assert_int_equal(ask(w, NTPQ_READCLOCK, 1, "nonsense"), NTPQ_ERROR_VARIABLE);
}

static void every_driver_has_a_name_in_ntpq(void **state)
{
    struct world *w = *state;
    for (const struct driver_ops *const *ops = driver_table; *ops; ops++) {
        w->status.source_count = 0;
        add(w, (*ops)->name, "/dev/x", "leads", true);
        ntpq_associations_update(&w->list, &w->status);
        assert_int_equal(ask(w, NTPQ_READVAR, w->list.of[0].id, "srchost,srcadr"), NTPQ_OK);
        if (strstr(w->text, "CLOCK(") || !strstr(w->text, "(0)\", srcadr=127.127."))
            fail_msg("%s: %s", (*ops)->name, w->text);
    }
}

static void counters_are_those_of_the_status(void **state)
{
    struct world *w = *state;
    status_count(&w->status.server.verdicts, "answered", 10);
    status_count(&w->status.server.verdicts, "short", 3);
    status_count(&w->status.server.verdicts, "query", 2);
    assert_int_equal(ask(w, NTPQ_READVAR, 0, "ss_received,ss_processed,ss_badformat,ss_numctlreq"),
                     NTPQ_OK);
    assert_string_equal(w->text,
                        "ss_received=15, ss_processed=10, ss_badformat=3, ss_numctlreq=2\r\n");
}

static void a_nonce_is_of_an_address_and_of_16_seconds(void **state)
{
    struct world *w = *state;
    char nonce[NTPQ_NONCE_SIZE], request[128];
    assert_int_equal(ask(w, NTPQ_REQ_NONCE, 0, ""), NTPQ_OK);
    assert_int_equal(sscanf(w->text, "nonce=%48s", nonce), 1);
    snprintf(request, sizeof request, "nonce=%s, frags=32, recent=20", nonce);
    assert_int_equal(ask(w, NTPQ_READ_MRU, 0, request), NTPQ_OK);
    assert_string_equal(w->text, "now=0xeeaffac0.00000000\r\n");
    w->from.v4.sin_port = htons(4711); /* another port is the same address */
    w->ntpq.now += 16 * NS_PER_S;
    assert_int_equal(ask(w, NTPQ_READ_MRU, 0, request), NTPQ_OK);
    w->ntpq.now += 1;
    assert_int_equal(ask(w, NTPQ_READ_MRU, 0, request), NTPQ_ERROR_VALUE);
    w->ntpq.now -= 17 * NS_PER_S; /* made in the future */
    assert_int_equal(ask(w, NTPQ_READ_MRU, 0, request), NTPQ_ERROR_VALUE);
    w->ntpq.now += 16 * NS_PER_S;
    w->from.v4.sin_addr.s_addr = htonl(0x7f000002);
    assert_int_equal(ask(w, NTPQ_READ_MRU, 0, request), NTPQ_ERROR_VALUE);
    w->from.v4.sin_addr.s_addr = htonl(0x7f000001);
    w->ntpq.key[0]++;
    assert_int_equal(ask(w, NTPQ_READ_MRU, 0, request), NTPQ_ERROR_VALUE);
    w->ntpq.key[0]--;
    request[10] = request[10] == 'f' ? 'e' : 'f';
    assert_int_equal(ask(w, NTPQ_READ_MRU, 0, request), NTPQ_ERROR_VALUE);
    assert_int_equal(ask(w, NTPQ_READ_MRU, 0, "frags=32"), NTPQ_ERROR_VALUE);
}

static size_t many_clients(void *arg, struct ratelimit_client *to, size_t most)
{
    size_t count = *(size_t *)arg < most ? *(size_t *)arg : most;
    for (size_t i = 0; i < count; i++) {
        to[i] = (struct ratelimit_client){.first = NOW - 100 * NS_PER_S,
                                          .last = NOW - (int64_t)i * NS_PER_S,
                                          .count = 7,
                                          .dropped = 2,
                                          .mode = 3,
                                          .version = 4,
                                          .limited = i == 0,
                                          .kod = i == 0};
        to[i].address.v6 = (struct sockaddr_in6){
            .sin6_family = AF_INET6, .sin6_port = htons(123), .sin6_addr = in6addr_loopback};
        to[i].address.v6.sin6_addr.s6_addr[14] = (uint8_t)i;
    }
    return count;
}

static void ask_clients(struct world *w, const char *words)
{
    char nonce[NTPQ_NONCE_SIZE], request[200];
    ntpq_nonce_make(w->ntpq.key, &w->from, w->ntpq.now, nonce);
    snprintf(request, sizeof request, "nonce=%s%s", nonce, words);
    assert_int_equal(ask(w, NTPQ_READ_MRU, 0, request), NTPQ_OK);
    expect(w, "now=0xeeaffac0.00000000\r\n");
}

static void the_clients_heard_last(void **state)
{
    struct world *w = *state;
    size_t count = 2;
    w->status.clock.offset = 0;
    w->ntpq.clients = many_clients;
    w->ntpq.clients_arg = &count;
    ask_clients(w, ", frags=32");
    expect(w, "addr.0=[::101]:123, last.0=0xeeaffabf.00000000, first.0=0xeeaffa5c.00000000, "
              "ct.0=7, mv.0=35, rs.0=0x0, dr.0=2, addr.1=[::1]:123");
    expect(w, "rs.1=0x420, dr.1=2, last.newest=0xeeaffac0.00000000, now=");
    count = 1000;
    ask_clients(w, ", recent=5");
    expect(w, "addr.4=[::1]:123");
    assert_null(strstr(w->text, "addr.5="));
    w->status.clock.offset = -1; /* true time is not what the clock reads */
    ask_clients(w, ", recent=1");
    expect(w, "addr.0=[::1]:123, last.0=0xeeaffabf.00000000");
    w->status.clock.offset = 0;
    ask_clients(w, ", frags=1");
    assert_int_equal(w->answer.packets, 1);
    ask_clients(w, ", frags=-1, limit=99999999999999999999");
    assert_true(w->answer.packets > 10 && w->answer.packets <= NTPQ_PACKETS_MAX);
    expect(w, "addr.63=[::1]:123");
}

/* A2: every opcode and length; what is no request gets nothing, not even an error. */
static void a2_every_opcode_and_length(void **state)
{
    struct world *w = *state;
    uint8_t request[700];
    memset(request, ',', sizeof request);
    for (unsigned opcode = 0; opcode < 256; opcode++)
        for (size_t size = 0; size <= 500; size++) {
            memset(request, 0, NTPQ_HEADER);
            request[0] = 0x1e;
            request[1] = (uint8_t)opcode;
            request[10] = (uint8_t)((size > 12 ? size - 12 : 0) >> 8);
            request[11] = (uint8_t)(size > 12 ? size - 12 : 0);
            ntpq_answer(&w->ntpq, &w->from, request, size, &w->answer);
            bool reads = opcode == 1 || opcode == 2 || opcode == 4 || opcode == 10 || opcode == 12;
            if (size < 12 || opcode > 31) {
                assert_int_equal(w->answer.packets, 0);
                continue;
            }
            collect(w, opcode);
            bool error = w->header[1] & 0x40;
            if (size > 12 + 468)
                assert_true(error && w->header[4] == NTPQ_ERROR_FORMAT);
            else if (!reads)
                assert_true(error && w->header[4] == NTPQ_ERROR_OPCODE);
            else
                assert_int_equal(error, opcode == 10);
        }
}

static void what_is_no_request_gets_nothing(void **state)
{
    struct world *w = *state;
    uint8_t request[NTPQ_REQUEST_MAX + 1] = {0x16, 2};
    for (unsigned first = 0; first < 256; first++) {
        unsigned version = first >> 3 & 7;
        request[0] = (uint8_t)first;
        ntpq_answer(&w->ntpq, &w->from, request, 12, &w->answer);
        bool good = (first & 7) == 6 && version >= 1 && version <= 4;
        assert_int_equal(w->answer.packets > 0, good);
        if (good)
            assert_int_equal(w->answer.first, first & 0x3f);
    }
    request[0] = 0x16;
    ntpq_answer(&w->ntpq, &w->from, request, sizeof request, &w->answer);
    assert_int_equal(w->answer.packets, 0);
    request[11] = 1; /* says that it is longer than it is */
    ntpq_answer(&w->ntpq, &w->from, request, 12, &w->answer);
    collect(w, 2);
    assert_int_equal(w->header[4], NTPQ_ERROR_FORMAT);
    request[11] = 0;
    request[9] = 8; /* in parts */
    ntpq_answer(&w->ntpq, &w->from, request, 12, &w->answer);
    collect(w, 2);
    assert_int_equal(w->header[4], NTPQ_ERROR_FORMAT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(associations_have_the_words_that_fit_the_selection),
        TEST(an_association_keeps_its_number_while_its_source_lives),
        TEST(the_default_set_of_the_system),
        TEST(an_unsynchronised_system),
        TEST(the_variables_of_sources),
        TEST(names_in_every_dress),
        TEST(text_from_outside_cannot_leave_its_quotes),
        TEST(clocks),
        TEST(every_driver_has_a_name_in_ntpq),
        TEST(counters_are_those_of_the_status),
        TEST(a_nonce_is_of_an_address_and_of_16_seconds),
        TEST(the_clients_heard_last),
        TEST(a2_every_opcode_and_length),
        TEST(what_is_no_request_gets_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
