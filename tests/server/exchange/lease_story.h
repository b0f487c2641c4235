/*
 * A world in which leases come and go by lot, beside the naive model of each of them: what
 * test_lease.c does there, and what both must agree on.
 */
#ifndef BOURSE_TESTS_EXCHANGE_LEASE_STORY_H
#define BOURSE_TESTS_EXCHANGE_LEASE_STORY_H

#include "tests/server/exchange/plain_lease.h"

enum {
    LEASES_MAX = 900,
    OFFERS_MAX = 400,
    POWER_W = 700,
    POWER_KW = 100,
};

struct story {
    struct world w;
    uint32_t operator, startup, trader;
    uint32_t series[2];
    uint64_t minted;
    struct plain_lease leases[LEASES_MAX];
    uint32_t count;
    unsigned accepted[9], refused[9];
};

/* Lots from a seed. */
void draw_from(uint64_t seed);
uint32_t draw(uint32_t below);

/* A SKU, a site, an operator and two startups; the caller frees it after world_end(). */
struct story *story_begin(void);
/* One operation; sometimes first in an atomic request that comes to nothing. */
const struct result *story_act(struct story *s, uint32_t account, const char *key,
                               const struct message *m, const void *body);
const char *story_name_of(const struct story *s, uint32_t account);
/* Capacity and money are as the model says. */
void story_compare(struct story *s);

#endif
