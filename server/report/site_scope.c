#include "server/report/site_scope.h"

#include <stdlib.h>

#include "protocol/status.h"

struct scope_pass {
    const struct job *job;
    struct site_scope *out;
};

static int site_mark(struct site_scope *s, uint64_t site)
{
    return lookup_at(&s->concerned, site) != NULL ? 0 : STATUS_MEMORY;
}

/* Marks the site of terms that are in force between the account and others. */
static int terms_mark(struct scope_pass *p, uint64_t contract, uint32_t version, uint64_t site)
{
    uint32_t account = p->job->account;
    struct contract_row c;
    bool found;
    int status = source_find(p->job->source, TABLE_CONTRACT, &contract, &c, &found);
    if (found && c.state == CONTRACT_STATE_IN_FORCE && c.version == version &&
        (c.debtor == account || c.creditor == account || c.third == account))
        return site_mark(p->out, site);
    return status;
}

static int site_visit(void *context, const void *row)
{
    struct scope_pass *p = context;
    const struct site_row *site = row;
    return site->operator== p->job->account ? site_mark(p->out, site->site) : 0;
}

static int backstop_visit(void *context, const void *row)
{
    const struct backstop_row *terms = row;
    return terms_mark(context, terms->contract, terms->version, terms->site);
}

static int guarantee_visit(void *context, const void *row)
{
    const struct guarantee_row *terms = row;
    return terms_mark(context, terms->contract, terms->version, terms->site);
}

int site_scope_load(const struct job *j, struct site_scope *out)
{
    const struct source *from = j->source;
    struct scope_pass p = {.job = j, .out = out};
    *out = (struct site_scope){.names = j->names, .all = j->account == 0};
    if (out->all)
        return 0;
    int status = from->each(from->of, TABLE_SITE, site_visit, &p);
    if (status == 0)
        status = from->each(from->of, TABLE_BACKSTOP, backstop_visit, &p);
    if (status == 0)
        status = from->each(from->of, TABLE_GUARANTEE, guarantee_visit, &p);
    return status;
}

bool site_scope_has(const struct site_scope *s, uint64_t site)
{
    return (s->all || lookup_find(&s->concerned, site) != NULL) &&
           names_site(s->names, site) != NULL;
}

int site_scope_check(struct job *j, bool *concerned_out)
{
    struct site_scope scope;
    int status = site_scope_load(j, &scope);
    *concerned_out = status == 0 && (j->query->site == 0 || site_scope_has(&scope, j->query->site));
    if (status == 0 && !*concerned_out)
        job_refuse(j, REFUSAL_not_visible);
    site_scope_release(&scope);
    return status;
}

void site_scope_release(struct site_scope *s)
{
    lookup_release(&s->concerned);
}
