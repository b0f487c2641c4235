#include "server/exchange/account.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/exchange/ask_site.h"
#include "server/exchange/backstop.h"
#include "server/exchange/check.h"
#include "server/exchange/control.h"
#include "server/exchange/event.h"
#include "server/exchange/index.h"
#include "server/exchange/key.h"
#include "server/exchange/number_map.h"
#include "server/exchange/query.h"
#include "server/exchange/site.h"

/* What payments ask of an account, kept close together: they come far more often than rows are
 * read. */
struct account_brief {
    uint8_t role; /* 0: no such account */
    uint8_t state;
};

struct account_index {
    struct account_brief *briefs; /* by number; owned */
    size_t briefs_count;
    struct number_map names;
    struct number_map sign_keys;
    struct number_map channel_keys;
    uint32_t admins; /* active ones */
};

static bool name_matches(const void *context, uint32_t number, const void *key, size_t length)
{
    const struct account_row *row = account_find(context, number);
    return row && strlen(row->name) == length && memcmp(row->name, key, length) == 0;
}

static bool sign_key_matches(const void *context, uint32_t number, const void *key, size_t length)
{
    const struct account_row *row = account_find(context, number);
    return row && memcmp(row->sign_key, key, length) == 0;
}

static bool channel_key_matches(const void *context, uint32_t number, const void *key,
                                size_t length)
{
    const struct account_row *row = account_find(context, number);
    return row && memcmp(row->channel_key, key, length) == 0;
}

static void brief_set(struct account_index *index, uint32_t account, struct account_brief brief)
{
    if (account >= index->briefs_count) {
        size_t count = index->briefs_count ? index->briefs_count : 64;
        while (count <= account)
            count *= 2;
        struct account_brief *briefs = realloc(index->briefs, count * sizeof(*briefs));
        if (!briefs)
            memory_exhausted();
        memset(briefs + index->briefs_count, 0, (count - index->briefs_count) * sizeof(*briefs));
        index->briefs = briefs;
        index->briefs_count = count;
    }
    index->briefs[account] = brief;
}

static bool is_active_admin(const struct account_row *row)
{
    return row && row->role == ROLE_ADMIN && row->state == ACCOUNT_STATE_ACTIVE;
}

static void account_hook(void *context, const void *old_row, const void *new_row)
{
    struct exchange *x = context;
    struct account_index *index = x->accounts;
    const struct account_row *before = old_row;
    const struct account_row *after = new_row;
    uint32_t account = after ? after->account : before->account;

    if (account == 0 || account > ACCOUNTS_MAX)
        return; /* of a damaged image; the check after loading refuses it */
    index->admins -= is_active_admin(before);
    index->admins += is_active_admin(after);
    if (before) {
        number_map_remove(&index->names, account, before->name, strlen(before->name));
        number_map_remove(&index->sign_keys, account, before->sign_key, 32);
        number_map_remove(&index->channel_keys, account, before->channel_key, 32);
    }
    if (after) {
        number_map_add(&index->names, account, after->name, strlen(after->name));
        number_map_add(&index->sign_keys, account, after->sign_key, 32);
        number_map_add(&index->channel_keys, account, after->channel_key, 32);
        brief_set(index, account,
                  (struct account_brief){(uint8_t)after->role, (uint8_t)after->state});
    } else {
        brief_set(index, account, (struct account_brief){0, 0});
    }
}

void account_index_new(struct exchange *x)
{
    x->accounts = calloc(1, sizeof(*x->accounts));
    if (!x->accounts)
        memory_exhausted();
    number_map_init(&x->accounts->names, name_matches, x, x->seed);
    number_map_init(&x->accounts->sign_keys, sign_key_matches, x, x->seed);
    number_map_init(&x->accounts->channel_keys, channel_key_matches, x, x->seed);
    store_set_hook(x->store, TABLE_ACCOUNT, account_hook, x);
}

void account_index_free(struct exchange *x)
{
    if (!x->accounts)
        return;
    free(x->accounts->briefs);
    number_map_release(&x->accounts->names);
    number_map_release(&x->accounts->sign_keys);
    number_map_release(&x->accounts->channel_keys);
    free(x->accounts);
    x->accounts = NULL;
}

const struct account_row *account_find(const struct exchange *x, uint32_t account)
{
    return store_find(x->store, TABLE_ACCOUNT, &account);
}

uint32_t account_by_name(const struct exchange *x, struct text name)
{
    return number_map_find(&x->accounts->names, name.data, name.length);
}

uint32_t account_by_sign_key(const struct exchange *x, const uint8_t key[32])
{
    return number_map_find(&x->accounts->sign_keys, key, 32);
}

uint32_t account_by_channel_key(const struct exchange *x, const uint8_t key[32])
{
    return number_map_find(&x->accounts->channel_keys, key, 32);
}

struct channel_right exchange_channel_right(const struct exchange *x, const uint8_t channel_key[32])
{
    struct channel_right right = {.account = account_by_channel_key(x, channel_key)};
    const struct key_row *key = right.account == 0 ? key_by_channel(x, channel_key) : NULL;
    if (key) {
        right.account = key->account;
        right.is_further = true;
        memcpy(right.sign_key, key->sign_key, sizeof(right.sign_key));
        right.expires_s = key->expires_s;
    }
    return right;
}

uint32_t exchange_account_by_channel(const struct exchange *x, const uint8_t channel_key[32])
{
    return exchange_channel_right(x, channel_key).account;
}

static struct account_brief brief_of(const struct exchange *x, uint32_t account)
{
    if (account >= x->accounts->briefs_count)
        return (struct account_brief){0, 0};
    return x->accounts->briefs[account];
}

uint32_t account_role(const struct exchange *x, uint32_t account)
{
    return brief_of(x, account).role;
}

bool account_is_active_admin(const struct exchange *x, uint32_t account)
{
    struct account_brief brief = brief_of(x, account);
    return brief.role == ROLE_ADMIN && brief.state == ACCOUNT_STATE_ACTIVE;
}

uint32_t account_admins(const struct exchange *x)
{
    return x->accounts->admins;
}

enum refusal account_may_receive(const struct exchange *x, uint32_t account)
{
    struct account_brief brief = brief_of(x, account);
    if (brief.role == 0)
        return REFUSAL_account_not_found;
    return brief.state == ACCOUNT_STATE_FROZEN ? REFUSAL_party_frozen : REFUSAL_accepted;
}

enum refusal account_may_hold(const struct exchange *x, uint32_t account)
{
    enum refusal refusal = account_may_receive(x, account);
    uint32_t role = brief_of(x, account).role;
    if (role == ROLE_AUDITOR || role == ROLE_TREASURER)
        refusal = refusal_first(refusal, REFUSAL_role_not_allowed);
    return refusal;
}

/* --- New accounts --- */

enum refusal account_keys_admissible(const struct exchange *x, const uint8_t sign_key[32],
                                     const uint8_t channel_key[32])
{
    enum refusal refusal = REFUSAL_accepted;
    if (key_is_zero(sign_key) || key_is_zero(channel_key))
        refusal = refusal_first(refusal, REFUSAL_malformed);
    if (account_by_sign_key(x, sign_key) || account_by_channel_key(x, channel_key) ||
        key_taken(x, sign_key) || key_taken(x, channel_key))
        refusal = refusal_first(refusal, REFUSAL_key_taken);
    return refusal;
}

enum refusal account_admissible(const struct exchange *x, struct text name,
                                const uint8_t sign_key[32], const uint8_t channel_key[32])
{
    enum refusal refusal = account_keys_admissible(x, sign_key, channel_key);
    if (!name_allowed(name))
        refusal = refusal_first(refusal, REFUSAL_malformed);
    else if (account_by_name(x, name))
        refusal = refusal_first(refusal, REFUSAL_name_taken);
    if (x->head.account_last >= ACCOUNTS_MAX)
        refusal = refusal_first(refusal, REFUSAL_too_many);
    return refusal;
}

uint32_t account_add(struct exchange *x, struct text name, enum role role,
                     const uint8_t sign_key[32], const uint8_t channel_key[32])
{
    struct account_row row = {
        .account = ++x->head.account_last,
        .role = (uint32_t)role,
        .state = ACCOUNT_STATE_ACTIVE,
        .registered_s = x->head.time_s,
        .index = event_next_index(x),
    };
    memcpy(row.sign_key, sign_key, sizeof(row.sign_key));
    memcpy(row.channel_key, channel_key, sizeof(row.channel_key));
    column_set(row.name, sizeof(row.name), name);
    store_put(x->store, TABLE_ACCOUNT, &row);
    return row.account;
}

uint32_t account_admit(struct exchange *x, uint32_t by, const struct op_account_register *op)
{
    struct ev_account_registered event = {EVENT_HEAD_OF(x, by), .name = op->name, .role = op->role};
    memcpy(event.sign_key, op->sign_key, sizeof(event.sign_key));
    memcpy(event.channel_key, op->channel_key, sizeof(event.channel_key));
    event.account = account_add(x, op->name, op->role, op->sign_key, op->channel_key);
    event_log(x, &ev_account_registered_message, &event);
    return event.account;
}

/* --- Operations --- */

enum refusal account_register(struct exchange *x, const struct actor *actor, const void *body,
                              struct result *out)
{
    const struct op_account_register *op = body;
    /* Else a further key could leave an admin behind that has none of its limits. */
    if (op->role == ROLE_ADMIN && !actor->main_key)
        return REFUSAL_main_key_needed;
    enum refusal refusal = account_admissible(x, op->name, op->sign_key, op->channel_key);
    if (!vocabulary_name(&role_vocabulary, op->role))
        refusal = refusal_first(refusal, REFUSAL_malformed);
    if (op->role == ROLE_ADMIN)
        refusal = refusal_first(refusal, control_admin_refusal(x));
    if (refusal)
        return refusal;

    out->object = account_admit(x, actor->account, op);
    return REFUSAL_accepted;
}

/* Comes behind the event of it. */
static void state_put(struct exchange *x, uint32_t account, enum account_state state)
{
    /* What has passed counts as what an operator offered could be had. */
    backstop_pass_operator(x, account);
    struct account_row row = *account_find(x, account);
    row.state = (uint32_t)state;
    store_put(x->store, TABLE_ACCOUNT, &row);
}

enum refusal account_freeze(struct exchange *x, const struct actor *actor, const void *body,
                            struct result *out)
{
    const struct op_account_freeze *op = body;
    struct account_brief brief = brief_of(x, op->account);
    /* So that an exchange never stands without an admin. */
    if (op->account == actor->account)
        return REFUSAL_not_permitted;
    if (brief.role == 0)
        return REFUSAL_account_not_found;
    if (brief.state == ACCOUNT_STATE_FROZEN)
        return REFUSAL_already_so;
    /* Nor without as many as a proposal needs: nothing above the limits could be done any more. */
    if (brief.role == ROLE_ADMIN && account_admins(x) <= x->head.approvals)
        return REFUSAL_terms_invalid;
    enum refusal behind = backstop_pass_operator_refusal(x, op->account);
    if (behind)
        return behind;

    struct ev_account_frozen event = {EVENT_HEAD_OF(x, actor->account), .account = op->account,
                                      .reason = op->reason};
    event_log(x, &ev_account_frozen_message, &event);
    state_put(x, op->account, ACCOUNT_STATE_FROZEN);
    out->object = op->account;
    return REFUSAL_accepted;
}

enum refusal account_thaw_refusal(const struct exchange *x, uint32_t account)
{
    struct account_brief brief = brief_of(x, account);
    if (brief.role == 0)
        return REFUSAL_account_not_found;
    return brief.state == ACCOUNT_STATE_ACTIVE ? REFUSAL_already_so : REFUSAL_accepted;
}

void account_thaw(struct exchange *x, uint32_t by, uint32_t account)
{
    struct ev_account_unfrozen event = {EVENT_HEAD_OF(x, by), .account = account};
    event_log(x, &ev_account_unfrozen_message, &event);
    state_put(x, account, ACCOUNT_STATE_ACTIVE);
}

/* What an operator offers counts again: resting orders may want it. */
static void offers_ask(struct exchange *x, uint32_t operator)
{
    uint32_t looks = UINT32_MAX;
    uint64_t resume = 0;
    uint64_t site = owned_next(&x->sites->by_operator, operator, 1, &looks, &resume);
    while (site != 0) {
        x->request_looks++;
        ask_about_site(x, site);
        site = owned_next(&x->sites->by_operator, operator, site + 1, &looks, &resume);
    }
}

enum refusal account_unfreeze(struct exchange *x, const struct actor *actor, const void *body,
                              struct result *out)
{
    const struct op_account_unfreeze *op = body;
    enum refusal refusal = account_thaw_refusal(x, op->account);
    if (account_role(x, op->account) == ROLE_ADMIN)
        refusal = refusal_first(refusal, control_admin_refusal(x));
    if (x->request_looks >= REQUEST_LOOKS_MAX)
        refusal = refusal_first(refusal, REFUSAL_too_many);
    if (!refusal)
        refusal = backstop_pass_operator_refusal(x, op->account);
    if (refusal)
        return refusal;

    account_thaw(x, actor->account, op->account);
    offers_ask(x, op->account);
    out->object = op->account;
    return REFUSAL_accepted;
}

enum refusal account_rekey(struct exchange *x, const struct actor *actor, const void *body,
                           struct result *out)
{
    const struct op_account_rekey *op = body;
    enum refusal refusal = account_keys_admissible(x, op->sign_key, op->channel_key);
    /* A malformed or taken key comes first in the order of reasons, and spares the signature. */
    if (!refusal && !key_proven(x, actor->account, op->sign_key, op->channel_key, op->proof))
        refusal = REFUSAL_bad_proof;
    if (refusal)
        return refusal;

    struct account_row row = *account_find(x, actor->account);
    memcpy(row.sign_key, op->sign_key, sizeof(row.sign_key));
    memcpy(row.channel_key, op->channel_key, sizeof(row.channel_key));
    store_put(x->store, TABLE_ACCOUNT, &row);

    struct ev_account_rekeyed event = {EVENT_HEAD_OF(x, actor->account), .account = actor->account};
    memcpy(event.sign_key, op->sign_key, sizeof(event.sign_key));
    memcpy(event.channel_key, op->channel_key, sizeof(event.channel_key));
    event_log(x, &ev_account_rekeyed_message, &event);
    out->object = actor->account;
    return REFUSAL_accepted;
}

/* --- Questions --- */

uint32_t exchange_account_role(const struct exchange *x, uint32_t account, const char **name_out)
{
    const struct account_row *row = account_find(x, account);
    if (!row) {
        *name_out = "";
        return 0;
    }
    *name_out = row->name;
    return row->role;
}

static void info_fill(struct account_info *info, const struct account_row *row)
{
    *info = (struct account_info){
        .account = row->account,
        .name = text_of(row->name),
        .role = row->role,
        .state = row->state,
        .registered_s = row->registered_s,
        .index = row->index,
    };
    memcpy(info->sign_key, row->sign_key, sizeof(info->sign_key));
    memcpy(info->channel_key, row->channel_key, sizeof(info->channel_key));
}

/* Every account sees every other: payments name them and access is sealed to their keys. */
enum refusal query_accounts(const struct exchange *x, uint32_t account, const void *body,
                            struct arena *arena, const struct message **answer_out,
                            const void **body_out)
{
    const struct q_accounts *q = body;
    if (account == 0)
        return REFUSAL_unknown_account;
    uint32_t rows = query_page_rows(q->limit);
    uint32_t first = q->from > 1 ? (uint32_t)(q->from < UINT32_MAX ? q->from : UINT32_MAX) : 1;
    uint32_t last = x->head.account_last;
    if (q->account > 0 || q->name.length > 0) {
        uint32_t one = q->name.length > 0 ? account_by_name(x, q->name) : q->account;
        if (one == 0 || one > last || (q->account > 0 && q->account != one))
            return REFUSAL_account_not_found;
        first = last = one;
    }

    struct a_accounts *answer = query_alloc(arena, sizeof(*answer));
    uint32_t count = first > last ? 0 : last - first + 1;
    if (count > rows) {
        count = rows;
        answer->next = (uint64_t)first + count;
    }
    struct account_info *infos = query_alloc(arena, count * sizeof(*infos));
    for (uint32_t i = 0; i < count; i++)
        info_fill(&infos[i], account_find(x, first + i));
    answer->rows.items = infos;
    answer->rows.count = count;
    *answer_out = &a_accounts_message;
    *body_out = answer;
    return REFUSAL_accepted;
}

/* --- Check --- */

void check_account_index(const struct exchange *x, const struct account_row *row,
                         struct check_report *report)
{
    struct account_brief brief = brief_of(x, row->account);
    if (brief.role != row->role || brief.state != row->state)
        check_found(report, "account %u: role and state in memory differ from the row's",
                    row->account);
    if (account_by_name(x, text_of(row->name)) != row->account)
        check_found(report, "account %u: not found by its name", row->account);
    if (account_by_sign_key(x, row->sign_key) != row->account)
        check_found(report, "account %u: not found by its signing key", row->account);
    if (account_by_channel_key(x, row->channel_key) != row->account)
        check_found(report, "account %u: not found by its channel key", row->account);
}
