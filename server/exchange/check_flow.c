/* Flows against the rows that say what was paid, and the closings of the ledger against its
 * accounts. */
#include "protocol/amount.h"
#include "protocol/month.h"
#include "server/exchange/check.h"
#include "server/exchange/flow.h"
#include "server/exchange/ledger.h"
#include "server/exchange/ledger_index.h"

/* --- Flows --- */

struct flow_sums {
    const struct exchange *x;
    struct check_report *report;
    wide flows[FLOW_KIND_PAYOUT + 1];
    wide leases; /* what leases have paid */
    wide shares; /* what is due of revenue shares and not claimed any more */
    wide paid_out;
    bool full; /* a flow has come to the largest amount: sums say nothing any more */
};

static bool flow_listed(const struct exchange *x, const struct flow_row *row, uint32_t account)
{
    uint32_t looks = UINT32_MAX;
    uint64_t resume;
    return account == 0 ||
           owned_next(&x->flows->by_account, account, row->flow, &looks, &resume) == row->flow;
}

static int flow_visit(void *context, const void *item)
{
    struct flow_sums *s = context;
    const struct flow_row *row = item;
    if (!vocabulary_name(&flow_kind_vocabulary, row->kind)) {
        check_found(s->report, "flows: one of account %u is of no known kind", row->payer);
        return 0;
    }
    if (month_start_s(month_of(row->month_s)) != row->month_s || row->month_s > s->x->head.time_s)
        check_found(s->report, "flows: one of account %u does not begin with a month", row->payer);
    if (row->flow == 0 || row->flow > store_count(s->x->store, TABLE_FLOW))
        check_found(s->report, "flows: one of account %u has no number of its own", row->payer);
    if (!flow_listed(s->x, row, row->payer) || !flow_listed(s->x, row, row->payee))
        check_found(s->report, "flows: %llu is not in memory among those of its accounts",
                    (unsigned long long)row->flow);
    if (row->month_s >= s->x->flows->settled_s && flow_number(s->x, row) != row->flow)
        check_found(s->report, "flows: %llu is there twice, or not in memory",
                    (unsigned long long)row->flow);
    s->flows[row->kind] += row->amount_ucr;
    s->full = s->full || row->amount_ucr == UINT64_MAX;
    return 0;
}

static int lease_visit(void *context, const void *item)
{
    struct flow_sums *s = context;
    s->leases += ((const struct lease_row *)item)->paid_ucr;
    return 0;
}

static int progress_visit(void *context, const void *item)
{
    struct flow_sums *s = context;
    s->shares += ((const struct progress_row *)item)->share_ucr;
    return 0;
}

static int contract_visit(void *context, const void *item)
{
    struct flow_sums *s = context;
    const struct contract_row *row = item;
    if (row->kind == CONTRACT_KIND_REVSHARE)
        s->shares -= row->claims_ucr;
    return 0;
}

static void sum_compare(const struct flow_sums *s, wide flows, wide rows, const char *what)
{
    char flows_text[AMOUNT_TEXT_BYTES], rows_text[AMOUNT_TEXT_BYTES];
    if (flows != rows)
        check_found(s->report, "flows: %s come to %s, the rows say %s", what,
                    amount_format((amount)flows, flows_text),
                    amount_format((amount)rows, rows_text));
}

static void flow_sums_check(struct flow_sums *s)
{
    const struct exchange *x = s->x;
    store_each(x->store, TABLE_FLOW, flow_visit, s);
    store_each(x->store, TABLE_LEASE, lease_visit, s);
    store_each(x->store, TABLE_PROGRESS, progress_visit, s);
    store_each(x->store, TABLE_CONTRACT, contract_visit, s);
    for (uint32_t series = 1; series <= x->head.series_last; series++)
        s->paid_out += ledger_total(x, series, LEDGER_PAID_OUT);
    if (s->full)
        return;
    sum_compare(s, s->flows[FLOW_KIND_LEASE] + s->flows[FLOW_KIND_ELECTED], s->leases,
                "payments of leases");
    sum_compare(s, s->flows[FLOW_KIND_SHARE], s->shares, "payments of revenue shares");
    sum_compare(s, s->flows[FLOW_KIND_PAYOUT], s->paid_out, "payouts");
}

/* --- Closings --- */

static wide debits_of(const struct ledger_row *row)
{
    return (wide)row->debits_high << 64 | row->debits_low;
}

static wide credits_of(const struct ledger_row *row)
{
    return (wide)row->credits_high << 64 | row->credits_low;
}

static int ledger_visit(void *context, const void *item)
{
    struct check_scan *s = context;
    const struct ledger_row *row = item;
    if (row->month > month_of(s->x->head.time_s))
        check_found(s->report, "ledger: account %u in series %u has changed in a month to come",
                    row->account, row->series);
    return 0;
}

/* A closing is of an account that has changed since, and whose totals have only grown. */
static int closing_visit(void *context, const void *item)
{
    struct check_scan *s = context;
    const struct closing_row *closing = item;
    struct ledger_row was = {.account = closing->account,
                             .series = closing->series,
                             .kind = closing->kind,
                             .debits_low = closing->debits_low,
                             .debits_high = closing->debits_high,
                             .credits_low = closing->credits_low,
                             .credits_high = closing->credits_high};
    const struct ledger_row *now = store_find(s->x->store, TABLE_LEDGER, &was);
    if (!now || now->month <= closing->month || debits_of(now) < debits_of(&was) ||
        credits_of(now) < credits_of(&was))
        check_found(s->report,
                    "ledger: account %u in series %u is not what comes after its closing",
                    closing->account, closing->series);
    return 0;
}

void check_flows(const struct exchange *x, struct check_report *report)
{
    struct flow_sums sums = {.x = x, .report = report};
    struct check_scan scan = {.x = x, .report = report};
    flow_sums_check(&sums);
    store_each(x->store, TABLE_LEDGER, ledger_visit, &scan);
    store_each(x->store, TABLE_CLOSING, closing_visit, &scan);
}
