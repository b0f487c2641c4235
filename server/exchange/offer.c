#include "server/exchange/offer.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/moment.h"
#include "server/exchange/due.h"
#include "server/exchange/event.h"
#include "server/exchange/index.h"
#include "server/exchange/site.h"
#include "server/exchange/sku.h"

const struct offer *offer_find(const struct exchange *x, uint64_t offer)
{
    return offer < x->offers->places ? x->offers->by_serial[offer] : NULL;
}

const struct offer_row *offer_row_find(const struct exchange *x, uint64_t offer)
{
    return store_find(x->store, TABLE_OFFER, &offer);
}

/* --- Free capacity ------------------------------------------------------------------------- */

uint32_t offer_free(const struct offer *o, uint64_t from_min, uint32_t duration_min,
                    uint64_t *looks)
{
    if (from_min < o->start_min || from_min + duration_min > o->end_min)
        return 0;
    uint64_t taken = steps_max_counted(&o->taken, from_min, from_min + duration_min, looks);
    return taken < o->gpus ? o->gpus - (uint32_t)taken : 0;
}

bool offer_earliest(const struct offer *o, uint64_t from_min, uint64_t until_min,
                    uint32_t duration_min, uint64_t *start_out, uint64_t *looks)
{
    uint64_t start = from_min > o->start_min ? from_min : o->start_min;
    while (start <= until_min && start + duration_min <= o->end_min) {
        struct piece piece = steps_piece(&o->blocked, start);
        if (piece.value == 0 && start + duration_min <= piece.until) {
            *start_out = start;
            return true;
        }
        ++*looks;
        /* A run too short ends where something is blocked: nothing starts before that ends. */
        start = piece.until;
    }
    return false;
}

/* Keeps `blocked` in step with a change of what is taken, which is about to happen. */
static void offer_block(struct offer *o, uint64_t from, uint64_t to, int64_t gpus)
{
    int64_t most = (int64_t)o->gpus - (int64_t)o->block_gpus;
    uint64_t at = from;
    while (at < to) {
        struct piece piece = steps_piece(&o->taken, at);
        uint64_t until = piece.until < to ? piece.until : to;
        bool before = (int64_t)piece.value > most;
        bool after = (int64_t)piece.value + gpus > most;
        if (before != after)
            steps_add(&o->blocked, at, until, after ? 1 : -1);
        at = until;
    }
}

void offer_take(struct exchange *x, uint64_t offer, uint64_t from_s, uint64_t to_s, int64_t gpus)
{
    struct offer *o = (struct offer *)offer_find(x, offer);
    if (o == NULL || from_s >= to_s)
        return;
    uint64_t from = from_s / 60;
    uint64_t to = to_s / 60;
    book_before(x->offers->book, o, from, to);
    offer_block(o, from, to, gpus);
    steps_add(&o->taken, from, to, gpus);
    book_after(x->offers->book, o, from, to);
    if (o->withdrawn)
        site_draw(x, o->site, from, to, gpus * (int64_t)o->power_w);
}

/* --- Index --------------------------------------------------------------------------------- */

/* Adds (sign 1) or takes away (-1) what the offer may draw: all of it, or what its leases take when
 * it was withdrawn. */
static void offer_draw(struct exchange *x, const struct offer *o, int sign)
{
    int64_t watts = sign * (int64_t)o->power_w;
    if (!o->withdrawn) {
        site_draw(x, o->site, o->start_min, o->end_min, watts * (int64_t)o->gpus);
        return;
    }
    uint64_t at = o->start_min;
    while (at < o->end_min) {
        struct piece piece = steps_piece(&o->taken, at);
        uint64_t until = piece.until < o->end_min ? piece.until : o->end_min;
        site_draw(x, o->site, at, until, watts * (int64_t)piece.value);
        at = until;
    }
}

static void open_count(struct offer_index *index, uint32_t account, bool more)
{
    if (account > ACCOUNTS_MAX)
        return;
    if (account >= index->open_accounts) {
        size_t accounts = index->open_accounts != 0 ? index->open_accounts : 64;
        while (accounts <= account)
            accounts *= 2;
        uint32_t *counts = realloc(index->open_counts, accounts * sizeof(*counts));
        if (counts == NULL)
            memory_exhausted();
        memset(counts + index->open_accounts, 0,
               (accounts - index->open_accounts) * sizeof(*counts));
        index->open_counts = counts;
        index->open_accounts = accounts;
    }
    if (more)
        index->open_counts[account]++;
    else
        index->open_counts[account]--;
}

/* Opens or closes an offer in the book, the due items and the counts. */
static void offer_set_open(struct exchange *x, struct offer *o, bool open)
{
    if (o->open == open)
        return;
    book_before(x->offers->book, o, o->start_min, o->end_min);
    o->open = open;
    book_after(x->offers->book, o, o->start_min, o->end_min);
    open_count(x->offers, o->operator, open);
    struct due_item due = {
        .due_s = o->end_min * 60, .kind = DUE_OFFER, .part = 0, .serial = o->offer};
    if (open)
        due_put(x, due);
    else
        due_remove(x, due);
}

static void offer_place(struct offer_index *index, uint64_t serial, struct offer *o)
{
    if (serial >= index->places) {
        size_t places = index->places != 0 ? index->places : 64;
        while (places <= serial)
            places *= 2;
        struct offer **by_serial = realloc(index->by_serial, places * sizeof(*by_serial));
        if (by_serial == NULL)
            memory_exhausted();
        memset(by_serial + index->places, 0, (places - index->places) * sizeof(*by_serial));
        index->by_serial = by_serial;
        index->places = places;
    }
    index->by_serial[serial] = o;
}

static void offer_enter(struct exchange *x, const struct offer_row *row)
{
    const struct sku_row *sku = sku_find(x, row->sku);
    const struct site_row *site = site_find(x, row->site);
    /* Such a row of a damaged image stays out of the index, which the check reports. */
    if (sku == NULL || site == NULL || row->offer > UINT32_MAX)
        return;
    struct offer *o = calloc(1, sizeof(*o));
    if (o == NULL)
        memory_exhausted();
    o->offer = row->offer;
    o->site = row->site;
    o->sku = row->sku;
    o->start_min = row->start_s / 60;
    o->end_min = row->end_s / 60;
    o->price_ucr = row->price_ucr;
    o->operator= row->operator;
    o->gpus = row->gpus;
    o->block_gpus = row->block_gpus;
    o->lease_min_min = row->lease_min_min;
    o->lease_max_min = row->lease_max_min;
    o->power_w = sku->power_w;
    o->preemptible = row->preemptible != 0;
    o->withdrawn = row->state == OFFER_STATE_WITHDRAWN;
    o->shelf = book_site(x->offers->book, row->sku, row->site, place_number(site->region));
    steps_init(&o->taken);
    steps_init(&o->blocked);
    offer_place(x->offers, row->offer, o);
    owned_add(&x->offers->by_operator, row->operator, row->offer);
    offer_draw(x, o, 1);
    offer_set_open(x, o, row->state == OFFER_STATE_OPEN);
}

static void offer_leave(struct exchange *x, struct offer *o)
{
    offer_set_open(x, o, false);
    offer_draw(x, o, -1);
    owned_remove(&x->offers->by_operator, o->operator, o->offer);
    x->offers->by_serial[o->offer] = NULL;
    steps_release(&o->taken);
    steps_release(&o->blocked);
    free(o);
}

static void offer_hook(void *context, const void *old_row, const void *new_row)
{
    struct exchange *x = context;
    const struct offer_row *old = old_row;
    const struct offer_row *new = new_row;
    if (old == NULL) {
        offer_enter(x, new);
        return;
    }
    struct offer *o = (struct offer *)offer_find(x, old->offer);
    if (o == NULL)
        return;
    if (new == NULL) {
        offer_leave(x, o);
        return;
    }
    /* Nothing of an offer changes but its state. */
    offer_set_open(x, o, new->state == OFFER_STATE_OPEN);
    if (o->withdrawn != (new->state == OFFER_STATE_WITHDRAWN)) {
        offer_draw(x, o, -1);
        o->withdrawn = !o->withdrawn;
        offer_draw(x, o, 1);
    }
}

static bool offer_lives(const void *context, uint32_t account, uint64_t serial)
{
    const struct offer_row *row = offer_row_find(context, serial);
    return row != NULL && row->operator== account;
}

void offer_index_new(struct exchange *x)
{
    x->offers = calloc(1, sizeof(*x->offers));
    if (x->offers == NULL)
        memory_exhausted();
    x->offers->book = book_new();
    owned_init(&x->offers->by_operator, offer_lives, x);
    store_set_hook(x->store, TABLE_OFFER, offer_hook, x);
}

void offer_index_free(struct exchange *x)
{
    struct offer_index *index = x->offers;
    if (index == NULL)
        return;
    for (size_t i = 0; i < index->places; i++) {
        struct offer *o = index->by_serial[i];
        if (o == NULL)
            continue;
        steps_release(&o->taken);
        steps_release(&o->blocked);
        free(o);
    }
    free(index->by_serial);
    free(index->open_counts);
    book_free(index->book);
    owned_release(&index->by_operator);
    free(index);
    x->offers = NULL;
}

void offer_due(struct exchange *x, struct due_item item)
{
    struct offer_row row = *offer_row_find(x, item.serial);
    row.state = OFFER_STATE_ENDED;
    store_put(x->store, TABLE_OFFER, &row);
}

/* --- Operations ---------------------------------------------------------------------------- */

static enum refusal offer_check_interval(const struct exchange *x, uint64_t start_s, uint64_t end_s)
{
    uint64_t now_s = x->head.time_s;
    if (start_s % 60 != 0 || end_s % 60 != 0 || start_s >= end_s)
        return REFUSAL_interval_invalid;
    if (end_s - start_s > (uint64_t)OFFER_SPAN_MAX_MIN * 60 ||
        start_s > now_s + (uint64_t)HORIZON_MAX_MIN * 60)
        return REFUSAL_interval_invalid;
    if (end_s <= now_s)
        return REFUSAL_interval_in_past;
    return REFUSAL_accepted;
}

/* Whether the site has the power for all of the offer, at every instant of it. */
static bool offer_has_power(const struct exchange *x, const struct op_offer_publish *op,
                            uint64_t start_s)
{
    const struct site_row *site = site_find(x, op->site);
    const struct sku_row *sku = sku_find(x, op->sku);
    uint64_t drawn = steps_max(site_draws(x, op->site), start_s / 60, op->end_s / 60);
    uint64_t ceiling = (uint64_t)site->power_kw * 1000;
    return drawn <= ceiling && (uint64_t)op->gpus * sku->power_w <= ceiling - drawn;
}

static bool offer_terms_agree(const struct op_offer_publish *op, uint64_t start_s)
{
    uint64_t span_min = (op->end_s - start_s) / 60;
    uint64_t longest = op->lease_max_min != 0 ? op->lease_max_min : span_min;
    if (longest > span_min)
        longest = span_min;
    if (longest > DURATION_MAX_MIN)
        longest = DURATION_MAX_MIN;
    if (op->notice_min > 0 && !op->preemptible)
        return false;
    /* This also catches lease_min above lease_max, and an offer too short for any lease. */
    if (op->lease_min_min > longest)
        return false;
    return (longest + op->meter_period_min - 1) / op->meter_period_min <= LEASE_PERIODS_MAX;
}

static enum refusal offer_check(const struct exchange *x, const struct actor *actor,
                                const struct op_offer_publish *op, uint64_t start_s)
{
    const struct site_row *site = site_find(x, op->site);
    const struct sku_row *sku = sku_find(x, op->sku);
    if (site != NULL && site->operator!= actor->account)
        return REFUSAL_not_owner;
    if (sku == NULL)
        return REFUSAL_sku_not_found;
    if (sku->state != SKU_STATE_ACTIVE)
        return REFUSAL_sku_retired;
    if (site == NULL)
        return REFUSAL_site_not_found;
    enum refusal refusal = offer_check_interval(x, start_s, op->end_s);
    if (refusal != REFUSAL_accepted)
        return refusal;
    if (op->gpus % op->block_gpus != 0)
        return REFUSAL_block_invalid;
    if (!offer_has_power(x, op, start_s))
        return REFUSAL_power_exceeded;
    if (!offer_terms_agree(op, start_s))
        return REFUSAL_terms_invalid;
    if (actor->account < x->offers->open_accounts &&
        x->offers->open_counts[actor->account] >= OFFERS_PER_ACCOUNT_MAX)
        return REFUSAL_too_many;
    return REFUSAL_accepted;
}

static struct offer_row offer_row_of(const struct op_offer_publish *op, uint64_t start_s)
{
    return (struct offer_row){
        .site = op->site,
        .sku = op->sku,
        .start_s = start_s,
        .end_s = op->end_s,
        .price_ucr = op->price_ucr,
        .gpus = op->gpus,
        .block_gpus = op->block_gpus,
        .notice_min = op->notice_min,
        .lease_min_min = op->lease_min_min,
        .lease_max_min = op->lease_max_min,
        .meter_period_min = op->meter_period_min,
        .preemptible = op->preemptible,
        .billing = (uint8_t)op->billing,
        .state = OFFER_STATE_OPEN,
    };
}

enum refusal offer_publish(struct exchange *x, const struct actor *actor, const void *body,
                           struct result *out)
{
    const struct op_offer_publish *op = body;
    uint64_t start_s = op->start_s != 0 ? op->start_s : minute_floor(x->head.time_s);
    enum refusal refusal = offer_check(x, actor, op, start_s);
    if (refusal != REFUSAL_accepted)
        return refusal;

    struct offer_row row = offer_row_of(op, start_s);
    row.offer = ++x->head.offer_last;
    row.operator= actor->account;
    row.index = event_next_index(x);
    store_put(x->store, TABLE_OFFER, &row);
    struct ev_offer_published event = {
        EVENT_HEAD_OF(x, actor->account),
        .offer = row.offer,
        .site = op->site,
        .sku = op->sku,
        .gpus = op->gpus,
        .block_gpus = op->block_gpus,
        .start_s = start_s,
        .end_s = op->end_s,
        .price_ucr = op->price_ucr,
        .preemptible = op->preemptible,
        .notice_min = op->notice_min,
        .lease_min_min = op->lease_min_min,
        .lease_max_min = op->lease_max_min,
        .billing = op->billing,
        .meter_period_min = op->meter_period_min,
    };
    event_log(x, &ev_offer_published_message, &event);
    out->object = row.offer;
    return REFUSAL_accepted;
}

enum refusal offer_withdraw(struct exchange *x, const struct actor *actor, const void *body,
                            struct result *out)
{
    const struct op_offer_withdraw *op = body;
    const struct offer_row *found = offer_row_find(x, op->offer);
    if (found != NULL && found->operator!= actor->account)
        return REFUSAL_not_owner;
    if (found == NULL)
        return REFUSAL_offer_not_found;
    if (found->state != OFFER_STATE_OPEN || found->end_s <= x->head.time_s)
        return REFUSAL_offer_closed;

    struct offer_row row = *found;
    row.state = OFFER_STATE_WITHDRAWN;
    store_put(x->store, TABLE_OFFER, &row);
    struct ev_offer_withdrawn event = {EVENT_HEAD_OF(x, actor->account), .offer = op->offer};
    event_log(x, &ev_offer_withdrawn_message, &event);
    out->object = op->offer;
    return REFUSAL_accepted;
}
