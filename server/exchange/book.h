/*
 * The book: finds the offers on show that have a block of GPUs free at a time, cheapest first, at
 * the cost of the offers it looks at.
 *
 * Time is divided into buckets of 1, 2, 4, ... minutes, each aligned to its size. A run is a
 * longest interval over which at least one block of an offer is free; a run shorter than the
 * offer's shortest lease is of no use and left out. A run is stored in the fewest buckets that
 * together are the run: about 20 for two years, and one less for each size that no lease of this
 * offer is short enough to need.
 *
 * A shelf holds the offers of one site and SKU in one bucket, by price and place (age). The
 * cheapest of each shelf also stands on the shelf of its region, SKU and bucket, so that a search
 * over many sites finds the next one to look at without asking each.
 *
 * A lease of d minutes from s on covers whole the bucket of size B that begins at or next after s,
 * where B is the largest power of 2 with 2B - 1 <= d. A run that holds the lease thus stands in
 * that bucket or in one of the larger ones around it, and nowhere else: one shelf for each size is
 * read. Runs that hold a part of the lease's interval only are mostly not even seen.
 */
#ifndef BOURSE_EXCHANGE_BOOK_H
#define BOURSE_EXCHANGE_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/exchange/tree.h"

struct book;
struct book_site; /* the shelves of a (SKU, site) */
struct book_shelf;
struct offer;

struct book *book_new(void);
void book_free(struct book *b);

/* A region code as a number: equal and ordered as the texts are. */
uint64_t place_number(const char *code);

/* The shelves of a SKU at a site of a region, made when there are none yet. */
struct book_site *book_site(struct book *b, uint64_t sku, uint64_t site, uint64_t region);
/* NULL when there are none. */
struct book_site *book_site_find(const struct book *b, uint64_t sku, uint64_t site);
uint64_t book_site_number(const struct book_site *s);
uint64_t book_site_sku(const struct book_site *s);
/* Whether the site was marked with this number by book_mark(), for a search that comes across it
 * more than once. Marks are above 0 and grow. */
uint64_t book_next_mark(struct book *b);
bool book_mark(struct book_site *s, uint64_t mark);

/*
 * Between book_before() and book_after() the caller changes the offer within [from, to) minutes
 * (what is taken, or whether it is shown): the book follows. Price, place, block and shortest lease
 * of an offer change only while it is not shown. The latter returns how many lines of the offer
 * have come (above 0) or gone.
 */
void book_before(struct book *b, const struct offer *o, uint64_t from_min, uint64_t to_min);
int64_t book_after(struct book *b, const struct offer *o, uint64_t from_min, uint64_t to_min);

/* --- Looking --- */

/* One line of a shelf: an offer, or on a region's shelf the site whose cheapest it is. */
struct book_entry {
    RB_ENTRY(book_entry) link;
    uint64_t price_ucr;
    uint64_t place;
    uint64_t offer_serial;
    union {
        const struct offer *offer;
        struct book_site *site;
        struct book_entry *spare; /* of one that is not on a shelf: the next such one */
    } of;
};

/* Whether one comes before another: by price, then place. */
bool book_entry_before(const struct book_entry *a, const struct book_entry *b);

/* Walks several shelves at once in that order. */
struct book_walk {
    uint64_t first_bucket; /* of the smallest size that is read */
    uint64_t last_bucket;
    uint32_t level; /* the smallest size is 1 << level minutes */
    struct book_cursor *heap;
    size_t count;
    size_t capacity;
};

#define BOOK_WALK_EMPTY ((struct book_walk){0, 0, 0, NULL, 0, 0})

void book_walk_release(struct book_walk *w);
/* Begins a walk for leases of this duration that start within [from, until]. Runs may come that do
 * not hold such a lease, and an offer may come several times when from < until. */
void book_walk_begin(struct book_walk *w, uint64_t from_min, uint64_t until_min,
                     uint32_t duration_min);
/* Adds a site's shelves, or those of a SKU in every region that `covers` says yes to (NULL: all),
 * up to a price. A walk that has begun to read goes on in its order as long as no line of a shelf
 * added comes before those read. */
void book_walk_site(struct book_walk *w, const struct book_site *s, uint64_t price_max_ucr);
void book_walk_regions(struct book_walk *w, const struct book *b, uint64_t sku,
                       bool (*covers)(const void *context, uint64_t region), const void *context,
                       uint64_t price_max_ucr);
/* The next line, NULL at the end. Peek does not move on. */
const struct book_entry *book_walk_peek(const struct book_walk *w);
const struct book_entry *book_walk_next(struct book_walk *w);

/* --- For checks and tests --- */

/* Lines on sites' shelves. */
uint64_t book_lines(const struct book *b);
/* How many of the offer's lines are missing; *expected_out is how many there should be. */
uint64_t book_missing(const struct book *b, const struct offer *o, uint64_t *expected_out);
/* Regions' lines that are not the cheapest of their site's shelf, or are missing. */
uint64_t book_region_faults(const struct book *b);

#endif
