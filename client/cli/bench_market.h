/*
 * Markets of a known shape, to measure what a redemption costs among so many live offers, and a new
 * offer against so many resting orders. One is made in an exchange of its own, which may be a
 * server or the rules alone: what a market does goes through a bench_target. One in a hundred
 * offers or orders is the one that is looked for; the shape says why the others, which would come
 * first, are not.
 */
#ifndef BOURSE_CLI_BENCH_MARKET_H
#define BOURSE_CLI_BENCH_MARKET_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/frames.h"
#include "protocol/operations.h"

enum bench_shape {
    SHAPE_REDEEM_ALIKE,
    SHAPE_REDEEM_SOLD_OUT,  /* 99 % of the offers are cheaper and sold out */
    SHAPE_REDEEM_ELSEWHERE, /* 99 % of the offers are cheaper and in other regions */
    SHAPE_ASK_ALIKE,
    SHAPE_ASK_TOO_LARGE,   /* 99 % of the orders have better limits and want more GPUs at once */
    SHAPE_ASK_ELSEWHERE,   /* ... and want other regions */
    SHAPE_ASK_OTHER_TIMES, /* ... and want other times */
    SHAPE_ASK_TOO_LONG,    /* ... and want longer leases */
    BENCH_SHAPES
};

/* "redeem_sold_out", and what it says of the market in words. */
const char *bench_shape_name(enum bench_shape shape);
const char *bench_shape_title(enum bench_shape shape);
/* Whether offers are new and orders rest. */
bool bench_shape_asks(enum bench_shape shape);

/* From BENCH_HOLDER on are those whose orders rest: more than one account may have. */
enum bench_party {
    BENCH_ADMIN,
    BENCH_OPERATOR,
    BENCH_STARTUP,
    BENCH_HOLDER,
    BENCH_PARTIES = BENCH_HOLDER + 16
};

enum { BENCH_NAME_SIZE = 32 };

/* "bench-operator": by which a party has its keys, and is registered. */
void bench_party_name(enum bench_party who, char name_out[BENCH_NAME_SIZE]);

struct bench_moment {
    uint64_t wall_ns;
    uint64_t engine_ns; /* of processor time used by what works the operations off */
};

/* Where a market is. Functions return a status and keep what went wrong themselves. */
struct bench_target {
    void *context;
    uint64_t time_s;                  /* of the exchange, when the market begins */
    uint32_t accounts[BENCH_PARTIES]; /* set as they are made */
    /* Works off a request of a party; its results, none refused, stay until the next call. */
    int (*apply)(void *context, enum bench_party who, const struct operation *operations,
                 uint32_t count, const struct result **results_out);
    /* Waits until no resting order is left to be asked about the offer. */
    int (*settle)(void *context, uint64_t offer);
    struct bench_moment (*now)(void *context);
    /* Signing and channel keys of a party other than the admin. */
    void (*keys)(void *context, enum bench_party who, uint8_t sign_out[32],
                 uint8_t channel_out[32]);
};

enum { BENCH_COUNT_MIN = 200, BENCH_COUNT_MAX = 100 * 1000, BENCH_BATCH_MAX = 100 };

struct bench_market;

/* Fills a market; `count` live offers or resting orders. `spread`: redemptions take two offers. */
int bench_market_make(struct bench_target *target, enum bench_shape shape, uint32_t count,
                      bool spread, struct bench_market **out);
void bench_market_free(struct bench_market *m); /* NULL is fine */
/* From now on. */
void bench_market_spread(struct bench_market *m, bool spread);

/* What can be done once more; each is one request of `batch` operations. */
enum bench_work {
    WORK_MEASURED,       /* redemptions, or offers that fill a resting order each */
    WORK_FLOOR_TRANSFER, /* tokens change hands, nothing is searched */
    WORK_FLOOR_PUBLISH,  /* offers of another SKU, which nobody waits for */
    BENCH_WORKS
};

/* Does it, and says how long one operation took. What is used up is put back meanwhile unseen. */
int bench_market_work(struct bench_market *m, enum bench_work work, uint32_t batch,
                      struct bench_moment *each_out);

#endif
