/* What startups declare to have earned, by calendar month, and what grants make of it. */
#include <string.h>

#include "protocol/amount.h"
#include "protocol/moment.h"
#include "protocol/month.h"
#include "server/exchange/event.h"
#include "server/exchange/grant.h"
#include "server/exchange/query.h"

enum {
    GRANT_LOOKS = 16, /* what a declaration costs by each grant, in looks of a search */
    PASSED_LOOKS = 1, /* by one that has ended and has not that month */
};

const struct declaration_row *revenue_find(const struct exchange *x, uint32_t account,
                                           uint64_t month_s)
{
    struct declaration_row key = {.account = account, .month_s = month_s};
    return store_find(x->store, TABLE_DECLARATION, &key);
}

uint64_t revenue_undeclared_s(const struct exchange *x, uint32_t account, uint64_t month_s)
{
    while (revenue_find(x, account, month_s))
        month_s = month_next_s(month_s);
    return month_s;
}

uint64_t revenue_late_s(const struct grant_row *terms, const struct advance_row *advance,
                        uint64_t at_s)
{
    uint64_t month_s = advance->month_s;
    if (!advance->open || month_s >= grant_tail_end_s(terms))
        return 0;
    uint64_t until_s = month_next_s(month_s) + (uint64_t)terms->declare_days * DAY_S;
    return at_s >= until_s ? month_s : 0;
}

wide revenue_rated(const struct exchange *x, const struct grant_row *terms)
{
    wide rated = 0;
    uint64_t looks = 0;
    uint64_t end_s = grant_tail_end_s(terms);
    uint32_t first = month_of(grant_first_s(terms));
    uint32_t month = month_of(end_s < x->head.time_s ? end_s - 1 : x->head.time_s) + 1;
    /* From the last month on, so that versions are gone back through once. */
    const struct grant_row *then = terms;
    while (then && month-- > first) {
        uint64_t month_s = month_start_s(month);
        const struct declaration_row *declared = revenue_find(x, terms->startup, month_s);
        then = grant_terms_until(x, then, month_next_s(month_s), &looks);
        if (declared && then)
            rated += royalty_rated(then, declared);
    }
    return rated;
}

/* --- Declaring --- */

static bool streams_valid(const struct op_revenue_declare *op)
{
    for (uint32_t i = 0; i < op->streams.count; i++) {
        struct text name = op->streams.items[i].name;
        if (!name_allowed(name))
            return false;
        for (uint32_t j = 0; j < i; j++) {
            struct text other = op->streams.items[j].name;
            if (name.length == other.length && memcmp(name.data, other.data, name.length) == 0)
                return false;
        }
    }
    return true;
}

static enum refusal declare_refusal(const struct exchange *x, const struct actor *actor,
                                    const struct op_revenue_declare *op)
{
    enum refusal refusal = streams_valid(op) ? REFUSAL_accepted : REFUSAL_malformed;
    const struct declaration_row *so_far = revenue_find(x, actor->account, op->month_s);
    if ((so_far && so_far->version == UINT32_MAX) || x->request_looks >= REQUEST_LOOKS_MAX)
        refusal = refusal_first(refusal, REFUSAL_too_many);
    if (op->month_s >= x->head.time_s || month_start_s(month_of(op->month_s)) != op->month_s ||
        month_next_s(op->month_s) > x->head.time_s)
        refusal = refusal_first(refusal, REFUSAL_month_invalid);
    return refusal;
}

static struct declaration_row declaration_of(const struct exchange *x, uint32_t account,
                                             const struct op_revenue_declare *op)
{
    const struct declaration_row *so_far = revenue_find(x, account, op->month_s);
    struct declaration_row row = {
        .account = account,
        .month_s = op->month_s,
        .declared_s = x->head.time_s,
        .index = event_next_index(x),
        .version = so_far ? so_far->version + 1 : 1,
        .streams_count = op->streams.count,
    };
    for (uint32_t i = 0; i < op->streams.count; i++) {
        row.amounts_ucr[i] = op->streams.items[i].amount_ucr;
        memcpy(&row.names[i * NAME_BYTES], op->streams.items[i].name.data,
               op->streams.items[i].name.length);
    }
    memcpy(row.evidence, op->evidence, sizeof(row.evidence));
    return row;
}

static void declaration_log(struct exchange *x, const struct declaration_row *row,
                            const struct op_revenue_declare *op)
{
    struct ev_revenue_declared event = {
        EVENT_HEAD_OF(x, row->account),
        .month_s = op->month_s,
        .version = row->version,
    };
    event.streams.items = op->streams.items;
    event.streams.count = op->streams.count;
    memcpy(event.evidence, op->evidence, sizeof(event.evidence));
    event_log(x, &ev_revenue_declared_message, &event);
}

/* The grant counts the month as it is declared now in place of as it was. Returns what that costs
 * in looks. */
static uint32_t grant_declared(struct exchange *x, uint64_t contract,
                               const struct declaration_row *before,
                               const struct declaration_row *after, uint64_t undeclared_s)
{
    struct grant g;
    grant_read(x, contract, &g);
    uint64_t month_s = after->month_s;
    bool has = month_s >= grant_first_s(&g.terms) && month_s < grant_tail_end_s(&g.terms);
    if (!has && !g.advance.open && g.advance.month_s != month_s)
        return PASSED_LOOKS;
    if (has) {
        const struct grant_row *then = grant_terms_until(x, grant_terms(x, contract, g.row.version),
                                                         month_next_s(month_s), &x->request_looks);
        wide rated = advance_rated(&g.advance) + royalty_rated(then, after);
        if (before->version > 0)
            rated -= royalty_rated(then, before);
        advance_rate(&g.advance, rated);
    }
    if (g.advance.month_s == month_s)
        g.advance.month_s = undeclared_s;
    royalty_update(x, &g, month_s);
    grant_go_on(x, &g);
    return GRANT_LOOKS;
}

enum refusal revenue_declare(struct exchange *x, const struct actor *actor, const void *body,
                             struct result *out)
{
    const struct op_revenue_declare *op = body;
    enum refusal refusal = declare_refusal(x, actor, op);
    if (refusal)
        return refusal;
    const struct declaration_row *so_far = revenue_find(x, actor->account, op->month_s);
    struct declaration_row before = so_far ? *so_far : (struct declaration_row){.version = 0};
    struct declaration_row row = declaration_of(x, actor->account, op);
    declaration_log(x, &row, op);
    store_put(x->store, TABLE_DECLARATION, &row);
    /* Where a grant waits for this month, the next one it waits for is the same for all. */
    uint64_t undeclared_s = revenue_undeclared_s(x, actor->account, op->month_s);
    for (uint64_t contract = grant_counting_next(x, actor->account, 1); contract != 0;
         contract = grant_counting_next(x, actor->account, contract + 1))
        x->request_looks += grant_declared(x, contract, &before, &row, undeclared_s);
    out->object = actor->account;
    return REFUSAL_accepted;
}

/* --- Query --- */

static void info_fill(const struct declaration_row *row, struct arena *arena,
                      struct declaration_info *info)
{
    uint32_t count = row->streams_count < STREAMS_MAX ? row->streams_count : STREAMS_MAX;
    struct revenue *streams = query_alloc(arena, (count + 1) * sizeof(*streams));
    for (uint32_t i = 0; i < count; i++) {
        streams[i].name = text_of((const char *)&row->names[i * NAME_BYTES]);
        streams[i].amount_ucr = row->amounts_ucr[i];
    }
    *info = (struct declaration_info){
        .account = row->account,
        .month_s = row->month_s,
        .streams = {streams, count},
        .version = row->version,
        .declared_s = row->declared_s,
        .index = row->index,
    };
    memcpy(info->evidence, row->evidence, sizeof(info->evidence));
}

/* The months of one account that another may see: all of one's own and for admins and auditors;
 * a funder those of term and tail of its grants, of one that is completed until it was. */
struct months {
    uint32_t subject;
    uint64_t first_s;
    uint64_t end_s;
};

static void funder_months(const struct exchange *x, uint32_t funder, struct months *m)
{
    uint32_t looks = QUERY_LOOKS_MAX;
    uint64_t resume;
    const struct owned *o = &x->contracts->by_account;
    for (uint64_t serial = owned_next(o, funder, 1, &looks, &resume); serial != 0;
         serial = owned_next(o, funder, serial + 1, &looks, &resume)) {
        const struct contract_row *row = contract_find(x, serial);
        if (row->kind != CONTRACT_KIND_GRANT || row->creditor != funder ||
            row->debtor != m->subject || row->version == 0)
            continue;
        const struct grant_row *terms = grant_terms(x, serial, row->version);
        uint64_t end_s = grant_tail_end_s(terms);
        if (row->state == CONTRACT_STATE_COMPLETED && row->ended_s < end_s)
            end_s = row->ended_s;
        if (grant_first_s(terms) < m->first_s)
            m->first_s = grant_first_s(terms);
        if (end_s > m->end_s)
            m->end_s = end_s;
    }
}

static enum refusal months_seen(const struct exchange *x, uint32_t account, uint32_t named,
                                struct months *out)
{
    enum refusal refusal = query_subject(x, account, named, &out->subject);
    *out = (struct months){.subject = out->subject, .first_s = 0, .end_s = x->head.time_s};
    if (refusal != REFUSAL_not_visible)
        return refusal;
    *out = (struct months){.subject = named, .first_s = UINT64_MAX, .end_s = 0};
    funder_months(x, account, out);
    return out->end_s > 0 ? REFUSAL_accepted : REFUSAL_not_visible;
}

/* Pages go by the number of the month since 1970 and one, so that 0 begins. */
enum refusal query_declarations(const struct exchange *x, uint32_t account, const void *body,
                                struct arena *arena, const struct message **answer_out,
                                const void **body_out)
{
    const struct q_declarations *q = body;
    struct months seen = {.subject = 0};
    enum refusal refusal = months_seen(x, account, q->account, &seen);
    if (refusal)
        return refusal;
    struct a_declarations *answer = query_alloc(arena, sizeof(*answer));
    uint32_t rows_max = query_page_rows(q->limit);
    struct declaration_info *rows = query_alloc(arena, rows_max * sizeof(*rows));
    uint32_t month = q->from > 0 && q->from <= UINT32_MAX ? (uint32_t)q->from - 1 : 0;
    uint32_t months = q->from > UINT32_MAX ? 0 : month_of(x->head.time_s);
    for (; month < months; month++) {
        uint64_t month_s = month_start_s(month);
        const struct declaration_row *row = revenue_find(x, seen.subject, month_s);
        if (!row || month_s < seen.first_s || month_s >= seen.end_s)
            continue;
        if (answer->rows.count == rows_max) {
            answer->next = month + 1;
            break;
        }
        info_fill(row, arena, &rows[answer->rows.count++]);
    }
    answer->rows.items = rows;
    *answer_out = &a_declarations_message;
    *body_out = answer;
    return REFUSAL_accepted;
}
