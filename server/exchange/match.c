#include "server/exchange/match.h"

#include <stdlib.h>

#include "protocol/amount.h"
#include "server/exchange/ask_site.h"
#include "server/exchange/closure.h"

/* Going over so many listed offers takes as long as a look at one. */
enum { LISTED_A_LOOK = 16 };

/* --- What one stand gives at one start ----------------------------------------------------- */

static uint32_t whole_blocks(uint64_t block, uint32_t free, uint32_t missing)
{
    uint32_t gpus = free < missing ? free : missing;
    return gpus - (uint32_t)(gpus % block);
}

/* Step 4 of the procedure: the next candidate gives. */
static void match_take(struct match *m, const struct wish *w, const struct offer *o, uint32_t free)
{
    struct match_part part = {.offer = o, .price_ucr = wish_price(w, o)};
    uint64_t block = wish_block(w, o);
    if (m->count < ORDER_LEASES_MAX) {
        part.gpus = whole_blocks(block, free, w->gpus - m->gpus);
        if (part.gpus > 0)
            m->parts[m->count++] = part;
        m->gpus += part.gpus;
        return;
    }
    uint32_t least = 0;
    for (uint32_t i = 1; i < m->count; i++) {
        if (m->parts[i].gpus <= m->parts[least].gpus)
            least = i;
    }
    uint32_t without = m->gpus - m->parts[least].gpus;
    part.gpus = whole_blocks(block, free, w->gpus - without);
    if (part.gpus <= m->parts[least].gpus)
        return;
    /* The parts stay in the order in which they gave. */
    for (uint32_t i = least; i + 1 < m->count; i++)
        m->parts[i] = m->parts[i + 1];
    m->parts[m->count - 1] = part;
    m->gpus = without + part.gpus;
}

/* What its GPUs cost together an hour. */
static wide match_price(const struct match *m)
{
    wide sum = 0;
    for (uint32_t i = 0; i < m->count; i++)
        sum += (wide)m->parts[i].gpus * m->parts[i].price_ucr;
    return sum;
}

/* Where the search stands. */
struct search {
    const struct exchange *x;
    const struct wish *wish;
    uint64_t mark;           /* of the sites that the walk over sites has come across */
    struct book_walk sites;  /* stands not yet ranked, or not yet in the pool, cheapest first */
    struct book_walk offers; /* of the stand looked at, for leases that start within: */
    uint64_t from_min;
    uint64_t until_min;
    const struct offer *last; /* that came from there */
    struct stand *ranked;     /* a heap of stands with their ranks; owned */
    size_t ranked_count;
    size_t ranked_capacity;
    struct listed *listed; /* the offers that count at the stand looked at; owned */
    size_t listed_count;
    size_t listed_capacity;
    struct rise *rises; /* owned */
    size_t rises_count;
    size_t rises_capacity;
    uint64_t looks; /* lines, offers, starts and pieces of time looked at so far */
    uint64_t looks_max;
    bool own;          /* an offer was passed over that would count but for who sells it */
    struct match here; /* the most that the stand looked at came to */
    struct match *best;
    wide best_price;
};

/* A (site, SKU) and its best candidate; of a spread order the one stand, which has no site. */
struct stand {
    struct book_site *site;
    uint64_t price_max_ucr;
    uint64_t price_ucr;
    uint64_t start_min;
    uint64_t place;
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

/* Keeps the match if it is the best so far of its stand; true when it reaches what is wanted. */
static bool search_offer_match(struct search *s, const struct match *m)
{
    if (m->gpus > s->here.gpus)
        s->here = *m;
    return m->gpus == s->wish->gpus;
}

/* Step 2: keeps what a stand came to if it is better than what those of a better rank did. */
static void search_keep(struct search *s)
{
    wide price = match_price(&s->here);
    if (s->here.gpus < s->best->gpus ||
        (s->here.gpus == s->best->gpus && (s->here.gpus == 0 || price >= s->best_price)))
        return;
    *s->best = s->here;
    s->best_price = price;
}

/* Whether no stand whose cheapest offer has this price, and none after it, can be better. */
static bool search_is_over(const struct search *s, uint64_t price_ucr)
{
    return s->best->gpus == s->wish->gpus && (wide)s->wish->gpus * price_ucr >= s->best_price;
}

/* Whether a match that has come to an offer of this price will cost as much as the best one: no
 * later offer has less, and those that are replaced gave way to one that costs more. */
static bool search_is_dearer(const struct search *s, const struct match *m, uint64_t price_ucr)
{
    if (s->best->gpus < s->wish->gpus)
        return false;
    wide sum = (wide)(s->wish->gpus - m->gpus) * price_ucr;
    for (uint32_t i = 0; i < m->count; i++)
        sum += (wide)m->parts[i].gpus * m->parts[i].offer->price_ucr;
    return sum >= s->best_price;
}

/* Step 6: whether the search has looked at as much as it may. */
static bool search_is_spent(const struct search *s)
{
    return s->looks >= s->looks_max;
}

/* Whether a site that the walk over sites has come across counts and is new to it. */
static bool search_meets(struct search *s, struct book_site *site)
{
    return !book_mark(site, s->mark) &&
           wish_takes_site(s->x, s->wish, book_site_sku(site), book_site_number(site));
}

/* Begins the walk over the sites that have offers for leases that start within [from, until]. */
static void search_sites(struct search *s, uint64_t from_min, uint64_t until_min)
{
    const struct wish *w = s->wish;
    struct book *book = s->x->offers->book;
    s->mark = book_next_mark(book);
    book_walk_begin(&s->sites, from_min, until_min, w->duration_min);
    for (uint32_t i = 0; i < w->skus_count; i++) {
        if (wish_takes_sku(s->x, w, w->skus[i].sku))
            book_walk_regions(&s->sites, book, w->skus[i].sku, wish_covers_region, w,
                              w->skus[i].limit_price_ucr);
    }
    s->looks += s->sites.count;
}

/* Adds a site's offers to those that are walked, unless none of them can be had. */
static void search_add_site(struct search *s, struct book_site *site, uint64_t price_max_ucr)
{
    size_t before = s->offers.count;
    uint64_t number = book_site_number(site);
    if (!closure_opens(s->x, number, s->from_min, s->until_min, s->wish->duration_min, &s->looks) ||
        ask_site_hides_all(s->x, number, book_site_sku(site), price_max_ucr))
        return;
    book_walk_site(&s->offers, site, price_max_ucr);
    s->looks += s->offers.count - before;
}

/* Begins the walk over the offers of a stand for leases that start within [from, until]. */
static void search_offers(struct search *s, const struct stand *stand, uint64_t from_min,
                          uint64_t until_min)
{
    s->last = NULL;
    s->from_min = from_min;
    s->until_min = until_min;
    book_walk_begin(&s->offers, from_min, until_min, s->wish->duration_min);
    if (stand->site != NULL)
        search_add_site(s, stand->site, stand->price_max_ucr);
    else
        search_sites(s, from_min, until_min);
}

/* The pool takes in every site of which an offer may come before those in it. A site's cheapest
 * offer stands on the shelf of its region: none of its offers comes before that line. */
static void search_pool(struct search *s)
{
    const struct book_entry *line;
    while (!search_is_spent(s) && (line = book_walk_peek(&s->sites)) != NULL) {
        const struct book_entry *next = book_walk_peek(&s->offers);
        if (next != NULL && book_entry_before(next, line))
            return;
        s->looks++;
        book_walk_next(&s->sites);
        struct book_site *site = line->of.site;
        if (search_meets(s, site))
            search_add_site(s, site, wish_limit(s->wish, book_site_sku(site))->limit_price_ucr);
    }
}

/* The next offer of the walk that counts, each once; NULL at the end, or when the search is. */
static const struct offer *search_next(struct search *s)
{
    const struct wish *w = s->wish;
    for (;;) {
        if (w->spread)
            search_pool(s);
        const struct book_entry *line = search_is_spent(s) ? NULL : book_walk_next(&s->offers);
        if (line == NULL)
            return NULL;
        const struct offer *o = line->of.offer;
        s->looks++;
        if (o == s->last)
            continue;
        s->last = o;
        if (!wish_takes_offer(s->x, w, o) || ask_site_hides(s->x, o))
            continue;
        if (!wish_is_own(w, o))
            return o;
        s->own = true;
    }
}

/* Tries the first start, looking at no more offers than it takes. */
static bool search_at_first(struct search *s, const struct stand *stand)
{
    const struct wish *w = s->wish;
    struct match m = {.start_min = w->from_min};
    search_offers(s, stand, w->from_min, w->from_min);
    const struct offer *o;
    while (m.gpus < w->gpus && (o = search_next(s)) != NULL) {
        /* A later start may be cheaper; without one this stand is over. */
        if (w->from_min == w->until_min && search_is_dearer(s, &m, o->price_ucr))
            return false;
        match_take(&m, w, o, offer_free(o, w->from_min, w->duration_min, &s->looks));
    }
    return search_offer_match(s, &m);
}

/* Lists the offers that count and are free for a lease somewhere in the window, by price and
 * place. */
static void search_list(struct search *s, const struct stand *stand)
{
    s->listed_count = 0;
    search_offers(s, stand, s->wish->from_min, s->wish->until_min);
    const struct offer *o;
    while ((o = search_next(s)) != NULL) {
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

/* What of an offer is free where so much is taken; more may be taken than there is where the site
 * is closed. */
static uint64_t free_where(const struct offer *o, struct piece taken)
{
    return taken.value < o->gpus ? o->gpus - taken.value : 0;
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
        struct piece piece = offer_piece(o, at);
        while (piece.until <= w->until_min && piece.until + w->duration_min <= o->end_min) {
            struct piece next = offer_piece(o, piece.until);
            s->looks++;
            if (free_where(o, next) > free_where(o, piece))
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
    return whole_blocks(wish_block(s->wish, o),
                        offer_free(o, start_min, s->wish->duration_min, &s->looks), UINT32_MAX);
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

/* Whether so many GPUs would be more than the stand came to, and no fewer than another did. */
static bool search_hopes(const struct search *s, uint64_t gpus)
{
    return gpus > s->here.gpus && gpus >= s->best->gpus;
}

/*
 * Tries the later starts: those where a candidate's free GPUs rise. What an offer can give only
 * falls between two rises of it, so that the sum of what each could give at its last rise is an
 * upper bound; a start is worked out only where the bound is better than what was found before.
 */
static void search_at_rises(struct search *s)
{
    uint64_t sum = 0;
    size_t i = 0;
    while (i < s->rises_count && !search_is_spent(s)) {
        uint64_t start = s->rises[i].at_min;
        bool candidate = false;
        for (; i < s->rises_count && s->rises[i].at_min == start; i++) {
            struct listed *l = &s->listed[s->rises[i].listed];
            uint32_t gives = search_gives(s, s->rises[i].listed, start);
            sum += gives;
            sum -= l->gives;
            l->gives = gives;
            candidate = candidate || gives > 0;
        }
        if (start == s->wish->from_min || !candidate || !search_hopes(s, sum))
            continue;
        sum = search_refresh(s, start);
        if (!search_hopes(s, sum))
            continue;
        struct match m = {.start_min = start};
        s->looks += s->listed_count / LISTED_A_LOOK;
        for (size_t j = 0; j < s->listed_count && m.gpus < s->wish->gpus; j++) {
            if (s->listed[j].gives > 0)
                match_take(&m, s->wish, s->listed[j].offer, s->listed[j].gives);
        }
        if (search_offer_match(s, &m))
            return;
    }
}

static void search_stand(struct search *s, const struct stand *stand)
{
    s->here = (struct match){.gpus = 0};
    if (!search_at_first(s, stand) && s->wish->until_min != s->wish->from_min &&
        !search_is_spent(s)) {
        search_list(s, stand);
        search_find_rises(s);
        search_at_rises(s);
    }
    search_keep(s);
}

/* --- In which order stands are tried ------------------------------------------------------- */

static bool rank_before(const struct stand *a, const struct stand *b)
{
    if (a->price_ucr != b->price_ucr)
        return a->price_ucr < b->price_ucr;
    if (a->start_min != b->start_min)
        return a->start_min < b->start_min;
    return a->place < b->place;
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
    search_offers(s, stand, w->from_min, w->until_min);
    const struct offer *o;
    while ((o = search_next(s)) != NULL) {
        uint64_t start;
        if (found && o->price_ucr > stand->price_ucr)
            break;
        if (!wish_earliest(w, o, &start, &s->looks))
            continue;
        if (!found || start < stand->start_min) {
            stand->price_ucr = o->price_ucr;
            stand->start_min = start;
            stand->place = o->place;
        }
        found = true;
        if (stand->start_min == w->from_min)
            break;
    }
    return found;
}

static void search_rank_site(struct search *s, struct book_site *site)
{
    const struct sku_limit *limit = wish_limit(s->wish, book_site_sku(site));
    struct stand stand = {.site = site, .price_max_ucr = limit->limit_price_ucr};
    if (stand_rank(s, &stand))
        ranked_push(s, stand);
}

/* Ranks stands until the first of the ranked ones comes before all others, or none that is left can
 * be better than what was found. */
static void search_rank(struct search *s)
{
    const struct book_entry *line;
    while (!search_is_spent(s) && (line = book_walk_peek(&s->sites)) != NULL &&
           !search_is_over(s, line->price_ucr)) {
        s->looks++;
        /* No offer of a stand not yet ranked comes before this. */
        struct stand least = {
            .price_ucr = line->price_ucr, .start_min = s->wish->from_min, .place = line->place};
        if (s->ranked_count > 0 && rank_before(&s->ranked[0], &least))
            return;
        book_walk_next(&s->sites);
        if (search_meets(s, line->of.site))
            search_rank_site(s, line->of.site);
    }
}

/* Ranks the stands of the one site that is wanted. */
static void search_rank_bound(struct search *s)
{
    const struct wish *w = s->wish;
    s->mark = book_next_mark(s->x->offers->book);
    for (uint32_t i = 0; i < w->skus_count; i++) {
        uint64_t sku = w->skus[i].sku;
        struct book_site *site = book_site_find(s->x->offers->book, sku, w->site);
        if (site != NULL && wish_takes_sku(s->x, w, sku) && search_meets(s, site))
            search_rank_site(s, site);
    }
}

static void search_run(struct search *s)
{
    const struct wish *w = s->wish;
    if (w->until_min < w->from_min || w->gpus == 0)
        return;
    if (w->spread) {
        search_stand(s, &(struct stand){.site = NULL});
        return;
    }
    if (w->site != 0)
        search_rank_bound(s);
    else
        search_sites(s, w->from_min, w->until_min);
    for (;;) {
        search_rank(s);
        if (s->ranked_count == 0 || search_is_spent(s))
            return;
        struct stand stand = ranked_pop(s);
        if (search_is_over(s, stand.price_ucr))
            return;
        search_stand(s, &stand);
    }
}

bool match_find(const struct exchange *x, const struct wish *wish, struct match *out)
{
    *out = (struct match){.gpus = 0};
    struct search s = {
        .x = x, .wish = wish, .sites = BOOK_WALK_EMPTY, .offers = BOOK_WALK_EMPTY, .best = out};
    s.looks_max = wish->looks_max != 0 ? wish->looks_max : MATCH_LOOKS_MAX;
    search_run(&s);
    book_walk_release(&s.sites);
    book_walk_release(&s.offers);
    out->looks = s.looks;
    out->own = s.own;
    out->cut = search_is_spent(&s) && out->gpus < wish->gpus;
    free(s.ranked);
    free(s.listed);
    free(s.rises);
    return out->gpus > 0 && out->gpus >= wish->gpus_min;
}

/* Whether there would be a match with the wish changed so. */
static bool match_exists(const struct exchange *x, const struct wish *wish, uint64_t *looks)
{
    struct match m;
    bool found = match_find(x, wish, &m);
    *looks += m.looks;
    return found;
}

enum refusal match_refusal(const struct exchange *x, const struct wish *wish,
                           const struct match *partial, uint64_t *looks)
{
    if (partial->cut)
        return REFUSAL_search_ended;
    if (wish->series_count > 0) {
        struct wish free_of_series = *wish;
        free_of_series.series_count = 0;
        if (match_exists(x, &free_of_series, looks))
            return REFUSAL_series_restricted;
    }
    if (partial->own) {
        struct wish of_a_stranger = *wish;
        of_a_stranger.account = 0;
        if (match_exists(x, &of_a_stranger, looks))
            return REFUSAL_self_trade;
    }
    struct sku_limit limits[ORDER_SKUS_MAX];
    for (uint32_t i = 0; i < wish->skus_count; i++)
        limits[i] = (struct sku_limit){.sku = wish->skus[i].sku, .limit_price_ucr = PRICE_MAX_UCR};
    struct wish at_any_price = *wish;
    at_any_price.skus = limits;
    if (match_exists(x, &at_any_price, looks))
        return REFUSAL_price_above_limit;
    return partial->gpus > 0 ? REFUSAL_size_not_met : REFUSAL_no_capacity;
}
