#include "server/port/clock.h"

#include <time.h>

static uint64_t system_wall_s(void *context)
{
    (void)context;
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    /* A machine set to a date before 1970 has no time that the exchange could use. */
    return now.tv_sec < 0 ? 0 : (uint64_t)now.tv_sec;
}

static uint64_t system_monotonic_ns(void *context)
{
    (void)context;
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

const struct port_clock *port_clock_system(void)
{
    static const struct port_clock clock = {NULL, system_wall_s, system_monotonic_ns};
    return &clock;
}

static uint64_t manual_wall_s(void *context)
{
    struct manual_clock *m = context;
    return atomic_load(&m->wall_s);
}

static uint64_t manual_monotonic_ns(void *context)
{
    struct manual_clock *m = context;
    return atomic_load(&m->monotonic_ns);
}

void manual_clock_init(struct manual_clock *m, uint64_t wall_s)
{
    m->clock = (struct port_clock){m, manual_wall_s, manual_monotonic_ns};
    atomic_init(&m->wall_s, wall_s);
    atomic_init(&m->monotonic_ns, 0);
}

void manual_clock_advance(struct manual_clock *m, uint64_t seconds)
{
    atomic_fetch_add(&m->wall_s, seconds);
    atomic_fetch_add(&m->monotonic_ns, seconds * 1000000000u);
}

void manual_clock_set_wall(struct manual_clock *m, uint64_t wall_s)
{
    atomic_store(&m->wall_s, wall_s);
}
