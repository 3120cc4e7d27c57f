/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/shm_layout.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include "refclock/civil.h"

#define SECOND_MAX INT64_C(9000000000) /* of an instant that int64_t ns can hold */

_Static_assert(sizeof(time_t) != 8 || (sizeof(struct shm_segment) == 96 &&
                                       offsetof(struct shm_segment, clock_nsec) == 52),
               "the layout for a time_t of 64 bits");

static bool instant(int64_t sec, int64_t usec, unsigned nsec, int64_t *out)
{
    if (sec <= 0 || sec >= SECOND_MAX || usec < 0 || usec > 999999)
        return false;
    *out = sec * NS_PER_S + (nsec / 1000 == (unsigned)usec ? (int64_t)nsec : usec * 1000);
    return true;
}

static bool plausible(const struct shm_segment *s)
{
    return s->mode >= 0 && s->mode <= 1 && s->leap >= LEAP_NONE && s->leap <= LEAP_UNKNOWN &&
           s->precision >= -40 && s->precision <= 10;
}

enum shm_look shm_take(volatile struct shm_segment *s, bool writable, struct shm_sample *out)
{
    if (!s->valid)
        return SHM_NOTHING;
    int count = s->count;
    atomic_thread_fence(memory_order_acquire);
    struct shm_segment copy = *s;
    atomic_thread_fence(memory_order_acquire);
    /* in this order: a writer that was at it all the time has `valid` off until it has counted */
    bool whole = copy.mode != 1 || s->valid;
    atomic_thread_fence(memory_order_acquire);
    whole = copy.mode != 1 || (whole && s->count == count);
    if (writable)
        s->valid = 0;
    if (!whole)
        return SHM_TORN;
    if (!plausible(&copy) ||
        !instant(copy.clock_sec, copy.clock_usec, copy.clock_nsec, &out->clock) ||
        !instant(copy.receive_sec, copy.receive_usec, copy.receive_nsec, &out->receive))
        return SHM_BAD;
    out->leap = (enum leap)copy.leap;
    out->precision = copy.precision;
    return SHM_SAMPLE;
}

void shm_put(volatile struct shm_segment *s, const struct shm_sample *in)
{
    s->valid = 0;
    s->mode = 1;
    s->count = (int)((unsigned)s->count + 1);
    atomic_thread_fence(memory_order_seq_cst);
    s->clock_sec = (time_t)(in->clock / NS_PER_S);
    s->clock_nsec = (unsigned)(in->clock % NS_PER_S);
    s->clock_usec = (int)(s->clock_nsec / 1000);
    s->receive_sec = (time_t)(in->receive / NS_PER_S);
    s->receive_nsec = (unsigned)(in->receive % NS_PER_S);
    s->receive_usec = (int)(s->receive_nsec / 1000);
    s->leap = (int)in->leap;
    s->precision = in->precision;
    /* gpsd's readers find the upper halves of the seconds there */
    s->dummy[0] = (int)((int64_t)s->clock_sec >> 32);
    s->dummy[1] = (int)((int64_t)s->receive_sec >> 32);
    atomic_thread_fence(memory_order_seq_cst);
    s->count = (int)((unsigned)s->count + 1);
    atomic_thread_fence(memory_order_seq_cst);
    s->valid = 1;
}

/* ---- the segment ---- */

static const char *name_of(int unit, char *buf, size_t size)
{
    snprintf(buf, size, "shared memory unit %d", unit);
    return buf;
}

/* What is wrong with the segment's owner, mode or size: 0, or -1 with *err. */
static int look_at(int id, const char *thing, bool anyone, struct err *err)
{
    struct shmid_ds ds;
    if (shmctl(id, IPC_STAT, &ds))
        return err_errno(err, thing, "", "looking at it", errno);
    if (ds.shm_perm.mode & SHM_DEST)
        return err_set(err, thing, "", "was removed");
    if (ds.shm_segsz < sizeof(struct shm_segment))
        return err_set(err, thing, "remove it with ipcrm -M and restart the program that made it",
                       "has %zu bytes, not %zu", ds.shm_segsz, sizeof(struct shm_segment));
    bool trusted = ds.shm_perm.uid == geteuid() || ds.shm_perm.uid == 0;
    if (!anyone && !trusted)
        return err_set(err, thing,
                       "start timeballd before the program that uses it, or as its user",
                       "belongs to another user (%u)", (unsigned)ds.shm_perm.uid);
    if (!anyone && ds.shm_perm.mode & (S_IWGRP | S_IWOTH))
        return err_set(err, thing, "use unit 0 or 1, or start timeballd before the others",
                       "can be written by other users (mode %04o)", ds.shm_perm.mode & 0777U);
    return 0;
}

static int get(int unit, const char *thing, struct err *err)
{
    key_t key = SHM_KEY + unit;
    int id = shmget(key, sizeof(struct shm_segment), IPC_CREAT | IPC_EXCL | 0600);
    /* one that is there is found whatever its size: that is looked at afterwards */
    if (id < 0 && errno == EEXIST)
        id = shmget(key, 0, 0);
    if (id < 0)
        return err_errno(err, thing, "run timeballd as root or as the user who made it",
                         "getting it", errno);
    return id;
}

/* shmat() says that it failed by the pointer -1. */
static void *attach(int id, int flags)
{
    void *at = shmat(id, NULL, flags);
    return (intptr_t)at == -1 ? NULL : at;
}

int shm_map(struct shm_mapping *m, int unit, bool anyone, bool to_write, struct err *err)
{
    char thing[48];
    m->segment = NULL;
    m->id = get(unit, name_of(unit, thing, sizeof thing), err);
    if (m->id < 0 || look_at(m->id, thing, anyone, err))
        return -1;
    void *at = attach(m->id, 0);
    m->writable = at;
    if (!m->writable && errno == EACCES && !to_write)
        at = attach(m->id, SHM_RDONLY);
    if (!at)
        return err_errno(err, thing, "run timeballd as root or as the user who made it",
                         "mapping it", errno);
    m->segment = at;
    return 0;
}

bool shm_sound(const struct shm_mapping *m, bool anyone, struct err *err)
{
    return !look_at(m->id, "shared memory", anyone, err);
}

void shm_unmap(struct shm_mapping *m)
{
    if (m->segment)
        shmdt((const void *)m->segment);
    m->segment = NULL;
}
