#include "server/report/site_scope.h"

#include <stdlib.h>

#include "protocol/status.h"

struct scope_pass {
    const struct job *job;
    struct site_scope *out;
    struct source_rows contracts;
};

static void site_mark(struct site_scope *s, uint64_t site)
{
    const struct site_row *row = names_site(s->names, site);
    if (row != NULL)
        s->concerned[row - (const struct site_row *)s->names->sites.rows] = 1;
}

/* Marks the site of terms that are in force between the account and others. */
static void terms_mark(struct scope_pass *p, uint64_t contract, uint32_t version, uint64_t site)
{
    const struct contract_row *c = source_find(&p->contracts, TABLE_CONTRACT, &contract);
    uint32_t account = p->job->account;
    if (c != NULL && c->state == CONTRACT_STATE_IN_FORCE && c->version == version &&
        (c->debtor == account || c->creditor == account || c->third == account))
        site_mark(p->out, site);
}

static int site_visit(void *context, const void *row)
{
    struct scope_pass *p = context;
    const struct site_row *site = row;
    if (site->operator== p->job->account)
        site_mark(p->out, site->site);
    return 0;
}

static int backstop_visit(void *context, const void *row)
{
    const struct backstop_row *terms = row;
    terms_mark(context, terms->contract, terms->version, terms->site);
    return 0;
}

static int guarantee_visit(void *context, const void *row)
{
    const struct guarantee_row *terms = row;
    terms_mark(context, terms->contract, terms->version, terms->site);
    return 0;
}

int site_scope_load(const struct job *j, struct site_scope *out)
{
    const struct source *from = j->source;
    struct scope_pass p = {.job = j, .out = out};
    *out = (struct site_scope){j->names, NULL};
    if (j->account == 0)
        return 0;
    out->concerned = calloc(j->names->sites.count + 1, 1);
    if (out->concerned == NULL)
        return STATUS_MEMORY;
    int status = source_load(from, TABLE_CONTRACT, &p.contracts);
    if (status == 0)
        status = from->each(from->of, TABLE_SITE, site_visit, &p);
    if (status == 0)
        status = from->each(from->of, TABLE_BACKSTOP, backstop_visit, &p);
    if (status == 0)
        status = from->each(from->of, TABLE_GUARANTEE, guarantee_visit, &p);
    free(p.contracts.rows);
    return status;
}

bool site_scope_has(const struct site_scope *s, uint64_t site)
{
    const struct site_row *row = names_site(s->names, site);
    return row != NULL && (s->concerned == NULL ||
                           s->concerned[row - (const struct site_row *)s->names->sites.rows] != 0);
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
    free(s->concerned);
    s->concerned = NULL;
}
