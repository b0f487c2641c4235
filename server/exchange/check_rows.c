/* The rows themselves: what they name is there, and what they add up to is what the ledger says. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/buffer.h"
#include "server/exchange/account.h"
#include "server/exchange/check.h"
#include "server/exchange/ledger_index.h"
#include "server/exchange/relief.h"
#include "server/exchange/series.h"

/* --- References --- */

struct references {
    const struct exchange *x;
    struct check_report *report; /* may be NULL */
    uint64_t count;
};

static void reference_found(struct references *r, const char *what, uint64_t number,
                            const char *fault)
{
    r->count++;
    if (r->report)
        check_found(r->report, "%s %llu: %s", what, (unsigned long long)number, fault);
}

static bool account_there(const struct references *r, uint32_t account)
{
    return account <= ACCOUNTS_MAX && account_role(r->x, account) != 0;
}

static bool series_there(const struct references *r, uint32_t series)
{
    return series_find(r->x, series) != NULL;
}

static int account_visit(void *context, const void *item)
{
    struct references *r = context;
    const struct account_row *row = item;
    if (row->account == 0 || row->account > r->x->head.account_last)
        reference_found(r, "account", row->account, "beyond the last one issued");
    if (!vocabulary_name(&role_vocabulary, row->role) ||
        !vocabulary_name(&account_state_vocabulary, row->state))
        reference_found(r, "account", row->account, "of no known role or state");
    return 0;
}

static int key_visit(void *context, const void *item)
{
    struct references *r = context;
    const struct key_row *row = item;
    if (!account_there(r, row->account))
        reference_found(r, "further key of account", row->account, "no such account");
    if (row->slot >= KEYS_PER_ACCOUNT_MAX || (row->scopes & ~SCOPE_ANY) != 0)
        reference_found(r, "further key of account", row->account, "of no known slot or scope");
    return 0;
}

static int rule_visit(void *context, const void *item)
{
    struct references *r = context;
    const struct rule_row *row = item;
    if (row->rule == 0 || row->rule > r->x->head.rule_last)
        reference_found(r, "rule", row->rule, "beyond the last one issued");
    if (!account_there(r, row->account))
        reference_found(r, "rule", row->rule, "of no known account");
    if (!vocabulary_name(&rule_state_vocabulary, row->state) ||
        !vocabulary_name(&profile_vocabulary, row->profile))
        reference_found(r, "rule", row->rule, "of no known state or profile");
    if (!refusal_is_known(row->last_refusal))
        reference_found(r, "rule", row->rule, "of no known refusal");
    if (row->skus_count > ORDER_SKUS_MAX || row->regions_count > FILTER_PLACES_MAX ||
        row->jurisdictions_count > FILTER_PLACES_MAX ||
        row->certifications_count > ORDER_CERTIFICATIONS_MAX ||
        row->escrow_series > ORDER_SERIES_MAX)
        reference_found(r, "rule", row->rule, "names more than it can");
    return 0;
}

static int series_visit(void *context, const void *item)
{
    struct references *r = context;
    const struct series_row *row = item;
    if (row->series == 0 || row->series > r->x->head.series_last)
        reference_found(r, "series", row->series, "beyond the last one issued");
    if (!account_there(r, row->funder) || !account_there(r, row->expired_to))
        reference_found(r, "series", row->series, "its funder or expired_to is no account");
    if (row->skus_count > SERIES_SKUS_MAX || row->regions_count > SERIES_REGIONS_MAX)
        reference_found(r, "series", row->series, "names more SKUs or regions than it can");
    return 0;
}

static int token_visit(void *context, const void *item)
{
    struct references *r = context;
    const struct token_row *row = item;
    if (row->token == 0 || row->token > r->x->head.token_last)
        reference_found(r, "token", row->token, "beyond the last one issued");
    if (!account_there(r, row->owner) || !series_there(r, row->series))
        reference_found(r, "token", row->token, "its owner or series does not exist");
    if (row->amount_ucr == 0)
        reference_found(r, "token", row->token, "holds nothing");
    return 0;
}

static int gift_visit(void *context, const void *item)
{
    struct references *r = context;
    const struct gift_row *row = item;
    if (row->gift == 0 || row->gift > r->x->head.gift_last)
        reference_found(r, "gift", row->gift, "beyond the last one issued");
    if (!account_there(r, row->giver) || !series_there(r, row->series))
        reference_found(r, "gift", row->gift, "its giver or series does not exist");
    return 0;
}

static int ledger_visit(void *context, const void *item)
{
    struct references *r = context;
    const struct ledger_row *row = item;
    if (!account_there(r, row->account) || !series_there(r, row->series))
        reference_found(r, "ledger account of series", row->series,
                        "its holder or series does not exist");
    if (!vocabulary_name(&ledger_kind_vocabulary, row->kind))
        reference_found(r, "ledger account of series", row->series, "of no known kind");
    return 0;
}

static int request_visit(void *context, const void *item)
{
    struct references *r = context;
    const struct request_row *row = item;
    if (row->account > 0 && !account_there(r, row->account))
        reference_found(r, "request of account", row->account, "no such account");
    if (row->index >= r->x->head.log_size)
        reference_found(r, "request of account", row->account, "its event is not in the log");
    return 0;
}

static int outage_visit(void *context, const void *item)
{
    struct references *r = context;
    const struct outage_row *row = item;
    const struct head_row *head = &r->x->head;
    if (row->outage == 0 || row->outage > head->outage_last ||
        row->outage + OUTAGES_KEPT_MAX <= head->outage_last)
        reference_found(r, "outage", row->outage, "not among those kept");
    if (row->from_s >= row->to_s || row->to_s > head->time_s)
        reference_found(r, "outage", row->outage, "ends before it begins, or in the future");
    return 0;
}

/* Of most things none is ever removed, of outages and trades only the oldest: as many rows are
 * there as were issued. So whoever makes room for as many finds it no larger than the image. */
static void counts_visit(struct references *r)
{
    const struct head_row *head = &r->x->head;
    const struct {
        enum table table;
        uint64_t last;
        uint64_t most; /* of them are kept */
        const char *name;
    } counts[] = {
        {TABLE_ACCOUNT, head->account_last, UINT64_MAX, "accounts"},
        {TABLE_SERIES, head->series_last, UINT64_MAX, "series"},
        {TABLE_SKU, head->sku_last, UINT64_MAX, "SKUs"},
        {TABLE_SITE, head->site_last, UINT64_MAX, "sites"},
        {TABLE_OFFER, head->offer_last, UINT64_MAX, "offers"},
        {TABLE_ORDER, head->order_last, UINT64_MAX, "orders"},
        {TABLE_LEASE, head->lease_last, UINT64_MAX, "leases"},
        {TABLE_RULE, head->rule_last, UINT64_MAX, "rules"},
        {TABLE_TRADE, head->trade_last, TRADES_KEPT_MAX, "trades"},
        {TABLE_OUTAGE, head->outage_last, OUTAGES_KEPT_MAX, "outages"},
    };
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        uint64_t kept = counts[i].last < counts[i].most ? counts[i].last : counts[i].most;
        if (store_count(r->x->store, counts[i].table) != kept)
            reference_found(r, counts[i].name, kept, "issued, but not all are there");
    }
    if (relief_kept_out(r->x) > 0)
        reference_found(r, "reliefs", relief_kept_out(r->x), "do not fit their leases");
}

uint64_t check_references(const struct exchange *x, struct check_report *report)
{
    struct references r = {.x = x, .report = report};
    counts_visit(&r);
    store_each(x->store, TABLE_ACCOUNT, account_visit, &r);
    store_each(x->store, TABLE_KEY, key_visit, &r);
    store_each(x->store, TABLE_RULE, rule_visit, &r);
    store_each(x->store, TABLE_SERIES, series_visit, &r);
    store_each(x->store, TABLE_TOKEN, token_visit, &r);
    store_each(x->store, TABLE_GIFT, gift_visit, &r);
    store_each(x->store, TABLE_LEDGER, ledger_visit, &r);
    store_each(x->store, TABLE_REQUEST, request_visit, &r);
    store_each(x->store, TABLE_OUTAGE, outage_visit, &r);
    return r.count + check_contract_references(x, report) + check_revshare_rows(x, report) +
           check_backstop_rows(x, report) + check_grant_references(x, report) +
           check_control_references(x, report);
}

/* --- Holdings --- */

/* What one row adds to a ledger account; of the ledger's own rows, what it takes away. */
struct holding {
    uint32_t account;
    uint32_t series;
    uint32_t kind;
    bool is_ledger;
    amount holds;
};

struct holdings {
    const struct exchange *x;
    struct buffer items; /* struct holding */
};

static void holding_add(struct holdings *h, struct holding item)
{
    buffer_append(&h->items, &item, sizeof(item));
}

static int token_collect(void *context, const void *item)
{
    const struct token_row *row = item;
    holding_add(context,
                (struct holding){row->owner, row->series, LEDGER_TOKENS, false, row->amount_ucr});
    return 0;
}

static int gift_collect(void *context, const void *item)
{
    const struct gift_row *row = item;
    holding_add(context,
                (struct holding){row->giver, row->series, LEDGER_GIFTS, false, row->amount_ucr});
    return 0;
}

static int escrow_collect(void *context, const void *item)
{
    struct holdings *h = context;
    const struct escrow_row *row = item;
    holding_add(h,
                (struct holding){row->owner, row->series, LEDGER_ESCROW, false, row->amount_ucr});
    return 0;
}

static int ledger_collect(void *context, const void *item)
{
    const struct ledger_row *row = item;
    if (row->kind == LEDGER_TOKENS || row->kind == LEDGER_GIFTS || row->kind == LEDGER_ESCROW)
        holding_add(context, (struct holding){row->account, row->series, row->kind, true,
                                              ledger_row_holds(row)});
    return 0;
}

static int holding_compare(const void *a, const void *b)
{
    const struct holding *left = a;
    const struct holding *right = b;
    if (left->account != right->account)
        return left->account < right->account ? -1 : 1;
    if (left->series != right->series)
        return left->series < right->series ? -1 : 1;
    return (left->kind > right->kind) - (left->kind < right->kind);
}

static void holdings_compare(const struct holding *items, size_t count, struct check_report *report)
{
    for (size_t first = 0, end; first < count; first = end) {
        amount rows = 0;
        amount ledger = 0;
        for (end = first; end < count && holding_compare(&items[end], &items[first]) == 0; end++) {
            if (items[end].is_ledger)
                ledger += items[end].holds;
            else
                rows += items[end].holds;
        }
        char rows_text[AMOUNT_TEXT_BYTES], ledger_text[AMOUNT_TEXT_BYTES];
        if (rows != ledger)
            check_found(report, "account %u: %s of series %u are %s, the ledger says %s",
                        items[first].account,
                        vocabulary_name(&ledger_kind_vocabulary, items[first].kind),
                        items[first].series, amount_format(rows, rows_text),
                        amount_format(ledger, ledger_text));
    }
}

void check_holdings(const struct exchange *x, struct check_report *report)
{
    struct holdings h = {.x = x, .items = BUFFER_EMPTY};
    store_each(x->store, TABLE_TOKEN, token_collect, &h);
    store_each(x->store, TABLE_GIFT, gift_collect, &h);
    store_each(x->store, TABLE_ESCROW, escrow_collect, &h);
    store_each(x->store, TABLE_LEDGER, ledger_collect, &h);
    if (h.items.status)
        memory_exhausted();
    struct holding *items = (struct holding *)(void *)h.items.data;
    size_t count = h.items.length / sizeof(*items);
    if (count > 0)
        qsort(items, count, sizeof(*items), holding_compare);
    holdings_compare(items, count, report);
    buffer_release(&h.items);
}
