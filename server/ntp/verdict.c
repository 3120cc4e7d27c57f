/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ntp/verdict.h"

const struct verdict_row verdict_table[VERDICT_COUNT] = {
    [VERDICT_ANSWERED] = {"answered", "A request was answered with the time."},
    [VERDICT_UNSYNCHRONISED] = {"unsynchronised",
                                "A request was answered with leap indicator 3 and stratum 0: the "
                                "time is not known well enough."},
    [VERDICT_SHORT] = {"short", "A datagram shorter than the 48 octets of an NTP header got no "
                                "answer."},
    [VERDICT_VERSION] = {"version", "A request of a version other than 1 to 4 got no answer."},
    [VERDICT_MODE] = {"mode", "A packet that is no request (mode 0, 2, 4 or 5) got no answer."},
    [VERDICT_CONTROL] =
        {"control", "A control request (mode 6, ntpq) that was malformed, or whose address may "
                    "not query, got no answer."},
    [VERDICT_QUERY] = {"query", "A control request (mode 6, ntpq) was passed on to be answered."},
    [VERDICT_QUERY_LOST] = {"query_lost",
                            "A control request (mode 6, ntpq) got no answer because too many were "
                            "waiting."},
    [VERDICT_PRIVATE] = {"private", "A private request (mode 7, ntpdc monlist) got no answer."},
    [VERDICT_ADDRESS] = {"address",
                         "A datagram from port 0, from our own port, or from or to a broadcast or "
                         "multicast address got no answer."},
    [VERDICT_KEY] = {"key", "A request that wants a signed answer got none, not even a crypto-NAK: "
                            "its key is not known here, or not trusted."},
    [VERDICT_MAC] = {"mac", "A request got no answer, not even a crypto-NAK, because its signature "
                            "is wrong: the key differs between client and server."},
    [VERDICT_STEP] = {"step", "A request got no answer because the clock was just being stepped."},
    [VERDICT_GENERATION] = {"generation",
                            "A request got no answer because the clock may have been stepped since "
                            "it arrived."},
    [VERDICT_IGNORED] = {"ignored", "A datagram from an address that a `restrict` line ignores got "
                                    "no answer."},
    [VERDICT_REFUSED] = {"refused", "A datagram that a `restrict` line does not serve (`noserve`, "
                                    "`noquery`, `notrust`, `version`, `flake`) got no answer."},
    [VERDICT_LIMITED] = {"limited", "A request over the rate limit of its address got no answer."},
    [VERDICT_KOD] = {"kod", "A request over the rate limit of its address was answered with the "
                            "kiss code RATE, without the time."},
    [VERDICT_LEAKED] = {"leaked", "A request over the rate limit was answered with the time all "
                                  "the same, as one in some is, so that nobody is silenced by "
                                  "requests in its name."},
};
