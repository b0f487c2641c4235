#include "server/report/obligation.h"

#include <stdlib.h>

struct obligations {
    struct job *j;
    uint32_t table;
    struct tally funds;  /* by contract: what the account has put in, and is still there */
    struct tally claims; /* by contract: what it owes, and what it is owed */
    struct source_rows covers;
    struct source_rows advances;
    struct source_rows recourses;
    struct source_rows limits;
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

static uint64_t rest_of(wide whole, wide used)
{
    return whole > used ? cell_of(whole - used) : 0;
}

/* What can still fall due under a contract: of a backstop its pool, of a grant the royalty that is
 * due, of a lease guarantee its limit. */
static uint64_t contract_left(const struct obligations *o, const struct contract_row *row)
{
    struct guarantee_row key = {.contract = row->contract, .version = row->version};
    const struct cover_row *cover = source_find(&o->covers, TABLE_COVER, &row->contract);
    const struct advance_row *advance = source_find(&o->advances, TABLE_ADVANCE, &row->contract);
    const struct recourse_row *recourse =
        source_find(&o->recourses, TABLE_RECOURSE, &row->contract);
    const struct guarantee_row *terms = source_find(&o->limits, TABLE_GUARANTEE, &key);
    if (row->kind == CONTRACT_KIND_BACKSTOP && cover != NULL)
        return cell_of(cover->pool_left_ucr);
    if (row->kind == CONTRACT_KIND_GRANT && advance != NULL)
        return rest_of(advance->royalty_ucr, (wide)advance->paid_ucr + advance->recorded_ucr);
    if (row->kind == CONTRACT_KIND_GUARANTEE && recourse != NULL && terms != NULL)
        return rest_of(terms->limit_ucr, recourse->by_guarantor_ucr);
    return REPORT_NONE;
}

/* A correction may make royalty due after the grant has expired. */
static bool still_due(const struct obligations *o, const struct contract_row *row)
{
    uint64_t left = row->kind == CONTRACT_KIND_GRANT ? contract_left(o, row) : REPORT_NONE;
    return row->state == CONTRACT_STATE_EXPIRED && left != REPORT_NONE && left > 0;
}

static const char *contract_side(const struct contract_row *row, uint32_t whose)
{
    if (row->debtor == whose)
        return "debtor";
    return row->creditor == whose ? "creditor" : "beneficiary";
}

static void word_show(struct job *j, const struct vocabulary *words, uint32_t value)
{
    const char *name = vocabulary_name(words, value);
    job_word(j, name != NULL ? name : "?");
}

static void contract_show(const struct obligations *o, const struct contract_row *row)
{
    struct job *j = o->j;
    const uint64_t key[TALLY_KEYS] = {row->contract};
    const struct tally_line *funds = tally_find(&o->funds, key);
    const struct tally_line *claims = tally_find(&o->claims, key);
    job_number(j, cell_of(row->contract));
    word_show(j, &contract_kind_vocabulary, row->kind);
    word_show(j, &contract_state_vocabulary, row->state);
    job_word(j, contract_side(row, j->account));
    job_account(j, row->debtor == j->account ? row->creditor : row->debtor);
    job_number(j, row->start_s != 0 ? cell_of(row->start_s) : REPORT_NONE);
    job_number(j, row->end_s != 0 ? cell_of(row->end_s) : REPORT_NONE);
    bool goes_on = row->state == CONTRACT_STATE_IN_FORCE || still_due(o, row);
    job_number(j, goes_on ? contract_left(o, row) : REPORT_NONE);
    job_number(j, funds != NULL ? cell_of(funds->sum[0]) : 0);
    job_number(j, claims != NULL ? cell_of(claims->sum[OWES]) : 0);
    job_number(j, claims != NULL ? cell_of(claims->sum[OWED]) : 0);
}

static int contract_visit(void *context, const void *found)
{
    struct obligations *o = context;
    const struct contract_row *row = found;
    uint32_t whose = o->j->account;
    bool lives = row->state == CONTRACT_STATE_PROPOSED || row->state == CONTRACT_STATE_IN_FORCE;
    if ((row->debtor != whose && row->creditor != whose && row->third != whose) ||
        (!lives && row->claims_ucr == 0 && !still_due(o, row)))
        return 0;
    if (!job_row(o->j, o->table))
        return WALK_STOP;
    contract_show(o, row);
    return 0;
}

int obligations_show(struct job *j)
{
    struct obligations o = {.j = j};
    o.table = JOB_TABLE(j, "contracts", "Contracts, as they stand now", contract_columns);
    int status = source_load(j->source, TABLE_COVER, &o.covers);
    if (status == 0)
        status = source_load(j->source, TABLE_ADVANCE, &o.advances);
    if (status == 0)
        status = source_load(j->source, TABLE_RECOURSE, &o.recourses);
    if (status == 0)
        status = source_load(j->source, TABLE_GUARANTEE, &o.limits);
    if (status == 0)
        status = walk_rows(j, TABLE_ESCROW, escrow_visit, &o);
    if (status == 0)
        status = walk_rows(j, TABLE_CLAIM, claim_visit, &o);
    if (status == 0)
        status = walk_rows(j, TABLE_CONTRACT, contract_visit, &o);
    tally_release(&o.funds);
    tally_release(&o.claims);
    free(o.covers.rows);
    free(o.advances.rows);
    free(o.recourses.rows);
    free(o.limits.rows);
    return status;
}
