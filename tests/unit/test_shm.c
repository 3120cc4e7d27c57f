/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/shm.h>
#include <unistd.h>

#include "driver_world.h"
#include "drivers/shm_layout.h"
#include "refclock/civil.h"

#define START (INT64_C(1795521600) * NS_PER_S)

struct bench {
    struct driver_world world;
    int unit;
    struct shm_segment *segment; /* as the other program sees it */
};

static int id_of(int unit)
{
    return shmget(SHM_KEY + unit, 0, 0);
}

/* A unit that nobody has. */
static int free_unit(void)
{
    int unit = 16 + getpid() % 200;
    while (id_of(unit) >= 0)
        unit = unit < SHM_UNIT_MAX ? unit + 1 : 16;
    return unit;
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    char unit[16];
    b->unit = free_unit();
    snprintf(unit, sizeof unit, "%d", b->unit);
    world_init(&b->world, "shm", unit, START);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    world_close(&b->world);
    if (b->segment)
        shmdt(b->segment);
    if (id_of(b->unit) >= 0)
        shmctl(id_of(b->unit), IPC_RMID, NULL);
    free(b);
    return 0;
}

static int open_driver(struct bench *b, struct err *err)
{
    return b->world.driver->ops->open(b->world.driver, err);
}

static void attach(struct bench *b)
{
    b->segment = shmat(id_of(b->unit), NULL, 0);
    assert_true((intptr_t)b->segment != -1);
}

/* The other program puts a sample of now, `ns` late. */
static void put(struct bench *b, int64_t ns)
{
    struct shm_sample s = {.clock = b->world.loop.truth - 250,
                           .receive = clock_now(&b->world.clock.clock) - 250 + ns,
                           .precision = -20};
    shm_put(b->segment, &s);
}

static void opened(struct bench *b)
{
    struct err err = {0};
    assert_int_equal(open_driver(b, &err), 0);
    attach(b);
}

static void a_missing_segment_is_made_for_this_user_alone(void **state)
{
    struct bench *b = *state;
    struct shmid_ds ds;
    opened(b);
    assert_int_equal(shmctl(id_of(b->unit), IPC_STAT, &ds), 0);
    assert_int_equal(ds.shm_perm.mode & 0777, 0600);
    assert_int_equal(ds.shm_segsz, sizeof(struct shm_segment));
}

static void each_sample_once(void **state)
{
    struct bench *b = *state;
    opened(b);
    for (int i = 0; i < 10; i++) {
        put(b, 1500);
        world_run(&b->world, NS_PER_S);
        assert_int_equal(b->world.samples, i + 1);
        assert_int_equal(b->segment->valid, 0);
    }
    assert_int_equal(b->world.sample.local - b->world.sample.truth, 1500);
    assert_true(b->world.sample.pulse);
    assert_float_equal(b->world.sample.uncertainty, 20e-6 + 0x1p-20, 1e-12);
    assert_int_equal(b->world.sample.leap, LEAP_NONE);
    assert_int_equal(b->world.health, HEALTH_OK);
}

static void a_step_does_not_move_the_local_scale(void **state)
{
    struct bench *b = *state;
    int64_t at;
    opened(b);
    world_run(&b->world, NS_PER_S);
    assert_int_equal(clock_step(&b->world.clock.clock, 100, &at, NULL), 0);
    put(b, 0);
    world_run(&b->world, NS_PER_S);
    assert_int_equal(b->world.samples, 0); /* it may be of before the step */
    assert_int_equal(world_count(&b->world, "stale"), 1);
    put(b, 0);
    world_run(&b->world, NS_PER_S);
    assert_int_equal(b->world.samples, 1);
    assert_int_equal(b->world.sample.local, b->world.sample.truth);
}

static void old_and_future_samples_are_dropped(void **state)
{
    struct bench *b = *state;
    opened(b);
    put(b, -5100000000);
    world_run(&b->world, NS_PER_S);
    put(b, 3 * NS_PER_S);
    world_run(&b->world, NS_PER_S);
    assert_int_equal(b->world.samples, 0);
    assert_int_equal(world_count(&b->world, "stale"), 2);
}

static void a_torn_sample_is_dropped(void **state)
{
    struct bench *b = *state;
    struct shm_segment before;
    struct shm_sample s, good = {.clock = START, .receive = START + 7, .precision = -20};
    opened(b);
    shm_put(b->segment, &good);
    /* a writer that stopped after the first count has taken back `valid` */
    before = *b->segment;
    b->segment->valid = 0;
    b->segment->count++;
    assert_int_equal(shm_take(b->segment, true, &s), SHM_NOTHING);
    *b->segment = before;
    assert_int_equal(shm_take(b->segment, true, &s), SHM_SAMPLE);
    assert_int_equal(s.receive, START + 7);
    assert_int_equal(shm_take(b->segment, true, &s), SHM_NOTHING);
}

struct writer {
    struct shm_segment *segment;
    atomic_bool stop;
};

/* Both times of each sample are the same. */
static void *write_fast(void *arg)
{
    struct writer *w = arg;
    for (int64_t i = 1; !w->stop; i++) {
        struct shm_sample s = {
            .clock = i * 1000001007, .receive = i * 1000001007, .precision = -20};
        shm_put(w->segment, &s);
    }
    return NULL;
}

static void no_torn_sample_passes_for_whole(void **state)
{
    struct bench *b = *state;
    struct shm_sample s;
    pthread_t thread;
    int whole = 0;
    opened(b);
    struct writer w = {.segment = b->segment};
    assert_int_equal(pthread_create(&thread, NULL, write_fast, &w), 0);
    for (int i = 0; i < 1000000 || (whole < 100 && i < 50000000); i++)
        if (shm_take(b->segment, false, &s) == SHM_SAMPLE) {
            whole++;
            if (s.clock != s.receive)
                break;
        }
    w.stop = true;
    pthread_join(thread, NULL);
    assert_int_equal(s.clock, s.receive);
    assert_true(whole >= 100);
}

static void microseconds_count_where_nanoseconds_contradict(void **state)
{
    struct bench *b = *state;
    struct shm_sample s, good = {.clock = START + 123456789, .receive = START + 987654321};
    opened(b);
    shm_put(b->segment, &good);
    b->segment->clock_nsec = 5;
    b->segment->mode = 0;
    assert_int_equal(shm_take(b->segment, true, &s), SHM_SAMPLE);
    assert_int_equal(s.clock, START + 123456000);
    assert_int_equal(s.receive, START + 987654321);
}

static void hostile_fields(void **state)
{
    struct bench *b = *state;
    struct shm_sample s, good = {.clock = START, .receive = START};
    static const struct {
        size_t offset;
        int value;
    } wrong[] = {
        {offsetof(struct shm_segment, mode), 2},
        {offsetof(struct shm_segment, mode), -1},
        {offsetof(struct shm_segment, leap), 4},
        {offsetof(struct shm_segment, leap), -1},
        {offsetof(struct shm_segment, precision), 11},
        {offsetof(struct shm_segment, precision), INT32_MIN},
        {offsetof(struct shm_segment, clock_usec), 1000000},
        {offsetof(struct shm_segment, receive_usec), -1},
        {offsetof(struct shm_segment, clock_sec) + 4, INT32_MAX},
        {offsetof(struct shm_segment, receive_sec) + 4, INT32_MIN},
    };
    opened(b);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        shm_put(b->segment, &good);
        memcpy((char *)b->segment + wrong[i].offset, &wrong[i].value, sizeof(int));
        assert_int_equal(shm_take(b->segment, false, &s), SHM_BAD);
        world_run(&b->world, NS_PER_S);
    }
    assert_int_equal(b->world.samples, 0);
    assert_int_equal(world_count(&b->world, "bad"), sizeof wrong / sizeof *wrong);
}

static void unsynchronised_writers_are_not_believed(void **state)
{
    struct bench *b = *state;
    opened(b);
    put(b, 0);
    b->segment->leap = LEAP_UNKNOWN;
    world_run(&b->world, NS_PER_S);
    assert_int_equal(b->world.samples, 0);
    assert_int_equal(b->world.health, HEALTH_NO_FIX);
    put(b, 0);
    b->segment->leap = LEAP_INSERT;
    world_run(&b->world, NS_PER_S);
    assert_int_equal(b->world.sample.leap, LEAP_INSERT);
    assert_int_equal(b->world.health, HEALTH_OK);
}

static void messages_are_no_pulses(void **state)
{
    struct bench *b = *state;
    opened(b);
    put(b, 0);
    b->segment->precision = -1;
    world_run(&b->world, NS_PER_S);
    assert_false(b->world.sample.pulse);
    assert_true(b->world.sample.uncertainty >= 0.5);
    world_option(&b->world, "uncertainty", 0, 0.05);
    world_option(&b->world, "latency", 0, 0.125);
    put(b, 0);
    world_run(&b->world, NS_PER_S);
    assert_float_equal(b->world.sample.uncertainty, 0.05, 1e-12);
    assert_int_equal(b->world.sample.truth - b->world.sample.local, 125000000);
}

static void silence_and_a_removed_segment(void **state)
{
    struct bench *b = *state;
    opened(b);
    world_run(&b->world, 25 * NS_PER_S);
    assert_int_equal(b->world.health, HEALTH_SILENT);
    shmctl(id_of(b->unit), IPC_RMID, NULL);
    world_run(&b->world, NS_PER_S * 3 / 2);
    assert_int_equal(b->world.health, HEALTH_CLOSED);
    shmdt(b->segment);
    world_run(&b->world, 3 * NS_PER_S);
    attach(b);
    put(b, 0);
    world_run(&b->world, NS_PER_S);
    assert_int_equal(b->world.samples, 1);
    assert_int_equal(world_count(&b->world, "reopened"), 1);
}

static void foreign(struct bench *b, size_t size, int mode, unsigned owner)
{
    struct shmid_ds ds;
    int id = shmget(SHM_KEY + b->unit, size, IPC_CREAT | IPC_EXCL | mode);
    assert_true(id >= 0);
    shmctl(id, IPC_STAT, &ds);
    ds.shm_perm.uid = owner;
    assert_int_equal(shmctl(id, IPC_SET, &ds), 0);
}

static void one_that_is_too_small(void **state)
{
    struct bench *b = *state;
    struct err err = {0};
    foreign(b, 80, 0600, geteuid());
    assert_int_equal(open_driver(b, &err), -1);
    assert_string_equal(err.why, "has 80 bytes, not 96");
}

static void one_that_everybody_may_write(void **state)
{
    struct bench *b = *state;
    struct err err = {0};
    foreign(b, 96, 0666, geteuid());
    assert_int_equal(open_driver(b, &err), -1);
    assert_string_equal(err.why, "can be written by other users (mode 0666)");
    bool yes = true;
    const struct option_row *row = b->world.driver->ops->options;
    while (strcmp(row->word, "anyone") != 0)
        row++;
    memcpy((char *)b->world.driver + row->offset, &yes, sizeof yes);
    assert_int_equal(open_driver(b, &err), 0);
}

static void one_of_another_user(void **state)
{
    struct bench *b = *state;
    struct err err = {0};
    if (geteuid() != 0)
        skip();
    foreign(b, 96, 0600, 65534);
    assert_int_equal(open_driver(b, &err), -1);
    assert_string_equal(err.why, "belongs to another user (65534)");
    assert_int_equal(b->world.samples, 0);
}

static void one_that_others_may_write_later(void **state)
{
    struct bench *b = *state;
    struct shmid_ds ds;
    opened(b);
    shmctl(id_of(b->unit), IPC_STAT, &ds);
    ds.shm_perm.mode = 0666;
    shmctl(id_of(b->unit), IPC_SET, &ds);
    world_run(&b->world, 2 * NS_PER_S);
    assert_int_equal(b->world.health, HEALTH_CLOSED);
    put(b, 0);
    world_run(&b->world, 2 * NS_PER_S);
    assert_int_equal(b->world.samples, 0);
}

static void what_is_no_unit(void **state)
{
    (void)state;
    static const char *const words[] = {"", "-1", "256", "1000", "2x", "/dev/shm"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct driver_world w;
        struct err err = {0};
        world_init(&w, "shm", words[i], START);
        assert_int_equal(w.driver->ops->open(w.driver, &err), -1);
        assert_non_null(strstr(err.why, "is no unit"));
        world_close(&w);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_missing_segment_is_made_for_this_user_alone),
        T(each_sample_once),
        T(a_step_does_not_move_the_local_scale),
        T(old_and_future_samples_are_dropped),
        T(a_torn_sample_is_dropped),
        T(no_torn_sample_passes_for_whole),
        T(microseconds_count_where_nanoseconds_contradict),
        T(hostile_fields),
        T(unsynchronised_writers_are_not_believed),
        T(messages_are_no_pulses),
        T(silence_and_a_removed_segment),
        T(one_that_is_too_small),
        T(one_that_everybody_may_write),
        T(one_of_another_user),
        T(one_that_others_may_write_later),
        cmocka_unit_test(what_is_no_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
