#include "client/claim.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "protocol/checked_text.h"
#include "protocol/endian.h"
#include "protocol/sha256.h"
#include "protocol/status.h"

enum { WORD_BYTES = 8 + KEYS_SEED_BYTES + 8, WORD_LENGTH = CHECKED_TEXT_LENGTH(WORD_BYTES) };

static const char kind[] = CLAIM_KIND;
static const char prefix[] = CLAIM_KIND "v1:";

void claim_wipe(struct claim *c)
{
    sodium_memzero(c, sizeof(*c));
}

static bool server_valid(const char *server)
{
    for (const char *at = server; *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~')
            return false;
    }
    return server[0] != '\0';
}

/* The first 8 bytes of the hash of "<server> <pin>". */
static void rest_hash(const char *rest, uint8_t out[8])
{
    uint8_t hash[32];
    sha256(rest, strlen(rest), hash);
    memcpy(out, hash, 8);
}

int claim_print(const struct claim *c, char text_out[CLAIM_TEXT_SIZE])
{
    uint8_t bytes[WORD_BYTES];
    char word[sizeof(prefix) + WORD_LENGTH];
    char rest[CLAIM_SERVER_SIZE + PIN_TEXT_SIZE + 1];
    char pin[PIN_TEXT_SIZE];
    if (!server_valid(c->server))
        return STATUS_MALFORMED;
    int status = pin_print(&c->pin, pin);
    if (status != STATUS_OK)
        return status;
    snprintf(rest, sizeof(rest), "%s %s", c->server, pin);
    put_u64_be(bytes, c->gift);
    memcpy(bytes + 8, c->seed, KEYS_SEED_BYTES);
    rest_hash(rest, bytes + 8 + KEYS_SEED_BYTES);
    checked_text_print(prefix, bytes, sizeof(bytes), word);
    snprintf(text_out, CLAIM_TEXT_SIZE, "%s %s", word, rest);
    sodium_memzero(bytes, sizeof(bytes));
    sodium_memzero(word, sizeof(word));
    return STATUS_OK;
}

static int word_parse(const char *word, size_t length, const char *rest, struct claim *out)
{
    uint8_t bytes[WORD_BYTES];
    uint8_t hash[8];
    int status = checked_text_parse(prefix, word, length, bytes, sizeof(bytes));
    if (status == STATUS_OK) {
        rest_hash(rest, hash);
        if (memcmp(hash, bytes + 8 + KEYS_SEED_BYTES, sizeof(hash)) != 0)
            status = STATUS_MALFORMED;
    }
    if (status == STATUS_OK) {
        out->gift = get_u64_be(bytes);
        memcpy(out->seed, bytes + 8, KEYS_SEED_BYTES);
    }
    sodium_memzero(bytes, sizeof(bytes));
    return status;
}

int claim_parse(const char *text, size_t length, struct claim *out)
{
    char line[CLAIM_TEXT_SIZE];
    memset(out, 0, sizeof(*out));
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        length--;
    while (length > 0 && isspace((unsigned char)text[0])) {
        text++;
        length--;
    }
    if (length >= sizeof(line) || length < sizeof(prefix) || memchr(text, '\0', length) != NULL)
        return STATUS_MALFORMED;
    memcpy(line, text, length);
    line[length] = '\0';
    int status = STATUS_MALFORMED;
    char *server = strchr(line, ' ');
    char *pin = server != NULL ? strchr(server + 1, ' ') : NULL;
    if (strncmp(line, prefix, strlen(prefix)) != 0) {
        status = strncmp(line, kind, strlen(kind)) == 0 ? STATUS_VERSION : STATUS_MALFORMED;
    } else if (pin != NULL && (size_t)(pin - server - 1) < sizeof(out->server)) {
        status = word_parse(line, (size_t)(server - line), server + 1, out);
        memcpy(out->server, server + 1, (size_t)(pin - server - 1));
        if (status == STATUS_OK && !server_valid(out->server))
            status = STATUS_MALFORMED;
        if (status == STATUS_OK)
            status = pin_parse(pin + 1, &out->pin);
    }
    if (status != STATUS_OK)
        claim_wipe(out);
    sodium_memzero(line, sizeof(line));
    return status;
}

void claim_prove(const struct claim *c, const uint8_t sign_key[32], const uint8_t channel_key[32],
                 uint8_t proof_out[64])
{
    struct keys keys;
    uint8_t body[8 + 32 + 32];
    put_u64_be(body, c->gift);
    memcpy(body + 8, sign_key, 32);
    memcpy(body + 40, channel_key, 32);
    keys_from_seed(&keys, c->seed);
    keys_sign(&keys, PURPOSE_CLAIM, c->pin.exchange_id, body, sizeof(body), proof_out);
    keys_wipe(&keys);
}
