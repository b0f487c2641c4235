/* Values of behaviour tables, read into the structs that messages describe. */
#ifndef BOURSE_TESTS_EXCHANGE_SCENARIO_VALUE_H
#define BOURSE_TESTS_EXCHANGE_SCENARIO_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/arena.h"
#include "protocol/message.h"

enum { NAMES_MAX = 512, NAME_ROOM = 64 };

struct value_name {
    char name[NAME_ROOM];
    uint64_t value;
};

/* What values may refer to. */
struct value_scope {
    struct arena *arena; /* lists and texts */
    struct value_name names[NAMES_MAX];
    uint32_t names_count;
    uint64_t now_s;
    uint64_t begin_s;       /* T */
    char error[256];        /* why the last read failed */
    char sign_key_name[64]; /* the name of the last key:name read for a sign_key or claim_key */
    char proof_name[64];    /* the name of proof:name, "" when none, "bad" */
};

void scope_bind(struct value_scope *s, const char *name, uint64_t value);
bool scope_find(const struct value_scope *s, const char *name, uint64_t *value_out);

/* The fields' values where nothing is said. */
void body_defaults(const struct message *m, void *body);
/* Reads `name=value ...` up to the end of the text into the body. `seen` (one a field; may be
 * NULL) is set for those named. False with s->error. */
bool body_read(struct value_scope *s, const struct message *m, const char *text, void *body,
               bool *seen);
/* Reads one value of a field's kind; advances *at behind it. */
bool value_read(struct value_scope *s, const struct field *f, const char **at, void *out);
/* A plain number: 40, 0x10, 12.5cr, $name. */
bool number_read(struct value_scope *s, const char *word, uint64_t *out);
/* The next word, up to a space or one of the ending characters; quotes are taken off. */
bool word_read(struct value_scope *s, const char **at, const char *ending, char *out, size_t size);
const struct field *field_by_name(const struct message *m, const char *name, size_t length);
/* Whether a field of `body` has the value that the text says; NULL: it has. Otherwise a text that
 * says what it has. */
const char *value_differs(struct value_scope *s, const struct field *f, const void *body,
                          const char *text, char *room, size_t size);

#endif
