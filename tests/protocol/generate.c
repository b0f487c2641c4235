#include "tests/protocol/generate.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/operations.h"
#include "tests/random.h"

enum { LIST_USUAL_MAX = 6, LIST_RARE_MAX = 300, BYTES_USUAL_MAX = 300, BYTES_RARE_MAX = 70000 };

uint64_t generate_u64(struct generator *g)
{
    return random_next(&g->state);
}

uint64_t generate_below(struct generator *g, uint64_t bound)
{
    return generate_u64(g) % bound;
}

uint64_t generate_between(struct generator *g, uint64_t min, uint64_t max)
{
    uint64_t span = max - min;
    switch (generate_below(g, 8)) {
    case 0:
        return min;
    case 1:
        return max;
    case 2:
        return max - generate_below(g, span < 3 ? span + 1 : 3);
    default: {
        uint64_t distance = generate_u64(g) >> generate_below(g, 64);
        return min + (span == UINT64_MAX ? distance : distance % (span + 1));
    }
    }
}

static void *allocate(struct generator *g, size_t size)
{
    void *at = arena_alloc(g->arena, size > 0 ? size : 1);
    assert(at != NULL);
    return at;
}

/* Small most of the time, so that messages stay handy. */
static uint64_t size_between(struct generator *g, uint64_t min, uint64_t max, uint64_t usual,
                             uint64_t rare)
{
    uint64_t most = generate_below(g, 40) == 0 ? rare : usual;
    return generate_between(g, min, max < min + most ? max : min + most);
}

static uint32_t word_generate(struct generator *g, const struct vocabulary *words)
{
    return words->values[generate_below(g, words->count)].value;
}

static uint32_t flags_generate(struct generator *g, const struct vocabulary *words)
{
    uint32_t flags = 0;
    for (uint32_t i = 0; i < words->count; i++) {
        if (generate_below(g, 2) == 0)
            flags |= words->values[i].value;
    }
    return flags;
}

static struct text text_generate(struct generator *g, uint64_t min, uint64_t max)
{
    static const char *const characters[] = {"a",  "Z",      "7",      " ",          "-", "\"",
                                             "\\", "\u00e9", "\u2014", "\U0001f600", "/", "\u00a0"};
    uint64_t length = size_between(g, min, max, 30, 255);
    char *data = allocate(g, length);
    size_t used = 0;
    while (used < length) {
        const char *c = characters[generate_below(g, sizeof(characters) / sizeof(characters[0]))];
        size_t size = strlen(c);
        if (size <= length - used) {
            memcpy(data + used, c, size);
            used += size;
        }
    }
    return (struct text){data, (uint32_t)length};
}

static void octets_generate(struct generator *g, uint8_t *at, size_t length)
{
    /* All zeros is a value that many a field has a meaning for. */
    bool zero = generate_below(g, 10) == 0;
    for (size_t i = 0; i < length; i++)
        at[i] = zero ? 0 : (uint8_t)generate_u64(g);
}

static struct bytes bytes_generate(struct generator *g, uint64_t min, uint64_t max)
{
    uint64_t length = size_between(g, min, max, BYTES_USUAL_MAX, BYTES_RARE_MAX);
    uint8_t *data = allocate(g, length);
    octets_generate(g, data, length);
    return (struct bytes){data, (uint32_t)length};
}

static struct list list_generate(struct generator *g, const struct field *f)
{
    uint64_t count = size_between(g, f->min, f->max, LIST_USUAL_MAX, LIST_RARE_MAX);
    struct list list = {NULL, (uint32_t)count};
    if (f->kind == FIELD_LIST) {
        uint8_t *items = allocate(g, count * f->part->size);
        for (uint64_t i = 0; i < count; i++)
            generate_body(g, f->part, items + i * f->part->size);
        list.items = items;
    } else if (f->kind == FIELD_NUMBERS) {
        uint64_t *items = allocate(g, count * sizeof(*items));
        for (uint64_t i = 0; i < count; i++)
            items[i] = generate_between(g, 0, UINT64_MAX);
        list.items = items;
    } else {
        struct operation *items = allocate(g, count * sizeof(*items));
        for (uint64_t i = 0; i < count; i++) {
            items[i].message = operation_set.messages[generate_below(g, operation_set.count)];
            void *body = allocate(g, items[i].message->size);
            generate_body(g, items[i].message, body);
            items[i].body = body;
        }
        list.items = items;
    }
    return list;
}

static void field_generate(struct generator *g, const struct field *f, uint8_t *at)
{
    uint32_t u32 = 0;
    uint64_t u64 = 0;
    switch (f->kind) {
    case FIELD_BOOL: {
        bool value = generate_below(g, 2) == 0;
        memcpy(at, &value, sizeof(value));
        break;
    }
    case FIELD_U32:
    case FIELD_ACCOUNT:
    case FIELD_SERIES:
    case FIELD_REFUSAL:
    case FIELD_ENUM:
    case FIELD_FLAGS:
        u32 = f->kind == FIELD_ENUM    ? word_generate(g, f->words)
              : f->kind == FIELD_FLAGS ? flags_generate(g, f->words)
                                       : (uint32_t)generate_between(g, f->min, f->max);
        memcpy(at, &u32, sizeof(u32));
        break;
    case FIELD_U64:
    case FIELD_AMOUNT:
    case FIELD_PRICE:
    case FIELD_TIME:
    case FIELD_NUMBER:
        u64 = generate_between(g, f->min, f->max);
        memcpy(at, &u64, sizeof(u64));
        break;
    case FIELD_KEY:
    case FIELD_HASH:
    case FIELD_ID:
    case FIELD_SIGNATURE:
        octets_generate(g, at, f->max);
        break;
    case FIELD_TEXT: {
        struct text text = text_generate(g, f->min, f->max);
        memcpy(at, &text, sizeof(text));
        break;
    }
    case FIELD_BYTES: {
        struct bytes bytes = bytes_generate(g, f->min, f->max);
        memcpy(at, &bytes, sizeof(bytes));
        break;
    }
    case FIELD_LIST:
    case FIELD_NUMBERS:
    case FIELD_OPERATIONS: {
        struct list list = list_generate(g, f);
        memcpy(at, &list, sizeof(list));
        break;
    }
    }
}

void generate_body(struct generator *g, const struct message *m, void *body_out)
{
    for (uint32_t i = 0; i < m->fields_count; i++)
        field_generate(g, &m->fields[i], (uint8_t *)body_out + m->fields[i].offset);
}

size_t generate_mutation(struct generator *g, uint8_t *data, size_t length, size_t capacity)
{
    for (uint64_t changes = 1 + generate_below(g, 3); changes > 0; changes--) {
        size_t at = length > 0 ? generate_below(g, length) : 0;
        switch (generate_below(g, 5)) {
        case 0: /* a bit flips */
            if (length > 0)
                data[at] ^= (uint8_t)(1u << generate_below(g, 8));
            break;
        case 1: /* another byte, MessagePack's heads above all */
            if (length > 0)
                data[at] = (uint8_t)(0x80 + generate_below(g, 0x80));
            break;
        case 2: /* cut out */
            if (length > at) {
                size_t gone = 1 + generate_below(g, length - at < 8 ? length - at : 8);
                memmove(data + at, data + at + gone, length - at - gone);
                length -= gone;
            }
            break;
        case 3: /* put in */
            if (length < capacity) {
                memmove(data + at + 1, data + at, length - at);
                data[at] = (uint8_t)generate_u64(g);
                length++;
            }
            break;
        default: /* a run from elsewhere */
            if (length > 0) {
                size_t from = generate_below(g, length);
                size_t most = length - (from > at ? from : at);
                memmove(data + at, data + from, generate_below(g, most + 1));
            }
            break;
        }
    }
    return length;
}

static bool lists_equal(const struct field *f, const void *a, const void *b)
{
    struct list x;
    struct list y;
    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    if (x.count != y.count)
        return false;
    for (uint32_t i = 0; i < x.count; i++) {
        if (f->kind == FIELD_LIST) {
            size_t offset = (size_t)i * f->part->size;
            if (!bodies_equal(f->part, (const uint8_t *)x.items + offset,
                              (const uint8_t *)y.items + offset))
                return false;
        } else if (f->kind == FIELD_NUMBERS) {
            if (((const uint64_t *)x.items)[i] != ((const uint64_t *)y.items)[i])
                return false;
        } else {
            const struct operation *o = (const struct operation *)x.items + i;
            const struct operation *p = (const struct operation *)y.items + i;
            if (o->message != p->message || !bodies_equal(o->message, o->body, p->body))
                return false;
        }
    }
    return true;
}

static bool fields_equal(const struct field *f, const uint8_t *a, const uint8_t *b)
{
    switch (f->kind) {
    case FIELD_BOOL:
        return memcmp(a, b, sizeof(bool)) == 0;
    case FIELD_U32:
    case FIELD_ENUM:
    case FIELD_FLAGS:
    case FIELD_ACCOUNT:
    case FIELD_SERIES:
    case FIELD_REFUSAL:
        return memcmp(a, b, sizeof(uint32_t)) == 0;
    case FIELD_U64:
    case FIELD_AMOUNT:
    case FIELD_PRICE:
    case FIELD_TIME:
    case FIELD_NUMBER:
        return memcmp(a, b, sizeof(uint64_t)) == 0;
    case FIELD_KEY:
    case FIELD_HASH:
    case FIELD_ID:
    case FIELD_SIGNATURE:
        return memcmp(a, b, f->max) == 0;
    case FIELD_TEXT:
    case FIELD_BYTES: {
        /* struct text and struct bytes are laid out alike. */
        struct bytes x;
        struct bytes y;
        memcpy(&x, a, sizeof(x));
        memcpy(&y, b, sizeof(y));
        return x.length == y.length && (x.length == 0 || memcmp(x.data, y.data, x.length) == 0);
    }
    case FIELD_LIST:
    case FIELD_NUMBERS:
    case FIELD_OPERATIONS:
        return lists_equal(f, a, b);
    }
    return false;
}

bool bodies_equal(const struct message *m, const void *a, const void *b)
{
    for (uint32_t i = 0; i < m->fields_count; i++) {
        uint32_t offset = m->fields[i].offset;
        if (!fields_equal(&m->fields[i], (const uint8_t *)a + offset, (const uint8_t *)b + offset))
            return false;
    }
    return true;
}
