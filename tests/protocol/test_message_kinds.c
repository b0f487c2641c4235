/* One field of each kind, right and wrong, and what errors say of the place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <msgpack.h>

#include "protocol/events.h"
#include "protocol/frames.h"
#include "protocol/message.h"
#include "protocol/operations.h"
#include "protocol/queries.h"
#include "protocol/refusal.h"
#include "protocol/status.h"

static struct arena arena;
static struct buffer encoded;
static struct decode_error error;

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_values_per_kind, teardown),
        cmocka_unit_test_teardown(test_errors_name_the_place, teardown),
        cmocka_unit_test_teardown(test_codes_and_field_counts, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
