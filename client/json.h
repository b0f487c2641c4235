/*
 * Messages as JSON, for people's scripts: the same descriptions that make the wire's encoding.
 *
 *   bool                          true, false
 *   numbers, accounts, series     integers; above 2^63 - 1 a string of digits
 *   amounts, prices               integers of micro-credits; above 2^63 - 1 a string of credits
 *   times                         "2026-11-22T10:00:30Z"; 0 is null
 *   enums, refusals               their names; flags: an array of names
 *   keys, hashes, ids, signatures lower-case hex
 *   text                          a string
 *   bytes                         base64 (RFC 4648 section 4, padded)
 *   lists                         arrays; of parts, objects; of operations, objects with the
 *                                 operation's name as "operation" beside its fields
 */
#ifndef BOURSE_CLIENT_JSON_H
#define BOURSE_CLIENT_JSON_H

#include <jansson.h>

#include "protocol/arena.h"
#include "protocol/message.h"

/* An object with a key for every field, in their order. The body must be within its limits. A new
 * reference; NULL when memory is out. */
json_t *message_to_json(const struct message *m, const void *body);

/*
 * The inverse, and what it reads besides: times as integers of seconds, refusals and times as what
 * they are on the wire, amounts and prices as strings of credits ("12.5"), numbers as strings of
 * digits, hex of either case. A key that is left out stands for the field's zero (0, false, empty,
 * null) where the message allows that. The body is within its limits and points into the arena
 * only; `json` is borrowed. Errors: STATUS_MALFORMED, with the field's name in `error` (an unknown
 * key, a missing one, a wrong type, a value outside its limits); STATUS_MEMORY.
 */
int message_from_json(const struct message *m, json_t *json, struct arena *arena, void *body_out,
                      struct decode_error *error);

#endif
