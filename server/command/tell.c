#include "server/command/tell.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sodium.h>

#include "protocol/status.h"
#include "protocol/utf8.h"

enum { BAR_CELLS = 40 };

void tell_people(const char *format, ...)
{
    struct buffer shown = BUFFER_EMPTY;
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    if (length < 0)
        return;
    escape_append(&shown, text, (size_t)length, true);
    fwrite(shown.data != NULL ? shown.data : (uint8_t *)"", 1, shown.length, stderr);
    buffer_release(&shown);
    free(text);
}

int tell_failure(const struct arguments *a, int status, struct buffer *error)
{
    if (error->length > 0)
        tell_people("boursed %s: %.*s\n", a->command->name, (int)error->length,
                    (const char *)error->data);
    else
        fprintf(stderr, "boursed %s: %s\n", a->command->name, status_text(status));
    buffer_release(error);
    return EXIT_FAILED;
}

const char *tell_hash(const uint8_t hash[32], char out[65])
{
    return sodium_bin2hex(out, 65, hash, 32);
}

struct progress progress_begin(const char *what, uint64_t total)
{
    struct progress p = {what, total, total > 0 && isatty(STDERR_FILENO) == 1};
    progress_show(&p, 0);
    return p;
}

void progress_show(const struct progress *p, uint64_t done)
{
    if (!p->is_shown)
        return;
    uint64_t shown = done < p->total ? done : p->total;
    int cells = (int)((double)shown / (double)p->total * BAR_CELLS);
    fprintf(stderr, "\r%-10s [%.*s%*s] %3d%%", p->what, cells,
            "########################################", BAR_CELLS - cells, "",
            (int)((double)shown / (double)p->total * 100));
    fflush(stderr);
}

void progress_end(const struct progress *p)
{
    if (p->is_shown)
        fprintf(stderr, "\r%*s\r", BAR_CELLS + 24, "");
}
