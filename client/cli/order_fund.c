/* What pays for an order that does not say it. */
#include "client/cli/order_place.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/amount.h"
#include "protocol/refusal.h"

/* --- How much ------------------------------------------------------------------------------- */

uint64_t order_cost(struct cli *cli, uint64_t gpus, uint64_t minutes, uint64_t price_ucr)
{
    amount cost = 0;
    if (cli->exit == CLI_OK &&
        (!amount_cost_rounded_up(gpus * minutes, price_ucr, &cost) || cost > AMOUNT_MAX_UCR)) {
        cli_fail(cli, CLI_USAGE, "at its limit price it could cost more credits than there can be");
        return 0;
    }
    return cost;
}

/* An elastic lease is paid ahead for a part of its time only. */
static uint64_t minutes_paid(const struct op_order_place *order)
{
    return order->funded_min > 0 ? order->funded_min : order->duration_min;
}

uint64_t order_need_most(struct cli *cli, const struct op_order_place *order)
{
    return order_cost(cli, order->gpus, minutes_paid(order), order_highest_limit(order));
}

/* What is to be had at once at its price, and what rests at the highest limit. */
static uint64_t order_need(struct cli *cli, const struct op_order_place *order,
                           const struct a_quote *a)
{
    bool now = a->refusal == REFUSAL_accepted;
    uint32_t filled = now && a->gpus < order->gpus ? a->gpus : now ? order->gpus : 0;
    amount need = now && order->funded_min == 0 ? a->cost_ucr : 0;
    for (uint32_t i = 0; now && order->funded_min > 0 && i < a->leases.count; i++)
        need += order_cost(cli, a->leases.items[i].gpus, order->funded_min,
                           a->leases.items[i].price_ucr);
    if (order->time_in_force == TIME_IN_FORCE_GTT)
        need +=
            order_cost(cli, order->gpus - filled, minutes_paid(order), order_highest_limit(order));
    return need;
}

/* --- From where ----------------------------------------------------------------------------- */

struct purse {
    uint32_t series;
    uint64_t expires_s; /* UINT64_MAX: never */
    uint64_t held_ucr;
};

static int by_expiry(const void *left, const void *right)
{
    const struct purse *a = left;
    const struct purse *b = right;
    if (a->expires_s != b->expires_s)
        return a->expires_s < b->expires_s ? -1 : 1;
    return a->series < b->series ? -1 : a->series > b->series;
}

/* Whether the series may be redeemed in every region that the order allows. */
static bool regions_fit(const struct series_info *s, const struct op_order_place *order)
{
    uint32_t covered = 0;
    for (uint32_t i = 0; i < order->regions.count; i++) {
        struct text wanted = order->regions.items[i].code;
        for (uint32_t j = 0; j < s->regions.count; j++) {
            struct text allowed = s->regions.items[j].code;
            if (allowed.length <= wanted.length &&
                memcmp(allowed.data, wanted.data, allowed.length) == 0) {
                covered++;
                break;
            }
        }
    }
    return s->regions.count == 0 || (covered > 0 && covered == order->regions.count);
}

/*
 * What the series' terms say of an order whatever is on offer; the exchange looks at the rest. An
 * order that rests is paid, unless --series says otherwise, from what does not narrow it: a series
 * for all its SKUs and regions that lasts as long as it may.
 */
static bool series_fits(const struct series_info *s, const struct op_order_place *order)
{
    bool rests = order->time_in_force == TIME_IN_FORCE_GTT;
    uint32_t covered = s->skus.count == 0 ? order->skus.count : 0;
    if (s->profiles != 0 && (s->profiles & order->profile) == 0)
        return false;
    for (uint32_t i = 0; i < s->skus.count; i++) {
        for (uint32_t j = 0; j < order->skus.count; j++)
            covered += s->skus.items[i] == order->skus.items[j].sku;
    }
    if (!rests)
        return covered > 0;
    return covered == order->skus.count && regions_fit(s, order) &&
           (s->expires_s == 0 || s->expires_s >= order->rest_until_s);
}

/* The series that one holds tokens of and that suit the order, the ones that expire first in
 * front. */
static uint32_t purses_list(struct cli *cli, const struct op_order_place *order, struct purse **out)
{
    struct q_balances q = {.account = 0};
    const void *rows = NULL;
    uint32_t found = 0;
    uint32_t count = records_fetch(cli, &q_balances_message, &q, UINT32_MAX, &rows);
    const struct balance_info *b = rows;
    struct purse *purses = arena_alloc(&cli->arena, ((size_t)count + 1) * sizeof(*purses));
    for (uint32_t i = 0; purses != NULL && i < count && cli->exit == CLI_OK; i++) {
        struct q_series one = {.series = b[i].series};
        const struct a_series *s =
            b[i].tokens_ucr > 0 ? cli_query(cli, &q_series_message, &one) : NULL;
        if (s == NULL || s->rows.count == 0 || s->rows.items[0].expired ||
            !series_fits(s->rows.items, order))
            continue;
        uint64_t expires_s = s->rows.items[0].expires_s;
        purses[found++] =
            (struct purse){b[i].series, expires_s != 0 ? expires_s : UINT64_MAX, b[i].tokens_ucr};
    }
    if (found > 0)
        qsort(purses, found, sizeof(*purses), by_expiry);
    *out = purses;
    return found;
}

/* Whether the order would be accepted with these tokens; the reason otherwise. One that rests may
 * wait for what is not there. */
static uint32_t refusal_with(struct cli *cli, const struct op_order_place *order,
                             const uint64_t *tokens, uint32_t count)
{
    struct op_order_place trial = *order;
    trial.tokens.items = tokens;
    trial.tokens.count = count;
    const struct a_quote *a = order_quote(cli, &trial, false);
    if (a == NULL)
        return REFUSAL_COUNT;
    bool waits = order->time_in_force == TIME_IN_FORCE_GTT && order_may_rest(a->refusal);
    return waits ? REFUSAL_accepted : a->refusal;
}

/* One series that pays all of it. */
static bool fund_from_one(struct cli *cli, struct op_order_place *order, const struct purse *purses,
                          uint32_t count, uint64_t cost_ucr, uint32_t *refusal)
{
    for (uint32_t i = 0; i < count && cli->exit == CLI_OK; i++) {
        const uint64_t *tokens = NULL;
        uint64_t total = 0;
        if (purses[i].held_ucr < cost_ucr)
            continue;
        uint32_t picked =
            funds_choose(cli, purses[i].series, cost_ucr, ORDER_TOKENS_MAX, &tokens, &total);
        uint32_t why = cli->exit == CLI_OK ? refusal_with(cli, order, tokens, picked) : 0;
        if (cli->exit == CLI_OK && why == REFUSAL_accepted) {
            order->tokens.items = tokens;
            order->tokens.count = picked;
            return true;
        }
        *refusal = why;
    }
    return false;
}

/* Several series together, each that alone may be redeemed for it. */
static bool fund_from_several(struct cli *cli, struct op_order_place *order,
                              const struct purse *purses, uint32_t count, uint64_t cost_ucr)
{
    uint64_t *all = arena_alloc(&cli->arena, ORDER_TOKENS_MAX * sizeof(*all));
    uint64_t missing = cost_ucr;
    uint32_t used = 0;
    for (uint32_t i = 0; all != NULL && i < count && missing > 0 && cli->exit == CLI_OK; i++) {
        const uint64_t *tokens = NULL;
        uint64_t total = 0;
        uint64_t part = purses[i].held_ucr < missing ? purses[i].held_ucr : missing;
        uint32_t picked =
            funds_choose(cli, purses[i].series, part, ORDER_TOKENS_MAX - used, &tokens, &total);
        if (cli->exit != CLI_OK)
            return false;
        uint32_t why = refusal_with(cli, order, tokens, picked);
        if (why != REFUSAL_accepted && why != REFUSAL_insufficient_funds)
            continue;
        for (uint32_t j = 0; j < picked; j++)
            all[used++] = tokens[j];
        missing -= part;
    }
    if (missing > 0 || all == NULL || cli->exit != CLI_OK)
        return false;
    order->tokens.items = all;
    order->tokens.count = used;
    return true;
}

int order_fund(struct cli *cli, struct op_order_place *order)
{
    char need_text[AMOUNT_TEXT_BYTES];
    struct purse *purses = NULL;
    uint32_t refusal = REFUSAL_accepted;
    const char *named = option_text(cli, "series");
    if (order->tokens.count > 0)
        return cli->exit;
    const struct a_quote *a = order_quote(cli, order, false);
    if (a == NULL)
        return cli->exit;
    bool waits = order->time_in_force == TIME_IN_FORCE_GTT && order_may_rest(a->refusal);
    if (a->refusal != REFUSAL_accepted && !waits)
        return order_fail(cli, order, a->refusal);
    uint64_t need_ucr = order_need(cli, order, a);
    if (named != NULL) {
        uint64_t total = 0;
        uint32_t series = name_series(cli, named);
        if (cli->exit == CLI_OK)
            order->tokens.count =
                funds_choose(cli, series, need_ucr, ORDER_TOKENS_MAX, &order->tokens.items, &total);
        return cli->exit;
    }
    uint32_t count = cli->exit == CLI_OK ? purses_list(cli, order, &purses) : 0;
    if (cli->exit == CLI_OK && !fund_from_one(cli, order, purses, count, need_ucr, &refusal) &&
        !fund_from_several(cli, order, purses, count, need_ucr) && cli->exit == CLI_OK) {
        if (refusal != REFUSAL_accepted)
            return order_fail(cli, order, refusal);
        bool rests = order->time_in_force == TIME_IN_FORCE_GTT;
        return cli_fail(cli, CLI_REFUSED,
                        "it %s %s credits, and your tokens that may be redeemed for it hold less; "
                        "'bourse balance' shows what you have%s",
                        rests ? "may cost" : "costs", amount_format(need_ucr, need_text),
                        rests ? ". A series that would narrow it, or expires before it, pays only "
                                "when --series names it"
                              : "");
    }
    return cli->exit;
}

/* --series, the only one that one holds tokens of, or of several without restrictions the one that
 * lasts longest and holds as much: what it pays may have to outlast a lease or an order. */
static uint32_t funds_series_for(struct cli *cli, uint64_t amount_ucr)
{
    struct q_balances q = {.account = 0};
    const void *rows = NULL;
    uint32_t best = 0;
    uint64_t best_s = 0;
    if (option_text(cli, "series") != NULL)
        return funds_series(cli);
    uint32_t count = records_fetch(cli, &q_balances_message, &q, UINT32_MAX, &rows);
    const struct balance_info *b = rows;
    for (uint32_t i = 0; i < count && cli->exit == CLI_OK; i++) {
        struct q_series one = {.series = b[i].series};
        const struct a_series *a = b[i].tokens_ucr > 0 && b[i].tokens_ucr >= amount_ucr
                                       ? cli_query(cli, &q_series_message, &one)
                                       : NULL;
        const struct series_info *s = a != NULL && a->rows.count == 1 ? a->rows.items : NULL;
        if (s == NULL || s->expired || s->profiles != 0 || s->skus.count > 0 ||
            s->regions.count > 0)
            continue;
        uint64_t expires_s = s->expires_s != 0 ? s->expires_s : UINT64_MAX;
        if (expires_s > best_s) {
            best = b[i].series;
            best_s = expires_s;
        }
    }
    return best != 0 || cli->exit != CLI_OK ? best : funds_series(cli);
}

int funds_for(struct cli *cli, uint64_t amount_ucr, const uint64_t **tokens_out,
              uint32_t *count_out)
{
    uint64_t total = 0;
    if (order_tokens(cli, tokens_out, count_out) != CLI_OK || *count_out > 0 || amount_ucr == 0)
        return cli->exit;
    uint32_t series = funds_series_for(cli, amount_ucr);
    if (cli->exit == CLI_OK)
        *count_out = funds_choose(cli, series, amount_ucr, ORDER_TOKENS_MAX, tokens_out, &total);
    return cli->exit;
}

int funds_cut(struct cli *cli, uint64_t amount_ucr, const uint64_t **tokens_out,
              uint32_t *count_out)
{
    struct op_token_transfer op = {0};
    struct payment outputs[2];
    uint64_t held = 0;
    uint64_t *token = arena_alloc(&cli->arena, sizeof(*token));
    uint32_t series = funds_series_for(cli, amount_ucr);
    if (cli->exit == CLI_OK)
        op.inputs.count =
            funds_choose(cli, series, amount_ucr, ORDER_TOKENS_MAX, &op.inputs.items, &held);
    if (cli->exit != CLI_OK || held == amount_ucr || token == NULL) {
        *tokens_out = op.inputs.items;
        *count_out = op.inputs.count;
        return cli->exit;
    }
    uint32_t you = connection_status(cli->connection)->you;
    outputs[0] = (struct payment){you, amount_ucr};
    outputs[1] = (struct payment){you, held - amount_ucr};
    op.outputs.items = outputs;
    op.outputs.count = 2;
    const struct result *r = cli_apply(cli, &op_token_transfer_message, &op);
    *token = r != NULL ? r->token_first : 0;
    *tokens_out = token;
    *count_out = 1;
    return cli->exit;
}
