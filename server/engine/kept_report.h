/*
 * Finished reports that have more pages, for those who asked for them. Of the account that has the
 * most of them, the one used least recently makes room, so that nobody pushes out those of all
 * others. One thread at a time.
 */
#ifndef BOURSE_ENGINE_KEPT_REPORT_H
#define BOURSE_ENGINE_KEPT_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/limits.h"
#include "protocol/sha256.h"
#include "server/report/report.h"

/* Who asks for what: only the same key is shown a kept report, and only for the same question. */
struct report_asker {
    uint8_t peer_key[32];
    uint8_t question[SHA256_SIZE]; /* of the query but for index and from */
    uint32_t account;              /* whose report it is; 0: of the whole exchange */
};

/* Fails with STATUS_MEMORY. */
int report_asker_init(struct report_asker *a, const uint8_t peer_key[32], uint32_t account,
                      const struct q_report *q);

struct kept_report {
    struct report_asker asker;
    uint32_t owner; /* the account whose key asked */
    struct report *report;
    uint64_t group; /* after which the rows were so */
    uint64_t used;  /* a number that grows with every use */
};

struct kept_reports {
    size_t bytes_max; /* of all together; one alone may have more */
    size_t bytes;
    uint64_t uses;
    uint32_t count;
    struct kept_report items[REPORTS_KEPT_MAX];
};

/* Takes over item.report and drops others as long as it does not fit. */
void kept_reports_put(struct kept_reports *k, struct kept_report item);
/* The report of this index, now the one used last; NULL: not kept (any more). */
struct kept_report *kept_reports_find(struct kept_reports *k, const struct report_asker *asker,
                                      uint64_t index);
void kept_reports_drop(struct kept_reports *k, struct kept_report *item);
void kept_reports_release(struct kept_reports *k);

#endif
