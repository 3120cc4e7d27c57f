/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_DOCTOR_USER_H
#define TIMEBALL_SERVER_DOCTOR_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "server/doctor/doctor.h"

#define DOCTOR_GROUPS 64

/* Whose rights count: of the running daemon, of the user `timeball`, or of who asks. */
struct doctor_user {
    char name[40];
    uid_t uid;
    gid_t group[DOCTOR_GROUPS];
    int groups;
    bool may_all; /* CAP_DAC_OVERRIDE */
};

/* False: nobody is known (a tree with neither). */
bool doctor_user_find(const struct doctor *d, struct doctor_user *u);

/* May this user read and write the device, by its mode? A device that is not there: true. */
bool doctor_user_may_open(const char *root, const char *device, const struct doctor_user *u);

/* The name of the device's group, where that group may read and write it and is not root's. */
bool doctor_user_group_of(const char *root, const char *device, char *name, size_t size);

#endif
