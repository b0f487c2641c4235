/*
 * Frames: what travels inside the channel, each the array [code, fields]. `seq` is chosen by the
 * client and comes back in the answer.
 */
#ifndef BOURSE_PROTOCOL_FRAMES_H
#define BOURSE_PROTOCOL_FRAMES_H

#include "protocol/limits.h"
#include "protocol/message.h"

/* Client to server: a request as encoded by message_encode(&request_message), and its signature
 * (purpose PURPOSE_REQUEST). */
#define FRAME_REQUEST_FIELDS(X, S)                                                                 \
    X(U32, S, seq, 0, UINT32_MAX)                                                                  \
    X(BYTES, S, body, 1, REQUEST_BYTES_MAX)                                                        \
    X(SIGNATURE, S, signature, 0, 0)
MESSAGE_STRUCT(frame_request, FRAME_REQUEST_FIELDS);

/* Client to server: a query, [code, fields] of query_set. */
#define FRAME_QUERY_FIELDS(X, S)                                                                   \
    X(U32, S, seq, 0, UINT32_MAX)                                                                  \
    X(BYTES, S, body, 1, FRAME_BYTES_MAX)
MESSAGE_STRUCT(frame_query, FRAME_QUERY_FIELDS);

/* Client to server: pushes every event this account may see from log index `from` on. */
#define FRAME_SUBSCRIBE_FIELDS(X, S)                                                               \
    X(U32, S, seq, 0, UINT32_MAX)                                                                  \
    X(U64, S, from, 0, UINT64_MAX)
MESSAGE_STRUCT(frame_subscribe, FRAME_SUBSCRIBE_FIELDS);

#define FRAME_UNSUBSCRIBE_FIELDS(X, S) X(U32, S, seq, 0, UINT32_MAX)
MESSAGE_STRUCT(frame_unsubscribe, FRAME_UNSUBSCRIBE_FIELDS);

/*
 * The outcome of one operation: `refusal` 0 when accepted, then the log index of its event, the
 * number of what it made or touched, and the tokens and leases issued, whose serials follow on
 * each other.
 */
#define RESULT_FIELDS(X, S)                                                                        \
    X(REFUSAL, S, refusal, 0, UINT16_MAX)                                                          \
    X(U64, S, index, 0, UINT64_MAX)                                                                \
    X(NUMBER, S, object, 0, UINT64_MAX)                                                            \
    X(NUMBER, S, token_first, 0, UINT64_MAX)                                                       \
    X(U32, S, token_count, 0, UINT32_MAX)                                                          \
    X(NUMBER, S, lease_first, 0, UINT64_MAX)                                                       \
    X(U32, S, lease_count, 0, UINT32_MAX)
MESSAGE_STRUCT(result, RESULT_FIELDS);

/*
 * Server to client: a request's outcome. `refusal` above 0: the request as a whole was refused and
 * `results` is empty. `index` is the log index of the request's own event (only where one was
 * written: refusals before the id is recorded leave none, and `group` is the last one then).
 */
#define FRAME_REPLY_FIELDS(X, S)                                                                   \
    X(U32, S, seq, 0, UINT32_MAX)                                                                  \
    X(REFUSAL, S, refusal, 0, UINT16_MAX)                                                          \
    X(U64, S, group, 0, UINT64_MAX)                                                                \
    X(TIME, S, time_s, 0, TIME_MAX_S)                                                              \
    X(U64, S, index, 0, UINT64_MAX)                                                                \
    X(BOOL, S, repeated, 0, 1)                                                                     \
    X(LIST, S, results, result, BATCH_OPERATIONS_MAX)
MESSAGE_STRUCT(frame_reply, FRAME_REPLY_FIELDS);

/* Server to client: a query's answer, [code, fields] of answer_set, as of a group; or a refusal
 * with an empty body. */
#define FRAME_ANSWER_FIELDS(X, S)                                                                  \
    X(U32, S, seq, 0, UINT32_MAX)                                                                  \
    X(REFUSAL, S, refusal, 0, UINT16_MAX)                                                          \
    X(U64, S, group, 0, UINT64_MAX)                                                                \
    X(TIME, S, time_s, 0, TIME_MAX_S)                                                              \
    X(BYTES, S, body, 0, FRAME_BYTES_MAX)
MESSAGE_STRUCT(frame_answer, FRAME_ANSWER_FIELDS);

/* One event as logged: nonce and [code, fields] of event_set. */
#define LOGGED_EVENT_FIELDS(X, S)                                                                  \
    X(U64, S, index, 0, UINT64_MAX)                                                                \
    X(BYTES, S, data, EVENT_NONCE_BYTES, EVENT_BYTES_MAX)
MESSAGE_STRUCT(logged_event, LOGGED_EVENT_FIELDS);

/* Server to client: events of a subscription, in order; `next` is where to resume after them. */
#define FRAME_EVENTS_FIELDS(X, S)                                                                  \
    X(U32, S, seq, 0, UINT32_MAX)                                                                  \
    X(U64, S, next, 0, UINT64_MAX)                                                                 \
    X(LIST, S, events, logged_event, PAGE_ROWS_MAX)
MESSAGE_STRUCT(frame_events, FRAME_EVENTS_FIELDS);

/* Server to client: the frame `seq` (0: the connection itself) could not be handled. */
#define FRAME_ERROR_FIELDS(X, S)                                                                   \
    X(U32, S, seq, 0, UINT32_MAX)                                                                  \
    X(ENUM, S, error, wire_error, 0)                                                               \
    X(TEXT, S, message, 0, REASON_MAX_BYTES)
MESSAGE_STRUCT(frame_error, FRAME_ERROR_FIELDS);

#define FRAME_LIST(Y)                                                                              \
    Y(1, request, FRAME_REQUEST_FIELDS)                                                            \
    Y(2, query, FRAME_QUERY_FIELDS)                                                                \
    Y(3, subscribe, FRAME_SUBSCRIBE_FIELDS)                                                        \
    Y(4, unsubscribe, FRAME_UNSUBSCRIBE_FIELDS)                                                    \
    Y(16, reply, FRAME_REPLY_FIELDS)                                                               \
    Y(17, answer, FRAME_ANSWER_FIELDS)                                                             \
    Y(18, events, FRAME_EVENTS_FIELDS)                                                             \
    Y(19, error, FRAME_ERROR_FIELDS)

enum frame_code {
#define FRAME_CODE(code, name, fields) FRAME_##name = code,
    FRAME_LIST(FRAME_CODE)
#undef FRAME_CODE
};

extern const struct message_set frame_set;

#endif
