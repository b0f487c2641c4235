#include "tests/server/log/sample_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "protocol/status.h"

char sample_folder[256];
merkle_hash sample_roots[SAMPLE_ENTRIES + 1];

size_t sample_event(uint64_t index, uint8_t event[1024])
{
    size_t length = (size_t)(index * 37 % 401);
    for (size_t i = 0; i < length; i++)
        event[i] = (uint8_t)(index * 31 + i);
    return length;
}

void sample_leaf(uint64_t index, uint8_t *leaf)
{
    uint8_t event[1024];
    merkle_leaf_hash(event, sample_event(index, event), leaf);
}

int sample_roots_make(void **state)
{
    (void)state;
    struct merkle_frontier f;
    merkle_frontier_init(&f);
    merkle_frontier_root(&f, sample_roots[0]);
    for (uint64_t i = 0; i < SAMPLE_ENTRIES; i++) {
        merkle_hash leaf;
        sample_leaf(i, leaf);
        merkle_frontier_append(&f, leaf);
        merkle_frontier_root(&f, sample_roots[i + 1]);
    }
    return 0;
}

int sample_folder_make(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(sample_folder, sizeof(sample_folder), "%s/bourse-log-XXXXXX",
             base != NULL ? base : "/tmp");
    return mkdtemp(sample_folder) != NULL ? 0 : -1;
}

int sample_folder_remove(void **state)
{
    (void)state;
    assert_int_equal(log_store_reset(sample_folder), STATUS_OK);
    return rmdir(sample_folder); /* fails if a reset leaves anything behind */
}

struct log_store *sample_open(uint64_t size)
{
    struct log_store *s;
    assert_int_equal(log_store_open(sample_folder, SAMPLE_SEGMENT, size, sample_roots[size], &s),
                     STATUS_OK);
    assert_int_equal(log_store_size(s), size);
    return s;
}

void sample_append(struct log_store *s, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++) {
        uint8_t event[1024];
        merkle_hash leaf;
        size_t length = sample_event(i, event);
        sample_leaf(i, leaf);
        assert_int_equal(log_store_append(s, event, length, leaf), STATUS_OK);
    }
}

struct log_store *sample_filled(void)
{
    struct log_store *s = sample_open(0);
    sample_append(s, 0, SAMPLE_ENTRIES);
    assert_int_equal(log_store_publish(s), STATUS_OK);
    return s;
}

void sample_expect(const struct log_store *s, uint64_t index)
{
    uint8_t event[1024];
    struct buffer b = BUFFER_EMPTY;
    size_t length = sample_event(index, event);
    assert_int_equal(log_store_read(s, index, &b), STATUS_OK);
    assert_int_equal(b.length, length);
    if (length > 0)
        assert_memory_equal(b.data, event, length);
    buffer_release(&b);
}

void sample_path(const char *name, char path[300])
{
    snprintf(path, 300, "%s/%s", sample_folder, name);
}
