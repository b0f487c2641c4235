/*
 * Requests of several accounts over one connection, in order: what a simulation needs that plays
 * all parts. Requests and questions are sent one behind the other without waiting and their
 * outcomes taken in the same order; since one connection's requests are worked off in the order in
 * which they were sent, what happens does not depend on timing. Request ids follow from the seed.
 * Blocking, one thread.
 */
#ifndef BOURSE_CLI_IMPORT_WIRE_H
#define BOURSE_CLI_IMPORT_WIRE_H

#include <stdint.h>

#include "client/connection.h"

struct wire;

/* Somebody who signs. Holds secrets: wipe `keys`. */
struct wire_party {
    uint32_t account;
    struct keys keys;
};

/*
 * Connects with the party's channel key, whose account then is who asks the questions.
 * `time_s` is the exchange's present time. The server's identity is proven by the pin's channel
 * key. Errors, explained: those of stream_open().
 */
int wire_open(const char *address, const struct pin *pin, const struct wire_party *who,
              uint64_t seed, uint64_t time_s, struct wire **out, struct connection_error *error);
void wire_close(struct wire *w); /* NULL is allowed */

/* The exchange's time as of the next request: valid_until counts from it. */
void wire_time_set(struct wire *w, uint64_t time_s);

/* Signs and sends. Errors: STATUS_LIMIT (too large), STATUS_CLOSED, STATUS_TIMEOUT... */
int wire_send(struct wire *w, const struct wire_party *signer, const struct operation *operations,
              uint32_t count, struct connection_error *error);
int wire_ask(struct wire *w, const struct message *query, const void *body,
             struct connection_error *error);

/*
 * The outcome of the oldest request that has not been taken; a refusal of the request as a whole
 * is an error here (STATUS_MISUSE, error->refusal), one of an operation is in the results.
 */
int wire_reply(struct wire *w, struct arena *arena, const struct frame_reply **reply_out,
               struct connection_error *error);
/* The answer to the oldest question, in its turn; a refusal is an error as above. */
int wire_answer(struct wire *w, const struct message *query, struct arena *arena,
                const void **answer_out, struct connection_error *error);

/* Keys of a party of a simulation: they follow from seed and name, so they protect nothing. */
void wire_keys(uint64_t seed, const char *name, struct keys *out);
/* The seed of those keys, as key files hold it. */
void wire_key_seed(uint64_t seed, const char *name, uint8_t out[KEYS_SEED_BYTES]);

#endif
