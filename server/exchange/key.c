#include "server/exchange/key.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/endian.h"
#include "protocol/keys.h"
#include "server/exchange/account.h"
#include "server/exchange/check.h"
#include "server/exchange/due.h"
#include "server/exchange/event.h"
#include "server/exchange/index.h"
#include "server/exchange/number_map.h"
#include "server/exchange/query.h"

/* Both maps find a row by its place: account x KEYS_PER_ACCOUNT_MAX + slot. */
static_assert((uint64_t)ACCOUNTS_MAX * KEYS_PER_ACCOUNT_MAX + KEYS_PER_ACCOUNT_MAX < UINT32_MAX,
              "the place of a key fits a number");

struct key_index {
    struct number_map sign_keys;
    struct number_map channel_keys;
};

static const struct key_row *slot_find(const struct exchange *x, uint32_t account, uint32_t slot)
{
    struct key_row key = {.account = account, .slot = slot};
    return store_find(x->store, TABLE_KEY, &key);
}

static const struct key_row *place_find(const struct exchange *x, uint32_t place)
{
    return slot_find(x, place / KEYS_PER_ACCOUNT_MAX, place % KEYS_PER_ACCOUNT_MAX);
}

static bool sign_key_matches(const void *context, uint32_t number, const void *key, size_t length)
{
    const struct key_row *row = place_find(context, number);
    return row && memcmp(row->sign_key, key, length) == 0;
}

static bool channel_key_matches(const void *context, uint32_t number, const void *key,
                                size_t length)
{
    const struct key_row *row = place_find(context, number);
    return row && memcmp(row->channel_key, key, length) == 0;
}

/* --- Index --- */

static struct due_item due_of(const struct key_row *row)
{
    return (struct due_item){.due_s = row->expires_s,
                             .kind = DUE_KEY,
                             .serial = (uint64_t)row->account * KEYS_PER_ACCOUNT_MAX + row->slot};
}

static bool expiry_waits(const struct key_row *row)
{
    return row->expires_s > 0 && !row->lapsed;
}

static bool row_fits(const struct key_row *row)
{
    return row->account > 0 && row->account <= ACCOUNTS_MAX && row->slot < KEYS_PER_ACCOUNT_MAX;
}

static void key_hook(void *context, const void *old_row, const void *new_row)
{
    struct exchange *x = context;
    const struct key_row *before = old_row;
    const struct key_row *after = new_row;
    const struct key_row *either = after ? after : before;
    if (!row_fits(either))
        return; /* of a damaged image; the check after loading refuses it */
    uint32_t place = either->account * KEYS_PER_ACCOUNT_MAX + either->slot;
    bool waited = before && expiry_waits(before);
    bool waits = after && expiry_waits(after);
    if (waited && !waits)
        due_remove(x, due_of(before));
    if (waits && !waited)
        due_put(x, due_of(after));
    /* Most changes are of what was spent; the keys of a row stay what they are. */
    if (before && after)
        return;
    if (after) {
        number_map_add(&x->keys->sign_keys, place, after->sign_key, 32);
        number_map_add(&x->keys->channel_keys, place, after->channel_key, 32);
    } else {
        number_map_remove(&x->keys->sign_keys, place, before->sign_key, 32);
        number_map_remove(&x->keys->channel_keys, place, before->channel_key, 32);
    }
}

void key_index_new(struct exchange *x)
{
    x->keys = calloc(1, sizeof(*x->keys));
    if (!x->keys)
        memory_exhausted();
    number_map_init(&x->keys->sign_keys, sign_key_matches, x, x->seed);
    number_map_init(&x->keys->channel_keys, channel_key_matches, x, x->seed);
    store_set_hook(x->store, TABLE_KEY, key_hook, x);
}

void key_index_free(struct exchange *x)
{
    if (!x->keys)
        return;
    number_map_release(&x->keys->sign_keys);
    number_map_release(&x->keys->channel_keys);
    free(x->keys);
    x->keys = NULL;
}

const struct key_row *key_find(const struct exchange *x, uint32_t account,
                               const uint8_t sign_key[32])
{
    uint32_t place = number_map_find(&x->keys->sign_keys, sign_key, 32);
    return place > 0 && place / KEYS_PER_ACCOUNT_MAX == account ? place_find(x, place) : NULL;
}

bool key_taken(const struct exchange *x, const uint8_t key[32])
{
    return number_map_find(&x->keys->sign_keys, key, 32) > 0 ||
           number_map_find(&x->keys->channel_keys, key, 32) > 0;
}

bool key_expired(const struct key_row *row, uint64_t time_s)
{
    return row->expires_s > 0 && time_s >= row->expires_s;
}

bool key_expired_of(const struct exchange *x, const uint8_t sign_key[32], uint64_t time_s)
{
    uint32_t place = number_map_find(&x->keys->sign_keys, sign_key, 32);
    const struct key_row *row = place > 0 ? place_find(x, place) : NULL;
    return row && key_expired(row, time_s);
}

const struct key_row *key_by_channel(const struct exchange *x, const uint8_t channel_key[32])
{
    uint32_t place = number_map_find(&x->keys->channel_keys, channel_key, 32);
    const struct key_row *row = place > 0 ? place_find(x, place) : NULL;
    return row && !key_expired(row, x->head.time_s) ? row : NULL;
}

/* The state itself changes nothing by it: but a group comes of it, whose time tells everybody who
 * asks that the key has expired. */
void key_due(struct exchange *x, struct due_item item)
{
    struct key_row row = *place_find(x, (uint32_t)item.serial);
    row.lapsed = 1;
    store_put(x->store, TABLE_KEY, &row);
}

/* --- Amounts --- */

static uint64_t day_of(const struct exchange *x)
{
    return x->head.time_s / 86400;
}

static amount spent_today(const struct exchange *x, const struct key_row *row)
{
    return row->spent_day == day_of(x) ? row->spent_ucr : 0;
}

static amount sum_capped(amount a, amount b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

void key_moves(struct exchange *x, amount a)
{
    x->moved_ucr = sum_capped(x->moved_ucr, a);
}

enum refusal key_charge(struct exchange *x, const struct actor *actor)
{
    if (actor->account == 0 || actor->main_key || x->moved_ucr == 0)
        return REFUSAL_accepted;
    const struct key_row *found = key_find(x, actor->account, actor->key);
    assert(found); /* no operation that a further key may sign removes one */
    struct key_row row = *found;
    row.spent_ucr = sum_capped(spent_today(x, &row), x->moved_ucr);
    row.spent_day = day_of(x);
    if (row.daily_ucr > 0 && row.spent_ucr > row.daily_ucr)
        return REFUSAL_key_over_amount;
    store_put(x->store, TABLE_KEY, &row);
    return REFUSAL_accepted;
}

/* --- Operations --- */

bool key_proven(const struct exchange *x, uint32_t account, const uint8_t sign_key[32],
                const uint8_t channel_key[32], const uint8_t proof[64])
{
    uint8_t proven[4 + 32 + 32];
    put_u32_be(proven, account);
    memcpy(proven + 4, sign_key, 32);
    memcpy(proven + 36, channel_key, 32);
    return keys_verify(sign_key, PURPOSE_REKEY, x->id, proven, sizeof(proven), proof) == 0;
}

/* The first slot without a key; KEYS_PER_ACCOUNT_MAX: all are taken. */
static uint32_t slot_free(const struct exchange *x, uint32_t account)
{
    uint32_t slot = 0;
    while (slot < KEYS_PER_ACCOUNT_MAX && slot_find(x, account, slot))
        slot++;
    return slot;
}

static enum refusal add_refusal(const struct exchange *x, const struct actor *actor,
                                const struct op_account_key_add *op)
{
    enum refusal refusal = account_keys_admissible(x, op->sign_key, op->channel_key);
    if ((op->scopes & ~SCOPE_ANY) != 0 || (op->label.length > 0 && !name_allowed(op->label)))
        refusal = refusal_first(refusal, REFUSAL_malformed);
    if (op->expires_s > 0 && op->expires_s <= x->head.time_s)
        refusal = refusal_first(refusal, REFUSAL_expiry_in_past);
    if (slot_free(x, actor->account) == KEYS_PER_ACCOUNT_MAX)
        refusal = refusal_first(refusal, REFUSAL_too_many);
    /* The signature is looked at only where it decides. */
    if ((!refusal || refusal > REFUSAL_bad_proof) &&
        !key_proven(x, actor->account, op->sign_key, op->channel_key, op->proof))
        refusal = REFUSAL_bad_proof;
    return refusal;
}

enum refusal account_key_add(struct exchange *x, const struct actor *actor, const void *body,
                             struct result *out)
{
    const struct op_account_key_add *op = body;
    enum refusal refusal = add_refusal(x, actor, op);
    if (refusal)
        return refusal;

    struct key_row row = {
        .account = actor->account,
        .slot = slot_free(x, actor->account),
        .scopes = op->scopes,
        .daily_ucr = op->daily_ucr,
        .expires_s = op->expires_s,
        .index = event_next_index(x),
    };
    memcpy(row.sign_key, op->sign_key, sizeof(row.sign_key));
    memcpy(row.channel_key, op->channel_key, sizeof(row.channel_key));
    column_set(row.label, sizeof(row.label), op->label);
    store_put(x->store, TABLE_KEY, &row);

    struct ev_account_key_added event = {EVENT_HEAD_OF(x, actor->account),
                                         .account = actor->account,
                                         .label = op->label,
                                         .scopes = op->scopes,
                                         .daily_ucr = op->daily_ucr,
                                         .expires_s = op->expires_s};
    memcpy(event.sign_key, op->sign_key, sizeof(event.sign_key));
    memcpy(event.channel_key, op->channel_key, sizeof(event.channel_key));
    event_log(x, &ev_account_key_added_message, &event);
    out->object = actor->account;
    return REFUSAL_accepted;
}

enum refusal account_key_remove(struct exchange *x, const struct actor *actor, const void *body,
                                struct result *out)
{
    const struct op_account_key_remove *op = body;
    const struct key_row *found = key_find(x, actor->account, op->sign_key);
    if (!found)
        return REFUSAL_key_not_found;

    struct key_row row = *found;
    store_remove(x->store, TABLE_KEY, &row);
    struct ev_account_key_removed event = {EVENT_HEAD_OF(x, actor->account),
                                           .account = actor->account};
    memcpy(event.sign_key, op->sign_key, sizeof(event.sign_key));
    event_log(x, &ev_account_key_removed_message, &event);
    out->object = actor->account;
    return REFUSAL_accepted;
}

/* --- Questions --- */

static void info_fill(const struct exchange *x, struct key_info *info, const struct key_row *row)
{
    *info = (struct key_info){
        .label = text_of(row->label),
        .scopes = row->scopes,
        .daily_ucr = row->daily_ucr,
        .spent_today_ucr = spent_today(x, row),
        .expires_s = row->expires_s,
        .index = row->index,
    };
    memcpy(info->sign_key, row->sign_key, sizeof(info->sign_key));
    memcpy(info->channel_key, row->channel_key, sizeof(info->channel_key));
}

bool exchange_further_key(const struct exchange *x, const uint8_t channel_key[32],
                          struct key_info *out)
{
    uint32_t place = number_map_find(&x->keys->channel_keys, channel_key, 32);
    const struct key_row *row = place > 0 ? place_find(x, place) : NULL;
    if (row)
        info_fill(x, out, row);
    return row != NULL;
}

/* Pages go on by slot: KEYS_PER_ACCOUNT_MAX looks are all there is. */
enum refusal query_keys(const struct exchange *x, uint32_t account, const void *body,
                        struct arena *arena, const struct message **answer_out,
                        const void **body_out)
{
    const struct q_keys *q = body;
    uint32_t owner;
    enum refusal refusal = query_subject(x, account, q->account, &owner);
    if (refusal)
        return refusal;

    struct a_keys *answer = query_alloc(arena, sizeof(*answer));
    struct key_info *infos = query_alloc(arena, KEYS_PER_ACCOUNT_MAX * sizeof(*infos));
    uint32_t rows = query_page_rows(q->limit);
    for (uint64_t slot = q->from; slot < KEYS_PER_ACCOUNT_MAX; slot++) {
        const struct key_row *row = slot_find(x, owner, (uint32_t)slot);
        if (!row)
            continue;
        if (answer->rows.count == rows) {
            answer->next = slot;
            break;
        }
        info_fill(x, &infos[answer->rows.count++], row);
    }
    answer->rows.items = infos;
    *answer_out = &a_keys_message;
    *body_out = answer;
    return REFUSAL_accepted;
}

/* --- Check --- */

void check_key_index(const struct exchange *x, const struct key_row *row,
                     struct check_report *report)
{
    uint32_t place = row->account * KEYS_PER_ACCOUNT_MAX + row->slot;
    if (number_map_find(&x->keys->sign_keys, row->sign_key, 32) != place)
        check_found(report, "key %u of account %u: not found by its signing key", row->slot,
                    row->account);
    if (number_map_find(&x->keys->channel_keys, row->channel_key, 32) != place)
        check_found(report, "key %u of account %u: not found by its channel key", row->slot,
                    row->account);
    if (account_by_sign_key(x, row->sign_key) || account_by_channel_key(x, row->channel_key))
        check_found(report, "key %u of account %u: is the main key of an account, too", row->slot,
                    row->account);
    if (expiry_waits(row) && !due_has(x, due_of(row)))
        check_found(report, "key %u of account %u: its expiry is not among what is due", row->slot,
                    row->account);
}

void check_keys(const struct exchange *x, struct check_report *report)
{
    uint64_t rows = store_count(x->store, TABLE_KEY);
    if (x->keys->sign_keys.used != rows || x->keys->channel_keys.used != rows)
        check_found(report, "keys: %llu rows, but %llu signing and %llu channel keys in memory",
                    (unsigned long long)rows, (unsigned long long)x->keys->sign_keys.used,
                    (unsigned long long)x->keys->channel_keys.used);
}
