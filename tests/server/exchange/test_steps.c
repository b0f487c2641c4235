/* Step functions against an array with a value for every minute. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/exchange/steps.h"

enum { MINUTES = 300 };

static uint64_t seed;

static uint32_t draw(uint32_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % below;
}

static void seed_set(void)
{
    const char *text = getenv("BOURSE_SEED");
    seed = text != NULL ? strtoull(text, NULL, 10) : 20261122;
    printf("BOURSE_SEED=%llu\n", (unsigned long long)seed);
}

/* The function as it must be: every minute, every piece and every maximum. */
static void compare(const struct steps *s, const uint64_t *values)
{
    size_t changes = 0;
    for (uint64_t i = 0; i < MINUTES; i++) {
        struct piece piece = steps_piece(s, i);
        assert_int_equal(piece.value, values[i]);
        assert_true(piece.from <= i && i < piece.until);
        changes += values[i] != (i > 0 ? values[i - 1] : 0);
        uint64_t to = i + 1 + draw((uint32_t)(MINUTES - i));
        uint64_t most = 0;
        for (uint64_t k = i; k < to; k++)
            most = values[k] > most ? values[k] : most;
        assert_int_equal(steps_max(s, i, to), most);
    }
    /* Nothing is kept that is not a change; the last may stand at the very end. */
    assert_true(s->count == changes || s->count == changes + 1);
}

static void test_random_changes(void **state)
{
    (void)state;
    seed_set();
    struct steps s;
    steps_init(&s);
    uint64_t values[MINUTES] = {0};
    struct change {
        uint64_t from, to;
        int64_t by;
    } made[200];
    size_t count = 0;
    for (int round = 0; round < 4000; round++) {
        struct change c = {draw(MINUTES), 0, 1 + (int64_t)draw(5)};
        c.to = c.from + draw((uint32_t)(MINUTES - c.from) + 1);
        if (count == 200 || (count > 0 && draw(2) == 0)) {
            size_t i = draw((uint32_t)count);
            c = made[i];
            c.by = -c.by;
            made[i] = made[--count];
        } else {
            made[count++] = c;
        }
        steps_add(&s, c.from, c.to, c.by);
        for (uint64_t i = c.from; i < c.to; i++)
            values[i] += (uint64_t)c.by;
        if (round % 20 == 0)
            compare(&s, values);
    }
    while (count > 0) {
        count--;
        steps_add(&s, made[count].from, made[count].to, -made[count].by);
    }
    assert_int_equal(s.count, 0);
    steps_release(&s);
}

static void test_equal(void **state)
{
    (void)state;
    struct steps a, b;
    steps_init(&a);
    steps_init(&b);
    assert_true(steps_equal(&a, &b));
    steps_add(&a, 5, 9, 3);
    assert_false(steps_equal(&a, &b));
    steps_add(&b, 5, 7, 3);
    steps_add(&b, 7, 9, 3);
    assert_true(steps_equal(&a, &b));
    assert_int_equal(a.count, 2);
    steps_add(&b, 9, 9, 3);
    steps_add(&b, 6, 9, 0);
    assert_true(steps_equal(&a, &b));
    struct piece last = steps_piece(&a, 9);
    assert_true(last.from == 9 && last.until == UINT64_MAX && last.value == 0);
    steps_release(&a);
    steps_release(&b);
    assert_int_equal(a.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_changes),
        cmocka_unit_test(test_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
