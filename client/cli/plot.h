/*
 * A chart of steps over time as an SVG document: quantities that hold over equal steps, as lines,
 * one of them filled, against a scale in percent at the left; one more, of another unit, dashed
 * against a scale at the right. Pure: text from numbers. The document has no script, no font of
 * its own and refers to nothing outside it.
 *
 * Where a value stands, for whoever reads the numbers back: at x = PLOT_LEFT + PLOT_INNER_WIDTH x
 * place / steps and y = PLOT_TOP + PLOT_INNER_HEIGHT x (1 - value / top of its scale), to 1/10.
 */
#ifndef BOURSE_CLI_PLOT_H
#define BOURSE_CLI_PLOT_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/buffer.h"

enum {
    PLOT_WIDTH = 900,
    PLOT_HEIGHT = 360,
    PLOT_LEFT = 58,
    PLOT_RIGHT = 58,
    PLOT_TOP = 82,
    PLOT_BOTTOM = 44,
    PLOT_INNER_WIDTH = PLOT_WIDTH - PLOT_LEFT - PLOT_RIGHT,
    PLOT_INNER_HEIGHT = PLOT_HEIGHT - PLOT_TOP - PLOT_BOTTOM,
    PLOT_LINES_MAX = 6,
    PLOT_STEPS_MAX = 784,
};

struct plot_line {
    const char *name;     /* what the legend says */
    const double *values; /* one a step, at least 0; in percent, of `beside` in its unit */
};

struct plot {
    const char *title;
    const char *axis;        /* of the left scale, with its unit */
    const char *beside_axis; /* of the right one */
    uint64_t start_s;
    uint32_t step_min;
    uint32_t steps; /* 1 to PLOT_STEPS_MAX */
    uint32_t count; /* lines; the first is filled; at most PLOT_LINES_MAX */
    struct plot_line lines[PLOT_LINES_MAX];
    struct plot_line beside; /* values NULL: none */
};

/* The least of the usual lengths of a step, in minutes, that divides a span into at most
 * PLOT_STEPS_MAX. */
uint32_t plot_step_min(uint64_t span_min);
/* The top of a scale for values up to `most`: 1, 2 or 5 times a power of ten. */
double plot_scale_top(double most);

/* Appends the document; text is escaped. */
void plot_draw(const struct plot *p, struct buffer *out);

#endif
