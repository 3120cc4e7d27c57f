/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/rights/priv.h"

/*
 * Row F6 of the faults. What is kept is looked at in a child with a user namespace of its own:
 * there it has every capability, and none counts outside, so the machine's clock is out of its
 * reach.
 */
struct kept {
    int bad; /* of priv_drop(); 77: no such namespace is to be had */
    unsigned long long permitted, effective, inheritable, ambient, no_new_privs;
    char said[64];
};

/* A line of /proc/self/status, in base 16. */
static unsigned long long value_of(const char *text, const char *word)
{
    const char *line = strstr(text, word);
    return line ? strtoull(line + strlen(word), NULL, 16) : ~0ULL;
}

static void read_status(struct kept *k)
{
    static char text[8192];
    FILE *f = fopen("/proc/self/status", "r");
    text[f ? fread(text, 1, sizeof text - 1, f) : 0] = 0;
    if (f)
        fclose(f);
    k->permitted = value_of(text, "\nCapPrm:");
    k->effective = value_of(text, "\nCapEff:");
    k->inheritable = value_of(text, "\nCapInh:");
    k->ambient = value_of(text, "\nCapAmb:");
    k->no_new_privs = value_of(text, "\nNoNewPrivs:");
}

static struct kept drop_in_child(unsigned needs)
{
    struct kept k = {0};
    int pipe_fd[2];
    assert_int_equal(pipe(pipe_fd), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        struct priv p = {0};
        struct err err;
        k.bad = unshare(CLONE_NEWUSER) ? 77 : priv_drop(&p, needs, &err);
        read_status(&k);
        memcpy(k.said, p.capabilities, sizeof k.said);
        (void)!write(pipe_fd[1], &k, sizeof k);
        _exit(0);
    }
    assert_int_equal(read(pipe_fd[0], &k, sizeof k), sizeof k);
    waitpid(child, NULL, 0);
    close(pipe_fd[0]);
    close(pipe_fd[1]);
    return k;
}

static void f6_only_what_is_needed_is_kept(void **state)
{
    static const struct {
        unsigned needs;
        unsigned long long kept;
        const char *said;
    } rows[] = {
        {0, 0, ""},
        {PRIV_CLOCK, 1ULL << CAP_SYS_TIME, "sys_time"},
        {PRIV_LOCK, 1ULL << CAP_IPC_LOCK, "ipc_lock"},
        {PRIV_CLOCK | PRIV_LOCK, 1ULL << CAP_SYS_TIME | 1ULL << CAP_IPC_LOCK, "sys_time ipc_lock"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct kept k = drop_in_child(rows[i].needs);
        if (k.bad == 77)
            skip();
        assert_int_equal(k.bad, 0);
        assert_true(k.permitted == rows[i].kept);
        assert_true(k.effective == rows[i].kept);
        assert_true(!k.inheritable && !k.ambient);
        assert_int_equal(k.no_new_privs, 1);
        assert_string_equal(k.said, rows[i].said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f6_only_what_is_needed_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
