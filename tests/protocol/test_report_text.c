#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "protocol/arena.h"
#include "protocol/csv.h"
#include "protocol/report_cell.h"
#include "protocol/report_text.h"
#include "protocol/status.h"
#include "protocol/utf8.h"

#define TEXT(t)                                                                                    \
    {                                                                                              \
        t, sizeof(t) - 1                                                                           \
    }

enum { JAN_2027_S = 1798761600, FEB_2027_S = 1801440000, APR_2027_S = 1806537600 };

static const struct report_column columns[] = {
    {TEXT("month"), CELL_KIND_MONTH},
    {TEXT("operator"), CELL_KIND_NAMED},
    {TEXT("word"), CELL_KIND_TEXT},
    {TEXT("contract"), CELL_KIND_COUNT},
    {TEXT("nominal"), CELL_KIND_AMOUNT},
    {TEXT("share_ppm"), CELL_KIND_PPM},
    {TEXT("gpu_minutes_sold"), CELL_KIND_GPU_MINUTES},
    {TEXT("grams"), CELL_KIND_GRAMS},
    {TEXT("start"), CELL_KIND_TIME},
    {TEXT("short"), CELL_KIND_YES},
};
static const struct report_column foreign[] = {
    {TEXT("BilledCost"), CELL_KIND_AMOUNT},
    {TEXT("ChargePeriodStart"), CELL_KIND_TIME},
    {TEXT("ConsumedQuantity"), CELL_KIND_GPU_MINUTES},
    {TEXT("ProviderName"), CELL_KIND_NAMED},
    {TEXT("RegionId"), CELL_KIND_TEXT},
};
static const struct report_table tables[] = {
    {TEXT("months"), TEXT("By month"), {columns, sizeof(columns) / sizeof(columns[0])}},
    {TEXT("usage"), TEXT("Usage"), {foreign, sizeof(foreign) / sizeof(foreign[0])}},
    {TEXT("empty"), TEXT("Nothing"), {columns, 2}},
};

#define NONE                                                                                       \
    {                                                                                              \
        REPORT_NONE,                                                                               \
        {                                                                                          \
            "", 0                                                                                  \
        }                                                                                          \
    }
static const struct report_cell plain_cells[] = {
    {JAN_2027_S, {"", 0}},       {7, TEXT("batam")}, {0, TEXT("backstop")}, {12345, {"", 0}},
    {6300000000500000, {"", 0}}, {333333, {"", 0}},  {90, {"", 0}},         {1234567, {"", 0}},
    {JAN_2027_S + 30, {"", 0}},  {1, {"", 0}}};
/* Names as somebody would choose them who means ill, and the largest numbers. */
static const struct report_cell odd_cells[] = {
    {FEB_2027_S, {"", 0}},         {8, TEXT("=HYPERLINK(\"http://x\",\"y\")")},
    {0, TEXT("a, \"b\" and \\c")}, {REPORT_NONE - 1, {"", 0}},
    {REPORT_NONE - 1, {"", 0}},    {REPORT_NONE - 1, {"", 0}},
    {REPORT_NONE - 1, {"", 0}},    {REPORT_NONE - 1, {"", 0}},
    {REPORT_NONE - 1, {"", 0}},    {0, {"", 0}}};
static const struct report_cell none_cells[] = {NONE, NONE, NONE, NONE, NONE,
                                                NONE, NONE, NONE, NONE, NONE};
static const struct report_cell usage_cells[] = {
    {12500000, {"", 0}}, {JAN_2027_S, {"", 0}}, {90, {"", 0}}, {7, TEXT("batam")}, NONE};
static const struct report_row rows[] = {
    {0, {plain_cells, 10}}, {1, {usage_cells, 5}}, {0, {odd_cells, 10}}, {0, {none_cells, 10}}};
static const struct report_note notes[] = {{TEXT("Prices stay as they are.")}};

static const struct a_report report = {.kind = REPORT_KIND_EXPOSURE,
                                       .index = 4711,
                                       .time_s = JAN_2027_S + 3600,
                                       .notes = {notes, 1},
                                       .tables = {tables, 3},
                                       .total = 4,
                                       .rows = {rows, 4}};

/* The text, which the caller frees. */
static char *print(const struct a_report *r, enum report_format format, const char *table)
{
    struct buffer b = BUFFER_EMPTY;
    assert_int_equal(report_text(r, format, table, &b), STATUS_OK);
    buffer_append(&b, "", 1);
    return (char *)b.data;
}

static void text_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("'%s' is not in:\n%s", part, text);
}

static void test_table(void **state)
{
    (void)state;
    char *text = print(&report, REPORT_FORMAT_TABLE, NULL);
    text_has(text, "Report exposure of the whole exchange,\n"
                   "as of log index 4711, 2027-01-01T01:00:00Z; amounts in credits\n");
    text_has(text, "\nBy month (months)\nMONTH ");
    text_has(text, "  NOMINAL  ");
    text_has(text, "  SHARE-%  ");
    text_has(text, "GPU-HOURS-SOLD");
    text_has(text, "6,300,000,000.500000");
    text_has(text, "18,446,744,073,709.551614");
    text_has(text, "33.3333");
    text_has(text, " 1,234.567 ");
    text_has(text, " 1.500000 ");
    text_has(text, " 12345 "); /* a number of a contract has no thousands */
    text_has(text, "\nNothing (empty)\nnone\n");
    text_has(text, "\nNotes\n- Prices stay as they are.\n");
    free(text);
    text = print(&report, REPORT_FORMAT_TABLE, "usage");
    text_has(text, "BilledCost");
    assert_null(strstr(text, "By month"));
    free(text);
}

/* With one of several tables, what warns alone. */
static void test_notes_of_a_table(void **state)
{
    (void)state;
    static const struct report_note both[] = {{TEXT("Attention: beware.")},
                                              {TEXT("Prices stay as they are.")}};
    static const char more[] = "\nNotes\n- Attention: beware.\n"
                               "- What is assumed is said with all tables: --table all.\n";
    static const char all[] = "\nNotes\n- Attention: beware.\n- Prices stay as they are.\n";
    struct buffer b = BUFFER_EMPTY;
    struct a_report r = report;
    r.notes.items = both;
    r.notes.count = 2;
    char *text = print(&r, REPORT_FORMAT_TABLE, "usage");
    text_has(text, more);
    assert_null(strstr(text, "Prices"));
    free(text);
    text = print(&r, REPORT_FORMAT_TABLE, "all");
    text_has(text, all);
    free(text);
    text = print(&r, REPORT_FORMAT_JSON, "usage");
    text_has(text, "Prices stay");
    free(text);
    report_text_about(&r, REPORT_FORMAT_CSV, "usage", &b);
    buffer_append(&b, "", 1);
    assert_null(strstr((char *)b.data, "Prices"));
    text_has((char *)b.data, "beware.\n- What is assumed");
    buffer_release(&b);
    r.tables.count = 1;
    r.rows.count = 0;
    text = print(&r, REPORT_FORMAT_TABLE, "months");
    text_has(text, all);
    free(text);
    /* Without any that is left out there is nothing to be said of it. */
    r = report;
    r.notes.items = both;
    text = print(&r, REPORT_FORMAT_TABLE, "usage");
    text_has(text, "beware.\n");
    assert_null(strstr(text, "assumed"));
    free(text);
}

/* All lines of a table that end with a column of one width are equally long. */
static void test_table_is_aligned(void **state)
{
    (void)state;
    char *text = print(&report, REPORT_FORMAT_TABLE, "months");
    char *heading = strstr(text, "MONTH ");
    assert_non_null(heading);
    size_t at = (size_t)(strstr(heading, "SHORT") - heading);
    size_t amount = (size_t)(strstr(heading, "NOMINAL") + strlen("NOMINAL") - heading);
    char *line = strchr(heading, '\n') + 1;
    for (int i = 0; i < 3; i++, line = strchr(line, '\n') + 1) {
        assert_true(strcspn(line, "\n") > at);
        assert_int_equal(line[at - 1], ' ');
        assert_int_not_equal(line[at], ' ');
        assert_int_equal(line[amount], ' ');
        assert_int_not_equal(line[amount - 1], ' ');
    }
    free(text);
}

/* What no screen is wide enough for stands row by row. */
static void test_wide_table(void **state)
{
    (void)state;
    struct report_column many[REPORT_COLUMNS_MAX];
    struct report_cell cells[REPORT_COLUMNS_MAX];
    for (int i = 0; i < REPORT_COLUMNS_MAX; i++) {
        many[i] = (struct report_column){TEXT("a_rather_long_name"), CELL_KIND_COUNT};
        cells[i] = (struct report_cell){(uint64_t)i, {"", 0}};
    }
    struct report_table t = {TEXT("wide"), TEXT("Wide"), {many, REPORT_COLUMNS_MAX}};
    struct report_row two[] = {{0, {cells, REPORT_COLUMNS_MAX}}, {0, {cells, REPORT_COLUMNS_MAX}}};
    struct a_report r = report;
    r.tables.items = &t;
    r.tables.count = 1;
    r.rows.items = two;
    r.rows.count = 2;
    char *text = print(&r, REPORT_FORMAT_TABLE, NULL);
    text_has(text,
             "  A-RATHER-LONG-NAME  46\n  A-RATHER-LONG-NAME  47\n\n  A-RATHER-LONG-NAME  0\n");
    free(text);
}

static const char *string_at(json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    assert_non_null(text);
    return text;
}

static json_int_t integer_at(json_t *object, const char *key)
{
    assert_true(json_is_integer(json_object_get(object, key)));
    return json_integer_value(json_object_get(object, key));
}

static json_t *load(const char *text)
{
    json_error_t error;
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (json == NULL)
        fail_msg("line %d: %s", error.line, error.text);
    return json;
}

static void test_json(void **state)
{
    (void)state;
    char *text = print(&report, REPORT_FORMAT_JSON, NULL);
    json_t *json = load(text);
    assert_string_equal(string_at(json, "kind"), "exposure");
    assert_int_equal(integer_at(json, "index"), 4711);
    assert_string_equal(string_at(json, "time_s"), "2027-01-01T01:00:00Z");
    assert_true(json_is_null(json_object_get(json, "from_s")));
    assert_string_equal(json_string_value(json_array_get(json_object_get(json, "notes"), 0)),
                        "Prices stay as they are.");
    json_t *all = json_object_get(json, "tables");
    json_t *months = json_object_get(all, "months");
    assert_int_equal(json_array_size(months), 3);
    assert_int_equal(json_array_size(json_object_get(all, "empty")), 0);
    json_t *row = json_array_get(months, 0);
    assert_string_equal(string_at(row, "month"), "2027-01");
    assert_int_equal(integer_at(row, "operator"), 7);
    assert_string_equal(string_at(row, "operator_name"), "batam");
    assert_int_equal(integer_at(row, "nominal_ucr"), 6300000000500000);
    assert_int_equal(integer_at(row, "share_ppm"), 333333);
    assert_int_equal(integer_at(row, "gpu_minutes_sold"), 90);
    assert_int_equal(integer_at(row, "grams"), 1234567);
    assert_string_equal(string_at(row, "start_s"), "2027-01-01T00:00:30Z");
    assert_true(json_is_true(json_object_get(row, "short")));
    row = json_array_get(months, 1);
    assert_string_equal(string_at(row, "word"), "a, \"b\" and \\c");
    assert_string_equal(string_at(row, "operator_name"), "=HYPERLINK(\"http://x\",\"y\")");
    assert_string_equal(string_at(row, "nominal_ucr"), "18446744073709.551614");
    assert_string_equal(string_at(row, "contract"), "18446744073709551614");
    assert_true(json_is_false(json_object_get(row, "short")));
    json_t *value;
    const char *key;
    json_object_foreach(json_array_get(months, 2), key, value) assert_true(json_is_null(value));
    json_decref(json);
    free(text);
}

/* The columns of a specification keep their names, and have its units. */
static void test_json_of_a_specification(void **state)
{
    (void)state;
    char *text = print(&report, REPORT_FORMAT_JSON, "usage");
    json_t *json = load(text);
    json_t *all = json_object_get(json, "tables");
    assert_int_equal(json_object_size(all), 1);
    json_t *row = json_array_get(json_object_get(all, "usage"), 0);
    assert_int_equal(json_object_size(row), 5);
    assert_true(json_real_value(json_object_get(row, "BilledCost")) == 12.5);
    assert_true(json_real_value(json_object_get(row, "ConsumedQuantity")) == 1.5);
    assert_string_equal(string_at(row, "ProviderName"), "batam");
    assert_string_equal(string_at(row, "ChargePeriodStart"), "2027-01-01T00:00:00Z");
    assert_true(json_is_null(json_object_get(row, "RegionId")));
    json_decref(json);
    free(text);
}

static void test_csv(void **state)
{
    (void)state;
    char *text = print(&report, REPORT_FORMAT_CSV, NULL);
    assert_string_equal(
        text,
        "month,operator,operator_name,word,contract,nominal_credits,share_percent,gpu_hours_sold,"
        "kg,"
        "start,short\r\n"
        "2027-01,7,batam,backstop,12345,6300000000.5,33.3333,1.5,1234.567,2027-01-01T00:00:30Z,yes"
        "\r\n"
        "2027-02,8,\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\",\"a, \"\"b\"\" and \\c\","
        "18446744073709551614,18446744073709.551614,1844674407370955.1614,"
        "307445734561825860.233333,18446744073709551.614,@18446744073709551614,no\r\n"
        ",,,,,,,,,,\r\n");
    free(text);
    text = print(&report, REPORT_FORMAT_CSV, "usage");
    assert_string_equal(text,
                        "BilledCost,ChargePeriodStart,ConsumedQuantity,ProviderName,RegionId\r\n"
                        "12.5,2027-01-01T00:00:00Z,1.5,batam,\r\n");
    free(text);
    text = print(&report, REPORT_FORMAT_CSV, "all");
    assert_memory_equal(text, "months\r\nmonth,", 14);
    text_has(text, ",,,,,,,,,,\r\n\r\nusage\r\nBilledCost,");
    text_has(text, "\r\n\r\nempty\r\nmonth,operator,operator_name\r\n");
    free(text);
}

/* How columns are called in JSON, CSV and tables. */
static void test_names_of_columns(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t kind;
        const char *json;
        const char *csv;
        const char *table;
    } names[] = {
        {"nominal", CELL_KIND_AMOUNT, "nominal_ucr", "nominal_credits", "NOMINAL"},
        {"paid_out_ucr", CELL_KIND_AMOUNT, "paid_out_ucr", "paid_out_credits", "PAID-OUT"},
        {"credits_ucr", CELL_KIND_AMOUNT, "credits_ucr", "credits", "CREDITS"},
        {"ucr", CELL_KIND_AMOUNT, "ucr", "credits", "UCR"},
        {"share_ppm", CELL_KIND_PPM, "share_ppm", "share_percent", "SHARE-%"},
        {"sold_gpu_minutes", CELL_KIND_GPU_MINUTES, "sold_gpu_minutes", "sold_gpu_hours",
         "SOLD-GPU-HOURS"},
        {"sold", CELL_KIND_GPU_MINUTES, "gpu_minutes_sold", "gpu_hours_sold", "GPU-HOURS-SOLD"},
        {"gpu_minutes", CELL_KIND_GPU_MINUTES, "gpu_minutes", "gpu_hours", "GPU-HOURS"},
        {"grams_per_credit", CELL_KIND_GRAMS, "grams_per_credit", "kg_per_credit", "KG-PER-CREDIT"},
        {"milligrams_per_credit", CELL_KIND_MILLIGRAMS, "milligrams_per_credit", "kg_per_credit",
         "KG-PER-CREDIT"},
        {"emitted", CELL_KIND_GRAMS, "emitted_grams", "emitted_kg", "EMITTED-KG"},
        {"end", CELL_KIND_TIME, "end_s", "end", "END"},
        {"end_s", CELL_KIND_TIME, "end_s", "end", "END"},
        {"exhausted_month", CELL_KIND_MONTH, "exhausted_month", "exhausted_month",
         "EXHAUSTED-MONTH"},
        {"hhi", CELL_KIND_COUNT, "hhi", "hhi", "HHI"},
        {"BilledCost", CELL_KIND_AMOUNT, "BilledCost", "BilledCost", "BilledCost"},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct report_column column = {text_of(names[i].name), names[i].kind};
        const char *expected[] = {[REPORT_FORMAT_TABLE] = names[i].table,
                                  [REPORT_FORMAT_JSON] = names[i].json,
                                  [REPORT_FORMAT_CSV] = names[i].csv};
        for (int format = 0; format < 3; format++) {
            struct buffer b = BUFFER_EMPTY;
            report_column_name(&column, (enum report_format)format, &b);
            buffer_append(&b, "", 1);
            assert_string_equal((char *)b.data, expected[format]);
            buffer_release(&b);
        }
    }
}

static void test_csv_formulas(void **state)
{
    (void)state;
    static const char *const names[] = {"=1+1",    "+1",      "-1",      "@SUM(A1)",
                                        "a=b",     "",        " x",      "\uff1d1",
                                        "\uff0b1", "\uff0d1", "\uff20A", "\uff11"};
    static const char *const cells[] = {"'=1+1",    "'+1",      "'-1",      "'@SUM(A1)",
                                        "a=b",      "",         "\" x\"",   "'\uff1d1",
                                        "'\uff0b1", "'\uff0d1", "'\uff20A", "\uff11"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct report_column column = {TEXT("word"), CELL_KIND_TEXT};
        struct report_cell cell = {0, text_of(names[i])};
        struct report_table table = {TEXT("t"), TEXT("T"), {&column, 1}};
        struct report_row row = {0, {&cell, 1}};
        struct a_report r = {.kind = REPORT_KIND_VACANCY, .tables = {&table, 1}, .rows = {&row, 1}};
        char expected[64];
        snprintf(expected, sizeof(expected), "word\r\n%s\r\n", cells[i]);
        char *text = print(&r, REPORT_FORMAT_CSV, NULL);
        assert_string_equal(text, expected);
        free(text);
    }
}

static void test_about(void **state)
{
    (void)state;
    struct buffer b = BUFFER_EMPTY;
    struct a_report r = report;
    r.account = 9;
    r.account_name = (struct text)TEXT("meridian");
    r.from_s = JAN_2027_S;
    r.until_s = APR_2027_S;
    report_text_about(&r, REPORT_FORMAT_TABLE, NULL, &b);
    report_text_about(&r, REPORT_FORMAT_JSON, NULL, &b);
    assert_int_equal(b.length, 0);
    report_text_about(&r, REPORT_FORMAT_CSV, NULL, &b);
    buffer_append(&b, "", 1);
    assert_string_equal((char *)b.data,
                        "Report exposure of meridian (account 9), 2027-01 to 2027-03,\n"
                        "as of log index 4711, 2027-01-01T01:00:00Z; amounts in credits\n"
                        "This is table months of months, usage, empty; --table names another, or "
                        "all\n- Prices stay as they are.\n");
    buffer_clear(&b);
    r.until_s = FEB_2027_S;
    r.account_name.length = 0;
    report_text_about(&r, REPORT_FORMAT_CSV, "all", &b);
    buffer_append(&b, "", 1);
    text_has((char *)b.data, "of account 9, 2027-01,\n");
    assert_null(strstr((char *)b.data, "This is table"));
    buffer_clear(&b);
    r.until_s++;
    report_text_about(&r, REPORT_FORMAT_CSV, "all", &b);
    buffer_append(&b, "", 1);
    text_has((char *)b.data, ", from 2027-01-01T00:00:00Z until 2027-02-01T00:00:01Z,\n");
    buffer_clear(&b);
    r.from_s = 0;
    report_text_about(&r, REPORT_FORMAT_CSV, "all", &b);
    r.from_s = JAN_2027_S;
    r.until_s = 0;
    report_text_about(&r, REPORT_FORMAT_CSV, "all", &b);
    buffer_append(&b, "", 1);
    text_has((char *)b.data, ", until 2027-02-01T00:00:01Z,\n");
    text_has((char *)b.data, ", from 2027-01-01T00:00:00Z on,\n");
    buffer_release(&b);
}

static void test_unknown_table(void **state)
{
    (void)state;
    struct buffer b = BUFFER_EMPTY;
    assert_int_equal(report_text(&report, REPORT_FORMAT_CSV, "month", &b), STATUS_NOT_FOUND);
    assert_int_equal(b.length, 0);
    report_text_tables(&report, &b);
    assert_int_equal(b.length, strlen("months, usage, empty"));
    assert_memory_equal(b.data, "months, usage, empty", b.length);
    buffer_release(&b);
}

/* A message from anywhere: rows that are short, long, of no table, with bytes that are no text. */
static void test_damaged(void **state)
{
    (void)state;
    static const struct report_cell bytes[] = {
        {1, {"", 0}}, {2, TEXT("\x1b[2J\xff\xc3")}, {0, TEXT("\xf0\x9f\x98\x80 x\x01")}};
    static const struct report_row damaged[] = {
        {0, {bytes, 3}}, {0, {NULL, 0}}, {15, {bytes, 3}}, {2, {plain_cells, 10}}};
    struct a_report r = report;
    r.kind = 99;
    r.rows.items = damaged;
    r.rows.count = 4;
    char *text = print(&r, REPORT_FORMAT_TABLE, NULL);
    text_has(text, "\\x1b[2J\\xff\\xc3");
    text_has(text, "\xf0\x9f\x98\x80 x\\x01");
    free(text);
    text = print(&r, REPORT_FORMAT_JSON, NULL);
    json_t *json = load(text);
    json_t *all = json_object_get(json, "tables");
    assert_int_equal(json_array_size(json_object_get(all, "months")), 2);
    assert_int_equal(json_array_size(json_object_get(all, "empty")), 1);
    assert_string_equal(string_at(json_array_get(json_object_get(all, "months"), 0), "word"),
                        "\xf0\x9f\x98\x80 x\xef\xbf\xbd");
    json_decref(json);
    free(text);
    text = print(&r, REPORT_FORMAT_CSV, "all");
    text_has(text, "\\x1b[2J");
    free(text);
}

/* Whatever the cells are: as many cells in each line of CSV, and the same texts come back. */
static void test_csv_comes_back(void **state)
{
    (void)state;
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srand(seed);
    for (int round = 0; round < 2000; round++) {
        static const char alphabet[] = "ab,\"'=+-@ \\;\t\n\xc3\xa4";
        char word[3][12];
        struct report_cell cells[3];
        struct report_column of[3];
        struct arena arena = ARENA_EMPTY;
        struct csv csv;
        for (int i = 0; i < 3; i++) {
            uint32_t length = (uint32_t)rand() % 10;
            for (uint32_t j = 0; j < length; j++)
                word[i][j] = alphabet[(size_t)rand() % (sizeof(alphabet) - 3)];
            of[i] = (struct report_column){TEXT("word"), CELL_KIND_TEXT};
            cells[i] = (struct report_cell){0, {word[i], length}};
        }
        struct report_table table = {TEXT("t"), TEXT("T"), {of, 3}};
        struct report_row row = {0, {cells, 3}};
        struct a_report r = {.kind = REPORT_KIND_VACANCY, .tables = {&table, 1}, .rows = {&row, 1}};
        char *text = print(&r, REPORT_FORMAT_CSV, NULL);
        csv_begin(&csv, text, strlen(text));
        assert_int_equal(csv_next(&csv, &arena), 1);
        assert_int_equal(csv_next(&csv, &arena), 1);
        assert_int_equal(csv.count, 3);
        for (int i = 0; i < 3; i++) {
            const char *cell = csv.cells[i];
            bool formula = cells[i].text.length > 0 && strchr("=+-@", word[i][0]) != NULL;
            assert_true(!formula || *cell == '\'');
            cell += formula;
            if (utf8_is_plain(word[i], cells[i].text.length)) {
                assert_int_equal(strlen(cell), cells[i].text.length);
                assert_memory_equal(cell, word[i], cells[i].text.length);
            }
        }
        assert_int_equal(csv_next(&csv, &arena), 0);
        free(text);
        arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_notes_of_a_table),
        cmocka_unit_test(test_table_is_aligned),
        cmocka_unit_test(test_wide_table),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_json_of_a_specification),
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_names_of_columns),
        cmocka_unit_test(test_csv_formulas),
        cmocka_unit_test(test_about),
        cmocka_unit_test(test_unknown_table),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_csv_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
