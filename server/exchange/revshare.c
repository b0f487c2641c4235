#include "server/exchange/revshare.h"

#include <stdlib.h>

#include "protocol/amount.h"
#include "protocol/moment.h"
#include "server/exchange/account.h"
#include "server/exchange/event.h"
#include "server/exchange/index.h"
#include "server/exchange/occupancy.h"
#include "server/exchange/revshare_split.h"
#include "server/exchange/site.h"

enum {
    LOOK_AFTER_S = 60,      /* behind the rows of the day that has ended */
    LOOK_DAYS_AN_ITEM = 64, /* days of stands, for one item of a tick */
};

const struct revshare_row *revshare_terms(const struct exchange *x, uint64_t contract,
                                          uint32_t version)
{
    struct revshare_row key = {.contract = contract, .version = version};
    return store_find(x->store, TABLE_REVSHARE, &key);
}

const struct progress_row *revshare_progress(const struct exchange *x, uint64_t contract)
{
    return store_find(x->store, TABLE_PROGRESS, &contract);
}

/* --- Index --- */

TREE_GENERATE(share_tree, share_line, link, share_line_compare)

static struct share_line line_of(const struct progress_row *row)
{
    return (struct share_line){
        .contract = row->contract, .operator= row->operator, .rank = row->rank };
}

static void progress_hook(void *context, const void *old_row, const void *new_row)
{
    struct exchange *x = context;
    struct share_tree *lines = &x->revshares->lines;
    struct share_line before = old_row ? line_of(old_row) : (struct share_line){.contract = 0};
    struct share_line after = new_row ? line_of(new_row) : (struct share_line){.contract = 0};
    if (old_row && new_row && share_line_compare(&before, &after) == 0)
        return;
    struct share_line *line = old_row ? RB_FIND(share_tree, lines, &before) : NULL;
    if (line) {
        RB_REMOVE(share_tree, lines, line);
        x->revshares->count--;
        free(line);
    }
    if (new_row && !RB_FIND(share_tree, lines, &after)) {
        line = memory_zeroed(1, sizeof(*line));
        *line = after;
        RB_INSERT(share_tree, lines, line);
        x->revshares->count++;
    }
}

void revshare_index_new(struct exchange *x)
{
    x->revshares = memory_zeroed(1, sizeof(*x->revshares));
    RB_INIT(&x->revshares->lines);
    store_set_hook(x->store, TABLE_PROGRESS, progress_hook, x);
}

void revshare_index_free(struct exchange *x)
{
    if (!x->revshares)
        return;
    struct share_line *line;
    while ((line = RB_ROOT(&x->revshares->lines)) != NULL) {
        RB_REMOVE(share_tree, &x->revshares->lines, line);
        free(line);
    }
    free(x->revshares);
    x->revshares = NULL;
}

struct share_line *revshare_first(const struct exchange *x, uint32_t operator_account)
{
    struct share_line key = {.operator= operator_account };
    struct share_line *line = RB_NFIND(share_tree, &x->revshares->lines, &key);
    return line && line->operator== operator_account ? line : NULL;
}

struct share_line *revshare_next(struct share_line *line)
{
    struct share_line *next = share_tree_RB_NEXT(line);
    return next && next->operator== line->operator? next : NULL;
}

static uint32_t in_force_of(const struct exchange *x, uint32_t operator_account)
{
    uint32_t count = 0;
    for (struct share_line *line = revshare_first(x, operator_account); line;
         line = revshare_next(line))
        count++;
    return count;
}

/* --- Proposing --- */

static struct revshare_row terms_of(const struct op_revshare_propose *op)
{
    struct revshare_row row = {
        .beneficiary = op->beneficiary,
        .site = op->site,
        .floor_ucr = op->floor_ucr,
        .start_s = op->start_s,
        .operator= op->operator,
        .rank = op->rank,
        .window_days = op->window_days,
        .base = op->base,
        .milestone = op->milestone,
        .phases_count = op->phases.count,
        .latching = op->latching,
    };
    for (uint32_t i = 0; i < op->phases.count; i++) {
        row.rate_bp[i] = op->phases.items[i].rate_bp;
        row.utilisation_ppm[i] = op->phases.items[i].utilisation_ppm;
        row.milestone_ucr[i] = op->phases.items[i].milestone_ucr;
    }
    return row;
}

/* Rates fall strictly, cash does not go back, every phase but the last leads on by something, and
 * the last one has no end. */
static bool phases_agree(const struct revshare_row *terms)
{
    uint32_t last = terms->phases_count - 1;
    if (terms->phases_count == 0)
        return false;
    for (uint32_t i = 0; i < last; i++) {
        if (terms->rate_bp[i + 1] >= terms->rate_bp[i] ||
            (terms->utilisation_ppm[i] == 0 && terms->milestone_ucr[i] == 0) ||
            (i > 0 && terms->milestone_ucr[i] < terms->milestone_ucr[i - 1]))
            return false;
    }
    return terms->utilisation_ppm[last] == 0 && terms->milestone_ucr[last] == 0;
}

static enum refusal terms_refusal(const struct exchange *x, const struct revshare_row *terms)
{
    const struct account_row *operator_row = account_find(x, terms->operator);
    const struct account_row *beneficiary = account_find(x, terms->beneficiary);
    const struct site_row *site = terms->site > 0 ? site_find(x, terms->site) : NULL;
    enum refusal refusal = REFUSAL_accepted;
    if (operator_row && operator_row->role != ROLE_OPERATOR)
        refusal = REFUSAL_role_not_allowed;
    if (beneficiary && beneficiary->role != ROLE_GUARANTOR && beneficiary->role != ROLE_OPERATOR &&
        beneficiary->role != ROLE_STARTUP)
        refusal = REFUSAL_role_not_allowed;
    if (terms->site > 0 && !site)
        refusal = refusal_first(refusal, REFUSAL_site_not_found);
    if (site && site->operator!= terms->operator)
        refusal = refusal_first(refusal, REFUSAL_not_owner);
    if (!phases_agree(terms) || (terms->base == SHARE_BASE_GROSS && terms->floor_ucr > 0))
        refusal = refusal_first(refusal, REFUSAL_terms_invalid);
    return refusal;
}

/* Whether the terms may come in place of those in force: phases that have been passed stay, and the
 * present one is not left out; its rate may change, for what settles from then on. */
static enum refusal past_refusal(const struct exchange *x, const struct contract_row *row,
                                 const struct revshare_row *terms)
{
    const struct revshare_row *now = revshare_terms(x, row->contract, row->version);
    const struct progress_row *p = revshare_progress(x, row->contract);
    if (!now || !p)
        return REFUSAL_accepted; /* nothing is in force yet */
    if (terms->site != now->site)
        return REFUSAL_contract_parties_fixed;
    if (row->start_s <= x->head.time_s && terms->start_s != now->start_s)
        return REFUSAL_contract_past_fixed;
    if (terms->phases_count <= p->phase)
        return REFUSAL_contract_past_fixed;
    for (uint32_t i = 0; i < p->phase; i++) {
        if (terms->rate_bp[i] != now->rate_bp[i] ||
            terms->utilisation_ppm[i] != now->utilisation_ppm[i] ||
            terms->milestone_ucr[i] != now->milestone_ucr[i])
            return REFUSAL_contract_past_fixed;
    }
    return REFUSAL_accepted;
}

static void propose_log(struct exchange *x, uint32_t by, const struct contract_row *row,
                        const struct op_revshare_propose *op)
{
    struct ev_revshare_proposed event = {
        EVENT_HEAD_OF(x, by),
        .proposed = row->contract,
        .version = row->pending,
        .contract = op->contract,
        .beneficiary = op->beneficiary,
        .operator= op->operator,
        .site = op->site,
        .base = op->base,
        .floor_ucr = op->floor_ucr,
        .rank = op->rank,
        .start_s = op->start_s,
        .window_days = op->window_days,
        .latching = op->latching,
        .milestone = op->milestone,
    };
    event.phases.items = op->phases.items;
    event.phases.count = op->phases.count;
    event_log(x, &ev_revshare_proposed_message, &event);
}

enum refusal revshare_propose(struct exchange *x, const struct actor *actor, const void *body,
                              struct result *out)
{
    const struct op_revshare_propose *op = body;
    struct revshare_row terms = terms_of(op);
    const struct contract_parties parties = {.debtor = op->operator, .creditor = op->beneficiary };
    enum refusal refusal =
        contract_propose_refusal(x, actor->account, CONTRACT_KIND_REVSHARE, op->contract, &parties);
    refusal = refusal_first(refusal, terms_refusal(x, &terms));
    if (!refusal && op->contract > 0)
        refusal = past_refusal(x, contract_find(x, op->contract), &terms);
    if (!refusal && revshare_passes(x, op->contract > 0 ? op->contract : UINT64_MAX, &terms))
        refusal = REFUSAL_contract_third_party;
    if (refusal)
        return refusal;
    struct contract_row row = contract_propose(x, actor->account, CONTRACT_KIND_REVSHARE,
                                               op->contract, &parties, op->start_s, 0);
    terms.contract = row.contract;
    terms.version = row.pending;
    store_put(x->store, TABLE_REVSHARE, &terms);
    propose_log(x, actor->account, &row, op);
    out->object = row.contract;
    return REFUSAL_accepted;
}

/* --- In force --- */

void revshare_step_log(struct exchange *x, const struct contract_row *row,
                       const struct revshare_row *terms, const struct progress_row *p,
                       uint32_t phase, amount gross, amount share)
{
    struct ev_phase_reached event = {
        EVENT_HEAD_OF(x, 0),
        .contract = row->contract,
        .creditor = row->creditor,
        .debtor = row->debtor,
        .phase = phase,
        .rate_bp = (uint32_t)terms->rate_bp[phase],
        .utilisation_ppm = p->utilisation_ppm,
        .gross_ucr = gross,
        .share_ucr = share,
    };
    event_log(x, &ev_phase_reached_message, &event);
}

/* Takes and logs the steps that stand open. */
static void steps_take(struct exchange *x, const struct contract_row *row,
                       const struct revshare_row *terms, struct progress_row *p)
{
    struct share_split split = {.steps_count = 0};
    revshare_steps(terms, p, &split);
    for (uint32_t i = 0; i < split.steps_count; i++)
        revshare_step_log(x, row, terms, p, split.steps[i].phase, split.steps[i].gross,
                          split.steps[i].share);
}

uint64_t revshare_look_s(const struct revshare_row *terms, const struct progress_row *p,
                         uint64_t after_s)
{
    if (p->phase + 1 >= terms->phases_count)
        return 0;
    uint64_t today_s = after_s / DAY_S * DAY_S;
    return after_s < today_s + LOOK_AFTER_S ? today_s + LOOK_AFTER_S
                                            : today_s + DAY_S + LOOK_AFTER_S;
}

static enum refusal revshare_accept_refusal(struct exchange *x, const struct contract_row *row)
{
    const struct revshare_row *terms = revshare_terms(x, row->contract, row->pending);
    enum refusal refusal = terms_refusal(x, terms);
    if (row->version == 0 && in_force_of(x, row->debtor) >= SHARES_PER_OPERATOR_MAX)
        refusal = refusal_first(refusal, REFUSAL_too_many);
    refusal = refusal ? refusal : past_refusal(x, row, terms);
    if (!refusal && revshare_passes(x, row->contract, terms))
        refusal = REFUSAL_contract_third_party;
    return refusal;
}

/* Nothing but the steps that the settlement takes is logged between a deduction and its claim. */
const struct claim_row *revshare_claim(const struct exchange *x, const struct share_row *share)
{
    if (share->paid_ucr >= share->share_ucr)
        return NULL;
    const struct claim_row *claim = claim_made_from(x, share->index + 1);
    bool own = claim && claim->contract == share->contract && claim->left_ucr <= claim->amount_ucr;
    return own ? claim : NULL;
}

static void look_clear(struct progress_row *p)
{
    p->look_site = p->look_sku = p->look_sold = p->look_free = 0;
}

static void revshare_begin(struct exchange *x, struct contract_row *row)
{
    const struct revshare_row terms = *revshare_terms(x, row->contract, row->version);
    const struct progress_row *so_far = revshare_progress(x, row->contract);
    struct progress_row p = {.contract = row->contract, .operator= row->debtor };
    uint64_t now_s = x->head.time_s;
    if (so_far) {
        p = *so_far;
        const struct revshare_row *before = revshare_terms(x, row->contract, p.version);
        /* Over another window it is another utilisation; without latching the last one counts. */
        if (before->window_days != terms.window_days) {
            p.utilisation_s = 0;
            p.utilisation_ppm = p.utilisation_peak_ppm = 0;
        }
        if (!terms.latching)
            p.utilisation_peak_ppm = p.utilisation_ppm;
    }
    look_clear(&p);
    if (!so_far || row->start_s > now_s)
        row->start_s = terms.start_s > now_s ? terms.start_s : now_s;
    p.rank = terms.rank;
    p.version = row->version;
    steps_take(x, row, &terms, &p);
    row->next_s = revshare_look_s(&terms, &p, row->start_s);
    if (row->next_s > 0 && row->next_s <= now_s)
        row->next_s = revshare_look_s(&terms, &p, now_s);
    store_put(x->store, TABLE_PROGRESS, &p);
}

/* --- In time --- */

/* From when on the whole window lies behind the start. */
static uint64_t window_full_s(const struct contract_row *row, const struct revshare_row *terms)
{
    return row->start_s + (uint64_t)terms->window_days * DAY_S;
}

uint64_t revshare_measured_from_s(const struct contract_row *row, const struct revshare_row *terms,
                                  const struct progress_row *p)
{
    if (p->phase + 1 >= terms->phases_count || row->next_s == 0 || p->utilisation_s > 0)
        return 0;
    uint64_t next_day_s = row->next_s / DAY_S * DAY_S;
    uint64_t full_day_s = (window_full_s(row, terms) + DAY_S - 1) / DAY_S * DAY_S;
    return full_day_s > next_day_s ? full_day_s : next_day_s;
}

/* Goes on looking at the last days of the window, for at most `limit` items of work, of which
 * *worked_out says how many it took; true when all of it was looked at. */
static bool look_on(const struct exchange *x, const struct contract_row *row,
                    const struct revshare_row *terms, struct progress_row *p, uint32_t limit,
                    uint32_t *worked_out)
{
    uint64_t day_s = row->next_s / DAY_S * DAY_S;
    uint64_t looked;
    struct occupancy_sum sum = {
        .operator= row->debtor,
        .site = terms->site,
        .from_s = day_s - (uint64_t)terms->window_days * DAY_S,
        .until_s = day_s,
        .at_site = p->look_site,
        .at_sku = p->look_sku,
        .sold = p->look_sold,
        .free = p->look_free,
    };
    bool done = occupancy_add_up(x, &sum, (uint64_t)limit * LOOK_DAYS_AN_ITEM, &looked);
    p->look_site = sum.at_site;
    p->look_sku = sum.at_sku;
    p->look_sold = sum.sold;
    p->look_free = sum.free;
    looked = 1 + looked / LOOK_DAYS_AN_ITEM;
    *worked_out = looked < limit ? (uint32_t)looked : limit;
    return done;
}

static uint32_t utilisation_of(const struct progress_row *p)
{
    uint64_t capacity = p->look_sold + p->look_free;
    if (capacity == 0)
        return 0;
    return p->look_sold >= capacity ? 1000000 : (uint32_t)((wide)p->look_sold * 1000000 / capacity);
}

static uint32_t revshare_due(struct exchange *x, struct contract_row *row, uint32_t limit)
{
    const struct revshare_row terms = *revshare_terms(x, row->contract, row->version);
    struct progress_row p = *revshare_progress(x, row->contract);
    uint64_t day_s = row->next_s / DAY_S * DAY_S;
    uint64_t next_s = revshare_look_s(&terms, &p, row->next_s);
    /* Only when the whole window lies behind the start, and a settlement may have led into the last
     * phase since. */
    bool looks = next_s > 0 && day_s >= window_full_s(row, &terms);
    uint32_t worked = 1;
    if (looks && !look_on(x, row, &terms, &p, limit, &worked)) {
        store_put(x->store, TABLE_PROGRESS, &p);
        return worked;
    }
    if (next_s > 0) {
        p.utilisation_s = looks ? day_s : 0;
        p.utilisation_ppm = looks ? utilisation_of(&p) : 0;
        if (!terms.latching || p.utilisation_ppm > p.utilisation_peak_ppm)
            p.utilisation_peak_ppm = p.utilisation_ppm;
        steps_take(x, row, &terms, &p);
    }
    look_clear(&p);
    row->next_s = next_s > 0 ? revshare_look_s(&terms, &p, row->next_s) : 0;
    store_put(x->store, TABLE_PROGRESS, &p);
    store_put(x->store, TABLE_CONTRACT, row);
    return worked;
}

const struct contract_rules revshare_rules = {
    .accept_refusal = revshare_accept_refusal,
    .begin = revshare_begin,
    .due = revshare_due,
};
