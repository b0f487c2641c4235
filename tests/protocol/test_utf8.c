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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_not_plain),
        cmocka_unit_test(test_every_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
