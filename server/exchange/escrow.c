#include "server/exchange/escrow.h"

#include <assert.h>

#include "server/exchange/ledger.h"
#include "server/exchange/token.h"

struct escrow escrow_read(const struct exchange *x, enum escrow_kind kind, uint64_t serial,
                          uint32_t rows)
{
    struct escrow e = {.kind = kind, .serial = serial};
    for (uint32_t place = 0; place < rows && place < ESCROW_ROWS_MAX; place++) {
        struct escrow_row key = {.serial = serial, .kind = (uint32_t)kind, .place = place};
        const struct escrow_row *row = store_find(x->store, TABLE_ESCROW, &key);
        if (row == NULL)
            continue;
        e.rows[e.count] = *row;
        e.held[e.count++] = row->amount_ucr;
        e.total += row->amount_ucr;
    }
    return e;
}

static void escrow_put(struct exchange *x, struct escrow *e, uint32_t i, amount held)
{
    e->total = e->total - e->held[i] + held;
    e->held[i] = held;
    e->rows[i].amount_ucr = held;
    store_put(x->store, TABLE_ESCROW, &e->rows[i]);
}

bool escrow_add(struct exchange *x, struct escrow *e, uint32_t owner, uint32_t series, amount a)
{
    uint32_t i = 0;
    while (i < e->count && (e->rows[i].owner != owner || e->rows[i].series != series))
        i++;
    if (i == ESCROW_ROWS_MAX)
        return false;
    if (i == e->count) {
        e->rows[i] = (struct escrow_row){
            .serial = e->serial,
            .kind = (uint32_t)e->kind,
            .place = i,
            .series = series,
            .owner = owner,
        };
        e->held[e->count++] = 0;
    }
    escrow_put(x, e, i, e->held[i] + a);
    return true;
}

void escrow_lower(struct exchange *x, struct escrow *e, uint32_t i, amount by)
{
    assert(by <= e->held[i]);
    escrow_put(x, e, i, e->held[i] - by);
}

void escrow_return(struct exchange *x, struct escrow *e, amount total, struct escrow_returns *out)
{
    amount parts[ESCROW_ROWS_MAX];
    bool covered = amount_split_pro_rata(total, e->held, e->count, parts);
    assert(covered);
    for (uint32_t i = 0; i < e->count; i++) {
        if (parts[i] == 0)
            continue;
        uint32_t series = e->rows[i].series;
        uint32_t owner = e->rows[i].owner;
        struct ledger_place from = {LEDGER_ESCROW, owner};
        if (token_refund(x, series, owner, parts[i], from, &out->refunds[out->refunds_count]))
            out->refunds_count++;
        else
            out->expired[out->expired_count++] =
                (struct share){.series = series, .amount_ucr = parts[i]};
        escrow_lower(x, e, i, parts[i]);
    }
}

void escrow_close(struct exchange *x, struct escrow *e)
{
    assert(e->total == 0);
    for (uint32_t i = 0; i < e->count; i++)
        store_remove(x->store, TABLE_ESCROW, &e->rows[i]);
    e->count = 0;
}
