/*
 * Names are read when they are asked for, each once, and kept; what cannot be read ends the report,
 * and what nobody asks for is not read. And the lookup that they are kept in.
 */
#include "tests/server/report/made.h"

#include <string.h>

#include "protocol/status.h"

enum { NOW_S = 1800000000, ACCOUNTS = 5000, NUMBERS = 3000 };

static struct made m;
static struct source under; /* the source of `m`, counted and made to fail by those below */
static uint64_t finds;
static uint64_t walks; /* over accounts */
static int fails;      /* what a find of account `fails_at` fails with; 0: it does not */
static uint32_t fails_at;

static int counted_each(void *of, enum table table, source_visit *visit, void *context)
{
    walks += table == TABLE_ACCOUNT;
    return under.each(of, table, visit, context);
}

static int counted_find(void *of, enum table table, const void *key, void *row_out)
{
    finds++;
    if (fails != 0 && table == TABLE_ACCOUNT && *(const uint32_t *)key == fails_at)
        return fails;
    return under.find(of, table, key, row_out);
}

static void accounts_put(void)
{
    made_begin(&m, NOW_S);
    for (uint32_t i = 1; i <= ACCOUNTS; i++) {
        struct account_row row = {.account = i, .role = ROLE_OPERATOR};
        snprintf(row.name, sizeof(row.name), "a%u", i);
        made_put(&m, TABLE_ACCOUNT, &row);
    }
    under = m.source;
    m.source.each = counted_each;
    m.source.find = counted_find;
    finds = walks = 0;
}

static void names_are_read_once(void **state)
{
    (void)state;
    accounts_put();
    struct names n = NAMES_OF(&m.source);
    for (int round = 0; round < 3; round++) {
        const struct account_row *rows[ACCOUNTS + 1];
        for (uint32_t i = 1; i <= 100; i++) {
            rows[i] = names_account(&n, 37 * i);
            assert_int_equal(rows[i]->account, 37 * i);
        }
        for (uint32_t i = 1; i <= 100; i++) /* they stay where they are */
            assert_ptr_equal(rows[i], names_account(&n, 37 * i));
        assert_null(names_account(&n, 0));
        assert_null(names_account(&n, ACCOUNTS + 1));
        assert_null(names_series(&n, 37));
        assert_null(names_sku(&n, UINT64_MAX));
        assert_null(names_site(&n, 37));
    }
    assert_int_equal(finds, 100 + 2 + 3);
    assert_int_equal(walks, 0);
    assert_int_equal(n.status, 0);
    names_release(&n);
    made_end(&m);
}

static void what_fails_is_kept(void **state)
{
    (void)state;
    accounts_put();
    struct names n = NAMES_OF(&m.source);
    fails = STATUS_DAMAGED;
    fails_at = 2;
    assert_non_null(names_account(&n, 1));
    assert_null(names_account(&n, 2));
    assert_int_equal(n.status, STATUS_DAMAGED);
    assert_non_null(names_account(&n, 1)); /* known already */
    assert_null(names_account(&n, 3));
    assert_int_equal(finds, 2);
    assert_int_equal(names_sku_named(&n, (struct text){"h", 1}), 0);
    names_release(&n);
    fails = 0;
    made_end(&m);
}

static void names_are_found_by_text(void **state)
{
    (void)state;
    accounts_put();
    struct names n = NAMES_OF(&m.source);
    const struct sku_row skus[] = {{.sku = 1, .name = "h"}, {.sku = 7, .name = "hh"}};
    const struct site_row site = {.site = 4, .name = "hh"};
    made_put(&m, TABLE_SKU, &skus[0]);
    made_put(&m, TABLE_SKU, &skus[1]);
    made_put(&m, TABLE_SITE, &site);
    assert_int_equal(names_sku_named(&n, (struct text){"hh", 2}), 7);
    assert_int_equal(names_sku_named(&n, (struct text){"hh", 1}), 1);
    assert_int_equal(names_sku_named(&n, (struct text){"x", 1}), 0);
    assert_int_equal(names_site_named(&n, (struct text){"hh", 2}), 4);
    assert_int_equal(names_site_named(&n, (struct text){"h", 1}), 0);
    names_release(&n);
    made_end(&m);
}

/* A report reads the accounts that it names, and fails when one of these cannot be read. */
static void a_report_reads_what_it_names(void **state)
{
    const struct q_report q = {.kind = REPORT_KIND_CARBON};
    struct lease_row lease = {.lease = 1,
                              .site = 1,
                              .sku = 1,
                              .start_s = NOW_S,
                              .end_s = NOW_S + 3600,
                              .holder = 3,
                              .operator= 4,
                              .gpus = 1,
                              .gpu_minutes_delivered = 60};
    struct report *report = NULL;
    enum refusal refusal;
    (void)state;
    accounts_put();
    for (lease.lease = 1; lease.lease <= 50; lease.lease++)
        made_put(&m, TABLE_LEASE, &lease);
    assert_int_equal(made_ask(&m, &q, 0), REFUSAL_accepted);
    assert_int_equal(made_rows(&m, "leases"), 50);
    assert_int_equal(made_text(&m, "leases", 49, "holder").length, 2);
    assert_int_equal(walks, 0);
    assert_true(finds <= 5); /* two accounts, nobody, a SKU and a site that there are not */
    fails = STATUS_IO;
    fails_at = 4;
    assert_int_equal(report_make(&q, 0, &m.source, &report, &refusal), STATUS_IO);
    assert_null(report);
    fails_at = 5; /* which it does not name */
    assert_int_equal(report_make(&q, 0, &m.source, &report, &refusal), 0);
    report_free(report);
    fails = 0;
    made_end(&m);
}

static void a_lookup_finds_what_was_put(void **state)
{
    static uint64_t numbers[NUMBERS];
    struct lookup l = {0};
    (void)state;
    assert_null(lookup_find(&l, 0));
    for (uint64_t i = 0; i < NUMBERS; i++) {
        /* In a row, far apart, and such as differ in their upper bits alone. */
        numbers[i] = i < 1000 ? i : i < 2000 ? random_below(UINT64_MAX) | 1 << 20 : i << 45;
        struct lookup_item *item = lookup_at(&l, numbers[i]);
        assert_int_equal(item->number, numbers[i]);
        item->value += i + 1;
    }
    for (uint64_t i = 0; i < NUMBERS; i++)
        assert_int_equal(lookup_at(&l, numbers[i])->value, i + 1);
    assert_int_equal(l.count, NUMBERS);
    assert_null(lookup_find(&l, 1000));
    lookup_sort(&l);
    for (size_t i = 1; i < l.count; i++)
        assert_true(l.items[i - 1].number < l.items[i].number);
    lookup_release(&l);
    assert_null(lookup_find(&l, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_read_once),
        cmocka_unit_test(what_fails_is_kept),
        cmocka_unit_test(names_are_found_by_text),
        cmocka_unit_test(a_report_reads_what_it_names),
        cmocka_unit_test(a_lookup_finds_what_was_put),
    };
    random_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
