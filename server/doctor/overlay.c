/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is the pulse's input set up when the machine boots, and can this kernel do it? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/find/root_file.h"
#include "server/doctor/doctor.h"

#define LIST_MAX (256 * 1024)

enum kernel_can { KERNEL_CAN, KERNEL_CANNOT, KERNEL_UNKNOWN };

static bool is_builtin(const char *root, const char *folder)
{
    char path[160], *text = malloc(LIST_MAX);
    snprintf(path, sizeof path, "%s/modules.builtin", folder);
    bool is = text && root_read(root, path, text, LIST_MAX) && strstr(text, "/pps-gpio.ko");
    free(text);
    return is;
}

/* Has the running kernel pps-gpio, as a module or built in? */
static enum kernel_can kernel_can(const char *root, char *release, size_t size)
{
    static const char *const endings[] = {"", ".xz", ".zst", ".gz"};
    char folder[120], path[200];
    if (root_exists(root, "/sys/module/pps_gpio"))
        return KERNEL_CAN;
    if (!root_line(root, "/proc/sys/kernel/osrelease", release, size))
        return KERNEL_UNKNOWN;
    snprintf(folder, sizeof folder, "/lib/modules/%.80s", release);
    snprintf(path, sizeof path, "%s/modules.builtin", folder);
    if (!root_exists(root, path))
        return KERNEL_UNKNOWN;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        snprintf(path, sizeof path, "%s/kernel/drivers/pps/clients/pps-gpio.ko%s", folder,
                 endings[i]);
        if (root_exists(root, path))
            return KERNEL_CAN;
    }
    return is_builtin(root, folder) ? KERNEL_CAN : KERNEL_CANNOT;
}

static int hat_pin(const struct doctor *d)
{
    return d->find.profile ? d->find.profile->gpio : -1;
}

/* ---- there is an input ---- */

static struct doctor_finding other_pin(const struct doctor *d, int pin)
{
    char todo[200];
    snprintf(todo, sizeof todo, "set gpiopin=%d in the line `dtoverlay=pps-gpio` of %s, and reboot",
             hat_pin(d), *d->boot.config ? d->boot.config : "/boot/firmware/config.txt");
    return doctor_says(DOCTOR_BROKEN, todo,
                       "the pulse is listened for on GPIO %d, and the %s has "
                       "it on GPIO %d",
                       pin, d->find.profile->name, hat_pin(d));
}

static struct doctor_finding there(const struct doctor *d)
{
    const struct find_pulse *p = d->pulse;
    if (*p->tty)
        return doctor_says(DOCTOR_NOT_NEEDED, "", "the pulse comes over a line of %s", p->tty);
    if (p->gpio < 0)
        return doctor_says(DOCTOR_OK, "", "%s (%s) is set up", p->device, p->name);
    if (hat_pin(d) >= 0 && p->gpio != hat_pin(d))
        return other_pin(d, p->gpio);
    return doctor_says(DOCTOR_OK, "", "pps-gpio is loaded, on GPIO %d", p->gpio);
}

/* ---- there is none ---- */

static struct doctor_finding not_written(const struct doctor *d)
{
    char todo[320];
    const char *file = *d->boot.config ? d->boot.config : "/boot/firmware/config.txt";
    snprintf(todo, sizeof todo,
             "add the line `dtoverlay=pps-gpio,gpiopin=%d` to %s under [all], "
             "and reboot%s",
             doctor_pin(d), file,
             d->find.profile ? "" : " (18 is the usual pin; the board's manual names its own)");
    if (!*d->boot.config)
        return doctor_says(DOCTOR_UNKNOWN, todo,
                           "neither /boot/firmware/config.txt nor "
                           "/boot/config.txt can be read: is the boot partition mounted?");
    if (*d->boot.elsewhere)
        return doctor_says(DOCTOR_BROKEN, todo,
                           "dtoverlay=pps-gpio stands in %s under [%s], which "
                           "does not hold for this board",
                           file, d->boot.elsewhere);
    return doctor_says(DOCTOR_BROKEN, todo, "no line of %s sets up a pulse", file);
}

static struct doctor_finding no_kernel(const char *release)
{
    return doctor_says(
        DOCTOR_BROKEN,
        "on Debian 12 run `apt install -t bookworm-backports linux-image-arm64`, and "
        "reboot; Debian 13 and Raspberry Pi OS have a kernel with it",
        "the overlay is written, but the kernel %s has no pps-gpio", release);
}

static struct doctor_finding not_loaded(const struct doctor *d)
{
    char node[64];
    snprintf(node, sizeof node, "/proc/device-tree/pps@%x", (unsigned)d->boot.gpio);
    if (!root_exists(d->root, "/proc/device-tree"))
        return doctor_says(DOCTOR_OK, "",
                           "%s sets up the pulse on GPIO %d; whether it is loaded "
                           "shows on the running machine",
                           d->boot.config, d->boot.gpio);
    if (!root_exists(d->root, node))
        return doctor_says(DOCTOR_BROKEN, "reboot: the boot files are read only then",
                           "%s sets up "
                           "the pulse on GPIO %d, and the running machine does not know of it yet",
                           d->boot.config, d->boot.gpio);
    return doctor_says(DOCTOR_BROKEN,
                       "run `modprobe pps-gpio`; if it stays away, `dmesg | grep pps` says why",
                       "the pulse's input is in the device tree, but its driver is not loaded");
}

struct doctor_finding doctor_overlay(const struct doctor *d)
{
    char release[80] = "";
    bool on_header = !d->chosen || d->chosen->kind == FIND_HEADER || *d->wants.pps;
    if (!d->wants.pulse)
        return doctor_says(DOCTOR_NOT_NEEDED, "", "the configuration has no pulse");
    if (d->pulse)
        return there(d);
    if (!doctor_is_pi(d))
        return doctor_says(DOCTOR_NOT_NEEDED, "",
                           "this is no Raspberry Pi: no overlay is to be set");
    if (d->find.profile && hat_pin(d) < 0)
        return doctor_says(DOCTOR_NOT_NEEDED, "", "the %s has no pulse on the header",
                           d->find.profile->name);
    if (d->wants.found_by_itself && !on_header)
        return doctor_says(DOCTOR_NOT_NEEDED, "", "the receiver is not on the header");
    if (!d->boot.pps)
        return not_written(d);
    return kernel_can(d->root, release, sizeof release) == KERNEL_CANNOT ? no_kernel(release)
                                                                         : not_loaded(d);
}
