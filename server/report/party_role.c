#include "server/report/party_role.h"

#include <stdlib.h>

#include "protocol/status.h"

struct role_pass {
    const struct names *names;
    uint8_t *roles;
};

static void role_note(const struct role_pass *p, uint32_t account, enum party_role role)
{
    const struct account_row *row = names_account(p->names, account);
    if (row != NULL)
        p->roles[row - (const struct account_row *)p->names->accounts.rows] |= (uint8_t)role;
}

bool party_roles_conflict(uint8_t roles)
{
    const uint8_t pays = PARTY_ROLE_GUARANTOR | PARTY_ROLE_TENANT | PARTY_ROLE_FUNDER;
    const uint8_t is_paid = PARTY_ROLE_OPERATOR | PARTY_ROLE_LENDER;
    const uint8_t guards = PARTY_ROLE_GUARANTOR | PARTY_ROLE_TENANT;
    return ((roles & pays) != 0 && (roles & is_paid) != 0) || (roles & guards) == guards ||
           (roles & is_paid) == is_paid;
}

static int contract_visit(void *context, const void *row)
{
    const struct contract_row *c = row;
    if (c->state != CONTRACT_STATE_IN_FORCE)
        return 0;
    if (c->kind == CONTRACT_KIND_BACKSTOP || c->kind == CONTRACT_KIND_GUARANTEE)
        role_note(context, c->debtor, PARTY_ROLE_GUARANTOR);
    if (c->kind == CONTRACT_KIND_GUARANTEE)
        role_note(context, c->third, PARTY_ROLE_LENDER);
    if (c->kind == CONTRACT_KIND_GRANT)
        role_note(context, c->creditor, PARTY_ROLE_FUNDER);
    return 0;
}

static int series_visit(void *context, const void *row)
{
    role_note(context, ((const struct series_row *)row)->funder, PARTY_ROLE_FUNDER);
    return 0;
}

static int site_visit(void *context, const void *row)
{
    role_note(context, ((const struct site_row *)row)->operator, PARTY_ROLE_OPERATOR);
    return 0;
}

static int lease_visit(void *context, const void *row)
{
    const struct lease_row *l = row;
    if (!l->elected)
        role_note(context, l->holder, PARTY_ROLE_TENANT);
    return 0;
}

uint8_t *party_roles_load(const struct job *j, int *status)
{
    static const struct {
        enum table table;
        source_visit *visit;
    } passes[] = {
        {TABLE_CONTRACT, contract_visit},
        {TABLE_SERIES, series_visit},
        {TABLE_SITE, site_visit},
        {TABLE_LEASE, lease_visit},
    };
    struct role_pass p = {j->names, calloc(j->names->accounts.count + 1, 1)};
    *status = p.roles != NULL ? 0 : STATUS_MEMORY;
    for (size_t i = 0; *status == 0 && i < sizeof(passes) / sizeof(passes[0]); i++)
        *status = j->source->each(j->source->of, passes[i].table, passes[i].visit, &p);
    if (*status == 0)
        return p.roles;
    free(p.roles);
    return NULL;
}
