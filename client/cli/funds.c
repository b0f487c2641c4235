#include "client/cli/cli.h"

#include <stdlib.h>

#include "protocol/amount.h"

/* Largest first; of equal ones the older first, so that the choice is always the same. */
static int by_amount(const void *left, const void *right)
{
    const struct token_info *a = left;
    const struct token_info *b = right;
    if (a->amount_ucr != b->amount_ucr)
        return a->amount_ucr < b->amount_ucr ? 1 : -1;
    return a->token < b->token ? -1 : a->token > b->token;
}

uint32_t funds_pick(struct token_info *tokens, uint32_t count, uint64_t amount_ucr)
{
    qsort(tokens, count, sizeof(*tokens), by_amount);
    uint64_t missing = amount_ucr;
    uint32_t picked = 0;
    while (missing > 0 && picked < count) {
        uint64_t has = tokens[picked++].amount_ucr;
        missing = has < missing ? missing - has : 0;
        if (missing > 0)
            continue;
        /* The last one may be larger than it need be: the smallest that covers the rest leaves the
         * large ones whole. */
        uint64_t before = 0;
        for (uint32_t i = 0; i + 1 < picked; i++)
            before += tokens[i].amount_ucr;
        uint32_t best = picked - 1;
        while (best + 1 < count && tokens[best + 1].amount_ucr >= amount_ucr - before)
            best++;
        struct token_info taken = tokens[best];
        tokens[best] = tokens[picked - 1];
        tokens[picked - 1] = taken;
    }
    return missing > 0 ? 0 : picked;
}

static void say_short(struct cli *cli, uint32_t series, uint64_t wanted, uint64_t has)
{
    char wanted_text[AMOUNT_TEXT_BYTES];
    char has_text[AMOUNT_TEXT_BYTES];
    cli_fail(cli, CLI_REFUSED,
             "your tokens of series %s hold %s credits, and %s are needed; 'bourse balance' shows "
             "what you have",
             name_of(cli, NAMED_SERIES, series), amount_format(has, has_text),
             amount_format(wanted, wanted_text));
}

uint32_t funds_choose(struct cli *cli, uint32_t series, uint64_t amount_ucr, uint32_t max,
                      const uint64_t **tokens_out, uint64_t *total_out)
{
    struct q_tokens q = {.series = series};
    const void *rows = NULL;
    uint32_t count = records_fetch(cli, &q_tokens_message, &q, UINT32_MAX, &rows);
    if (cli->exit != CLI_OK)
        return 0;
    struct token_info *tokens = arena_copy(&cli->arena, rows, count * sizeof(*tokens));
    uint64_t *chosen = arena_alloc(&cli->arena, ((size_t)count + 1) * sizeof(*chosen));
    if (tokens == NULL || chosen == NULL) {
        cli_fail(cli, CLI_LOCAL, "out of memory");
        return 0;
    }
    uint64_t has = 0;
    for (uint32_t i = 0; i < count; i++)
        (void)amount_add(has, tokens[i].amount_ucr, &has);
    uint32_t picked = amount_ucr == UINT64_MAX ? count : funds_pick(tokens, count, amount_ucr);
    if (picked == 0 && amount_ucr > 0) {
        say_short(cli, series, amount_ucr == UINT64_MAX ? 1 : amount_ucr, has);
        return 0;
    }
    if (picked > max) {
        cli_fail(cli, CLI_REFUSED,
                 "it takes %u tokens, and one operation may name %u; make fewer of them first with "
                 "'bourse token merge --series %s'",
                 (unsigned)picked, (unsigned)max, name_of(cli, NAMED_SERIES, series));
        return 0;
    }
    *total_out = 0;
    for (uint32_t i = 0; i < picked; i++) {
        chosen[i] = tokens[i].token;
        *total_out += tokens[i].amount_ucr;
    }
    *tokens_out = chosen;
    return picked;
}

uint32_t funds_series(struct cli *cli)
{
    const char *named = option_text(cli, "series");
    if (named != NULL)
        return name_series(cli, named);
    struct q_balances q = {.account = 0};
    const void *rows = NULL;
    uint32_t found = 0;
    uint32_t count = records_fetch(cli, &q_balances_message, &q, UINT32_MAX, &rows);
    const struct balance_info *b = rows;
    for (uint32_t i = 0; i < count; i++) {
        if (b[i].tokens_ucr == 0)
            continue;
        if (found != 0) {
            cli_fail(cli, CLI_USAGE,
                     "you hold tokens of several series; say which with --series ('bourse balance' "
                     "lists them)");
            return 0;
        }
        found = b[i].series;
    }
    if (cli->exit == CLI_OK && found == 0)
        cli_fail(cli, CLI_REFUSED, "you hold no tokens");
    return found;
}
