/* Grants as their parties see them, and their royalty by month. */
#include "protocol/amount.h"
#include "protocol/moment.h"
#include "protocol/month.h"
#include "server/exchange/grant.h"
#include "server/exchange/query.h"

static void lists_fill(const struct grant_row *terms, struct arena *arena, struct grant_info *info)
{
    uint32_t count = terms->tranches_count < TRANCHES_MAX ? terms->tranches_count : TRANCHES_MAX;
    uint32_t names = terms->carve_outs_count < STREAMS_MAX ? terms->carve_outs_count : STREAMS_MAX;
    struct tranche *tranches = query_alloc(arena, (count + 1) * sizeof(*tranches));
    struct required *carve_outs = query_alloc(arena, (names + 1) * sizeof(*carve_outs));
    for (uint32_t i = 0; i < count; i++)
        tranches[i] = (struct tranche){
            .kind = (uint32_t)terms->tranche_kind[i],
            .amount_ucr = terms->tranche_amount_ucr[i],
            .from_s = terms->tranche_from_s[i],
            .spent_ucr = terms->tranche_spent_ucr[i],
        };
    for (uint32_t i = 0; i < names; i++)
        carve_outs[i].name = text_of((const char *)&terms->carve_outs[i * NAME_BYTES]);
    info->tranches.items = tranches;
    info->tranches.count = count;
    info->carve_outs.items = carve_outs;
    info->carve_outs.count = names;
}

/* The terms of a version, and where the grant stands by those in force. */
static void info_fill(const struct exchange *x, const struct contract_row *row, uint32_t version,
                      struct arena *arena, void *out)
{
    struct grant_info *info = out;
    const struct grant_row *terms = grant_terms(x, row->contract, version);
    *info = (struct grant_info){
        .contract = row->contract,
        .funder = terms->funder,
        .startup = terms->startup,
        .series = terms->series,
        .share_bp = terms->share_bp,
        .cap_bp = terms->cap_bp,
        .start_s = terms->start_s,
        .term_months = terms->term_months,
        .tail_months = terms->tail_months,
        .declare_days = terms->declare_days,
        .version = terms->version,
        .pending = row->pending,
        .proposer = row->proposer,
        .state = row->state,
    };
    lists_fill(terms, arena, info);
    const struct advance_row *advance = grant_advance(x, row->contract);
    const struct grant_row *force = grant_terms(x, row->contract, row->version);
    if (!advance || !force)
        return;
    info->tranches_paid = advance->tranches_paid;
    info->tranches_due = tranches_due(force, advance, x->head.time_s);
    info->advanced_ucr = advance->advanced_ucr;
    info->spent_so_far_ucr = advance->spent_ucr;
    info->funded_ucr = contract_funds(x, row, row->creditor);
    info->royalty_max_ucr = royalty_cap(force, advance);
    info->royalty_ucr = advance->royalty_ucr;
    info->paid_ucr = advance->paid_ucr;
    info->recorded_ucr = advance->recorded_ucr;
    info->due_ucr = royalty_due(advance);
    info->late_month_s = revenue_late_s(force, advance, x->head.time_s);
}

enum refusal query_grants(const struct exchange *x, uint32_t account, const void *body,
                          struct arena *arena, const struct message **answer_out,
                          const void **body_out)
{
    const struct q_grants *q = body;
    struct contract_page page = {
        .contract = q->contract,
        .version = q->version,
        .account = q->account,
        .kind = CONTRACT_KIND_GRANT,
        .from = q->from,
        .limit = q->limit,
        .size = sizeof(struct grant_info),
        .fill = info_fill,
    };
    enum refusal refusal = contract_page_fill(x, account, arena, &page);
    if (refusal)
        return refusal;
    struct a_grants *answer = query_alloc(arena, sizeof(*answer));
    answer->next = page.next;
    answer->rows.items = page.rows;
    answer->rows.count = page.count;
    *answer_out = &a_grants_message;
    *body_out = answer;
    return REFUSAL_accepted;
}

/* --- Royalty by month --- */

/* The months of a grant that are over, gone through from the first on. */
struct months {
    const struct grant_row *force;   /* the terms in force, or last in force */
    const struct grant_row **counts; /* the terms by which each month counts */
    const struct advance_row *advance;
    uint64_t ended_s; /* when the grant was over; 0: it is not */
    bool frozen;      /* what was declared later counts nothing, and there is such */
    uint32_t first;
    uint32_t count;
    wide rated; /* of the months gone through, as in the row of the advance */
};

static const struct declaration_row *month_declared(const struct exchange *x,
                                                    const struct months *m, uint32_t i)
{
    const struct declaration_row *row =
        revenue_find(x, m->force->startup, month_start_s(m->first + i));
    bool after = row && m->ended_s > 0 && row->version == 1 && row->declared_s > m->ended_s;
    return after ? NULL : row;
}

/* Whether the months are rated otherwise as declared now than they are for the grant, which one
 * that has expired goes on doing until it is paid up to its cap. */
static bool months_differ(const struct exchange *x, const struct months *m)
{
    wide rated = 0;
    for (uint32_t i = 0; i < m->count; i++) {
        const struct declaration_row *declared = month_declared(x, m, i);
        rated += declared ? royalty_rated(m->counts[i], declared) : 0;
    }
    return rated != advance_rated(m->advance);
}

/* Of a grant that is over the months until then. */
static void months_read(const struct exchange *x, const struct contract_row *row,
                        struct arena *arena, struct months *m)
{
    uint64_t looks = 0;
    *m = (struct months){
        .force = grant_terms(x, row->contract, row->version),
        .advance = grant_advance(x, row->contract),
    };
    if (!m->force || !m->advance)
        return;
    m->ended_s = m->advance->open ? 0 : row->ended_s;
    uint64_t until_s = m->ended_s > 0 ? m->ended_s : x->head.time_s;
    uint64_t tail_end_s = grant_tail_end_s(m->force);
    uint32_t end = month_of(tail_end_s < until_s ? tail_end_s : until_s);
    m->first = month_of(m->force->start_s);
    m->count = end > m->first ? end - m->first : 0;
    m->counts = query_alloc(arena, (m->count + 1) * sizeof(const struct grant_row *));
    /* From the last month on, so that versions are gone back through once. */
    const struct grant_row *terms = m->force;
    for (uint32_t i = m->count; i-- > 0;) {
        terms = grant_terms_until(x, terms, month_start_s(m->first + i + 1), &looks);
        m->counts[i] = terms ? terms : m->force;
    }
    m->frozen = m->ended_s > 0 && !m->advance->counts &&
                (row->state == CONTRACT_STATE_COMPLETED || months_differ(x, m));
}

/* Whether it was declared anew after the grant was over, which changes nothing of that any more:
 * rows have a month as it was declared last, the log alone has it as it was declared before. */
static bool month_amended(const struct months *m, const struct declaration_row *declared)
{
    return m->frozen && declared->version > 1 && declared->declared_s > m->ended_s;
}

/* The royalty of what is rated so far, at most `most`. */
static wide months_royalty(const struct months *m, wide most)
{
    wide earned = m->rated / WHOLE_BP;
    return earned < most ? earned : most;
}

static amount least(wide a, amount b)
{
    return a < b ? (amount)a : b;
}

/* Goes through a month: what it adds to what is earned, to the royalty, and to what of that is
 * paid. Their sums over all months are those of the grant, however each is rounded. */
static void month_add(struct months *m, uint32_t i, const struct declaration_row *declared,
                      struct royalty_info *info)
{
    const struct advance_row *a = m->advance;
    amount settled = a->paid_ucr + a->recorded_ucr;
    wide earned = m->rated / WHOLE_BP;
    wide royalty = months_royalty(m, a->royalty_ucr);
    if (declared)
        m->rated += royalty_rated(m->counts[i], declared);
    wide now = months_royalty(m, a->royalty_ucr);
    info->earned_ucr = (amount)(m->rated / WHOLE_BP - earned);
    info->royalty_ucr = (amount)(now - royalty);
    info->settled_ucr = least(now, settled) - least(royalty, settled);
    info->due_ucr = info->royalty_ucr - info->settled_ucr;
}

static void streams_fill(const struct grant_row *terms, const struct declaration_row *declared,
                         struct arena *arena, struct royalty_info *info)
{
    uint32_t count = declared->streams_count < STREAMS_MAX ? declared->streams_count : STREAMS_MAX;
    struct revenue *streams = query_alloc(arena, (count + 1) * sizeof(*streams));
    struct required *carve_outs = query_alloc(arena, (count + 1) * sizeof(*carve_outs));
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *name = &declared->names[i * NAME_BYTES];
        bool out = royalty_carved_out(terms, name);
        streams[i].name = text_of((const char *)name);
        streams[i].amount_ucr = declared->amounts_ucr[i];
        *(out ? &info->carved_out_ucr : &info->base_ucr) += declared->amounts_ucr[i];
        if (out)
            carve_outs[info->carve_outs.count++].name = streams[i].name;
    }
    info->streams.items = streams;
    info->streams.count = count;
    info->carve_outs.items = carve_outs;
}

static void month_fill(const struct exchange *x, const struct months *m, uint32_t i,
                       const struct declaration_row *declared, struct arena *arena,
                       struct royalty_info *info)
{
    const struct grant_row *terms = m->counts[i];
    uint64_t end_s = month_start_s(m->first + i + 1);
    info->contract = terms->contract;
    info->startup = terms->startup;
    info->month_s = month_start_s(m->first + i);
    info->terms = terms->version;
    info->share_bp = terms->share_bp;
    info->declare_until_s = end_s + (uint64_t)m->force->declare_days * DAY_S;
    info->late = !declared && m->ended_s == 0 && x->head.time_s >= info->declare_until_s;
    if (!declared)
        return;
    info->version = declared->version;
    info->declared_s = declared->declared_s;
    info->amended = month_amended(m, declared);
    streams_fill(terms, declared, arena, info);
}

/* Pages go by the number of the month since 1970 and one, as those of declarations. */
enum refusal query_royalties(const struct exchange *x, uint32_t account, const void *body,
                             struct arena *arena, const struct message **answer_out,
                             const void **body_out)
{
    const struct q_royalties *q = body;
    enum refusal refusal = contract_visible(x, account, q->contract);
    if (refusal)
        return refusal;
    const struct contract_row *row = contract_find(x, q->contract);
    if (row->kind != CONTRACT_KIND_GRANT)
        return REFUSAL_contract_not_found;
    struct months m;
    months_read(x, row, arena, &m);
    uint32_t rows_max = query_page_rows(q->limit);
    struct a_royalties *answer = query_alloc(arena, sizeof(*answer));
    struct royalty_info *rows = query_alloc(arena, rows_max * sizeof(*rows));
    for (uint32_t i = 0; i < m.count; i++) {
        const struct declaration_row *declared = month_declared(x, &m, i);
        struct royalty_info info = {.contract = q->contract};
        month_add(&m, i, declared, &info);
        if (m.first + i + 1 < q->from)
            continue;
        if (answer->rows.count == rows_max) {
            answer->next = m.first + i + 1;
            break;
        }
        month_fill(x, &m, i, declared, arena, &info);
        rows[answer->rows.count++] = info;
    }
    answer->rows.items = rows;
    *answer_out = &a_royalties_message;
    *body_out = answer;
    return REFUSAL_accepted;
}
