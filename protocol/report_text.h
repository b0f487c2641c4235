/*
 * Reports as text: a table for people, JSON and CSV for programs. The same words and numbers
 * whether a server answered or a replay did.
 */
#ifndef BOURSE_PROTOCOL_REPORT_TEXT_H
#define BOURSE_PROTOCOL_REPORT_TEXT_H

#include "protocol/buffer.h"
#include "protocol/queries.h"

enum report_format {
    REPORT_FORMAT_TABLE, /* tables with titles, notes, and as of which index; amounts in credits */
    REPORT_FORMAT_JSON,  /* one object; a table is a list of objects by column name */
    REPORT_FORMAT_CSV,   /* RFC 4180, one table; what it is about stands in report_text_about() */
};

/*
 * Appends the report, all of whose rows are in `r`. `table`: the name of the one to be written;
 * "all" for all, in CSV each under a line with its name, and an empty line between them; NULL for
 * all, but in CSV, which has room for one, the first. Errors: STATUS_NOT_FOUND (no table of this
 * name), STATUS_MEMORY. For people, one table of several has of the notes those alone that warn;
 * JSON has all of them always.
 *
 * In CSV, text that a spreadsheet would take for a formula (it begins with = + - @ or the wide form
 * of one of them) has a ' before it.
 */
int report_text(const struct a_report *r, enum report_format format, const char *table,
                struct buffer *out);

/*
 * Appends what CSV has no place for, as lines for standard error: whose report it is, as of which
 * index, its notes (of one table that was named as above), and which other tables it has. Nothing
 * for other formats.
 */
void report_text_about(const struct a_report *r, enum report_format format, const char *table,
                       struct buffer *out);
/* Appends the names of the tables, divided by commas: for who asked for one that is not there. */
void report_text_tables(const struct a_report *r, struct buffer *out);

#endif
