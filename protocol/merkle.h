/*
 * The Merkle tree of the log: hashing as in RFC 6962 section 2.1, proofs as in RFC 9162 sections
 * 2.1.3 and 2.1.4. Everything here is pure; any thread.
 *
 * A node is named by its level and its index in that level: node (l, i) is the root over the leaves
 * [i << l, (i + 1) << l). Only complete nodes have a name; what lies over a ragged right edge is
 * computed from them.
 */
#ifndef BOURSE_PROTOCOL_MERKLE_H
#define BOURSE_PROTOCOL_MERKLE_H

#include <stddef.h>
#include <stdint.h>

enum {
    MERKLE_HASH_SIZE = 32,
    MERKLE_LEVELS_MAX = 64, /* sizes are 64 bits wide */
    MERKLE_PROOF_MAX = 65,  /* the longest proof: consistency at 64 levels */
};

typedef uint8_t merkle_hash[MERKLE_HASH_SIZE];

/* SHA-256(0x00 || data). */
void merkle_leaf_hash(const void *data, size_t length, uint8_t out[MERKLE_HASH_SIZE]);
/* SHA-256(0x01 || left || right). `out` may be one of the inputs. */
void merkle_node_hash(const uint8_t left[MERKLE_HASH_SIZE], const uint8_t right[MERKLE_HASH_SIZE],
                      uint8_t out[MERKLE_HASH_SIZE]);
/* The root of a tree without leaves: SHA-256 of nothing. */
void merkle_empty_root(uint8_t out[MERKLE_HASH_SIZE]);

/*
 * The right edge of a tree: all that is needed to append leaves and to know the root. Plain data
 * that may be copied; all zeros is the empty tree.
 */
struct merkle_frontier {
    uint64_t size; /* leaves */
    /* nodes[l] is the hash of the last complete node of level l, if the tree has one. The root
     * depends on those levels only whose bit is set in `size`. */
    merkle_hash nodes[MERKLE_LEVELS_MAX];
};

void merkle_frontier_init(struct merkle_frontier *f);
/* Appends a leaf; on average one node is hashed. After it, nodes[l] for every l whose `size` is a
 * multiple of 1 << l is the node which this leaf completed. */
void merkle_frontier_append(struct merkle_frontier *f, const uint8_t leaf[MERKLE_HASH_SIZE]);
void merkle_frontier_root(const struct merkle_frontier *f, uint8_t out[MERKLE_HASH_SIZE]);

/* Reads the stored hash of complete node (level, index); 0 or a status, which is passed on. */
typedef int merkle_read(void *context, unsigned level, uint64_t index,
                        uint8_t out[MERKLE_HASH_SIZE]);

/* The frontier of the first `size` leaves. Errors: those of `read`. */
int merkle_frontier_load(merkle_read *read, void *context, uint64_t size,
                         struct merkle_frontier *out);
/* The root over the first `size` leaves. Errors: those of `read`. */
int merkle_root(merkle_read *read, void *context, uint64_t size, uint8_t out[MERKLE_HASH_SIZE]);

/*
 * The audit path of leaf `index` in the tree of the first `size` leaves, from the leaf's sibling
 * up. Room for MERKLE_PROOF_MAX hashes. Errors: STATUS_MISUSE unless index < size; those of `read`.
 */
int merkle_inclusion_prove(merkle_read *read, void *context, uint64_t index, uint64_t size,
                           merkle_hash *proof_out, size_t *count_out);
/*
 * The proof that the tree of `old_size` leaves is a prefix of that of `new_size`; empty when they
 * are equal or `old_size` is 0. Errors: STATUS_MISUSE if old_size > new_size; those of `read`.
 */
int merkle_consistency_prove(merkle_read *read, void *context, uint64_t old_size, uint64_t new_size,
                             merkle_hash *proof_out, size_t *count_out);

/*
 * Verification takes a proof as `count` hashes of 32 bytes, one after the other.
 *
 * Checks that `leaf` stands at `index` in the tree of `size` leaves with this root. Errors:
 * STATUS_MALFORMED if index >= size or the proof has the wrong length, STATUS_FORGED if it leads to
 * another root.
 */
int merkle_inclusion_verify(const uint8_t leaf[MERKLE_HASH_SIZE], uint64_t index, uint64_t size,
                            const uint8_t *proof, size_t count,
                            const uint8_t root[MERKLE_HASH_SIZE]);
/*
 * Checks that the tree of `new_size` leaves extends that of `old_size`. Errors: STATUS_MALFORMED if
 * old_size > new_size or the proof has the wrong length, STATUS_FORKED if it does not connect the
 * two roots.
 */
int merkle_consistency_verify(uint64_t old_size, const uint8_t old_root[MERKLE_HASH_SIZE],
                              uint64_t new_size, const uint8_t new_root[MERKLE_HASH_SIZE],
                              const uint8_t *proof, size_t count);

#endif
