/* The hours in which a demand curve needs GPUs, side by side and in layers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "client/cli/advise_windows.h"

enum { STEPS_MAX = 10000, MINUTES_MAX = 200 * 1000 };

static struct arena arena;

/* The levels of each hour, divided by blanks. */
static struct curve hours(const char *levels)
{
    static struct curve_step steps[256];
    struct curve c = {.steps = steps};
    char *end;
    for (; *levels != '\0'; levels = end + (*end == ' ')) {
        steps[c.count] = (struct curve_step){60 * c.count, (uint32_t)strtoul(levels, &end, 10)};
        c.count++;
    }
    c.duration_min = 60 * c.count;
    return c;
}

/* "8 from 9 to 17; 8 above 8 from 12 to 14", in hours. */
static const char *told(const struct windows *w)
{
    static char text[4096];
    size_t length = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < w->count; i++) {
        const struct window *one = &w->items[i];
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%u", i > 0 ? "; " : "",
                                   (unsigned)one->gpus);
        if (one->above > 0)
            length += (size_t)snprintf(text + length, sizeof(text) - length, " above %u",
                                       (unsigned)one->above);
        length += (size_t)snprintf(text + length, sizeof(text) - length, " from %u to %u",
                                   (unsigned)one->from / 60, (unsigned)one->to / 60);
    }
    return text;
}

static const char *layers(const char *levels, uint32_t base)
{
    struct windows w;
    struct curve c = hours(levels);
    assert_true(windows_in_layers(&c, base, &arena, &w));
    assert_int_equal(w.filled, 0);
    return told(&w);
}

static const char *side_by_side(const char *levels)
{
    struct windows w;
    struct curve c = hours(levels);
    assert_true(windows_side_by_side(&c, &arena, &w));
    assert_int_equal(w.filled, 0);
    return told(&w);
}

static void test_side_by_side(void **state)
{
    (void)state;
    assert_string_equal(side_by_side("0 8 8 0 8 0"), "8 from 1 to 3; 8 from 4 to 5");
    /* Each at its peak, since it is one block. */
    assert_string_equal(side_by_side("4 8 2 0 1"), "8 from 0 to 3; 1 from 4 to 5");
    assert_string_equal(side_by_side("4 4 4"), "4 from 0 to 3");
    assert_string_equal(side_by_side("0 0"), "");
}

static void test_layers(void **state)
{
    (void)state;
    assert_string_equal(layers("0 8 8 0 8 0", 0), "8 from 1 to 3; 8 from 4 to 5");
    assert_string_equal(layers("8 16 24 16 8", 8), "8 above 8 from 1 to 4; 8 above 16 from 2 to 3");
    assert_string_equal(layers("0 16 8 0", 0), "8 from 1 to 3; 8 above 8 from 1 to 2");
    assert_string_equal(layers("2 9 4 9 2", 2),
                        "2 above 2 from 1 to 4; 5 above 4 from 1 to 2; 5 above 4 from 3 to 4");
    /* What lies below the base is the base's. */
    assert_string_equal(layers("8 8 3 12 8", 8), "4 above 8 from 3 to 4");
    assert_string_equal(layers("8 8 8", 8), "");
    assert_string_equal(layers("1 2 3", 0), "1 from 0 to 3; 1 above 1 from 1 to 3; 1 above 2 from "
                                            "2 to 3");
}

/* Adds what the windows give in each minute. */
static void windows_add(const struct windows *w, uint32_t given[MINUTES_MAX])
{
    for (uint32_t i = 0; i < w->count; i++) {
        for (uint32_t m = w->items[i].from; m < w->items[i].to; m++)
            given[m] += w->items[i].gpus;
    }
}

static uint32_t draw(uint64_t *seed, uint32_t below)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33) % below;
}

/* Whatever the curve, there are enough GPUs in every minute, in no more windows than may be, and
 * what there is too much of is told. */
static void expect_covered(const struct curve *c, uint32_t base)
{
    static uint32_t given[MINUTES_MAX];
    struct windows w;
    uint64_t spare = 0;
    for (uint32_t i = 0; i < c->duration_min; i++)
        given[i] = base;
    assert_true(windows_in_layers(c, base, &arena, &w));
    assert_true(w.count <= WINDOWS_MAX);
    windows_add(&w, given);
    for (uint32_t i = 0; i < c->count; i++) {
        uint32_t level = c->steps[i].gpus > base ? c->steps[i].gpus : base;
        for (uint32_t m = c->steps[i].minute; m < curve_step_end(c, i); m++) {
            assert_true(given[m] >= level);
            spare += given[m] - level;
        }
    }
    if (w.step_min == 0)
        assert_int_equal(spare, w.filled);
    for (uint32_t i = 0; i < w.count; i++)
        assert_true(w.items[i].from < w.items[i].to && w.items[i].to <= c->duration_min);
    memset(given, 0, sizeof(given));
    assert_true(windows_side_by_side(c, &arena, &w));
    assert_true(w.count <= WINDOWS_MAX);
    windows_add(&w, given);
    for (uint32_t i = 0; i < c->count; i++) {
        for (uint32_t m = c->steps[i].minute; m < curve_step_end(c, i); m++)
            assert_true(given[m] >= c->steps[i].gpus);
    }
    for (uint32_t i = 1; i < w.count; i++)
        assert_true(w.items[i - 1].to <= w.items[i].from);
}

static void test_any_curve(void **state)
{
    static struct curve_step steps[STEPS_MAX];
    static const uint32_t sizes[] = {1, 2, 5, 30, 100, 1000, STEPS_MAX};
    const char *given = getenv("BOURSE_SEED");
    uint64_t first = given != NULL ? strtoull(given, NULL, 10) : 1;
    (void)state;
    print_message("seed %llu\n", (unsigned long long)first);
    uint64_t seed = first;
    for (uint32_t round = 0; round < 40; round++) {
        struct curve c = {.steps = steps};
        uint32_t count = sizes[round % (sizeof(sizes) / sizeof(sizes[0]))];
        uint32_t highest = 1 + draw(&seed, 20);
        uint32_t minute = 0;
        for (uint32_t i = 0; i < count; i++) {
            steps[c.count++] =
                (struct curve_step){minute, draw(&seed, 3) == 0 ? 0 : draw(&seed, highest + 1)};
            minute += 1 + draw(&seed, 15);
        }
        c.duration_min = minute;
        expect_covered(&c, draw(&seed, 2) * draw(&seed, highest + 1));
        arena_clear(&arena);
    }
}

/* A month of days: few enough to be left as they are; a year of them is not. */
static void test_days(void **state)
{
    static struct curve_step steps[2 * 365];
    struct windows w;
    (void)state;
    for (uint32_t day = 0; day < 365; day++) {
        steps[2 * day] = (struct curve_step){day * 1440, 0};
        steps[2 * day + 1] = (struct curve_step){day * 1440 + 540, day % 2 == 0 ? 8 : 9};
    }
    struct curve month = {.steps = steps, .count = 60, .duration_min = 30 * 1440};
    assert_true(windows_side_by_side(&month, &arena, &w));
    assert_int_equal(w.count, 30);
    assert_int_equal(w.filled, 0);
    struct curve year = {.steps = steps, .count = 730, .duration_min = 365 * 1440};
    assert_true(windows_side_by_side(&year, &arena, &w));
    assert_int_equal(w.count, WINDOWS_MAX);
    assert_true(w.filled > 0);
    assert_int_equal(w.step_min, 0);
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_side_by_side),
        cmocka_unit_test(test_layers),
        cmocka_unit_test(test_any_curve),
        cmocka_unit_test(test_days),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
