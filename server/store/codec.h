/*
 * Rows between memory and the image: the key columns big-endian, so that the order of the bytes is
 * the order of the numbers; the other columns little-endian. And rows as text for messages.
 * Internal to server/store.
 */
#ifndef BOURSE_STORE_CODEC_H
#define BOURSE_STORE_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/buffer.h"
#include "server/store/row.h"

enum { CODEC_KEY_SIZE_MAX = 511 }; /* what LMDB takes */

/* Asserts that the columns follow each other, fill the row and that the key's fill the key. */
void codec_check_spec(const struct table_spec *spec);

/* `key_out` has key_size bytes; only the key columns of `row` are read. */
void codec_encode_key(const struct table_spec *spec, const void *row, uint8_t *key_out);
/* `value_out` has row_size - key_size bytes. */
void codec_encode_value(const struct table_spec *spec, const void *row, uint8_t *value_out);
/*
 * Fills `row_out` (row_size bytes). STATUS_DAMAGED when a length is not the table's or a text
 * column is not padded with NULs.
 */
int codec_decode(const struct table_spec *spec, const void *key, size_t key_length,
                 const void *value, size_t value_length, void *row_out);
/* The key columns alone. STATUS_DAMAGED likewise. */
int codec_decode_key(const struct table_spec *spec, const void *key, size_t key_length,
                     void *row_out);

/* Appends "serial=5 owner=7": the first `columns` columns. */
void codec_print(const struct table_spec *spec, const void *row, size_t columns,
                 struct buffer *text);
/* Appends what two rows of one key differ in: "amount_ucr=5 instead of 6". */
void codec_print_difference(const struct table_spec *spec, const void *row, const void *expected,
                            struct buffer *text);
/* A hash of the columns' names, kinds and counts and of the key: another layout, another hash. */
enum { CODEC_LAYOUT_SIZE = 16 };
void codec_layout(const struct table_spec *spec, uint8_t layout_out[CODEC_LAYOUT_SIZE]);

#endif
