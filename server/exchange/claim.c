/* Claims: what could not be paid under a contract, with its age. */
#include <assert.h>
#include <stdlib.h>

#include "server/exchange/contract.h"
#include "server/exchange/event.h"
#include "server/exchange/key.h"
#include "server/exchange/ledger.h"
#include "server/exchange/pledge.h"
#include "server/exchange/series.h"

static int line_compare(const struct claim_line *a, const struct claim_line *b)
{
    int order = number_compare(a->contract, b->contract);
    return order != 0 ? order : number_compare(a->claim, b->claim);
}

TREE_GENERATE(claim_tree, claim_line, link, line_compare)

void claim_tree_free(struct claim_tree *tree)
{
    struct claim_line *line;
    while ((line = RB_ROOT(tree)) != NULL) {
        RB_REMOVE(claim_tree, tree, line);
        free(line);
    }
}

void claim_hook(void *context, const void *old_row, const void *new_row)
{
    struct exchange *x = context;
    const struct claim_row *before = old_row;
    const struct claim_row *after = new_row;
    const struct claim_row *any = after ? after : before;
    struct claim_line key = {.contract = any->contract, .claim = any->claim};
    struct claim_line *line = RB_FIND(claim_tree, &x->contracts->claims, &key);
    bool open = after && after->left_ucr > 0;
    if (open && !line) {
        line = memory_zeroed(1, sizeof(*line));
        line->contract = any->contract;
        line->claim = any->claim;
        RB_INSERT(claim_tree, &x->contracts->claims, line);
    } else if (!open && line) {
        RB_REMOVE(claim_tree, &x->contracts->claims, line);
        free(line);
    }
    struct owned *o = &x->contracts->claims_by_party;
    if (!before) {
        owned_add(o, after->debtor, after->claim);
        if (after->creditor != after->debtor)
            owned_add(o, after->creditor, after->claim);
    } else if (!after) {
        owned_remove(o, before->debtor, before->claim);
        if (before->creditor != before->debtor)
            owned_remove(o, before->creditor, before->claim);
    }
}

static const struct claim_row *claim_find(const struct exchange *x, uint64_t claim)
{
    return store_find(x->store, TABLE_CLAIM, &claim);
}

/* Claims are numbered in the order of the log, and none ever goes. */
const struct claim_row *claim_made_from(const struct exchange *x, uint64_t index)
{
    uint64_t from = 1, until = x->head.claim_last + 1;
    while (from < until) {
        uint64_t middle = from + (until - from) / 2;
        const struct claim_row *row = claim_find(x, middle);
        if (row && row->index < index)
            from = middle + 1;
        else
            until = middle;
    }
    return claim_find(x, from);
}

static struct claim_line *line_first(const struct exchange *x, uint64_t contract)
{
    struct claim_line key = {.contract = contract};
    struct claim_line *line = RB_NFIND(claim_tree, &x->contracts->claims, &key);
    return line && line->contract == contract ? line : NULL;
}

static struct claim_line *line_next(struct claim_line *line)
{
    struct claim_line *next = RB_NEXT(claim_tree, NULL, line);
    return next && next->contract == line->contract ? next : NULL;
}

const struct claim_row *claim_oldest(const struct exchange *x, uint64_t contract, uint32_t debtor)
{
    for (struct claim_line *line = line_first(x, contract); line; line = line_next(line)) {
        const struct claim_row *row = claim_find(x, line->claim);
        if (row && row->debtor == debtor)
            return row;
    }
    return NULL;
}

amount contract_claims(const struct exchange *x, uint64_t contract, uint32_t *count_out)
{
    amount sum = 0;
    *count_out = 0;
    for (struct claim_line *line = line_first(x, contract); line; line = line_next(line)) {
        const struct claim_row *row = claim_find(x, line->claim);
        sum += row ? row->left_ucr : 0;
        ++*count_out;
    }
    return sum;
}

bool claim_listed(const struct exchange *x, const struct claim_row *row)
{
    struct claim_line key = {.contract = row->contract, .claim = row->claim};
    return RB_FIND(claim_tree, &x->contracts->claims, &key) != NULL;
}

uint64_t claim_count_open(const struct exchange *x)
{
    struct claim_line *line;
    uint64_t count = 0;
    RB_FOREACH (line, claim_tree, &x->contracts->claims)
        count++;
    return count;
}

void claim_make(struct exchange *x, struct contract_row *row, uint32_t debtor, uint32_t creditor,
                amount a, uint64_t since_s)
{
    a = a < UINT64_MAX - row->claims_ucr ? a : UINT64_MAX - row->claims_ucr;
    if (a == 0)
        return;
    struct claim_row claim = {
        .claim = ++x->head.claim_last,
        .contract = row->contract,
        .amount_ucr = a,
        .left_ucr = a,
        .since_s = since_s,
        .index = event_next_index(x),
        .debtor = debtor,
        .creditor = creditor,
    };
    store_put(x->store, TABLE_CLAIM, &claim);
    row->claims_ucr += a;
    row->claims_open++;
    struct ev_claim_made event = {
        EVENT_HEAD_OF(x, 0),  .claim = claim.claim, .contract = row->contract,
        .creditor = creditor, .debtor = debtor,     .amount_ucr = a,
    };
    event_log(x, &ev_claim_made_message, &event);
}

void claim_lower(struct exchange *x, struct contract_row *row, const struct claim_row *claim,
                 const struct contract_paid *paid)
{
    struct claim_row after = *claim;
    assert(paid->total <= after.left_ucr && after.left_ucr <= row->claims_ucr);
    after.left_ucr -= paid->total;
    if (after.left_ucr == 0)
        after.paid_s = x->head.time_s;
    store_put(x->store, TABLE_CLAIM, &after);
    row->claims_ucr -= paid->total;
    row->claims_open -= after.left_ucr == 0;
    if (row->claims_open == 0)
        row->paying_s = 0;
    struct ev_claim_paid event = {
        EVENT_HEAD_OF(x, 0),        .claim = after.claim,   .contract = after.contract,
        .creditor = after.creditor, .debtor = after.debtor, .paid_ucr = paid->total,
        .left_ucr = after.left_ucr,
    };
    event.paid.items = paid->shares;
    event.paid.count = paid->count;
    event_log(x, &ev_claim_paid_message, &event);
}

/* --- Paying out of what was earned --- */

struct flow claim_flow(const struct exchange *x, const struct contract_row *row)
{
    const struct contract_rules *rules = contract_rules_of(row->kind);
    if (rules->flow)
        return rules->flow(x, row);
    bool share = row->kind == CONTRACT_KIND_REVSHARE;
    return (struct flow){.kind = share ? FLOW_KIND_SHARE : FLOW_KIND_BACKSTOP};
}

/* What of `a` the oldest claims of a contract take, as many as one operation pays. */
static amount claims_take(const struct exchange *x, const struct contract_row *row, amount a)
{
    amount left = a;
    uint32_t count = 0;
    for (struct claim_line *line = line_first(x, row->contract);
         line && count < CLAIMS_PAID_MAX && left > 0; line = line_next(line)) {
        const struct claim_row *claim = claim_find(x, line->claim);
        if (!claim || claim->debtor != row->debtor)
            continue;
        left -= claim->left_ucr < left ? claim->left_ucr : left;
        count++;
    }
    return a - left;
}

static enum refusal pay_refusal(const struct exchange *x, uint32_t account,
                                const struct op_claim_pay *op)
{
    const struct contract_row *row = contract_find(x, op->contract);
    if (!row || !contract_has_party(row, account))
        return REFUSAL_contract_not_found;
    if (account != row->debtor && account != row->creditor)
        return REFUSAL_contract_not_party;
    if (!series_find(x, op->series))
        return REFUSAL_series_not_found;
    if (account != row->debtor || row->claims_ucr == 0)
        return REFUSAL_no_claim;
    struct ledger_place balance = {LEDGER_BALANCE, account};
    if (ledger_holds(x, op->series, balance) < op->amount_ucr)
        return REFUSAL_insufficient_funds;
    amount claimed = row->claims_ucr;
    return pledge_refusal(x, account, op->amount_ucr < claimed ? op->amount_ucr : claimed);
}

/* `a` of a series, which they take: from the debtor's balance to those of who is owed them. */
static void claims_settle(struct exchange *x, struct contract_row *row, uint32_t series, amount a)
{
    const struct flow why = claim_flow(x, row);
    while (a > 0) {
        const struct claim_row claim = *claim_oldest(x, row->contract, row->debtor);
        amount part = claim.left_ucr < a ? claim.left_ucr : a;
        struct contract_paid paid = {.count = 1, .total = part};
        paid.shares[0] = (struct share){.series = series, .amount_ucr = part};
        ledger_move(x, series, (struct ledger_place){LEDGER_BALANCE, row->debtor},
                    (struct ledger_place){LEDGER_BALANCE, claim.creditor}, part);
        flow_add_shares(x, &why, row->debtor, claim.creditor, paid.shares, paid.count);
        claim_lower(x, row, &claim, &paid);
        a -= part;
    }
}

enum refusal claim_pay(struct exchange *x, const struct actor *actor, const void *body,
                       struct result *out)
{
    const struct op_claim_pay *op = body;
    enum refusal refusal = pay_refusal(x, actor->account, op);
    if (refusal)
        return refusal;
    struct contract_row row = *contract_find(x, op->contract);
    amount a = claims_take(x, &row, op->amount_ucr);
    key_moves(x, a);
    struct ev_claim_settled event = {
        EVENT_HEAD_OF(x, actor->account),
        .contract = row.contract,
        .series = op->series,
        .amount_ucr = a,
        .creditor = row.creditor,
        .debtor = row.debtor,
        .beneficiary = row.third,
    };
    event_log(x, &ev_claim_settled_message, &event);
    claims_settle(x, &row, op->series, a);
    store_put(x->store, TABLE_CONTRACT, &row);
    out->object = row.contract;
    return REFUSAL_accepted;
}
