#include "server/exchange/token.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/amount.h"
#include "server/exchange/account.h"
#include "server/exchange/check.h"
#include "server/exchange/event.h"
#include "server/exchange/index.h"
#include "server/exchange/key.h"
#include "server/exchange/owned.h"
#include "server/exchange/query.h"

/* Up to here comparing each with each beats sorting. */
enum { FEW_TOKENS = 16 };

struct token_index {
    struct owned owned;
};

static bool token_lives(const void *context, uint32_t account, uint64_t serial)
{
    const struct exchange *x = context;
    const struct token_row *row = store_find(x->store, TABLE_TOKEN, &serial);
    return row && row->owner == account;
}

static void token_hook(void *context, const void *old_row, const void *new_row)
{
    struct exchange *x = context;
    const struct token_row *before = old_row;
    const struct token_row *after = new_row;
    /* A token never changes: it comes and goes. */
    assert(!before != !after);
    if (after)
        owned_add(&x->tokens->owned, after->owner, after->token);
    else
        owned_remove(&x->tokens->owned, before->owner, before->token);
}

void token_index_new(struct exchange *x)
{
    x->tokens = calloc(1, sizeof(*x->tokens));
    if (!x->tokens)
        memory_exhausted();
    owned_init(&x->tokens->owned, token_lives, x);
    store_set_hook(x->store, TABLE_TOKEN, token_hook, x);
}

void token_index_settle(struct exchange *x)
{
    owned_settle(&x->tokens->owned);
}

void token_index_free(struct exchange *x)
{
    if (!x->tokens)
        return;
    owned_release(&x->tokens->owned);
    free(x->tokens);
    x->tokens = NULL;
}

/* --- Naming tokens --- */

static int serial_compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static bool serials_repeat(struct exchange *x, const struct token_row *rows, uint32_t count)
{
    if (count <= FEW_TOKENS) {
        for (uint32_t i = 1; i < count; i++) {
            for (uint32_t k = 0; k < i; k++) {
                if (rows[i].token == rows[k].token)
                    return true;
            }
        }
        return false;
    }
    uint64_t *serials = scratch_alloc(x, count * sizeof(*serials));
    for (uint32_t i = 0; i < count; i++)
        serials[i] = rows[i].token;
    qsort(serials, count, sizeof(*serials), serial_compare);
    for (uint32_t i = 1; i < count; i++) {
        if (serials[i] == serials[i - 1])
            return true;
    }
    return false;
}

/* The serial that a number means; 0 for a reference to what was not issued. */
static uint64_t number_resolve(const struct actor *actor, uint64_t number)
{
    if (!(number & TOKEN_REFERENCE_BIT))
        return number;
    uint64_t operation = (number & ~TOKEN_REFERENCE_BIT) >> 32;
    uint32_t output = (uint32_t)number;
    if (operation >= actor->results_count)
        return 0;
    const struct result *result = &actor->results[operation];
    if (result->refusal || output >= result->token_count)
        return 0;
    return result->token_first + output;
}

enum refusal tokens_resolve(struct exchange *x, const struct actor *actor, const uint64_t *numbers,
                            uint32_t count, const struct token_row **rows_out)
{
    struct token_row *rows = scratch_alloc(x, count * sizeof(*rows));
    const struct series_row *s = NULL;
    enum refusal refusal = REFUSAL_accepted;
    bool missing = false;

    for (uint32_t i = 0; i < count; i++) {
        uint64_t serial = number_resolve(actor, numbers[i]);
        const struct token_row *row = store_find(x->store, TABLE_TOKEN, &serial);
        if (!row) {
            enum refusal reason = REFUSAL_token_spent;
            if (numbers[i] & TOKEN_REFERENCE_BIT && serial == 0)
                reason = REFUSAL_reference_invalid;
            else if (serial == 0 || serial > x->head.token_last)
                reason = REFUSAL_token_not_found;
            refusal = refusal_first(refusal, reason);
            missing = true;
            continue;
        }
        rows[i] = *row;
        if (row->owner != actor->account)
            refusal = refusal_first(refusal, REFUSAL_not_owner);
        if (!s || s->series != row->series)
            s = series_find(x, row->series);
        if (series_expired(x, s))
            refusal = refusal_first(refusal, REFUSAL_series_expired);
    }
    if (!missing && serials_repeat(x, rows, count))
        refusal = refusal_first(refusal, REFUSAL_token_twice);
    *rows_out = rows;
    return refusal;
}

enum refusal inputs_resolve(struct exchange *x, const struct actor *actor, const uint64_t *numbers,
                            uint32_t count, struct inputs *out)
{
    if (count == 0)
        return REFUSAL_malformed;
    enum refusal refusal = tokens_resolve(x, actor, numbers, count, &out->rows);
    uint64_t *serials = scratch_alloc(x, count * sizeof(*serials));
    out->total = 0;
    out->series = out->rows[0].series;
    out->terms = out->series ? series_find(x, out->series) : NULL;
    for (uint32_t i = 0; i < count; i++) {
        const struct token_row *row = &out->rows[i];
        serials[i] = row->token;
        out->total += row->amount_ucr;
        /* Rows that were not found are all zero and have their own refusal. */
        if (row->series != out->series && row->token > 0 && out->series > 0)
            refusal = refusal_first(refusal, REFUSAL_series_mixed);
    }
    out->serials = serials;
    out->count = count;
    return refusal;
}

/* --- Rows --- */

uint64_t token_issue(struct exchange *x, uint32_t series, uint32_t owner, amount a)
{
    assert(a > 0 && x->head.token_last < SERIAL_MAX);
    struct token_row row = {
        .token = ++x->head.token_last,
        .amount_ucr = a,
        .index = event_next_index(x),
        .series = series,
        .owner = owner,
    };
    store_put(x->store, TABLE_TOKEN, &row);
    return row.token;
}

void token_spend(struct exchange *x, uint64_t token)
{
    store_remove(x->store, TABLE_TOKEN, &token);
}

int token_refund(struct exchange *x, uint32_t series, uint32_t owner, amount a,
                 struct ledger_place from, struct issued *issued_out)
{
    const struct series_row *s = series_find(x, series);
    if (series_expired(x, s)) {
        ledger_move(x, series, from, (struct ledger_place){LEDGER_EXPIRED, s->expired_to}, a);
        return 0;
    }
    ledger_move(x, series, from, (struct ledger_place){LEDGER_TOKENS, owner}, a);
    *issued_out = (struct issued){
        .token = token_issue(x, series, owner, a),
        .series = series,
        .account = owner,
        .amount_ucr = a,
    };
    return 1;
}

/* --- Operations --- */

static enum refusal outputs_refusal(const struct exchange *x, const struct actor *actor,
                                    const struct op_token_transfer *op, bool transferable,
                                    wide *total_out)
{
    enum refusal refusal = op->outputs.count == 0 ? REFUSAL_malformed : REFUSAL_accepted;
    wide total = 0;
    for (uint32_t i = 0; i < op->outputs.count; i++) {
        const struct payment *output = &op->outputs.items[i];
        total += output->amount_ucr;
        if (output->amount_ucr == 0)
            refusal = refusal_first(refusal, REFUSAL_amount_zero);
        if (output->account == actor->account)
            continue;
        refusal = refusal_first(refusal, account_may_hold(x, output->account));
        if (!transferable)
            refusal = refusal_first(refusal, REFUSAL_series_not_transferable);
    }
    *total_out = total;
    return refusal;
}

static enum refusal transfer_refusal(struct exchange *x, const struct actor *actor,
                                     const struct op_token_transfer *op, struct inputs *in)
{
    wide total;
    enum refusal refusal = inputs_resolve(x, actor, op->inputs.items, op->inputs.count, in);
    bool transferable = op->inputs.count == 0 || !in->terms || in->terms->transferable;
    refusal = refusal_first(refusal, outputs_refusal(x, actor, op, transferable, &total));
    if (!refusal && total != in->total)
        refusal = REFUSAL_totals_differ;
    /* Of these two the first named is the one to give, and totals do differ then. */
    if (refusal == REFUSAL_amount_zero && total != in->total)
        refusal = REFUSAL_totals_differ;
    return refusal;
}

enum refusal token_transfer(struct exchange *x, const struct actor *actor, const void *body,
                            struct result *out)
{
    const struct op_token_transfer *op = body;
    struct inputs in;
    enum refusal refusal = transfer_refusal(x, actor, op, &in);
    if (refusal)
        return refusal;

    struct ev_token_transferred event = {
        EVENT_HEAD_OF(x, actor->account),
        .series = in.series,
        .token_first = x->head.token_last + 1,
    };
    event.inputs.items = in.serials;
    event.inputs.count = in.count;
    event.outputs.items = op->outputs.items;
    event.outputs.count = op->outputs.count;
    for (uint32_t i = 0; i < in.count; i++)
        token_spend(x, in.serials[i]);
    for (uint32_t i = 0; i < op->outputs.count; i++) {
        const struct payment *output = &op->outputs.items[i];
        token_issue(x, in.series, output->account, output->amount_ucr);
        if (output->account != actor->account)
            key_moves(x, output->amount_ucr);
        ledger_move(x, in.series, (struct ledger_place){LEDGER_TOKENS, actor->account},
                    (struct ledger_place){LEDGER_TOKENS, output->account}, output->amount_ucr);
    }
    event_log(x, &ev_token_transferred_message, &event);
    out->object = in.series;
    out->token_first = event.token_first;
    out->token_count = op->outputs.count;
    return REFUSAL_accepted;
}

enum refusal token_burn(struct exchange *x, const struct actor *actor, const void *body,
                        struct result *out)
{
    const struct op_token_burn *op = body;
    struct inputs in;
    enum refusal refusal = inputs_resolve(x, actor, op->inputs.items, op->inputs.count, &in);
    if (refusal)
        return refusal;

    struct ev_token_burned event = {EVENT_HEAD_OF(x, actor->account), .series = in.series,
                                    .amount_ucr = (amount)in.total};
    event.inputs.items = in.serials;
    event.inputs.count = in.count;
    for (uint32_t i = 0; i < in.count; i++)
        token_spend(x, in.serials[i]);
    ledger_move(x, in.series, (struct ledger_place){LEDGER_TOKENS, actor->account},
                (struct ledger_place){LEDGER_BURNED, actor->account}, event.amount_ucr);
    key_moves(x, event.amount_ucr);
    event_log(x, &ev_token_burned_message, &event);
    out->object = in.series;
    return REFUSAL_accepted;
}

/* --- Questions --- */

static void info_fill(struct token_info *info, const struct token_row *row)
{
    *info = (struct token_info){
        .token = row->token,
        .series = row->series,
        .owner = row->owner,
        .amount_ucr = row->amount_ucr,
        .index = row->index,
    };
}

/* What has expired is no token any more, swept or not. */
static const struct token_row *token_visible(const struct exchange *x, uint64_t serial)
{
    const struct token_row *row = store_find(x->store, TABLE_TOKEN, &serial);
    return row && !series_expired(x, series_find(x, row->series)) ? row : NULL;
}

static enum refusal token_answer(const struct exchange *x, uint32_t account,
                                 const struct q_tokens *q, struct token_info *info)
{
    const struct token_row *row = token_visible(x, q->token);
    if (!row || (row->owner != account && !query_sees_all(x, account)))
        return REFUSAL_not_found;
    info_fill(info, row);
    return REFUSAL_accepted;
}

static uint32_t tokens_answer(const struct exchange *x, uint32_t owner, const struct q_tokens *q,
                              struct token_info *infos, uint32_t limit, uint64_t *next_out)
{
    uint32_t looks = QUERY_LOOKS_MAX;
    uint32_t count = 0;
    uint64_t serial = q->from;
    while ((serial = owned_next(&x->tokens->owned, owner, serial, &looks, next_out)) != 0) {
        const struct token_row *row = token_visible(x, serial);
        if (row && (q->series == 0 || row->series == q->series)) {
            if (count == limit) {
                *next_out = serial;
                break;
            }
            info_fill(&infos[count++], row);
        }
        serial++;
    }
    return count;
}

enum refusal query_tokens(const struct exchange *x, uint32_t account, const void *body,
                          struct arena *arena, const struct message **answer_out,
                          const void **body_out)
{
    const struct q_tokens *q = body;
    struct a_tokens *answer = query_alloc(arena, sizeof(*answer));
    uint32_t limit = q->token > 0 ? 1 : query_page_rows(q->limit);
    struct token_info *infos = query_alloc(arena, limit * sizeof(*infos));
    enum refusal refusal;

    if (q->token > 0) {
        refusal = token_answer(x, account, q, infos);
        answer->rows.count = 1;
    } else {
        uint32_t owner;
        refusal = query_subject(x, account, q->account, &owner);
        if (!refusal)
            answer->rows.count = tokens_answer(x, owner, q, infos, limit, &answer->next);
    }
    if (refusal)
        return refusal;
    answer->rows.items = infos;
    *answer_out = &a_tokens_message;
    *body_out = answer;
    return REFUSAL_accepted;
}

void check_token_index(const struct exchange *x, const struct token_row *row,
                       struct check_report *report)
{
    uint32_t looks = UINT32_MAX;
    uint64_t resume;
    if (owned_next(&x->tokens->owned, row->owner, row->token, &looks, &resume) != row->token)
        check_found(report, "token %llu: not among its owner's tokens in memory",
                    (unsigned long long)row->token);
}

uint64_t token_owned_count(const struct exchange *x, uint32_t account)
{
    return owned_count(&x->tokens->owned, account);
}

/* Room for a few inputs and outputs an operation; what is beyond is fetched when it is needed. */
enum { EXPECTED_MAX = TOKENS_EXPECT_OPERATIONS * 4 };

void tokens_expect(const struct exchange *x, const struct operation *operations, uint32_t count)
{
    const void *keys[EXPECTED_MAX];
    uint64_t issued[EXPECTED_MAX];
    size_t keys_count = 0;
    uint64_t serial = x->head.token_last;

    for (uint32_t i = 0; i < count; i++) {
        if (operations[i].message != &op_token_transfer_message)
            continue;
        const struct op_token_transfer *op = operations[i].body;
        for (uint32_t k = 0; k < op->inputs.count && keys_count < EXPECTED_MAX; k++)
            keys[keys_count++] = &op->inputs.items[k];
        for (uint32_t k = 0; k < op->outputs.count && keys_count < EXPECTED_MAX; k++) {
            issued[keys_count] = ++serial;
            keys[keys_count] = &issued[keys_count];
            keys_count++;
        }
    }
    if (keys_count > 0)
        store_expect(x->store, TABLE_TOKEN, keys, keys_count);
}
