/*
 * The GPUs of sites, by SKU and by the month in which they came into service. The exchange knows
 * them as capacity alone: what a day has sold, elected or free above the highest day before has
 * come into service then; and when less stands there now, the oldest have gone.
 */
#ifndef BOURSE_REPORT_FLEET_H
#define BOURSE_REPORT_FLEET_H

#include "server/report/job.h"

struct cohort {
    uint64_t site;
    uint64_t sku;
    uint64_t gpus;
    uint32_t month; /* since 1970 */
};

struct fleet {
    struct cohort *cohorts; /* by site, SKU and month; owned */
    size_t count;
    size_t room;
};

/* Those of the sites that are the job's business, of its site and SKU where it names them. */
int fleet_load(struct job *j, struct fleet *out);
void fleet_release(struct fleet *f);

#endif
