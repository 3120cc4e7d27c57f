/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_CONFIG_RATELIMIT_H
#define TIMEBALL_SERVER_CONFIG_RATELIMIT_H

#include "drivers/option.h"

/* What may follow `ratelimit N`; offsets into struct config. */
extern const struct option_row config_ratelimit_rows[];

#endif
