/* The leases of an import that have periods which are not metered yet, in the order of their
 * grant. */
#ifndef BOURSE_CLI_IMPORT_LEASE_H
#define BOURSE_CLI_IMPORT_LEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct live_lease {
    uint64_t lease;
    uint64_t start_s;
    uint64_t end_s; /* as it stands */
    uint64_t price_ucr;
    uint32_t model;
    uint32_t seller;
    uint32_t gpus;
    uint32_t period_min;
    uint32_t period; /* the next to be metered */
};

struct live_leases {
    struct live_lease *items; /* owned; the lease's number grows */
    size_t count;
    size_t capacity;
};

/* `lease` has a higher number than those there. Errors: STATUS_MEMORY. */
int live_add(struct live_leases *l, struct live_lease lease);
/* NULL when it is metered or was never there. */
struct live_lease *live_find(struct live_leases *l, uint64_t lease);
/* Drops what is metered altogether, telling of each first. */
void live_compact(struct live_leases *l,
                  void (*gone)(void *context, const struct live_lease *lease), void *context);
void live_release(struct live_leases *l);

/* Where its next period begins and ends. */
uint64_t live_period_start_s(const struct live_lease *lease);
uint64_t live_period_end_s(const struct live_lease *lease);
bool live_is_metered(const struct live_lease *lease);

#endif
