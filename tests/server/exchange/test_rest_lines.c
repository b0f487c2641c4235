/* The tree of resting orders that finds windows by time: against a look at every line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/exchange/rest_lines.h"
#include "tests/random.h"

enum { LINES = 300, STEPS = 4000, BITS = 5 };

static struct rest_span span(uint64_t from_min, uint64_t length)
{
    struct rest_span s = {from_min, from_min + length, 0};
    s.slots = rest_slots(s.from_min, s.until_min, BITS);
    return s;
}

static bool meets(const struct rest_span *a, const struct rest_span *b)
{
    return a->from_min <= b->until_min && a->until_min >= b->from_min;
}

/* The order numbers that meet a time from `since` on, one after the other. */
static void walk_compare(const struct rest_line_tree *lines, struct rest_key since,
                         const struct rest_span *time)
{
    uint64_t looks = 0;
    struct rest_line *line = rest_lines_first(lines);
    for (;; line = rest_lines_after(line)) {
        while (line != NULL && (rest_key_before(&line->key, &since) || !meets(&line->window, time)))
            line = rest_lines_after(line);
        assert_ptr_equal(rest_lines_meet(lines, &since, time, &looks), line);
        if (line == NULL)
            return;
        since = line->key;
        since.order++;
    }
}

static void finds_what_a_look_at_every_line_finds(void **state)
{
    (void)state;
    random_start();
    struct rest_line_tree lines = {NULL};
    struct rest_line *here[LINES] = {NULL};
    for (int step = 0; step < STEPS; step++) {
        size_t i = random_below(LINES);
        if (here[i] != NULL) {
            assert_ptr_equal(rest_lines_take(&lines, here[i]), here[i]);
            assert_null(rest_lines_find(&lines, here[i]));
            free(here[i]);
            here[i] = NULL;
        } else {
            here[i] = calloc(1, sizeof(*here[i]));
            here[i]->key = (struct rest_key){random_below(5), random_below(20), i + 1};
            here[i]->window = span(random_below(1000), random_below(1000));
            assert_true(rest_lines_put(&lines, here[i]));
            struct rest_line again = *here[i];
            assert_false(rest_lines_put(&lines, &again));
        }
        assert_int_equal(rest_lines_faults(&lines), 0);
        struct rest_span time = span(random_below(2000), random_below(1u << random_below(11)));
        struct rest_key since = {random_below(6), random_below(20), random_below(LINES)};
        if (step % 20 == 0)
            walk_compare(&lines, since, &time);
    }
    for (size_t i = 0; i < LINES; i++) {
        if (here[i] != NULL)
            free(rest_lines_take(&lines, here[i]));
    }
    assert_null(rest_lines_first(&lines));
}

/* What a search looks at follows from the lines that are there, not from how they came there: else
 * a tick would end elsewhere after a start than before it. */
static void looks_the_same_however_it_came_about(void **state)
{
    (void)state;
    struct rest_line_tree grown = {NULL}, loaded = {NULL};
    static struct rest_line mine[LINES], theirs[LINES];
    bool here[LINES] = {false};
    for (int step = 0; step < STEPS; step++) {
        size_t i = random_below(LINES);
        if (here[i]) {
            assert_ptr_equal(rest_lines_take(&grown, &mine[i]), &mine[i]);
        } else {
            mine[i].key = (struct rest_key){random_below(5), random_below(20), i + 1};
            mine[i].window = span(random_below(1000), random_below(100));
            assert_true(rest_lines_put(&grown, &mine[i]));
        }
        here[i] = !here[i];
    }
    for (size_t i = 0; i < LINES; i++) {
        theirs[i] = (struct rest_line){.key = mine[i].key, .window = mine[i].window};
        assert_true(!here[i] || rest_lines_put(&loaded, &theirs[i]));
    }
    for (int step = 0; step < STEPS; step++) {
        struct rest_span time = span(random_below(1200), random_below(1u << random_below(11)));
        struct rest_key since = {random_below(6), random_below(20), random_below(LINES)};
        uint64_t looks = 0, looks_loaded = 0;
        struct rest_line *line = rest_lines_meet(&grown, &since, &time, &looks);
        struct rest_line *same = rest_lines_meet(&loaded, &since, &time, &looks_loaded);
        assert_int_equal(line != NULL ? line - mine : -1, same != NULL ? same - theirs : -1);
        assert_int_equal(looks, looks_loaded);
    }
}

static void passes_by_what_is_at_other_times(void **state)
{
    (void)state;
    struct rest_line_tree lines = {NULL};
    static struct rest_line all[2048];
    for (uint64_t i = 0; i < 2048; i++) {
        /* Before and after the time asked for in turn; the last one is there. */
        all[i].key = (struct rest_key){10, i, i + 1};
        all[i].window = span(i == 2047 ? 500 : i % 2 == 0 ? 0 : 1000, 300);
        assert_true(rest_lines_put(&lines, &all[i]));
    }
    struct rest_span time = span(600, 100);
    struct rest_key since = {UINT64_MAX, 0, 0};
    uint64_t looks = 0;
    assert_ptr_equal(rest_lines_meet(&lines, &since, &time, &looks), &all[2047]);
    assert_true(looks < 64);
}

static void slots_go_round(void **state)
{
    (void)state;
    assert_true(rest_slots(0, 31, 5) == 1);
    assert_true(rest_slots(31, 32, 5) == 3);
    assert_true(rest_slots(63 * 32, 64 * 32, 5) == (UINT64_C(1) << 63 | 1));
    assert_true(rest_slots(32, 64 * 32 - 1, 5) == UINT64_MAX - 1);
    assert_true(rest_slots(5 * 32, 69 * 32 - 1, 5) == UINT64_MAX);
    assert_true(rest_slots(0, UINT64_MAX, 5) == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_a_look_at_every_line_finds),
        cmocka_unit_test(looks_the_same_however_it_came_about),
        cmocka_unit_test(passes_by_what_is_at_other_times),
        cmocka_unit_test(slots_go_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
