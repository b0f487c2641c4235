/*
 * What the tests of exchange_check() begin with: a seller and a buyer in a world of their own,
 * whose rows are then damaged behind its back.
 */
#ifndef BOURSE_TESTS_EXCHANGE_SHOP_H
#define BOURSE_TESTS_EXCHANGE_SHOP_H

#include "server/exchange/rows.h"
#include "tests/server/exchange/world.h"

struct shop {
    struct world w;
    struct exchange *x;
    uint32_t operator, startup; /* accounts "op" and "startup" */
};

/* SKU 1 of 1 kW and site 1 of 20 kW. */
struct shop *shop_begin(void);
/* The shop is set up, and its rows are as they should be: from here on they may be damaged. */
void shop_ready(struct shop *s);
void shop_close(struct shop *s);

/* An operation that is accepted. */
const struct result *shop_do(struct shop *s, uint32_t account, const char *key,
                             const struct message *m, const void *body);
/* A new token of an account. */
uint64_t shop_token(struct shop *s, uint32_t series, uint32_t account);
/* At the site, of the SKU, for so long from the world's begin on, at 600, metered by the hour. */
struct op_offer_publish shop_offer(uint32_t gpus, uint64_t seconds);
/* From now on, fill or kill, paid with one token. */
struct op_order_place shop_order(struct shop *s, uint64_t token, uint32_t gpus, uint32_t minutes,
                                 uint64_t limit_ucr);

/* The check must say this. */
void shop_found(const struct shop *s, const char *line);
/* The check must say nothing. */
void shop_whole(const struct shop *s);
/* Puts a row without its hooks: the indexes stay as they were. */
void shop_put_unseen(struct shop *s, enum table table, const void *row);

#endif
