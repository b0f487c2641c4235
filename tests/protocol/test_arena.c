#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdalign.h>
#include <string.h>

#include "protocol/arena.h"

static int is_zero(const unsigned char *at, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (at[i] != 0)
            return 0;
    }
    return 1;
}

static void test_zeroed_aligned_apart(void **state)
{
    (void)state;
    struct arena a = ARENA_EMPTY;
    unsigned char *kept[600];
    for (size_t i = 0; i < 600; i++) {
        kept[i] = arena_alloc(&a, i);
        assert_non_null(kept[i]);
        assert_int_equal((uintptr_t)kept[i] % alignof(max_align_t), 0);
        assert_true(is_zero(kept[i], i));
        memset(kept[i], (int)(i % 255 + 1), i);
    }
    for (size_t i = 0; i < 600; i++) {
        for (size_t k = 0; k < i; k++)
            assert_int_equal(kept[i][k], i % 255 + 1);
    }
    arena_release(&a);
    assert_null(a.blocks);
    assert_int_equal(a.used, 0);
}

static void test_large_and_impossible(void **state)
{
    (void)state;
    struct arena a = ARENA_EMPTY;
    unsigned char *large = arena_alloc(&a, 1 << 20);
    assert_non_null(large);
    memset(large, 1, 1 << 20);
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_alloc(&a, SIZE_MAX / 2 + 1));
    assert_non_null(arena_alloc(&a, 1));
    arena_release(&a);
}

static void test_cleared_memory_is_zero_again(void **state)
{
    (void)state;
    struct arena a = ARENA_EMPTY;
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 100; i++) {
            unsigned char *at = arena_alloc(&a, 5000);
            assert_non_null(at);
            assert_true(is_zero(at, 5000));
            memset(at, 0xff, 5000);
        }
        assert_true(a.used >= 500000);
        arena_clear(&a);
        assert_int_equal(a.used, 0);
    }
    arena_release(&a);
}

static void test_copy(void **state)
{
    (void)state;
    struct arena a = ARENA_EMPTY;
    char source[] = "abc";
    char *copy = arena_copy(&a, source, sizeof(source));
    source[0] = 'x';
    assert_string_equal(copy, "abc");
    assert_non_null(arena_copy(&a, NULL, 0));
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zeroed_aligned_apart),
        cmocka_unit_test(test_large_and_impossible),
        cmocka_unit_test(test_cleared_memory_is_zero_again),
        cmocka_unit_test(test_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
