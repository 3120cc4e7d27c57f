/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_DAEMON_CONTROL_COMMANDS_H
#define TIMEBALL_SERVER_DAEMON_CONTROL_COMMANDS_H

#include "server/daemon/control.h"

/* What the control socket can be asked for; the commands' `arg` is a struct daemon. */
extern const struct control_command control_commands[];

#endif
