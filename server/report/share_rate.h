/* What the revenue shares of a site would take of its sales, at the rates of their present phases,
 * and what settlements pay before these: older claims of theirs, and guarantors that stepped in. */
#ifndef BOURSE_REPORT_SHARE_RATE_H
#define BOURSE_REPORT_SHARE_RATE_H

#include "server/report/job.h"

struct share_rate {
    uint64_t contract; /* first: vector_by_number() */
    uint64_t start_s;
    uint64_t claims_ucr;
    uint64_t floor_ucr; /* a month; of what is above it the share is taken */
    uint64_t month_s;   /* the month of month_gross_ucr */
    uint64_t month_gross_ucr;
    uint32_t version;
    uint32_t rank;
    uint32_t rate_bp;
    bool found; /* its terms concern the site */
};

struct share_rates {
    struct share_rate *items; /* by rank and number; owned */
    size_t count;
    size_t room;
    uint64_t claims_ucr;  /* of them, open */
    uint64_t recover_ucr; /* of guarantors that have stepped in at the site: still to recover */
};

/* Those in force of the site's operator. */
int share_rates_load(const struct job *j, uint64_t site, struct share_rates *out);
/* Of the sales of a month (since 1970), all together; never more than these. */
uint64_t share_rates_take(const struct share_rates *s, uint32_t month, uint64_t sales_ucr);
void share_rates_release(struct share_rates *s);

#endif
