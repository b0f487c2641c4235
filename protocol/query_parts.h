/* What the fields of many queries and answers are made of. */
#ifndef BOURSE_PROTOCOL_QUERY_PARTS_H
#define BOURSE_PROTOCOL_QUERY_PARTS_H

#include "protocol/limits.h"
#include "protocol/message.h"

/* A page: where it begins and how many rows it may have. */
#define PAGE_FIELDS(X, S)                                                                          \
    X(U64, S, from, 0, UINT64_MAX)                                                                 \
    X(U32, S, limit, 0, PAGE_ROWS_MAX)

/* Where the next page begins (0: there is none), and the rows. */
#define PAGE_OF(X, S, part)                                                                        \
    X(U64, S, next, 0, UINT64_MAX)                                                                 \
    X(LIST, S, rows, part, PAGE_ROWS_MAX)

#endif
