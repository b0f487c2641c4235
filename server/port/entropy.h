/*
 * Random bytes, drawn in one place, so that a simulator or a test can have the same ones twice.
 */
#ifndef BOURSE_PORT_ENTROPY_H
#define BOURSE_PORT_ENTROPY_H

#include <stddef.h>
#include <stdint.h>

struct port_entropy {
    void *context;
    /* Fills `data` with `length` random bytes. Errors: STATUS_IO. */
    int (*fill)(void *context, void *data, size_t length);
};

/* The kernel's generator (getrandom(2)); static storage. Any thread. */
const struct port_entropy *port_entropy_system(void);

static inline int entropy_fill(const struct port_entropy *entropy, void *data, size_t length)
{
    return entropy->fill(entropy->context, data, length);
}

/*
 * Bytes that follow from a seed: splitmix64, good for tests and simulations and for nothing that
 * must be secret. One thread at a time.
 */
struct seeded_entropy {
    struct port_entropy entropy; /* give this one's address away; points into this struct */
    uint64_t state;
};

void seeded_entropy_init(struct seeded_entropy *s, uint64_t seed);
/* The next 64 bits. */
uint64_t seeded_entropy_next(struct seeded_entropy *s);

#endif
