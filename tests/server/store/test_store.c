#include "tests/server/store/support.h"

#include "server/store/changes.h"
#include "server/store/store.h"
#include "tests/server/store/rows.h"

enum { KEYS = 300 };

/* All coins by serial, as an array; amount 0 means there is none. */
struct model {
    struct coin_row coins[KEYS];
};

/* An index in memory as a hook keeps it: the sum and number of all coins. */
struct totals {
    uint64_t amount;
    uint64_t rows;
    uint64_t calls;
};

static void totals_hook(void *context, const void *old_row, const void *new_row)
{
    struct totals *t = context;
    const struct coin_row *before = old_row;
    const struct coin_row *after = new_row;

    assert_true(before || after);
    if (before && after)
        assert_int_equal(before->serial, after->serial);
    t->amount += (after ? after->amount_ucr : 0) - (before ? before->amount_ucr : 0);
    t->rows += (uint64_t)(after != NULL) - (uint64_t)(before != NULL);
    t->calls++;
}

static void check_equal(const struct store *s, const struct model *m, const struct totals *t)
{
    uint64_t rows = 0, amount = 0;

    for (uint64_t serial = 0; serial < KEYS; serial++) {
        const struct coin_row *coin = store_find(s, COIN, &serial);
        const struct coin_row *expected = &m->coins[serial];
        assert_int_equal(coin != NULL, expected->amount_ucr != 0);
        if (!coin)
            continue;
        assert_memory_equal(coin, expected, sizeof(*coin));
        rows++;
        amount += coin->amount_ucr;
    }
    assert_int_equal(store_count(s, COIN), rows);
    assert_int_equal(t->rows, rows);
    assert_int_equal(t->amount, amount);
}

static void change_at_random(struct store *s, struct model *m)
{
    uint64_t serial = random_below(KEYS);
    struct coin_row *expected = &m->coins[serial];

    if (expected->amount_ucr && random_below(2)) {
        store_remove(s, COIN, &serial);
        memset(expected, 0, sizeof(*expected));
        return;
    }
    *expected = (struct coin_row){.serial = serial,
                                  .amount_ucr = 1 + random_below(1000),
                                  .event = random_below(1u << 30),
                                  .owner = (uint32_t)random_below(9)};
    store_put(s, COIN, expected);
}

static void follows_a_model_and_rolls_back(void **state)
{
    struct totals totals = {0};
    static struct model now, marked[8];
    size_t marks[8];
    (void)state;

    random_start();
    memset(&now, 0, sizeof(now));
    struct store *s = store_new(test_specs, TABLES);
    store_set_hook(s, COIN, totals_hook, &totals);
    for (int round = 0; round < 2000; round++) {
        size_t depth = 0;
        for (uint64_t steps = random_below(60); steps > 0; steps--) {
            if (depth < 8 && random_below(8) == 0) {
                marked[depth] = now;
                marks[depth++] = store_mark(s);
            }
            change_at_random(s, &now);
            if (depth && random_below(10) == 0) {
                depth = (size_t)random_below(depth);
                store_rollback(s, marks[depth]);
                now = marked[depth];
                check_equal(s, &now, &totals);
            }
        }
        store_settle(s);
        assert_int_equal(store_mark(s), 0);
    }
    check_equal(s, &now, &totals);
    store_free(s);
}

static void undo_calls_hooks_in_reverse_with_old_and_new_swapped(void **state)
{
    struct totals totals = {0};
    struct coin_row a = {.serial = 1, .amount_ucr = 10};
    struct coin_row b = {.serial = 1, .amount_ucr = 25};
    uint64_t key = 1;
    (void)state;

    struct store *s = store_new(test_specs, TABLES);
    store_set_hook(s, COIN, totals_hook, &totals);
    size_t empty = store_mark(s);
    store_put(s, COIN, &a);
    size_t first = store_mark(s);
    store_put(s, COIN, &b);
    store_remove(s, COIN, &key);
    assert_int_equal(totals.rows, 0);
    store_rollback(s, first);
    assert_int_equal(totals.calls, 5);
    assert_int_equal(totals.amount, 10);
    assert_memory_equal(store_find(s, COIN, &key), &a, sizeof(a));
    store_rollback(s, empty);
    assert_int_equal(totals.calls, 6);
    assert_int_equal(totals.rows, 0);
    assert_null(store_find(s, COIN, &key));
    store_free(s);
}

static void what_is_rolled_back_was_never_recorded(void **state)
{
    struct coin_row coin = {.serial = 5, .amount_ucr = 1};
    struct note_row note = {.day = 1, .tiny = 3};
    uint64_t key = 5;
    (void)state;

    struct store *s = store_new(test_specs, TABLES);
    struct changes *c = changes_new();
    store_put(s, COIN, &coin);
    store_settle(s);
    size_t before = store_changes_bytes(s);
    assert_true(before > 0);
    store_put(s, NOTE, &note);
    coin.amount_ucr = 2;
    store_put(s, COIN, &coin);
    store_remove(s, COIN, &key);
    assert_true(store_changes_bytes(s) > before);
    store_rollback(s, 0);
    assert_int_equal(store_changes_bytes(s), before);

    store_changes_swap(s, &c);
    assert_int_equal(store_changes_bytes(s), 0);
    assert_int_equal(c->bytes.length, before);
    store_record_changes(s, 0);
    store_put(s, COIN, &coin);
    store_rollback(s, 0);
    store_put(s, COIN, &coin);
    store_settle(s);
    assert_int_equal(store_changes_bytes(s), 0);
    changes_free(c);
    store_free(s);
}

static void a_key_may_point_into_the_row_that_goes(void **state)
{
    struct note_row note = {.day = 9, .account = 4, .id = "abc"};
    (void)state;

    struct store *s = store_new(test_specs, TABLES);
    store_put(s, NOTE, &note);
    store_remove(s, NOTE, store_find(s, NOTE, &note));
    assert_int_equal(store_count(s, NOTE), 0);
    store_rollback(s, 0);
    store_free(s);
}

static void loaded_rows_leave_no_trace_but_the_hook(void **state)
{
    struct totals totals = {0};
    struct coin_row coin = {.serial = 5, .amount_ucr = 7};
    (void)state;

    struct store *s = store_new(test_specs, TABLES);
    store_seed(s, (const uint8_t *)"sixteen bytes...");
    store_set_hook(s, COIN, totals_hook, &totals);
    assert_int_equal(store_load_row(s, COIN, &coin), 0);
    assert_int_equal(store_load_row(s, COIN, &coin), -1);
    assert_int_equal(totals.rows, 1);
    assert_int_equal(store_count(s, COIN), 1);
    assert_int_equal(store_changes_bytes(s), 0);
    assert_int_equal(store_mark(s), 0);
    store_free(s);
}

static void expecting_rows_changes_nothing(void **state)
{
    uint64_t serials[50];
    const void *keys[50];
    (void)state;

    struct store *s = store_new(test_specs, TABLES);
    for (uint64_t n = 0; n < 50; n++) {
        serials[n] = n;
        keys[n] = &serials[n];
    }
    store_expect(s, COIN, keys, 50);
    for (uint64_t n = 0; n < 50; n += 2) {
        struct coin_row coin = {.serial = n};
        store_put(s, COIN, &coin);
    }
    size_t mark = store_mark(s);
    store_expect(s, COIN, keys, 50);
    store_expect(s, COIN, keys, 0);
    assert_int_equal(store_mark(s), mark);
    assert_int_equal(store_count(s, COIN), 25);
    for (uint64_t n = 0; n < 50; n++)
        assert_int_equal(store_find(s, COIN, &n) != NULL, n % 2 == 0);
    store_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_a_model_and_rolls_back),
        cmocka_unit_test(undo_calls_hooks_in_reverse_with_old_and_new_swapped),
        cmocka_unit_test(what_is_rolled_back_was_never_recorded),
        cmocka_unit_test(a_key_may_point_into_the_row_that_goes),
        cmocka_unit_test(expecting_rows_changes_nothing),
        cmocka_unit_test(loaded_rows_leave_no_trace_but_the_hook),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
