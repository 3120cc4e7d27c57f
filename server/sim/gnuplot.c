/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/sim/gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* 0 or an errno. */
static int spawn(struct sim_gnuplot *g, int program, int picture)
{
    static const char *const words[] = {"gnuplot", "-", NULL};
    posix_spawn_file_actions_t actions;
    int bad = posix_spawn_file_actions_init(&actions);
    if (bad)
        return bad;
    bad = posix_spawn_file_actions_adddup2(&actions, program, STDIN_FILENO);
    if (!bad)
        bad = posix_spawn_file_actions_adddup2(&actions, picture, STDOUT_FILENO);
    if (!bad)
        bad = posix_spawnp(&g->pid, words[0], &actions, NULL, (char *const *)words, environ);
    posix_spawn_file_actions_destroy(&actions);
    return bad;
}

int sim_gnuplot_start(struct sim_gnuplot *g, const char *path, struct err *err)
{
    int fds[2];
    g->path = path;
    int picture = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (picture < 0)
        return err_errno(err, path, "name a file that can be written", "creating", errno);
    if (pipe2(fds, O_CLOEXEC)) {
        close(picture);
        return err_errno(err, "gnuplot", "", "starting", errno);
    }
    signal(SIGPIPE, SIG_IGN); /* it may end early */
    int bad = spawn(g, fds[0], picture);
    close(fds[0]);
    close(picture);
    g->in = bad ? NULL : fdopen(fds[1], "w");
    if (g->in)
        return 0;
    close(fds[1]);
    unlink(path);
    return err_errno(err, "gnuplot",
                     bad == ENOENT ? "plots are drawn by it: apt-get install gnuplot-nox" : "",
                     "starting", bad ? bad : errno);
}

int sim_gnuplot_finish(struct sim_gnuplot *g, struct err *err)
{
    int status = 0;
    int bad = fclose(g->in);
    while (waitpid(g->pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (bad || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return err_set(err, g->path, "what gnuplot said stands above", "gnuplot failed");
    return 0;
}
