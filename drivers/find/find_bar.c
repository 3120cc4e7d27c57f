/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/find/find_bar.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/find/root_file.h"

#define WANTS     "getty.target.wants"
#define LINKS_MAX 8

/* Every port of that name; the first reason stays. */
static void bar(struct find *f, const char *device, enum find_bar why, const char *holder, int pid)
{
    for (struct find_port *p = f->port; p < f->port + f->count; p++) {
        if (p->bar != FIND_FREE || strcmp(p->device, device) != 0)
            continue;
        p->bar = why;
        p->pid = pid;
        snprintf(p->holder, sizeof p->holder, "%.63s", holder);
    }
}

/* A console by its name in /proc/consoles or on the kernel's command line. */
static void bar_console(const char *root, struct find *f, const char *name, const char *where)
{
    char path[64], device[64];
    snprintf(path, sizeof path, "/dev/%.40s", name);
    bar(f, find_resolve(root, path, device, sizeof device), FIND_CONSOLE, where, 0);
}

/* /proc/consoles: the name is the first word of each line; active: all words of the only one. */
static void bar_listed(const char *root, struct find *f, const char *file, const char *stops)
{
    char text[1024];
    root_read(root, file, text, sizeof text);
    for (char *rest = text, *line; (line = strsep(&rest, stops));) {
        line[strcspn(line, " \t")] = 0;
        if (*line)
            bar_console(root, f, line, file);
    }
}

static void bar_consoles(const char *root, struct find *f)
{
    char text[4096];
    bar_listed(root, f, "/proc/consoles", "\n");
    bar_listed(root, f, "/sys/class/tty/console/active", " \n");
    root_read(root, "/proc/cmdline", text, sizeof text);
    for (char *rest = text, *word; (word = strsep(&rest, " \n"));) {
        if (strncmp(word, "console=", 8) != 0)
            continue;
        word[strcspn(word, ",")] = 0;
        bar_console(root, f, word + 8, "/proc/cmdline");
    }
}

struct scan {
    const char *root;
    struct find *f;
    const char *folder;
    const char *holder; /* name of the process */
    int pid;
    bool gpsd;
};

/* serial-getty@ttyAMA0.service, or getty@... of a distribution's own. */
static bool on_unit(void *arg, const char *name)
{
    struct scan *s = arg;
    char masked[PATH_MAX], target[64], device[64];
    const char *at = strchr(name, '@'), *dot = strrchr(name, '.');
    if (!at || !dot || dot < at || dot - at > 50 || !strstr(name, "getty"))
        return true;
    snprintf(masked, sizeof masked, "/etc/systemd/system/%.200s", name);
    if (root_link(s->root, masked, target, sizeof target) && !strcmp(target, "/dev/null"))
        return true;
    snprintf(device, sizeof device, "/dev/%.*s", (int)(dot - at - 1), at + 1);
    bar(s->f, device, FIND_GETTY, name, 0);
    return true;
}

static void bar_units(const char *root, struct find *f)
{
    static const char *const folders[] = {"/etc/systemd/system/" WANTS,
                                          "/run/systemd/generator/" WANTS};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        struct scan s = {.root = root, .f = f};
        root_list(root, folders[i], on_unit, &s);
    }
}

/* A getty names its port without /dev, gpsd with it. Words are separated by 0. */
static void bar_arguments(struct scan *s, const char *words, size_t size)
{
    bool getty = strstr(s->holder, "getty");
    for (const char *w = words; w < words + size; w += strlen(w) + 1) {
        char path[64], device[64];
        if (!getty && *w != '/')
            continue;
        snprintf(path, sizeof path, "%s%.50s", *w == '/' ? "" : "/dev/", w);
        find_resolve(s->root, path, device, sizeof device);
        bar(s->f, device, getty ? FIND_GETTY : FIND_GPSD, s->holder, s->pid);
    }
}

static bool on_descriptor(void *arg, const char *name)
{
    struct scan *s = arg;
    char path[PATH_MAX], target[64];
    snprintf(path, sizeof path, "%s/%.20s", s->folder, name);
    if (root_link(s->root, path, target, sizeof target) && !strncmp(target, "/dev/", 5))
        bar(s->f, target, s->gpsd ? FIND_GPSD : FIND_HELD, s->holder, s->pid);
    return true;
}

static bool on_process(void *arg, const char *name)
{
    struct scan *s = arg;
    char path[64], comm[32], words[1024];
    char *end;
    long pid = strtol(name, &end, 10);
    if (*end || pid <= 0 || pid > INT_MAX || (!*s->root && pid == getpid()))
        return true;
    s->pid = (int)pid;
    snprintf(path, sizeof path, "/proc/%.12s/comm", name);
    if (!root_line(s->root, path, comm, sizeof comm))
        return true;
    s->holder = comm;
    s->gpsd = !strcmp(comm, "gpsd");
    snprintf(path, sizeof path, "/proc/%.12s/cmdline", name);
    if (s->gpsd || strstr(comm, "getty"))
        bar_arguments(s, words, root_read(s->root, path, words, sizeof words));
    snprintf(path, sizeof path, "/proc/%.12s/fd", name);
    s->folder = path;
    root_list(s->root, path, on_descriptor, s);
    return true;
}

void find_bars(const char *root, struct find *f)
{
    struct scan s = {.root = root, .f = f};
    if (!f->count)
        return;
    bar_consoles(root, f);
    root_list(root, "/proc", on_process, &s);
    bar_units(root, f);
}

const char *find_resolve(const char *root, const char *path, char *buf, size_t size)
{
    char name[64], known[96], target[64];
    snprintf(name, sizeof name, "%s", path);
    for (int i = 0; i < LINKS_MAX; i++) {
        const char *base = strncmp(name, "/dev/", 5) ? name : name + 5;
        snprintf(known, sizeof known, "/sys/class/tty/%s", base);
        if (root_exists(root, known) || !root_link(root, name, target, sizeof target))
            break;
        const char *to = target;
        while (!strncmp(to, "../", 3))
            to += 3;
        snprintf(name, sizeof name, "%s%.58s", *to == '/' ? "" : "/dev/", to);
    }
    snprintf(buf, size, "%s", name);
    return buf;
}
