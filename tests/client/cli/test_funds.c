/* Which tokens are spent: as few as will do, and no larger ones than needed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "client/cli/cli.h"

enum { TOKENS_MAX = 8 };

static uint32_t pick(const uint64_t *amounts, uint32_t count, uint64_t amount,
                     struct token_info *tokens)
{
    memset(tokens, 0, TOKENS_MAX * sizeof(*tokens));
    for (uint32_t i = 0; i < count; i++)
        tokens[i] = (struct token_info){.token = i + 1, .amount_ucr = amounts[i]};
    return funds_pick(tokens, count, amount);
}

static void test_table(void **state)
{
    static const struct {
        uint64_t amounts[TOKENS_MAX];
        uint32_t count;
        uint64_t amount;
        uint64_t picked[TOKENS_MAX]; /* amounts, 0 at the end */
    } rows[] = {
        {{10, 20, 30}, 3, 30, {30}},      {{10, 20, 30}, 3, 15, {20}},
        {{10, 20, 30}, 3, 5, {10}},       {{10, 20, 30}, 3, 40, {30, 10}},
        {{10, 20, 30}, 3, 41, {30, 20}},  {{10, 20, 30}, 3, 60, {30, 20, 10}},
        {{10, 20, 30}, 3, 61, {0}},       {{10, 20, 30}, 3, 0, {0}},
        {{7, 7, 7, 7}, 4, 20, {7, 7, 7}}, {{0}, 0, 1, {0}},
    };
    struct token_info tokens[TOKENS_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t count = pick(rows[i].amounts, rows[i].count, rows[i].amount, tokens);
        uint32_t expected = 0;
        while (expected < TOKENS_MAX && rows[i].picked[expected] != 0)
            expected++;
        assert_int_equal(count, expected);
        for (uint32_t j = 0; j < count; j++)
            assert_int_equal(tokens[j].amount_ucr, rows[i].picked[j]);
    }
}

/* Against a search through all subsets. */
static void test_as_few_as_possible(void **state)
{
    const char *given = getenv("BOURSE_SEED");
    unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    struct token_info tokens[TOKENS_MAX];
    (void)state;
    printf("seed %u\n", seed);
    for (int round = 0; round < 2000; round++) {
        uint64_t amounts[TOKENS_MAX];
        uint32_t count = (uint32_t)rand_r(&seed) % TOKENS_MAX;
        uint64_t all = 0;
        for (uint32_t i = 0; i < count; i++)
            all += amounts[i] = 1 + (uint64_t)rand_r(&seed) % 20;
        uint64_t amount = 1 + (uint64_t)rand_r(&seed) % (all + 3);
        uint32_t fewest = UINT32_MAX;
        for (uint32_t set = 0; set < 1u << count; set++) {
            uint64_t sum = 0;
            for (uint32_t i = 0; i < count; i++)
                sum += (set >> i & 1) != 0 ? amounts[i] : 0;
            uint32_t size = (uint32_t)__builtin_popcount(set);
            if (sum >= amount && size < fewest)
                fewest = size;
        }
        uint32_t picked = pick(amounts, count, amount, tokens);
        assert_int_equal(picked, fewest == UINT32_MAX ? 0 : fewest);
        uint64_t sum = 0;
        for (uint32_t i = 0; i < picked; i++)
            sum += tokens[i].amount_ucr;
        assert_true(picked == 0 || sum >= amount);
        /* Every token is still there once. */
        uint32_t seen = 0;
        for (uint32_t i = 0; i < count; i++)
            seen |= 1u << tokens[i].token;
        assert_int_equal(__builtin_popcount(seen), count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_as_few_as_possible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
