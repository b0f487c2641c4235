/* Charts: their scales, and that the document says what it was given. That it is well-formed a
 * parser of XML looks at in tests/e2e. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "client/cli/plot.h"

static void chooses_steps_and_scales(void **state)
{
    (void)state;
    assert_int_equal(plot_step_min(1), 1);
    assert_int_equal(plot_step_min(PLOT_STEPS_MAX), 1);
    assert_int_equal(plot_step_min(PLOT_STEPS_MAX + 1), 2);
    assert_int_equal(plot_step_min(216000), 6 * 60); /* 150 days */
    static const struct {
        double most, top;
    } rows[] = {{0, 1},   {0.3, 1}, {1, 1},   {1.1, 2},  {3, 5},      {5.5, 10},
                {10, 10}, {48, 50}, {50, 50}, {51, 100}, {1001, 2000}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_true(plot_scale_top(rows[i].most) == rows[i].top);
}

static void contains(const struct buffer *document, const char *text)
{
    if (memmem(document->data, document->length, text, strlen(text)) == NULL)
        fail_msg("there is no %s in %.*s", text, (int)document->length, (char *)document->data);
}

static void draws_what_it_was_given(void **state)
{
    (void)state;
    static const double all[] = {0, 25, 25, 100};
    static const double rest[] = {0, 3, 0, 5};
    struct plot p = {.title = "a <b> & \"c\"",
                     .axis = "leased, %",
                     .beside_axis = "GPUs",
                     .start_s = 1767225600,
                     .step_min = 360,
                     .steps = 4,
                     .count = 1,
                     .lines = {{"all", all}},
                     .beside = {"resting", rest}};
    struct buffer document = BUFFER_EMPTY;
    plot_draw(&p, &document);
    contains(&document, "<title>a &lt;b&gt; &amp; &quot;c&quot;</title>");
    contains(&document, "viewBox=\"0 0 900 360\"");
    /* 784 wide and 234 high, from 58, 82: up by a quarter at 254, down no more until 646. */
    contains(&document, "d=\"M58 316H254V257.5H646V82H842\"");
    contains(&document, "d=\"M58 316H254V175.6H450V316H646V82H842\"");
    contains(&document, ">01-01 06:00</text>");
    contains(&document, ">leased, %</text>");
    contains(&document, ">GPUs</text>");
    contains(&document, ">all</text>");
    contains(&document, ">resting</text>");
    contains(&document, ">75</text>");
    assert_null(memmem(document.data, document.length, "script", 6));
    buffer_release(&document);
}

/* A full chart stays small. */
static void a_full_chart_is_light(void **state)
{
    (void)state;
    double values[2][PLOT_STEPS_MAX];
    for (int i = 0; i < PLOT_STEPS_MAX; i++) {
        values[0][i] = i % 100;
        values[1][i] = 1234.5 * (i % 7);
    }
    struct plot p = {.title = "t",
                     .axis = "a",
                     .beside_axis = "b",
                     .start_s = 1767225600,
                     .step_min = 1440,
                     .steps = PLOT_STEPS_MAX,
                     .count = PLOT_LINES_MAX,
                     .beside = {"resting", values[1]}};
    for (int i = 0; i < PLOT_LINES_MAX; i++)
        p.lines[i] = (struct plot_line){"a-sku-with-a-rather-long-name (12.3 %)", values[0]};
    struct buffer document = BUFFER_EMPTY;
    plot_draw(&p, &document);
    contains(&document, ">2026-01-01</text>");
    assert_true(document.length < 200 * 1000);
    buffer_release(&document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chooses_steps_and_scales),
        cmocka_unit_test(draws_what_it_was_given),
        cmocka_unit_test(a_full_chart_is_light),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
