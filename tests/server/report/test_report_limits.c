/* How large a report may be, and how much of it a page holds. The kinds are the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/limits.h"
#include "protocol/status.h"
#include "server/report/job.h"

/* What the reports below do. */
static struct {
    uint32_t rows;
    uint32_t tables;
    uint32_t notes;
    uint32_t text_bytes; /* of each cell */
    bool lacks_a_cell;
} plan;

static const struct job_column columns[] = {{"number", CELL_KIND_COUNT}, {"text", CELL_KIND_TEXT}};

int exposure_report(struct job *j)
{
    char text[256];
    memset(text, 'x', sizeof(text));
    text[plan.text_bytes] = '\0';
    for (uint32_t i = 0; i < plan.tables; i++)
        JOB_TABLE(j, "table", "Table", columns);
    for (uint32_t i = 0; i < plan.notes; i++)
        job_note(j, "note %u", i);
    for (uint32_t i = 0; i < plan.rows && job_row(j, i % plan.tables); i++) {
        job_number(j, i);
        if (!plan.lacks_a_cell || i + 1 < plan.rows)
            job_text(j, text);
    }
    return 0;
}

#define EMPTY(kind)                                                                                \
    int kind##_report(struct job *j)                                                               \
    {                                                                                              \
        (void)j;                                                                                   \
        return 0;                                                                                  \
    }
EMPTY(stress)
EMPTY(collateral)
EMPTY(endorsement)
EMPTY(circularity)
EMPTY(concentration)
EMPTY(vacancy)
EMPTY(carbon)
EMPTY(portability)
EMPTY(statement)
EMPTY(usage)

static struct report *make(int expected, enum refusal refusal_expected)
{
    const struct q_report q = {.kind = REPORT_KIND_EXPOSURE};
    struct store *store = store_new(exchange_tables, TABLE_COUNT);
    const struct head_row head = {.log_size = 12, .time_s = 34};
    store_put(store, TABLE_HEAD, &head);
    const struct source source = source_of_store(store);
    struct report *report = NULL;
    enum refusal refusal;
    assert_int_equal(report_make(&q, 0, &source, &report, &refusal), expected);
    assert_int_equal(refusal, refusal_expected);
    assert_true((report != NULL) == (expected == 0 && refusal_expected == 0));
    store_free(store);
    return report;
}

static void test_rows(void **state)
{
    (void)state;
    memset(&plan, 0, sizeof(plan));
    plan.tables = 3;
    plan.rows = REPORT_ROWS_MAX;
    struct report *report = make(0, REFUSAL_accepted);
    const struct a_report all = report_page(report, 0, true);
    assert_int_equal(all.total, REPORT_ROWS_MAX);
    assert_int_equal(all.rows.count, REPORT_ROWS_MAX);
    assert_int_equal(all.rows.items[REPORT_ROWS_MAX - 1].cells.items[0].number,
                     REPORT_ROWS_MAX - 1);
    assert_in_range(report_bytes(report), REPORT_ROWS_MAX, REPORT_BYTES_MAX + 65536);
    report_free(report);
    plan.rows++;
    make(0, REFUSAL_report_too_large);
    /* Long texts come to the bytes first. */
    plan.text_bytes = 255;
    plan.rows = REPORT_BYTES_MAX / 255;
    make(0, REFUSAL_report_too_large);
}

/* What a kind does wrong is an error, not a report that lacks something. */
static void test_misuse(void **state)
{
    (void)state;
    memset(&plan, 0, sizeof(plan));
    plan.tables = REPORT_TABLES_MAX;
    plan.notes = REPORT_NOTES_MAX;
    plan.rows = 5;
    struct report *report = make(0, REFUSAL_accepted);
    const struct a_report all = report_page(report, 0, true);
    assert_int_equal(all.tables.count, REPORT_TABLES_MAX);
    assert_int_equal(all.notes.count, REPORT_NOTES_MAX);
    report_free(report);
    plan.tables++;
    make(STATUS_MISUSE, REFUSAL_accepted);
    plan.tables--;
    plan.notes++;
    make(STATUS_MISUSE, REFUSAL_accepted);
    plan.notes--;
    plan.lacks_a_cell = true;
    make(STATUS_MISUSE, REFUSAL_accepted);
}

/* Pages follow on each other and fit a frame, whatever the rows hold. */
static void test_pages(void **state)
{
    (void)state;
    memset(&plan, 0, sizeof(plan));
    plan.tables = 1;
    plan.rows = 40000;
    for (; plan.text_bytes < 256; plan.text_bytes += 85) {
        struct report *report = make(0, REFUSAL_accepted);
        uint32_t from = 0, seen = 0;
        do {
            struct buffer encoded = BUFFER_EMPTY;
            const struct a_report page = report_page(report, from, false);
            assert_int_equal(page.index, 12);
            assert_int_equal(page.time_s, 34);
            assert_in_range(page.rows.count, 1, PAGE_ROWS_MAX);
            for (uint32_t i = 0; i < page.rows.count; i++)
                assert_int_equal(page.rows.items[i].cells.items[0].number, seen++);
            message_encode_coded(&a_report_message, &page, &encoded);
            assert_int_equal(encoded.status, 0);
            assert_true(encoded.length < REPORT_PAGE_BYTES + 65536);
            buffer_release(&encoded);
            from = page.next;
        } while (from != 0);
        assert_int_equal(seen, plan.rows);
        assert_int_equal(report_page(report, plan.rows, false).rows.count, 0);
        assert_int_equal(report_page(report, UINT32_MAX, false).next, 0);
        report_free(report);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
