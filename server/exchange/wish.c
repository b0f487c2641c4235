#include "server/exchange/wish.h"

#include <string.h>

#include "protocol/moment.h"
#include "protocol/place.h"
#include "server/exchange/account.h"
#include "server/exchange/escrow.h"
#include "server/exchange/resale.h"
#include "server/exchange/series.h"
#include "server/exchange/site.h"
#include "server/exchange/sku.h"

/* --- From an order ------------------------------------------------------------------------- */

static void *wish_alloc(struct arena *arena, size_t size)
{
    void *memory = arena_alloc(arena, size);
    if (memory == NULL)
        memory_exhausted();
    return memory;
}

static enum refusal places_from(const struct place *places, uint32_t count, bool subdivision,
                                struct arena *arena, const uint64_t **out)
{
    uint64_t *numbers = wish_alloc(arena, (count + 1) * sizeof(*numbers));
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
    w->certified_min = until_min;
    return REFUSAL_accepted;
}

/* Training is committed capacity at one site, and only inference can be paid as it goes. */
static enum refusal wish_check_terms(const struct op_order_place *op)
{
    if (op->profile == PROFILE_TRAINING &&
        (op->placement != PLACEMENT_ONE_SITE || op->preemptible_ok))
        return REFUSAL_terms_invalid;
    if (op->funded_min > 0 &&
        (op->profile != PROFILE_INFERENCE || op->funded_min > op->duration_min))
        return REFUSAL_terms_invalid;
    return REFUSAL_accepted;
}

enum refusal wish_from_order(const struct exchange *x, const struct op_order_place *op,
                             struct arena *arena, struct wish *wish_out)
{
    struct wish w = {
        .place = UINT64_MAX,
        .skus = op->skus.items,
        .skus_count = op->skus.count,
        .gpus = op->gpus,
        .gpus_min = op->time_in_force == TIME_IN_FORCE_FOK ? op->gpus : op->gpus_min,
        .block_gpus = op->block_gpus,
        .duration_min = op->duration_min,
        .spread = op->placement == PLACEMENT_SPREAD,
        .regions_count = op->regions.count,
        .jurisdictions_count = op->jurisdictions.count,
        .certifications = op->certifications.items,
        .certifications_count = op->certifications.count,
        .interconnect = op->interconnect,
        .carbon_g_max = op->carbon_g_max,
        .reliability_ppm_min = op->reliability_ppm_min,
        .preemptible_ok = op->preemptible_ok,
        .funded_min = op->funded_min,
        .profile = op->profile,
    };
    if (w.skus_count == 0 || op->gpus_min > op->gpus || op->block_gpus > op->gpus)
        return REFUSAL_malformed;
    enum refusal refusal =
        places_from(op->regions.items, op->regions.count, true, arena, &w.regions);
    if (refusal == REFUSAL_accepted)
        refusal = places_from(op->jurisdictions.items, op->jurisdictions.count, false, arena,
                              &w.jurisdictions);
    if (refusal == REFUSAL_accepted)
        refusal = wish_check_skus(x, &w);
    if (refusal == REFUSAL_accepted && op->gpus % op->block_gpus != 0)
        refusal = REFUSAL_block_invalid;
    if (refusal == REFUSAL_accepted)
        refusal = wish_window(x, op, &w);
    if (refusal == REFUSAL_accepted)
        refusal = wish_check_terms(op);
    *wish_out = w;
    return refusal;
}

/* --- From a resting order ------------------------------------------------------------------ */

/* Place codes of a row, NUL-padded, as numbers. */
static const uint64_t *places_of_column(const uint8_t *column, uint32_t count, struct arena *arena)
{
    uint64_t *numbers = wish_alloc(arena, (count + 1) * sizeof(*numbers));
    for (uint32_t i = 0; i < count; i++) {
        char code[PLACE_BYTES + 1] = {0};
        memcpy(code, column + (size_t)i * PLACE_BYTES, PLACE_BYTES);
        numbers[i] = place_number(code);
    }
    return numbers;
}

static struct text text_copy(const void *column, size_t size, struct arena *arena)
{
    size_t length = strnlen(column, size);
    char *copy = wish_alloc(arena, length + 1);
    memcpy(copy, column, length);
    return (struct text){.data = copy, .length = (uint32_t)length};
}

/* A column says how many there are; a damaged row may say too much. */
static uint32_t at_most(uint32_t count, uint32_t most)
{
    return count < most ? count : most;
}

static void wish_take_constraints(struct wish *w, const struct rest_row *rest, struct arena *arena)
{
    w->skus_count = at_most(rest->skus_count, ORDER_SKUS_MAX);
    struct sku_limit *skus = wish_alloc(arena, (w->skus_count + 1) * sizeof(*skus));
    for (uint32_t i = 0; i < w->skus_count; i++)
        skus[i] = (struct sku_limit){.sku = rest->skus[i], .limit_price_ucr = rest->limits_ucr[i]};
    w->skus = skus;
    w->regions_count = at_most(rest->regions_count, FILTER_PLACES_MAX);
    w->regions = places_of_column(rest->regions, w->regions_count, arena);
    w->jurisdictions_count = at_most(rest->jurisdictions_count, FILTER_PLACES_MAX);
    w->jurisdictions = places_of_column(rest->jurisdictions, w->jurisdictions_count, arena);
    w->certifications_count = at_most(rest->certifications_count, ORDER_CERTIFICATIONS_MAX);
    struct required *names = wish_alloc(arena, (w->certifications_count + 1) * sizeof(*names));
    for (uint32_t i = 0; i < w->certifications_count; i++)
        names[i].name = text_copy(rest->certifications + (size_t)i * NAME_BYTES, NAME_BYTES, arena);
    w->certifications = names;
    w->interconnect = text_copy(rest->interconnect, NAME_BYTES, arena);
    w->carbon_g_max = rest->carbon_g_max;
    w->reliability_ppm_min = rest->reliability_ppm_min;
    w->preemptible_ok = rest->preemptible_ok != 0;
}

/* The series that the order's escrow holds, each once. */
static void wish_take_series(const struct exchange *x, struct wish *w, uint64_t order,
                             uint32_t rows, struct arena *arena)
{
    const struct series_row **series = wish_alloc(arena, (rows + 1) * sizeof(const void *));
    struct escrow e = escrow_read(x, ESCROW_KIND_ORDER, order, rows);
    for (uint32_t i = 0; i < e.count; i++) {
        const struct series_row *row = series_find(x, e.rows[i].series);
        uint32_t at = 0;
        while (at < w->series_count && series[at] != row)
            at++;
        if (row != NULL && at == w->series_count)
            series[w->series_count++] = row;
    }
    w->series = series;
}

void wish_from_rest(const struct exchange *x, const struct order_row *order,
                    const struct rest_row *rest, struct arena *arena, struct wish *wish_out)
{
    uint64_t now_min = minute_floor(x->head.time_s) / 60;
    uint32_t missing = order->gpus > order->gpus_filled ? order->gpus - order->gpus_filled : 0;
    struct wish w = {
        .account = order->account,
        .place = rest->place,
        .site = rest->site,
        .gpus = missing,
        .gpus_min = at_most(rest->gpus_min, missing),
        .block_gpus = rest->block_gpus,
        .duration_min = order->duration_min,
        .spread = order->placement == PLACEMENT_SPREAD,
        .from_min = rest->start_from_s / 60,
        .until_min = rest->start_until_s / 60,
        .certified_min = rest->start_until_s / 60,
        .funded_min = rest->funded_min,
        .profile = order->profile,
    };
    if (w.from_min < now_min)
        w.from_min = now_min;
    wish_take_constraints(&w, rest, arena);
    wish_take_series(x, &w, order->order, rest->escrow_series, arena);
    *wish_out = w;
}

/* --- Who may pay for it ---------------------------------------------------------------------- */

enum refusal wish_check_series(const struct exchange *x, const struct wish *w)
{
    struct wish at_site = *w;
    const struct site_row *site = w->site != 0 ? site_find(x, w->site) : NULL;
    uint64_t region = site != NULL ? place_number(site->region) : 0;
    if (site != NULL) {
        at_site.regions = &region;
        at_site.regions_count = 1;
    }
    for (uint32_t i = 0; i < w->series_count; i++) {
        if (!series_may_allow(w->series[i], &at_site))
            return REFUSAL_series_restricted;
    }
    return REFUSAL_accepted;
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

bool wish_covers_region(const void *context, uint64_t region)
{
    const struct wish *w = context;
    return places_cover(w->regions, w->regions_count, region);
}

const struct sku_limit *wish_limit(const struct wish *w, uint64_t sku)
{
    for (uint32_t i = 0; i < w->skus_count; i++) {
        if (w->skus[i].sku == sku)
            return &w->skus[i];
    }
    return NULL;
}

bool wish_takes_sku(const struct exchange *x, const struct wish *w, uint64_t sku)
{
    if (w->interconnect.length == 0)
        return true;
    const struct sku_row *row = sku_find(x, sku);
    return row != NULL && strlen(row->interconnect) == w->interconnect.length &&
           memcmp(row->interconnect, w->interconnect.data, w->interconnect.length) == 0;
}

static bool wish_takes_carbon(const struct wish *w, const struct site_row *site)
{
    return w->carbon_g_max == 0 || site->carbon_g_per_kwh <= w->carbon_g_max;
}

static bool site_certified(const struct site_row *site, struct text name, uint64_t beyond_s)
{
    for (uint32_t i = 0; i < at_most(site->certifications_count, SITE_CERTIFICATIONS_MAX); i++) {
        const uint8_t *held = site->certification_names + (size_t)i * NAME_BYTES;
        if (site->certification_expires_s[i] > beyond_s &&
            strnlen((const char *)held, NAME_BYTES) == name.length &&
            memcmp(held, name.data, name.length) == 0)
            return true;
    }
    return false;
}

/* In force now and, for whatever start of the window it becomes, at the lease's start. */
static bool wish_takes_certifications(const struct exchange *x, const struct wish *w,
                                      const struct site_row *site)
{
    uint64_t last_s = w->certified_min * 60;
    uint64_t beyond_s = last_s > x->head.time_s ? last_s : x->head.time_s;
    for (uint32_t i = 0; i < w->certifications_count; i++) {
        if (!site_certified(site, w->certifications[i].name, beyond_s))
            return false;
    }
    return true;
}

static bool wish_takes_reliability(const struct wish *w, const struct site_row *site)
{
    return w->reliability_ppm_min == 0 || site_reliability_ppm(site) >= w->reliability_ppm_min;
}

static bool wish_takes_series(const struct wish *w, uint64_t sku, const char *region)
{
    for (uint32_t i = 0; i < w->series_count; i++) {
        if (!series_allows(w->series[i], sku, region, w->profile))
            return false;
    }
    return true;
}

static bool account_is_active(const struct exchange *x, uint32_t number)
{
    const struct account_row *account = account_find(x, number);
    return account != NULL && account->state == ACCOUNT_STATE_ACTIVE;
}

static bool wish_takes_place(const struct wish *w, const struct site_row *site)
{
    return (w->site == 0 || w->site == site->site) &&
           wish_covers_region(w, place_number(site->region));
}

static bool wish_takes_jurisdiction(const struct wish *w, const struct site_row *site)
{
    return places_cover(w->jurisdictions, w->jurisdictions_count, place_number(site->jurisdiction));
}

bool wish_takes_site(const struct exchange *x, const struct wish *w, uint64_t sku, uint64_t site)
{
    const struct site_row *row = site_find(x, site);
    return row != NULL && wish_takes_place(w, row) && wish_takes_jurisdiction(w, row) &&
           wish_takes_carbon(w, row) && wish_takes_certifications(x, w, row) &&
           wish_takes_reliability(w, row) && wish_takes_series(w, sku, row->region) &&
           account_is_active(x, row->operator);
}

uint64_t wish_price(const struct wish *w, const struct offer *o)
{
    return o->place < w->place ? o->price_ucr : wish_limit(w, o->sku)->limit_price_ucr;
}

/* What the seller of a lease on offer gains is paid in tokens of the buyer's series, which must
 * then be such that may change owner. */
static bool wish_takes_gain(const struct exchange *x, const struct wish *w, const struct offer *o)
{
    bool transferable = true;
    for (uint32_t i = 0; i < w->series_count; i++)
        transferable = transferable && w->series[i]->transferable != 0;
    return transferable || o->lease == 0 || !resale_gains(x, o, wish_price(w, o));
}

static bool wish_takes_preemptible(const struct wish *w, bool preemptible)
{
    return !preemptible || w->lifted == FUNNEL_PREEMPTIBLE ||
           (w->preemptible_ok && w->profile != PROFILE_TRAINING);
}

static bool wish_takes_billing(const struct wish *w, uint32_t billing)
{
    if (w->lifted == FUNNEL_BILLING)
        return true;
    if (w->profile == PROFILE_TRAINING && billing != BILLING_RESERVED)
        return false;
    return w->profile != PROFILE_INFERENCE || billing == BILLING_METERED;
}

uint32_t wish_funding_needed(const struct wish *w, const struct offer *o)
{
    return o->meter_period_min < w->duration_min ? o->meter_period_min : w->duration_min;
}

/* What is paid ahead covers the first period, or the lease would be paused before it began. */
static bool wish_takes_funding(const struct wish *w, const struct offer *o)
{
    return w->funded_min == 0 || w->lifted == FUNNEL_BILLING ||
           (o->lease == 0 && wish_funding_needed(w, o) <= w->funded_min);
}

static bool wish_takes_length(const struct wish *w, const struct offer *o)
{
    return w->duration_min >= o->lease_min_min &&
           (o->lease_max_min == 0 || w->duration_min <= o->lease_max_min);
}

uint64_t wish_block(const struct wish *w, const struct offer *o)
{
    if (w->block_gpus <= 1 || w->block_gpus == o->block_gpus)
        return o->block_gpus;
    uint64_t a = o->block_gpus;
    uint64_t b = w->block_gpus;
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return o->block_gpus / a * w->block_gpus;
}

bool wish_has_seller(const struct exchange *x, const struct offer *o)
{
    if (!account_is_active(x, o->operator))
        return false;
    return o->lease == 0 || (account_is_active(x, o->seller) && resale_is_live(x, o));
}

bool wish_takes_offer(const struct exchange *x, const struct wish *w, const struct offer *o)
{
    return wish_takes_preemptible(w, o->preemptible) && wish_takes_billing(w, o->billing) &&
           wish_takes_funding(w, o) && wish_takes_length(w, o) && wish_block(w, o) <= w->gpus &&
           wish_takes_gain(x, w, o) && wish_has_seller(x, o);
}

bool wish_takes_lease(const struct exchange *x, const struct wish *w, const struct lease_row *lease)
{
    const struct site_row *site = site_find(x, lease->site);
    return site != NULL && wish_limit(w, lease->sku) != NULL && wish_takes_sku(x, w, lease->sku) &&
           wish_takes_place(w, site) && wish_takes_jurisdiction(w, site) &&
           wish_takes_carbon(w, site) && wish_takes_certifications(x, w, site) &&
           wish_takes_preemptible(w, lease->preemptible != 0) &&
           wish_takes_billing(w, lease->billing);
}

bool wish_is_own(const struct wish *w, const struct offer *o)
{
    return w->account != 0 && (o->seller == w->account || o->operator== w->account);
}

bool wish_earliest(const struct wish *w, const struct offer *o, uint64_t *start_out,
                   uint64_t *looks)
{
    uint64_t block = wish_block(w, o);
    if (block == o->block_gpus)
        return offer_earliest(o, w->from_min, w->until_min, w->duration_min, start_out, looks);
    uint64_t start = w->from_min > o->start_min ? w->from_min : o->start_min;
    uint64_t at = start;
    while (start <= w->until_min && start + w->duration_min <= o->end_min) {
        struct piece piece = offer_piece(o, at);
        ++*looks;
        if (piece.value + block > o->gpus)
            start = piece.until;
        else if (start + w->duration_min <= piece.until) {
            *start_out = start;
            return true;
        }
        at = piece.until;
    }
    return false;
}

uint32_t wish_site_dimension(const struct exchange *x, const struct wish *w, uint64_t sku,
                             uint64_t number)
{
    const struct site_row *site = site_find(x, number);
    if (wish_limit(w, sku) == NULL || site == NULL)
        return FUNNEL_SKU;
    if (!wish_takes_sku(x, w, sku))
        return FUNNEL_INTERCONNECT;
    if (!wish_takes_place(w, site))
        return FUNNEL_REGION;
    if (!wish_takes_jurisdiction(w, site))
        return FUNNEL_JURISDICTION;
    if (!wish_takes_carbon(w, site))
        return FUNNEL_CARBON;
    if (!wish_takes_certifications(x, w, site))
        return FUNNEL_CERTIFICATION;
    if (!wish_takes_reliability(w, site))
        return FUNNEL_RELIABILITY;
    return wish_takes_series(w, sku, site->region) ? 0 : FUNNEL_SERIES;
}

/* The dimensions of an offer's terms and of who sells it. */
static uint32_t terms_dimension(const struct exchange *x, const struct wish *w,
                                const struct offer *o)
{
    if (!wish_takes_gain(x, w, o))
        return FUNNEL_SERIES;
    if (!wish_takes_preemptible(w, o->preemptible))
        return FUNNEL_PREEMPTIBLE;
    if (!wish_takes_billing(w, o->billing) || !wish_takes_funding(w, o))
        return FUNNEL_BILLING;
    if (!wish_takes_length(w, o))
        return FUNNEL_LENGTH;
    return wish_has_seller(x, o) ? 0 : FUNNEL_FROZEN;
}

uint32_t wish_offer_dimension(const struct exchange *x, const struct wish *w, const struct offer *o,
                              uint64_t *looks)
{
    uint32_t dimension = terms_dimension(x, w, o);
    if (dimension != 0)
        return dimension;
    uint64_t start = w->from_min > o->start_min ? w->from_min : o->start_min;
    if (start > w->until_min || start + w->duration_min > o->end_min)
        return FUNNEL_TIME;
    if (wish_block(w, o) > w->gpus || !wish_earliest(w, o, &start, looks))
        return FUNNEL_SIZE;
    if (o->price_ucr > wish_limit(w, o->sku)->limit_price_ucr)
        return FUNNEL_PRICE;
    return wish_is_own(w, o) ? FUNNEL_OWN : 0;
}
