/*
 * Reports that a test shapes, in place of server/report/report.c: `site` of the question is how
 * many rows there are. Include in one source file a program.
 */
#ifndef BOURSE_TESTS_ENGINE_FAKE_REPORT_H
#define BOURSE_TESTS_ENGINE_FAKE_REPORT_H

#include <pthread.h>
#include <stdlib.h>

#include "protocol/status.h"
#include "server/report/report.h"

/* What `sku` of the question asks for; FAKE_READS: reads until it is told to give up. */
enum { FAKE_PLAIN, FAKE_BLOCKS, FAKE_DAMAGED, FAKE_REFUSED, FAKE_READS };

struct report {
    uint64_t index;
    uint32_t rows;
};

/* Guards all below. */
static pthread_mutex_t fake_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t fake_changed = PTHREAD_COND_INITIALIZER;
static uint64_t fake_index; /* of the next report */
static unsigned fake_made;
static unsigned fake_blocked; /* that wait for fake_released */
static bool fake_released;
static int fake_alive; /* not freed */

static int fake_head(void *context, const void *row)
{
    const struct head_row *head = row;
    *(uint64_t *)context = head->log_size;
    return 0;
}

int report_make(const struct q_report *q, uint32_t account, const struct source *from,
                struct report **out, enum refusal *refusal_out)
{
    uint64_t index = 0;
    (void)account;
    *out = NULL;
    *refusal_out = q->sku == FAKE_REFUSED ? REFUSAL_terms_invalid : REFUSAL_accepted;
    if (from != NULL && from->each(from->of, TABLE_HEAD, fake_head, &index) != 0)
        return STATUS_CLOSED;
    pthread_mutex_lock(&fake_mutex);
    if (q->sku == FAKE_READS) {
        fake_blocked++;
        pthread_cond_broadcast(&fake_changed);
        pthread_mutex_unlock(&fake_mutex);
        int status = 0;
        while (status == 0)
            status = from->each(from->of, TABLE_HEAD, fake_head, &index);
        pthread_mutex_lock(&fake_mutex);
        fake_blocked--;
        pthread_mutex_unlock(&fake_mutex);
        return status;
    }
    if (q->sku == FAKE_BLOCKS) {
        fake_blocked++;
        pthread_cond_broadcast(&fake_changed);
        while (!fake_released)
            pthread_cond_wait(&fake_changed, &fake_mutex);
        fake_blocked--;
    }
    if (q->sku != FAKE_REFUSED && q->sku != FAKE_DAMAGED) {
        *out = calloc(1, sizeof(**out));
        (*out)->index = index != 0 ? index : fake_index;
        (*out)->rows = (uint32_t)q->site;
        fake_made++;
        fake_alive++;
    }
    pthread_mutex_unlock(&fake_mutex);
    return q->sku == FAKE_DAMAGED ? STATUS_DAMAGED : 0;
}

void report_free(struct report *r)
{
    if (r == NULL)
        return;
    pthread_mutex_lock(&fake_mutex);
    fake_alive--;
    pthread_mutex_unlock(&fake_mutex);
    free(r);
}

uint64_t report_index(const struct report *r)
{
    return r->index;
}

size_t report_bytes(const struct report *r)
{
    return r->rows;
}

struct a_report report_page(const struct report *r, uint32_t from, bool whole)
{
    static const struct report_cell cell = {0, {"", 0}};
    static struct report_row rows[PAGE_ROWS_MAX];
    uint32_t until = whole || r->rows - from <= PAGE_ROWS_MAX ? r->rows : from + PAGE_ROWS_MAX;
    for (uint32_t i = 0; i < PAGE_ROWS_MAX; i++) {
        rows[i].cells.items = &cell;
        rows[i].cells.count = 1;
    }
    return (struct a_report){
        .kind = REPORT_KIND_EXPOSURE,
        .index = r->index,
        .total = r->rows,
        .next = until < r->rows ? until : 0,
        .rows = {rows, until - from},
    };
}

#endif
