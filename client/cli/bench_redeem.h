/*
 * `bourse bench redeem`: what a redemption costs a server among more and more live offers, and a
 * new offer against more and more resting orders. A server of its own for each size; what is
 * measured goes to them in turn, so that all sizes see the same machine.
 */
#ifndef BOURSE_CLI_BENCH_REDEEM_H
#define BOURSE_CLI_BENCH_REDEEM_H

#include "client/cli/bench_market.h"
#include "client/connection.h"

enum { REDEEM_SIZES_MAX = 5, REDEEM_OPERATIONS_MAX = 100 * 1000 };

struct redeem_options {
    const struct keys *admin;
    const char *origin;
    const char *folder; /* where the data lie while it runs */
    uint32_t sizes[REDEEM_SIZES_MAX];
    uint32_t sizes_count;
    uint32_t operations; /* to measure of each shape, at each size */
    uint32_t batch;      /* operations of a request */
    double seconds;      /* of measuring, a shape, at most */
    bool (*interrupted)(void);
};

/* Of one operation. */
struct redeem_figures {
    uint32_t samples; /* requests */
    double wall_us;   /* medians: from sending to the durable reply, a request's part */
    double wall_p99_us;
    double engine_us; /* processor time of the engine's thread */
    double engine_p99_us;
};

struct redeem_curve {
    enum bench_shape shape;
    uint32_t works; /* how many of enum bench_work were measured */
    double sync_us; /* an fdatasync of 4 KiB, a request's part of it */
    struct redeem_figures points[REDEEM_SIZES_MAX][BENCH_WORKS];
};

/* Measures one shape. Errors, explained. */
int bench_redeem(const struct redeem_options *options, enum bench_shape shape,
                 struct redeem_curve *out, struct connection_error *error);

#endif
