/*
 * The line of text with which somebody asks to become a further key of an account: public keys, the
 * account, and the proof that the asker holds them and wants this. Nothing in it is secret; the
 * account's main key adds what it says (`bourse key add`), under limits of its own choice.
 *
 *   bourse-key-request:v1:<base64url>
 *
 * The base64url (checked_text.h) is of account (u32 big-endian) || signing key || channel key ||
 * proof, which is that of op_account_key_add: bound to the account and the exchange.
 */
#ifndef BOURSE_CLIENT_KEY_REQUEST_H
#define BOURSE_CLIENT_KEY_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/checked_text.h"
#include "protocol/keys.h"

enum {
    KEY_REQUEST_BYTES = 4 + 32 + 32 + KEYS_SIGNATURE_BYTES,
    /* "bourse-key-request:v1:", the word and a NUL. */
    KEY_REQUEST_TEXT_SIZE = 22 + CHECKED_TEXT_LENGTH(KEY_REQUEST_BYTES) + 1,
};

struct key_request {
    uint32_t account;
    struct keys_public keys;
    uint8_t proof[KEYS_SIGNATURE_BYTES];
};

/* Makes the request of these keys to speak for the account on this exchange. */
void key_request_make(struct key_request *r, const struct keys *keys, uint32_t account,
                      const uint8_t exchange_id[32]);
/* 0, or STATUS_FORGED: the proof is of other keys, another account or another exchange. */
int key_request_verify(const struct key_request *r, const uint8_t exchange_id[32]);

void key_request_print(const struct key_request *r, char text_out[KEY_REQUEST_TEXT_SIZE]);
/* Reads a line; white space around it is ignored. Errors: STATUS_MALFORMED, a wrong checksum
 * included; STATUS_VERSION for another version than v1. */
int key_request_parse(const char *text, size_t length, struct key_request *out);

/* What a proof of new keys signs: of a key request and of account_rekey. */
void key_request_sign(const struct keys *keys, uint32_t account, const uint8_t exchange_id[32],
                      uint8_t proof_out[KEYS_SIGNATURE_BYTES]);

#endif
