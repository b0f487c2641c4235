#include "server/journal/record.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>
#include <sys/uio.h>

#include "protocol/endian.h"

static void zeros_append(struct buffer *b, size_t length)
{
    uint8_t *at = length > 0 ? buffer_extend(b, length) : NULL;
    if (at != NULL)
        memset(at, 0, length);
}

void record_begin(struct buffer *b)
{
    assert(b->length == 0);
    zeros_append(b, RECORD_HEADER_SIZE);
}

void record_add(struct buffer *b, const struct journal_group *group, const struct iovec *parts,
                size_t count, size_t length)
{
    uint8_t *at = buffer_extend(b, GROUP_HEADER_SIZE);
    if (at == NULL)
        return;
    put_u64_le(at + GROUP_INDEX, group->index);
    put_u64_le(at + GROUP_TIME, group->time_s);
    put_u32_le(at + GROUP_RULES, group->rules_version);
    put_u32_le(at + GROUP_LENGTH, (uint32_t)length);
    put_u64_le(at + GROUP_ROOT_GROUP, group->root_group);
    put_u64_le(at + GROUP_ROOT_SIZE, group->root_log_size);
    memcpy(at + GROUP_ROOT, group->root_hash, JOURNAL_HASH);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].iov_len > 0)
            buffer_append(b, parts[i].iov_base, parts[i].iov_len);
    }
    zeros_append(b, (size_t)round_up(length, GROUP_ALIGN) - length);
}

static void header_hash(const uint8_t *data, const struct segment *s, uint8_t *hash_out)
{
    crypto_generichash(hash_out, JOURNAL_HASH, data, RECORD_HASH, s->salt, sizeof(s->salt));
}

void record_finish(struct buffer *b, const struct segment *s, struct record_header *h)
{
    if (b->status != 0)
        return;
    size_t length = b->length - RECORD_HEADER_SIZE;
    zeros_append(b, (size_t)record_extent(length) - b->length);
    if (b->status != 0)
        return;
    h->length = (uint32_t)length;
    h->segment = s->number;
    crypto_generichash(h->body_hash, JOURNAL_HASH, b->data + RECORD_HEADER_SIZE, length, NULL, 0);
    uint8_t *at = b->data;
    memcpy(at, RECORD_MAGIC, 8);
    put_u32_le(at + RECORD_COUNT, h->group_count);
    put_u32_le(at + RECORD_LENGTH, h->length);
    put_u64_le(at + RECORD_INDEX, h->first_index);
    put_u64_le(at + RECORD_SEGMENT, h->segment);
    put_u64_le(at + RECORD_OFFSET, h->offset);
    memcpy(at + RECORD_BEFORE, h->before, JOURNAL_HASH);
    memcpy(at + RECORD_BODY_HASH, h->body_hash, JOURNAL_HASH);
    header_hash(at, s, h->hash);
    memcpy(at + RECORD_HASH, h->hash, JOURNAL_HASH);
}

bool record_header_decode(const uint8_t *data, const struct segment *s, uint64_t offset,
                          struct record_header *h_out)
{
    struct record_header *h = h_out;
    if (memcmp(data, RECORD_MAGIC, 8) != 0)
        return false;
    header_hash(data, s, h->hash);
    if (memcmp(h->hash, data + RECORD_HASH, JOURNAL_HASH) != 0)
        return false;
    h->group_count = get_u32_le(data + RECORD_COUNT);
    h->length = get_u32_le(data + RECORD_LENGTH);
    h->first_index = get_u64_le(data + RECORD_INDEX);
    h->segment = get_u64_le(data + RECORD_SEGMENT);
    h->offset = get_u64_le(data + RECORD_OFFSET);
    memcpy(h->before, data + RECORD_BEFORE, JOURNAL_HASH);
    memcpy(h->body_hash, data + RECORD_BODY_HASH, JOURNAL_HASH);
    uint64_t extent = record_extent(h->length);
    return h->segment == s->number && h->offset == offset && h->group_count > 0 &&
           extent <= JOURNAL_RECORD_MAX && extent <= s->size - offset;
}

bool record_body_valid(const uint8_t *data, const struct record_header *h)
{
    uint8_t hash[JOURNAL_HASH];
    size_t end = (size_t)RECORD_HEADER_SIZE + h->length;
    crypto_generichash(hash, sizeof(hash), data + RECORD_HEADER_SIZE, h->length, NULL, 0);
    return memcmp(hash, h->body_hash, sizeof(hash)) == 0 &&
           sodium_is_zero(data + end, (size_t)record_extent(h->length) - end);
}

size_t record_take(const uint8_t *data, size_t length, struct journal_group *group_out,
                   const uint8_t **body_out, size_t *body_length_out)
{
    if (length < GROUP_HEADER_SIZE)
        return 0;
    size_t body_length = get_u32_le(data + GROUP_LENGTH);
    if (body_length > JOURNAL_BODY_MAX || group_extent(body_length) > length)
        return 0;
    group_out->index = get_u64_le(data + GROUP_INDEX);
    group_out->time_s = get_u64_le(data + GROUP_TIME);
    group_out->rules_version = get_u32_le(data + GROUP_RULES);
    group_out->root_group = get_u64_le(data + GROUP_ROOT_GROUP);
    group_out->root_log_size = get_u64_le(data + GROUP_ROOT_SIZE);
    memcpy(group_out->root_hash, data + GROUP_ROOT, JOURNAL_HASH);
    *body_out = data + GROUP_HEADER_SIZE;
    *body_length_out = body_length;
    return (size_t)group_extent(body_length);
}
