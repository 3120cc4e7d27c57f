/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_TESTS_TREE_H
#define TIMEBALL_TESTS_TREE_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TREE_PATH 400

/* A made-up machine: /sys, /dev, /proc, /boot and /etc below a folder. */
struct tree {
    char root[64];
};

static inline void tree_make(struct tree *t)
{
    snprintf(t->root, sizeof t->root, "/tmp/timeball-tree-XXXXXX");
    assert_non_null(mkdtemp(t->root));
}

/* Fills `full` with the path below the root, and makes the folders that lead there. */
static inline void tree_way(const struct tree *t, const char *path, char *full)
{
    snprintf(full, TREE_PATH, "%s%.300s", t->root, path);
    for (char *slash = full + strlen(t->root) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        mkdir(full, 0755);
        *slash = '/';
    }
}

static inline void tree_bytes(const struct tree *t, const char *path, const char *text, size_t size)
{
    char full[TREE_PATH];
    tree_way(t, path, full);
    FILE *f = fopen(full, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, size, f), size);
    fclose(f);
}

static inline void tree_file(const struct tree *t, const char *path, const char *text)
{
    tree_bytes(t, path, text, strlen(text));
}

static inline void tree_link(const struct tree *t, const char *path, const char *target)
{
    char full[TREE_PATH];
    tree_way(t, path, full);
    unlink(full);
    assert_int_equal(symlink(target, full), 0);
}

static inline void tree_folder(const struct tree *t, const char *path)
{
    char full[TREE_PATH];
    tree_way(t, path, full);
    mkdir(full, 0755);
}

static inline int tree_remove_one(const char *path, const struct stat *st, int type,
                                  struct FTW *walk)
{
    (void)st;
    (void)type;
    (void)walk;
    return remove(path);
}

/* A file, a link or a whole folder. */
static inline void tree_remove(const struct tree *t, const char *path)
{
    char full[TREE_PATH];
    snprintf(full, sizeof full, "%s%.300s", t->root, path);
    nftw(full, tree_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- parts of machines ---- */

/* A serial port that the kernel knows; `device` is where its /sys folder leads, below /sys. */
static inline void tree_tty(const struct tree *t, const char *name, const char *device)
{
    char path[TREE_PATH], target[TREE_PATH];
    snprintf(path, sizeof path, "/dev/%.200s", name);
    tree_link(t, path, "/dev/null");
    snprintf(path, sizeof path, "/sys/%.200s", device);
    tree_folder(t, path);
    snprintf(target, sizeof target, "%s/sys/%.200s", t->root, device);
    snprintf(path, sizeof path, "/sys/class/tty/%.200s/device", name);
    tree_link(t, path, target);
}

/* A USB port with its device's ids and names. */
static inline void tree_usb(const struct tree *t, const char *name, const char *ids,
                            const char *maker, const char *product)
{
    char device[128], path[TREE_PATH], id[8];
    snprintf(device, sizeof device, "devices/usb1/1-%.40s/1-%.40s:1.0", name, name);
    tree_tty(t, name, device);
    snprintf(id, sizeof id, "%.4s\n", ids);
    snprintf(path, sizeof path, "/sys/devices/usb1/1-%.40s/idVendor", name);
    tree_file(t, path, id);
    snprintf(id, sizeof id, "%.4s\n", ids + 5);
    snprintf(path, sizeof path, "/sys/devices/usb1/1-%.40s/idProduct", name);
    tree_file(t, path, id);
    snprintf(path, sizeof path, "/sys/devices/usb1/1-%.40s/manufacturer", name);
    tree_file(t, path, maker);
    snprintf(path, sizeof path, "/sys/devices/usb1/1-%.40s/product", name);
    tree_file(t, path, product);
}

static inline void tree_pps(const struct tree *t, int number, const char *name, const char *path)
{
    char file[64];
    snprintf(file, sizeof file, "/sys/class/pps/pps%d/name", number);
    tree_file(t, file, name);
    snprintf(file, sizeof file, "/sys/class/pps/pps%d/path", number);
    tree_file(t, file, path);
    snprintf(file, sizeof file, "/dev/pps%d", number);
    tree_link(t, file, "/dev/null");
}

/* A process, its arguments separated by '|', with one open file. */
static inline void tree_process(const struct tree *t, int pid, const char *name,
                                const char *arguments, const char *open)
{
    char path[64], words[256];
    snprintf(path, sizeof path, "/proc/%d/comm", pid);
    tree_file(t, path, name);
    snprintf(words, sizeof words, "%s", arguments);
    for (char *at = words; *at; at++)
        if (*at == '|')
            *at = 0;
    snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
    tree_bytes(t, path, words, strlen(arguments) + 1);
    snprintf(path, sizeof path, "/proc/%d/fd/3", pid);
    if (open)
        tree_link(t, path, open);
}

/* A Raspberry Pi 4 with its header's UART, nothing else. */
static inline void tree_pi4(const struct tree *t)
{
    tree_bytes(t, "/proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.5", 31);
    tree_tty(t, "ttyAMA0", "devices/fe201000.serial");
    tree_link(t, "/dev/serial0", "ttyAMA0");
}

#endif
