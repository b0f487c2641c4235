#include "protocol/wire_check.h"

#include "protocol/endian.h"

/* The first bytes of an object: what the bytes are up to its payload or its first element. */
struct head {
    enum head_kind { HEAD_NUMBER, HEAD_CONTAINER, HEAD_OTHER } kind;
    uint64_t value; /* the number, or how many objects follow */
    uint64_t skip;  /* payload bytes */
};

static uint64_t big_endian(const uint8_t *at, size_t width)
{
    switch (width) {
    case 1:
        return *at;
    case 2:
        return get_u16_be(at);
    case 4:
        return get_u32_be(at);
    default:
        return get_u64_be(at);
    }
}

/* How many bytes of length or value follow each first byte from 0xc0 to 0xdf. */
static const uint8_t widths[32] = {
    0, 0, 0, 0, 1, 2, 4, 1, 2, 4, 4, 8, 1, 2, 4, 8, /* nil .. bin, ext, float, uint */
    1, 2, 4, 8, 1, 1, 1, 1, 1, 1, 2, 4, 2, 4, 2, 4, /* int, fixext, str, array, map; below */
};

/* The heads from 0xc0 to 0xdf. `width` bytes at `at` are there. */
static const char *wide_head(uint8_t first, const uint8_t *at, struct head *h)
{
    uint64_t value = big_endian(at, widths[first - 0xc0]);
    switch (first) {
    case 0xc4: /* bin */
    case 0xc5:
    case 0xc6:
    case 0xd9: /* str */
    case 0xda:
    case 0xdb:
        h->skip = value;
        return NULL;
    case 0xc7: /* ext: a type byte comes first */
    case 0xc8:
    case 0xc9:
        h->skip = value + 1;
        return NULL;
    case 0xd4: /* fixext: the type byte has been read as the value */
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
        h->skip = UINT64_C(1) << (first - 0xd4);
        return NULL;
    case 0xcc: /* uint */
    case 0xcd:
    case 0xce:
    case 0xcf:
        h->kind = HEAD_NUMBER;
        h->value = value;
        return NULL;
    case 0xdc: /* array */
    case 0xdd:
        h->kind = HEAD_CONTAINER;
        h->value = value;
        return NULL;
    case 0xde: /* map */
    case 0xdf:
        h->kind = HEAD_CONTAINER;
        h->value = value * 2;
        return NULL;
    default: /* float, int: their bytes have been read as the value */
        return NULL;
    }
}

/* Reads a head and moves *at behind it. */
static const char *head_read(const uint8_t **at, const uint8_t *end, struct head *h)
{
    *h = (struct head){HEAD_OTHER, 0, 0};
    if (*at == end)
        return "ends too early";
    uint8_t first = *(*at)++;
    if (first < 0x80) {
        h->kind = HEAD_NUMBER;
        h->value = first;
    } else if (first < 0xa0) {
        h->kind = HEAD_CONTAINER;
        h->value = first < 0x90 ? (first & 0x0fu) * 2u : first & 0x0fu;
    } else if (first < 0xc0) {
        h->skip = first & 0x1fu;
    } else if (first == 0xc1) {
        return "has a byte that MessagePack does not use";
    } else if (first >= 0xc4 && first < 0xe0) {
        size_t width = widths[first - 0xc0];
        if ((size_t)(end - *at) < width)
            return "ends too early";
        const char *wrong = wide_head(first, *at, h);
        *at += width;
        return wrong;
    }
    return NULL;
}

const char *wire_check(const uint8_t *data, size_t length, uint64_t objects_max)
{
    uint64_t open[WIRE_DEPTH_MAX + 1]; /* objects still to come, a level each */
    unsigned depth = 0;
    uint64_t objects = 0;
    const uint8_t *at = data;
    const uint8_t *end = data + length;
    open[0] = 1;
    for (;;) {
        while (open[depth] == 0) {
            if (depth == 0)
                return at == end ? NULL : "has bytes after its end";
            depth--;
        }
        open[depth]--;
        if (++objects > objects_max)
            return "has more parts than it can have";
        struct head h;
        const char *wrong = head_read(&at, end, &h);
        if (wrong != NULL)
            return wrong;
        /* An object takes at least a byte, so a container cannot hold more than bytes are left. */
        uint64_t left = (uint64_t)(end - at);
        if (h.skip > left || (h.kind == HEAD_CONTAINER && h.value > left))
            return "ends too early";
        at += h.skip;
        if (h.kind == HEAD_CONTAINER) {
            if (depth == WIRE_DEPTH_MAX)
                return "is nested too deeply";
            open[++depth] = h.value;
        }
    }
}

const char *wire_peek_code(const uint8_t *data, size_t length, uint32_t *code_out)
{
    static const char unlike[] = "is not an array of a code and its fields";
    const uint8_t *at = data;
    const uint8_t *end = data + length;
    struct head h;
    const char *wrong = head_read(&at, end, &h);
    if (wrong != NULL)
        return wrong;
    /* A map of one is told apart here: it would count as two objects as well. */
    uint8_t first = data[0];
    if (h.kind != HEAD_CONTAINER || h.value != 2 || first < 0x90 || first >= 0xde)
        return unlike;
    wrong = head_read(&at, end, &h);
    if (wrong != NULL)
        return wrong;
    if (h.kind != HEAD_NUMBER || h.value > UINT32_MAX)
        return unlike;
    *code_out = (uint32_t)h.value;
    return NULL;
}
