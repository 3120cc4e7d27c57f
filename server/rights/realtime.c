/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/rights/realtime.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#define LATENCY "/dev/cpu_dma_latency"

static int set_priority(int priority, struct err *err)
{
    struct sched_param param = {.sched_priority = priority};
    if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param))
        return err_errno(err, "sched_priority",
                         "start it as root, give the unit LimitRTPRIO=, or delete the line",
                         "SCHED_FIFO", errno);
    return 0;
}

static int lock_memory(struct err *err)
{
    /* pages are locked as they are touched: whole stacks of threads would be megabytes */
    if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT))
        return err_errno(
            err, "lock_memory",
            "start it as root, give the unit LimitMEMLOCK=infinity, or delete the line",
            "locking memory", errno);
    return 0;
}

/* The kernel's power management quality of service (pm_qos_interface): in force while it is open.
 */
static int hold_latency(struct realtime *r, int32_t us, struct err *err)
{
    r->latency_fd = open(LATENCY, O_WRONLY | O_CLOEXEC);
    if (r->latency_fd < 0 || write(r->latency_fd, &us, sizeof us) != sizeof us)
        return err_errno(err, LATENCY,
                         "start it as root, give its user the device, or delete `cpu_latency`",
                         "holding processors awake", errno);
    return 0;
}

int realtime_apply(struct realtime *r, const struct realtime_config *config, struct err *err)
{
    *r = (struct realtime){.in_force = *config, .latency_fd = -1};
    if (config->priority && set_priority((int)config->priority, err))
        return -1;
    if (config->lock && lock_memory(err))
        return -1;
    return config->latency_us < 0 ? 0 : hold_latency(r, (int32_t)config->latency_us, err);
}

void realtime_end(struct realtime *r)
{
    if (r->latency_fd >= 0)
        close(r->latency_fd);
    r->latency_fd = -1;
}
