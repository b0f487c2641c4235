/* Lines of comma-separated values, as RFC 4180 has them: a cell in quotation marks may hold commas,
 * and "" for a mark. */
#ifndef BOURSE_PROTOCOL_CSV_H
#define BOURSE_PROTOCOL_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/arena.h"

enum { CSV_CELLS_MAX = 64, CSV_CELL_BYTES_MAX = 4096 };

struct csv {
    const char *text;
    size_t left;
    uint32_t number; /* of the line that was read last; the first is 1 */
    uint32_t count;
    const char *cells[CSV_CELLS_MAX]; /* of that line, in the arena, without blanks around them */
    const char *error;                /* what is wrong with it */
};

/* Begins with a text, which may start with a byte order mark. */
void csv_begin(struct csv *csv, const char *text, size_t length);
/* The next line that is not empty: 1, 0 at the end, -1 with csv->error. */
int csv_next(struct csv *csv, struct arena *arena);

#endif
