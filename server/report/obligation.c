#include "server/report/obligation.h"

#include "protocol/amount.h"
#include "server/report/contract_left.h"

struct obligations {
    struct job *j;
    uint32_t table;
    struct tally funds;  /* by contract: what the account has put in, and is still there */
    struct tally claims; /* by contract: what it owes, and what it is owed */
};

enum { OWES, OWED };

static const struct job_column contract_columns[] = {
    {"contract", CELL_KIND_COUNT},     {"kind", CELL_KIND_TEXT},
    {"state", CELL_KIND_TEXT},         {"side", CELL_KIND_TEXT},
    {"counterparty", CELL_KIND_NAMED}, {"start", CELL_KIND_TIME},
    {"end", CELL_KIND_TIME},           {"left_ucr", CELL_KIND_AMOUNT},
    {"funded_ucr", CELL_KIND_AMOUNT},  {"owes_ucr", CELL_KIND_AMOUNT},
    {"owed_ucr", CELL_KIND_AMOUNT},
};

static int escrow_visit(void *context, const void *found)
{
    struct obligations *o = context;
    const struct escrow_row *row = found;
    const uint64_t key[TALLY_KEYS] = {row->serial};
    if (row->kind != ESCROW_KIND_CONTRACT || row->owner != o->j->account)
        return 0;
    return tally_add(o->j, &o->funds, key, 0, row->amount_ucr);
}

static int claim_visit(void *context, const void *found)
{
    struct obligations *o = context;
    const struct claim_row *row = found;
    const uint64_t key[TALLY_KEYS] = {row->contract};
    uint32_t whose = o->j->account;
    int status = 0;
    if (row->debtor == whose)
        status = tally_add(o->j, &o->claims, key, OWES, row->left_ucr);
    if (status == 0 && row->creditor == whose)
        status = tally_add(o->j, &o->claims, key, OWED, row->left_ucr);
    return status;
}

/* What of a contract may still have to be paid. */
struct rest {
    uint64_t left_ucr;    /* REPORT_NONE: of no such kind, or state */
    uint64_t royalty_ucr; /* due of a grant: no claim, and owed all the same */
};

static int rest_load(const struct source *from, const struct contract_row *row, struct rest *out)
{
    bool may_be_left =
        row->state == CONTRACT_STATE_IN_FORCE || row->state == CONTRACT_STATE_EXPIRED;
    *out = (struct rest){.left_ucr = REPORT_NONE};
    int status = may_be_left ? contract_royalty_due(from, row, &out->royalty_ucr) : 0;
    /* A correction may make royalty due after the grant has expired. */
    if (status == 0 && (row->state == CONTRACT_STATE_IN_FORCE || out->royalty_ucr > 0))
        status = contract_left(from, row, &out->left_ucr);
    return status;
}

static const char *contract_side(const struct contract_row *row, uint32_t whose)
{
    if (row->debtor == whose)
        return "debtor";
    return row->creditor == whose ? "creditor" : "beneficiary";
}

static void name_show(struct job *j, const struct vocabulary *words, uint32_t value)
{
    const char *name = vocabulary_name(words, value);
    job_word(j, name != NULL ? name : "?");
}

static void contract_show(const struct obligations *o, const struct contract_row *row,
                          const struct rest *rest)
{
    struct job *j = o->j;
    const uint64_t key[TALLY_KEYS] = {row->contract};
    const struct tally_line *funds = tally_find(&o->funds, key);
    const struct tally_line *claims = tally_find(&o->claims, key);
    wide owes = row->debtor == j->account ? rest->royalty_ucr : 0;
    wide owed = row->creditor == j->account ? rest->royalty_ucr : 0;
    job_number(j, cell_of(row->contract));
    name_show(j, &contract_kind_vocabulary, row->kind);
    name_show(j, &contract_state_vocabulary, row->state);
    job_word(j, contract_side(row, j->account));
    job_account(j, row->debtor == j->account ? row->creditor : row->debtor);
    job_number(j, row->start_s != 0 ? cell_of(row->start_s) : REPORT_NONE);
    job_number(j, row->end_s != 0 ? cell_of(row->end_s) : REPORT_NONE);
    job_number(j, rest->left_ucr);
    job_number(j, funds != NULL ? cell_of(funds->sum[0]) : 0);
    job_number(j, cell_of(wide_add(owes, claims != NULL ? claims->sum[OWES] : 0)));
    job_number(j, cell_of(wide_add(owed, claims != NULL ? claims->sum[OWED] : 0)));
}

static int contract_visit(void *context, const void *found)
{
    struct obligations *o = context;
    const struct contract_row *row = found;
    uint32_t whose = o->j->account;
    bool lives = row->state == CONTRACT_STATE_PROPOSED || row->state == CONTRACT_STATE_IN_FORCE;
    if (row->debtor != whose && row->creditor != whose && row->third != whose)
        return 0;
    struct rest rest;
    int status = rest_load(o->j->source, row, &rest);
    if (status != 0 || (!lives && rest.royalty_ucr == 0 && row->claims_ucr == 0))
        return status;
    if (!job_row(o->j, o->table))
        return WALK_STOP;
    contract_show(o, row, &rest);
    return 0;
}

int obligations_show(struct job *j)
{
    struct obligations o = {.j = j};
    o.table = JOB_TABLE(j, "contracts", "Contracts, as they stand now", contract_columns);
    int status = walk_rows(j, TABLE_ESCROW, escrow_visit, &o);
    if (status == 0)
        status = walk_rows(j, TABLE_CLAIM, claim_visit, &o);
    if (status == 0)
        status = walk_rows(j, TABLE_CONTRACT, contract_visit, &o);
    tally_release(&o.funds);
    tally_release(&o.claims);
    return status;
}
