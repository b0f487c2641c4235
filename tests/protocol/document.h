/*
 * A document of docs/ as the tests see it: headings, rows of tables, and what is wrong with them.
 */
#ifndef BOURSE_TESTS_DOCUMENT_H
#define BOURSE_TESTS_DOCUMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/buffer.h"

enum { CELLS_MAX = 8, CELL_BYTES = 512, DOCUMENT_BYTES_MAX = 4 * 1024 * 1024 };

/* What is wrong, a line each. */
struct faults {
    uint32_t count;
    struct buffer lines;
};

void fault(struct faults *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Fails the test, and says why, when there are faults. Releases them. */
void expect_none(struct faults *f);
/* Asserts that there is exactly one fault and that it says `word`. Releases it. */
void expect_one(struct faults *f, const char *word);

/* A whole file with a NUL behind it, from malloc(); fails the test when it cannot be read. */
char *file_text(const char *path);
/* cmocka's group set-up and tear-down: *state is the document's text. */
int document_load(void **state);
int document_free(void **state);

/* The line after `line`, or NULL at the end. */
const char *line_after(const char *line);
bool line_is(const char *line, const char *text);
/* What stands under this heading, or NULL when there is no such heading. */
const char *section_find(const char *document, const char *heading);

struct row {
    uint32_t count;
    char cells[CELLS_MAX][CELL_BYTES]; /* without the spaces around them */
};

/*
 * The next row of the section's table: moves *line behind it. False at the next heading or at the
 * end. Rows of a table's head are passed over.
 */
bool row_next(const char **line, struct row *out);
/* Whether a cell is `word` in backquotes. */
bool cell_names(const char *cell, const char *word);

#endif
