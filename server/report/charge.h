/* A charge of the usage report: one row of FinOps FOCUS 1.2. */
#ifndef BOURSE_REPORT_CHARGE_H
#define BOURSE_REPORT_CHARGE_H

#include "server/report/walk.h"

/* Texts live as long as the report; NULL: there is none. */
struct charge {
    const char *account_id; /* who pays */
    const char *account_name;
    const char *publisher; /* the operator */
    const char *description;
    const char *reservation; /* what the capacity was kept under */
    const char *resource;
    const char *region;
    const char *sku;
    const char *sku_price; /* what its unit price is that of; one price for each */
    uint64_t start_s;
    uint64_t end_s;
    uint64_t gpu_minutes;
    uint64_t price_ucr;
    uint64_t billed_ucr;
    uint64_t list_ucr; /* the same at the price, whatever was the most to be billed */
    bool used;
};

/* Declares the table. */
uint32_t charge_table(struct job *j);
/* Adds the row; false: the report has failed. */
bool charge_show(struct job *j, uint32_t table, const struct charge *c);
/* The name of a price: of `number` of a kind of thing. NULL when the report has failed. */
const char *charge_price_text(struct job *j, const char *kind, uint64_t number, uint64_t price_ucr);
/* Text of the report's own, printed; NULL when the report has failed. */
const char *charge_text(struct job *j, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
