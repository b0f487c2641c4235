#include "server/report/contract_left.h"

#include "protocol/amount.h"
#include "server/report/sums.h"

static uint64_t rest_of(wide whole, wide used)
{
    return whole > used ? cell_of(whole - used) : 0;
}

static int pool_left(const struct source *from, const struct contract_row *c, uint64_t *out)
{
    struct cover_row cover;
    bool found;
    int status = source_find(from, TABLE_COVER, &c->contract, &cover, &found);
    if (found)
        *out = cell_of(cover.pool_left_ucr);
    return status;
}

int contract_royalty_due(const struct source *from, const struct contract_row *contract,
                         uint64_t *due_out)
{
    struct advance_row advance;
    bool found;
    *due_out = 0;
    if (contract->kind != CONTRACT_KIND_GRANT)
        return 0;
    int status = source_find(from, TABLE_ADVANCE, &contract->contract, &advance, &found);
    if (found)
        *due_out = rest_of(advance.royalty_ucr, (wide)advance.paid_ucr + advance.recorded_ucr);
    return status;
}

/* Up to the cap on what was advanced so far. */
static int royalty_left(const struct source *from, const struct contract_row *c, uint64_t *out)
{
    const struct grant_row key = {.contract = c->contract, .version = c->version};
    struct grant_row terms;
    struct advance_row advance = {0};
    bool agreed, begun = false;
    int status = source_find(from, TABLE_GRANT, &key, &terms, &agreed);
    if (status == 0)
        status = source_find(from, TABLE_ADVANCE, &c->contract, &advance, &begun);
    if (agreed && begun)
        *out = rest_of((wide)advance.advanced_ucr * terms.cap_bp / BP_ONE,
                       (wide)advance.paid_ucr + advance.recorded_ucr);
    return status;
}

static int limit_left(const struct source *from, const struct contract_row *c, uint64_t *out)
{
    const struct guarantee_row key = {.contract = c->contract, .version = c->version};
    struct guarantee_row terms;
    struct recourse_row recourse;
    bool agreed, begun = false;
    int status = source_find(from, TABLE_GUARANTEE, &key, &terms, &agreed);
    if (status == 0)
        status = source_find(from, TABLE_RECOURSE, &c->contract, &recourse, &begun);
    if (agreed && begun)
        *out = rest_of(terms.limit_ucr, recourse.by_guarantor_ucr);
    return status;
}

int contract_left(const struct source *from, const struct contract_row *contract,
                  uint64_t *left_out)
{
    *left_out = REPORT_NONE;
    switch ((enum contract_kind)contract->kind) {
    case CONTRACT_KIND_BACKSTOP:
        return pool_left(from, contract, left_out);
    case CONTRACT_KIND_GRANT:
        return royalty_left(from, contract, left_out);
    case CONTRACT_KIND_GUARANTEE:
        return limit_left(from, contract, left_out);
    default:
        return 0;
    }
}
