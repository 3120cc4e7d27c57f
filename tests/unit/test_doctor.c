/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every diagnosis of the doctor, on made-up machines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "doctor_bench.h"

static void a_machine_with_nothing(void **state)
{
    struct bench *b = *state;
    bench_look(b, "", NULL);
    says(b, DOCTOR_PORT, DOCTOR_BROKEN, "no receiver is found", "plug the receiver in");
    says(b, DOCTOR_OVERLAY, DOCTOR_NOT_NEEDED, "no Raspberry Pi", "");
    says(b, DOCTOR_PPS, DOCTOR_NOT_NEEDED, "no receiver's PPS device", "refclock pps DEVICE");
    says(b, DOCTOR_FIX, DOCTOR_UNKNOWN, "\"port\" comes first", "");
    says(b, DOCTOR_DAEMON, DOCTOR_UNKNOWN, "no daemon is asked", "");
    assert_int_equal(doctor_first(&b->d), DOCTOR_PORT);
    tree_file(&b->tree, "/dev/ttyUSB2", "");
    bench_look(b, "", NULL);
    says(b, DOCTOR_PORT, DOCTOR_BROKEN, "there are /dev/ttyUSB2", "`refclock nmea /dev/ttyUSB2`");
}

static void what_is_not_configured_is_not_needed(void **state)
{
    struct bench *b = *state;
    bench_look(b, "refclock none\nlisten none\nclock none\n", NULL);
    for (int i = 0; i < DOCTOR_LINKS; i++)
        if (b->d.link[i].state == DOCTOR_BROKEN)
            fail_msg("%s: %s", doctor_rows[i].name, b->d.link[i].saw);
    says(b, DOCTOR_PORT, DOCTOR_NOT_NEEDED, "", "");
    says(b, DOCTOR_FIX, DOCTOR_NOT_NEEDED, "", "");
    says(b, DOCTOR_PORT_123, DOCTOR_NOT_NEEDED, "listen none", "");
    says(b, DOCTOR_RIVALS, DOCTOR_NOT_NEEDED, "clock none", "");
}

static void the_headers_uart_is_off(void **state)
{
    struct bench *b = *state;
    tree_bytes(&b->tree, "/proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.5", 31);
    tree_file(&b->tree, "/boot/firmware/config.txt", "dtparam=audio=on\n");
    tree_file(&b->tree, "/dev/tty", "");
    bench_look(b, "", NULL);
    says(b, DOCTOR_PORT, DOCTOR_BROKEN, "header's UART",
         "add the line `enable_uart=1` to /boot/firmware/config.txt");
    tree_bytes(&b->tree, "/proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0", 31);
    bench_look(b, "", NULL);
    says(b, DOCTOR_PORT, DOCTOR_BROKEN, "header's UART", "`dtparam=uart0=on`");
    tree_file(&b->tree, "/boot/firmware/config.txt", "dtparam=uart0=on\n");
    bench_look(b, "", NULL);
    says(b, DOCTOR_PORT, DOCTOR_BROKEN, "header's UART", "reboot");
}

static void a_console_is_taken_off_in_cmdline_txt(void **state)
{
    struct bench *b = *state;
    tree_pi4(&b->tree);
    tree_file(&b->tree, "/boot/firmware/cmdline.txt", "console=serial0,115200 console=tty1\n");
    tree_file(&b->tree, "/proc/cmdline", "console=ttyAMA0,115200 console=tty1\n");
    bench_look(b, "", NULL);
    says(b, DOCTOR_PORT, DOCTOR_BROKEN, "console",
         "remove the word `console=serial0,115200` from the one line of "
         "/boot/firmware/cmdline.txt");
    tree_remove(&b->tree, "/proc/cmdline");
    bench_look(b, "", NULL);
    says(b, DOCTOR_PORT, DOCTOR_BROKEN, "the next boot makes it a console", "remove the word");
    tree_remove(&b->tree, "/boot/firmware");
    tree_file(&b->tree, "/boot/cmdline.txt", "console=ttyAMA0,115200\n"); /* before Debian 12 */
    bench_look(b, "", NULL);
    says(b, DOCTOR_PORT, DOCTOR_BROKEN, "",
         "`console=ttyAMA0,115200` from the one line of "
         "/boot/cmdline.txt");
}

static void a_console_of_another_machine(void **state)
{
    struct bench *b = *state;
    tree_tty(&b->tree, "ttyS0", "devices/serial8250");
    tree_file(&b->tree, "/proc/consoles", "ttyS0   -W- (EC  p a)  4:64\n");
    bench_look(b, "refclock nmea /dev/ttyS0\n", NULL);
    says(b, DOCTOR_PORT, DOCTOR_BROKEN, "console",
         "remove `console=ttyS0` from "
         "GRUB_CMDLINE_LINUX");
}

static void a_getty_is_named_by_its_unit(void **state)
{
    struct bench *b = *state;
    tree_pi4(&b->tree);
    tree_process(&b->tree, 612, "agetty", "/sbin/agetty|--keep-baud|ttyAMA0", NULL);
    bench_look(b, "", NULL);
    says(b, DOCTOR_PORT, DOCTOR_BROKEN, "agetty, process 612",
         "run `systemctl disable --now serial-getty@ttyAMA0.service`");
}

static void e8_a_port_in_use(void **state)
{
    struct bench *b = *state;
    tree_pi4(&b->tree);
    tree_process(&b->tree, 77, "minicom", "minicom", "/dev/ttyAMA0");
    bench_look(b, "", NULL);
    says(b, DOCTOR_PORT, DOCTOR_BROKEN, "minicom, process 77", "`kill 77`");
    tree_process(&b->tree, 77, "hciattach", "hciattach", "/dev/ttyAMA0");
    bench_look(b, "", NULL);
    says(b, DOCTOR_PORT, DOCTOR_BROKEN, "hciattach", "`dtoverlay=disable-bt`");
    tree_process(&b->tree, 77, "timeballd", "timeballd", "/dev/ttyAMA0");
    bench_look(b, "", NULL);
    says(b, DOCTOR_PORT, DOCTOR_OK, "held by timeballd, process 77", "");
    tree_process(&b->tree, 77, "gpsd", "gpsd|/dev/ttyAMA0", NULL);
    bench_look(b, "refclock nmea /dev/ttyAMA0\n", NULL);
    says(b, DOCTOR_PORT, DOCTOR_BROKEN, "gpsd holds /dev/ttyAMA0",
         "`systemctl disable --now gpsd.socket gpsd.service`");
}

static void e8_a_named_device_that_is_not_there(void **state)
{
    struct bench *b = *state;
    bench_look(b, "refclock nmea /dev/ttyUSB0\nrefclock pps /dev/pps0\n", NULL);
    says(b, DOCTOR_PORT, DOCTOR_BROKEN, "/dev/ttyUSB0 is named", "`refclock auto`");
    says(b, DOCTOR_PPS, DOCTOR_BROKEN, "/dev/pps0 is named", "`grep . /sys/class/pps/*/name`");
}

static void the_mini_uart(void **state)
{
    struct bench *b = *state;
    tree_bytes(&b->tree, "/proc/device-tree/model", "Raspberry Pi 3 Model B Rev 1.2", 31);
    tree_tty(&b->tree, "ttyS0", "devices/3f215040.serial");
    tree_link(&b->tree, "/dev/serial0", "ttyS0");
    bench_look(b, "", NULL);
    says(b, DOCTOR_PORT, DOCTOR_OK, "/dev/ttyS0", "`dtoverlay=disable-bt`");
}

static void e8_rights(void **state)
{
    struct bench *b = *state;
    char path[TREE_PATH];
    tree_pi4(&b->tree);
    tree_pps(&b->tree, 0, "pps@12.-1", "");
    tree_remove(&b->tree, "/dev/pps0");
    tree_file(&b->tree, "/dev/pps0", "");
    tree_way(&b->tree, "/dev/pps0", path);
    assert_int_equal(chmod(path, 0600), 0);
    bench_look(b, "", NULL);
    says(b, DOCTOR_RIGHTS, DOCTOR_UNKNOWN, "as whom", "");
    tree_file(&b->tree, "/etc/passwd", "root:x:0:0:::\ntimeball:x:54321:54321:::\n");
    bench_look(b, "", NULL);
    says(b, DOCTOR_RIGHTS, DOCTOR_BROKEN, "timeball may not open /dev/pps0",
         "KERNEL==\"pps*\", GROUP=\"dialout\", MODE=\"0660\"");
    assert_int_equal(chmod(path, 0666), 0);
    bench_look(b, "", NULL);
    says(b, DOCTOR_RIGHTS, DOCTOR_OK, "timeball may open /dev/ttyAMA0 and /dev/pps0", "");
    /* the running daemon's own rights count before the account's */
    assert_int_equal(chmod(path, 0600), 0);
    tree_file(&b->tree, "/proc/31/status",
              "Name:\ttimeballd\nUid:\t0\t54321\t0\t0\nGid:\t0\t1\t0\t0\nGroups:\t20 \n"
              "CapEff:\t0000000002000002\n");
    bench_look(b, "",
               "{'process':{'pid':31},'sources':[{'driver':'auto','path':'any','health':'ok'}]}");
    says(b, DOCTOR_RIGHTS, DOCTOR_OK, "timeball may open", "");
}

static void the_overlay_is_not_written(void **state)
{
    struct bench *b = *state;
    tree_pi4(&b->tree);
    bench_look(b, "", NULL);
    says(b, DOCTOR_OVERLAY, DOCTOR_UNKNOWN, "can be read", "`dtoverlay=pps-gpio,gpiopin=18`");
    tree_file(&b->tree, "/boot/firmware/config.txt", "enable_uart=1\n#dtoverlay=pps-gpio\n");
    bench_look(b, "", NULL);
    says(b, DOCTOR_OVERLAY, DOCTOR_BROKEN, "no line of /boot/firmware/config.txt",
         "add the line `dtoverlay=pps-gpio,gpiopin=18` to /boot/firmware/config.txt");
    says(b, DOCTOR_PPS, DOCTOR_UNKNOWN, "\"overlay\" comes first", "");
    says(b, DOCTOR_PULSE, DOCTOR_UNKNOWN, "\"overlay\" comes first", "");
    tree_file(&b->tree, "/boot/firmware/config.txt",
              "[pi3]\ndtoverlay=pps-gpio,gpiopin=4\n[all]\n");
    bench_look(b, "", NULL);
    says(b, DOCTOR_OVERLAY, DOCTOR_BROKEN, "under [pi3]", "under [all]");
    tree_bytes(&b->tree, "/proc/device-tree/hat/vendor", "Adafruit Industries LLC", 24);
    tree_bytes(&b->tree, "/proc/device-tree/hat/product", "Ultimate GPS HAT", 17);
    bench_look(b, "", NULL);
    says(b, DOCTOR_OVERLAY, DOCTOR_BROKEN, "", "`dtoverlay=pps-gpio,gpiopin=4`"); /* its own pin */
}

static void a_kernel_without_pps_gpio(void **state)
{
    struct bench *b = *state;
    tree_pi4(&b->tree);
    tree_file(&b->tree, "/boot/firmware/config.txt", "dtoverlay=pps-gpio,gpiopin=18\n");
    tree_file(&b->tree, "/proc/sys/kernel/osrelease", "6.1.0-37-arm64\n");
    tree_file(&b->tree, "/lib/modules/6.1.0-37-arm64/modules.builtin",
              "kernel/drivers/pps/pps_core.ko\n");
    bench_look(b, "", NULL);
    says(b, DOCTOR_OVERLAY, DOCTOR_BROKEN, "6.1.0-37-arm64 has no pps-gpio",
         "apt install -t bookworm-backports linux-image-arm64");
    tree_file(&b->tree, "/lib/modules/6.1.0-37-arm64/kernel/drivers/pps/clients/pps-gpio.ko.xz",
              "");
    bench_look(b, "", NULL);
    says(b, DOCTOR_OVERLAY, DOCTOR_BROKEN, "does not know of it yet", "reboot");
    tree_file(&b->tree, "/proc/device-tree/pps@12/compatible", "pps-gpio");
    bench_look(b, "", NULL);
    says(b, DOCTOR_OVERLAY, DOCTOR_BROKEN, "driver is not loaded", "`modprobe pps-gpio`");
}

static void the_overlay_is_on_another_pin(void **state)
{
    struct bench *b = *state;
    tree_pi4(&b->tree);
    tree_bytes(&b->tree, "/proc/device-tree/hat/vendor", "Adafruit Industries LLC", 24);
    tree_bytes(&b->tree, "/proc/device-tree/hat/product", "Ultimate GPS HAT", 17);
    tree_pps(&b->tree, 0, "pps@12.-1", "");
    bench_look(b, "", NULL);
    says(b, DOCTOR_OVERLAY, DOCTOR_BROKEN,
         "on GPIO 18, and the Adafruit Ultimate GPS HAT has it on "
         "GPIO 4",
         "set gpiopin=4");
}

static void the_receivers_device_among_others(void **state)
{
    struct bench *b = *state;
    tree_pi4(&b->tree);
    tree_pps(&b->tree, 0, "ptp0", "");
    tree_pps(&b->tree, 1, "ktimer", "");
    tree_pps(&b->tree, 2, "pps@12.-1", "");
    bench_look(b, "", NULL);
    says(b, DOCTOR_OVERLAY, DOCTOR_OK, "GPIO 18", "");
    says(b, DOCTOR_PPS, DOCTOR_OK,
         "/dev/pps2 is pps@12.-1; no receiver's: /dev/pps0 (ptp0), /dev/pps1 "
         "(ktimer)",
         "");
    bench_look(b, "refclock nmea /dev/serial0\nrefclock pps /dev/pps0\n", NULL);
    says(b, DOCTOR_PPS, DOCTOR_BROKEN, "/dev/pps0 is ptp0", "`refclock pps /dev/pps2`");
    bench_look(b, "refclock nmea /dev/serial0\n", NULL);
    says(b, DOCTOR_PPS, DOCTOR_NOT_NEEDED, "there is /dev/pps2",
         "add the line `refclock pps /dev/pps2`");
}

/* Counts as they would be read `seconds` apart. */
static void counts(struct bench *b, const char *first, const char *then, const char *clear)
{
    tree_file(&b->tree, "/sys/class/pps/pps0/assert", first);
    tree_file(&b->tree, "/sys/class/pps/pps0/clear", clear);
    bench_begin(b, "refclock nmea /dev/serial0\nrefclock pps /dev/pps0\n", NULL);
    assert_true(doctor_edges_read(b->tree.root, "/dev/pps0", &b->d.before));
    tree_file(&b->tree, "/sys/class/pps/pps0/assert", then);
    assert_true(doctor_edges_read(b->tree.root, "/dev/pps0", &b->d.now));
    b->d.waited = true;
    b->d.seconds = 2.2;
    doctor_run(&b->d);
}

static void a_pulse_is_counted(void **state)
{
    struct bench *b = *state;
    tree_pi4(&b->tree);
    tree_pps(&b->tree, 0, "pps@12.-1", "");
    counts(b, "1795521600.000001234#17\n", "1795521602.000001200#19\n", "");
    says(b, DOCTOR_PULSE, DOCTOR_OK, "2 pulses came at /dev/pps0 in 2.2 s", "");
    counts(b, "1795521600.000001234#17\n", "1795521600.000001234#17\n", "");
    says(b, DOCTOR_PULSE, DOCTOR_BROKEN, "no pulse at /dev/pps0 in 2.2 s (17 counted",
         "GPIO 18, pin 12 of the header");
    says(b, DOCTOR_EDGE, DOCTOR_UNKNOWN, "\"pulse\" comes first", "");
    counts(b, "1795521600.000001234#17\n", "1795521602.000001234#39\n", "");
    says(b, DOCTOR_PULSE, DOCTOR_BROKEN, "22 pulses came", "one pulse a second");
    counts(b, "x\n", "1795521602.000001234#2\n", "0.000000000#0\n");
    says(b, DOCTOR_PULSE, DOCTOR_OK, "2 pulses came", "");
}

static void e1_the_edge(void **state)
{
    struct bench *b = *state;
    tree_pi4(&b->tree);
    tree_pps(&b->tree, 0, "pps@12.-1", "");
    counts(b, "1795521600.000001234#17\n", "1795521602.000001200#19\n", "");
    says(b, DOCTOR_EDGE, DOCTOR_UNKNOWN, "unverified",
         "`dtoverlay=pps-gpio,gpiopin=18,capture_clear` in /boot/firmware/config.txt");
    counts(b, "1.000000000#1\n", "1795521602.000001234#3\n", "1795521602.100001234#3\n");
    says(b, DOCTOR_EDGE, DOCTOR_OK, "100 ms wide: the assert edge marks the second", "");
    counts(b, "1.000000000#1\n", "1795521602.000001234#3\n", "1795521601.100001234#2\n");
    says(b, DOCTOR_EDGE, DOCTOR_OK, "100 ms wide: the assert edge marks the second", "");
    counts(b, "1.000000000#1\n", "1795521602.100001234#3\n", "1795521602.000001234#3\n");
    says(b, DOCTOR_EDGE, DOCTOR_BROKEN, "100 ms wide and inverted", "edge clear` into");
    counts(b, "1.000000000#1\n", "1795521602.000001234#3\n", "1795521602.500001234#3\n");
    says(b, DOCTOR_EDGE, DOCTOR_UNKNOWN, "500 ms wide", "pulse of 100 ms");
}

static void e1_the_edge_by_the_receiver(void **state)
{
    static const char conf[] = "refclock nmea /dev/serial0\nrefclock pps /dev/pps0%s\n";
    static const char status[] =
        "{'sources':[{'driver':'nmea','path':'/dev/serial0','health':'ok','name':'nmea',"
        "'report':{'pulse_edge':'%s'}},{'driver':'pps','path':'/dev/"
        "pps0','health':'ok','name':'pps "
        "/dev/pps0'}],'clock':{'delay':0.52}}";
    struct bench *b = *state;
    char lines[200], text[400];
    tree_pi4(&b->tree);
    tree_pps(&b->tree, 0, "pps@4.-1", "");
    for (int falling = 0; falling < 2; falling++)
        for (int clear = 0; clear < 2; clear++) {
            snprintf(lines, sizeof lines, conf, clear ? " edge clear" : "");
            snprintf(text, sizeof text, status, falling ? "falling" : "rising");
            bench_look(b, lines, text);
            says(b, DOCTOR_EDGE, clear == falling ? DOCTOR_OK : DOCTOR_BROKEN,
                 "by the receiver's own setting", clear == falling ? "" : "edge ");
        }
    snprintf(lines, sizeof lines, conf, "");
    snprintf(text, sizeof text, status, "unknown");
    bench_look(b, lines, text);
    says(b, DOCTOR_EDGE, DOCTOR_UNKNOWN, "unverified", "gpiopin=4,capture_clear");
    bench_look(
        b, lines,
        "{'sources':[{'driver':'nmea','path':'/dev/serial0','health':'ok'},{'driver':'pps','path':"
        "'/dev/"
        "pps0','health':'ok'},{'driver':'server','says':-0.0012}],'clock':{'state':'locked'}}");
    says(b, DOCTOR_EDGE, DOCTOR_OK, "network servers agree to 2 ms", "");
    tree_bytes(&b->tree, "/proc/device-tree/hat/vendor", "Adafruit Industries LLC", 24);
    tree_bytes(&b->tree, "/proc/device-tree/hat/product", "Ultimate GPS HAT", 17);
    bench_look(b, lines, text);
    says(b, DOCTOR_EDGE, DOCTOR_OK, "520 ms after it, as is usual for the Adafruit", "");
}

#define WITH_TREE(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TREE(a_machine_with_nothing),
        WITH_TREE(what_is_not_configured_is_not_needed),
        WITH_TREE(the_headers_uart_is_off),
        WITH_TREE(a_console_is_taken_off_in_cmdline_txt),
        WITH_TREE(a_console_of_another_machine),
        WITH_TREE(a_getty_is_named_by_its_unit),
        WITH_TREE(e8_a_port_in_use),
        WITH_TREE(e8_a_named_device_that_is_not_there),
        WITH_TREE(the_mini_uart),
        WITH_TREE(e8_rights),
        WITH_TREE(the_overlay_is_not_written),
        WITH_TREE(a_kernel_without_pps_gpio),
        WITH_TREE(the_overlay_is_on_another_pin),
        WITH_TREE(the_receivers_device_among_others),
        WITH_TREE(a_pulse_is_counted),
        WITH_TREE(e1_the_edge),
        WITH_TREE(e1_the_edge_by_the_receiver),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
