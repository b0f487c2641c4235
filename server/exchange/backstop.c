#include "server/exchange/backstop.h"

#include <string.h>

#include "protocol/moment.h"
#include "server/exchange/account.h"
#include "server/exchange/event.h"
#include "server/exchange/site.h"
#include "server/exchange/sku.h"

const struct backstop_row *backstop_in_force(const struct exchange *x, uint64_t contract)
{
    const struct cover_row *cover = cover_row_find(x, contract);
    return cover ? backstop_terms(x, contract, cover->version) : NULL;
}

/* --- Terms --- */

uint32_t backstop_periods(const struct backstop_row *terms)
{
    uint64_t minutes = (terms->end_s - terms->start_s) / 60;
    return (uint32_t)((minutes + terms->period_min - 1) / terms->period_min);
}

uint64_t backstop_period_start(const struct backstop_row *terms, uint32_t period)
{
    return terms->start_s + (uint64_t)period * terms->period_min * 60;
}

uint64_t backstop_period_end(const struct backstop_row *terms, uint32_t period)
{
    uint64_t end_s = backstop_period_start(terms, period) + (uint64_t)terms->period_min * 60;
    return end_s < terms->end_s ? end_s : terms->end_s;
}

uint64_t backstop_covered(const struct backstop_row *terms, uint64_t at_min)
{
    uint64_t delivered = 0;
    for (uint32_t i = 0; i < terms->lots_count && i < LOTS_MAX; i++)
        delivered += terms->lot_from_s[i] <= at_min * 60 ? terms->lot_gpus[i] : 0;
    return delivered < terms->gpus ? delivered : terms->gpus;
}

static struct backstop_row terms_of(const struct op_backstop_propose *op)
{
    struct backstop_row row = {
        .guarantor = op->guarantor,
        .operator= op->operator,
        .site = op->site,
        .sku = op->sku,
        .strike_ucr = op->strike_ucr,
        .start_s = op->start_s,
        .end_s = op->end_s,
        .pool_ucr = op->pool_ucr,
        .price_max_ucr = op->price_max_ucr,
        .gpus = op->gpus,
        .period_min = op->period_min,
        .ahead_min = op->ahead_min,
        .lots_count = op->lots.count,
        .certifications_count = op->certifications.count,
    };
    for (uint32_t i = 0; i < op->lots.count; i++) {
        row.lot_from_s[i] = op->lots.items[i].from_s;
        row.lot_gpus[i] = op->lots.items[i].gpus;
    }
    for (uint32_t i = 0; i < op->certifications.count; i++)
        column_set((char *)row.certifications + (size_t)i * NAME_BYTES, NAME_BYTES,
                   op->certifications.items[i].name);
    return row;
}

static enum refusal times_refusal(const struct op_backstop_propose *op)
{
    uint64_t most_s = (uint64_t)CONTRACT_SPAN_MAX_MIN * 60;
    if (op->start_s % 60 != 0 || op->end_s % 60 != 0 || op->start_s >= op->end_s ||
        op->end_s - op->start_s > most_s)
        return REFUSAL_interval_invalid;
    for (uint32_t i = 0; i < op->lots.count; i++) {
        if (op->lots.items[i].from_s % 60 != 0)
            return REFUSAL_interval_invalid;
    }
    uint64_t minutes = (op->end_s - op->start_s) / 60;
    bool many = (minutes + op->period_min - 1) / op->period_min > BACKSTOP_PERIODS_MAX;
    return many ? REFUSAL_terms_invalid : REFUSAL_accepted;
}

static enum refusal certifications_refusal(const struct op_backstop_propose *op)
{
    for (uint32_t i = 0; i < op->certifications.count; i++) {
        if (!name_allowed(op->certifications.items[i].name))
            return REFUSAL_malformed;
    }
    return REFUSAL_accepted;
}

static enum refusal subject_refusal(const struct exchange *x, const struct op_backstop_propose *op)
{
    const struct account_row *guarantor = account_find(x, op->guarantor);
    const struct account_row *operator= account_find(x, op->operator);
    const struct site_row *site = site_find(x, op->site);
    enum refusal refusal = REFUSAL_accepted;
    if ((guarantor && guarantor->role != ROLE_GUARANTOR) ||
        (operator&& operator->role != ROLE_OPERATOR))
        refusal = refusal_first(refusal, REFUSAL_role_not_allowed);
    if (!site)
        refusal = refusal_first(refusal, REFUSAL_site_not_found);
    else if (site->operator!= op->operator)
        refusal = refusal_first(refusal, REFUSAL_not_owner);
    if (!sku_find(x, op->sku))
        refusal = refusal_first(refusal, REFUSAL_sku_not_found);
    return refusal;
}

/* Whether no other backstop in force covers the same at the same time. */
static bool terms_overlap(const struct exchange *x, const struct backstop_row *terms)
{
    const struct stand *p = stand_find(x, terms->site, terms->sku);
    for (const struct cover *c = p ? p->covers : NULL; c; c = c->next) {
        if (c->contract != terms->contract && c->start_min * 60 < terms->end_s &&
            terms->start_s < c->end_min * 60)
            return true;
    }
    return false;
}

/* Whether so many are in force there that there is no room for another one. */
static bool stand_is_full(const struct exchange *x, const struct backstop_row *terms)
{
    const struct stand *p = stand_find(x, terms->site, terms->sku);
    return p && p->covers_count >= BACKSTOPS_PER_STAND_MAX && !cover_row_find(x, terms->contract);
}

/* What has passed and is settled, or waits to be, stands: the terms reach on from there. */
static enum refusal past_refusal(struct exchange *x, const struct backstop_row *terms)
{
    const struct cover_row *found = cover_row_find(x, terms->contract);
    const struct backstop_row *now = backstop_in_force(x, terms->contract);
    struct cover_row cover;
    if (!found || !now)
        return terms->start_s < x->head.time_s ? REFUSAL_interval_in_past : REFUSAL_accepted;
    if (x->head.time_s >= now->end_s)
        return REFUSAL_contract_not_in_force;
    if (x->request_looks >= REQUEST_LOOKS_MAX)
        return REFUSAL_too_many;
    x->request_looks += backstop_as_of_now(x, found, &cover);
    uint64_t drawn = cover.owed_ucr + cover.elected_ucr;
    if (terms->start_s != now->start_s || terms->period_min != now->period_min ||
        terms->pool_ucr < drawn || terms->end_s < minute_ceil(x->head.time_s) ||
        terms->end_s < cover.cursor_s || terms->end_s <= backstop_period_start(now, cover.period))
        return REFUSAL_contract_past_fixed;
    /* Elected leases run to the ends of their periods. */
    if (terms->end_s < now->end_s && cover.elected_until_s > terms->end_s)
        return REFUSAL_contract_past_fixed;
    return REFUSAL_accepted;
}

/* An amendment is about the same capacity. */
static bool subject_is_fixed(const struct exchange *x, const struct op_backstop_propose *op)
{
    const struct contract_row *row = contract_find(x, op->contract);
    const struct backstop_row *terms =
        row ? backstop_terms(x, op->contract, row->version_last) : NULL;
    return !terms || (terms->site == op->site && terms->sku == op->sku);
}

enum refusal backstop_propose(struct exchange *x, const struct actor *actor, const void *body,
                              struct result *out)
{
    const struct op_backstop_propose *op = body;
    const struct contract_parties parties = {op->guarantor, op->operator, 0 };
    struct backstop_row terms = terms_of(op);
    terms.contract = op->contract;
    enum refusal refusal =
        contract_propose_refusal(x, actor->account, CONTRACT_KIND_BACKSTOP, op->contract, &parties);
    refusal = refusal_first(refusal, certifications_refusal(op));
    refusal = refusal_first(refusal, times_refusal(op));
    refusal = refusal_first(refusal, subject_refusal(x, op));
    if (!subject_is_fixed(x, op))
        refusal = refusal_first(refusal, REFUSAL_contract_parties_fixed);
    if (!refusal)
        refusal = past_refusal(x, &terms);
    if (refusal)
        return refusal;

    struct contract_row row = contract_propose(x, actor->account, CONTRACT_KIND_BACKSTOP,
                                               op->contract, &parties, op->start_s, op->end_s);
    terms.contract = row.contract;
    terms.version = row.pending;
    store_put(x->store, TABLE_BACKSTOP, &terms);
    struct ev_backstop_proposed event = {
        EVENT_HEAD_OF(x, actor->account),
        .proposed = row.contract,
        .version = row.pending,
        .contract = op->contract,
        .guarantor = op->guarantor,
        .operator= op->operator,
        .site = op->site,
        .sku = op->sku,
        .gpus = op->gpus,
        .strike_ucr = op->strike_ucr,
        .period_min = op->period_min,
        .start_s = op->start_s,
        .end_s = op->end_s,
        .pool_ucr = op->pool_ucr,
        .lots = {op->lots.items, op->lots.count},
        .price_max_ucr = op->price_max_ucr,
        .ahead_min = op->ahead_min,
        .certifications = {op->certifications.items, op->certifications.count},
    };
    event_log(x, &ev_backstop_proposed_message, &event);
    out->object = row.contract;
    return REFUSAL_accepted;
}

/* --- Rules --- */

static enum refusal backstop_accept_refusal(struct exchange *x, const struct contract_row *row)
{
    const struct backstop_row *terms = backstop_terms(x, row->contract, row->pending);
    if (!terms)
        return REFUSAL_contract_no_proposal;
    enum refusal refusal = backstop_pass_refusal(x, row->contract);
    if (!refusal)
        refusal = past_refusal(x, terms);
    if (stand_is_full(x, terms))
        refusal = refusal_first(refusal, REFUSAL_too_many);
    return refusal_first(refusal,
                         terms_overlap(x, terms) ? REFUSAL_contract_overlaps : REFUSAL_accepted);
}

static void backstop_begin(struct exchange *x, struct contract_row *row)
{
    if (cover_row_find(x, row->contract))
        backstop_pass(x, row);
    const struct cover_row *found = cover_row_find(x, row->contract);
    struct cover_row cover = {.contract = row->contract};
    if (found)
        cover = *found;
    const struct backstop_row *terms = backstop_terms(x, row->contract, row->version);
    if (!found)
        cover.cursor_s = terms->start_s;
    else if (cover.gpu_minutes_owed > 0 &&
             backstop_terms(x, row->contract, cover.version)->strike_ucr != terms->strike_ucr)
        cover.mixed = 1;
    cover.version = row->version;
    cover.pool_left_ucr = terms->pool_ucr - cover.owed_ucr - cover.elected_ucr;
    row->start_s = terms->start_s;
    row->end_s = terms->end_s;
    row->next_s = backstop_next_s(&cover, terms);
    store_put(x->store, TABLE_COVER, &cover);
    /* What counts under other terms is worked out anew. */
    if (found && terms->start_s <= x->head.time_s)
        x->request_looks += cover_looks(cover_find(x, row->contract));
}

const struct contract_rules backstop_rules = {
    .accept_refusal = backstop_accept_refusal,
    .begin = backstop_begin,
    .due = backstop_due,
};
