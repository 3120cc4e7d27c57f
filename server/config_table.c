/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/config.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "server/config_keys.h"
#include "server/config_line.h"
#include "server/config_ratelimit.h"
#include "server/config_servers.h"
#include "server/options.h"
#include "server/sandbox.h"

/* The directives, and how the lines of those with more than one value are read and written. */

static const char *const words_auto[] = {"auto", NULL};
static const char *const words_none[] = {"none", NULL};
static const char *const words_clock[] = {
    [CONFIG_CLOCK_SYSTEM] = "system", [CONFIG_CLOCK_NONE] = "none", [CONFIG_CLOCK_NONE + 1] = NULL};
static const char *const words_level[] = {
    [LOG_LEVEL_ERROR] = "error", [LOG_LEVEL_WARNING] = "warning", [LOG_LEVEL_NOTICE] = "notice",
    [LOG_LEVEL_INFO] = "info",   [LOG_LEVEL_DEBUG] = "debug",     [LOG_LEVEL_DEBUG + 1] = NULL};

static const char *const words_off_on[] = {"off", "on", NULL};
static const char *const words_sandbox[] = {[SANDBOX_OFF] = "off",
                                            [SANDBOX_ON] = "on",
                                            [SANDBOX_STRICT] = "strict",
                                            [SANDBOX_STRICT + 1] = NULL};

static const struct option_row log_rows[] = {
    {.word = "level",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct config, log_level),
     .choices = words_level,
     .initial = "info",
     .help = "The least severe lines that are written."},
    {.word = NULL},
};

static const struct option_row listen_rows[] = {
    {.word = "port",
     .type = OPTION_INT,
     .offset = offsetof(struct config_listen, port),
     .min = 1,
     .max = 65535,
     .initial = "123",
     .help = "The UDP port."},
    {.word = NULL},
};

static const struct option_row listen_address = {
    .word = "listen",
    .type = OPTION_TEXT,
    .offset = offsetof(struct config_listen, address),
};

/* Fills l->name. inet_pton, because getaddrinfo takes "123" for the address 0.0.0.123. */
static int resolve_listen(struct config_listen *l, const char *thing, struct err *err)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&l->name;
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_family = AF_INET6};
    struct addrinfo *found = NULL;
    char word[48];
    if (inet_pton(AF_INET, l->address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)l->port);
        l->name_size = sizeof *v4;
        return 0;
    }
    /* fe80::1%eth0 needs the resolver's numeric part */
    if (getaddrinfo(l->address, NULL, &hints, &found) || !found)
        return err_set(err, thing, "write a numeric address: 192.0.2.1, 0.0.0.0, ::1, ::",
                       "listen: '%s' is not an IP address",
                       options_quote(l->address, word, sizeof word));
    memcpy(&l->name, found->ai_addr, found->ai_addrlen);
    ((struct sockaddr_in6 *)&l->name)->sin6_port = htons((uint16_t)l->port);
    l->name_size = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

static int take_listen_none(struct config *c, const struct config_line *line, struct err *err)
{
    if (line->count > 2)
        return err_set(err, line->thing, "delete what follows it", "listen none takes no options");
    if (c->listen_count || c->listen_none)
        return err_set(err, line->thing, "delete this line or the earlier one",
                       "listen none after another listen line");
    c->listen_none = true;
    return 0;
}

static int add_listen(struct config *c, const struct config_listen *l, const char *thing,
                      struct err *err)
{
    for (size_t i = 0; i < c->listen_count; i++)
        if (c->listen[i].name_size == l->name_size &&
            !memcmp(&c->listen[i].name, &l->name, l->name_size))
            return err_set(err, thing, "delete one of the lines",
                           "listen: %s port %lld is named twice", l->address, (long long)l->port);
    if (c->listen_count == CONFIG_LISTEN_MAX)
        return err_set(err, thing, "0.0.0.0 and :: stand for every address",
                       "more than %d listen lines", CONFIG_LISTEN_MAX);
    c->listen[c->listen_count++] = *l;
    return 0;
}

static int take_listen(struct config *c, const struct config_line *line, struct err *err)
{
    struct config_listen l;
    uint64_t given;
    if (!strcmp(line->word[1], "none"))
        return take_listen_none(c, line, err);
    if (c->listen_none)
        return err_set(err, line->thing, "delete this line or that one",
                       "an earlier line says listen none");
    memset(&l, 0, sizeof l);
    options_initial(listen_rows, &l);
    if (options_set(&listen_address, &l, line->word[1], line->thing, err) ||
        options_take(listen_rows, &l, "listen", line->word + 2, line->count - 2, line->thing,
                     &given, err) ||
        resolve_listen(&l, line->thing, err))
        return -1;
    return add_listen(c, &l, line->thing, err);
}

static void print_listen(FILE *out, const struct config *c)
{
    if (!c->listen_count)
        fputs("listen none\n", out);
    for (size_t i = 0; i < c->listen_count; i++)
        fprintf(out, "listen %s port %lld%s\n", c->listen[i].address, (long long)c->listen[i].port,
                c->listen_default ? " # default" : "");
}

static int unknown_driver(const char *name, const char *thing, struct err *err)
{
    char quoted[48], todo[sizeof err->todo] = "";
    const char *nearest = NULL;
    int best = INT_MAX;
    size_t n = 0;
    for (const struct driver_ops *const *ops = driver_table; *ops; ops++) {
        int d = options_distance(name, (*ops)->name);
        if (d < best) {
            best = d;
            nearest = (*ops)->name;
        }
        if (n < sizeof todo)
            n += (size_t)snprintf(todo + n, sizeof todo - n, "%s%s",
                                  n ? ", " : "known: ", (*ops)->name);
    }
    if (nearest)
        snprintf(todo, sizeof todo, "did you mean '%s'?", nearest);
    return err_set(err, thing, todo, "refclock: unknown driver '%s'",
                   options_quote(name, quoted, sizeof quoted));
}

static int check_new_refclock(const struct config *c, const struct driver_ops *ops,
                              const char *path, const char *thing, struct err *err)
{
    char quoted[48];
    for (size_t i = 0; i < c->refclock_count; i++)
        if (c->refclock[i].ops == ops && !strcmp(c->refclock[i].driver->path, path) &&
            (!ops->path || strcmp(path, ops->path) != 0))
            return err_set(err, thing, "delete one of the lines",
                           "refclock %s %s is named twice (line %d)", ops->name,
                           options_quote(path, quoted, sizeof quoted), c->refclock[i].line);
    if (c->refclock_count == CONFIG_REFCLOCK_MAX)
        return err_set(err, thing, "delete those that are not needed",
                       "more than %d refclock lines", CONFIG_REFCLOCK_MAX);
    return 0;
}

static const struct option_row refclock_path = {
    .word = "refclock",
    .type = OPTION_TEXT,
    .offset = offsetof(struct driver, path),
};

/* in the order of enum integrity_site */
static const char *const words_site[] = {"auto", "fixed", "mobile", NULL};

const struct option_row config_refclock_options[] = {
    {.word = "receiver",
     .type = OPTION_TEXT,
     .offset = offsetof(struct config_refclock, receiver),
     .max = 40,
     .help = "Which receiver the line belongs to: lines with the same word are one. Without it the "
             "first line with messages belongs to the first one with pulses, the second to the "
             "second, and so on."},
    {.word = "noselect",
     .type = OPTION_FLAG,
     .offset = offsetof(struct config_refclock, noselect),
     .help = "The receiver is watched and compared, and never followed."},
    {.word = "prefer",
     .type = OPTION_FLAG,
     .offset = offsetof(struct config_refclock, prefer),
     .help = "Among receivers that agree, this one is followed before others of its kind."},
    {.word = "site",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct config_refclock, site),
     .choices = words_site,
     .initial = "auto",
     .help = "Where the antenna stands: `fixed`: a receiver that says otherwise is rejected; "
             "`mobile`: anywhere; `auto`: the place is learned in an hour, who leaves it is "
             "doubted, and after ten minutes another place is learned."},
    {.word = NULL},
};

/* The options that follow driver and path, parted into the driver's own and those of any. */
struct parted {
    const char *own[CONFIG_WORDS_MAX], *common[CONFIG_WORDS_MAX];
    size_t owns, commons;
};

static void part_options(const struct driver_ops *ops, const struct config_line *line,
                         struct parted *p)
{
    for (size_t i = 3; i < line->count;) {
        const struct option_row *own = options_find(ops->options, line->word[i]);
        const struct option_row *any = options_find(config_refclock_options, line->word[i]);
        const struct option_row *row = own ? own : any;
        size_t words = row && row->type != OPTION_FLAG ? 2 : 1;
        for (; words && i < line->count; words--, i++) {
            if (any && !own)
                p->common[p->commons++] = line->word[i];
            else
                p->own[p->owns++] = line->word[i];
        }
    }
}

static int take_refclock_none(struct config *c, const struct config_line *line, struct err *err)
{
    if (line->count > 2)
        return err_set(err, line->thing, "delete what follows it",
                       "refclock none takes no options");
    c->refclock_none = true;
    return 0;
}

static bool is_option(const struct driver_ops *ops, const char *word)
{
    return options_find(ops->options, word) || options_find(config_refclock_options, word);
}

/* The path may be left out where the driver has a word for that. */
static int find_path(const struct driver_ops *ops, const struct config_line *line,
                     struct config_line *whole, struct err *err)
{
    bool absent = line->count < 3 || (ops->path && is_option(ops, line->word[2]));
    *whole = *line;
    if (!absent)
        return 0;
    if (!ops->path || line->count >= CONFIG_WORDS_MAX)
        return err_set(err, line->thing,
                       "write refclock DRIVER PATH, as in refclock nmea /dev/ttyS0",
                       "refclock %s: the path is missing", ops->name);
    for (size_t i = whole->count++; i > 2; i--)
        whole->word[i] = line->word[i - 1];
    whole->word[2] = ops->path;
    return 0;
}

static int take_refclock(struct config *c, const struct config_line *given, struct err *err)
{
    struct config_refclock r = {.line = given->number};
    struct config_line whole, *line = &whole;
    if (!strcmp(given->word[1], "none"))
        return take_refclock_none(c, given, err);
    r.ops = driver_find(given->word[1]);
    if (!r.ops)
        return unknown_driver(given->word[1], given->thing, err);
    if (find_path(r.ops, given, line, err))
        return -1;
    if (check_new_refclock(c, r.ops, line->word[2], line->thing, err))
        return -1;
    r.driver = calloc(1, r.ops->size);
    if (!r.driver)
        return err_set(err, line->thing, "", "out of memory");
    r.driver->ops = r.ops;
    options_initial(r.ops->options, r.driver);
    struct parted p = {0};
    part_options(r.ops, line, &p);
    if (options_set(&refclock_path, r.driver, line->word[2], line->thing, err) ||
        options_take(r.ops->options, r.driver, r.ops->name, p.own, p.owns, line->thing, &r.given,
                     err) ||
        options_take(config_refclock_options, &r, "refclock", p.common, p.commons, line->thing,
                     &r.common_given, err)) {
        free(r.driver);
        return -1;
    }
    c->refclock[c->refclock_count++] = r;
    return 0;
}

/* One option of a refclock line; those not given follow as comments. */
static void print_option(FILE *out, const struct option_row *row, const void *base)
{
    char value[OPTION_TEXT_SIZE + 2];
    options_value(row, base, value, sizeof value);
    fprintf(out, " %s%s%s", row->word, *value ? " " : "", value);
}

static void print_refclock(FILE *out, const struct config *c)
{
    if (c->refclock_none && !c->refclock_count)
        fputs("refclock none\n", out);
    for (const struct config_refclock *r = c->refclock; r < c->refclock + c->refclock_count; r++) {
        char path[OPTION_TEXT_SIZE + 2];
        const struct option_row *rows = r->ops->options;
        const char *mark = " # default:";
        options_value(&refclock_path, r->driver, path, sizeof path);
        fprintf(out, "refclock %s %s", r->ops->name, path);
        for (size_t i = 0; rows && rows[i].word; i++)
            if (r->given >> (i & 63) & 1)
                print_option(out, &rows[i], r->driver);
        for (size_t i = 0; config_refclock_options[i].word; i++)
            if (r->common_given >> i & 1)
                print_option(out, &config_refclock_options[i], r);
        for (size_t i = 0; rows && rows[i].word; i++) {
            if (r->given >> (i & 63) & 1 || !rows[i].initial)
                continue;
            fputs(mark, out);
            mark = ",";
            print_option(out, &rows[i], r->driver);
            if (rows[i].assumed)
                fprintf(out, " (%s)", rows[i].assumed);
        }
        fputc('\n', out);
    }
}

const struct config_directive config_directives[] = {
    {.row = {.word = "refclock",
             .help =
                 "A reference clock: the driver, its device, and the driver's own words; without "
                 "such a line, auto."},
     .usage = "none|DRIVER PATH [OPTION ...]",
     .more = config_refclock_options,
     .take = take_refclock,
     .print = print_refclock},
    {.row = {.word = "server",
             .help = "A network server: it checks the receiver, and stands by to take over."},
     .usage = "[-4|-6] NAME [OPTION ...]",
     .more = config_server_rows,
     .take = config_take_server,
     .print = config_print_servers},
    {.row = {.word = "pool", .help = "A name of many network servers, of which some are asked."},
     .usage = "[-4|-6] NAME [OPTION ...]",
     .take = config_take_pool,
     .print = config_print_pools},
    {.row = {.word = "keys",
             .type = OPTION_TEXT,
             .offset = offsetof(struct config, keys.file),
             .choices = words_none,
             .initial = "none",
             .help = "The file of symmetric keys, in ntpd's or chrony's format; see KEYS."},
     .usage = "none|PATH [allowmd5]",
     .more = config_keys_rows,
     .print = config_print_keys},
    {.row = {.word = "trustedkey",
             .help = "Which keys of the file are used, by number; without such a line all are."},
     .usage = "N|(N ... N) [...]",
     .take = config_take_trusted,
     .print = config_print_trusted},
    {.row = {.word = "clock",
             .type = OPTION_CHOICE,
             .offset = offsetof(struct config, clock),
             .choices = words_clock,
             .initial = "system",
             .help = "Whether the system clock is steered; with none it is only read, and the time "
                     "that is served is computed from it."},
     .usage = "system|none"},
    {.row = {.word = "feed",
             .help =
                 "Another time daemon of this machine is told each second, while timeball is "
                 "locked, how far the system clock is off: through NTP shared memory of that "
                 "unit (0 to 255), or chrony's SOCK at that path. With clock none it may steer."},
     .usage = "shm N|sock PATH",
     .take = config_feed_take,
     .print = config_feed_print},
    {.row = {.word = "listen",
             .help =
                 "An address to answer NTP on; without such a line 0.0.0.0 and :: on port 123."},
     .usage = "none|ADDRESS [port N]",
     .more = listen_rows,
     .take = take_listen,
     .print = print_listen},
    {.row = {.word = "threads",
             .type = OPTION_INT,
             .offset = offsetof(struct config, threads),
             .max = 64,
             .unit = "",
             .choices = words_auto,
             .initial = "auto",
             .help = "Threads that answer NTP requests; 0 does all in one thread, auto takes one a "
                     "processor."},
     .usage = "N|auto"},
    {.row = {.word = "ratelimit",
             .type = OPTION_INT,
             .offset = offsetof(struct config, ratelimit.clients),
             .min = 4,
             .max = RATELIMIT_MOST,
             .unit = "",
             .initial = "65536",
             .help =
                 "So many clients are remembered by each thread, in 32 octets each (65536 take "
                 "2 MB); where a restrict line says limited, or none says otherwise, they may "
                 "ask so often. Counted are IPv4 addresses, IPv6 networks of 64 bits and, sixteen "
                 "times as often, of 48. When all places are taken, who has been silent for the "
                 "longest time is forgotten."},
     .usage = "N [average S] [burst N] [kod S] [leak N]",
     .more = config_ratelimit_rows},
    {.row = {.word = "statussocket",
             .type = OPTION_TEXT,
             .offset = offsetof(struct config, statussocket),
             .max = CONFIG_SOCKET_MAX,
             .choices = words_none,
             .initial = "/run/timeball/status.sock",
             .help = "The Unix socket that timeballctl and others read the status from."},
     .usage = "none|PATH"},
    {.row = {.word = "controlsocket",
             .type = OPTION_TEXT,
             .offset = offsetof(struct config, controlsocket),
             .max = CONFIG_SOCKET_MAX,
             .choices = words_none,
             .initial = "/run/timeball/control.sock",
             .help = "The Unix socket on which root sets up receivers and takes recordings with "
                     "timeballctl."},
     .usage = "none|PATH"},
    {.row = {.word = "driftfile",
             .type = OPTION_TEXT,
             .offset = offsetof(struct config, driftfile),
             .choices = words_none,
             .initial = "/var/lib/timeball/drift",
             .help = "The file that keeps the clock's frequency error from one start to the next."},
     .usage = "none|PATH"},
    {.row = {.word = "leapfile",
             .type = OPTION_TEXT,
             .offset = offsetof(struct config, leapfile),
             .choices = words_none,
             .initial = "/usr/share/zoneinfo/leap-seconds.list",
             .help = "The list of leap seconds; the table `leapseconds` of the time zone database "
                     "beside it is a second witness. Both are read again when they change."},
     .usage = "none|PATH"},
    {.row = {.word = "temperature",
             .type = OPTION_TEXT,
             .offset = offsetof(struct config, temperature),
             .choices = words_none,
             .initial = "none",
             .help = "A file with the temperature near the oscillator, in degrees Celsius or "
                     "thousandths of them; how the frequency follows it is learned."},
     .usage = "none|PATH"},
    {.row = {.word = "record",
             .type = OPTION_TEXT,
             .offset = offsetof(struct config, record),
             .choices = words_none,
             .initial = "none",
             .help = "A new file that pulses, messages, temperature and steering are recorded in, "
                     "up to 64 MB, for timeball-sim --replay; a recording that is there already "
                     "becomes PATH.old."},
     .usage = "none|PATH"},
    {.row = {.word = "log",
             .type = OPTION_TEXT,
             .offset = offsetof(struct config, log),
             .choices = words_none,
             .initial = "stderr",
             .help = "Where log lines go, and how severe a line must be to be written."},
     .usage = "none|stderr|syslog|PATH [level error|warning|notice|info|debug]",
     .more = log_rows},
    {.row = {.word = "steplimit",
             .type = OPTION_SECONDS,
             .offset = offsetof(struct config, steplimit),
             .min = 0.001,
             .max = 1000,
             .unit = "s",
             .initial = "0.5",
             .help = "After the start the clock is stepped only when it is off by more than this."},
     .usage = "S"},
    {.row = {.word = "holdover",
             .type = OPTION_SECONDS,
             .offset = offsetof(struct config, holdover),
             .min = 1e-6,
             .max = 16,
             .unit = "s",
             .initial = "0.001",
             .help = "Without a receiver the time is served as stratum 1 while its error bound is "
                     "below this."},
     .usage = "S"},
    {.row = {.word = "user",
             .type = OPTION_TEXT,
             .offset = offsetof(struct config, user),
             .max = 63,
             .choices = words_none,
             .initial = "timeball",
             .help = "The user that timeballd becomes when root starts it and all is open and "
                     "bound; of root's rights it keeps that to steer the clock and that to bind "
                     "its port. With none it stays root."},
     .usage = "none|NAME"},
    {.row = {.word = "sandbox",
             .type = OPTION_CHOICE,
             .offset = offsetof(struct config, sandbox),
             .choices = words_sandbox,
             .initial = "on",
             .help = "Whether only the system calls that timeballd needs are allowed; strict ends "
                     "it at any other, instead of refusing that."},
     .usage = "off|on|strict"},
    {.row = {.word = "sched_priority",
             .type = OPTION_INT,
             .offset = offsetof(struct config, sched_priority),
             .max = 99,
             .unit = "",
             .initial = "0",
             .help = "Real-time priority (SCHED_FIFO) of the thread that fetches pulses and "
                     "steers; 0: none."},
     .usage = "N"},
    {.row = {.word = "lock_memory",
             .type = OPTION_CHOICE,
             .offset = offsetof(struct config, lock_memory),
             .choices = words_off_on,
             .initial = "off",
             .help = "Whether its memory is never paged out."},
     .usage = "off|on"},
    {.row = {.word = "cpu_latency",
             .type = OPTION_INT,
             .offset = offsetof(struct config, cpu_latency),
             .max = 10000,
             .unit = "us",
             .choices = words_none,
             .initial = "none",
             .help = "Processors must wake up within so many microseconds: pulses are noticed "
                     "sooner, and the machine uses more power."},
     .usage = "none|N"},
    {.row = {.word = NULL}},
};
