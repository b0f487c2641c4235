/* Receipts: made and verified; every flipped bit and every cut is caught. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "protocol/limits.h"
#include "protocol/receipt.h"
#include "protocol/status.h"
#include "tests/random.h"

enum { ENTRIES = 21 };

static const char origin[] = "example.org/bourse";
static const uint8_t exchange_id[32] = {0xb0};

static struct keys root;
static uint8_t log_secret[64];
static uint8_t certificate_bytes[CERTIFICATE_BYTES];
static struct checkpoint_trust trust;
static merkle_hash leaves[ENTRIES];
static char events[ENTRIES][32];

static int make_exchange(void **state)
{
    (void)state;
    struct certificate content = {
        .use = CERTIFICATE_LOG, .not_before_s = 1000, .not_after_s = 2000};
    keys_from_seed(&root, (const uint8_t[32]){1});
    crypto_sign_seed_keypair(content.key, log_secret, (const uint8_t[32]){2});
    trust = (struct checkpoint_trust){origin, root.sign_public, exchange_id, 0};
    for (int i = 0; i < ENTRIES; i++) {
        snprintf(events[i], sizeof(events[i]), "event number %d", i);
        merkle_leaf_hash(events[i], strlen(events[i]), leaves[i]);
    }
    return certificate_make(&root, exchange_id, &content, certificate_bytes);
}

/* Reads a complete node by hashing its leaves. */
static int read_node(void *context, unsigned level, uint64_t index, uint8_t *out)
{
    (void)context;
    struct merkle_frontier f;
    merkle_frontier_init(&f);
    for (uint64_t i = index << level; i < (index + 1) << level; i++)
        merkle_frontier_append(&f, leaves[i]);
    merkle_frontier_root(&f, out);
    return STATUS_OK;
}

static void make_receipt(uint64_t index, uint64_t size, const void *event, size_t length,
                         struct buffer *out)
{
    struct checkpoint_signer signer = {origin, root.sign_public, log_secret, certificate_bytes};
    struct buffer note = BUFFER_EMPTY;
    merkle_hash proof[MERKLE_PROOF_MAX] = {{0}};
    merkle_hash head;
    size_t count;
    assert_int_equal(merkle_root(read_node, NULL, size, head), STATUS_OK);
    assert_int_equal(merkle_inclusion_prove(read_node, NULL, index, size, proof, &count),
                     STATUS_OK);
    checkpoint_sign(&signer, size, head, &note);
    receipt_encode(event, length, index, proof[0], count, (const char *)note.data, note.length,
                   out);
    assert_int_equal(out->status, STATUS_OK);
    buffer_release(&note);
}

static int verify(const void *text, size_t length, struct receipt *out)
{
    struct note_error error = {""};
    int status = receipt_verify(&trust, text, length, out, &error);
    assert_int_equal(error.text[0] == '\0', status == STATUS_OK);
    return status;
}

static void verifies_every_entry(void **state)
{
    (void)state;
    for (uint64_t size = 1; size <= ENTRIES; size++) {
        for (uint64_t index = 0; index < size; index++) {
            struct buffer b = BUFFER_EMPTY;
            struct receipt r;
            make_receipt(index, size, events[index], strlen(events[index]), &b);
            assert_int_equal(verify(b.data, b.length, &r), STATUS_OK);
            assert_int_equal(r.index, index);
            assert_int_equal(r.checkpoint.size, size);
            assert_int_equal(r.event.length, strlen(events[index]));
            assert_memory_equal(r.event.data, events[index], r.event.length);
            receipt_release(&r);
            buffer_release(&b);
        }
    }
}

static void has_the_published_form(void **state)
{
    (void)state;
    static const char expected[] = "c2sp.org/tlog-proof@v1\n"
                                   "extra ZXZlbnQgbnVtYmVyIDI=\n"
                                   "index 2\n";
    struct buffer b = BUFFER_EMPTY;
    make_receipt(2, 3, events[2], strlen(events[2]), &b);
    size_t fixed = strlen(expected);
    assert_memory_equal(b.data, expected, fixed);
    /* One hash of 44 characters, an empty line, the checkpoint. */
    assert_memory_equal(b.data + fixed + 43, "=\n\nexample.org/bourse\n3\n", 24);
    buffer_release(&b);
}

static void finds_every_flipped_bit(void **state)
{
    (void)state;
    struct buffer b = BUFFER_EMPTY;
    make_receipt(13, 21, events[13], strlen(events[13]), &b);
    for (size_t i = 0; i < 8 * b.length; i++) {
        struct receipt r;
        b.data[i / 8] ^= (uint8_t)(1 << i % 8);
        if (verify(b.data, b.length, &r) == STATUS_OK)
            fail_msg("bit %zu of byte %zu may be flipped unnoticed", i % 8, i / 8);
        assert_null(r.event.data);
        b.data[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    buffer_release(&b);
}

static void finds_every_cut_and_addition(void **state)
{
    (void)state;
    struct buffer b = BUFFER_EMPTY;
    struct receipt r;
    make_receipt(13, 21, events[13], strlen(events[13]), &b);
    for (size_t length = 0; length < b.length; length++) {
        char *copy = malloc(length + 1);
        assert_non_null(copy);
        memcpy(copy, b.data, length);
        assert_int_not_equal(verify(copy, length, &r), STATUS_OK);
        free(copy);
    }
    assert_int_equal(verify(b.data, b.length, &r), STATUS_OK);
    receipt_release(&r);
    buffer_append(&b, "\n", 1);
    assert_int_not_equal(verify(b.data, b.length, &r), STATUS_OK);
    buffer_release(&b);
}

static void random_mutation(void **state)
{
    (void)state;
    srandom((unsigned)random_seed());
    struct buffer b = BUFFER_EMPTY;
    make_receipt(13, 21, events[13], strlen(events[13]), &b);
    for (int round = 0; round < 5000; round++) {
        struct receipt r;
        char *copy = malloc(b.length);
        assert_non_null(copy);
        memcpy(copy, b.data, b.length);
        for (long i = random() % 3; i >= 0; i--) {
            size_t at = (size_t)random() % b.length;
            if (random() % 2 == 0)
                copy[at] = (char)b.data[(size_t)random() % b.length];
            else /* repeats a piece of the text somewhere else */
                memmove(copy + at, b.data + at / 2, (b.length - at) / 3);
        }
        int same = memcmp(copy, b.data, b.length) == 0;
        int status = verify(copy, b.length, &r);
        assert_int_equal(status == STATUS_OK, same);
        if (status == STATUS_OK)
            receipt_release(&r);
        free(copy);
    }
    buffer_release(&b);
}

/* A genuine checkpoint with an event, an index or a proof that is not its own. */
static void names_what_is_forged(void **state)
{
    (void)state;
    struct buffer b = BUFFER_EMPTY;
    struct receipt r;
    struct note_error error;
    make_receipt(13, 21, "event number X", 14, &b);
    assert_int_equal(receipt_verify(&trust, (char *)b.data, b.length, &r, &error), STATUS_FORGED);
    assert_non_null(strstr(error.text, "entry 13"));
    buffer_clear(&b);
    make_receipt(13, 21, events[13], strlen(events[13]), &b);
    char *index = strstr((char *)b.data, "index 13");
    assert_non_null(index);
    index[7] = '2';
    assert_int_equal(receipt_verify(&trust, (char *)b.data, b.length, &r, &error), STATUS_FORGED);
    assert_non_null(strstr(error.text, "entry 12"));
    memcpy(index, "index 21", 8);
    assert_int_equal(receipt_verify(&trust, (char *)b.data, b.length, &r, &error),
                     STATUS_MALFORMED);
    assert_non_null(strstr(error.text, "log of 21"));
    memcpy(index, "Index 13", 8);
    assert_int_equal(receipt_verify(&trust, (char *)b.data, b.length, &r, &error),
                     STATUS_MALFORMED);
    assert_non_null(strstr(error.text, "index"));
    buffer_release(&b);
}

/* The largest event fits, one byte more does not. */
static void event_limit(void **state)
{
    (void)state;
    static uint8_t event[EVENT_BYTES_MAX];
    merkle_hash kept;
    struct buffer b = BUFFER_EMPTY;
    struct receipt r;
    memcpy(kept, leaves[3], sizeof(kept));
    merkle_leaf_hash(event, sizeof(event), leaves[3]);
    make_receipt(3, 21, event, sizeof(event), &b);
    assert_int_equal(verify(b.data, b.length, &r), STATUS_OK);
    assert_int_equal(r.event.length, EVENT_BYTES_MAX);
    receipt_release(&r);
    char *end = strchr((char *)b.data + 24, '\n'); /* of the line "extra" */
    size_t at = (size_t)(end - (char *)b.data);
    struct buffer longer = BUFFER_EMPTY;
    buffer_append(&longer, b.data, at);
    buffer_append(&longer, "AAAA", 4);
    buffer_append(&longer, b.data + at, b.length - at);
    assert_int_equal(verify(longer.data, longer.length, &r), STATUS_LIMIT);
    buffer_clear(&longer);
    memset(buffer_extend(&longer, RECEIPT_BYTES_MAX + 1), 'A', RECEIPT_BYTES_MAX + 1);
    assert_int_equal(verify(longer.data, longer.length, &r), STATUS_LIMIT);
    buffer_release(&longer);
    buffer_release(&b);
    memcpy(leaves[3], kept, sizeof(kept));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verifies_every_entry),
        cmocka_unit_test(has_the_published_form),
        cmocka_unit_test(finds_every_flipped_bit),
        cmocka_unit_test(finds_every_cut_and_addition),
        cmocka_unit_test(random_mutation),
        cmocka_unit_test(names_what_is_forged),
        cmocka_unit_test(event_limit),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests_name("receipt", tests, make_exchange, NULL);
}
