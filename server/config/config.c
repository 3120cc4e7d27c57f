/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/config/config.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/config/chrony.h"
#include "server/config/clocks.h"
#include "server/config/file.h"
#include "server/config/interface.h"
#include "server/config/line.h"
#include "server/config/ntp.h"
#include "server/options.h"

/* What files are being read into. */
struct config_parse {
    struct config *config;
    struct config_errors *errors;
    const struct config_file *file; /* that is read; those that include it follow */
    int files;                      /* included so far */
};

static int unknown_directive(const struct config_line *line, struct err *err)
{
    char quoted[48], todo[sizeof err->todo];
    const char *word = line->word[0], *nearest = NULL;
    int best = INT_MAX;
    if (config_ntp_knows(word))
        return err_set(err, line->thing, "delete it", "unknown word '%s' in %s",
                       options_quote(line->word[1], quoted, sizeof quoted), word);
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
static int take_plain(struct config_parse *p, const struct config_directive *d,
                      const struct config_line *line, struct err *err)
{
    uint64_t given;
    if (options_set(&d->row, p->config, line->word[1], line->thing, err))
        return -1;
    return options_take(d->more, p->config, d->row.word, line->word + 2, line->count - 2,
                        line->thing, &given, err);
}

static int take_line(struct config_parse *p, struct config_line *line, struct err *err)
{
    const struct config_directive *d = config_directives;
    if (config_clocks_mine(line))
        return config_clocks_take(p->config, line, err);
    if (config_ntp_nothing(p->config, line))
        return 0;
    if (config_ntp_trim(p->config, line, err))
        return -1;
    if (!line->count)
        return 0;
    if (config_chrony_refuse(line, err))
        return -1;
    while (d->row.word && strcmp(d->row.word, line->word[0]) != 0)
        d++;
    if (!d->row.word)
        return unknown_directive(line, err);
    if (line->count < 2) {
        char todo[sizeof err->todo];
        snprintf(todo, sizeof todo, "write %s %s", d->row.word, d->usage);
        return err_set(err, line->thing, todo, "%s: the value is missing", d->row.word);
    }
    char *where = p->config->where[d - config_directives];
    if (!d->take && *where)
        return err_set(err, line->thing, "keep one of the two lines", "%s is given twice (%s)",
                       d->row.word, where);
    p->config->given |= UINT64_C(1) << (d - config_directives);
    snprintf(where, CONFIG_WHERE_SIZE, "%s", line->thing);
    return d->take ? d->take(p->config, line, err) : take_plain(p, d, line, err);
}

static void parse_lines(struct config_parse *p, const char *text, size_t size)
{
    const char *end = text + size;
    struct config_line line = {.parse = p};
    if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) /* byte order mark of some editors */
        text += 3;
    for (int number = 1; text < end; number++) {
        struct err err = {0};
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *stop = newline ? newline : end;
        int bad = config_line_cut(&line, p->file->path, number, text, (size_t)(stop - text), &err);
        if (bad ? !config_ntp_nothing(p->config, &line) : line.count && take_line(p, &line, &err))
            config_errors_add(p->errors, &err);
        text = stop + 1;
    }
}

/* ---- files in files ---- */

/* A name that is not absolute counts from the folder of the file that the line is in. */
static int include_path(const char *from, const char *name, char *path, size_t size)
{
    const char *slash = *name == '/' ? NULL : strrchr(from, '/');
    int folder = slash ? (int)(slash + 1 - from) : 0;
    int n = snprintf(path, size, "%.*s%s", folder, from, name);
    return n < 0 || (size_t)n >= size ? -1 : 0;
}

static int check_include(const struct config_parse *p, const struct config_file *file,
                         const struct config_line *line, struct err *err)
{
    int depth = 0;
    for (const struct config_file *up = file->from; up; up = up->from, depth++)
        if (up->known && up->device == file->device && up->inode == file->inode)
            return err_set(err, line->thing, "delete the line",
                           "includefile: %.90s includes itself", file->path);
    if (depth > CONFIG_INCLUDE_DEPTH)
        return err_set(err, line->thing, "put their lines into one file",
                       "includefile: files are included more than %d deep", CONFIG_INCLUDE_DEPTH);
    if (p->files > CONFIG_INCLUDES_MAX)
        return err_set(err, line->thing, "put their lines into one file",
                       "includefile: more than %d files", CONFIG_INCLUDES_MAX);
    return 0;
}

int config_include_take(struct config *c, const struct config_line *line, struct err *err)
{
    struct config_parse *p = line->parse;
    struct config_file file = {.from = p->file};
    struct err inner;
    char path[PATH_MAX];
    (void)c;
    if (line->count > 2)
        return err_set(err, line->thing, "write a line for each file",
                       "includefile takes one file");
    p->files++;
    if (include_path(p->file->path, line->word[1], path, sizeof path))
        return err_set(err, line->thing, "", "includefile: the path is too long");
    file.path = path;
    if (config_file_read(&file, &inner))
        return err_set(err, line->thing, "name a text file, or delete the line",
                       "includefile: %.80s: %.60s", path, inner.why);
    int bad = check_include(p, &file, line, err);
    if (!bad) {
        p->file = &file;
        parse_lines(p, file.text, file.size);
        p->file = file.from;
    }
    config_file_free(&file);
    return bad;
}

/* ---- the whole ---- */

static void initial_config(struct config *c)
{
    memset(c, 0, sizeof *c);
    config_statistics_initial(&c->statistics);
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

/* A pulse says when a second begins, and not which. */
static void warn_of_pulses_alone(struct config *c, const char *name)
{
    if (!c->refclock_count || c->server_count)
        return;
    for (size_t i = 0; i < c->refclock_count; i++)
        if (c->refclock[i].ops->gives != DRIVER_PULSES)
            return;
    err_set(config_warning(c), name,
            "add `refclock nmea DEVICE`, or `server` lines: messages or servers number the pulses",
            "there are pulses alone, and nothing says which second each is");
}

/* What can be judged only when all lines are known. */
static int finish(struct config *c, const char *name, struct config_errors *errors)
{
    struct err err = {0};
    if (config_clocks_finish(c, errors))
        return -1;
    if (config_interface_finish(c, &err) || config_feed_check(c, name, &err)) {
        config_errors_add(errors, &err);
        return -1;
    }
    default_listen(c);
    warn_of_pulses_alone(c, name);
    return 0;
}

static int parse_file(struct config *c, const struct config_file *file,
                      struct config_errors *errors)
{
    struct config_parse p = {.config = c, .errors = errors, .file = file};
    initial_config(c);
    parse_lines(&p, file->text, file->size);
    if (errors->count || finish(c, file->path, errors)) {
        config_free(c);
        return -1;
    }
    return 0;
}

int config_parse(struct config *c, const char *name, const char *text, size_t size,
                 struct config_errors *errors)
{
    const struct config_file file = {.path = name, .text = (char *)text, .size = size};
    memset(errors, 0, sizeof *errors);
    return parse_file(c, &file, errors);
}

int config_load(struct config *c, const char *path, struct config_errors *errors)
{
    struct config_file file = {.path = path ? path : CONFIG_PATH};
    struct err err = {0};
    memset(errors, 0, sizeof *errors);
    if (!path && access(file.path, F_OK) && errno == ENOENT)
        return config_parse(c, file.path, "", 0, errors);
    if (config_file_read(&file, &err)) {
        memset(c, 0, sizeof *c);
        config_errors_add(errors, &err);
        return -1;
    }
    int result = parse_file(c, &file, errors);
    config_file_free(&file);
    return result;
}

const char *config_find_socket(struct config *c, const char *path, struct err *err)
{
    struct config_errors errors;
    path = path ? path : CONFIG_PATH;
    if (config_load(c, path, &errors))
        config_parse(c, path, "", 0, &errors);
    if (*c->statussocket)
        return c->statussocket;
    err_set(err, path, "write a path there, or use -s", "says statussocket none");
    return NULL;
}

void config_free(struct config *c)
{
    for (size_t i = 0; i < c->refclock_count; i++)
        free(c->refclock[i].driver);
    free(c->restrictions);
    free(c->warning);
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
