/* What is said of a book's two sides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client/cli/book.h"

static const char *spread_of(uint64_t sell_ucr, uint64_t buy_ucr)
{
    static char text[SPREAD_TEXT_BYTES];
    const struct depth_level levels[] = {{.side = SIDE_SELL, .price_ucr = sell_ucr},
                                         {.side = SIDE_BUY, .price_ucr = buy_ucr}};
    uint32_t first = sell_ucr == 0 ? 1 : 0;
    uint32_t end = buy_ucr == 0 ? 1 : 2;
    struct a_depth depth = {.rows = {levels + first, end - first}};
    struct book_view view = {.sku = "k"};
    book_divide(&depth, &view);
    return book_spread(&view, text);
}

static void spread_between_the_sides(void **state)
{
    (void)state;
    assert_string_equal(spread_of(2500000, 2250000), "0.25 (10.0 %)");
    assert_string_equal(spread_of(2500000, 2500000), "0 (0.0 %)");
    assert_string_equal(spread_of(0, 2500000), "");
    assert_string_equal(spread_of(2500000, 0), "");
}

/* An order for longer leases than the cheap offer gives rests above its price. */
static void spread_of_sides_that_do_not_fit(void **state)
{
    (void)state;
    assert_string_equal(spread_of(1000, 3000000), "none: more than prices differ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spread_between_the_sides),
        cmocka_unit_test(spread_of_sides_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
