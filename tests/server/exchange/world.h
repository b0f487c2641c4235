/*
 * A small world for tests of the rules: an exchange, the log of its events and the entries it was
 * given, so that everything can be replayed and compared. No threads, no files.
 */
#ifndef BOURSE_TESTS_EXCHANGE_WORLD_H
#define BOURSE_TESTS_EXCHANGE_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/amount.h"
#include "protocol/keys.h"
#include "server/exchange/exchange.h"

#define WORLD_BEGIN_S UINT64_C(1800000000) /* a whole minute */

struct world_options {
    enum clock_mode mode;
    uint32_t activation_grace_s;
    uint32_t meter_grace_s;
    uint32_t dispute_window_s;
    uint32_t approvals; /* of several admins, for what is above these limits */
    uint64_t mint_limit_ucr;
    uint64_t payout_limit_ucr;
    const char *co_admins; /* names of accounts 2 and on, with commas between them; NULL: none */
};
#define WORLD_OPTIONS ((struct world_options){CLOCK_MODE_REAL, 3600, 7200, 14400, 1, 0, 0, NULL})

/* Idle: a group in which nothing happens but that time has passed. */
enum entry_kind { ENTRY_FOUND, ENTRY_START, ENTRY_TICK, ENTRY_REQUEST, ENTRY_IDLE };

/* One entry of the journal, as it was given to the exchange. */
struct world_entry {
    enum entry_kind kind;
    uint64_t group;
    uint64_t time_s;
    enum clock_mode mode;          /* START */
    const struct request *request; /* REQUEST; in the world's arena */
    uint8_t body_hash[32];
    struct frame_reply reply;
};

struct world {
    struct world_options options;
    struct genesis genesis;
    uint8_t id[32];
    struct exchange *x;
    uint64_t time_s;
    uint64_t ids; /* request ids drawn so far */

    struct world_entry *entries; /* owned */
    size_t entries_count;
    size_t entries_room;
    struct buffer log;      /* data of all events */
    struct buffer log_ends; /* uint64_t each */
    struct arena arena;     /* requests and replies; lives as long as the world */
    bool replayable;        /* false once a test changed the state behind the rules' back */
};

/* Founded and started at WORLD_BEGIN_S; account 1 has the keys of "admin". */
void world_begin(struct world *w, struct world_options options);
void world_end(struct world *w);

/* Everybody's keys follow from a name. */
void world_keys(const char *name, struct keys *k);

/* One group each, at w->time_s. */
void world_start(struct world *w, enum clock_mode mode);
void world_tick(struct world *w);
const struct frame_reply *world_request(struct world *w, const struct request *request);
/* The encoded request's hash. */
void world_hash(const struct request *request, uint8_t hash_out[32]);

/* Lets time go on, in several groups where the rules want it (a step is an hour at most; a manual
 * clock is advanced by the admin), and, if so asked, works off what falls due at its very second.
 */
void world_advance(struct world *w, uint64_t seconds, bool working);
/* Ticks until nothing more is due now. */
void world_settle(struct world *w);
/* Down for so long, then the start; a long outage waits for the admin's word. */
void world_restart(struct world *w, uint64_t outage_s, enum clock_mode mode);
/* Goes on with an exchange that has taken over the rows alone. */
void world_reload(struct world *w);
/* Goes on with another exchange, under an origin and an id of its own, that was restored from these
 * rows and started in the same group; the log begins anew. */
void world_restore(struct world *w);

/* Requests made easily: one operation, valid for 5 minutes, in the name of an account. */
const struct result *world_do(struct world *w, uint32_t account, const char *key_name,
                              const struct message *operation, const void *body);
/* A copy of an operation in the world's arena, so that it is still there for the replay. */
const void *world_keep(struct world *w, const struct message *operation, const void *body);
uint32_t world_register(struct world *w, const char *name, enum role role);
uint32_t world_series(struct world *w, const char *name, uint64_t expires_s);
/* Mints one token; returns its serial. */
uint64_t world_mint(struct world *w, uint32_t series, uint32_t account, amount a);

uint64_t world_log_size(const struct world *w);
/* An event_reader of the log; the context is the world. */
int world_read(void *world, uint64_t index, const uint8_t **data_out, size_t *length_out);

/*
 * What must hold after any story: the check finds nothing; a replay of the entries, and one that
 * groups them differently, give the same events and rows; so does what takes over the rows; every
 * outcome is rebuilt from the log. Returns how many things do not hold, with a line each on stderr.
 */
unsigned world_verify(struct world *w);

/* exchange_check() with its lines on stderr; or collected in `lines` when that is not NULL. */
uint64_t world_check(const struct exchange *x, struct buffer *lines);
/* Whether exchange_check() says this among other things; if not, stderr has what it says. */
bool world_reports(const struct exchange *x, const char *text);
/* Puts a row in the place of the one with its key behind the hooks' back: the indexes stay as they
 * were. */
void world_put_unseen(struct exchange *x, unsigned table, const void *row);
/* A new exchange with the same rows; NULL when exchange_loaded() refuses them. */
struct exchange *world_copy(const struct world *w);

#endif
