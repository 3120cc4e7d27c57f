/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The receiver's port: is it there, is it free, may timeballd open it? */
#include <stdio.h>
#include <string.h>

#include "drivers/find/root_file.h"
#include "server/ctl/text.h"
#include "server/doctor/doctor.h"
#include "server/doctor/user.h"

#define CONFIG_TXT(d)  (*(d)->boot.config ? (d)->boot.config : "/boot/firmware/config.txt")
#define CMDLINE_TXT(d) (*(d)->boot.cmdline ? (d)->boot.cmdline : "/boot/firmware/cmdline.txt")

static const char *const message_drivers[] = {"nmea", "auto", "gpsd", NULL};

/* ---- there is none ---- */

struct names {
    char text[160];
};

static bool on_device(void *arg, const char *name)
{
    struct names *n = arg;
    size_t used = strlen(n->text);
    if (!strncmp(name, "ttyUSB", 6) || !strncmp(name, "ttyACM", 6))
        snprintf(n->text + used, sizeof n->text - used, "%s/dev/%.20s", used ? ", " : "", name);
    return true;
}

/* A Pi's header has no UART, or the pins' one, until the boot configuration says so. */
static struct doctor_finding no_uart(const struct doctor *d)
{
    bool five = strstr(d->find.model, "Pi 5") || strstr(d->find.model, "Module 5");
    char todo[320];
    if (d->boot.uart && *d->root && !root_exists(d->root, "/dev/tty"))
        return doctor_says(DOCTOR_UNKNOWN, "",
                           "the header's UART is switched on in %s; which "
                           "ports there are shows on the running machine",
                           d->boot.config);
    snprintf(todo, sizeof todo,
             d->boot.uart ? "reboot: %s switches the UART on already"
                          : "add the line `%2$s` to %1$s under [all], and reboot",
             CONFIG_TXT(d), five ? "dtparam=uart0=on" : "enable_uart=1");
    return doctor_says(DOCTOR_BROKEN, todo, "the header's UART (pins 8 and 10) is not there");
}

static struct doctor_finding no_port(const struct doctor *d)
{
    struct names usb = {""};
    char todo[400];
    if (*d->wants.device)
        return doctor_says(
            DOCTOR_BROKEN,
            "plug the receiver in (`dmesg | tail` shows its name), or write `refclock "
            "auto` instead, which finds it at any port",
            "%s is named in the configuration and is not there", d->wants.device);
    root_list(d->root, "/dev", on_device, &usb);
    if (doctor_is_pi(d) && !*usb.text)
        return no_uart(d);
    if (*usb.text)
        snprintf(todo, sizeof todo,
                 "if one of these is the receiver, write `refclock nmea %.*s` into "
                 "/etc/timeball.conf",
                 (int)strcspn(usb.text, ","), usb.text);
    else
        snprintf(todo, sizeof todo,
                 "plug the receiver in; if it is at a serial port of this machine, write `refclock "
                 "nmea /dev/ttyS0` (its name) into /etc/timeball.conf");
    return doctor_says(DOCTOR_BROKEN, todo,
                       "no receiver is found: no /dev/gps*, no USB device "
                       "that is known as one%s%s",
                       *usb.text ? "; there are " : "", usb.text);
}

/* ---- it is barred ---- */

static struct doctor_finding console(const struct doctor *d, const char *saw)
{
    char todo[400];
    if (doctor_is_pi(d))
        snprintf(todo, sizeof todo, "remove the word `%s` from the one line of %s, and reboot",
                 *d->boot.console ? d->boot.console : "console=serial0,115200", CMDLINE_TXT(d));
    else
        snprintf(todo, sizeof todo,
                 "remove `console=%s` from GRUB_CMDLINE_LINUX in /etc/default/grub, run "
                 "`update-grub`, and reboot",
                 d->chosen->device + strlen("/dev/"));
    return doctor_says(DOCTOR_BROKEN, todo, "%s", saw);
}

static struct doctor_finding getty(const struct doctor *d, const char *saw)
{
    char todo[160];
    snprintf(todo, sizeof todo, "run `systemctl disable --now serial-getty@%s.service`",
             d->chosen->device + strlen("/dev/"));
    return doctor_says(DOCTOR_BROKEN, todo, "%s", saw);
}

static struct doctor_finding held_by_gpsd(const struct doctor *d, const char *saw)
{
    if (!*d->wants.device && driver_find("gpsd"))
        return doctor_says(DOCTOR_OK, "", "%s", saw);
    return doctor_says(DOCTOR_BROKEN,
                       driver_find("gpsd")
                           ? "write `refclock gpsd` instead of the port, or run `systemctl "
                             "disable --now gpsd.socket gpsd.service`"
                           : "run `systemctl disable --now gpsd.socket gpsd.service`",
                       "gpsd holds %s, and the configuration wants it", d->chosen->device);
}

static bool is_bluetooth(const char *program)
{
    return !strcmp(program, "hciattach") || !strcmp(program, "btattach") ||
           !strcmp(program, "bluetoothd");
}

static struct doctor_finding held(const struct doctor *d, const char *saw)
{
    const struct find_port *p = d->chosen;
    char todo[320];
    if (!strncmp(p->holder, "timeball", strlen("timeball")))
        return doctor_says(DOCTOR_OK, "", "%s is held by %s, process %d", p->device, p->holder,
                           p->pid);
    if (is_bluetooth(p->holder) && doctor_is_pi(d))
        snprintf(todo, sizeof todo,
                 "Bluetooth has the header's UART: add `dtoverlay=disable-bt` to %s, run "
                 "`systemctl disable --now hciuart`, and reboot",
                 CONFIG_TXT(d));
    else
        snprintf(todo, sizeof todo,
                 "end it (`kill %d`), and if it comes back, `systemctl status %d` names the "
                 "service to disable",
                 p->pid, p->pid);
    return doctor_says(DOCTOR_BROKEN, todo, "%s", saw);
}

/* ---- it is free ---- */

static struct doctor_finding free_port(const struct doctor *d, const char *saw)
{
    const struct find_port *p = d->chosen;
    char todo[320] = "";
    if (*d->boot.console && p->kind == FIND_HEADER) {
        snprintf(todo, sizeof todo, "remove the word `%s` from the one line of %s, and reboot",
                 d->boot.console, d->boot.cmdline);
        return doctor_says(DOCTOR_BROKEN, todo, "%s, but the next boot makes it a console", saw);
    }
    if (p->kind == FIND_HEADER && !strcmp(p->device, "/dev/ttyS0"))
        snprintf(todo, sizeof todo,
                 "this is the mini UART, whose rate follows the processor's: `dtoverlay=disable-bt`"
                 " (no Bluetooth) or `dtoverlay=miniuart-bt` in %s gives the header the better one",
                 CONFIG_TXT(d));
    return doctor_says(DOCTOR_OK, todo, "%s", saw);
}

static struct doctor_finding look_at_port(const struct doctor *d)
{
    char saw[400];
    find_sentence(&d->find, d->chosen, d->chosen->pulse, saw, sizeof saw);
    switch (d->chosen->bar) {
    case FIND_CONSOLE:
        return console(d, saw);
    case FIND_GETTY:
        return getty(d, saw);
    case FIND_GPSD:
        return held_by_gpsd(d, saw);
    case FIND_HELD:
        return held(d, saw);
    case FIND_FREE:
        break;
    }
    return free_port(d, saw);
}

struct doctor_finding doctor_port(const struct doctor *d)
{
    const json_t *source = doctor_source(d, message_drivers);
    const char *health = doctor_text(source, "health"), *found = doctor_text(source, "found");
    const char *name = doctor_text(source, "name"), *error = doctor_text(source, "error");
    if (!d->wants.port)
        return doctor_says(DOCTOR_NOT_NEEDED, "",
                           "no refclock line of the configuration reads a serial port");
    if (source && strcmp(health, "closed") != 0)
        return doctor_says(DOCTOR_OK, "", "timeballd has it open: %s",
                           d->wants.found_by_itself && *found ? found : name);
    if (!d->chosen && *error && *d->wants.device)
        return doctor_says(DOCTOR_BROKEN, no_port(d).todo, "timeballd cannot open it: %s", error);
    return d->chosen ? look_at_port(d) : no_port(d);
}

/* ---- rights ---- */

static struct doctor_finding no_right(const struct doctor *d, const char *device,
                                      const struct doctor_user *u)
{
    char todo[400], group[40];
    bool pps = !strncmp(device, "/dev/pps", strlen("/dev/pps"));
    if (doctor_user_group_of(d->root, device, group, sizeof group))
        snprintf(todo, sizeof todo, "run `usermod -aG %s %s`, then start timeballd again", group,
                 u->name);
    else
        snprintf(todo, sizeof todo,
                 "write the line KERNEL==\"%s\", GROUP=\"dialout\", MODE=\"0660\" into "
                 "/etc/udev/rules.d/60-timeball.rules, then run `udevadm control --reload && "
                 "udevadm trigger && usermod -aG dialout %s`",
                 pps ? "pps*" : device + strlen("/dev/"), u->name);
    return doctor_says(DOCTOR_BROKEN, todo, "%s may not open %s", u->name, device);
}

struct doctor_finding doctor_rights(const struct doctor *d)
{
    const char *devices[2] = {d->wants.port && d->chosen ? d->chosen->device : NULL,
                              d->wants.pulse && d->pulse ? d->pulse->device : NULL};
    struct doctor_user u;
    char opened[120] = "";
    if (!devices[0] && !devices[1])
        return doctor_says(DOCTOR_NOT_NEEDED, "", "there is no device to be opened");
    if (!doctor_user_find(d, &u))
        return doctor_says(DOCTOR_UNKNOWN, "", "as whom timeballd would run is not known");
    for (int i = 0; i < 2; i++) {
        if (!devices[i])
            continue;
        if (!doctor_user_may_open(d->root, devices[i], &u))
            return no_right(d, devices[i], &u);
        size_t n = strlen(opened);
        snprintf(opened + n, sizeof opened - n, "%s%s", n ? " and " : "", devices[i]);
    }
    return doctor_says(DOCTOR_OK, "", "%s may open %s", u.name, opened);
}
