/* Queries about SKUs, sites, offers, closures, orders, leases and periods. */
#include <string.h>

#include "protocol/moment.h"
#include "server/exchange/ask_site.h"
#include "server/exchange/closure.h"
#include "server/exchange/escrow.h"
#include "server/exchange/elastic.h"
#include "server/exchange/lease.h"
#include "server/exchange/offer.h"
#include "server/exchange/order_rest.h"
#include "server/exchange/period.h"
#include "server/exchange/query.h"
#include "server/exchange/resale.h"
#include "server/exchange/rest.h"
#include "server/exchange/settlement.h"
#include "server/exchange/site.h"
#include "server/exchange/sku.h"

/*
 * A page of things with growing serials: those of one account's list, or all from `from` to
 * `last`. `fill` writes the row of one serial to the place given, or says that it does not belong
 * on the page.
 */
struct page {
    const struct exchange *x;
    uint32_t account; /* who asks */
    const void *query;
    const struct owned *owned; /* NULL: all serials */
    const struct owned *also;  /* a second list of the owner's, or NULL */
    uint32_t owner;
    uint64_t from;
    uint64_t last;
    uint32_t limit;
    size_t row_size;
    bool (*fill)(const struct page *page, uint64_t serial, struct arena *arena, void *row_out);
};

/* What every page of an answer begins with: A_..._FIELDS are the same but for the rows' type. */
struct page_answer {
    uint64_t next;
    struct list rows;
};

_Static_assert(sizeof(struct a_leases) == sizeof(struct page_answer) &&
                   offsetof(struct a_leases, rows) == offsetof(struct page_answer, rows),
               "answers are pages");

/* The next serial of the owner's lists, each once; as owned_next(). */
static uint64_t page_next(const struct page *page, uint64_t from, uint32_t *looks, uint64_t *resume)
{
    uint64_t serial = owned_next(page->owned, page->owner, from, looks, resume);
    uint64_t also = 0;
    uint64_t also_resume = 0;
    if (page->also != NULL && *resume == 0)
        also = owned_next(page->also, page->owner, from, looks, &also_resume);
    if (also_resume != 0) {
        /* Not known which comes first: from here on again. */
        *resume = from;
        return 0;
    }
    return also != 0 && (serial == 0 || also < serial) ? also : serial;
}

static struct page_answer *page_run(const struct page *page, struct arena *arena)
{
    struct page_answer *answer = query_alloc(arena, sizeof(*answer));
    uint32_t rows_max = query_page_rows(page->limit);
    uint8_t *rows = query_alloc(arena, rows_max * page->row_size);
    uint64_t serial = page->from > 0 ? page->from : 1;
    uint32_t looks = QUERY_LOOKS_MAX;
    answer->rows.items = rows;
    for (;; serial++) {
        uint64_t resume = 0;
        if (page->owned != NULL) {
            serial = page_next(page, serial, &looks, &resume);
        } else if (serial > page->last) {
            serial = 0;
        } else if (looks == 0) {
            resume = serial;
            serial = 0;
        } else {
            looks--;
        }
        if (serial == 0) {
            answer->next = resume;
            return answer;
        }
        if (answer->rows.count == rows_max) {
            answer->next = serial;
            return answer;
        }
        if (page->fill(page, serial, arena, rows + answer->rows.count * page->row_size))
            answer->rows.count++;
    }
}

/* Answers with the one row of a serial. */
static enum refusal page_one(const struct page *page, uint64_t serial, struct arena *arena,
                             const void **body_out)
{
    struct page_answer *answer = query_alloc(arena, sizeof(*answer));
    void *row = query_alloc(arena, page->row_size);
    if (!page->fill(page, serial, arena, row))
        return REFUSAL_not_found;
    answer->rows.items = row;
    answer->rows.count = 1;
    *body_out = answer;
    return REFUSAL_accepted;
}

static enum refusal page_or_one(const struct page *page, uint64_t serial, struct arena *arena,
                                const void **body_out)
{
    if (serial != 0)
        return page_one(page, serial, arena, body_out);
    *body_out = page_run(page, arena);
    return REFUSAL_accepted;
}

static bool text_is(struct text text, const char *column)
{
    return strlen(column) == text.length && memcmp(column, text.data, text.length) == 0;
}

/* --- SKUs ---------------------------------------------------------------------------------- */

static bool sku_fill(const struct page *page, uint64_t serial, struct arena *arena, void *row_out)
{
    (void)arena;
    const struct sku_row *row = sku_find(page->x, serial);
    if (row == NULL)
        return false;
    *(struct sku_info *)row_out = (struct sku_info){
        .sku = row->sku,
        .state = row->state,
        .name = text_of(row->name),
        .vendor = text_of(row->vendor),
        .model = text_of(row->model),
        .memory_gb = row->memory_gb,
        .interconnect = text_of(row->interconnect),
        .power_w = row->power_w,
        .generation = text_of(row->generation),
        .index = row->index,
    };
    return true;
}

enum refusal query_skus(const struct exchange *x, uint32_t account, const void *body,
                        struct arena *arena, const struct message **answer_out,
                        const void **body_out)
{
    const struct q_skus *q = body;
    struct page page = {.x = x,
                        .account = account,
                        .query = q,
                        .from = q->from,
                        .last = x->head.sku_last,
                        .limit = q->limit,
                        .row_size = sizeof(struct sku_info),
                        .fill = sku_fill};
    *answer_out = &a_skus_message;
    uint64_t named = q->name.length > 0 ? sku_by_name(x, q->name) : q->sku;
    if (q->name.length > 0 && (named == 0 || (q->sku != 0 && q->sku != named)))
        return REFUSAL_not_found;
    return page_or_one(&page, named, arena, body_out);
}

/* --- Sites --------------------------------------------------------------------------------- */

static const struct certification *site_certifications(const struct site_row *row,
                                                       struct arena *arena)
{
    struct certification *items =
        query_alloc(arena, (row->certifications_count + 1) * sizeof(*items));
    for (uint32_t i = 0; i < row->certifications_count; i++) {
        size_t at = (size_t)i * NAME_BYTES;
        items[i] = (struct certification){
            .name = text_of((const char *)row->certification_names + at),
            .issuer = text_of((const char *)row->certification_issuers + at),
            .expires_s = row->certification_expires_s[i],
        };
    }
    return items;
}

static bool site_fill(const struct page *page, uint64_t serial, struct arena *arena, void *row_out)
{
    const struct q_sites *q = page->query;
    const struct site_row *row = site_find(page->x, serial);
    if (row == NULL || (q->name.length > 0 && !text_is(q->name, row->name)) ||
        (q->operator!= 0 && q->operator!= row->operator))
        return false;
    *(struct site_info *)row_out = (struct site_info){
        .site = row->site,
        .operator= row->operator,
        .name = text_of(row->name),
        .region = text_of(row->region),
        .jurisdiction = text_of(row->jurisdiction),
        .power_kw = row->power_kw,
        .carbon_g_per_kwh = row->carbon_g_per_kwh,
        .certifications = {site_certifications(row, arena), row->certifications_count},
        .reliability_ppm = site_reliability_ppm(row),
        .gpu_minutes_due = row->gpu_minutes_due,
        .gpu_minutes_delivered = row->gpu_minutes_delivered,
        .leases_granted = row->leases_granted,
        .leases_failed = row->leases_failed,
        .leases_ended_by_operator = row->leases_ended_by_operator,
        .index = row->index,
    };
    return true;
}

enum refusal query_sites(const struct exchange *x, uint32_t account, const void *body,
                         struct arena *arena, const struct message **answer_out,
                         const void **body_out)
{
    const struct q_sites *q = body;
    struct page page = {.x = x,
                        .account = account,
                        .query = q,
                        .owned = q->operator!= 0 ? &x->sites->by_operator : NULL,
                        .owner = q->operator,
                        .from = q->from,
                        .last = x->head.site_last,
                        .limit = q->limit,
                        .row_size = sizeof(struct site_info),
                        .fill = site_fill};
    *answer_out = &a_sites_message;
    return page_or_one(&page, q->site, arena, body_out);
}

/* --- Offers -------------------------------------------------------------------------------- */

/* What is free over the rest of the offer's interval, at its least. */
static uint32_t offer_free_rest(const struct exchange *x, const struct offer *o)
{
    uint64_t now_min = x->head.time_s / 60;
    uint64_t from = now_min > o->start_min ? now_min : o->start_min;
    if (!o->open || from >= o->end_min)
        return 0;
    uint64_t looks = 0;
    return offer_free(o, from, (uint32_t)(o->end_min - from), &looks);
}

static bool offer_fill(const struct page *page, uint64_t serial, struct arena *arena, void *row_out)
{
    (void)arena;
    const struct q_offers *q = page->query;
    const struct offer_row *row = offer_row_find(page->x, serial);
    const struct offer *o = offer_find(page->x, serial);
    if (row == NULL || o == NULL)
        return false;
    bool over = row->state == OFFER_STATE_OPEN && row->end_s <= page->x->head.time_s;
    uint32_t state = over ? (uint32_t)OFFER_STATE_ENDED : row->state;
    if ((q->operator!= 0 && q->operator!= row->operator) ||
        (q->site != 0 && q->site != row->site) || (q->sku != 0 && q->sku != row->sku) ||
        (q->open_only && state != OFFER_STATE_OPEN))
        return false;
    *(struct offer_info *)row_out = (struct offer_info){
        .offer = row->offer,
        .operator= row->operator,
        .state = state,
        .site = row->site,
        .sku = row->sku,
        .gpus = row->gpus,
        .block_gpus = row->block_gpus,
        .start_s = row->start_s,
        .end_s = row->end_s,
        .price_ucr = row->price_ucr,
        .preemptible = row->preemptible != 0,
        .notice_min = row->notice_min,
        .lease_min_min = row->lease_min_min,
        .lease_max_min = row->lease_max_min,
        .billing = row->billing,
        .meter_period_min = row->meter_period_min,
        .standing_min = row->standing_min,
        .least_charge_ppm = row->least_charge_ppm,
        .free_gpus = offer_free_rest(page->x, o),
        .lease = row->lease,
        .until_s = row->standing_min != 0 ? row->until_s : 0,
        .place = row->place,
        .asking = state == OFFER_STATE_OPEN && (row->asking || ask_site_hides(page->x, o)),
        .index = row->index,
    };
    return true;
}

enum refusal query_offers(const struct exchange *x, uint32_t account, const void *body,
                          struct arena *arena, const struct message **answer_out,
                          const void **body_out)
{
    const struct q_offers *q = body;
    const struct site_row *site = q->site != 0 ? site_find(x, q->site) : NULL;
    uint32_t owner = q->operator== 0 && site != NULL ? site->operator: q->operator;
    struct page page = {.x = x,
                        .account = account,
                        .query = q,
                        .owned = owner != 0 ? &x->offers->by_operator : NULL,
                        .owner = owner,
                        .from = q->from,
                        .last = x->head.offer_last,
                        .limit = q->limit,
                        .row_size = sizeof(struct offer_info),
                        .fill = offer_fill};
    *answer_out = &a_offers_message;
    return page_or_one(&page, q->offer, arena, body_out);
}

/* --- Closures ------------------------------------------------------------------------------ */

static bool closure_fill(const struct page *page, uint64_t serial, struct arena *arena,
                         void *row_out)
{
    (void)arena;
    const struct closure_row *row = closure_find(page->x, serial);
    if (row == NULL)
        return false;
    *(struct closure_info *)row_out = (struct closure_info){
        .closure = row->closure,
        .site = row->site,
        .kind = row->kind,
        .start_s = row->start_s,
        .end_s = row->end_s,
        .reason = text_of(row->reason),
        .over = row->end_s <= page->x->head.time_s,
        .index = row->index,
    };
    return true;
}

enum refusal query_closures(const struct exchange *x, uint32_t account, const void *body,
                            struct arena *arena, const struct message **answer_out,
                            const void **body_out)
{
    const struct q_closures *q = body;
    struct page page = {.x = x,
                        .account = account,
                        .query = q,
                        .owned = q->site != 0 ? &x->closures->by_site : NULL,
                        .owner = (uint32_t)q->site,
                        .from = q->from,
                        .last = x->head.closure_last,
                        .limit = q->limit,
                        .row_size = sizeof(struct closure_info),
                        .fill = closure_fill};
    *answer_out = &a_closures_message;
    if (q->site > x->head.site_last)
        return REFUSAL_not_found;
    return page_or_one(&page, q->closure, arena, body_out);
}

/* --- Orders -------------------------------------------------------------------------------- */

/* What an order that rests asks for, and what it holds. */
static void order_info_rest(const struct exchange *x, const struct rest_row *rest,
                            struct arena *arena, struct order_info *info)
{
    rest_tell(rest, arena, info);
    /* It may have been amended to fewer. */
    if (info->gpus_min > info->gpus)
        info->gpus_min = info->gpus;
    struct escrow held = escrow_read(x, ESCROW_KIND_ORDER, rest->order, rest->escrow_series);
    info->escrow_ucr = held.total;
}

static bool order_info_fill(const struct page *page, uint64_t serial, struct arena *arena,
                            void *row_out)
{
    const struct q_orders *q = page->query;
    const struct order_row *row = order_find(page->x, serial);
    if (row == NULL || (row->account != page->account && !query_sees_all(page->x, page->account)))
        return false;
    const struct rest_row *rest = rest_find(page->x, serial);
    struct order_end end = order_end_now(page->x, row, rest);
    if (q->resting_only && end.state != ORDER_STATE_RESTING)
        return false;
    struct order_info *info = row_out;
    *info = (struct order_info){
        .order = row->order,
        .account = row->account,
        .state = end.state,
        .end_reason = end.reason,
        .ended_by = order_end_party(end.reason),
        .placed_s = row->placed_s,
        .rest_until_s = row->rest_until_s,
        .ended_s = end.ended_s,
        .rule = row->rule,
        .placement = row->placement,
        .time_in_force = row->time_in_force,
        .profile = row->profile,
        .gpus = row->gpus,
        .gpus_filled = row->gpus_filled,
        .duration_min = row->duration_min,
        .cost_ucr = row->cost_ucr,
        .lease_first = row->lease_first,
        .lease_count = row->lease_count,
        .index = row->index,
    };
    if (end.state == ORDER_STATE_RESTING)
        order_info_rest(page->x, rest, arena, info);
    return true;
}

enum refusal query_orders(const struct exchange *x, uint32_t account, const void *body,
                          struct arena *arena, const struct message **answer_out,
                          const void **body_out)
{
    const struct q_orders *q = body;
    struct page page = {.x = x,
                        .account = account,
                        .query = q,
                        .owned = &x->orders->by_account,
                        .from = q->from,
                        .last = x->head.order_last,
                        .limit = q->limit,
                        .row_size = sizeof(struct order_info),
                        .fill = order_info_fill};
    *answer_out = &a_orders_message;
    if (account == 0)
        return REFUSAL_unknown_account;
    if (q->order != 0)
        return page_one(&page, q->order, arena, body_out);
    /* Who sees all and names nobody gets all. */
    if (q->account == 0 && query_sees_all(x, account)) {
        page.owned = NULL;
    } else {
        enum refusal refusal = query_subject(x, account, q->account, &page.owner);
        if (refusal != REFUSAL_accepted)
            return refusal;
    }
    *body_out = page_run(&page, arena);
    return REFUSAL_accepted;
}

/* --- Leases -------------------------------------------------------------------------------- */

static bool lease_visible(const struct exchange *x, uint32_t account, const struct lease_row *row)
{
    return row != NULL && account != 0 &&
           (row->holder == account || row->operator== account || query_sees_all(x, account));
}

/* The least GPUs that are not sold at any time from now to the lease's end. */
static uint32_t lease_unsold_now(const struct exchange *x, const struct lease_row *row)
{
    struct lease_row view = pause_view(x, row);
    uint64_t now_s = minute_ceil(x->head.time_s);
    uint64_t from_s = row->start_s > now_s ? row->start_s : now_s;
    return from_s < view.end_s ? relief_unsold(x, row, from_s, view.end_s) : 0;
}

static bool lease_fill(const struct page *page, uint64_t serial, struct arena *arena, void *row_out)
{
    (void)arena;
    const struct exchange *x = page->x;
    const struct q_leases *q = page->query;
    const struct lease_row *row = lease_find(x, serial);
    if (!lease_visible(x, page->account, row))
        return false;
    enum lease_state state = lease_state_now(x, row);
    if ((q->order != 0 && row->order != q->order) ||
        (q->account != 0 && row->holder != q->account && row->operator!= q->account) ||
        (q->live_only && (state == LEASE_STATE_SETTLED || state == LEASE_STATE_FAILED)))
        return false;
    enum lease_end_reason reason = lease_end_reason_now(x, row);
    uint64_t paused_s = pause_since(x, row);
    const struct offer_row *offer = offer_row_find(x, row->offer);
    *(struct lease_info *)row_out = (struct lease_info){
        .lease = row->lease,
        .order = row->order,
        .offer = row->offer,
        .site = row->site,
        .sku = row->sku,
        .holder = row->holder,
        .operator= row->operator,
        .state = state,
        .end_reason = reason,
        .ended_by = lease_end_party(reason),
        .gpus = row->gpus,
        .start_s = row->start_s,
        .end_s = row->end_s,
        .activate_by_s = paused_s == 0 ? lease_activate_by(x, row) : 0,
        .activated_s = row->activated_s,
        .price_ucr = row->price_ucr,
        .meter_period_min = row->meter_period_min,
        .periods = lease_periods(row),
        .periods_settled = row->periods_settled,
        .cost_ucr = row->cost_ucr,
        .escrow_ucr = settlement_held(x, row),
        .paid_ucr = row->paid_ucr,
        .refunded_ucr = row->refunded_ucr,
        .gpu_minutes_delivered = row->gpu_minutes_delivered,
        .billing = row->billing,
        .least_charge_ppm = row->least_charge_ppm,
        .elastic = row->elastic != 0,
        .paused_until_s = paused_s != 0 ? pause_until(x, row, paused_s) : 0,
        .parent = row->parent,
        .resale_offer = resale_offer_now(x, row),
        .gpu_minutes_sold = row->gpu_minutes_sold,
        .preemptible = row->preemptible != 0,
        .notice_min = offer != NULL ? offer->notice_min : 0,
        .gpus_unsold = lease_unsold_now(x, row),
        .elected = row->elected != 0,
        .carbon_g_per_kwh = row->carbon_g_per_kwh,
        .index = row->index,
    };
    return true;
}

/* The leases of an order are among those of its account, from its first on. */
static void leases_of_order(const struct exchange *x, uint64_t order, struct page *page)
{
    const struct order_row *row = order_find(x, order);
    page->owned = row != NULL ? &x->leases->by_holder : NULL;
    page->owner = row != NULL ? row->account : 0;
    page->last = 0;
    if (row != NULL && row->lease_first != 0 && page->from < row->lease_first)
        page->from = row->lease_first;
}

enum refusal query_leases(const struct exchange *x, uint32_t account, const void *body,
                          struct arena *arena, const struct message **answer_out,
                          const void **body_out)
{
    const struct q_leases *q = body;
    struct page page = {.x = x,
                        .account = account,
                        .query = q,
                        .from = q->from,
                        .last = x->head.lease_last,
                        .limit = q->limit,
                        .row_size = sizeof(struct lease_info),
                        .fill = lease_fill};
    *answer_out = &a_leases_message;
    if (account == 0)
        return REFUSAL_unknown_account;
    if (q->lease != 0)
        return page_one(&page, q->lease, arena, body_out);
    if (q->order != 0) {
        leases_of_order(x, q->order, &page);
    } else if (q->account != 0 || !query_sees_all(x, account)) {
        enum refusal refusal = query_subject(x, account, q->account, &page.owner);
        if (refusal != REFUSAL_accepted)
            return refusal;
        /* An operator may hold leases of others, too. */
        page.owned = &x->leases->by_holder;
        page.also = &x->leases->by_operator;
    }
    *body_out = page_run(&page, arena);
    return REFUSAL_accepted;
}

/* --- Periods ------------------------------------------------------------------------------- */

static struct period_info period_info_of(const struct exchange *x, const struct lease_row *lease,
                                         uint32_t period)
{
    bool waits = lease->paused_s != 0 && lease_period_start(lease, period) >= lease->paused_s;
    const struct period_row *row = period_find(x, lease->lease, period);
    struct period_info info = {
        .lease = lease->lease,
        .period = period,
        .state = period_state(row),
        .start_s = lease_period_start(lease, period),
        .end_s = lease_period_end(lease, period),
        .gpu_minutes_due = lease_period_gpu_minutes(x, lease, period),
        .gpu_minutes_available = lease_period_available(x, lease, period),
    };
    if (row != NULL) {
        bool settled = row->state == PERIOD_STATE_SETTLED;
        info.gpu_minutes_metered = row->gpu_minutes_metered;
        info.gpu_minutes_charged =
            settled ? row->gpu_minutes_settled : period_charge(x, lease, row);
        info.gpu_minutes_claimed = row->gpu_minutes_claimed;
        info.gpu_minutes_settled = row->gpu_minutes_settled;
    }
    if (info.state == PERIOD_STATE_OPEN && !waits)
        info.deadline_s = lease_meter_by(x, lease, period);
    else if (info.state == PERIOD_STATE_METERED)
        info.deadline_s = lease_dispute_by(x, row);
    return info;
}

/* `from` and `next` count periods, the first one being 0. */
enum refusal query_periods(const struct exchange *x, uint32_t account, const void *body,
                           struct arena *arena, const struct message **answer_out,
                           const void **body_out)
{
    const struct q_periods *q = body;
    const struct lease_row *lease = lease_find(x, q->lease);
    *answer_out = &a_periods_message;
    if (!lease_visible(x, account, lease))
        return REFUSAL_not_found;
    struct a_periods *answer = query_alloc(arena, sizeof(*answer));
    uint32_t rows_max = query_page_rows(q->limit);
    struct period_info *rows = query_alloc(arena, rows_max * sizeof(*rows));
    struct lease_row view = pause_view(x, lease);
    uint32_t periods = lease_periods(&view);
    uint32_t count = 0;
    uint64_t period = q->from;
    for (; period < periods && count < rows_max; period++)
        rows[count++] = period_info_of(x, &view, (uint32_t)period);
    answer->next = period < periods ? period : 0;
    answer->rows.items = rows;
    answer->rows.count = count;
    *body_out = answer;
    return REFUSAL_accepted;
}
