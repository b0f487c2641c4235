/* The book of a SKU as people see it: what is offered above what is wanted. */
#ifndef BOURSE_CLIENT_CLI_BOOK_H
#define BOURSE_CLIENT_CLI_BOOK_H

#include "client/cli/cli.h"
#include "client/cli/screen.h"

struct book_view {
    const char *sku; /* its name */
    const char *region;
    uint64_t start_s;
    uint64_t end_s;
    bool preemptible; /* the kind of capacity */
    bool metered;
    uint32_t duration_min;           /* of leases; 0: any */
    const struct depth_level *sells; /* best price first, as the next one */
    uint32_t sells_count;
    const struct depth_level *buys;
    uint32_t buys_count;
    const char *note; /* what explains an empty book; NULL: nothing */
};

/* Sets the kind of capacity that the command line asks for: firm and reserved, or otherwise. */
void book_kind(struct cli *cli, struct q_depth *q);
/* Divides an answer's rows into the two sides. */
void book_divide(const struct a_depth *depth, struct book_view *view);
/* Draws at most so many levels of each side. */
void book_draw(struct screen *s, const struct book_view *view, uint32_t levels);
/* What stands between the best prices: "0.15 (7.1 %)"; empty when a side is. Room as for amounts
 * and a percentage. */
enum { SPREAD_TEXT_BYTES = 64 };
const char *book_spread(const struct book_view *view, char out[SPREAD_TEXT_BYTES]);

#endif
