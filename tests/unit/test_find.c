/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/find/find.h"
#include "tree.h"

static int set_up(void **state)
{
    struct tree *t = calloc(1, sizeof *t);
    tree_make(t);
    *state = t;
    return 0;
}

static int tear_down(void **state)
{
    tree_remove(*state, "");
    free(*state);
    return 0;
}

static void assert_port(const struct find_port *p, enum find_kind kind, const char *device,
                        enum find_bar bar)
{
    assert_string_equal(p->device, device);
    assert_int_equal(p->kind, kind);
    assert_int_equal(p->bar, bar);
}

static void assert_says(const struct find *f, int port, const char *part)
{
    char text[400];
    find_sentence(f, &f->port[port], f->port[port].pulse, text, sizeof text);
    if (!strstr(text, part))
        fail_msg("no '%s' in: %s", part, text);
}

static void nothing_is_found_in_nothing(void **state)
{
    struct find f;
    find_scan(((struct tree *)*state)->root, NULL, &f);
    assert_int_equal(f.count, 0);
    assert_int_equal(f.pulses, 0);
    find_scan("/nonexistent", NULL, &f);
    assert_int_equal(f.count, 0);
}

static void a_usb_receiver_is_known_by_its_ids_or_names(void **state)
{
    struct tree *t = *state;
    struct find f;
    tree_usb(t, "ttyACM0", "1546:01a9", "u-blox AG - www.u-blox.com\n", "u-blox GNSS receiver\n");
    tree_usb(t, "ttyUSB0", "0403:6001", "FTDI\n", "FT232R USB UART\n");
    tree_usb(t, "ttyUSB1", "10c4:ea60", "Silicon Labs\n", "GPS Click \x1b[2J\n");
    tree_tty(t, "ttyS0", "devices/serial8250");
    find_scan(t->root, NULL, &f);
    assert_int_equal(f.count, 2);
    assert_port(&f.port[0], FIND_USB, "/dev/ttyACM0", FIND_FREE);
    assert_string_equal(f.port[0].what, "u-blox GNSS receiver (USB 1546:01a9)");
    assert_port(&f.port[1], FIND_USB, "/dev/ttyUSB1", FIND_FREE);
    assert_says(&f, 1, "Silicon Labs GPS Click ?[2J (USB 10c4:ea60) at /dev/ttyUSB1; no pulse");
}

static void a_link_gps_names_any_port(void **state)
{
    struct tree *t = *state;
    struct find f;
    tree_usb(t, "ttyUSB0", "0403:6001", "FTDI\n", "FT232R USB UART\n");
    tree_link(t, "/dev/gps0", "ttyUSB0");
    tree_link(t, "/dev/gpspps0", "pps0");
    find_scan(t->root, NULL, &f);
    assert_int_equal(f.count, 1);
    assert_port(&f.port[0], FIND_LINK, "/dev/ttyUSB0", FIND_FREE);
    assert_string_equal(f.port[0].link, "/dev/gps0");
    assert_says(&f, 0, "FTDI FT232R USB UART (USB 0403:6001) at /dev/ttyUSB0 (/dev/gps0)");
}

static void a_port_that_is_named_is_one_whatever_it_is(void **state)
{
    struct tree *t = *state;
    struct find f;
    tree_tty(t, "ttyS3", "devices/serial8250");
    find_scan(t->root, "/dev/ttyS3", &f);
    assert_int_equal(f.count, 1);
    assert_port(&f.port[0], FIND_LINK, "/dev/ttyS3", FIND_FREE);
    find_scan(t->root, "/dev/ttyS4", &f);
    assert_int_equal(f.count, 0);
}

static void links_in_a_circle_end(void **state)
{
    struct tree *t = *state;
    struct find f;
    tree_link(t, "/dev/gps0", "gps1");
    tree_link(t, "/dev/gps1", "gps0");
    find_scan(t->root, NULL, &f);
    assert_in_range(f.count, 1, 2);
}

static void the_header_of_a_pi(void **state)
{
    struct tree *t = *state;
    struct find f;
    tree_pi4(t);
    tree_pps(t, 0, "ptp0", "");
    tree_pps(t, 1, "ktimer", "");
    tree_pps(t, 2, "pps@12.-1", "");
    find_scan(t->root, NULL, &f);
    assert_int_equal(f.count, 1);
    assert_int_equal(f.pulses, 1);
    assert_port(&f.port[0], FIND_HEADER, "/dev/ttyAMA0", FIND_FREE);
    assert_string_equal(f.port[0].link, "/dev/serial0");
    assert_string_equal(f.pulse[f.port[0].pulse].device, "/dev/pps2");
    assert_int_equal(f.pulse[0].gpio, 18);
    assert_says(&f, 0,
                "Raspberry Pi 4 Model B Rev 1.5 at /dev/ttyAMA0 (/dev/serial0); pulse /dev/"
                "pps2: the header's pin pps@12.-1");
}

static void the_mini_uart_where_bluetooth_has_the_other(void **state)
{
    struct tree *t = *state;
    struct find f;
    tree_bytes(t, "/proc/device-tree/model", "Raspberry Pi 3 Model B Rev 1.2", 31);
    tree_tty(t, "ttyAMA0", "devices/3f201000.serial");
    tree_tty(t, "ttyS0", "devices/3f215040.serial");
    tree_link(t, "/dev/serial0", "ttyS0");
    find_scan(t->root, NULL, &f);
    assert_int_equal(f.count, 1);
    assert_port(&f.port[0], FIND_HEADER, "/dev/ttyS0", FIND_FREE);
}

static void the_debug_connector_of_a_pi_5_is_not_its_header(void **state)
{
    struct tree *t = *state;
    struct find f;
    tree_bytes(t, "/proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0", 31);
    tree_tty(t, "ttyAMA10", "devices/107d001000.serial");
    tree_link(t, "/dev/serial0", "ttyAMA10");
    find_scan(t->root, NULL, &f);
    assert_int_equal(f.count, 0);
    tree_tty(t, "ttyAMA0", "devices/1f00030000.serial");
    find_scan(t->root, NULL, &f);
    assert_int_equal(f.count, 1);
    assert_port(&f.port[0], FIND_HEADER, "/dev/ttyAMA0", FIND_FREE);
    assert_string_equal(f.port[0].link, "");
}

static void a_hat_is_known_by_its_eeprom(void **state)
{
    struct tree *t = *state;
    struct find f;
    tree_pi4(t);
    tree_bytes(t, "/proc/device-tree/hat/vendor", "Adafruit Industries LLC", 24);
    tree_bytes(t, "/proc/device-tree/hat/product", "Ultimate GPS HAT", 17);
    tree_pps(t, 0, "pps@11.-1", "");
    tree_pps(t, 1, "pps@4.-1", "");
    find_scan(t->root, NULL, &f);
    assert_non_null(f.profile);
    assert_string_equal(f.profile->word, "adafruit-ultimate");
    assert_string_equal(f.pulse[f.port[0].pulse].device, "/dev/pps1"); /* its own pin */
    assert_says(&f, 0, "Adafruit Ultimate GPS HAT at");
}

static void a_pulse_on_a_line_of_the_port_is_that_ports(void **state)
{
    struct tree *t = *state;
    struct find f;
    tree_usb(t, "ttyACM0", "1546:01a9", "u-blox\n", "u-blox GNSS receiver\n");
    tree_usb(t, "ttyUSB3", "0403:6001", "FTDI\n", "GPS\n");
    tree_pps(t, 0, "usbserial3", "/dev/ttyUSB3\n");
    find_scan(t->root, NULL, &f);
    assert_int_equal(f.count, 2);
    assert_port(&f.port[0], FIND_USB, "/dev/ttyUSB3", FIND_FREE); /* with a pulse: first */
    assert_int_equal(f.port[0].pulse, 0);
    assert_int_equal(f.port[1].pulse, -1);
    assert_says(&f, 0, "pulse /dev/pps0: a line of the same port");
}

static void a_console_is_never_touched(void **state)
{
    static const struct {
        const char *file, *text;
    } signs[] = {
        {"/proc/consoles", "tty0                 -WU (EC  p  )    4:7\n"
                           "ttyAMA0              -W- (EC  p  )  204:64\n"},
        {"/sys/class/tty/console/active", "tty1 ttyAMA0\n"},
        {"/proc/cmdline", "coherent_pool=1M console=serial0,115200 console=tty1 quiet\n"},
    };
    struct tree *t = *state;
    struct find f;
    tree_pi4(t);
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        tree_file(t, signs[i].file, signs[i].text);
        find_scan(t->root, NULL, &f);
        assert_int_equal(f.count, 1);
        assert_port(&f.port[0], FIND_HEADER, "/dev/ttyAMA0", FIND_CONSOLE);
        assert_says(&f, 0, signs[i].file);
        tree_remove(t, signs[i].file);
    }
}

static void a_gettys_port_is_never_touched(void **state)
{
    struct tree *t = *state;
    struct find f;
    tree_pi4(t);
    tree_process(t, 612, "agetty", "/sbin/agetty|-o|-p -- \\u|--keep-baud|115200|ttyAMA0|vt220",
                 NULL);
    find_scan(t->root, NULL, &f);
    assert_port(&f.port[0], FIND_HEADER, "/dev/ttyAMA0", FIND_GETTY);
    assert_says(&f, 0, "agetty, process 612");
    tree_remove(t, "/proc/612");
    tree_link(t, "/etc/systemd/system/getty.target.wants/serial-getty@ttyAMA0.service",
              "/lib/systemd/system/serial-getty@.service");
    find_scan(t->root, NULL, &f);
    assert_port(&f.port[0], FIND_HEADER, "/dev/ttyAMA0", FIND_GETTY);
    assert_says(&f, 0, "serial-getty@ttyAMA0.service");
    tree_link(t, "/etc/systemd/system/serial-getty@ttyAMA0.service", "/dev/null");
    find_scan(t->root, NULL, &f);
    assert_port(&f.port[0], FIND_HEADER, "/dev/ttyAMA0", FIND_FREE); /* masked: it does not run */
}

static void e8_a_port_in_use_is_named_with_its_holder(void **state)
{
    struct tree *t = *state;
    struct find f;
    tree_usb(t, "ttyACM0", "1546:01a9", "u-blox\n", "u-blox GNSS receiver\n");
    tree_process(t, 77, "minicom", "minicom|-D|/dev/ttyACM0", "/dev/ttyACM0");
    find_scan(t->root, NULL, &f);
    assert_port(&f.port[0], FIND_USB, "/dev/ttyACM0", FIND_HELD);
    assert_int_equal(f.port[0].pid, 77);
    assert_says(&f, 0, "another program holds it (minicom, process 77)");
}

static void where_gpsd_holds_the_port_that_is_said(void **state)
{
    struct tree *t = *state;
    struct find f;
    tree_pi4(t);
    /* an ordinary user sees its arguments, and not its files */
    tree_process(t, 300, "gpsd", "/usr/sbin/gpsd|-n|/dev/serial0", NULL);
    find_scan(t->root, NULL, &f);
    assert_port(&f.port[0], FIND_HEADER, "/dev/ttyAMA0", FIND_GPSD);
    tree_process(t, 300, "gpsd", "/usr/sbin/gpsd|-n", "/dev/ttyAMA0");
    find_scan(t->root, NULL, &f);
    assert_port(&f.port[0], FIND_HEADER, "/dev/ttyAMA0", FIND_GPSD);
    assert_says(&f, 0, "held by gpsd (gpsd, process 300), which is asked instead");
}

static void more_than_there_is_room_for(void **state)
{
    struct tree *t = *state;
    struct find f;
    char name[32];
    for (int i = 0; i < 2 * FIND_MAX; i++) {
        snprintf(name, sizeof name, "ttyACM%d", i);
        tree_usb(t, name, "1546:01a8", "u-blox\n", "u-blox GNSS receiver\n");
        tree_pps(t, i, "pps@1.-1", "");
    }
    find_scan(t->root, NULL, &f);
    assert_int_equal(f.count, FIND_MAX);
    assert_int_equal(f.pulses, FIND_MAX);
    assert_string_equal(f.port[9].device, "/dev/ttyACM9");
}

static void profiles_are_found_by_word(void **state)
{
    (void)state;
    assert_int_equal(profile_find("uputronics")->gpio, 18);
    assert_null(profile_find("nonesuch"));
    assert_null(profile_of_eeprom("", ""));
    assert_null(profile_of_eeprom("Adafruit", "RGB Matrix HAT"));
    for (const struct profile *p = profile_table; p->word; p++) {
        assert_ptr_equal(profile_find(p->word), p);
        assert_in_range(p->baud, 4800, 460800);
        assert_in_range(p->gpio + 1, 0, 28);
        assert_int_equal(!p->vendor, !p->product);
    }
}

#define WITH_TREE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TREE(nothing_is_found_in_nothing),
        WITH_TREE(a_usb_receiver_is_known_by_its_ids_or_names),
        WITH_TREE(a_link_gps_names_any_port),
        WITH_TREE(a_port_that_is_named_is_one_whatever_it_is),
        WITH_TREE(links_in_a_circle_end),
        WITH_TREE(the_header_of_a_pi),
        WITH_TREE(the_mini_uart_where_bluetooth_has_the_other),
        WITH_TREE(the_debug_connector_of_a_pi_5_is_not_its_header),
        WITH_TREE(a_hat_is_known_by_its_eeprom),
        WITH_TREE(a_pulse_on_a_line_of_the_port_is_that_ports),
        WITH_TREE(a_console_is_never_touched),
        WITH_TREE(a_gettys_port_is_never_touched),
        WITH_TREE(e8_a_port_in_use_is_named_with_its_holder),
        WITH_TREE(where_gpsd_holds_the_port_that_is_said),
        WITH_TREE(more_than_there_is_room_for),
        cmocka_unit_test(profiles_are_found_by_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
