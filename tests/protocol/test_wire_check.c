#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <msgpack.h>

#include "protocol/wire_check.h"
#include "tests/random.h"
#include "tests/protocol/generate.h"

#define CHECK(bytes, most) wire_check((const uint8_t *)(bytes), sizeof(bytes) - 1, most)

static void test_whole_objects(void **state)
{
    (void)state;
    assert_null(CHECK("\xc0", 10));
    assert_null(CHECK("\x7f", 10));
    assert_null(CHECK("\xff", 10));
    assert_null(CHECK("\x93\x01\x02\x03", 10));
    assert_null(CHECK("\x82\x01\x02\x03\x04", 10));
    assert_null(CHECK("\xa3"
                      "abc",
                      10));
    assert_null(CHECK("\xd9\x03"
                      "abc",
                      10));
    assert_null(CHECK("\xc4\x03"
                      "abc",
                      10));
    assert_null(CHECK("\xc7\x03\x01"
                      "abc",
                      10));
    assert_null(CHECK("\xd6\x01"
                      "abcd",
                      10));
    assert_null(CHECK("\xcb"
                      "12345678",
                      10));
    assert_null(CHECK("\xd3"
                      "12345678",
                      10));
}

static void test_broken(void **state)
{
    (void)state;
    assert_string_equal(CHECK("", 10), "ends too early");
    assert_string_equal(CHECK("\x91", 10), "ends too early");
    assert_string_equal(CHECK("\x81\x01", 10), "ends too early");
    assert_string_equal(CHECK("\xa3"
                              "ab",
                              10),
                        "ends too early");
    assert_string_equal(CHECK("\xc7\x03\x01"
                              "ab",
                              10),
                        "ends too early");
    assert_string_equal(CHECK("\xd6\x01"
                              "abc",
                              10),
                        "ends too early");
    assert_string_equal(CHECK("\xdd\xff\xff\xff\xff"
                              "abc",
                              10),
                        "ends too early");
    assert_string_equal(CHECK("\xc0\xc0", 10), "has bytes after its end");
    assert_string_equal(CHECK("\xc1", 10), "has a byte that MessagePack does not use");
    assert_string_equal(CHECK("\x92\x01\x01", 2), "has more parts than it can have");
}

static void test_depth(void **state)
{
    (void)state;
    uint8_t nested[WIRE_DEPTH_MAX + 2];
    memset(nested, 0x91, sizeof(nested));
    nested[WIRE_DEPTH_MAX] = 1;
    assert_null(wire_check(nested, WIRE_DEPTH_MAX + 1, 100));
    nested[WIRE_DEPTH_MAX] = 0x91;
    nested[WIRE_DEPTH_MAX + 1] = 1;
    assert_string_equal(wire_check(nested, WIRE_DEPTH_MAX + 2, 100), "is nested too deeply");
}

/* On any bytes not nested too deeply it says what msgpack-c says. */
static void test_agrees_with_msgpack(void **state)
{
    (void)state;
    struct generator g = {random_seed(), NULL};
    unsigned passed = 0;
    for (int i = 0; i < 300000; i++) {
        uint8_t data[16];
        size_t length = 1 + generate_below(&g, sizeof(data) - 1);
        for (size_t k = 0; k < length; k++)
            data[k] = generate_below(&g, 2) == 0 ? (uint8_t)generate_below(&g, 5)
                                                 : (uint8_t)generate_u64(&g);
        const char *wrong = wire_check(data, length, UINT64_MAX);
        if (wrong != NULL && strcmp(wrong, "ends too early") == 0 &&
            (data[0] == 0xdd || data[0] == 0xdf))
            continue; /* msgpack-c would take the memory first */
        if (wrong == NULL) {
            msgpack_unpacked unpacked;
            msgpack_unpacked_init(&unpacked);
            size_t offset = 0;
            assert_int_equal(msgpack_unpack_next(&unpacked, (const char *)data, length, &offset),
                             MSGPACK_UNPACK_SUCCESS);
            assert_int_equal(offset, length);
            msgpack_unpacked_destroy(&unpacked);
            passed++;
        }
    }
    assert_true(passed > 1000);
}

static void test_peek(void **state)
{
    (void)state;
    uint32_t code = 0;
    assert_null(wire_peek_code((const uint8_t *)"\x92\x07", 2, &code));
    assert_int_equal(code, 7);
    assert_null(wire_peek_code((const uint8_t *)"\xdc\x00\x02\xcd\x01\x00", 6, &code));
    assert_int_equal(code, 256);
    assert_non_null(wire_peek_code((const uint8_t *)"\x92", 1, &code));
    assert_non_null(wire_peek_code((const uint8_t *)"\x81\x07", 2, &code));
    assert_non_null(wire_peek_code((const uint8_t *)"\xde\x00\x01\x07", 4, &code));
    assert_non_null(wire_peek_code((const uint8_t *)"\x92\xa1x", 3, &code));
    assert_non_null(
        wire_peek_code((const uint8_t *)"\x92\xcf\x00\x00\x00\x01\x00\x00\x00\x00", 10, &code));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_objects), cmocka_unit_test(test_broken),
        cmocka_unit_test(test_depth),         cmocka_unit_test(test_agrees_with_msgpack),
        cmocka_unit_test(test_peek),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
