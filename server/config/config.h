/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_CONFIG_CONFIG_H
#define TIMEBALL_SERVER_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include "drivers/driver.h"
#include "drivers/option.h"
#include "refclock/err.h"
#include "server/config/clocks.h"
#include "server/config/discard.h"
#include "server/config/feed.h"
#include "server/config/interface.h"
#include "server/config/keys.h"
#include "server/config/report.h"
#include "server/config/restrict.h"
#include "server/config/statistics.h"
#include "server/access/ratelimit.h"

/*
 * The configuration: one text file of directives, one a line, '#' begins a comment, words are
 * separated by blanks and may stand in double quotes. Read once at start; what is wrong is reported
 * with file and line, all of it at once. An ntp.conf of ntpd or NTPsec is one too: what it says
 * that has no meaning here becomes a warning.
 */
#define CONFIG_PATH           "/etc/timeball.conf"
#define CONFIG_STATUSSOCKET   "/run/timeball/status.sock"
#define CONFIG_FILE_MAX       (1024 * 1024) /* bytes of a file */
#define CONFIG_INCLUDE_DEPTH  5             /* of included files in one another */
#define CONFIG_INCLUDES_MAX   64            /* included files altogether */
#define CONFIG_LISTEN_MAX     16
#define CONFIG_REFCLOCK_MAX   16
#define CONFIG_FEED_MAX       8
#define CONFIG_SERVER_MAX     32
#define CONFIG_THREADS_AUTO   (-1)
#define CONFIG_DIRECTIVES_MAX 64
#define CONFIG_WHERE_SIZE     160
#define CONFIG_SOCKET_MAX     107 /* bytes of a Unix socket's path, unix(7) */

enum config_clock { CONFIG_CLOCK_SYSTEM, CONFIG_CLOCK_NONE };

/* An address to answer NTP on. */
struct config_listen {
    char address[OPTION_TEXT_SIZE]; /* as written */
    int64_t port;
    struct sockaddr_storage name; /* address and port for bind(2) */
    socklen_t name_size;
};

/* A reference clock: a driver's state with path and options filled in, ready for ops->open() once
 * env and sink are set. */
struct config_refclock {
    const struct driver_ops *ops;
    struct driver *driver;           /* ops->size bytes, owned by the configuration */
    uint64_t given;                  /* bit i: ops->options[i] stood in the file */
    char receiver[OPTION_TEXT_SIZE]; /* lines with the same word are one receiver; "": by order */
    bool noselect, prefer, trust;
    int site;              /* enum integrity_site */
    uint64_t common_given; /* bit i: config_refclock_options[i] stood in the file */
    char origin[16];       /* "127.127.20.0": the line of ntp.conf that it was; "": none */
    int line;
};

/* The options that a refclock line of any driver may have; offsets into struct config_refclock. */
extern const struct option_row config_refclock_options[];

/* A network server, or a name that stands for several, to ask for the time. */
struct config_server {
    char host[OPTION_TEXT_SIZE]; /* name or address */
    bool pool;                   /* several servers of that name are asked */
    int family;                  /* AF_INET, AF_INET6; AF_UNSPEC: any */
    int line;
    int64_t port, version, minpoll, maxpoll, maxsources;
    int64_t key; /* its number; less than 1: none */
    bool iburst, burst, prefer, noselect, trust, xleave;
};

struct config {
    int64_t threads; /* of the responder; 0: all in one thread; CONFIG_THREADS_AUTO */
    int clock;       /* enum config_clock: is the system clock steered? */
    char statussocket[OPTION_TEXT_SIZE];            /* "": none */
    char controlsocket[OPTION_TEXT_SIZE];           /* "": none */
    char temperature[OPTION_TEXT_SIZE];             /* "": no sensor */
    char driftfile[OPTION_TEXT_SIZE];               /* "": none */
    char leapfile[OPTION_TEXT_SIZE];                /* "": none */
    char record[OPTION_TEXT_SIZE];                  /* "": nothing is recorded */
    char log[OPTION_TEXT_SIZE];                     /* "": none, "stderr", "syslog", or a path */
    int log_level;                                  /* enum log_level */
    char user[OPTION_TEXT_SIZE];                    /* that root becomes; "": it stays root */
    int sandbox;                                    /* enum sandbox */
    int64_t sched_priority;                         /* 1..99, of SCHED_FIFO; 0: none */
    int lock_memory;                                /* 0: no */
    int64_t cpu_latency;                            /* us; -1: left alone */
    double steplimit;                               /* s: a step after start needs more than this */
    double holdover;                                /* s: the bound up to which stratum 1 is kept */
    int64_t local_stratum;                          /* of an island; 0: none */
    struct config_listen listen[CONFIG_LISTEN_MAX]; /* the default ones when none was named */
    size_t listen_count;
    bool listen_none;    /* `listen none` */
    bool listen_default; /* no listen line: the default ones stand in `listen` */
    struct config_refclock refclock[CONFIG_REFCLOCK_MAX];
    size_t refclock_count;
    bool refclock_none; /* `refclock none`: config_default_refclock() adds nothing */
    struct config_feed feed[CONFIG_FEED_MAX];
    size_t feed_count;
    struct config_server server[CONFIG_SERVER_MAX];
    size_t server_count;
    struct config_keys keys;
    struct ratelimit_config ratelimit;
    struct config_restrict *restrictions; /* owned */
    size_t restrict_count;
    bool restrict_lines; /* there was one */
    struct config_discard discard;
    struct config_clock_line clock_line[CONFIG_CLOCK_LINES_MAX]; /* of ntp.conf, until they are
                                                                    refclocks */
    size_t clock_lines;
    struct config_interface interface[CONFIG_INTERFACE_MAX];
    size_t interface_count;
    struct config_statistics statistics;
    struct err *warning; /* what was accepted and has no meaning here; owned */
    size_t warning_count, warning_more;
    uint64_t given; /* bit i: config_directives[i] stood in the file ... */
    char where[CONFIG_DIRECTIVES_MAX][CONFIG_WHERE_SIZE]; /* ... last at FILE:LINE */
};

/*
 * Reads the file at `path` into *c, which need not be initialised. NULL: CONFIG_PATH, and then an
 * absent file is the empty configuration. Returns 0; or -1 with at least one error in *errors, and
 * *c holds nothing.
 */
int config_load(struct config *c, const char *path, struct config_errors *errors);

/* The same from memory; `name` stands for the file in messages. */
int config_parse(struct config *c, const char *name, const char *text, size_t size,
                 struct config_errors *errors);

/*
 * Where a program beside the daemon finds its status socket: what the file at `path` says (NULL:
 * CONFIG_PATH), or the default when that file cannot be read or is wrong. Fills *c, which the
 * result points into. NULL with *err: there is to be none.
 */
const char *config_find_socket(struct config *c, const char *path, struct err *err);

/*
 * Without any refclock line: as if there were `refclock auto`. For the daemon, after reading. 0, or
 * -1 with *err.
 */
int config_default_refclock(struct config *c, struct err *err);

/* Frees the drivers' states. *c may be zero. */
void config_free(struct config *c);

/*
 * Prints the configuration as understood, defaults included, as a configuration file (that reads
 * back to the same). Values not given end in "# default", and what nobody has measured says so.
 */
void config_check_print(FILE *out, const struct config *c);

/* The lines of one directive. */
struct config_directive;
void config_directive_print(FILE *out, const struct config *c, const struct config_directive *d);

/* Whether the directive `word` stood in the file (else its default stands). */
bool config_given(const struct config *c, const char *word);

/* Whether the option `word` of a refclock line was given (else its default stands). */
bool config_refclock_given(const struct config_refclock *r, const char *word);

/*
 * One row a directive. `row` is its word and first value; `more` are the option words that may
 * follow (offsets into the same struct). Plain directives have their places in struct config; the
 * others bring `take`.
 */
struct config_directive {
    struct option_row row;
    const char *usage; /* what follows the word, for messages and the manual */
    const struct option_row *more;
    int (*take)(struct config *, const struct config_line *, struct err *);
    void (*print)(FILE *, const struct config *); /* with `take`: its lines for --check */
};

/* Ends with a row whose word is NULL. */
extern const struct config_directive config_directives[];

#endif
