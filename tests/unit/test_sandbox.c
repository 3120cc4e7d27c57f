/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Row F5 of the faults: what the filter of system calls lets pass, refuses, and ends the process
 * for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "server/rights/sandbox.h"

static void *rest(void *arg)
{
    return arg;
}

/* Each does one thing: 0, or -1 with errno. */
static int serve(void)
{
    struct timespec now;
    struct sockaddr_in any = {.sin_family = AF_INET};
    pthread_t thread;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), file = open("/dev/null", O_RDONLY);
    int bad = fd < 0 || file < 0 || bind(fd, (struct sockaddr *)&any, sizeof any) ||
              syscall(SYS_clock_gettime, CLOCK_REALTIME, &now) ||
              pthread_create(&thread, NULL, rest, NULL) || pthread_join(thread, NULL);
    return bad ? -1 : 0;
}

static int run_program(void)
{
    return execl("/bin/true", "true", (char *)NULL);
}

static int trace(void)
{
    return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int mount_something(void)
{
    return mount("none", "/nonexistent", "tmpfs", 0, NULL);
}

static int make_process(void)
{
    return (int)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

static int open_raw(void)
{
    return socket(AF_PACKET, SOCK_RAW, 0);
}

static int run_own_code(void)
{
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? 0 : mprotect(memory, 4096, PROT_READ | PROT_EXEC);
}

static int type_for_another(void)
{
    char c = 'x';
    return ioctl(0, TIOCSTI, &c);
}

static int call_of_the_future(void)
{
    return (int)syscall(5000);
}

/* In a child behind the filter: the errno (0: it could be done), or minus the signal that ended it.
 */
static int behind(enum sandbox how, int (*act)(void))
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        struct err err;
        if (sandbox_enter(how, &err))
            _exit(255);
        errno = 0;
        _exit(act() ? errno : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void f5_what_the_filter_does(void **state)
{
    static const struct {
        const char *what;
        int (*act)(void);
        int on, strict;
    } rows[] = {
        {"serving", serve, 0, 0},
        {"running a program", run_program, -SIGSYS, -SIGSYS},
        {"tracing", trace, -SIGSYS, -SIGSYS},
        {"mounting", mount_something, -SIGSYS, -SIGSYS},
        {"a new process", make_process, ENOSYS, -SIGSYS},
        {"raw packets", open_raw, ENOSYS, -SIGSYS},
        {"code of its own", run_own_code, ENOSYS, -SIGSYS},
        {"typing for another", type_for_another, ENOSYS, -SIGSYS},
        {"a call that is not known", call_of_the_future, ENOSYS, -SIGSYS},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int on = behind(SANDBOX_ON, rows[i].act), strict = behind(SANDBOX_STRICT, rows[i].act);
        if (on != rows[i].on || strict != rows[i].strict)
            fail_msg("%s: %d with `sandbox on`, %d with `sandbox strict`", rows[i].what, on,
                     strict);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f5_what_the_filter_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
