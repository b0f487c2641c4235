/*
 * The GPUs of sites, by SKU and by the month in which they came into service. The exchange knows
 * them as capacity alone: what a day has sold, elected or free above the highest day before has
 * come into service then. That is what the operator declares, by what it offers; what leases took
 * on a day was there for whoever leased it. A lender's own list takes the place of the first, never
 * of the second.
 */
#ifndef BOURSE_REPORT_FLEET_H
#define BOURSE_REPORT_FLEET_H

#include "server/report/job.h"

struct cohort {
    uint64_t site;
    uint64_t sku;
    uint64_t gpus;
    uint64_t proven; /* of them, by leases; the oldest cohorts of a site and SKU have them first */
    uint32_t month;  /* since 1970 */
};

struct fleet {
    struct cohort *cohorts; /* by site, SKU and month; owned */
    size_t count;
    size_t room;
};

/*
 * Those of the sites that are the job's business, of its site and SKU where it names them. Refuses
 * the job when its list names a site or a SKU that there is not (site_not_found, sku_not_found), or
 * a site that is not its business (not_visible).
 */
int fleet_load(struct job *j, struct fleet *out);
void fleet_release(struct fleet *f);

#endif
