/*
 * A subscription: the events of the log, from an index on, that one account may see. It reads the
 * published log in bounded steps.
 */
#ifndef BOURSE_NET_SUBSCRIPTION_H
#define BOURSE_NET_SUBSCRIPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/buffer.h"
#include "server/log/log_store.h"

struct subscription {
    uint32_t seq;
    uint32_t account; /* 0: a stranger */
    bool sees_all;
    bool caught_up; /* the client knows that it has seen everything */
    uint64_t next;  /* the next index to look at */
    uint64_t since; /* events from here on happened after the subscription began */
    uint8_t peer_key[32];
    bool is_further; /* by a further key of the account, which was added with: */
    uint8_t sign_key[32];
    uint64_t expires_s; /* 0: never */
};

enum {
    SUBSCRIPTION_STEP_EVENTS = 1000,
    SUBSCRIPTION_STEP_BYTES = 256 * 1024,
};

/*
 * Looks at the next events below `log_size` and appends a frame (events) to the empty `frame_out`
 * when there is something to say: visible events, or that the end was reached for the first time.
 * At most SUBSCRIPTION_STEP_EVENTS events a step. Errors: STATUS_EXPIRED when the account has
 * replaced its keys since, or its further key that listens was removed or has expired, so that this
 * connection may not see more; those of
 * log_store_read_range().
 */
int subscription_step(struct subscription *s, const struct log_store *log, uint64_t log_size,
                      struct buffer *frame_out);

#endif
