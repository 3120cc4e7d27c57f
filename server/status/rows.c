/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/status/status.h"

#include <stddef.h>

#include "refclock/sample.h"
#include "server/alarm/alarm.h"

static const char *const sandbox_names[] = {"off", "on", "strict", NULL};
static const char *const witness_names[] = {"daemon", "kernel", "hardware", NULL};
static const char *const state_names[] = {"starting", "numbering",      "locked", "holdover",
                                          "island",   "unsynchronised", NULL};
static const char *const steering_names[] = {"system", "none", "virtual", NULL};
static const char *const leap_names[] = {"none", "insert", "delete", "unknown", NULL};
static const char *const leap_kind_names[] = {"list", "zone", "receiver", "server", "kernel", NULL};
static const char *const thermal_names[] = {"not used", "used to correct the frequency", NULL};
static const char *const assumed_names[] = {NULL, "assumed, not measured", NULL};
static const char *const antenna_names[] = {"unknown", "not_monitored", "ok",
                                            "short",   "open",          NULL};
static const char *const interference_names[] = {"unknown", "not_monitored", "none",
                                                 "warning", "critical",      NULL};
static const char *const survey_names[] = {"unknown", "off", "running", "fixed", NULL};
static const char *const edge_names[] = {"unknown", "rising", "falling", NULL};
static const char *const trust_names[] = {"not_monitored", "trusted", "doubtful", "rejected", NULL};
static const char *const health_names[] = {"closed", "silent", "no_fix", "ok", NULL};

/* A row: name in JSON, type, words for its values, member, label for people, one sentence. */
#define SHOWN(json, kind, list, member, text, sentence)                                  \
    {                                                                                    \
        .name = json, .type = STATUS_TYPE_##kind, .offset = offsetof(struct AT, member), \
        .label = text, .help = sentence, .names = list                                   \
    }
#define ROW(json, kind, member, text, sentence)   SHOWN(json, kind, NULL, member, text, sentence)
#define NAMED(json, list, member, text, sentence) SHOWN(json, NAME, list, member, text, sentence)
#define OBJECT(json, table, member, sentence)                                            \
    {                                                                                    \
        .name = json, .type = STATUS_TYPE_OBJECT, .offset = offsetof(struct AT, member), \
        .help = sentence, .rows = table                                                  \
    }
#define LIST(json, table, member, number, sentence)                                    \
    {                                                                                  \
        .name = json, .type = STATUS_TYPE_LIST, .offset = offsetof(struct AT, member), \
        .help = sentence, .rows = table, .count_offset = offsetof(struct AT, number),  \
        .size = sizeof((struct AT *)0)->member[0],                                     \
        .max = sizeof((struct AT *)0)->member / sizeof((struct AT *)0)->member[0]      \
    }
#define END          \
    {                \
        .name = NULL \
    }

#define AT status_allan
static const struct status_row allan_rows[] = {
    ROW("tau", NUMBER, tau, NULL, "Averaging time, s."),
    ROW("deviation", NUMBER, deviation, NULL, "Allan deviation at that time."),
    END,
};
#undef AT

#define AT status_clock
static const struct status_row clock_rows[] = {
    NAMED("state", state_names, state, "state",
          "What the clock follows now: starting (nothing measured yet), numbering (the seconds "
          "have no number yet), locked, holdover, island (see `local`) or unsynchronised."),
    ROW("sentence", TEXT, sentence, NULL,
        "One sentence for a person: what is used, how sure it is, what to do."),
    NAMED("steering", steering_names, steering, "steers",
          "Which clock is steered: system, none (it is only read) or virtual (a simulation)."),
    ROW("stratum", INT, stratum, "stratum", "Stratum, 1 to 15; 16 while unsynchronised."),
    ROW("refid", REFID, refid, "refid", "Reference identifier."),
    NAMED("leap", leap_names, leap, "leap",
          "Leap second announced for the end of the day: none, insert, delete; unknown while "
          "unsynchronised."),
    ROW("offset", SECONDS, offset, "offset", "Estimated true time minus the clock's reading."),
    ROW("bound_total", BOUND, bound_total, "error bound",
        "The true error of the time served is below this: bound_stat, and what one receiver cannot "
        "show (latency, receiver, sawtooth, numbering)."),
    ROW("bound_total_ns", NS, bound_total, NULL, "bound_total as an integer, rounded up."),
    ROW("bound_stat", BOUND, bound_stat, "statistical part",
        "The part of the bound that follows from noise, drift and age."),
    ROW("bound_stat_ns", NS, bound_stat, NULL, "bound_stat as an integer, rounded up."),
    ROW("rate", NUMBER, rate, NULL, "Change of the offset per second, with the steering in force."),
    ROW("rate_ppm", PPM, rate, "rate", "rate in parts per million."),
    ROW("frequency", NUMBER, frequency, NULL,
        "Correction that the free-running clock needs; positive: it is slow."),
    ROW("frequency_ppm", PPM, frequency, "frequency", "frequency in parts per million."),
    ROW("frequency_error", NUMBER, frequency_error, NULL, "Standard error of frequency."),
    ROW("frequency_error_ppm", PPM_SIZE, frequency_error, "frequency error",
        "frequency_error in parts per million."),
    ROW("root_delay", SIZE, root_delay, NULL, "Root delay as served."),
    ROW("root_dispersion", SIZE, root_dispersion, NULL, "Root dispersion as served: the bound."),
    ROW("reftime", INSTANT, reftime, "last sample", "True time of the last measurement used."),
    ROW("precision", INT, precision, NULL, "Precision of reading the clock, log2 of seconds."),
    ROW("latency", SECONDS, latency, "pulse latency",
        "The pulse is stamped this long after the true second, by configuration."),
    ROW("latency_uncertainty", BOUND, latency_uncertainty, "its uncertainty",
        "How far the latency may be off; part of bound_total."),
    SHOWN("latency_assumed", BOOL, assumed_names, latency_assumed, "latency is",
          "True: the latency was not configured, it is assumed, not measured."),
    ROW("noise_pulse", SIZE, noise_pulse, "pulse noise",
        "Estimated standard deviation of the pulses."),
    ROW("noise_white_fm", SIZE, noise_white_fm, "oscillator noise",
        "Estimated standard deviation that white frequency noise of the oscillator adds in a "
        "second."),
    ROW("noise_walk_fm", SIZE, noise_walk_fm, NULL,
        "Estimated standard deviation that random-walk frequency noise of the oscillator adds in a "
        "second."),
    ROW("passes_1us", INSTANT, passes_1us, "1 us held until",
        "When the error bound passes 1 us should every source be lost now; null: it has, or not "
        "within a month."),
    ROW("passes_10us", INSTANT, passes_10us, "10 us held until", "The same for 10 us."),
    ROW("passes_100us", INSTANT, passes_100us, "100 us held until", "The same for 100 us."),
    ROW("passes_1ms", INSTANT, passes_1ms, "1 ms held until", "The same for 1 ms."),
    ROW("celsius", NUMBER, celsius, "temperature", "At the sensor, degrees Celsius."),
    SHOWN("thermal", BOOL, thermal_names, thermal, "temperature is",
          "Whether the frequency is corrected by the temperature, because that helps."),
    ROW("per_kelvin", NUMBER, per_kelvin, NULL, "Change of the frequency per kelvin, as learned."),
    ROW("per_kelvin_ppm", PPM, per_kelvin, "per kelvin", "per_kelvin in parts per million."),
    ROW("per_kelvin_error_ppm", PPM_SIZE, per_kelvin_error, NULL,
        "Standard error of per_kelvin in parts per million."),
    ROW("numbering", TEXT, numbering, "numbering",
        "How the pulses get their seconds: empty, gathering, ambiguous, conflict or numbered."),
    ROW("evidence", TEXT, evidence, "evidence",
        "One sentence: what the numbering rests on, or what is missing."),
    ROW("delay", SIZE, delay, "message delay",
        "Measured delay from a pulse to the message that names it, median."),
    ROW("delay_low", SIZE, delay_low, NULL, "Shortest of the delays kept."),
    ROW("delay_high", SIZE, delay_high, NULL, "Longest of the delays kept."),
    ROW("margin", SIZE, margin, "margin",
        "How far the delay may move before the number would be in doubt."),
    ROW("generation", COUNT32, generation, NULL, "Grows by one at every step of the clock."),
    ROW("steps", COUNT, steps, "steps", "Steps that timeball made."),
    ROW("foreign_steps", COUNT, foreign_steps, "steps by others", "Steps that others made."),
    ROW("last_step", SECONDS, last_step, "last step", "Size of the last step; positive: forward."),
    ROW("last_step_at", INSTANT, last_step_at, "made at", "When the last step was made."),
    ROW("last_step_by", TEXT, last_step_by, "made by", "Who made the last step."),
    ROW("era_from", INSTANT, era_from, NULL,
        "Receivers' dates are believed from here on: a week before the release, or before what an "
        "earlier run saw."),
    ROW("era_until", INSTANT, era_until, NULL, "And up to here: 1024 weeks later."),
    ROW("foreign_step", SECONDS, foreign_step, "last step by others",
        "Size of the last step that others made; positive: forward."),
    ROW("foreign_step_at", INSTANT, foreign_step_at, "made at",
        "When others made their last step."),
    LIST("allan", allan_rows, allan, allan_count,
         "Allan deviation of the free-running clock as the pulses show it: pulse noise at short "
         "times, the oscillator at long ones."),
    ROW("counters", COUNTERS, counters, NULL,
        "What happened to edges, messages and steps since the start, by name."),
    END,
};
#undef AT

#define AT status_report
static const struct status_row report_rows[] = {
    ROW("model", TEXT, said.model, "model", "Model or chip of the receiver; null: it did not say."),
    ROW("firmware", TEXT, said.firmware, "firmware", "Version of its firmware."),
    ROW("protocol", TEXT, said.protocol, NULL, "Version of its protocol (u-blox)."),
    NAMED("antenna", antenna_names, said.antenna, "antenna",
          "Its antenna: unknown, not_monitored, ok, short or open."),
    NAMED("jamming", interference_names, said.jamming, "jamming",
          "Jamming, as it sees it: unknown, not_monitored, none, warning or critical."),
    ROW("jam_level", INT, said.jam_level, NULL, "Its measure of jamming, 0 to 255; -1: unknown."),
    NAMED("spoofing", interference_names, said.spoofing, "spoofing",
          "Spoofing, as it sees it: unknown, not_monitored, none, warning or critical."),
    NAMED("survey", survey_names, said.survey, "survey",
          "Its time mode: unknown, off, running (it surveys its position) or fixed."),
    ROW("survey_age", AGE, said.survey_age, NULL, "Seconds since the survey began."),
    ROW("survey_accuracy", NUMBER, said.survey_accuracy, NULL, "Accuracy of the survey, m."),
    ROW("latitude", NUMBER, latitude, NULL,
        "Of its position, degrees, rounded to 0.01: about a kilometre."),
    ROW("longitude", NUMBER, longitude, NULL, "The same of the longitude."),
    ROW("position_accuracy", NUMBER, said.position_accuracy, NULL,
        "Accuracy of its position, m, as it claims."),
    ROW("time_accuracy", SIZE, said.time_accuracy, "time accuracy",
        "Accuracy of its time, as it claims."),
    ROW("clock_bias", SECONDS, said.clock_bias, NULL, "Bias of its own clock."),
    ROW("clock_drift", NUMBER, said.clock_drift, NULL, "Drift of its own clock, s per s."),
    NAMED("pulse_edge", edge_names, pulse_edge, "pulse edge",
          "The edge of its pulse that marks the second: unknown, rising or falling."),
    ROW("pulse_width", SIZE, said.pulse_width, NULL, "Width of its pulse, as configured in it."),
    ROW("cable_delay", SECONDS, said.cable_delay, NULL,
        "Delay of the antenna's cable, as configured in it."),
    ROW("output_load", INT, said.output_load, NULL,
        "Per cent of its line that its messages fill; -1: unknown."),
    ROW("output_overflow", BOOL, said.output_overflow, NULL,
        "Whether it lost messages because its line was full."),
    ROW("notice", TEXT, said.notice, "notice",
        "The last text that it sent; what is not printable is escaped."),
    END,
};
#undef AT

#define AT status_peer
static const struct status_row peer_rows[] = {
    ROW("address", TEXT, address, "address", "The address that is asked; null: none yet."),
    ROW("stratum", INT, stratum, "stratum", "Its stratum; 0: not known."),
    ROW("refid", REFID, refid, "refid", "What it follows itself: its reference identifier."),
    ROW("poll", INT, poll, "poll", "It is asked every so many seconds, log2."),
    ROW("delay", SIZE, delay, "delay", "Delay of the last exchange, there and back."),
    ROW("delay_least", SIZE, delay_least, "least delay", "The least delay of the last day."),
    ROW("error", SIZE, error, "error", "Standard error of its last offset, by that delay."),
    ROW("offset", SECONDS, offset, "filtered offset",
        "Its offset by RFC 5905: of the quickest of its last eight exchanges."),
    ROW("jitter", SIZE, jitter, "filtered jitter",
        "Its jitter by RFC 5905: RMS of the others of those against that one."),
    ROW("dispersion", SIZE, dispersion, "dispersion",
        "Its dispersion by RFC 5905: of those exchanges, the quickest weighed most, grown by "
        "15 ppm of their age; 16 s for each that is missing."),
    ROW("root_distance", SIZE, root_distance, "root distance",
        "Its root distance by RFC 5905: how far off it may be by these figures."),
    ROW("root_delay", SIZE, root_delay, "root delay", "Root delay that it says."),
    ROW("root_dispersion", SIZE, root_dispersion, "root dispersion",
        "Root dispersion that it says."),
    ROW("interleaved", BOOL, interleaved, NULL, "Whether the last exchange was interleaved."),
    NAMED("sent_by", witness_names, sent_by, "sent, stamped by",
          "Who stamped the request of the last exchange: daemon, kernel or hardware."),
    NAMED("received_by", witness_names, received_by, "received, stamped by",
          "The same of its answer."),
    ROW("kiss", TEXT, kiss, "kiss code", "The last kiss of death that it sent."),
    END,
};
#undef AT

#define AT status_source
static const struct status_row source_rows[] = {
    ROW("name", TEXT, name, NULL, "Driver and path, as in the configuration."),
    ROW("driver", TEXT, driver, NULL, "The driver."),
    ROW("path", TEXT, path, NULL, "The device."),
    ROW("receiver", TEXT, receiver, "receiver",
        "The receiver that the line belongs to: its word, or its first line."),
    NAMED("health", health_names, health, "health",
          "How the device fares: closed, silent, no_fix or ok."),
    ROW("used", BOOL, used, "used", "Whether the clock follows it now."),
    ROW("sentence", TEXT, sentence, NULL,
        "One sentence: why it is used or not, and what would change it."),
    ROW("verdict", TEXT, verdict, "verdict",
        "What selection made of the receiver: unfit, watched, new, falseticker, undecided, "
        "standby, combined (feeds the estimate beside the one that leads) or leads."),
    NAMED("trust", trust_names, trust, "integrity",
          "Whether the receiver's integrity is watched, and how it fares: not_monitored, trusted, "
          "doubtful or rejected."),
    ROW("trust_why", TEXT, trust_why, NULL,
        "One sentence: what makes it doubtful, or what is watched and what is not."),
    OBJECT("report", report_rows, report, "What the receiver says of itself."),
    ROW("says", SECONDS, says, NULL, "True time minus the estimate, as the receiver has it."),
    ROW("bound", BOUND, bound, NULL, "How far it may be wrong in that, by its own account."),
    ROW("bias", SECONDS, bias, NULL,
        "What it says otherwise than the receiver that led before, and is taken over slowly."),
    ROW("numbering", TEXT, numbering, NULL, "How its pulses get their seconds; see clock."),
    ROW("evidence", TEXT, evidence, NULL, "What its numbering rests on, or what is missing."),
    ROW("edge", TEXT, edge, "edge",
        "Whether the edge that is stamped marks the second: unverified (nothing tells), right or "
        "inverted."),
    ROW("edge_why", TEXT, edge_why, NULL, "What tells that."),
    ROW("sawtooth", TEXT, sawtooth, "sawtooth",
        "What is made of what the receiver says of its pulses' granularity; null: it says "
        "nothing."),
    ROW("found", TEXT, found, "found",
        "What was found out about the device, and why it was taken; null: nothing."),
    ROW("error", TEXT, error, "error",
        "What is wrong with the device, and what to do; null: nothing."),
    ROW("offset", SECONDS, offset, "offset", "Its last measurement against the estimate."),
    ROW("jitter", SIZE, jitter, "jitter", "RMS of its measurements against the estimate."),
    ROW("reach", REACH, reach, "reach",
        "The last eight seconds, one bit each, the newest lowest; 255: all of them brought a "
        "measurement."),
    ROW("age", AGE, age, "last sample", "Age of its last measurement."),
    OBJECT("peer", peer_rows, peer,
           "What is known of a network server; of other sources nothing is."),
    ROW("counters", COUNTERS, counters, NULL, "The driver's counters, by name."),
    END,
};
#undef AT

#define AT satellite
static const struct status_row satellite_rows[] = {
    ROW("system", LETTER, system, "system",
        "G GPS, R GLONASS, E Galileo, C BeiDou, J QZSS, I NavIC, S SBAS, ? unknown."),
    ROW("id", INT, id, "id", "Number in its system, as the receiver gives it."),
    ROW("elevation", INT, elevation, "elevation", "Degrees above the horizon; -1: unknown."),
    ROW("azimuth", INT, azimuth, "azimuth", "Degrees from north; -1: unknown."),
    ROW("cn0", INT, cn0, "C/N0", "Carrier to noise density in dB-Hz; 0: not tracked."),
    ROW("used", BOOL, used, "used", "Whether the fix rests on it."),
    END,
};
#undef AT

#define AT status_sky
static const struct status_row sky_rows[] = {
    ROW("source", TEXT, source, "receiver",
        "The source that reports the satellites; null: none does."),
    ROW("age", AGE, age, "age", "Age of the report."),
    ROW("fix", INT, sky.fix, "fix", "0 none or unknown, 2 two-dimensional, 3 three-dimensional."),
    ROW("count", INT, sky.count, "satellites", "Satellites reported."),
    ROW("used", INT, sky.used, "used", "Satellites used in the fix."),
    ROW("pdop", NUMBER, sky.pdop, "PDOP", "Dilution of precision of the position."),
    ROW("hdop", NUMBER, sky.hdop, "HDOP", "Dilution of precision of the horizontal position."),
    LIST("satellites", satellite_rows, sky.satellite, sky.count, "Each satellite."),
    END,
};
#undef AT

#define AT status_leap_witness
static const struct status_row leap_witness_rows[] = {
    NAMED("kind", leap_kind_names, kind, "kind",
          "list (leap-seconds.list), zone (the time zone database), receiver, server, or kernel "
          "(shown, never believed)."),
    ROW("name", TEXT, name, NULL, "Path, or source."),
    NAMED("says", leap_names, says, "says", "The change that it announces; unknown: says nothing."),
    ROW("at", INSTANT, at, "at", "The first second after that change; null: it names no date."),
    ROW("tai", INT, tai, "TAI - UTC", "Its TAI - UTC in seconds; -1: unknown."),
    ROW("confirmed", BOOL, confirmed, NULL, "False: that count is only assumed."),
    ROW("expires", INSTANT, expires, "expires", "Until when a list holds."),
    ROW("standing", TEXT, standing, "standing", "Whether it counts, or why not."),
    END,
};
#undef AT

#define AT status_leap
static const struct status_row leap_rows[] = {
    NAMED("served", leap_names, served, "leap served",
          "What is served while synchronised: insert or delete on the last day only."),
    NAMED("change", leap_names, change, "next leap second", "The next change that is known."),
    ROW("at", INSTANT, at, "at", "The first second after it."),
    ROW("tai", INT, tai, "TAI - UTC", "TAI - UTC in seconds; -1: unknown."),
    ROW("rule", TEXT, rule, NULL,
        "What decided: a (a list that holds), b (receivers), c (servers); null: nobody knows."),
    ROW("why", TEXT, why, "because", "One sentence: who says so."),
    LIST("witnesses", leap_witness_rows, witness, witness_count,
         "Everyone who says something of leap seconds."),
    END,
};
#undef AT

#define AT status_alarm
static const struct status_row alarms_rows[] = {
    NAMED("event", alarm_words, event, "event",
          "What it is, by its word in timeball-alarm(8): holdover, antenna, source ..."),
    NAMED("level", alarm_levels, level, "level", "How bad it is: error, warning or notice."),
    ROW("thing", TEXT, thing, "thing", "The source, list or feed that it is about; null: none."),
    ROW("sentence", TEXT, sentence, NULL, "One sentence for a person: what it is, what to do."),
    ROW("since", INSTANT, since, "since", "When it began."),
    END,
};
#undef AT

#define AT status_listen
static const struct status_row listen_rows[] = {
    ROW("address", TEXT, address, NULL, "IP address."),
    ROW("port", INT, port, NULL, "UDP port."),
    END,
};
#undef AT

#define AT status_feed
static const struct status_row feed_rows[] = {
    ROW("name", TEXT, name, "feed", "The kind, and the unit or the path."),
    ROW("working", BOOL, working, "working", "Whether the last sample was taken."),
    ROW("written", COUNT, written, "written", "Samples written."),
    ROW("failed", COUNT, failed, "failed", "Samples that could not be written."),
    ROW("error", TEXT, error, "error", "Why not, and what to do."),
    END,
};
#undef AT

#define AT status_server
static const struct status_row server_rows[] = {
    ROW("threads", INT, threads, "threads",
        "Threads that answer, of IPv4 and of IPv6 each; 0: all is done in one thread."),
    LIST("listen", listen_rows, listen, listen_count, "Addresses that are answered on."),
    ROW("verdicts", COUNTERS, verdicts, NULL,
        "What became of the datagrams, by verdict; see the list of verdicts."),
    ROW("modes", COUNTERS, modes, NULL, "Datagrams by their mode, \"0\" to \"7\"."),
    ROW("versions", COUNTERS, versions, NULL, "Datagrams by their version, \"0\" to \"7\"."),
    ROW("unstamped", COUNT, unstamped, "without stamp",
        "Datagrams without the kernel's receive time stamp."),
    ROW("stamped", COUNT, stamped, "with stamp", "Datagrams with it."),
    ROW("card_stamped", COUNT, by_card, "stamped by card",
        "Of them, those whose receive timestamp is the network card's."),
    ROW("card_contradicted", COUNT, contradicted, "card contradicted",
        "Of them, those whose stamp by the network card could not be carried to the system clock, "
        "or contradicts the kernel's, which was used."),
    ROW("dropped", COUNT, dropped, "dropped unread",
        "Datagrams that the kernel dropped, for more came than could be answered, or damaged."),
    ROW("overloaded", BOOL, overloaded, "overloaded",
        "Whether more came, within the last minute, than could be answered."),
    ROW("receive_errors", COUNT, receive_errors, "receive errors", "Times that receiving failed."),
    ROW("send_errors", COUNT, send_errors, "send errors", "Answers that the kernel did not take."),
    ROW("transmit_measured", COUNT, measured, "measured leaving",
        "Answers whose leaving the kernel stamped, to measure the next."),
    ROW("transmit_latency", SECONDS, latency, "transmit latency",
        "From the reading of the clock until an answer leaves, as measured; transmit timestamps "
        "are that much later than the reading."),
    END,
};
#undef AT

#define AT status_client
static const struct status_row client_rows[] = {
    ROW("address", TEXT, address, "address",
        "An IPv4 address, or an IPv6 network of 64 or 48 bits; the latter counts the former too."),
    ROW("port", INT, port, "port", "The source port of its last request."),
    ROW("requests", COUNT, requests, "requests", "Requests since it is remembered."),
    ROW("dropped", COUNT, dropped, "dropped",
        "Of them, those over the rate limit that did not get the time."),
    ROW("rate", NUMBER, rate, "a second", "Requests a second; null: there was but one."),
    ROW("first", INSTANT, first, "first", "Its first request, to the second."),
    ROW("last", INSTANT, last, "last", "Its last request."),
    ROW("mode", INT, mode, "mode", "Mode of its last request: 3 client, 1 symmetric active."),
    ROW("version", INT, version, "version", "NTP version of its last request."),
    ROW("limited", BOOL, limited, "limited", "Its last request was over the rate limit."),
    ROW("kod", BOOL, kod, "told", "Its last request was answered with the kiss code RATE."),
    END,
};
#undef AT

#define AT status_clients
static const struct status_row clients_rows[] = {
    ROW("room", COUNT, room, "remembers", "So many clients can be remembered, by all threads."),
    ROW("memory", COUNT, memory, "octets", "Octets of memory that this takes."),
    LIST("busiest", client_rows, client, count,
         "The clients with the most requests. Of a table of more than 262144 places each answer "
         "sees another part; nothing is older than a second."),
    END,
};
#undef AT

#define AT status_socket_counts
static const struct status_row socket_rows[] = {
    ROW("clients", INT, clients, NULL, "Clients connected now."),
    ROW("accepted", COUNT, accepted, NULL, "Connections accepted."),
    ROW("refused", COUNT, refused, NULL, "Connections refused because there were too many."),
    ROW("requests", COUNT, requests, NULL, "Requests answered."),
    ROW("unknown", COUNT, unknown, NULL, "Requests that are not known."),
    ROW("oversize", COUNT, oversize, NULL, "Request lines that were too long."),
    ROW("timeouts", COUNT, timeouts, NULL, "Clients dropped because they were silent."),
    ROW("slow", COUNT, slow, NULL, "Clients dropped because they did not read."),
    ROW("displaced", COUNT, displaced, NULL,
        "Clients dropped to make room for new ones, because they were silent or did not read."),
    ROW("accept_errors", COUNT, accept_errors, NULL,
        "Times that a connection had to wait because descriptors or memory ran out."),
    END,
};
#undef AT

#define AT status_control
static const struct status_row control_rows[] = {
    ROW("clients", INT, socket.clients, NULL, "Clients connected now."),
    ROW("accepted", COUNT, socket.accepted, NULL, "Connections accepted."),
    ROW("refused", COUNT, socket.refused, NULL, "Connections refused because there were too many."),
    ROW("strangers", COUNT, strangers, NULL,
        "Connections refused because only root and the daemon's own user may."),
    ROW("requests", COUNT, socket.requests, NULL, "Requests."),
    ROW("failed", COUNT, failed, NULL, "Requests that were not carried out."),
    ROW("oversize", COUNT, socket.oversize, NULL, "Request lines that were too long."),
    ROW("timeouts", COUNT, socket.timeouts, NULL, "Clients dropped because they were silent."),
    ROW("slow", COUNT, socket.slow, NULL, "Clients dropped because they did not read."),
    END,
};
#undef AT

#define AT status_process
static const struct status_row process_rows[] = {
    ROW("pid", INT, pid, "pid", "Process number of timeballd."),
    ROW("uptime", AGE, uptime, "uptime", "Seconds since its start."),
    ROW("started", INSTANT, started, NULL, "When it was started."),
    ROW("wakeups", COUNT, wakeups, "wake-ups", "Wake-ups of its event loop."),
    ROW("user", TEXT, user, "user", "The user that it runs as."),
    ROW("capabilities", TEXT, capabilities, "rights",
        "The capabilities that it kept, with blanks between them; null: none."),
    NAMED("sandbox", sandbox_names, sandbox, "system calls",
          "Whether its system calls are filtered: `off`, `on`, `strict`."),
    ROW("sched_priority", INT, sched_priority, NULL,
        "Real-time priority (SCHED_FIFO) of the thread that fetches pulses; 0: none."),
    ROW("memory_locked", BOOL, memory_locked, NULL, "Its memory is never paged out."),
    ROW("cpu_latency", SIZE, cpu_latency, NULL,
        "Seconds in which processors must wake up, as it asks of the kernel; null: nothing is "
        "asked."),
    END,
};
#undef AT

#define AT status
const struct status_row status_rows[] = {
    ROW("version", INT, version, NULL,
        "Version of this protocol: 1. It grows when a field changes its meaning or goes; new "
        "fields may come at any time."),
    ROW("release", TEXT, release, "timeball", "Version of timeball."),
    ROW("host", TEXT, host, "host", "Name of the machine."),
    ROW("time", INSTANT, time, NULL, "Estimated true time at which this object was made."),
    ROW("bound", BOUND, bound, NULL,
        "True time was within this of `time` then; null: it is not known at all."),
    ROW("bound_ns", NS, bound, NULL, "bound as an integer, rounded up."),
    OBJECT("clock", clock_rows, clock, "The clock and how far to trust it."),
    LIST("alarms", alarms_rows, alarms.item, alarms.count,
         "What is not as it should be, worst first; empty: nothing."),
    LIST("sources", source_rows, source, source_count,
         "Every reference clock of the configuration."),
    OBJECT("sky", sky_rows, sky, "The satellites that the receiver reports."),
    LIST("feeds", feed_rows, feed, feed_count, "What is fed to other time daemons."),
    OBJECT("leap", leap_rows, leap, "Leap seconds: what is served, and who says what."),
    OBJECT("server", server_rows, server, "NTP service."),
    OBJECT("clients", clients_rows, clients, "Who asks for the time, as far as remembered."),
    OBJECT("socket", socket_rows, socket, "The status socket itself."),
    OBJECT("controlsocket", control_rows, control, "The control socket."),
    OBJECT("process", process_rows, process, "The daemon's process."),
    END,
};
#undef AT
