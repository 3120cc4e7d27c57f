/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_RIGHTS_PRIV_H
#define TIMEBALL_SERVER_RIGHTS_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "refclock/err.h"
#include "refclock/log.h"

/*
 * The rights that the daemon keeps (capabilities(7), credentials(7)). It opens and binds with those
 * it was started with, then becomes a user of its own, with the capabilities of priv_needs alone.
 * Nothing while it runs needs more: devices come back through the rights of the user's groups.
 */
enum {
    PRIV_CLOCK = 1, /* CAP_SYS_TIME: the system clock is steered */
    PRIV_LOCK = 2,  /* CAP_IPC_LOCK: memory that is locked may grow */
};

struct priv {
    bool change; /* started as root, and there is a user to become */
    uid_t uid;
    gid_t gid;
    char user[64];         /* whom it runs as, from priv_find() on */
    char capabilities[64]; /* what it kept, words with blanks between; from priv_drop() on */
};

/*
 * Finds out whom to become: `user` of the user database where the process is root's, else nobody
 * else. "" means that root stays root. A user that is not there is an error when it was `given` in
 * the configuration; else the log says that root stays root. 0, or -1 with *err.
 */
int priv_find(struct priv *p, const char *user, bool given, const struct log *log, struct err *err);

/*
 * Makes the folder that `path` (a socket, a state file) is in, when it is missing, and gives it to
 * the user to become. What fails here shows again, with its reason, when the path is used.
 */
void priv_make_folder(const struct priv *p, const char *path);

/* Gives a file that this process has made to the user to become. "" is allowed. */
void priv_give(const struct priv *p, const char *path);

/*
 * Becomes that user with its groups, keeps of the capabilities those that `needs` names (and that
 * are there), and gives up for ever to gain more by exec (no_new_privs). For the one thread that
 * steers, before there are others that need rights. Where root stays root nothing is given up. 0,
 * or -1 with *err.
 */
int priv_drop(struct priv *p, unsigned needs, struct err *err);

#endif
