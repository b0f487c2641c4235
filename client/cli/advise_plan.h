/* What could serve a demand curve, and what each would cost now. */
#ifndef BOURSE_CLIENT_CLI_ADVISE_PLAN_H
#define BOURSE_CLIENT_CLI_ADVISE_PLAN_H

#include "client/cli/advise_curve.h"
#include "client/cli/order_place.h"

enum {
    PLAN_PARTS_MAX = 2,
    PLAN_FUNDED_MIN = 24 * 60, /* what elastic leases are paid ahead for */
    PLAN_STARTS = 168,         /* hours ahead that are tried for what is not there now */
};

struct plan_part {
    struct op_order_place order;
    uint32_t above;              /* the GPUs of the curve that other parts serve */
    const struct a_quote *quote; /* its refusal says why it cannot be had now */
    bool preemptible;            /* one of its leases is */
    uint64_t cost_ucr;           /* expected: metered leases cost what the curve uses */
    uint64_t most_ucr;           /* when all of it is used */
    uint64_t first_s;            /* when it could be had otherwise; 0: within a week not */
};

struct plan {
    const char *name;
    struct plan_part parts[PLAN_PARTS_MAX];
    uint32_t count; /* 0: makes no sense for this curve */
    bool available;
    bool meets; /* it is available, and nobody may end it */
    uint64_t cost_ucr;
    uint64_t most_ucr;
};

enum { PLAN_TRAINING, PLAN_TUNING, PLAN_INFERENCE, PLAN_MIX, PLANS };

struct demand {
    const struct curve *curve;
    const struct curve_facts *facts;
    const struct op_order_place *wish; /* SKUs, limits and constraints */
    uint64_t start_s;                  /* 0: now */
    bool interruptible;
};

/* Makes the candidates and asks the exchange what each would cost. Returns cli->exit. */
int plans_make(struct cli *cli, const struct demand *d, struct plan plans[PLANS]);
/* The cheapest that is available and meets the demand; NULL: none. */
const struct plan *plans_best(const struct plan plans[PLANS]);
/* Appends the command that places an order of it, at no more than what was quoted. */
void plan_command(struct cli *cli, const struct plan_part *part, struct buffer *out);

#endif
