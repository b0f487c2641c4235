#include "tests/server/exchange/support.h"

#include "server/exchange/due.h"
#include "server/exchange/index.h"

static void items_come_in_order(void **state)
{
    (void)state;
    struct exchange x = {0};
    struct due_item first, last = {0};
    due_queue_new(&x);
    assert_false(due_first(&x, &first));
    for (int i = 0; i < 2000; i++)
        due_put(&x, (struct due_item){.due_s = random_below(10),
                                      .kind = DUE_REQUEST + (uint32_t)random_below(5),
                                      .part = (uint32_t)random_below(3),
                                      .serial = random_below(10)});
    uint64_t count = 0;
    for (enum due_kind kind = DUE_REQUEST; kind <= DUE_OFFER; kind++)
        count += due_count(&x, kind);
    while (due_first(&x, &first)) {
        bool later = first.due_s > last.due_s;
        bool equal = first.due_s == last.due_s;
        later = later || (equal && first.kind > last.kind);
        equal = equal && first.kind == last.kind;
        later = later || (equal && first.serial > last.serial);
        equal = equal && first.serial == last.serial;
        assert_true(later || (equal && first.part > last.part));
        assert_true(due_has(&x, first));
        due_put(&x, first); /* again: of no effect */
        due_remove(&x, first);
        due_remove(&x, first); /* again: of no effect */
        assert_false(due_has(&x, first));
        last = first;
        count--;
    }
    assert_int_equal(count, 0);
    due_queue_free(&x);
    due_queue_free(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(items_come_in_order)};
    random_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
