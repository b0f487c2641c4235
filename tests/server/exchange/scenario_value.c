#include "tests/server/exchange/scenario_value.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/amount.h"
#include "protocol/limits.h"
#include "protocol/moment.h"
#include "protocol/operations.h"
#include "tests/server/exchange/world.h"

enum { WORD_ROOM = 512, LIST_ROOM = 9000 };

static bool fault(struct value_scope *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool fault(struct value_scope *s, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(s->error, sizeof(s->error), format, arguments);
    va_end(arguments);
    return false;
}

void scope_bind(struct value_scope *s, const char *name, uint64_t value)
{
    if (strcmp(name, "_") == 0)
        return;
    for (uint32_t i = 0; i < s->names_count; i++) {
        if (strcmp(s->names[i].name, name) == 0) {
            s->names[i].value = value;
            return;
        }
    }
    if (s->names_count == NAMES_MAX)
        abort();
    struct value_name *n = &s->names[s->names_count++];
    snprintf(n->name, sizeof(n->name), "%s", name);
    n->value = value;
}

bool scope_find(const struct value_scope *s, const char *name, uint64_t *value_out)
{
    for (uint32_t i = 0; i < s->names_count; i++) {
        if (strcmp(s->names[i].name, name) == 0) {
            *value_out = s->names[i].value;
            return true;
        }
    }
    return false;
}

static void spaces_skip(const char **at)
{
    while (**at == ' ' || **at == ',' || **at == '\t')
        (*at)++;
}

bool word_read(struct value_scope *s, const char **at, const char *ending, char *out, size_t size)
{
    size_t length = 0;
    bool quoted = **at == '"';
    if (quoted)
        (*at)++;
    while (**at &&
           (quoted ? **at != '"' : !isspace((unsigned char)**at) && !strchr(ending, **at))) {
        if (length + 1 >= size)
            return fault(s, "a word is too long");
        out[length++] = *(*at)++;
    }
    out[length] = '\0';
    if (quoted) {
        if (**at != '"')
            return fault(s, "a quote is not closed");
        (*at)++;
    }
    return true;
}

/* --- Scalars --- */

static bool reference_read(struct value_scope *s, const char *word, uint64_t *out)
{
    unsigned operation, output;
    if (sscanf(word, "#%u.%u", &operation, &output) != 2)
        return fault(s, "%s is no reference such as #0.1", word);
    *out = token_reference(operation, output);
    return true;
}

bool number_read(struct value_scope *s, const char *word, uint64_t *out)
{
    size_t length = strlen(word);
    char *end;
    if (word[0] == '$')
        return scope_find(s, word + 1, out) || fault(s, "%s is bound to nothing", word);
    if (word[0] == '#')
        return reference_read(s, word, out);
    if (length > 2 && strcmp(word + length - 2, "cr") == 0) {
        char credits[AMOUNT_TEXT_BYTES];
        snprintf(credits, sizeof(credits), "%.*s", (int)(length - 2), word);
        return amount_parse(credits, out) || fault(s, "%s is no amount", word);
    }
    if (!isdigit((unsigned char)word[0]))
        return fault(s, "%s is no number", word);
    *out = strtoull(word, &end, 0);
    return *end == '\0' || fault(s, "%s is no number", word);
}

static bool time_read(struct value_scope *s, const char *word, uint64_t *out)
{
    if (word[0] == 'T')
        return word[1] == '\0'
                   ? (*out = s->begin_s, true)
                   : (moment_parse(word + 1, s->begin_s, out) || fault(s, "%s is no time", word));
    if (isdigit((unsigned char)word[0]) && !strchr(word, '-'))
        return number_read(s, word, out);
    if (word[0] == '$')
        return number_read(s, word, out);
    return moment_parse(word, s->now_s, out) || fault(s, "%s is no time", word);
}

static bool ends_with(const char *text, const char *ending)
{
    size_t length = strlen(text);
    size_t ending_length = strlen(ending);
    return length >= ending_length && strcmp(text + length - ending_length, ending) == 0;
}

/* A number, or a duration where the field is one. */
static bool span_read(struct value_scope *s, const struct field *f, const char *word, uint64_t *out)
{
    size_t length = strlen(word);
    bool spelled =
        length > 0 && isdigit((unsigned char)word[0]) && strchr("smhdw", word[length - 1]) != NULL;
    if (!spelled || !(ends_with(f->name, "_min") || ends_with(f->name, "_s")))
        return number_read(s, word, out);
    if (!duration_parse(word, out))
        return fault(s, "%s is no duration", word);
    if (ends_with(f->name, "_min"))
        *out /= 60;
    return true;
}

static bool flags_read(struct value_scope *s, const struct field *f, const char *word,
                       uint64_t *out)
{
    char copy[WORD_ROOM];
    char *rest = NULL;
    if (isdigit((unsigned char)word[0]))
        return number_read(s, word, out);
    snprintf(copy, sizeof(copy), "%s", word);
    *out = 0;
    for (char *part = strtok_r(copy, "|", &rest); part; part = strtok_r(NULL, "|", &rest)) {
        int64_t value = vocabulary_value(f->words, part);
        if (value < 0)
            return fault(s, "%s is no %s", part, f->words->word);
        *out |= (uint64_t)value;
    }
    return true;
}

static bool refusal_read(struct value_scope *s, const char *word, uint64_t *out)
{
    int refusal = refusal_from_name(word);
    if (refusal < 0)
        return fault(s, "%s is no refusal", word);
    *out = (uint64_t)refusal;
    return true;
}

static bool scalar_read(struct value_scope *s, const struct field *f, const char *word,
                        uint64_t *out)
{
    switch (f->kind) {
    case FIELD_TIME:
        return time_read(s, word, out);
    case FIELD_ENUM:
    case FIELD_FLAGS:
        return flags_read(s, f, word, out);
    case FIELD_REFUSAL:
        return refusal_read(s, word, out);
    case FIELD_BOOL:
        *out = strcmp(word, "true") == 0 || strcmp(word, "yes") == 0;
        return *out || strcmp(word, "false") == 0 || strcmp(word, "no") == 0 ||
               fault(s, "%s is neither true nor false", word);
    default:
        return span_read(s, f, word, out);
    }
}

static void scalar_store(const struct field *f, uint64_t value, void *out)
{
    uint32_t narrow = (uint32_t)value;
    bool flag = value != 0;
    switch (f->kind) {
    case FIELD_BOOL:
        memcpy(out, &flag, sizeof(flag));
        break;
    case FIELD_U32:
    case FIELD_ENUM:
    case FIELD_FLAGS:
    case FIELD_ACCOUNT:
    case FIELD_SERIES:
    case FIELD_REFUSAL:
        memcpy(out, &narrow, sizeof(narrow));
        break;
    default:
        memcpy(out, &value, sizeof(value));
        break;
    }
}

/* --- Bytes --- */

static void key_put(struct value_scope *s, const struct field *f, const char *name, void *out)
{
    struct keys keys;
    bool channel = strcmp(f->name, "channel_key") == 0;
    world_keys(name, &keys);
    memcpy(out, channel ? keys.channel_public : keys.sign_public, 32);
    if (!channel)
        snprintf(s->sign_key_name, sizeof(s->sign_key_name), "%s", name);
}

static bool fixed_read(struct value_scope *s, const struct field *f, const char *word, void *out)
{
    size_t size = (size_t)f->max;
    if (strcmp(word, "zero") == 0)
        memset(out, 0, size);
    else if (strcmp(word, "bad") == 0)
        memset(out, 0x5a, size);
    else if (strncmp(word, "key:", 4) == 0 && f->kind == FIELD_KEY)
        key_put(s, f, word + 4, out);
    else if (strncmp(word, "proof:", 6) != 0)
        return fault(s, "%s is no value of %s", word, f->name);
    if (f->kind == FIELD_SIGNATURE)
        snprintf(s->proof_name, sizeof(s->proof_name), "%s",
                 strncmp(word, "proof:", 6) == 0 ? word + 6 : "bad");
    return true;
}

/* `x*70` is 70 times x; `bytes:100` so many. */
static bool run_read(struct value_scope *s, const char *word, struct bytes *out)
{
    size_t length = strlen(word);
    char filler = 'x';
    const char *star = length > 2 ? strchr(word + 1, '*') : NULL;
    const char *count = NULL;
    if (strncmp(word, "bytes:", 6) == 0)
        count = word + 6;
    else if (star == word + 1) {
        filler = word[0];
        count = word + 2;
    }
    if (count)
        length = strtoul(count, NULL, 10);
    char *data = arena_alloc(s->arena, length + 1);
    if (!data)
        abort();
    if (count)
        memset(data, filler, length);
    else
        memcpy(data, word, length);
    *out = (struct bytes){(const uint8_t *)data, (uint32_t)length};
    return true;
}

/* --- Lists --- */

static bool part_read(struct value_scope *s, const struct message *part, const char **at,
                      void *item)
{
    body_defaults(part, item);
    if (**at != '{')
        return value_read(s, &part->fields[0], at, (uint8_t *)item + part->fields[0].offset);
    (*at)++;
    for (spaces_skip(at); **at && **at != '}'; spaces_skip(at)) {
        const char *equals = strchr(*at, '=');
        if (!equals)
            return fault(s, "name=value expected in {}");
        const struct field *f = field_by_name(part, *at, (size_t)(equals - *at));
        if (!f)
            return fault(s, "%s has no field %.*s", part->name, (int)(equals - *at), *at);
        *at = equals + 1;
        if (!value_read(s, f, at, (uint8_t *)item + f->offset))
            return false;
    }
    if (**at != '}')
        return fault(s, "{ is not closed");
    (*at)++;
    return true;
}

static const struct field serial_field = {.name = "serial", .kind = FIELD_NUMBER};

/* `[x]*3` is 3 times what is inside. */
static bool list_read(struct value_scope *s, const struct field *f, const char **at,
                      struct list *out)
{
    size_t size = f->kind == FIELD_LIST ? f->part->size : sizeof(uint64_t);
    uint8_t *items = arena_alloc(s->arena, LIST_ROOM * size);
    uint32_t count = 0;
    if (!items)
        abort();
    if (**at != '[')
        return fault(s, "a list [...] expected for %s", f->name);
    (*at)++;
    for (spaces_skip(at); **at && **at != ']'; spaces_skip(at)) {
        bool read = f->kind == FIELD_LIST ? part_read(s, f->part, at, items + count * size)
                                          : value_read(s, &serial_field, at, items + count * size);
        if (!read)
            return false;
        count++;
    }
    if (**at != ']')
        return fault(s, "[ is not closed");
    (*at)++;
    if (**at == '*') {
        uint32_t times = (uint32_t)strtoul(*at + 1, (char **)at, 10);
        if (times == 0 || times * count > LIST_ROOM)
            return fault(s, "too many items");
        for (uint32_t i = count; i < times * count; i++)
            memcpy(items + i * size, items + (i - count) * size, size);
        count *= times;
    }
    *out = (struct list){items, count};
    return true;
}

bool value_read(struct value_scope *s, const struct field *f, const char **at, void *out)
{
    char word[WORD_ROOM];
    if (f->kind == FIELD_LIST || f->kind == FIELD_NUMBERS) {
        struct list list;
        if (!list_read(s, f, at, &list))
            return false;
        memcpy(out, &list, sizeof(list));
        return true;
    }
    if (!word_read(s, at, ",]}", word, sizeof(word)))
        return false;
    switch (f->kind) {
    case FIELD_KEY:
    case FIELD_HASH:
    case FIELD_ID:
    case FIELD_SIGNATURE:
        return fixed_read(s, f, word, out);
    case FIELD_TEXT:
    case FIELD_BYTES: {
        struct bytes bytes;
        if (!run_read(s, word, &bytes))
            return false;
        memcpy(out, &bytes, sizeof(bytes));
        return true;
    }
    default: {
        uint64_t value;
        if (!scalar_read(s, f, word, &value))
            return false;
        scalar_store(f, value, out);
        return true;
    }
    }
}

/* --- Bodies --- */

const struct field *field_by_name(const struct message *m, const char *name, size_t length)
{
    for (uint32_t i = 0; i < m->fields_count; i++) {
        if (strlen(m->fields[i].name) == length && memcmp(m->fields[i].name, name, length) == 0)
            return &m->fields[i];
    }
    return NULL;
}

void body_defaults(const struct message *m, void *body)
{
    memset(body, 0, m->size);
    for (uint32_t i = 0; i < m->fields_count; i++) {
        const struct field *f = &m->fields[i];
        void *at = (uint8_t *)body + f->offset;
        switch (f->kind) {
        case FIELD_ENUM:
            scalar_store(f, f->words->values[0].value, at);
            break;
        case FIELD_U32:
        case FIELD_U64:
        case FIELD_AMOUNT:
        case FIELD_PRICE:
        case FIELD_TIME:
        case FIELD_ACCOUNT:
        case FIELD_SERIES:
        case FIELD_NUMBER:
            scalar_store(f, f->min, at);
            break;
        default:
            break;
        }
    }
}

bool body_read(struct value_scope *s, const struct message *m, const char *text, void *body,
               bool *seen)
{
    for (spaces_skip(&text); *text; spaces_skip(&text)) {
        const char *equals = strchr(text, '=');
        if (!equals)
            return fault(s, "name=value expected at: %s", text);
        const struct field *f = field_by_name(m, text, (size_t)(equals - text));
        if (!f)
            return fault(s, "%s has no field %.*s", m->name, (int)(equals - text), text);
        text = equals + 1;
        if (!value_read(s, f, &text, (uint8_t *)body + f->offset))
            return false;
        if (seen)
            seen[f - m->fields] = true;
    }
    return true;
}

/* --- Comparing --- */

static uint64_t scalar_load(const struct field *f, const void *at)
{
    uint64_t whole;
    uint32_t narrow;
    bool flag;
    switch (f->kind) {
    case FIELD_BOOL:
        memcpy(&flag, at, sizeof(flag));
        return flag;
    case FIELD_U32:
    case FIELD_ENUM:
    case FIELD_FLAGS:
    case FIELD_ACCOUNT:
    case FIELD_SERIES:
    case FIELD_REFUSAL:
        memcpy(&narrow, at, sizeof(narrow));
        return narrow;
    default:
        memcpy(&whole, at, sizeof(whole));
        return whole;
    }
}

static void scalar_say(const struct field *f, uint64_t value, char *room, size_t size)
{
    const char *name = NULL;
    if (f->kind == FIELD_ENUM)
        name = vocabulary_name(f->words, (uint32_t)value);
    else if (f->kind == FIELD_REFUSAL)
        name = refusal_name((unsigned)value);
    if (name)
        snprintf(room, size, "%s", name);
    else
        snprintf(room, size, "%" PRIu64, value);
}

static const char *count_differs(const void *at, const char *text, char *room, size_t size)
{
    struct list list;
    memcpy(&list, at, sizeof(list));
    snprintf(room, size, "count:%u", list.count);
    return strcmp(room, text) == 0 ? NULL : room;
}

static const char *bytes_differ(struct value_scope *s, const void *at, const char *text, char *room,
                                size_t size)
{
    struct bytes has, wanted;
    memcpy(&has, at, sizeof(has));
    run_read(s, text, &wanted);
    snprintf(room, size, "%.*s", (int)has.length, (const char *)has.data);
    return has.length == wanted.length &&
                   (has.length == 0 || memcmp(has.data, wanted.data, has.length) == 0)
               ? NULL
               : room;
}

const char *value_differs(struct value_scope *s, const struct field *f, const void *body,
                          const char *text, char *room, size_t size)
{
    const void *at = (const uint8_t *)body + f->offset;
    uint8_t fixed[64];
    uint64_t value;
    switch (f->kind) {
    case FIELD_LIST:
    case FIELD_NUMBERS:
    case FIELD_OPERATIONS:
        return count_differs(at, text, room, size);
    case FIELD_TEXT:
    case FIELD_BYTES:
        return bytes_differ(s, at, text, room, size);
    case FIELD_KEY:
    case FIELD_HASH:
    case FIELD_ID:
    case FIELD_SIGNATURE:
        snprintf(room, size, "another key");
        if (!fixed_read(s, f, text, fixed))
            return s->error;
        return memcmp(fixed, at, (size_t)f->max) == 0 ? NULL : room;
    default:
        if (!scalar_read(s, f, text, &value))
            return s->error;
        scalar_say(f, scalar_load(f, at), room, size);
        return value == scalar_load(f, at) ? NULL : room;
    }
}
