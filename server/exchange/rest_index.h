/*
 * The index of resting orders. Internal to rest.c and rest_walk.c.
 *
 * A shelf holds the orders of one SKU that name one place (any, a region, or the site where they
 * were filled first), spread or not, of one class of their leases' length and one of the least that
 * a fill must give: so that a walk passes by other regions and what is too long or too large
 * without a look.
 *
 * On a shelf time is divided into buckets of REST_LEVELS sizes, each REST_CHILDREN times the one
 * below. An order stands in the bucket in which its window of starts begins, of the smallest size
 * that is not smaller than the window: the window ends in that bucket or the next one. Each bucket
 * knows the best order of all that stand in it and in the smaller ones within it, so that a walk
 * finds the best order whose time may fit without going through the others; and in a bucket the
 * lines do likewise (rest_lines.h).
 */
#ifndef BOURSE_EXCHANGE_REST_INDEX_H
#define BOURSE_EXCHANGE_REST_INDEX_H

#include "server/exchange/rest_lines.h"
#include "server/exchange/tree.h"

enum {
    REST_LEVELS = 6,
    REST_FIRST_BITS = 8, /* the smallest bucket is 256 minutes */
    REST_STEP_BITS = 3,
    REST_CHILDREN = 1 << REST_STEP_BITS,
    REST_SIZES = 32,
    REST_SLOT_BITS = 5, /* a bucket and the next one have 64 slots together */
};

/* The window's bucket of the last level is never the smaller one. */
_Static_assert((UINT64_C(1) << (REST_FIRST_BITS + (REST_LEVELS - 1) * REST_STEP_BITS)) >
                   DURATION_MAX_MIN,
               "the longest window fits the largest bucket");

struct rest_bucket {
    RB_ENTRY(rest_bucket) link; /* of the largest size: among those of its shelf */
    uint32_t level;
    uint64_t number; /* its start, in buckets of its size */
    struct rest_bucket *parent;
    struct rest_bucket *children[REST_CHILDREN]; /* owned; NULL: nothing there */
    struct rest_line_tree lines;                 /* owned */
    struct rest_key best;
};

RB_HEAD(rest_bucket_tree, rest_bucket);

enum rest_scope { REST_ANYWHERE, REST_REGION, REST_SITE };

struct rest_shelf {
    RB_ENTRY(rest_shelf) link;
    uint64_t sku;
    enum rest_scope scope;
    uint64_t where; /* place_number() of the region, or the site */
    bool spread;
    uint32_t length;                 /* 2^length minutes are at most what a lease takes */
    uint32_t size;                   /* 2^size is at most what a fill must give */
    struct rest_bucket_tree buckets; /* of the largest size */
};

RB_HEAD(rest_shelf_tree, rest_shelf);

/* All orders that name a SKU. */
struct rest_sku {
    RB_ENTRY(rest_sku) link;
    uint64_t sku;
    struct rest_line_tree lines; /* owned */
};

RB_HEAD(rest_sku_tree, rest_sku);

/* The GPUs of the offers of a SKU at a site that have something free; site 0: at all. */
struct rest_offered {
    RB_ENTRY(rest_offered) link;
    uint64_t sku;
    uint64_t site;
    uint64_t gpus;
};

RB_HEAD(rest_offered_tree, rest_offered);

struct rest_index {
    struct rest_shelf_tree shelves;
    struct rest_sku_tree skus;
    struct rest_offered_tree offered;
    uint64_t lines;
    uint32_t *counts; /* resting orders by account; owned */
    size_t accounts;
    uint64_t *asking; /* offers asked in part; owned */
    size_t asking_count;
    size_t asking_capacity;
};

/* How far the buckets of a level are shifted. */
static inline uint32_t rest_bits(uint32_t level)
{
    return REST_FIRST_BITS + level * REST_STEP_BITS;
}

/* And the slots of its lines. */
static inline uint32_t rest_slot_bits(uint32_t level)
{
    return rest_bits(level) - REST_SLOT_BITS;
}

int rest_bucket_compare(const struct rest_bucket *a, const struct rest_bucket *b);
int rest_shelf_compare(const struct rest_shelf *a, const struct rest_shelf *b);

/* floor(log2(gpus)), 0 of 0. */
uint32_t rest_size(uint64_t gpus);
/* The best of what stands in a bucket and below it; false when there is nothing. */
bool rest_bucket_best(const struct rest_bucket *b, struct rest_key *best_out);

#endif
