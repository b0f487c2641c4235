/* What pays for an order that does not say it. */
#include "client/cli/order_place.h"

#include <stdlib.h>

#include "protocol/amount.h"
#include "protocol/refusal.h"

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

/* The series that one holds tokens of, the ones that expire first in front. */
static uint32_t purses_list(struct cli *cli, struct purse **out)
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
        if (s == NULL || s->rows.count == 0 || s->rows.items[0].expired)
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

/* Whether the order would be accepted with these tokens; the reason otherwise. */
static uint32_t refusal_with(struct cli *cli, const struct op_order_place *order,
                             const uint64_t *tokens, uint32_t count)
{
    struct op_order_place trial = *order;
    trial.tokens.items = tokens;
    trial.tokens.count = count;
    const struct a_quote *a = order_quote(cli, &trial, false);
    return a != NULL ? a->refusal : REFUSAL_COUNT;
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
    char cost_text[AMOUNT_TEXT_BYTES];
    struct purse *purses = NULL;
    uint32_t refusal = REFUSAL_accepted;
    const char *named = option_text(cli, "series");
    if (order->tokens.count > 0)
        return cli->exit;
    const struct a_quote *a = order_quote(cli, order, false);
    if (a == NULL)
        return cli->exit;
    if (a->refusal != REFUSAL_accepted)
        return order_fail(cli, order, a->refusal);
    uint64_t cost_ucr = a->cost_ucr;
    if (named != NULL) {
        uint64_t total = 0;
        uint32_t series = name_series(cli, named);
        if (cli->exit == CLI_OK)
            order->tokens.count =
                funds_choose(cli, series, cost_ucr, ORDER_TOKENS_MAX, &order->tokens.items, &total);
        return cli->exit;
    }
    uint32_t count = purses_list(cli, &purses);
    if (cli->exit == CLI_OK && !fund_from_one(cli, order, purses, count, cost_ucr, &refusal) &&
        !fund_from_several(cli, order, purses, count, cost_ucr) && cli->exit == CLI_OK) {
        if (refusal != REFUSAL_accepted)
            return order_fail(cli, order, refusal);
        return cli_fail(cli, CLI_REFUSED,
                        "it costs %s credits, and your tokens that may be redeemed for it hold "
                        "less; 'bourse balance' shows what you have",
                        amount_format(cost_ucr, cost_text));
    }
    return cli->exit;
}
