#include "server/exchange/closure.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/moment.h"
#include "server/exchange/ask_site.h"
#include "server/exchange/event.h"
#include "server/exchange/index.h"
#include "server/exchange/site.h"

static int end_compare(const struct closure_end *a, const struct closure_end *b)
{
    if (a->end_s != b->end_s)
        return a->end_s < b->end_s ? -1 : 1;
    return a->closure < b->closure ? -1 : a->closure > b->closure;
}

TREE_GENERATE(closure_ends, closure_end, link, end_compare)

const struct closure_row *closure_find(const struct exchange *x, uint64_t closure)
{
    return store_find(x->store, TABLE_CLOSURE, &closure);
}

static struct closed_site *closed_find(const struct exchange *x, uint64_t site)
{
    return site < x->closures->places ? x->closures->sites[site] : NULL;
}

bool closure_opens(const struct exchange *x, uint64_t site, uint64_t from_min, uint64_t until_min,
                   uint32_t duration_min, uint64_t *looks)
{
    const struct closed_site *s = closed_find(x, site);
    uint64_t start = from_min;
    while (s != NULL && start <= until_min) {
        struct piece piece = steps_piece(&s->closed, start);
        if (piece.value == 0 && start + duration_min <= piece.until)
            return true;
        ++*looks;
        start = piece.until;
    }
    return s == NULL;
}

uint64_t closure_outage_minutes(const struct exchange *x, uint64_t site, uint64_t from_s,
                                uint64_t to_s)
{
    const struct closed_site *s = closed_find(x, site);
    uint64_t minutes = 0;
    uint64_t at = from_s / 60;
    while (s != NULL && at < to_s / 60) {
        struct piece piece = steps_piece(&s->out, at);
        uint64_t until = piece.until < to_s / 60 ? piece.until : to_s / 60;
        minutes += piece.value != 0 ? until - at : 0;
        at = until;
    }
    return minutes;
}

uint32_t closure_count(const struct exchange *x, uint64_t site)
{
    struct closed_site *s = closed_find(x, site);
    struct closure_end *end = s != NULL ? RB_MAX(closure_ends, &s->ends) : NULL;
    uint32_t count = 0;
    for (; end != NULL && end->end_s > x->head.time_s; end = RB_PREV(closure_ends, NULL, end))
        count++;
    return count;
}

bool closure_is_listed(const struct exchange *x, const struct closure_row *row)
{
    struct closed_site *s = closed_find(x, row->site);
    struct closure_end key = {.end_s = row->end_s, .closure = row->closure};
    return s != NULL && RB_FIND(closure_ends, &s->ends, &key) != NULL;
}

uint64_t closure_listed(const struct exchange *x, uint64_t site)
{
    struct closed_site *s = closed_find(x, site);
    struct closure_end *end = s != NULL ? RB_MIN(closure_ends, &s->ends) : NULL;
    uint64_t count = 0;
    for (; end != NULL; end = RB_NEXT(closure_ends, NULL, end))
        count++;
    return count;
}

/* --- Index --------------------------------------------------------------------------------- */

static struct closed_site *closed_get(struct closure_index *index, uint64_t site)
{
    if (site >= index->places) {
        size_t places = index->places != 0 ? index->places : 16;
        while (places <= site)
            places *= 2;
        struct closed_site **sites = realloc(index->sites, places * sizeof(struct closed_site *));
        if (sites == NULL)
            memory_exhausted();
        memset(sites + index->places, 0, (places - index->places) * sizeof(struct closed_site *));
        index->sites = sites;
        index->places = places;
    }
    if (index->sites[site] == NULL) {
        struct closed_site *s = malloc(sizeof(*s));
        if (s == NULL)
            memory_exhausted();
        steps_init(&s->closed);
        steps_init(&s->out);
        RB_INIT(&s->ends);
        index->sites[site] = s;
    }
    return index->sites[site];
}

const struct steps *closure_steps(const struct exchange *x, uint64_t site)
{
    return &closed_get(x->closures, site)->closed;
}

static void closed_set(struct closed_site *s, const struct closure_row *row, bool put)
{
    struct closure_end key = {.end_s = row->end_s, .closure = row->closure};
    struct closure_end *end = RB_FIND(closure_ends, &s->ends, &key);
    if (!put && end != NULL) {
        RB_REMOVE(closure_ends, &s->ends, end);
        free(end);
    } else if (put && end == NULL) {
        end = malloc(sizeof(*end));
        if (end == NULL)
            memory_exhausted();
        *end = key;
        RB_INSERT(closure_ends, &s->ends, end);
    }
}

/* Adds a closure to everything that follows from it, or takes it out. */
static void closure_set(struct exchange *x, const struct closure_row *row, bool put)
{
    uint64_t from = row->start_s / 60;
    uint64_t to = row->end_s / 60;
    int change = put ? 1 : -1;
    /* Such a row of a damaged image stays out of the index, which the check reports. */
    if (from >= to || site_find(x, row->site) == NULL || row->site > UINT32_MAX)
        return;
    struct closed_site *s = closed_get(x->closures, row->site);
    closed_set(s, row, put);
    steps_add(&s->closed, from, to, change);
    if (row->kind == CLOSURE_KIND_OUTAGE)
        steps_add(&s->out, from, to, change);
}

static void closure_hook(void *context, const void *old_row, const void *new_row)
{
    struct exchange *x = context;
    const struct closure_row *old = old_row;
    const struct closure_row *new = new_row;
    if (old != NULL)
        closure_set(x, old, false);
    if (new != NULL)
        closure_set(x, new, true);
    if (old == NULL)
        owned_add(&x->closures->by_site, (uint32_t) new->site, new->closure);
    else if (new == NULL)
        owned_remove(&x->closures->by_site, (uint32_t)old->site, old->closure);
}

static bool closure_lives(const void *context, uint32_t site, uint64_t serial)
{
    const struct closure_row *row = closure_find(context, serial);
    return row != NULL && row->site == site;
}

void closure_index_new(struct exchange *x)
{
    x->closures = calloc(1, sizeof(*x->closures));
    if (x->closures == NULL)
        memory_exhausted();
    owned_init(&x->closures->by_site, closure_lives, x);
    store_set_hook(x->store, TABLE_CLOSURE, closure_hook, x);
}

static void closed_free(struct closed_site *s)
{
    struct closure_end *end;
    while ((end = RB_ROOT(&s->ends)) != NULL) {
        RB_REMOVE(closure_ends, &s->ends, end);
        free(end);
    }
    steps_release(&s->closed);
    steps_release(&s->out);
    free(s);
}

void closure_index_settle(struct exchange *x)
{
    owned_settle(&x->closures->by_site);
}

void closure_index_free(struct exchange *x)
{
    struct closure_index *index = x->closures;
    if (index == NULL)
        return;
    for (size_t i = 0; i < index->places; i++) {
        if (index->sites[i] != NULL)
            closed_free(index->sites[i]);
    }
    free(index->sites);
    owned_release(&index->by_site);
    free(index);
    x->closures = NULL;
}

/* --- Operations ---------------------------------------------------------------------------- */

/* An operator may close its own sites, an admin any. */
static bool site_is_ruled(const struct actor *actor, const struct site_row *site)
{
    return actor->role == ROLE_ADMIN || (site != NULL && site->operator== actor->account);
}

static enum refusal close_check_interval(const struct exchange *x, const struct op_site_close *op,
                                         uint64_t start_s)
{
    uint64_t now_s = x->head.time_s;
    bool outage = op->kind == CLOSURE_KIND_OUTAGE;
    if ((outage && op->start_s != 0) || start_s % 60 != 0 || op->end_s % 60 != 0 ||
        start_s >= op->end_s)
        return REFUSAL_interval_invalid;
    if (op->end_s - start_s > (uint64_t)OFFER_SPAN_MAX_MIN * 60 ||
        start_s > now_s + (uint64_t)HORIZON_MAX_MIN * 60)
        return REFUSAL_interval_invalid;
    if (op->end_s <= now_s || (op->start_s != 0 && start_s < now_s))
        return REFUSAL_interval_in_past;
    return REFUSAL_accepted;
}

static enum refusal close_check(const struct exchange *x, const struct actor *actor,
                                const struct op_site_close *op, uint64_t start_s)
{
    const struct site_row *site = site_find(x, op->site);
    if (site != NULL && !site_is_ruled(actor, site))
        return REFUSAL_not_owner;
    if (site == NULL)
        return REFUSAL_site_not_found;
    enum refusal refusal = close_check_interval(x, op, start_s);
    if (refusal != REFUSAL_accepted)
        return refusal;
    return closure_count(x, op->site) >= CLOSURES_PER_SITE_MAX ? REFUSAL_too_many
                                                               : REFUSAL_accepted;
}

enum refusal site_close(struct exchange *x, const struct actor *actor, const void *body,
                        struct result *out)
{
    const struct op_site_close *op = body;
    uint64_t start_s = op->start_s != 0 ? op->start_s : minute_floor(x->head.time_s);
    enum refusal refusal = close_check(x, actor, op, start_s);
    if (refusal != REFUSAL_accepted)
        return refusal;

    struct closure_row row = {
        .closure = ++x->head.closure_last,
        .site = op->site,
        .start_s = start_s,
        .end_s = op->end_s,
        .index = event_next_index(x),
        .kind = op->kind,
    };
    column_set(row.reason, sizeof(row.reason), op->reason);
    store_put(x->store, TABLE_CLOSURE, &row);
    struct ev_site_closed event = {
        EVENT_HEAD_OF(x, actor->account),
        .closure = row.closure,
        .site = op->site,
        .kind = op->kind,
        .start_s = start_s,
        .end_s = op->end_s,
        .reason = op->reason,
    };
    event_log(x, &ev_site_closed_message, &event);
    out->object = row.closure;
    return REFUSAL_accepted;
}

static enum refusal reopen_check(const struct exchange *x, const struct actor *actor,
                                 const struct closure_row *row)
{
    if (row != NULL && !site_is_ruled(actor, site_find(x, row->site)))
        return REFUSAL_not_owner;
    if (row == NULL)
        return REFUSAL_closure_not_found;
    /* In its last minute it ends by itself: there is nothing to end, and nothing new to be had. */
    return row->end_s <= minute_ceil(x->head.time_s) ? REFUSAL_closure_over : REFUSAL_accepted;
}

enum refusal site_reopen(struct exchange *x, const struct actor *actor, const void *body,
                         struct result *out)
{
    const struct op_site_reopen *op = body;
    const struct closure_row *found = closure_find(x, op->closure);
    enum refusal refusal = reopen_check(x, actor, found);
    if (refusal != REFUSAL_accepted)
        return refusal;

    struct closure_row row = *found;
    uint64_t now_s = minute_ceil(x->head.time_s);
    row.end_s = now_s > row.start_s ? now_s : row.start_s;
    if (row.end_s > row.start_s)
        store_put(x->store, TABLE_CLOSURE, &row);
    else
        store_remove(x->store, TABLE_CLOSURE, &row);
    struct ev_site_reopened event = {
        EVENT_HEAD_OF(x, actor->account),
        .closure = row.closure,
        .site = row.site,
        .end_s = row.end_s,
    };
    event_log(x, &ev_site_reopened_message, &event);
    ask_about_site(x, row.site);
    out->object = row.closure;
    return REFUSAL_accepted;
}
