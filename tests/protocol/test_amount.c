#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "protocol/amount.h"
#include "protocol/limits.h"
#include "tests/random.h"
#include "tests/protocol/generate.h"

static uint64_t seed;

static void test_add_and_subtract(void **state)
{
    (void)state;
    struct generator g = {seed, NULL};
    for (int i = 0; i < 100000; i++) {
        amount a = generate_between(&g, 0, UINT64_MAX);
        amount b = generate_between(&g, 0, UINT64_MAX);
        amount out = 12345;
        assert_int_equal(amount_add(a, b, &out), (wide)a + b <= UINT64_MAX);
        assert_true(out == ((wide)a + b <= UINT64_MAX ? a + b : 12345));
        out = 12345;
        assert_int_equal(amount_subtract(a, b, &out), a >= b);
        assert_true(out == (a >= b ? a - b : 12345));
    }
}

static void test_cost(void **state)
{
    (void)state;
    amount cost = 0;
    assert_true(amount_cost_rounded_up(8 * 60, 2500000, &cost));
    assert_int_equal(cost, 20000000);
    assert_true(amount_cost_rounded_up(1, 1, &cost));
    assert_int_equal(cost, 1);
    assert_true(amount_cost_rounded_up(0, UINT64_MAX, &cost));
    assert_int_equal(cost, 0);
    assert_true(amount_cost_rounded_up(60, UINT64_MAX, &cost));
    assert_true(cost == UINT64_MAX);
    assert_false(amount_cost_rounded_up(61, UINT64_MAX, &cost));
    assert_false(amount_cost_rounded_up(UINT64_MAX, UINT64_MAX, &cost));
    struct generator g = {seed, NULL};
    for (int i = 0; i < 100000; i++) {
        gpu_minutes minutes = generate_between(&g, 0, UINT64_MAX);
        uint64_t price = generate_between(&g, 0, UINT64_MAX);
        wide exact = (wide)minutes * price;
        wide wanted = exact / 60 + (exact % 60 != 0);
        assert_int_equal(amount_cost_rounded_up(minutes, price, &cost), wanted <= UINT64_MAX);
        if (wanted <= UINT64_MAX)
            assert_true(cost == (amount)wanted);
    }
}

static void test_share(void **state)
{
    (void)state;
    assert_int_equal(amount_share_rounded_down(10, 1, 3), 3);
    assert_true(amount_share_rounded_down(UINT64_MAX, UINT64_MAX, UINT64_MAX) == UINT64_MAX);
    struct generator g = {seed, NULL};
    for (int i = 0; i < 100000; i++) {
        amount a = generate_between(&g, 0, UINT64_MAX);
        uint64_t whole = generate_between(&g, 1, UINT64_MAX);
        uint64_t part = generate_between(&g, 0, whole);
        assert_true(amount_share_rounded_down(a, part, whole) == (amount)((wide)a * part / whole));
    }
}

enum { WEIGHTS_MAX = 40 };

/* What the header promises of a split; NULL when it holds. */
static const char *split_fault(amount total, const amount *weights, size_t count,
                               const amount *parts)
{
    wide whole = 0;
    wide sum = 0;
    for (size_t i = 0; i < count; i++)
        whole += weights[i];
    wide reached = 0;
    wide before = 0;
    for (size_t i = 0; i < count; i++) {
        if (parts[i] > weights[i])
            return "a part exceeds its weight";
        sum += parts[i];
        reached += weights[i];
        wide until = whole > 0 ? (wide)total * reached / whole : 0;
        if (parts[i] != until - before)
            return "a part is not what the formula says";
        before = until;
    }
    return sum == total ? NULL : "the parts do not add up";
}

static void test_split(void **state)
{
    (void)state;
    struct generator g = {seed, NULL};
    for (int round = 0; round < 30000; round++) {
        amount weights[WEIGHTS_MAX];
        amount parts[WEIGHTS_MAX];
        size_t count = generate_below(&g, WEIGHTS_MAX + 1);
        amount whole = 0;
        for (size_t i = 0; i < count; i++) {
            weights[i] = generate_between(&g, 0, UINT64_MAX / WEIGHTS_MAX);
            if (generate_below(&g, 2) == 0)
                weights[i] %= 5;
            whole += weights[i];
        }
        amount total = generate_between(&g, 0, whole);
        assert_true(amount_split_pro_rata(total, weights, count, parts));
        const char *wrong = split_fault(total, weights, count, parts);
        if (wrong != NULL)
            fail_msg("round %d: %s", round, wrong);
        if (whole < UINT64_MAX)
            assert_false(amount_split_pro_rata(whole + 1, weights, count, parts));
    }
}

static void test_split_examples(void **state)
{
    (void)state;
    amount parts[3];
    assert_true(amount_split_pro_rata(10, (amount[]){5, 5, 5}, 3, parts));
    assert_int_equal(parts[0], 3);
    assert_int_equal(parts[1], 3);
    assert_int_equal(parts[2], 4); /* what rounding leaves falls to the later ones */
    assert_true(amount_split_pro_rata(0, NULL, 0, NULL));
    assert_false(amount_split_pro_rata(1, NULL, 0, NULL));
    assert_true(amount_split_pro_rata(0, (amount[]){0, 0}, 2, parts));
    assert_false(amount_split_pro_rata(1, (amount[]){UINT64_MAX, 1}, 2, parts));
    /* Planted: the checker of the property test sees a unit moved from one part to another. */
    assert_true(amount_split_pro_rata(10, (amount[]){5, 5, 5}, 3, parts));
    parts[0]++;
    parts[2]--;
    assert_non_null(split_fault(10, (amount[]){5, 5, 5}, 3, parts));
    parts[2]++;
    assert_non_null(split_fault(10, (amount[]){5, 5, 5}, 3, parts));
}

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t value;
    } good[] = {
        {"0", 0},        {"12.5", 12500000},  {"3", 3000000},
        {"0.000001", 1}, {"007.10", 7100000}, {"18446744073709.551615", UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        amount a = 0;
        assert_true(amount_parse(good[i].text, &a));
        assert_true(a == good[i].value);
    }
    static const char *const bad[] = {"",
                                      ".",
                                      "5.",
                                      ".5",
                                      "1.2.3",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1e3",
                                      "0x10",
                                      "1,5",
                                      "one",
                                      "1.5c",
                                      "0.0000001",
                                      "1.-5",
                                      "18446744073709.551616",
                                      "99999999999999999999",
                                      "1.0000000",
                                      "\xd9\xa1"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        amount a = 0;
        if (amount_parse(bad[i], &a))
            fail_msg("\"%s\" was taken for an amount", bad[i]);
    }
}

static void test_format(void **state)
{
    (void)state;
    char text[AMOUNT_TEXT_BYTES];
    assert_string_equal(amount_format(12500000, text), "12.5");
    assert_string_equal(amount_format(1, text), "0.000001");
    assert_string_equal(amount_format(3000000, text), "3");
    assert_string_equal(amount_format(0, text), "0");
    assert_string_equal(amount_format(100 * UCR_PER_CREDIT, text), "100");
    assert_string_equal(amount_format(UINT64_MAX, text), "18446744073709.551615");
    struct generator g = {seed, NULL};
    for (int i = 0; i < 100000; i++) {
        amount a = generate_between(&g, 0, UINT64_MAX);
        amount again = 0;
        assert_true(amount_parse(amount_format(a, text), &again));
        assert_true(a == again);
    }
}

int main(void)
{
    seed = random_seed();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add_and_subtract),
        cmocka_unit_test(test_cost),
        cmocka_unit_test(test_share),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_split_examples),
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
