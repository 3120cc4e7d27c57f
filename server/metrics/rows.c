/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/metrics/metrics.h"

const struct metric_list metric_lists[] = {
    {"sources", "source", "name"},         {"feeds", "feed", "name"}, {"alarms", "event", "event"},
    {"leap.witnesses", "witness", "name"}, {NULL, NULL, NULL},
};

#define V(n, p, h)                                            \
    {                                                         \
        .name = n, .path = p, .help = h, .form = METRIC_VALUE \
    }
#define F(f, n, p, l, h)                                                \
    {                                                                   \
        .name = n, .path = p, .label = l, .help = h, .form = METRIC_##f \
    }

const struct metric_row metric_rows[] = {
    F(TEXT, "build_info", "release", "version", "Release of timeballd."),
    F(INSTANT, "process_start_time_seconds", "process.started", NULL, "When timeballd started."),
    V("process_wakeups_total", "process.wakeups", "Wake-ups of timeballd's event loop."),

    F(STATE, "state", "clock.state", "state",
      "What the clock follows: 1 for the state that it is in."),
    V("stratum", "clock.stratum", "Stratum as served; 16: unsynchronised."),
    F(STATE, "leap", "clock.leap", "leap",
      "Leap second announced for the end of the day: 1 for what is served."),
    V("offset_seconds", "clock.offset", "Estimated true time minus the clock's reading."),
    V("error_bound_seconds", "clock.bound_total", "The true error of the time served is below it."),
    V("error_bound_statistical_seconds", "clock.bound_stat",
      "The part of the error bound that follows from noise, drift and age."),
    V("frequency_ratio", "clock.frequency",
      "Correction that the free-running clock needs (1e-6: 1 ppm); positive: it is slow."),
    V("frequency_error_ratio", "clock.frequency_error", "Standard error of the frequency."),
    V("root_delay_seconds", "clock.root_delay", "Root delay as served."),
    V("root_dispersion_seconds", "clock.root_dispersion", "Root dispersion as served."),
    F(INSTANT, "last_measurement_timestamp_seconds", "clock.reftime", NULL,
      "True time of the last measurement used."),
    V("pulse_noise_seconds", "clock.noise_pulse", "Standard deviation of the pulses, estimated."),
    V("message_delay_seconds", "clock.delay", "From a pulse to the message that names it, median."),
    V("temperature_celsius", "clock.celsius", "At the sensor that the frequency is held against."),
    V("steps_total", "clock.steps", "Steps of the clock that timeball made."),
    V("foreign_steps_total", "clock.foreign_steps", "Steps of the clock that others made."),
    V("last_step_seconds", "clock.last_step", "Size of the last step; positive: forward."),
    F(INSTANT, "last_step_timestamp_seconds", "clock.last_step_at", NULL,
      "When the last step was made."),
    F(COUNTERS, "clock_events_total", "clock.counters", "event",
      "What happened to edges, messages and steps."),
    {.name = "holdover_promise_seconds",
     .help = "From now until the error bound passes what the label says, should every source be "
             "lost now.",
     .path = "clock.passes_1us",
     .label = "bound",
     .value = "1us",
     .form = METRIC_UNTIL},
    {.name = "holdover_promise_seconds",
     .path = "clock.passes_10us",
     .label = "bound",
     .value = "10us",
     .form = METRIC_UNTIL},
    {.name = "holdover_promise_seconds",
     .path = "clock.passes_100us",
     .label = "bound",
     .value = "100us",
     .form = METRIC_UNTIL},
    {.name = "holdover_promise_seconds",
     .path = "clock.passes_1ms",
     .label = "bound",
     .value = "1ms",
     .form = METRIC_UNTIL},

    F(INSTANT, "alarm_since_timestamp_seconds", "alarms[].since", NULL,
      "What is not as it should be, and since when."),

    V("source_used", "sources[].used", "Whether the clock follows the source."),
    V("source_reach", "sources[].reach", "The last eight seconds, one bit each; 255: all of them."),
    V("source_offset_seconds", "sources[].offset", "Its last measurement against the estimate."),
    V("source_jitter_seconds", "sources[].jitter", "RMS of its measurements against the estimate."),
    V("source_age_seconds", "sources[].age", "Age of its last measurement."),
    V("source_error_bound_seconds", "sources[].bound",
      "How far it may be wrong, by its own account."),
    F(STATE, "source_health", "sources[].health", "health", "How the device fares."),
    F(STATE, "source_trust", "sources[].trust", "trust",
      "Whether the receiver's integrity is watched, and how it fares."),
    F(TEXT, "source_verdict", "sources[].verdict", "verdict", "What selection made of the source."),
    F(STATE, "source_antenna", "sources[].report.antenna", "antenna",
      "The antenna, as the receiver sees it."),
    F(STATE, "source_jamming", "sources[].report.jamming", "jamming",
      "Jamming, as the receiver sees it."),
    F(STATE, "source_spoofing", "sources[].report.spoofing", "spoofing",
      "Spoofing, as the receiver sees it."),
    V("source_stratum", "sources[].peer.stratum", "Stratum of a network server; 0: not known."),
    V("source_delay_seconds", "sources[].peer.delay", "Delay of the last exchange with a server."),
    F(COUNTERS, "source_events_total", "sources[].counters", "event", "The driver's counters."),

    {.name = "satellites",
     .help = "Satellites that the receiver reports, by system (G GPS, R GLONASS, E Galileo, C "
             "BeiDou, J QZSS, I NavIC, S SBAS).",
     .path = "sky.satellites",
     .label = "system",
     .member = "system",
     .form = METRIC_TALLY},
    {.name = "satellites_used",
     .help = "Of them, those that the fix rests on.",
     .path = "sky.satellites",
     .label = "system",
     .value = "used",
     .member = "system",
     .form = METRIC_TALLY},

    V("leap_tai_offset_seconds", "leap.tai", "TAI - UTC; -1: not known."),
    F(INSTANT, "leap_list_expiry_timestamp_seconds", "leap.witnesses[].expires", NULL,
      "Until when a list of leap seconds holds."),

    F(COUNTERS, "ntp_packets_total", "server.verdicts", "verdict",
      "Datagrams at the NTP port, by what became of them."),
    F(COUNTERS, "ntp_mode_packets_total", "server.modes", "mode",
      "Datagrams at the NTP port, by mode."),
    F(COUNTERS, "ntp_version_packets_total", "server.versions", "version",
      "Datagrams at the NTP port, by version."),
    V("ntp_unstamped_packets_total", "server.unstamped",
      "Datagrams without the kernel's receive time stamp."),
    V("ntp_receive_errors_total", "server.receive_errors", "Times that receiving failed."),
    V("ntp_send_errors_total", "server.send_errors", "Answers that the kernel did not take."),
    V("ntp_transmit_latency_seconds", "server.transmit_latency",
      "From the reading of the clock until an answer leaves, as measured."),

    V("feed_working", "feeds[].working", "Whether the last sample for another daemon was taken."),
    V("feed_written_samples_total", "feeds[].written", "Samples written for another daemon."),
    V("feed_failed_samples_total", "feeds[].failed", "Samples that could not be written."),

    V("status_clients", "socket.clients", "Clients of the status socket, now."),
    V("status_connections_total", "socket.accepted", "Connections to the status socket."),
    V("status_refused_total", "socket.refused", "Connections refused because there were too many."),
    V("status_slow_clients_total", "socket.slow", "Clients dropped because they did not read."),
    {.name = NULL},
};
