/*
 * The time, read in one place. The rules never see a clock: the sequencer reads one and journals
 * what it read. A simulator or a test hands over a clock of its own.
 */
#ifndef BOURSE_PORT_CLOCK_H
#define BOURSE_PORT_CLOCK_H

#include <stdatomic.h>
#include <stdint.h>

struct port_clock {
    void *context; /* given to both functions */
    /* UTC seconds since 1970. May jump in either direction. */
    uint64_t (*wall_s)(void *context);
    /* Nanoseconds since an unspecified start; never runs backwards. */
    uint64_t (*monotonic_ns)(void *context);
};

/* The machine's clocks; static storage. Any thread. */
const struct port_clock *port_clock_system(void);

static inline uint64_t clock_wall_s(const struct port_clock *clock)
{
    return clock->wall_s(clock->context);
}

static inline uint64_t clock_monotonic_ns(const struct port_clock *clock)
{
    return clock->monotonic_ns(clock->context);
}

/* A clock that stands still until it is told otherwise. Any thread. */
struct manual_clock {
    struct port_clock clock; /* give this one's address away; points into this struct */
    _Atomic uint64_t wall_s;
    _Atomic uint64_t monotonic_ns;
};

void manual_clock_init(struct manual_clock *m, uint64_t wall_s);
/* Moves both clocks forward. */
void manual_clock_advance(struct manual_clock *m, uint64_t seconds);
/* Sets the wall clock alone, also backwards. */
void manual_clock_set_wall(struct manual_clock *m, uint64_t wall_s);

#endif
