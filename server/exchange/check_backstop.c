/*
 * Checks of backstops, of how offers stood and of occupancy: rows against rows, and what is in
 * memory of them against a second sum over the rows alone.
 */
#include <stdlib.h>

#include "protocol/amount.h"
#include "protocol/moment.h"
#include "server/exchange/backstop.h"
#include "server/exchange/check.h"
#include "server/exchange/due.h"
#include "server/exchange/lease.h"

/* What the rows say of one offer. */
struct offer_sums {
    struct steps leased;
    uint32_t parts;
    uint64_t from_min;
    uint64_t until_min;
};

struct stand_sum {
    const struct stand *stand;
    struct curve sum;
};

struct checking {
    const struct exchange *x;
    struct check_report *report;
    uint64_t count;
    struct offer_sums *offers; /* by serial */
    size_t offers_count;
    struct stand_sum *stands; /* by site and SKU */
    size_t stands_count;
    uint64_t listings;
};

static void backstop_found(struct checking *c, uint64_t contract, const char *fault)
{
    c->count++;
    if (c->report)
        check_found(c->report, "backstop %llu: %s", (unsigned long long)contract, fault);
}

/* --- What the rules rely on --- */

static int terms_visit(void *context, const void *item)
{
    struct checking *c = context;
    const struct backstop_row *row = item;
    const struct contract_row *contract = contract_find(c->x, row->contract);
    if (!contract || contract->kind != CONTRACT_KIND_BACKSTOP || row->version == 0 ||
        row->version > contract->version_last || contract->debtor != row->guarantor ||
        contract->creditor != row->operator)
        backstop_found(c, row->contract, "terms that belong to no version of it");
    else if (row->start_s % 60 != 0 || row->end_s % 60 != 0 || row->start_s >= row->end_s ||
             row->period_min == 0 || row->lots_count > LOTS_MAX ||
             row->certifications_count > ORDER_CERTIFICATIONS_MAX)
        backstop_found(c, row->contract, "terms that nobody could propose");
    return 0;
}

static int cover_visit(void *context, const void *item)
{
    struct checking *c = context;
    const struct cover_row *row = item;
    const struct contract_row *contract = contract_find(c->x, row->contract);
    const struct backstop_row *terms = backstop_terms(c->x, row->contract, row->version);
    if (!contract || !terms || row->cursor_s % 60 != 0 || row->cursor_s < terms->start_s ||
        row->cursor_s > terms->end_s || row->period > backstop_periods(terms))
        backstop_found(c, row->contract, "stands where its terms do not reach");
    else if (!row->closed != (contract->state == CONTRACT_STATE_IN_FORCE))
        backstop_found(c, row->contract, "has periods left but is over, or none and is not");
    return 0;
}

static int contract_visit(void *context, const void *item)
{
    struct checking *c = context;
    const struct contract_row *row = item;
    const struct cover_row *cover = cover_row_find(c->x, row->contract);
    if (row->kind != CONTRACT_KIND_BACKSTOP)
        return 0;
    if (row->version != (cover ? cover->version : 0))
        backstop_found(c, row->contract, "another version is in force than its position says");
    if (row->pending != 0 && !backstop_terms(c->x, row->contract, row->pending))
        backstop_found(c, row->contract, "the terms that are proposed are missing");
    return 0;
}

uint64_t check_backstop_rows(const struct exchange *x, struct check_report *report)
{
    struct checking c = {.x = x, .report = report};
    store_each(x->store, TABLE_BACKSTOP, terms_visit, &c);
    if (c.count == 0)
        store_each(x->store, TABLE_COVER, cover_visit, &c);
    store_each(x->store, TABLE_CONTRACT, contract_visit, &c);
    return c.count;
}

/* --- Positions --- */

/* Whether minutes at one strike can have come to the cost of the running period. */
static bool cost_fits(const struct cover_row *row, const struct backstop_row *terms)
{
    wide cost = (wide)row->cost_high << 64 | row->cost_low;
    return row->mixed != 0 || cost == (wide)row->gpu_minutes_owed * terms->strike_ucr;
}

/* Whether GPU-minutes of so many kinds can be those of what was covered: more may be sold. */
static bool minutes_fit(uint64_t covered, uint64_t taken, uint64_t not_offered, uint64_t owed)
{
    wide open = (wide)not_offered + owed;
    return open <= covered && open + taken >= covered;
}

static int position_visit(void *context, const void *item)
{
    struct checking *c = context;
    const struct cover_row *row = item;
    const struct backstop_row *terms = backstop_terms(c->x, row->contract, row->version);
    const struct contract_row *contract = contract_find(c->x, row->contract);
    uint64_t at_s = terms->start_s;
    amount owed = 0, paid = 0;
    for (uint32_t period = 0; period < row->period; period++) {
        const struct draw_row key = {.contract = row->contract, .period = period};
        const struct draw_row *draw = store_find(c->x->store, TABLE_DRAW, &key);
        if (!draw || draw->start_s != at_s || draw->end_s <= at_s ||
            draw->paid_ucr > draw->owed_ucr)
            backstop_found(c, row->contract, "a settled period is missing or does not follow");
        if (!draw)
            return 0;
        at_s = draw->end_s;
        owed += draw->owed_ucr;
        paid += draw->paid_ucr;
    }
    if (owed != row->owed_ucr || paid != row->paid_ucr)
        backstop_found(c, row->contract, "its settled periods come to another amount");
    if (row->pool_left_ucr > terms->pool_ucr ||
        terms->pool_ucr - row->pool_left_ucr != row->owed_ucr + row->elected_ucr)
        backstop_found(c, row->contract, "the pool is not what was drawn of it");
    if (!minutes_fit(row->gpu_minutes_covered, row->gpu_minutes_sold + row->gpu_minutes_elected,
                     row->gpu_minutes_not_offered, row->gpu_minutes_owed))
        backstop_found(c, row->contract, "minutes of the period are of no kind, or of several");
    if (row->mixed > 1 || !cost_fits(row, terms))
        backstop_found(c, row->contract, "the period costs other than its minutes at the strike");
    if (!row->closed && contract->next_s != backstop_next_s(row, terms))
        backstop_found(c, row->contract, "is due at another time than its position says");
    return 0;
}

/* Whether the minutes of a draw at the strike of its terms are what was owed, or more where the
 * pool was used up. */
static bool draw_fits(const struct exchange *x, const struct draw_row *row)
{
    const struct backstop_row *terms = backstop_terms(x, row->contract, row->version);
    if (row->version == 0)
        return true;
    if (!terms)
        return false;
    wide cost = (wide)row->gpu_minutes_owed * terms->strike_ucr;
    wide owed = cost / 60 + (cost % 60 != 0);
    return row->owed_ucr == owed || (row->owed_ucr < owed && row->pool_left_ucr == 0);
}

static int draw_visit(void *context, const void *item)
{
    struct checking *c = context;
    const struct draw_row *row = item;
    const struct cover_row *cover = cover_row_find(c->x, row->contract);
    const struct claim_row *claim = backstop_claim(c->x, row);
    if (!cover || row->period >= cover->period)
        backstop_found(c, row->contract, "a period is settled that is not over");
    if (row->paid_ucr <= row->owed_ucr &&
        (claim ? claim->amount_ucr : 0) != row->owed_ucr - row->paid_ucr)
        backstop_found(c, row->contract, "a settled period lacked another amount than its claim");
    if (claim && claim->since_s != row->end_s)
        backstop_found(c, row->contract, "what a period lacked is not claimed since its end");
    if (!minutes_fit(row->gpu_minutes_covered, row->gpu_minutes_sold + row->gpu_minutes_elected,
                     row->gpu_minutes_not_offered, row->gpu_minutes_owed))
        backstop_found(c, row->contract, "minutes of a settled period are of no kind, or several");
    if (!draw_fits(c->x, row))
        backstop_found(c, row->contract, "a settled period was owed at other than its strike");
    return 0;
}

/* --- Offers --- */

static struct offer_sums *sums_of(struct checking *c, uint64_t offer)
{
    const struct offer *o = offer_find(c->x, offer);
    return o && o->lease == 0 && offer < c->offers_count ? &c->offers[offer] : NULL;
}

static int listing_visit(void *context, const void *item)
{
    struct checking *c = context;
    const struct listing_row *row = item;
    struct offer_sums *sums = sums_of(c, row->offer);
    const struct listing_row *before =
        row->part > 0 ? listing_find(c->x, row->offer, row->part - 1) : NULL;
    c->listings++;
    if (!sums || row->from_s >= row->until_s || (row->part > 0) != (before != NULL) ||
        (before && before->until_s != row->from_s))
        check_found(c->report, "listing %u of offer %llu: of no such offer, or it does not follow",
                    row->part, (unsigned long long)row->offer);
    if (!sums)
        return 0;
    sums->from_min = row->part == 0 ? row->from_s / 60 : sums->from_min;
    sums->until_min = row->until_s / 60 > sums->until_min ? row->until_s / 60 : sums->until_min;
    sums->parts++;
    return 0;
}

static void offer_check(struct checking *c, uint64_t offer)
{
    struct offer_sums *sums = &c->offers[offer];
    const struct listed *l = listed_find(c->x, offer);
    const struct offer_row *row = offer_row_find(c->x, offer);
    if (sums->parts != (l ? l->parts : 0) ||
        (l && (l->from_min != sums->from_min || l->until_min != sums->until_min)))
        check_found(c->report, "offer %llu: its listing in memory is not that of its rows",
                    (unsigned long long)offer);
    const struct listing_row *last =
        l && l->parts > 0 ? listing_find(c->x, offer, l->parts - 1) : NULL;
    bool open = row && row->lease == 0 && row->state == OFFER_STATE_OPEN;
    bool same = last && last->gpus == row->gpus && last->price_ucr == row->price_ucr;
    uint64_t now_s = minute_floor(c->x->head.time_s);
    /* In its last minute an offer may have stood worse. */
    bool worse = last && last->gpus <= row->gpus && last->price_ucr >= row->price_ucr &&
                 last->until_s <= now_s + 60;
    uint64_t until_s = open ? listing_until_s(row) : 0;
    bool over = last ? last->until_s <= now_s : until_s <= now_s;
    if (open && !over && (!last || last->until_s != until_s || !(same || worse)))
        check_found(c->report, "offer %llu: it does not stand as its listing says",
                    (unsigned long long)offer);
}

/* --- Curves --- */

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* `gpus` more over [from, until), from `kept_min` on. */
static void sum_add(struct curve *sum, enum curve_line line, uint64_t from, uint64_t until,
                    int64_t gpus)
{
    from = later(from, sum->kept_min);
    if (from >= until)
        return;
    curve_add(sum, from, line, gpus);
    curve_add(sum, until, line, -gpus);
}

static struct stand_sum *stand_sum_of(struct checking *c, uint64_t site, uint64_t sku)
{
    size_t low = 0;
    size_t high = c->stands_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct stand *stand = c->stands[middle].stand;
        if (stand->site < site || (stand->site == site && stand->sku < sku))
            low = middle + 1;
        else
            high = middle;
    }
    struct stand_sum *s = &c->stands[low];
    return low < c->stands_count && s->stand->site == site && s->stand->sku == sku ? s : NULL;
}

/* Whether no value falls below 0 by the change: what was sold of a lease may be more than it has in
 * a damaged image, which check_leases() reports. */
static bool steps_bear(const struct steps *steps, uint64_t from_min, uint64_t until_min,
                       int64_t change)
{
    for (uint64_t at = from_min; change < 0 && at < until_min;) {
        struct piece piece = steps_piece(steps, at);
        if (piece.value < (uint64_t)-change)
            return false;
        at = piece.until;
    }
    return true;
}

/* A lease takes GPUs of one of its operator's offers, or what was sold of it does not. */
static void lease_add(struct checking *c, const struct lease_row *lease, uint64_t from_min,
                      uint64_t until_min, int64_t gpus)
{
    struct offer_sums *sums = sums_of(c, lease->offer);
    const struct offer *o = sums ? offer_find(c->x, lease->offer) : NULL;
    struct stand_sum *s = o ? stand_sum_of(c, o->site, o->sku) : NULL;
    if (!s || from_min >= until_min || !steps_bear(&sums->leased, from_min, until_min, gpus))
        return;
    steps_add(&sums->leased, from_min, until_min, gpus);
    sum_add(&s->sum, lease->elected ? CURVE_ELECTED : CURVE_SOLD, from_min, until_min, gpus);
}

static int lease_visit(void *context, const void *item)
{
    const struct lease_row *row = item;
    lease_add(context, row, row->start_s / 60, row->end_s / 60, row->gpus);
    return 0;
}

static int relief_visit(void *context, const void *item)
{
    struct checking *c = context;
    const struct relief_row *row = item;
    const struct lease_row *lease = lease_find(c->x, row->lease);
    if (row->kind == RELIEF_KIND_SALE && lease)
        lease_add(c, lease, row->start_s / 60, row->end_s / 60 - row->cut_min, -(int64_t)row->gpus);
    const struct offer *o =
        lease && sums_of(c, lease->offer) ? offer_find(c->x, lease->offer) : NULL;
    struct stand_sum *s = o ? stand_sum_of(c, o->site, o->sku) : NULL;
    if (row->kind == RELIEF_KIND_WITHHELD && s)
        sum_add(&s->sum, CURVE_WITHHELD, row->start_s / 60, row->end_s / 60, row->gpus);
    return 0;
}

static void stand_add_free(struct checking *c, struct stand_sum *s)
{
    for (const struct listed *l = s->stand->offers; l; l = l->next) {
        const struct offer *o = offer_find(c->x, l->offer);
        if (!o || l->offer >= c->offers_count)
            continue;
        for (uint32_t part = 0; part < l->parts; part++) {
            const struct listing_row *row = listing_find(c->x, l->offer, part);
            uint64_t at = later(later(row->from_s / 60, o->start_min), s->sum.kept_min);
            while (at < row->until_s / 60) {
                struct piece leased = steps_piece(&c->offers[l->offer].leased, at);
                uint64_t until = earlier(leased.until, row->until_s / 60);
                sum_add(&s->sum, CURVE_FREE, at, until, (int64_t)row->gpus - (int64_t)leased.value);
                at = until;
            }
        }
    }
}

/* What is free in offers that count under a backstop. */
static void cover_sum_free(struct checking *c, const struct cover *cover, struct curve *sum)
{
    uint64_t looks = 0;
    for (const struct listed *l = cover->stand->offers; l; l = l->next) {
        struct steps stood;
        steps_init(&stood);
        if (l->offer < c->offers_count)
            history_stood(c->x, l, cover->price_max_ucr, cover->ahead_min, sum->kept_min,
                          cover->end_min, &stood, &looks);
        for (uint64_t at = sum->kept_min; at < cover->end_min && stood.count > 0;) {
            struct piece gpus = steps_piece(&stood, at);
            struct piece leased = steps_piece(&c->offers[l->offer].leased, at);
            uint64_t until = earlier(cover->end_min, earlier(gpus.until, leased.until));
            if (gpus.value > leased.value)
                sum_add(sum, CURVE_FREE, at, until, (int64_t)(gpus.value - leased.value));
            at = until;
        }
        steps_release(&stood);
    }
}

/* Whether one line of two curves is the same from `from_min` on; `values` hold just before that in
 * the first one, none in the other. */
static bool lines_agree(const struct curve *kept, const int64_t *values, const struct curve *sum,
                        uint64_t from_min, enum curve_line line)
{
    struct bend *p = curve_from(kept, from_min);
    struct bend *q = curve_from(sum, from_min);
    int64_t a = values[line];
    int64_t b = 0;
    /* What holds from from_min on has its bend there. */
    while (p || q) {
        uint64_t at = !q || (p && p->at_min < q->at_min) ? p->at_min : q->at_min;
        if (at != from_min && a != b)
            return false;
        for (; p && p->at_min == at; p = curve_next(p))
            a += p->change[line];
        for (; q && q->at_min == at; q = curve_next(q))
            b += q->change[line];
    }
    return a == b;
}

/* Whether a line that is read from `from_min` on, where `values` hold just before, is what the sum
 * over rows says from then on. */
static bool reader_agrees(const struct curve *kept, const int64_t *values, const struct curve *sum,
                          uint64_t from_min, enum curve_line line)
{
    struct curve later_sum;
    int64_t before[CURVE_LINES] = {0};
    curve_init(&later_sum, 0);
    curve_sum(sum, sum->kept_min, from_min, before);
    curve_add(&later_sum, from_min, line, before[line]);
    for (struct bend *b = curve_from(sum, from_min); b; b = curve_next(b))
        curve_add(&later_sum, b->at_min, line, b->change[line]);
    bool agree = lines_agree(kept, values, &later_sum, from_min, line);
    curve_release(&later_sum);
    return agree;
}

static void cover_check(struct checking *c, const struct stand_sum *s, struct cover *cover)
{
    struct curve free_sum;
    const struct curve *curve = &cover->stand->curve;
    uint64_t from_min = cover->cursor_min;
    curve_init(&free_sum, cover->cursor_min);
    /* Of one that is not kept there is nothing; one that is may be worked out in part. */
    if (cover->kept) {
        cover_complete(c->x, cover);
        cover_sum_free(c, cover, &free_sum);
    }
    if (!reader_agrees(curve, cover->values, &s->sum, from_min, CURVE_SOLD) ||
        !reader_agrees(curve, cover->values, &s->sum, from_min, CURVE_ELECTED) ||
        !reader_agrees(curve, cover->values, &s->sum, from_min, CURVE_WITHHELD) ||
        !lines_agree(&cover->free, cover->values, &free_sum, from_min, CURVE_FREE))
        backstop_found(c, cover->contract, "what counts as free is not what its rows come to");
    curve_release(&free_sum);
}

static void stand_check(struct checking *c, struct stand_sum *s)
{
    const struct stand *stand = s->stand;
    bool agree = stand->curve.kept_min <= s->sum.kept_min;
    stand_add_free(c, s);
    for (int line = 0; line < CURVE_LINES; line++)
        agree = agree && reader_agrees(&stand->curve, stand->values, &s->sum, stand->day_min,
                                       (enum curve_line)line);
    if (!agree)
        check_found(c->report, "occupancy of SKU %llu at site %llu is not what its rows come to",
                    (unsigned long long)stand->sku, (unsigned long long)stand->site);
    for (struct cover *cover = stand->covers; cover; cover = cover->next)
        cover_check(c, s, cover);
}

static void stands_list(struct checking *c)
{
    c->stands = memory_zeroed(c->x->occupancy->stands_count + 1, sizeof(*c->stands));
    for (const struct stand *p = stand_first(c->x); p; p = stand_next(p)) {
        uint64_t kept_min = p->day_min;
        for (const struct cover *cover = p->covers; cover; cover = cover->next)
            kept_min = earlier(kept_min, cover->cursor_min);
        c->stands[c->stands_count].stand = p;
        curve_init(&c->stands[c->stands_count++].sum, kept_min);
    }
}

/* What is in memory against a second sum over leases, what was sold of them, and listings. */
static void curves_check(struct checking *c)
{
    stands_list(c);
    store_each(c->x->store, TABLE_LEASE, lease_visit, c);
    store_each(c->x->store, TABLE_RELIEF, relief_visit, c);
    for (size_t i = 0; i < c->stands_count; i++) {
        stand_check(c, &c->stands[i]);
        curve_release(&c->stands[i].sum);
    }
    free(c->stands);
}

static int open_cover_visit(void *context, const void *item)
{
    struct checking *c = context;
    const struct cover_row *row = item;
    const struct cover *cover = cover_find(c->x, row->contract);
    bool same = cover ? !row->closed && cover->cursor_min == row->cursor_s / 60 &&
                            cover->version == row->version
                      : row->closed != 0;
    if (!same)
        backstop_found(c, row->contract, "is not in memory as its row says");
    return 0;
}

static void days_check(struct checking *c)
{
    const struct occupancy_index *index = c->x->occupancy;
    struct due_item item = {.due_s = (index->day_min + 24 * 60) * 60, .kind = DUE_OCCUPANCY};
    if (index->kept_out != 0 || index->rows != c->listings)
        check_found(c->report, "listings: %llu rows in memory, %llu that fit no offer",
                    (unsigned long long)index->rows, (unsigned long long)index->kept_out);
    if (c->x->head.occupancy_s % (24 * 3600) != 0 ||
        (index->stands_count > 0 && (index->day_min * 60 != c->x->head.occupancy_s ||
                                     index->done_site != c->x->head.occupancy_site ||
                                     index->done_sku != c->x->head.occupancy_sku)))
        check_found(c->report, "occupancy: days in memory are not those of the head");
    if (due_has(c->x, item) != (index->rows > 0) ||
        due_count(c->x, DUE_OCCUPANCY) != (index->rows > 0 ? 1 : 0))
        check_found(c->report, "occupancy: the next day is not due when it should be");
}

void check_backstops(const struct exchange *x, struct check_report *report)
{
    struct checking c = {.x = x, .report = report, .offers_count = x->head.offer_last + 1};
    c.offers = memory_zeroed(c.offers_count, sizeof(*c.offers));
    for (size_t i = 0; i < c.offers_count; i++)
        steps_init(&c.offers[i].leased);
    store_each(x->store, TABLE_COVER, position_visit, &c);
    store_each(x->store, TABLE_COVER, open_cover_visit, &c);
    store_each(x->store, TABLE_DRAW, draw_visit, &c);
    store_each(x->store, TABLE_LISTING, listing_visit, &c);
    for (size_t i = 1; i < c.offers_count; i++)
        offer_check(&c, i);
    /* Sales of a damaged image that fit no lease are reported elsewhere. */
    if (relief_kept_out(x) == 0)
        curves_check(&c);
    days_check(&c);
    for (size_t i = 0; i < c.offers_count; i++)
        steps_release(&c.offers[i].leased);
    free(c.offers);
}
