/* What could serve a demand curve, and what each would cost now. */
#ifndef BOURSE_CLIENT_CLI_ADVISE_PLAN_H
#define BOURSE_CLIENT_CLI_ADVISE_PLAN_H

#include "client/cli/advise_curve.h"
#include "client/cli/advise_windows.h"
#include "client/cli/order_place.h"

enum {
    PLAN_PARTS_MAX = 1 + WINDOWS_MAX,
    PLAN_FUNDED_MIN = 24 * 60, /* what elastic leases are paid ahead for */
    PLAN_STARTS = 168,         /* hours ahead that are tried for what is not there now */
    /* A shorter window that nobody leases alone is asked for once more at this length. */
    PLAN_WINDOW_LEAST_MIN = 60,
    /* Training, tuning, inference and both parts of the mix; each window of one block in up to two
     * lengths; the base; and each window above it in these, as two profiles. */
    PLAN_QUOTES_MAX = 5 + 2 * WINDOWS_MAX + 1 + 4 * WINDOWS_MAX,
};

struct plan_part {
    struct op_order_place order;
    uint32_t from_min; /* when it begins, from the curve's beginning */
    uint32_t above;    /* the GPUs of the curve that other parts serve */
    bool is_window;    /* for its own hours only */
    bool is_either;    /* reserved or elastic, what costs less */
    bool asked;
    uint32_t refusal; /* why it cannot be had now */
    /* What it would get, beside the parts before it. */
    struct quoted_lease *leases;
    uint32_t leases_count;
    bool preemptible;  /* one of its leases is */
    uint64_t cost_ucr; /* expected: metered leases cost what the curve uses */
    uint64_t most_ucr; /* when all of it is used */
    uint64_t first_s;  /* when it could be had otherwise; 0: within a week not */
};

struct plan {
    const char *name;
    const char *senseless; /* why it makes no sense for this curve, and has no parts; NULL: it does
                            */
    struct plan_part parts[PLAN_PARTS_MAX];
    uint32_t count;
    struct windows windows; /* that its parts are; none: for the whole curve */
    bool available;
    bool meets; /* it is available, and nobody may end it */
    uint64_t cost_ucr;
    uint64_t most_ucr;
    uint32_t quotes; /* that were asked for */
};

enum { PLAN_TRAINING, PLAN_TUNING, PLAN_INFERENCE, PLAN_MIX, PLAN_WINDOWS, PLAN_LAYERS, PLANS };

struct demand {
    const struct curve *curve;
    const struct curve_facts *facts;
    const struct op_order_place *wish; /* SKUs, limits and constraints */
    uint64_t start_s;                  /* 0: now */
    bool interruptible;
    struct buffer *offers; /* struct offer_info each: those that were asked for already */
};

/* Makes the candidates and asks the exchange what each would cost. Returns cli->exit. */
int plans_make(struct cli *cli, const struct demand *d, struct plan plans[PLANS]);
/* The cheapest that is available and meets the demand; NULL: none. */
const struct plan *plans_best(const struct plan plans[PLANS]);
/* Appends the command that places an order of it, at no more than what was quoted. */
void plan_command(struct cli *cli, const struct plan_part *part, struct buffer *out);

#endif
