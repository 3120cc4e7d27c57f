/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ntp/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/ntp/keys_table.h"
#include "server/options.h"

/* Key files: ntp.keys(5) of ntpd and NTPsec, chrony.keys in chrony.conf(5). */

#define LINE_MAX_BYTES 1023
#define WORDS          4
#define HEX_FROM       21 /* a key without prefix and so long is hexadecimal, as for ntpd */

static const char write_so[] = "write `ID TYPE KEY`, as in: 10 AES-128 HEX:<32 hex digits>";

/* What a file is being read into. */
struct reading {
    struct keys *keys;
    const struct keys_want *want;
    int line;
    struct err *err;
};

/* "FILE:LINE" */
static const char *thing(const struct reading *r, char buf[160])
{
    snprintf(buf, 160, "%.140s:%d", r->want->path, r->line);
    return buf;
}

static int wrong(struct reading *r, const char *todo, const char *why)
{
    char where[160];
    return err_set(r->err, thing(r, where), todo, "%s", why);
}

static struct err *new_note(struct keys *k)
{
    return k->notes < KEYS_NOTES ? &k->note[k->notes++] : NULL;
}

/* Cuts a line, in place. Number of words, at most WORDS. */
static int cut(char *line, char *word[WORDS])
{
    int count = 0;
    char *rest = line;
    while (count < WORDS) {
        rest += strspn(rest, " \t\r");
        if (!*rest || *rest == '#' || (!count && strchr(";!%", *rest)))
            break;
        word[count++] = rest;
        rest += strcspn(rest, " \t\r");
        if (*rest)
            *rest++ = 0;
    }
    return count;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static int read_hex(struct reading *r, const char *text, uint8_t *secret, size_t *size)
{
    size_t digits = strlen(text);
    for (size_t i = 0; i < digits; i++)
        if (hex_digit(text[i]) < 0)
            return wrong(r, "write ASCII: before a key of more than 20 letters",
                         "the key has a letter that is no hexadecimal digit");
    if (digits % 2 || digits / 2 > MAC_SECRET_MAX)
        return wrong(r, "write two digits for each octet, at most 128 octets",
                     "the key has an odd number of hexadecimal digits, or too many");
    *size = digits / 2;
    for (size_t i = 0; i < *size; i++)
        secret[i] = (uint8_t)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
    return 0;
}

static int read_secret(struct reading *r, const char *text, uint8_t *secret, size_t *size)
{
    *size = 0;
    bool ascii = !strncasecmp(text, "ASCII:", 6), hex = !strncasecmp(text, "HEX:", 4);
    if (hex || (!ascii && strlen(text) >= HEX_FROM))
        return read_hex(r, hex ? text + 4 : text, secret, size);
    text += ascii ? 6 : 0;
    *size = strlen(text);
    if (*size > MAC_SECRET_MAX)
        return wrong(r, "at most 128 letters", "the key is too long");
    memcpy(secret, text, *size);
    return 0;
}

static int check_size(struct reading *r, const struct mac_algorithm *a, size_t size)
{
    char where[160], todo[sizeof r->err->todo];
    if (size && (!a->secret || size == a->secret))
        return 0;
    snprintf(todo, sizeof todo, "make one with `openssl rand -hex %zu`, and write HEX: before it",
             a->secret ? a->secret : 20);
    if (!size)
        return err_set(r->err, thing(r, where), todo, "the key is empty");
    return err_set(r->err, thing(r, where), todo, "the key has %zu octets, and %s takes %zu", size,
                   a->name, a->secret);
}

/* As trustedkey lines say; without any, all are. */
static bool is_trusted(const struct keys_want *want, uint32_t id)
{
    for (size_t i = 0; i < want->ranges; i++)
        if (want->trusted[i].from <= id && id <= want->trusted[i].to)
            return true;
    return !want->ranges;
}

static int add(struct reading *r, uint32_t id, const struct mac_algorithm *a, const char *text)
{
    struct keys *k = r->keys;
    uint8_t secret[MAC_SECRET_MAX];
    char where[160];
    size_t size, at = keys_place(k, id);
    if (k->slot[at])
        return err_set(r->err, thing(r, where), "keep one of the two lines",
                       "key %u is given twice (line %d)", id, k->key[k->slot[at] - 1].line);
    if (k->count == k->room)
        return err_set(r->err, thing(r, where), "delete those that are not needed",
                       "more than %d keys", KEYS_MAX);
    int bad = read_secret(r, text, secret, &size) || check_size(r, a, size) ? -1 : 0;
    if (!bad) {
        struct key *key = &k->key[k->count++];
        *key = (struct key){.id = id, .trusted = is_trusted(r->want, id), .line = r->line};
        mac_key_set(&key->mac, a, secret, size);
        k->slot[at] = (uint16_t)k->count;
    }
    explicit_bzero(secret, sizeof secret);
    return bad;
}

/* A line that is left out does not stop the others. */
static void leave_out(struct reading *r, int64_t id, const char *type, bool weak)
{
    char where[160], quoted[48];
    if (weak)
        err_set(new_note(r->keys), thing(r, where),
                "make it an AES-128 or SHA256 key, or write `keys FILE allowmd5`",
                "key %lld is left out: MD5 is not safe any more", (long long)id);
    else
        err_set(new_note(r->keys), thing(r, where), "AES-128, AES-256, SHA1, SHA256 ... are known",
                "key %lld is left out: its type '%s' is not known", (long long)id,
                options_quote(type, quoted, sizeof quoted));
}

static int take(struct reading *r, char *line)
{
    char *word[WORDS] = {NULL};
    int64_t id;
    int count = cut(line, word);
    if (!count)
        return 0;
    if (number_int(word[0], &id) || id < 1 || id > UINT32_MAX)
        return wrong(r, write_so, "the line does not begin with a number from 1 to 4294967295");
    if (count < 3)
        return wrong(r, write_so, count < 2 ? "type and key are missing" : "the key is missing");
    if (count > 3)
        return wrong(r, "delete what follows the key; addresses are for `restrict`",
                     "there is a word after the key");
    const struct mac_algorithm *a = mac_find(word[1]);
    if (a && (!a->weak || r->want->weak))
        return add(r, (uint32_t)id, a, word[2]);
    leave_out(r, id, word[1], a);
    return 0;
}

static int take_lines(struct reading *r, const char *text, size_t size)
{
    char line[LINE_MAX_BYTES + 1];
    int bad = 0;
    for (const char *end = text + size; text < end && !bad; r->line++) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t length = (size_t)((newline ? newline : end) - text);
        if (length > LINE_MAX_BYTES || memchr(text, 0, length))
            return wrong(r, "is this a key file?", "the line is too long, or has a NUL in it");
        memcpy(line, text, length);
        line[length] = 0;
        bad = take(r, line);
        text += length + 1;
    }
    explicit_bzero(line, sizeof line);
    return bad;
}

/* A key that trustedkey names by itself and that is not there is a slip of the pen. */
static void note_absent(struct keys *k, const struct keys_want *want)
{
    for (size_t i = 0; i < want->ranges; i++)
        if (want->trusted[i].from == want->trusted[i].to &&
            !keys_find(k, (uint32_t)want->trusted[i].from))
            err_set(new_note(k), want->path, "add it to the file, or take it out of trustedkey",
                    "there is no key %lld, which trustedkey names",
                    (long long)want->trusted[i].from);
}

/* There is at most one a line. */
static size_t most_keys(const char *text, size_t size)
{
    size_t lines = 1;
    for (size_t i = 0; i < size && lines < KEYS_MAX; i++)
        lines += text[i] == '\n';
    return lines;
}

int keys_parse(struct keys **out, const struct keys_want *want, const char *text, size_t size,
               struct err *err)
{
    struct reading r = {.want = want, .line = 1, .err = err};
    size_t room = most_keys(text, size);
    r.keys = calloc(1, sizeof *r.keys + room * sizeof *r.keys->key);
    if (!r.keys)
        return err_errno(err, want->path, "", "", ENOMEM);
    r.keys->room = room;
    if (take_lines(&r, text, size)) {
        keys_free(r.keys);
        return -1;
    }
    note_absent(r.keys, want);
    *out = r.keys;
    return 0;
}

/* Who may write the file gives keys to whom he likes; who may read it can sign. */
static int check_file(const char *path, int fd, bool *open_to_all, struct err *err)
{
    struct stat st;
    char todo[sizeof err->todo];
    if (fstat(fd, &st))
        return err_errno(err, path, "name a key file with `keys FILE`", "", errno);
    if (!S_ISREG(st.st_mode))
        return err_set(err, path, "name a key file with `keys FILE`", "is not a file");
    snprintf(todo, sizeof todo, "chmod o-rwx %.160s", path);
    if (st.st_mode & S_IWOTH)
        return err_set(err, path, todo, "anybody on this machine may write the key file");
    *open_to_all = st.st_mode & S_IROTH;
    return 0;
}

static int read_all(const char *path, int fd, char *text, size_t *size, struct err *err)
{
    for (*size = 0; *size <= KEYS_FILE_MAX;) {
        ssize_t n = read(fd, text + *size, KEYS_FILE_MAX + 1 - *size);
        if (!n)
            return 0;
        if (n < 0 && errno != EINTR)
            return err_errno(err, path, "", "cannot be read", errno);
        *size += n > 0 ? (size_t)n : 0;
    }
    return err_set(err, path, "is this a key file?", "is larger than %d bytes", KEYS_FILE_MAX);
}

static int load_open(struct keys **out, const struct keys_want *want, int fd, struct err *err)
{
    bool open_to_all = false;
    size_t size = 0;
    if (check_file(want->path, fd, &open_to_all, err))
        return -1;
    char *text = malloc(KEYS_FILE_MAX + 1);
    if (!text)
        return err_errno(err, want->path, "", "", ENOMEM);
    int bad = read_all(want->path, fd, text, &size, err) || keys_parse(out, want, text, size, err)
                  ? -1
                  : 0;
    explicit_bzero(text, size);
    free(text);
    if (!bad && open_to_all)
        err_set(new_note(*out), want->path, "chmod o= the file",
                "anybody on this machine may read the keys");
    return bad;
}

int keys_load(struct keys **out, const struct keys_want *want, struct err *err)
{
    /* a fifo would be waited for */
    int fd = open(want->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return err_errno(err, want->path,
                         errno == ENOENT
                             ? "make the key file, or take `keys` out of the configuration"
                             : "let timeballd's user read it: chgrp and chmod 0640",
                         "", errno);
    int bad = load_open(out, want, fd, err);
    close(fd);
    return bad;
}
