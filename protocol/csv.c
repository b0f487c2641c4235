#include "protocol/csv.h"

#include <string.h>

void csv_begin(struct csv *csv, const char *text, size_t length)
{
    memset(csv, 0, sizeof(*csv));
    if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        length -= 3;
    }
    csv->text = text;
    csv->left = length;
}

static int csv_fail(struct csv *csv, const char *error)
{
    csv->error = error;
    return -1;
}

static const char *cell_trim(char *cell)
{
    size_t length = strlen(cell);
    while (length > 0 && (cell[length - 1] == ' ' || cell[length - 1] == '\t'))
        cell[--length] = '\0';
    return cell + strspn(cell, " \t");
}

/* Reads the cell at *at of a line and moves behind it and its comma. */
static int cell_read(struct csv *csv, const char *line, size_t length, size_t *at,
                     struct arena *arena)
{
    char cell[CSV_CELL_BYTES_MAX + 1];
    size_t used = 0;
    bool quoted = *at < length && line[*at] == '"';
    *at += quoted;
    for (; *at < length; (*at)++) {
        char c = line[*at];
        if (quoted && c == '"' && *at + 1 < length && line[*at + 1] == '"')
            (*at)++;
        else if (quoted ? c == '"' : c == ',')
            break;
        if (c == '\0')
            return csv_fail(csv, "it has a byte 0: it is not text in UTF-8");
        if (used == CSV_CELL_BYTES_MAX)
            return csv_fail(csv, "a cell is too long");
        cell[used++] = c;
    }
    if (quoted && *at == length)
        return csv_fail(csv, "a quotation mark is not closed");
    *at += quoted;
    if (*at < length && line[*at] != ',')
        return csv_fail(csv, "something follows a closing quotation mark");
    (*at)++;
    cell[used] = '\0';
    const char *trimmed = quoted ? cell : cell_trim(cell);
    if (csv->count == CSV_CELLS_MAX)
        return csv_fail(csv, "it has too many cells");
    csv->cells[csv->count] = arena_copy(arena, trimmed, strlen(trimmed) + 1);
    return csv->cells[csv->count++] != NULL ? 1 : csv_fail(csv, "out of memory");
}

int csv_next(struct csv *csv, struct arena *arena)
{
    while (csv->left > 0) {
        const char *line = csv->text;
        const char *newline = memchr(line, '\n', csv->left);
        size_t length = newline != NULL ? (size_t)(newline - line) : csv->left;
        size_t taken = newline != NULL ? length + 1 : length;
        csv->text += taken;
        csv->left -= taken;
        csv->number++;
        csv->count = 0;
        if (length > 0 && line[length - 1] == '\r')
            length--;
        if (length == 0)
            continue;
        for (size_t at = 0; at <= length;) {
            if (cell_read(csv, line, length, &at, arena) < 0)
                return -1;
        }
        return 1;
    }
    return 0;
}
