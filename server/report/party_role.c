#include "server/report/party_role.h"

#include "protocol/status.h"

static int role_note(void *context, uint32_t account, enum party_role role)
{
    struct lookup_item *item = lookup_at(context, account);
    if (item == NULL)
        return STATUS_MEMORY;
    item->value |= (uint64_t)role;
    return 0;
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
    int status = 0;
    /* Claims outlive their contract, and whoever owes them still guarantees. */
    bool guards = c->kind == CONTRACT_KIND_BACKSTOP || c->kind == CONTRACT_KIND_GUARANTEE;
    if (c->state != CONTRACT_STATE_IN_FORCE && (!guards || c->version == 0 || c->claims_ucr == 0))
        return 0;
    if (guards)
        status = role_note(context, c->debtor, PARTY_ROLE_GUARANTOR);
    if (status == 0 && c->kind == CONTRACT_KIND_GUARANTEE)
        status = role_note(context, c->third, PARTY_ROLE_LENDER);
    if (status == 0 && c->kind == CONTRACT_KIND_GRANT)
        status = role_note(context, c->creditor, PARTY_ROLE_FUNDER);
    return status;
}

static int series_visit(void *context, const void *row)
{
    return role_note(context, ((const struct series_row *)row)->funder, PARTY_ROLE_FUNDER);
}

static int site_visit(void *context, const void *row)
{
    return role_note(context, ((const struct site_row *)row)->operator, PARTY_ROLE_OPERATOR);
}

static int lease_visit(void *context, const void *row)
{
    const struct lease_row *l = row;
    return l->elected ? 0 : role_note(context, l->holder, PARTY_ROLE_TENANT);
}

int party_roles_load(const struct job *j, struct lookup *out)
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
    int status = 0;
    for (size_t i = 0; status == 0 && i < sizeof(passes) / sizeof(passes[0]); i++)
        status = j->source->each(j->source->of, passes[i].table, passes[i].visit, out);
    return status;
}
