/*
 * The line of text with which a gift is claimed: all that a newcomer needs and a secret. Whoever
 * has it first, has the gift.
 *
 *   bourse-gift:v1:<base64url>  <server address>  <pin line>
 *
 * separated by single spaces. The base64url (checked_text.h) is of gift number (u64 big-endian) ||
 * seed of the claim key (32 bytes) || first 8 bytes of the SHA-256 of the rest of the line, from
 * the server address on. So a slip of the hand anywhere is caught, and the newcomer needs neither
 * configuration nor a second message. The server address is a hint ("-": none given).
 *
 * The claim key is the signing key that keys_from_seed() derives from the seed.
 */
#ifndef BOURSE_CLIENT_CLAIM_H
#define BOURSE_CLIENT_CLAIM_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/keys.h"
#include "protocol/operations.h"
#include "protocol/pin.h"

/* What each line begins with, whatever its version. */
#define CLAIM_KIND "bourse-gift:"

enum { CLAIM_SERVER_SIZE = 256, CLAIM_TEXT_SIZE = 15 + 70 + 2 + CLAIM_SERVER_SIZE + PIN_TEXT_SIZE };

struct claim {
    uint64_t gift;
    uint8_t seed[KEYS_SEED_BYTES]; /* secret: end with claim_wipe() */
    char server[CLAIM_SERVER_SIZE];
    struct pin pin;
};

/* Prints the line and a NUL, no newline. Errors: STATUS_MALFORMED for a server address with spaces
 * or an origin that is not valid. */
int claim_print(const struct claim *c, char text_out[CLAIM_TEXT_SIZE]);
/*
 * Reads a line; white space around it is ignored. Errors: STATUS_MALFORMED, a wrong checksum
 * included; STATUS_VERSION for another version than v1. On failure nothing secret is left in *out.
 */
int claim_parse(const char *text, size_t length, struct claim *out);
void claim_wipe(struct claim *c);

/* What op_gift_claim.proof is: the claim key's signature for this exchange over gift || the signing
 * key of who claims || the channel key of the message (zeros for somebody with an account). */
void claim_prove(const struct claim *c, const uint8_t sign_key[32], const uint8_t channel_key[32],
                 uint8_t proof_out[64]);

#endif
