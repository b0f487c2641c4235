#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "client/json.h"
#include "protocol/events.h"
#include "protocol/frames.h"
#include "protocol/genesis.h"
#include "protocol/operations.h"
#include "protocol/queries.h"
#include "protocol/refusal.h"
#include "protocol/status.h"
#include "tests/random.h"
#include "tests/protocol/generate.h"

static const struct message_set *const sets[] = {&operation_set, &frame_set, &event_set, &query_set,
                                                 &answer_set};
enum { SETS = sizeof(sets) / sizeof(sets[0]) };

static uint64_t seed;
static struct arena arena;
static struct decode_error error;

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static void round_trip(struct generator *g, const struct message *m)
{
    void *body = arena_alloc(&arena, m->size);
    void *again = arena_alloc(&arena, m->size);
    assert_non_null(body);
    assert_non_null(again);
    generate_body(g, m, body);
    json_t *json = message_to_json(m, body);
    assert_non_null(json);
    /* Through text, as it travels between programs; then the JSON goes, before the body is used. */
    char *text = json_dumps(json, JSON_COMPACT);
    assert_non_null(text);
    json_decref(json);
    json_error_t json_error;
    json = json_loads(text, 0, &json_error);
    assert_non_null(json);
    free(text);
    if (message_from_json(m, json, &arena, again, &error) != 0)
        fail_msg("%s: %s", m->name, error.text);
    json_decref(json);
    assert_true(bodies_equal(m, body, again));
}

static void test_round_trip(void **state)
{
    (void)state;
    struct generator g = {seed, &arena};
    for (int round = 0; round < 10; round++) {
        for (size_t s = 0; s < SETS; s++) {
            for (uint32_t i = 0; i < sets[s]->count; i++)
                round_trip(&g, sets[s]->messages[i]);
        }
        round_trip(&g, &request_message);
        round_trip(&g, &genesis_message);
        arena_clear(&arena);
    }
}

static void expect_text(const struct message *m, const void *body, const char *wanted)
{
    json_t *json = message_to_json(m, body);
    assert_non_null(json);
    char *text = json_dumps(json, JSON_COMPACT);
    assert_string_equal(text, wanted);
    free(text);
    json_decref(json);
}

static void test_what_it_looks_like(void **state)
{
    (void)state;
    struct place place = {{"ID", 2}};
    uint64_t skus[] = {1, UINT64_MAX};
    struct op_series_create series = {
        .name = {"a \"b\"", 5},
        .funder = 7,
        .expired_to = 8,
        .expires_s = 1795341630,
        .transferable = true,
        .skus = {skus, 2},
        .regions = {&place, 1},
        .profiles = PROFILE_TRAINING | PROFILE_INFERENCE,
    };
    expect_text(&op_series_create_message, &series,
                "{\"name\":\"a \\\"b\\\"\",\"funder\":7,\"expired_to\":8,"
                "\"expires_s\":\"2026-11-22T10:00:30Z\",\"transferable\":true,"
                "\"skus\":[1,\"18446744073709551615\"],\"regions\":[{\"code\":\"ID\"}],"
                "\"profiles\":[\"training\",\"inference\"]}");
    series.expires_s = 0;
    struct result result = {.refusal = REFUSAL_token_spent, .object = 5};
    expect_text(&result_message, &result,
                "{\"refusal\":\"token_spent\",\"index\":0,\"object\":5,\"token_first\":0,"
                "\"token_count\":0,\"lease_first\":0,\"lease_count\":0}");
    struct payment payment = {3, UINT64_MAX};
    expect_text(&payment_message, &payment,
                "{\"account\":3,\"amount_ucr\":\"18446744073709.551615\"}");
    struct op_lease_activate activate = {.lease = 1, .access = {(const uint8_t *)"\x00\xff", 2}};
    expect_text(&op_lease_activate_message, &activate, "{\"lease\":1,\"access\":\"AP8=\"}");
    struct op_gift_revoke revoke = {4};
    struct operation operation = {&op_gift_revoke_message, &revoke};
    struct request request = {.account = 1, .valid_until_s = 1, .operations = {&operation, 1}};
    memset(request.key, 0xab, 32);
    expect_text(&request_message, &request,
                "{\"account\":1,\"key\":"
                "\"abababababababababababababababababababababababababababababababab\","
                "\"id\":\"00000000000000000000000000000000\","
                "\"valid_until_s\":\"1970-01-01T00:00:01Z\",\"atomic\":false,"
                "\"operations\":[{\"operation\":\"gift_revoke\",\"gift\":4}]}");
}

static int from_text(const struct message *m, const char *text, void *body)
{
    json_error_t json_error;
    json_t *json = json_loads(text, 0, &json_error);
    if (json == NULL)
        fail_msg("%s: %s", text, json_error.text);
    int rc = message_from_json(m, json, &arena, body, &error);
    json_decref(json);
    return rc;
}

static void test_what_it_reads_besides(void **state)
{
    (void)state;
    struct payment payment;
    assert_int_equal(
        from_text(&payment_message, "{\"account\":3,\"amount_ucr\":\"12.5\"}", &payment), 0);
    assert_int_equal(payment.amount_ucr, 12500000);
    assert_int_equal(from_text(&payment_message, "{\"account\":\"3\"}", &payment), 0);
    assert_int_equal(payment.account, 3);
    assert_int_equal(payment.amount_ucr, 0);
    struct op_clock_advance clock;
    assert_int_equal(from_text(&op_clock_advance_message, "{\"time_s\":1795341630}", &clock), 0);
    assert_int_equal(clock.time_s, 1795341630);
    assert_int_equal(from_text(&op_clock_advance_message, "{\"time_s\":\"2026-11-22\"}", &clock),
                     0);
    assert_int_equal(clock.time_s, 1795305600);
    struct result result;
    assert_int_equal(from_text(&result_message, "{\"refusal\":999}", &result), 0);
    assert_int_equal(result.refusal, 999);
}

static void test_errors(void **state)
{
    (void)state;
    static const struct {
        const struct message *m;
        const char *json;
        const char *text;
    } cases[] = {
        {&payment_message, "[]", "payment: not an object"},
        {&payment_message, "{\"account\":1,\"amonut\":1}", "payment: there is no field \"amonut\""},
        {&payment_message, "{\"amount_ucr\":1}", "payment.account: missing"},
        {&payment_message, "{\"account\":0}", "payment.account: 0 is below 1"},
        {&payment_message, "{\"account\":-1}", "payment.account: -1 is below 0"},
        {&payment_message, "{\"account\":1.0}", "payment.account: not an integer"},
        {&payment_message, "{\"account\":true}", "payment.account: not an integer"},
        {&payment_message, "{\"account\":4294967296}", "payment.account: 4294967296 is too large"},
        {&payment_message, "{\"account\":\"\"}",
         "payment.account: an empty string where a number belongs"},
        {&payment_message, "{\"account\":\"1x\"}", "payment.account: \"1x\" is not a number"},
        {&payment_message, "{\"account\":1,\"amount_ucr\":1.5}",
         "payment.amount_ucr: neither an integer of micro-credits nor a string of credits"},
        {&payment_message, "{\"account\":1,\"amount_ucr\":\"1.\"}",
         "payment.amount_ucr: \"1.\" is not an amount of credits such as \"12.5\""},
        {&op_sku_change_message, "{\"sku\":1,\"state\":\"gone\"}",
         "sku_change.state: \"gone\" is no sku_state"},
        {&op_sku_change_message, "{\"sku\":1}", "sku_change.state: missing"},
        {&op_clock_advance_message, "{\"time_s\":\"now\"}",
         "clock_advance.time_s: not a time such as \"2026-11-22T10:00:00Z\""},
        {&op_clock_advance_message, "{\"time_s\":null}", "clock_advance.time_s: 0 is below 1"},
        {&place_message, "{\"code\":\"X\"}", "place.code: 1 bytes is below 2"},
        {&place_message, "{\"code\":\"a\\nb\"}",
         "place.code: not UTF-8 without control characters"},
        {&place_message, "{\"code\":5}", "place.code: not a string"},
        {&hash_row_message, "{\"hash\":\"abcd\"}", "hash_row.hash: not 64 digits of hex"},
        {&op_lease_activate_message, "{\"lease\":1,\"access\":\"?\"}",
         "lease_activate.access: not base64"},
        {&op_mint_message, "{\"series\":1,\"outputs\":[{\"account\":1,\"x\":1}]}",
         "payment: there is no field \"x\""},
        {&op_mint_message, "{\"series\":1,\"outputs\":{}}", "mint.outputs: not an array"},
        {&op_series_create_message,
         "{\"name\":\"x\",\"funder\":1,\"expired_to\":1,\"profiles\":[\"idle\"]}",
         "series_create.profiles: \"idle\" is no profile"},
        {&request_message, "{\"account\":1,\"valid_until_s\":1,\"operations\":[{}]}",
         "request.operations: an item is not an object with the name of an \"operation\""},
        {&request_message,
         "{\"account\":1,\"valid_until_s\":1,\"operations\":[{\"operation\":\"print\"}]}",
         "request.operations: there is no operation \"print\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        void *body = arena_alloc(&arena, cases[i].m->size);
        assert_non_null(body);
        assert_int_equal(from_text(cases[i].m, cases[i].json, body), STATUS_MALFORMED);
        assert_string_equal(error.text, cases[i].text);
    }
}

/* Values of any kind in any field: refused or read, never worse; and what is read is valid. */
static void test_mixed_up_values(void **state)
{
    (void)state;
    static const char *const values[] = {
        "null",
        "true",
        "0",
        "5",
        "-1",
        "1.5",
        "\"\"",
        "\"abc\"",
        "\"2026-11-22\"",
        "[]",
        "{}",
        "[1,2]",
        "[[]]",
        "[{}]",
        "[null]",
        "\"AP8=\"",
        "9223372036854775807",
        "\"admin\"",
        "[\"training\"]",
        "\"a\\u0000b\"",
        "\"abababababababababababababababababababababababababababababababab\""};
    struct generator g = {seed, &arena};
    for (int round = 0; round < 20; round++) {
        for (size_t s = 0; s < SETS; s++) {
            for (uint32_t i = 0; i < sets[s]->count; i++) {
                const struct message *m = sets[s]->messages[i];
                void *body = arena_alloc(&arena, m->size);
                assert_non_null(body);
                generate_body(&g, m, body);
                json_t *json = message_to_json(m, body);
                const struct field *f = &m->fields[generate_below(&g, m->fields_count)];
                const char *value = values[generate_below(&g, sizeof(values) / sizeof(values[0]))];
                json_object_set_new(json, f->name,
                                    json_loads(value, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL));
                int rc = message_from_json(m, json, &arena, body, &error);
                assert_true(rc == 0 || (rc == STATUS_MALFORMED && error.text[0] != '\0'));
                if (rc == 0) {
                    struct buffer b = BUFFER_EMPTY;
                    void *again = arena_alloc(&arena, m->size);
                    message_encode(m, body, &b);
                    assert_int_equal(message_decode(m, b.data, b.length, &arena, again, &error), 0);
                    buffer_release(&b);
                }
                json_decref(json);
            }
        }
        arena_clear(&arena);
    }
}

int main(void)
{
    seed = random_seed();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_round_trip, teardown),
        cmocka_unit_test_teardown(test_what_it_looks_like, teardown),
        cmocka_unit_test_teardown(test_what_it_reads_besides, teardown),
        cmocka_unit_test_teardown(test_errors, teardown),
        cmocka_unit_test_teardown(test_mixed_up_values, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
