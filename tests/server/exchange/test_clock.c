#include "tests/server/exchange/support.h"

#include "server/exchange/clock.h"
#include "server/exchange/state.h"
#include "tests/server/exchange/world.h"

#define T WORLD_BEGIN_S

static void outages_extend_deadlines(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, WORLD_OPTIONS);
    w.x->head.time_s = T + 10000;
    assert_int_equal(clock_deadline(w.x, T, 100), T + 100);
    clock_outage_add(w.x, T + 1000, T + 1600);
    clock_outage_add(w.x, T + 3000, T + 3100);
    struct {
        uint64_t from_s, grace_s, deadline_s;
    } cases[] = {
        {T, 1000, T + 1000},       /* ends as the outage begins */
        {T, 1001, T + 1601},       /* a second of it was left */
        {T + 900, 200, T + 1700},  /* all of the outage lies in it */
        {T + 1000, 10, T + 1610},  /* begins with the outage */
        {T + 1200, 10, T + 1610},  /* begins in it: the part behind counts */
        {T + 1600, 10, T + 1610},  /* begins as it ends */
        {T + 500, 1900, T + 3000}, /* extended up to the second outage, not into it */
        {T + 500, 1901, T + 3101}, /* extended into the second one */
        {T + 5000, 10, T + 5010},  /* after all */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(clock_deadline(w.x, cases[i].from_s, cases[i].grace_s),
                         cases[i].deadline_s);
    world_end(&w);
}

static void old_outages_are_forgotten(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, WORLD_OPTIONS);
    for (uint64_t i = 0; i < OUTAGES_KEPT_MAX + 10; i++)
        clock_outage_add(w.x, T + i * 100, T + i * 100 + 60);
    assert_int_equal(store_count(w.x->store, TABLE_OUTAGE), OUTAGES_KEPT_MAX);
    w.x->head.time_s = T + 1000000;
    assert_int_equal(world_check(w.x, NULL), 0);
    /* The first ten of them extend nothing any more. */
    assert_int_equal(clock_deadline(w.x, T, 100), T + 100);
    assert_int_equal(clock_deadline(w.x, T + 1000, 100), T + 1280);
    world_end(&w);
}

static uint64_t outages_of(const struct world *w)
{
    return store_count(w->x->store, TABLE_OUTAGE);
}

static void a_start_after_a_pause_is_an_outage(void **state)
{
    (void)state;
    struct world w;
    uint64_t one = 1;
    world_begin(&w, WORLD_OPTIONS);
    world_restart(&w, OUTAGE_MIN_S - 1, CLOCK_MODE_REAL);
    assert_int_equal(outages_of(&w), 0);
    world_restart(&w, OUTAGE_MIN_S, CLOCK_MODE_REAL);
    assert_int_equal(outages_of(&w), 1);
    const struct outage_row *row = store_find(w.x->store, TABLE_OUTAGE, &one);
    assert_int_equal(row->from_s, T + OUTAGE_MIN_S - 1);
    assert_int_equal(row->to_s, T + 2 * OUTAGE_MIN_S - 1);
    /* A pause without a restart is none. */
    world_advance(&w, 3000, false);
    assert_int_equal(outages_of(&w), 1);
    assert_int_equal(world_verify(&w), 0);
    world_end(&w);
}

static void a_jump_that_waited_is_an_outage(void **state)
{
    (void)state;
    struct world w;
    uint64_t one = 1;
    world_begin(&w, WORLD_OPTIONS);
    assert_int_equal(exchange_time_limit(w.x), T + CLOCK_JUMP_MAX_S);
    world_restart(&w, 5 * 3600, CLOCK_MODE_REAL);
    assert_int_equal(w.time_s, T + 5 * 3600);
    assert_int_equal(outages_of(&w), 1);
    const struct outage_row *row = store_find(w.x->store, TABLE_OUTAGE, &one);
    assert_int_equal(row->from_s, T);
    assert_int_equal(row->to_s, T + 5 * 3600);
    assert_int_equal(exchange_time_limit(w.x), T + 6 * 3600);
    assert_int_equal(world_verify(&w), 0);
    world_end(&w);
}

static void a_manual_clock_knows_no_outage(void **state)
{
    (void)state;
    struct world w;
    struct world_options options = WORLD_OPTIONS;
    options.mode = CLOCK_MODE_MANUAL;
    world_begin(&w, options);
    assert_int_equal(exchange_manual_time(w.x), T);
    world_advance(&w, 30 * 86400, true);
    assert_int_equal(exchange_time(w.x), T + 30 * 86400);
    assert_int_equal(exchange_manual_time(w.x), T + 30 * 86400);
    world_restart(&w, 7200, CLOCK_MODE_MANUAL);
    assert_int_equal(outages_of(&w), 0);
    assert_int_equal(world_verify(&w), 0);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outages_extend_deadlines),
        cmocka_unit_test(old_outages_are_forgotten),
        cmocka_unit_test(a_start_after_a_pause_is_an_outage),
        cmocka_unit_test(a_jump_that_waited_is_an_outage),
        cmocka_unit_test(a_manual_clock_knows_no_outage),
    };
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
