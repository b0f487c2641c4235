/*
 * Bytes as a word that people copy by hand: a prefix that names what it is, then the base64url
 * (RFC 4648 section 5, without padding) of
 *
 *   bytes || first 4 bytes of SHA-256(prefix || bytes)
 *
 * The checksum catches a slip of the hand, prefix included. It is no protection against anyone.
 */
#ifndef BOURSE_PROTOCOL_CHECKED_TEXT_H
#define BOURSE_PROTOCOL_CHECKED_TEXT_H

#include <stddef.h>
#include <stdint.h>

enum { CHECKED_TEXT_CHECKSUM_BYTES = 4, CHECKED_TEXT_BYTES_MAX = 256 };

/* Characters of `n` bytes and their checksum, without the prefix. */
#define CHECKED_TEXT_LENGTH(n) (((n) + 4) / 3 * 4 + (((n) + 4) % 3 == 0 ? 0 : ((n) + 4) % 3 + 1))

/* Prints the prefix, CHECKED_TEXT_LENGTH(length) characters and a NUL. length is at most
 * CHECKED_TEXT_BYTES_MAX. */
void checked_text_print(const char *prefix, const void *bytes, size_t length, char *text_out);

/*
 * Reads exactly what checked_text_print() writes for this prefix and this number of bytes, no
 * white space, no second spelling. `text` need not end in a NUL.
 * Errors: STATUS_MALFORMED, a wrong checksum included; the output is then undefined.
 */
int checked_text_parse(const char *prefix, const char *text, size_t text_length, void *bytes_out,
                       size_t length);

#endif
