/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/alarm/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "refclock/civil.h"

/* In the child. An exit status of 126 or 127 says that it could not be run, as shells do. */
static void become(const char *program, const char *const environment[])
{
    const char *const words[] = {program, NULL};
    sigset_t none;
    sigemptyset(&none);
    setsid();
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (nothing >= 0)
        dup2(nothing, STDIN_FILENO);
    /* execve() changes neither; its type is older than const */
    execve(program, (char *const *)words, (char *const *)environment);
    _exit(errno == ENOENT ? 127 : 126);
}

int alarm_hook_start(struct alarm_hook *h, const struct alarm_field fields[ALARM_FIELDS],
                     int64_t now, struct err *err)
{
    const char *environment[ALARM_FIELDS + 3] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"};
    for (int i = 0; i < ALARM_FIELDS; i++)
        environment[i + 2] = fields[i].text;
    pid_t child = fork();
    if (child < 0)
        return err_errno(err, h->program, "", "cannot be run", errno);
    if (!child)
        become(h->program, environment);
    h->child = child;
    h->until = now + h->limit * NS_PER_S;
    h->killed = false;
    return 0;
}

static void kill_all(const struct alarm_hook *h)
{
    kill(-h->child, SIGKILL);
    kill(h->child, SIGKILL); /* it may not have its session yet */
}

void alarm_hook_tick(struct alarm_hook *h, int64_t now)
{
    if (!h->child || now < h->until)
        return;
    h->killed = true;
    kill_all(h);
}

int alarm_hook_ended(struct alarm_hook *h, struct err *err)
{
    siginfo_t info = {0};
    int status = 0;
    if (!h->child || waitid(P_PID, (id_t)h->child, &info, WEXITED | WNOHANG | WNOWAIT) ||
        !info.si_pid)
        return 0;
    kill(-h->child, SIGKILL); /* what it left behind, while its number is still its own */
    waitpid(h->child, &status, 0);
    h->child = 0;
    if (h->killed)
        return err_set(err, h->program, "let it leave slow work to another service",
                       "ran for %d s and was killed", (int)h->limit);
    if (WIFSIGNALED(status))
        return err_set(err, h->program, "run it by hand", "ended by signal %d", WTERMSIG(status));
    if (WEXITSTATUS(status) == 126 || WEXITSTATUS(status) == 127)
        return err_set(err, h->program, "name a program with its whole path, and chmod +x it",
                       "could not be run (exit status %d)", WEXITSTATUS(status));
    if (WEXITSTATUS(status))
        return err_set(err, h->program, "run it by hand", "exit status %d", WEXITSTATUS(status));
    return 0;
}

void alarm_hook_stop(struct alarm_hook *h)
{
    if (!h->child)
        return;
    kill_all(h);
    waitpid(h->child, NULL, 0);
    h->child = 0;
}
