/* Reports that are kept for their further pages: whose, how many, and which one makes room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "server/engine/kept_report.h"
#include "tests/server/engine/fake_report.h"

static struct report_asker asker(uint8_t peer, const struct q_report *q)
{
    struct report_asker a;
    const uint8_t key[32] = {peer};
    assert_int_equal(report_asker_init(&a, key, 0, q), 0);
    return a;
}

/* Keeps a report of `bytes` at this index, that a key of `owner` asked for. */
static void put_of(struct kept_reports *k, uint32_t owner, uint8_t peer, uint64_t index,
                   uint32_t bytes)
{
    const struct q_report q = {.kind = REPORT_KIND_USAGE, .site = bytes};
    enum refusal refusal;
    struct kept_report item = {.asker = asker(peer, &q), .owner = owner};
    fake_index = index;
    assert_int_equal(report_make(&q, 0, NULL, &item.report, &refusal), 0);
    kept_reports_put(k, item);
}

static void put(struct kept_reports *k, uint8_t peer, uint64_t index, uint32_t bytes)
{
    put_of(k, 1, peer, index, bytes);
}

static bool is_kept(struct kept_reports *k, uint8_t peer, uint64_t index, uint32_t bytes)
{
    const struct q_report q = {.kind = REPORT_KIND_USAGE, .site = bytes};
    const struct report_asker a = asker(peer, &q);
    return kept_reports_find(k, &a, index) != NULL;
}

/* The same question on every page, whatever its index and from; nobody else's, no other. */
static void test_whose(void **state)
{
    struct kept_reports k = {.bytes_max = REPORT_BYTES_MAX};
    (void)state;
    put(&k, 1, 10, 5);
    assert_true(is_kept(&k, 1, 10, 5));
    assert_false(is_kept(&k, 2, 10, 5));
    assert_false(is_kept(&k, 1, 11, 5));
    assert_false(is_kept(&k, 1, 10, 6));
    struct q_report q = {.kind = REPORT_KIND_USAGE, .site = 5, .index = 10, .from = 1000};
    struct report_asker a = asker(1, &q);
    struct kept_report *item = kept_reports_find(&k, &a, 10);
    assert_non_null(item);
    a.account = 7;
    assert_null(kept_reports_find(&k, &a, 10));
    q.kind = REPORT_KIND_EXPOSURE;
    a = asker(1, &q);
    assert_null(kept_reports_find(&k, &a, 10));
    kept_reports_drop(&k, item);
    assert_false(is_kept(&k, 1, 10, 5));
    assert_int_equal(k.bytes, 0);
    assert_int_equal(fake_alive, 0);
}

static void test_count(void **state)
{
    struct kept_reports k = {.bytes_max = REPORT_BYTES_MAX};
    (void)state;
    for (uint64_t i = 1; i <= REPORTS_KEPT_MAX; i++)
        put(&k, 1, i, 5);
    assert_true(is_kept(&k, 1, 1, 5)); /* now used last */
    put(&k, 2, 1, 5);
    assert_int_equal(fake_alive, REPORTS_KEPT_MAX);
    assert_false(is_kept(&k, 1, 2, 5));
    assert_true(is_kept(&k, 1, 1, 5));
    assert_true(is_kept(&k, 1, 3, 5));
    assert_true(is_kept(&k, 2, 1, 5));
    kept_reports_release(&k);
    assert_int_equal(fake_alive, 0);
}

/* An account with many reports, by whichever of its keys, pushes out its own; those of others only
 * as long as it has no more than they. */
static void test_owners(void **state)
{
    struct kept_reports k = {.bytes_max = 100};
    (void)state;
    put_of(&k, 7, 1, 1, 5);
    put_of(&k, 8, 2, 2, 5);
    for (uint8_t i = 0; i < 3 * REPORTS_KEPT_MAX; i++)
        put_of(&k, 9, 3 + i, 3 + i, 5);
    assert_int_equal(k.count, REPORTS_KEPT_MAX);
    assert_true(is_kept(&k, 1, 1, 5));
    assert_true(is_kept(&k, 2, 2, 5));
    assert_true(is_kept(&k, 2 + 3 * REPORTS_KEPT_MAX, 2 + 3 * REPORTS_KEPT_MAX, 5));
    /* By bytes as well: of the six its oldest go, until the new one fits. */
    put_of(&k, 9, 99, 99, 70);
    assert_int_equal(k.bytes, 100);
    assert_true(is_kept(&k, 1, 1, 5));
    assert_true(is_kept(&k, 2, 2, 5));
    /* Another one's first report takes the place of one of who has the most. */
    put_of(&k, 6, 100, 100, 5);
    assert_true(is_kept(&k, 1, 1, 5));
    assert_true(is_kept(&k, 2, 2, 5));
    assert_true(is_kept(&k, 99, 99, 70));
    assert_true(is_kept(&k, 100, 100, 5));
    kept_reports_release(&k);
    assert_int_equal(fake_alive, 0);
}

static void test_bytes(void **state)
{
    struct kept_reports k = {.bytes_max = 100};
    (void)state;
    put(&k, 1, 1, 40);
    put(&k, 1, 2, 40);
    put(&k, 1, 3, 20);
    assert_int_equal(k.bytes, 100);
    put(&k, 1, 4, 50);
    assert_int_equal(k.bytes, 70);
    assert_false(is_kept(&k, 1, 1, 40));
    assert_false(is_kept(&k, 1, 2, 40));
    assert_true(is_kept(&k, 1, 3, 20));
    /* One that is too large for all takes the place of all. */
    put(&k, 1, 5, 101);
    assert_int_equal(k.count, 1);
    assert_true(is_kept(&k, 1, 5, 101));
    kept_reports_release(&k);
    assert_int_equal(k.bytes, 0);
    assert_int_equal(fake_alive, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whose),
        cmocka_unit_test(test_count),
        cmocka_unit_test(test_owners),
        cmocka_unit_test(test_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
