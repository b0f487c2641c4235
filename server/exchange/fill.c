#include "server/exchange/fill.h"

#include <assert.h>

#include "server/exchange/event.h"
#include "server/exchange/site.h"
#include "server/exchange/trade.h"

static bool part_cost(const struct exchange *x, struct fill *f, uint32_t i)
{
    const struct match_part *part = &f->match->parts[i];
    gpu_minutes minutes = (gpu_minutes)part->gpus * f->duration_min;
    struct resale_cost *cost = &f->parts[i];
    if (!amount_cost_rounded_up(minutes, part->price_ucr, &f->costs[i]))
        return false;
    if (part->offer->lease != 0)
        return resale_cost(x, part->offer, f->match->start_min, f->duration_min, part->gpus,
                           part->price_ucr, cost);
    *cost = (struct resale_cost){.pays = f->costs[i], .escrow = f->costs[i]};
    if (f->funded_min == 0)
        return true;
    bool fits = amount_cost_rounded_up((gpu_minutes)part->gpus * f->funded_min, part->price_ucr,
                                       &cost->pays);
    cost->escrow = cost->pays;
    return fits;
}

bool fill_cost(const struct exchange *x, struct fill *f)
{
    f->cost = 0;
    f->pays = 0;
    for (uint32_t i = 0; i < f->match->count; i++) {
        if (!part_cost(x, f, i) || !amount_add(f->cost, f->costs[i], &f->cost) ||
            !amount_add(f->pays, f->parts[i].pays, &f->pays))
            return false;
    }
    return true;
}

/* What a guarantor elects is paid for whether it is used or not, or to elect would empty the pool
 * for nothing; where leases are billed as reserved, what is reported is what was made available. */
static uint32_t fill_least_charge(const struct fill *f, const struct offer_row *offer)
{
    return f->elected && offer->billing == BILLING_METERED ? 1000000 : offer->least_charge_ppm;
}

static struct lease_row fill_lease(const struct exchange *x, const struct fill *f, uint32_t i)
{
    const struct match_part *part = &f->match->parts[i];
    const struct offer *o = part->offer;
    const struct offer_row *offer = offer_row_find(x, o->offer);
    uint64_t start_s = f->match->start_min * 60;
    struct lease_row row = {
        .order = f->order,
        .offer = o->offer,
        .site = o->site,
        .sku = o->sku,
        .granted_s = x->head.time_s,
        .start_s = start_s,
        .end_s = start_s + (uint64_t)f->duration_min * 60,
        .price_ucr = part->price_ucr,
        .cost_ucr = f->costs[i],
        .index = event_next_index(x),
        .holder = f->account,
        .operator= o->operator,
        .gpus = part->gpus,
        .meter_period_min = offer->meter_period_min,
        .least_charge_ppm = fill_least_charge(f, offer),
        .carbon_g_per_kwh = site_find(x, o->site)->carbon_g_per_kwh,
        .state = LEASE_STATE_GRANTED,
        .end_reason = LEASE_END_NOT_YET,
        .preemptible = offer->preemptible,
        .elastic = f->funded_min > 0,
        .funded_min = f->funded_min,
        .billing = offer->billing,
        .profile = (uint8_t)f->profile,
        .elected = f->elected,
    };
    if (o->lease != 0)
        resale_inherit(x, o, &row);
    return row;
}

/* Divides what is paid for one lease: each series pays pro rata of what it has left to pay, so that
 * the last lease takes the rest of each exactly. Of a lease sold on, a part of it is the seller's
 * gain. Returns the number of escrow rows. */
static uint8_t fill_put_escrow(struct exchange *x, struct fill *f, uint64_t lease, uint32_t i,
                               amount left[ORDER_SERIES_MAX], struct novation *sale)
{
    amount pays[ORDER_SERIES_MAX];
    amount gains[ORDER_SERIES_MAX];
    bool covered = amount_split_pro_rata(f->parts[i].pays, left, f->series_count, pays) &&
                   amount_split_pro_rata(f->parts[i].gain, pays, f->series_count, gains);
    assert(covered);
    uint8_t place = 0;
    for (uint32_t s = 0; s < f->series_count; s++) {
        left[s] -= pays[s];
        f->gains[s] += gains[s];
        if (gains[s] > 0)
            sale->gains[sale->gains_count++] =
                (struct share){.series = f->series[s], .amount_ucr = gains[s]};
        if (pays[s] == gains[s])
            continue;
        struct escrow_row row = {
            .kind = ESCROW_KIND_LEASE,
            .serial = lease,
            .place = place,
            .owner = f->account,
            .series = f->series[s],
            .amount_ucr = pays[s] - gains[s],
        };
        store_put(x->store, TABLE_ESCROW, &row);
        place++;
    }
    return place;
}

static void fill_part(struct exchange *x, struct fill *f, uint32_t i, amount left[ORDER_SERIES_MAX])
{
    const struct match_part *part = &f->match->parts[i];
    uint64_t offered = part->offer->lease;
    struct lease_row row = fill_lease(x, f, i);
    struct novation sale = {.offer = part->offer->offer, .price_ucr = part->price_ucr};
    row.lease = sale.sold = ++x->head.lease_last;
    /* fill_log() gives the trades their numbers, in this order; an election is none. */
    if (offered == 0)
        row.trade = f->elected ? 0 : x->head.trade_last + 1 + i;
    f->leases[i] = (struct lease_grant){
        .lease = row.lease,
        .offer = part->offer->offer,
        .site = row.site,
        .sku = row.sku,
        .operator= row.operator,
        .gpus = row.gpus,
        .start_s = row.start_s,
        .end_s = row.end_s,
        .price_ucr = part->price_ucr,
        .cost_ucr = f->costs[i],
    };
    row.escrow_series = fill_put_escrow(x, f, row.lease, i, left, &sale);
    store_put(x->store, TABLE_LEASE, &row);
    struct site_row site = *site_find(x, row.site);
    site.leases_granted++;
    store_put(x->store, TABLE_SITE, &site);
    if (offered == 0)
        return;
    f->novations[f->novations_count] = sale;
    resale_novate(x, &f->novations[f->novations_count++]);
}

void fill_grant(struct exchange *x, struct fill *f)
{
    amount left[ORDER_SERIES_MAX];
    f->novations = scratch_alloc(x, f->match->count * sizeof(*f->novations));
    f->novations_count = 0;
    for (uint32_t s = 0; s < f->series_count; s++) {
        left[s] = f->shares[s];
        f->gains[s] = 0;
    }
    for (uint32_t i = 0; i < f->match->count; i++)
        fill_part(x, f, i, left);
    if (x->witness.granted != NULL)
        x->witness.granted(x->witness.context, f);
}

void fill_count(const struct fill *f, struct order_row *order)
{
    if (f->match->count == 0)
        return;
    if (order->lease_first == 0)
        order->lease_first = f->leases[0].lease;
    order->lease_count += f->match->count;
    order->gpus_filled += f->match->gpus;
    order->cost_ucr += f->cost;
}

void fill_log(struct exchange *x, const struct fill *f)
{
    for (uint32_t i = 0; i < f->novations_count; i++)
        resale_log(x, &f->novations[i]);
    trade_log(x, f->leases, f->match->count);
}
