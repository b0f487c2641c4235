/*
 * How a kind of row is declared: once, as a list of columns, from which both the C struct and the
 * description that the store encodes, decodes and prints by are made.
 *
 *     #define TOKEN_ROW(X, S)                                                                  \
 *         X(U64, S, serial, 1)                                                                 \
 *         X(U64, S, amount_ucr, 1)
 *     ROW_STRUCT(token_row, TOKEN_ROW);            in the header
 *     ROW_COLUMNS(token_row, TOKEN_ROW)            in one source file: token_row_columns[]
 *
 * X(kind, S, name, count). Columns stand in the struct without padding (widest first, or with
 * explicit reserved columns); ROW_STRUCT checks that at compile time, so that the first columns,
 * which form the key, can be compared and hashed as bytes. Reserved and unused bytes are zero.
 */
#ifndef BOURSE_STORE_ROW_H
#define BOURSE_STORE_ROW_H

#include <stddef.h>
#include <stdint.h>

enum column_kind {
    COLUMN_U8,
    COLUMN_U16,
    COLUMN_U32,
    COLUMN_U64,
    COLUMN_BYTES, /* uint8_t[count], raw */
    COLUMN_TEXT,  /* char[count], UTF-8, NUL-padded, the last byte always NUL */
};

struct column {
    const char *name;
    enum column_kind kind;
    uint16_t offset; /* into the struct */
    uint16_t count;  /* elements: an array when above 1 */
};

/* Bytes of one element. */
static inline size_t column_element_size(const struct column *c)
{
    switch (c->kind) {
    case COLUMN_U16:
        return 2;
    case COLUMN_U32:
        return 4;
    case COLUMN_U64:
        return 8;
    case COLUMN_U8:
    case COLUMN_BYTES:
    case COLUMN_TEXT:
        break;
    }
    return 1;
}

/* A table: its rows' struct, its key (the leading bytes of the struct) and its durable identity. */
struct table_spec {
    const char *name; /* also the name of its database in the image */
    uint16_t version; /* of the row's layout; another version on disk is refused */
    uint16_t row_size;
    uint16_t key_size;
    uint16_t key_columns;
    uint16_t columns_count;
    const struct column *columns;
};

#define ROW_MEMBER(kind, S, name, count) ROW_MEMBER_##kind(name, count)
#define ROW_MEMBER_U8(name, count)       uint8_t name;
#define ROW_MEMBER_U16(name, count)      uint16_t name;
#define ROW_MEMBER_U32(name, count)      uint32_t name;
#define ROW_MEMBER_U64(name, count)      uint64_t name;
#define ROW_MEMBER_U8S(name, count)      uint8_t name[count];
#define ROW_MEMBER_U16S(name, count)     uint16_t name[count];
#define ROW_MEMBER_U32S(name, count)     uint32_t name[count];
#define ROW_MEMBER_U64S(name, count)     uint64_t name[count];
#define ROW_MEMBER_BYTES(name, count)    uint8_t name[count];
#define ROW_MEMBER_TEXT(name, count)     char name[count];

#define COLUMN_OF_U8    COLUMN_U8
#define COLUMN_OF_U16   COLUMN_U16
#define COLUMN_OF_U32   COLUMN_U32
#define COLUMN_OF_U64   COLUMN_U64
#define COLUMN_OF_U8S   COLUMN_U8
#define COLUMN_OF_U16S  COLUMN_U16
#define COLUMN_OF_U32S  COLUMN_U32
#define COLUMN_OF_U64S  COLUMN_U64
#define COLUMN_OF_BYTES COLUMN_BYTES
#define COLUMN_OF_TEXT  COLUMN_TEXT

#define ROW_SIZE_OF(kind, S, name, count) +sizeof(((struct S *)0)->name)
#define ROW_COLUMN(kind, S, name, count)                                                           \
    {#name, COLUMN_OF_##kind, (uint16_t)offsetof(struct S, name), (uint16_t)(count)},

#define ROW_STRUCT(S, LIST)                                                                        \
    struct S {                                                                                     \
        LIST(ROW_MEMBER, S)                                                                        \
    };                                                                                             \
    _Static_assert(sizeof(struct S) == (0 LIST(ROW_SIZE_OF, S)), #S " has padding")

#define ROW_COLUMNS(S, LIST) static const struct column S##_columns[] = {LIST(ROW_COLUMN, S)};

/* The initializer of a struct table_spec whose key is the first `keys` columns of `key_bytes`. */
#define TABLE_SPEC(table_name, table_version, S, keys, key_bytes)                                  \
    {                                                                                              \
        .name = (table_name), .version = (table_version), .row_size = sizeof(struct S),            \
        .key_size = (key_bytes), .key_columns = (keys),                                            \
        .columns_count = sizeof(S##_columns) / sizeof(S##_columns[0]), .columns = S##_columns      \
    }

#endif
