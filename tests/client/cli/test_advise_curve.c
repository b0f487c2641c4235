/* What is read out of a demand curve, and what is said of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "client/cli/advise_curve.h"
#include "protocol/csv.h"

static struct arena arena;
static char why[CURVE_ERROR_BYTES];

static struct curve read_curve(const char *text)
{
    struct curve c;
    if (!curve_read(text, strlen(text), &arena, &c, why))
        fail_msg("%s", why);
    return c;
}

static void test_steps(void **state)
{
    (void)state;
    struct curve c = read_curve("time,gpus\n0,8\n3600,64\n7200,8\n");
    assert_int_equal(c.start_s, 0);
    assert_int_equal(c.count, 3);
    assert_int_equal(c.duration_min, 180); /* the last line holds as long as the one before it */
    c = read_curve("time,gpus\n0,8\n3600,64\n7200,0\n");
    assert_int_equal(c.duration_min, 120); /* but not when it says that the demand is over */
    /* Columns in any order among others, ISO times, blanks and the line ends of another system. */
    c = read_curve("\xef\xbb\xbfgpus, team ,time\r\n8,\"a, b\", 2026-11-22T10:00Z\r\n\r\n"
                   "16,c,2026-11-22T10:30Z\r\n");
    assert_int_equal(c.start_s, 1795341600);
    assert_int_equal(c.steps[1].minute, 30);
    assert_int_equal(c.steps[1].gpus, 16);
    /* As a table of another program has it. */
    c = read_curve("Time,GPUs\n2026-11-22 10:00,8\n2026-11-22 10:30,16\n");
    assert_int_equal(c.start_s, 1795341600);
    assert_int_equal(c.steps[1].minute, 30);
    /* Of one minute the highest counts: what is leased must be enough. */
    c = read_curve("time,gpus\n0,8\n10,32\n20,4\n60,2\n");
    assert_int_equal(c.count, 2);
    assert_int_equal(c.steps[0].gpus, 32);
}

static void test_facts(void **state)
{
    struct curve_facts f;
    (void)state;
    struct curve c = read_curve("time,gpus\n0,8\n3600,64\n7200,0\n");
    assert_true(curve_look(&c, &arena, &f));
    assert_int_equal(f.base, 8);
    assert_int_equal(f.peak, 64);
    assert_int_equal(f.gpu_minutes, 72 * 60);
    assert_int_equal(f.variability_ppm, 875000);
    /* Ten minutes of 200 are no reason to call less the base; thirty are. */
    c = read_curve("time,gpus\n0,16\n11400,2\n12000,0\n");
    assert_true(curve_look(&c, &arena, &f));
    assert_int_equal(f.base, 16);
    c = read_curve("time,gpus\n0,16\n10200,2\n12000,0\n");
    assert_true(curve_look(&c, &arena, &f));
    assert_int_equal(f.base, 2);
    c = read_curve("time,gpus\n0,5\n60,5\n");
    assert_true(curve_look(&c, &arena, &f));
    assert_int_equal(f.variability_ppm, 0);
    c = read_curve("time,gpus\n0,0\n60,0\n");
    assert_true(curve_look(&c, &arena, &f));
    assert_int_equal(f.peak, 0);
}

static void test_use(void **state)
{
    (void)state;
    struct curve c = read_curve("time,gpus\n0,8\n3600,64\n7200,20\n");
    assert_int_equal(curve_use(&c, 0, 180, 0, 64), (8 + 64 + 20) * 60);
    assert_int_equal(curve_use(&c, 0, 180, 8, 56), (56 + 12) * 60);
    assert_int_equal(curve_use(&c, 0, 180, 8, 16), (16 + 12) * 60);
    assert_int_equal(curve_use(&c, 30, 90, 0, 64), 8 * 30 + 64 * 30);
    assert_int_equal(curve_use(&c, 170, 180, 0, 64), 200);
    assert_int_equal(curve_use(&c, 60, 60, 0, 64), 0);
    assert_int_equal(curve_use(&c, 0, 180, 64, 64), 0);
    /* Lowest and highest GPUs together are all of them. */
    assert_int_equal(curve_use(&c, 0, 180, 0, 10) + curve_use(&c, 0, 180, 10, 54),
                     curve_use(&c, 0, 180, 0, 64));
}

static void test_cells(void **state)
{
    struct csv csv;
    static const char text[] = "a,\"b \"\"c\"\"\",\n\n , d ,\"\"\n\"x\"y\n";
    (void)state;
    csv_begin(&csv, text, strlen(text));
    assert_int_equal(csv_next(&csv, &arena), 1);
    assert_int_equal(csv.count, 3);
    assert_string_equal(csv.cells[1], "b \"c\"");
    assert_string_equal(csv.cells[2], "");
    assert_int_equal(csv_next(&csv, &arena), 1);
    assert_int_equal(csv.number, 3);
    assert_string_equal(csv.cells[0], "");
    assert_string_equal(csv.cells[1], "d");
    assert_string_equal(csv.cells[2], "");
    assert_int_equal(csv_next(&csv, &arena), -1);
    assert_string_equal(csv.error, "something follows a closing quotation mark");
    csv_begin(&csv, "", 0);
    assert_int_equal(csv_next(&csv, &arena), 0);
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
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_use),
        cmocka_unit_test(test_cells),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
