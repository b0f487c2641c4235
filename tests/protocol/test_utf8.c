#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "protocol/utf8.h"

static void test_plain(void **state)
{
    (void)state;
    static const char *const good[] = {
        "",           "abc",          " ~",           "\u00a0",       "\u00e9\u2014",
        "\U0001f600", "\xef\xbf\xbf", "\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbf",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (!utf8_is_plain(good[i], strlen(good[i])))
            fail_msg("good text %zu", i);
    }
}

static void test_not_plain(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "a\nb",             /* control characters */
        "\x1f",             /**/
        "\x7f",             /**/
        "\xc2\x80",         /* U+0080 */
        "\xc2\x9f",         /* U+009F */
        "\x80",             /* a continuation alone */
        "\xc3",             /* cut off */
        "\xe2\x80",         /**/
        "\xf0\x9f\x98",     /**/
        "\xc3(",            /* no continuation */
        "\xe2\x80(",        /**/
        "\xc0\x80",         /* longer than need be */
        "\xc1\xbf",         /**/
        "\xe0\x80\xaf",     /**/
        "\xe0\x9f\xbf",     /**/
        "\xf0\x8f\xbf\xbf", /**/
        "\xed\xa0\x80",     /* surrogates */
        "\xed\xbf\xbf",     /**/
        "\xf4\x90\x80\x80", /* above U+10FFFF */
        "\xf5\x80\x80\x80", /**/
        "\xff",             /**/
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (utf8_is_plain(bad[i], strlen(bad[i])))
            fail_msg("bad text %zu", i);
    }
    assert_false(utf8_is_plain("a\0b", 3));
}

/* Every character there is, against an encoder. */
static void test_every_character(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < 0x110000; c++) {
        unsigned char out[4];
        size_t length;
        if (c < 0x80) {
            out[0] = (unsigned char)c;
            length = 1;
        } else if (c < 0x800) {
            out[0] = (unsigned char)(0xc0 | c >> 6);
            out[1] = (unsigned char)(0x80 | (c & 63));
            length = 2;
        } else if (c < 0x10000) {
            out[0] = (unsigned char)(0xe0 | c >> 12);
            out[1] = (unsigned char)(0x80 | (c >> 6 & 63));
            out[2] = (unsigned char)(0x80 | (c & 63));
            length = 3;
        } else {
            out[0] = (unsigned char)(0xf0 | c >> 18);
            out[1] = (unsigned char)(0x80 | (c >> 12 & 63));
            out[2] = (unsigned char)(0x80 | (c >> 6 & 63));
            out[3] = (unsigned char)(0x80 | (c & 63));
            length = 4;
        }
        int control = c < 0x20 || (c >= 0x7f && c < 0xa0);
        int surrogate = c >= 0xd800 && c < 0xe000;
        if (utf8_is_plain((const char *)out, length) != (!control && !surrogate))
            fail_msg("U+%04X", c);
    }
}

static void expect_hidden(const char *text, uint32_t point, size_t size)
{
    size_t got = 99;
    if (utf8_hidden(text, strlen(text), &got) != point || got != size)
        fail_msg("U+%04X", point);
}

static void test_hidden(void **state)
{
    (void)state;
    expect_hidden("\u202eevil", 0x202e, 3); /* turns what follows round */
    expect_hidden("\u2066", 0x2066, 3);
    expect_hidden("\u2069x", 0x2069, 3);
    expect_hidden("\u200e", 0x200e, 3);
    expect_hidden("\u061c", 0x61c, 2);
    expect_hidden("\u200b", 0x200b, 3); /* no width */
    expect_hidden("\ufeff", 0xfeff, 3);
    expect_hidden("\u00ad", 0xad, 2);
    expect_hidden("\u2028", 0x2028, 3);
    expect_hidden("\U000e0041", 0xe0041, 4);
    expect_hidden("a\u202e", 0, 1);
    expect_hidden("\u00e9", 0, 2);
    expect_hidden("\u2010", 0, 3); /* a hyphen */
    expect_hidden("\u05d0", 0, 2); /* a letter that is written from the right */
    expect_hidden("\U0001f600", 0, 4);
    expect_hidden("\xe2\x80", 0, 0);
    expect_hidden("\n", 0, 0);
    expect_hidden("", 0, 0);
}

static void test_spelt(void **state)
{
    (void)state;
    char out[UTF8_SPELT_BYTES];
    assert_string_equal(utf8_spell(0x202e, out), "\\u202e");
    assert_string_equal(utf8_spell(0xad, out), "\\u00ad");
    assert_string_equal(utf8_spell(0xe0041, out), "\\U000e0041");
    assert_string_equal(utf8_spell_json(0x202e, out), "\\u202e");
    assert_string_equal(utf8_spell_json(0xe0041, out), "\\udb40\\udc41");
    assert_string_equal(utf8_spell_json(0x10000, out), "\\ud800\\udc00");
    assert_string_equal(utf8_spell_json(0x10ffff, out), "\\udbff\\udfff");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),           cmocka_unit_test(test_not_plain),
        cmocka_unit_test(test_every_character), cmocka_unit_test(test_hidden),
        cmocka_unit_test(test_spelt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
