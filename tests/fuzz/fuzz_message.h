/*
 * The fuzzer's view of the message decoder, in a form that ordinary tests can call as well.
 */
#ifndef BOURSE_TESTS_FUZZ_FUZZ_MESSAGE_H
#define BOURSE_TESTS_FUZZ_FUZZ_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Decodes the bytes after the first as what the first byte says (a set, or a message without a
 * code). Whatever decodes must encode to something that decodes to the same, and twice to the same
 * bytes; aborts when it does not. Returns 1 when the bytes decoded, 0 when they were refused.
 */
int fuzz_message(const uint8_t *data, size_t length);

/* The first byte for a set or, when `set` is NULL, for the signed request's body. */
uint8_t fuzz_message_selector(const void *set);

#endif
