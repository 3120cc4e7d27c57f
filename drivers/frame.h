/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_FRAME_H
#define TIMEBALL_DRIVERS_FRAME_H

/* What a look at some bytes finds: does a frame of a binary protocol begin with the first? */
enum frame_look {
    FRAME_NONE,    /* none can begin here */
    FRAME_SHORT,   /* perhaps: more bytes are needed */
    FRAME_DAMAGED, /* one of a right size, and its checksum is wrong */
    FRAME_GOOD,
};

#endif
