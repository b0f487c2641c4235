#include "protocol/certificate.h"

#include <assert.h>
#include <string.h>

#include "protocol/endian.h"
#include "protocol/status.h"

enum {
    AT_VERSION = 0,
    AT_USE = 1,
    AT_KEY = 2,
    AT_NOT_BEFORE = 34,
    AT_NOT_AFTER = 42,
    AT_SIGNATURE = 50,
};

static_assert(AT_SIGNATURE + KEYS_SIGNATURE_BYTES == CERTIFICATE_BYTES, "layout");

int certificate_make(const struct keys *root, const uint8_t exchange_id[KEYS_EXCHANGE_ID_BYTES],
                     const struct certificate *content, uint8_t certificate_out[CERTIFICATE_BYTES])
{
    if (content->use != CERTIFICATE_LOG && content->use != CERTIFICATE_CHANNEL)
        return STATUS_MISUSE;
    if (content->not_before_s >= content->not_after_s)
        return STATUS_MISUSE;
    certificate_out[AT_VERSION] = CERTIFICATE_VERSION;
    certificate_out[AT_USE] = (uint8_t)content->use;
    memcpy(certificate_out + AT_KEY, content->key, sizeof(content->key));
    put_u64_be(certificate_out + AT_NOT_BEFORE, content->not_before_s);
    put_u64_be(certificate_out + AT_NOT_AFTER, content->not_after_s);
    keys_sign(root, PURPOSE_CERTIFICATE, exchange_id, certificate_out, AT_SIGNATURE,
              certificate_out + AT_SIGNATURE);
    return STATUS_OK;
}

int certificate_check(const void *bytes, size_t length,
                      const uint8_t root_public[KEYS_PUBLIC_BYTES],
                      const uint8_t exchange_id[KEYS_EXCHANGE_ID_BYTES], enum certificate_use use,
                      uint64_t time_s, struct certificate *content_out)
{
    const uint8_t *at = bytes;
    /* The version may decide the length, but one byte must be there to tell. */
    if (length == 0)
        return STATUS_MALFORMED;
    if (at[AT_VERSION] != CERTIFICATE_VERSION)
        return STATUS_VERSION;
    if (length != CERTIFICATE_BYTES)
        return STATUS_MALFORMED;
    if (at[AT_USE] != CERTIFICATE_LOG && at[AT_USE] != CERTIFICATE_CHANNEL)
        return STATUS_MALFORMED;
    struct certificate content = {
        .use = (enum certificate_use)at[AT_USE],
        .not_before_s = get_u64_be(at + AT_NOT_BEFORE),
        .not_after_s = get_u64_be(at + AT_NOT_AFTER),
    };
    memcpy(content.key, at + AT_KEY, sizeof(content.key));
    if (content.not_before_s >= content.not_after_s)
        return STATUS_MALFORMED;
    int status = keys_verify(root_public, PURPOSE_CERTIFICATE, exchange_id, at, AT_SIGNATURE,
                             at + AT_SIGNATURE);
    if (status != STATUS_OK)
        return status;
    if (content.use != use)
        return STATUS_FORGED;
    *content_out = content;
    if (time_s < content.not_before_s || time_s >= content.not_after_s)
        return STATUS_EXPIRED;
    return STATUS_OK;
}
