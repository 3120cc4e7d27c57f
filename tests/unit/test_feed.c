/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/sock_layout.h"
#include "drivers/sock_listen.h"
#include "refclock/civil.h"
#include "server/daemon/feed.h"

#define START (INT64_C(1795521600) * NS_PER_S)

/* The clock is 25 ms behind, and 2 ppm slow. */
static const struct snapshot snapshot = {
    .reference = START,
    .offset = 0.025,
    .rate = 2e-6,
    .total = 3e-6,
    .drift = 1e-9,
    .stratum = 1,
    .leap = LEAP_INSERT,
};

static int unit_free(void)
{
    int unit = 16 + getpid() % 200;
    while (shmget(SHM_KEY + unit, 0, 0) >= 0)
        unit = unit < SHM_UNIT_MAX ? unit + 1 : 16;
    return unit;
}

struct lines {
    int count;
    char last[512];
};

static void keep(void *arg, enum log_level level, const char *line)
{
    struct lines *l = arg;
    (void)level;
    l->count++;
    snprintf(l->last, sizeof l->last, "%s", line);
}

static void through_shared_memory(void **state)
{
    struct config_feed config = {.kind = FEED_SHM, .unit = unit_free()};
    struct feed f;
    struct err err = {0};
    struct shmid_ds ds;
    struct shm_sample s;
    struct lines lines = {0};
    struct log log = {.max = LOG_LEVEL_DEBUG, .write = keep, .arg = &lines};
    (void)state;
    assert_int_equal(feed_open(&f, &config, &err), 0);
    int id = shmget(SHM_KEY + (int)config.unit, 0, 0);
    assert_int_equal(shmctl(id, IPC_STAT, &ds), 0);
    assert_int_equal(ds.shm_perm.mode & 0777, 0600);
    volatile struct shm_segment *segment = shmat(id, NULL, 0);
    assert_int_equal(shm_take(segment, true, &s), SHM_NOTHING);
    for (int i = 0; i < 3; i++) {
        int64_t reading = START + i * NS_PER_S + 123456789;
        feed_write(&f, &snapshot, reading, &log);
        assert_int_equal(segment->mode, 1);
        assert_int_equal(segment->count, 2 * (i + 1));
        assert_int_equal(shm_take(segment, true, &s), SHM_SAMPLE);
        assert_int_equal(s.receive, reading);
        assert_int_equal(s.clock, snapshot_truth(&snapshot, reading));
        assert_int_equal(s.leap, LEAP_INSERT);
        assert_int_equal(s.precision, -18); /* 3 us */
    }
    assert_int_equal(f.written, 3);
    assert_int_equal(lines.count, 1);
    /* removed, and made anew */
    shmctl(id, IPC_RMID, NULL);
    feed_write(&f, &snapshot, START, &log);
    int again = shmget(SHM_KEY + (int)config.unit, 0, 0);
    assert_true(again >= 0 && again != id);
    shmctl(again, IPC_RMID, NULL);
    shmdt((const void *)segment);
    feed_close(&f);
}

static void a_segment_of_others_is_refused(void **state)
{
    struct config_feed config = {.kind = FEED_SHM, .unit = unit_free()};
    struct feed f;
    struct err err = {0};
    (void)state;
    int id = shmget(SHM_KEY + (int)config.unit, 40, IPC_CREAT | 0600);
    assert_int_equal(feed_open(&f, &config, &err), -1);
    assert_string_equal(err.why, "has 40 bytes, not 96");
    shmctl(id, IPC_RMID, NULL);
    id = shmget(SHM_KEY + (int)config.unit, 96, IPC_CREAT | 0666);
    assert_int_equal(feed_open(&f, &config, &err), -1);
    assert_non_null(strstr(err.why, "can be written by other users"));
    shmctl(id, IPC_RMID, NULL);
}

static int receive(const struct sock_listen *s, struct sock_sample *out)
{
    uint8_t bytes[SOCK_SIZE_MAX];
    ssize_t got = recv(s->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    return got < 0 ? -1 : sock_decode(bytes, (size_t)got, out);
}

static void through_a_socket(void **state)
{
    struct config_feed config = {.kind = FEED_SOCK};
    struct feed f;
    struct err err = {0};
    struct sock_listen receiver;
    struct sock_sample s = {0};
    struct lines lines = {0};
    struct log log = {.max = LOG_LEVEL_DEBUG, .write = keep, .arg = &lines};
    (void)state;
    snprintf(config.path, sizeof config.path, "/tmp/timeball-feed-%d", (int)getpid());
    assert_int_equal(feed_open(&f, &config, &err), 0);
    for (int i = 0; i < 5; i++) /* nobody there: said once */
        feed_write(&f, &snapshot, START, &log);
    assert_int_equal(f.failed, 5);
    assert_int_equal(lines.count, 1);
    assert_non_null(strstr(lines.last, "does not work"));
    for (int i = 0; i < 3; i++) { /* comes, and is made anew: each next sample arrives */
        assert_int_equal(sock_listen_open(&receiver, config.path, 0600, &err), 0);
        int64_t reading = START + i * NS_PER_S + 123456789;
        feed_write(&f, &snapshot, reading, &log);
        assert_int_equal(receive(&receiver, &s), 0);
        assert_int_equal(s.kernel, reading / 1000 * 1000);
        assert_true(fabs(s.offset - 0.025 - 2e-6 * (i + 0.123456)) < 1.1e-9);
        assert_int_equal(s.leap, LEAP_INSERT);
        assert_false(s.pulse);
        sock_listen_close(&receiver);
    }
    assert_int_equal(f.written, 3);
    assert_int_equal(lines.count, 2);
    feed_close(&f);
}

static void years_apart(void **state)
{
    struct config_feed config = {.kind = FEED_SOCK};
    struct snapshot far = snapshot;
    struct feed f;
    struct err err = {0};
    struct sock_listen receiver;
    struct sock_sample s = {0};
    (void)state;
    far.shift = INT64_C(-500000000) * NS_PER_S;
    snprintf(config.path, sizeof config.path, "/tmp/timeball-feed-%d", (int)getpid());
    assert_int_equal(feed_open(&f, &config, &err), 0);
    assert_int_equal(sock_listen_open(&receiver, config.path, 0600, &err), 0);
    feed_write(&f, &far, START, NULL);
    assert_int_equal(receive(&receiver, &s), 0);
    assert_true(fabs(s.offset - (-500000000 + 0.025)) < 1e-6);
    /* one that does not read is not waited for */
    for (int i = 0; i < 1000; i++)
        feed_write(&f, &far, START, NULL);
    assert_true(f.failed > 0);
    sock_listen_close(&receiver);
    feed_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(through_shared_memory),
        cmocka_unit_test(a_segment_of_others_is_refused),
        cmocka_unit_test(through_a_socket),
        cmocka_unit_test(years_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
