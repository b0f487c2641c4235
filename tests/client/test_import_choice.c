/* Lots: shares are exact, ranks come first, and the numbers are the same everywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "client/cli/import_agenda.h"
#include "client/cli/import_choice.h"
#include "protocol/status.h"

enum { THINGS = 1000 };

static void draws_follow_from_the_seed(void **state)
{
    (void)state;
    /* Documented runs hang on these. */
    assert_true(choice_draw(1, CHOICE_RESTS, 0) == choice_draw(1, CHOICE_RESTS, 0));
    assert_true(choice_draw(1, CHOICE_RESTS, 0) != choice_draw(2, CHOICE_RESTS, 0));
    assert_true(choice_draw(1, CHOICE_RESTS, 0) != choice_draw(1, CHOICE_SPREAD, 0));
    assert_true(choice_draw(1, CHOICE_RESTS, 0) != choice_draw(1, CHOICE_RESTS, 1));
    uint64_t bits = 0;
    for (uint64_t i = 0; i < THINGS; i++)
        bits |= choice_draw(3, CHOICE_PRICE, i);
    assert_true(bits == UINT64_MAX);
}

static uint32_t rank_odd(const void *context, size_t index)
{
    (void)context;
    return index % 2 == 1 ? 0 : 1;
}

static size_t chosen_count(const bool *chosen, size_t step)
{
    size_t count = 0;
    for (size_t i = 1; i < THINGS; i += step)
        count += chosen[i];
    return count;
}

static void shares_are_exact(void **state)
{
    (void)state;
    bool chosen[THINGS];
    static const struct {
        uint32_t share_ppm;
        size_t all;
    } rows[] = {{0, 0}, {499, 0}, {500, 1}, {250000, 250}, {999499, 999}, {1000000, 1000}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(
            choice_share(1, CHOICE_RESTS, THINGS, rows[i].share_ppm, NULL, NULL, chosen),
            STATUS_OK);
        size_t all = 0;
        for (size_t j = 0; j < THINGS; j++)
            all += chosen[j];
        assert_int_equal(all, rows[i].all);
    }
    assert_int_equal(choice_share(1, CHOICE_RESTS, 0, 1000000, NULL, NULL, chosen), STATUS_OK);
}

static void lower_ranks_come_first(void **state)
{
    (void)state;
    bool chosen[THINGS];
    assert_int_equal(choice_share(1, CHOICE_RESTS, THINGS, 400000, rank_odd, NULL, chosen),
                     STATUS_OK);
    assert_int_equal(chosen_count(chosen, 2), 400);
    assert_int_equal(choice_share(1, CHOICE_RESTS, THINGS, 600000, rank_odd, NULL, chosen),
                     STATUS_OK);
    assert_int_equal(chosen_count(chosen, 2), 500);
}

/* Whatever the order in which it was put down: by minute, then as it was put down. */
static void the_agenda_is_in_order(void **state)
{
    (void)state;
    struct agenda a = {.items = NULL};
    struct agenda_item got;
    assert_true(agenda_next(&a) == UINT64_MAX);
    assert_false(agenda_take(&a, UINT64_MAX, &got));
    for (uint64_t i = 0; i < THINGS; i++) {
        struct agenda_item item = {.minute = choice_draw(1, CHOICE_PRICE, i) % 50, .lease = i};
        assert_int_equal(agenda_add(&a, item), STATUS_OK);
    }
    uint64_t minute = 0;
    uint64_t serial = 0;
    for (size_t i = 0; i < THINGS; i++) {
        uint64_t next = agenda_next(&a);
        assert_false(agenda_take(&a, next + 1, &got));
        assert_true(agenda_take(&a, next, &got));
        assert_true(got.minute > minute || (got.minute == minute && got.serial > serial));
        minute = got.minute;
        serial = got.serial;
    }
    assert_true(agenda_next(&a) == UINT64_MAX);
    agenda_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_follow_from_the_seed),
        cmocka_unit_test(shares_are_exact),
        cmocka_unit_test(lower_ranks_come_first),
        cmocka_unit_test(the_agenda_is_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
