/*
 * What the engine needs of the log beside its files: the signed head.
 */
#ifndef BOURSE_SERVER_LOG_LOG_H
#define BOURSE_SERVER_LOG_LOG_H

#include <stdint.h>

#include "protocol/buffer.h"
#include "protocol/checkpoint.h"
#include "protocol/merkle.h"

/*
 * Signs the head of the log as a checkpoint at the end of `out`; STATUS_MEMORY. Signing takes some
 * 40 microseconds, so it is done once a group. Any thread.
 */
int log_head_sign(const struct checkpoint_signer *signer, const struct merkle_frontier *head,
                  struct buffer *out);

#endif
