/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plays a scenario in virtual time and prints what the daemon would answer at its status socket,
 * each line after the word of its request, so many times, evenly.
 *
 * usage: status_lines SCENARIO TIMES
 */
#include <stdio.h>
#include <stdlib.h>

#include "server/sim/world.h"
#include "server/status/json.h"

static int print_answers(struct daemon *d)
{
    for (const struct status_request *r = status_requests; r->word; r++) {
        char *line = status_json_line(daemon_status(d), r->word);
        if (!line)
            return -1;
        printf("%s %s", r->word, line);
        free(line);
    }
    return 0;
}

static int play(struct sim_world *w, long times)
{
    struct loop *loop = sim_world_loop(w);
    double step = w->scenario.length / (double)times;
    for (long i = 1; i <= times; i++) {
        int64_t until = w->start + (int64_t)(step * (double)i * 1e9);
        while (w->virtual_loop.truth < until)
            if (loop_turn(loop, INT64_MAX))
                return -1;
        if (print_answers(w->daemon))
            return -1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    static const char conf[] = "threads 0\nlisten none\nstatussocket none\ncontrolsocket none\n"
                               "driftfile none\nleapfile none\n";
    struct config_errors errors;
    struct scenario scenario;
    struct log log = {0};
    struct err err;
    char text[560];
    long times = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
    if (times < 1)
        return fputs("usage: status_lines SCENARIO TIMES\n", stderr), 1;
    scenario_default(&scenario);
    if (scenario_load(&scenario, argv[1], &errors)) {
        config_errors_print(stderr, "status_lines", &errors);
        return 1;
    }
    struct sim_world *w = calloc(1, sizeof *w);
    if (!w || sim_world_open(w, &scenario, false, "conf", conf, &log, &err)) {
        fprintf(stderr, "status_lines: %s\n", w ? err_line(&err, text, sizeof text) : "memory");
        free(w);
        return 1;
    }
    int bad = play(w, times);
    sim_world_close(w);
    free(w);
    return bad ? 1 : 0;
}
