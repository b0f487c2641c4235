#include "server/exchange/gift.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/endian.h"
#include "protocol/keys.h"
#include "server/exchange/account.h"
#include "server/exchange/check.h"
#include "server/exchange/event.h"
#include "server/exchange/index.h"
#include "server/exchange/key.h"
#include "server/exchange/owned.h"
#include "server/exchange/query.h"
#include "server/exchange/token.h"

struct gift_index {
    struct owned owned;
    /* What gifts_at_limit() counted last; good until a gift comes or goes, or time goes on. */
    uint32_t counted; /* the giver; 0: nothing */
    uint64_t counted_s;
    uint64_t counted_live;
};

static const struct gift_row *gift_find(const struct exchange *x, uint64_t gift)
{
    return store_find(x->store, TABLE_GIFT, &gift);
}

static bool gift_lives(const void *context, uint32_t account, uint64_t serial)
{
    const struct gift_row *row = gift_find(context, serial);
    return row && row->giver == account;
}

static void gift_hook(void *context, const void *old_row, const void *new_row)
{
    struct exchange *x = context;
    const struct gift_row *before = old_row;
    const struct gift_row *after = new_row;
    /* A gift never changes: it comes and goes. */
    assert(!before != !after);
    x->gifts->counted = 0;
    if (after)
        owned_add(&x->gifts->owned, after->giver, after->gift);
    else
        owned_remove(&x->gifts->owned, before->giver, before->gift);
}

void gift_index_new(struct exchange *x)
{
    x->gifts = calloc(1, sizeof(*x->gifts));
    if (!x->gifts)
        memory_exhausted();
    owned_init(&x->gifts->owned, gift_lives, x);
    store_set_hook(x->store, TABLE_GIFT, gift_hook, x);
}

void gift_index_settle(struct exchange *x)
{
    owned_settle(&x->gifts->owned);
}

void gift_index_free(struct exchange *x)
{
    if (!x->gifts)
        return;
    owned_release(&x->gifts->owned);
    free(x->gifts);
    x->gifts = NULL;
}

/* What has expired is no gift any more, swept or not. */
static const struct gift_row *gift_visible(const struct exchange *x, uint64_t gift)
{
    const struct gift_row *row = gift_find(x, gift);
    return row && !series_expired(x, series_find(x, row->series)) ? row : NULL;
}

/* Gifts of the giver that have not expired. Counted once for a batch of refusals: else each of them
 * would look at every gift. */
static uint64_t gifts_live(const struct exchange *x, uint32_t giver)
{
    struct gift_index *index = x->gifts;
    if (index->counted == giver && index->counted_s == x->head.time_s)
        return index->counted_live;
    uint64_t live = 0;
    uint64_t resume;
    uint32_t looks = UINT32_MAX;
    for (uint64_t gift = 0; (gift = owned_next(&index->owned, giver, gift, &looks, &resume)) != 0;
         gift++)
        live += gift_visible(x, gift) != NULL;
    index->counted = giver;
    index->counted_s = x->head.time_s;
    index->counted_live = live;
    return live;
}

bool gifts_at_limit(const struct exchange *x, uint32_t giver)
{
    return owned_count(&x->gifts->owned, giver) >= GIFTS_PER_ACCOUNT_MAX &&
           gifts_live(x, giver) >= GIFTS_PER_ACCOUNT_MAX;
}

uint64_t gift_add(struct exchange *x, uint32_t series, uint32_t giver, amount a,
                  const uint8_t claim_key[32])
{
    struct gift_row row = {
        .gift = ++x->head.gift_last,
        .amount_ucr = a,
        .index = event_next_index(x),
        .series = series,
        .giver = giver,
    };
    memcpy(row.claim_key, claim_key, sizeof(row.claim_key));
    store_put(x->store, TABLE_GIFT, &row);
    return row.gift;
}

/* --- Operations --- */

static enum refusal give_refusal(struct exchange *x, const struct actor *actor,
                                 const struct op_token_give *op, struct inputs *in)
{
    enum refusal refusal = inputs_resolve(x, actor, op->inputs.items, op->inputs.count, in);
    if (key_is_zero(op->claim_key))
        refusal = refusal_first(refusal, REFUSAL_malformed);
    if (op->inputs.count > 0 && in->terms && !in->terms->transferable)
        refusal = refusal_first(refusal, REFUSAL_series_not_transferable);
    if (op->amount_ucr == 0)
        refusal = refusal_first(refusal, REFUSAL_amount_zero);
    if (!refusal && op->amount_ucr > in->total)
        refusal = REFUSAL_insufficient_funds;
    if (gifts_at_limit(x, actor->account))
        refusal = refusal_first(refusal, REFUSAL_too_many);
    return refusal;
}

enum refusal gift_give(struct exchange *x, const struct actor *actor, const void *body,
                       struct result *out)
{
    const struct op_token_give *op = body;
    struct inputs in;
    enum refusal refusal = give_refusal(x, actor, op, &in);
    if (refusal)
        return refusal;

    struct ev_token_given event = {EVENT_HEAD_OF(x, actor->account), .series = in.series,
                                   .amount_ucr = op->amount_ucr,
                                   .change_ucr = (amount)in.total - op->amount_ucr};
    event.inputs.items = in.serials;
    event.inputs.count = in.count;
    memcpy(event.claim_key, op->claim_key, sizeof(event.claim_key));
    for (uint32_t i = 0; i < in.count; i++)
        token_spend(x, in.serials[i]);
    event.gift = gift_add(x, in.series, actor->account, op->amount_ucr, op->claim_key);
    if (event.change_ucr > 0)
        event.change = token_issue(x, in.series, actor->account, event.change_ucr);
    ledger_move(x, in.series, (struct ledger_place){LEDGER_TOKENS, actor->account},
                (struct ledger_place){LEDGER_GIFTS, actor->account}, op->amount_ucr);
    key_moves(x, op->amount_ucr);
    event_log(x, &ev_token_given_message, &event);
    out->object = event.gift;
    out->token_first = event.change;
    out->token_count = event.change > 0;
    return REFUSAL_accepted;
}

static bool claim_proven(const struct exchange *x, const struct actor *actor,
                         const struct op_gift_claim *op, const struct gift_row *gift)
{
    uint8_t proven[8 + 32 + 32];
    put_u64_be(proven, op->gift);
    memcpy(proven + 8, actor->key, 32);
    memcpy(proven + 40, op->channel_key, 32);
    return keys_verify(gift->claim_key, PURPOSE_CLAIM, x->id, proven, sizeof(proven), op->proof) ==
           0;
}

enum refusal gift_claim_refusal(const struct exchange *x, const struct actor *actor,
                                const struct op_gift_claim *op)
{
    enum refusal refusal = REFUSAL_accepted;
    if (actor->account == 0)
        refusal = account_admissible(x, op->name, actor->key, op->channel_key);
    else if (op->name.length > 0 || !key_is_zero(op->channel_key))
        refusal = REFUSAL_malformed;

    const struct gift_row *gift = gift_find(x, op->gift);
    if (!gift)
        return refusal_first(refusal, REFUSAL_gift_not_found);
    if (series_expired(x, series_find(x, gift->series)))
        refusal = refusal_first(refusal, REFUSAL_series_expired);
    /* The signature is looked at only where it decides. */
    if ((!refusal || refusal > REFUSAL_bad_proof) && !claim_proven(x, actor, op, gift))
        refusal = REFUSAL_bad_proof;
    return refusal;
}

enum refusal gift_claim(struct exchange *x, const struct actor *actor, const void *body,
                        struct result *out)
{
    const struct op_gift_claim *op = body;
    enum refusal refusal = gift_claim_refusal(x, actor, op);
    if (refusal)
        return refusal;

    struct gift_row gift = *gift_find(x, op->gift);
    struct ev_gift_claimed event = {
        .time_s = x->head.time_s,
        .gift = gift.gift,
        .giver = gift.giver,
        .account = actor->account,
        .series = gift.series,
        .amount_ucr = gift.amount_ucr,
    };
    if (actor->account == 0) {
        event.registered = true;
        event.name = op->name;
        memcpy(event.sign_key, actor->key, sizeof(event.sign_key));
        memcpy(event.channel_key, op->channel_key, sizeof(event.channel_key));
        event.account = account_add(x, op->name, ROLE_STARTUP, actor->key, op->channel_key);
    }
    event.by = event.account;
    store_remove(x->store, TABLE_GIFT, &gift.gift);
    event.token = token_issue(x, gift.series, event.account, gift.amount_ucr);
    ledger_move(x, gift.series, (struct ledger_place){LEDGER_GIFTS, gift.giver},
                (struct ledger_place){LEDGER_TOKENS, event.account}, gift.amount_ucr);
    event_log(x, &ev_gift_claimed_message, &event);
    out->object = event.account;
    out->token_first = event.token;
    out->token_count = 1;
    return REFUSAL_accepted;
}

enum refusal gift_revoke(struct exchange *x, const struct actor *actor, const void *body,
                         struct result *out)
{
    const struct op_gift_revoke *op = body;
    const struct gift_row *found = gift_find(x, op->gift);
    if (!found)
        return REFUSAL_gift_not_found;
    if (found->giver != actor->account)
        return REFUSAL_not_owner;
    if (series_expired(x, series_find(x, found->series)))
        return REFUSAL_series_expired;

    struct gift_row gift = *found;
    struct ev_gift_revoked event = {EVENT_HEAD_OF(x, actor->account), .gift = gift.gift,
                                    .series = gift.series, .amount_ucr = gift.amount_ucr};
    store_remove(x->store, TABLE_GIFT, &gift.gift);
    event.token = token_issue(x, gift.series, actor->account, gift.amount_ucr);
    ledger_move(x, gift.series, (struct ledger_place){LEDGER_GIFTS, actor->account},
                (struct ledger_place){LEDGER_TOKENS, actor->account}, gift.amount_ucr);
    event_log(x, &ev_gift_revoked_message, &event);
    out->object = gift.gift;
    out->token_first = event.token;
    out->token_count = 1;
    return REFUSAL_accepted;
}

/* --- Questions --- */

static void info_fill(struct gift_info *info, const struct gift_row *row)
{
    *info = (struct gift_info){
        .gift = row->gift,
        .giver = row->giver,
        .series = row->series,
        .amount_ucr = row->amount_ucr,
        .index = row->index,
    };
    memcpy(info->claim_key, row->claim_key, sizeof(info->claim_key));
}

static uint32_t gifts_answer(const struct exchange *x, uint32_t giver, const struct q_gifts *q,
                             struct gift_info *infos, uint32_t limit, uint64_t *next_out)
{
    uint32_t looks = QUERY_LOOKS_MAX;
    uint32_t count = 0;
    uint64_t serial = q->from;
    while ((serial = owned_next(&x->gifts->owned, giver, serial, &looks, next_out)) != 0) {
        const struct gift_row *row = gift_visible(x, serial);
        if (row) {
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

enum refusal query_gifts(const struct exchange *x, uint32_t account, const void *body,
                         struct arena *arena, const struct message **answer_out,
                         const void **body_out)
{
    const struct q_gifts *q = body;
    struct a_gifts *answer = query_alloc(arena, sizeof(*answer));
    uint32_t limit = q->gift > 0 ? 1 : query_page_rows(q->limit);
    struct gift_info *infos = query_alloc(arena, limit * sizeof(*infos));

    if (q->gift > 0) {
        const struct gift_row *row = gift_visible(x, q->gift);
        if (!row || (row->giver != account && !query_sees_all(x, account)))
            return REFUSAL_not_found;
        info_fill(infos, row);
        answer->rows.count = 1;
    } else {
        uint32_t giver;
        enum refusal refusal = query_subject(x, account, q->account, &giver);
        if (refusal)
            return refusal;
        answer->rows.count = gifts_answer(x, giver, q, infos, limit, &answer->next);
    }
    answer->rows.items = infos;
    *answer_out = &a_gifts_message;
    *body_out = answer;
    return REFUSAL_accepted;
}

void check_gift_index(const struct exchange *x, const struct gift_row *row,
                      struct check_report *report)
{
    uint32_t looks = UINT32_MAX;
    uint64_t resume;
    if (owned_next(&x->gifts->owned, row->giver, row->gift, &looks, &resume) != row->gift)
        check_found(report, "gift %llu: not among its giver's gifts in memory",
                    (unsigned long long)row->gift);
}

uint64_t gift_owned_count(const struct exchange *x, uint32_t account)
{
    return owned_count(&x->gifts->owned, account);
}
