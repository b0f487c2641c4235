#include "server/log/log.h"

int log_head_sign(const struct checkpoint_signer *signer, const struct merkle_frontier *head,
                  struct buffer *out)
{
    merkle_hash root;
    merkle_frontier_root(head, root);
    checkpoint_sign(signer, head->size, root, out);
    return out->status;
}
