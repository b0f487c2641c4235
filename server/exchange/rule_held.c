/* What the account of a rule holds over time. */
#include "server/exchange/rule_held.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/moment.h"
#include "server/exchange/lease.h"
#include "server/exchange/offer.h"
#include "server/exchange/order.h"

/* --- What counts --------------------------------------------------------------------------- */

/* A column says how many there are; a damaged row may say too much. */
static uint32_t at_most(uint32_t count, uint32_t most)
{
    return count < most ? count : most;
}

static uint32_t places_read(const uint8_t *column, uint32_t count, uint64_t *numbers)
{
    char code[PLACE_BYTES + 1] = {0};
    for (uint32_t i = 0; i < at_most(count, FILTER_PLACES_MAX); i++) {
        memcpy(code, column + (size_t)i * PLACE_BYTES, PLACE_BYTES);
        numbers[i] = place_number(code);
    }
    return at_most(count, FILTER_PLACES_MAX);
}

static struct text name_read(const void *column)
{
    return (struct text){.data = column, .length = (uint32_t)strnlen(column, NAME_BYTES)};
}

void rule_terms_read(const struct rule_row *row, struct rule_terms *out)
{
    struct wish *w = &out->wish;
    *w = (struct wish){
        .skus = out->skus,
        .skus_count = at_most(row->skus_count, ORDER_SKUS_MAX),
        .regions = out->regions,
        .regions_count = places_read(row->regions, row->regions_count, out->regions),
        .jurisdictions = out->jurisdictions,
        .jurisdictions_count =
            places_read(row->jurisdictions, row->jurisdictions_count, out->jurisdictions),
        .certifications = out->certifications,
        .certifications_count = at_most(row->certifications_count, ORDER_CERTIFICATIONS_MAX),
        .interconnect = name_read(row->interconnect),
        .carbon_g_max = row->carbon_g_max,
        .preemptible_ok = row->preemptible_ok != 0,
        .profile = row->profile,
    };
    for (uint32_t i = 0; i < w->skus_count; i++)
        out->skus[i] = (struct sku_limit){row->skus[i], row->limits_ucr[i]};
    for (uint32_t i = 0; i < w->certifications_count; i++)
        out->certifications[i].name = name_read(row->certifications + (size_t)i * NAME_BYTES);
}

/* Whether the lease can still be used, at present or later. */
static bool lease_is_live(const struct exchange *x, const struct lease_row *lease)
{
    enum lease_state state = lease_state_now(x, lease);
    return state == LEASE_STATE_GRANTED || state == LEASE_STATE_ACTIVE;
}

bool rule_lease_is_of(const struct exchange *x, const struct lease_row *lease,
                      const struct rule_row *rule)
{
    const struct order_row *order = order_find(x, lease->order);
    return order && order->rule == rule->rule && lease_is_live(x, lease);
}

/* --- How much, and when -------------------------------------------------------------------- */

/* From `at_min` on so many GPUs more or less. */
struct change {
    uint64_t at_min;
    int64_t gpus;
};

static const struct change *changes_of(const struct held *h, size_t *count_out)
{
    *count_out = h->changes.length / sizeof(struct change);
    return (const struct change *)(const void *)h->changes.data;
}

/* Adds GPUs over [from, to), as far as that is not over. */
static void held_add(struct held *h, uint64_t from_min, uint64_t to_min, int64_t gpus)
{
    uint64_t from = from_min > h->from_min ? from_min : h->from_min;
    if (from >= to_min || gpus == 0)
        return;
    struct change begins = {from, gpus};
    struct change ends = {to_min, -gpus};
    buffer_append(&h->changes, &begins, sizeof(begins));
    buffer_append(&h->changes, &ends, sizeof(ends));
}

static void piece_add(void *context, uint64_t from_s, uint64_t to_s, uint64_t gpus)
{
    held_add(context, from_s / 60, to_s / 60, (int64_t)gpus);
}

bool held_counts(const struct held *h, const struct lease_row *lease)
{
    return lease_is_live(h->x, lease) && wish_takes_lease(h->x, &h->terms.wish, lease);
}

/* What the rule's leases have on offer already will be gone. */
static void offered_take(struct held *h, const struct lease_row *lease)
{
    const struct offer *o = lease->resale_offer ? offer_find(h->x, lease->resale_offer) : NULL;
    if (!o || !o->open || !rule_lease_is_of(h->x, lease, h->rule))
        return;
    uint64_t from = o->start_min > h->from_min ? o->start_min : h->from_min;
    uint64_t looks = 0;
    if (from < o->end_min && o->end_min - from <= UINT32_MAX)
        held_add(h, from, o->end_min,
                 -(int64_t)offer_free(o, from, (uint32_t)(o->end_min - from), &looks));
}

static int change_compare(const void *a, const void *b)
{
    const struct change *left = a;
    const struct change *right = b;
    return (left->at_min > right->at_min) - (left->at_min < right->at_min);
}

bool held_read(struct held *h, const struct exchange *x, const struct rule_row *rule,
               bool less_offered, uint32_t *looks)
{
    *h = (struct held){.x = x, .rule = rule, .changes = BUFFER_EMPTY};
    h->from_min = minute_ceil(x->head.time_s) / 60;
    h->until_min = h->from_min + rule->horizon_min;
    uint32_t leases = 0;
    const struct lease_row *lease;
    rule_terms_read(rule, &h->terms);
    for (uint64_t next = 1; (lease = rule_lease_next(x, rule->account, next)) != NULL;
         next = lease->lease + 1) {
        size_t count;
        changes_of(h, &count);
        ++*looks;
        if (++leases > RULE_LEASES_MAX || count > 4 * (size_t)RULE_LEASES_MAX)
            return false;
        if (!held_counts(h, lease))
            continue;
        uint64_t from_s = lease->start_s > h->from_min * 60 ? lease->start_s : h->from_min * 60;
        if (from_s < lease->end_s)
            relief_each(x, lease, from_s, lease->end_s, piece_add, h);
        if (less_offered)
            offered_take(h, lease);
    }
    if (h->changes.status)
        memory_exhausted();
    if (h->changes.length > 0)
        qsort(h->changes.data, h->changes.length / sizeof(struct change), sizeof(struct change),
              change_compare);
    return true;
}

void held_release(struct held *h)
{
    buffer_release(&h->changes);
}

/* A piece of time over which as much is held. */
struct level {
    uint64_t from_min;
    uint64_t to_min;
    int64_t gpus;
    size_t next; /* the first change behind it */
};

static struct level level_first(const struct held *h)
{
    return (struct level){.to_min = h->from_min};
}

/* Goes on to the piece behind; false at the end of time. */
static bool level_next(const struct held *h, struct level *l)
{
    size_t count;
    const struct change *changes = changes_of(h, &count);
    if (l->to_min == UINT64_MAX)
        return false;
    l->from_min = l->to_min;
    while (l->next < count && changes[l->next].at_min == l->from_min)
        l->gpus += changes[l->next++].gpus;
    l->to_min = l->next < count ? changes[l->next].at_min : UINT64_MAX;
    return true;
}

uint32_t held_now(const struct held *h)
{
    struct level l = level_first(h);
    return level_next(h, &l) ? (uint32_t)l.gpus : 0;
}

uint64_t held_short_from(const struct held *h)
{
    struct level l = level_first(h);
    while (level_next(h, &l) && l.gpus >= (int64_t)h->rule->gpus)
        ;
    return l.from_min;
}

struct gap held_gap(const struct held *h)
{
    struct gap gap = {.from_min = h->until_min, .to_min = h->until_min};
    struct level l = level_first(h);
    int64_t before = 0;
    while (level_next(h, &l)) {
        if (l.from_min >= gap.to_min)
            break;
        if (gap.missing > 0 && l.gpus > before) {
            gap.to_min = l.from_min;
            break;
        }
        if (gap.missing == 0 && l.gpus < (int64_t)h->rule->gpus) {
            gap.from_min = l.from_min;
            gap.to_min = l.from_min + h->rule->horizon_min;
            gap.missing = (uint32_t)((int64_t)h->rule->gpus - l.gpus);
        }
        before = l.gpus;
    }
    return gap;
}

uint32_t held_surplus(const struct held *h, uint64_t from_min, uint64_t to_min)
{
    int64_t least = INT64_MAX;
    struct level l = level_first(h);
    while (level_next(h, &l)) {
        if (l.from_min < to_min && l.to_min > from_min && l.gpus < least)
            least = l.gpus;
    }
    int64_t surplus = least == INT64_MAX ? 0 : least - (int64_t)h->rule->gpus;
    return surplus > 0 ? (uint32_t)surplus : 0;
}
