/*
 * The body of a group in the journal: what the sequencer decided, entry by entry. All numbers
 * little-endian:
 *
 *   0  version u8, 1
 *   1  entries, one behind the other up to the end of the body, each a kind (u8) and
 *        1 found    nothing more; only the first entry of group 1
 *        2 start    clock mode u8 (enum clock_mode); the server started
 *        3 tick     nothing more; due items are worked off
 *        4 request  signature (64 bytes), length u32, the signed body
 *
 * Index and time of the group stand in its header, which is the journal's (journal/format.h).
 */
#ifndef BOURSE_ENGINE_GROUP_H
#define BOURSE_ENGINE_GROUP_H

#include <stdbool.h>

#include "protocol/buffer.h"
#include "protocol/message.h"

enum { GROUP_BODY_VERSION = 1, GROUP_REQUEST_OVERHEAD = 1 + 64 + 4 };

enum group_entry_kind {
    GROUP_FOUND = 1,
    GROUP_START = 2,
    GROUP_TICK = 3,
    GROUP_REQUEST = 4,
};

struct group_entry {
    enum group_entry_kind kind;
    enum clock_mode mode;     /* of a start */
    const uint8_t *signature; /* of a request: 64 bytes */
    struct bytes body;        /* of a request */
};

/* Begins a body in the empty buffer, whose sticky error tells of failure. */
void group_begin(struct buffer *b);
void group_add_found(struct buffer *b);
void group_add_start(struct buffer *b, enum clock_mode mode);
void group_add_tick(struct buffer *b);
void group_add_request(struct buffer *b, const uint8_t signature[64], struct bytes body);

struct group_reader {
    const uint8_t *at;
    size_t left;
    bool is_first;
};

/* Errors: STATUS_MALFORMED (empty), STATUS_VERSION. */
int group_reader_init(struct group_reader *r, const uint8_t *data, size_t length);
/* The next entry, which points into the data. STATUS_NOT_FOUND at the end, STATUS_MALFORMED. */
int group_next(struct group_reader *r, struct group_entry *out);

#endif
