#include "server/exchange/backstop_cover.h"

#include <stdlib.h>

static int stood_compare(const struct stood *a, const struct stood *b)
{
    return number_compare(a->offer, b->offer);
}

TREE_GENERATE(stood_tree, stood, link, stood_compare)

const struct cover_row *cover_row_find(const struct exchange *x, uint64_t contract)
{
    return store_find(x->store, TABLE_COVER, &contract);
}

const struct backstop_row *backstop_terms(const struct exchange *x, uint64_t contract,
                                          uint32_t version)
{
    struct backstop_row key = {.contract = contract, .version = version};
    return store_find(x->store, TABLE_BACKSTOP, &key);
}

struct cover *cover_find(const struct exchange *x, uint64_t contract)
{
    const struct cover_row *row = cover_row_find(x, contract);
    const struct backstop_row *terms = row ? backstop_terms(x, contract, row->version) : NULL;
    struct stand *p = terms ? stand_find(x, terms->site, terms->sku) : NULL;
    struct cover *c = p ? p->covers : NULL;
    while (c && c->contract != contract)
        c = c->next;
    return c;
}

static struct stood *stood_find(const struct cover *c, uint64_t offer)
{
    struct stood key = {.offer = offer};
    return RB_FIND(stood_tree, (struct stood_tree *)&c->stood, &key);
}

const struct stood *cover_stood_first(const struct cover *c)
{
    return RB_MIN(stood_tree, (struct stood_tree *)&c->stood);
}

const struct stood *cover_stood_next(const struct stood *s)
{
    return RB_NEXT(stood_tree, NULL, (struct stood *)s);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* --- What counts as free --- */

static void free_change(struct cover *c, uint64_t from, uint64_t until, int64_t gpus)
{
    if (from < c->cursor_min)
        c->values[CURVE_FREE] += gpus;
    if (until < c->cursor_min)
        c->values[CURVE_FREE] -= gpus;
    curve_add(&c->free, from, CURVE_FREE, gpus);
    curve_add(&c->free, until, CURVE_FREE, -gpus);
}

/* Of what stood, the part that is not leased. GPUs that came later are leased last. */
static int64_t free_of(uint64_t stood, uint64_t leased)
{
    return stood > leased ? (int64_t)(stood - leased) : 0;
}

void cover_take(struct cover *c, const struct offer *o, uint64_t from_min, uint64_t to_min,
                int64_t gpus)
{
    const struct stood *s = stood_find(c, o->offer);
    uint64_t at = from_min > c->free.kept_min ? from_min : c->free.kept_min;
    uint64_t end = earlier(to_min, c->end_min);
    while (s && at < end) {
        struct piece stood = steps_piece(&s->gpus, at);
        struct piece leased = steps_piece(&o->taken, at);
        uint64_t until = earlier(end, earlier(stood.until, leased.until));
        int64_t before = (int64_t)leased.value - gpus;
        free_change(c, at, until,
                    free_of(stood.value, leased.value) -
                        free_of(stood.value, before > 0 ? (uint64_t)before : 0));
        at = until;
    }
}

/* What stood of an offer is something else now. Returns how many pieces that took. */
static uint64_t stood_replace(struct cover *c, const struct offer *o, const struct steps *before,
                              const struct steps *after)
{
    uint64_t at = c->free.kept_min;
    uint64_t pieces = 0;
    for (; at < c->end_min; pieces++) {
        struct piece old = steps_piece(before, at);
        struct piece new = steps_piece(after, at);
        uint64_t until = earlier(c->end_min, earlier(old.until, new.until));
        if (old.value != new.value) {
            struct piece leased = steps_piece(&o->taken, at);
            until = earlier(until, leased.until);
            free_change(c, at, until,
                        free_of(new.value, leased.value) - free_of(old.value, leased.value));
        }
        at = until;
    }
    return pieces;
}

/* Works out what has stood of an offer, in place of what was known; returns how many looks that
 * took, as the rules count them. *pieces_out is what it took in time: more, with many leases. */
static uint64_t stood_work_out(const struct exchange *x, struct cover *c, const struct listed *l,
                               uint64_t *pieces_out)
{
    *pieces_out = 0;
    const struct offer *o = offer_find(x, l->offer);
    struct stood *s = stood_find(c, l->offer);
    uint64_t looks = 0;
    if (!o || (!s && l->until_min <= c->free.kept_min))
        return 0;
    if (!s) {
        s = memory_zeroed(1, sizeof(*s));
        s->offer = l->offer;
        steps_init(&s->gpus);
        RB_INSERT(stood_tree, &c->stood, s);
    }
    struct steps after;
    steps_init(&after);
    history_stood(x, l, c->price_max_ucr, c->ahead_min, c->free.kept_min, c->end_min, &after,
                  &looks);
    *pieces_out = stood_replace(c, o, &s->gpus, &after);
    steps_release(&s->gpus);
    s->gpus = after;
    if (after.count == 0) {
        RB_REMOVE(stood_tree, &c->stood, s);
        free(s);
    }
    return looks;
}

/* --- Kept or not --- */

static bool cover_has_begun(const struct exchange *x, const struct cover *c)
{
    return c->start_min * 60 <= x->head.time_s;
}

static void cover_keep(struct cover *c)
{
    if (c->kept)
        return;
    c->kept = true;
    c->next_listed = c->stand->offers;
}

static void stood_clear(struct cover *c)
{
    struct stood *s;
    while ((s = RB_ROOT(&c->stood)) != NULL) {
        RB_REMOVE(stood_tree, &c->stood, s);
        steps_release(&s->gpus);
        free(s);
    }
    curve_release(&c->free);
}

/* From the cursor on. */
static void cover_forget(struct exchange *x, struct cover *c)
{
    stood_clear(c);
    curve_init(&c->free, c->cursor_min);
    c->values[CURVE_FREE] = 0;
    c->kept = false;
    c->next_listed = NULL;
    occupancy_prepare_from(x, c->start_min);
}

uint32_t cover_prepare(const struct exchange *x, struct cover *c, uint32_t offers)
{
    enum { PIECES_LIKE_AN_OFFER = 8 };
    cover_keep(c);
    for (; c->next_listed && offers > 0; c->next_listed = c->next_listed->next) {
        uint64_t pieces;
        stood_work_out(x, c, c->next_listed, &pieces);
        uint64_t took = 1 + pieces / PIECES_LIKE_AN_OFFER;
        offers -= took < offers ? (uint32_t)took : offers;
    }
    return offers;
}

void cover_complete(const struct exchange *x, struct cover *c)
{
    while (cover_prepare(x, c, UINT32_MAX) == 0)
        ;
}

uint64_t cover_looks(const struct cover *c)
{
    enum { LOOKS_AN_OFFER = 16 };
    return c->stand->offers_count * LOOKS_AN_OFFER;
}

void cover_list(struct exchange *x, struct cover *c, const struct listed *l)
{
    /* The same looks whether or not it was prepared. */
    bool counts = cover_has_begun(x, c);
    if (counts)
        cover_keep(c);
    uint64_t pieces;
    uint64_t looks = c->kept ? stood_work_out(x, c, l, &pieces) : 0;
    x->request_looks += counts ? looks : 0;
}

void cover_unlist(struct cover *c, const struct listed *l)
{
    if (c->next_listed == l)
        c->next_listed = l->next;
}

/* --- Index --- */

static void cover_follow(struct exchange *x, struct cover *c, const struct backstop_row *terms)
{
    c->version = terms->version;
    c->start_min = terms->start_s / 60;
    c->end_min = terms->end_s / 60;
    c->price_max_ucr = terms->price_max_ucr;
    c->ahead_min = terms->ahead_min;
    cover_forget(x, c);
}

static void cover_open(struct exchange *x, const struct cover_row *row,
                       const struct backstop_row *terms)
{
    struct stand *p = stand_get(x, terms->site, terms->sku);
    struct cover *c = memory_zeroed(1, sizeof(*c));
    c->contract = row->contract;
    c->stand = p;
    c->cursor_min = row->cursor_s / 60;
    /* While the image is loaded nothing stands on the curve yet. */
    if (c->cursor_min < p->curve.kept_min)
        p->curve.kept_min = c->cursor_min;
    for (int i = 0; i < CURVE_LINES; i++)
        c->values[i] = p->values[i];
    curve_sum(&p->curve, p->day_min, c->cursor_min, c->values);
    RB_INIT(&c->stood);
    curve_init(&c->free, c->cursor_min);
    c->next = p->covers;
    p->covers = c;
    p->covers_count++;
    cover_follow(x, c, terms);
}

static void cover_close(struct cover *c)
{
    struct cover **at = &c->stand->covers;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    c->stand->covers_count--;
    stood_clear(c);
    free(c);
}

static void cover_move(struct exchange *x, struct cover *c, uint64_t to_min)
{
    int64_t free_gpus[CURVE_LINES] = {0};
    int64_t counted = c->values[CURVE_FREE];
    curve_sum(&c->stand->curve, c->cursor_min, to_min, c->values);
    curve_sum(&c->free, c->cursor_min, to_min, free_gpus);
    c->values[CURVE_FREE] = counted + free_gpus[CURVE_FREE];
    c->cursor_min = to_min;
    x->occupancy->moved = true;
    /* Back again, when what has moved it on is undone. */
    if (to_min < c->free.kept_min)
        cover_forget(x, c);
}

void cover_hook(void *context, const void *old_row, const void *new_row)
{
    struct exchange *x = context;
    const struct cover_row *old = old_row;
    const struct cover_row *new = new_row;
    const struct backstop_row *terms =
        new && !new->closed ? backstop_terms(x, new->contract, new->version) : NULL;
    const struct backstop_row *before =
        old && !old->closed ? backstop_terms(x, old->contract, old->version) : NULL;
    struct stand *p = before ? stand_find(x, before->site, before->sku) : NULL;
    struct cover *c = p ? p->covers : NULL;
    while (c && c->contract != old->contract)
        c = c->next;
    if (!terms) {
        if (c)
            cover_close(c);
    } else if (!c) {
        cover_open(x, new, terms);
    } else {
        if (c->cursor_min != new->cursor_s / 60)
            cover_move(x, c, new->cursor_s / 60);
        if (c->version != new->version)
            cover_follow(x, c, terms);
    }
}

void cover_settle(struct cover *c)
{
    curve_keep(&c->free, c->cursor_min);
}

void cover_free_all(struct stand *p)
{
    while (p->covers)
        cover_close(p->covers);
}
