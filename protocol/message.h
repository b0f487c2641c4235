/*
 * Messages: each is described once, as a list of fields with type and limits, from which its C
 * struct, its encoding, strict decoding, JSON and the fuzzer's generator are made.
 *
 * On the wire a message's fields are one msgpack array in the order of the description, and a
 * message that could be one of several kinds is the array [code, fields]. Decoding is strict: an
 * unknown code, a wrong type, a value outside its limits, surplus or missing fields and trailing
 * bytes are errors that name the field.
 */
#ifndef BOURSE_PROTOCOL_MESSAGE_H
#define BOURSE_PROTOCOL_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/arena.h"
#include "protocol/buffer.h"
#include "protocol/vocabulary.h"

struct text {
    const char *data; /* UTF-8, not NUL-terminated; no control characters */
    uint32_t length;
};

/* A text that ends with a NUL (as a row's padded columns do) as one of a message; valid as long as
 * it is. */
struct text text_of(const char *terminated);

struct bytes {
    const uint8_t *data;
    uint32_t length;
};

enum field_kind {
    FIELD_BOOL,       /* bool */
    FIELD_U32,        /* uint32_t */
    FIELD_U64,        /* uint64_t */
    FIELD_AMOUNT,     /* uint64_t micro-credits */
    FIELD_PRICE,      /* uint64_t micro-credits per GPU-hour */
    FIELD_TIME,       /* uint64_t seconds UTC; 0 where allowed means none */
    FIELD_ENUM,       /* uint32_t, one of a vocabulary */
    FIELD_FLAGS,      /* uint32_t, bits of a vocabulary */
    FIELD_ACCOUNT,    /* uint32_t; in an event: a party, who may see it */
    FIELD_SERIES,     /* uint32_t */
    FIELD_NUMBER,     /* uint64_t: serial of a token, offer, lease, ... */
    FIELD_REFUSAL,    /* uint32_t */
    FIELD_KEY,        /* uint8_t[32] */
    FIELD_HASH,       /* uint8_t[32] */
    FIELD_ID,         /* uint8_t[16] */
    FIELD_SIGNATURE,  /* uint8_t[64] */
    FIELD_TEXT,       /* struct text */
    FIELD_BYTES,      /* struct bytes */
    FIELD_LIST,       /* {const struct PART *items; uint32_t count} */
    FIELD_NUMBERS,    /* {const uint64_t *items; uint32_t count} */
    FIELD_OPERATIONS, /* {const struct operation *items; uint32_t count} */
};

struct message;

struct field {
    const char *name;
    enum field_kind kind;
    uint32_t offset; /* into the struct */
    uint64_t min;    /* of the value, the length or the count */
    uint64_t max;
    const struct message *part;     /* FIELD_LIST: what its items are */
    const struct vocabulary *words; /* FIELD_ENUM, FIELD_FLAGS */
};

struct message {
    const char *name;
    uint32_t code; /* 0 for a part, which only stands inside others */
    uint32_t size; /* of the struct */
    uint32_t fields_count;
    const struct field *fields;
};

/* The kinds of message that may stand in one place, by code. */
struct message_set {
    const char *name; /* "operation", "query", ... */
    uint32_t count;
    const struct message *const *messages;
};

/* One operation of a request, decoded. */
struct operation {
    const struct message *message;
    const void *body; /* the struct that `message` describes */
};

/* Any list field, whatever its items. */
struct list {
    const void *items;
    uint32_t count;
};

struct decode_error {
    char text[160]; /* "token_transfer.outputs[3].amount_ucr: 0 is below 1" */
};

const struct message *message_by_code(const struct message_set *set, uint32_t code);
const struct message *message_by_name(const struct message_set *set, const char *name);

/* Appends the fields as one array. The body must be within its limits. */
void message_encode(const struct message *m, const void *body, struct buffer *out);
/* Appends [code, fields]. */
void message_encode_coded(const struct message *m, const void *body, struct buffer *out);

/*
 * Decodes exactly `length` bytes. `body_out` has m->size bytes. Lists go to the arena; texts and
 * bytes point into `data`, which must live as long as the body. Errors: STATUS_MALFORMED (with
 * `error` filled in), STATUS_MEMORY. Bounded in memory by a small multiple of `length`.
 */
int message_decode(const struct message *m, const uint8_t *data, size_t length, struct arena *arena,
                   void *body_out, struct decode_error *error);
/* The same for [code, fields] of one of a set; the body is allocated in the arena. */
int message_decode_coded(const struct message_set *set, const uint8_t *data, size_t length,
                         struct arena *arena, const struct message **message_out,
                         const void **body_out, struct decode_error *error);

/* Whether an ACCOUNT field anywhere in the body names `account` (parts included). */
bool message_names_account(const struct message *m, const void *body, uint32_t account);

/* --- How messages are declared. X(kind, S, name, a, b): see the MEMBER_ and LIMITS_ macros. --- */

#define MEMBER_BOOL(name, a, b)      bool name;
#define MEMBER_U32(name, a, b)       uint32_t name;
#define MEMBER_U64(name, a, b)       uint64_t name;
#define MEMBER_AMOUNT(name, a, b)    uint64_t name;
#define MEMBER_PRICE(name, a, b)     uint64_t name;
#define MEMBER_TIME(name, a, b)      uint64_t name;
#define MEMBER_ENUM(name, a, b)      uint32_t name;
#define MEMBER_FLAGS(name, a, b)     uint32_t name;
#define MEMBER_ACCOUNT(name, a, b)   uint32_t name;
#define MEMBER_SERIES(name, a, b)    uint32_t name;
#define MEMBER_NUMBER(name, a, b)    uint64_t name;
#define MEMBER_REFUSAL(name, a, b)   uint32_t name;
#define MEMBER_KEY(name, a, b)       uint8_t name[32];
#define MEMBER_HASH(name, a, b)      uint8_t name[32];
#define MEMBER_ID(name, a, b)        uint8_t name[16];
#define MEMBER_SIGNATURE(name, a, b) uint8_t name[64];
#define MEMBER_TEXT(name, a, b)      struct text name;
#define MEMBER_BYTES(name, a, b)     struct bytes name;
#define MEMBER_LIST(name, a, b)                                                                    \
    struct {                                                                                       \
        const struct a *items;                                                                     \
        uint32_t count;                                                                            \
    } name;
#define MEMBER_NUMBERS(name, a, b)                                                                 \
    struct {                                                                                       \
        const uint64_t *items;                                                                     \
        uint32_t count;                                                                            \
    } name;
#define MEMBER_OPERATIONS(name, a, b)                                                              \
    struct {                                                                                       \
        const struct operation *items;                                                             \
        uint32_t count;                                                                            \
    } name;

#define MESSAGE_MEMBER(kind, S, name, a, b) MEMBER_##kind(name, a, b)
#define MESSAGE_STRUCT(S, FIELDS)                                                                  \
    struct S {                                                                                     \
        FIELDS(MESSAGE_MEMBER, S)                                                                  \
    };                                                                                             \
    extern const struct message S##_message

#endif
