/* Grants: terms, what was advanced, what is declared and due, worked out again from the rows. */
#include "protocol/amount.h"
#include "protocol/month.h"
#include "server/exchange/account.h"
#include "server/exchange/check.h"
#include "server/exchange/grant.h"
#include "server/exchange/series.h"

static void grant_found(struct check_scan *s, uint64_t contract, const char *fault)
{
    check_found(s->report, "grant %llu: %s", (unsigned long long)contract, fault);
}

/* --- References: what the rules rely on without looking --- */

static void reference_found(struct check_scan *s, uint64_t contract, const char *fault)
{
    s->count++;
    if (s->report)
        grant_found(s, contract, fault);
}

/* Texts of a row end within their columns, and the unused ones are empty. */
static bool names_end(const uint8_t *names, uint32_t count)
{
    if (count > STREAMS_MAX)
        return false;
    for (uint32_t i = 0; i < STREAMS_MAX; i++) {
        if (names[i * NAME_BYTES + NAME_BYTES - 1] != 0 ||
            (names[i * NAME_BYTES] != 0) != (i < count))
            return false;
    }
    return true;
}

static bool kinds_known(const struct grant_row *row)
{
    for (uint32_t i = 0; i < row->tranches_count; i++) {
        if (row->tranche_kind[i] > UINT32_MAX ||
            !vocabulary_name(&tranche_kind_vocabulary, (uint32_t)row->tranche_kind[i]))
            return false;
    }
    return true;
}

static int terms_reference(void *context, const void *item)
{
    struct check_scan *s = context;
    const struct grant_row *row = item;
    const struct contract_row *contract = contract_find(s->x, row->contract);
    if (!contract || contract->kind != CONTRACT_KIND_GRANT ||
        row->version > contract->version_last || row->startup != contract->debtor ||
        row->funder != contract->creditor)
        reference_found(s, row->contract, "terms of no contract of these parties");
    if (!series_find(s->x, row->series))
        reference_found(s, row->contract, "terms name no known series");
    if (row->tranches_count == 0 || row->tranches_count > TRANCHES_MAX ||
        !names_end(row->carve_outs, row->carve_outs_count) || !kinds_known(row))
        reference_found(s, row->contract, "terms name more than they can, or what is unknown");
    if (row->start_s > TIME_MAX_S || row->term_months > GRANT_MONTHS_MAX ||
        row->tail_months > GRANT_MONTHS_MAX || row->declare_days > GRANT_DECLARE_MAX_DAYS ||
        row->share_bp > 10000 || row->cap_bp > GRANT_CAP_MAX_BP)
        reference_found(s, row->contract, "terms are beyond the limits");
    if (row->previous >= row->version ||
        (row->previous != 0 && !grant_terms(s->x, row->contract, row->previous)))
        reference_found(s, row->contract, "terms follow a version that is not there");
    return 0;
}

static int advance_reference(void *context, const void *item)
{
    struct check_scan *s = context;
    const struct advance_row *row = item;
    const struct contract_row *contract = contract_find(s->x, row->contract);
    const struct grant_row *terms =
        contract ? grant_terms(s->x, row->contract, contract->version) : NULL;
    if (!terms || row->startup != terms->startup || row->series != terms->series)
        reference_found(s, row->contract, "an advance of no grant of this startup and series");
    bool in_force = contract && contract->state == CONTRACT_STATE_IN_FORCE;
    if (in_force != (row->open != 0) || (contract && !in_force && contract->next_s != 0))
        reference_found(s, row->contract, "open or due and not in force, or the other way round");
    return 0;
}

static int declaration_reference(void *context, const void *item)
{
    struct check_scan *s = context;
    const struct declaration_row *row = item;
    bool month = row->month_s < TIME_MAX_S && month_start_s(month_of(row->month_s)) == row->month_s;
    if (row->account > ACCOUNTS_MAX || account_role(s->x, row->account) == 0 || !month ||
        row->version == 0 || !names_end(row->names, row->streams_count)) {
        s->count++;
        if (s->report)
            check_found(s->report,
                        "declaration of account %u: of nobody, of no month, or of no streams",
                        row->account);
    }
    return 0;
}

uint64_t check_grant_references(const struct exchange *x, struct check_report *report)
{
    struct check_scan scan = {.x = x, .report = report};
    store_each(x->store, TABLE_GRANT, terms_reference, &scan);
    store_each(x->store, TABLE_ADVANCE, advance_reference, &scan);
    store_each(x->store, TABLE_DECLARATION, declaration_reference, &scan);
    return scan.count;
}

/* --- What follows from the rows --- */

static void royalty_check(struct check_scan *s, const struct advance_row *row,
                          const struct grant_row *terms)
{
    /* Month by month; the rules add what each declaration changes. */
    if (revenue_rated(s->x, terms) != advance_rated(row))
        grant_found(s, row->contract, "what is declared comes to another royalty");
    amount cap = royalty_cap(terms, row);
    wide earned = advance_rated(row) / 10000;
    if (row->royalty_ucr != (earned < cap ? (amount)earned : cap))
        grant_found(s, row->contract, "its royalty is not what is declared, up to its cap");
    if (row->month_s < grant_first_s(terms) ||
        row->month_s != revenue_undeclared_s(s->x, row->startup, grant_first_s(terms)))
        grant_found(s, row->contract, "waits for another month than the first undeclared one");
}

static void tranches_check(struct check_scan *s, const struct advance_row *row,
                           const struct grant_row *terms)
{
    if (((row->tranches_paid | row->tranches_released) & ~tranches_all(terms)) != 0)
        grant_found(s, row->contract, "a tranche is paid that it has not");
    if (row->advanced_ucr != tranches_sum(terms, row->tranches_paid))
        grant_found(s, row->contract, "advanced is not what its tranches come to");
    if (tranches_due(terms, row, s->x->head.time_s) != 0 &&
        revenue_late_s(terms, row, s->x->head.time_s) == 0) {
        uint32_t waiting = tranches_due(terms, row, s->x->head.time_s);
        uint32_t first = 0;
        while (!(waiting >> first & 1))
            first++;
        const struct contract_row *contract = contract_find(s->x, row->contract);
        amount funds = contract_funds(s->x, contract, contract->creditor);
        bool swept = contract->next_s == 0 || contract->next_s > s->x->head.time_s;
        if (swept && funds >= terms->tranche_amount_ucr[first] &&
            !series_expired(s->x, series_find(s->x, row->series)))
            grant_found(s, row->contract, "a tranche waits that could be paid");
    }
}

static int advance_visit(void *context, const void *item)
{
    struct check_scan *s = context;
    const struct advance_row *row = item;
    const struct contract_row *contract = contract_find(s->x, row->contract);
    const struct grant_row *terms =
        contract ? grant_terms(s->x, row->contract, contract->version) : NULL;
    if (!terms)
        return 0; /* reported by check_grant_references() */
    bool in_force = contract->state == CONTRACT_STATE_IN_FORCE;
    bool listed = grant_counting_next(s->x, row->startup, row->contract) == row->contract;
    bool below = row->paid_ucr + row->recorded_ucr < royalty_cap(terms, row);
    s->count += row->counts != 0;
    if (listed != (row->counts != 0))
        grant_found(s, row->contract, "in memory among those that count, and is not, or not there");
    if ((row->counts != 0) != (in_force || (contract->state == CONTRACT_STATE_EXPIRED && below)))
        grant_found(s, row->contract, "declarations count where they do not, or do not count");
    if (grant_of_series(s->x, row->series) != row->contract)
        grant_found(s, row->contract, "is not the one of its series in memory");
    tranches_check(s, row, terms);
    if (row->counts)
        royalty_check(s, row, terms);
    if (contract->next_s == 0 && in_force && s->x->head.time_s < grant_close_s(terms))
        grant_found(s, row->contract, "has time to go, but is never looked at");
    return 0;
}

void check_grants(const struct exchange *x, struct check_report *report)
{
    struct check_scan scan = {.x = x, .report = report};
    store_each(x->store, TABLE_ADVANCE, advance_visit, &scan);
    if (scan.count != x->grants->counting_count)
        check_found(report, "grants: %llu count declarations, %llu in memory",
                    (unsigned long long)scan.count, (unsigned long long)x->grants->counting_count);
}
