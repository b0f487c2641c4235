/* Fixed-width integers to and from bytes in a stated order, at any alignment. */
#ifndef BOURSE_PROTOCOL_ENDIAN_H
#define BOURSE_PROTOCOL_ENDIAN_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define ENDIAN_PAIR(bits, order)                                                                   \
    static inline void put_u##bits##_##order(void *at, uint##bits##_t value)                       \
    {                                                                                              \
        uint##bits##_t raw = hto##order##bits(value);                                              \
        memcpy(at, &raw, sizeof(raw));                                                             \
    }                                                                                              \
    static inline uint##bits##_t get_u##bits##_##order(const void *at)                             \
    {                                                                                              \
        uint##bits##_t raw;                                                                        \
        memcpy(&raw, at, sizeof(raw));                                                             \
        return order##bits##toh(raw);                                                              \
    }

/* put_u32_be(at, value), get_u64_le(at), ... */
ENDIAN_PAIR(16, be)
ENDIAN_PAIR(32, be)
ENDIAN_PAIR(64, be)
ENDIAN_PAIR(16, le)
ENDIAN_PAIR(32, le)
ENDIAN_PAIR(64, le)

#undef ENDIAN_PAIR

#endif
