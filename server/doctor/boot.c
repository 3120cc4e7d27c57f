/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/doctor/boot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "drivers/find/root_file.h"

#define FILE_MAX  (64 * 1024)
#define USUAL_PIN 18 /* of the overlay, where the line names none */

struct reader {
    struct doctor_boot *b;
    const char *model;
    char filter[24]; /* the section that we are in */
    bool applies;
    bool pps_line; /* the last overlay was pps-gpio: dtparam lines after it are its own */
};

/* Is this board meant by a filter's word? Filters that ask for other things are not known here. */
static bool filter_applies(const char *filter, const char *model)
{
    static const struct {
        const char *word, *model;
    } boards[] = {
        {"pi0", "Raspberry Pi Zero"},
        {"pi0w", "Raspberry Pi Zero W"},
        {"pi02", "Raspberry Pi Zero 2"},
        {"pi2", "Raspberry Pi 2"},
        {"pi3", "Raspberry Pi 3"},
        {"pi3", "Raspberry Pi Compute Module 3"},
        {"pi3+", "Raspberry Pi 3 Model"},
        {"pi4", "Raspberry Pi 4"},
        {"pi4", "Raspberry Pi 400"},
        {"pi4", "Raspberry Pi Compute Module 4"},
        {"pi400", "Raspberry Pi 400"},
        {"cm4", "Raspberry Pi Compute Module 4"},
        {"pi5", "Raspberry Pi 5"},
        {"pi5", "Raspberry Pi Compute Module 5"},
        {"cm5", "Raspberry Pi Compute Module 5"},
    };
    if (!strcasecmp(filter, "all"))
        return true;
    for (size_t i = 0; i < sizeof boards / sizeof *boards; i++)
        if (!strcasecmp(filter, boards[i].word) &&
            !strncmp(model, boards[i].model, strlen(boards[i].model)) &&
            (strcasecmp(filter, "pi3+") != 0 || strstr(model, "Plus")))
            return true;
    return false;
}

static bool is_on(const char *value)
{
    return !value || !*value || !strcasecmp(value, "on") || !strcmp(value, "1") ||
           !strcasecmp(value, "yes") || !strcasecmp(value, "true");
}

/* One parameter of the pps-gpio overlay, "gpiopin=18". */
static void take_pps(struct doctor_boot *b, char *word)
{
    char *value = strchr(word, '=');
    if (value)
        *value++ = 0;
    if (!strcmp(word, "gpiopin") && value)
        b->gpio = (int)strtol(value, NULL, 0) & 63;
    else if (!strcmp(word, "capture_clear"))
        b->capture_clear = is_on(value);
    else if (!strcmp(word, "assert_falling_edge"))
        b->falling = is_on(value);
}

static void take_overlay(struct reader *r, char *words)
{
    const char *name = strsep(&words, ",");
    r->pps_line = !strcmp(name, "pps-gpio");
    if (!r->applies) {
        if (r->pps_line && !r->b->pps)
            snprintf(r->b->elsewhere, sizeof r->b->elsewhere, "%s", r->filter);
        return;
    }
    r->b->bluetooth_away |= strstr(name, "disable-bt") || strstr(name, "miniuart-bt");
    r->b->uart |= !strncmp(name, "uart0", 5);
    if (!r->pps_line)
        return;
    r->b->pps = true;
    r->b->gpio = USUAL_PIN;
    r->b->elsewhere[0] = 0;
    for (char *word; (word = strsep(&words, ","));)
        take_pps(r->b, word);
}

static void take_parameters(struct reader *r, char *words)
{
    for (char *word; (word = strsep(&words, ","));) {
        if (!strncmp(word, "uart0", 5) && (word[5] == '=' || !word[5]))
            r->b->uart = is_on(word[5] ? word + 6 : NULL);
        else if (r->pps_line)
            take_pps(r->b, word);
    }
}

static void take_section(struct reader *r, const char *line)
{
    snprintf(r->filter, sizeof r->filter, "%.*s", (int)strcspn(line + 1, "]"), line + 1);
    r->applies = filter_applies(r->filter, r->model);
}

static void take_line(struct reader *r, char *line)
{
    line += strspn(line, " \t");
    line[strcspn(line, "#\r")] = 0;
    for (size_t n = strlen(line); n && (line[n - 1] == ' ' || line[n - 1] == '\t');)
        line[--n] = 0;
    if (*line == '[')
        take_section(r, line);
    else if (!strncmp(line, "dtoverlay=", 10))
        take_overlay(r, line + 10);
    else if (r->applies && !strncmp(line, "dtparam=", 8))
        take_parameters(r, line + 8);
    else if (r->applies && !strncmp(line, "enable_uart=", 12))
        r->b->uart = is_on(line + 12);
}

void doctor_boot_config(const char *text, const char *model, struct doctor_boot *b)
{
    struct reader r = {.b = b, .model = model, .filter = "all", .applies = true};
    char *copy = strdup(text);
    for (char *rest = copy, *line; rest && (line = strsep(&rest, "\n"));)
        take_line(&r, line);
    free(copy);
}

void doctor_boot_cmdline(const char *text, struct doctor_boot *b)
{
    static const char *const ports[] = {"serial0", "ttyAMA0", "ttyS0"};
    while (*text) {
        size_t n = strcspn(text, " \n");
        for (size_t i = 0; i < sizeof ports / sizeof *ports && !strncmp(text, "console=", 8); i++) {
            size_t p = strlen(ports[i]);
            char after = n >= 8 + p ? text[8 + p] : 'x';
            if (!strncmp(text + 8, ports[i], p) && strchr(", \n", after) && n < sizeof b->console)
                snprintf(b->console, sizeof b->console, "%.*s", (int)n, text);
        }
        text += n;
        text += strspn(text, " \n");
    }
}

/* The first of the places that has it; its text in buf. */
static bool read_first(const char *root, const char *name, char *path, size_t path_size, char *buf)
{
    static const char *const folders[] = {"/boot/firmware", "/boot"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(path, path_size, "%s/%s", folders[i], name);
        if (root_read(root, path, buf, FILE_MAX))
            return true;
    }
    *path = 0;
    return false;
}

void doctor_boot_read(const char *root, const char *model, struct doctor_boot *b)
{
    char *text = malloc(FILE_MAX);
    memset(b, 0, sizeof *b);
    if (!text)
        return;
    if (read_first(root, "config.txt", b->config, sizeof b->config, text))
        doctor_boot_config(text, model, b);
    if (read_first(root, "cmdline.txt", b->cmdline, sizeof b->cmdline, text))
        doctor_boot_cmdline(text, b);
    free(text);
}
