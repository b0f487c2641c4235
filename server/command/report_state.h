/* The rows as they were after the first entries of the log: the journal replayed into memory. */
#ifndef BOURSE_COMMAND_REPORT_STATE_H
#define BOURSE_COMMAND_REPORT_STATE_H

#include <stdint.h>

#include "protocol/buffer.h"
#include "server/engine/folder.h"
#include "server/exchange/exchange.h"

/* How far to go: to the last group that is in the log's first `entries` and not after time_s;
 * UINT64_MAX: as far as there is. */
struct report_end {
    uint64_t entries;
    uint64_t time_s;
};

/* What the group behind the last one would have gone beyond. */
enum report_bound {
    REPORT_BOUND_NONE, /* there is none */
    REPORT_BOUND_ENTRIES,
    REPORT_BOUND_TIME,
};

/*
 * Replays, with a bar on stderr; works beside a running server. The caller frees the exchange.
 * *bound_out: why it goes no further. A group is as late as the state it leads to: one that moves a
 * manual clock is at the time to which it was moved.
 * Errors (with a line): STATUS_NOT_FOUND (no group lies so early, or the log has fewer entries),
 * those of replay.h.
 */
int report_state_at(const struct data_folder *folder, const struct report_end *end,
                    struct exchange **out, enum report_bound *bound_out, struct buffer *error);
/* The same as it was just before time_s, within the same entries; *out is NULL when nothing was
 * there yet. */
int report_state_before(const struct data_folder *folder, const struct report_end *end,
                        uint64_t time_s, struct exchange **out, struct buffer *error);

#endif
