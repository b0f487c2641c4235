#include "server/exchange/rule.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/exchange/account.h"
#include "server/exchange/check.h"
#include "server/exchange/due.h"
#include "server/exchange/event.h"
#include "server/exchange/index.h"
#include "server/exchange/key.h"
#include "server/exchange/ledger.h"
#include "server/exchange/lease.h"
#include "server/exchange/order.h"
#include "server/exchange/rule_held.h"
#include "server/exchange/series.h"
#include "server/exchange/token.h"

enum { ACTIVE_FIRST = 64 };

const struct rule_row *rule_find(const struct exchange *x, uint64_t rule)
{
    return store_find(x->store, TABLE_RULE, &rule);
}

/* --- Index --- */

static int live_compare(const struct live_lease *a, const struct live_lease *b)
{
    if (a->holder != b->holder)
        return a->holder < b->holder ? -1 : 1;
    return (a->lease > b->lease) - (a->lease < b->lease);
}

TREE_GENERATE(live_tree, live_lease, link, live_compare)

static bool rule_lives(const void *context, uint32_t account, uint64_t serial)
{
    const struct rule_row *row = rule_find(context, serial);
    return row && row->account == account;
}

static struct due_item due_of(const struct rule_row *row)
{
    return (struct due_item){.due_s = row->next_s, .kind = DUE_RULE, .serial = row->rule};
}

static uint32_t *active_of(struct rule_index *index, uint32_t account)
{
    if (account >= index->active_size) {
        size_t size = index->active_size ? index->active_size : ACTIVE_FIRST;
        while (size <= account)
            size *= 2;
        uint32_t *active = realloc(index->active, size * sizeof(*active));
        if (!active)
            memory_exhausted();
        memset(active + index->active_size, 0, (size - index->active_size) * sizeof(*active));
        index->active = active;
        index->active_size = size;
    }
    return &index->active[account];
}

static bool is_active(const struct rule_row *row)
{
    return row && row->state == RULE_STATE_ACTIVE && row->account <= ACCOUNTS_MAX;
}

static void rule_hook(void *context, const void *old_row, const void *new_row)
{
    struct exchange *x = context;
    const struct rule_row *before = old_row;
    const struct rule_row *after = new_row;
    if (is_active(before)) {
        due_remove(x, due_of(before));
        --*active_of(x->rules, before->account);
    }
    if (is_active(after)) {
        due_put(x, due_of(after));
        ++*active_of(x->rules, after->account);
    }
    if (!before)
        owned_add(&x->rules->by_account, after->account, after->rule);
    else if (!after)
        owned_remove(&x->rules->by_account, before->account, before->rule);
}

static bool may_be_live(const struct lease_row *row)
{
    return row && (row->state == LEASE_STATE_GRANTED || row->state == LEASE_STATE_ACTIVE ||
                   row->state == LEASE_STATE_PAUSED);
}

static struct live_lease *live_find(const struct exchange *x, const struct lease_row *row)
{
    struct live_lease key = {.holder = row->holder, .lease = row->lease};
    return RB_FIND(live_tree, &x->rules->live, &key);
}

void rule_lease_changed(struct exchange *x, const struct lease_row *old,
                        const struct lease_row *new)
{
    struct live_lease *live = live_find(x, new ? new : old);
    if (may_be_live(new) && !live) {
        live = calloc(1, sizeof(*live));
        if (!live)
            memory_exhausted();
        live->holder = new->holder;
        live->lease = new->lease;
        RB_INSERT(live_tree, &x->rules->live, live);
        x->rules->live_count++;
    } else if (!may_be_live(new) && live) {
        RB_REMOVE(live_tree, &x->rules->live, live);
        x->rules->live_count--;
        free(live);
    }
}

const struct lease_row *rule_lease_next(const struct exchange *x, uint32_t holder, uint64_t from)
{
    struct live_lease key = {.holder = holder, .lease = from};
    const struct live_lease *live = RB_NFIND(live_tree, &x->rules->live, &key);
    return live && live->holder == holder ? lease_find(x, live->lease) : NULL;
}

const struct lease_row *rule_lease_before(const struct exchange *x, uint32_t holder, uint64_t until)
{
    struct live_lease key = {.holder = holder, .lease = until};
    struct live_lease *live = RB_NFIND(live_tree, &x->rules->live, &key);
    if (!live)
        live = RB_MAX(live_tree, &x->rules->live);
    else if (live_compare(live, &key) != 0)
        live = live_tree_RB_PREV(live);
    return live && live->holder == holder ? lease_find(x, live->lease) : NULL;
}

void rule_index_new(struct exchange *x)
{
    x->rules = calloc(1, sizeof(*x->rules));
    if (!x->rules)
        memory_exhausted();
    owned_init(&x->rules->by_account, rule_lives, x);
    RB_INIT(&x->rules->live);
    store_set_hook(x->store, TABLE_RULE, rule_hook, x);
}

void rule_index_free(struct exchange *x)
{
    if (!x->rules)
        return;
    struct live_lease *live;
    while ((live = RB_ROOT(&x->rules->live)) != NULL) {
        RB_REMOVE(live_tree, &x->rules->live, live);
        free(live);
    }
    owned_release(&x->rules->by_account);
    free(x->rules->active);
    free(x->rules);
    x->rules = NULL;
}

static uint32_t rules_active(const struct exchange *x, uint32_t account)
{
    return account < x->rules->active_size ? x->rules->active[account] : 0;
}

/* --- Terms --- */

/* Lists of texts, each at its place of a column of NUL-padded ones. */
static void places_set(uint8_t *column, const struct place *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        column_set((char *)column + (size_t)i * PLACE_BYTES, PLACE_BYTES, items[i].code);
}

static void terms_set(struct rule_row *row, const struct op_rule_add *op)
{
    for (uint32_t i = 0; i < op->skus.count; i++) {
        row->skus[i] = op->skus.items[i].sku;
        row->limits_ucr[i] = op->skus.items[i].limit_price_ucr;
    }
    row->skus_count = (uint8_t)op->skus.count;
    places_set(row->regions, op->regions.items, op->regions.count);
    row->regions_count = (uint8_t)op->regions.count;
    places_set(row->jurisdictions, op->jurisdictions.items, op->jurisdictions.count);
    row->jurisdictions_count = (uint8_t)op->jurisdictions.count;
    for (uint32_t i = 0; i < op->certifications.count; i++)
        column_set((char *)row->certifications + (size_t)i * NAME_BYTES, NAME_BYTES,
                   op->certifications.items[i].name);
    row->certifications_count = (uint8_t)op->certifications.count;
    column_set(row->interconnect, sizeof(row->interconnect), op->interconnect);
    row->carbon_g_max = op->carbon_g_max;
    row->reliability_ppm_min = op->reliability_ppm_min;
    row->preemptible_ok = op->preemptible_ok;
    row->profile = (uint8_t)op->profile;
    row->flags = op->resell ? RULE_RESELLS : 0;
}

/* Whether orders of the rule would be valid ones. */
static enum refusal terms_refusal(struct exchange *x, const struct op_rule_add *op,
                                  struct wish *wish_out)
{
    struct op_order_place order = {
        .skus = {op->skus.items, op->skus.count},
        .gpus = op->gpus,
        .gpus_min = 1,
        .block_gpus = 1,
        .duration_min = op->horizon_min,
        .placement = op->profile == PROFILE_TRAINING ? PLACEMENT_ONE_SITE : PLACEMENT_SPREAD,
        .time_in_force = TIME_IN_FORCE_IOC,
        .regions = {op->regions.items, op->regions.count},
        .jurisdictions = {op->jurisdictions.items, op->jurisdictions.count},
        .preemptible_ok = op->preemptible_ok,
        .profile = op->profile,
        .certifications = {op->certifications.items, op->certifications.count},
        .interconnect = op->interconnect,
        .carbon_g_max = op->carbon_g_max,
        .reliability_ppm_min = op->reliability_ppm_min,
    };
    enum refusal refusal = wish_from_order(x, &order, &x->scratch, wish_out);
    return op->horizon_min < RULE_HORIZON_LEAST_MIN ? refusal_first(refusal, REFUSAL_terms_invalid)
                                                    : refusal;
}

/* --- The budget --- */

/* Tokens that are to become budget. */
struct adding {
    const struct token_row *tokens;
    uint32_t count;
    struct funding funding;
};

static enum refusal adding_resolve(struct exchange *x, const struct actor *actor,
                                   const uint64_t *numbers, uint32_t count, struct adding *out)
{
    out->count = count;
    enum refusal refusal = tokens_resolve(x, actor, numbers, count, &out->tokens);
    return refusal ? refusal : funding_from_tokens(x, out->tokens, count, &out->funding);
}

/* Whether each of the tokens' series may pay for what the rule wants. */
static enum refusal adding_check(const struct exchange *x, const struct adding *a,
                                 struct wish *wish)
{
    wish->series = a->funding.series;
    wish->series_count = a->funding.count;
    return wish_check_series(x, wish);
}

/* The same of a rule that is there. */
static enum refusal adding_check_row(const struct exchange *x, const struct adding *a,
                                     const struct rule_row *row)
{
    struct rule_terms terms;
    rule_terms_read(row, &terms);
    return adding_check(x, a, &terms.wish);
}

/* How many rows the escrow would have; orders are paid from so many at most. */
static uint32_t rows_with(const struct escrow *e, const struct adding *a)
{
    uint32_t rows = e->count;
    for (uint32_t i = 0; i < a->funding.count; i++) {
        uint32_t at = 0;
        while (at < e->count && e->rows[at].series != a->funding.series[i]->series)
            at++;
        rows += at == e->count;
    }
    return rows;
}

/* Turns the tokens into escrow of the rule; their serials go to *serials_out (x->scratch), what the
 * escrow then holds to `shares`. */
static uint32_t adding_apply(struct exchange *x, const struct actor *actor, const struct adding *a,
                             struct escrow *e, const uint64_t **serials_out,
                             struct share shares[ESCROW_ROWS_MAX])
{
    uint64_t *serials = scratch_alloc(x, (a->count + 1) * sizeof(*serials));
    for (uint32_t i = 0; i < a->count; i++) {
        serials[i] = a->tokens[i].token;
        token_spend(x, serials[i]);
    }
    for (uint32_t i = 0; i < a->funding.count; i++) {
        uint32_t series = a->funding.series[i]->series;
        ledger_move(x, series, (struct ledger_place){LEDGER_TOKENS, actor->account},
                    (struct ledger_place){LEDGER_ESCROW, actor->account}, a->funding.held[i]);
        bool added = escrow_add(x, e, actor->account, series, a->funding.held[i]);
        assert(added); /* rows_with() has been looked at */
    }
    for (uint32_t i = 0; i < e->count; i++)
        shares[i] = (struct share){.series = e->rows[i].series, .amount_ucr = e->held[i]};
    key_moves(x, a->funding.total);
    *serials_out = serials;
    return e->count;
}

/* --- Operations --- */

static enum refusal add_refusal(struct exchange *x, const struct actor *actor,
                                const struct op_rule_add *op, struct adding *a)
{
    struct wish wish;
    enum refusal refusal = adding_resolve(x, actor, op->tokens.items, op->tokens.count, a);
    refusal = refusal_first(refusal, terms_refusal(x, op, &wish));
    if (!refusal && a->funding.total == 0)
        refusal = REFUSAL_insufficient_funds;
    if (!refusal)
        refusal = adding_check(x, a, &wish);
    if (rules_active(x, actor->account) >= RULES_PER_ACCOUNT_MAX)
        refusal = refusal_first(refusal, REFUSAL_too_many);
    return refusal;
}

static void add_log(struct exchange *x, const struct actor *actor, const struct op_rule_add *op,
                    uint64_t rule, const uint64_t *tokens, const struct share *shares,
                    uint32_t shares_count)
{
    struct ev_rule_added event = {
        EVENT_HEAD_OF(x, actor->account),
        .rule = rule,
        .skus = {op->skus.items, op->skus.count},
        .gpus = op->gpus,
        .horizon_min = op->horizon_min,
        .resell = op->resell,
        .sell_price_ucr = op->sell_price_ucr,
        .runway_min = op->runway_min,
        .regions = {op->regions.items, op->regions.count},
        .jurisdictions = {op->jurisdictions.items, op->jurisdictions.count},
        .preemptible_ok = op->preemptible_ok,
        .profile = op->profile,
        .certifications = {op->certifications.items, op->certifications.count},
        .interconnect = op->interconnect,
        .carbon_g_max = op->carbon_g_max,
        .reliability_ppm_min = op->reliability_ppm_min,
        .tokens = {tokens, op->tokens.count},
        .escrow = {shares, shares_count},
    };
    event_log(x, &ev_rule_added_message, &event);
}

enum refusal rule_add(struct exchange *x, const struct actor *actor, const void *body,
                      struct result *out)
{
    const struct op_rule_add *op = body;
    struct adding adding;
    enum refusal refusal = add_refusal(x, actor, op, &adding);
    if (refusal)
        return refusal;

    const uint64_t step_s = RULE_STEP_MIN * 60;
    struct rule_row row = {
        .rule = ++x->head.rule_last,
        .next_s = (x->head.time_s + step_s - 1) / step_s * step_s,
        .sell_price_ucr = op->sell_price_ucr,
        .index = event_next_index(x),
        .account = actor->account,
        .state = RULE_STATE_ACTIVE,
        .gpus = op->gpus,
        .horizon_min = op->horizon_min,
        .runway_min = op->runway_min,
    };
    terms_set(&row, op);
    struct escrow e = escrow_read(x, ESCROW_KIND_RULE, row.rule, 0);
    struct share shares[ESCROW_ROWS_MAX];
    const uint64_t *tokens;
    uint32_t count = adding_apply(x, actor, &adding, &e, &tokens, shares);
    row.escrow_series = (uint8_t)count;
    store_put(x->store, TABLE_RULE, &row);
    add_log(x, actor, op, row.rule, tokens, shares, count);
    out->object = row.rule;
    return REFUSAL_accepted;
}

/* The actor's active rule. */
static enum refusal rule_refusal(const struct exchange *x, const struct actor *actor, uint64_t rule,
                                 const struct rule_row **row_out)
{
    const struct rule_row *row = rule_find(x, rule);
    *row_out = row;
    if (!row)
        return REFUSAL_rule_not_found;
    if (row->account != actor->account)
        return REFUSAL_not_owner;
    return row->state == RULE_STATE_ACTIVE ? REFUSAL_accepted : REFUSAL_rule_closed;
}

enum refusal rule_change(struct exchange *x, const struct actor *actor, const void *body,
                         struct result *out)
{
    const struct op_rule_change *op = body;
    const struct rule_row *found;
    struct adding adding;
    enum refusal refusal = rule_refusal(x, actor, op->rule, &found);
    refusal = refusal_first(refusal,
                            adding_resolve(x, actor, op->tokens.items, op->tokens.count, &adding));
    if (refusal)
        return refusal;
    struct rule_row row = *found;
    struct escrow e = escrow_read(x, ESCROW_KIND_RULE, row.rule, row.escrow_series);
    amount total;
    refusal = adding_check_row(x, &adding, &row);
    if (rows_with(&e, &adding) > ORDER_SERIES_MAX)
        refusal = refusal_first(refusal, REFUSAL_series_mixed);
    if (refusal)
        return refusal;
    if (!amount_add(e.total, adding.funding.total, &total))
        return REFUSAL_amount_overflow;

    struct share shares[ESCROW_ROWS_MAX];
    struct ev_rule_changed event = {EVENT_HEAD_OF(x, actor->account), .rule = row.rule,
                                    .gpus = op->gpus};
    const uint64_t *tokens;
    uint32_t count = adding_apply(x, actor, &adding, &e, &tokens, shares);
    row.escrow_series = (uint8_t)count;
    row.gpus = op->gpus;
    if (adding.funding.total > 0)
        row.flags &= (uint8_t)~RULE_WARNED;
    store_put(x->store, TABLE_RULE, &row);
    event.tokens.items = tokens;
    event.tokens.count = op->tokens.count;
    event.escrow.items = shares;
    event.escrow.count = count;
    event_log(x, &ev_rule_changed_message, &event);
    out->object = row.rule;
    return REFUSAL_accepted;
}

enum refusal rule_end(struct exchange *x, const struct actor *actor, const void *body,
                      struct result *out)
{
    const struct op_rule_end *op = body;
    const struct rule_row *found;
    enum refusal refusal = rule_refusal(x, actor, op->rule, &found);
    if (refusal)
        return refusal;
    if (x->request_looks >= REQUEST_LOOKS_MAX)
        return REFUSAL_too_many;

    struct rule_row row = *found;
    struct escrow_returns returns;
    rule_close(x, &row, RULE_STATE_ENDED, &returns);
    rule_log_closed(x, actor->account, &row, &returns);
    rule_offers_withdraw(x, &row);
    out->object = row.rule;
    out->token_count = returns.refunds_count;
    out->token_first = returns.refunds_count > 0 ? returns.refunds[0].token : 0;
    return REFUSAL_accepted;
}

/* --- Check --- */

static int lease_visit(void *context, const void *item)
{
    struct check_scan *scan = context;
    const struct lease_row *row = item;
    if (!may_be_live(row))
        return 0;
    scan->count++;
    if (!live_find(scan->x, row))
        check_found(scan->report, "lease %llu: not in memory among its holder's live ones",
                    (unsigned long long)row->lease);
    return 0;
}

static int escrow_visit(void *context, const void *item)
{
    struct check_scan *scan = context;
    const struct escrow_row *row = item;
    if (row->kind != ESCROW_KIND_RULE)
        return 0;
    const struct rule_row *rule = rule_find(scan->x, row->serial);
    if (!rule || rule->account != row->owner || row->place >= rule->escrow_series)
        check_found(scan->report, "escrow %u of rule %llu: no such rule, or not its account's",
                    row->place, (unsigned long long)row->serial);
    return 0;
}

static int rule_visit(void *context, const void *item)
{
    struct check_scan *scan = context;
    const struct rule_row *row = item;
    unsigned long long rule = row->rule;
    uint32_t looks = UINT32_MAX;
    uint64_t resume;
    struct escrow e = escrow_read(scan->x, ESCROW_KIND_RULE, row->rule, row->escrow_series);
    if (owned_next(&scan->x->rules->by_account, row->account, row->rule, &looks, &resume) !=
        row->rule)
        check_found(scan->report, "rule %llu: not among its account's rules in memory", rule);
    if (row->state == RULE_STATE_ACTIVE && !due_has(scan->x, due_of(row)))
        check_found(scan->report, "rule %llu: not among what is due", rule);
    if (row->state != RULE_STATE_ACTIVE && row->escrow_series > 0)
        check_found(scan->report, "rule %llu: has ended and still holds a budget", rule);
    if (e.count != row->escrow_series)
        check_found(scan->report, "rule %llu: %u rows of escrow are there, not %u", rule, e.count,
                    row->escrow_series);
    scan->count += row->state == RULE_STATE_ACTIVE;
    return 0;
}

void check_rules(const struct exchange *x, struct check_report *report)
{
    struct check_scan rules = {x, report, 0};
    struct check_scan leases = {x, report, 0};
    uint64_t active = 0;
    store_each(x->store, TABLE_RULE, rule_visit, &rules);
    store_each(x->store, TABLE_ESCROW, escrow_visit, &rules);
    store_each(x->store, TABLE_LEASE, lease_visit, &leases);
    for (size_t i = 0; i < x->rules->active_size; i++)
        active += x->rules->active[i];
    if (active != rules.count || due_count(x, DUE_RULE) != rules.count)
        check_found(report, "rules: %llu are active, %llu in memory, %llu due",
                    (unsigned long long)rules.count, (unsigned long long)active,
                    (unsigned long long)due_count(x, DUE_RULE));
    if (x->rules->live_count != leases.count)
        check_found(report, "live leases: %llu in memory, %llu rows",
                    (unsigned long long)x->rules->live_count, (unsigned long long)leases.count);
}
