/* Resting orders in the order in which they are asked; every subtree knows the time that its
 * windows of starts may cover. */
#include "server/exchange/rest_lines.h"

static void span_widen(struct rest_span *span, const struct rest_span *by)
{
    if (by->from_min < span->from_min)
        span->from_min = by->from_min;
    if (by->until_min > span->until_min)
        span->until_min = by->until_min;
    span->slots |= by->slots;
}

/* The spans of a subtree are those of its line and of the subtrees below. */
static void line_refresh(struct rest_line *line)
{
    line->all = line->window;
    if (RB_LEFT(line, link) != NULL)
        span_widen(&line->all, &RB_LEFT(line, link)->all);
    if (RB_RIGHT(line, link) != NULL)
        span_widen(&line->all, &RB_RIGHT(line, link)->all);
}

#undef RB_AUGMENT
#define RB_AUGMENT(line) line_refresh(line)
TREE_GENERATE(rest_line_tree, rest_line, link, rest_line_compare)

static void path_refresh(struct rest_line *line)
{
    for (; line != NULL; line = RB_PARENT(line, link))
        line_refresh(line);
}

uint64_t rest_slots(uint64_t from_min, uint64_t until_min, uint32_t bits)
{
    uint64_t first = from_min >> bits;
    uint64_t last = until_min >> bits;
    if (last - first >= 63)
        return UINT64_MAX;
    uint64_t slots = (UINT64_C(2) << (last - first)) - 1;
    uint32_t turn = first % 64;
    return turn == 0 ? slots : slots << turn | slots >> (64 - turn);
}

bool rest_lines_put(struct rest_line_tree *lines, struct rest_line *line)
{
    line->all = line->window;
    if (RB_INSERT(rest_line_tree, lines, line) != NULL)
        return false;
    path_refresh(line);
    return true;
}

struct rest_line *rest_lines_take(struct rest_line_tree *lines, const struct rest_line *key)
{
    struct rest_line find = *key;
    struct rest_line *line = RB_FIND(rest_line_tree, lines, &find);
    if (line == NULL)
        return NULL;
    /* From where the tree changes: the place of the line that takes this one's. */
    struct rest_line *at = RB_RIGHT(line, link);
    if (RB_LEFT(line, link) == NULL || at == NULL) {
        at = RB_PARENT(line, link);
    } else {
        while (RB_LEFT(at, link) != NULL)
            at = RB_LEFT(at, link);
        if (RB_PARENT(at, link) != line)
            at = RB_PARENT(at, link);
    }
    RB_REMOVE(rest_line_tree, lines, line);
    path_refresh(at);
    return line;
}

struct rest_line *rest_lines_first(const struct rest_line_tree *lines)
{
    return RB_MIN(rest_line_tree, (struct rest_line_tree *)(uintptr_t)lines);
}

struct rest_line *rest_lines_find(const struct rest_line_tree *lines, const struct rest_line *key)
{
    struct rest_line find = *key;
    return RB_FIND(rest_line_tree, (struct rest_line_tree *)(uintptr_t)lines, &find);
}

struct rest_line *rest_lines_after(const struct rest_line *line)
{
    return RB_NEXT(rest_line_tree, NULL, (struct rest_line *)(uintptr_t)line);
}

static bool span_meets(const struct rest_span *span, const struct rest_span *time)
{
    return span->from_min <= time->until_min && span->until_min >= time->from_min &&
           (span->slots & time->slots) != 0;
}

static struct rest_line *search(struct rest_line *line, const struct rest_key *since,
                                const struct rest_span *time, uint64_t *looks)
{
    struct rest_line *found = NULL;
    while (line != NULL && found == NULL) {
        ++*looks;
        if (!span_meets(&line->all, time))
            return NULL;
        if (!rest_key_before(&line->key, since)) {
            found = search(RB_LEFT(line, link), since, time, looks);
            if (found == NULL && span_meets(&line->window, time))
                found = line;
        }
        line = RB_RIGHT(line, link);
    }
    return found;
}

struct rest_line *rest_lines_meet(const struct rest_line_tree *lines, const struct rest_key *since,
                                  const struct rest_span *time, uint64_t *looks)
{
    return search(RB_ROOT(lines), since, time, looks);
}

uint64_t rest_lines_faults(const struct rest_line_tree *lines)
{
    uint64_t faults = 0;
    for (struct rest_line *line = rest_lines_first(lines); line != NULL;
         line = rest_lines_after(line)) {
        struct rest_line right = *line;
        line_refresh(&right);
        faults += right.all.from_min != line->all.from_min ||
                  right.all.until_min != line->all.until_min || right.all.slots != line->all.slots;
    }
    return faults;
}
