/* Rows for the tests of the store: a small one like a token's, and one with every kind of column
 * and a key of several. Include after "server/store/row.h" in one source file a program. */
#ifndef BOURSE_TESTS_STORE_ROWS_H
#define BOURSE_TESTS_STORE_ROWS_H

#include "server/store/row.h"

#define COIN_ROW(X, S)                                                                             \
    X(U64, S, serial, 1)                                                                           \
    X(U64, S, amount_ucr, 1)                                                                       \
    X(U64, S, event, 1)                                                                            \
    X(U32, S, series, 1)                                                                           \
    X(U32, S, owner, 1)
ROW_STRUCT(coin_row, COIN_ROW);
ROW_COLUMNS(coin_row, COIN_ROW)

#define NOTE_ROW(X, S)                                                                             \
    X(U64, S, day, 1)                                                                              \
    X(U32, S, account, 1)                                                                          \
    X(BYTES, S, id, 12)                                                                            \
    X(U32S, S, pair, 2)                                                                            \
    X(U16, S, small, 1)                                                                            \
    X(U8, S, tiny, 1)                                                                              \
    X(TEXT, S, title, 13)
ROW_STRUCT(note_row, NOTE_ROW);
ROW_COLUMNS(note_row, NOTE_ROW)

/* All key: a set of numbers. */
#define MARK_ROW(X, S) X(U32, S, number, 1)
ROW_STRUCT(mark_row, MARK_ROW);
ROW_COLUMNS(mark_row, MARK_ROW)

enum { COIN, NOTE, MARK, TABLES };

static const struct table_spec test_specs[TABLES] = {
    TABLE_SPEC("coin", 1, coin_row, 1, 8),
    TABLE_SPEC("note", 1, note_row, 3, 24),
    TABLE_SPEC("mark", 1, mark_row, 1, 4),
};

#endif
