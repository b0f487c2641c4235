#include "protocol/merkle.h"

#include <assert.h>
#include <string.h>

#include "protocol/sha256.h"
#include "protocol/status.h"

static const uint8_t leaf_prefix = 0x00;
static const uint8_t node_prefix = 0x01;

void merkle_leaf_hash(const void *data, size_t length, uint8_t out[MERKLE_HASH_SIZE])
{
    sha256_parts(&leaf_prefix, 1, data, length, NULL, 0, out);
}

void merkle_node_hash(const uint8_t left[MERKLE_HASH_SIZE], const uint8_t right[MERKLE_HASH_SIZE],
                      uint8_t out[MERKLE_HASH_SIZE])
{
    uint8_t joined[1 + 2 * MERKLE_HASH_SIZE];
    joined[0] = node_prefix;
    memcpy(joined + 1, left, MERKLE_HASH_SIZE);
    memcpy(joined + 1 + MERKLE_HASH_SIZE, right, MERKLE_HASH_SIZE);
    sha256(joined, sizeof(joined), out);
}

void merkle_empty_root(uint8_t out[MERKLE_HASH_SIZE])
{
    sha256(NULL, 0, out);
}

void merkle_frontier_init(struct merkle_frontier *f)
{
    memset(f, 0, sizeof(*f));
}

void merkle_frontier_append(struct merkle_frontier *f, const uint8_t leaf[MERKLE_HASH_SIZE])
{
    assert(f->size < UINT64_MAX);
    merkle_hash carry;
    memcpy(carry, leaf, sizeof(carry));
    /* As in binary addition: a level that is taken gives its node to the next one. The node that
     * passes through stays behind, since stores want every node that becomes complete. */
    unsigned level = 0;
    for (uint64_t rest = f->size; (rest & 1) != 0; rest >>= 1, level++) {
        merkle_hash parent;
        merkle_node_hash(f->nodes[level], carry, parent);
        memcpy(f->nodes[level], carry, sizeof(carry));
        memcpy(carry, parent, sizeof(carry));
    }
    memcpy(f->nodes[level], carry, sizeof(carry));
    f->size++;
}

void merkle_frontier_root(const struct merkle_frontier *f, uint8_t out[MERKLE_HASH_SIZE])
{
    if (f->size == 0) {
        merkle_empty_root(out);
        return;
    }
    unsigned level = (unsigned)__builtin_ctzll(f->size);
    merkle_hash root;
    memcpy(root, f->nodes[level], sizeof(root));
    for (level++; level < MERKLE_LEVELS_MAX; level++) {
        if ((f->size >> level & 1) != 0)
            merkle_node_hash(f->nodes[level], root, root);
    }
    memcpy(out, root, sizeof(root));
}

int merkle_frontier_load(merkle_read *read, void *context, uint64_t size,
                         struct merkle_frontier *out)
{
    merkle_frontier_init(out);
    for (unsigned level = 0; level < MERKLE_LEVELS_MAX; level++) {
        if ((size >> level & 1) == 0)
            continue;
        int status = read(context, level, (size >> level) - 1, out->nodes[level]);
        if (status != STATUS_OK)
            return status;
    }
    out->size = size;
    return STATUS_OK;
}

int merkle_root(merkle_read *read, void *context, uint64_t size, uint8_t out[MERKLE_HASH_SIZE])
{
    struct merkle_frontier f;
    int status = merkle_frontier_load(read, context, size, &f);
    if (status == STATUS_OK)
        merkle_frontier_root(&f, out);
    return status;
}

/* The largest power of two below `n`, the place where RFC 6962 divides n > 1 leaves. */
static uint64_t merkle_split(uint64_t n)
{
    assert(n > 1);
    return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

/*
 * The root over leaves [from, to), a range that RFC 6962's division makes: `from` is a multiple of
 * a power of two that is no less than the range.
 */
static int merkle_range_hash(merkle_read *read, void *context, uint64_t from, uint64_t to,
                             uint8_t out[MERKLE_HASH_SIZE])
{
    merkle_hash parts[MERKLE_LEVELS_MAX];
    size_t count = 0;
    while (from < to) {
        unsigned level = 63 - (unsigned)__builtin_clzll(to - from);
        int status = read(context, level, from >> level, parts[count]);
        if (status != STATUS_OK)
            return status;
        count++;
        from += UINT64_C(1) << level;
    }
    assert(count > 0);
    memcpy(out, parts[--count], MERKLE_HASH_SIZE);
    while (count > 0)
        merkle_node_hash(parts[--count], out, out);
    return STATUS_OK;
}

/* Proofs are found from the root down and sent from the leaf up. */
static void merkle_reverse(merkle_hash *proof, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        merkle_hash other;
        memcpy(other, proof[i], sizeof(other));
        memcpy(proof[i], proof[count - 1 - i], sizeof(other));
        memcpy(proof[count - 1 - i], other, sizeof(other));
    }
}

int merkle_inclusion_prove(merkle_read *read, void *context, uint64_t index, uint64_t size,
                           merkle_hash *proof_out, size_t *count_out)
{
    if (index >= size)
        return STATUS_MISUSE;
    uint64_t from = 0;
    uint64_t to = size;
    size_t count = 0;
    while (to - from > 1) {
        uint64_t middle = from + merkle_split(to - from);
        int status;
        if (index < middle) {
            status = merkle_range_hash(read, context, middle, to, proof_out[count++]);
            to = middle;
        } else {
            status = merkle_range_hash(read, context, from, middle, proof_out[count++]);
            from = middle;
        }
        if (status != STATUS_OK)
            return status;
    }
    merkle_reverse(proof_out, count);
    *count_out = count;
    return STATUS_OK;
}

int merkle_consistency_prove(merkle_read *read, void *context, uint64_t old_size, uint64_t new_size,
                             merkle_hash *proof_out, size_t *count_out)
{
    if (old_size > new_size)
        return STATUS_MISUSE;
    *count_out = 0;
    if (old_size == 0)
        return STATUS_OK;
    uint64_t from = 0;
    uint64_t to = new_size;
    size_t count = 0;
    /* The verifier knows the old root, so that a part equal to the whole old tree is left out. */
    int is_old_tree = 1;
    while (old_size < to) {
        uint64_t middle = from + merkle_split(to - from);
        int status;
        if (old_size <= middle) {
            status = merkle_range_hash(read, context, middle, to, proof_out[count++]);
            to = middle;
        } else {
            status = merkle_range_hash(read, context, from, middle, proof_out[count++]);
            from = middle;
            is_old_tree = 0;
        }
        if (status != STATUS_OK)
            return status;
    }
    if (!is_old_tree) {
        int status = merkle_range_hash(read, context, from, to, proof_out[count++]);
        if (status != STATUS_OK)
            return status;
    }
    merkle_reverse(proof_out, count);
    *count_out = count;
    return STATUS_OK;
}

int merkle_inclusion_verify(const uint8_t leaf[MERKLE_HASH_SIZE], uint64_t index, uint64_t size,
                            const uint8_t *proof, size_t count,
                            const uint8_t root[MERKLE_HASH_SIZE])
{
    if (index >= size)
        return STATUS_MALFORMED;
    uint64_t node = index;
    uint64_t last = size - 1; /* the rightmost node of the level */
    merkle_hash hash;
    memcpy(hash, leaf, sizeof(hash));
    for (size_t i = 0; i < count; i++) {
        if (last == 0)
            return STATUS_MALFORMED;
        if ((node & 1) != 0 || node == last) {
            merkle_node_hash(proof + i * MERKLE_HASH_SIZE, hash, hash);
            /* A node without a sibling on the ragged edge rises until it has one. */
            while ((node & 1) == 0 && node != 0) {
                node >>= 1;
                last >>= 1;
            }
        } else {
            merkle_node_hash(hash, proof + i * MERKLE_HASH_SIZE, hash);
        }
        node >>= 1;
        last >>= 1;
    }
    if (last != 0)
        return STATUS_MALFORMED;
    return memcmp(hash, root, sizeof(hash)) == 0 ? STATUS_OK : STATUS_FORGED;
}

/* The general case of RFC 9162 section 2.1.4.2, where 0 < old_size < new_size. */
static int merkle_consistency_fold(uint64_t old_size, const uint8_t old_root[MERKLE_HASH_SIZE],
                                   uint64_t new_size, const uint8_t new_root[MERKLE_HASH_SIZE],
                                   const uint8_t *proof, size_t count)
{
    uint64_t node = old_size - 1;
    uint64_t last = new_size - 1;
    while ((node & 1) != 0) {
        node >>= 1;
        last >>= 1;
    }
    merkle_hash old_hash;
    size_t i = 0;
    /* The old root itself begins the path when the old tree is one complete node. */
    if ((old_size & (old_size - 1)) == 0) {
        memcpy(old_hash, old_root, sizeof(old_hash));
    } else {
        if (count == 0)
            return STATUS_MALFORMED;
        memcpy(old_hash, proof + MERKLE_HASH_SIZE * i++, sizeof(old_hash));
    }
    merkle_hash new_hash;
    memcpy(new_hash, old_hash, sizeof(new_hash));
    for (; i < count; i++) {
        if (last == 0)
            return STATUS_MALFORMED;
        if ((node & 1) != 0 || node == last) {
            merkle_node_hash(proof + i * MERKLE_HASH_SIZE, old_hash, old_hash);
            merkle_node_hash(proof + i * MERKLE_HASH_SIZE, new_hash, new_hash);
            while ((node & 1) == 0 && node != 0) {
                node >>= 1;
                last >>= 1;
            }
        } else {
            merkle_node_hash(new_hash, proof + i * MERKLE_HASH_SIZE, new_hash);
        }
        node >>= 1;
        last >>= 1;
    }
    if (last != 0)
        return STATUS_MALFORMED;
    if (memcmp(old_hash, old_root, sizeof(old_hash)) != 0 ||
        memcmp(new_hash, new_root, sizeof(new_hash)) != 0)
        return STATUS_FORKED;
    return STATUS_OK;
}

int merkle_consistency_verify(uint64_t old_size, const uint8_t old_root[MERKLE_HASH_SIZE],
                              uint64_t new_size, const uint8_t new_root[MERKLE_HASH_SIZE],
                              const uint8_t *proof, size_t count)
{
    if (old_size > new_size)
        return STATUS_MALFORMED;
    if (old_size == new_size) {
        if (count != 0)
            return STATUS_MALFORMED;
        return memcmp(old_root, new_root, MERKLE_HASH_SIZE) == 0 ? STATUS_OK : STATUS_FORKED;
    }
    if (old_size == 0) {
        merkle_hash empty;
        merkle_empty_root(empty);
        if (count != 0)
            return STATUS_MALFORMED;
        return memcmp(old_root, empty, sizeof(empty)) == 0 ? STATUS_OK : STATUS_FORKED;
    }
    return merkle_consistency_fold(old_size, old_root, new_size, new_root, proof, count);
}
