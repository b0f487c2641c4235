#include "server/command/tell.h"

#include <stdio.h>
#include <unistd.h>

#include <sodium.h>

#include "protocol/status.h"

enum { BAR_CELLS = 40 };

int tell_failure(const struct arguments *a, int status, struct buffer *error)
{
    if (error->length > 0)
        fprintf(stderr, "boursed %s: %.*s\n", a->command->name, (int)error->length,
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
