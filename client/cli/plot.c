#include "client/cli/plot.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocol/moment.h"

enum {
    TICKS_X_MAX = 10,
    TICKS_Y = 4,
    LEGEND_CHARACTER = 7,
    LEGEND_MARK = 26,
    LEGEND_GAP = 18,
    LEGEND_ROW = 18
};

/* Told apart also by those who do not see all colours. */
static const char *const colours[PLOT_LINES_MAX] = {"#7f8c8d", "#0072b2", "#d55e00",
                                                    "#009e73", "#cc79a7", "#e69f00"};
#define BESIDE_COLOUR "#202020"

/* Lengths of a step or of what lies between two ticks: minutes, hours, days. */
static const uint32_t lengths_min[] = {1,
                                       2,
                                       5,
                                       10,
                                       15,
                                       30,
                                       60,
                                       2 * 60,
                                       3 * 60,
                                       6 * 60,
                                       12 * 60,
                                       24 * 60,
                                       2 * 24 * 60,
                                       7 * 24 * 60,
                                       14 * 24 * 60,
                                       28 * 24 * 60,
                                       56 * 24 * 60,
                                       91 * 24 * 60,
                                       182 * 24 * 60,
                                       365 * 24 * 60,
                                       730 * 24 * 60};
enum { LENGTHS = sizeof(lengths_min) / sizeof(lengths_min[0]) };

/* The least length of which at most `max` cover the span. */
static uint32_t length_for(uint64_t span_min, uint32_t max)
{
    for (size_t i = 0; i < LENGTHS; i++) {
        if ((span_min + lengths_min[i] - 1) / lengths_min[i] <= max)
            return lengths_min[i];
    }
    return lengths_min[LENGTHS - 1];
}

uint32_t plot_step_min(uint64_t span_min)
{
    return length_for(span_min, PLOT_STEPS_MAX);
}

double plot_scale_top(double most)
{
    double unit = 1;
    while (unit * 10 < most)
        unit *= 10;
    if (most <= unit)
        return unit;
    return most <= 2 * unit ? 2 * unit : most <= 5 * unit ? 5 * unit : 10 * unit;
}

static void text_add(struct buffer *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            buffer_printf(out, "&amp;");
            break;
        case '<':
            buffer_printf(out, "&lt;");
            break;
        case '>':
            buffer_printf(out, "&gt;");
            break;
        case '"':
            buffer_printf(out, "&quot;");
            break;
        default:
            buffer_append(out, text, 1);
        }
    }
}

/* Text at a place; `more` are further attributes. */
static void label(struct buffer *out, double x, double y, const char *anchor, const char *more,
                  const char *text)
{
    buffer_printf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s>", x, y, anchor, more);
    text_add(out, text);
    buffer_printf(out, "</text>\n");
}

static double x_of(const struct plot *p, double step)
{
    return PLOT_LEFT + PLOT_INNER_WIDTH * step / p->steps;
}

static double y_of(double value, double top)
{
    return PLOT_TOP + PLOT_INNER_HEIGHT * (1 - value / top);
}

/* A number in tenths, as short as it goes. */
static void coordinate(struct buffer *out, const char *command, double value)
{
    char text[32];
    int n = snprintf(text, sizeof(text), "%.1f", value);
    if (n > 2 && strcmp(text + n - 2, ".0") == 0)
        text[n - 2] = '\0';
    buffer_printf(out, "%s%s", command, text);
}

/* The steps of a line; equal neighbours are one piece. */
static void steps_path(const struct plot *p, const double *values, double top, struct buffer *out)
{
    coordinate(out, "M", x_of(p, 0));
    coordinate(out, " ", y_of(values[0], top));
    for (uint32_t i = 1; i < p->steps; i++) {
        if (values[i] == values[i - 1])
            continue;
        coordinate(out, "H", x_of(p, i));
        coordinate(out, "V", y_of(values[i], top));
    }
    coordinate(out, "H", x_of(p, p->steps));
}

static void line_draw(const struct plot *p, const struct plot_line *line, double top,
                      const char *colour, bool filled, bool dashed, struct buffer *out)
{
    buffer_printf(out,
                  "<path class=\"line\" fill=\"none\" stroke=\"%s\" stroke-width=\"%s\"%s d=\"",
                  colour, filled ? "1.6" : "1.2", dashed ? " stroke-dasharray=\"5 3\"" : "");
    steps_path(p, line->values, top, out);
    buffer_printf(out, "\"><title>");
    text_add(out, line->name);
    buffer_printf(out, "</title></path>\n");
    if (!filled)
        return;
    buffer_printf(out, "<path class=\"area\" fill=\"%s\" fill-opacity=\"0.18\" d=\"", colour);
    steps_path(p, line->values, top, out);
    buffer_printf(out, "V%dH%dZ\"/>\n", PLOT_TOP + PLOT_INNER_HEIGHT, PLOT_LEFT);
}

/* Days, and hours where the ticks are that close. */
static void x_axis(const struct plot *p, struct buffer *out)
{
    uint64_t span_min = (uint64_t)p->step_min * p->steps;
    uint32_t every_min = length_for(span_min, TICKS_X_MAX);
    for (uint64_t at = 0; at <= span_min; at += every_min) {
        char moment[MOMENT_TEXT_BYTES];
        char text[MOMENT_TEXT_BYTES];
        double x = x_of(p, (double)at / p->step_min);
        moment_format(p->start_s + at * 60, moment);
        if (every_min >= 24 * 60)
            snprintf(text, sizeof(text), "%.10s", moment);
        else
            snprintf(text, sizeof(text), "%.5s %.5s", moment + 5, moment + 11);
        buffer_printf(out, "<path class=\"tick\" stroke=\"#888\" d=\"M%.1f %dv5\"/>\n", x,
                      PLOT_TOP + PLOT_INNER_HEIGHT);
        label(out, x, PLOT_TOP + PLOT_INNER_HEIGHT + 18, "middle", "", text);
    }
    label(out, PLOT_LEFT + PLOT_INNER_WIDTH / 2.0, PLOT_HEIGHT - 8, "middle", "", "time (UTC)");
}

static void y_axes(const struct plot *p, double top, double beside_top, struct buffer *out)
{
    char text[64];
    for (int i = 0; i <= TICKS_Y; i++) {
        double y = y_of(i, TICKS_Y);
        buffer_printf(out, "<path class=\"grid\" stroke=\"#ddd\" d=\"M%d %.1fh%d\"/>\n", PLOT_LEFT,
                      y, PLOT_INNER_WIDTH);
        snprintf(text, sizeof(text), "%g", top * i / TICKS_Y);
        label(out, PLOT_LEFT - 7, y + 4, "end", "", text);
        if (p->beside.values == NULL)
            continue;
        snprintf(text, sizeof(text), "%g", beside_top * i / TICKS_Y);
        label(out, PLOT_WIDTH - PLOT_RIGHT + 7, y + 4, "start", "", text);
    }
    snprintf(text, sizeof(text), " transform=\"rotate(-90 14 %d)\"",
             PLOT_TOP + PLOT_INNER_HEIGHT / 2);
    label(out, 14, PLOT_TOP + PLOT_INNER_HEIGHT / 2.0, "middle", text, p->axis);
    if (p->beside.values == NULL)
        return;
    snprintf(text, sizeof(text), " transform=\"rotate(90 %d %d)\"", PLOT_WIDTH - 14,
             PLOT_TOP + PLOT_INNER_HEIGHT / 2);
    label(out, PLOT_WIDTH - 14, PLOT_TOP + PLOT_INNER_HEIGHT / 2.0, "middle", text, p->beside_axis);
}

/* Where the next entry of the legend goes; rows are filled one after the other. */
struct legend {
    double x;
    double y;
};

static void legend_add(struct legend *at, const char *name, const char *colour, bool dashed,
                       struct buffer *out)
{
    double width = LEGEND_MARK + LEGEND_CHARACTER * (double)strlen(name);
    if (at->x + width > PLOT_WIDTH && at->x > PLOT_LEFT) {
        at->x = PLOT_LEFT;
        at->y += LEGEND_ROW;
    }
    buffer_printf(out, "<path stroke=\"%s\" stroke-width=\"3\"%s d=\"M%.1f %.1fh20\"/>\n", colour,
                  dashed ? " stroke-dasharray=\"5 3\"" : "", at->x, at->y);
    label(out, at->x + LEGEND_MARK, at->y + 4, "start", "", name);
    at->x += width + LEGEND_GAP;
}

static double most_of(const struct plot *p, const double *values)
{
    double most = 0;
    for (uint32_t i = 0; values != NULL && i < p->steps; i++)
        most = values[i] > most ? values[i] : most;
    return most;
}

void plot_draw(const struct plot *p, struct buffer *out)
{
    assert(p->steps > 0 && p->count <= PLOT_LINES_MAX);
    double beside_top = plot_scale_top(most_of(p, p->beside.values));
    buffer_printf(out,
                  "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
                  "viewBox=\"0 0 %d %d\" role=\"img\" font-family=\"sans-serif\" "
                  "font-size=\"12\" fill=\"#222\">\n<title>",
                  PLOT_WIDTH, PLOT_HEIGHT, PLOT_WIDTH, PLOT_HEIGHT);
    text_add(out, p->title);
    buffer_printf(out, "</title>\n<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", PLOT_WIDTH,
                  PLOT_HEIGHT);
    label(out, PLOT_LEFT, 26, "start", " font-size=\"16\" font-weight=\"bold\"", p->title);
    y_axes(p, 100, beside_top, out);
    struct legend legend = {PLOT_LEFT, 46};
    for (uint32_t i = 0; i < p->count; i++) {
        line_draw(p, &p->lines[i], 100, colours[i], i == 0, false, out);
        legend_add(&legend, p->lines[i].name, colours[i], false, out);
    }
    if (p->beside.values != NULL) {
        line_draw(p, &p->beside, beside_top, BESIDE_COLOUR, false, true, out);
        legend_add(&legend, p->beside.name, BESIDE_COLOUR, true, out);
    }
    x_axis(p, out);
    buffer_printf(out, "<path fill=\"none\" stroke=\"#888\" d=\"M%d %dv%dh%dv%d\"/>\n</svg>\n",
                  PLOT_LEFT, PLOT_TOP, PLOT_INNER_HEIGHT, PLOT_INNER_WIDTH, -PLOT_INNER_HEIGHT);
}
