/*
 * The books of a scenario's exchange, as its reports tell them: the statements of all accounts add
 * up to a trial balance, and what usage bills each account is what it paid for leases.
 */
#include "tests/server/exchange/scenario_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/month.h"
#include "server/report/report.h"

/* Of larger worlds the statements would take too long. */
enum { BOOK_ACCOUNTS_MAX = 100 };

struct books {
    struct scenario *s;
    struct source source;
    struct report *report;
    struct a_report page;
    uint32_t series_count;
    uint64_t *minted; /* by series */
    uint64_t *held;
};

static bool book_open(struct books *b, const struct q_report *q, uint32_t account)
{
    enum refusal refusal;
    report_free(b->report);
    b->report = NULL;
    if (report_make(q, account, &b->source, &b->report, &refusal) != 0 || b->report == NULL)
        return false;
    b->page = report_page(b->report, 0, true);
    return true;
}

static struct report_cell book_cell(const struct books *b, const struct report_row *row,
                                    const char *column)
{
    const struct report_table *table = &b->page.tables.items[row->table];
    for (uint32_t i = 0; i < table->columns.count; i++) {
        struct text name = table->columns.items[i].name;
        if (name.length == strlen(column) && memcmp(name.data, column, name.length) == 0)
            return row->cells.items[i];
    }
    return (struct report_cell){.number = REPORT_NONE};
}

/* Lines of one account's ledger, of the first table; opening and movements give closing. */
static void statement_add(struct books *b)
{
    for (uint32_t i = 0; i < b->page.rows.count; i++) {
        const struct report_row *row = &b->page.rows.items[i];
        if (row->table != 0)
            break;
        uint64_t series = book_cell(b, row, "series").number;
        struct text kind = book_cell(b, row, "kind").text;
        uint64_t opening = book_cell(b, row, "opening_ucr").number;
        uint64_t debits = book_cell(b, row, "debits_ucr").number;
        uint64_t credits = book_cell(b, row, "credits_ucr").number;
        uint64_t closing = book_cell(b, row, "closing_ucr").number;
        bool minted = kind.length == strlen("minted") && memcmp(kind.data, "minted", 6) == 0;
        uint64_t moved = minted ? debits - credits : credits - debits;
        if (opening + moved != closing)
            scenario_fail(b->s, "a statement does not add up");
        if (series < b->series_count)
            *(minted ? &b->minted[series] : &b->held[series]) += closing;
    }
}

/* Statements of all accounts up to the end of a month. */
static void balance_check(struct books *b, const struct head_row *head, uint32_t month)
{
    const struct q_report q = {
        .kind = REPORT_KIND_STATEMENT,
        .from_s = month_start_s(month),
        .until_s = month_start_s(month + 1),
    };
    memset(b->minted, 0, b->series_count * sizeof(*b->minted));
    memset(b->held, 0, b->series_count * sizeof(*b->held));
    for (uint32_t account = 1; account <= head->account_last; account++) {
        if (book_open(b, &q, account))
            statement_add(b);
        else
            scenario_fail(b->s, "account %u has no statement", account);
    }
    for (uint32_t series = 0; series < b->series_count; series++) {
        if (b->minted[series] != b->held[series])
            scenario_fail(b->s, "the trial balance of series %u does not hold", series);
    }
}

/* What an account paid for leases, as different rows say. */
struct spent {
    uint32_t account; /* 0: all */
    uint64_t leases;  /* of the holder, whoever paid it */
    uint64_t flows;
};

static int lease_paid(void *context, const void *found)
{
    struct spent *s = context;
    s->leases += ((const struct lease_row *)found)->paid_ucr;
    return 0;
}

/* Gains of resale are paid for leases, too, but not to their operators. */
static int flow_paid(void *context, const void *found)
{
    struct spent *s = context;
    const struct flow_row *row = found;
    bool gain = row->kind == FLOW_KIND_RESALE;
    if (s->account != 0 && row->payer != s->account)
        return 0;
    if (gain || row->kind == FLOW_KIND_LEASE || row->kind == FLOW_KIND_ELECTED)
        s->flows += row->amount_ucr;
    if (gain)
        s->leases += row->amount_ucr;
    return 0;
}

/* What the rows of leases bill this account; 0: all. */
static uint64_t usage_billed(const struct books *b, uint32_t account)
{
    char id[16];
    uint64_t billed = 0;
    size_t length = (size_t)snprintf(id, sizeof(id), "%u", account);
    for (uint32_t i = 0; i < b->page.rows.count; i++) {
        const struct report_row *row = &b->page.rows.items[i];
        struct text whose = book_cell(b, row, "BillingAccountId").text;
        bool asked =
            account == 0 || (whose.length == length && memcmp(whose.data, id, length) == 0);
        if (asked && book_cell(b, row, "ResourceId").text.length > 0)
            billed += book_cell(b, row, "BilledCost").number;
    }
    return billed;
}

static void usage_check(struct books *b, const struct store *store, uint32_t account)
{
    const struct q_report q = {.kind = REPORT_KIND_USAGE};
    struct spent spent = {.account = account};
    store_each(store, TABLE_LEASE, lease_paid, &spent);
    store_each(store, TABLE_FLOW, flow_paid, &spent);
    if (!book_open(b, &q, account))
        return; /* too large */
    uint64_t billed = usage_billed(b, account);
    if ((account == 0 && billed != spent.leases) || billed != spent.flows)
        scenario_fail(b->s, "usage bills account %u %llu, leases paid %llu, flows say %llu",
                      account, (unsigned long long)billed, (unsigned long long)spent.leases,
                      (unsigned long long)spent.flows);
}

void books_check(struct scenario *s)
{
    const struct store *store = exchange_store(s->world.x);
    uint32_t id = 0;
    const struct head_row *head = store_find(store, TABLE_HEAD, &id);
    if (head == NULL || head->account_last > BOOK_ACCOUNTS_MAX)
        return;
    struct books b = {
        .s = s,
        .source = source_of_store(store),
        .series_count = head->series_last + 1,
    };
    b.minted = calloc(b.series_count, sizeof(*b.minted));
    b.held = calloc(b.series_count, sizeof(*b.held));
    if (b.minted == NULL || b.held == NULL)
        abort();
    uint32_t month = month_of(head->time_s);
    balance_check(&b, head, month);
    balance_check(&b, head, month - 1);
    for (uint32_t account = 0; account <= head->account_last; account++)
        usage_check(&b, store, account);
    report_free(b.report);
    free(b.minted);
    free(b.held);
}
