#include "client/cli/bench_codec.h"

#include <stdbool.h>
#include <string.h>

#include "protocol/endian.h"
#include "protocol/frames.h"
#include "protocol/operations.h"
#include "protocol/status.h"

enum {
    /* MessagePack's first bytes. */
    FIXINT_MAX = 0x7f,
    FIXARRAY = 0x90,
    FIXARRAY_MAX = 15,
    UINT8 = 0xcc,
    UINT16 = 0xcd,
    UINT32 = 0xce,
    UINT64 = 0xcf,
    FALSE = 0xc2,
    TRUE = 0xc3,
    BIN8 = 0xc4,
    BIN16 = 0xc5,
    BIN32 = 0xc6,
    ARRAY16 = 0xdc,
    ARRAY32 = 0xdd,
    /* Two arrays of two, two of one, a code and at most 5 + 9 + 9 bytes of numbers. */
    TRANSFER_BYTES_MAX = 32,
    HEAD_BYTES_MAX = 96,
    RESULT_FIELDS_COUNT = 7,
    REPLY_FIELDS_COUNT = 7,
};

/* --- Writing ---------------------------------------------------------------------------------- */

static uint8_t *put_uint(uint8_t *at, uint64_t value)
{
    if (value <= FIXINT_MAX) {
        *at = (uint8_t)value;
        return at + 1;
    }
    if (value <= UINT8_MAX) {
        at[0] = UINT8;
        at[1] = (uint8_t)value;
        return at + 2;
    }
    if (value <= UINT16_MAX) {
        at[0] = UINT16;
        put_u16_be(at + 1, (uint16_t)value);
        return at + 3;
    }
    if (value <= UINT32_MAX) {
        at[0] = UINT32;
        put_u32_be(at + 1, (uint32_t)value);
        return at + 5;
    }
    at[0] = UINT64;
    put_u64_be(at + 1, value);
    return at + 9;
}

static uint8_t *put_array(uint8_t *at, uint32_t count)
{
    if (count <= FIXARRAY_MAX) {
        *at = (uint8_t)(FIXARRAY | count);
        return at + 1;
    }
    at[0] = ARRAY16;
    put_u16_be(at + 1, (uint16_t)count);
    return at + 3;
}

static uint8_t *put_bin(uint8_t *at, const void *data, uint8_t length)
{
    at[0] = BIN8;
    at[1] = length;
    memcpy(at + 2, data, length);
    return at + 2 + length;
}

void bench_encode_request(const struct bench_request *r, struct buffer *out)
{
    size_t room = HEAD_BYTES_MAX + (size_t)r->count * TRANSFER_BYTES_MAX;
    uint8_t *begin = buffer_extend(out, room);
    if (begin == NULL)
        return;
    uint8_t *at = put_array(begin, 6);
    at = put_uint(at, r->account);
    at = put_bin(at, r->key, 32);
    at = put_bin(at, r->id, sizeof(r->id));
    at = put_uint(at, r->valid_until_s);
    *at++ = FALSE; /* atomic */
    at = put_array(at, r->count);
    for (uint32_t i = 0; i < r->count; i++) {
        at = put_array(at, 2);
        at = put_uint(at, OPERATION_token_transfer);
        at = put_array(at, 2);
        at = put_array(at, 1);
        at = put_uint(at, r->tokens[i]);
        at = put_array(at, 1);
        at = put_array(at, 2);
        at = put_uint(at, r->to);
        at = put_uint(at, r->amount_ucr);
    }
    out->length -= room - (size_t)(at - begin);
}

void bench_encode_frame(uint32_t seq, const struct buffer *body, const uint8_t signature[64],
                        struct buffer *out)
{
    uint8_t head[16];
    uint8_t *at = put_array(head, 2);
    at = put_uint(at, FRAME_request);
    at = put_array(at, 3);
    at = put_uint(at, seq);
    if (body->length <= UINT8_MAX) {
        *at++ = BIN8;
        *at++ = (uint8_t)body->length;
    } else if (body->length <= UINT16_MAX) {
        *at++ = BIN16;
        put_u16_be(at, (uint16_t)body->length);
        at += 2;
    } else {
        *at++ = BIN32;
        put_u32_be(at, (uint32_t)body->length);
        at += 4;
    }
    buffer_append(out, head, (size_t)(at - head));
    buffer_append(out, body->data, body->length);
    uint8_t tail[2 + 64];
    put_bin(tail, signature, 64);
    buffer_append(out, tail, sizeof(tail));
}

/* --- Reading ---------------------------------------------------------------------------------- */

/* Bytes to be read; `bad` is sticky. */
struct reader {
    const uint8_t *at;
    size_t left;
    bool bad;
};

static const uint8_t *take(struct reader *r, size_t length)
{
    if (r->bad || r->left < length) {
        r->bad = true;
        return NULL;
    }
    const uint8_t *at = r->at;
    r->at += length;
    r->left -= length;
    return at;
}

static uint64_t get_uint(struct reader *r)
{
    const uint8_t *first = take(r, 1);
    if (first == NULL)
        return 0;
    if (*first <= FIXINT_MAX)
        return *first;
    if (*first < UINT8 || *first > UINT64) {
        r->bad = true;
        return 0;
    }
    size_t bytes = (size_t)1 << (*first - UINT8);
    const uint8_t *at = take(r, bytes);
    if (at == NULL)
        return 0;
    switch (bytes) {
    case 1:
        return *at;
    case 2:
        return get_u16_be(at);
    case 4:
        return get_u32_be(at);
    default:
        return get_u64_be(at);
    }
}

static uint32_t get_array(struct reader *r)
{
    const uint8_t *first = take(r, 1);
    if (first == NULL)
        return 0;
    if ((*first & 0xf0) == FIXARRAY)
        return *first & 0x0fu;
    const uint8_t *at = *first == ARRAY16 ? take(r, 2) : *first == ARRAY32 ? take(r, 4) : NULL;
    if (at == NULL) {
        r->bad = true;
        return 0;
    }
    return *first == ARRAY16 ? get_u16_be(at) : get_u32_be(at);
}

static void get_bool(struct reader *r)
{
    const uint8_t *at = take(r, 1);
    if (at == NULL || (*at != FALSE && *at != TRUE))
        r->bad = true;
}

static void expect(struct reader *r, uint64_t value, uint64_t expected)
{
    if (value != expected)
        r->bad = true;
}

/* One result: refusal, index, object, token_first, token_count, lease_first, lease_count. */
static void get_result(struct reader *r, uint64_t *token_out, struct bench_reply *out)
{
    expect(r, get_array(r), RESULT_FIELDS_COUNT);
    uint64_t refusal = get_uint(r);
    (void)get_uint(r);
    (void)get_uint(r);
    *token_out = get_uint(r);
    uint64_t issued = get_uint(r);
    (void)get_uint(r);
    (void)get_uint(r);
    if (refusal == 0)
        expect(r, issued, 1);
    else if (out->refusal == 0)
        out->refusal = (uint32_t)refusal;
}

int bench_decode_reply(const uint8_t *data, size_t length, uint32_t max, uint64_t *tokens_out,
                       struct bench_reply *out)
{
    struct reader r = {data, length, false};
    *out = (struct bench_reply){.seq = 0};
    expect(&r, get_array(&r), 2);
    expect(&r, get_uint(&r), FRAME_reply);
    expect(&r, get_array(&r), REPLY_FIELDS_COUNT);
    out->seq = (uint32_t)get_uint(&r);
    out->refusal = (uint32_t)get_uint(&r);
    out->group = get_uint(&r);
    (void)get_uint(&r); /* time */
    (void)get_uint(&r); /* index */
    get_bool(&r);       /* repeated */
    out->count = get_array(&r);
    if (out->count > max)
        return STATUS_MALFORMED;
    for (uint32_t i = 0; i < out->count && !r.bad; i++)
        get_result(&r, &tokens_out[i], out);
    return r.bad || r.left > 0 ? STATUS_MALFORMED : STATUS_OK;
}
