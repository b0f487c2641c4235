/* In which roles the rows show an account: to stand on several sides of the market is no fault, but
 * whoever reads what is at stake must see it. */
#ifndef BOURSE_REPORT_PARTY_ROLE_H
#define BOURSE_REPORT_PARTY_ROLE_H

#include "server/report/job.h"

enum party_role {
    PARTY_ROLE_GUARANTOR = 1, /* of a backstop or a lease guarantee in force */
    PARTY_ROLE_OPERATOR = 2,  /* of a site */
    PARTY_ROLE_TENANT = 4,    /* has held a lease, not one that it elected as a guarantor */
    PARTY_ROLE_FUNDER = 8,    /* of a series, or of a grant in force */
    PARTY_ROLE_LENDER = 16,   /* beneficiary of a lease guarantee in force */
};

/*
 * Whether the roles set interests of one account against each other. Some pay (guarantor, tenant,
 * funder), others are paid (operator, lender): whoever does both pays itself. So does a guarantor
 * that is a tenant, whose leases lower what it owes, and a lender that is an operator, whose loan
 * is secured by what it runs. That a guarantor funds a series is how it guarantees, and no
 * conflict.
 */
bool party_roles_conflict(uint8_t roles);

/* The roles of each account that has any, by number. Returns 0, or an error of the source. */
int party_roles_load(const struct job *j, struct lookup *out);

#endif
