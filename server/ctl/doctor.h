/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_CTL_DOCTOR_H
#define TIMEBALL_SERVER_CTL_DOCTOR_H

#include <stdio.h>

#include "server/doctor/doctor.h"
#include "server/doctor/late.h"

/* The doctor's findings for people: a line each, what to do below it, and at the end where to
 * begin. */
void ctl_view_doctor(FILE *out, const struct doctor *d, const struct doctor_machine *m);

/* The same as one JSON object on a line. */
void ctl_json_doctor(FILE *out, const struct doctor *d, const struct doctor_machine *m);

#endif
