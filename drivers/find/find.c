/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/find/find.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "drivers/find/find_bar.h"
#include "drivers/find/root_file.h"

#define CLASS_TTY "/sys/class/tty"
#define CLASS_PPS "/sys/class/pps"
#define TREE      "/proc/device-tree"
#define DEPTH_MAX 8 /* folders from a tty up to its USB device */

struct search {
    const char *root;
    struct find *f;
};

static struct find_port *add(struct find *f, enum find_kind kind, const char *device)
{
    for (size_t i = 0; i < f->count; i++)
        if (!strcmp(f->port[i].device, device))
            return NULL;
    if (f->count == FIND_MAX)
        return NULL;
    struct find_port *p = &f->port[f->count++];
    *p = (struct find_port){.kind = kind, .pulse = -1};
    snprintf(p->device, sizeof p->device, "%.63s", device);
    return p;
}

/* ---- USB ---- */

struct usb {
    char vendor[8], product[8]; /* ids, four hex digits */
    char maker[64], name[80];
};

/* The USB device that a tty belongs to, by its folder in /sys. False: it is no USB port. */
static bool usb_of(const char *root, const char *tty, struct usb *usb)
{
    char path[PATH_MAX], *real;
    bool found = false;
    snprintf(path, sizeof path, "%s" CLASS_TTY "/%.40s/device", root, tty);
    real = realpath(path, NULL);
    for (int i = 0; real && !found && i < DEPTH_MAX && strlen(real) > strlen(root); i++) {
        memset(usb, 0, sizeof *usb);
        found = root_line(real, "/idVendor", usb->vendor, 5) &&
                root_line(real, "/idProduct", usb->product, 5);
        root_line(real, "/manufacturer", usb->maker, sizeof usb->maker);
        root_line(real, "/product", usb->name, sizeof usb->name);
        *strrchr(real, '/') = 0;
    }
    free(real);
    return found;
}

static bool says(const char *text, const char *word)
{
    for (; *text; text++)
        if (!strncasecmp(text, word, strlen(word)))
            return true;
    return false;
}

/* Vendors whose serial ports are receivers; of a bridge the names it was given must say so. */
static bool usb_is_receiver(const struct usb *usb)
{
    static const char *const ids[] = {"1546:" /* u-blox */, "0e8d:3329" /* MediaTek */,
                                      "152a:" /* Septentrio */};
    static const char *const words[] = {"gps", "gnss", "u-blox"};
    char id[16];
    bool is = false;
    snprintf(id, sizeof id, "%s:%s", usb->vendor, usb->product);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        is |= !strncasecmp(id, ids[i], strlen(ids[i]));
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        is |= says(usb->name, words[i]) || says(usb->maker, words[i]);
    return is;
}

static void usb_text(const struct usb *usb, char *buf, size_t size)
{
    bool maker = *usb->maker && strncasecmp(usb->maker, usb->name, 4) != 0;
    snprintf(buf, size, "%.40s%s%.48s (USB %s:%s)", maker ? usb->maker : "", maker ? " " : "",
             *usb->name ? usb->name : "device", usb->vendor, usb->product);
}

static bool on_tty(void *arg, const char *name)
{
    struct search *s = arg;
    struct usb usb;
    char device[64];
    snprintf(device, sizeof device, "/dev/%.50s", name);
    if (!usb_of(s->root, name, &usb) || !usb_is_receiver(&usb))
        return true;
    struct find_port *p = add(s->f, FIND_USB, device);
    if (p)
        usb_text(&usb, p->what, sizeof p->what);
    return true;
}

/* ---- names that somebody gave ---- */

static void add_named(struct search *s, const char *link)
{
    struct usb usb;
    char device[64];
    if (!root_exists(s->root, link))
        return;
    struct find_port *p = add(s->f, FIND_LINK, find_resolve(s->root, link, device, sizeof device));
    if (!p)
        return;
    if (strcmp(link, device) != 0)
        snprintf(p->link, sizeof p->link, "%s", link);
    if (usb_of(s->root, p->device + strlen("/dev/"), &usb))
        usb_text(&usb, p->what, sizeof p->what);
    else
        snprintf(p->what, sizeof p->what, "the port named %.50s", link);
}

static bool on_device(void *arg, const char *name)
{
    char link[64];
    snprintf(link, sizeof link, "/dev/%.50s", name);
    if (!strncmp(name, "gps", 3) && strncmp(name, "gpspps", 6) != 0 && !strchr(name, '.'))
        add_named(arg, link);
    return true;
}

/* ---- the header ---- */

/* The UART of pins 8 and 10. On the Pi 5 serial0 may be the debug connector's, ttyAMA10. */
static void find_header(const char *root, struct find *f)
{
    static const char *const fifth[] = {"Raspberry Pi 5", "Compute Module 5"};
    bool five = false;
    for (size_t i = 0; i < sizeof fifth / sizeof *fifth; i++)
        five |= strstr(f->model, fifth[i]) != NULL;
    if (!five && root_exists(root, "/dev/serial0"))
        find_resolve(root, "/dev/serial0", f->header, sizeof f->header);
    else if (f->raspberry && root_exists(root, "/dev/ttyAMA0"))
        snprintf(f->header, sizeof f->header, "/dev/ttyAMA0");
    else if (f->raspberry && !five && root_exists(root, "/dev/ttyS0"))
        snprintf(f->header, sizeof f->header, "/dev/ttyS0");
}

static void add_header(const char *root, struct find *f)
{
    char device[64];
    struct find_port *p = *f->header ? add(f, FIND_HEADER, f->header) : NULL;
    if (!p)
        return;
    if (!strcmp(find_resolve(root, "/dev/serial0", device, sizeof device), f->header))
        snprintf(p->link, sizeof p->link, "/dev/serial0");
    if (f->profile)
        snprintf(p->what, sizeof p->what, "%s", f->profile->name);
    else
        snprintf(p->what, sizeof p->what, "the header's UART%s%.60s", *f->model ? " of " : "",
                 f->model);
}

static void find_board(const char *root, struct find *f)
{
    root_line(root, TREE "/model", f->model, sizeof f->model);
    f->raspberry = !strncmp(f->model, "Raspberry Pi", strlen("Raspberry Pi"));
    root_line(root, TREE "/hat/vendor", f->vendor, sizeof f->vendor);
    root_line(root, TREE "/hat/product", f->product, sizeof f->product);
    f->profile = profile_of_eeprom(f->vendor, f->product);
    find_header(root, f);
}

/* ---- pulses ---- */

static bool on_pps(void *arg, const char *name)
{
    struct search *s = arg;
    struct find_pulse *p = &s->f->pulse[s->f->pulses];
    char path[96], tty[64];
    if (s->f->pulses == FIND_MAX)
        return false;
    *p = (struct find_pulse){.gpio = -1};
    snprintf(path, sizeof path, CLASS_PPS "/%.20s/name", name);
    root_line(s->root, path, p->name, sizeof p->name);
    if (!strcmp(p->name, "ktimer") || !strncmp(p->name, "ptp", 3))
        return true;
    snprintf(path, sizeof path, CLASS_PPS "/%.20s/path", name);
    if (root_line(s->root, path, tty, sizeof tty))
        find_resolve(s->root, tty, p->tty, sizeof p->tty);
    if (!strncmp(p->name, "pps@", 4))
        p->gpio = (int)strtol(p->name + 4, NULL, 16);
    snprintf(p->device, sizeof p->device, "/dev/%.20s", name);
    s->f->pulses++;
    return true;
}

static int pulse_of(const struct find *f, const struct find_port *port)
{
    int pin = -1;
    for (size_t i = 0; i < f->pulses; i++) {
        const struct find_pulse *p = &f->pulse[i];
        if (*p->tty) {
            if (!strcmp(p->tty, port->device))
                return (int)i;
        } else if (port->kind == FIND_HEADER || !strcmp(port->device, f->header)) {
            bool known = f->profile && p->gpio == f->profile->gpio;
            pin = pin < 0 || known ? (int)i : pin;
        }
    }
    return pin;
}

/* Those with a pulse first: they make a better clock. Else as they were found. */
static void pulses_first(struct find *f)
{
    struct find_port sorted[FIND_MAX] = {0};
    size_t n = 0;
    for (int with = 1; with >= 0; with--)
        for (size_t i = 0; i < f->count; i++)
            if ((f->port[i].pulse >= 0) == with)
                sorted[n++] = f->port[i];
    memcpy(f->port, sorted, n * sizeof *sorted);
}

void find_scan(const char *root, const char *named, struct find *f)
{
    struct search s = {.root = root, .f = f};
    memset(f, 0, sizeof *f);
    find_board(root, f);
    if (named && !strncmp(named, "/dev/", 5))
        add_named(&s, named);
    root_list(root, "/dev", on_device, &s);
    root_list(root, CLASS_TTY, on_tty, &s);
    add_header(root, f);
    root_list(root, CLASS_PPS, on_pps, &s);
    for (size_t i = 0; i < f->count; i++)
        f->port[i].pulse = pulse_of(f, &f->port[i]);
    pulses_first(f);
    find_bars(root, f);
}

static void say_pulse(const struct find *f, const struct find_port *p, int pulse, char *buf,
                      size_t size)
{
    if (pulse < 0) {
        snprintf(buf, size, "no pulse belongs to it");
        return;
    }
    const struct find_pulse *with = &f->pulse[pulse];
    if (*with->tty)
        snprintf(buf, size, "pulse %s: a line of the same port", with->device);
    else if (p->pulse == pulse)
        snprintf(buf, size, "pulse %s: the header's pin %s", with->device, with->name);
    else
        snprintf(buf, size, "pulse %s: %s, and no port of its own speaks", with->device,
                 with->name);
}

const char *find_sentence(const struct find *f, const struct find_port *p, int pulse, char *buf,
                          size_t size)
{
    char name[140], rest[160], by[96];
    snprintf(name, sizeof name, "%s%s%s%s", p->device, *p->link ? " (" : "", p->link,
             *p->link ? ")" : "");
    snprintf(by, sizeof by, "%s", p->holder);
    if (p->pid)
        snprintf(by, sizeof by, "%s, process %d", p->holder, p->pid);
    say_pulse(f, p, pulse, rest, sizeof rest);
    switch (p->bar) {
    case FIND_FREE:
        snprintf(buf, size, "%s at %s; %s", p->what, name, rest);
        break;
    case FIND_CONSOLE:
        snprintf(buf, size, "%s is not touched: it is a console (%s)", name, by);
        break;
    case FIND_GETTY:
        snprintf(buf, size, "%s is not touched: a login prompt is on it (%s)", name, by);
        break;
    case FIND_GPSD:
        snprintf(buf, size, "%s at %s, held by gpsd (%s), which is asked instead", p->what, name,
                 by);
        break;
    case FIND_HELD:
        snprintf(buf, size, "%s is not touched: another program holds it (%s)", name, by);
        break;
    }
    return buf;
}
