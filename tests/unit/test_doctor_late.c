/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What makes pulses late, and the boot files, on made-up machines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "doctor_bench.h"
#include "server/doctor/late.h"

#define CPU0 "/sys/devices/system/cpu/cpu0/"

static struct doctor_late look(const struct bench *b, const char *name, int pid)
{
    struct doctor_machine m = {.root = b->tree.root, .pid = pid, .interfaces = -1};
    const struct doctor_late_row *row = doctor_late_rows;
    while (strcmp(row->name, name) != 0)
        row++;
    return row->look(&m);
}

static void late(const struct doctor_late *l, int state, double cost, const char *saw,
                 const char *todo)
{
    bool same = isnan(cost) ? isnan(l->cost) : fabs(l->cost - cost) < 1e-12;
    if ((int)l->state != state || !same || !strstr(l->saw, saw) || !strstr(l->todo, todo))
        fail_msg("state %d cost %g: %s -> %s", (int)l->state, l->cost, l->saw, l->todo);
}

static void idle_states(void **state)
{
    struct bench *b = *state;
    struct doctor_late l = look(b, "idle", 0);
    late(&l, LATE_UNKNOWN, NAN, "no idle states", "");
    tree_file(&b->tree, CPU0 "cpuidle/state0/name", "POLL\n");
    tree_file(&b->tree, CPU0 "cpuidle/state0/latency", "0\n");
    tree_file(&b->tree, CPU0 "cpuidle/state0/disable", "0\n");
    tree_file(&b->tree, CPU0 "cpuidle/state0/usage", "100\n");
    tree_file(&b->tree, CPU0 "cpuidle/state1/name", "C6\n");
    tree_file(&b->tree, CPU0 "cpuidle/state1/latency", "133\n");
    tree_file(&b->tree, CPU0 "cpuidle/state1/disable", "0\n");
    tree_file(&b->tree, CPU0 "cpuidle/state1/usage", "300\n");
    l = look(b, "idle", 0);
    late(&l, LATE_COSTS, 133e-6, "waking up from C6 takes up to 133 us", "`cpuidle.off=1`");
    assert_non_null(strstr(l.saw, "75 %"));
    tree_file(&b->tree, CPU0 "cpuidle/state1/disable", "1\n");
    l = look(b, "idle", 0);
    late(&l, LATE_NONE, 0, "POLL", "");
}

static void the_processors_rate(void **state)
{
    struct bench *b = *state;
    struct doctor_late l = look(b, "governor", 0);
    late(&l, LATE_UNKNOWN, NAN, "", "");
    tree_file(&b->tree, CPU0 "cpufreq/scaling_governor", "ondemand\n");
    tree_file(&b->tree, CPU0 "cpufreq/scaling_min_freq", "600000\n");
    tree_file(&b->tree, CPU0 "cpufreq/scaling_max_freq", "1500000\n");
    tree_file(&b->tree, CPU0 "cpufreq/cpuinfo_transition_latency", "4294967295\n");
    l = look(b, "governor", 0);
    late(&l, LATE_COSTS, NAN, "between 600 and 1500 MHz", "-g performance`");
    tree_file(&b->tree, CPU0 "cpufreq/cpuinfo_transition_latency", "350000\n");
    l = look(b, "governor", 0);
    late(&l, LATE_COSTS, 350e-6, "ondemand", "");
    tree_file(&b->tree, CPU0 "cpufreq/scaling_governor", "performance\n");
    l = look(b, "governor", 0);
    late(&l, LATE_NONE, NAN, "fixed", "");
}

static void pcie_links(void **state)
{
    struct bench *b = *state;
    struct doctor_late l = look(b, "aspm", 0);
    late(&l, LATE_NONE, NAN, "no PCIe device", "");
    tree_file(&b->tree, "/sys/bus/pci/devices/0002:01:00.0/link/l1_aspm", "1\n");
    l = look(b, "aspm", 0);
    late(&l, LATE_UNKNOWN, NAN, "", "");
    tree_file(&b->tree, "/sys/module/pcie_aspm/parameters/policy",
              "[default] performance powersave \n");
    l = look(b, "aspm", 0);
    late(&l, LATE_COSTS, NAN, "1 devices, 0002:01:00.0 first", "`pcie_aspm.policy=performance`");
    tree_file(&b->tree, "/sys/bus/pci/devices/0002:01:00.0/link/l1_aspm", "0\n");
    l = look(b, "aspm", 0);
    late(&l, LATE_NONE, NAN, "(ASPM policy [default])", "");
}

static void network_links(void **state)
{
    struct bench *b = *state;
    struct doctor_machine m = {.root = "", .interfaces = 1, .eee = "eth0"};
    struct doctor_late l = look(b, "eee", 0);
    late(&l, LATE_UNKNOWN, NAN, "running machine", "");
    l = doctor_late_rows[3].look(&m);
    late(&l, LATE_COSTS, NAN, "is on (eth0)", "`ethtool --set-eee eth0 eee off`");
    m.interfaces = 0;
    l = doctor_late_rows[3].look(&m);
    late(&l, LATE_NONE, NAN, "no network link sleeps", "");
}

/* 52 fields; the name may hold blanks and brackets; the policy is the 41st. */
static void thread(const struct bench *b, int policy)
{
    char line[400];
    snprintf(
        line, sizeof line,
        "31 (a) b) S 1 31 31 0 -1 4194560 9 9 9 9 9 9 9 9 20 0 1 0 9 9 9 18446744073709551615 9 9 "
        "9 9 9 9 9 9 9 9 9 9 17 0 0 %d 0 0 0 9 9 9 9 9 9 9 0\n",
        policy);
    tree_file(&b->tree, "/proc/31/task/31/stat", line);
}

static void the_scheduler(void **state)
{
    struct bench *b = *state;
    struct doctor_late l = look(b, "realtime", 0);
    late(&l, LATE_UNKNOWN, NAN, "does not run", "");
    thread(b, 0);
    l = look(b, "realtime", 31);
    late(&l, LATE_COSTS, NAN, "no real-time class", "`sched_priority 10`");
    tree_file(&b->tree, "/proc/31/schedstat", "123456789 5000000 1000\n");
    l = look(b, "realtime", 31);
    late(&l, LATE_COSTS, 5e-6, "no real-time class", "`chrt -a -f -p 10 31`");
    thread(b, 1);
    l = look(b, "realtime", 31);
    late(&l, LATE_NONE, 5e-6, "real-time class", "");
}

static void boot_files(void **state)
{
    struct doctor_boot b = {0};
    (void)state;
    doctor_boot_config("dtparam=uart0=on\n# dtoverlay=pps-gpio\n  dtoverlay=pps-gpio # usual\r\n"
                       "dtparam=gpiopin=4,capture_clear\n",
                       "Raspberry Pi 5 Model B", &b);
    assert_true(b.pps && b.uart && b.capture_clear && !b.falling);
    assert_int_equal(b.gpio, 4);
    memset(&b, 0, sizeof b);
    doctor_boot_config("[none]\ndtoverlay=pps-gpio,gpiopin=4\n", "Raspberry Pi 4", &b);
    assert_false(b.pps);
    assert_string_equal(b.elsewhere, "none");
    doctor_boot_config("[pi4]\ndtoverlay=pps-gpio,gpiopin=20,assert_falling_edge=1\n"
                       "dtoverlay=miniuart-bt\nenable_uart=1\n[pi3+]\nenable_uart=0\n",
                       "Raspberry Pi 4 Model B Rev 1.5", &b);
    assert_true(b.pps && b.falling && b.bluetooth_away && b.uart);
    assert_int_equal(b.gpio, 20);
    assert_string_equal(b.elsewhere, "");
    doctor_boot_cmdline("console=tty1 root=x console=ttyS0,115200", &b);
    assert_string_equal(b.console, "console=ttyS0,115200");
    memset(&b, 0, sizeof b);
    doctor_boot_cmdline("console=tty1 console=ttyS01 xconsole=ttyS0 console=serial0x\n", &b);
    assert_string_equal(b.console, "");
}

#define WITH_TREE(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TREE(idle_states),   WITH_TREE(the_processors_rate), WITH_TREE(pcie_links),
        WITH_TREE(network_links), WITH_TREE(the_scheduler),       cmocka_unit_test(boot_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
