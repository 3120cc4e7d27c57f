/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ntp/keys.h"

#include <stdlib.h>
#include <string.h>

#include "server/ntp/keys_table.h"

#define SCATTER UINT32_C(2654435769) /* 2^32 / golden ratio: neighbouring numbers lie apart */

size_t keys_place(const struct keys *k, uint32_t id)
{
    size_t at = (uint32_t)(id * SCATTER) / (UINT32_MAX / KEYS_SLOTS + 1);
    while (k->slot[at] && k->key[k->slot[at] - 1].id != id)
        at = (at + 1) % KEYS_SLOTS; /* never full: there are more slots than keys */
    return at;
}

const struct key *keys_find(const struct keys *k, uint32_t id)
{
    size_t found = k ? k->slot[keys_place(k, id)] : 0;
    return found ? &k->key[found - 1] : NULL;
}

size_t keys_count(const struct keys *k)
{
    return k ? k->count : 0;
}

const struct err *keys_note(const struct keys *k, size_t index)
{
    return k && index < k->notes ? &k->note[index] : NULL;
}

void keys_free(struct keys *k)
{
    if (!k)
        return;
    explicit_bzero(k->key, k->count * sizeof *k->key);
    free(k);
}

void keys_release(struct shared_object *o)
{
    keys_free((struct keys *)o);
}

struct shared_object *keys_share(struct keys *k)
{
    return k ? &k->shared : NULL;
}

const struct keys *keys_shared(const struct shared_object *o)
{
    return (const struct keys *)o;
}

size_t keys_sign(const struct key *key, uint8_t *packet, size_t size, size_t digest_size)
{
    uint8_t *at = packet + size;
    at[0] = (uint8_t)(key->id >> 24);
    at[1] = (uint8_t)(key->id >> 16);
    at[2] = (uint8_t)(key->id >> 8);
    at[3] = (uint8_t)key->id;
    mac_make(&key->mac, packet, size, at + MAC_ID_SIZE, digest_size);
    return size + MAC_ID_SIZE + digest_size;
}
