/* Terms of grants, how they come into force, go on and end. */
#include "server/exchange/grant.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/amount.h"
#include "protocol/moment.h"
#include "protocol/month.h"
#include "server/exchange/account.h"
#include "server/exchange/event.h"
#include "server/exchange/index.h"
#include "server/exchange/series.h"

/* --- Index --- */

static int line_compare(const struct grant_line *a, const struct grant_line *b)
{
    int order = number_compare(a->startup, b->startup);
    return order != 0 ? order : number_compare(a->contract, b->contract);
}

TREE_GENERATE(grant_tree, grant_line, link, line_compare)

static void counting_change(struct grant_index *index, const struct advance_row *row, bool counts)
{
    struct grant_line key = {.startup = row->startup, .contract = row->contract};
    struct grant_line *line = RB_FIND(grant_tree, &index->counting, &key);
    if (counts && !line) {
        line = memory_zeroed(1, sizeof(*line));
        line->startup = row->startup;
        line->contract = row->contract;
        RB_INSERT(grant_tree, &index->counting, line);
        index->counting_count++;
    } else if (!counts && line) {
        RB_REMOVE(grant_tree, &index->counting, line);
        index->counting_count--;
        free(line);
    }
}

static void series_change(struct grant_index *index, uint32_t series, uint64_t contract)
{
    if (series == 0 || series > SERIES_MAX)
        return; /* of a damaged image, which the check after loading refuses */
    if (series >= index->by_series_size) {
        size_t size = index->by_series_size ? index->by_series_size : 64;
        while (size <= series)
            size *= 2;
        uint64_t *by_series = realloc(index->by_series, size * sizeof(*by_series));
        if (!by_series)
            memory_exhausted();
        memset(by_series + index->by_series_size, 0,
               (size - index->by_series_size) * sizeof(*by_series));
        index->by_series = by_series;
        index->by_series_size = size;
    }
    index->by_series[series] = contract;
}

static void advance_hook(void *context, const void *old_row, const void *new_row)
{
    struct exchange *x = context;
    const struct advance_row *before = old_row;
    const struct advance_row *after = new_row;
    if (before && (!after || before->startup != after->startup || !after->counts))
        counting_change(x->grants, before, false);
    if (after && after->counts)
        counting_change(x->grants, after, true);
    if (before && (!after || before->series != after->series))
        series_change(x->grants, before->series, 0);
    if (after)
        series_change(x->grants, after->series, after->contract);
}

void grant_index_new(struct exchange *x)
{
    x->grants = memory_zeroed(1, sizeof(*x->grants));
    RB_INIT(&x->grants->counting);
    store_set_hook(x->store, TABLE_ADVANCE, advance_hook, x);
}

void grant_index_free(struct exchange *x)
{
    struct grant_line *line;
    if (!x->grants)
        return;
    while ((line = RB_ROOT(&x->grants->counting)) != NULL) {
        RB_REMOVE(grant_tree, &x->grants->counting, line);
        free(line);
    }
    free(x->grants->by_series);
    free(x->grants);
    x->grants = NULL;
}

uint64_t grant_counting_next(const struct exchange *x, uint32_t startup, uint64_t from)
{
    struct grant_line key = {.startup = startup, .contract = from};
    const struct grant_line *line = RB_NFIND(grant_tree, &x->grants->counting, &key);
    return line && line->startup == startup ? line->contract : 0;
}

uint64_t grant_of_series(const struct exchange *x, uint32_t series)
{
    return series < x->grants->by_series_size ? x->grants->by_series[series] : 0;
}

/* --- Rows --- */

const struct grant_row *grant_terms(const struct exchange *x, uint64_t contract, uint32_t version)
{
    struct grant_row key = {.contract = contract, .version = version};
    return store_find(x->store, TABLE_GRANT, &key);
}

const struct advance_row *grant_advance(const struct exchange *x, uint64_t contract)
{
    return store_find(x->store, TABLE_ADVANCE, &contract);
}

const struct grant_row *grant_terms_until(const struct exchange *x, const struct grant_row *terms,
                                          uint64_t end_s, uint64_t *looks)
{
    for (; terms && terms->accepted_s >= end_s && terms->previous != 0 &&
           terms->previous < terms->version;
         ++*looks)
        terms = grant_terms(x, terms->contract, terms->previous);
    return terms;
}

void grant_read(const struct exchange *x, uint64_t contract, struct grant *out)
{
    out->row = *contract_find(x, contract);
    out->terms = *grant_terms(x, contract, out->row.version);
    out->advance = *grant_advance(x, contract);
    out->at_s = x->head.time_s;
}

/* --- Months --- */

uint64_t month_next_s(uint64_t month_s)
{
    return month_start_s(month_of(month_s) + 1);
}

uint64_t grant_first_s(const struct grant_row *terms)
{
    return month_start_s(month_of(terms->start_s));
}

uint64_t grant_term_end_s(const struct grant_row *terms)
{
    return month_start_s(month_of(terms->start_s) + terms->term_months);
}

uint64_t grant_tail_end_s(const struct grant_row *terms)
{
    return month_start_s(month_of(terms->start_s) + terms->term_months + terms->tail_months);
}

uint64_t grant_close_s(const struct grant_row *terms)
{
    return grant_tail_end_s(terms) + (uint64_t)terms->declare_days * DAY_S;
}

/* --- Proposing --- */

/* Names, each once, that something may be called by. */
static bool names_valid(const struct required *names, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!name_allowed(names[i].name))
            return false;
        for (uint32_t j = 0; j < i; j++) {
            if (names[i].name.length == names[j].name.length &&
                memcmp(names[i].name.data, names[j].name.data, names[i].name.length) == 0)
                return false;
        }
    }
    return true;
}

static bool tranche_valid(const struct grant_row *terms, uint32_t i)
{
    uint64_t from_s = terms->tranche_from_s[i];
    switch (terms->tranche_kind[i]) {
    case TRANCHE_KIND_DATE:
        return terms->tranche_spent_ucr[i] == 0 && from_s >= terms->start_s &&
               from_s < grant_term_end_s(terms);
    case TRANCHE_KIND_SPENT:
        return terms->tranche_spent_ucr[i] > 0 && from_s == 0;
    default:
        return terms->tranche_spent_ucr[i] == 0 && from_s == 0;
    }
}

/* What the terms may not be, whatever the time is. */
static enum refusal terms_refusal(const struct exchange *x, const struct grant_row *terms)
{
    const uint64_t span_s = (uint64_t)CONTRACT_SPAN_MAX_MIN * 60;
    wide sum = 0;
    enum refusal refusal = REFUSAL_accepted;
    if (terms->start_s > x->head.time_s + span_s || terms->start_s + span_s < x->head.time_s)
        return REFUSAL_terms_invalid;
    if (grant_close_s(terms) > TIME_MAX_S || terms->tranches_count == 0)
        return REFUSAL_terms_invalid;
    for (uint32_t i = 0; i < terms->tranches_count; i++) {
        sum += terms->tranche_amount_ucr[i];
        if (!tranche_valid(terms, i))
            refusal = REFUSAL_terms_invalid;
    }
    if (sum > AMOUNT_MAX_UCR || sum * terms->cap_bp / 10000 > AMOUNT_MAX_UCR)
        refusal = refusal_first(refusal, REFUSAL_amount_overflow);
    return refusal;
}

static bool tranche_same(const struct grant_row *a, const struct grant_row *b, uint32_t i)
{
    return i < a->tranches_count && i < b->tranches_count &&
           a->tranche_kind[i] == b->tranche_kind[i] &&
           a->tranche_amount_ucr[i] == b->tranche_amount_ucr[i] &&
           a->tranche_from_s[i] == b->tranche_from_s[i] &&
           a->tranche_spent_ucr[i] == b->tranche_spent_ucr[i];
}

/*
 * Whether terms may come into force now, in place of those in force, if any. What has been settled
 * stays: tranches paid or released, the first month once it has come, and the months that are over
 * have been and remain within term and tail.
 */
static enum refusal time_refusal(const struct exchange *x, const struct contract_row *row,
                                 const struct grant_row *terms)
{
    uint64_t now_s = x->head.time_s;
    if (row == NULL || row->version == 0)
        return grant_term_end_s(terms) > now_s ? REFUSAL_accepted : REFUSAL_terms_invalid;
    const struct grant_row *so_far = grant_terms(x, row->contract, row->version);
    const struct advance_row *advance = grant_advance(x, row->contract);
    uint32_t fixed = advance->tranches_paid | advance->tranches_released;
    for (uint32_t i = 0; i < TRANCHES_MAX; i++) {
        if ((fixed >> i & 1) && !tranche_same(so_far, terms, i))
            return REFUSAL_contract_past_fixed;
    }
    bool begun = so_far->start_s <= now_s;
    if (terms->start_s != so_far->start_s && (begun || terms->start_s < now_s))
        return REFUSAL_contract_past_fixed;
    if (grant_tail_end_s(so_far) <= now_s || grant_tail_end_s(terms) <= now_s)
        return REFUSAL_contract_past_fixed;
    return REFUSAL_accepted;
}

static enum refusal series_refusal(const struct exchange *x, const struct grant_row *terms)
{
    const struct series_row *series = series_find(x, terms->series);
    if (!series)
        return REFUSAL_series_not_found;
    uint64_t user = grant_of_series(x, terms->series);
    enum refusal refusal = REFUSAL_accepted;
    if (series->funder != terms->funder)
        refusal = REFUSAL_not_owner;
    if (series_expired(x, series))
        refusal = refusal_first(refusal, REFUSAL_series_expired);
    if (user != 0 && user != terms->contract)
        refusal = refusal_first(refusal, REFUSAL_contract_overlaps);
    return refusal;
}

static enum refusal roles_refusal(const struct exchange *x, const struct op_grant_propose *op)
{
    uint32_t funder = account_role(x, op->funder);
    uint32_t startup = account_role(x, op->startup);
    if (funder == 0 || startup == 0)
        return REFUSAL_accepted; /* contract_propose_refusal() has said so */
    bool funds = funder == ROLE_ADMIN || funder == ROLE_GUARANTOR;
    return funds && startup == ROLE_STARTUP ? REFUSAL_accepted : REFUSAL_role_not_allowed;
}

static struct grant_row terms_of(const struct op_grant_propose *op)
{
    struct grant_row terms = {
        .contract = op->contract,
        .funder = op->funder,
        .startup = op->startup,
        .series = op->series,
        .share_bp = op->share_bp,
        .cap_bp = op->cap_bp,
        .start_s = op->start_s,
        .term_months = op->term_months,
        .tail_months = op->tail_months,
        .declare_days = op->declare_days,
        .tranches_count = op->tranches.count,
        .carve_outs_count = op->carve_outs.count,
    };
    for (uint32_t i = 0; i < op->tranches.count; i++) {
        const struct tranche *tranche = &op->tranches.items[i];
        terms.tranche_kind[i] = tranche->kind;
        terms.tranche_amount_ucr[i] = tranche->amount_ucr;
        terms.tranche_from_s[i] = tranche->from_s;
        terms.tranche_spent_ucr[i] = tranche->spent_ucr;
    }
    for (uint32_t i = 0; i < op->carve_outs.count; i++) {
        struct text name = op->carve_outs.items[i].name;
        memcpy(&terms.carve_outs[i * NAME_BYTES], name.data,
               name.length < NAME_BYTES ? name.length : NAME_BYTES - 1);
    }
    return terms;
}

static enum refusal propose_refusal(const struct exchange *x, uint32_t account,
                                    const struct op_grant_propose *op,
                                    const struct grant_row *terms)
{
    const struct contract_parties parties = {.debtor = op->startup, .creditor = op->funder};
    enum refusal refusal =
        contract_propose_refusal(x, account, CONTRACT_KIND_GRANT, op->contract, &parties);
    refusal = refusal_first(refusal, roles_refusal(x, op));
    if (!names_valid(op->carve_outs.items, op->carve_outs.count))
        refusal = refusal_first(refusal, REFUSAL_malformed);
    refusal = refusal_first(refusal, series_refusal(x, terms));
    refusal = refusal_first(refusal, terms_refusal(x, terms));
    if (op->contract == 0)
        return refusal_first(refusal, time_refusal(x, NULL, terms));
    if (refusal)
        return refusal;
    const struct contract_row *row = op->contract ? contract_find(x, op->contract) : NULL;
    if (row && grant_terms(x, row->contract, row->version_last)->series != op->series)
        return REFUSAL_contract_parties_fixed;
    return time_refusal(x, row, terms);
}

static void proposal_log(struct exchange *x, uint32_t account, const struct contract_row *row,
                         const struct op_grant_propose *op)
{
    struct ev_grant_proposed event = {
        EVENT_HEAD_OF(x, account),
        .proposed = row->contract,
        .version = row->pending,
        .contract = op->contract,
        .funder = op->funder,
        .startup = op->startup,
        .series = op->series,
        .share_bp = op->share_bp,
        .cap_bp = op->cap_bp,
        .start_s = op->start_s,
        .term_months = op->term_months,
        .tail_months = op->tail_months,
        .declare_days = op->declare_days,
    };
    event.tranches.items = op->tranches.items;
    event.tranches.count = op->tranches.count;
    event.carve_outs.items = op->carve_outs.items;
    event.carve_outs.count = op->carve_outs.count;
    event_log(x, &ev_grant_proposed_message, &event);
}

enum refusal grant_propose(struct exchange *x, const struct actor *actor, const void *body,
                           struct result *out)
{
    const struct op_grant_propose *op = body;
    struct grant_row terms = terms_of(op);
    enum refusal refusal = propose_refusal(x, actor->account, op, &terms);
    if (refusal)
        return refusal;
    const struct contract_parties parties = {.debtor = op->startup, .creditor = op->funder};
    struct contract_row row = contract_propose(x, actor->account, CONTRACT_KIND_GRANT, op->contract,
                                               &parties, op->start_s, grant_tail_end_s(&terms));
    terms.contract = row.contract;
    terms.version = row.pending;
    store_put(x->store, TABLE_GRANT, &terms);
    proposal_log(x, actor->account, &row, op);
    out->object = row.contract;
    return REFUSAL_accepted;
}

/* --- Coming into force --- */

static enum refusal accept_refusal(struct exchange *x, const struct contract_row *row)
{
    const struct grant_row *terms = grant_terms(x, row->contract, row->pending);
    enum refusal refusal = series_refusal(x, terms);
    refusal = refusal_first(refusal, terms_refusal(x, terms));
    return refusal_first(refusal, time_refusal(x, row, terms));
}

static void begin(struct exchange *x, struct contract_row *row)
{
    struct grant g = {
        .row = *row,
        .terms = *grant_terms(x, row->contract, row->version),
        .at_s = x->head.time_s,
    };
    const struct advance_row *so_far = grant_advance(x, row->contract);
    if (so_far) {
        g.advance = *so_far;
        g.terms.previous = contract_find(x, row->contract)->version; /* as it was until now */
    } else {
        g.advance = (struct advance_row){
            .contract = row->contract,
            .startup = g.terms.startup,
            .series = g.terms.series,
            .open = 1,
            .counts = 1,
        };
    }
    g.terms.accepted_s = x->head.time_s;
    store_put(x->store, TABLE_GRANT, &g.terms);
    g.row.start_s = g.terms.start_s;
    g.row.end_s = grant_tail_end_s(&g.terms);
    g.advance.month_s = revenue_undeclared_s(x, g.terms.startup, grant_first_s(&g.terms));
    advance_rate(&g.advance, revenue_rated(x, &g.terms));
    royalty_update(x, &g, 0);
    grant_go_on(x, &g);
    *row = g.row;
}

/* --- Going on --- */

static void earlier(uint64_t *next_s, uint64_t after_s, uint64_t s)
{
    if (s > after_s && (*next_s == 0 || s < *next_s))
        *next_s = s;
}

/* A late declaration needs no look: whether one is late follows from the time. */
static uint64_t next_look_s(const struct grant *g)
{
    uint64_t next_s = 0;
    earlier(&next_s, g->at_s, g->terms.start_s);
    earlier(&next_s, g->at_s, grant_term_end_s(&g->terms));
    earlier(&next_s, g->at_s, grant_close_s(&g->terms));
    for (uint32_t i = 0; i < g->terms.tranches_count; i++) {
        if (!(g->advance.tranches_paid >> i & 1))
            earlier(&next_s, g->at_s, g->terms.tranche_from_s[i]);
    }
    return next_s;
}

/* Completed: nothing more is advanced, and what was is paid up to the cap. Expired: the time for
 * all of it is over, and nothing is due nor left to be declared. 0: neither. */
static enum contract_state over_as(const struct grant *g)
{
    const struct advance_row *a = &g->advance;
    bool advanced =
        a->tranches_paid == tranches_all(&g->terms) || g->at_s >= grant_term_end_s(&g->terms);
    if (advanced && a->paid_ucr + a->recorded_ucr >= royalty_cap(&g->terms, a))
        return a->advanced_ucr > 0 ? CONTRACT_STATE_COMPLETED : CONTRACT_STATE_EXPIRED;
    if (g->at_s >= grant_close_s(&g->terms) && royalty_due(a) == 0 &&
        a->month_s >= grant_tail_end_s(&g->terms))
        return CONTRACT_STATE_EXPIRED;
    return (enum contract_state)0;
}

/* Declarations of the months it had are corrected after it has expired, too, which makes more due
 * as long as the cap leaves room for it. */
static bool still_counts(const struct grant *g)
{
    const struct advance_row *a = &g->advance;
    return a->open || (g->row.state == CONTRACT_STATE_EXPIRED &&
                       a->paid_ucr + a->recorded_ucr < royalty_cap(&g->terms, a));
}

void grant_go_on(struct exchange *x, struct grant *g)
{
    if (g->advance.open) {
        tranches_pay(x, g);
        enum contract_state over = over_as(g);
        g->advance.open = over == 0;
        if (over != 0)
            contract_end(x, &g->row, over);
    }
    g->advance.counts = still_counts(g);
    store_put(x->store, TABLE_ADVANCE, &g->advance);
    if (!g->advance.open)
        return;
    g->row.next_s = next_look_s(g);
    store_put(x->store, TABLE_CONTRACT, &g->row);
}

static uint32_t due(struct exchange *x, struct contract_row *row, uint32_t limit)
{
    (void)limit;
    struct grant g;
    grant_read(x, row->contract, &g);
    g.at_s = row->next_s; /* what came later changes nothing of it, however late this is */
    grant_go_on(x, &g);
    *row = g.row;
    return 1;
}

static void funded(struct exchange *x, struct contract_row *row)
{
    struct grant g;
    grant_read(x, row->contract, &g);
    grant_go_on(x, &g);
    *row = g.row;
}

/* The fund holds what the funder has promised: it keeps there what tranches can still take. */
static amount kept(const struct exchange *x, const struct contract_row *row, uint32_t account)
{
    const struct grant_row *terms = grant_terms(x, row->contract, row->version);
    const struct advance_row *advance = grant_advance(x, row->contract);
    if (account != terms->funder || x->head.time_s >= grant_term_end_s(terms) ||
        series_expired(x, series_find(x, terms->series)))
        return 0;
    return tranches_sum(terms, tranches_all(terms) & ~advance->tranches_paid);
}

static enum refusal fund_refusal(const struct exchange *x, const struct contract_row *row,
                                 uint32_t account, uint32_t series)
{
    const struct grant_row *terms = grant_terms(x, row->contract, row->version);
    enum refusal refusal = REFUSAL_accepted;
    if (series != terms->series)
        refusal = REFUSAL_series_restricted;
    if (account != terms->funder)
        refusal = refusal_first(refusal, REFUSAL_contract_not_party);
    return refusal;
}

const struct contract_rules grant_rules = {
    .accept_refusal = accept_refusal,
    .begin = begin,
    .due = due,
    .kept = kept,
    .fund_refusal = fund_refusal,
    .funded = funded,
};

enum refusal grant_operation_refusal(const struct exchange *x, uint64_t contract, uint32_t account,
                                     enum grant_actor as)
{
    const struct contract_row *row = contract_find(x, contract);
    if (!row || row->kind != CONTRACT_KIND_GRANT ||
        (as != GRANT_ADMIN && !contract_has_party(row, account)))
        return REFUSAL_contract_not_found;
    if ((as == GRANT_FUNDER && account != row->creditor) ||
        (as == GRANT_STARTUP && account != row->debtor))
        return REFUSAL_contract_not_party;
    const struct advance_row *advance = grant_advance(x, contract);
    bool due = as != GRANT_ADMIN && advance && royalty_due(advance) > 0;
    return row->state == CONTRACT_STATE_IN_FORCE || due ? REFUSAL_accepted
                                                        : REFUSAL_contract_not_in_force;
}
