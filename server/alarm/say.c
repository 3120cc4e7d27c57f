/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/alarm/say.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum log_level alarm_level(const struct alarm_event *e)
{
    return e->begins ? (enum log_level)e->item.level : LOG_LEVEL_NOTICE;
}

/* syslog's numbers (RFC 5424). */
static int priority(enum log_level level)
{
    return 3 + (int)level;
}

void alarm_fields(const struct alarm_event *e, const struct alarm_about *about,
                  struct alarm_field fields[ALARM_FIELDS])
{
    const struct alarm_row *row = alarm_rows + e->item.event;
    const size_t size = sizeof fields->text;
    int n = 0;
    snprintf(fields[n++].text, size, "MESSAGE_ID=%s", row->id);
    snprintf(fields[n++].text, size, "PRIORITY=%d", priority(alarm_level(e)));
    snprintf(fields[n++].text, size, "TIMEBALL_EVENT=%s", alarm_words[e->item.event]);
    snprintf(fields[n++].text, size, "TIMEBALL_CHANGE=%s", e->begins ? "begins" : "ends");
    snprintf(fields[n++].text, size, "TIMEBALL_LEVEL=%s", alarm_levels[alarm_level(e)]);
    snprintf(fields[n++].text, size, "TIMEBALL_THING=%s", e->item.thing);
    snprintf(fields[n++].text, size, "TIMEBALL_SENTENCE=%s", e->item.sentence);
    snprintf(fields[n++].text, size, "TIMEBALL_HOST=%s", about->host);
    snprintf(fields[n++].text, size, "TIMEBALL_TIME=%s", about->time);
}

const char *alarm_line(const struct alarm_event *e, char *buf, size_t size)
{
    snprintf(buf, size, "%s %s: %s", alarm_words[e->item.event], e->begins ? "begins" : "ends",
             e->item.sentence);
    return buf;
}

/* A field a line, for none holds a newline (systemd.journal-fields(7)). */
static int compose(char *to, size_t size, const char *program, const struct alarm_event *e,
                   const struct alarm_field fields[ALARM_FIELDS])
{
    char line[ALARM_SENTENCE + 64];
    int n = snprintf(to, size, "SYSLOG_IDENTIFIER=%s\nMESSAGE=%s\n", program,
                     alarm_line(e, line, sizeof line));
    for (int i = 0; i < ALARM_FIELDS; i++)
        n += snprintf(to + n, size - (size_t)n, "%s\n", fields[i].text);
    return n;
}

int alarm_journal(const char *path, const char *program, const struct alarm_event *e,
                  const struct alarm_field fields[ALARM_FIELDS], struct err *err)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    char text[(ALARM_FIELDS + 2) * sizeof *fields];
    int n = compose(text, sizeof text, program, e, fields);
    if (strlen(path) >= sizeof name.sun_path)
        return err_set(err, path, "name the socket with -j", "longer than %zu bytes",
                       sizeof name.sun_path - 1);
    memcpy(name.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_errno(err, path, "", "", errno);
    ssize_t sent = sendto(fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT,
                          (struct sockaddr *)&name, sizeof name);
    if (sent != n)
        err_errno(err, path, "", "the journal does not take it", errno);
    close(fd);
    return sent == n ? 0 : -1;
}
