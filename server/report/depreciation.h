/* Depreciation curves as they are given with a report: what a GPU is worth at its age. */
#ifndef BOURSE_REPORT_DEPRECIATION_H
#define BOURSE_REPORT_DEPRECIATION_H

#include "server/report/job.h"

struct depreciation {
    struct curve_row *points; /* by SKU and age; of the job's memory */
    uint32_t count;
};

/* Refuses the job (terms_invalid) when there is no point, or two of one SKU and age. */
bool depreciation_read(struct job *j, struct depreciation *out);
/* By the curve of the SKU's name, else by that of any SKU; false: there is neither. */
bool depreciation_value(const struct depreciation *d, const char *sku, uint64_t age_months,
                        uint64_t *value_out);

#endif
