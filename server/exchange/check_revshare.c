/* Revenue shares: terms, progress and deductions against each other, and the index of those in
 * force. */
#include "protocol/moment.h"
#include "server/exchange/check.h"
#include "server/exchange/revshare.h"
#include "server/exchange/revshare_split.h"

static void share_found(struct check_scan *s, uint64_t contract, const char *fault)
{
    s->count++;
    if (s->report)
        check_found(s->report, "revenue share %llu: %s", (unsigned long long)contract, fault);
}

/* --- What the rules rely on --- */

static const struct contract_row *share_contract(const struct exchange *x, uint64_t contract)
{
    const struct contract_row *row = contract_find(x, contract);
    return row && row->kind == CONTRACT_KIND_REVSHARE ? row : NULL;
}

static int terms_visit(void *context, const void *item)
{
    struct check_scan *s = context;
    const struct revshare_row *row = item;
    const struct contract_row *contract = share_contract(s->x, row->contract);
    if (!contract || row->version == 0 || row->version > contract->version_last ||
        row->operator!= contract->debtor || row->beneficiary != contract->creditor)
        share_found(s, row->contract, "terms of no version of a contract of these parties");
    if (!vocabulary_name(&share_base_vocabulary, row->base) ||
        !vocabulary_name(&milestone_kind_vocabulary, row->milestone))
        share_found(s, row->contract, "terms of no known base or milestone");
    if (row->phases_count == 0 || row->phases_count > PHASES_MAX || row->window_days == 0 ||
        row->window_days > SHARE_WINDOW_MAX_DAYS) {
        share_found(s, row->contract, "more or fewer phases or days than there can be");
        return 0;
    }
    for (uint32_t i = 0; i < row->phases_count; i++) {
        if (row->rate_bp[i] > 10000 || (i > 0 && row->rate_bp[i] >= row->rate_bp[i - 1]))
            share_found(s, row->contract, "rates that do not fall strictly");
    }
    return 0;
}

static int progress_visit(void *context, const void *item)
{
    struct check_scan *s = context;
    const struct progress_row *row = item;
    const struct contract_row *contract = share_contract(s->x, row->contract);
    const struct revshare_row *terms = revshare_terms(s->x, row->contract, row->version);
    if (!contract || contract->version == 0 || contract->version != row->version || !terms) {
        share_found(s, row->contract, "its progress is not that of the version in force");
        return 0;
    }
    if (row->operator!= contract->debtor || row->rank != terms->rank)
        share_found(s, row->contract, "its progress has another operator or rank");
    if (row->phase >= terms->phases_count || row->rest >= 10000)
        share_found(s, row->contract, "in a phase that it has not, or with too much of a rest");
    return 0;
}

static int contract_visit(void *context, const void *item)
{
    struct check_scan *s = context;
    const struct contract_row *row = item;
    if (row->kind != CONTRACT_KIND_REVSHARE)
        return 0;
    bool in_force = row->state == CONTRACT_STATE_IN_FORCE;
    if (in_force && !revshare_progress(s->x, row->contract))
        share_found(s, row->contract, "is in force, but nothing says how it stands");
    if (in_force && !revshare_terms(s->x, row->contract, row->version))
        share_found(s, row->contract, "is in force, but has no terms");
    if (row->pending > 0 && !revshare_terms(s->x, row->contract, row->pending))
        share_found(s, row->contract, "a version is proposed, but has no terms");
    return 0;
}

uint64_t check_revshare_rows(const struct exchange *x, struct check_report *report)
{
    struct check_scan scan = {.x = x, .report = report};
    store_each(x->store, TABLE_REVSHARE, terms_visit, &scan);
    store_each(x->store, TABLE_PROGRESS, progress_visit, &scan);
    store_each(x->store, TABLE_CONTRACT, contract_visit, &scan);
    return scan.count;
}

/* --- Sums --- */

/* What one share's deductions come to. */
struct share_sums {
    amount gross;
    amount share;
    amount paid;
    amount claims;
    uint32_t phase;
};

static void deduction_check(struct check_scan *s, const struct progress_row *p, uint64_t number,
                            struct share_sums *sums)
{
    struct share_row key = {.contract = p->contract, .share = number};
    const struct share_row *row = store_find(s->x->store, TABLE_SHARE, &key);
    if (!row) {
        share_found(s, p->contract, "a deduction is missing");
        return;
    }
    if (row->paid_ucr > row->share_ucr || row->share_ucr > row->base_ucr ||
        row->base_ucr > row->gross_ucr)
        share_found(s, p->contract,
                    "a deduction pays more than is due, or more is due than counts");
    if (row->claims_ucr > row->gross_ucr || row->paid_ucr > row->gross_ucr - row->claims_ucr)
        share_found(s, p->contract, "a deduction takes more than was settled");
    const struct claim_row *claim = revshare_claim(s->x, row);
    if (row->paid_ucr <= row->share_ucr && p->share_ucr < UINT64_MAX &&
        (claim ? claim->amount_ucr : 0) != row->share_ucr - row->paid_ucr)
        share_found(s, p->contract, "a deduction lacked another amount than its claim");
    if (row->phase_first < sums->phase || row->phase_last < row->phase_first)
        share_found(s, p->contract, "a deduction went back to a former phase");
    sums->phase = row->phase_last;
    sums->gross = revshare_add(sums->gross, row->gross_ucr);
    sums->share = revshare_add(sums->share, row->share_ucr);
    sums->paid = revshare_add(sums->paid, row->paid_ucr);
    sums->claims = revshare_add(sums->claims, row->claims_ucr);
}

static bool in_line(const struct exchange *x, const struct progress_row *p)
{
    struct share_line *line = revshare_first(x, p->operator);
    while (line && (line->rank != p->rank || line->contract != p->contract))
        line = revshare_next(line);
    return line != NULL;
}

/* When utilisation is to be looked at next: a step is still to come, or was taken since the last
 * look. */
static bool look_agrees(const struct exchange *x, const struct contract_row *row,
                        const struct progress_row *p)
{
    const struct revshare_row *terms = revshare_terms(x, row->contract, row->version);
    if (p->look_site > 0 && (row->next_s == 0 || row->next_s > x->head.time_s))
        return false; /* in the middle of a look that is not due */
    return row->next_s != 0 || p->phase + 1 == terms->phases_count;
}

static int sums_visit(void *context, const void *item)
{
    struct check_scan *s = context;
    const struct progress_row *p = item;
    struct share_sums sums = {.phase = 0};
    for (uint64_t number = 1; number <= p->shares; number++)
        deduction_check(s, p, number, &sums);
    if (sums.gross != p->gross_ucr || sums.share != p->share_ucr || sums.paid != p->paid_ucr ||
        sums.phase > p->phase)
        share_found(s, p->contract, "its deductions come to another progress");
    if (sums.claims > p->share_ucr)
        share_found(s, p->contract, "its deductions paid more of claims than there were");
    if (p->month_gross_ucr > p->gross_ucr)
        share_found(s, p->contract, "more in a month than in all");
    if (p->utilisation_s % DAY_S != 0 || p->utilisation_s > s->x->head.time_s ||
        (p->utilisation_s == 0 && (p->utilisation_ppm > 0 || p->utilisation_peak_ppm > 0)))
        share_found(s, p->contract, "its utilisation was measured until a time that cannot be");
    if (!in_line(s->x, p))
        share_found(s, p->contract, "not in memory among those of its operator");
    if (!look_agrees(s->x, contract_find(s->x, p->contract), p))
        share_found(s, p->contract, "nobody looks whether its next phase is reached");
    return 0;
}

struct claim_sums {
    struct check_scan *scan;
    amount *claimed; /* by contract */
};

static int claim_visit(void *context, const void *item)
{
    struct claim_sums *c = context;
    const struct claim_row *row = item;
    if (row->contract <= c->scan->x->head.contract_last)
        c->claimed[row->contract] = revshare_add(c->claimed[row->contract], row->amount_ucr);
    return 0;
}

static int claimed_visit(void *context, const void *item)
{
    struct claim_sums *c = context;
    const struct progress_row *p = item;
    if (revshare_add(p->paid_ucr, c->claimed[p->contract]) != p->share_ucr)
        share_found(c->scan, p->contract, "what was paid and claimed is not what was due");
    return 0;
}

static int deductions_count(void *context, const void *item)
{
    uint64_t *count = context;
    *count += ((const struct progress_row *)item)->shares;
    return 0;
}

void check_revshares(const struct exchange *x, struct check_report *report)
{
    struct check_scan scan = {.x = x, .report = report};
    struct claim_sums claims = {.scan = &scan};
    struct arena arena = ARENA_EMPTY;
    uint64_t deductions = 0;
    claims.claimed = arena_alloc(&arena, (x->head.contract_last + 1) * sizeof(amount));
    if (!claims.claimed)
        memory_exhausted();
    store_each(x->store, TABLE_PROGRESS, sums_visit, &scan);
    store_each(x->store, TABLE_CLAIM, claim_visit, &claims);
    store_each(x->store, TABLE_PROGRESS, claimed_visit, &claims);
    store_each(x->store, TABLE_PROGRESS, deductions_count, &deductions);
    if (deductions != store_count(x->store, TABLE_SHARE))
        check_found(report, "revenue shares: %llu deductions, but %llu rows",
                    (unsigned long long)deductions,
                    (unsigned long long)store_count(x->store, TABLE_SHARE));
    if (x->revshares->count != store_count(x->store, TABLE_PROGRESS))
        check_found(report, "revenue shares: %llu in memory, of %llu rows",
                    (unsigned long long)x->revshares->count,
                    (unsigned long long)store_count(x->store, TABLE_PROGRESS));
    arena_release(&arena);
}
