/* Bytes as a word with a checksum. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <sodium.h>

#include "protocol/checked_text.h"
#include "protocol/status.h"

static void test_every_length(void **state)
{
    (void)state;
    uint8_t bytes[CHECKED_TEXT_BYTES_MAX], got[CHECKED_TEXT_BYTES_MAX];
    char text[400];
    for (size_t length = 0; length <= sizeof(bytes); length++) {
        randombytes_buf(bytes, sizeof(bytes));
        checked_text_print("p:", bytes, length, text);
        assert_int_equal(strlen(text), 2 + CHECKED_TEXT_LENGTH(length));
        assert_int_equal(checked_text_parse("p:", text, strlen(text), got, length), 0);
        assert_memory_equal(got, bytes, length);
        for (size_t cut = 0; cut < strlen(text); cut++)
            assert_int_equal(checked_text_parse("p:", text, cut, got, length), STATUS_MALFORMED);
        if (length > 0)
            assert_int_equal(checked_text_parse("p:", text, strlen(text), got, length - 1),
                             STATUS_MALFORMED);
    }
}

static void test_known_text(void **state)
{
    (void)state;
    /* SHA-256("x:abc") begins with 05 83 7f 54. */
    char text[16];
    checked_text_print("x:", "abc", 3, text);
    assert_string_equal(text, "x:YWJjBYN_VA");
}

static void test_prefix_is_part_of_it(void **state)
{
    (void)state;
    char text[32];
    uint8_t got[3];
    checked_text_print("a:", "abc", 3, text);
    assert_int_equal(checked_text_parse("b:", text, strlen(text), got, 3), STATUS_MALFORMED);
    text[0] = 'b';
    assert_int_equal(checked_text_parse("b:", text, strlen(text), got, 3), STATUS_MALFORMED);
}

static void test_no_second_spelling(void **state)
{
    (void)state;
    /* 4 + 4 bytes leave two bits of the last letter, which must be zero; and no byte beyond ASCII
     * may pass for a letter, whatever letters there are. */
    char text[32];
    uint8_t got[4];
    for (int i = 0; i < 64; i++) {
        uint8_t bytes[4] = {(uint8_t)(i << 2), (uint8_t)i, 'c', 'd'};
        checked_text_print("", bytes, 4, text);
        size_t length = strlen(text);
        for (size_t at = 0; at < length; at++) {
            char right = text[at];
            for (int c = 0; c < 256; c++) {
                text[at] = (char)c;
                assert_int_equal(checked_text_parse("", text, length, got, 4) == 0,
                                 text[at] == right);
            }
            text[at] = right;
        }
    }
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_known_text),
        cmocka_unit_test(test_prefix_is_part_of_it),
        cmocka_unit_test(test_no_second_spelling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
