#include "tests/server/exchange/support.h"

#include "server/exchange/number_map.h"

enum { NUMBERS = 2000 };

static char names[NUMBERS + 1][24];

static bool name_matches(const void *context, uint32_t number, const void *key, size_t length)
{
    (void)context;
    return strlen(names[number]) == length && memcmp(names[number], key, length) == 0;
}

static void follows_a_model(void **state)
{
    (void)state;
    static bool there[NUMBERS + 1];
    const uint8_t seed[16] = {1, 2, 3};
    struct number_map m;
    number_map_init(&m, name_matches, NULL, seed);
    assert_int_equal(number_map_find(&m, "none", 4), 0);
    for (uint32_t n = 1; n <= NUMBERS; n++)
        snprintf(names[n], sizeof(names[n]), "name %u", n);
    for (int i = 0; i < 30000; i++) {
        uint32_t n = (uint32_t)random_below(NUMBERS) + 1;
        size_t length = strlen(names[n]);
        assert_int_equal(number_map_find(&m, names[n], length), there[n] ? n : 0);
        if (there[n])
            number_map_remove(&m, n, names[n], length);
        else
            number_map_add(&m, n, names[n], length);
        there[n] = !there[n];
    }
    for (uint32_t n = 1; n <= NUMBERS; n++)
        assert_int_equal(number_map_find(&m, names[n], strlen(names[n])), there[n] ? n : 0);
    number_map_remove(&m, 1, "another name", 12);
    number_map_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(follows_a_model)};
    random_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
