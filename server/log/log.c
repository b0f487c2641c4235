#include "server/log/log.h"

#include <string.h>

#include <sodium.h>

#include "protocol/certificate.h"
#include "protocol/endian.h"
#include "protocol/status.h"

static const char nonce_purpose[] = "bourse/nonce/v1"; /* its NUL is part of the input */

void log_nonce(const uint8_t secret[LOG_SECRET_BYTES], uint64_t index,
               uint8_t nonce_out[EVENT_NONCE_BYTES])
{
    uint8_t input[sizeof(nonce_purpose) + 8];
    memcpy(input, nonce_purpose, sizeof(nonce_purpose));
    put_u64_be(input + sizeof(nonce_purpose), index);
    crypto_generichash(nonce_out, EVENT_NONCE_BYTES, input, sizeof(input), secret,
                       LOG_SECRET_BYTES);
}

int log_head_sign(const struct checkpoint_signer *signer, const struct merkle_frontier *head,
                  struct buffer *out)
{
    merkle_hash root;
    merkle_frontier_root(head, root);
    checkpoint_sign(signer, head->size, root, out);
    return out->status;
}

int log_signer_check(const struct checkpoint_signer *signer, const uint8_t exchange_id[32],
                     uint64_t time_s)
{
    struct certificate content;
    int status = certificate_check(signer->certificate, CERTIFICATE_BYTES, signer->root_public,
                                   exchange_id, CERTIFICATE_LOG, time_s, &content);
    if (status != STATUS_OK)
        return status;
    uint8_t log_public[32];
    crypto_sign_ed25519_sk_to_pk(log_public, signer->log_secret);
    return memcmp(content.key, log_public, sizeof(log_public)) == 0 ? STATUS_OK : STATUS_MISUSE;
}
