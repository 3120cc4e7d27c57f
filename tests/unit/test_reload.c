/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The whole daemon in virtual time, whose configuration is read again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "refclock/civil.h"
#include "server/responder/handler.h"
#include "server/daemon/reload.h"
#include "server/sim/world.h"

#define TEXT 4096

struct bench {
    struct sim_world world; /* first: the daemon's `arg` */
    char first[TEXT];       /* the configuration that it was opened with */
    char text[TEXT];        /* ... and that it reads again */
    char said[TEXT];
    int reads;
};

static const struct log quiet = {.max = LOG_LEVEL_ERROR};

static int read_text(void *arg, struct config *c, struct config_errors *errors)
{
    struct bench *b = arg;
    b->reads++;
    return config_parse(c, "conf", b->text, strlen(b->text), errors);
}

static void hear(void *arg, enum log_level level, const char *line)
{
    struct bench *b = arg;
    size_t n = strlen(b->said);
    (void)level;
    snprintf(b->said + n, sizeof b->said - n, "%s\n", line);
}

/* Two servers in the network, of which the lines of `conf` may name some. */
static struct bench *begin(int receivers, const char *conf)
{
    struct bench *b = calloc(1, sizeof *b);
    struct scenario s;
    struct err err;
    scenario_default(&s);
    s.receivers = receivers;
    s.servers = 2;
    for (int i = 0; i < 2; i++)
        s.server[i] = (struct sim_server_config){
            .stratum = 1, .dispersion = 1e-4, .delay = 1e-3, .jitter = 1e-4};
    snprintf(s.conf, sizeof s.conf, "listen none\nstatussocket none\n%s", conf);
    if (sim_world_open(&b->world, &s, false, "conf", "", &quiet, &err))
        fail_msg("%s: %s", err.thing, err.why);
    snprintf(b->first, sizeof b->first, "%s", b->world.conf);
    b->world.daemon->world.read_config = read_text;
    return b;
}

static void end(struct bench *b)
{
    sim_world_close(&b->world);
    free(b);
}

/* Reads again the first configuration, without the line that begins with `without`, and with
 * `with`.
 */
static int again(struct bench *b, const char *without, const char *with)
{
    size_t n = 0;
    *b->said = 0;
    for (const char *l = b->first; *l;) {
        size_t length = strcspn(l, "\n");
        if (!without || strncmp(l, without, strlen(without)) != 0)
            n += (size_t)snprintf(b->text + n, sizeof b->text - n, "%.*s\n", (int)length, l);
        l += length + (l[length] == '\n');
    }
    snprintf(b->text + n, sizeof b->text - n, "%s", with);
    return reload_now(b->world.daemon, hear, b);
}

static void run(struct bench *b, int64_t seconds)
{
    int64_t until = b->world.virtual_loop.truth + seconds * NS_PER_S;
    while (b->world.virtual_loop.truth < until)
        assert_int_equal(loop_turn(sim_world_loop(&b->world), until), 0);
}

/* The same, and the clock stays locked and does not jump. */
static void run_locked(struct bench *b, int64_t seconds)
{
    const struct refclock *r = &b->world.daemon->refclock;
    uint64_t steps = r->steps;
    for (int64_t i = 0; i < seconds; i++) {
        run(b, 1);
        assert_int_equal(r->state, REFCLOCK_LOCKED);
        assert_true(fabs(daemon_status(b->world.daemon)->clock.offset) < 1e-3);
    }
    assert_int_equal(r->steps, steps);
}

static const struct peer *peer_at(struct bench *b, size_t index)
{
    assert_true(index < peers_count(b->world.daemon->peers));
    return peers_member(b->world.daemon->peers, index)->peer;
}

static void servers_come_and_go_and_the_lock_stays(void **state)
{
    (void)state;
    struct bench *b = begin(1, "server 192.0.2.1 iburst minpoll 4\n");
    struct daemon *d = b->world.daemon;
    run(b, 300);
    run_locked(b, 60);
    uint64_t samples = d->refclock.discipline.count, sent = peer_at(b, 0)->sent;
    uint8_t reach = peer_at(b, 0)->reach;
    assert_true(reach);
    assert_int_equal(again(b, NULL, "server 192.0.2.2 iburst minpoll 4\n"), 0);
    assert_non_null(strstr(b->said, "applied: server"));
    assert_int_equal(peers_count(d->peers), 2);
    assert_int_equal(peer_at(b, 0)->sent, sent);
    assert_int_equal(peer_at(b, 0)->reach, reach);
    assert_int_equal(d->refclock.discipline.count, samples);
    run_locked(b, 120);
    assert_true(peer_at(b, 1)->verdict[EXCHANGE_MEASURED] >= 8);
    /* the first goes; the second notices nothing */
    sent = peer_at(b, 1)->sent;
    assert_int_equal(again(b, "server ", "server 192.0.2.2 iburst minpoll 4\n"), 0);
    assert_int_equal(peers_count(d->peers), 1);
    assert_int_equal(peer_at(b, 0)->sent, sent);
    run_locked(b, 60);
    /* an option makes it another line */
    assert_int_equal(again(b, "server ", "server 192.0.2.2 iburst minpoll 5\n"), 0);
    assert_int_equal(peer_at(b, 0)->sent, 0);
    run_locked(b, 60);
    assert_int_equal(daemon_status(d)->source_count, 3); /* pulses, messages, and it */
    assert_int_equal(again(b, "server ", ""), 0);
    assert_int_equal(peers_count(d->peers), 0);
    run_locked(b, 60);
    assert_true(d->refclock.discipline.count > samples);
    end(b);
}

static void places_are_used_again(void **state)
{
    (void)state;
    struct bench *b = begin(1, "server 192.0.2.1 iburst minpoll 4\n");
    run(b, 300);
    for (int i = 0; i < 100; i++) {
        char line[100];
        snprintf(line, sizeof line, "pool 192.0.2.2 maxsources %d\nserver 192.0.2.1 minpoll %d\n",
                 1 + i % 16, 3 + i % 2);
        assert_int_equal(again(b, "server ", line), 0);
        run_locked(b, 2);
        assert_int_equal(peers_count(b->world.daemon->peers), 2 + i % 16);
        assert_true(b->world.daemon->refclock.count <= 1 + PEERS_MAX);
    }
    assert_null(strstr(b->said, "too many"));
    end(b);
}

static void the_first_server_may_come_late(void **state)
{
    (void)state;
    struct bench *b = begin(1, "");
    run(b, 300);
    assert_int_equal(again(b, "server ", ""), 0); /* the world's own lines */
    run_locked(b, 10);
    assert_int_equal(again(b, "server ", "server 192.0.2.2 iburst\n"), 0);
    run_locked(b, 60);
    assert_true(peer_at(b, 0)->reach);
    end(b);
}

static void a_leader_that_is_taken_away_is_followed_by_another(void **state)
{
    (void)state;
    struct bench *b =
        begin(0, "server 192.0.2.1 iburst minpoll 4\nserver 192.0.2.2 iburst minpoll 4\n");
    struct refclock *r = &b->world.daemon->refclock;
    char gone[32];
    run(b, 600);
    run_locked(b, 30);
    int led = r->leader;
    assert_in_range(led, 0, REFCLOCK_SOURCES - 1);
    snprintf(gone, sizeof gone, "%s", r->receiver[led].config.name);
    assert_int_equal(again(b, gone, ""), 0);
    run_locked(b, 120);
    assert_true(r->leader >= 0 && r->leader != led);
    /* all gone: holdover, then unsynchronised, and it goes on when one is back */
    assert_int_equal(again(b, "server ", ""), 0);
    run(b, 5);
    assert_true(r->leader < 0);
    assert_int_equal(again(b, NULL, ""), 0);
    run(b, 120);
    run_locked(b, 60);
    end(b);
}

static void a_file_with_errors_changes_nothing(void **state)
{
    (void)state;
    struct bench *b = begin(1, "server 192.0.2.1 iburst\n");
    struct daemon *d = b->world.daemon;
    run(b, 300);
    double steplimit = d->config->steplimit;
    uint64_t sent = peer_at(b, 0)->sent;
    assert_int_equal(again(b, "server ", "steplimit 2\nserver 192.0.2.2\nbogus 1\nclock maybe\n"),
                     -1);
    assert_non_null(strstr(b->said, "conf:"));
    assert_non_null(strstr(b->said, "unknown word 'bogus'"));
    assert_non_null(strstr(b->said, "clock"));
    assert_non_null(strstr(b->said, "nothing was changed"));
    assert_int_equal(again(b, NULL, "steplimit 2\nkeys /nonexistent/keys\n"), -1);
    assert_non_null(strstr(b->said, "/nonexistent/keys"));
    assert_int_equal(again(b, "server ", "steplimit 2\nserver 192.0.2.2 key 7\n"), -1);
    assert_non_null(strstr(b->said, "server 192.0.2.2"));
    assert_true(d->config->steplimit == steplimit && d->refclock.config.steplimit == steplimit);
    assert_int_equal(peers_count(d->peers), 1);
    assert_int_equal(peer_at(b, 0)->sent, sent);
    run_locked(b, 60);
    end(b);
}

static void what_cannot_change_is_named_with_its_line(void **state)
{
    (void)state;
    struct bench *b = begin(1, "server 192.0.2.1\nthreads 0\n");
    struct daemon *d = b->world.daemon;
    run(b, 300);
    assert_int_equal(
        again(b, "threads", "threads 2\nholdover 0.01\nrefclock shm 3\nlisten 127.0.0.1 port 11\n"),
        -1); /* listen none, and listen */
    assert_int_equal(again(b, "threads", "threads 2\nholdover 0.01\nrefclock shm 3\n"), 0);
    char expected[64];
    int line = 0;
    for (const char *l = strstr(b->text, "threads 2"); l >= b->text; l--)
        line += *l == '\n';
    snprintf(expected, sizeof expected, "conf:%d: threads: not changed; restart", line + 1);
    assert_non_null(strstr(b->said, expected));
    assert_non_null(strstr(b->said, "refclock: not changed; restart"));
    assert_non_null(strstr(b->said, "applied: holdover"));
    assert_int_equal(d->config->threads, 0);
    assert_int_equal(d->config->refclock_count, 2);
    assert_true(d->refclock.config.holdover_limit == 0.01);
    run_locked(b, 60);
    /* and it is said as long as file and daemon differ */
    assert_int_equal(again(b, "threads", ""), 0);
    assert_non_null(strstr(b->said, "threads: it is not in the file any more"));
    assert_int_equal(again(b, NULL, ""), 0);
    assert_non_null(strstr(b->said, "reloaded; nothing new to apply"));
    end(b);
}

/* ---- keys ---- */

static enum verdict ask_signed(struct handler *h, uint32_t id, const char *secret)
{
    uint8_t request[WIRE_SIZE + 24] = {4 << 3 | WIRE_MODE_CLIENT, [40] = 1}, out[REPLY_SIZE];
    struct key key = {.id = id};
    mac_key_set(&key.mac, mac_find("SHA1"), (const uint8_t *)secret, strlen(secret));
    keys_sign(&key, request, WIRE_SIZE, 20);
    uint64_t before[VERDICT_COUNT];
    for (int v = 0; v < VERDICT_COUNT; v++)
        before[v] = h->tally.verdict[v];
    handler_look(h);
    struct datagram q = {.bytes = request, .size = sizeof request, .received = h->now};
    size_t size = handler_answer(h, &q, out);
    handler_rest(h);
    assert_false(h->timely); /* what is signed stays as it is */
    assert_true(!size || (size == sizeof request &&
                          mac_right(&key.mac, out, WIRE_SIZE, out + WIRE_SIZE + 4, 20)));
    for (int v = 0; v < VERDICT_COUNT; v++)
        if (h->tally.verdict[v] != before[v])
            return (enum verdict)v;
    fail();
    return VERDICT_COUNT;
}

static void write_keys(const char *path, const char *text)
{
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    assert_int_equal(fclose(out), 0);
}

static void keys_change_with_their_file(void **state)
{
    (void)state;
    char path[] = "/tmp/test_reload_XXXXXX", conf[100];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    write_keys(path, "1 SHA1 one\n2 SHA1 two\n");
    snprintf(conf, sizeof conf, "keys %s\ntrustedkey 1\nserver 192.0.2.1\n", path);
    struct bench *b = begin(1, conf);
    struct handler h;
    handler_init(&h, &b->world.daemon->latch, &b->world.clock.clock);
    handler_share_keys(&h, &b->world.daemon->keys);
    run(b, 300);
    assert_int_equal(ask_signed(&h, 1, "one"), VERDICT_ANSWERED);
    assert_int_equal(ask_signed(&h, 2, "two"), VERDICT_KEY); /* not trusted */
    assert_int_equal(ask_signed(&h, 1, "two"), VERDICT_MAC);
    assert_int_equal(again(b, "trustedkey", ""), 0);
    assert_non_null(strstr(b->said, "applied: trustedkey"));
    assert_int_equal(ask_signed(&h, 2, "two"), VERDICT_ANSWERED);
    write_keys(path, "1 SHA1 other\n");
    assert_int_equal(ask_signed(&h, 1, "one"), VERDICT_ANSWERED); /* until it is told */
    assert_int_equal(again(b, "trustedkey", ""), 0);
    assert_int_equal(ask_signed(&h, 1, "one"), VERDICT_MAC);
    assert_int_equal(ask_signed(&h, 1, "other"), VERDICT_ANSWERED);
    assert_int_equal(ask_signed(&h, 2, "two"), VERDICT_KEY);
    write_keys(path, "1 SHA1 another\nbad\n");
    assert_int_equal(again(b, "trustedkey", ""), -1);
    assert_non_null(strstr(b->said, ":2: "));
    assert_int_equal(ask_signed(&h, 1, "other"), VERDICT_ANSWERED);
    assert_int_equal(again(b, "keys", ""), 0);
    assert_int_equal(ask_signed(&h, 1, "other"), VERDICT_KEY);
    run_locked(b, 10);
    end(b);
    unlink(path);
}

/* F4: a thousand signals a second are one reload a second. */
static void f4_storms_are_harmless(void **state)
{
    (void)state;
    struct bench *b = begin(1, "server 192.0.2.1\n");
    run(b, 300);
    memcpy(b->text, b->first, sizeof b->text);
    for (int second = 0; second < 10; second++) {
        for (int i = 0; i < 1000; i++)
            reload_soon(b->world.daemon);
        run_locked(b, 1);
    }
    assert_in_range(b->reads, 9, 11);
    for (int i = 0; i < 1000; i++)
        reload_soon(b->world.daemon);
    end(b); /* one is still due */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_come_and_go_and_the_lock_stays),
        cmocka_unit_test(places_are_used_again),
        cmocka_unit_test(the_first_server_may_come_late),
        cmocka_unit_test(a_leader_that_is_taken_away_is_followed_by_another),
        cmocka_unit_test(a_file_with_errors_changes_nothing),
        cmocka_unit_test(what_cannot_change_is_named_with_its_line),
        cmocka_unit_test(keys_change_with_their_file),
        cmocka_unit_test(f4_storms_are_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
