#include "server/log/log.h"

#include <string.h>

#include <sodium.h>

#include "protocol/certificate.h"
#include "protocol/status.h"

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
