#include "tests/protocol/document.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <sodium.h>

void fault(struct faults *f, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    f->count++;
    buffer_printf(&f->lines, "%s\n", line);
}

void expect_none(struct faults *f)
{
    if (f->count > 0)
        fail_msg("document and code disagree:\n%.*s", (int)f->lines.length,
                 (const char *)f->lines.data);
    buffer_release(&f->lines);
}

void expect_one(struct faults *f, const char *word)
{
    assert_int_equal(f->count, 1);
    buffer_append(&f->lines, "", 1);
    assert_non_null(strstr((const char *)f->lines.data, word));
    buffer_release(&f->lines);
    *f = (struct faults){0, BUFFER_EMPTY};
}

char *file_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s cannot be opened", path);
    char *text = calloc(1, DOCUMENT_BYTES_MAX);
    assert_non_null(text);
    size_t length = fread(text, 1, DOCUMENT_BYTES_MAX - 1, file);
    fclose(file);
    text[length] = '\0';
    return text;
}

const char *line_after(const char *line)
{
    const char *end = strchr(line, '\n');
    return end == NULL || end[1] == '\0' ? NULL : end + 1;
}

bool line_is(const char *line, const char *text)
{
    size_t length = strlen(text);
    return strncmp(line, text, length) == 0 && (line[length] == '\n' || line[length] == '\0');
}

const char *section_find(const char *document, const char *heading)
{
    for (const char *line = document; line != NULL; line = line_after(line)) {
        if (line_is(line, heading))
            return line_after(line);
    }
    return NULL;
}

static void cell_copy(const char *from, const char *to, char *out)
{
    while (from < to && *from == ' ')
        from++;
    while (to > from && to[-1] == ' ')
        to--;
    size_t length = (size_t)(to - from) < CELL_BYTES - 1 ? (size_t)(to - from) : CELL_BYTES - 1;
    memcpy(out, from, length);
    out[length] = '\0';
}

static bool row_parse(const char *line, struct row *out)
{
    memset(out, 0, sizeof(*out));
    if (*line != '|')
        return false;
    const char *at = line + 1;
    while (out->count < CELLS_MAX) {
        const char *end = at + strcspn(at, "|\n");
        if (*end != '|')
            break;
        cell_copy(at, end, out->cells[out->count++]);
        at = end + 1;
    }
    return out->count > 0;
}

bool row_next(const char **line, struct row *out)
{
    while (*line != NULL && **line != '#') {
        const char *here = *line;
        *line = line_after(here);
        if (!row_parse(here, out))
            continue;
        const char *below = *line;
        if (strncmp(out->cells[0], "---", 3) == 0 ||
            (below != NULL && strncmp(below, "|---", 4) == 0))
            continue;
        return true;
    }
    return false;
}

bool cell_names(const char *cell, const char *word)
{
    size_t length = strlen(word);
    return cell[0] == '`' && strncmp(cell + 1, word, length) == 0 &&
           strcmp(cell + 1 + length, "`") == 0;
}

int document_load(void **state)
{
    if (sodium_init() < 0)
        return -1;
    *state = file_text(BOURSE_PROTOCOL_DOCUMENT);
    return 0;
}

int document_free(void **state)
{
    free(*state);
    return 0;
}
