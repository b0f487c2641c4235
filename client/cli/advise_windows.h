/* The hours in which a demand curve needs GPUs: as blocks side by side, or as layers one on
 * another. */
#ifndef BOURSE_CLIENT_CLI_ADVISE_WINDOWS_H
#define BOURSE_CLIENT_CLI_ADVISE_WINDOWS_H

#include "client/cli/advise_curve.h"

enum {
    WINDOWS_MAX = 64,        /* each is an order of its own */
    WINDOW_STEPS_MAX = 4096, /* a curve of more is looked at in so many equal pieces, at most */
};

/* `gpus` GPUs over the curve's minutes [from, to), beyond the first `above` that are needed then.
 */
struct window {
    uint32_t from;
    uint32_t to;
    uint32_t gpus;
    uint32_t above;
};

struct windows {
    struct window items[WINDOWS_MAX];
    uint32_t count;
    uint32_t step_min; /* what the curve was looked at in; 0: as it is */
    uint64_t filled;   /* GPU-minutes that are in them only because there may be no more of them */
};

/*
 * One window for each time without a pause, at its peak; none overlaps another. Where there are too
 * many, those are joined that lose the least by it. False when memory is out.
 */
bool windows_side_by_side(const struct curve *c, struct arena *arena, struct windows *out);

/*
 * The demand above `base` as layers, each over the minutes in which it is needed without a pause;
 * the lower ones come first. Where there are too many, the least gaps are filled. False when memory
 * is out.
 */
bool windows_in_layers(const struct curve *c, uint32_t base, struct arena *arena,
                       struct windows *out);

#endif
