/*
 * What tests of limits fill worlds with: requests of many operations, and the least that can be
 * sold and ordered. Everything lives in the world's arena.
 */
#ifndef BOURSE_TESTS_EXCHANGE_CROWD_H
#define BOURSE_TESTS_EXCHANGE_CROWD_H

#include "tests/server/exchange/world.h"

#define NEW(w, type) ((struct type *)arena_alloc(&(w)->arena, sizeof(struct type)))

/* Operations of an account on their way: they go in as few requests as may be. */
struct batch {
    struct world *w;
    uint32_t account;
    const char *key;
    struct operation *operations;
    uint32_t count;
};

struct batch batch_of(struct world *w, uint32_t account, const char *key);
/* Sends what has been added in one request, whatever comes of it. */
const struct frame_reply *batch_try(struct batch *b);
/* The same where all of it is accepted. */
void batch_send(struct batch *b);
void batch_add(struct batch *b, const struct message *message, const void *body);

/* The text ends in a zero byte, which is not counted. */
struct text text_printf(struct world *w, const char *format, unsigned number);
/* The outcome of one operation in a request of its own, which is accepted. */
enum refusal refusal_of(struct world *w, uint32_t account, const char *key,
                        const struct message *message, const void *body);
/* The same where it is accepted. */
const struct result *accepted(struct world *w, uint32_t account, const char *key,
                              const struct message *message, const void *body);

/* Each can be told from the others by its number. */
struct op_sku_add *sku_new(struct world *w, unsigned number);
struct op_site_add *site_new(struct world *w, unsigned number);
/* At site 1 and of SKU 1, from the world's begin on, at 60 micro-credits. */
struct op_offer_publish *offer_new(struct world *w, uint32_t gpus, uint64_t end_s);
/* Of SKU 1 for an hour from now, immediate or cancel, at 60 at most; without tokens. */
struct op_order_place *order_new(struct world *w, uint32_t gpus);

/* SKU 1, site 1 and their operator "op", whose number is returned. */
uint32_t seller_begin(struct world *w);
/* A token of one micro-credit of each of so many series, and more of the last. */
const uint64_t *tokens_new(struct world *w, uint32_t account, uint32_t series, uint32_t count);

#endif
