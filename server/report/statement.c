/*
 * The statement of one account: each line of its ledger from opening to closing, what went to and
 * from whom, and how its contracts stand.
 *
 * The rows of one state say this of whole calendar months: a line's totals at the beginning of a
 * month are those of the LEDGER row, where that has not changed since; else of the CLOSING row of
 * the last month before in which it had. Of any other time it takes two states, that in which the
 * time began and that in which it was over; the statement is what one has more than the other.
 */
#include <string.h>

#include "protocol/amount.h"
#include "protocol/month.h"
#include "server/report/obligation.h"

/* Sums of a ledger line. */
enum { DEBITS_FROM, CREDITS_FROM, DEBITS_UNTIL, CREDITS_UNTIL };
/* Sums of a flow line. */
enum { FLOW_IN, FLOW_OUT, FLOW_IN_BEFORE, FLOW_OUT_BEFORE };

struct statement {
    struct job *j;
    struct span span;
    bool earlier; /* the rows at hand are those in which the time began */
    bool whole_months;
    uint32_t month_from;  /* the first month */
    uint32_t month_until; /* and that after the last one */
    struct tally ledger;  /* by series and kind */
    struct tally flows;   /* by month, kind, counterparty, series, site, SKU */
};

static const struct job_column ledger_columns[] = {
    {"series", CELL_KIND_NAMED},       {"kind", CELL_KIND_TEXT},
    {"opening_ucr", CELL_KIND_AMOUNT}, {"debits_ucr", CELL_KIND_AMOUNT},
    {"credits_ucr", CELL_KIND_AMOUNT}, {"closing_ucr", CELL_KIND_AMOUNT},
};
static const struct job_column flow_columns[] = {
    {"month", CELL_KIND_MONTH},   {"kind", CELL_KIND_TEXT},      {"counterparty", CELL_KIND_NAMED},
    {"series", CELL_KIND_NAMED},  {"site", CELL_KIND_NAMED},     {"sku", CELL_KIND_NAMED},
    {"in_ucr", CELL_KIND_AMOUNT}, {"out_ucr", CELL_KIND_AMOUNT},
};

/* --- Ledger --- */

/* `row` is what the line was from the end of its month on, until it changed again. Rows of a line
 * come in the order of their months, that of the present last. */
static int ledger_take(struct statement *s, const struct ledger_row *row)
{
    struct tally_line *line;
    int status = TALLY_AT(s->j, &s->ledger, &line, row->series, row->kind);
    if (status != 0)
        return status;
    wide debits = (wide)row->debits_high << 64 | row->debits_low;
    wide credits = (wide)row->credits_high << 64 | row->credits_low;
    bool opens = s->j->before != NULL ? s->earlier : row->month < s->month_from;
    bool closes = s->j->before != NULL ? !s->earlier : row->month < s->month_until;
    if (opens) {
        line->sum[DEBITS_FROM] = debits;
        line->sum[CREDITS_FROM] = credits;
    }
    if (closes) {
        line->sum[DEBITS_UNTIL] = debits;
        line->sum[CREDITS_UNTIL] = credits;
    }
    return 0;
}

static int closing_visit(void *context, const void *found)
{
    struct statement *s = context;
    const struct closing_row *row = found;
    struct ledger_row as = {
        .account = row->account,
        .series = row->series,
        .kind = row->kind,
        .month = row->month,
        .debits_low = row->debits_low,
        .debits_high = row->debits_high,
        .credits_low = row->credits_low,
        .credits_high = row->credits_high,
    };
    return row->account == s->j->account ? ledger_take(s, &as) : 0;
}

static int ledger_visit(void *context, const void *found)
{
    struct statement *s = context;
    const struct ledger_row *row = found;
    return row->account == s->j->account ? ledger_take(s, row) : 0;
}

/* What a line holds: of what was minted the debits count, of everything else the credits. */
static uint64_t line_holds(uint64_t kind, wide debits, wide credits)
{
    wide more = kind == LEDGER_MINTED ? debits : credits;
    wide less = kind == LEDGER_MINTED ? credits : debits;
    return more >= less ? cell_of(more - less) : REPORT_NONE;
}

static uint64_t line_moved(wide from, wide until)
{
    return until >= from ? cell_of(until - from) : REPORT_NONE;
}

static void text_show(struct job *j, const struct vocabulary *words, uint64_t value)
{
    const char *name = vocabulary_name(words, (uint32_t)value);
    job_text(j, name != NULL ? name : "?");
}

static void ledger_show(struct statement *s, uint32_t table)
{
    struct job *j = s->j;
    tally_sort(&s->ledger);
    for (size_t i = 0; i < s->ledger.count; i++) {
        const struct tally_line *line = &s->ledger.lines[i];
        const wide *sum = line->sum;
        uint64_t kind = line->key[1];
        if (sum[DEBITS_FROM] == sum[CREDITS_FROM] && sum[DEBITS_UNTIL] == sum[DEBITS_FROM] &&
            sum[CREDITS_UNTIL] == sum[CREDITS_FROM])
            continue; /* nothing there, and nothing happened */
        if (!job_row(j, table))
            return;
        job_series(j, (uint32_t)line->key[0]);
        text_show(j, &ledger_kind_vocabulary, kind);
        job_number(j, line_holds(kind, sum[DEBITS_FROM], sum[CREDITS_FROM]));
        job_number(j, line_moved(sum[DEBITS_FROM], sum[DEBITS_UNTIL]));
        job_number(j, line_moved(sum[CREDITS_FROM], sum[CREDITS_UNTIL]));
        job_number(j, line_holds(kind, sum[DEBITS_UNTIL], sum[CREDITS_UNTIL]));
    }
}

/* --- Flows --- */

static int flow_visit(void *context, const void *found)
{
    struct statement *s = context;
    const struct flow_row *row = found;
    uint32_t whose = s->j->account;
    if ((row->payer != whose && row->payee != whose) ||
        (s->j->before == NULL && !span_has(s->span, row->month_s)))
        return 0;
    uint32_t other = row->payer == whose ? row->payee : row->payer;
    const uint64_t key[TALLY_KEYS] = {row->month_s, row->kind, other,
                                      row->series,  row->site, row->sku};
    uint32_t in = s->earlier ? FLOW_IN_BEFORE : FLOW_IN;
    uint32_t out = s->earlier ? FLOW_OUT_BEFORE : FLOW_OUT;
    int status = 0;
    if (row->payee == whose)
        status = tally_add(s->j, &s->flows, key, in, row->amount_ucr);
    if (status == 0 && row->payer == whose)
        status = tally_add(s->j, &s->flows, key, out, row->amount_ucr);
    return status;
}

static void flows_show(struct statement *s, uint32_t table)
{
    struct job *j = s->j;
    tally_sort(&s->flows);
    for (size_t i = 0; i < s->flows.count; i++) {
        const struct tally_line *line = &s->flows.lines[i];
        uint64_t in = line_moved(line->sum[FLOW_IN_BEFORE], line->sum[FLOW_IN]);
        uint64_t out = line_moved(line->sum[FLOW_OUT_BEFORE], line->sum[FLOW_OUT]);
        if (in == 0 && out == 0)
            continue; /* of before, or nothing at all */
        if (!job_row(j, table))
            return;
        job_number(j, cell_of(line->key[0]));
        text_show(j, &flow_kind_vocabulary, line->key[1]);
        job_account(j, (uint32_t)line->key[2]);
        job_series(j, (uint32_t)line->key[3]);
        job_site(j, line->key[4]);
        job_sku(j, line->key[5]);
        job_number(j, in);
        job_number(j, out);
    }
}

/* --- The whole --- */

/* The time asked for; false: there is none, it has not begun, or it takes two states. */
static bool statement_time(struct statement *s)
{
    const struct job *j = s->j;
    uint32_t present = month_of(j->head->time_s);
    s->span = span_default(s->j, month_start_s(present), month_start_s(present + 1));
    if (s->span.until_s == 0)
        s->span.until_s = j->before != NULL ? j->head->time_s : month_start_s(present + 1);
    job_span(s->j, s->span.from_s, s->span.until_s);
    s->month_from = month_of(s->span.from_s);
    s->month_until = month_of(s->span.until_s);
    s->whole_months = month_start_s(s->month_from) == s->span.from_s &&
                      month_start_s(s->month_until) == s->span.until_s;
    if (j->before != NULL)
        return s->span.from_s <= s->span.until_s;
    return s->span.from_s <= j->head->time_s && s->span.from_s < s->span.until_s && s->whole_months;
}

/* Of the state in which the time began. */
static int statement_before(struct statement *s)
{
    const struct source *before = s->j->before;
    s->earlier = true;
    int status = before->each(before->of, TABLE_LEDGER, ledger_visit, s);
    if (status == 0)
        status = before->each(before->of, TABLE_FLOW, flow_visit, s);
    s->earlier = false;
    return status == WALK_STOP ? 0 : status;
}

static int statement_collect(struct statement *s)
{
    int status = s->j->before != NULL ? statement_before(s)
                                      : walk_rows(s->j, TABLE_CLOSING, closing_visit, s);
    if (status == 0)
        status = walk_rows(s->j, TABLE_LEDGER, ledger_visit, s);
    if (status == 0)
        status = walk_rows(s->j, TABLE_FLOW, flow_visit, s);
    return status;
}

static void statement_notes(const struct statement *s)
{
    struct job *j = s->j;
    job_note(j,
             "%s. Opening + credits - debits = closing; of what was minted, opening + debits - "
             "credits. Lines that hold nothing and did not move are left out.",
             s->whole_months ? "Whole months"
                             : "What was logged from its beginning until just before its end");
    job_note(j, "Flows are what was earned or paid under leases and contracts, by calendar months; "
                "transfers of tokens are in the ledger alone. Contracts as they stand at this "
                "index.");
}

int statement_report(struct job *j)
{
    struct statement s = {.j = j};
    if (j->account == 0 || !statement_time(&s)) {
        job_refuse(j, REFUSAL_terms_invalid);
        return 0;
    }
    uint32_t ledger = JOB_TABLE(j, "ledger", "Ledger", ledger_columns);
    uint32_t flows = JOB_TABLE(j, "flows", "Paid and received", flow_columns);
    int status = statement_collect(&s);
    if (status == 0) {
        ledger_show(&s, ledger);
        flows_show(&s, flows);
        status = obligations_show(j);
    }
    statement_notes(&s);
    tally_release(&s.ledger);
    tally_release(&s.flows);
    return status;
}
