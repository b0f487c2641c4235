#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include <sodium.h>

#include "protocol/genesis.h"
#include "protocol/status.h"

static struct genesis example(void)
{
    struct genesis genesis = {
        .rules_version = RULES_VERSION,
        .origin = {"bourse.example/one", 18},
        .created_s = 1795341630,
        .admin_name = {"admin", 5},
        .activation_grace_s = 3600,
        .meter_grace_s = 7200,
        .dispute_window_s = 86400,
        .approvals = 1,
    };
    memset(genesis.root_key, 1, sizeof(genesis.root_key));
    memset(genesis.nonce, 2, sizeof(genesis.nonce));
    memset(genesis.admin_sign_key, 3, sizeof(genesis.admin_sign_key));
    memset(genesis.admin_channel_key, 4, sizeof(genesis.admin_channel_key));
    return genesis;
}

static void test_id_is_the_hash(void **state)
{
    (void)state;
    struct genesis genesis = example();
    struct buffer encoded = BUFFER_EMPTY;
    message_encode(&genesis_message, &genesis, &encoded);
    uint8_t id[32];
    genesis_id(encoded.data, encoded.length, id);
    /* The same over bytes put together here. */
    struct buffer whole = BUFFER_EMPTY;
    buffer_append(&whole, "bourse/genesis/v1\0", 18);
    buffer_append(&whole, encoded.data, encoded.length);
    uint8_t wanted[32];
    crypto_hash_sha256(wanted, whole.data, whole.length);
    assert_memory_equal(id, wanted, 32);
    /* Any other record is another exchange. */
    genesis.nonce[0] ^= 1;
    buffer_clear(&encoded);
    message_encode(&genesis_message, &genesis, &encoded);
    genesis_id(encoded.data, encoded.length, id);
    assert_memory_not_equal(id, wanted, 32);
    buffer_release(&whole);
    buffer_release(&encoded);
}

static void test_decode(void **state)
{
    (void)state;
    struct genesis genesis = example();
    struct buffer encoded = BUFFER_EMPTY;
    message_encode(&genesis_message, &genesis, &encoded);
    struct arena arena = ARENA_EMPTY;
    struct decode_error error;
    struct genesis again;
    assert_int_equal(
        message_decode(&genesis_message, encoded.data, encoded.length, &arena, &again, &error), 0);
    assert_int_equal(again.created_s, genesis.created_s);
    assert_int_equal(again.origin.length, 18);
    assert_memory_equal(again.origin.data, "bourse.example/one", 18);
    for (size_t length = 0; length < encoded.length; length++)
        assert_int_equal(
            message_decode(&genesis_message, encoded.data, length, &arena, &again, &error),
            STATUS_MALFORMED);
    arena_release(&arena);
    buffer_release(&encoded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_id_is_the_hash),
        cmocka_unit_test(test_decode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
