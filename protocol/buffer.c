#include "protocol/buffer.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "protocol/status.h"

enum { BUFFER_FIRST_CAPACITY = 256 };

void buffer_release(struct buffer *b)
{
    free(b->data);
    *b = BUFFER_EMPTY;
}

void buffer_wipe(struct buffer *b)
{
    if (b->data != NULL)
        sodium_memzero(b->data, b->capacity);
    buffer_release(b);
}

void buffer_clear(struct buffer *b)
{
    b->length = 0;
    b->status = STATUS_OK;
}

uint8_t *buffer_extend(struct buffer *b, size_t length)
{
    if (b->status != STATUS_OK)
        return NULL;
    if (length > SIZE_MAX / 2 - b->length) {
        b->status = STATUS_MEMORY;
        return NULL;
    }
    size_t need = b->length + length;
    if (need > b->capacity || b->data == NULL) {
        size_t capacity = b->capacity < BUFFER_FIRST_CAPACITY ? BUFFER_FIRST_CAPACITY : b->capacity;
        while (capacity < need)
            capacity *= 2;
        uint8_t *data = realloc(b->data, capacity);
        if (data == NULL) {
            b->status = STATUS_MEMORY;
            return NULL;
        }
        b->data = data;
        b->capacity = capacity;
    }
    uint8_t *at = b->data + b->length;
    b->length = need;
    return at;
}

void buffer_append(struct buffer *b, const void *data, size_t length)
{
    if (length == 0)
        return;
    uint8_t *at = buffer_extend(b, length);
    if (at != NULL)
        memcpy(at, data, length);
}

void buffer_consume(struct buffer *b, size_t length)
{
    assert(length <= b->length);
    b->length -= length;
    if (b->length > 0 && length > 0)
        memmove(b->data, b->data + length, b->length);
}

void buffer_printf(struct buffer *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(length >= 0);
    uint8_t *at = buffer_extend(b, (size_t)length + 1);
    if (at != NULL) {
        vsnprintf((char *)at, (size_t)length + 1, format, again);
        b->length--;
    }
    va_end(again);
}
