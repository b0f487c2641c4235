#include "client/cli/advise_windows.h"

#include <stdlib.h>
#include <string.h>

/* A level that is needed over minutes [from, to). */
struct piece {
    uint32_t from;
    uint32_t to;
    uint32_t gpus;
};

struct pieces {
    struct piece *items;
    uint32_t count;
    uint32_t step_min; /* 0: the curve as it is */
};

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static uint64_t piece_minutes(const struct piece *p)
{
    return (uint64_t)p->gpus * (p->to - p->from);
}

static uint64_t pieces_minutes(const struct pieces *p)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < p->count; i++)
        sum += piece_minutes(&p->items[i]);
    return sum;
}

/* --- From a curve --------------------------------------------------------------------------- */

/* Neighbours of one level become one piece. */
static void pieces_join_equal(struct pieces *p)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        if (kept > 0 && p->items[kept - 1].gpus == p->items[i].gpus)
            p->items[kept - 1].to = p->items[i].to;
        else
            p->items[kept++] = p->items[i];
    }
    p->count = kept;
}

/* A curve of many steps, in equal pieces, each as high as the highest step in it. */
static void pieces_even(const struct curve *c, struct pieces *out)
{
    uint32_t each = c->duration_min / WINDOW_STEPS_MAX + 1;
    out->step_min = each;
    out->count = (c->duration_min + each - 1) / each;
    for (uint32_t i = 0; i < out->count; i++)
        out->items[i] = (struct piece){i * each, (i + 1) * each, 0};
    out->items[out->count - 1].to = c->duration_min;
    for (uint32_t i = 0; i < c->count; i++) {
        for (uint32_t p = c->steps[i].minute / each; p * each < curve_step_end(c, i); p++)
            out->items[p].gpus = larger(out->items[p].gpus, c->steps[i].gpus);
    }
}

static bool pieces_from_curve(const struct curve *c, struct arena *arena, struct pieces *out)
{
    out->items = arena_alloc(arena, WINDOW_STEPS_MAX * sizeof(*out->items));
    out->count = 0;
    out->step_min = 0;
    if (out->items == NULL)
        return false;
    if (c->count > WINDOW_STEPS_MAX) {
        pieces_even(c, out);
    } else {
        for (uint32_t i = 0; i < c->count; i++) {
            /* The last line has no minute of its own when it says that the demand is over. */
            if (curve_step_end(c, i) > c->steps[i].minute)
                out->items[out->count++] =
                    (struct piece){c->steps[i].minute, curve_step_end(c, i), c->steps[i].gpus};
        }
    }
    pieces_join_equal(out);
    return true;
}

/* --- Side by side --------------------------------------------------------------------------- */

/* The times without a pause, each at its peak. */
static void pieces_to_runs(struct pieces *p)
{
    uint32_t kept = 0;
    bool runs = false;
    for (uint32_t i = 0; i < p->count; i++) {
        struct piece piece = p->items[i];
        if (piece.gpus > 0 && runs) {
            p->items[kept - 1].to = piece.to;
            p->items[kept - 1].gpus = larger(p->items[kept - 1].gpus, piece.gpus);
        } else if (piece.gpus > 0) {
            p->items[kept++] = piece;
        }
        runs = piece.gpus > 0;
    }
    p->count = kept;
}

static struct piece runs_joined(const struct piece *a)
{
    return (struct piece){a[0].from, a[1].to, larger(a[0].gpus, a[1].gpus)};
}

/* Joins the two neighbours that lose the least by it. */
static void runs_join_one(struct pieces *p)
{
    uint32_t best = 0;
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i + 1 < p->count; i++) {
        struct piece joined = runs_joined(&p->items[i]);
        uint64_t loss =
            piece_minutes(&joined) - piece_minutes(&p->items[i]) - piece_minutes(&p->items[i + 1]);
        if (loss < least) {
            least = loss;
            best = i;
        }
    }
    p->items[best] = runs_joined(&p->items[best]);
    memmove(&p->items[best + 1], &p->items[best + 2], (p->count - best - 2) * sizeof(*p->items));
    p->count--;
}

bool windows_side_by_side(const struct curve *c, struct arena *arena, struct windows *out)
{
    struct pieces p;
    memset(out, 0, sizeof(*out));
    if (!pieces_from_curve(c, arena, &p))
        return false;
    pieces_to_runs(&p);
    uint64_t before = pieces_minutes(&p);
    while (p.count > WINDOWS_MAX)
        runs_join_one(&p);
    out->step_min = p.step_min;
    out->filled = pieces_minutes(&p) - before;
    for (uint32_t i = 0; i < p.count; i++)
        out->items[out->count++] =
            (struct window){p.items[i].from, p.items[i].to, p.items[i].gpus, 0};
    return true;
}

/* --- In layers ------------------------------------------------------------------------------ */

/* Where layers begin that are not over yet, the lowest first. */
struct layers {
    struct piece *open; /* `gpus` is how high the layer reaches */
    uint32_t open_count;
    uint32_t base;
    struct window *out; /* NULL: they are only counted */
    uint32_t count;
};

static uint32_t layers_top(const struct layers *l)
{
    return l->open_count > 0 ? l->open[l->open_count - 1].gpus : l->base;
}

/* From this minute on the demand is `gpus`: what reaches higher is over. */
static void layers_step(struct layers *l, uint32_t minute, uint32_t gpus)
{
    uint32_t from = minute;
    while (layers_top(l) > gpus) {
        struct piece over = l->open[--l->open_count];
        uint32_t above = larger(layers_top(l), gpus);
        if (l->out != NULL)
            l->out[l->count] = (struct window){over.from, minute, over.gpus - above, above};
        l->count++;
        from = over.from;
    }
    if (layers_top(l) < gpus)
        l->open[l->open_count++] = (struct piece){.from = from, .gpus = gpus};
}

static uint32_t layers_of(const struct pieces *p, uint32_t base, struct piece *room,
                          struct window *out)
{
    struct layers l = {.open = room, .base = base, .out = out};
    for (uint32_t i = 0; i < p->count; i++)
        layers_step(&l, p->items[i].from, p->items[i].gpus);
    if (p->count > 0)
        layers_step(&l, p->items[p->count - 1].to, base);
    return l.count;
}

/* The next level above a piece's, among its neighbours; its own when it is a peak. */
static uint32_t piece_rise(const struct pieces *p, uint32_t i)
{
    uint32_t own = p->items[i].gpus;
    uint32_t before = i > 0 ? p->items[i - 1].gpus : 0;
    uint32_t after = i + 1 < p->count ? p->items[i + 1].gpus : 0;
    if (before <= own || (after > own && after < before))
        return larger(after, own);
    return before;
}

/* Raises the piece that costs least to the level of a neighbour. */
static void pieces_raise_one(struct pieces *p)
{
    uint32_t best = 0;
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i < p->count; i++) {
        uint64_t loss =
            (uint64_t)(piece_rise(p, i) - p->items[i].gpus) * (p->items[i].to - p->items[i].from);
        if (loss > 0 && loss < least) {
            least = loss;
            best = i;
        }
    }
    p->items[best].gpus = piece_rise(p, best);
    pieces_join_equal(p);
}

static int window_compare(const void *left, const void *right)
{
    const struct window *a = left;
    const struct window *b = right;
    if (a->above != b->above)
        return a->above < b->above ? -1 : 1;
    return (a->from > b->from) - (a->from < b->from);
}

bool windows_in_layers(const struct curve *c, uint32_t base, struct arena *arena,
                       struct windows *out)
{
    struct pieces p;
    memset(out, 0, sizeof(*out));
    struct piece *room = arena_alloc(arena, WINDOW_STEPS_MAX * sizeof(*room));
    if (room == NULL || !pieces_from_curve(c, arena, &p))
        return false;
    for (uint32_t i = 0; i < p.count; i++)
        p.items[i].gpus = larger(p.items[i].gpus, base);
    pieces_join_equal(&p);
    uint64_t before = pieces_minutes(&p);
    while (layers_of(&p, base, room, NULL) > WINDOWS_MAX)
        pieces_raise_one(&p);
    out->step_min = p.step_min;
    out->filled = pieces_minutes(&p) - before;
    out->count = layers_of(&p, base, room, out->items);
    qsort(out->items, out->count, sizeof(out->items[0]), window_compare);
    return true;
}
