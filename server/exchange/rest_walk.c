/* Walks the index of resting orders for an offer; see rest_index.h. */
#include <stdlib.h>

#include "server/exchange/rest_index.h"
#include "server/exchange/site.h"

TREE_GENERATE(rest_bucket_tree, rest_bucket, link, rest_bucket_compare)
TREE_GENERATE(rest_shelf_tree, rest_shelf, link, rest_shelf_compare)

/* A bucket not looked into yet, `key` being no worse than the best that it may give; or the next
 * order of one that was. */
struct rest_item {
    struct rest_key key;
    struct rest_bucket *bucket;
    struct rest_line *line; /* NULL: the bucket as a whole */
};

static void heap_push(struct rest_walk *w, struct rest_item item)
{
    if (w->count == w->capacity) {
        size_t capacity = w->capacity != 0 ? 2 * w->capacity : 64;
        struct rest_item *heap = realloc(w->heap, capacity * sizeof(*heap));
        if (heap == NULL)
            memory_exhausted();
        w->heap = heap;
        w->capacity = capacity;
    }
    size_t i = w->count++;
    while (i > 0 && rest_key_before(&item.key, &w->heap[(i - 1) / 2].key)) {
        w->heap[i] = w->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    w->heap[i] = item;
}

static struct rest_item heap_pop(struct rest_walk *w)
{
    struct rest_item first = w->heap[0];
    struct rest_item last = w->heap[--w->count];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= w->count)
            break;
        if (child + 1 < w->count && rest_key_before(&w->heap[child + 1].key, &w->heap[child].key))
            child++;
        if (!rest_key_before(&w->heap[child].key, &last.key))
            break;
        w->heap[i] = w->heap[child];
        i = child;
    }
    w->heap[i] = last;
    return first;
}

static bool key_equal(const struct rest_key *a, const struct rest_key *b)
{
    return !rest_key_before(a, b) && !rest_key_before(b, a);
}

/* A bucket's orders begin in it, and their windows end in it or in the next one. */
static void walk_push_bucket(struct rest_walk *w, struct rest_bucket *b)
{
    uint64_t start = b->number << rest_bits(b->level);
    uint64_t end = (b->number + 2) << rest_bits(b->level);
    w->looks++;
    if (start > w->last_min || end <= w->from_min || b->best.limit_ucr < w->offer->price_ucr)
        return;
    bool before = rest_key_before(&b->best, &w->since);
    heap_push(w, (struct rest_item){.key = before ? w->since : b->best, .bucket = b});
}

/* The first order of a bucket from `since` on whose window fits. */
static void walk_push_line(struct rest_walk *w, struct rest_bucket *b, const struct rest_key *since)
{
    uint64_t start = b->number << rest_bits(b->level);
    uint64_t last = ((b->number + 2) << rest_bits(b->level)) - 1;
    struct rest_span time = {
        .from_min = w->from_min > start ? w->from_min : start,
        .until_min = w->last_min < last ? w->last_min : last,
    };
    time.slots = rest_slots(time.from_min, time.until_min, rest_slot_bits(b->level));
    struct rest_line *line = rest_lines_meet(&b->lines, since, &time, &w->looks);
    if (line != NULL && line->key.limit_ucr >= w->offer->price_ucr)
        heap_push(w, (struct rest_item){.key = line->key, .bucket = b, .line = line});
}

static void walk_open_bucket(struct rest_walk *w, struct rest_bucket *b)
{
    walk_push_line(w, b, &w->since);
    for (uint32_t i = 0; i < REST_CHILDREN; i++) {
        if (b->children[i] != NULL)
            walk_push_bucket(w, b->children[i]);
    }
}

static void walk_push_shelves(struct rest_walk *w, enum rest_scope scope, uint64_t where,
                              bool spread)
{
    const struct offer *o = w->offer;
    struct rest_shelf_tree *shelves = &w->x->rests->shelves;
    uint32_t size_max = rest_size(rest_supplied(w->x, o->sku, spread ? 0 : o->site));
    uint32_t length_max = rest_size(rest_left(w->x, o));
    struct rest_shelf key = {.sku = o->sku, .scope = scope, .where = where, .spread = spread};
    struct rest_shelf *shelf = RB_NFIND(rest_shelf_tree, shelves, &key);
    while (shelf != NULL && shelf->sku == o->sku && shelf->scope == scope &&
           shelf->where == where && shelf->spread == spread && shelf->length <= length_max) {
        if (shelf->size > size_max) {
            key.length = shelf->length + 1;
            shelf = RB_NFIND(rest_shelf_tree, shelves, &key);
            continue;
        }
        uint64_t first = w->from_min >> rest_bits(REST_LEVELS - 1);
        struct rest_bucket begin = {.number = first > 0 ? first - 1 : 0};
        struct rest_bucket *b = RB_NFIND(rest_bucket_tree, &shelf->buckets, &begin);
        w->looks++;
        for (; b != NULL && b->number << rest_bits(b->level) <= w->last_min;
             b = RB_NEXT(rest_bucket_tree, &shelf->buckets, b))
            walk_push_bucket(w, b);
        shelf = RB_NEXT(rest_shelf_tree, shelves, shelf);
    }
}

/* The country "US" of the region "US-TX". */
static uint64_t region_country(uint64_t region)
{
    return region & ~(UINT64_MAX >> 16);
}

/* The minutes of an offer's interval that are left. */
uint64_t rest_left(const struct exchange *x, const struct offer *o)
{
    uint64_t now_min = x->head.time_s / 60;
    uint64_t from_min = now_min > o->start_min ? now_min : o->start_min;
    return o->end_min > from_min ? o->end_min - from_min : 0;
}

void rest_walk_begin(struct rest_walk *w, const struct exchange *x, const struct offer *o,
                     struct rest_key since)
{
    const struct site_row *site = site_find(x, o->site);
    uint64_t region = place_number(site->region);
    uint64_t now_min = x->head.time_s / 60;
    *w = (struct rest_walk){
        .x = x,
        .offer = o,
        .from_min = now_min > o->start_min ? now_min : o->start_min,
        .last_min = o->end_min,
        .since = since,
        .last = {.limit_ucr = UINT64_MAX},
    };
    for (int spread = 0; spread <= 1; spread++) {
        walk_push_shelves(w, REST_ANYWHERE, 0, spread != 0);
        walk_push_shelves(w, REST_REGION, region, spread != 0);
        if (region_country(region) != region)
            walk_push_shelves(w, REST_REGION, region_country(region), spread != 0);
        walk_push_shelves(w, REST_SITE, o->site, spread != 0);
    }
}

void rest_walk_release(struct rest_walk *w)
{
    free(w->heap);
    w->heap = NULL;
    w->count = w->capacity = 0;
}

/* Takes the first item: a bucket is looked into, after an order comes the next of its bucket. */
static struct rest_item walk_step(struct rest_walk *w)
{
    struct rest_item item = heap_pop(w);
    if (item.line == NULL) {
        walk_open_bucket(w, item.bucket);
    } else {
        struct rest_key next = item.key;
        next.order++;
        walk_push_line(w, item.bucket, &next);
    }
    return item;
}

bool rest_walk_next(struct rest_walk *w, struct rest_key *out)
{
    while (w->count > 0) {
        struct rest_item item = walk_step(w);
        /* One that names several regions may stand on several of these shelves, and one that was
         * filled has moved: perhaps to where the walk has yet to look. */
        if (item.line == NULL || !rest_key_before(&w->last, &item.key))
            continue;
        w->last = item.key;
        *out = item.key;
        return true;
    }
    return false;
}

void rest_walk_pass(struct rest_walk *w)
{
    while (w->count > 0 && key_equal(&w->heap[0].key, &w->last))
        walk_step(w);
}
