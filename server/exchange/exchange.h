/*
 * The rules of the exchange: state, request and time in; state, events and results out. They read
 * no clock, no randomness and no files, and everything they do follows from their input, so that a
 * journal replayed into an empty exchange gives the same events, byte for byte. One thread uses an
 * exchange at a time.
 *
 * A group is worked off between exchange_begin() and exchange_end(). After exchange_begin() come
 * the group's entries in their order: exchange_found() first of all in the first group, then
 * starts, ticks and requests.
 */
#ifndef BOURSE_EXCHANGE_EXCHANGE_H
#define BOURSE_EXCHANGE_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/arena.h"
#include "protocol/events.h"
#include "protocol/frames.h"
#include "protocol/genesis.h"
#include "protocol/operations.h"
#include "protocol/queries.h"
#include "protocol/refusal.h"
#include "server/store/store.h"

struct exchange;

/*
 * An empty exchange. `genesis` is copied, texts included; `nonce_key` keys the nonces of events.
 * The exchange owns its store (tables of rows.h).
 */
struct exchange *exchange_new(const struct genesis *genesis, const uint8_t exchange_id[32],
                              const uint8_t nonce_key[32]);
void exchange_free(struct exchange *x);
struct store *exchange_store(struct exchange *x);
/* After image_load() has filled the store: takes over the counters and the clock. An image that
 * contradicts itself is STATUS_DAMAGED. */
int exchange_loaded(struct exchange *x);

/* --- A group --- */

/*
 * Begins group `group` (the last one plus 1) at time_s. In manual mode the time is
 * exchange_clock()'s confirmed time, otherwise at least the last group's and at most
 * exchange_time_limit().
 */
void exchange_begin(struct exchange *x, uint64_t group, uint64_t time_s);
/* The first entry of all: genesis event, account 1 (the admin). In an exchange continued from a
 * backup (genesis.former_*) the state is there already and only the `restored` event is logged;
 * the log begins again at index 0. */
void exchange_found(struct exchange *x);
/* The server starts: clock mode, and an outage when the time since the last group is OUTAGE_MIN_S
 * or more (never in manual mode). */
void exchange_start(struct exchange *x, enum clock_mode mode);
/* Works off at most TICK_ITEMS_MAX due items in the order (due, kind, serial), but before them
 * asks resting orders, with half of them while anything else is due. */
void exchange_tick(struct exchange *x);
/*
 * Works off one signed request whose signature (over its body, under request->key, for this
 * exchange) has been verified. `body_hash` is the SHA-256 of the signed body. Results are allocated
 * in `arena`. reply->seq is left to the caller. When the id was worked off before, with the same
 * body, reply->repeated is set, reply->index is its event's index, and results are left empty: the
 * caller reads the events again and calls reply_rebuild().
 */
void exchange_request(struct exchange *x, const struct request *request,
                      const uint8_t body_hash[32], struct arena *arena, struct frame_reply *reply);
/*
 * Whether the request has to be worked off in a group. Not when it would leave no trace at time_s:
 * a retry, one that is refused as a whole, a newcomer's that is refused. Then *reply is filled in
 * as by exchange_request(), as of the last group, and nothing about it needs to be journaled: else
 * anybody with a key of their own could fill the disk. Between groups.
 */
bool exchange_request_matters(const struct exchange *x, const struct request *request,
                              const uint8_t body_hash[32], uint64_t time_s, struct arena *arena,
                              struct frame_reply *reply);
/* Ends the group: checks conservation of the series touched (an assertion), puts the head row,
 * settles the store. */
void exchange_end(struct exchange *x);

/* Events of the present or last group, in order. */
struct event_batch {
    uint64_t first_index; /* log index of the first */
    uint32_t count;
    const uint32_t *ends; /* ends[i]: offset in data behind event i */
    const uint8_t *data;  /* each: nonce and [code, fields] */
};
/* Valid until the next exchange_begin(). */
struct event_batch exchange_events(const struct exchange *x);

/* --- Outcomes of requests worked off before --- */

/*
 * Fills reply->results (in `arena`) from the log: `read` gives the data of the event at an index
 * (valid until its next call). Needs reply->index. Errors: STATUS_DAMAGED, STATUS_MEMORY, or
 * read's.
 */
typedef int event_reader(void *context, uint64_t index, const uint8_t **data_out,
                         size_t *length_out);
int reply_rebuild(struct frame_reply *reply, event_reader *read, void *context,
                  struct arena *arena);

/* --- Time --- */

uint64_t exchange_time(const struct exchange *x);
enum clock_mode exchange_clock_mode(const struct exchange *x); /* 0 before the first start */
/* Manual clock: the time of the next group. */
uint64_t exchange_manual_time(const struct exchange *x);
/* Real clock: the latest time the next group may have without an admin's word. */
uint64_t exchange_time_limit(const struct exchange *x);
/* When the next due item is due; UINT64_MAX: none. */
uint64_t exchange_next_due(const struct exchange *x);

/*
 * Works out some of what backstops that have begun by now_s will need when they are next added up,
 * at most of so many offers, so that no group has to wait until it is done for all of them. True:
 * there is more. Between groups; changes nothing that anybody sees.
 */
bool exchange_prepare(struct exchange *x, uint64_t now_s, uint32_t offers);

/* --- Questions --- */

/* Whom a channel key speaks for, and for how long. */
struct channel_right {
    uint32_t account;     /* 0: nobody */
    bool is_further;      /* a further key of the account, not its own; then: */
    uint8_t sign_key[32]; /* the signing key it was added with, which names it in its removal */
    uint64_t expires_s;   /* 0: never */
};
struct channel_right exchange_channel_right(const struct exchange *x,
                                            const uint8_t channel_key[32]);
/* The further key that this is the channel key of, expired or not; false: none. Its label is valid
 * until the next change. */
bool exchange_further_key(const struct exchange *x, const uint8_t channel_key[32],
                          struct key_info *out);
/* The account that this is a channel key of, its own or a further one; 0: none. */
uint32_t exchange_account_by_channel(const struct exchange *x, const uint8_t channel_key[32]);
/* Role and name (NUL-terminated, valid until the next change); 0 when there is no such account. */
uint32_t exchange_account_role(const struct exchange *x, uint32_t account, const char **name_out);
/* Whether the account may see this event (role, public kinds, parties). */
bool exchange_may_see(const struct exchange *x, uint32_t account, const struct message *event,
                      const void *body);
/*
 * Answers a query of query_set, except status, receipt, checkpoint and access, which need the log
 * and the server, and report. `account` 0 is a stranger. The answer (message answer_out of
 * answer_set) is allocated in `arena`; its texts may point into the state: encode it before the
 * next change.
 */
enum refusal exchange_query(const struct exchange *x, uint32_t account, const struct message *query,
                            const void *body, struct arena *arena,
                            const struct message **answer_out, const void **body_out);
/*
 * Whose report a query is about, 0: of the whole exchange, which admins and auditors ask for by
 * naming nobody; others get their own then. Refusals: unknown_account, not_visible,
 * account_not_found. Reports themselves are made elsewhere (server/report).
 */
enum refusal exchange_report_subject(const struct exchange *x, uint32_t account,
                                     const struct q_report *query, uint32_t *subject_out);
/* The index of the event that holds a lease's sealed access, for its holder. */
enum refusal exchange_access_index(const struct exchange *x, uint32_t account, uint64_t lease,
                                   uint64_t *index_out);

/* --- Checks --- */

/*
 * Recomputes what must hold and calls `report` with a line for each thing that does not:
 * conservation per series, trial balance, ledger accounts against the rows under them, each index
 * in memory against its rows, references between rows. Returns how many were reported.
 */
uint64_t exchange_check(const struct exchange *x, void (*report)(void *context, const char *line),
                        void *context);

#endif
