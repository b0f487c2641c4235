/*
 * The genesis record: what an exchange is and never changes. Its hash is the exchange's identity,
 * which every signature binds.
 */
#ifndef BOURSE_PROTOCOL_GENESIS_H
#define BOURSE_PROTOCOL_GENESIS_H

#include "protocol/limits.h"
#include "protocol/message.h"

enum { RULES_VERSION = 4 };

#define GENESIS_ADMIN_FIELDS(X, S)                                                                 \
    X(TEXT, S, name, 1, NAME_MAX_BYTES)                                                            \
    X(KEY, S, sign_key, 0, 0)                                                                      \
    X(KEY, S, channel_key, 0, 0)
MESSAGE_STRUCT(genesis_admin, GENESIS_ADMIN_FIELDS);

/*
 * `former_*` are zero and empty, except in an exchange that continues another's books from a backup
 * (docs/operations.md, "Restore"). The admins, of whom there is at least one, are the first
 * accounts, numbered from 1 on. Of approvals, which are no more than the admins, and limits
 * (control.h) it holds what they begin with: admins together change them.
 */
#define GENESIS_FIELDS(X, S)                                                                       \
    X(U32, S, rules_version, 1, UINT32_MAX)                                                        \
    X(TEXT, S, origin, 1, ORIGIN_MAX_BYTES)                                                        \
    X(KEY, S, root_key, 0, 0)                                                                      \
    X(ID, S, nonce, 0, 0)                                                                          \
    X(TIME, S, created_s, 0, TIME_MAX_S)                                                           \
    X(LIST, S, admins, genesis_admin, GENESIS_ADMINS_MAX)                                          \
    X(U32, S, activation_grace_s, 1, GRACE_MAX_S)                                                  \
    X(U32, S, meter_grace_s, 1, GRACE_MAX_S)                                                       \
    X(U32, S, dispute_window_s, 1, GRACE_MAX_S)                                                    \
    X(U32, S, approvals, 1, APPROVALS_MAX)                                                         \
    X(AMOUNT, S, mint_limit_ucr, 0, UINT64_MAX)                                                    \
    X(AMOUNT, S, payout_limit_ucr, 0, UINT64_MAX)                                                  \
    X(HASH, S, former_exchange_id, 0, 0)                                                           \
    X(TEXT, S, former_origin, 0, ORIGIN_MAX_BYTES)                                                 \
    X(U64, S, former_size, 0, UINT64_MAX)                                                          \
    X(HASH, S, former_root, 0, 0)
MESSAGE_STRUCT(genesis, GENESIS_FIELDS);

/* What every record begins with, of whatever version of the rules, so that one that does not decode
 * can be told from a damaged one; 0: nothing that could be a record. */
uint32_t genesis_rules_version(const uint8_t *encoded, size_t length);

/* Whether there are admins, as many as have to approve, and no two of them of one name or key. What
 * does not hold is said in `error`. */
bool genesis_admins_valid(const struct genesis *g, struct buffer *error);

/* SHA-256("bourse/genesis/v1" || 0x00 || encoded record); the record as encoded. */
void genesis_id(const uint8_t *encoded, size_t length, uint8_t id_out[32]);

#endif
