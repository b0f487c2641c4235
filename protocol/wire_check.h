/*
 * A first look at the bytes of a message, before anything is allocated for it: one complete
 * MessagePack object, no more and no less, nested no deeper and of no more parts than asked for.
 * What passes can be unpacked with memory in proportion to the parts counted here, whatever
 * lengths the bytes claim. It knows nothing of fields.
 */
#ifndef BOURSE_PROTOCOL_WIRE_CHECK_H
#define BOURSE_PROTOCOL_WIRE_CHECK_H

#include <stddef.h>
#include <stdint.h>

enum { WIRE_DEPTH_MAX = 16 };

/* NULL when the bytes pass, else what is wrong with them, in static storage. Any thread. */
const char *wire_check(const uint8_t *data, size_t length, uint64_t objects_max);

/*
 * The code at the start of [code, fields]. NULL and the code when the bytes begin an array of two
 * whose first is an unsigned number of 32 bits, else what is wrong with them.
 */
const char *wire_peek_code(const uint8_t *data, size_t length, uint32_t *code_out);

#endif
