/* SKUs: fungible kinds of GPU. */
#ifndef BOURSE_EXCHANGE_SKU_H
#define BOURSE_EXCHANGE_SKU_H

#include "server/exchange/number_map.h"
#include "server/exchange/state.h"

struct sku_index {
    struct number_map by_name;
};

/* NULL when there is none. Valid until the next change of the table. */
const struct sku_row *sku_find(const struct exchange *x, uint64_t sku);
/* 0 when there is none. */
uint64_t sku_by_name(const struct exchange *x, struct text name);

#endif
