/* Which sites are an account's business: its own, and those that a backstop or a lease guarantee in
 * force is about to which it is a party. */
#ifndef BOURSE_REPORT_SITE_SCOPE_H
#define BOURSE_REPORT_SITE_SCOPE_H

#include "server/report/job.h"

struct site_scope {
    struct names *names;
    bool all; /* sites are its business */
    struct lookup concerned;
};

int site_scope_load(const struct job *j, struct site_scope *out);
bool site_scope_has(const struct site_scope *s, uint64_t site);
/* Whether the site that the job names, if any, is its business; if not the job is refused
 * (not_visible). Returns 0, or an error of the source. */
int site_scope_check(struct job *j, bool *concerned_out);
void site_scope_release(struct site_scope *s);

#endif
