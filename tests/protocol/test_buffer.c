#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "protocol/buffer.h"
#include "protocol/status.h"

static void test_append(void **state)
{
    (void)state;
    struct buffer b = BUFFER_EMPTY;
    for (int i = 0; i < 10000; i++) {
        uint8_t byte = (uint8_t)i;
        buffer_append(&b, &byte, 1);
    }
    assert_int_equal(b.status, 0);
    assert_int_equal(b.length, 10000);
    for (int i = 0; i < 10000; i++)
        assert_int_equal(b.data[i], (uint8_t)i);
    buffer_append(&b, NULL, 0);
    assert_int_equal(b.length, 10000);
    buffer_release(&b);
    assert_null(b.data);
    assert_int_equal(b.length, 0);
}

static void test_consume(void **state)
{
    (void)state;
    struct buffer b = BUFFER_EMPTY;
    buffer_append(&b, "abcdef", 6);
    buffer_consume(&b, 0);
    buffer_consume(&b, 2);
    assert_int_equal(b.length, 4);
    assert_memory_equal(b.data, "cdef", 4);
    buffer_consume(&b, 4);
    assert_int_equal(b.length, 0);
    buffer_append(&b, "x", 1);
    assert_memory_equal(b.data, "x", 1);
    buffer_release(&b);
}

static void test_error_is_sticky(void **state)
{
    (void)state;
    struct buffer b = BUFFER_EMPTY;
    buffer_append(&b, "abc", 3);
    assert_null(buffer_extend(&b, SIZE_MAX));
    assert_int_equal(b.status, STATUS_MEMORY);
    buffer_append(&b, "d", 1);
    buffer_printf(&b, "%d", 5);
    assert_int_equal(b.length, 3);
    assert_memory_equal(b.data, "abc", 3);
    buffer_clear(&b);
    assert_int_equal(b.status, 0);
    buffer_append(&b, "d", 1);
    assert_int_equal(b.length, 1);
    buffer_release(&b);
}

static void test_printf(void **state)
{
    (void)state;
    struct buffer b = BUFFER_EMPTY;
    buffer_printf(&b, "%s=%d;", "a", 1);
    buffer_printf(&b, "%s", "");
    buffer_printf(&b, "%0300d", 7);
    assert_int_equal(b.length, 304);
    assert_memory_equal(b.data, "a=1;000", 7);
    assert_int_equal(b.data[303], '7');
    buffer_wipe(&b);
    assert_null(b.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append),
        cmocka_unit_test(test_consume),
        cmocka_unit_test(test_error_is_sticky),
        cmocka_unit_test(test_printf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
