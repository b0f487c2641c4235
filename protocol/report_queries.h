/* Reports: what is asked for, and tables in which all of them are answered. */
#ifndef BOURSE_PROTOCOL_REPORT_QUERIES_H
#define BOURSE_PROTOCOL_REPORT_QUERIES_H

#include "protocol/limits.h"
#include "protocol/message.h"
#include "protocol/query_parts.h"

/* A month of a debt schedule: what is owed at its beginning, and what falls due in it. `month_s` is
 * its first second. */
#define DEBT_FIELDS(X, S)                                                                          \
    X(TIME, S, month_s, 0, TIME_MAX_S)                                                             \
    X(AMOUNT, S, outstanding_ucr, 0, UINT64_MAX)                                                   \
    X(AMOUNT, S, due_ucr, 0, UINT64_MAX)
MESSAGE_STRUCT(debt_row, DEBT_FIELDS);

/* A point of a depreciation curve: what a GPU of a SKU ("": of any) is worth at this age. Between
 * points the value falls in a straight line, after the last one it stays. */
#define CURVE_FIELDS(X, S)                                                                         \
    X(TEXT, S, sku, 0, NAME_MAX_BYTES)                                                             \
    X(U32, S, age_months, 0, 1200)                                                                 \
    X(AMOUNT, S, value_ucr, 0, UINT64_MAX)
MESSAGE_STRUCT(curve_row, CURVE_FIELDS);

/* GPUs as a lender has them in a list of its own; in_service_s: a time in the month in which they
 * came into service. */
#define FLEET_FIELDS(X, S)                                                                         \
    X(TEXT, S, site, 1, NAME_MAX_BYTES)                                                            \
    X(TEXT, S, sku, 1, NAME_MAX_BYTES)                                                             \
    X(U32, S, gpus, 1, UINT32_MAX)                                                                 \
    X(TIME, S, in_service_s, 0, TIME_MAX_S)
MESSAGE_STRUCT(fleet_row, FLEET_FIELDS);

/*
 * `account` 0: of the whole exchange for admins and auditors, one's own for others. The time
 * [from_s, until_s) and the filters (0 or "": all) mean something for some kinds alone; see
 * docs/protocol.md. `index` 0 makes the report anew, as of now; above 0 it is the index that the
 * first page gave, and `from` where the next page begins.
 */
#define Q_REPORT_FIELDS(X, S)                                                                      \
    X(ENUM, S, kind, report_kind, 0)                                                               \
    X(ACCOUNT, S, account, 0, UINT32_MAX)                                                          \
    X(TIME, S, from_s, 0, TIME_MAX_S)                                                              \
    X(TIME, S, until_s, 0, TIME_MAX_S)                                                             \
    X(NUMBER, S, site, 0, SERIAL_MAX)                                                              \
    X(NUMBER, S, sku, 0, SERIAL_MAX)                                                               \
    X(TEXT, S, generation, 0, NAME_MAX_BYTES)                                                      \
    X(U32, S, demand_down_ppm, 0, 1000000)                                                         \
    X(U32, S, price_down_ppm, 0, 1000000)                                                          \
    X(U32, S, density_ppm, 0, 1000000000) /* 2 000 000: the new does twice as much; 0: none */     \
    X(LIST, S, debt, debt_row, REPORT_DEBT_ROWS_MAX)                                               \
    X(LIST, S, curve, curve_row, REPORT_CURVE_ROWS_MAX)                                            \
    X(LIST, S, fleet, fleet_row, REPORT_FLEET_ROWS_MAX)                                            \
    X(U64, S, par_micros, 0, 1000000000000) /* of a credit, in millionths of the currency */       \
    X(TEXT, S, currency, 0, 3)              /* ISO 4217; "" and no par: a credit is 1 USD */       \
    X(U64, S, index, 0, UINT64_MAX)                                                                \
    X(U32, S, from, 0, REPORT_ROWS_MAX)
MESSAGE_STRUCT(q_report, Q_REPORT_FIELDS);

#define REPORT_COLUMN_FIELDS(X, S)                                                                 \
    X(TEXT, S, name, 1, NAME_MAX_BYTES)                                                            \
    X(ENUM, S, kind, cell_kind, 0)
MESSAGE_STRUCT(report_column, REPORT_COLUMN_FIELDS);

/* `name` is for programs, `title` for people. */
#define REPORT_TABLE_FIELDS(X, S)                                                                  \
    X(TEXT, S, name, 1, NAME_MAX_BYTES)                                                            \
    X(TEXT, S, title, 1, 255)                                                                      \
    X(LIST, S, columns, report_column, REPORT_COLUMNS_MAX)
MESSAGE_STRUCT(report_table, REPORT_TABLE_FIELDS);

/*
 * A cell by its column's kind: text in `text`; the other kinds in `number`: a count, micro-credits,
 * parts per million, a time or a month's first second (both in seconds), GPU-minutes, grams or
 * milligrams of CO2 equivalent, 1 for yes; of what has a name its number, and the name in `text`.
 * REPORT_NONE: there is none.
 */
#define REPORT_NONE UINT64_MAX
#define REPORT_CELL_FIELDS(X, S)                                                                   \
    X(U64, S, number, 0, UINT64_MAX)                                                               \
    X(TEXT, S, text, 0, 255)
MESSAGE_STRUCT(report_cell, REPORT_CELL_FIELDS);

/* `table`: its place among the tables; a row has a cell for each of its columns. */
#define REPORT_ROW_FIELDS(X, S)                                                                    \
    X(U32, S, table, 0, REPORT_TABLES_MAX - 1)                                                     \
    X(LIST, S, cells, report_cell, REPORT_COLUMNS_MAX)
MESSAGE_STRUCT(report_row, REPORT_ROW_FIELDS);

#define REPORT_NOTE_FIELDS(X, S) X(TEXT, S, note, 1, 511)
MESSAGE_STRUCT(report_note, REPORT_NOTE_FIELDS);

/*
 * Of the state after the log's first `index` entries, at time_s; [from_s, until_s) is the time it
 * is about (0, 0: it has none), `account` whose it is (0: the whole exchange). Notes say what it
 * assumes. `total` rows in all pages; `next` where the next page begins, 0: there is none.
 */
#define A_REPORT_FIELDS(X, S)                                                                      \
    X(ENUM, S, kind, report_kind, 0)                                                               \
    X(U64, S, index, 0, UINT64_MAX)                                                                \
    X(TIME, S, time_s, 0, TIME_MAX_S)                                                              \
    X(ACCOUNT, S, account, 0, UINT32_MAX)                                                          \
    X(TEXT, S, account_name, 0, NAME_MAX_BYTES)                                                    \
    X(TIME, S, from_s, 0, TIME_MAX_S)                                                              \
    X(TIME, S, until_s, 0, TIME_MAX_S)                                                             \
    X(LIST, S, notes, report_note, REPORT_NOTES_MAX)                                               \
    X(LIST, S, tables, report_table, REPORT_TABLES_MAX)                                            \
    X(U32, S, total, 0, REPORT_ROWS_MAX)                                                           \
    X(U32, S, next, 0, REPORT_ROWS_MAX)                                                            \
    X(LIST, S, rows, report_row, PAGE_ROWS_MAX)
MESSAGE_STRUCT(a_report, A_REPORT_FIELDS);

/* Y(code, name, fields): parts of QUERY_LIST and ANSWER_LIST. */
#define REPORT_QUERY_LIST(Y)  Y(42, report, Q_REPORT_FIELDS)
#define REPORT_ANSWER_LIST(Y) Y(42, report, A_REPORT_FIELDS)

#endif
