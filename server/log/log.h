/*
 * What the engine needs of the log beside its files: nonces of events and the signed head. The
 * rules hash events themselves (merkle.h) as they apply.
 */
#ifndef BOURSE_SERVER_LOG_LOG_H
#define BOURSE_SERVER_LOG_LOG_H

#include <stdint.h>

#include "protocol/buffer.h"
#include "protocol/checkpoint.h"
#include "protocol/limits.h"
#include "protocol/merkle.h"

enum { LOG_SECRET_BYTES = 32 };

/*
 * The nonce that the event at `index` begins with: BLAKE2b of 16 bytes over "bourse/nonce/v1" ||
 * 0x00 || index (64 bits, big-endian), keyed with the exchange's secret. The same on every replay,
 * and without the secret no leaf hash can be compared with a guess of its event. Any thread.
 */
void log_nonce(const uint8_t secret[LOG_SECRET_BYTES], uint64_t index,
               uint8_t nonce_out[EVENT_NONCE_BYTES]);

/*
 * Signs the head of the log as a checkpoint at the end of `out`; STATUS_MEMORY. Signing takes some
 * 40 microseconds, so it is done once a group. Any thread.
 */
int log_head_sign(const struct checkpoint_signer *signer, const struct merkle_frontier *head,
                  struct buffer *out);
/*
 * Checks a signer before its first use at `time_s` for this exchange. Errors: those of
 * certificate_check(); STATUS_MISUSE if the certificate is of another log key.
 */
int log_signer_check(const struct checkpoint_signer *signer, const uint8_t exchange_id[32],
                     uint64_t time_s);

#endif
