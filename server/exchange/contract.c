#include "server/exchange/contract.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/exchange/account.h"
#include "server/exchange/due.h"
#include "server/exchange/event.h"
#include "server/exchange/index.h"
#include "server/exchange/pledge.h"

const struct contract_row *contract_find(const struct exchange *x, uint64_t contract)
{
    return store_find(x->store, TABLE_CONTRACT, &contract);
}

const struct contract_rules *contract_rules_of(uint32_t kind)
{
    switch (kind) {
    case CONTRACT_KIND_BACKSTOP:
        return &backstop_rules;
    case CONTRACT_KIND_REVSHARE:
        return &revshare_rules;
    case CONTRACT_KIND_GRANT:
        return &grant_rules;
    case CONTRACT_KIND_GUARANTEE:
        return &guarantee_rules;
    default:
        return NULL;
    }
}

bool contract_has_party(const struct contract_row *row, uint32_t account)
{
    return account != 0 &&
           (row->debtor == account || row->creditor == account || row->third == account);
}

/* --- Index --- */

static bool contract_lives(const void *context, uint32_t account, uint64_t serial)
{
    const struct contract_row *row = contract_find(context, serial);
    return row && contract_has_party(row, account);
}

static bool claim_lives(const void *context, uint32_t account, uint64_t serial)
{
    const struct exchange *x = context;
    const struct claim_row *row = store_find(x->store, TABLE_CLAIM, &serial);
    return row && (row->debtor == account || row->creditor == account);
}

bool contract_counts_for(const struct contract_row *row, uint32_t account)
{
    if (row->state == CONTRACT_STATE_PROPOSED)
        return row->proposer == account;
    return row->state == CONTRACT_STATE_IN_FORCE;
}

static void live_count(struct exchange *x, uint32_t account, bool more)
{
    struct contract_index *index = x->contracts;
    if (account == 0 || account > ACCOUNTS_MAX)
        return;
    if (account >= index->live_size) {
        size_t size = index->live_size ? index->live_size : 64;
        while (size <= account)
            size *= 2;
        uint32_t *live = realloc(index->live, size * sizeof(*live));
        if (!live)
            memory_exhausted();
        memset(live + index->live_size, 0, (size - index->live_size) * sizeof(*live));
        index->live = live;
        index->live_size = size;
    }
    index->live[account] += more ? 1 : UINT32_MAX;
}

/* What is in force counts for both who signed it; what is only proposed for its proposer alone, or
 * proposals of others would fill up an account. */
static void live_count_parties(struct exchange *x, const struct contract_row *row, bool more)
{
    if (row && contract_counts_for(row, row->debtor))
        live_count(x, row->debtor, more);
    if (row && contract_counts_for(row, row->creditor))
        live_count(x, row->creditor, more);
}

static void due_change(struct exchange *x, const struct contract_row *row, bool put)
{
    void (*change)(struct exchange *, struct due_item) = put ? due_put : due_remove;
    if (row && row->next_s != 0)
        change(x, (struct due_item){
                      .due_s = row->next_s, .kind = DUE_CONTRACT, .serial = row->contract});
    if (row && row->paying_s != 0)
        change(x, (struct due_item){
                      .due_s = row->paying_s, .kind = DUE_CLAIMS, .serial = row->contract});
}

static void parties_list(struct exchange *x, const struct contract_row *row,
                         void (*change)(struct owned *o, uint32_t account, uint64_t serial))
{
    struct owned *o = &x->contracts->by_account;
    change(o, row->debtor, row->contract);
    if (row->creditor != row->debtor)
        change(o, row->creditor, row->contract);
    if (row->third != row->debtor && row->third != row->creditor)
        change(o, row->third, row->contract);
}

static void contract_hook(void *context, const void *old_row, const void *new_row)
{
    struct exchange *x = context;
    const struct contract_row *before = old_row;
    const struct contract_row *after = new_row;
    due_change(x, before, false);
    due_change(x, after, true);
    live_count_parties(x, before, false);
    live_count_parties(x, after, true);
    if (!before)
        parties_list(x, after, owned_add);
    else if (!after)
        parties_list(x, before, owned_remove);
    pledge_contract_changed(x, before, after);
}

void contract_index_new(struct exchange *x)
{
    x->contracts = memory_zeroed(1, sizeof(*x->contracts));
    owned_init(&x->contracts->by_account, contract_lives, x);
    owned_init(&x->contracts->claims_by_party, claim_lives, x);
    RB_INIT(&x->contracts->claims);
    RB_INIT(&x->contracts->step_ins);
    store_set_hook(x->store, TABLE_CONTRACT, contract_hook, x);
    store_set_hook(x->store, TABLE_CLAIM, claim_hook, x);
    store_set_hook(x->store, TABLE_RECOURSE, recourse_hook, x);
}

void contract_index_free(struct exchange *x)
{
    if (!x->contracts)
        return;
    owned_release(&x->contracts->by_account);
    owned_release(&x->contracts->claims_by_party);
    claim_tree_free(&x->contracts->claims);
    step_in_tree_free(&x->contracts->step_ins);
    free(x->contracts->live);
    free(x->contracts);
    x->contracts = NULL;
}

uint32_t contract_live_count(const struct exchange *x, uint32_t account)
{
    return account < x->contracts->live_size ? x->contracts->live[account] : 0;
}

/* --- Proposing --- */

static enum refusal parties_refusal(const struct exchange *x, uint32_t account,
                                    const struct contract_parties *parties)
{
    const uint32_t all[] = {parties->debtor, parties->creditor, parties->third};
    enum refusal refusal = REFUSAL_accepted;
    if (account != parties->debtor && account != parties->creditor)
        refusal = REFUSAL_contract_not_party;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        const struct account_row *row = all[i] ? account_find(x, all[i]) : NULL;
        if (i == 2 && all[i] == 0)
            continue;
        if (!row)
            refusal = refusal_first(refusal, REFUSAL_account_not_found);
        else if (row->state != ACCOUNT_STATE_ACTIVE)
            refusal = refusal_first(refusal, REFUSAL_party_frozen);
    }
    if (parties->debtor == parties->creditor || parties->third == parties->debtor ||
        parties->third == parties->creditor)
        refusal = refusal_first(refusal, REFUSAL_malformed);
    return refusal;
}

static enum refusal amend_refusal(const struct exchange *x, uint32_t account,
                                  enum contract_kind kind, uint64_t contract,
                                  const struct contract_parties *parties)
{
    const struct contract_row *row = contract_find(x, contract);
    if (!row || row->kind != (uint32_t)kind || !contract_has_party(row, account))
        return REFUSAL_contract_not_found;
    if (row->debtor != parties->debtor || row->creditor != parties->creditor ||
        row->third != parties->third)
        return REFUSAL_contract_parties_fixed;
    if (row->state != CONTRACT_STATE_IN_FORCE && row->state != CONTRACT_STATE_PROPOSED)
        return REFUSAL_contract_not_in_force;
    if (row->pending)
        return REFUSAL_contract_pending;
    return row->version_last >= CONTRACT_VERSIONS_MAX ? REFUSAL_too_many : REFUSAL_accepted;
}

enum refusal contract_propose_refusal(const struct exchange *x, uint32_t account,
                                      enum contract_kind kind, uint64_t contract,
                                      const struct contract_parties *parties)
{
    enum refusal refusal = parties_refusal(x, account, parties);
    if (contract > 0)
        return refusal_first(refusal, amend_refusal(x, account, kind, contract, parties));
    if (contract_live_count(x, account) >= CONTRACTS_PER_ACCOUNT_MAX)
        refusal = refusal_first(refusal, REFUSAL_too_many);
    return refusal;
}

struct contract_row contract_propose(struct exchange *x, uint32_t account, enum contract_kind kind,
                                     uint64_t contract, const struct contract_parties *parties,
                                     uint64_t start_s, uint64_t end_s)
{
    struct contract_row row = {
        .contract = contract,
        .kind = (uint32_t)kind,
        .state = CONTRACT_STATE_PROPOSED,
        .debtor = parties->debtor,
        .creditor = parties->creditor,
        .third = parties->third,
        .proposed_s = x->head.time_s,
        .start_s = start_s,
        .end_s = end_s,
        .index = event_next_index(x),
    };
    if (contract > 0)
        row = *contract_find(x, contract);
    else
        row.contract = ++x->head.contract_last;
    row.proposer = account;
    row.pending = ++row.version_last;
    store_put(x->store, TABLE_CONTRACT, &row);
    return row;
}

/* --- Accepting and declining --- */

/* The pending version that a party answers. */
static enum refusal answer_refusal(const struct exchange *x, uint32_t account, uint64_t contract,
                                   uint32_t version)
{
    const struct contract_row *row = contract_find(x, contract);
    if (!row || !contract_has_party(row, account))
        return REFUSAL_contract_not_found;
    if (account != row->debtor && account != row->creditor)
        return REFUSAL_contract_not_party;
    if (row->pending == 0 || row->pending != version)
        return REFUSAL_contract_no_proposal;
    return REFUSAL_accepted;
}

static enum refusal accept_refusal(struct exchange *x, uint32_t account,
                                   const struct op_contract_accept *op)
{
    enum refusal answer = answer_refusal(x, account, op->contract, op->version);
    if (answer == REFUSAL_contract_not_found)
        return answer;
    const struct contract_row *row = contract_find(x, op->contract);
    const struct contract_parties parties = {row->debtor, row->creditor, row->third};
    enum refusal refusal = refusal_first(answer, parties_refusal(x, account, &parties));
    if (answer)
        return refusal;
    if (row->proposer == account)
        refusal = refusal_first(refusal, REFUSAL_contract_own_proposal);
    if (row->version == 0 && contract_live_count(x, account) >= CONTRACTS_PER_ACCOUNT_MAX)
        refusal = refusal_first(refusal, REFUSAL_too_many);
    if (x->request_looks >= REQUEST_LOOKS_MAX)
        return refusal_first(refusal, REFUSAL_too_many);
    return refusal_first(refusal, contract_rules_of(row->kind)->accept_refusal(x, row));
}

enum refusal contract_accept(struct exchange *x, const struct actor *actor, const void *body,
                             struct result *out)
{
    const struct op_contract_accept *op = body;
    enum refusal refusal = accept_refusal(x, actor->account, op);
    if (refusal)
        return refusal;
    struct contract_row row = *contract_find(x, op->contract);
    struct ev_contract_accepted event = {
        EVENT_HEAD_OF(x, actor->account), .contract = row.contract,
        .version = op->version,           .kind = row.kind,
        .creditor = row.creditor,         .debtor = row.debtor,
        .beneficiary = row.third,
    };
    event_log(x, &ev_contract_accepted_message, &event);
    row.version = row.pending;
    row.pending = 0;
    row.state = CONTRACT_STATE_IN_FORCE;
    row.accepted_s = x->head.time_s;
    contract_rules_of(row.kind)->begin(x, &row);
    store_put(x->store, TABLE_CONTRACT, &row);
    out->object = row.contract;
    return REFUSAL_accepted;
}

enum refusal contract_decline(struct exchange *x, const struct actor *actor, const void *body,
                              struct result *out)
{
    const struct op_contract_decline *op = body;
    enum refusal refusal = answer_refusal(x, actor->account, op->contract, op->version);
    if (refusal)
        return refusal;
    struct contract_row row = *contract_find(x, op->contract);
    row.pending = 0;
    if (row.state == CONTRACT_STATE_PROPOSED) {
        row.state =
            row.proposer == actor->account ? CONTRACT_STATE_WITHDRAWN : CONTRACT_STATE_DECLINED;
        row.ended_s = x->head.time_s;
    }
    store_put(x->store, TABLE_CONTRACT, &row);
    struct ev_contract_declined event = {
        EVENT_HEAD_OF(x, actor->account), .contract = row.contract, .version = op->version,
        .creditor = row.creditor,         .debtor = row.debtor,     .beneficiary = row.third,
    };
    event_log(x, &ev_contract_declined_message, &event);
    out->object = row.contract;
    return REFUSAL_accepted;
}

/* --- In time --- */

uint32_t contract_due(struct exchange *x, uint64_t contract, uint32_t limit)
{
    struct contract_row row = *contract_find(x, contract);
    return contract_rules_of(row.kind)->due(x, &row, limit);
}

void contract_end(struct exchange *x, struct contract_row *row, enum contract_state state)
{
    assert(row->state == CONTRACT_STATE_IN_FORCE);
    row->state = (uint32_t)state;
    row->ended_s = x->head.time_s;
    row->pending = 0;
    row->next_s = 0;
    store_put(x->store, TABLE_CONTRACT, row);
    struct ev_contract_ended event = {
        EVENT_HEAD_OF(x, 0),       .contract = row->contract, .state = (uint32_t)state,
        .creditor = row->creditor, .debtor = row->debtor,     .beneficiary = row->third,
    };
    event_log(x, &ev_contract_ended_message, &event);
}
