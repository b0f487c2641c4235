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

/* A byte of roles for each row of the job's accounts, in their order; NULL with *status set when
 * they cannot be read. To be freed. */
uint8_t *party_roles_load(const struct job *j, int *status);

#endif
