/* A charge of the usage report: one row of FinOps FOCUS 1.2. */
#ifndef BOURSE_REPORT_CHARGE_H
#define BOURSE_REPORT_CHARGE_H

#include "server/report/walk.h"

/* What a credit is worth, exactly: in millionths of a unit of the billing currency. */
struct charge_par {
    uint64_t micros;
    const char *currency; /* lives as long as the report */
};
/* As the job's query asks: 1 USD where it does not. False, and the job is refused or has failed:
 * the currency is none, or one that has no par. */
bool charge_par_of(struct job *j, struct charge_par *out);
/* The note that says so. */
void charge_note(struct job *j, const struct charge_par *par);
/* Micro-credits as millionths of the billing currency, to the nearest. */
uint64_t charge_billed(const struct charge_par *par, uint64_t amount_ucr);

enum charge_category {
    CHARGE_USAGE,
    CHARGE_PURCHASE,   /* paid once; nothing is consumed */
    CHARGE_ADJUSTMENT, /* paid for what another is charged; of no quantity and unit price */
};

/* Texts live as long as the report; NULL: there is none. */
struct charge {
    enum charge_category category;
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
    uint64_t cost_ucr;
    uint64_t billed; /* what it cost, in millionths of the billing currency */
    uint64_t listed; /* the same at the price, whatever was the most to be billed */
    bool used;       /* of usage */
};

/* Declares the table. */
uint32_t charge_table(struct job *j);
/* Adds the row; false: the report has failed. */
bool charge_show(struct job *j, uint32_t table, const struct charge_par *par,
                 const struct charge *c);
/* The name of a price: of `number` of a kind of thing. NULL when the report has failed. */
const char *charge_price_text(struct job *j, const char *kind, uint64_t number, uint64_t price_ucr);
/* Text of the report's own, printed; NULL when the report has failed. */
const char *charge_text(struct job *j, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
