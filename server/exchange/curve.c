#include "server/exchange/curve.h"

#include <stdlib.h>

#include "server/exchange/state.h"

static int bend_compare(const struct bend *a, const struct bend *b)
{
    return number_compare(a->at_min, b->at_min);
}

TREE_GENERATE(bend_tree, bend, link, bend_compare)

void curve_init(struct curve *c, uint64_t kept_min)
{
    RB_INIT(&c->bends);
    c->spare = NULL;
    c->count = 0;
    c->kept_min = kept_min;
}

/* Bends are kept: of a day's worth that is freed one by one the allocator makes one piece later,
 * all at once. */
static void bend_remove(struct curve *c, struct bend *b)
{
    RB_REMOVE(bend_tree, &c->bends, b);
    RB_LEFT(b, link) = c->spare;
    c->spare = b;
    c->count--;
}

static struct bend *bend_new(struct curve *c, uint64_t at_min)
{
    struct bend *b = c->spare;
    if (b)
        c->spare = RB_LEFT(b, link);
    else
        b = memory_zeroed(1, sizeof(*b));
    *b = (struct bend){.at_min = at_min};
    RB_INSERT(bend_tree, &c->bends, b);
    c->count++;
    return b;
}

void curve_release(struct curve *c)
{
    struct bend *b;
    while ((b = RB_ROOT(&c->bends)) != NULL)
        bend_remove(c, b);
    while ((b = c->spare) != NULL) {
        c->spare = RB_LEFT(b, link);
        free(b);
    }
}

void curve_add(struct curve *c, uint64_t at_min, enum curve_line line, int64_t change)
{
    if (change == 0 || at_min < c->kept_min)
        return;
    struct bend key = {.at_min = at_min};
    struct bend *b = RB_FIND(bend_tree, &c->bends, &key);
    if (!b)
        b = bend_new(c, at_min);
    b->change[line] += change;
    for (int i = 0; i < CURVE_LINES; i++) {
        if (b->change[i] != 0)
            return;
    }
    bend_remove(c, b);
}

struct bend *curve_from(const struct curve *c, uint64_t from_min)
{
    struct bend key = {.at_min = from_min};
    return RB_NFIND(bend_tree, (struct bend_tree *)&c->bends, &key);
}

struct bend *curve_next(struct bend *b)
{
    return RB_NEXT(bend_tree, NULL, b);
}

void curve_sum(const struct curve *c, uint64_t from_min, uint64_t to_min,
               int64_t values[CURVE_LINES])
{
    int64_t sign = from_min <= to_min ? 1 : -1;
    uint64_t first = from_min <= to_min ? from_min : to_min;
    uint64_t end = from_min <= to_min ? to_min : from_min;
    for (struct bend *b = curve_from(c, first); b && b->at_min < end; b = curve_next(b)) {
        for (int i = 0; i < CURVE_LINES; i++)
            values[i] += sign * b->change[i];
    }
}

void curve_keep(struct curve *c, uint64_t from_min)
{
    if (from_min > c->kept_min)
        c->kept_min = from_min;
}

size_t curve_drop(struct curve *c, size_t most)
{
    struct bend *b;
    size_t dropped = 0;
    for (; dropped < most && (b = RB_MIN(bend_tree, &c->bends)) && b->at_min < c->kept_min;
         dropped++)
        bend_remove(c, b);
    return dropped;
}
