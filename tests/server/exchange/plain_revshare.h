/*
 * Revenue shares once more, as simply as can be: a settlement is gone through micro-credit by
 * micro-credit. For comparison with the rules; shares nothing with them but the words.
 */
#ifndef BOURSE_TESTS_EXCHANGE_PLAIN_REVSHARE_H
#define BOURSE_TESTS_EXCHANGE_PLAIN_REVSHARE_H

#include <stdbool.h>
#include <stdint.h>

enum { PLAIN_PHASES = 8, PLAIN_CLAIMS = 4096, PLAIN_CLAIMS_PAID = 64 };

struct plain_terms {
    unsigned phases;
    uint64_t rate_bp[PLAIN_PHASES];
    uint64_t target_ppm[PLAIN_PHASES];
    uint64_t milestone[PLAIN_PHASES];
    bool above_floor;
    uint64_t floor;
    bool by_share; /* what milestones count */
    bool latching;
    unsigned window_days;
    unsigned rank;
};

struct plain_share {
    struct plain_terms terms;
    uint64_t contract;
    uint64_t start_s;
    unsigned phase;
    uint64_t gross;
    uint64_t units; /* due, in 1/10 000 */
    int month;
    uint64_t month_gross;
    uint64_t now_ppm;
    uint64_t peak_ppm;
    uint64_t paid; /* at once and later */
    uint64_t fund;
    uint64_t claims[PLAIN_CLAIMS];
    unsigned claims_first, claims_end;
};

/* Takes whatever steps stand open. */
void plain_steps(struct plain_share *s);
/* What is due of a settlement of `gross` in a month, counted from any. */
uint64_t plain_settle(struct plain_share *s, uint64_t gross, int month);
/* The utilisation of the window has been looked at. */
void plain_look(struct plain_share *s, uint64_t ppm);
/* Pays open claims from *have, the oldest first, and at most *most of them, which it lowers. */
void plain_claims_pay(struct plain_share *s, uint64_t *have, unsigned *most);
/* What ticks then do: all that the fund has goes to open claims. */
void plain_claims_tick(struct plain_share *s);
/* What is left of a settlement, and how many older claims it still pays, or funds for it. */
struct plain_earning {
    uint64_t gross;
    uint64_t left;
    unsigned claims;
    unsigned funded;
};

/* All that a share takes of a settlement, with what it claims. */
void plain_deduct(struct plain_share *s, struct plain_earning *e, int month);
uint64_t plain_claimed(const struct plain_share *s);

#endif
