/* The benchmark's codec says what the general one says, and reads what that one writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "client/cli/bench_codec.h"
#include "protocol/frames.h"
#include "protocol/operations.h"
#include "protocol/refusal.h"
#include "protocol/status.h"

enum { COUNT_MAX = 8190 };

static const uint64_t numbers[] = {1,     127,        128,        255,        256,        65535,
                                   65536, UINT32_MAX, 1ull << 32, SERIAL_MAX, 1000000000, 77};

/* The same request through message_encode(). */
static void encode_generally(const struct bench_request *r, struct buffer *out)
{
    struct op_token_transfer *bodies = calloc(r->count, sizeof(*bodies));
    struct operation *operations = calloc(r->count, sizeof(*operations));
    struct payment to = {r->to, r->amount_ucr};
    assert_non_null(bodies);
    assert_non_null(operations);
    for (uint32_t i = 0; i < r->count; i++) {
        bodies[i].inputs.items = &r->tokens[i];
        bodies[i].inputs.count = 1;
        bodies[i].outputs.items = &to;
        bodies[i].outputs.count = 1;
        operations[i] = (struct operation){&op_token_transfer_message, &bodies[i]};
    }
    struct request request = {.account = r->account,
                              .valid_until_s = r->valid_until_s,
                              .operations = {operations, r->count}};
    memcpy(request.key, r->key, 32);
    memcpy(request.id, r->id, 16);
    message_encode(&request_message, &request, out);
    free(bodies);
    free(operations);
}

static void requests_are_the_same_bytes(void **state)
{
    (void)state;
    static uint64_t tokens[COUNT_MAX];
    static const uint32_t counts[] = {1, 15, 16, 1000, COUNT_MAX};
    uint8_t key[32];
    memset(key, 0xab, sizeof(key));
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        for (size_t n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++) {
            for (uint32_t j = 0; j < counts[i]; j++)
                tokens[j] = numbers[(n + j) % (sizeof(numbers) / sizeof(numbers[0]))];
            struct bench_request r = {.account = (uint32_t)numbers[n % 7],
                                      .key = key,
                                      .id = {1, 2, 3},
                                      .valid_until_s = numbers[n] % TIME_MAX_S + 1,
                                      .tokens = tokens,
                                      .count = counts[i],
                                      .to = (uint32_t)numbers[(n + 1) % 7],
                                      .amount_ucr = numbers[n]};
            struct buffer mine = BUFFER_EMPTY;
            struct buffer general = BUFFER_EMPTY;
            bench_encode_request(&r, &mine);
            encode_generally(&r, &general);
            assert_int_equal(mine.length, general.length);
            assert_memory_equal(mine.data, general.data, mine.length);

            uint8_t signature[64];
            memset(signature, 7, sizeof(signature));
            struct frame_request frame = {.seq = (uint32_t)numbers[n % 7],
                                          .body = {general.data, (uint32_t)general.length}};
            memcpy(frame.signature, signature, sizeof(signature));
            struct buffer framed = BUFFER_EMPTY;
            struct buffer framed_generally = BUFFER_EMPTY;
            bench_encode_frame(frame.seq, &mine, signature, &framed);
            message_encode_coded(&frame_request_message, &frame, &framed_generally);
            assert_int_equal(framed.length, framed_generally.length);
            assert_memory_equal(framed.data, framed_generally.data, framed.length);
            buffer_release(&mine);
            buffer_release(&general);
            buffer_release(&framed);
            buffer_release(&framed_generally);
        }
    }
}

static void reply_encode(uint32_t count, uint32_t refused_at, struct buffer *out)
{
    struct result *results = calloc(count + 1, sizeof(*results));
    assert_non_null(results);
    for (uint32_t i = 0; i < count; i++) {
        results[i] = (struct result){
            .index = numbers[i % 9], .token_first = numbers[i % 10], .token_count = 1};
        if (i == refused_at)
            results[i] = (struct result){.refusal = REFUSAL_token_spent};
    }
    struct frame_reply reply = {.seq = 70000,
                                .group = 1ull << 33,
                                .time_s = 1800000000,
                                .index = 200,
                                .results = {results, count}};
    message_encode_coded(&frame_reply_message, &reply, out);
    free(results);
}

static void replies_are_read(void **state)
{
    (void)state;
    static uint64_t tokens[2000];
    struct buffer frame = BUFFER_EMPTY;
    struct bench_reply reply;
    reply_encode(1000, UINT32_MAX, &frame);
    assert_int_equal(bench_decode_reply(frame.data, frame.length, 2000, tokens, &reply), STATUS_OK);
    assert_int_equal(reply.seq, 70000);
    assert_int_equal(reply.group, 1ull << 33);
    assert_int_equal(reply.count, 1000);
    assert_int_equal(reply.refusal, REFUSAL_accepted);
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(tokens[i], numbers[i % 10]);
    assert_int_equal(bench_decode_reply(frame.data, frame.length, 999, tokens, &reply),
                     STATUS_MALFORMED);
    buffer_clear(&frame);
    reply_encode(20, 7, &frame);
    assert_int_equal(bench_decode_reply(frame.data, frame.length, 2000, tokens, &reply), STATUS_OK);
    assert_int_equal(reply.refusal, REFUSAL_token_spent);
    buffer_release(&frame);
}

static void replies_cut_or_changed_are_noticed_or_read(void **state)
{
    (void)state;
    uint64_t tokens[20];
    struct buffer frame = BUFFER_EMPTY;
    struct bench_reply reply;
    const char *seed_text = getenv("BOURSE_SEED");
    unsigned seed = seed_text == NULL ? 1 : (unsigned)strtoul(seed_text, NULL, 10);
    print_message("BOURSE_SEED=%u\n", seed);
    srand(seed);
    reply_encode(20, UINT32_MAX, &frame);
    for (size_t length = 0; length < frame.length; length++) {
        uint8_t *cut = malloc(length + 1);
        assert_non_null(cut);
        memcpy(cut, frame.data, length);
        assert_int_equal(bench_decode_reply(cut, length, 20, tokens, &reply), STATUS_MALFORMED);
        free(cut);
    }
    for (int round = 0; round < 20000; round++) {
        size_t at = (size_t)rand() % frame.length;
        uint8_t before = frame.data[at];
        frame.data[at] = (uint8_t)rand();
        (void)bench_decode_reply(frame.data, frame.length, 20, tokens, &reply);
        frame.data[at] = before;
    }
    buffer_append(&frame, "", 1);
    assert_int_equal(bench_decode_reply(frame.data, frame.length, 20, tokens, &reply),
                     STATUS_MALFORMED);
    buffer_release(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_the_same_bytes),
        cmocka_unit_test(replies_are_read),
        cmocka_unit_test(replies_cut_or_changed_are_noticed_or_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
