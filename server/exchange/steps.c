#include "server/exchange/steps.h"

#include <assert.h>
#include <stdlib.h>

#include "server/exchange/state.h"

static int step_compare(const struct step *a, const struct step *b)
{
    return a->at < b->at ? -1 : a->at > b->at;
}

TREE_GENERATE(step_tree, step, link, step_compare)

void steps_init(struct steps *s)
{
    RB_INIT(&s->tree);
    s->count = 0;
}

void steps_release(struct steps *s)
{
    struct step *step;
    while ((step = RB_ROOT(&s->tree)) != NULL) {
        RB_REMOVE(step_tree, &s->tree, step);
        free(step);
    }
    s->count = 0;
}

/* The step that holds at `at`; NULL before the first one. */
static struct step *step_covering(const struct steps *s, uint64_t at)
{
    struct step *found = NULL;
    struct step *p = RB_ROOT(&s->tree);
    while (p != NULL) {
        if (p->at <= at) {
            found = p;
            p = RB_RIGHT(p, link);
        } else {
            p = RB_LEFT(p, link);
        }
    }
    return found;
}

static struct step *step_first(const struct steps *s)
{
    struct step *p = RB_ROOT(&s->tree);
    while (p != NULL && RB_LEFT(p, link) != NULL)
        p = RB_LEFT(p, link);
    return p;
}

static struct step *step_after(const struct steps *s, struct step *p)
{
    return p != NULL ? RB_NEXT(step_tree, &s->tree, p) : step_first(s);
}

/* The step that begins exactly at `at`, made when there is none. */
static struct step *step_cut(struct steps *s, uint64_t at)
{
    struct step *before = step_covering(s, at);
    if (before != NULL && before->at == at)
        return before;
    struct step *step = malloc(sizeof(*step));
    if (step == NULL)
        memory_exhausted();
    step->at = at;
    step->value = before != NULL ? before->value : 0;
    RB_INSERT(step_tree, &s->tree, step);
    s->count++;
    return step;
}

/* Removes a step that changes nothing any more. */
static void step_join(struct steps *s, struct step *step)
{
    struct step *before = RB_PREV(step_tree, &s->tree, step);
    if (step->value != (before != NULL ? before->value : 0))
        return;
    RB_REMOVE(step_tree, &s->tree, step);
    free(step);
    s->count--;
}

uint64_t steps_add(struct steps *s, uint64_t from, uint64_t to, int64_t change)
{
    uint64_t pieces = 0;
    if (from >= to || change == 0)
        return 0;
    struct step *first = step_cut(s, from);
    struct step *end = step_cut(s, to);
    struct step *p = first;
    while (p != end) {
        assert(change > 0 || p->value >= (uint64_t)-change);
        p->value += (uint64_t)change;
        p = RB_NEXT(step_tree, &s->tree, p);
        pieces++;
    }
    step_join(s, end);
    step_join(s, first);
    return pieces;
}

struct piece steps_piece(const struct steps *s, uint64_t at)
{
    struct step *here = step_covering(s, at);
    struct step *next = step_after(s, here);
    return (struct piece){
        .from = here != NULL ? here->at : 0,
        .until = next != NULL ? next->at : UINT64_MAX,
        .value = here != NULL ? here->value : 0,
    };
}

uint64_t steps_max(const struct steps *s, uint64_t from, uint64_t to)
{
    uint64_t looks = 0;
    return steps_max_counted(s, from, to, &looks);
}

uint64_t steps_max_counted(const struct steps *s, uint64_t from, uint64_t to, uint64_t *looks)
{
    assert(from < to);
    struct step *p = step_covering(s, from);
    uint64_t most = p != NULL ? p->value : 0;
    for (p = step_after(s, p); p != NULL && p->at < to; p = RB_NEXT(step_tree, &s->tree, p)) {
        ++*looks;
        if (p->value > most)
            most = p->value;
    }
    return most;
}

bool steps_equal(const struct steps *a, const struct steps *b)
{
    struct step *p = step_first(a);
    struct step *q = step_first(b);
    while (p != NULL && q != NULL && p->at == q->at && p->value == q->value) {
        p = RB_NEXT(step_tree, &a->tree, p);
        q = RB_NEXT(step_tree, &b->tree, q);
    }
    return p == NULL && q == NULL;
}
