/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * main() of a fuzz target in an ordinary build, where there is no libFuzzer: runs every seed file
 * as it is, then mutations of them from a fixed seed.
 *
 * usage: fuzz_NAME [-n MUTATIONS] [FILE or FOLDER]...
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

enum { INPUT_MAX = 65536, MUTATIONS = 4000 };

struct seed {
    uint8_t *data;
    size_t size;
};

struct replay {
    struct seed *seeds;
    size_t count;
    uint64_t random;
    uint64_t runs;
    int last; /* descriptor of a file with the input that runs now: left behind by a crash */
};

/* xorshift64* (Marsaglia 2003; Vigna 2016): own, so that a target links nothing that it did not ask
 * for. */
static size_t random_below(struct replay *r, size_t limit)
{
    r->random ^= r->random >> 12;
    r->random ^= r->random << 25;
    r->random ^= r->random >> 27;
    return limit ? (size_t)((r->random * 0x2545f4914f6cdd1dULL) >> 32) % limit : 0;
}

/* An exactly sized copy on the heap, so that ASan sees the first byte read past the end. */
static void run(struct replay *r, const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);

    if (!copy)
        abort();
    memcpy(copy, data, size);
    if (r->last >= 0 && (pwrite(r->last, copy, size, 0) < 0 || ftruncate(r->last, (off_t)size) < 0))
        perror("replay");
    LLVMFuzzerTestOneInput(copy, size);
    r->runs++;
    free(copy);
}

static void seed_add(struct replay *r, const uint8_t *data, size_t size)
{
    struct seed *more = realloc(r->seeds, (r->count + 1) * sizeof *more);
    uint8_t *copy = malloc(size ? size : 1);

    if (!more || !copy)
        abort();
    memcpy(copy, data, size);
    r->seeds = more;
    r->seeds[r->count].data = copy;
    r->seeds[r->count++].size = size;
}

static int seed_read(struct replay *r, const char *path)
{
    uint8_t *data = malloc(INPUT_MAX);
    FILE *f = fopen(path, "rb");
    size_t size;

    if (!f || !data) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        free(data);
        if (f)
            fclose(f);
        return -1;
    }
    size = fread(data, 1, INPUT_MAX, f);
    fclose(f);
    seed_add(r, data, size);
    free(data);
    return 0;
}

static int seed_read_folder(struct replay *r, const char *path)
{
    struct dirent **names;
    int n = scandir(path, &names, NULL, alphasort), rc = n < 0 ? -1 : 0;

    for (int i = 0; i < n; i++) {
        char file[4096];

        if (names[i]->d_name[0] != '.') {
            snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
            rc |= seed_read(r, file);
        }
        free(names[i]);
    }
    if (n >= 0)
        free(names);
    return rc;
}

/* One change in place of data[0..size); room for INPUT_MAX bytes. Returns the new size. */
static size_t mutate(struct replay *r, uint8_t *data, size_t size)
{
    static const uint8_t telling[] = {0,   1,    0x7f, 0x80, 0xff, '$', '*',
                                      ',', '\r', '\n', '0',  '9',  '-', '.'};
    const struct seed *other = &r->seeds[random_below(r, r->count)];
    size_t at = random_below(r, size), len = 1 + random_below(r, 8), from;

    switch (random_below(r, 7)) {
    case 0: /* flip a bit */
        if (size)
            data[at] ^= (uint8_t)(1U << random_below(r, 8));
        return size;
    case 1: /* a byte that parsers look for, or a limit */
        if (size)
            data[at] = telling[random_below(r, sizeof telling)];
        return size;
    case 2: /* any byte */
        if (size)
            data[at] = (uint8_t)random_below(r, 256);
        return size;
    case 3: /* cut off */
        return at;
    case 4: /* take some out */
        len = len < size - at ? len : size - at;
        memmove(data + at, data + at + len, size - at - len);
        return size - len;
    case 5: /* repeat some */
        if (!size || size + len > INPUT_MAX || at + len > size)
            return size;
        memmove(data + at + len, data + at, size - at);
        return size + len;
    default: /* go on as another seed does */
        from = random_below(r, other->size);
        len = other->size - from;
        len = len < INPUT_MAX - at ? len : INPUT_MAX - at;
        memcpy(data + at, other->data + from, len);
        return at + len;
    }
}

static void run_mutations(struct replay *r, unsigned long count)
{
    uint8_t *data = malloc(INPUT_MAX);

    if (!data)
        abort();
    for (unsigned long i = 0; i < count; i++) {
        const struct seed *s = &r->seeds[random_below(r, r->count)];
        size_t size = s->size, changes = 1 + random_below(r, 6);

        memcpy(data, s->data, size);
        while (changes-- > 0)
            size = mutate(r, data, size);
        run(r, data, size);
    }
    free(data);
}

static int read_seeds(struct replay *r, char *const *paths)
{
    struct stat st;
    int rc = 0;

    for (; *paths; paths++) {
        if (stat(*paths, &st) < 0) {
            fprintf(stderr, "%s: %s\n", *paths, strerror(errno));
            rc = -1;
        } else {
            rc |= S_ISDIR(st.st_mode) ? seed_read_folder(r, *paths) : seed_read(r, *paths);
        }
    }
    seed_add(r, (const uint8_t *)"", 0);
    return rc;
}

int main(int argc, char **argv)
{
    struct replay r = {.random = 0x74696d6562616c6cULL};
    unsigned long mutations = MUTATIONS;
    char last[4096];
    int option, rc;

    while ((option = getopt(argc, argv, "n:")) != -1) {
        if (option != 'n')
            return 2;
        mutations = strtoul(optarg, NULL, 10);
    }
    rc = read_seeds(&r, argv + optind);
    snprintf(last, sizeof last, "%s.crash", argv[0]);
    r.last = open(last, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    for (size_t i = 0; i < r.count; i++)
        run(&r, r.seeds[i].data, r.seeds[i].size);
    run_mutations(&r, mutations);
    if (r.last >= 0) {
        close(r.last);
        unlink(last);
    }
    printf("%zu seeds, %llu runs\n", r.count - 1, (unsigned long long)r.runs);
    for (size_t i = 0; i < r.count; i++)
        free(r.seeds[i].data);
    free(r.seeds);
    return rc ? 1 : 0;
}
