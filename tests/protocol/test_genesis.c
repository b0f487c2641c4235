#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include <sodium.h>

#include "protocol/genesis.h"
#include "protocol/status.h"

enum { ADMINS = 3 };

static const struct genesis_admin admins[ADMINS] = {
    {.name = {"admin", 5}, .sign_key = {3}, .channel_key = {4}},
    {.name = {"bea", 3}, .sign_key = {5}, .channel_key = {6}},
    {.name = {"cem", 3}, .sign_key = {7}, .channel_key = {8}},
};

static struct genesis example(void)
{
    struct genesis genesis = {
        .rules_version = RULES_VERSION,
        .origin = {"bourse.example/one", 18},
        .created_s = 1795341630,
        .activation_grace_s = 3600,
        .meter_grace_s = 7200,
        .dispute_window_s = 86400,
        .approvals = 1,
    };
    memset(genesis.root_key, 1, sizeof(genesis.root_key));
    memset(genesis.nonce, 2, sizeof(genesis.nonce));
    genesis.admins.items = admins;
    genesis.admins.count = ADMINS;
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
    assert_int_equal(again.admins.count, ADMINS);
    assert_memory_equal(again.admins.items[2].name.data, "cem", 3);
    assert_int_equal(again.admins.items[1].channel_key[0], 6);
    for (size_t length = 0; length < encoded.length; length++)
        assert_int_equal(
            message_decode(&genesis_message, encoded.data, length, &arena, &again, &error),
            STATUS_MALFORMED);
    arena_release(&arena);
    buffer_release(&encoded);
}

/* The version is read without the rest, which is another one in another version. */
static void test_version(void **state)
{
    (void)state;
    static const uint32_t versions[] = {1, 127, 128, 255, 256, 65535, 65536, UINT32_MAX};
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        struct genesis genesis = example();
        struct buffer encoded = BUFFER_EMPTY;
        genesis.rules_version = versions[i];
        message_encode(&genesis_message, &genesis, &encoded);
        assert_int_equal(genesis_rules_version(encoded.data, encoded.length), versions[i]);
        buffer_release(&encoded);
    }
    /* An array of more items, of 18 as version 3 had; then what is no record. */
    static const uint8_t longer[] = {0xdc, 0, 18, 3, 0xa1, 'x', 0, 0};
    static const uint8_t text[] = {0x92, 0xa1, 'x', 0, 0, 0};
    assert_int_equal(genesis_rules_version(longer, sizeof(longer)), 3);
    assert_int_equal(genesis_rules_version(text, sizeof(text)), 0);
    assert_int_equal(genesis_rules_version((const uint8_t *)"short", 5), 0);
    assert_int_equal(genesis_rules_version(NULL, 0), 0);
    for (size_t length = 0; length < sizeof(longer); length++)
        assert_int_equal(genesis_rules_version(longer, length), 0);
}

static void expect_invalid(const struct genesis *g, const char *why)
{
    struct buffer error = BUFFER_EMPTY;
    assert_false(genesis_admins_valid(g, &error));
    buffer_append(&error, "", 1);
    assert_string_equal((const char *)error.data, why);
    buffer_release(&error);
}

static void test_admins(void **state)
{
    (void)state;
    struct genesis genesis = example();
    struct genesis_admin changed[ADMINS];
    struct buffer error = BUFFER_EMPTY;
    genesis.approvals = ADMINS;
    assert_true(genesis_admins_valid(&genesis, &error));
    assert_int_equal(error.length, 0);
    genesis.approvals++;
    expect_invalid(&genesis, "4 admins are to approve, but there are 3");
    genesis.approvals = 1;
    genesis.admins.count = 0;
    expect_invalid(&genesis, "1 admins are to approve, but there are 0");
    genesis = example();
    genesis.admins.items = changed;
    memcpy(changed, admins, sizeof(changed));
    changed[2].name = (struct text){"bea", 3};
    expect_invalid(&genesis, "two admins have the name 'bea'");
    memcpy(changed, admins, sizeof(changed));
    memcpy(changed[2].sign_key, changed[0].sign_key, sizeof(changed[2].sign_key));
    expect_invalid(&genesis, "the admins 'admin' and 'cem' have the same key");
    memcpy(changed, admins, sizeof(changed));
    memcpy(changed[2].channel_key, changed[1].channel_key, sizeof(changed[2].channel_key));
    expect_invalid(&genesis, "the admins 'bea' and 'cem' have the same key");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_admins),
        cmocka_unit_test(test_id_is_the_hash),
        cmocka_unit_test(test_decode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
