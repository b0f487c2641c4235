#include "server/exchange/series.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/place.h"
#include "server/exchange/account.h"
#include "server/exchange/check.h"
#include "server/exchange/control.h"
#include "server/exchange/due.h"
#include "server/exchange/event.h"
#include "server/exchange/index.h"
#include "server/exchange/key.h"
#include "server/exchange/ledger_index.h"
#include "server/exchange/number_map.h"
#include "server/exchange/query.h"
#include "server/exchange/site.h"
#include "server/exchange/token.h"
#include "server/exchange/wish.h"

struct series_index {
    struct number_map names;
};

static bool name_matches(const void *context, uint32_t number, const void *key, size_t length)
{
    const struct series_row *row = series_find(context, number);
    return row && strlen(row->name) == length && memcmp(row->name, key, length) == 0;
}

static struct due_item due_of(const struct series_row *s)
{
    return (struct due_item){.due_s = s->expires_s, .kind = DUE_SERIES, .serial = s->series};
}

static bool sweep_waits(const struct series_row *s)
{
    return s && s->expires_s > 0 && !s->swept;
}

static void series_hook(void *context, const void *old_row, const void *new_row)
{
    struct exchange *x = context;
    const struct series_row *before = old_row;
    const struct series_row *after = new_row;

    if ((after ? after : before)->series == 0)
        return; /* of a damaged image */
    if (before && !after)
        number_map_remove(&x->series->names, before->series, before->name, strlen(before->name));
    if (after && !before)
        number_map_add(&x->series->names, after->series, after->name, strlen(after->name));
    if (sweep_waits(before) && !sweep_waits(after))
        due_remove(x, due_of(before));
    if (sweep_waits(after) && !sweep_waits(before))
        due_put(x, due_of(after));
}

void series_index_new(struct exchange *x)
{
    x->series = calloc(1, sizeof(*x->series));
    if (!x->series)
        memory_exhausted();
    number_map_init(&x->series->names, name_matches, x, x->seed);
    store_set_hook(x->store, TABLE_SERIES, series_hook, x);
}

void series_index_free(struct exchange *x)
{
    if (!x->series)
        return;
    number_map_release(&x->series->names);
    free(x->series);
    x->series = NULL;
}

const struct series_row *series_find(const struct exchange *x, uint32_t series)
{
    return store_find(x->store, TABLE_SERIES, &series);
}

bool series_expired(const struct exchange *x, const struct series_row *s)
{
    return s->expires_s > 0 && x->head.time_s >= s->expires_s;
}

enum refusal series_payment_refusal(const struct series_row *s, uint32_t payer, uint32_t payee)
{
    bool own = s->funder == payer || s->funder == payee;
    return s->transferable || own ? REFUSAL_accepted : REFUSAL_series_not_transferable;
}

/* --- Terms --- */

static const char *region_of(const struct series_row *s, uint32_t i)
{
    return (const char *)s->regions + (size_t)i * PLACE_BYTES;
}

static bool region_covers(const char *region, const char *site_region)
{
    size_t length = strlen(region);
    return strncmp(region, site_region, length) == 0 &&
           (site_region[length] == '\0' || site_region[length] == '-');
}

static bool sku_and_profile_fit(const struct series_row *s, uint64_t sku, uint32_t profile)
{
    bool sku_fits = s->skus_count == 0;
    for (uint32_t i = 0; i < s->skus_count; i++)
        sku_fits = sku_fits || s->skus[i] == sku;
    return sku_fits && (s->profiles == 0 || (s->profiles & profile) != 0);
}

bool series_allows(const struct series_row *s, uint64_t sku, const char *region, uint32_t profile)
{
    bool region_fits = s->regions_count == 0;
    for (uint32_t i = 0; i < s->regions_count; i++)
        region_fits = region_fits || region_covers(region_of(s, i), region);
    return region_fits && sku_and_profile_fit(s, sku, profile);
}

bool series_may_allow(const struct series_row *s, const struct wish *wish)
{
    bool sku_fits = false;
    bool region_fits = s->regions_count == 0 || wish->regions_count == 0;
    for (uint32_t i = 0; !sku_fits && i < wish->skus_count; i++)
        sku_fits = sku_and_profile_fit(s, wish->skus[i].sku, wish->profile);
    for (uint32_t i = 0; !region_fits && i < wish->regions_count; i++) {
        for (uint32_t j = 0; j < s->regions_count; j++) {
            uint64_t region = place_number(region_of(s, j));
            region_fits = region_fits || place_covers(region, wish->regions[i]) ||
                          place_covers(wish->regions[i], region);
        }
    }
    return region_fits && sku_fits;
}

static enum refusal terms_refusal(const struct exchange *x, const struct op_series_create *op)
{
    enum refusal refusal = REFUSAL_accepted;
    if ((op->profiles & ~PROFILE_ANY) != 0 || op->skus.count > SERIES_SKUS_MAX ||
        op->regions.count > SERIES_REGIONS_MAX)
        return REFUSAL_malformed;
    for (uint32_t i = 0; i < op->regions.count; i++) {
        if (!place_is_valid(op->regions.items[i].code, true))
            refusal = refusal_first(refusal, REFUSAL_malformed);
    }
    for (uint32_t i = 0; i < op->skus.count; i++) {
        if (!store_find(x->store, TABLE_SKU, &op->skus.items[i]))
            refusal = refusal_first(refusal, REFUSAL_sku_not_found);
    }
    return refusal;
}

static enum refusal create_refusal(const struct exchange *x, const struct op_series_create *op)
{
    enum refusal refusal = terms_refusal(x, op);
    uint32_t funder_role = account_role(x, op->funder);
    if (!name_allowed(op->name))
        refusal = refusal_first(refusal, REFUSAL_malformed);
    else if (number_map_find(&x->series->names, op->name.data, op->name.length))
        refusal = refusal_first(refusal, REFUSAL_series_taken);
    if (funder_role == 0 || account_role(x, op->expired_to) == 0)
        refusal = refusal_first(refusal, REFUSAL_account_not_found);
    if (funder_role != ROLE_GUARANTOR && funder_role != ROLE_ADMIN)
        refusal = refusal_first(refusal, REFUSAL_role_not_allowed);
    if (op->expires_s > 0 && op->expires_s <= x->head.time_s)
        refusal = refusal_first(refusal, REFUSAL_expiry_in_past);
    if (x->head.series_last >= SERIES_MAX)
        refusal = refusal_first(refusal, REFUSAL_too_many);
    return refusal;
}

static void series_add(struct exchange *x, const struct op_series_create *op)
{
    struct series_row row = {
        .series = ++x->head.series_last,
        .funder = op->funder,
        .expired_to = op->expired_to,
        .profiles = op->profiles,
        .expires_s = op->expires_s,
        /* What was issued before the series is none of its own: the sweep begins behind it. */
        .swept_token = x->head.token_last,
        .swept_gift = x->head.gift_last,
        .index = event_next_index(x),
        .transferable = op->transferable,
        .skus_count = (uint8_t)op->skus.count,
        .regions_count = (uint8_t)op->regions.count,
    };
    for (uint32_t i = 0; i < op->skus.count; i++)
        row.skus[i] = op->skus.items[i];
    for (uint32_t i = 0; i < op->regions.count; i++)
        column_set((char *)row.regions + (size_t)i * PLACE_BYTES, PLACE_BYTES,
                   op->regions.items[i].code);
    column_set(row.name, sizeof(row.name), op->name);
    store_put(x->store, TABLE_SERIES, &row);
    /* Queries of expired_to count what is not swept yet: its list of series must have this one. */
    ledger_open(x, row.series, (struct ledger_place){LEDGER_EXPIRED, op->expired_to});
}

enum refusal series_create(struct exchange *x, const struct actor *actor, const void *body,
                           struct result *out)
{
    const struct op_series_create *op = body;
    enum refusal refusal = create_refusal(x, op);
    if (refusal)
        return refusal;

    series_add(x, op);
    struct ev_series_created event = {
        EVENT_HEAD_OF(x, actor->account),
        .series = x->head.series_last,
        .name = op->name,
        .funder = op->funder,
        .expired_to = op->expired_to,
        .expires_s = op->expires_s,
        .transferable = op->transferable,
        .profiles = op->profiles,
    };
    event.skus.items = op->skus.items;
    event.skus.count = op->skus.count;
    event.regions.items = op->regions.items;
    event.regions.count = op->regions.count;
    event_log(x, &ev_series_created_message, &event);
    out->object = event.series;
    return REFUSAL_accepted;
}

/* --- Mint --- */

static enum refusal mint_refusal(const struct exchange *x, const struct op_mint *op)
{
    enum refusal refusal = op->outputs.count == 0 ? REFUSAL_malformed : REFUSAL_accepted;
    const struct series_row *s = series_find(x, op->series);
    amount total = 0;
    bool fits = true;
    for (uint32_t i = 0; i < op->outputs.count; i++) {
        const struct payment *output = &op->outputs.items[i];
        refusal = refusal_first(refusal, account_may_hold(x, output->account));
        if (output->amount_ucr == 0)
            refusal = refusal_first(refusal, REFUSAL_amount_zero);
        fits = fits && amount_add(total, output->amount_ucr, &total);
    }
    if (!s)
        return refusal_first(refusal, REFUSAL_series_not_found);
    if (series_expired(x, s))
        refusal = refusal_first(refusal, REFUSAL_series_expired);
    if (!fits || !ledger_may_mint(x, op->series, total))
        refusal = refusal_first(refusal, REFUSAL_amount_overflow);
    return refusal;
}

static amount mint_total(const struct op_mint *op)
{
    amount total = 0;
    for (uint32_t i = 0; i < op->outputs.count; i++)
        total += op->outputs.items[i].amount_ucr;
    return total;
}

enum refusal mint_check(const struct exchange *x, const struct op_mint *op)
{
    return mint_refusal(x, op);
}

void mint_apply(struct exchange *x, uint32_t by, const struct op_mint *op, uint64_t *first_out)
{
    struct ledger_place minted = {LEDGER_MINTED, series_find(x, op->series)->funder};
    struct ev_minted event = {EVENT_HEAD_OF(x, by), .series = op->series,
                              .token_first = x->head.token_last + 1};
    event.outputs.items = op->outputs.items;
    event.outputs.count = op->outputs.count;
    for (uint32_t i = 0; i < op->outputs.count; i++) {
        const struct payment *output = &op->outputs.items[i];
        token_issue(x, op->series, output->account, output->amount_ucr);
        ledger_move(x, op->series, minted, (struct ledger_place){LEDGER_TOKENS, output->account},
                    output->amount_ucr);
    }
    event_log(x, &ev_minted_message, &event);
    *first_out = event.token_first;
}

enum refusal series_mint(struct exchange *x, const struct actor *actor, const void *body,
                         struct result *out)
{
    const struct op_mint *op = body;
    enum refusal refusal = mint_check(x, op);
    if (!refusal)
        refusal = control_mint_refusal(x, mint_total(op));
    if (refusal)
        return refusal;

    control_minted(x, mint_total(op));
    key_moves(x, mint_total(op));
    out->object = op->series;
    out->token_count = op->outputs.count;
    mint_apply(x, actor->account, op, &out->token_first);
    return REFUSAL_accepted;
}

/* --- Expiry --- */

static void token_expire(struct exchange *x, const struct series_row *s, struct token_row token)
{
    token_spend(x, token.token);
    ledger_move(x, s->series, (struct ledger_place){LEDGER_TOKENS, token.owner},
                (struct ledger_place){LEDGER_EXPIRED, s->expired_to}, token.amount_ucr);
    struct ev_expired event = {
        EVENT_HEAD_OF(x, 0),         .series = s->series,  .owner = token.owner,
        .expired_to = s->expired_to, .token = token.token, .amount_ucr = token.amount_ucr,
    };
    event_log(x, &ev_expired_message, &event);
}

static void gift_expire(struct exchange *x, const struct series_row *s, struct gift_row gift)
{
    store_remove(x->store, TABLE_GIFT, &gift.gift);
    ledger_move(x, s->series, (struct ledger_place){LEDGER_GIFTS, gift.giver},
                (struct ledger_place){LEDGER_EXPIRED, s->expired_to}, gift.amount_ucr);
    struct ev_expired event = {
        EVENT_HEAD_OF(x, 0),         .series = s->series, .owner = gift.giver,
        .expired_to = s->expired_to, .gift = gift.gift,   .amount_ucr = gift.amount_ucr,
    };
    event_log(x, &ev_expired_message, &event);
}

/*
 * Looks at one serial after the other: tokens first, then gifts. Nothing of an expired series is
 * issued any more, so that the ledger tells when all of a kind has been found; what was issued
 * since, of other series, need not be looked at.
 */
uint32_t series_sweep(struct exchange *x, uint32_t series, uint32_t limit)
{
    struct series_row s = *series_find(x, series);
    uint32_t looked = 0;
    assert(series_expired(x, &s) && !s.swept);
    while (looked < limit && ledger_total(x, series, LEDGER_TOKENS) > 0) {
        uint64_t serial = ++s.swept_token;
        assert(serial <= x->head.token_last);
        const struct token_row *token = store_find(x->store, TABLE_TOKEN, &serial);
        if (token && token->series == series)
            token_expire(x, &s, *token);
        looked++;
    }
    while (looked < limit && ledger_total(x, series, LEDGER_GIFTS) > 0) {
        uint64_t serial = ++s.swept_gift;
        assert(serial <= x->head.gift_last);
        const struct gift_row *gift = store_find(x->store, TABLE_GIFT, &serial);
        if (gift && gift->series == series)
            gift_expire(x, &s, *gift);
        looked++;
    }
    s.swept =
        ledger_total(x, series, LEDGER_TOKENS) == 0 && ledger_total(x, series, LEDGER_GIFTS) == 0;
    store_put(x->store, TABLE_SERIES, &s);
    return looked;
}

/* --- Questions --- */

static void info_fill(const struct exchange *x, struct arena *arena, struct series_info *info,
                      const struct series_row *s)
{
    struct place *regions = query_alloc(arena, s->regions_count * sizeof(*regions));
    for (uint32_t i = 0; i < s->regions_count; i++)
        regions[i].code = text_of(region_of(s, i));
    *info = (struct series_info){
        .series = s->series,
        .name = text_of(s->name),
        .funder = s->funder,
        .expired_to = s->expired_to,
        .expires_s = s->expires_s,
        .transferable = s->transferable != 0,
        .profiles = s->profiles,
        .expired = series_expired(x, s),
        .index = s->index,
    };
    info->skus.items = s->skus;
    info->skus.count = s->skus_count;
    info->regions.items = regions;
    info->regions.count = s->regions_count;
}

/* Terms are public: whoever is offered a token can read what it is worth. */
enum refusal query_series(const struct exchange *x, uint32_t account, const void *body,
                          struct arena *arena, const struct message **answer_out,
                          const void **body_out)
{
    const struct q_series *q = body;
    (void)account;
    uint32_t rows = query_page_rows(q->limit);
    uint32_t first = q->from > 1 ? (uint32_t)(q->from < UINT32_MAX ? q->from : UINT32_MAX) : 1;
    uint32_t last = x->head.series_last;
    if (q->series > 0 || q->name.length > 0) {
        uint32_t one = q->name.length > 0
                           ? number_map_find(&x->series->names, q->name.data, q->name.length)
                           : q->series;
        if (one == 0 || one > last || (q->series > 0 && q->series != one))
            return REFUSAL_series_not_found;
        first = last = one;
    }

    struct a_series *answer = query_alloc(arena, sizeof(*answer));
    uint32_t count = first > last ? 0 : last - first + 1;
    if (count > rows) {
        count = rows;
        answer->next = (uint64_t)first + count;
    }
    struct series_info *infos = query_alloc(arena, count * sizeof(*infos));
    for (uint32_t i = 0; i < count; i++)
        info_fill(x, arena, &infos[i], series_find(x, first + i));
    answer->rows.items = infos;
    answer->rows.count = count;
    *answer_out = &a_series_message;
    *body_out = answer;
    return REFUSAL_accepted;
}

void check_series_index(const struct exchange *x, const struct series_row *row,
                        struct check_report *report)
{
    if (number_map_find(&x->series->names, row->name, strlen(row->name)) != row->series)
        check_found(report, "series %u: not found by its name", row->series);
    if (sweep_waits(row) != due_has(x, due_of(row)))
        check_found(report, "series %u: its expiry is due %s", row->series,
                    sweep_waits(row) ? "but not queued" : "no more, but queued");
}
