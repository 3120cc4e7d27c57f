/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/access/access.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * A prefix tree whose nodes look at 6 bits of the address at once (as tree bitmaps and poptries do:
 * Eatherton 2004, Asai and Ohara 2015). Of a node's 64 slots, those with a child of their own are
 * set in `child`, and the children stand side by side; the others are leaves, of which equal
 * neighbours are kept once: `leaf` has a bit where another begins. What a slot inherits from
 * shorter prefixes is worked out when the tree is built, so a look-up goes down and never back up:
 * at most 6 nodes for IPv4, 22 for IPv6, whatever the number of rules. Nodes that would have but
 * one child and nothing of their own are left out: the next one says which bits they stand for.
 */
#define STRIDE   6
#define SLOTS    64
#define SKIP_MAX 4 /* strides */

/* The rights of two kinds of clients: those whose source port is 123, and the others. */
struct rights {
    uint16_t any, ntpport;
};

struct node {
    uint64_t child, leaf;
    uint32_t first_child, first_leaf;
    struct rights outside; /* of addresses that differ in what is skipped */
    uint32_t skip : 8;     /* strides before this node ... */
    uint32_t skipped : 24; /* ... and their bits, the first the highest */
};

struct access {
    struct shared_object object;
    struct node *node;
    struct rights *leaf;
    uint32_t nodes, leaves;
    size_t node_room, leaf_room;
    uint32_t root[2]; /* of IPv4 and IPv6 */
};

/* ---- looking up ---- */

/* The 6 bits from bit `at` on; 0 beyond the end. */
static unsigned bits_at(const uint8_t *address, unsigned octets, unsigned at)
{
    unsigned octet = at / 8;
    unsigned two = (unsigned)(octet < octets ? address[octet] : 0) << 8 |
                   (octet + 1 < octets ? address[octet + 1] : 0);
    return two >> (16 - STRIDE - at % 8) & (SLOTS - 1);
}

static unsigned count_below(uint64_t bits, unsigned slot)
{
    return (unsigned)__builtin_popcountll(bits & ((UINT64_C(1) << slot) - 1));
}

/* Does the address have the bits that lead to this node? */
static bool leads_to(const struct node *n, const uint8_t *address, unsigned octets, unsigned at)
{
    for (unsigned left = n->skip; left > 0; left--, at += STRIDE)
        if (bits_at(address, octets, at) != (n->skipped >> (left - 1) * STRIDE & (SLOTS - 1)))
            return false;
    return true;
}

static struct rights find(const struct access *a, uint32_t root, const uint8_t *address,
                          unsigned octets)
{
    const struct node *n = &a->node[root];
    for (unsigned at = 0;; at += STRIDE) {
        if (n->skip && !leads_to(n, address, octets, at))
            return n->outside;
        at += n->skip * STRIDE;
        unsigned slot = bits_at(address, octets, at);
        if (!(n->child >> slot & 1))
            return a->leaf[n->first_leaf + count_below(n->leaf, slot) + (n->leaf >> slot & 1) - 1];
        n = &a->node[n->first_child + count_below(n->child, slot)];
    }
}

unsigned access_of(const struct access *a, const union address *from)
{
    struct rights r;
    if (from->any.sa_family == AF_INET)
        r = find(a, a->root[0], (const uint8_t *)&from->v4.sin_addr, 4);
    else if (from->any.sa_family == AF_INET6)
        r = find(a, a->root[1], from->v6.sin6_addr.s6_addr, 16);
    else
        return ACCESS_IGNORE;
    return address_port(from) == 123 ? r.ntpport : r.any;
}

size_t access_size(const struct access *a)
{
    return sizeof *a + a->node_room * sizeof *a->node + a->leaf_room * sizeof *a->leaf;
}

/* ---- building ---- */

/* Room for `more` elements, which are at *at from then on. False: no memory. */
static bool grow(void **array, size_t size, size_t *room, uint32_t *count, size_t more,
                 uint32_t *at)
{
    size_t want = *count + more;
    if (want > UINT32_MAX)
        return false;
    if (want > *room) {
        size_t next = want > *room + *room / 2 ? want : *room + *room / 2;
        void *grown = realloc(*array, next * size);
        if (!grown)
            return false;
        *array = grown;
        *room = next;
    }
    *at = *count;
    *count = (uint32_t)want;
    return true;
}

static void apply(struct rights *r, const struct access_rule *rule)
{
    uint16_t flags = rule->flags & (uint16_t)~ACCESS_NTPPORT;
    /* the rules of one prefix come without NTPPORT first */
    if (!(rule->flags & ACCESS_NTPPORT))
        r->any = flags;
    r->ntpport = flags;
}

/* One node to be built: the rules that are longer than `at` bits and lie in it. */
struct span {
    const struct access_rule *from, *to;
    unsigned at; /* bits of the address before this node's */
};

static unsigned slot_of(const struct access_rule *rule, unsigned at)
{
    return bits_at(rule->prefix, sizeof rule->prefix, at);
}

/*
 * The rules are sorted by prefix, then length: a rule comes before all that lie inside it, so that
 * a later one overwrites rightly. Fills each slot's rights and, where longer rules need a child,
 * its span.
 */
static uint64_t spread(const struct span *s, struct rights slot[SLOTS], struct span inner[SLOTS])
{
    uint64_t child = 0;
    for (const struct access_rule *r = s->from; r < s->to; r++) {
        unsigned first = slot_of(r, s->at);
        if (r->length > s->at + STRIDE) {
            if (!(child >> first & 1))
                inner[first] = (struct span){.from = r, .at = s->at + STRIDE};
            inner[first].to = r + 1;
            child |= UINT64_C(1) << first;
            continue;
        }
        unsigned wide = 1U << (s->at + STRIDE - r->length);
        for (unsigned i = first; i < first + wide && i < SLOTS; i++)
            apply(&slot[i], r);
    }
    return child;
}

static bool same_rights(struct rights a, struct rights b)
{
    return a.any == b.any && a.ntpport == b.ntpport;
}

/* Writes the leaves of a node: one for each run of equal neighbours; children are skipped. */
static bool write_leaves(struct access *a, struct node *n, const struct rights slot[SLOTS])
{
    struct rights run[SLOTS];
    uint32_t runs = 0, at;
    for (unsigned i = 0; i < SLOTS; i++) {
        if (n->child >> i & 1 || (runs && same_rights(run[runs - 1], slot[i])))
            continue;
        n->leaf |= UINT64_C(1) << i;
        run[runs++] = slot[i];
    }
    if (!grow((void **)&a->leaf, sizeof *a->leaf, &a->leaf_room, &a->leaves, runs, &at))
        return false;
    if (runs)
        memcpy(a->leaf + at, run, runs * sizeof *run);
    n->first_leaf = at;
    return true;
}

/*
 * Goes on while all rules lie in one slot and are longer. Of the rules in a slot, one that ends
 * there would be the first: its later bits are 0.
 */
static void skip(struct span *s, struct node *n)
{
    while (s->from < s->to && n->skip < SKIP_MAX && s->from->length > s->at + STRIDE &&
           slot_of(s->from, s->at) == slot_of(s->to - 1, s->at)) {
        n->skipped = (n->skipped << STRIDE | slot_of(s->from, s->at)) & 0xffffff;
        n->skip++;
        s->at += STRIDE;
    }
}

/* As deep as an address is long: 22 calls. */
static bool build(struct access *a, uint32_t place, struct span *s, struct rights inherited)
{
    struct rights slot[SLOTS];
    struct span inner[SLOTS];
    struct node n = {.outside = inherited};
    skip(s, &n);
    for (unsigned i = 0; i < SLOTS; i++)
        slot[i] = inherited;
    n.child = spread(s, slot, inner);
    size_t children = (size_t)__builtin_popcountll(n.child);
    if (!write_leaves(a, &n, slot) || !grow((void **)&a->node, sizeof *a->node, &a->node_room,
                                            &a->nodes, children, &n.first_child))
        return false;
    a->node[place] = n;
    uint32_t next = n.first_child;
    for (unsigned i = 0; i < SLOTS; i++)
        if (n.child >> i & 1 && !build(a, next++, &inner[i], slot[i]))
            return false;
    return true;
}

static int by_prefix(const void *a, const void *b)
{
    const struct access_rule *x = a, *y = b;
    int order = (x->family > y->family) - (x->family < y->family);
    if (!order)
        order = memcmp(x->prefix, y->prefix, sizeof x->prefix);
    if (!order)
        order = x->length - y->length;
    return order ? order : (x->flags & ACCESS_NTPPORT) - (y->flags & ACCESS_NTPPORT);
}

/* The rules sorted, each prefix once. Returns their number. */
static size_t sort(struct access_rule *rules, size_t count)
{
    size_t kept = 0;
    qsort(rules, count, sizeof *rules, by_prefix);
    for (size_t i = 0; i < count; i++) {
        if (kept && !by_prefix(&rules[kept - 1], &rules[i]))
            rules[kept - 1].flags |= rules[i].flags;
        else
            rules[kept++] = rules[i];
    }
    return kept;
}

static void cut_after_prefix(struct access_rule *rule)
{
    for (unsigned i = rule->length / 8; i < sizeof rule->prefix; i++) {
        uint8_t keep = (uint8_t)(i == rule->length / 8 ? 0xff00 >> rule->length % 8 : 0);
        rule->prefix[i] &= keep;
    }
}

static bool has_default(const struct access_rule *rules, size_t count, sa_family_t family)
{
    for (size_t i = 0; i < count; i++)
        if (rules[i].family == family && !rules[i].length && !(rules[i].flags & ACCESS_NTPPORT))
            return true;
    return false;
}

/* The rules of a family that has no `default`. */
static const struct access_rule built_in[] = {
    {.family = AF_INET, .flags = ACCESS_DEFAULT},
    {.family = AF_INET, .prefix = {127}, .length = 8},
    {.family = AF_INET6, .flags = ACCESS_DEFAULT},
    {.family = AF_INET6, .prefix = {[15] = 1}, .length = 128},
};
#define BUILT_INS (sizeof built_in / sizeof *built_in)

static size_t add_built_in(struct access_rule *rules, size_t count)
{
    size_t all = count;
    for (size_t i = 0; i < BUILT_INS; i++)
        if (!has_default(rules, count, built_in[i].family))
            rules[all++] = built_in[i];
    return all;
}

static int check(const struct access_rule *rules, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        unsigned most = rules[i].family == AF_INET ? 32 : rules[i].family == AF_INET6 ? 128 : 0;
        if (rules[i].length > most || !most)
            return err_set(err, "restrict", "a prefix has at most 32 bits (IPv4) or 128 (IPv6)",
                           "rule %zu: a prefix of %d bits", i + 1, rules[i].length);
    }
    return 0;
}

static bool build_family(struct access *a, int which, const struct access_rule *from,
                         const struct access_rule *to)
{
    struct span span = {.from = from, .to = to};
    if (!grow((void **)&a->node, sizeof *a->node, &a->node_room, &a->nodes, 1, &a->root[which]))
        return false;
    return build(a, a->root[which], &span, (struct rights){0});
}

/* Gives the spare room back. */
static void trim(struct access *a)
{
    void *node = realloc(a->node, a->nodes * sizeof *a->node);
    void *leaf = realloc(a->leaf, a->leaves * sizeof *a->leaf);
    a->node = node ? node : a->node;
    a->leaf = leaf ? leaf : a->leaf;
    a->node_room = a->nodes;
    a->leaf_room = a->leaves;
}

static bool build_all(struct access *a, struct access_rule *rules, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cut_after_prefix(&rules[i]);
    count = sort(rules, add_built_in(rules, count));
    size_t v4 = 0;
    while (v4 < count && rules[v4].family == AF_INET)
        v4++;
    return build_family(a, 0, rules, rules + v4) && build_family(a, 1, rules + v4, rules + count);
}

int access_build(struct access **out, const struct access_rule *rules, size_t count,
                 struct err *err)
{
    if (check(rules, count, err))
        return -1;
    struct access_rule *sorted = calloc(count + BUILT_INS, sizeof *sorted);
    struct access *a = calloc(1, sizeof *a);
    if (sorted && count)
        memcpy(sorted, rules, count * sizeof *rules);
    if (!sorted || !a || !build_all(a, sorted, count)) {
        free(sorted);
        access_free(a);
        return err_errno(err, "restrict", "take fewer lines, or give the machine more memory", "",
                         ENOMEM);
    }
    free(sorted);
    trim(a);
    *out = a;
    return 0;
}

void access_release(struct shared_object *o)
{
    access_free((struct access *)o);
}

struct shared_object *access_share(struct access *a)
{
    return (struct shared_object *)a;
}

const struct access *access_shared(const struct shared_object *o)
{
    return (const struct access *)o;
}

void access_free(struct access *a)
{
    if (!a)
        return;
    free(a->node);
    free(a->leaf);
    free(a);
}
