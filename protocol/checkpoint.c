#include "protocol/checkpoint.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "protocol/status.h"

void checkpoint_text(const char *origin, uint64_t size, const uint8_t root[MERKLE_HASH_SIZE],
                     struct buffer *out)
{
    assert(note_name_valid(origin, strlen(origin)));
    assert(size <= INT64_MAX);
    buffer_printf(out, "%s\n%" PRIu64 "\n", origin, size);
    note_base64_append(out, root, MERKLE_HASH_SIZE);
    buffer_append(out, "\n", 1);
}

uint32_t checkpoint_delegation_id(const char *origin, const uint8_t root_public[32])
{
    uint8_t key[sizeof(CHECKPOINT_DELEGATION) - 1 + 32];
    memcpy(key, CHECKPOINT_DELEGATION, sizeof(CHECKPOINT_DELEGATION) - 1);
    memcpy(key + sizeof(CHECKPOINT_DELEGATION) - 1, root_public, 32);
    return note_key_id(origin, NOTE_UNASSIGNED, key, sizeof(key));
}

void checkpoint_sign(const struct checkpoint_signer *signer, uint64_t size,
                     const uint8_t root[MERKLE_HASH_SIZE], struct buffer *out)
{
    struct buffer text = BUFFER_EMPTY;
    checkpoint_text(signer->origin, size, root, &text);
    if (text.status == STATUS_OK) {
        buffer_append(out, text.data, text.length);
        buffer_append(out, "\n", 1);
        note_sign(out, (const char *)text.data, text.length, signer->origin, signer->log_secret);
        note_append_signature(out, signer->origin,
                              checkpoint_delegation_id(signer->origin, signer->root_public),
                              signer->certificate, CERTIFICATE_BYTES);
    } else {
        out->status = text.status;
    }
    buffer_release(&text);
}

/* Takes the next line off a text in which every line ends in a newline. */
static int line_take(const char **at, size_t *left, const char **line_out, size_t *length_out)
{
    const char *end = *left > 0 ? memchr(*at, '\n', *left) : NULL;
    if (end == NULL || end == *at)
        return STATUS_MALFORMED;
    *line_out = *at;
    *length_out = (size_t)(end - *at);
    *left -= *length_out + 1;
    *at = end + 1;
    return STATUS_OK;
}

static int checkpoint_text_parse(const struct note *n, const char *origin, struct checkpoint *out,
                                 struct note_error *error)
{
    const char *at = n->text;
    size_t left = n->text_length;
    const char *line;
    size_t length;
    if (line_take(&at, &left, &line, &length) != STATUS_OK)
        return note_error_set(error, STATUS_MALFORMED, "the checkpoint has no origin");
    if (length != strlen(origin) || memcmp(line, origin, length) != 0)
        return note_error_set(error, STATUS_FORGED, "the checkpoint is of another origin than %s",
                              origin);
    if (line_take(&at, &left, &line, &length) != STATUS_OK ||
        note_decimal_parse(line, length, &out->size) != STATUS_OK)
        return note_error_set(error, STATUS_MALFORMED, "the checkpoint's size is malformed");
    size_t count;
    if (line_take(&at, &left, &line, &length) != STATUS_OK ||
        note_base64_decode(line, length, out->root, sizeof(out->root), &count) != STATUS_OK ||
        count != sizeof(out->root))
        return note_error_set(error, STATUS_MALFORMED, "the checkpoint's root is malformed");
    /* What the log signs behind these lines is not ours to read, but must have the form. */
    while (left > 0) {
        if (line_take(&at, &left, &line, &length) != STATUS_OK)
            return note_error_set(error, STATUS_MALFORMED, "the checkpoint has an empty line");
    }
    return STATUS_OK;
}

/* Finds the log key: the root's certificate in the delegation line. */
static int checkpoint_delegation(const struct note *n, const struct checkpoint_trust *trust,
                                 struct certificate *out, struct note_error *error)
{
    const struct note_signature *s;
    uint32_t key_id = checkpoint_delegation_id(trust->origin, trust->root_public);
    int status = note_find(n, trust->origin, key_id, &s);
    if (status == STATUS_NOT_FOUND)
        return note_error_set(error, STATUS_FORGED,
                              "the checkpoint has no certificate by the pinned root key");
    if (status != STATUS_OK)
        return note_error_set(error, status, "the checkpoint has more than one certificate");
    uint8_t bytes[CERTIFICATE_BYTES];
    size_t length;
    if (note_signature_bytes(s, bytes, sizeof(bytes), &length) != STATUS_OK)
        return note_error_set(error, STATUS_MALFORMED,
                              "the certificate of the log key is malformed");
    status = certificate_check(bytes, length, trust->root_public, trust->exchange_id,
                               CERTIFICATE_LOG, trust->time_s, out);
    if (status == STATUS_EXPIRED && trust->time_s == 0)
        status = STATUS_OK;
    if (status == STATUS_EXPIRED)
        return note_error_set(error, status, "the certificate of the log key was not valid then");
    if (status == STATUS_VERSION)
        return note_error_set(error, status,
                              "the certificate of the log key is of a newer version");
    if (status != STATUS_OK)
        return note_error_set(
            error, status, "the certificate of the log key does not verify with the pinned root");
    return STATUS_OK;
}

int checkpoint_verify(const struct checkpoint_trust *trust, const char *note, size_t length,
                      struct checkpoint *out, struct note_error *error)
{
    struct note n;
    memset(out, 0, sizeof(*out));
    int status = note_parse(note, length, &n, error);
    if (status == STATUS_OK)
        status = checkpoint_text_parse(&n, trust->origin, out, error);
    if (status != STATUS_OK)
        return status;
    int certified = checkpoint_delegation(&n, trust, &out->certificate, error);
    /* A forged checkpoint is called forged, also when its certificate has run out. */
    if (certified != STATUS_OK && certified != STATUS_EXPIRED)
        return certified;
    status = note_verify(&n, trust->origin, out->certificate.key);
    if (status == STATUS_NOT_FOUND)
        return note_error_set(
            error, STATUS_FORGED,
            "the checkpoint is not signed by the log key that the root certified");
    if (status == STATUS_FORGED)
        return note_error_set(error, status,
                              "the log key's signature of the checkpoint does not verify");
    if (status != STATUS_OK)
        return note_error_set(error, status, "the log key signed the checkpoint more than once");
    return certified;
}
