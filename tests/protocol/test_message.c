#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <msgpack.h>

#include "protocol/events.h"
#include "protocol/frames.h"
#include "protocol/genesis.h"
#include "protocol/message.h"
#include "protocol/operations.h"
#include "protocol/queries.h"
#include "protocol/refusal.h"
#include "protocol/status.h"
#include "tests/random.h"
#include "tests/fuzz/fuzz_message.h"
#include "tests/protocol/generate.h"

/* A sanitizer needs more memory than the test of the length bombs leaves. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif

static const struct message_set *const sets[] = {&operation_set, &frame_set, &event_set, &query_set,
                                                 &answer_set};
enum { SETS = sizeof(sets) / sizeof(sets[0]) };

static uint64_t seed;
static struct arena arena;
static struct generator g;
static struct buffer encoded;
static struct decode_error error;

static int setup(void **state)
{
    (void)state;
    g = (struct generator){seed, &arena};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    buffer_release(&encoded);
    return 0;
}

static void *body_new(const struct message *m)
{
    void *body = arena_alloc(&arena, m->size);
    assert_non_null(body);
    return body;
}

/* An exact copy on the heap, so that a sanitizer sees a read beyond its end. */
static int decode_copy(const struct message *m, const uint8_t *data, size_t length, void *body)
{
    uint8_t *copy = arena_copy(&arena, data, length);
    assert_non_null(copy);
    return message_decode(m, copy, length, &arena, body, &error);
}

static void round_trip(const struct message *m)
{
    void *body = body_new(m);
    void *again = body_new(m);
    generate_body(&g, m, body);
    buffer_clear(&encoded);
    message_encode(m, body, &encoded);
    assert_int_equal(encoded.status, 0);
    memset(again, 0xa5, m->size);
    if (decode_copy(m, encoded.data, encoded.length, again) != 0)
        fail_msg("%s: %s", m->name, error.text);
    assert_true(bodies_equal(m, body, again));
}

static void test_round_trip(void **state)
{
    (void)state;
    for (int round = 0; round < 60; round++) {
        for (size_t s = 0; s < SETS; s++) {
            for (uint32_t i = 0; i < sets[s]->count; i++)
                round_trip(sets[s]->messages[i]);
        }
        round_trip(&request_message);
        round_trip(&genesis_message);
        arena_clear(&arena);
    }
}

static void test_round_trip_coded(void **state)
{
    (void)state;
    for (size_t s = 0; s < SETS; s++) {
        for (uint32_t i = 0; i < sets[s]->count; i++) {
            const struct message *m = sets[s]->messages[i];
            void *body = body_new(m);
            generate_body(&g, m, body);
            buffer_clear(&encoded);
            message_encode_coded(m, body, &encoded);
            const struct message *found = NULL;
            const void *again = NULL;
            assert_int_equal(message_decode_coded(sets[s], encoded.data, encoded.length, &arena,
                                                  &found, &again, &error),
                             0);
            assert_ptr_equal(found, m);
            assert_true(bodies_equal(m, body, again));
        }
    }
}

/* The comparison that these tests rest on sees every change of a field, as the encoding does. */
static void test_comparison_sees_changes(void **state)
{
    (void)state;
    unsigned different = 0;
    struct buffer other = BUFFER_EMPTY;
    for (int round = 0; round < 4000; round++) {
        size_t s = generate_below(&g, SETS);
        const struct message *m = sets[s]->messages[generate_below(&g, sets[s]->count)];
        uint8_t *a = body_new(m);
        uint8_t *b = body_new(m);
        generate_body(&g, m, a);
        generate_body(&g, m, b);
        uint32_t k = (uint32_t)generate_below(&g, m->fields_count);
        size_t from = m->fields[k].offset;
        size_t until = k + 1 < m->fields_count ? m->fields[k + 1].offset : m->size;
        uint8_t *mixed = arena_copy(&arena, a, m->size);
        assert_non_null(mixed);
        memcpy(mixed + from, b + from, until - from);
        buffer_clear(&encoded);
        buffer_clear(&other);
        message_encode(m, a, &encoded);
        message_encode(m, mixed, &other);
        bool same =
            encoded.length == other.length && memcmp(encoded.data, other.data, other.length) == 0;
        assert_int_equal(bodies_equal(m, a, mixed), same);
        different += !same;
        arena_clear(&arena);
    }
    assert_true(different > 1000);
    buffer_release(&other);
}

static void test_truncated_and_surplus(void **state)
{
    (void)state;
    for (size_t s = 0; s < SETS; s++) {
        for (uint32_t i = 0; i < sets[s]->count; i++) {
            const struct message *m = sets[s]->messages[i];
            void *body = body_new(m);
            do {
                generate_body(&g, m, body);
                buffer_clear(&encoded);
                message_encode_coded(m, body, &encoded);
            } while (encoded.length > 2000);
            const struct message *found = NULL;
            const void *out = NULL;
            for (size_t length = 0; length < encoded.length; length++) {
                uint8_t *copy = malloc(length > 0 ? length : 1);
                assert_non_null(copy);
                memcpy(copy, encoded.data, length);
                assert_int_equal(
                    message_decode_coded(sets[s], copy, length, &arena, &found, &out, &error),
                    STATUS_MALFORMED);
                assert_true(error.text[0] != '\0');
                free(copy);
            }
            buffer_append(&encoded, "\0", 1);
            assert_int_equal(message_decode_coded(sets[s], encoded.data, encoded.length, &arena,
                                                  &found, &out, &error),
                             STATUS_MALFORMED);
            assert_non_null(strstr(error.text, "bytes after its end"));
            arena_clear(&arena);
        }
    }
}

/* --- Bombs --- */

static void test_nesting_bomb(void **state)
{
    (void)state;
    uint8_t bomb[4096];
    memset(bomb, 0x91, sizeof(bomb));
    for (size_t s = 0; s < SETS; s++) {
        const struct message *m = NULL;
        const void *body = NULL;
        assert_int_equal(
            message_decode_coded(sets[s], bomb, sizeof(bomb), &arena, &m, &body, &error),
            STATUS_MALFORMED);
    }
    struct request out;
    assert_int_equal(message_decode(&request_message, bomb, sizeof(bomb), &arena, &out, &error),
                     STATUS_MALFORMED);
    assert_string_equal(error.text, "request is nested too deeply");
}

static void length_bombs(void)
{
    static const struct {
        const char *bytes;
        size_t length;
    } bombs[] = {
        {"\xdd\xff\xff\xff\xff", 5},     {"\xdf\xff\xff\xff\xff", 5}, {"\xc6\xff\xff\xff\xff", 5},
        {"\xdb\xff\xff\xff\xff", 5},     {"\xc9\xff\xff\xff\xff", 5}, {"\xdc\xff\xff", 3},
        {"\x91\xdd\x7f\xff\xff\xff", 6}, {"\xdf\x80\x00\x00\x00", 5},
    };
    struct request out;
    for (size_t i = 0; i < sizeof(bombs) / sizeof(bombs[0]); i++) {
        int rc = message_decode(&request_message, (const uint8_t *)bombs[i].bytes, bombs[i].length,
                                &arena, &out, &error);
        if (rc != STATUS_MALFORMED)
            _exit(10 + (int)i);
    }
    /* A full frame of the smallest objects, where a handful belongs. */
    uint8_t *frame = calloc(1, FRAME_BYTES_MAX);
    if (frame == NULL)
        _exit(2);
    frame[0] = 0x92;
    frame[1] = FRAME_query;
    frame[2] = 0xdd;
    uint32_t count = FRAME_BYTES_MAX - 7;
    for (int i = 0; i < 4; i++)
        frame[3 + i] = (uint8_t)(count >> (24 - 8 * i));
    const struct message *m = NULL;
    const void *body = NULL;
    if (message_decode_coded(&frame_set, frame, FRAME_BYTES_MAX, &arena, &m, &body, &error) !=
        STATUS_MALFORMED)
        _exit(3);
    free(frame);
}

/* In a process with little memory to spare: each must be refused as malformed, not for memory. */
static void test_length_bombs(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
#ifndef SANITIZED
        struct rlimit limit = {64 << 20, 64 << 20};
        setrlimit(RLIMIT_DATA, &limit);
#endif
        length_bombs();
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* What a decoded message takes of the arena is bounded by its length, however it is made. */
static void test_memory_is_bounded(void **state)
{
    (void)state;
    static uint8_t data[9000];
    memset(data, 0x90, sizeof(data));
    /* A reply whose list of results has empty arrays: the rows' room is taken before they fail. */
    static const uint8_t head[] = {0x97, 1, 0, 0, 0, 0, 0xc2, 0xdc, 0x1f, 0x40}; /* 8000 */
    memcpy(data, head, sizeof(head));
    struct frame_reply reply;
    assert_int_equal(
        message_decode(&frame_reply_message, data, sizeof(head) + 8000, &arena, &reply, &error),
        STATUS_MALFORMED);
    assert_string_equal(error.text, "reply.results[0]: the field refusal is missing");
    assert_true(arena.used < 100 * (sizeof(head) + 8000));
}

/* --- Mutations --- */

static void test_mutations(void **state)
{
    (void)state;
    enum { ROUNDS = 3000, MUTATIONS = 20, ROOM = 4096 };
    static uint8_t original[ROOM + 64];
    static uint8_t mutated[ROOM + 64];
    unsigned decoded = 0;
    for (int round = 0; round < ROUNDS; round++) {
        size_t s = generate_below(&g, SETS + 1);
        const struct message *m =
            s == SETS ? &request_message : sets[s]->messages[generate_below(&g, sets[s]->count)];
        void *body = body_new(m);
        generate_body(&g, m, body);
        buffer_clear(&encoded);
        if (s == SETS)
            message_encode(m, body, &encoded);
        else
            message_encode_coded(m, body, &encoded);
        arena_clear(&arena);
        if (encoded.length + 1 > ROOM)
            continue;
        original[0] = fuzz_message_selector(s == SETS ? NULL : sets[s]);
        memcpy(original + 1, encoded.data, encoded.length);
        assert_int_equal(fuzz_message(original, encoded.length + 1), 1);
        for (int i = 0; i < MUTATIONS; i++) {
            memcpy(mutated, original, encoded.length + 1);
            size_t length = generate_mutation(&g, mutated + 1, encoded.length, ROOM);
            decoded += (unsigned)fuzz_message(mutated, length + 1);
        }
    }
    /* Some must pass, or the mutations are too coarse to reach the rules behind the first look. */
    assert_true(decoded > 100);
}

static void test_noise(void **state)
{
    (void)state;
    uint8_t data[64];
    for (int i = 0; i < 200000; i++) {
        size_t length = generate_below(&g, sizeof(data));
        for (size_t k = 0; k < length; k++)
            data[k] = (uint8_t)generate_u64(&g);
        (void)fuzz_message(data, length);
    }
}

/* --- The rest --- */

static void test_other_spellings(void **state)
{
    (void)state;
    /* Numbers and lengths in longer forms are the same values. */
    static const uint8_t longer[] = {0xdc, 0,    2, 0xcf, 0, 0, 0, 0, 0, 0, 0,
                                     7,    0xd3, 0, 0,    0, 0, 0, 0, 0, 9};
    struct payment payment;
    assert_int_equal(
        message_decode(&payment_message, longer, sizeof(longer), &arena, &payment, &error), 0);
    assert_int_equal(payment.account, 7);
    assert_int_equal(payment.amount_ucr, 9);
}

static void test_sets(void **state)
{
    (void)state;
    assert_ptr_equal(message_by_code(&operation_set, OPERATION_mint), &op_mint_message);
    assert_ptr_equal(message_by_name(&operation_set, "mint"), &op_mint_message);
    assert_null(message_by_code(&operation_set, 0));
    assert_null(message_by_name(&operation_set, "Mint"));
}

static void test_names_account(void **state)
{
    (void)state;
    struct payment outputs[2] = {{5, 1}, {6, 1}};
    struct op_token_transfer transfer = {.outputs = {outputs, 2}};
    assert_true(message_names_account(&op_token_transfer_message, &transfer, 5));
    assert_true(message_names_account(&op_token_transfer_message, &transfer, 6));
    assert_false(message_names_account(&op_token_transfer_message, &transfer, 1));
    struct operation operation = {&op_token_transfer_message, &transfer};
    struct request request = {.account = 9, .operations = {&operation, 1}};
    assert_true(message_names_account(&request_message, &request, 9));
    assert_true(message_names_account(&request_message, &request, 6));
    assert_false(message_names_account(&request_message, &request, 7));
    struct op_mint mint = {.series = 3};
    assert_false(message_names_account(&op_mint_message, &mint, 3));
}

/* Not a test of a limit, for machines differ; prints what a request of 1000 transfers takes. */
static void test_speed(void **state)
{
    (void)state;
    enum { TRANSFERS = 1000, ROUNDS = 300 };
    static struct op_token_transfer transfers[TRANSFERS];
    static struct operation operations[TRANSFERS];
    static uint64_t inputs[TRANSFERS];
    static struct payment outputs[TRANSFERS][2];
    for (uint32_t i = 0; i < TRANSFERS; i++) {
        inputs[i] = 5000000 + 17 * (uint64_t)i;
        outputs[i][0] = (struct payment){1000 + i, 2500000 + i};
        outputs[i][1] = (struct payment){2000 + i, 7500000 - i};
        transfers[i].inputs.items = &inputs[i];
        transfers[i].inputs.count = 1;
        transfers[i].outputs.items = outputs[i];
        transfers[i].outputs.count = 2;
        operations[i] = (struct operation){&op_token_transfer_message, &transfers[i]};
    }
    struct request request = {.account = 1, .valid_until_s = 1, .operations = {operations, 1000}};
    struct timespec a, b, c;
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (int i = 0; i < ROUNDS; i++) {
        buffer_clear(&encoded);
        message_encode(&request_message, &request, &encoded);
    }
    clock_gettime(CLOCK_MONOTONIC, &b);
    struct request out;
    for (int i = 0; i < ROUNDS; i++) {
        arena_clear(&arena);
        assert_int_equal(
            message_decode(&request_message, encoded.data, encoded.length, &arena, &out, &error),
            0);
    }
    clock_gettime(CLOCK_MONOTONIC, &c);
    double encode_s = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
    double decode_s = (double)(c.tv_sec - b.tv_sec) + (double)(c.tv_nsec - b.tv_nsec) / 1e9;
    printf("1000 transfers in %zu bytes: encode %.2f M/s, decode %.2f M/s\n", encoded.length,
           TRANSFERS * ROUNDS / encode_s / 1e6, TRANSFERS * ROUNDS / decode_s / 1e6);
}

int main(void)
{
    seed = random_seed();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_round_trip_coded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_comparison_sees_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_truncated_and_surplus, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nesting_bomb, setup, teardown),
        cmocka_unit_test_setup_teardown(test_length_bombs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mutations, setup, teardown),
        cmocka_unit_test_setup_teardown(test_noise, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_spellings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names_account, setup, teardown),
        cmocka_unit_test_setup_teardown(test_speed, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
