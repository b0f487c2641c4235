/*
 * What guarantors stand for: each backstop and lease guarantee in force, and those that have ended
 * with claims still open, with what it may cost at the most and what it is expected to.
 */
#ifndef BOURSE_REPORT_POSITION_H
#define BOURSE_REPORT_POSITION_H

#include "server/report/projection.h"

struct position {
    uint64_t contract; /* first: vector_by_number() */
    uint64_t site;
    uint64_t sku; /* 0: of a lease guarantee, which has none */
    uint64_t start_s;
    uint64_t end_s;
    uint64_t nominal_ucr;  /* what is left of the pool or the limit */
    uint64_t worst_ucr;    /* of it, with nothing sold and everything called */
    uint64_t expected_ucr; /* as projected */
    uint64_t funded_ucr;   /* the guarantor has in the fund */
    uint64_t claims_ucr;   /* owed already and not paid */
    uint64_t called_ucr; /* of a lease guarantee: what the guarantor has come to owe so far, paid or
                            not */
    uint64_t certified_s; /* of a backstop: when the certifications it asks for lapse, as listed
                             now; REPORT_NONE: it asks for none */
    uint64_t escrow_ucr;  /* of a lease guarantee: what the operator's escrow should hold */
    uint64_t escrow_there_ucr; /* ... and what it holds */
    uint32_t kind;
    uint32_t state;
    uint32_t version;
    uint32_t guarantor;
    uint32_t operator;
    uint32_t lender;
    bool found; /* its terms have been read */
};

struct position_month {
    uint64_t nominal_ucr; /* of what runs at any time of the month, and not before now */
    uint64_t worst_ucr;
    uint64_t expected_ucr;
};

struct positions {
    struct position *items; /* by number; owned */
    size_t count;
    size_t room;
    struct projection projection;
    struct position_month months[PROJECTION_MONTHS_MAX]; /* from the present one on */
    uint32_t months_count;
};

/* Those that concern the job, of its site and SKU where it names them. */
int positions_load(struct job *j, struct positions *out);
/* NULL: there is none of this number. */
const struct position *positions_find(const struct positions *p, uint64_t contract);
void positions_release(struct positions *p);

#endif
