/* The parts of reports as text, which report_text.c puts together: cells, names of columns, tables.
 */
#ifndef BOURSE_PROTOCOL_REPORT_CELL_H
#define BOURSE_PROTOCOL_REPORT_CELL_H

#include <stdbool.h>

#include "protocol/report_text.h"

/*
 * Appends the column's name with the unit in which its cells are: for JSON that of the messages
 * (nominal_ucr, share_ppm, gpu_minutes_sold), for CSV one for people (nominal_credits,
 * share_percent, gpu_hours_sold), for tables in capitals, and without one for amounts (NOMINAL,
 * SHARE-%, GPU-HOURS-SOLD). Names that begin with a capital are those of a specification: they stay
 * as they are.
 */
void report_column_name(const struct report_column *column, enum report_format format,
                        struct buffer *out);
bool report_column_is_foreign(const struct report_column *column);

/*
 * Appends the cell without any quoting: in a table "-" and in CSV nothing when there is none. Bytes
 * that are not plain text are shown as \xNN, in a table hidden characters as \uNNNN. For CSV also
 * what JSON has of foreign columns.
 */
void report_cell_text(enum cell_kind kind, const struct report_cell *cell,
                      enum report_format format, struct buffer *out);
/* Whether the cell is there at all. */
bool report_cell_is_set(enum cell_kind kind, const struct report_cell *cell);
/* The cell of a row that may lack it, and whose message came from anywhere. */
struct report_cell report_row_cell(const struct report_row *row, uint32_t column);

/* Appends text for people, with bytes that are not plain text as \xNN and hidden characters (see
 * protocol/utf8.h) as \uNNNN. */
void report_text_append(const char *text, size_t length, struct buffer *out);

/* Appends one table for people, with its title. */
void report_table_print(const struct a_report *r, uint32_t table, struct buffer *out);

#endif
