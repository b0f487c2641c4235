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

/* --- One field of each kind, right and wrong --- */

static int buffer_write(void *buffer, const char *data, size_t length)
{
    buffer_append(buffer, data, length);
    return 0;
}

/* A message of one field; `value` packs what stands in its place. */
struct probe {
    enum field_kind kind;
    uint64_t min, max;
    const struct message *part;
    const struct vocabulary *words;
};

enum value {
    V_NIL,
    V_TRUE,
    V_ZERO,
    V_ONE,
    V_FIVE,
    V_ELEVEN,
    V_BIG32, /* 2^32 */
    V_BIG64, /* 2^64 - 1 */
    V_MINUS,
    V_FLOAT,
    V_TEXT,         /* "abc" */
    V_TEXT_EMPTY,   /* "" */
    V_TEXT_LONG,    /* 11 characters */
    V_TEXT_NEWLINE, /* "a\nb" */
    V_TEXT_BAD,     /* not UTF-8 */
    V_BYTES,        /* 3 of them */
    V_BYTES_11,
    V_BYTES_16,
    V_BYTES_32,
    V_BYTES_64,
    V_ARRAY_EMPTY,
    V_ARRAY_NUMBERS,   /* [1, 2] */
    V_ARRAY_11,        /* eleven ones */
    V_ARRAY_TEXT,      /* [1, "abc"] */
    V_ARRAY_PARTS,     /* [[7, 8]]: payments */
    V_ARRAY_PART_ZERO, /* [[0, 8]]: account 0 */
    V_ARRAY_OPERATION, /* [[26, [1]]]: gift_revoke */
    V_ARRAY_UNKNOWN,   /* [[255, [1]]] */
    V_MAP,
    V_EXT,
    V_COUNT
};

static void value_array_pack(msgpack_packer *p, enum value v)
{
    msgpack_pack_array(p, v == V_ARRAY_EMPTY                          ? 0
                          : v == V_ARRAY_11                           ? 11
                          : v == V_ARRAY_NUMBERS || v == V_ARRAY_TEXT ? 2
                                                                      : 1);
    if (v == V_ARRAY_11) {
        for (int i = 0; i < 11; i++)
            msgpack_pack_int(p, 1);
    } else if (v == V_ARRAY_NUMBERS || v == V_ARRAY_TEXT) {
        msgpack_pack_int(p, 1);
        if (v == V_ARRAY_NUMBERS)
            msgpack_pack_int(p, 2);
        else
            msgpack_pack_str_with_body(p, "abc", 3);
    } else if (v == V_ARRAY_PARTS || v == V_ARRAY_PART_ZERO) {
        msgpack_pack_array(p, 2);
        msgpack_pack_int(p, v == V_ARRAY_PARTS ? 7 : 0);
        msgpack_pack_int(p, 8);
    } else if (v != V_ARRAY_EMPTY) {
        msgpack_pack_array(p, 2);
        msgpack_pack_int(p, v == V_ARRAY_OPERATION ? OPERATION_gift_revoke : 255);
        msgpack_pack_array(p, 1);
        msgpack_pack_int(p, 1);
    }
}

static void value_pack(msgpack_packer *p, enum value v)
{
    static const char zeros[64];
    switch (v) {
    case V_NIL:
        msgpack_pack_nil(p);
        break;
    case V_TRUE:
        msgpack_pack_true(p);
        break;
    case V_ZERO:
    case V_ONE:
    case V_FIVE:
    case V_ELEVEN:
        msgpack_pack_int(p, v == V_ZERO ? 0 : v == V_ONE ? 1 : v == V_FIVE ? 5 : 11);
        break;
    case V_BIG32:
        msgpack_pack_uint64(p, UINT64_C(1) << 32);
        break;
    case V_BIG64:
        msgpack_pack_uint64(p, UINT64_MAX);
        break;
    case V_MINUS:
        msgpack_pack_int(p, -1);
        break;
    case V_FLOAT:
        msgpack_pack_double(p, 5.0);
        break;
    case V_TEXT:
        msgpack_pack_str_with_body(p, "abc", 3);
        break;
    case V_TEXT_EMPTY:
        msgpack_pack_str(p, 0);
        break;
    case V_TEXT_LONG:
        msgpack_pack_str_with_body(p, "abcdefghijk", 11);
        break;
    case V_TEXT_NEWLINE:
        msgpack_pack_str_with_body(p, "a\nb", 3);
        break;
    case V_TEXT_BAD:
        msgpack_pack_str_with_body(p, "\xc0\x80", 2);
        break;
    case V_BYTES:
        msgpack_pack_bin_with_body(p, zeros, 3);
        break;
    case V_BYTES_11:
        msgpack_pack_bin_with_body(p, zeros, 11);
        break;
    case V_BYTES_16:
        msgpack_pack_bin_with_body(p, zeros, 16);
        break;
    case V_BYTES_32:
        msgpack_pack_bin_with_body(p, zeros, 32);
        break;
    case V_BYTES_64:
        msgpack_pack_bin_with_body(p, zeros, 64);
        break;
    case V_MAP:
        msgpack_pack_map(p, 1);
        msgpack_pack_int(p, 1);
        msgpack_pack_int(p, 1);
        break;
    case V_EXT:
        msgpack_pack_ext_with_body(p, zeros, 4, 1);
        break;
    default:
        value_array_pack(p, v);
        break;
    }
}

#define BIT(v)           (UINT64_C(1) << (v))
#define NO_PART_NO_WORDS NULL, NULL

/* Limits 1 to 10 wherever a kind has limits of its own; which values each kind takes. */
static const struct {
    const char *name;
    struct probe probe;
    uint64_t accepted;
} probes[] = {
    {"bool", {FIELD_BOOL, 0, 1, NO_PART_NO_WORDS}, BIT(V_TRUE)},
    {"u32", {FIELD_U32, 1, 10, NO_PART_NO_WORDS}, BIT(V_ONE) | BIT(V_FIVE)},
    {"u32 of any size",
     {FIELD_U32, 0, UINT64_MAX, NO_PART_NO_WORDS},
     BIT(V_ZERO) | BIT(V_ONE) | BIT(V_FIVE) | BIT(V_ELEVEN)},
    {"u64", {FIELD_U64, 1, 10, NO_PART_NO_WORDS}, BIT(V_ONE) | BIT(V_FIVE)},
    {"u64 of any size",
     {FIELD_U64, 0, UINT64_MAX, NO_PART_NO_WORDS},
     BIT(V_ZERO) | BIT(V_ONE) | BIT(V_FIVE) | BIT(V_ELEVEN) | BIT(V_BIG32) | BIT(V_BIG64)},
    {"amount", {FIELD_AMOUNT, 1, 10, NO_PART_NO_WORDS}, BIT(V_ONE) | BIT(V_FIVE)},
    {"price", {FIELD_PRICE, 1, 10, NO_PART_NO_WORDS}, BIT(V_ONE) | BIT(V_FIVE)},
    {"time", {FIELD_TIME, 1, 10, NO_PART_NO_WORDS}, BIT(V_ONE) | BIT(V_FIVE)},
    {"enum", {FIELD_ENUM, 0, UINT32_MAX, NULL, &sku_state_vocabulary}, BIT(V_ONE)},
    {"flags",
     {FIELD_FLAGS, 0, UINT32_MAX, NULL, &profile_vocabulary},
     BIT(V_ZERO) | BIT(V_ONE) | BIT(V_FIVE)},
    {"account", {FIELD_ACCOUNT, 1, 10, NO_PART_NO_WORDS}, BIT(V_ONE) | BIT(V_FIVE)},
    {"series", {FIELD_SERIES, 1, 10, NO_PART_NO_WORDS}, BIT(V_ONE) | BIT(V_FIVE)},
    {"number", {FIELD_NUMBER, 1, 10, NO_PART_NO_WORDS}, BIT(V_ONE) | BIT(V_FIVE)},
    {"refusal", {FIELD_REFUSAL, 1, 10, NO_PART_NO_WORDS}, BIT(V_ONE) | BIT(V_FIVE)},
    {"key", {FIELD_KEY, 32, 32, NO_PART_NO_WORDS}, BIT(V_BYTES_32)},
    {"hash", {FIELD_HASH, 32, 32, NO_PART_NO_WORDS}, BIT(V_BYTES_32)},
    {"id", {FIELD_ID, 16, 16, NO_PART_NO_WORDS}, BIT(V_BYTES_16)},
    {"signature", {FIELD_SIGNATURE, 64, 64, NO_PART_NO_WORDS}, BIT(V_BYTES_64)},
    {"text", {FIELD_TEXT, 1, 10, NO_PART_NO_WORDS}, BIT(V_TEXT)},
    {"bytes", {FIELD_BYTES, 1, 10, NO_PART_NO_WORDS}, BIT(V_BYTES)},
    {"list", {FIELD_LIST, 0, 10, &payment_message, NULL}, BIT(V_ARRAY_EMPTY) | BIT(V_ARRAY_PARTS)},
    {"numbers", {FIELD_NUMBERS, 1, 10, NO_PART_NO_WORDS}, BIT(V_ARRAY_NUMBERS)},
    {"operations",
     {FIELD_OPERATIONS, 0, 10, NO_PART_NO_WORDS},
     BIT(V_ARRAY_EMPTY) | BIT(V_ARRAY_OPERATION)},
};

static void test_values_per_kind(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
        const struct probe *probe = &probes[i].probe;
        struct field field = {"field",    probe->kind, 0,           probe->min,
                              probe->max, probe->part, probe->words};
        struct message m = {"probe", 0, 64, 1, &field};
        for (enum value v = 0; v < V_COUNT; v++) {
            buffer_clear(&encoded);
            msgpack_packer p;
            msgpack_packer_init(&p, &encoded, buffer_write);
            msgpack_pack_array(&p, 1);
            value_pack(&p, v);
            int rc = decode_copy(&m, encoded.data, encoded.length, body_new(&m));
            bool expected = (probes[i].accepted & BIT(v)) != 0;
            if ((rc == 0) != expected)
                fail_msg("%s, value %d: %d (%s)", probes[i].name, (int)v, rc, error.text);
            if (rc != 0) {
                assert_int_equal(rc, STATUS_MALFORMED);
                if (strncmp(error.text, "probe.field", 11) != 0)
                    fail_msg("%s, value %d: %s", probes[i].name, (int)v, error.text);
            }
        }
        arena_clear(&arena);
    }
}

static void decode_expect(const struct message *m, const void *body, const char *text)
{
    buffer_clear(&encoded);
    message_encode(m, body, &encoded);
    assert_int_equal(decode_copy(m, encoded.data, encoded.length, body_new(m)), STATUS_MALFORMED);
    assert_string_equal(error.text, text);
}

static void test_errors_name_the_place(void **state)
{
    (void)state;
    struct payment outputs[5] = {{1, 1}, {1, 1}, {1, 1}, {0, 10}, {1, 1}};
    struct op_token_transfer transfer = {.outputs = {outputs, 5}};
    decode_expect(&op_token_transfer_message, &transfer,
                  "token_transfer.outputs[3].account: 0 is below 1");

    struct operation operations[3] = {{&op_token_transfer_message, &transfer},
                                      {&op_token_transfer_message, &transfer},
                                      {&op_token_transfer_message, &transfer}};
    struct request request = {.valid_until_s = 1, .operations = {operations, 3}};
    decode_expect(&request_message, &request,
                  "request.operations[0].token_transfer.outputs[3].account: 0 is below 1");

    struct op_account_register account = {.name = {"x", 1}, .role = 77};
    decode_expect(&op_account_register_message, &account, "account_register.role: 77 is no role");

    account = (struct op_account_register){.name = {"a\tb", 3}, .role = ROLE_ADMIN};
    decode_expect(&op_account_register_message, &account,
                  "account_register.name: not UTF-8 without control characters");

    struct op_series_create series = {
        .name = {"x", 1}, .funder = 1, .expired_to = 1, .profiles = 8 | PROFILE_TRAINING};
    decode_expect(&op_series_create_message, &series,
                  "series_create.profiles: 9 has a bit that is no profile");

    uint64_t numbers[TRANSFER_INPUTS_MAX + 1] = {0};
    struct op_token_burn burn = {{numbers, TRANSFER_INPUTS_MAX + 1}};
    decode_expect(&op_token_burn_message, &burn, "token_burn.inputs: 2001 items is above 2000");
}

static void expect_coded_error(const char *bytes, size_t length, const char *text)
{
    const struct message *m = NULL;
    const void *body = NULL;
    assert_int_equal(message_decode_coded(&operation_set, (const uint8_t *)bytes, length, &arena,
                                          &m, &body, &error),
                     STATUS_MALFORMED);
    assert_string_equal(error.text, text);
}

static void test_codes_and_field_counts(void **state)
{
    (void)state;
    expect_coded_error("", 0, "operation ends too early");
    expect_coded_error("\xc0", 1, "operation is not an array of a code and its fields");
    expect_coded_error("\x81\x1a\x91\x01", 4, "operation is not an array of a code and its fields");
    expect_coded_error("\x93\x1a\x91\x01\x01", 5,
                       "operation is not an array of a code and its fields");
    expect_coded_error("\x92\xff\x91\x01", 4, "operation is not an array of a code and its fields");
    expect_coded_error("\x92\xcc\xff\x91\x01", 5, "operation: no operation has the code 255");
    expect_coded_error("\x92\x00\x91\x01", 4, "operation: no operation has the code 0");
    expect_coded_error("\x92\x1a\x90", 3, "gift_revoke: the field gift is missing");
    expect_coded_error("\x92\x1a\x92\x01\x01", 5, "gift_revoke: 2 fields, not 1");
    expect_coded_error("\x92\x1a\x01", 3, "gift_revoke: a number where an array of fields belongs");
    expect_coded_error("\x92\x1a\x91\x01\x01", 5, "gift_revoke has bytes after its end");
    expect_coded_error("\x92\x1a\x91\xc1", 4,
                       "gift_revoke has a byte that MessagePack does not use");
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
    seed = generate_seed();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_round_trip_coded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_comparison_sees_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_truncated_and_surplus, setup, teardown),
        cmocka_unit_test_setup_teardown(test_values_per_kind, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errors_name_the_place, setup, teardown),
        cmocka_unit_test_setup_teardown(test_codes_and_field_counts, setup, teardown),
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
