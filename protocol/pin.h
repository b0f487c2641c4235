/*
 * The pin: one line that `boursed init` prints and a client puts into its configuration, all that
 * it must know of an exchange to trust it and nothing secret:
 *
 *   bourse-exchange:v1:<origin>:<base64url>
 *
 * where the base64url (RFC 4648 section 5, no padding) is exchange id || root public key ||
 * channel public key, 32 bytes each, || the first 4 bytes of the SHA-256 of everything before, that
 * is, of "bourse-exchange:v1:<origin>:" || the 96 bytes.
 *
 * The channel key is the one at the time of printing. A client does no handshake with any other, so
 * after `boursed certify --rotate channel` it has to pin the line that this prints. The origin is
 * the name of the log (c2sp.org/tlog-checkpoint), 1 to ORIGIN_MAX_BYTES printable ASCII characters
 * without space and plus, since it also is the name of the key that signs checkpoints.
 */
#ifndef BOURSE_PROTOCOL_PIN_H
#define BOURSE_PROTOCOL_PIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/keys.h"
#include "protocol/limits.h"

/* Room for the longest pin and its NUL: prefix, origin, colon, 100 bytes in base64url. */
enum { PIN_TEXT_SIZE = 19 + ORIGIN_MAX_BYTES + 1 + 134 + 1 };

struct pin {
    char origin[ORIGIN_MAX_BYTES + 1];
    uint8_t exchange_id[KEYS_EXCHANGE_ID_BYTES];
    uint8_t root[KEYS_PUBLIC_BYTES];    /* Ed25519 */
    uint8_t channel[KEYS_PUBLIC_BYTES]; /* X25519 */
};

/* Whether an exchange may have this origin. */
bool pin_origin_valid(const char *origin);

/* Prints the pin and a NUL, no newline. Errors: STATUS_MALFORMED for an origin that is not valid.
 */
int pin_print(const struct pin *p, char text_out[PIN_TEXT_SIZE]);

/*
 * Reads exactly what pin_print() writes; the caller strips what surrounds it.
 * Errors: STATUS_MALFORMED, a wrong checksum included; STATUS_VERSION for "bourse-exchange:" with
 * another version than v1.
 */
int pin_parse(const char *text, struct pin *pin_out);

#endif
