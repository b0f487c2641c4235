#include "server/exchange/match.h"

#include <stdlib.h>

#include "protocol/moment.h"
#include "server/exchange/account.h"
#include "server/exchange/series.h"
#include "server/exchange/site.h"
#include "server/exchange/sku.h"

/* Going over so many listed offers takes as long as a look at one. */
enum { LISTED_A_LOOK = 16 };

/* --- Wishes -------------------------------------------------------------------------------- */

static enum refusal places_from(const struct place *places, uint32_t count, bool subdivision,
                                struct arena *arena, const uint64_t **out)
{
    uint64_t *numbers = arena_alloc(arena, (count + 1) * sizeof(*numbers));
    if (numbers == NULL)
        memory_exhausted();
    for (uint32_t i = 0; i < count; i++) {
        if (!place_is_valid(places[i].code, subdivision))
            return REFUSAL_malformed;
        numbers[i] = place_of(places[i].code);
    }
    *out = numbers;
    return REFUSAL_accepted;
}

static enum refusal wish_check_skus(const struct exchange *x, const struct wish *w)
{
    for (uint32_t i = 0; i < w->skus_count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (w->skus[i].sku == w->skus[j].sku)
                return REFUSAL_malformed;
        }
    }
    enum refusal refusal = REFUSAL_accepted;
    for (uint32_t i = 0; i < w->skus_count; i++) {
        const struct sku_row *sku = sku_find(x, w->skus[i].sku);
        if (sku == NULL)
            return REFUSAL_sku_not_found;
        if (sku->state == SKU_STATE_RETIRED)
            refusal = REFUSAL_sku_retired;
    }
    return refusal;
}

/* The window of starts: from 0 means now, until 0 the same as from, and what has passed of it is
 * cut off. */
static enum refusal wish_window(const struct exchange *x, const struct op_order_place *op,
                                struct wish *w)
{
    uint64_t now_min = minute_floor(x->head.time_s) / 60;
    uint64_t from_min = op->start_from_s != 0 ? op->start_from_s / 60 : now_min;
    uint64_t until_min = op->start_until_s != 0 ? op->start_until_s / 60 : from_min;
    if (op->start_from_s % 60 != 0 || op->start_until_s % 60 != 0)
        return REFUSAL_interval_invalid;
    bool from_now = op->start_from_s == 0 && until_min < from_min;
    if (until_min < from_min && !from_now)
        return REFUSAL_interval_invalid;
    if (until_min > from_min && until_min - from_min > DURATION_MAX_MIN)
        return REFUSAL_interval_invalid;
    if (from_min > now_min + HORIZON_MAX_MIN)
        return REFUSAL_interval_invalid;
    if (until_min < now_min)
        return REFUSAL_interval_in_past;
    w->from_min = from_min > now_min ? from_min : now_min;
    w->until_min = until_min;
    return REFUSAL_accepted;
}

enum refusal wish_from_order(const struct exchange *x, const struct op_order_place *op,
                             struct arena *arena, struct wish *wish_out)
{
    struct wish w = {
        .skus = op->skus.items,
        .skus_count = op->skus.count,
        .gpus = op->gpus,
        .gpus_min = op->gpus_min,
        .duration_min = op->duration_min,
        .regions_count = op->regions.count,
        .jurisdictions_count = op->jurisdictions.count,
        .preemptible_ok = op->preemptible_ok,
        .fill_or_kill = op->time_in_force == TIME_IN_FORCE_FOK,
        .profile = op->profile,
    };
    if (w.skus_count == 0 || w.gpus_min > w.gpus)
        return REFUSAL_malformed;
    enum refusal refusal =
        places_from(op->regions.items, op->regions.count, true, arena, &w.regions);
    if (refusal == REFUSAL_accepted)
        refusal = places_from(op->jurisdictions.items, op->jurisdictions.count, false, arena,
                              &w.jurisdictions);
    if (refusal == REFUSAL_accepted)
        refusal = wish_check_skus(x, &w);
    if (refusal == REFUSAL_accepted)
        refusal = wish_window(x, op, &w);
    *wish_out = w;
    return refusal;
}

/* --- Which offers count -------------------------------------------------------------------- */

static bool places_cover(const uint64_t *filters, uint32_t count, uint64_t code)
{
    for (uint32_t i = 0; i < count; i++) {
        if (place_covers(filters[i], code))
            return true;
    }
    return count == 0;
}

static bool wish_covers_region(const void *context, uint64_t region)
{
    const struct wish *w = context;
    return places_cover(w->regions, w->regions_count, region);
}

static const struct sku_limit *wish_limit(const struct wish *w, uint64_t sku)
{
    for (uint32_t i = 0; i < w->skus_count; i++) {
        if (w->skus[i].sku == sku)
            return &w->skus[i];
    }
    return NULL;
}

static bool wish_series_allow(const struct wish *w, uint64_t sku, const char *region)
{
    for (uint32_t i = 0; i < w->series_count; i++) {
        if (!series_allows(w->series[i], sku, region, w->profile))
            return false;
    }
    return true;
}

static bool operator_is_active(const struct exchange *x, uint32_t operator)
{
    const struct account_row *account = account_find(x, operator);
    return account != NULL && account->state == ACCOUNT_STATE_ACTIVE;
}

/* Whether the site counts, apart from its region, which the book has looked at. */
static bool wish_takes_site(const struct exchange *x, const struct wish *w, uint64_t sku,
                            uint64_t site)
{
    const struct site_row *row = site_find(x, site);
    return places_cover(w->jurisdictions, w->jurisdictions_count,
                        place_number(row->jurisdiction)) &&
           wish_series_allow(w, sku, row->region) && operator_is_active(x, row->operator);
}

static bool wish_takes_terms(const struct wish *w, const struct offer *o)
{
    return (w->preemptible_ok || !o->preemptible) && w->duration_min >= o->lease_min_min &&
           (o->lease_max_min == 0 || w->duration_min <= o->lease_max_min);
}

uint32_t match_dimension(const struct exchange *x, const struct wish *w, const struct offer *o)
{
    const struct sku_limit *limit = wish_limit(w, o->sku);
    const struct site_row *site = site_find(x, o->site);
    uint64_t start = w->from_min > o->start_min ? w->from_min : o->start_min;
    if (limit == NULL)
        return FUNNEL_SKU;
    if (!wish_covers_region(w, place_number(site->region)))
        return FUNNEL_REGION;
    if (!places_cover(w->jurisdictions, w->jurisdictions_count, place_number(site->jurisdiction)))
        return FUNNEL_JURISDICTION;
    if (!wish_series_allow(w, o->sku, site->region))
        return FUNNEL_SERIES;
    if (!wish_takes_terms(w, o) || !operator_is_active(x, o->operator))
        return FUNNEL_TERMS;
    if (start > w->until_min || start + w->duration_min > o->end_min)
        return FUNNEL_TIME;
    uint64_t looks = 0;
    if (o->block_gpus > w->gpus ||
        !offer_earliest(o, w->from_min, w->until_min, w->duration_min, &start, &looks))
        return FUNNEL_SIZE;
    return o->price_ucr > limit->limit_price_ucr ? FUNNEL_PRICE : 0;
}

/* --- What one stand gives at one start ----------------------------------------------------- */

static uint32_t whole_blocks(const struct offer *o, uint32_t free, uint32_t missing)
{
    uint32_t gpus = free < missing ? free : missing;
    return gpus - gpus % o->block_gpus;
}

/* Step 4 of the procedure: the next candidate gives. */
static void match_take(struct match *m, const struct offer *o, uint32_t free, uint32_t wanted)
{
    uint32_t gpus = whole_blocks(o, free, wanted - m->gpus);
    if (m->count < ORDER_LEASES_MAX) {
        if (gpus > 0)
            m->parts[m->count++] = (struct match_part){o, gpus};
        m->gpus += gpus;
        return;
    }
    uint32_t least = 0;
    for (uint32_t i = 1; i < m->count; i++) {
        if (m->parts[i].gpus <= m->parts[least].gpus)
            least = i;
    }
    uint32_t without = m->gpus - m->parts[least].gpus;
    gpus = whole_blocks(o, free, wanted - without);
    if (gpus <= m->parts[least].gpus)
        return;
    /* The parts stay in the order in which they gave. */
    for (uint32_t i = least; i + 1 < m->count; i++)
        m->parts[i] = m->parts[i + 1];
    m->parts[m->count - 1] = (struct match_part){o, gpus};
    m->gpus = without + gpus;
}

/* Where the search stands. */
struct search {
    const struct exchange *x;
    const struct wish *wish;
    struct book_walk sites;  /* stands not yet ranked, cheapest first */
    struct book_walk offers; /* of the stand looked at */
    struct stand *ranked;    /* a heap of stands with their ranks; owned */
    size_t ranked_count;
    size_t ranked_capacity;
    struct listed *listed; /* the offers that count at the stand looked at; owned */
    size_t listed_count;
    size_t listed_capacity;
    struct rise *rises; /* owned */
    size_t rises_count;
    size_t rises_capacity;
    uint64_t looks; /* lines, offers, starts and pieces of time looked at so far */
    struct match *best;
};

/* A (site, SKU) and its best candidate. */
struct stand {
    struct book_site *site;
    uint64_t price_max_ucr;
    uint64_t price_ucr;
    uint64_t start_min;
    uint64_t serial;
};

/* An offer that counts at a stand; `gives` is what it can give at the start looked at, or an upper
 * bound of it. */
struct listed {
    const struct offer *offer;
    uint32_t gives;
};

/* An offer's free GPUs rise. */
struct rise {
    uint64_t at_min;
    size_t listed;
};

static void *grown(void *items, size_t count, size_t *capacity, size_t item_size)
{
    if (count < *capacity)
        return items;
    *capacity = *capacity != 0 ? 2 * *capacity : 64;
    items = realloc(items, *capacity * item_size);
    if (items == NULL)
        memory_exhausted();
    return items;
}

/* Keeps the match if it is the best so far; true when it reaches what is wanted. */
static bool search_offer_match(struct search *s, const struct match *m)
{
    if (m->gpus > s->best->gpus)
        *s->best = *m;
    return m->gpus == s->wish->gpus;
}

/* Step 6: whether the search has looked at as much as it may. */
static bool search_is_spent(const struct search *s)
{
    return s->looks >= MATCH_LOOKS_MAX;
}

/* Tries the first start, looking at no more offers than it takes. */
static bool search_at_first(struct search *s, const struct stand *stand)
{
    const struct wish *w = s->wish;
    struct match m = {.start_min = w->from_min};
    book_walk_begin(&s->offers, w->from_min, w->from_min, w->duration_min);
    book_walk_site(&s->offers, stand->site, stand->price_max_ucr);
    s->looks += s->offers.count;
    const struct book_entry *entry;
    while (m.gpus < w->gpus && !search_is_spent(s) &&
           (entry = book_walk_next(&s->offers)) != NULL) {
        const struct offer *o = entry->of.offer;
        s->looks++;
        if (wish_takes_terms(w, o))
            match_take(&m, o, offer_free(o, w->from_min, w->duration_min, &s->looks), w->gpus);
    }
    return search_offer_match(s, &m);
}

/* Lists the offers that count and are free for a lease somewhere in the window, by price and
 * serial. */
static void search_list(struct search *s, const struct stand *stand)
{
    const struct wish *w = s->wish;
    s->listed_count = 0;
    book_walk_begin(&s->offers, w->from_min, w->until_min, w->duration_min);
    book_walk_site(&s->offers, stand->site, stand->price_max_ucr);
    s->looks += s->offers.count;
    const struct book_entry *entry;
    while (!search_is_spent(s) && (entry = book_walk_next(&s->offers)) != NULL) {
        const struct offer *o = entry->of.offer;
        s->looks++;
        bool again = s->listed_count > 0 && s->listed[s->listed_count - 1].offer == o;
        if (again || !wish_takes_terms(w, o))
            continue;
        s->listed = grown(s->listed, s->listed_count, &s->listed_capacity, sizeof(*s->listed));
        s->listed[s->listed_count++] = (struct listed){o, 0};
    }
}

static void search_add_rise(struct search *s, uint64_t at_min, size_t listed)
{
    s->rises = grown(s->rises, s->rises_count, &s->rises_capacity, sizeof(*s->rises));
    s->rises[s->rises_count++] = (struct rise){at_min, listed};
}

static int rise_compare(const void *a, const void *b)
{
    const struct rise *p = a;
    const struct rise *q = b;
    if (p->at_min != q->at_min)
        return p->at_min < q->at_min ? -1 : 1;
    return p->listed < q->listed ? -1 : p->listed > q->listed;
}

/* The points of the window at which a listed offer's free GPUs rise, in the order of time; the
 * window's first start counts as one for offers that are free then. */
static void search_find_rises(struct search *s)
{
    const struct wish *w = s->wish;
    s->rises_count = 0;
    for (size_t i = 0; i < s->listed_count && !search_is_spent(s); i++) {
        const struct offer *o = s->listed[i].offer;
        uint64_t at = w->from_min > o->start_min ? w->from_min : o->start_min;
        if (at > w->until_min)
            continue;
        search_add_rise(s, at, i);
        struct piece piece = steps_piece(&o->taken, at);
        while (piece.until <= w->until_min && piece.until + w->duration_min <= o->end_min) {
            struct piece next = steps_piece(&o->taken, piece.until);
            s->looks++;
            if (next.value < piece.value)
                search_add_rise(s, next.from, i);
            piece = next;
        }
    }
    if (s->rises_count > 0)
        qsort(s->rises, s->rises_count, sizeof(*s->rises), rise_compare);
}

/* What a listed offer can give at a start, in whole blocks. */
static uint32_t search_gives(struct search *s, size_t i, uint64_t start_min)
{
    const struct offer *o = s->listed[i].offer;
    s->looks++;
    return whole_blocks(o, offer_free(o, start_min, s->wish->duration_min, &s->looks), UINT32_MAX);
}

/* Makes the upper bounds of all listed offers exact at a start; returns their sum. */
static uint64_t search_refresh(struct search *s, uint64_t start_min)
{
    uint64_t sum = 0;
    s->looks += s->listed_count / LISTED_A_LOOK;
    for (size_t i = 0; i < s->listed_count; i++) {
        if (s->listed[i].gives > 0)
            s->listed[i].gives = search_gives(s, i, start_min);
        sum += s->listed[i].gives;
    }
    return sum;
}

/*
 * Tries the later starts. What an offer can give only falls between two rises of it, so that the
 * sum of what each could give at its last rise is an upper bound; a start is worked out only where
 * the bound is better than what was found before.
 */
static bool search_at_rises(struct search *s)
{
    uint64_t sum = 0;
    size_t i = 0;
    while (i < s->rises_count && !search_is_spent(s)) {
        uint64_t start = s->rises[i].at_min;
        for (; i < s->rises_count && s->rises[i].at_min == start; i++) {
            struct listed *l = &s->listed[s->rises[i].listed];
            uint32_t gives = search_gives(s, s->rises[i].listed, start);
            sum += gives;
            sum -= l->gives;
            l->gives = gives;
        }
        if (start == s->wish->from_min || sum <= s->best->gpus)
            continue;
        sum = search_refresh(s, start);
        if (sum <= s->best->gpus)
            continue;
        struct match m = {.start_min = start};
        s->looks += s->listed_count / LISTED_A_LOOK;
        for (size_t j = 0; j < s->listed_count && m.gpus < s->wish->gpus; j++) {
            if (s->listed[j].gives > 0)
                match_take(&m, s->listed[j].offer, s->listed[j].gives, s->wish->gpus);
        }
        if (search_offer_match(s, &m))
            return true;
    }
    return false;
}

static bool search_stand(struct search *s, const struct stand *stand)
{
    if (search_at_first(s, stand))
        return true;
    if (s->wish->until_min == s->wish->from_min || search_is_spent(s))
        return false;
    search_list(s, stand);
    search_find_rises(s);
    return search_at_rises(s);
}

/* --- In which order stands are tried ------------------------------------------------------- */

static bool rank_before(const struct stand *a, const struct stand *b)
{
    if (a->price_ucr != b->price_ucr)
        return a->price_ucr < b->price_ucr;
    if (a->start_min != b->start_min)
        return a->start_min < b->start_min;
    return a->serial < b->serial;
}

static void ranked_push(struct search *s, struct stand stand)
{
    s->ranked = grown(s->ranked, s->ranked_count, &s->ranked_capacity, sizeof(*s->ranked));
    size_t i = s->ranked_count++;
    while (i > 0 && rank_before(&stand, &s->ranked[(i - 1) / 2])) {
        s->ranked[i] = s->ranked[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    s->ranked[i] = stand;
}

static struct stand ranked_pop(struct search *s)
{
    struct stand first = s->ranked[0];
    struct stand last = s->ranked[--s->ranked_count];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= s->ranked_count)
            break;
        if (child + 1 < s->ranked_count && rank_before(&s->ranked[child + 1], &s->ranked[child]))
            child++;
        if (!rank_before(&s->ranked[child], &last))
            break;
        s->ranked[i] = s->ranked[child];
        i = child;
    }
    s->ranked[i] = last;
    return first;
}

/* Ranks a stand by its best candidate; false when it has none. */
static bool stand_rank(struct search *s, struct stand *stand)
{
    const struct wish *w = s->wish;
    bool found = false;
    book_walk_begin(&s->offers, w->from_min, w->until_min, w->duration_min);
    book_walk_site(&s->offers, stand->site, stand->price_max_ucr);
    s->looks += s->offers.count;
    const struct book_entry *entry;
    while (!search_is_spent(s) && (entry = book_walk_next(&s->offers)) != NULL) {
        const struct offer *o = entry->of.offer;
        uint64_t start;
        s->looks++;
        if (found && entry->price_ucr > stand->price_ucr)
            break;
        if (!wish_takes_terms(w, o) || o->block_gpus > w->gpus ||
            !offer_earliest(o, w->from_min, w->until_min, w->duration_min, &start, &s->looks))
            continue;
        if (!found || start < stand->start_min) {
            stand->price_ucr = o->price_ucr;
            stand->start_min = start;
            stand->serial = o->offer;
        }
        found = true;
        if (stand->start_min == w->from_min)
            break;
    }
    return found;
}

/* Ranks stands until the first of the ranked ones comes before all others. */
static void search_rank(struct search *s, uint64_t mark)
{
    const struct book_entry *entry;
    while (!search_is_spent(s) && (entry = book_walk_peek(&s->sites)) != NULL) {
        s->looks++;
        /* No offer of a stand not yet ranked comes before this. */
        struct stand least = {
            .price_ucr = entry->price_ucr, .start_min = s->wish->from_min, .serial = entry->serial};
        if (s->ranked_count > 0 && rank_before(&s->ranked[0], &least))
            return;
        book_walk_next(&s->sites);
        struct book_site *site = entry->of.site;
        uint64_t sku = book_site_sku(site);
        if (book_mark(site, mark) || !wish_takes_site(s->x, s->wish, sku, book_site_number(site)))
            continue;
        struct stand stand = {.site = site,
                              .price_max_ucr = wish_limit(s->wish, sku)->limit_price_ucr};
        if (stand_rank(s, &stand))
            ranked_push(s, stand);
    }
}

static void search_run(struct search *s)
{
    const struct wish *w = s->wish;
    struct book *book = s->x->offers->book;
    uint64_t mark = book_next_mark(book);
    book_walk_begin(&s->sites, w->from_min, w->until_min, w->duration_min);
    for (uint32_t i = 0; i < w->skus_count; i++)
        book_walk_regions(&s->sites, book, w->skus[i].sku, wish_covers_region, w,
                          w->skus[i].limit_price_ucr);
    s->looks += s->sites.count;
    for (;;) {
        search_rank(s, mark);
        if (s->ranked_count == 0 || search_is_spent(s))
            return;
        struct stand stand = ranked_pop(s);
        if (search_stand(s, &stand))
            return;
    }
}

bool match_find(const struct exchange *x, const struct wish *wish, struct match *out)
{
    *out = (struct match){.gpus = 0};
    struct search s = {
        .x = x, .wish = wish, .sites = BOOK_WALK_EMPTY, .offers = BOOK_WALK_EMPTY, .best = out};
    search_run(&s);
    book_walk_release(&s.sites);
    book_walk_release(&s.offers);
    out->looks = s.looks;
    free(s.ranked);
    free(s.listed);
    free(s.rises);
    return out->gpus == wish->gpus || (!wish->fill_or_kill && out->gpus >= wish->gpus_min);
}

enum refusal match_refusal(const struct exchange *x, const struct wish *wish,
                           const struct match *partial, uint64_t *looks)
{
    struct match m;
    if (wish->series_count > 0) {
        struct wish free_of_series = *wish;
        free_of_series.series_count = 0;
        bool found = match_find(x, &free_of_series, &m);
        *looks += m.looks;
        if (found)
            return REFUSAL_series_restricted;
    }
    struct sku_limit limits[ORDER_SKUS_MAX];
    for (uint32_t i = 0; i < wish->skus_count; i++)
        limits[i] = (struct sku_limit){.sku = wish->skus[i].sku, .limit_price_ucr = PRICE_MAX_UCR};
    struct wish at_any_price = *wish;
    at_any_price.skus = limits;
    bool found = match_find(x, &at_any_price, &m);
    *looks += m.looks;
    if (found)
        return REFUSAL_price_above_limit;
    return partial->gpus > 0 ? REFUSAL_size_not_met : REFUSAL_no_capacity;
}
