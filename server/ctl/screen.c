/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ctl/screen.h"

#include <curses.h>
#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "server/ctl/ctl.h"
#include "server/ctl/past.h"
#include "server/ctl/text.h"

#define CN0_FULL 55 /* dB-Hz, a full bar */
enum colour { PLAIN, GOOD, WARN, BAD, CALM, QUIET };

struct ctl_screen {
    FILE *out;
    SCREEN *screen;
    json_t *status; /* NULL: none yet */
    struct ctl_past past;
    bool utf8, colours;
    int row, rows, columns; /* the next free row; of the terminal */
    int floor;              /* rows from here on are for what stands at the bottom */
};

struct ctl_screen *ctl_screen_open(FILE *out)
{
    struct ctl_screen *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    setlocale(LC_CTYPE, "");
    s->out = out;
    s->utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
    ctl_past_init(&s->past);
    s->screen = isatty(fileno(out)) ? newterm(NULL, out, stdin) : NULL;
    if (!s->screen) {
        free(s);
        return NULL;
    }
    cbreak();
    noecho();
    nodelay(stdscr, TRUE);
    keypad(stdscr, TRUE);
    curs_set(0);
    s->colours = has_colors() && start_color() == OK && use_default_colors() == OK;
    static const short hue[] = {
        [GOOD] = COLOR_GREEN, [WARN] = COLOR_YELLOW, [BAD] = COLOR_RED, [CALM] = COLOR_CYAN};
    for (short i = GOOD; s->colours && i <= CALM; i++)
        init_pair(i, hue[i], -1);
    return s;
}

void ctl_screen_close(struct ctl_screen *s)
{
    if (!s)
        return;
    endwin();
    delscreen(s->screen);
    json_decref(s->status);
    free(s);
}

void ctl_screen_take(struct ctl_screen *s, const json_t *status)
{
    json_decref(s->status);
    s->status = json_incref((json_t *)status);
    ctl_past_add(&s->past, status);
}

static void colour(const struct ctl_screen *s, enum colour c, bool bold)
{
    attr_t attributes = (bold ? A_BOLD : 0) | (c == QUIET ? A_DIM : 0);
    attrset((int)(attributes | (s->colours && c >= GOOD && c <= CALM ? COLOR_PAIR(c) : 0)));
}

/* Writes a text that may hold anything: only printable ASCII reaches the terminal. The column after
 * it. */
static int put(const struct ctl_screen *s, int row, int column, const char *text)
{
    for (; *text && column < s->columns && row < s->rows; text++) {
        unsigned char c = (unsigned char)*text;
        if (c >= 0x80 && c < 0xc0)
            continue; /* the rest of a character of UTF-8 */
        mvaddch(row, column++, c >= 0x20 && c < 0x7f ? c : '?');
    }
    return column;
}

static int putf(const struct ctl_screen *s, int row, int column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static int putf(const struct ctl_screen *s, int row, int column, const char *format, ...)
{
    char text[640];
    va_list list;
    va_start(list, format);
    /* clang-tidy loses va_start() when it is given several files */
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    return put(s, row, column, text);
}

/* A text from the next free row on, broken between words, in at most `most` rows. */
static void put_folded(struct ctl_screen *s, int indent, const char *text, int most)
{
    int column = indent, used = 0;
    while (*text && used < most && s->row < s->floor) {
        int word = (int)strcspn(text, " ");
        if (column > indent && column + 1 + word > s->columns) {
            if (used + 1 == most && column + 2 < s->columns)
                put(s, s->row, column, " .."); /* there was more */
            s->row++;
            used++;
            column = indent;
            continue;
        }
        char part[256];
        snprintf(part, sizeof part, "%s%.*s", column > indent ? " " : "", word < 250 ? word : 250,
                 text);
        column = put(s, s->row, column, part);
        text += word;
        text += strspn(text, " ");
    }
    s->row += column > indent;
}

static enum colour state_colour(const char *state)
{
    return !strcmp(state, "locked")           ? GOOD
           : !strcmp(state, "holdover")       ? WARN
           : !strcmp(state, "unsynchronised") ? BAD
                                              : CALM;
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = ctl_string(object, name);
    return text ? text : "";
}

static void draw_title(struct ctl_screen *s, int silent)
{
    json_t *clock = json_object_get(s->status, "clock");
    const char *state = text_of(clock, "state"), *time = text_of(s->status, "time");
    double stratum = ctl_number(clock, "stratum");
    colour(s, silent > 3 ? BAD : state_colour(state), true);
    attron(A_REVERSE);
    mvhline(0, 0, ' ', s->columns);
    int column = putf(s, 0, 1, "%s  %s",
                      silent > 3 ? "NO NEWS"
                      : *state   ? state
                                 : "waiting",
                      text_of(s->status, "host"));
    if (strlen(time) >= 19)
        column = putf(s, 0, column, "  %.10s %.8s UTC", time, time + 11);
    if (stratum >= 1 && stratum <= 15)
        column = putf(s, 0, column, "  stratum %.0f %s", stratum, text_of(clock, "refid"));
    if (column + 10 < s->columns)
        put(s, 0, s->columns - 7, "q ends");
    s->row = 1;
    if (silent > 3) {
        colour(s, BAD, true);
        putf(s, s->row++, 0, "timeballd has said nothing for %d s; what is shown is that old",
             silent);
    }
    colour(s, PLAIN, true);
    put_folded(s, 0, text_of(clock, "sentence"), 3);
}

static void draw_alarms(struct ctl_screen *s)
{
    json_t *alarm;
    size_t i;
    json_array_foreach(json_object_get(s->status, "alarms"), i, alarm)
    {
        if (ctl_said_above(s->status, text_of(alarm, "sentence")))
            continue;
        colour(s, strcmp(text_of(alarm, "level"), "error") ? WARN : BAD, true);
        if (s->row < s->floor)
            put(s, s->row, 0, "! ");
        put_folded(s, 2, text_of(alarm, "sentence"), 2);
    }
}

static void heading(struct ctl_screen *s, const char *text)
{
    if (s->row >= s->floor)
        return;
    colour(s, CALM, true);
    put(s, s->row++, 0, text);
}

static void draw_source(struct ctl_screen *s, const json_t *source)
{
    char text[48];
    const char *health = text_of(source, "health");
    bool used = json_is_true(json_object_get(source, "used")), ok = !strcmp(health, "ok");
    if (s->row >= s->floor)
        return;
    colour(s, used ? GOOD : PLAIN, used);
    int column = putf(s, s->row, 0, "%c %-22s", used ? '*' : ' ', text_of(source, "name"));
    colour(s, ok ? PLAIN : WARN, !ok);
    column = putf(s, s->row, column + 1, "%-7s", strcmp(health, "no_fix") ? health : "no fix");
    colour(s, PLAIN, false);
    double offset = ctl_number(source, "offset"), jitter = ctl_number(source, "jitter");
    double age = ctl_number(source, "age");
    if (isfinite(offset))
        column = putf(s, s->row, column, " %10s", ctl_seconds(offset, true, text, sizeof text));
    if (isfinite(jitter))
        column = putf(s, s->row, column, " +- %s", ctl_seconds(jitter, false, text, sizeof text));
    if (isfinite(age))
        putf(s, s->row, column, "  %s ago", ctl_age(age, text, sizeof text));
    s->row++;
    colour(s, QUIET, false);
    put_folded(s, 4, text_of(source, "sentence"), 2);
}

/* Sources and alarms leave the last rows of their share to a line that says how many were left out.
 */
static void draw_sources(struct ctl_screen *s)
{
    json_t *sources = json_object_get(s->status, "sources");
    size_t i, count = json_array_size(sources);
    heading(s, count ? "sources" : "no sources");
    for (i = 0; i < count && s->row + (i + 1 < count) < s->floor; i++)
        draw_source(s, json_array_get(sources, i));
    colour(s, QUIET, false);
    if (i < count && s->row < s->floor)
        putf(s, s->row++, 4, "and %zu more: timeballctl sources", count - i);
}

static void draw_clock(struct ctl_screen *s)
{
    json_t *clock = json_object_get(s->status, "clock");
    char offset[48] = "unknown", bound[48] = "unknown";
    double o = ctl_number(clock, "offset"), b = ctl_number(clock, "bound_total");
    double ppm = ctl_number(clock, "frequency_ppm"), celsius = ctl_number(clock, "celsius");
    if (isfinite(o))
        ctl_seconds(o, true, offset, sizeof offset);
    if (isfinite(b))
        ctl_bound(b, bound, sizeof bound);
    heading(s, "clock");
    colour(s, PLAIN, false);
    int column = putf(s, s->row - 1, 7, "offset %s, true within %s", offset, bound);
    if (isfinite(ppm))
        column = putf(s, s->row - 1, column, ", frequency %+.4f ppm", ppm);
    if (isfinite(celsius))
        putf(s, s->row - 1, column, ", %.1f C", celsius);
}

/* What stands in a cell: glyphs where the terminal has them. */
static void put_cell(const struct ctl_screen *s, int row, int column, enum ctl_cell cell)
{
    static const char *const plain[] = {" ", "-", ":", "*"};
    static const char *const fine[] = {" ", "─", "░", "●"};
    colour(s,
           cell == CTL_CELL_OFFSET ? GOOD
           : cell == CTL_CELL_BAND ? CALM
                                   : QUIET,
           cell == CTL_CELL_OFFSET);
    mvaddstr(row, column, (s->utf8 ? fine : plain)[cell]);
}

static void draw_chart(struct ctl_screen *s, int rows)
{
    enum { LABEL = 11 };
    int columns = s->columns - LABEL;
    columns = columns > CTL_PAST_MAX ? CTL_PAST_MAX : columns;
    double scale = ctl_past_scale(&s->past, columns);
    char text[48];
    if (rows < 3 || columns < 10 || !isfinite(scale))
        return;
    for (int row = 0; row < rows; row++) {
        colour(s, QUIET, false);
        if (row == 0 || row == rows - 1)
            putf(s, s->row + row, 0, "%10s",
                 ctl_seconds(row ? -scale : scale, true, text, sizeof text));
        else if (row == rows / 2)
            putf(s, s->row + row, 0, "%10s", "0");
        for (int column = 0; column < columns; column++)
            put_cell(s, s->row + row, LABEL + column,
                     ctl_past_cell(&s->past, scale, row, rows, column, columns));
    }
    s->row += rows;
}

/* A bar of eighths of a row, from the bottom. */
static void draw_bar(const struct ctl_screen *s, int bottom, int rows, int column, double part)
{
    static const char *const fine[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    int eighths = (int)lround(fmax(0, fmin(1, part)) * rows * 8);
    for (int row = 0; row < rows; row++, eighths -= 8) {
        int full = eighths >= 8 ? 8 : eighths > 0 ? eighths : 0;
        for (int i = 0; i < 3; i++)
            mvaddstr(bottom - row, column + i, s->utf8 ? fine[full] : full >= 4 ? "#" : " ");
    }
}

static void draw_satellites(struct ctl_screen *s, int bars)
{
    enum { EACH = 4 };
    json_t *sky = json_object_get(s->status, "sky"), *satellite;
    int column = 0;
    size_t i;
    heading(s, "satellites");
    colour(s, PLAIN, false);
    putf(s, s->row - 1, 12, "%.0f of %.0f used; C/N0 in dB-Hz", ctl_number(sky, "used"),
         ctl_number(sky, "count"));
    json_array_foreach(json_object_get(sky, "satellites"), i, satellite)
    {
        double cn0 = ctl_number(satellite, "cn0");
        if (!(cn0 > 0) || column + EACH > s->columns)
            continue; /* not tracked, or no room */
        bool used = json_is_true(json_object_get(satellite, "used"));
        colour(s, used ? GOOD : QUIET, false);
        draw_bar(s, s->row + bars - 1, bars, column, cn0 / CN0_FULL);
        colour(s, PLAIN, false);
        putf(s, s->row + bars, column, "%.1s%.0f", text_of(satellite, "system"),
             ctl_number(satellite, "id"));
        putf(s, s->row + bars + 1, column, "%.0f", cn0);
        column += EACH;
    }
    s->row += bars + 2;
}

static void draw_requests(const struct ctl_screen *s)
{
    json_t *verdicts = json_object_get(json_object_get(s->status, "server"), "verdicts"), *value;
    const char *name;
    int row = s->rows - 1;
    colour(s, CALM, true);
    int column = put(s, row, 0, "requests");
    colour(s, PLAIN, false);
    column = isfinite(s->past.rate) ? putf(s, row, column, " %.1f a second", s->past.rate)
                                    : put(s, row, column, " a second: not known yet");
    json_object_foreach(verdicts, name, value)
    {
        if (json_number_value(value) > 0)
            column = putf(s, row, column, ", %s %.0f", name, json_number_value(value));
    }
}

void ctl_screen_draw(struct ctl_screen *s, int silent)
{
    getmaxyx(stdscr, s->rows, s->columns);
    erase();
    bool sky = ctl_string(json_object_get(s->status, "sky"), "source") && s->rows >= 18;
    int bars = !sky ? 0 : s->rows >= 32 ? 6 : 3;
    int below = 1 + (sky ? bars + 3 : 0);                  /* rows of the last two parts */
    int chart = s->rows >= 14 ? (s->rows - below) / 4 : 0; /* at least */
    s->floor = s->rows - below - chart - 1;
    draw_title(s, silent);
    if (s->status) {
        draw_alarms(s);
        draw_sources(s);
        s->floor = s->rows - below;
        draw_clock(s);
        draw_chart(s, s->floor - s->row);
        s->row = s->floor;
        s->floor = s->rows;
        if (sky)
            draw_satellites(s, bars);
        draw_requests(s);
    }
    attrset(A_NORMAL);
    refresh();
}

void ctl_screen_resize(struct ctl_screen *s)
{
    struct winsize size = {0};
    if (!ioctl(fileno(s->out), TIOCGWINSZ, &size) && size.ws_row && size.ws_col)
        resizeterm(size.ws_row, size.ws_col);
    clear();
}

bool ctl_screen_ends(struct ctl_screen *s)
{
    (void)s;
    for (int key; (key = getch()) != ERR;) {
        if (key == 'q' || key == 'Q')
            return true;
        if (key == '\f') /* ctrl-L: another program wrote on the screen */
            clear();
    }
    return false;
}

void ctl_screen_pause(struct ctl_screen *s)
{
    (void)s;
    endwin();
}

void ctl_screen_resume(struct ctl_screen *s)
{
    ctl_screen_resize(s);
    refresh();
}
