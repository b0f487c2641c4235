/*
 * The two messages that a benchmark of transfers makes and reads by the hundred thousand a second,
 * written out by hand: the client shares its processors with the server that is measured. The
 * bytes are those of message_encode(); the tests hold the two together.
 */
#ifndef BOURSE_CLI_BENCH_CODEC_H
#define BOURSE_CLI_BENCH_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/buffer.h"

/* A request of transfers, each of one token to one output of the same amount. */
struct bench_request {
    uint32_t account;
    const uint8_t *key; /* 32 bytes */
    uint8_t id[16];
    uint64_t valid_until_s;
    const uint64_t *tokens;
    uint32_t count; /* at most BATCH_OPERATIONS_MAX */
    uint32_t to;
    uint64_t amount_ucr;
};

/* Appends the body that is signed. */
void bench_encode_request(const struct bench_request *r, struct buffer *out);
/* Appends a frame_request with its code. */
void bench_encode_frame(uint32_t seq, const struct buffer *body, const uint8_t signature[64],
                        struct buffer *out);

struct bench_reply {
    uint32_t seq;
    uint32_t refusal; /* of the request; else of the first operation that was refused; 0: none */
    uint64_t group;
    uint32_t count; /* results */
};

/*
 * Reads a frame_reply of transfers with one output each: the new tokens go to tokens_out, which has
 * room for `max`. Errors: STATUS_MALFORMED for anything else.
 */
int bench_decode_reply(const uint8_t *data, size_t length, uint32_t max, uint64_t *tokens_out,
                       struct bench_reply *out);

#endif
