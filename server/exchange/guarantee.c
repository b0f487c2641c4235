/*
 * Lease guarantees: the guarantor (debtor) stands for what the operator (creditor) owes the
 * beneficiary (third) for a site. A call is paid from the operator's part of the fund, then out of
 * its balances as far as its escrow is missing there, then by the guarantor up to the limit; having
 * paid, the guarantor may step in and take what the site earns.
 */
#include "server/exchange/guarantee.h"

#include <assert.h>
#include <stdlib.h>

#include "server/exchange/account.h"
#include "server/exchange/earning.h"
#include "server/exchange/event.h"
#include "server/exchange/key.h"
#include "server/exchange/pledge.h"
#include "server/exchange/query.h"
#include "server/exchange/site.h"

/* Guarantors that take of one settlement at the most, so that it takes no longer; others have their
 * turn with the next ones. */
enum { RECOVERIES_MAX = 16 };

const struct guarantee_row *guarantee_terms(const struct exchange *x, uint64_t contract,
                                            uint32_t version)
{
    const struct guarantee_row key = {.contract = contract, .version = version};
    return store_find(x->store, TABLE_GUARANTEE, &key);
}

const struct recourse_row *guarantee_recourse(const struct exchange *x, uint64_t contract)
{
    return store_find(x->store, TABLE_RECOURSE, &contract);
}

amount guarantee_escrow_left(const struct exchange *x, const struct guarantee_row *terms)
{
    const struct recourse_row *recourse = guarantee_recourse(x, terms->contract);
    amount taken = recourse ? recourse->by_operator_ucr : 0;
    return terms->escrow_ucr > taken ? terms->escrow_ucr - taken : 0;
}

/* --- Who has stepped in, by site --- */

static int step_compare(const struct step_in_line *a, const struct step_in_line *b)
{
    int order = number_compare(a->site, b->site);
    if (order == 0)
        order = number_compare(a->place, b->place);
    return order != 0 ? order : number_compare(a->contract, b->contract);
}

TREE_GENERATE(step_in_tree, step_in_line, link, step_compare)

static struct step_in_line *step_in_find(const struct exchange *x, const struct recourse_row *row)
{
    struct step_in_line key = {.site = row->site, .place = row->place, .contract = row->contract};
    return RB_FIND(step_in_tree, &x->contracts->step_ins, &key);
}

static void step_in_list(struct exchange *x, const struct recourse_row *row, bool stands)
{
    struct step_in_line *line = step_in_find(x, row);
    if (stands && !line) {
        line = memory_zeroed(1, sizeof(*line));
        line->site = row->site;
        line->place = row->place;
        line->contract = row->contract;
        RB_INSERT(step_in_tree, &x->contracts->step_ins, line);
    } else if (!stands && line) {
        RB_REMOVE(step_in_tree, &x->contracts->step_ins, line);
        free(line);
    }
}

void recourse_hook(void *context, const void *old_row, const void *new_row)
{
    struct exchange *x = context;
    const struct recourse_row *before = old_row;
    const struct recourse_row *after = new_row;
    pledge_recourse_changed(x, after ? after->contract : before->contract);
    if (before)
        step_in_list(x, before, false);
    if (after)
        step_in_list(x, after, after->stepped_in_s > 0);
}

void step_in_tree_free(struct step_in_tree *tree)
{
    struct step_in_line *line;
    while ((line = RB_ROOT(tree)) != NULL) {
        RB_REMOVE(step_in_tree, tree, line);
        free(line);
    }
}

bool guarantee_listed(const struct exchange *x, const struct recourse_row *row)
{
    return step_in_find(x, row) != NULL;
}

uint64_t guarantee_count_listed(const struct exchange *x)
{
    struct step_in_line *line;
    uint64_t count = 0;
    RB_FOREACH (line, step_in_tree, &x->contracts->step_ins)
        count++;
    return count;
}

/* --- Terms --- */

/* What the terms say by themselves, and whether they may begin or go on now. */
static enum refusal terms_refusal(const struct exchange *x, const struct guarantee_row *terms)
{
    const struct site_row *site = site_find(x, terms->site);
    enum refusal refusal = REFUSAL_accepted;
    if (!site)
        refusal = REFUSAL_site_not_found;
    else if (site->operator!= terms->operator)
        refusal = REFUSAL_not_owner;
    if (terms->start_s >= terms->end_s ||
        terms->end_s - terms->start_s > (uint64_t)CONTRACT_SPAN_MAX_MIN * 60)
        refusal = refusal_first(refusal, REFUSAL_interval_invalid);
    if (terms->end_s <= x->head.time_s)
        refusal = refusal_first(refusal, REFUSAL_interval_in_past);
    return refusal;
}

/* Whether the terms take more of what other guarantees of the operator rely on: of its balances, or
 * of what the site earns. */
static bool terms_take_more(const struct guarantee_row *now, const struct guarantee_row *terms)
{
    bool recovers_more = terms->step_in && (!now->step_in || terms->limit_ucr > now->limit_ucr);
    return recovers_more || terms->escrow_ucr > now->escrow_ucr || terms->start_s < now->start_s ||
           terms->end_s > now->end_s;
}

/* What an amendment of terms in force may not change. */
static enum refusal amend_refusal(const struct exchange *x, const struct contract_row *row,
                                  const struct guarantee_row *terms)
{
    const struct guarantee_row *now = guarantee_terms(x, row->contract, row->version);
    const struct recourse_row *recourse = guarantee_recourse(x, row->contract);
    if (x->head.time_s >= now->end_s)
        return REFUSAL_contract_not_in_force;
    if (now->site != terms->site)
        return REFUSAL_contract_parties_fixed;
    /* The beneficiary signs nothing, and may have lent on these terms, and on what is pledged: that
     * terms that take more come behind the others must not cost it anything of this. */
    if (terms->limit_ucr < now->limit_ucr || terms->escrow_ucr < now->escrow_ucr ||
        terms->start_s > now->start_s || terms->end_s < now->end_s ||
        (terms_take_more(now, terms) && pledge_would_yield(x, row->contract)))
        return REFUSAL_contract_third_party;
    bool begun = x->head.time_s >= now->start_s;
    if ((begun && now->start_s != terms->start_s) ||
        (recourse->stepped_in_s > 0 && !terms->step_in))
        return REFUSAL_contract_past_fixed;
    return REFUSAL_accepted;
}

static enum refusal role_refusal(const struct exchange *x, const struct op_guarantee_propose *op)
{
    uint32_t guarantor = account_role(x, op->guarantor);
    uint32_t operator= account_role(x, op->operator);
    uint32_t beneficiary = account_role(x, op->beneficiary);
    bool fit = (guarantor == 0 || guarantor == ROLE_GUARANTOR) &&
               (operator== 0 || operator== ROLE_OPERATOR) && beneficiary != ROLE_AUDITOR &&
               beneficiary != ROLE_TREASURER;
    return fit ? REFUSAL_accepted : REFUSAL_role_not_allowed;
}

static struct guarantee_row terms_of(const struct op_guarantee_propose *op)
{
    return (struct guarantee_row){
        .guarantor = op->guarantor,
        .operator= op->operator,
        .beneficiary = op->beneficiary,
        .site = op->site,
        .limit_ucr = op->limit_ucr,
        .escrow_ucr = op->escrow_ucr,
        .start_s = op->start_s,
        .end_s = op->end_s,
        .step_in = op->step_in,
    };
}

/* What the operator pledges of its balances by signing the terms: what they leave of the escrow
 * beyond what those in force do. What is in the fund does not lower it, since it may be withdrawn
 * before they are accepted. */
static amount terms_pledge(const struct exchange *x, const struct guarantee_row *terms)
{
    const struct contract_row *row = contract_find(x, terms->contract);
    const struct guarantee_row *now = guarantee_terms(x, row->contract, row->version);
    amount before = now ? guarantee_escrow_left(x, now) : 0;
    amount after = guarantee_escrow_left(x, terms);
    return after > before ? after - before : 0;
}

enum refusal guarantee_propose(struct exchange *x, const struct actor *actor, const void *body,
                               struct result *out)
{
    const struct op_guarantee_propose *op = body;
    const struct contract_parties parties = {op->guarantor, op->operator, op->beneficiary };
    struct guarantee_row terms = terms_of(op);
    enum refusal refusal = contract_propose_refusal(x, actor->account, CONTRACT_KIND_GUARANTEE,
                                                    op->contract, &parties);
    refusal = refusal_first(refusal, role_refusal(x, op));
    refusal = refusal_first(refusal, terms_refusal(x, &terms));
    if (!refusal && op->contract > 0)
        refusal = amend_refusal(x, contract_find(x, op->contract), &terms);
    if (refusal)
        return refusal;

    struct contract_row row = contract_propose(x, actor->account, CONTRACT_KIND_GUARANTEE,
                                               op->contract, &parties, op->start_s, op->end_s);
    terms.contract = row.contract;
    terms.version = row.pending;
    store_put(x->store, TABLE_GUARANTEE, &terms);
    if (actor->account == op->operator)
        key_moves(x, terms_pledge(x, &terms));
    struct ev_guarantee_proposed event = {
        EVENT_HEAD_OF(x, actor->account),
        .proposed = row.contract,
        .version = row.pending,
        .contract = op->contract,
        .guarantor = op->guarantor,
        .operator= op->operator,
        .beneficiary = op->beneficiary,
        .site = op->site,
        .limit_ucr = op->limit_ucr,
        .escrow_ucr = op->escrow_ucr,
        .start_s = op->start_s,
        .end_s = op->end_s,
        .step_in = op->step_in,
    };
    event_log(x, &ev_guarantee_proposed_message, &event);
    out->object = row.contract;
    return REFUSAL_accepted;
}

/* --- The life of a contract --- */

/* Calls and time have gone on since it was proposed. */
static enum refusal guarantee_accept_refusal(struct exchange *x, const struct contract_row *row)
{
    const struct guarantee_row *terms = guarantee_terms(x, row->contract, row->pending);
    enum refusal refusal = terms_refusal(x, terms);
    if (!refusal && row->version > 0)
        refusal = amend_refusal(x, row, terms);
    return refusal;
}

static void guarantee_begin(struct exchange *x, struct contract_row *row)
{
    const struct guarantee_row *terms = guarantee_terms(x, row->contract, row->version);
    row->start_s = terms->start_s;
    row->end_s = terms->end_s;
    row->next_s = terms->end_s;
    if (row->proposer != row->creditor) /* else it was charged as the proposal was signed */
        key_moves(x, terms_pledge(x, terms));
    const struct recourse_row *so_far = guarantee_recourse(x, row->contract);
    const struct guarantee_row *now =
        so_far ? guarantee_terms(x, row->contract, contract_find(x, row->contract)->version) : NULL;
    if (now && !terms_take_more(now, terms))
        return;
    struct recourse_row recourse = {.contract = row->contract, .site = terms->site};
    if (so_far)
        recourse = *so_far;
    recourse.place = event_next_index(x) - 1; /* the acceptance, which has just been logged */
    store_put(x->store, TABLE_RECOURSE, &recourse);
}

/* All that a guarantee has to do by itself is to end. */
static uint32_t guarantee_due(struct exchange *x, struct contract_row *row, uint32_t limit)
{
    (void)limit;
    contract_end(x, row, CONTRACT_STATE_EXPIRED);
    return 1;
}

static amount guarantee_kept(const struct exchange *x, const struct contract_row *row,
                             uint32_t account)
{
    return account == row->creditor
               ? guarantee_escrow_left(x, guarantee_terms(x, row->contract, row->version))
               : 0;
}

static struct flow guarantee_flow(const struct exchange *x, const struct contract_row *row)
{
    return (struct flow){.kind = FLOW_KIND_GUARANTEE,
                         .site = guarantee_recourse(x, row->contract)->site};
}

const struct contract_rules guarantee_rules = {
    .accept_refusal = guarantee_accept_refusal,
    .begin = guarantee_begin,
    .due = guarantee_due,
    .kept = guarantee_kept,
    .flow = guarantee_flow,
};

/* --- Calling --- */

/* A guarantee that a party names. */
static enum refusal guarantee_named(const struct exchange *x, uint32_t account, uint64_t contract,
                                    const struct contract_row **out)
{
    *out = contract_find(x, contract);
    if (!*out || (*out)->kind != CONTRACT_KIND_GUARANTEE || !contract_has_party(*out, account))
        return REFUSAL_contract_not_found;
    return REFUSAL_accepted;
}

/* Whether it may be called now: from its start until its end, swept or not. */
static bool guarantee_runs(const struct exchange *x, const struct contract_row *row)
{
    return row->state == CONTRACT_STATE_IN_FORCE && x->head.time_s >= row->start_s &&
           x->head.time_s < row->end_s;
}

static enum refusal call_refusal(const struct exchange *x, uint32_t account,
                                 const struct op_guarantee_call *op)
{
    const struct contract_row *row;
    enum refusal refusal = guarantee_named(x, account, op->contract, &row);
    if (refusal)
        return refusal;
    if (account != row->third)
        return REFUSAL_contract_not_party;
    if (!guarantee_runs(x, row))
        return REFUSAL_contract_not_in_force;
    const struct recourse_row *recourse = guarantee_recourse(x, op->contract);
    const struct guarantee_row *terms = guarantee_terms(x, op->contract, row->version);
    amount left = terms->limit_ucr - recourse->by_guarantor_ucr;
    amount funds = contract_funds(x, row, row->creditor);
    amount open = op->amount_ucr > funds ? op->amount_ucr - funds : 0;
    amount stands_in = pledge_stands_in(x, row);
    open -= pledge_covers(x, row, open < stands_in ? open : stands_in);
    bool covered = open <= left;
    amount called;
    return covered && amount_add(recourse->called_ucr, op->amount_ucr, &called)
               ? REFUSAL_accepted
               : REFUSAL_guarantee_exhausted;
}

/* What a call is paid: rows of one fund, and balances. */
struct call_paid {
    struct share shares[ESCROW_ROWS_MAX + CALL_BALANCES_MAX];
    uint32_t count;
};

static void paid_append(struct call_paid *paid, const struct contract_paid *more)
{
    for (uint32_t i = 0; i < more->count; i++)
        paid->shares[paid->count++] = more->shares[i];
}

/* The operator's part of a call: from the fund, and then out of its balances what of its escrow was
 * missing there. */
static amount operator_pay(struct exchange *x, const struct contract_row *row, amount a,
                           const struct flow *why, struct call_paid *out)
{
    struct contract_paid paid;
    amount most = pledge_stands_in(x, row);
    amount total = contract_pay(x, row, row->creditor, row->third, a, why, &paid);
    paid_append(out, &paid);
    amount left = a - total;
    total += pledge_draw(x, row, left < most ? left : most, why, &paid);
    paid_append(out, &paid);
    return total;
}

enum refusal guarantee_call(struct exchange *x, const struct actor *actor, const void *body,
                            struct result *out)
{
    const struct op_guarantee_call *op = body;
    enum refusal refusal = call_refusal(x, actor->account, op);
    if (refusal)
        return refusal;

    struct contract_row row = *contract_find(x, op->contract);
    struct recourse_row recourse = *guarantee_recourse(x, op->contract);
    const struct flow why = guarantee_flow(x, &row);
    struct call_paid paid = {.count = 0};
    struct contract_paid by_guarantor;
    amount by_operator = operator_pay(x, &row, op->amount_ucr, &why, &paid);
    amount owed = op->amount_ucr - by_operator;
    contract_pay(x, &row, row.debtor, row.third, contract_payable(x, &row, owed), &why,
                 &by_guarantor);
    paid_append(&paid, &by_guarantor);
    recourse.called_ucr += op->amount_ucr;
    recourse.by_operator_ucr += by_operator;
    recourse.by_guarantor_ucr += owed;
    store_put(x->store, TABLE_RECOURSE, &recourse);

    struct ev_guarantee_called event = {
        EVENT_HEAD_OF(x, actor->account),
        .contract = op->contract,
        .amount_ucr = op->amount_ucr,
        .reference = op->reference,
        .guarantor = row.debtor,
        .operator= row.creditor,
        .by_operator_ucr = by_operator,
        .by_guarantor_ucr = by_guarantor.total,
        .claimed_ucr = owed - by_guarantor.total,
    };
    event.paid.items = paid.shares;
    event.paid.count = paid.count;
    event_log(x, &ev_guarantee_called_message, &event);
    claim_make(x, &row, row.debtor, row.third, owed - by_guarantor.total, x->head.time_s);
    store_put(x->store, TABLE_CONTRACT, &row);
    out->object = op->contract;
    return REFUSAL_accepted;
}

/* --- Stepping in --- */

amount guarantee_to_recover(const struct contract_row *row, const struct recourse_row *recourse)
{
    return recourse->by_guarantor_ucr - row->claims_ucr - recourse->recovered_ucr;
}

/* Also after the end: what was paid on the last day is recovered afterwards. */
static enum refusal step_in_refusal(const struct exchange *x, uint32_t account, uint64_t contract)
{
    const struct contract_row *row;
    enum refusal refusal = guarantee_named(x, account, contract, &row);
    if (refusal)
        return refusal;
    if (account != row->debtor)
        return REFUSAL_contract_not_party;
    if (row->version == 0)
        return REFUSAL_contract_not_in_force;
    const struct recourse_row *recourse = guarantee_recourse(x, contract);
    bool may = guarantee_terms(x, contract, row->version)->step_in && recourse->stepped_in_s == 0 &&
               guarantee_to_recover(row, recourse) > 0;
    return may ? REFUSAL_accepted : REFUSAL_nothing_to_recover;
}

enum refusal guarantee_step_in(struct exchange *x, const struct actor *actor, const void *body,
                               struct result *out)
{
    const struct op_guarantee_step_in *op = body;
    enum refusal refusal = step_in_refusal(x, actor->account, op->contract);
    if (refusal)
        return refusal;

    const struct contract_row *row = contract_find(x, op->contract);
    struct recourse_row recourse = *guarantee_recourse(x, op->contract);
    recourse.stepped_in_s = x->head.time_s;
    store_put(x->store, TABLE_RECOURSE, &recourse);
    struct ev_guarantee_stepped_in event = {
        EVENT_HEAD_OF(x, actor->account),
        .contract = op->contract,
        .operator= row->creditor,
        .to_recover_ucr = guarantee_to_recover(row, &recourse),
    };
    event_log(x, &ev_guarantee_stepped_in_message, &event);
    out->object = op->contract;
    return REFUSAL_accepted;
}

/* One guarantor takes its part of a settlement; with the last of it, it has stepped out again. */
static void recover_one(struct exchange *x, struct earning *e, uint64_t contract)
{
    const struct contract_row *row = contract_find(x, contract);
    struct recourse_row recourse = *guarantee_recourse(x, contract);
    struct share shares[ESCROW_ROWS_MAX];
    uint32_t count = 0;
    amount a = earning_deduct(x, e, row->debtor, guarantee_to_recover(row, &recourse),
                              FLOW_KIND_RECOVERY, shares, &count);
    recourse.recovered_ucr += a;
    amount left = guarantee_to_recover(row, &recourse);
    if (left == 0)
        recourse.stepped_in_s = 0;
    store_put(x->store, TABLE_RECOURSE, &recourse);
    struct ev_guarantee_recovered event = {
        EVENT_HEAD_OF(x, 0),   .contract = contract,     .creditor = row->creditor,
        .debtor = row->debtor, .lease = e->lease->lease, .period = e->period,
        .left_ucr = left,
    };
    event.paid.items = shares;
    event.paid.count = count;
    event_log(x, &ev_guarantee_recovered_message, &event);
}

void guarantee_recover(struct exchange *x, struct earning *e)
{
    struct step_in_line next = {.site = e->lease->site};
    for (uint32_t i = 0; i < RECOVERIES_MAX && e->left > 0; i++) {
        const struct step_in_line *line = RB_NFIND(step_in_tree, &x->contracts->step_ins, &next);
        if (!line || line->site != next.site)
            return;
        uint64_t contract = line->contract;
        next.place = line->place;
        next.contract = contract + 1;
        recover_one(x, e, contract);
    }
}

/* --- Query --- */

static void terms_show(struct guarantee_info *info, const struct guarantee_row *terms)
{
    info->contract = terms->contract;
    info->guarantor = terms->guarantor;
    info->operator= terms->operator;
    info->beneficiary = terms->beneficiary;
    info->site = terms->site;
    info->limit_ucr = terms->limit_ucr;
    info->escrow_ucr = terms->escrow_ucr;
    info->start_s = terms->start_s;
    info->end_s = terms->end_s;
    info->step_in = terms->step_in != 0;
    info->version = terms->version;
}

static void info_fill(const struct exchange *x, const struct contract_row *row, uint32_t version,
                      struct arena *arena, void *info)
{
    static const struct recourse_row nothing;
    const struct recourse_row *recourse = guarantee_recourse(x, row->contract);
    (void)arena;
    if (!recourse)
        recourse = &nothing;
    *(struct guarantee_info *)info = (struct guarantee_info){
        .pending = row->pending,
        .proposer = row->proposer,
        .state = row->state,
        .called_ucr = recourse->called_ucr,
        .by_operator_ucr = recourse->by_operator_ucr,
        .by_guarantor_ucr = recourse->by_guarantor_ucr,
        .recovered_ucr = recourse->recovered_ucr,
        .stepped_in_s = recourse->stepped_in_s,
        .operator_funds_ucr = contract_funds(x, row, row->creditor),
        .guarantor_funds_ucr = contract_funds(x, row, row->debtor),
        .escrow_missing_ucr = pledge_missing(x, row),
        .pledged_ucr = pledge_covers(x, row, pledge_stands_in(x, row)),
        .claims_ucr = row->claims_ucr,
    };
    terms_show(info, guarantee_terms(x, row->contract, version));
}

enum refusal query_guarantees(const struct exchange *x, uint32_t account, const void *body,
                              struct arena *arena, const struct message **answer_out,
                              const void **body_out)
{
    const struct q_guarantees *q = body;
    struct contract_page page = {
        .contract = q->contract,
        .version = q->version,
        .account = q->account,
        .kind = CONTRACT_KIND_GUARANTEE,
        .from = q->from,
        .limit = q->limit,
        .size = sizeof(struct guarantee_info),
        .fill = info_fill,
    };
    enum refusal refusal = contract_page_fill(x, account, arena, &page);
    if (refusal)
        return refusal;
    struct a_guarantees *answer = query_alloc(arena, sizeof(*answer));
    answer->next = page.next;
    answer->rows.items = page.rows;
    answer->rows.count = page.count;
    *answer_out = &a_guarantees_message;
    *body_out = answer;
    return REFUSAL_accepted;
}
