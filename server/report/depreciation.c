#include "server/report/depreciation.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/amount.h"
#include "server/report/sums.h"
#include "server/report/vector.h"

static int texts_compare(struct text a, struct text b)
{
    uint32_t common = a.length < b.length ? a.length : b.length;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
    if (order != 0)
        return order;
    return a.length < b.length ? -1 : a.length > b.length;
}

static int points_compare(const void *a, const void *b)
{
    const struct curve_row *x = a, *y = b;
    int order = texts_compare(x->sku, y->sku);
    if (order != 0)
        return order;
    return x->age_months < y->age_months ? -1 : x->age_months > y->age_months;
}

bool depreciation_read(struct job *j, struct depreciation *out)
{
    const struct q_report *q = j->query;
    size_t bytes = q->curve.count * sizeof(*out->points);
    *out = (struct depreciation){NULL, q->curve.count};
    if (q->curve.count == 0) {
        job_refuse(j, REFUSAL_terms_invalid);
        return false;
    }
    out->points = job_alloc(j, bytes);
    if (out->points == NULL)
        return false;
    memcpy(out->points, q->curve.items, bytes);
    qsort(out->points, out->count, sizeof(*out->points), points_compare);
    for (uint32_t i = 1; i < out->count; i++) {
        if (points_compare(&out->points[i - 1], &out->points[i]) == 0) {
            job_refuse(j, REFUSAL_terms_invalid);
            return false;
        }
    }
    return true;
}

/* In a straight line from one point to the next, rounded down. */
static uint64_t between(const struct curve_row *a, const struct curve_row *b, uint64_t age)
{
    uint64_t span = b->age_months - a->age_months;
    uint64_t into = age - a->age_months;
    return (uint64_t)(((wide)a->value_ucr * (span - into) + (wide)b->value_ucr * into) / span);
}

static bool curve_value(const struct depreciation *d, struct text sku, uint64_t age, uint64_t *out)
{
    const struct curve_row key = {.sku = sku, .age_months = (uint32_t)lesser(age, UINT32_MAX)};
    size_t place = vector_place(d->points, sizeof(*d->points), d->count, &key, points_compare);
    const struct curve_row *at = place < d->count ? &d->points[place] : NULL;
    const struct curve_row *before = place > 0 ? &d->points[place - 1] : NULL;
    at = at != NULL && texts_compare(at->sku, sku) == 0 ? at : NULL;
    before = before != NULL && texts_compare(before->sku, sku) == 0 ? before : NULL;
    if (at == NULL && before == NULL)
        return false;
    if (at == NULL)
        *out = before->value_ucr;
    else if (before == NULL || at->age_months == age)
        *out = at->value_ucr;
    else
        *out = between(before, at, age);
    return true;
}

bool depreciation_value(const struct depreciation *d, const char *sku, uint64_t age_months,
                        uint64_t *value_out)
{
    struct text name = {sku, (uint32_t)strnlen(sku, NAME_MAX_BYTES)};
    struct text any = {"", 0};
    return curve_value(d, name, age_months, value_out) ||
           curve_value(d, any, age_months, value_out);
}
