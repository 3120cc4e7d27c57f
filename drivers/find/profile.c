/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/find/profile.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* The makers' pin tables and receivers' data sheets; what they do not say is left out. */
const struct profile profile_table[] = {
    {.word = "adafruit-ultimate",
     .name = "Adafruit Ultimate GPS HAT",
     .vendor = "adafruit",
     .product = "gps",
     .receiver = "MediaTek MT3339",
     .gpio = 4,
     .baud = 9600,
     .usual = 0.5},
    {.word = "uputronics",
     .name = "Uputronics GPS Expansion Board",
     .vendor = "uputronics",
     .product = "gps",
     .receiver = "u-blox MAX-M8 or MAX-M10",
     .gpio = 18,
     .baud = 9600},
    {.word = "hab-supplies",
     .name = "HAB Supplies Pi GPS HAT",
     .receiver = "u-blox MAX-M8",
     .gpio = 18,
     .baud = 9600},
    {.word = "waveshare-l76",
     .name = "Waveshare L76X GPS HAT",
     .receiver = "Quectel L76",
     .gpio = -1,
     .baud = 9600,
     .usual = 0.475},
    {.word = "waveshare-max",
     .name = "Waveshare MAX-M8Q or MAX-7Q GNSS HAT",
     .receiver = "u-blox MAX",
     .gpio = 18,
     .baud = 9600},
    {.word = "waveshare-neo-m8t",
     .name = "Waveshare NEO-M8T GNSS Timing HAT",
     .receiver = "u-blox NEO-M8T",
     .gpio = 18,
     .baud = 9600},
    {.word = "waveshare-zed",
     .name = "Waveshare ZED-F9P or ZED-F9T HAT",
     .receiver = "u-blox ZED-F9",
     .gpio = 18,
     .baud = 38400},
    {.word = "waveshare-lc29h",
     .name = "Waveshare LC29H GNSS HAT",
     .receiver = "Quectel LC29H",
     .gpio = 18,
     .baud = 115200},
    {.word = "sparkfun-rtk",
     .name = "SparkFun GPS-RTK pHAT",
     .vendor = "sparkfun",
     .product = "gps",
     .receiver = "u-blox ZED-F9",
     .gpio = -1,
     .baud = 38400},
    {.word = "timebeat",
     .name = "Timebeat time card",
     .vendor = "timebeat",
     .product = "time",
     .receiver = "u-blox",
     .gpio = -1, /* its pulse goes to the network card's clock */
     .baud = 9600},
    {0},
};

const struct profile *profile_find(const char *word)
{
    for (const struct profile *p = profile_table; p->word; p++)
        if (!strcmp(p->word, word))
            return p;
    return NULL;
}

static bool within(const char *part, const char *text)
{
    for (size_t n = strlen(part); *text; text++)
        if (!strncasecmp(part, text, n))
            return true;
    return false;
}

const struct profile *profile_of_eeprom(const char *vendor, const char *product)
{
    for (const struct profile *p = profile_table; p->word; p++)
        if (p->vendor && within(p->vendor, vendor) && within(p->product, product))
            return p;
    return NULL;
}
