/* Certificates of the log and channel keys by the exchange's root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <sodium.h>

#include "protocol/certificate.h"
#include "protocol/endian.h"
#include "protocol/status.h"

static struct keys root;
static uint8_t exchange_id[32] = {1, 2, 3};
static struct certificate content = {
    .use = CERTIFICATE_LOG, .key = {9, 8, 7}, .not_before_s = 1000, .not_after_s = 2000};

static int check(const uint8_t *bytes, size_t length, enum certificate_use use, uint64_t time_s)
{
    struct certificate got;
    return certificate_check(bytes, length, root.sign_public, exchange_id, use, time_s, &got);
}

static void test_round_trip_and_layout(void **state)
{
    (void)state;
    uint8_t bytes[CERTIFICATE_BYTES];
    struct certificate got;
    assert_int_equal(certificate_make(&root, exchange_id, &content, bytes), 0);
    assert_int_equal(bytes[0], 1);
    assert_int_equal(bytes[1], 1);
    assert_memory_equal(bytes + 2, content.key, 32);
    assert_int_equal(get_u64_be(bytes + 34), 1000);
    assert_int_equal(get_u64_be(bytes + 42), 2000);
    assert_int_equal(
        keys_verify(root.sign_public, "bourse/certificate/v1", exchange_id, bytes, 50, bytes + 50),
        0);
    assert_int_equal(certificate_check(bytes, sizeof(bytes), root.sign_public, exchange_id,
                                       CERTIFICATE_LOG, 1500, &got),
                     0);
    assert_int_equal(got.use, CERTIFICATE_LOG);
    assert_memory_equal(got.key, content.key, 32);
    assert_int_equal(got.not_before_s, 1000);
    assert_int_equal(got.not_after_s, 2000);
}

static void test_window(void **state)
{
    (void)state;
    static const struct {
        uint64_t time_s;
        int status;
    } cases[] = {{0, STATUS_EXPIRED}, {999, STATUS_EXPIRED},  {1000, STATUS_OK},
                 {1999, STATUS_OK},   {2000, STATUS_EXPIRED}, {UINT64_MAX, STATUS_EXPIRED}};
    uint8_t bytes[CERTIFICATE_BYTES];
    assert_int_equal(certificate_make(&root, exchange_id, &content, bytes), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(check(bytes, sizeof(bytes), CERTIFICATE_LOG, cases[i].time_s),
                         cases[i].status);
    struct certificate bad = content;
    bad.not_after_s = bad.not_before_s;
    assert_int_equal(certificate_make(&root, exchange_id, &bad, bytes), STATUS_MISUSE);
    bad = content;
    bad.use = (enum certificate_use)3;
    assert_int_equal(certificate_make(&root, exchange_id, &bad, bytes), STATUS_MISUSE);
}

static void test_who_and_what_for(void **state)
{
    (void)state;
    uint8_t bytes[CERTIFICATE_BYTES], other_id[32] = {4}, seed[32] = {5};
    struct keys other;
    struct certificate got;
    keys_from_seed(&other, seed);
    assert_int_equal(certificate_make(&root, exchange_id, &content, bytes), 0);
    assert_int_equal(check(bytes, sizeof(bytes), CERTIFICATE_CHANNEL, 1500), STATUS_FORGED);
    assert_int_equal(certificate_check(bytes, sizeof(bytes), other.sign_public, exchange_id,
                                       CERTIFICATE_LOG, 1500, &got),
                     STATUS_FORGED);
    assert_int_equal(certificate_check(bytes, sizeof(bytes), root.sign_public, other_id,
                                       CERTIFICATE_LOG, 1500, &got),
                     STATUS_FORGED);
    /* The root's signature for another purpose over the same bytes is no certificate. */
    keys_sign(&root, "bourse/request/v1", exchange_id, bytes, 50, bytes + 50);
    assert_int_equal(check(bytes, sizeof(bytes), CERTIFICATE_LOG, 1500), STATUS_FORGED);
}

static void test_every_cut_and_every_bit(void **state)
{
    (void)state;
    uint8_t bytes[CERTIFICATE_BYTES + 1] = {0};
    assert_int_equal(certificate_make(&root, exchange_id, &content, bytes), 0);
    for (size_t cut = 0; cut < CERTIFICATE_BYTES; cut++)
        assert_int_equal(check(bytes, cut, CERTIFICATE_LOG, 1500), STATUS_MALFORMED);
    assert_int_equal(check(bytes, CERTIFICATE_BYTES + 1, CERTIFICATE_LOG, 1500), STATUS_MALFORMED);
    for (size_t bit = 0; bit < CERTIFICATE_BYTES * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        int status = check(bytes, CERTIFICATE_BYTES, CERTIFICATE_LOG, 1500);
        if (bit / 8 == 0)
            assert_int_equal(status, STATUS_VERSION);
        else
            assert_true(status == STATUS_FORGED || status == STATUS_MALFORMED);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(check(bytes, CERTIFICATE_BYTES, CERTIFICATE_LOG, 1500), 0);
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    uint8_t seed[32] = {77};
    keys_from_seed(&root, seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip_and_layout),
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_who_and_what_for),
        cmocka_unit_test(test_every_cut_and_every_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
