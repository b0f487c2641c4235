#include "protocol/checked_text.h"

#include <assert.h>
#include <string.h>

#include <sodium.h>

#include "protocol/sha256.h"
#include "protocol/status.h"

enum {
    VARIANT = sodium_base64_VARIANT_URLSAFE_NO_PADDING,
    RAW_BYTES_MAX = CHECKED_TEXT_BYTES_MAX + CHECKED_TEXT_CHECKSUM_BYTES,
};

static void checksum(const char *prefix, const void *bytes, size_t length,
                     uint8_t out[CHECKED_TEXT_CHECKSUM_BYTES])
{
    uint8_t hash[SHA256_SIZE];
    sha256_parts(prefix, strlen(prefix), bytes, length, NULL, 0, hash);
    memcpy(out, hash, CHECKED_TEXT_CHECKSUM_BYTES);
}

void checked_text_print(const char *prefix, const void *bytes, size_t length, char *text_out)
{
    assert(length <= CHECKED_TEXT_BYTES_MAX);
    uint8_t raw[RAW_BYTES_MAX];
    memcpy(raw, bytes, length);
    checksum(prefix, bytes, length, raw + length);
    size_t prefix_length = strlen(prefix);
    memcpy(text_out, prefix, prefix_length);
    sodium_bin2base64(text_out + prefix_length, CHECKED_TEXT_LENGTH(length) + 1, raw,
                      length + CHECKED_TEXT_CHECKSUM_BYTES, VARIANT);
    /* The bytes may be a seed. */
    sodium_memzero(raw, sizeof(raw));
}

int checked_text_parse(const char *prefix, const char *text, size_t text_length, void *bytes_out,
                       size_t length)
{
    assert(length <= CHECKED_TEXT_BYTES_MAX);
    size_t prefix_length = strlen(prefix);
    if (text_length != prefix_length + CHECKED_TEXT_LENGTH(length) ||
        memcmp(text, prefix, prefix_length) != 0)
        return STATUS_MALFORMED;

    int status = STATUS_MALFORMED;
    uint8_t raw[RAW_BYTES_MAX];
    char again[CHECKED_TEXT_LENGTH(CHECKED_TEXT_BYTES_MAX) + 1];
    size_t raw_length = 0;
    if (sodium_base642bin(raw, sizeof(raw), text + prefix_length, text_length - prefix_length, NULL,
                          &raw_length, NULL, VARIANT) != 0 ||
        raw_length != length + CHECKED_TEXT_CHECKSUM_BYTES)
        goto out;
    /* Only one spelling is right. libsodium 1.0.18 also takes byte 0xDF for an underscore. */
    sodium_bin2base64(again, sizeof(again), raw, raw_length, VARIANT);
    if (memcmp(again, text + prefix_length, text_length - prefix_length) != 0)
        goto out;
    uint8_t expected[CHECKED_TEXT_CHECKSUM_BYTES];
    checksum(prefix, raw, length, expected);
    if (memcmp(raw + length, expected, sizeof(expected)) != 0)
        goto out;
    memcpy(bytes_out, raw, length);
    status = STATUS_OK;
out:
    sodium_memzero(raw, sizeof(raw));
    sodium_memzero(again, sizeof(again));
    return status;
}
