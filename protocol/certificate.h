/*
 * A certificate: the exchange's root key, which is kept offline, says that another key does one of
 * the exchange's jobs for a while. Clients pin the root only; the log key and the channel key can
 * be replaced under it.
 *
 *   offset  bytes  content (integers big-endian)
 *        0      1  version, 1
 *        1      1  use: 1 log (Ed25519, signs checkpoints), 2 channel (X25519, Noise responder)
 *        2     32  the certified public key
 *       34      8  not before, seconds UTC, inclusive
 *       42      8  not after, seconds UTC, exclusive
 *       50     64  signature of the root over bytes 0 to 49 as keys.h defines it, purpose
 *                  "bourse/certificate/v1"
 */
#ifndef BOURSE_PROTOCOL_CERTIFICATE_H
#define BOURSE_PROTOCOL_CERTIFICATE_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/keys.h"

#define PURPOSE_CERTIFICATE "bourse/certificate/v1"

enum { CERTIFICATE_BYTES = 114, CERTIFICATE_VERSION = 1 };

enum certificate_use { CERTIFICATE_LOG = 1, CERTIFICATE_CHANNEL = 2 };

struct certificate {
    enum certificate_use use;
    uint8_t key[KEYS_PUBLIC_BYTES];
    uint64_t not_before_s; /* inclusive */
    uint64_t not_after_s;  /* exclusive */
};

/*
 * Makes a certificate with the root's signing key.
 * Errors: STATUS_MISUSE when the window is empty or the use unknown.
 */
int certificate_make(const struct keys *root, const uint8_t exchange_id[KEYS_EXCHANGE_ID_BYTES],
                     const struct certificate *content, uint8_t certificate_out[CERTIFICATE_BYTES]);

/*
 * Checks a certificate at `time_s` and gives its content, which is set on success and for
 * STATUS_EXPIRED (so that it can be said when it was valid).
 * Errors, in this order: STATUS_VERSION, STATUS_MALFORMED (length, unknown use, empty window),
 * STATUS_FORGED (not by this root, for another exchange, changed, or certified for another use),
 * STATUS_EXPIRED (outside the window, also before it).
 */
int certificate_check(const void *bytes, size_t length,
                      const uint8_t root_public[KEYS_PUBLIC_BYTES],
                      const uint8_t exchange_id[KEYS_EXCHANGE_ID_BYTES], enum certificate_use use,
                      uint64_t time_s, struct certificate *content_out);

#endif
