#include "client/key_request.h"

#include <assert.h>
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "protocol/endian.h"
#include "protocol/operations.h"
#include "protocol/status.h"

enum { PROVEN_BYTES = 4 + 32 + 32 };

static const char kind[] = "bourse-key-request:";
static const char prefix[] = "bourse-key-request:v1:";
static_assert(KEY_REQUEST_TEXT_SIZE == sizeof(prefix) + CHECKED_TEXT_LENGTH(KEY_REQUEST_BYTES),
              "the line has room");

static void proven_make(const uint8_t sign[32], const uint8_t channel[32], uint32_t account,
                        uint8_t out[PROVEN_BYTES])
{
    put_u32_be(out, account);
    memcpy(out + 4, sign, 32);
    memcpy(out + 36, channel, 32);
}

void key_request_sign(const struct keys *keys, uint32_t account, const uint8_t exchange_id[32],
                      uint8_t proof_out[KEYS_SIGNATURE_BYTES])
{
    uint8_t proven[PROVEN_BYTES];
    proven_make(keys->sign_public, keys->channel_public, account, proven);
    keys_sign(keys, PURPOSE_REKEY, exchange_id, proven, sizeof(proven), proof_out);
}

void key_request_make(struct key_request *r, const struct keys *keys, uint32_t account,
                      const uint8_t exchange_id[32])
{
    r->account = account;
    keys_get_public(keys, &r->keys);
    key_request_sign(keys, account, exchange_id, r->proof);
}

int key_request_verify(const struct key_request *r, const uint8_t exchange_id[32])
{
    uint8_t proven[PROVEN_BYTES];
    proven_make(r->keys.sign, r->keys.channel, r->account, proven);
    return keys_verify(r->keys.sign, PURPOSE_REKEY, exchange_id, proven, sizeof(proven), r->proof);
}

void key_request_print(const struct key_request *r, char text_out[KEY_REQUEST_TEXT_SIZE])
{
    uint8_t bytes[KEY_REQUEST_BYTES];
    proven_make(r->keys.sign, r->keys.channel, r->account, bytes);
    memcpy(bytes + PROVEN_BYTES, r->proof, sizeof(r->proof));
    checked_text_print(prefix, bytes, sizeof(bytes), text_out);
}

int key_request_parse(const char *text, size_t length, struct key_request *out)
{
    uint8_t bytes[KEY_REQUEST_BYTES];
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        length--;
    while (length > 0 && isspace((unsigned char)text[0])) {
        text++;
        length--;
    }
    memset(out, 0, sizeof(*out));
    int status = checked_text_parse(prefix, text, length, bytes, sizeof(bytes));
    if (status != STATUS_OK) {
        bool is_kind = length >= sizeof(kind) - 1 && memcmp(text, kind, sizeof(kind) - 1) == 0;
        bool is_v1 = length >= sizeof(prefix) - 1 && memcmp(text, prefix, sizeof(prefix) - 1) == 0;
        return is_kind && !is_v1 ? STATUS_VERSION : STATUS_MALFORMED;
    }
    out->account = get_u32_be(bytes);
    memcpy(out->keys.sign, bytes + 4, 32);
    memcpy(out->keys.channel, bytes + 36, 32);
    memcpy(out->proof, bytes + PROVEN_BYTES, sizeof(out->proof));
    return STATUS_OK;
}
