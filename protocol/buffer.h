/*
 * A growable run of bytes with a sticky error: after a failed append every later one does nothing,
 * and the caller looks at `status` once at the end.
 */
#ifndef BOURSE_PROTOCOL_BUFFER_H
#define BOURSE_PROTOCOL_BUFFER_H

#include <stddef.h>
#include <stdint.h>

struct buffer {
    uint8_t *data;   /* owned; NULL while empty */
    size_t length;   /* bytes in use */
    size_t capacity; /* bytes allocated */
    int status;      /* 0, or STATUS_MEMORY once an append failed */
};

#define BUFFER_EMPTY ((struct buffer){NULL, 0, 0, 0})

/* Frees the bytes and leaves the buffer empty and usable. */
void buffer_release(struct buffer *b);
/* Overwrites the bytes with zeros before freeing them; for secrets. */
void buffer_wipe(struct buffer *b);
/* Forgets the content and the sticky error, keeps the memory. */
void buffer_clear(struct buffer *b);
/* Appends `length` bytes. */
void buffer_append(struct buffer *b, const void *data, size_t length);
/* Appends `length` uninitialized bytes; NULL after an error. Valid until the next append. */
uint8_t *buffer_extend(struct buffer *b, size_t length);
/* Removes the first `length` bytes; at most what is there. */
void buffer_consume(struct buffer *b, size_t length);
/* printf at the end, without the terminating NUL. */
void buffer_printf(struct buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
