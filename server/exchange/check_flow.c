/* Flows against the rows that say what was paid and by whom, and against what left each account's
 * escrow; and the closings of the ledger against its accounts. */
#include <stdlib.h>

#include "protocol/amount.h"
#include "protocol/month.h"
#include "server/exchange/check.h"
#include "server/exchange/flow.h"
#include "server/exchange/index.h"
#include "server/exchange/ledger.h"
#include "server/exchange/ledger_index.h"
#include "server/exchange/lease.h"

/* --- Flows --- */

static wide debits_of(const struct ledger_row *row)
{
    return (wide)row->debits_high << 64 | row->debits_low;
}

/* What an account has paid for leases. */
struct payer_sums {
    wide flows; /* of kinds lease and elected */
    wide rows;  /* of the leases that it holds less what others paid of them, and of others' */
    wide flows_gain;
    wide rows_gain;
};

/* What has left the escrow of an account in one series, as its flows say. */
struct spending {
    uint32_t account;
    uint32_t series;
    wide amount_ucr;
};

struct flow_sums {
    const struct exchange *x;
    struct check_report *report;
    struct payer_sums *payers; /* by account, 0 that of none; owned */
    amount *payments;          /* by lease, what its payments come to; owned */
    struct spending *spent;    /* one of each flow out of escrow; owned */
    size_t spent_count;
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

static struct payer_sums *payer_of(struct flow_sums *s, uint32_t account)
{
    return &s->payers[account <= s->x->head.account_last ? account : 0];
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
    bool lease = row->kind == FLOW_KIND_LEASE || row->kind == FLOW_KIND_ELECTED;
    if (lease)
        payer_of(s, row->payer)->flows += row->amount_ucr;
    if (row->kind == FLOW_KIND_RESALE)
        payer_of(s, row->payer)->flows_gain += row->amount_ucr;
    if (lease || row->kind == FLOW_KIND_RESALE)
        s->spent[s->spent_count++] = (struct spending){row->payer, row->series, row->amount_ucr};
    return 0;
}

static int lease_visit(void *context, const void *item)
{
    struct flow_sums *s = context;
    const struct lease_row *row = item;
    char sum[AMOUNT_TEXT_BYTES], paid[AMOUNT_TEXT_BYTES];
    amount payments = row->lease <= s->x->head.lease_last ? s->payments[row->lease] : 0;
    s->leases += row->paid_ucr;
    payer_of(s, row->holder)->rows += row->paid_ucr;
    if (payments != 0 && payments != row->paid_ucr)
        check_found(s->report, "payments: those of lease %llu come to %s, it paid %s",
                    (unsigned long long)row->lease, amount_format(payments, sum),
                    amount_format(row->paid_ucr, paid));
    return 0;
}

/* A part that another than the holder paid is that one's. */
static int payment_visit(void *context, const void *item)
{
    struct flow_sums *s = context;
    const struct payment_row *row = item;
    const struct lease_row *lease = lease_find(s->x, row->lease);
    const struct period_row *period = period_find(s->x, row->lease, row->period);
    if (!lease || !period || period->state != PERIOD_STATE_SETTLED || lease->parent == 0) {
        check_found(s->report, "payments: one of lease %llu is of no settled period of a sale",
                    (unsigned long long)row->lease);
        return 0;
    }
    const struct payment_row of_holder = {
        .lease = row->lease, .period = row->period, .payer = lease->holder};
    if (!store_find(s->x->store, TABLE_PAYMENT, &of_holder))
        check_found(s->report, "payments: period %u of lease %llu lacks that of its holder",
                    row->period, (unsigned long long)row->lease);
    if (row->lease <= s->x->head.lease_last)
        s->payments[row->lease] += row->amount_ucr;
    if (row->payer == lease->holder)
        return 0;
    payer_of(s, lease->holder)->rows -= row->amount_ucr;
    payer_of(s, row->payer)->rows += row->amount_ucr;
    return 0;
}

static int sale_visit(void *context, const void *item)
{
    struct flow_sums *s = context;
    const struct relief_row *row = item;
    const struct lease_row *sold =
        row->kind == RELIEF_KIND_SALE ? lease_find(s->x, row->sold) : NULL;
    if (sold)
        payer_of(s, sold->holder)->rows_gain += row->gain_ucr;
    else if (row->gain_ucr != 0)
        check_found(s->report, "relief %u of lease %llu: a gain of no sale", row->relief,
                    (unsigned long long)row->lease);
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

static void payers_check(const struct flow_sums *s)
{
    for (uint32_t i = 0; i <= s->x->head.account_last; i++) {
        const struct payer_sums *p = &s->payers[i];
        if (p->flows != p->rows)
            check_found(s->report, "flows: account %u paid %s for leases, the rows say %s", i,
                        amount_format((amount)p->flows, (char[AMOUNT_TEXT_BYTES]){0}),
                        amount_format((amount)p->rows, (char[AMOUNT_TEXT_BYTES]){0}));
        if (p->flows_gain != p->rows_gain)
            check_found(s->report, "flows: account %u paid gains of %s, the sales say %s", i,
                        amount_format((amount)p->flows_gain, (char[AMOUNT_TEXT_BYTES]){0}),
                        amount_format((amount)p->rows_gain, (char[AMOUNT_TEXT_BYTES]){0}));
    }
}

static int spending_compare(const void *a, const void *b)
{
    const struct spending *one = a, *other = b;
    int order = number_compare(one->account, other->account);
    return order != 0 ? order : number_compare(one->series, other->series);
}

/* Nothing was paid out of an escrow that has not left it, whatever the rows of leases say. The rest
 * of what has left it went back, or into contracts. */
static void escrows_check(struct flow_sums *s)
{
    if (s->spent_count > 1)
        qsort(s->spent, s->spent_count, sizeof(*s->spent), spending_compare);
    for (size_t i = 0, next; i < s->spent_count; i = next) {
        wide spent = 0;
        for (next = i;
             next < s->spent_count && spending_compare(&s->spent[i], &s->spent[next]) == 0; next++)
            spent += s->spent[next].amount_ucr;
        const struct ledger_row key = {
            .account = s->spent[i].account, .series = s->spent[i].series, .kind = LEDGER_ESCROW};
        const struct ledger_row *row = store_find(s->x->store, TABLE_LEDGER, &key);
        if (spent > (row ? debits_of(row) : 0))
            check_found(s->report, "flows: account %u paid more of series %u than left its escrow",
                        key.account, key.series);
    }
}

static void flow_sums_check(struct flow_sums *s)
{
    const struct exchange *x = s->x;
    s->payers = memory_zeroed((size_t)x->head.account_last + 1, sizeof(*s->payers));
    s->payments = memory_zeroed((size_t)x->head.lease_last + 1, sizeof(*s->payments));
    s->spent = memory_zeroed((size_t)store_count(x->store, TABLE_FLOW) + 1, sizeof(*s->spent));
    store_each(x->store, TABLE_FLOW, flow_visit, s);
    store_each(x->store, TABLE_PAYMENT, payment_visit, s);
    store_each(x->store, TABLE_LEASE, lease_visit, s);
    store_each(x->store, TABLE_RELIEF, sale_visit, s);
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
    payers_check(s);
    escrows_check(s);
}

/* --- Closings --- */

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
    free(sums.payers);
    free(sums.payments);
    free(sums.spent);
    store_each(x->store, TABLE_LEDGER, ledger_visit, &scan);
    store_each(x->store, TABLE_CLOSING, closing_visit, &scan);
}
