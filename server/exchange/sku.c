#include "server/exchange/sku.h"

#include <stdlib.h>
#include <string.h>

#include "server/exchange/event.h"
#include "server/exchange/index.h"

const struct sku_row *sku_find(const struct exchange *x, uint64_t sku)
{
    return store_find(x->store, TABLE_SKU, &sku);
}

uint64_t sku_by_name(const struct exchange *x, struct text name)
{
    return number_map_find(&x->skus->by_name, name.data, name.length);
}

static bool sku_matches(const void *context, uint32_t number, const void *key, size_t length)
{
    const struct sku_row *row = sku_find(context, number);
    return row != NULL && strlen(row->name) == length && memcmp(row->name, key, length) == 0;
}

static void sku_hook(void *context, const void *old_row, const void *new_row)
{
    struct exchange *x = context;
    const struct sku_row *old = old_row;
    const struct sku_row *new = new_row;
    if ((new != NULL ? new->sku : old->sku) == 0)
        return; /* of a damaged image */
    /* Names never change, so that a row replaced leaves the map as it is. */
    if (old == NULL && new->sku <= UINT32_MAX)
        number_map_add(&x->skus->by_name, (uint32_t) new->sku, new->name, strlen(new->name));
    else if (new == NULL && old->sku <= UINT32_MAX)
        number_map_remove(&x->skus->by_name, (uint32_t)old->sku, old->name, strlen(old->name));
}

void sku_index_new(struct exchange *x)
{
    x->skus = calloc(1, sizeof(*x->skus));
    if (x->skus == NULL)
        memory_exhausted();
    number_map_init(&x->skus->by_name, sku_matches, x, x->seed);
    store_set_hook(x->store, TABLE_SKU, sku_hook, x);
}

void sku_index_free(struct exchange *x)
{
    if (x->skus == NULL)
        return;
    number_map_release(&x->skus->by_name);
    free(x->skus);
    x->skus = NULL;
}

enum refusal sku_add(struct exchange *x, const struct actor *actor, const void *body,
                     struct result *out)
{
    const struct op_sku_add *op = body;
    if (!name_allowed(op->name))
        return REFUSAL_malformed;
    if (x->head.sku_last >= SKUS_MAX)
        return REFUSAL_too_many;
    if (sku_by_name(x, op->name) != 0)
        return REFUSAL_sku_taken;

    struct sku_row row = {
        .sku = ++x->head.sku_last,
        .index = event_next_index(x),
        .state = SKU_STATE_ACTIVE,
        .memory_gb = op->memory_gb,
        .power_w = op->power_w,
    };
    column_set(row.name, sizeof(row.name), op->name);
    column_set(row.vendor, sizeof(row.vendor), op->vendor);
    column_set(row.model, sizeof(row.model), op->model);
    column_set(row.interconnect, sizeof(row.interconnect), op->interconnect);
    column_set(row.generation, sizeof(row.generation), op->generation);
    store_put(x->store, TABLE_SKU, &row);
    struct ev_sku_added event = {
        EVENT_HEAD_OF(x, actor->account),
        .sku = row.sku,
        .name = op->name,
        .vendor = op->vendor,
        .model = op->model,
        .memory_gb = op->memory_gb,
        .interconnect = op->interconnect,
        .power_w = op->power_w,
        .generation = op->generation,
    };
    event_log(x, &ev_sku_added_message, &event);
    out->object = row.sku;
    return REFUSAL_accepted;
}

enum refusal sku_change(struct exchange *x, const struct actor *actor, const void *body,
                        struct result *out)
{
    const struct op_sku_change *op = body;
    const struct sku_row *found = sku_find(x, op->sku);
    if (found != NULL && found->state == op->state)
        return REFUSAL_already_so;
    if (found == NULL)
        return REFUSAL_sku_not_found;

    struct sku_row row = *found;
    row.state = op->state;
    store_put(x->store, TABLE_SKU, &row);
    struct ev_sku_changed event = {EVENT_HEAD_OF(x, actor->account), .sku = op->sku,
                                   .state = op->state};
    event_log(x, &ev_sku_changed_message, &event);
    out->object = op->sku;
    return REFUSAL_accepted;
}
