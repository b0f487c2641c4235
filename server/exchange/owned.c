#include "server/exchange/owned.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/exchange/state.h"

struct owned_run {
    uint64_t *serials; /* growing, holes included; owned */
    uint32_t count;
    uint32_t capacity;
    uint32_t live;
};

/* A run is compacted when it is longer than 4 times what lives and this: then each removal has
 * paid for looking at little more than one serial. */
enum { HOLES_KEPT = 64, RUN_FIRST = 4 };

void owned_init(struct owned *o, owned_lives *lives, const void *context)
{
    *o = (struct owned){.lives = lives, .context = context};
}

void owned_release(struct owned *o)
{
    for (size_t i = 0; i < o->runs_count; i++)
        free(o->runs[i].serials);
    free(o->runs);
    o->runs = NULL;
    o->runs_count = 0;
}

static struct owned_run *run_of(struct owned *o, uint32_t account)
{
    if (account >= o->runs_count) {
        size_t count = o->runs_count ? o->runs_count : 64;
        while (count <= account)
            count *= 2;
        struct owned_run *runs = realloc(o->runs, count * sizeof(*runs));
        if (!runs)
            memory_exhausted();
        memset(runs + o->runs_count, 0, (count - o->runs_count) * sizeof(*runs));
        o->runs = runs;
        o->runs_count = count;
    }
    return &o->runs[account];
}

/* Where the first serial at or above `serial` stands. */
static uint32_t run_search(const struct owned_run *run, uint64_t serial)
{
    uint32_t low = 0;
    uint32_t high = run->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (run->serials[middle] < serial)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void run_grow(struct owned_run *run)
{
    uint32_t capacity = run->capacity ? run->capacity * 2 : RUN_FIRST;
    uint64_t *serials = realloc(run->serials, capacity * sizeof(*serials));
    if (!serials || capacity < run->capacity)
        memory_exhausted();
    run->serials = serials;
    run->capacity = capacity;
}

void owned_add(struct owned *o, uint32_t account, uint64_t serial)
{
    if (account == 0 || account > ACCOUNTS_MAX)
        return;
    struct owned_run *run = run_of(o, account);
    uint32_t at = run->count;
    run->live++;
    if (at > 0 && run->serials[at - 1] >= serial) {
        /* Undo brings back what is mostly still there as a hole. */
        at = run_search(run, serial);
        if (run->serials[at] == serial)
            return;
    }
    if (run->count == run->capacity)
        run_grow(run);
    memmove(run->serials + at + 1, run->serials + at, (run->count - at) * sizeof(*run->serials));
    run->serials[at] = serial;
    run->count++;
}

static void run_compact(const struct owned *o, struct owned_run *run, uint32_t account)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < run->count; i++) {
        if (o->lives(o->context, account, run->serials[i]))
            run->serials[kept++] = run->serials[i];
    }
    assert(kept == run->live);
    run->count = kept;
}

void owned_remove(struct owned *o, uint32_t account, uint64_t serial)
{
    if (account == 0 || account > ACCOUNTS_MAX)
        return;
    struct owned_run *run = run_of(o, account);
    assert(run->live > 0);
    run->live--;
    if (run->live == 0)
        run->count = 0;
    else if (run->serials[run->count - 1] == serial)
        run->count--;
    else if (run->count > 4 * (uint64_t)run->live + HOLES_KEPT)
        run_compact(o, run, account);
}

uint64_t owned_count(const struct owned *o, uint32_t account)
{
    return account < o->runs_count ? o->runs[account].live : 0;
}

uint64_t owned_next(const struct owned *o, uint32_t account, uint64_t from, uint32_t *looks_left,
                    uint64_t *resume_out)
{
    *resume_out = 0;
    if (account >= o->runs_count)
        return 0;
    const struct owned_run *run = &o->runs[account];
    for (uint32_t i = run_search(run, from); i < run->count; i++) {
        if (*looks_left == 0) {
            *resume_out = run->serials[i];
            return 0;
        }
        (*looks_left)--;
        if (o->lives(o->context, account, run->serials[i]))
            return run->serials[i];
    }
    return 0;
}
