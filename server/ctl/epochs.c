/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ctl/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/receiver/epochs.h"
#include "refclock/civil.h"

static void print_epoch(void *arg, const struct epoch *e)
{
    char line[48];
    fprintf(arg, "%s\n", epochs_line(e, line, sizeof line));
}

static int scan_file(int fd, const struct ctl *ctl, int64_t pivot, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        return err_set(err, ctl->file, "name a receiver's log", "is not a file");
    if (!st.st_size)
        return CTL_OK;
    void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return err_errno(err, ctl->file, "", "", errno);
    epochs_scan(bytes, (size_t)st.st_size, pivot, print_epoch, ctl->out);
    munmap(bytes, (size_t)st.st_size);
    return CTL_OK;
}

int ctl_epochs(const struct ctl *ctl, struct err *err)
{
    int64_t pivot;
    if (!ctl->date)
        return err_set(err, "epochs", "write --date YYYY-MM-DD, the day of the log",
                       "the date is missing");
    if (civil_parse_date(ctl->date, &pivot))
        return err_set(err, "epochs", "write --date YYYY-MM-DD, as in 2026-11-24",
                       "'%.40s' is not a date", ctl->date);
    int fd = open(ctl->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return err_errno(err, ctl->file, "name a receiver's log", "", errno);
    int result = scan_file(fd, ctl, pivot, err);
    close(fd);
    return result;
}
