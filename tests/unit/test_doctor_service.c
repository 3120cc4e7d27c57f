/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The doctor's links from the receiver's bytes to the clients, by what the daemon says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "doctor_bench.h"
#include "drivers/receiver/nmea_driver.h"

#define CONF "refclock nmea /dev/ttyS0\n"

/* A daemon whose receiver fares so. */
static void receiver(struct bench *b, const char *health, const char *error)
{
    char status[800];
    snprintf(status, sizeof status,
             "{'version':1,'release':'0.1.0','process':{'pid':9,'uptime':70},'sources':[{'driver':"
             "'nmea','name':'nmea /dev/ttyS0','path':'/dev/ttyS0','health':'%s','error':%s%s%s,"
             "'found':'NMEA at 9600 baud, found by listening'}],'sky':{'count':7,'used':2}}",
             health, *error ? "'" : "", *error ? error : "null", *error ? "'" : "");
    bench_look(b, CONF, status);
}

static void how_far_the_bytes_get(void **state)
{
    struct bench *b = *state;
    tree_tty(&b->tree, "ttyS0", "devices/serial8250");
    receiver(b, "silent", "/dev/ttyS0: " NMEA_WHY_NOTHING "; check the wiring");
    says(b, DOCTOR_PORT, DOCTOR_OK, "timeballd has it open", "");
    says(b, DOCTOR_BAUD, DOCTOR_UNKNOWN, "no byte comes", "");
    says(b, DOCTOR_SENTENCES, DOCTOR_BROKEN, NMEA_WHY_NOTHING, "TX wired to this port's RX");
    says(b, DOCTOR_FIX, DOCTOR_UNKNOWN, "\"sentences\" comes first", "");
    receiver(b, "silent", "/dev/ttyS0: " NMEA_WHY_NOISE "; is it");
    says(b, DOCTOR_BAUD, DOCTOR_BROKEN, NMEA_WHY_NOISE, "leave `baud` out");
    says(b, DOCTOR_SENTENCES, DOCTOR_UNKNOWN, "\"baud\" comes first", "");
    receiver(b, "silent", "/dev/ttyS0: " NMEA_WHY_NO_TIME "; switch");
    says(b, DOCTOR_BAUD, DOCTOR_OK, "NMEA at 9600 baud", "");
    says(b, DOCTOR_SENTENCES, DOCTOR_BROKEN, NMEA_WHY_NO_TIME, "RMC, GGA and ZDA");
    receiver(b, "silent", "");
    says(b, DOCTOR_SENTENCES, DOCTOR_UNKNOWN, "just now", "in 10 s");
    receiver(b, "no_fix", "/dev/ttyS0: the receiver has no fix; give it time");
    says(b, DOCTOR_SENTENCES, DOCTOR_OK, "messages with a time come", "");
    says(b, DOCTOR_FIX, DOCTOR_BROKEN, "(7 satellites seen, 2 used)", "free view of the sky");
    receiver(b, "ok", "");
    says(b, DOCTOR_FIX, DOCTOR_OK, "vouches for its time, with 2 satellites", "");
    says(b, DOCTOR_DAEMON, DOCTOR_OK, "timeballd 0.1.0 runs, process 9", "");
    receiver(b, "closed", "/dev/ttyS0: permission denied; add");
    says(b, DOCTOR_BAUD, DOCTOR_BROKEN, "permission denied", "mend that");
    says(b, DOCTOR_FIX, DOCTOR_UNKNOWN, "\"baud\" comes first", "");
}

static void heard_without_a_daemon(void **state)
{
    struct bench *b = *state;
    tree_tty(&b->tree, "ttyS0", "devices/serial8250");
    bench_begin(b, CONF, NULL);
    b->d.receiver = (struct doctor_receiver){
        .by = DOCTOR_HEARD_HERE, .health = HEALTH_OK, .found = "UBX at 38400 baud", .used = 9};
    doctor_run(&b->d);
    says(b, DOCTOR_BAUD, DOCTOR_OK, "listened to here: UBX at 38400 baud", "");
    says(b, DOCTOR_FIX, DOCTOR_OK, "with 9 satellites", "");
    says(b, DOCTOR_NUMBERING, DOCTOR_UNKNOWN, "\"timeballd\" comes first", "");
}

static void no_daemon(void **state)
{
    struct bench *b = *state;
    bench_begin(b, CONF, NULL);
    b->d.asked = true;
    snprintf(b->d.no_answer, sizeof b->d.no_answer, "/run/x: No such file or directory");
    doctor_run(&b->d);
    says(b, DOCTOR_DAEMON, DOCTOR_BROKEN, "does not answer: /run/x", "`timeballd -n`");
    tree_file(&b->tree, "/lib/systemd/system/timeballd.service", "");
    doctor_run(&b->d);
    says(b, DOCTOR_DAEMON, DOCTOR_BROKEN, "", "`systemctl enable --now timeballd.service`");
    snprintf(b->d.no_answer, sizeof b->d.no_answer, "/run/x: Permission denied");
    doctor_run(&b->d);
    says(b, DOCTOR_DAEMON, DOCTOR_UNKNOWN, "Permission denied", "as root");
    snprintf(b->d.wants.error, sizeof b->d.wants.error, "/etc/timeball.conf:3: unknown word");
    doctor_run(&b->d);
    says(b, DOCTOR_DAEMON, DOCTOR_BROKEN, "timeball.conf:3",
         "`timeballd --check /etc/timeball.conf`");
}

static void clock_says(struct bench *b, const char *state, const char *numbering)
{
    char status[600];
    snprintf(
        status, sizeof status,
        "{'release':'0.1.0','process':{'pid':9,'uptime':70},'sources':[{'driver':'nmea','name':"
        "'nmea "
        "/dev/ttyS0','path':'/dev/ttyS0','health':'ok'},{'driver':'pps','name':'p','path':'/dev/"
        "ttyS0','health':'ok'}],'clock':{'state':'%s',"
        "'sentence':'so it is','numbering':'%s','evidence':'and thus','margin':0.12,"
        "'steering':'system'}}",
        state, numbering);
    bench_look(b, CONF "refclock pps /dev/ttyS0\n", status);
}

/* A socket may send anything. */
static void a_status_of_nonsense(void **state)
{
    static const char *const answers[] = {
        "{}",
        "{'sources':7,'clock':[],'process':{'pid':1e300,'uptime':'x'},'server':{'listen':{}}}",
        "{'sources':[null,7,{},{'driver':'nmea'},{'driver':'pps','health':3,'path':'/dev/pps0'}]}",
        "{'sources':[{'driver':'auto','health':'?'}],'sky':{'count':-1e9,'used':1e300}}",
    };
    struct bench *b = *state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        bench_look(b, "", answers[i]);
        for (int link = 0; link < DOCTOR_LINKS; link++)
            assert_int_not_equal(*b->d.link[link].saw, 0);
    }
}

static void numbering_and_discipline(void **state)
{
    struct bench *b = *state;
    tree_tty(&b->tree, "ttyS0", "devices/serial8250");
    clock_says(b, "locked", "numbered");
    says(b, DOCTOR_NUMBERING, DOCTOR_OK, "and thus; 120.0 ms until", "");
    says(b, DOCTOR_DISCIPLINE, DOCTOR_OK, "so it is", "");
    clock_says(b, "locked", "empty");
    says(b, DOCTOR_NUMBERING, DOCTOR_NOT_NEEDED, "messages give the time", "");
    clock_says(b, "unsynchronised", "ambiguous");
    says(b, DOCTOR_NUMBERING, DOCTOR_BROKEN, "and thus", "delay MIN..MAX");
    says(b, DOCTOR_DISCIPLINE, DOCTOR_UNKNOWN, "\"numbering\" comes first", "");
    clock_says(b, "unsynchronised", "conflict");
    says(b, DOCTOR_NUMBERING, DOCTOR_BROKEN, "and thus", "systemctl restart timeballd");
    clock_says(b, "numbering", "gathering");
    says(b, DOCTOR_NUMBERING, DOCTOR_UNKNOWN, "gathering: and thus", "in 20 s");
    says(b, DOCTOR_DISCIPLINE, DOCTOR_UNKNOWN, "so it is", "in 20 s");
    clock_says(b, "unsynchronised", "numbered");
    says(b, DOCTOR_DISCIPLINE, DOCTOR_BROKEN, "so it is", "timeballctl sources");
}

static void who_else_steers_the_clock(void **state)
{
    struct bench *b = *state;
    bench_look(b, CONF, NULL);
    says(b, DOCTOR_RIVALS, DOCTOR_OK, "no other", "");
    tree_process(&b->tree, 50, "systemd-timesyn", "systemd-timesyncd", NULL);
    bench_look(b, CONF, NULL);
    says(b, DOCTOR_RIVALS, DOCTOR_BROKEN, "(process 50)",
         "`systemctl disable --now systemd-timesyncd.service`");
    tree_process(&b->tree, 50, "chronyd", "chronyd", NULL);
    bench_look(b, CONF, NULL);
    says(b, DOCTOR_RIVALS, DOCTOR_BROKEN, "chronyd", "chrony.service");
    tree_process(&b->tree, 50, "ntpd", "ntpd", NULL);
    bench_look(b, CONF, NULL);
    says(b, DOCTOR_RIVALS, DOCTOR_BROKEN, "ntpd", "ntpsec.service");
    bench_look(b, CONF "clock none\n", NULL);
    says(b, DOCTOR_RIVALS, DOCTOR_NOT_NEEDED, "clock none", "");
    tree_remove(&b->tree, "/proc/50");
    tree_link(&b->tree, "/etc/systemd/system/multi-user.target.wants/chrony.service", "x");
    bench_look(b, CONF, NULL);
    says(b, DOCTOR_RIVALS, DOCTOR_UNKNOWN, "next boot", "chrony.service");
}

#define UDP_HEAD                                                                                   \
    "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout " \
    "inode ref pointer drops\n"

static void who_holds_port_123(void **state)
{
    struct bench *b = *state;
    tree_file(&b->tree, "/proc/net/udp",
              UDP_HEAD "  120: 00000000:0044 00000000:0000 07 00000000:00000000 00:00000000 "
                       "00000000   998        0 "
                       "7000 2 x 0\n");
    bench_look(b, CONF, NULL);
    says(b, DOCTOR_PORT_123, DOCTOR_UNKNOWN, "UDP port 123 is free", "");
    tree_file(
        &b->tree, "/proc/net/udp6",
        UDP_HEAD
        "  120: 00000000000000000000000000000000:007B 00000000000000000000000000000000:0000 07 "
        "00000000:00000000 00:00000000 00000000   998        0 7788 2 x 0\n");
    bench_look(b, CONF, NULL);
    says(b, DOCTOR_PORT_123, DOCTOR_BROKEN, "another program holds UDP port 123", "`ss -ulpn`");
    tree_process(&b->tree, 50, "ntpd", "ntpd", "socket:[7788]");
    bench_look(b, CONF, NULL);
    says(b, DOCTOR_PORT_123, DOCTOR_BROKEN, "ntpd (process 50) holds UDP port 123",
         "`systemctl status 50`");
    tree_process(&b->tree, 50, "timeballd", "timeballd", "socket:[7788]");
    bench_look(b, CONF, NULL);
    says(b, DOCTOR_PORT_123, DOCTOR_UNKNOWN, "", "");
}

static void what_the_daemons_addresses_answer(void **state)
{
    struct bench *b = *state;
    bench_begin(b, CONF, "{'server':{'listen':[{'address':'0.0.0.0','port':123}]}}");
    b->d.ask[0] = (struct doctor_asked){"127.0.0.1", 123, true, 1, ""};
    b->d.ask[1] = (struct doctor_asked){"192.0.2.7", 123, true, 1, ""};
    b->d.asks = 2;
    doctor_run(&b->d);
    says(b, DOCTOR_PORT_123, DOCTOR_OK, "answers on 127.0.0.1, 192.0.2.7, port 123, with the time",
         "a router must pass UDP port 123");
    b->d.ask[1] = (struct doctor_asked){"192.0.2.7", 123, false, 0, "nothing came back"};
    doctor_run(&b->d);
    says(b, DOCTOR_PORT_123, DOCTOR_BROKEN, "no answer from 192.0.2.7 port 123: nothing came back",
         "`nft list ruleset`");
}

static void what_drops_requests(void **state)
{
    struct bench *b = *state;
    bench_look(b, CONF, NULL);
    says(b, DOCTOR_FIREWALL, DOCTOR_OK, "no connection tracking", "");
    tree_file(&b->tree, "/proc/sys/net/netfilter/nf_conntrack_count", "100\n");
    tree_file(&b->tree, "/proc/sys/net/netfilter/nf_conntrack_max", "65536\n");
    bench_look(b, CONF, NULL);
    says(b, DOCTOR_FIREWALL, DOCTOR_OK, "(100 of 65536 entries)", "udp dport 123 notrack;");
    tree_file(&b->tree, "/proc/sys/net/netfilter/nf_conntrack_count", "65000\n");
    bench_look(b, CONF, NULL);
    says(b, DOCTOR_FIREWALL, DOCTOR_BROKEN, "nearly full", "udp sport 123 notrack;");
    tree_file(&b->tree, "/proc/sys/net/netfilter/nf_conntrack_count", "100\n");
    tree_file(&b->tree, "/etc/nftables.conf",
              "chain input { policy drop; tcp dport 22 accept; }\n");
    tree_link(&b->tree, "/etc/systemd/system/sysinit.target.wants/nftables.service", "x");
    bench_look(b, CONF, NULL);
    says(b, DOCTOR_FIREWALL, DOCTOR_BROKEN, "does not name UDP port 123", "`udp dport 123 accept`");
    tree_file(&b->tree, "/etc/nftables.conf",
              "policy drop; udp dport 123 accept; udp dport 123 notrack\n");
    bench_look(b, CONF, NULL);
    says(b, DOCTOR_FIREWALL, DOCTOR_OK, "spared connection tracking", "");
    tree_file(&b->tree, "/etc/ufw/ufw.conf", "ENABLED=yes\n");
    bench_look(b, CONF, NULL);
    says(b, DOCTOR_FIREWALL, DOCTOR_BROKEN, "ufw is on", "`ufw allow 123/udp`");
    tree_file(&b->tree, "/etc/ufw/user.rules", "-A ufw-user-input -p udp --dport 123 -j ACCEPT\n");
    bench_look(b, CONF, NULL);
    says(b, DOCTOR_FIREWALL, DOCTOR_OK, "", "");
}

#define WITH_TREE(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TREE(how_far_the_bytes_get),
        WITH_TREE(heard_without_a_daemon),
        WITH_TREE(no_daemon),
        WITH_TREE(a_status_of_nonsense),
        WITH_TREE(numbering_and_discipline),
        WITH_TREE(who_else_steers_the_clock),
        WITH_TREE(who_holds_port_123),
        WITH_TREE(what_the_daemons_addresses_answer),
        WITH_TREE(what_drops_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
