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

/* A correction may make royalty due after the grant has expired. */
static bool still_due(const struct contract_row *row, uint64_t left_ucr)
{
    return row->kind == CONTRACT_KIND_GRANT && row->state == CONTRACT_STATE_EXPIRED &&
           left_ucr != REPORT_NONE && left_ucr > 0;
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
                          uint64_t left_ucr)
{
    struct job *j = o->j;
    const uint64_t key[TALLY_KEYS] = {row->contract};
    const struct tally_line *funds = tally_find(&o->funds, key);
    const struct tally_line *claims = tally_find(&o->claims, key);
    /* Royalty that is due is no claim, and is owed all the same. */
    wide royalty = row->kind == CONTRACT_KIND_GRANT && left_ucr != REPORT_NONE ? left_ucr : 0;
    wide owes = row->debtor == j->account ? royalty : 0;
    wide owed = row->creditor == j->account ? royalty : 0;
    job_number(j, cell_of(row->contract));
    name_show(j, &contract_kind_vocabulary, row->kind);
    name_show(j, &contract_state_vocabulary, row->state);
    job_word(j, contract_side(row, j->account));
    job_account(j, row->debtor == j->account ? row->creditor : row->debtor);
    job_number(j, row->start_s != 0 ? cell_of(row->start_s) : REPORT_NONE);
    job_number(j, row->end_s != 0 ? cell_of(row->end_s) : REPORT_NONE);
    job_number(j, left_ucr);
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
    uint64_t left_ucr = REPORT_NONE;
    bool may_be_left =
        row->state == CONTRACT_STATE_IN_FORCE || row->state == CONTRACT_STATE_EXPIRED;
    int status = may_be_left ? contract_left(o->j->source, row, &left_ucr) : 0;
    if (status != 0)
        return status;
    if (!lives && !still_due(row, left_ucr)) {
        if (row->claims_ucr == 0)
            return 0;
        left_ucr = REPORT_NONE;
    }
    if (!job_row(o->j, o->table))
        return WALK_STOP;
    contract_show(o, row, left_ucr);
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
