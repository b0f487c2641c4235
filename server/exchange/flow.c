#include "server/exchange/flow.h"

#include <stdlib.h>

#include "server/exchange/index.h"
#include "server/exchange/query.h"

static const struct flow_row *flow_find(const struct exchange *x, uint64_t flow)
{
    return store_find(x->store, TABLE_FLOW, &flow);
}

/* --- Index --- */

static int line_compare(const struct flow_line *a, const struct flow_line *b)
{
    int order = number_compare(a->month_s, b->month_s);
    order = order != 0 ? order : number_compare(a->payer, b->payer);
    order = order != 0 ? order : number_compare(a->payee, b->payee);
    order = order != 0 ? order : number_compare(a->series, b->series);
    order = order != 0 ? order : number_compare(a->kind, b->kind);
    order = order != 0 ? order : number_compare(a->site, b->site);
    return order != 0 ? order : number_compare(a->sku, b->sku);
}

TREE_GENERATE(flow_tree, flow_line, link, line_compare)

static struct flow_line line_of(const struct flow_row *row)
{
    return (struct flow_line){
        .month_s = row->month_s,
        .kind = row->kind,
        .payer = row->payer,
        .payee = row->payee,
        .series = row->series,
        .site = row->site,
        .sku = row->sku,
        .flow = row->flow,
    };
}

uint64_t flow_number(const struct exchange *x, const struct flow_row *row)
{
    struct flow_line key = line_of(row);
    const struct flow_line *line = RB_FIND(flow_tree, &x->flows->lines, &key);
    return line ? line->flow : 0;
}

static bool flow_lives(const void *context, uint32_t account, uint64_t serial)
{
    const struct flow_row *row = flow_find(context, serial);
    return row && (row->payer == account || row->payee == account);
}

/* Drops the lines of all months before `month_s`. */
static void lines_drop(struct flow_index *index, uint64_t month_s)
{
    struct flow_line *line;
    while ((line = RB_MIN(flow_tree, &index->lines)) != NULL && line->month_s < month_s) {
        RB_REMOVE(flow_tree, &index->lines, line);
        free(line);
    }
    index->settled_s = month_s;
}

static void line_add(struct exchange *x, const struct flow_row *row)
{
    struct flow_line key = line_of(row);
    /* While the image is loaded, month by month, nothing is undone, and there may be many. */
    if (x->head.group == 0 && row->month_s > x->flows->settled_s)
        lines_drop(x->flows, row->month_s);
    if (RB_FIND(flow_tree, &x->flows->lines, &key))
        return; /* of a damaged image; the check reports it */
    struct flow_line *line = memory_zeroed(1, sizeof(*line));
    *line = key;
    RB_INSERT(flow_tree, &x->flows->lines, line);
    owned_add(&x->flows->by_account, row->payer, row->flow);
    if (row->payee != row->payer)
        owned_add(&x->flows->by_account, row->payee, row->flow);
}

static void line_remove(struct exchange *x, const struct flow_row *row)
{
    struct flow_line key = line_of(row);
    struct flow_line *line = RB_FIND(flow_tree, &x->flows->lines, &key);
    if (line) {
        RB_REMOVE(flow_tree, &x->flows->lines, line);
        free(line);
    }
    owned_remove(&x->flows->by_account, row->payer, row->flow);
    if (row->payee != row->payer)
        owned_remove(&x->flows->by_account, row->payee, row->flow);
}

static void flow_hook(void *context, const void *old_row, const void *new_row)
{
    if (!old_row)
        line_add(context, new_row);
    else if (!new_row)
        line_remove(context, old_row);
}

void flow_index_new(struct exchange *x)
{
    x->flows = memory_zeroed(1, sizeof(*x->flows));
    owned_init(&x->flows->by_account, flow_lives, x);
    RB_INIT(&x->flows->lines);
    store_set_hook(x->store, TABLE_FLOW, flow_hook, x);
}

void flow_index_settle(struct exchange *x)
{
    exchange_month(x);
    if (x->flows->settled_s != x->month_from_s)
        lines_drop(x->flows, x->month_from_s);
    owned_settle(&x->flows->by_account);
}

void flow_index_free(struct exchange *x)
{
    if (!x->flows)
        return;
    lines_drop(x->flows, UINT64_MAX);
    owned_release(&x->flows->by_account);
    free(x->flows);
    x->flows = NULL;
}

/* --- Adding --- */

void flow_add(struct exchange *x, const struct flow *why, uint32_t payer, uint32_t payee,
              uint32_t series, amount a)
{
    if (a == 0 && why->gpu_minutes == 0)
        return;
    exchange_month(x);
    struct flow_row row = {
        .month_s = x->month_from_s,
        .kind = (uint32_t)why->kind,
        .payer = payer,
        .payee = payee,
        .series = series,
        .site = why->site,
        .sku = why->sku,
    };
    row.flow = flow_number(x, &row);
    if (row.flow != 0)
        row = *flow_find(x, row.flow);
    else
        row.flow = store_count(x->store, TABLE_FLOW) + 1; /* none ever goes */
    /* The same credits may go round more often than one number counts. */
    row.amount_ucr = row.amount_ucr > UINT64_MAX - a ? UINT64_MAX : row.amount_ucr + a;
    row.gpu_minutes += why->gpu_minutes;
    store_put(x->store, TABLE_FLOW, &row);
}

void flow_add_shares(struct exchange *x, const struct flow *why, uint32_t payer, uint32_t payee,
                     const struct share *shares, uint32_t count)
{
    struct flow each = *why;
    for (uint32_t i = 0; i < count; i++) {
        flow_add(x, &each, payer, payee, shares[i].series, shares[i].amount_ucr);
        each.gpu_minutes = 0;
    }
}

/* --- Query --- */

static bool flow_wanted(const struct q_flows *q, const struct flow_row *row)
{
    return row->month_s >= q->from_s && (q->until_s == 0 || row->month_s < q->until_s);
}

static struct flow_info flow_shown(const struct flow_row *row)
{
    return (struct flow_info){
        .month_s = row->month_s,
        .kind = row->kind,
        .payer = row->payer,
        .payee = row->payee,
        .series = row->series,
        .site = row->site,
        .sku = row->sku,
        .amount_ucr = row->amount_ucr,
        .gpu_minutes = row->gpu_minutes,
    };
}

/* The next flow at or above `from` of the account, of everybody for 0; 0: none, or no looks left,
 * *resume_out then saying where to go on. */
static uint64_t flow_next(const struct exchange *x, uint32_t account, uint64_t from,
                          uint32_t *looks_left, uint64_t *resume_out)
{
    *resume_out = 0;
    if (account != 0)
        return owned_next(&x->flows->by_account, account, from, looks_left, resume_out);
    if (from > store_count(x->store, TABLE_FLOW))
        return 0;
    if (*looks_left == 0) {
        *resume_out = from;
        return 0;
    }
    --*looks_left;
    return from;
}

enum refusal query_flows(const struct exchange *x, uint32_t account, const void *body,
                         struct arena *arena, const struct message **answer_out,
                         const void **body_out)
{
    const struct q_flows *q = body;
    uint32_t subject;
    enum refusal refusal = query_subject(x, account, q->account, &subject);
    if (refusal)
        return refusal;
    if (q->account == 0 && query_sees_all(x, account))
        subject = 0;
    uint32_t rows_max = query_page_rows(q->limit);
    struct a_flows *answer = query_alloc(arena, sizeof(*answer));
    struct flow_info *rows = query_alloc(arena, rows_max * sizeof(*rows));
    uint32_t looks = QUERY_LOOKS_MAX;
    uint64_t from = q->from > 0 ? q->from : 1;
    for (uint64_t flow; (flow = flow_next(x, subject, from, &looks, &answer->next)) != 0;
         from = flow + 1) {
        const struct flow_row *row = flow_find(x, flow);
        if (!row || !flow_wanted(q, row))
            continue;
        if (answer->rows.count == rows_max) {
            answer->next = flow;
            break;
        }
        rows[answer->rows.count++] = flow_shown(row);
    }
    answer->rows.items = rows;
    *answer_out = &a_flows_message;
    *body_out = answer;
    return REFUSAL_accepted;
}
