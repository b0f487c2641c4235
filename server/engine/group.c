#include "server/engine/group.h"

#include "protocol/endian.h"
#include "protocol/limits.h"
#include "protocol/status.h"

static void byte_append(struct buffer *b, unsigned value)
{
    uint8_t byte = (uint8_t)value;
    buffer_append(b, &byte, 1);
}

void group_begin(struct buffer *b)
{
    byte_append(b, GROUP_BODY_VERSION);
}

void group_add_found(struct buffer *b)
{
    byte_append(b, GROUP_FOUND);
}

void group_add_start(struct buffer *b, enum clock_mode mode)
{
    byte_append(b, GROUP_START);
    byte_append(b, mode);
}

void group_add_tick(struct buffer *b)
{
    byte_append(b, GROUP_TICK);
}

void group_add_request(struct buffer *b, const uint8_t signature[64], struct bytes body)
{
    uint8_t length[4];
    put_u32_le(length, body.length);
    byte_append(b, GROUP_REQUEST);
    buffer_append(b, signature, 64);
    buffer_append(b, length, sizeof(length));
    buffer_append(b, body.data, body.length);
}

int group_reader_init(struct group_reader *r, const uint8_t *data, size_t length)
{
    if (length == 0)
        return STATUS_MALFORMED;
    if (data[0] != GROUP_BODY_VERSION)
        return STATUS_VERSION;
    *r = (struct group_reader){data + 1, length - 1, true};
    return 0;
}

/* The next `length` bytes; NULL when there are fewer. */
static const uint8_t *take(struct group_reader *r, size_t length)
{
    if (r->left < length)
        return NULL;
    const uint8_t *at = r->at;
    r->at += length;
    r->left -= length;
    return at;
}

static int start_read(struct group_reader *r, struct group_entry *out)
{
    const uint8_t *mode = take(r, 1);
    if (mode == NULL || (mode[0] != CLOCK_MODE_REAL && mode[0] != CLOCK_MODE_MANUAL))
        return STATUS_MALFORMED;
    out->mode = (enum clock_mode)mode[0];
    return 0;
}

static int request_read(struct group_reader *r, struct group_entry *out)
{
    const uint8_t *head = take(r, 64 + 4);
    if (head == NULL)
        return STATUS_MALFORMED;
    out->signature = head;
    out->body.length = get_u32_le(head + 64);
    if (out->body.length == 0 || out->body.length > REQUEST_BYTES_MAX)
        return STATUS_MALFORMED;
    out->body.data = take(r, out->body.length);
    return out->body.data != NULL ? 0 : STATUS_MALFORMED;
}

int group_next(struct group_reader *r, struct group_entry *out)
{
    const uint8_t *kind = take(r, 1);
    bool is_first = r->is_first;
    if (kind == NULL)
        return STATUS_NOT_FOUND;
    r->is_first = false;
    *out = (struct group_entry){.kind = (enum group_entry_kind)kind[0]};
    switch (kind[0]) {
    case GROUP_FOUND:
        return is_first ? 0 : STATUS_MALFORMED;
    case GROUP_START:
        return start_read(r, out);
    case GROUP_TICK:
        return 0;
    case GROUP_REQUEST:
        return request_read(r, out);
    default:
        return STATUS_MALFORMED;
    }
}
