/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/config/config.h"

#include "server/config/keys.h"
#include "server/config/clocks.h"
#include "server/config/discard.h"
#include "server/config/interface.h"
#include "server/config/line.h"
#include "server/config/local.h"
#include "server/config/ratelimit.h"
#include "server/config/listen.h"
#include "server/config/refclock.h"
#include "server/config/restrict.h"
#include "server/config/servers.h"
#include "server/config/statistics.h"
#include "server/drift/drift.h"
#include "server/options.h"
#include "server/rights/sandbox.h"

/* The directives. */

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

/* `logfile` of ntp.conf is `log`, whose row has the place. */
static int take_logfile(struct config *c, const struct config_line *line, struct err *err)
{
    static const struct option_row row = {
        .word = "logfile", .type = OPTION_TEXT, .offset = offsetof(struct config, log)};
    if (line->count > 2)
        return err_set(err, line->thing, "delete what follows it", "logfile takes one path");
    return options_set(&row, c, line->word[1], line->thing, err);
}

/* Another line says what it came to. */
static void print_nothing(FILE *out, const struct config *c)
{
    (void)out;
    (void)c;
}

const struct config_directive config_directives[] = {
    {.row = {.word = "refclock",
             .help =
                 "A reference clock: the driver, its device, and the driver's own words; without "
                 "such a line, auto."},
     .usage = "none|DRIVER PATH [OPTION ...]",
     .more = config_refclock_options,
     .take = config_refclock_take,
     .print = config_refclock_print},
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
     .more = config_listen_rows,
     .take = config_listen_take,
     .print = config_listen_print},
    {.row = {.word = "threads",
             .type = OPTION_INT,
             .offset = offsetof(struct config, threads),
             .max = 64,
             .unit = "",
             .choices = words_auto,
             .initial = "auto",
             .help = "Threads that answer NTP requests, so many for IPv4 and as many for IPv6; 0 "
                     "does all in one thread, auto takes one a "
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
                 "So many clients are remembered, in 32 octets each (65536 take "
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
             .initial = CONFIG_STATUSSOCKET,
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
    {.row =
         {.word = "driftfile",
          .type = OPTION_TEXT,
          .offset = offsetof(struct config, driftfile),
          .choices = words_none,
          .initial = DRIFT_PATH,
          .help =
              "The file that keeps the clock's frequency error from one start to the next. Another "
              "daemon's is only read: see FILES."},
     .usage = "none|PATH"},
    {.row = {.word = "leapfile",
             .type = OPTION_TEXT,
             .offset = offsetof(struct config, leapfile),
             .choices = words_none,
             .initial = "/usr/share/zoneinfo/leap-seconds.list",
             .help = "The list of leap seconds; the table `leapseconds` of the time zone database "
                     "beside it is a second witness, and stands in where the list is missing, "
                     "damaged or expired. Both are read again when they change."},
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
             .help = "A new file that pulses, messages, packets of network servers, temperature "
                     "and steering are recorded in, up to 64 MB, for timeball-sim --replay; a "
                     "recording that is there already "
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
                     "steers; 0: none. Under systemd this, `lock_memory` and "
                     "`cpu_latency` need the drop-in examples/realtime.conf."},
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
    {.row = {.word = "restrict",
             .help = "What the clients of an address may do, with ntpd's meaning: see ACCESS AND "
                     "LIMITS."},
     .usage = "[-4|-6] default|source|ADDRESS[/N] [mask MASK]|NAME [FLAG ...]",
     .take = config_restrict_take,
     .print = config_restrict_print},
    {.row = {.word = "unrestrict",
             .help = "Takes flags of a restrict line, or what is built in, away again; without "
                     "flags the whole line."},
     .usage = "[-4|-6] default|source|ADDRESS[/N] [mask MASK]|NAME [FLAG ...]",
     .take = config_unrestrict_take,
     .print = config_unrestrict_print},
    {.row = {.word = "discard", .help = "How often a client may ask where `limited` holds."},
     .usage = "[average N] [minimum N] [monitor N]",
     .more = config_discard_rows,
     .take = config_discard_take,
     .print = config_discard_print},
    {.row = {.word = "interface",
             .help = "Which of this machine's addresses are listened on, by ntpd's rules: the last "
                     "line that fits an address counts. `nic` is the same; drop is ignore."},
     .usage = "listen|ignore|drop all|ipv4|ipv6|wildcard|NAME|ADDRESS[/N]",
     .take = config_interface_take,
     .print = config_interface_print},
    {.row = {.word = "fudge",
             .help = "More of a refclock that is written as ntpd does: see REFCLOCKS OF NTPD."},
     .usage = "127.127.TYPE.UNIT [WORD VALUE ...]",
     .take = config_clocks_take,
     .print = print_nothing},
    {.row = {.word = "includefile",
             .help = "The lines of another file in this place; a name without a leading / counts "
                     "from the folder of the file that the line is in. At most five deep."},
     .usage = "PATH",
     .take = config_include_take,
     .print = print_nothing},
    {.row = {.word = "logfile", .help = "The same as log, without a level."},
     .usage = "PATH",
     .take = take_logfile,
     .print = print_nothing},
    {.row = {.word = "statsdir",
             .type = OPTION_TEXT,
             .offset = offsetof(struct config, statistics.folder),
             .choices = words_none,
             .initial = "none",
             .help = "The folder that statistics are written to: see STATISTICS."},
     .usage = "none|PATH"},
    {.row = {.word = "statistics", .help = "Which of them are written."},
     .usage = "loopstats|peerstats|clockstats ...",
     .take = config_statistics_take,
     .print = config_statistics_print},
    {.row = {.word = "filegen",
             .help = "Their files: when a new one is begun (day), and whether the present one has "
                     "the name without a date too (link)."},
     .usage = "NAME [file FILE] [type none|pid|day|month|year] [link|nolink] [enable|disable]",
     .take = config_filegen_take,
     .print = config_filegen_print},
    {.row = {.word = "disable",
             .help = "`stats`: no statistics are written; `ntp`: the same as clock none."},
     .usage = "stats|ntp ...",
     .take = config_disable_take,
     .print = config_disable_print},
    {.row = {.word = "local",
             .help = "When every source is lost and the bound has passed its limits, the time is "
                     "still served, at this stratum (2 to 15) and with its honest bound; without "
                     "this line it is unsynchronised then. Before the first lock there is no "
                     "bound to promise, so nothing is served."},
     .usage = "stratum N",
     .take = config_local_take,
     .print = config_local_print},
    {.row = {.word = NULL}},
};
