/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration of ntpd and NTPsec, read as it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_text.h"
#include "server/config/chrony.h"
#include "server/config/look.h"
#include "server/config/ntp.h"

/* ---- whole files, as operators write them ---- */

/* The file of Debian's package ntpsec 1.2.2, without its comments. */
static const char debian[] = "driftfile /var/lib/ntpsec/ntp.drift\n"
                             "leapfile /usr/share/zoneinfo/leap-seconds.list\n"
                             "#statsdir /var/log/ntpsec/\n"
                             "tos maxclock 11\n"
                             "tos minclock 4 minsane 3\n"
                             "pool 0.debian.pool.ntp.org iburst\n"
                             "pool 1.debian.pool.ntp.org iburst\n"
                             "pool 2.debian.pool.ntp.org iburst\n"
                             "pool 3.debian.pool.ntp.org iburst\n"
                             "restrict default kod nomodify nopeer noquery limited\n"
                             "restrict 127.0.0.1\n"
                             "restrict ::1\n";

static const char pool_server[] = "# my pool server\n"
                                  "driftfile /var/lib/ntp/ntp.drift\n"
                                  "server ntp1.example.org iburst\n"
                                  "server ntp2.example.org iburst\n"
                                  "server 192.0.2.3 iburst\n"
                                  "server 2001:db8::4 iburst\n"
                                  "server ntp5.example.net iburst\n"
                                  "restrict -4 default kod notrap nomodify nopeer noquery limited\n"
                                  "restrict -6 default kod notrap nomodify nopeer noquery limited\n"
                                  "restrict ::1\n";

static const char *const others[] = {
    /* an older Linux distribution */
    "driftfile /var/lib/ntp/drift\nrestrict default nomodify notrap nopeer noepeer noquery\n"
    "restrict source nomodify notrap noepeer noquery\nrestrict 127.0.0.1 \nrestrict ::1\n"
    "tos maxclock 5\npool 2.fedora.pool.ntp.org iburst\n"
    "leapfile /usr/share/zoneinfo/leap-seconds.list checkhash\nkeys /etc/ntp/keys\n"
    "disable monitor\n",
    /* with statistics, broadcasts in comments, a local network */
    "driftfile /var/lib/ntp/ntp.drift\nstatsdir /var/log/ntpstats/\n"
    "statistics loopstats peerstats clockstats\n"
    "filegen loopstats file loopstats type day enable\n"
    "filegen peerstats file peerstats type day enable\n"
    "filegen clockstats file clockstats type day enable\n"
    "pool 0.ubuntu.pool.ntp.org iburst\npool ntp.ubuntu.com\n"
    "restrict -4 default kod notrap nomodify nopeer noquery limited\n"
    "restrict -6 default kod notrap nomodify nopeer noquery limited\n"
    "restrict 127.0.0.1\nrestrict ::1\nrestrict source notrap nomodify noquery\n"
    "#broadcast 192.168.123.255\n#disable auth\n#broadcastclient\n",
    /* a receiver and the local clock, tinkered with */
    "tinker panic 0 step 0.5\nserver 127.127.28.0 minpoll 4 maxpoll 4 prefer\n"
    "fudge 127.127.28.0 time1 0.420 refid GPS\nserver 127.127.28.1 minpoll 4 maxpoll 4\n"
    "fudge 127.127.28.1 refid PPS\nserver 127.127.1.0\nfudge 127.127.1.0 stratum 10\n"
    "server ntp1.example.org iburst minpoll 6 maxpoll 10 version 4\n"
    "logfile /var/log/ntp.log\nlogconfig =syncall +clockall\n"
    "crypto pw secret\nkeysdir /etc/ntp\nbroadcastdelay 0.008\nmru maxmem 16384\n"
    "setvar access_policy = \"open access\" default\ndiscard average 3 minimum 1 monitor 3000\n"
    "interface ignore wildcard\ninterface listen all\nenable stats\nrequestkey 1\ncontrolkey 1\n",
};

static void the_files_of_distributions_load(void **state)
{
    (void)state;
    must_parse(debian);
    assert_int_equal(c.server_count, 4);
    assert_int_equal(c.warning_count, 3);
    must_warn("ntp.conf:4", "tos maxclock");
    must_say("# ntpq -p 127.0.0.1 is answered");
    must_read_back();
    config_free(&c);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        must_parse(others[i]);
        must_read_back();
        config_free(&c);
    }
}

static void the_file_of_a_pool_server_loads_without_a_remark(void **state)
{
    (void)state;
    must_parse(pool_server);
    assert_int_equal(c.server_count, 5);
    assert_true(c.server[0].iburst);
    assert_int_equal(c.warning_count, 0);
    assert_int_equal(c.restrict_count, 3);
    must_say("# ntpq -p 127.0.0.1 is refused: restrict -4 default");
    must_say("# ntpq -p ::1 is answered: restrict ::1");
    must_read_back();
    config_free(&c);
}

/* ---- words ---- */

static void every_word_that_means_nothing_says_so_with_its_line(void **state)
{
    (void)state;
    for (const struct config_ntp_row *row = config_ntp_rows; row->word; row++) {
        bool place = !strcmp(row->word, "server") || !strcmp(row->word, "pool") ||
                     !strcmp(row->word, "leapfile");
        char text[200];
        snprintf(text, sizeof text, "\n%s%s %s%s\n", row->word, place ? " ntp.example.org" : "",
                 row->option ? row->option : "any \"words\" there", row->values ? " 5" : "");
        int result = parse(text);
        if (result != (row->refused ? -1 : 0))
            fail_msg("'%s': %d %s", text, result, errors.count ? errors.err[0].why : "");
        if (!row->refused) {
            assert_int_equal(c.warning_count, 1);
            must_warn("ntp.conf:2", row->why);
        }
        config_free(&c);
    }
}

static void a_peer_is_a_server(void **state)
{
    (void)state;
    must_parse("peer ntp.example.org minpoll 5\n");
    assert_int_equal(c.server_count, 1);
    assert_int_equal(c.server[0].minpoll, 5);
    must_warn("ntp.conf:1", "treated as server");
    config_free(&c);
}

static void logfile_is_log(void **state)
{
    (void)state;
    must_parse("logfile /var/log/ntp.log\n");
    assert_string_equal(c.log, "/var/log/ntp.log");
    config_free(&c);
}

/* A file, and what its only error must say. */
static const struct {
    const char *text, *says;
} bad[] = {
    {"tos minclock 3 minclok 3", "unknown word 'minclok' in tos"},
    {"tinker wild 3", "unknown word 'wild' in tinker"},
    {"enable everything", "unknown word 'everything' in enable"},
    {"disable time", "unknown word 'time' in disable"},
    {"server ntp.example.org nts", "no Network Time Security"},
    {"server ntp.example.org iburst fast", "unknown word 'fast'"},
    {"restrict", "restrict: the value is missing"},
    {"restrict -4", "the address is missing"},
    {"restrict default nomodfy", "unknown word 'nomodfy'"},
    {"restrict 192.0.2.0/33", "not a length for that address"},
    {"restrict 192.0.2.0/-1", "not a length for that address"},
    {"restrict 192.0.2.0/", "not a length for that address"},
    {"restrict 192.0.2.0/24/8", "not a length for that address"},
    {"restrict 2001:db8::/129", "not a length for that address"},
    {"restrict 192.0.2.0 mask 255.0.255.0", "one after a zero"},
    {"restrict 192.0.2.0 mask ffff::", "not a mask for that address"},
    {"restrict 2001:db8:: mask ffff:0:ffff::", "one after a zero"},
    {"restrict 192.0.2.0 mask", "unknown word 'mask'"},
    {"restrict host.example.org mask 255.0.0.0", "only an address written as a number"},
    {"restrict -4 ::1", "do not go together"},
    {"restrict ntp.example.org/24", "not an address and a length"},
    {"discard average 13", "out of range"},
    {"discard average", "value is missing"},
    {"discard often", "unknown word 'often'"},
    {"statistics loopstat", "'loopstat' is not known"},
    {"filegen loopstats file ../x", "file is a path"},
    {"filegen loopstats type hour", "none of its words"},
    {"filegen loopstats type", "value is missing"},
    {"filegen loopstats daily", "unknown word 'daily'"},
    {"interface hear all", "'hear' is not known"},
    {"interface listen", "takes one word"},
    {"interface listen 127.0.0.1\nlisten ::1", "both given"},
    {"fudge 127.127.20.0 time1 0.1", "there is no such clock"},
    {"fudge 192.0.2.1 time1 0.1", "no refclock of ntpd"},
    {"server 127.127.8.0", "no driver like that of ntpd's type 8"},
    {"server 127.127.20.0\nserver 127.127.20.0", "named twice"},
    {"server 127.127.20.0 flag1 2", "out of range"},
    {"server 127.127.22.0\nfudge 127.127.22.0 time1 5", "latency"},
    {"server 127.127.22.0 time1 1e999", "too large"},
    {"refclock nmea unit 900", "out of range"},
    {"includefile /nonexistent/file", "No such file"},
    {"includefile /tmp", "is a directory"},
    {"includefile /dev/zero", "is a device"},
    {"includefile /dev/null twice", "takes one file"},
};

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char line[640];
        int result = parse(bad[i].text);
        if (result != -1 || errors.count != 1)
            fail_msg("'%s': result %d, %zu errors", bad[i].text, result, errors.count);
        err_line(&errors.err[0], line, sizeof line);
        if (!strstr(line, bad[i].says))
            fail_msg("'%s' gave '%s', not '%s'", bad[i].text, line, bad[i].says);
        if (!*errors.err[0].thing || !*errors.err[0].todo)
            fail_msg("'%s' gave '%s': no place, or nothing to do", bad[i].text, line);
        assert_null(c.restrictions);
    }
}

/* ---- clocks ---- */

static const struct {
    const char *text;
    size_t clocks;
    const char *says;
} clocks[] = {
    {"server 127.127.20.0\nfudge 127.127.20.0 flag1 1 time1 11e-6 flag2 1\n", 2,
     "refclock pps /dev/gpspps0 edge clear latency 1.1e-05 receiver gps0"},
    {"server 127.127.20.3 mode 17 prefer\nfudge 127.127.20.3 time2 0.35\n", 1,
     "refclock nmea /dev/gps3 baud 9600 delay 0..0.35 prefer"},
    {"server 127.127.20.1 mode 80\n", 1, "refclock nmea /dev/gps1 baud 115200"},
    {"server 127.127.22.2 noselect\nfudge 127.127.22.2 time1 -0.0001\n", 1,
     "refclock pps /dev/pps2 latency -0.0001 noselect"},
    {"server 127.127.28.0\nfudge 127.127.28.0 time1 0.42 refid GPS\n", 1,
     "refclock shm 0 latency 0.42"},
    {"server 127.127.28.2\n", 1, "refclock shm 2 anyone"},
    {"server 127.127.28.2 mode 1\n", 1, "refclock shm 2 #"},
    {"server 127.127.46.0 mode 1\nserver 127.127.46.128\nfudge 127.127.46.128 time1 0.0015\n", 1,
     "refclock gpsd localhost device /dev/gps0 latency 0.0015"},
    {"server 127.127.46.1\nfudge 127.127.46.1 time2 0.14\n", 1,
     "refclock gpsd localhost device /dev/gps1 delay 0..0.14"},
    {"server 127.127.1.0\nfudge 127.127.1.0 stratum 10\n", 0, "server 127.127"},
    {"refclock nmea unit 0 path /dev/ttyUSB0 ppspath /dev/pps0 baud 19200 flag1 1\n", 2,
     "refclock pps /dev/pps0 receiver gps0"},
    {"refclock shm unit 1 refid PPS prefer\n", 1, "refclock shm 1 prefer"},
    {"refclock pps unit 0 flag2 1\n", 1, "refclock pps /dev/pps0 edge clear"},
};

static void clocks_of_ntpd_become_refclocks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        must_parse(clocks[i].text);
        if (c.refclock_count != clocks[i].clocks)
            fail_msg("'%s': %zu refclocks", clocks[i].text, c.refclock_count);
        if (clocks[i].clocks) {
            must_say(clocks[i].says);
            must_say("of ntp.conf becomes:\n");
            must_read_back();
        } else
            must_warn("ntp.conf:1", "the local clock");
        config_free(&c);
    }
}

/* ---- statistics ---- */

static void statistics_are_read(void **state)
{
    (void)state;
    must_parse("statsdir /var/log/ntpstats/\nstatistics loopstats clockstats rawstats\n"
               "filegen peerstats file peers type month nolink enable\n"
               "filegen clockstats disable\nfilegen loopstats type week\n");
    const struct config_statistics *s = &c.statistics;
    assert_string_equal(s->folder, "/var/log/ntpstats/");
    assert_true(s->set[STATISTICS_LOOP].on && s->set[STATISTICS_PEER].on);
    assert_false(s->set[STATISTICS_CLOCK].on);
    assert_int_equal(s->set[STATISTICS_PEER].type, STATISTICS_MONTH);
    assert_true(s->set[STATISTICS_PEER].unlinked);
    assert_string_equal(s->set[STATISTICS_PEER].file, "peers");
    assert_int_equal(s->set[STATISTICS_LOOP].type, STATISTICS_DAY);
    must_warn("ntp.conf:2", "rawstats are not written");
    must_warn("ntp.conf:5", "week is treated as day");
    must_read_back();
    config_free(&c);
    must_parse("statistics loopstats\ndisable stats ntp\n");
    assert_true(c.statistics.off);
    assert_int_equal(c.clock, CONFIG_CLOCK_NONE);
    must_say("not written: statsdir names no folder");
    config_free(&c);
}

/* ---- interface ---- */

static void interfaces_become_listen_lines(void **state)
{
    (void)state;
    must_parse("interface ignore wildcard\ninterface listen all\n");
    assert_true(c.listen_default);
    config_free(&c);
    must_parse("interface ignore all\nnic listen 127.0.0.1\nnic drop ::1\n");
    assert_int_equal(c.listen_count, 1);
    assert_string_equal(c.listen[0].address, "127.0.0.1");
    must_read_back();
    config_free(&c);
    must_parse("interface listen lo\ninterface ignore ipv6\n");
    assert_int_equal(c.listen_count, 1);
    config_free(&c);
    must_parse("interface ignore lo\n");
    assert_int_equal(c.listen_count, 0);
    assert_true(c.listen_none);
    config_free(&c);
}

static void f1_warnings_are_counted_beyond_their_number(void **state)
{
    size_t size = 0;
    char *text = NULL, *said = NULL;
    FILE *f = open_memstream(&text, &size);
    (void)state;
    for (int i = 0; i < 150; i++)
        fputs("mru maxmem 5\n", f);
    fclose(f);
    must_parse(text);
    assert_int_equal(c.warning_count, CONFIG_WARNINGS_MAX);
    assert_int_equal(c.warning_more, 50);
    f = open_memstream(&said, &size);
    config_warnings_print(f, &c);
    fclose(f);
    assert_non_null(strstr(said, "timeballd: warning: ntp.conf:1: mru means nothing here: "));
    assert_non_null(strstr(said, "and 50 more"));
    config_free(&c);
    free(text);
    free(said);
}

/* Of a chrony.conf no line is left out silently, and none is taken for a mistyped one. */
static void words_of_chrony_say_what_to_write(void **state)
{
    (void)state;
    for (const struct config_chrony_row *row = config_chrony_rows; row->word; row++) {
        char text[80];
        snprintf(text, sizeof text, "%s %s\n", row->word, row->option ? row->option : "x");
        assert_int_equal(parse(text), -1);
        assert_int_equal(errors.count, 1);
        assert_string_equal(errors.err[0].thing, "ntp.conf:1");
        assert_non_null(strstr(errors.err[0].why, "is of chrony.conf"));
        assert_string_equal(errors.err[0].todo, row->todo); /* not cut */
    }
    must_parse("refclock shm 0\nratelimit 1024 burst 9\nlog stderr level info\n");
    config_free(&c);
}

static void pulses_alone_are_warned_of(void **state)
{
    static const char *const enough[] = {
        "refclock pps /dev/pps0\nrefclock nmea /dev/ttyS0\n",
        "refclock pps /dev/pps0\nserver ntp1.example.net\n",
        "refclock pps /dev/pps0\nrefclock shm 0\n",
        "refclock none\n",
    };
    (void)state;
    must_parse("refclock pps /dev/pps0\n");
    must_warn("ntp.conf", "pulses alone");
    config_free(&c);
    for (size_t i = 0; i < sizeof enough / sizeof *enough; i++) {
        must_parse(enough[i]);
        assert_int_equal(c.warning_count, 0);
        config_free(&c);
    }
}

static void check_looks_for_what_is_named(void **state)
{
    (void)state;
    must_parse("leapfile /nowhere/leap\nstatsdir /nowhere/stats\ntemperature /nowhere/temp\n"
               "user no-such-user\n");
    assert_int_equal(c.warning_count, 0); /* another machine may have it all */
    config_look(&c);
    must_warn("ntp.conf:1", "there is no /nowhere/leap");
    must_warn("ntp.conf:2", "there is no /nowhere/stats");
    must_warn("ntp.conf:3", "there is no /nowhere/temp");
    must_warn("ntp.conf:4", "no user no-such-user");
    config_free(&c);
    must_parse("leapfile /dev/null\nuser root\n");
    config_look(&c);
    assert_int_equal(c.warning_count, 0);
    config_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_files_of_distributions_load),
        cmocka_unit_test(the_file_of_a_pool_server_loads_without_a_remark),
        cmocka_unit_test(every_word_that_means_nothing_says_so_with_its_line),
        cmocka_unit_test(a_peer_is_a_server),
        cmocka_unit_test(logfile_is_log),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(clocks_of_ntpd_become_refclocks),
        cmocka_unit_test(statistics_are_read),
        cmocka_unit_test(interfaces_become_listen_lines),
        cmocka_unit_test(words_of_chrony_say_what_to_write),
        cmocka_unit_test(pulses_alone_are_warned_of),
        cmocka_unit_test(check_looks_for_what_is_named),
        cmocka_unit_test(f1_warnings_are_counted_beyond_their_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
