/* What the parts of a plan would cost now, by quotes of the exchange. */
#ifndef BOURSE_CLIENT_CLI_ADVISE_PRICE_H
#define BOURSE_CLIENT_CLI_ADVISE_PRICE_H

#include "client/cli/advise_plan.h"

/* Makes a part an order of this profile. */
void part_shape(struct plan_part *part, const struct demand *d, uint32_t profile);

/*
 * Asks what each part would get and cost when the parts before it have been placed, since what one
 * takes another cannot have. Ends at the first part of windows that cannot be had. Failures are
 * kept in cli->exit.
 */
void plan_price(struct cli *cli, const struct demand *d, struct plan *plan);

#endif
