/*
 * What a redemption costs does not grow with the market: counted in looks, of which there are as
 * many on any machine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/server/exchange/bench_rules.h"

/* Among a hundred times as many offers, at most twice as much. */
static void looks_stay(enum bench_shape shape)
{
    uint64_t few[2], many[2];
    bench_rules_looks(shape, 1000, few);
    bench_rules_looks(shape, 100000, many);
    for (int i = 0; i < 2; i++) {
        printf("%s%s: %llu looks among 1 000 offers, %llu among 100 000\n",
               bench_shape_title(shape), i == 1 ? ", spread" : "", (unsigned long long)few[i],
               (unsigned long long)many[i]);
        assert_true(few[i] > 0);
        assert_true(many[i] <= 2 * few[i]);
    }
}

static void among_offers_all_alike(void **state)
{
    (void)state;
    looks_stay(SHAPE_REDEEM_ALIKE);
}

static void among_cheaper_ones_sold_out(void **state)
{
    (void)state;
    looks_stay(SHAPE_REDEEM_SOLD_OUT);
}

static void among_cheaper_ones_elsewhere(void **state)
{
    (void)state;
    looks_stay(SHAPE_REDEEM_ELSEWHERE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(among_offers_all_alike),
        cmocka_unit_test(among_cheaper_ones_sold_out),
        cmocka_unit_test(among_cheaper_ones_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
