#include "server/exchange/offer.h"

#include <stdlib.h>
#include <string.h>

#include "server/exchange/closure.h"
#include "server/exchange/due.h"
#include "server/exchange/index.h"
#include "server/exchange/rest.h"
#include "server/exchange/site.h"
#include "server/exchange/sku.h"
#include "server/exchange/standing.h"

static int offer_compare(const struct offer *a, const struct offer *b)
{
    if (a->site != b->site)
        return a->site < b->site ? -1 : 1;
    return a->offer < b->offer ? -1 : a->offer > b->offer;
}

TREE_GENERATE(offer_tree, offer, link, offer_compare)

const struct offer *offer_find(const struct exchange *x, uint64_t offer)
{
    return offer < x->offers->places ? x->offers->by_serial[offer] : NULL;
}

const struct offer_row *offer_row_find(const struct exchange *x, uint64_t offer)
{
    return store_find(x->store, TABLE_OFFER, &offer);
}

const struct offer *offer_open_at(const struct exchange *x, uint64_t site, uint64_t from)
{
    struct offer key = {.site = site, .offer = from};
    const struct offer *o = RB_NFIND(offer_tree, &x->offers->open, &key);
    return o != NULL && o->site == site ? o : NULL;
}

const struct offer *offer_open_first(const struct exchange *x)
{
    return RB_MIN(offer_tree, &x->offers->open);
}

const struct offer *offer_open_next(const struct offer *o)
{
    return RB_NEXT(offer_tree, NULL, (struct offer *)o);
}

/* --- Free capacity ------------------------------------------------------------------------- */

uint32_t offer_free(const struct offer *o, uint64_t from_min, uint32_t duration_min,
                    uint64_t *looks)
{
    uint64_t to_min = from_min + duration_min;
    if (from_min < o->start_min || to_min > o->end_min ||
        steps_max_counted(o->closed, from_min, to_min, looks) > 0)
        return 0;
    uint64_t taken = steps_max_counted(&o->taken, from_min, to_min, looks);
    return taken < o->gpus ? o->gpus - (uint32_t)taken : 0;
}

static struct piece piece_within(struct piece a, struct piece b, uint64_t value)
{
    return (struct piece){
        .from = a.from > b.from ? a.from : b.from,
        .until = a.until < b.until ? a.until : b.until,
        .value = value,
    };
}

struct piece offer_piece(const struct offer *o, uint64_t at_min)
{
    struct piece taken = steps_piece(&o->taken, at_min);
    struct piece closed = steps_piece(o->closed, at_min);
    return piece_within(taken, closed, closed.value != 0 ? o->gpus : taken.value);
}

struct piece offer_run(const struct offer *o, uint64_t at_min)
{
    struct piece blocked = steps_piece(&o->blocked, at_min);
    struct piece closed = steps_piece(o->closed, at_min);
    return piece_within(blocked, closed, blocked.value != 0 || closed.value != 0);
}

bool offer_earliest(const struct offer *o, uint64_t from_min, uint64_t until_min,
                    uint32_t duration_min, uint64_t *start_out, uint64_t *looks)
{
    uint64_t start = from_min > o->start_min ? from_min : o->start_min;
    while (start <= until_min && start + duration_min <= o->end_min) {
        struct piece piece = offer_run(o, start);
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

/* The book follows a change of the offer between two times. One that has no line in it gives
 * nothing at any time: its GPUs are not on offer. */
static void book_follow(struct exchange *x, struct offer *o, uint64_t from, uint64_t to)
{
    bool before = o->lines > 0;
    o->lines += book_after(x->offers->book, o, from, to);
    bool after = o->lines > 0;
    if (before != after)
        rest_supply(x, o->sku, o->site, after ? (int64_t)o->gpus : -(int64_t)o->gpus);
}

/* What is taken changes over a part of the offer's interval. */
static void offer_fill(struct exchange *x, struct offer *o, uint64_t from, uint64_t to,
                       int64_t gpus)
{
    if (from >= to)
        return;
    book_before(x->offers->book, o, from, to);
    offer_block(o, from, to, gpus);
    steps_add(&o->taken, from, to, gpus);
    book_follow(x, o, from, to);
}

void offer_take(struct exchange *x, uint64_t offer, uint64_t from_s, uint64_t to_s, int64_t gpus)
{
    struct offer *o = (struct offer *)offer_find(x, offer);
    if (o == NULL || from_s >= to_s)
        return;
    uint64_t from = from_s / 60;
    uint64_t to = to_s / 60;
    offer_fill(x, o, from, to, gpus);
    if (o->withdrawn)
        site_draw(x, o->site, from, to, gpus * (int64_t)o->power_w);
}

uint64_t offer_leased_max(const struct offer *o, uint64_t from_min, uint64_t to_min)
{
    uint64_t from = from_min > o->start_min ? from_min : o->start_min;
    uint64_t to = to_min < o->end_min ? to_min : o->end_min;
    return from < to ? steps_max(&o->taken, from, to) : 0;
}

/* --- Index --------------------------------------------------------------------------------- */

uint64_t offer_looks(const struct offer *o)
{
    /* The lines of a run in the book, and the pieces of its time. */
    enum { LOOKS_A_RUN = 4 };
    return LOOKS_A_RUN + o->taken.count + LOOKS_A_RUN * o->blocked.count;
}

/* Adds (sign 1) or takes away (-1) what the offer may draw over a part of its interval: all of it,
 * or what its leases take when it was withdrawn. */
static void offer_draw(struct exchange *x, const struct offer *o, uint64_t from, uint64_t to,
                       int sign)
{
    int64_t watts = sign * (int64_t)o->power_w;
    if (!o->withdrawn) {
        site_draw(x, o->site, from, to, watts * (int64_t)o->gpus);
        return;
    }
    uint64_t at = from;
    while (at < to) {
        struct piece piece = steps_piece(&o->taken, at);
        uint64_t until = piece.until < to ? piece.until : to;
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

uint32_t offer_open_count(const struct exchange *x, uint32_t account)
{
    return account < x->offers->open_accounts ? x->offers->open_counts[account] : 0;
}

/* Puts the offer into the book or takes it out. */
static void offer_set_shown(struct exchange *x, struct offer *o, bool shown)
{
    if (o->shown == shown)
        return;
    book_before(x->offers->book, o, o->start_min, o->end_min);
    o->shown = shown;
    book_follow(x, o, o->start_min, o->end_min);
}

void offer_show(struct exchange *x, uint64_t offer, bool shown)
{
    struct offer *o = (struct offer *)offer_find(x, offer);
    if (o != NULL && o->open)
        offer_set_shown(x, o, shown);
}

/* Opens or closes an offer that is not shown. */
static void offer_set_open(struct exchange *x, struct offer *o, bool open)
{
    if (o->open == open)
        return;
    o->open = open;
    open_count(x->offers, o->seller, open);
    if (open)
        RB_INSERT(offer_tree, &x->offers->open, o);
    else
        RB_REMOVE(offer_tree, &x->offers->open, o);
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

void offer_row_close(struct offer_row *row, enum offer_state state)
{
    row->state = (uint8_t)state;
    row->standing_min = 0;
    row->asking = 0;
    row->ask_s = 0;
    row->ask_limit_ucr = 0;
    row->ask_place = 0;
}

uint64_t offer_due_s(const struct offer_row *row)
{
    return standing_moves(row) ? standing_due(row) : row->end_s;
}

/* What falls due of an offer's row comes (put) or goes. */
static void offer_set_due(struct exchange *x, const struct offer_row *row, bool put)
{
    void (*set)(struct exchange *, struct due_item) = put ? due_put : due_remove;
    if (row->state != OFFER_STATE_OPEN)
        return;
    set(x, (struct due_item){
               .due_s = offer_due_s(row), .kind = DUE_OFFER, .part = 0, .serial = row->offer});
    if (!row->asking)
        return;
    set(x, (struct due_item){
               .due_s = row->ask_s, .kind = DUE_ASK, .part = row->seller, .serial = row->offer});
    rest_track(x, row, put);
}

static void offer_enter(struct exchange *x, const struct offer_row *row)
{
    const struct sku_row *sku = sku_find(x, row->sku);
    const struct site_row *site = site_find(x, row->site);
    /* Such a row of a damaged image stays out of the index, which the check reports. */
    if (sku == NULL || site == NULL || row->offer > UINT32_MAX || row->site > UINT32_MAX)
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
    o->place = row->place;
    o->lease = row->lease;
    o->operator= row->operator;
    o->seller = row->seller;
    o->billing = row->billing;
    o->meter_period_min = row->meter_period_min;
    o->gpus = row->gpus;
    o->block_gpus = row->block_gpus;
    o->lease_min_min = row->lease_min_min;
    o->lease_max_min = row->lease_max_min;
    o->power_w = row->lease == 0 ? sku->power_w : 0;
    o->preemptible = row->preemptible != 0;
    o->withdrawn = row->state == OFFER_STATE_WITHDRAWN;
    o->shelf = book_site(x->offers->book, row->sku, row->site, place_number(site->region));
    o->closed = closure_steps(x, row->site);
    steps_init(&o->taken);
    steps_init(&o->blocked);
    offer_place(x->offers, row->offer, o);
    owned_add(&x->offers->by_operator, row->operator, row->offer);
    offer_draw(x, o, o->start_min, o->end_min, 1);
    offer_set_open(x, o, row->state == OFFER_STATE_OPEN);
    offer_set_shown(x, o, o->open && !row->asking);
    offer_set_due(x, row, true);
}

static void offer_leave(struct exchange *x, struct offer *o)
{
    offer_set_shown(x, o, false);
    offer_set_open(x, o, false);
    offer_draw(x, o, o->start_min, o->end_min, -1);
    owned_remove(&x->offers->by_operator, o->operator, o->offer);
    x->offers->by_serial[o->offer] = NULL;
    steps_release(&o->taken);
    steps_release(&o->blocked);
    free(o);
}

/* The end moves: at the cost of what lies between the two ends. No lease reaches in there. */
static void offer_move_end(struct exchange *x, struct offer *o, uint64_t end_min)
{
    uint64_t first = end_min < o->end_min ? end_min : o->end_min;
    uint64_t last = end_min < o->end_min ? o->end_min : end_min;
    bool later = end_min > o->end_min;
    book_before(x->offers->book, o, first, last);
    o->end_min = end_min;
    book_follow(x, o, first, last);
    offer_draw(x, o, first, last, later ? 1 : -1);
}

/* Works out `blocked` anew, for another number of GPUs. */
static void offer_block_anew(struct offer *o)
{
    steps_release(&o->blocked);
    uint64_t at = o->start_min;
    while (at < o->end_min) {
        struct piece piece = steps_piece(&o->taken, at);
        uint64_t until = piece.until < o->end_min ? piece.until : o->end_min;
        if (piece.value + o->block_gpus > o->gpus)
            steps_add(&o->blocked, at, until, 1);
        at = until;
    }
}

/* Price, age, GPUs or state change: the offer leaves the book and comes back as it is then. */
static void offer_reshape(struct exchange *x, struct offer *o, const struct offer_row *row)
{
    bool open = row->state == OFFER_STATE_OPEN;
    bool withdrawn = row->state == OFFER_STATE_WITHDRAWN;
    bool resized = row->gpus != o->gpus;
    offer_set_shown(x, o, false);
    if (!open)
        offer_set_open(x, o, false);
    if (resized || withdrawn != o->withdrawn) {
        offer_draw(x, o, o->start_min, o->end_min, -1);
        o->gpus = row->gpus;
        o->withdrawn = withdrawn;
        offer_draw(x, o, o->start_min, o->end_min, 1);
    }
    if (resized)
        offer_block_anew(o);
    o->price_ucr = row->price_ucr;
    o->place = row->place;
    offer_set_open(x, o, open);
    offer_set_shown(x, o, open && !row->asking);
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
    offer_set_due(x, old, false);
    if (new == NULL) {
        offer_leave(x, o);
        return;
    }
    offer_set_due(x, new, true);
    if (new->end_s != old->end_s)
        offer_move_end(x, o, new->end_s / 60);
    if (new->price_ucr != old->price_ucr || new->place != old->place || new->gpus != old->gpus ||
        new->state != old->state)
        offer_reshape(x, o, new);
    else
        offer_set_shown(x, o, o->open && !new->asking);
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
    RB_INIT(&x->offers->open);
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
