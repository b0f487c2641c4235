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
    bool worn; /* on the list of worn runs */
};

/* A run is compacted when it is longer than 4 times what lives and this: then each removal has
 * paid for looking at little more than one serial. */
enum { HOLES_KEPT = 64, RUN_FIRST = 4, WORN_FIRST = 16 };

void owned_init(struct owned *o, owned_lives *lives, const void *context)
{
    *o = (struct owned){.lives = lives, .context = context};
}

void owned_release(struct owned *o)
{
    for (size_t i = 0; i < o->runs_count; i++)
        free(o->runs[i].serials);
    free(o->runs);
    free(o->worn);
    o->runs = NULL;
    o->worn = NULL;
    o->runs_count = o->worn_count = o->worn_room = 0;
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
        /* Undo brings back what is still there as a hole. */
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

/* Puts the run on the list of those to compact. */
static void run_worn(struct owned *o, struct owned_run *run, uint32_t account)
{
    if (run->worn)
        return;
    if (o->worn_count == o->worn_room) {
        size_t room = o->worn_room ? o->worn_room * 2 : WORN_FIRST;
        uint32_t *worn = realloc(o->worn, room * sizeof(*worn));
        if (!worn)
            memory_exhausted();
        o->worn = worn;
        o->worn_room = room;
    }
    o->worn[o->worn_count++] = account;
    run->worn = true;
}

static bool run_is_worn(const struct owned_run *run)
{
    return run->live == 0 || run->count > 4 * (uint64_t)run->live + HOLES_KEPT;
}

void owned_remove(struct owned *o, uint32_t account, uint64_t serial)
{
    if (account == 0 || account > ACCOUNTS_MAX)
        return;
    struct owned_run *run = run_of(o, account);
    assert(run->live > 0);
    run->live--;
    if (run->serials[run->count - 1] == serial)
        run->count--;
    if (run->count > 0 && run_is_worn(run))
        run_worn(o, run, account);
}

void owned_settle(struct owned *o)
{
    for (size_t i = 0; i < o->worn_count; i++) {
        struct owned_run *run = &o->runs[o->worn[i]];
        run->worn = false;
        if (run->live == 0)
            run->count = 0;
        else if (run_is_worn(run))
            run_compact(o, run, o->worn[i]);
    }
    o->worn_count = 0;
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
