#include "server/exchange/book.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/exchange/offer.h"
#include "server/exchange/state.h"

RB_HEAD(entry_tree, book_entry);

/* The lines in one bucket. Freed when the last one goes. */
struct book_shelf {
    RB_ENTRY(book_shelf) link;
    uint32_t level;
    uint64_t bucket;
    struct entry_tree entries;
    struct book_entry *first;
};

RB_HEAD(shelf_tree, book_shelf);

struct book_region {
    RB_ENTRY(book_region) link;
    uint64_t sku;
    uint64_t region;
    struct shelf_tree shelves;
};

/* Sites stay in the book once they are there: there are few, and searches hold on to them. */
struct book_site {
    RB_ENTRY(book_site) link;
    uint64_t sku;
    uint64_t site;
    struct book_region *region;
    uint64_t mark;
    struct shelf_tree shelves;
};

RB_HEAD(region_tree, book_region);
RB_HEAD(site_tree, book_site);

/* A bucket that a run is stored in. */
struct bucket {
    uint64_t start_min;
    uint32_t level;
};

struct cover {
    struct bucket *places;
    size_t count;
    size_t capacity;
};

struct book {
    struct region_tree regions;
    struct site_tree sites;
    struct cover before; /* between book_before() and book_after() */
    struct cover after;
    struct book_entry *spare; /* lines to be used again, linked by of.spare; owned */
    uint64_t lines;
    uint64_t mark;
};

/* No two offers have the same place, but in a damaged image. */
static int entry_compare(const struct book_entry *a, const struct book_entry *b)
{
    int order = number_compare(a->price_ucr, b->price_ucr);
    if (order == 0)
        order = number_compare(a->place, b->place);
    return order != 0 ? order : number_compare(a->offer_serial, b->offer_serial);
}

bool book_entry_before(const struct book_entry *a, const struct book_entry *b)
{
    return entry_compare(a, b) < 0;
}

static int shelf_compare(const struct book_shelf *a, const struct book_shelf *b)
{
    int order = number_compare(a->level, b->level);
    return order != 0 ? order : number_compare(a->bucket, b->bucket);
}

static int region_compare(const struct book_region *a, const struct book_region *b)
{
    int order = number_compare(a->sku, b->sku);
    return order != 0 ? order : number_compare(a->region, b->region);
}

static int site_compare(const struct book_site *a, const struct book_site *b)
{
    int order = number_compare(a->sku, b->sku);
    return order != 0 ? order : number_compare(a->site, b->site);
}

TREE_GENERATE(entry_tree, book_entry, link, entry_compare)
TREE_GENERATE(shelf_tree, book_shelf, link, shelf_compare)
TREE_GENERATE(region_tree, book_region, link, region_compare)
TREE_GENERATE(site_tree, book_site, link, site_compare)

struct book *book_new(void)
{
    struct book *b = memory_zeroed(1, sizeof(*b));
    RB_INIT(&b->regions);
    RB_INIT(&b->sites);
    return b;
}

static void shelves_free(struct shelf_tree *shelves)
{
    struct book_shelf *shelf;
    while ((shelf = RB_ROOT(shelves)) != NULL) {
        struct book_entry *entry;
        while ((entry = RB_ROOT(&shelf->entries)) != NULL) {
            RB_REMOVE(entry_tree, &shelf->entries, entry);
            free(entry);
        }
        RB_REMOVE(shelf_tree, shelves, shelf);
        free(shelf);
    }
}

void book_free(struct book *b)
{
    if (b == NULL)
        return;
    struct book_region *region;
    while ((region = RB_ROOT(&b->regions)) != NULL) {
        RB_REMOVE(region_tree, &b->regions, region);
        shelves_free(&region->shelves);
        free(region);
    }
    struct book_site *site;
    while ((site = RB_ROOT(&b->sites)) != NULL) {
        RB_REMOVE(site_tree, &b->sites, site);
        shelves_free(&site->shelves);
        free(site);
    }
    struct book_entry *spare;
    while ((spare = b->spare) != NULL) {
        b->spare = spare->of.spare;
        free(spare);
    }
    free(b->before.places);
    free(b->after.places);
    free(b);
}

uint64_t place_number(const char *code)
{
    uint64_t number = 0;
    size_t length = strnlen(code, sizeof(number));
    for (size_t i = 0; i < sizeof(number); i++)
        number = number << 8 | (i < length ? (uint8_t)code[i] : 0);
    return number;
}

static struct book_region *region_get(struct book *b, uint64_t sku, uint64_t region)
{
    struct book_region key = {.sku = sku, .region = region};
    struct book_region *r = RB_FIND(region_tree, &b->regions, &key);
    if (r != NULL)
        return r;
    r = memory_zeroed(1, sizeof(*r));
    r->sku = sku;
    r->region = region;
    RB_INIT(&r->shelves);
    RB_INSERT(region_tree, &b->regions, r);
    return r;
}

struct book_site *book_site(struct book *b, uint64_t sku, uint64_t site, uint64_t region)
{
    struct book_site key = {.sku = sku, .site = site};
    struct book_site *s = RB_FIND(site_tree, &b->sites, &key);
    /* A site taken back and added anew (undo) may lie elsewhere; its shelves are empty then. */
    if (s != NULL && s->region->region == region)
        return s;
    if (s == NULL) {
        s = memory_zeroed(1, sizeof(*s));
        s->sku = sku;
        s->site = site;
        RB_INIT(&s->shelves);
        RB_INSERT(site_tree, &b->sites, s);
    }
    assert(RB_EMPTY(&s->shelves));
    s->region = region_get(b, sku, region);
    return s;
}

struct book_site *book_site_find(const struct book *b, uint64_t sku, uint64_t site)
{
    struct book_site key = {.sku = sku, .site = site};
    return RB_FIND(site_tree, (struct site_tree *)&b->sites, &key);
}

uint64_t book_site_number(const struct book_site *s)
{
    return s->site;
}

uint64_t book_site_sku(const struct book_site *s)
{
    return s->sku;
}

uint64_t book_next_mark(struct book *b)
{
    return ++b->mark;
}

bool book_mark(struct book_site *s, uint64_t mark)
{
    bool marked = s->mark == mark;
    s->mark = mark;
    return marked;
}

/* --- Shelves ------------------------------------------------------------------------------- */

static struct book_shelf *shelf_find(struct shelf_tree *shelves, uint32_t level, uint64_t bucket)
{
    struct book_shelf key = {.level = level, .bucket = bucket};
    return RB_FIND(shelf_tree, shelves, &key);
}

/* Puts a line on a shelf, which is made when it is not there. */
static struct book_shelf *shelf_put(struct book *b, struct shelf_tree *shelves, uint32_t level,
                                    uint64_t bucket, const struct book_entry *line)
{
    struct book_shelf *shelf = shelf_find(shelves, level, bucket);
    if (shelf == NULL) {
        shelf = memory_zeroed(1, sizeof(*shelf));
        shelf->level = level;
        shelf->bucket = bucket;
        RB_INIT(&shelf->entries);
        RB_INSERT(shelf_tree, shelves, shelf);
    }
    struct book_entry *entry = b->spare;
    if (entry != NULL)
        b->spare = entry->of.spare;
    else
        entry = memory_zeroed(1, sizeof(*entry));
    *entry = *line;
    struct book_entry *there = RB_INSERT(entry_tree, &shelf->entries, entry);
    assert(there == NULL);
    if (shelf->first == NULL || entry_compare(entry, shelf->first) < 0)
        shelf->first = entry;
    return shelf;
}

/* Takes a line from a shelf, which goes with its last one. It is not freed: where very many go
 * together, what the allocator does with them later takes tens of milliseconds at once. */
static void shelf_take(struct book *b, struct shelf_tree *shelves, struct book_shelf *shelf,
                       const struct book_entry *line)
{
    struct book_entry key = *line;
    struct book_entry *entry = RB_FIND(entry_tree, &shelf->entries, &key);
    assert(entry != NULL);
    if (shelf->first == entry)
        shelf->first = RB_NEXT(entry_tree, &shelf->entries, entry);
    RB_REMOVE(entry_tree, &shelf->entries, entry);
    entry->of.spare = b->spare;
    b->spare = entry;
    if (shelf->first == NULL) {
        RB_REMOVE(shelf_tree, shelves, shelf);
        free(shelf);
    }
}

/* The line of a region's shelf for a site whose cheapest line is this one. */
static struct book_entry region_line(struct book_site *site, const struct book_entry *cheapest)
{
    return (struct book_entry){.price_ucr = cheapest->price_ucr,
                               .place = cheapest->place,
                               .offer_serial = cheapest->offer_serial,
                               .of.site = site};
}

static struct book_entry offer_line(const struct offer *o)
{
    return (struct book_entry){
        .price_ucr = o->price_ucr, .place = o->place, .offer_serial = o->offer, .of.offer = o};
}

static void line_add(struct book *b, const struct offer *o, struct bucket place)
{
    struct book_site *site = o->shelf;
    uint64_t bucket = place.start_min >> place.level;
    struct book_entry line = offer_line(o);
    struct book_shelf *shelf = shelf_find(&site->shelves, place.level, bucket);
    bool first = shelf == NULL || entry_compare(&line, shelf->first) < 0;
    if (first && shelf != NULL) {
        struct book_entry old = region_line(site, shelf->first);
        shelf_take(b, &site->region->shelves,
                   shelf_find(&site->region->shelves, place.level, bucket), &old);
    }
    shelf_put(b, &site->shelves, place.level, bucket, &line);
    if (first) {
        struct book_entry new = region_line(site, &line);
        shelf_put(b, &site->region->shelves, place.level, bucket, &new);
    }
    b->lines++;
}

static void line_remove(struct book *b, const struct offer *o, struct bucket place)
{
    struct book_site *site = o->shelf;
    uint64_t bucket = place.start_min >> place.level;
    struct book_entry line = offer_line(o);
    struct book_shelf *shelf = shelf_find(&site->shelves, place.level, bucket);
    assert(shelf != NULL);
    bool first = entry_compare(&line, shelf->first) == 0;
    struct book_entry *next = first ? RB_NEXT(entry_tree, &shelf->entries, shelf->first) : NULL;
    if (first) {
        struct book_entry old = region_line(site, &line);
        if (next != NULL) {
            struct book_entry new = region_line(site, next);
            shelf_put(b, &site->region->shelves, place.level, bucket, &new);
        }
        shelf_take(b, &site->region->shelves,
                   shelf_find(&site->region->shelves, place.level, bucket), &old);
    }
    shelf_take(b, &site->shelves, shelf, &line);
    b->lines--;
}

/* --- Runs and the buckets they are stored in ----------------------------------------------- */

/* The largest level whose buckets (of B minutes) have 2B - 1 <= duration. */
static uint32_t level_of_duration(uint64_t duration_min)
{
    uint32_t level = 0;
    while ((UINT64_C(4) << level) - 1 <= duration_min)
        level++;
    return level;
}

static void cover_add(struct cover *c, struct bucket place)
{
    if (c->count == c->capacity) {
        size_t capacity = c->capacity != 0 ? 2 * c->capacity : 64;
        struct bucket *places = realloc(c->places, capacity * sizeof(*places));
        if (places == NULL)
            memory_exhausted();
        c->places = places;
        c->capacity = capacity;
    }
    c->places[c->count++] = place;
}

/* Adds the buckets of the run [from, to), in the order of time. */
static void cover_run(struct cover *c, const struct offer *o, uint64_t from, uint64_t to)
{
    if (to - from < o->lease_min_min)
        return;
    uint32_t least = level_of_duration(o->lease_min_min);
    while (from < to) {
        uint32_t fits = 63 - (uint32_t)__builtin_clzll(to - from);
        uint32_t aligned = from != 0 ? (uint32_t)__builtin_ctzll(from) : 63;
        uint32_t level = aligned < fits ? aligned : fits;
        if (level >= least)
            cover_add(c, (struct bucket){.start_min = from, .level = level});
        from += UINT64_C(1) << level;
    }
}

/* Adds the buckets of all runs that touch [from, to]. */
static void cover_runs(struct cover *c, const struct offer *o, uint64_t from, uint64_t to)
{
    if (!o->shown)
        return;
    uint64_t at = from > o->start_min ? from - 1 : o->start_min;
    while (at <= to && at < o->end_min) {
        struct piece piece = steps_piece(&o->blocked, at);
        uint64_t since = piece.from > o->start_min ? piece.from : o->start_min;
        uint64_t until = piece.until < o->end_min ? piece.until : o->end_min;
        if (piece.value == 0)
            cover_run(c, o, since, until);
        at = until;
    }
}

void book_before(struct book *b, const struct offer *o, uint64_t from_min, uint64_t to_min)
{
    b->before.count = 0;
    cover_runs(&b->before, o, from_min, to_min);
}

int64_t book_after(struct book *b, const struct offer *o, uint64_t from_min, uint64_t to_min)
{
    uint64_t lines = b->lines;
    b->after.count = 0;
    cover_runs(&b->after, o, from_min, to_min);
    const struct bucket *p = b->before.places;
    const struct bucket *q = b->after.places;
    const struct bucket *p_end = p + b->before.count;
    const struct bucket *q_end = q + b->after.count;
    /* Both are in the order of time, and what stands in both stays as it is. */
    while (p != p_end || q != q_end) {
        bool same = p != p_end && q != q_end && p->start_min == q->start_min;
        if (same && p->level == q->level) {
            p++, q++;
        } else if (q == q_end || (p != p_end && p->start_min <= q->start_min)) {
            line_remove(b, o, *p++);
        } else {
            line_add(b, o, *q++);
        }
    }
    return (int64_t)b->lines - (int64_t)lines;
}

/* --- Looking ------------------------------------------------------------------------------- */

/* Where a walk stands on one shelf; the heap is ordered by the lines stood on. */
struct book_cursor {
    struct book_entry *entry;
    uint64_t price_max_ucr;
};

void book_walk_release(struct book_walk *w)
{
    free(w->heap);
    *w = BOOK_WALK_EMPTY;
}

void book_walk_begin(struct book_walk *w, uint64_t from_min, uint64_t until_min,
                     uint32_t duration_min)
{
    w->level = level_of_duration(duration_min);
    uint64_t size = UINT64_C(1) << w->level;
    w->first_bucket = (from_min + size - 1) >> w->level;
    w->last_bucket = (until_min + size - 1) >> w->level;
    w->count = 0;
}

/* Moves the cursor at `i` down to where it belongs. */
static void heap_down(struct book_walk *w, size_t i)
{
    for (;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < w->count; child++) {
            if (entry_compare(w->heap[child].entry, w->heap[least].entry) < 0)
                least = child;
        }
        if (least == i)
            return;
        struct book_cursor cursor = w->heap[i];
        w->heap[i] = w->heap[least];
        w->heap[least] = cursor;
        i = least;
    }
}

static void heap_push(struct book_walk *w, struct book_cursor cursor)
{
    if (w->count == w->capacity) {
        size_t capacity = w->capacity != 0 ? 2 * w->capacity : 64;
        struct book_cursor *heap = realloc(w->heap, capacity * sizeof(*heap));
        if (heap == NULL)
            memory_exhausted();
        w->heap = heap;
        w->capacity = capacity;
    }
    size_t i = w->count++;
    while (i > 0 && entry_compare(cursor.entry, w->heap[(i - 1) / 2].entry) < 0) {
        w->heap[i] = w->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    w->heap[i] = cursor;
}

/* Adds every shelf that the walk reads. Sizes of which there is no shelf cost nothing. */
static void walk_shelves(struct book_walk *w, const struct shelf_tree *shelves,
                         uint64_t price_max_ucr)
{
    uint32_t level = w->level;
    struct book_shelf key = {.level = level, .bucket = w->first_bucket};
    struct book_shelf *shelf = RB_NFIND(shelf_tree, (struct shelf_tree *)shelves, &key);
    while (shelf != NULL) {
        level = shelf->level;
        uint64_t first = w->first_bucket >> (level - w->level);
        uint64_t last = w->last_bucket >> (level - w->level);
        if (shelf->bucket >= first && shelf->bucket <= last) {
            if (shelf->first->price_ucr <= price_max_ucr)
                heap_push(w, (struct book_cursor){shelf->first, price_max_ucr});
            shelf = RB_NEXT(shelf_tree, NULL, shelf);
            continue;
        }
        key.level = shelf->bucket < first ? level : level + 1;
        key.bucket = shelf->bucket < first ? first : w->first_bucket >> (level + 1 - w->level);
        shelf = RB_NFIND(shelf_tree, (struct shelf_tree *)shelves, &key);
    }
}

void book_walk_site(struct book_walk *w, const struct book_site *s, uint64_t price_max_ucr)
{
    walk_shelves(w, &s->shelves, price_max_ucr);
}

void book_walk_regions(struct book_walk *w, const struct book *b, uint64_t sku,
                       bool (*covers)(const void *context, uint64_t region), const void *context,
                       uint64_t price_max_ucr)
{
    struct book_region key = {.sku = sku, .region = 0};
    struct book_region *r = RB_NFIND(region_tree, (struct region_tree *)&b->regions, &key);
    for (; r != NULL && r->sku == sku; r = RB_NEXT(region_tree, NULL, r)) {
        if (covers == NULL || covers(context, r->region))
            walk_shelves(w, &r->shelves, price_max_ucr);
    }
}

const struct book_entry *book_walk_peek(const struct book_walk *w)
{
    return w->count > 0 ? w->heap[0].entry : NULL;
}

const struct book_entry *book_walk_next(struct book_walk *w)
{
    if (w->count == 0)
        return NULL;
    struct book_entry *entry = w->heap[0].entry;
    struct book_entry *next = RB_NEXT(entry_tree, NULL, entry);
    if (next != NULL && next->price_ucr <= w->heap[0].price_max_ucr)
        w->heap[0].entry = next;
    else
        w->heap[0] = w->heap[--w->count];
    heap_down(w, 0);
    return entry;
}

/* --- For checks and tests ------------------------------------------------------------------ */

uint64_t book_lines(const struct book *b)
{
    return b->lines;
}

uint64_t book_missing(const struct book *b, const struct offer *o, uint64_t *expected_out)
{
    (void)b;
    struct cover cover = {NULL, 0, 0};
    cover_runs(&cover, o, o->start_min, o->end_min);
    uint64_t missing = 0;
    for (size_t i = 0; i < cover.count; i++) {
        struct bucket at = cover.places[i];
        struct book_shelf *shelf =
            shelf_find(&o->shelf->shelves, at.level, at.start_min >> at.level);
        struct book_entry line = offer_line(o);
        struct book_entry *entry =
            shelf != NULL ? RB_FIND(entry_tree, &shelf->entries, &line) : NULL;
        missing += entry == NULL || entry->of.offer != o;
    }
    *expected_out = cover.count;
    free(cover.places);
    return missing;
}

uint64_t book_region_faults(const struct book *b)
{
    uint64_t sites = 0;
    uint64_t regions = 0;
    uint64_t faults = 0;
    struct book *book = (struct book *)b;
    struct book_site *site;
    RB_FOREACH (site, site_tree, &book->sites) {
        struct book_shelf *shelf;
        RB_FOREACH (shelf, shelf_tree, &site->shelves) {
            struct book_entry line = region_line(site, shelf->first);
            struct book_shelf *above =
                shelf_find(&site->region->shelves, shelf->level, shelf->bucket);
            struct book_entry *entry =
                above != NULL ? RB_FIND(entry_tree, &above->entries, &line) : NULL;
            faults += shelf->first != RB_MIN(entry_tree, &shelf->entries) || entry == NULL ||
                      entry->of.site != site;
            sites++;
        }
    }
    struct book_region *region;
    RB_FOREACH (region, region_tree, &book->regions) {
        struct book_shelf *shelf;
        RB_FOREACH (shelf, shelf_tree, &region->shelves) {
            struct book_entry *entry;
            RB_FOREACH (entry, entry_tree, &shelf->entries)
                regions++;
        }
    }
    return faults + (regions > sites ? regions - sites : sites - regions);
}
