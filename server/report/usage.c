/*
 * Usage and cost as rows of FinOps FOCUS 1.2: a charge for what was used of each settled period of
 * a lease, one for what of it was paid and not used, one for what who sold the lease on below its
 * price paid of a period, one for what was paid for a lease above its price, one for each draw of a
 * backstop, which is capacity that stood unused, and one that costs nothing for what an operator
 * could not sell on a day.
 *
 * A period costs what the lease had cost with it less what it had cost without it, so that the
 * periods of a lease, in their order, add up to what it paid; in the billing currency, too. Of a
 * lease that others pay a part of the holder is billed what it paid itself.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "protocol/amount.h"
#include "protocol/moment.h"
#include "protocol/status.h"
#include "server/report/charge.h"
#include "server/report/sums.h"
#include "server/report/vector.h"

/* A lease that may have charges; the texts are made with its first one. */
struct bill {
    uint64_t lease;
    uint64_t parent;
    uint64_t offer;
    uint64_t site;
    uint64_t sku;
    uint64_t start_s;
    uint64_t end_s;
    uint64_t price_ucr;
    uint32_t holder;
    uint32_t operator;
    uint32_t period_min;
    uint32_t elected;
};

struct usage {
    struct job *j;
    struct span span;
    struct charge_par par;
    uint32_t table;
    struct bill *bills; /* owned; by lease */
    size_t count;
    size_t room;
    size_t at;               /* of the lease whose periods are being gone over */
    uint64_t gpu_minutes;    /* of its periods before */
    uint64_t own_ucr;        /* what the holder paid of them */
    struct charge charge;    /* its texts */
    bool texts;              /* ... are made */
    struct lease_row resold; /* the one that was looked for last; lease 0: none */
};

/* --- Leases --- */

static bool place_wanted(const struct usage *u, uint64_t site, uint64_t sku)
{
    const struct q_report *q = u->j->query;
    return (q->site == 0 || q->site == site) && (q->sku == 0 || q->sku == sku);
}

static bool party_wanted(const struct usage *u, uint32_t payer, uint32_t operator)
{
    uint32_t whose = u->j->account;
    return whose == 0 || whose == payer || whose == operator;
}

static int bill_push(struct usage *u, const struct bill *bill)
{
    if (u->count == u->room && 2 * u->room * sizeof(*u->bills) > REPORT_BYTES_MAX) {
        job_refuse(u->j, REFUSAL_report_too_large);
        return WALK_STOP;
    }
    struct bill *moved = vector_reserve(u->bills, sizeof(*moved), u->count, &u->room);
    if (moved == NULL)
        return STATUS_MEMORY;
    u->bills = moved;
    u->bills[u->count++] = *bill;
    return 0;
}

static bool lease_has_periods(const struct lease_row *row)
{
    return row->meter_period_min != 0 && row->end_s > row->start_s && row->end_s <= TIME_MAX_S;
}

static struct bill bill_of(const struct lease_row *row)
{
    return (struct bill){
        .lease = row->lease,
        .parent = row->parent,
        .offer = row->offer,
        .site = row->site,
        .sku = row->sku,
        .start_s = row->start_s,
        .end_s = row->end_s,
        .price_ucr = row->price_ucr,
        .holder = row->holder,
        .operator= row->operator,
        .period_min = row->meter_period_min,
        .elected = row->elected,
    };
}

static int lease_visit(void *context, const void *found)
{
    struct usage *u = context;
    const struct lease_row *row = found;
    if (row->gpu_minutes_delivered == 0 || !lease_has_periods(row) ||
        row->end_s <= u->span.from_s || (u->span.until_s != 0 && row->start_s >= u->span.until_s) ||
        !party_wanted(u, row->holder, row->operator) || !place_wanted(u, row->site, row->sku))
        return 0;
    const struct bill bill = bill_of(row);
    return bill_push(u, &bill);
}

/* --- Texts --- */

static const char *account_text(struct usage *u, uint32_t account)
{
    const struct account_row *row = names_account(u->j->names, account);
    return charge_text(u->j, "%.*s", NAME_MAX_BYTES, row != NULL ? row->name : "?");
}

static void place_texts(struct usage *u, struct charge *c, uint64_t site, uint64_t sku)
{
    const struct site_row *at = names_site(u->j->names, site);
    const struct sku_row *of = names_sku(u->j->names, sku);
    c->region = charge_text(u->j, "%.*s", PLACE_MAX_BYTES, at != NULL ? at->region : "");
    c->sku = charge_text(u->j, "%.*s", NAME_MAX_BYTES, of != NULL ? of->name : "");
}

static void bill_texts(struct usage *u, const struct bill *bill)
{
    struct charge *c = &u->charge;
    if (u->texts)
        return;
    u->texts = true;
    c->account_id = charge_text(u->j, "%" PRIu32, bill->holder);
    c->account_name = account_text(u, bill->holder);
    c->publisher = account_text(u, bill->operator);
    c->resource = charge_text(u->j, "lease/%" PRIu64, bill->lease);
    c->reservation = c->resource;
    c->sku_price = charge_price_text(u->j, "offer", bill->offer, bill->price_ucr);
    place_texts(u, c, bill->site, bill->sku);
}

/* --- Periods --- */

/* What was charged from `before` to `after` GPU-minutes of the lease, unless that is nothing; the
 * holder paid `own_ucr` of it. */
static int period_charge(struct usage *u, const struct bill *bill, uint32_t period, uint64_t before,
                         uint64_t after, bool used, uint64_t own_ucr)
{
    struct charge *c = &u->charge;
    if (after == before)
        return 0;
    c->used = used;
    c->gpu_minutes = after - before;
    c->price_ucr = cell_of(bill->price_ucr);
    uint64_t cost_ucr = cost_of(after, bill->price_ucr);
    uint64_t before_ucr = cost_of(before, bill->price_ucr);
    uint64_t paid_ucr = u->own_ucr;
    sum_into(&u->own_ucr, own_ucr);
    c->cost_ucr = u->own_ucr - paid_ucr;
    c->billed = charge_billed(&u->par, u->own_ucr) - charge_billed(&u->par, paid_ucr);
    c->listed = charge_billed(&u->par, cost_ucr) - charge_billed(&u->par, before_ucr);
    c->description =
        charge_text(u->j, "Lease %" PRIu64 "%s, period %" PRIu32 ": %s", bill->lease,
                    bill->elected ? " under a backstop" : "", period,
                    used ? "GPU-hours delivered" : "the least charged, beyond what was delivered");
    return charge_show(u->j, u->table, &u->par, c) ? 0 : WALK_STOP;
}

/* The time of a period, as far as it lies within its lease; all of it where the lease has come to
 * end before. False: there is no such time. */
static bool period_time(const struct bill *bill, uint32_t period, struct span *out)
{
    wide length_s = (wide)bill->period_min * 60;
    wide from_s = bill->start_s + period * length_s;
    wide until_s = from_s + length_s;
    if (from_s < bill->end_s && until_s > bill->end_s)
        until_s = bill->end_s;
    *out = (struct span){(uint64_t)from_s, (uint64_t)until_s};
    return until_s <= TIME_MAX_S;
}

/* What the holder paid of a period that costs `cost_ucr`. */
static int period_own(const struct usage *u, const struct bill *bill, uint32_t period,
                      uint64_t cost_ucr, uint64_t *own_out)
{
    struct payment_row payment = {.lease = bill->lease, .period = period, .payer = bill->holder};
    bool shared = false;
    int status = bill->parent == 0
                     ? 0
                     : source_find(u->j->source, TABLE_PAYMENT, &payment, &payment, &shared);
    *own_out = shared ? payment.amount_ucr : cost_ucr;
    return status;
}

/* Shows what was charged of a period, if it is wanted, and counts it either way. */
static int period_charges(struct usage *u, const struct bill *bill, const struct period_row *row,
                          uint64_t before, bool wanted)
{
    uint64_t used = lesser(row->gpu_minutes_settled, row->gpu_minutes_metered);
    uint64_t middle = lesser(sum_of(before, used), u->gpu_minutes);
    uint64_t before_ucr = cost_of(before, bill->price_ucr);
    uint64_t used_ucr = cost_of(middle, bill->price_ucr) - before_ucr;
    uint64_t cost_ucr = cost_of(u->gpu_minutes, bill->price_ucr) - before_ucr;
    uint64_t own_ucr;
    int status = period_own(u, bill, row->period, cost_ucr, &own_ucr);
    /* Of both parts the same share. */
    uint64_t own_used = middle > before ? own_ucr : 0;
    if (cost_ucr > 0)
        own_used = cell_of((wide)own_ucr * used_ucr / cost_ucr);
    if (status == 0 && !wanted) {
        sum_into(&u->own_ucr, own_ucr);
        return 0;
    }
    if (status == 0)
        status = period_charge(u, bill, row->period, before, middle, true, own_used);
    if (status == 0)
        status = period_charge(u, bill, row->period, middle, u->gpu_minutes, false,
                               own_ucr - lesser(own_used, own_ucr));
    return status;
}

static int period_visit(void *context, const void *found)
{
    struct usage *u = context;
    const struct period_row *row = found;
    for (; u->at < u->count && u->bills[u->at].lease < row->lease; u->at++) {
        u->gpu_minutes = 0;
        u->own_ucr = 0;
        u->texts = false;
    }
    if (u->at == u->count)
        return WALK_STOP;
    const struct bill *bill = &u->bills[u->at];
    struct span time;
    if (bill->lease != row->lease || row->state != PERIOD_STATE_SETTLED)
        return 0;
    uint64_t before = u->gpu_minutes;
    u->gpu_minutes = sum_of(before, row->gpu_minutes_settled);
    bool wanted = period_time(bill, row->period, &time) && span_has(u->span, time.from_s);
    if (wanted) {
        bill_texts(u, bill);
        u->charge.start_s = time.from_s;
        u->charge.end_s = time.until_s;
    }
    return period_charges(u, bill, row, before, wanted);
}

/* --- Leases sold on --- */

/* What a GPU-hour came to in all, to the nearest micro-credit. */
static uint64_t price_in_all(uint64_t cost_ucr, uint64_t minutes)
{
    return minutes == 0 ? 0 : cell_of(((wide)cost_ucr * 60 + minutes / 2) / minutes);
}

/* Into u->resold, unless there is no such lease. */
static int resold_find(struct usage *u, uint64_t lease, bool *found_out)
{
    *found_out = lease != 0 && u->resold.lease == lease;
    if (*found_out || lease == 0)
        return 0;
    u->resold = (struct lease_row){.lease = 0};
    int status = source_find(u->j->source, TABLE_LEASE, &lease, &u->resold, found_out);
    if (!*found_out)
        u->resold.lease = 0;
    return status;
}

static struct charge resold_charge(struct usage *u, const struct lease_row *lease, uint32_t payer,
                                   uint64_t cost_ucr)
{
    struct charge c = {
        .account_id = charge_text(u->j, "%" PRIu32, payer),
        .account_name = account_text(u, payer),
        .publisher = account_text(u, lease->operator),
        .resource = charge_text(u->j, "lease/%" PRIu64, lease->lease),
        .cost_ucr = cell_of(cost_ucr),
        .billed = charge_billed(&u->par, cell_of(cost_ucr)),
        .listed = charge_billed(&u->par, cell_of(cost_ucr)),
    };
    place_texts(u, &c, lease->site, lease->sku);
    return c;
}

/* What who sold a lease on below its price paid of what its buyer was charged. */
static int payment_visit(void *context, const void *found)
{
    struct usage *u = context;
    const struct payment_row *row = found;
    const struct lease_row *lease = &u->resold;
    bool known;
    int status = resold_find(u, row->lease, &known);
    if (status != 0 || !known || !lease_has_periods(lease) || row->payer == lease->holder ||
        row->amount_ucr == 0 || !party_wanted(u, row->payer, lease->operator) ||
        !place_wanted(u, lease->site, lease->sku))
        return status;
    const struct bill bill = bill_of(lease);
    struct span time;
    if (!period_time(&bill, row->period, &time) || !span_has(u->span, time.from_s))
        return 0;
    struct charge c = resold_charge(u, lease, row->payer, row->amount_ucr);
    c.category = CHARGE_ADJUSTMENT;
    c.description =
        charge_text(u->j, "Lease %" PRIu64 ", period %" PRIu32 ": top-up of who sold it",
                    row->lease, row->period);
    c.start_s = time.from_s;
    c.end_s = time.until_s;
    return charge_show(u->j, u->table, &u->par, &c) ? 0 : WALK_STOP;
}

/* What who bought a lease paid above its price, when it did. */
static int sale_visit(void *context, const void *found)
{
    struct usage *u = context;
    const struct relief_row *row = found;
    const struct lease_row *lease = &u->resold;
    bool known = false;
    if (row->kind != RELIEF_KIND_SALE || row->gain_ucr == 0 || row->end_s <= row->start_s)
        return 0;
    int status = resold_find(u, row->sold, &known);
    if (status != 0 || !known || lease->granted_s > TIME_MAX_S - 60 ||
        !span_has(u->span, lease->granted_s) || !party_wanted(u, lease->holder, lease->holder) ||
        !place_wanted(u, lease->site, lease->sku))
        return status;
    uint64_t minutes = cell_of((wide)((row->end_s - row->start_s) / 60) * row->gpus);
    struct charge c = resold_charge(u, lease, lease->holder, row->gain_ucr);
    c.category = CHARGE_PURCHASE;
    c.gpu_minutes = minutes;
    c.price_ucr = price_in_all(row->gain_ucr, minutes);
    c.description = charge_text(u->j, "Lease %" PRIu64 ": bought above its price", lease->lease);
    c.sku_price = charge_price_text(u->j, "resale", lease->lease, c.price_ucr);
    c.start_s = lease->granted_s;
    c.end_s = lease->granted_s + 60;
    return charge_show(u->j, u->table, &u->par, &c) ? 0 : WALK_STOP;
}

/* --- Backstops --- */

/* Who has made it with whom, of what: the same in all versions of the terms. */
static int draw_terms(const struct usage *u, const struct draw_row *row, struct backstop_row *out,
                      bool *found_out)
{
    struct backstop_row key = {.contract = row->contract, .version = row->version};
    if (row->version == 0)
        key.version = 1;
    return source_find(u->j->source, TABLE_BACKSTOP, &key, out, found_out);
}

static int draw_visit(void *context, const void *found)
{
    struct usage *u = context;
    const struct draw_row *row = found;
    struct backstop_row terms;
    bool known;
    if (row->owed_ucr == 0 || row->end_s <= row->start_s || row->end_s > TIME_MAX_S ||
        !span_has(u->span, row->start_s))
        return 0;
    int status = draw_terms(u, row, &terms, &known);
    if (!known || !party_wanted(u, terms.guarantor, terms.operator) ||
        !place_wanted(u, terms.site, terms.sku))
        return status;
    bool mixed = row->version == 0;
    uint64_t price_ucr =
        mixed ? price_in_all(row->owed_ucr, row->gpu_minutes_owed) : cell_of(terms.strike_ucr);
    struct charge c = {
        .account_id = charge_text(u->j, "%" PRIu32, terms.guarantor),
        .account_name = account_text(u, terms.guarantor),
        .publisher = account_text(u, terms.operator),
        .description = charge_text(u->j, "Backstop %" PRIu64 ", period %" PRIu32 ": unsold%s",
                                   row->contract, row->period, mixed ? ", at several strikes" : ""),
        .reservation = charge_text(u->j, "backstop/%" PRIu64, row->contract),
        .sku_price = charge_price_text(u->j, "backstop", row->contract, price_ucr),
        .start_s = row->start_s,
        .end_s = row->end_s,
        .gpu_minutes = cell_of(row->gpu_minutes_owed),
        .price_ucr = price_ucr,
        .cost_ucr = cell_of(row->owed_ucr),
        .billed = charge_billed(&u->par, cell_of(row->owed_ucr)),
        .listed = charge_billed(&u->par, mixed ? cell_of(row->owed_ucr)
                                               : cost_of(row->gpu_minutes_owed, terms.strike_ucr)),
    };
    place_texts(u, &c, terms.site, terms.sku);
    return charge_show(u->j, u->table, &u->par, &c) ? 0 : WALK_STOP;
}

/* --- Vacant capacity --- */

static int day_visit(void *context, const void *found)
{
    struct usage *u = context;
    const struct occupancy_row *row = found;
    const struct site_row *site = names_site(u->j->names, row->site);
    if (site == NULL || row->gpu_minutes_free == 0 || row->day_s > TIME_MAX_S - DAY_S ||
        !span_has(u->span, row->day_s) || !party_wanted(u, site->operator, site->operator) ||
        !place_wanted(u, row->site, row->sku))
        return 0;
    struct charge c = {
        .account_id = charge_text(u->j, "%" PRIu32, site->operator),
        .account_name = account_text(u, site->operator),
        .publisher = account_text(u, site->operator),
        .description = charge_text(u->j, "On offer and not sold"),
        .reservation = charge_text(u->j, "site/%" PRIu64 "/sku/%" PRIu64, row->site, row->sku),
        .sku_price = charge_price_text(u->j, "unsold", row->sku, 0),
        .start_s = row->day_s,
        .end_s = row->day_s + DAY_S,
        .gpu_minutes = cell_of(row->gpu_minutes_free),
    };
    place_texts(u, &c, row->site, row->sku);
    return charge_show(u->j, u->table, &u->par, &c) ? 0 : WALK_STOP;
}

/* --- The whole --- */

static void usage_notes(struct job *j, const struct charge_par *par)
{
    charge_note(j, par);
    job_note(j, "A charge for each settled period that begins in the time. Each lease is a "
                "capacity reservation: Unused is what was charged beyond what was delivered. "
                "Draws of backstops are Unused: owed for what stood unsold, paid yet or not, at "
                "the strike that held then; where several did, at what a GPU-hour came to in all.");
    job_note(j, "Who sold a lease on below its price pays a part of what its buyer is charged: "
                "an Adjustment of its own, and the buyer is billed the rest. What a lease was "
                "bought for above its price is a Purchase on the day of the sale; to the seller "
                "it is income, which is no row.");
    job_note(j, "What was on offer and not sold is Unused and costs nothing: a row of the "
                "operator's for each whole day, site and SKU. What a guarantor owes for is in a "
                "draw and in such a row; their quantities are not to be added up.");
    if (j->account != 0)
        job_note(j, "Of one account: only what it pays or is paid for, and its own sites.");
}

int usage_report(struct job *j)
{
    struct usage u = {.j = j};
    if (!charge_par_of(j, &u.par))
        return 0;
    u.span = span_asked(j);
    u.table = charge_table(j);
    int status = walk_rows(j, TABLE_LEASE, lease_visit, &u);
    if (status == 0 && u.count > 0)
        status = walk_rows(j, TABLE_PERIOD, period_visit, &u);
    if (status == 0)
        status = walk_rows(j, TABLE_PAYMENT, payment_visit, &u);
    if (status == 0)
        status = walk_rows(j, TABLE_RELIEF, sale_visit, &u);
    if (status == 0)
        status = walk_rows(j, TABLE_DRAW, draw_visit, &u);
    if (status == 0)
        status = walk_rows(j, TABLE_OCCUPANCY, day_visit, &u);
    usage_notes(j, &u.par);
    free(u.bills);
    return status;
}
