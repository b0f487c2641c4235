#include "protocol/vocabulary.h"

#include <stddef.h>
#include <string.h>

#define VOCABULARY_ROW(prefix, upper, lower, number) {number, #lower},
#define VOCABULARY_DEFINE(name, LIST)                                                              \
    static const struct vocabulary_value name##_values[] = {LIST(VOCABULARY_ROW)};                 \
    const struct vocabulary name##_vocabulary = {                                                  \
        #name, sizeof(name##_values) / sizeof(name##_values[0]), name##_values};
VOCABULARY_LIST(VOCABULARY_DEFINE)

const char *vocabulary_name(const struct vocabulary *v, uint32_t value)
{
    for (uint32_t i = 0; i < v->count; i++) {
        if (v->values[i].value == value)
            return v->values[i].name;
    }
    return NULL;
}

int64_t vocabulary_value(const struct vocabulary *v, const char *name)
{
    for (uint32_t i = 0; i < v->count; i++) {
        if (strcmp(v->values[i].name, name) == 0)
            return v->values[i].value;
    }
    return -1;
}

enum party order_end_party(uint32_t reason)
{
    switch ((enum order_end_reason)reason) {
    case ORDER_END_FILLED:
        return PARTY_EXCHANGE;
    case ORDER_END_IMMEDIATE:
    case ORDER_END_CANCELLED:
        return PARTY_HOLDER;
    case ORDER_END_EXPIRED:
    case ORDER_END_SERIES:
        return PARTY_TIME;
    case ORDER_END_NOT_YET:
        break;
    }
    return PARTY_NOBODY;
}

enum party lease_end_party(uint32_t reason)
{
    switch ((enum lease_end_reason)reason) {
    case LEASE_END_COMPLETED:
        return PARTY_TIME;
    case LEASE_END_HOLDER:
    case LEASE_END_SOLD:
    case LEASE_END_UNFUNDED:
        return PARTY_HOLDER;
    case LEASE_END_OPERATOR:
    case LEASE_END_NOT_ACTIVATED:
        return PARTY_OPERATOR;
    case LEASE_END_NOT_YET:
        break;
    }
    return PARTY_NOBODY;
}
