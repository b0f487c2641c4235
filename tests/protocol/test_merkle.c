/*
 * The Merkle tree against the certificate-transparency project's vectors, and against RFC 6962's
 * recursive definitions over every size up to SIZES.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "protocol/merkle.h"
#include "protocol/sha256.h"
#include "protocol/status.h"

enum { SIZES = 132 };

static merkle_hash leaves[SIZES];

/* MTH(D[n]) as RFC 6962 section 2.1 defines it. */
static void defined_root(const merkle_hash *d, size_t n, uint8_t *out)
{
    if (n == 0) {
        sha256("", 0, out);
        return;
    }
    if (n == 1) {
        memcpy(out, d[0], MERKLE_HASH_SIZE);
        return;
    }
    size_t k = 1;
    while (2 * k < n)
        k *= 2;
    merkle_hash left;
    merkle_hash right;
    defined_root(d, k, left);
    defined_root(d + k, n - k, right);
    sha256_parts("\x01", 1, left, sizeof(left), right, sizeof(right), out);
}

/* PATH(m, D[n]). */
static size_t defined_path(size_t m, const merkle_hash *d, size_t n, merkle_hash *out)
{
    if (n == 1)
        return 0;
    size_t k = 1;
    while (2 * k < n)
        k *= 2;
    size_t count;
    if (m < k) {
        count = defined_path(m, d, k, out);
        defined_root(d + k, n - k, out[count]);
    } else {
        count = defined_path(m - k, d + k, n - k, out);
        defined_root(d, k, out[count]);
    }
    return count + 1;
}

/* SUBPROOF(m, D[n], b). */
static size_t defined_subproof(size_t m, const merkle_hash *d, size_t n, int b, merkle_hash *out)
{
    if (m == n) {
        if (b)
            return 0;
        defined_root(d, n, out[0]);
        return 1;
    }
    size_t k = 1;
    while (2 * k < n)
        k *= 2;
    size_t count;
    if (m <= k) {
        count = defined_subproof(m, d, k, b, out);
        defined_root(d + k, n - k, out[count]);
    } else {
        count = defined_subproof(m - k, d + k, n - k, 0, out);
        defined_root(d, k, out[count]);
    }
    return count + 1;
}

static int read_node(void *context, unsigned level, uint64_t index, uint8_t *out)
{
    const uint64_t *size = context;
    assert_true(level < 63 && ((index + 1) << level) <= *size);
    defined_root((const merkle_hash *)(leaves + (index << level)), (size_t)1 << level, out);
    return STATUS_OK;
}

static int read_nothing(void *context, unsigned level, uint64_t index, uint8_t *out)
{
    (void)context;
    (void)level;
    (void)index;
    (void)out;
    return STATUS_IO;
}

static const struct {
    const char *bytes;
    size_t length;
    const char *root; /* of this leaf and those before it */
} published[8] = {
    {"", 0, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
    {"\x00", 1, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
    {"\x10", 1, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
    {"\x20\x21", 2, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
    {"\x30\x31", 2, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
    {"\x40\x41\x42\x43", 4, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
    {"\x50\x51\x52\x53\x54\x55\x56\x57", 8,
     "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
    {"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16,
     "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
};

static void expect_hex(const uint8_t *hash, const char *hex)
{
    char text[2 * MERKLE_HASH_SIZE + 1];
    assert_string_equal(sodium_bin2hex(text, sizeof(text), hash, MERKLE_HASH_SIZE), hex);
}

static void published_roots(void **state)
{
    (void)state;
    struct merkle_frontier f;
    merkle_frontier_init(&f);
    merkle_hash root;
    merkle_frontier_root(&f, root);
    expect_hex(root, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (size_t i = 0; i < 8; i++) {
        merkle_hash leaf;
        merkle_leaf_hash(published[i].bytes, published[i].length, leaf);
        merkle_frontier_append(&f, leaf);
        merkle_frontier_root(&f, root);
        expect_hex(root, published[i].root);
    }
}

static void published_proofs(void **state)
{
    (void)state;
    static const struct {
        int is_consistency;
        uint64_t first; /* index or old size */
        uint64_t size;
        size_t count;
        const char *hashes[3];
    } cases[] = {
        {0, 0, 1, 0, {NULL}},
        {0,
         0,
         8,
         3,
         {"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
          "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
          "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}},
        {0,
         5,
         8,
         3,
         {"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
          "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
          "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}},
        {0, 2, 3, 1, {"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"}},
        {0,
         1,
         5,
         3,
         {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
          "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
          "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"}},
        {1, 1, 1, 0, {NULL}},
        {1,
         1,
         8,
         3,
         {"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
          "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
          "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}},
        {1,
         6,
         8,
         3,
         {"0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
          "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
          "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}},
        {1,
         2,
         5,
         2,
         {"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
          "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"}},
    };
    for (size_t i = 0; i < 8; i++)
        merkle_leaf_hash(published[i].bytes, published[i].length, leaves[i]);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        merkle_hash proof[MERKLE_PROOF_MAX];
        size_t count = 99;
        uint64_t size = cases[i].size;
        int status =
            cases[i].is_consistency
                ? merkle_consistency_prove(read_node, &size, cases[i].first, size, proof, &count)
                : merkle_inclusion_prove(read_node, &size, cases[i].first, size, proof, &count);
        assert_int_equal(status, STATUS_OK);
        assert_int_equal(count, cases[i].count);
        for (size_t j = 0; j < count; j++)
            expect_hex(proof[j], cases[i].hashes[j]);
    }
}

static int make_leaves(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIZES; i++)
        merkle_leaf_hash(&i, sizeof(i), leaves[i]);
    return 0;
}

/* Frontier, its invariant for stores, loading and root, at every size. */
static void frontier_at_every_size(void **state)
{
    (void)state;
    struct merkle_frontier f;
    merkle_frontier_init(&f);
    for (uint64_t size = 0; size < SIZES; size++) {
        merkle_hash expected;
        merkle_hash found;
        defined_root((const merkle_hash *)leaves, (size_t)size, expected);
        merkle_frontier_root(&f, found);
        assert_memory_equal(found, expected, sizeof(expected));
        assert_int_equal(merkle_root(read_node, &size, size, found), STATUS_OK);
        assert_memory_equal(found, expected, sizeof(expected));
        struct merkle_frontier loaded;
        assert_int_equal(merkle_frontier_load(read_node, &size, size, &loaded), STATUS_OK);
        assert_int_equal(loaded.size, size);
        merkle_frontier_append(&loaded, leaves[size]);
        merkle_frontier_append(&f, leaves[size]);
        merkle_frontier_root(&loaded, found);
        merkle_frontier_root(&f, expected);
        assert_memory_equal(found, expected, sizeof(expected));
        for (unsigned level = 0; level < 8 && f.size % (1u << level) == 0; level++) {
            read_node(&f.size, level, (f.size >> level) - 1, expected);
            assert_memory_equal(f.nodes[level], expected, sizeof(expected));
        }
    }
}

/* Every leaf of every size; then each hash, the leaf, root, index, size and length made wrong. */
static void inclusion_at_every_size(void **state)
{
    (void)state;
    for (uint64_t size = 1; size < SIZES; size++) {
        merkle_hash root;
        defined_root((const merkle_hash *)leaves, (size_t)size, root);
        for (uint64_t index = 0; index < size; index++) {
            merkle_hash expected[MERKLE_PROOF_MAX] = {{0}};
            merkle_hash proof[MERKLE_PROOF_MAX] = {{0}};
            size_t count;
            size_t expected_count =
                defined_path((size_t)index, (const merkle_hash *)leaves, (size_t)size, expected);
            assert_int_equal(merkle_inclusion_prove(read_node, &size, index, size, proof, &count),
                             STATUS_OK);
            assert_int_equal(count, expected_count);
            assert_memory_equal(proof, expected, count * MERKLE_HASH_SIZE);
#define VERIFY(leaf, index, size, count, root)                                                     \
    merkle_inclusion_verify(leaf, index, size, proof[0], count, root)
            assert_int_equal(VERIFY(leaves[index], index, size, count, root), STATUS_OK);
            for (size_t i = 0; i < count; i++) {
                proof[i][index % 32] ^= 0x10;
                assert_int_equal(VERIFY(leaves[index], index, size, count, root), STATUS_FORGED);
                proof[i][index % 32] ^= 0x10;
            }
            assert_int_equal(VERIFY(leaves[index], index, size, count + 1, root), STATUS_MALFORMED);
            if (count > 0)
                assert_int_not_equal(VERIFY(leaves[index], index, size, count - 1, root),
                                     STATUS_OK);
            assert_int_equal(VERIFY(leaves[size], index, size, count, root), STATUS_FORGED);
            assert_int_equal(VERIFY(leaves[index], index, size, count, leaves[size]),
                             STATUS_FORGED);
            if (index + 1 < size)
                assert_int_not_equal(VERIFY(leaves[index], index + 1, size, count, root),
                                     STATUS_OK);
            assert_int_equal(VERIFY(leaves[index], size, size, count, root), STATUS_MALFORMED);
            assert_int_equal(VERIFY(leaves[index], UINT64_MAX, size, count, root),
                             STATUS_MALFORMED);
#undef VERIFY
        }
        size_t none;
        assert_int_equal(merkle_inclusion_prove(read_node, &size, size, size, NULL, &none),
                         STATUS_MISUSE);
    }
}

static void consistency_faults(uint64_t old_size, uint64_t size, const uint8_t *old_root,
                               const uint8_t *root, merkle_hash *proof, size_t count)
{
#define VERIFY(old_size, old_root, size, root, count)                                              \
    merkle_consistency_verify(old_size, old_root, size, root, proof[0], count)
    for (size_t i = 0; i < count; i++) {
        proof[i][size % 32] ^= 1;
        assert_int_equal(VERIFY(old_size, old_root, size, root, count), STATUS_FORKED);
        proof[i][size % 32] ^= 1;
    }
    assert_int_equal(VERIFY(old_size, old_root, size, root, count + 1), STATUS_MALFORMED);
    if (count > 0)
        assert_int_not_equal(VERIFY(old_size, old_root, size, root, count - 1), STATUS_OK);
    if (old_size > 0)
        assert_int_equal(VERIFY(old_size, old_root, size, leaves[SIZES - 1], count), STATUS_FORKED);
    assert_int_equal(VERIFY(old_size, leaves[SIZES - 1], size, root, count), STATUS_FORKED);
    if (old_size < size) {
        assert_int_equal(VERIFY(size, root, old_size, old_root, count), STATUS_MALFORMED);
        if (old_size > 0)
            assert_int_not_equal(VERIFY(old_size + 1, old_root, size, root, count), STATUS_OK);
    }
#undef VERIFY
}

static void consistency_at_every_size(void **state)
{
    (void)state;
    for (uint64_t size = 0; size < SIZES; size++) {
        merkle_hash root;
        defined_root((const merkle_hash *)leaves, (size_t)size, root);
        for (uint64_t old_size = 0; old_size <= size; old_size++) {
            merkle_hash old_root;
            merkle_hash expected[MERKLE_PROOF_MAX] = {{0}};
            merkle_hash proof[MERKLE_PROOF_MAX] = {{0}};
            size_t count;
            size_t expected_count = 0;
            defined_root((const merkle_hash *)leaves, (size_t)old_size, old_root);
            if (old_size > 0)
                expected_count = defined_subproof((size_t)old_size, (const merkle_hash *)leaves,
                                                  (size_t)size, 1, expected);
            assert_int_equal(
                merkle_consistency_prove(read_node, &size, old_size, size, proof, &count),
                STATUS_OK);
            assert_int_equal(count, expected_count);
            assert_memory_equal(proof, expected, count * MERKLE_HASH_SIZE);
            assert_int_equal(
                merkle_consistency_verify(old_size, old_root, size, root, proof[0], count),
                STATUS_OK);
            consistency_faults(old_size, size, old_root, root, proof, count);
        }
        size_t none;
        assert_int_equal(merkle_consistency_prove(read_node, &size, size + 1, size, NULL, &none),
                         STATUS_MISUSE);
    }
}

/* Sizes near 2^64 neither crash nor loop, and errors of reading come through. */
static void huge_sizes_and_errors(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {UINT64_MAX, UINT64_MAX - 1, UINT64_C(1) << 63,
                                     (UINT64_C(1) << 63) + 1};
    merkle_hash proof[MERKLE_PROOF_MAX + 1] = {{0}};
    size_t count;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (size_t n = 0; n <= MERKLE_PROOF_MAX; n++) {
            assert_int_not_equal(
                merkle_inclusion_verify(leaves[0], sizes[i] - 1, sizes[i], proof[0], n, leaves[1]),
                STATUS_OK);
            assert_int_not_equal(merkle_consistency_verify(sizes[i] - 1, leaves[0], sizes[i],
                                                           leaves[1], proof[0], n),
                                 STATUS_OK);
        }
        assert_int_equal(merkle_inclusion_prove(read_nothing, NULL, 5, sizes[i], proof, &count),
                         STATUS_IO);
        assert_int_equal(merkle_consistency_prove(read_nothing, NULL, 5, sizes[i], proof, &count),
                         STATUS_IO);
        merkle_hash root;
        assert_int_equal(merkle_root(read_nothing, NULL, sizes[i], root), STATUS_IO);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_roots),
        cmocka_unit_test(published_proofs),
        cmocka_unit_test_setup(frontier_at_every_size, make_leaves),
        cmocka_unit_test_setup(inclusion_at_every_size, make_leaves),
        cmocka_unit_test_setup(consistency_at_every_size, make_leaves),
        cmocka_unit_test_setup(huge_sizes_and_errors, make_leaves),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests_name("merkle", tests, NULL, NULL);
}
