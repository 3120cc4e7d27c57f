/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "near.h"

#include "server/record/record.h"

struct place {
    char folder[64], path[96], old[96];
    char said[512];
    struct log log;
};

static void hear(void *arg, enum log_level level, const char *line)
{
    struct place *p = arg;
    (void)level;
    snprintf(p->said, sizeof p->said, "%s", line);
}

static int make_place(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    snprintf(p->folder, sizeof p->folder, "/tmp/test_record_XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    snprintf(p->path, sizeof p->path, "%s/a.rec", p->folder);
    snprintf(p->old, sizeof p->old, "%s/a.rec.old", p->folder);
    p->log = (struct log){.max = LOG_LEVEL_DEBUG, .write = hear, .arg = p};
    *state = p;
    return 0;
}

static int remove_place(void **state)
{
    struct place *p = *state;
    unlink(p->path);
    unlink(p->old);
    rmdir(p->folder);
    free(p);
    return 0;
}

static struct recording *begin(struct place *p)
{
    struct recording *r = NULL;
    struct err err;
    assert_int_equal(record_open(&r, p->path, &p->log, &err), 0);
    return r;
}

static void what_was_written_is_read(void **state)
{
    struct place *p = *state;
    const struct edge edge = {.local = 1790000000123456789, .uncertainty = 20e-6};
    const struct timelabel label = {.second = 1790000000,
                                    .leap60 = true,
                                    .nsec = 500000000,
                                    .local = -5,
                                    .delay_min = 0.1,
                                    .delay_max = 0.3,
                                    .leap = LEAP_INSERT};
    struct recording *r = begin(p);
    record_edge(r, 1, &edge);
    record_label(r, 2, &label);
    record_temperature(r, 7, 41.25);
    record_temperature(r, 8, NAN);
    record_freq(r, 9, -12.3456789012345e-6);
    record_freq(r, 10, -12.3456789012345e-6);
    record_close(r);

    FILE *in = fopen(p->path, "r");
    char line[RECORD_LINE + 2];
    struct record_event e[8] = {0};
    struct err err;
    int n = 0;
    assert_non_null(in);
    assert_non_null(fgets(line, sizeof line, in));
    assert_string_equal(line, RECORD_HEAD "\n");
    while (n < 8 && fgets(line, sizeof line, in)) {
        line[strcspn(line, "\n")] = 0;
        assert_int_equal(record_parse(line, "x", &e[n], &err), 0);
        n += e[n].kind != RECORD_COMMENT;
    }
    fclose(in);
    assert_int_equal(n, 4); /* no reading and no change are no events */
    assert_int_equal(e[0].kind, RECORD_EDGE);
    assert_int_equal(e[0].source, 1);
    assert_int_equal(e[0].edge.local, edge.local);
    assert_near(e[0].edge.uncertainty, 20e-6, 1e-15);
    assert_int_equal(e[1].kind, RECORD_LABEL);
    assert_int_equal(e[1].source, 2);
    assert_int_equal(e[1].label.local, -5);
    assert_int_equal(e[1].label.second, label.second);
    assert_int_equal(e[1].label.nsec, label.nsec);
    assert_true(e[1].label.leap60);
    assert_int_equal(e[1].label.leap, LEAP_INSERT);
    assert_near(e[1].label.delay_min, 0.1, 1e-12);
    assert_near(e[1].label.delay_max, 0.3, 1e-12);
    assert_near(e[2].celsius, 41.25, 1e-9);
    assert_near(e[3].freq, -12.3456789012345e-6, 1e-17);
    assert_int_equal(e[3].local, 9);
}

static void an_old_recording_makes_way(void **state)
{
    struct place *p = *state;
    struct stat st;
    for (int i = 0; i < 3; i++)
        record_close(begin(p));
    assert_int_equal(stat(p->old, &st), 0);
    assert_int_equal(stat(p->path, &st), 0);
    assert_int_equal(st.st_mode & 07777 & ~0640, 0);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void refuses(struct place *p, const char *path)
{
    struct recording *r = NULL;
    struct err err = {0};
    assert_int_equal(record_open(&r, path, &p->log, &err), -1);
    assert_true(*err.why && *err.todo);
    assert_null(r);
}

static void other_files_are_left_alone(void **state)
{
    struct place *p = *state;
    char text[32] = "";
    write_file(p->path, "my thesis\n");
    refuses(p, p->path);
    FILE *in = fopen(p->path, "r");
    assert_non_null(fgets(text, sizeof text, in));
    fclose(in);
    assert_string_equal(text, "my thesis\n");

    write_file(p->path, RECORD_HEAD "\n"); /* ours, but what would be overwritten is not */
    write_file(p->old, "my thesis\n");
    refuses(p, p->path);

    unlink(p->path);
    unlink(p->old);
    assert_int_equal(symlink(p->old, p->path), 0);
    refuses(p, p->path); /* a link, even to nothing */
    struct stat st;
    assert_int_not_equal(stat(p->old, &st), 0);
    refuses(p, "/nowhere/at/all");
    refuses(p, p->folder);
}

static void it_ends_at_its_full_size(void **state)
{
    struct place *p = *state;
    struct recording *r = begin(p);
    struct stat st;
    struct edge e = {.local = INT64_C(1790000000000000000), .uncertainty = 1.23456789e-5};
    for (int i = 0; i < RECORD_MOST / 30; i++)
        record_edge(r, 0, &e);
    record_close(r);
    assert_int_equal(stat(p->path, &st), 0);
    assert_true(st.st_size <= RECORD_MOST && st.st_size > RECORD_MOST - 2 * RECORD_LINE);
    assert_non_null(strstr(p->said, "full size"));
}

static void a_full_disk_ends_it(void **state)
{
    struct place *p = *state;
    struct recording *r = NULL;
    struct err err;
    struct edge e = {.local = 1};
    if (access("/dev/full", W_OK))
        skip();
    assert_int_equal(symlink("/dev/full", p->path), 0);
    assert_int_equal(record_open(&r, p->path, &p->log, &err), -1); /* no device either */
    unlink(p->path);
    r = begin(p);
    record_edge(r, 0, &e);
    record_tick(r, INT64_C(61000000000));
    struct stat st;
    assert_int_equal(stat(p->path, &st), 0);
    assert_true(st.st_size > (off_t)sizeof RECORD_HEAD + 20); /* a minute later it is on disk */
    record_close(r);
}

static void no_recording_is_allowed(void **state)
{
    (void)state;
    struct edge e = {0};
    struct timelabel l = {0};
    record_edge(NULL, 0, &e);
    record_label(NULL, 0, &l);
    record_temperature(NULL, 0, 1);
    record_freq(NULL, 0, 1);
    record_tick(NULL, 0);
    record_close(NULL);
}

struct heard {
    struct recording *recording;
    struct record_listener listener;
    int lines, leave_after;
    char last[RECORD_LINE + 2], all[8192];
};

static void hear_line(void *arg, const char *text, size_t size)
{
    struct heard *h = arg;
    assert_int_equal(text[size - 1], '\n');
    h->lines++;
    snprintf(h->last, sizeof h->last, "%.*s", (int)size - 1, text);
    strncat(h->all, text, size);
    if (h->lines == h->leave_after)
        record_unlisten(h->recording, &h->listener);
}

static void listeners_get_all_and_bytes_too(void **state)
{
    struct place *p = *state;
    struct recording *r = begin(p);
    struct heard h = {.recording = r}, other = {.recording = r, .leave_after = 2};
    struct edge e = {.local = 5};
    uint8_t bytes[RECORD_BYTES + 3];
    struct record_event event;
    struct err err;
    record_freq(r, 4, 1e-6);
    h.listener = (struct record_listener){.line = hear_line, .arg = &h};
    other.listener = (struct record_listener){.line = hear_line, .arg = &other};
    record_listen(r, &h.listener);
    record_listen(r, &other.listener);
    assert_memory_equal(h.all, RECORD_HEAD "\n", sizeof RECORD_HEAD);
    assert_string_equal(h.last, "F 4 1e-06");
    record_edge(r, 0, &e);
    assert_string_equal(h.last, "E 5 0 0");
    assert_int_equal(other.lines, 2);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7);
    record_bytes(r, 3, 6, bytes, sizeof bytes);
    assert_int_equal(record_parse(h.last, "x", &event, &err), 0);
    assert_int_equal(event.kind, RECORD_STREAM);
    assert_int_equal(event.local, 6);
    assert_int_equal(event.source, 3);
    assert_int_equal(event.bytes.size, 3);
    assert_memory_equal(event.bytes.at, bytes + RECORD_BYTES, 3);
    record_unlisten(r, &h.listener);
    int lines = h.lines;
    record_edge(r, 0, &e);
    assert_int_equal(h.lines, lines);
    record_close(r);
}

static void packets_samples_and_configuration_are_read_back(void **state)
{
    struct place *p = *state;
    struct recording *r = begin(p);
    struct heard h = {.recording = r};
    const struct sample sample = {
        .local = 11, .truth = -12, .error = 1e-3, .uncertainty = 2e-3, .leap = LEAP_DELETE};
    uint8_t packet[RECORD_BYTES + 9] = {0x24, 0x01};
    union address v4, v6;
    struct record_event e;
    struct err err;
    assert_int_equal(address_read(&v4, "192.0.2.7", 123), 0);
    assert_int_equal(address_read(&v6, "2001:db8::7", 11123), 0);
    h.listener = (struct record_listener){.line = hear_line, .arg = &h};
    record_listen(r, &h.listener);
    record_sample(r, 4, &sample);
    assert_int_equal(record_parse(h.last, "x", &e, &err), 0);
    assert_int_equal(e.kind, RECORD_SAMPLE);
    assert_int_equal(e.source, 4);
    assert_int_equal(e.sample.truth, -12);
    assert_int_equal(e.sample.leap, LEAP_DELETE);
    assert_near(e.sample.error, 1e-3, 1e-12);
    assert_near(e.sample.uncertainty, 2e-3, 1e-12);
    record_request(r, 13, &v6, UINT64_C(0x0123456789abcdef));
    assert_string_equal(h.last, "Q 13 2001:db8::7 11123 0123456789abcdef");
    assert_int_equal(record_parse(h.last, "x", &e, &err), 0);
    assert_int_equal(e.kind, RECORD_REQUEST);
    assert_true(e.net.origin == UINT64_C(0x0123456789abcdef));
    assert_int_equal(address_port(&e.net.address), 11123);
    record_packet(r, 15, 14, &v4, packet, sizeof packet);
    assert_int_equal(record_parse(h.last, "x", &e, &err), 0);
    assert_int_equal(e.kind, RECORD_PACKET);
    assert_int_equal(e.local, 15);
    assert_int_equal(e.net.left, 14);
    assert_int_equal(e.net.got.size, RECORD_BYTES); /* of a long one the beginning */
    assert_memory_equal(e.net.got.at, packet, RECORD_BYTES);
    record_config(r, 16, "refclock pps \"a  b\"");
    assert_int_equal(record_parse(h.last, "x", &e, &err), 0);
    assert_int_equal(e.kind, RECORD_CONFIG);
    assert_string_equal(e.config, "refclock pps \"a  b\"");
    record_unlisten(r, &h.listener);
    record_close(r);
}

/* Who begins to listen later hears it too, and each line once. */
static void configuration_is_kept_for_later(void **state)
{
    struct place *p = *state;
    struct recording *r = begin(p);
    struct heard h = {.recording = r}, gone = {.recording = r, .leave_after = 1};
    char line[RECORD_TEXT + 2];
    record_pivot(r, 1, 1790000000);
    for (int64_t i = 2; i < 5; i++)
        record_config(r, i, "server 192.0.2.1 port 123");
    memset(line, 'a', sizeof line - 1);
    line[sizeof line - 1] = 0;
    record_config(r, 5, line); /* no line of a configuration is so long */
    gone.listener = (struct record_listener){.line = hear_line, .arg = &gone};
    record_listen(r, &gone.listener);
    assert_int_equal(gone.lines, 1);
    h.listener = (struct record_listener){.line = hear_line, .arg = &h};
    record_listen(r, &h.listener);
    const char *kept = strstr(h.all, "\nP 1 1790000000\nC 2 server 192.0.2.1 port 123\n");
    assert_non_null(kept);
    assert_null(strstr(h.all, "C 3"));
    assert_null(strstr(h.all, "aaa"));
    record_unlisten(r, &h.listener);
    record_close(r);
}

static void one_without_a_file_is_for_listeners(void **state)
{
    struct place *p = *state;
    struct recording *r = NULL;
    struct heard h = {0};
    struct err err;
    struct edge e = {.local = 5};
    assert_int_equal(record_open(&r, "", &p->log, &err), 0);
    h.listener = (struct record_listener){.line = hear_line, .arg = &h};
    record_edge(r, 0, &e);
    record_listen(r, &h.listener);
    record_edge(r, 0, &e);
    record_tick(r, INT64_C(61000000000));
    assert_string_equal(h.last, "E 5 0 0");
    assert_int_equal(h.lines, 2);
    record_close(r);
}

static const char *const bad_lines[] = {
    "",
    " ",
    "E",
    "E 1",
    "E 1 ",
    "E  1 2e-5",
    "E 1 2e-5 ",
    "E 1 2e-5 16",
    "E 1 2e-5 -1",
    "E 1 2e-5 3 4",
    "E x 2e-5",
    "E 1.5 2e-5",
    "E 1 -1",
    "E 1 2",
    "E 1 nan",
    "E 1 inf",
    "E 1 1e999",
    "E 9223372036854775807 0",
    "E 99999999999999999999 0",
    "EE 1 0",
    "e 1 0",
    "X 1 0",
    "L 1 2 3 0 3 -",
    "L 1 2 -1 0 3 - -",
    "L 1 2 1000000000 0 3 - -",
    "L 1 2 3 2 3 - -",
    "L 1 2 3 0 4 - -",
    "L 1 2 3 0 3 x -",
    "L 1 2 3 0 3 0.1 -",
    "L 1 2 3 0 3 0.3 0.1",
    "L 1 9000000000 3 0 3 - -",
    "L 1 2 3 0 3 - - -",
    "L 1 2 3 0 3 - - 16",
    "L 1 2 3 0 3 - - 0 0",
    "S 1 2 1e-3 0 0",
    "S 1 2 1e-3 0 4 0",
    "S 1 2 -1e-3 0 0 0",
    "S 1 2 nan 0 0 0",
    "S 1 9e18 1e-3 0 0 0",
    "C 1",
    "C x refclock auto",
    "C  refclock auto",
    "P 1",
    "P 1 9000000000",
    "Q 1 192.0.2.1 123",
    "Q 1 192.0.2.1 123 00112233445566",
    "Q 1 192.0.2.1 123 001122334455667788",
    "Q 1 192.0.2.1 0 0011223344556677",
    "Q 1 192.0.2.1 65536 0011223344556677",
    "Q 1 example.net 123 0011223344556677",
    "N 1 1 192.0.2.1 123 0",
    "N 1 x 192.0.2.1 123 00",
    "N 1 1 192.0.2 123 00",
    "T 1 hot",
    "T 1 -300",
    "T 1 5000",
    "F 1 0.1",
    "B 1 0",
    "B 1 0 abc",
    "B 1 0 AB",
    "B 1 0 zz",
    "B 1 -1 00",
    "B 1 16 00",
    "F 1 nan",
    "F 1",
};

static void bad_lines_are_refused(void **state)
{
    char longest[RECORD_LINE + 8];
    struct record_event e;
    struct err err;
    (void)state;
    for (size_t i = 0; i < sizeof bad_lines / sizeof *bad_lines; i++)
        if (!record_parse(bad_lines[i], "x", &e, &err))
            fail_msg("taken: '%s'", bad_lines[i]);
    memset(longest, '1', sizeof longest);
    memcpy(longest, "E ", 2);
    longest[sizeof longest - 1] = 0;
    assert_int_equal(record_parse(longest, "x", &e, &err), -1);
    assert_int_equal(record_parse("L 1 2 3 0 3 - -", "x", &e, &err), 0);
    assert_true(isnan(e.label.delay_min) && isnan(e.label.delay_max));
    assert_int_equal(record_parse("# anything at all", "x", &e, &err), 0);
    assert_int_equal(e.kind, RECORD_COMMENT);
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PLACE(what_was_written_is_read),
        IN_PLACE(an_old_recording_makes_way),
        IN_PLACE(other_files_are_left_alone),
        IN_PLACE(it_ends_at_its_full_size),
        IN_PLACE(a_full_disk_ends_it),
        IN_PLACE(listeners_get_all_and_bytes_too),
        IN_PLACE(packets_samples_and_configuration_are_read_back),
        IN_PLACE(configuration_is_kept_for_later),
        IN_PLACE(one_without_a_file_is_for_listeners),
        cmocka_unit_test(no_recording_is_allowed),
        cmocka_unit_test(bad_lines_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
