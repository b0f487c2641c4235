/*
 * SHA-256 (FIPS 180-4) in one call. Cannot fail, allocates nothing, any thread.
 */
#ifndef BOURSE_PROTOCOL_SHA256_H
#define BOURSE_PROTOCOL_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_SIZE = 32 };

/* The hash of `length` bytes; `data` may be NULL when `length` is 0. */
void sha256(const void *data, size_t length, uint8_t out[SHA256_SIZE]);

/* The hash of up to three runs of bytes, one after the other, without joining them first. */
void sha256_parts(const void *a, size_t a_length, const void *b, size_t b_length, const void *c,
                  size_t c_length, uint8_t out[SHA256_SIZE]);

#endif
