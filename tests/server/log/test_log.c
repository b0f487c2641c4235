/* Nonces of events and the signed head. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "protocol/status.h"
#include "server/log/log.h"

static const uint8_t exchange_id[32] = {0xb0};

static struct keys root;
static uint8_t log_public[32];
static uint8_t log_secret[64];
static uint8_t certificate[CERTIFICATE_BYTES];
static struct checkpoint_signer signer;

static int make_keys(void **state)
{
    (void)state;
    struct certificate content = {
        .use = CERTIFICATE_LOG, .not_before_s = 1000, .not_after_s = 2000};
    keys_from_seed(&root, (const uint8_t[32]){1});
    crypto_sign_seed_keypair(log_public, log_secret, (const uint8_t[32]){2});
    memcpy(content.key, log_public, sizeof(content.key));
    signer =
        (struct checkpoint_signer){"example.org/bourse", root.sign_public, log_secret, certificate};
    return certificate_make(&root, exchange_id, &content, certificate);
}

static void head_is_signed(void **state)
{
    (void)state;
    struct checkpoint_trust trust = {signer.origin, root.sign_public, exchange_id, 1500};
    struct merkle_frontier f;
    merkle_frontier_init(&f);
    for (uint8_t i = 0; i < 5; i++) {
        struct buffer note = BUFFER_EMPTY;
        struct checkpoint found;
        merkle_hash expected;
        assert_int_equal(log_head_sign(&signer, &f, &note), STATUS_OK);
        assert_int_equal(
            checkpoint_verify(&trust, (const char *)note.data, note.length, &found, NULL),
            STATUS_OK);
        merkle_frontier_root(&f, expected);
        assert_int_equal(found.size, i);
        assert_memory_equal(found.root, expected, sizeof(expected));
        buffer_release(&note);
        merkle_leaf_hash(&i, 1, expected);
        merkle_frontier_append(&f, expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_is_signed),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests_name("log", tests, make_keys, NULL);
}
