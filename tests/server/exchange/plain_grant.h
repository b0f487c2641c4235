/*
 * Grants once more, plainly: everything is worked out from the beginning whenever it is asked for.
 * For tests; shares nothing with the rules but the messages.
 */
#ifndef BOURSE_TESTS_EXCHANGE_PLAIN_GRANT_H
#define BOURSE_TESTS_EXCHANGE_PLAIN_GRANT_H

#include <stdbool.h>
#include <stdint.h>

enum { PLAIN_MONTHS = 60, PLAIN_TRANCHES = 4, PLAIN_VERSIONS = 64 };

/* Terms as accepted, the first of them before everything. */
struct plain_version {
    uint64_t accepted_s;
    uint32_t share_bp;
    uint32_t cap_bp;
    uint32_t tail_months;
    bool carved; /* the second stream does not count */
};

struct plain_tranche {
    bool by_admin;
    bool released;
    bool paid;
    uint64_t from_s;
    uint64_t amount_ucr;
};

struct plain_grant {
    uint64_t now_s;
    uint64_t month_s[PLAIN_MONTHS + 1]; /* from the one of the start on; set by the test */
    uint32_t term_months;
    uint32_t declare_days;
    struct plain_version versions[PLAIN_VERSIONS];
    uint32_t versions_count;
    struct plain_tranche tranches[PLAIN_TRANCHES];
    bool declared[PLAIN_MONTHS];
    uint64_t streams_ucr[PLAIN_MONTHS][2];
    uint64_t fund_ucr;
    uint64_t advanced_ucr;
    uint64_t paid_ucr; /* in credits or outside */
    bool completed;
    bool expired;
};

uint64_t plain_royalty(const struct plain_grant *g);
uint64_t plain_due(const struct plain_grant *g);
/* The month that is late; PLAIN_MONTHS: none. */
uint32_t plain_late(const struct plain_grant *g);
/* After any change, and whenever time has gone on: pays tranches, ends the grant. */
void plain_go_on(struct plain_grant *g);

#endif
