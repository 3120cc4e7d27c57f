/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/config_line.h"
#include "server/options.h"

/* Words of ntp.conf, ntp.conf(5) of ntpd and NTPsec, that timeball does not know. */
static const char *const ntp_words[] = {"autokey",
                                        "automax",
                                        "autoreset",
                                        "broadcast",
                                        "broadcastclient",
                                        "broadcastdelay",
                                        "calldelay",
                                        "controlkey",
                                        "crypto",
                                        "disable",
                                        "discard",
                                        "dscp",
                                        "enable",
                                        "extra",
                                        "filegen",
                                        "fudge",
                                        "includefile",
                                        "interface",
                                        "keysdir",
                                        "leapfile",
                                        "leapsmearinterval",
                                        "logconfig",
                                        "logfile",
                                        "manycastclient",
                                        "manycastserver",
                                        "mdnstries",
                                        "mru",
                                        "multicastclient",
                                        "nic",
                                        "nts",
                                        "peer",
                                        "phone",
                                        "pidfile",
                                        "qos",
                                        "requestkey",
                                        "reset",
                                        "restrict",
                                        "revoke",
                                        "rlimit",
                                        "saveconfigdir",
                                        "setvar",
                                        "statistics",
                                        "statsdir",
                                        "tinker",
                                        "tos",
                                        "trap",
                                        "ttl",
                                        "unpeer",
                                        "unrestrict",
                                        NULL};

/* What a file is being read into. */
struct parse {
    struct config *config;
    struct config_errors *errors;
    const char *file;
    int first[64]; /* line that gave directive i, 0: none */
};

static void keep_error(struct config_errors *errors, const struct err *err)
{
    if (errors->count < CONFIG_ERRORS_MAX)
        errors->err[errors->count++] = *err;
    else
        errors->more++;
}

static int unknown_directive(const struct config_line *line, struct err *err)
{
    char quoted[48], todo[sizeof err->todo];
    const char *word = line->word[0], *nearest = NULL;
    int best = INT_MAX;
    for (const char *const *w = ntp_words; *w; w++)
        if (!strcmp(*w, word))
            return err_set(err, line->thing, "delete the line or put # before it",
                           "'%s' of ntp.conf is not known to timeball", word);
    for (const struct config_directive *d = config_directives; d->row.word; d++) {
        int distance = options_distance(word, d->row.word);
        if (distance < best) {
            best = distance;
            nearest = d->row.word;
        }
    }
    if (nearest)
        snprintf(todo, sizeof todo, "did you mean '%s'?", nearest);
    else
        snprintf(todo, sizeof todo, "see timeball.conf(5) for the words that there are");
    return err_set(err, line->thing, todo, "unknown word '%s'",
                   options_quote(word, quoted, sizeof quoted));
}

/* A directive with its place in struct config. */
static int take_plain(struct parse *p, const struct config_directive *d,
                      const struct config_line *line, struct err *err)
{
    uint64_t given;
    int *first = &p->first[d - config_directives];
    if (*first)
        return err_set(err, line->thing, "keep one of the two lines", "%s is given twice (line %d)",
                       d->row.word, *first);
    *first = line->number;
    if (options_set(&d->row, p->config, line->word[1], line->thing, err))
        return -1;
    return options_take(d->more, p->config, d->row.word, line->word + 2, line->count - 2,
                        line->thing, &given, err);
}

static int take_line(struct parse *p, const struct config_line *line, struct err *err)
{
    const struct config_directive *d = config_directives;
    while (d->row.word && strcmp(d->row.word, line->word[0]) != 0)
        d++;
    if (!d->row.word)
        return unknown_directive(line, err);
    if (line->count < 2) {
        char todo[sizeof err->todo];
        snprintf(todo, sizeof todo, "write %s %s", d->row.word, d->usage);
        return err_set(err, line->thing, todo, "%s: the value is missing", d->row.word);
    }
    p->config->given |= UINT64_C(1) << (d - config_directives);
    snprintf(p->config->where[d - config_directives], CONFIG_WHERE_SIZE, "%s", line->thing);
    return d->take ? d->take(p->config, line, err) : take_plain(p, d, line, err);
}

static void parse_lines(struct parse *p, const char *text, size_t size)
{
    const char *end = text + size;
    struct config_line line = {0};
    if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) /* byte order mark of some editors */
        text += 3;
    for (int number = 1; text < end; number++) {
        struct err err = {0};
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *stop = newline ? newline : end;
        if (config_line_cut(&line, p->file, number, text, (size_t)(stop - text), &err) ||
            (line.count && take_line(p, &line, &err)))
            keep_error(p->errors, &err);
        text = stop + 1;
    }
}

static void initial_config(struct config *c)
{
    memset(c, 0, sizeof *c);
    for (const struct config_directive *d = config_directives; d->row.word; d++) {
        if (!d->take && d->row.initial)
            options_set(&d->row, c, d->row.initial, "default", NULL);
        if (!d->take)
            options_initial(d->more, c);
    }
}

/* Without a listen line: every address, port 123. Read like a line of the file. */
static void default_listen(struct config *c)
{
    static const char *const lines[] = {"listen 0.0.0.0", "listen ::"};
    const struct config_directive *d = config_directives;
    struct config_line line = {0};
    if (c->listen_none || c->listen_count)
        return;
    while (strcmp(d->row.word, "listen") != 0)
        d++;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (!config_line_cut(&line, "default", 0, lines[i], strlen(lines[i]), NULL))
            d->take(c, &line, NULL);
    c->listen_default = true;
}

int config_default_refclock(struct config *c, struct err *err)
{
    static const char text[] = "refclock auto";
    struct config_line line = {0};
    const struct config_directive *d = config_directives;
    if (c->refclock_none || c->refclock_count)
        return 0;
    while (strcmp(d->row.word, "refclock") != 0)
        d++;
    return config_line_cut(&line, "default", 0, text, strlen(text), err) || d->take(c, &line, err)
               ? -1
               : 0;
}

int config_parse(struct config *c, const char *name, const char *text, size_t size,
                 struct config_errors *errors)
{
    struct parse p = {.config = c, .errors = errors, .file = name};
    memset(errors, 0, sizeof *errors);
    initial_config(c);
    parse_lines(&p, text, size);
    struct err err = {0};
    if (config_feed_check(c, name, &err))
        keep_error(errors, &err);
    if (errors->count) {
        config_free(c);
        return -1;
    }
    default_listen(c);
    return 0;
}

/* Opens the file and sees that it is one that can be read to its end. */
static int open_file(const char *path, struct err *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        const char *todo = errno == ENOENT   ? "name the configuration with -c FILE"
                           : errno == EACCES ? "let the user that runs this read it"
                                             : "name a text file with -c FILE";
        return err_errno(err, path, todo, "", errno);
    }
    const char *wrong = fstat(fd, &st)        ? "cannot be looked at"
                        : S_ISDIR(st.st_mode) ? "is a directory"
                        : S_ISREG(st.st_mode) ? NULL
                        : S_ISCHR(st.st_mode) ? NULL /* /dev/null, /dev/stdin */
                                              : "is not a file";
    if (wrong) {
        close(fd);
        return err_set(err, path, "name a text file with -c FILE", "%s", wrong);
    }
    return fd;
}

/* Reads all of the file, at most CONFIG_FILE_MAX bytes. Number of bytes, or -1. */
static ssize_t read_file(int fd, const char *path, char *text, struct err *err)
{
    size_t n = 0;
    while (n <= CONFIG_FILE_MAX) {
        ssize_t got = read(fd, text + n, CONFIG_FILE_MAX + 1 - n);
        if (got == 0)
            return (ssize_t)n;
        if (got < 0 && errno != EINTR)
            return err_errno(err, path, "name a text file with -c FILE", "cannot be read", errno);
        n += got > 0 ? (size_t)got : 0;
    }
    return err_set(err, path, "is this a text file?", "is larger than %d bytes", CONFIG_FILE_MAX);
}

static int load_failed(struct config *c, struct config_errors *errors, const struct err *err)
{
    memset(c, 0, sizeof *c);
    keep_error(errors, err);
    return -1;
}

int config_load(struct config *c, const char *path, struct config_errors *errors)
{
    const char *name = path ? path : CONFIG_PATH;
    struct err err = {0};
    memset(errors, 0, sizeof *errors);
    if (!path && access(name, F_OK) && errno == ENOENT)
        return config_parse(c, name, "", 0, errors);
    int fd = open_file(name, &err);
    if (fd < 0)
        return load_failed(c, errors, &err);
    char *text = malloc((size_t)CONFIG_FILE_MAX + 1);
    ssize_t size = text ? read_file(fd, name, text, &err) : -1;
    close(fd);
    if (!text)
        err_set(&err, name, "", "out of memory");
    int result = text && size >= 0 ? config_parse(c, name, text, (size_t)size, errors)
                                   : load_failed(c, errors, &err);
    free(text);
    return result;
}

void config_free(struct config *c)
{
    for (size_t i = 0; i < c->refclock_count; i++)
        free(c->refclock[i].driver);
    memset(c, 0, sizeof *c);
}

bool config_given(const struct config *c, const char *word)
{
    for (const struct config_directive *d = config_directives; d->row.word; d++)
        if (!strcmp(d->row.word, word))
            return c->given >> (d - config_directives) & 1;
    return false;
}

bool config_refclock_given(const struct config_refclock *r, const char *word)
{
    const struct option_row *row = options_find(r->ops->options, word);
    return row && r->given >> ((row - r->ops->options) & 63) & 1;
}

void config_errors_print(FILE *out, const char *program, const struct config_errors *errors)
{
    char text[sizeof(struct err) + 8];
    for (size_t i = 0; i < errors->count; i++)
        fprintf(out, "%s: %s\n", program, err_line(&errors->err[i], text, sizeof text));
    if (errors->more)
        fprintf(out, "%s: and %zu more\n", program, errors->more);
}

static void print_plain(FILE *out, const struct config *c, const struct config_directive *d)
{
    char value[OPTION_TEXT_SIZE + 2];
    bool given = c->given >> (d - config_directives) & 1;
    fprintf(out, "%s %s", d->row.word, options_value(&d->row, c, value, sizeof value));
    for (const struct option_row *row = d->more; row && row->word; row++)
        fprintf(out, " %s %s", row->word, options_value(row, c, value, sizeof value));
    fputs(given ? "\n" : " # default\n", out);
}

void config_directive_print(FILE *out, const struct config *c, const struct config_directive *d)
{
    if (d->print)
        d->print(out, c);
    else
        print_plain(out, c, d);
}

void config_check_print(FILE *out, const struct config *c)
{
    for (const struct config_directive *d = config_directives; d->row.word; d++)
        config_directive_print(out, c, d);
}
