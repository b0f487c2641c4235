#include "protocol/receipt.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "protocol/limits.h"
#include "protocol/status.h"

static const char header[] = "c2sp.org/tlog-proof@v1";
static const char extra[] = "extra ";
static const char index_word[] = "index ";

static_assert(RECEIPT_BYTES_MAX > EVENT_BYTES_MAX * 4 / 3 + NOTE_BYTES_MAX + 8192,
              "the largest receipt fits");

/* A receipt taken apart, nothing verified; points into the text. */
struct receipt_parts {
    const char *event; /* base64 */
    size_t event_length;
    uint64_t index;
    merkle_hash proof[MERKLE_PROOF_MAX];
    size_t proof_count;
    const char *checkpoint;
    size_t checkpoint_length;
};

void receipt_encode(const void *event, size_t event_length, uint64_t index, const uint8_t *proof,
                    size_t proof_count, const char *checkpoint, size_t checkpoint_length,
                    struct buffer *out)
{
    assert(event_length <= EVENT_BYTES_MAX && proof_count <= MERKLE_PROOF_MAX);
    buffer_printf(out, "%s\n%s", header, extra);
    note_base64_append(out, event, event_length);
    buffer_printf(out, "\n%s%" PRIu64 "\n", index_word, index);
    for (size_t i = 0; i < proof_count; i++) {
        note_base64_append(out, proof + i * MERKLE_HASH_SIZE, MERKLE_HASH_SIZE);
        buffer_append(out, "\n", 1);
    }
    buffer_append(out, "\n", 1);
    buffer_append(out, checkpoint, checkpoint_length);
}

/* The next line, which may be empty, without its newline; 0 if no newline is left. */
static int line_next(const char *text, size_t length, size_t *at, const char **line_out,
                     size_t *length_out)
{
    const char *end = *at < length ? memchr(text + *at, '\n', length - *at) : NULL;
    if (end == NULL)
        return 0;
    *line_out = text + *at;
    *length_out = (size_t)(end - *line_out);
    *at += *length_out + 1;
    return 1;
}

/* What follows `word` in the line, or NULL if the line does not begin with it. */
static const char *line_after(const char *line, size_t length, const char *word, size_t *rest_out)
{
    size_t word_length = strlen(word);
    if (length < word_length || memcmp(line, word, word_length) != 0)
        return NULL;
    *rest_out = length - word_length;
    return line + word_length;
}

static int receipt_parse(const char *text, size_t length, struct receipt_parts *out,
                         struct note_error *error)
{
    size_t at = 0;
    const char *line;
    size_t line_length;
    if (length > RECEIPT_BYTES_MAX)
        return note_error_set(error, STATUS_LIMIT, "the receipt is longer than %d bytes",
                              RECEIPT_BYTES_MAX);
    if (!line_next(text, length, &at, &line, &line_length) || line_length != strlen(header) ||
        memcmp(line, header, line_length) != 0)
        return note_error_set(error, STATUS_MALFORMED, "the receipt does not begin with \"%s\"",
                              header);
    if (!line_next(text, length, &at, &line, &line_length) ||
        (out->event = line_after(line, line_length, extra, &out->event_length)) == NULL)
        return note_error_set(error, STATUS_MALFORMED, "the receipt has no \"extra\" line");
    size_t digits;
    const char *number;
    if (!line_next(text, length, &at, &line, &line_length) ||
        (number = line_after(line, line_length, index_word, &digits)) == NULL ||
        note_decimal_parse(number, digits, &out->index) != STATUS_OK)
        return note_error_set(error, STATUS_MALFORMED, "the receipt's \"index\" line is malformed");
    for (;;) {
        if (!line_next(text, length, &at, &line, &line_length))
            return note_error_set(error, STATUS_MALFORMED, "the receipt has no checkpoint");
        if (line_length == 0)
            break;
        if (out->proof_count == MERKLE_PROOF_MAX)
            return note_error_set(error, STATUS_MALFORMED, "the receipt's proof is too long");
        size_t count;
        if (note_base64_decode(line, line_length, out->proof[out->proof_count], MERKLE_HASH_SIZE,
                               &count) != STATUS_OK ||
            count != MERKLE_HASH_SIZE)
            return note_error_set(error, STATUS_MALFORMED, "hash %zu of the proof is malformed",
                                  out->proof_count + 1);
        out->proof_count++;
    }
    out->checkpoint = text + at;
    out->checkpoint_length = length - at;
    return STATUS_OK;
}

static int receipt_event(const struct receipt_parts *p, struct buffer *out,
                         struct note_error *error)
{
    size_t length;
    uint8_t *at = buffer_extend(out, EVENT_BYTES_MAX);
    if (at == NULL)
        return note_error_set(error, out->status, "out of memory");
    int status = note_base64_decode(p->event, p->event_length, at, EVENT_BYTES_MAX, &length);
    if (status == STATUS_LIMIT)
        return note_error_set(error, status, "the receipt's event is longer than %d bytes",
                              EVENT_BYTES_MAX);
    if (status != STATUS_OK)
        return note_error_set(error, status, "the receipt's event is malformed");
    out->length = length;
    return STATUS_OK;
}

int receipt_verify(const struct checkpoint_trust *trust, const char *text, size_t length,
                   struct receipt *out, struct note_error *error)
{
    struct receipt_parts parts = {0};
    memset(out, 0, sizeof(*out));
    int status = receipt_parse(text, length, &parts, error);
    if (status == STATUS_OK)
        status = checkpoint_verify(trust, parts.checkpoint, parts.checkpoint_length,
                                   &out->checkpoint, error);
    if (status == STATUS_OK)
        status = receipt_event(&parts, &out->event, error);
    if (status != STATUS_OK)
        goto out;
    out->index = parts.index;
    merkle_hash leaf;
    merkle_leaf_hash(out->event.data, out->event.length, leaf);
    status = merkle_inclusion_verify(leaf, parts.index, out->checkpoint.size, parts.proof[0],
                                     parts.proof_count, out->checkpoint.root);
    if (status == STATUS_MALFORMED)
        note_error_set(error, status,
                       "the proof does not fit entry %" PRIu64 " of a log of %" PRIu64 " entries",
                       parts.index, out->checkpoint.size);
    else if (status != STATUS_OK)
        note_error_set(error, status,
                       "the event is not what the log has as entry %" PRIu64
                       ": the proof leads to another root",
                       parts.index);
out:
    if (status != STATUS_OK)
        receipt_release(out);
    return status;
}

void receipt_release(struct receipt *r)
{
    buffer_release(&r->event);
    memset(r, 0, sizeof(*r));
}
