#include "server/exchange/referee.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/exchange/backstop_cover.h"
#include "server/exchange/fill.h"
#include "server/exchange/lease.h"
#include "server/exchange/offer.h"
#include "server/exchange/order.h"
#include "server/exchange/referee_match.h"

/* What a search came to: what is granted next must be that. */
struct ruling {
    bool agreed; /* else it was ended for its effort, or has been reported */
    bool granted;
    uint64_t asked; /* the offer that resting orders were being asked about; 0: none */
    uint32_t account;
    uint32_t duration_min;
    struct sku_limit skus[ORDER_SKUS_MAX];
    uint32_t skus_count;
    struct trial trial;
};

/* A turn of resting orders: the higher limit comes first, then the older. */
struct turn {
    uint64_t limit_ucr;
    uint64_t place;
};

/* Resting orders are being asked about an offer. */
struct pass {
    uint64_t group;
    uint64_t offer;    /* 0: none */
    struct turn from;  /* where it began; those before had their turn earlier */
    struct turn since; /* of the order filled last: those from it on have their turn in what is */
    bool cut;          /* a search was ended for its effort */
};

struct referee {
    struct exchange *x;
    void (*report)(void *context, const char *line);
    void *context;
    struct referee_counts counts;
    struct referee_rows rows;
    struct ruling ruling;
    struct pass pass;
    uint64_t granted_last; /* leases 1 to this have been looked at as they were granted */
};

static void referee_found(struct referee *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void referee_found(struct referee *r, const char *format, ...)
{
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    r->counts.found++;
    r->report(r->context, line);
}

/* --- Searches -------------------------------------------------------------------------------- */

static bool part_is(const struct trial_part *p, uint64_t offer, uint32_t gpus, uint64_t price_ucr)
{
    return p->offer == offer && p->gpus == gpus && p->price_ucr == price_ucr;
}

static bool trial_is(const struct trial *t, const struct match *m)
{
    if (t->gpus != m->gpus ||
        (t->gpus > 0 && (t->start_min != m->start_min || t->count != m->count)))
        return false;
    for (uint32_t i = 0; i < t->count; i++) {
        const struct match_part *part = &m->parts[i];
        if (!part_is(&t->parts[i], part->offer->offer, part->gpus, part->price_ucr))
            return false;
    }
    return true;
}

static bool trial_same(const struct trial *a, const struct trial *b)
{
    bool same = a->gpus == b->gpus && a->count == b->count && a->start_min == b->start_min;
    for (uint32_t i = 0; same && i < a->count; i++)
        same = part_is(&a->parts[i], b->parts[i].offer, b->parts[i].gpus, b->parts[i].price_ucr);
    return same;
}

/* The first part in which they differ. */
static void parts_report(struct referee *r, const struct trial *t, const struct match *m)
{
    uint32_t i = 0;
    while (i < t->count && i < m->count &&
           part_is(&t->parts[i], m->parts[i].offer->offer, m->parts[i].gpus, m->parts[i].price_ucr))
        i++;
    char line[256];
    int length = snprintf(line, sizeof(line), "    part %u:", i);
    if (i < m->count)
        length += snprintf(line + length, sizeof(line) - (size_t)length,
                           " the rules %u GPUs of offer %" PRIu64 " at %" PRIu64, m->parts[i].gpus,
                           m->parts[i].offer->offer, m->parts[i].price_ucr);
    if (i < t->count)
        snprintf(line + length, sizeof(line) - (size_t)length,
                 " the referee %u GPUs of offer %" PRIu64 " at %" PRIu64, t->parts[i].gpus,
                 t->parts[i].offer, t->parts[i].price_ucr);
    if (i < m->count || i < t->count)
        r->report(r->context, line);
}

static void ruling_begin(struct referee *r, const struct wish *w)
{
    struct ruling *ruling = &r->ruling;
    *ruling = (struct ruling){
        .asked = r->x->asked_offer, .account = w->account, .duration_min = w->duration_min};
    for (uint32_t i = 0; i < w->skus_count && i < ORDER_SKUS_MAX; i++)
        ruling->skus[ruling->skus_count++] = w->skus[i];
}

/* Leases come of searches alone, and of elections. */
static void grants_follow(struct referee *r)
{
    uint64_t last = r->x->head.lease_last;
    if (r->granted_last < last)
        referee_found(r, "group %" PRIu64 ": lease %" PRIu64 " was granted without a search",
                      r->x->head.group, r->granted_last + 1);
    r->granted_last = last; /* what was undone gives its serials back */
}

static struct pass *pass_now(struct referee *r);

static void referee_matched(void *context, const struct wish *w, const struct match *m)
{
    struct referee *r = context;
    grants_follow(r);
    ruling_begin(r, w);
    if (m->looks >= MATCH_LOOKS_MAX) {
        r->counts.abandoned++;
        if (r->x->asked_offer != 0)
            pass_now(r)->cut = true;
        return;
    }
    struct trial *t = &r->ruling.trial;
    referee_look(&r->rows);
    referee_match(&r->rows, w, r->x->asked_offer, t);
    r->counts.matches++;
    r->ruling.agreed = trial_is(t, m);
    if (r->ruling.agreed)
        return;
    referee_found(r,
                  "group %" PRIu64 ", log index %" PRIu64 ": account %u wants %u GPUs: the rules "
                  "found %u in %u parts from minute %" PRIu64
                  ", the referee %u in %u from %" PRIu64,
                  r->x->head.group, r->x->head.log_size, w->account, w->gpus, m->gpus, m->count,
                  m->start_min, t->gpus, t->count, t->start_min);
    parts_report(r, t, m);
}

/* --- Leases ---------------------------------------------------------------------------------- */

/* A lease is elected where it was sold out of an elected one. */
static bool elected_as_sold(const struct referee *r, const struct lease_row *lease)
{
    const struct lease_row *seller = lease->parent != 0 ? lease_find(r->x, lease->parent) : NULL;
    return lease->elected == (seller != NULL && seller->elected);
}

/* Whether a lease is what its part of the search is; of one sold on, its row has the price that its
 * operator is owed. */
static bool lease_is(const struct referee *r, const struct lease_row *lease,
                     const struct lease_grant *grant, const struct trial_part *part)
{
    const struct ruling *ruling = &r->ruling;
    uint64_t start_s = ruling->trial.start_min * 60;
    uint64_t through = referee_sold_through(r->x, lease);
    return (through != 0 ? through : lease->offer) == part->offer && lease->gpus == part->gpus &&
           lease->holder == ruling->account && elected_as_sold(r, lease) &&
           lease->start_s == start_s &&
           lease->end_s == start_s + (uint64_t)ruling->duration_min * 60 &&
           (through != 0 || lease->price_ucr == part->price_ucr) &&
           grant->price_ucr == part->price_ucr;
}

static bool limit_holds(const struct ruling *ruling, uint64_t sku, uint64_t price_ucr)
{
    for (uint32_t i = 0; i < ruling->skus_count; i++) {
        if (ruling->skus[i].sku == sku)
            return price_ucr <= ruling->skus[i].limit_price_ucr;
    }
    return false;
}

static void lease_look(struct referee *r, uint32_t i, const struct lease_grant *grant)
{
    const struct ruling *ruling = &r->ruling;
    const struct lease_row *lease = lease_find(r->x, grant->lease);
    r->counts.leases++;
    if (lease == NULL || ruling->granted ||
        (ruling->agreed &&
         (i >= ruling->trial.count || !lease_is(r, lease, grant, &ruling->trial.parts[i]))))
        referee_found(r, "group %" PRIu64 ": lease %" PRIu64 " is not what the search came to",
                      r->x->head.group, grant->lease);
    else if (!limit_holds(ruling, lease->sku, grant->price_ucr))
        referee_found(r, "group %" PRIu64 ": lease %" PRIu64 " costs more than the order's limit",
                      r->x->head.group, grant->lease);
}

/* A lease that a guarantor is said to have elected. */
struct electing {
    const struct exchange *x;
    const struct lease_row *lease;
    bool covered; /* by a backstop of its holder's, at the strike */
};

static int cover_look(void *context, const void *item)
{
    struct electing *e = context;
    const struct cover_row *cover = item;
    const struct lease_row *lease = e->lease;
    const struct backstop_row *terms = backstop_terms(e->x, cover->contract, cover->version);
    e->covered =
        e->covered || (!cover->closed && terms != NULL && terms->guarantor == lease->holder &&
                       terms->site == lease->site && terms->sku == lease->sku &&
                       terms->strike_ucr == lease->price_ucr && lease->start_s > lease->granted_s &&
                       lease->start_s >= terms->start_s && lease->end_s <= terms->end_s);
    return 0;
}

/* No search comes before an election: its terms say what it may take, at what price. */
static void election_look(struct referee *r, const struct lease_grant *grant)
{
    const struct lease_row *lease = lease_find(r->x, grant->lease);
    struct electing e = {.x = r->x, .lease = lease};
    if (lease != NULL && lease->elected && lease->trade == 0)
        store_each(r->x->store, TABLE_COVER, cover_look, &e);
    if (!e.covered)
        referee_found(r, "group %" PRIu64 ": lease %" PRIu64 " is elected under no backstop",
                      r->x->head.group, grant->lease);
}

static void referee_granted(void *context, const struct fill *f)
{
    struct referee *r = context;
    uint32_t count = f->match->count;
    if (count == 0)
        return;
    if (r->granted_last + count != r->x->head.lease_last)
        grants_follow(r);
    if (f->elected) {
        for (uint32_t i = 0; i < count; i++)
            election_look(r, &f->leases[i]);
        r->granted_last = r->x->head.lease_last;
        return;
    }
    if (r->ruling.agreed && count != r->ruling.trial.count)
        referee_found(r, "group %" PRIu64 ": %u leases of a search that came to %u",
                      r->x->head.group, count, r->ruling.trial.count);
    for (uint32_t i = 0; i < count; i++)
        lease_look(r, i, &f->leases[i]);
    r->ruling.granted = true;
    r->granted_last = r->x->head.lease_last;
}

/* --- Turns ----------------------------------------------------------------------------------- */

static bool turn_before(struct turn a, struct turn b)
{
    if (a.limit_ucr != b.limit_ucr)
        return a.limit_ucr > b.limit_ucr;
    return a.place < b.place;
}

/* The pass that is on: the row of the offer tells where it began. */
static struct pass *pass_now(struct referee *r)
{
    const struct offer_row *o = offer_row_find(r->x, r->x->asked_offer);
    struct turn from = {o->ask_limit_ucr, o->ask_place};
    struct pass *p = &r->pass;
    if (from.limit_ucr == 0 && from.place == 0)
        from.limit_ucr = UINT64_MAX;
    if (p->group != r->x->head.group || p->offer != o->offer ||
        p->from.limit_ucr != from.limit_ucr || p->from.place != from.place)
        *p = (struct pass){r->x->head.group, o->offer, from, from, false};
    return p;
}

/* Whether some offer that counts gives more than single GPUs. */
static bool wish_has_blocks(struct referee *r, const struct wish *w)
{
    for (size_t i = 0; i < r->rows.held_count; i++) {
        const struct offer_row *o = r->rows.held[i].row;
        if (o != NULL && referee_block(w, o) > 1 && referee_admits(&r->rows, w, o))
            return true;
    }
    return false;
}

/* Whether the offer that is asked about counts for the wish and has a block free for it: without
 * either it makes no difference to a search. */
static bool asked_matters(struct referee *r, const struct wish *w)
{
    struct held *h = referee_held(&r->rows, r->x->asked_offer);
    uint64_t start;
    return h != NULL && h->row != NULL && referee_admits(&r->rows, w, h->row) &&
           referee_earliest(&r->rows, h, w->from_min, w->until_min, w->duration_min,
                            referee_block(w, h->row), &start);
}

static bool match_is_enough(struct referee *r, const struct wish *w, uint64_t asked)
{
    struct trial t;
    referee_match(&r->rows, w, asked, &t);
    return t.gpus > 0 && t.gpus >= w->gpus_min;
}

/* What the order wants while it is asked about the offer; false: it is not asked. */
static bool claim_asked(struct referee *r, const struct rest_row *rest,
                        const struct offer_row *offer, struct claim *c)
{
    uint64_t from_s = offer->start_s > r->x->head.time_s ? offer->start_s : r->x->head.time_s;
    if (!referee_claim(r->x, rest, c) || offer->end_s <= from_s ||
        c->wish.duration_min > offer->end_s / 60 - from_s / 60)
        return false;
    if (c->wish.spread)
        return true;
    if (c->wish.site != 0 && c->wish.site != offer->site)
        return false;
    c->wish.site = offer->site;
    return true;
}

/* Looks for the first of all resting orders that should have been filled with the offer. */
struct left {
    struct referee *r;
    const struct offer_row *offer;
    const struct pass *pass;
    struct turn after; /* orders with their turn before are not looked at */
    struct turn before;
    uint64_t first; /* 0: none */
};

/*
 * Whether the order could be filled now with the offer, and not without it: what it could have had
 * before, when nothing asked it (its account was frozen, say), says nothing of this offer. If its
 * turn was in what is now, it must have been. If others were filled since, what it could have is
 * less than then; but where blocks count it may fit now and not have then (ask.h), which nobody can
 * tell any more.
 */
static bool order_should(struct left *l, const struct rest_row *rest, struct turn turn)
{
    struct referee *r = l->r;
    struct claim c;
    if (!claim_asked(r, rest, l->offer, &c) || !asked_matters(r, &c.wish) ||
        !match_is_enough(r, &c.wish, l->offer->offer) || match_is_enough(r, &c.wish, 0))
        return false;
    bool past = turn_before(turn, l->pass->from) || turn_before(turn, l->pass->since);
    if (!l->pass->cut && (!past || !wish_has_blocks(r, &c.wish)))
        return true;
    r->counts.unjudged++;
    return false;
}

static int left_look(void *context, const void *item)
{
    struct left *l = context;
    const struct rest_row *rest = item;
    struct turn turn = {.place = rest->place};
    if (!referee_limit(rest, l->offer->sku, &turn.limit_ucr) ||
        turn.limit_ucr < l->offer->price_ucr || !turn_before(turn, l->before) ||
        turn_before(turn, l->after))
        return 0;
    if (order_should(l, rest, turn)) {
        l->first = rest->order;
        l->before = turn;
    }
    return 0;
}

/* The rows of an order that is about to be filled: its later leases begin with its first, and what
 * the rules searched for is what it wants. */
static void filled_look(struct referee *r, const struct offer_row *offer,
                        const struct rest_row *rest)
{
    const struct order_row *order = order_find(r->x, rest->order);
    const struct lease_row *lease = lease_find(r->x, order->lease_first);
    const struct ruling *ruling = &r->ruling;
    struct claim c;
    struct trial t = {.gpus = 0};
    if (lease != NULL &&
        (rest->start_from_s != lease->start_s || rest->start_until_s != lease->start_s))
        referee_found(
            r, "group %" PRIu64 ": order %" PRIu64 " may be filled apart from its first lease",
            r->x->head.group, rest->order);
    if (!ruling->agreed || ruling->asked != offer->offer)
        return;
    if (claim_asked(r, rest, offer, &c))
        referee_match(&r->rows, &c.wish, offer->offer, &t);
    if (!trial_same(&t, &ruling->trial))
        referee_found(r,
                      "group %" PRIu64 ": order %" PRIu64 " was searched for otherwise than it "
                      "wants",
                      r->x->head.group, rest->order);
}

/* An order is about to be filled with the offer: nobody before it should have been. Those before
 * the order filled last were looked at then. */
static void referee_fills(void *context, uint64_t serial, const struct rest_row *rest,
                          uint64_t limit_ucr)
{
    struct referee *r = context;
    struct pass *pass = pass_now(r);
    const struct offer_row *offer = offer_row_find(r->x, serial);
    struct left l = {.r = r, .offer = offer, .pass = pass, .before = {limit_ucr, rest->place}};
    bool first =
        pass->since.limit_ucr == pass->from.limit_ucr && pass->since.place == pass->from.place;
    l.after = first ? (struct turn){UINT64_MAX, 0} : pass->since;
    referee_look(&r->rows);
    filled_look(r, offer, rest);
    store_each(r->x->store, TABLE_REST, left_look, &l);
    if (l.first != 0)
        referee_found(r,
                      "group %" PRIu64 ": offer %" PRIu64 " fills order %" PRIu64 " before order "
                      "%" PRIu64 ", which has the better price or is older",
                      r->x->head.group, serial, rest->order, l.first);
    pass->since = (struct turn){limit_ucr, rest->place};
}

/* All have been asked: nobody is left who should have been filled. */
static void referee_asked(void *context, uint64_t serial)
{
    struct referee *r = context;
    struct left l = {.r = r,
                     .offer = offer_row_find(r->x, serial),
                     .pass = pass_now(r),
                     .after = {UINT64_MAX, 0},
                     .before = {0, UINT64_MAX}};
    r->counts.asked++;
    referee_look(&r->rows);
    store_each(r->x->store, TABLE_REST, left_look, &l);
    if (l.first != 0)
        referee_found(r,
                      "group %" PRIu64 ": offer %" PRIu64 " was passed on although order %" PRIu64
                      " could be filled",
                      r->x->head.group, serial, l.first);
    r->pass.offer = 0;
}

static void referee_settled(void *context)
{
    struct referee *r = context;
    grants_follow(r);
    referee_rows_settled(&r->rows);
}

/* --- Life ----------------------------------------------------------------------------------- */

struct referee *referee_new(struct exchange *x, void (*report)(void *context, const char *line),
                            void *context)
{
    struct referee *r = calloc(1, sizeof(*r));
    if (r == NULL)
        memory_exhausted();
    r->x = x;
    r->report = report;
    r->context = context;
    referee_rows_init(&r->rows, x);
    r->granted_last = x->head.lease_last;
    x->witness = (struct witness){.matched = referee_matched,
                                  .granted = referee_granted,
                                  .fills = referee_fills,
                                  .asked = referee_asked,
                                  .settled = referee_settled,
                                  .context = r};
    return r;
}

void referee_free(struct referee *r)
{
    if (r == NULL)
        return;
    r->x->witness = (struct witness){.context = NULL};
    referee_rows_release(&r->rows);
    free(r);
}

struct referee_counts referee_counts(const struct referee *r)
{
    return r->counts;
}
