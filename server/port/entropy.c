#include "server/port/entropy.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "protocol/status.h"

static int system_fill(void *context, void *data, size_t length)
{
    (void)context;
    uint8_t *at = data;
    while (length > 0) {
        ssize_t got = getrandom(at, length, 0);
        if (got < 0) {
            if (errno == EINTR)
                continue;
            return STATUS_IO;
        }
        at += got;
        length -= (size_t)got;
    }
    return 0;
}

const struct port_entropy *port_entropy_system(void)
{
    static const struct port_entropy entropy = {NULL, system_fill};
    return &entropy;
}

uint64_t seeded_entropy_next(struct seeded_entropy *s)
{
    uint64_t z = s->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static int seeded_fill(void *context, void *data, size_t length)
{
    struct seeded_entropy *s = context;
    uint8_t *at = data;
    while (length > 0) {
        uint64_t word = seeded_entropy_next(s);
        size_t take = length < sizeof(word) ? length : sizeof(word);
        memcpy(at, &word, take);
        at += take;
        length -= take;
    }
    return 0;
}

void seeded_entropy_init(struct seeded_entropy *s, uint64_t seed)
{
    s->entropy = (struct port_entropy){s, seeded_fill};
    s->state = seed;
}
