/* Checkpoints: made, verified from the root key alone, and every way in which they may be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "protocol/checkpoint.h"
#include "protocol/status.h"

static const char origin[] = "example.org/bourse";
static const uint8_t exchange_id[32] = {0xb0};
static const merkle_hash some_root = {1, 2, 3};

static struct keys root;
static uint8_t log_public[32];
static uint8_t log_secret[64];
static uint8_t certificate[CERTIFICATE_BYTES];
static struct checkpoint_signer signer;
static struct checkpoint_trust trust;

static void certify(const struct keys *by, const uint8_t *exchange, enum certificate_use use,
                    uint8_t *out)
{
    struct certificate content = {.use = use, .not_before_s = 1000, .not_after_s = 2000};
    memcpy(content.key, log_public, sizeof(content.key));
    assert_int_equal(certificate_make(by, exchange, &content, out), STATUS_OK);
}

static int make_keys(void **state)
{
    (void)state;
    keys_from_seed(&root, (const uint8_t[32]){1});
    crypto_sign_seed_keypair(log_public, log_secret, (const uint8_t[32]){2});
    certify(&root, exchange_id, CERTIFICATE_LOG, certificate);
    signer = (struct checkpoint_signer){origin, root.sign_public, log_secret, certificate};
    trust = (struct checkpoint_trust){origin, root.sign_public, exchange_id, 0};
    return 0;
}

static int verify(const struct checkpoint_trust *t, const struct buffer *b, struct checkpoint *out)
{
    struct note_error error = {""};
    int status = checkpoint_verify(t, (const char *)b->data, b->length, out, &error);
    assert_int_equal(error.text[0] == '\0', status == STATUS_OK);
    return status;
}

static void text_is_the_published_one(void **state)
{
    (void)state;
    /* The example of the specification, text part. */
    static const char expected[] = "example.com/behind-the-sofa\n20852163\n"
                                   "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    merkle_hash hash;
    size_t count;
    struct buffer b = BUFFER_EMPTY;
    assert_int_equal(note_base64_decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", 44, hash,
                                        sizeof(hash), &count),
                     STATUS_OK);
    checkpoint_text("example.com/behind-the-sofa", 20852163, hash, &b);
    assert_int_equal(b.length, strlen(expected));
    assert_memory_equal(b.data, expected, b.length);
    buffer_release(&b);
}

static void root_key_alone_verifies(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {0, 1, 42, INT64_MAX};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct buffer b = BUFFER_EMPTY;
        struct checkpoint c;
        struct note n;
        checkpoint_sign(&signer, sizes[i], some_root, &b);
        assert_int_equal(b.status, STATUS_OK);
        assert_int_equal(verify(&trust, &b, &c), STATUS_OK);
        assert_int_equal(c.size, sizes[i]);
        assert_memory_equal(c.root, some_root, sizeof(c.root));
        assert_memory_equal(c.certificate.key, log_public, sizeof(log_public));
        /* Who knows the log key needs no certificate. */
        assert_int_equal(note_parse((char *)b.data, b.length, &n, NULL), STATUS_OK);
        assert_int_equal(note_verify(&n, origin, log_public), STATUS_OK);
        buffer_release(&b);
    }
}

static void certificate_window(void **state)
{
    (void)state;
    static const struct {
        uint64_t time_s;
        int status;
    } cases[] = {{0, STATUS_OK},
                 {999, STATUS_EXPIRED},
                 {1000, STATUS_OK},
                 {1999, STATUS_OK},
                 {2000, STATUS_EXPIRED}};
    struct buffer b = BUFFER_EMPTY;
    struct checkpoint c;
    checkpoint_sign(&signer, 7, some_root, &b);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct checkpoint_trust t = trust;
        t.time_s = cases[i].time_s;
        assert_int_equal(verify(&t, &b, &c), cases[i].status);
    }
    /* A forged checkpoint is forged, however old its certificate. */
    struct checkpoint_trust t = trust;
    t.time_s = 3000;
    b.data[sizeof(origin)] = '8';
    assert_int_equal(verify(&t, &b, &c), STATUS_FORGED);
    buffer_release(&b);
}

/* One thing after the other is not what the verifier trusts. */
static void refuses_other_identities(void **state)
{
    (void)state;
    struct keys other;
    struct checkpoint c;
    struct buffer b = BUFFER_EMPTY;
    keys_from_seed(&other, (const uint8_t[32]){9});
    checkpoint_sign(&signer, 7, some_root, &b);
    struct checkpoint_trust t = trust;
    t.origin = "example.org/other";
    assert_int_equal(verify(&t, &b, &c), STATUS_FORGED);
    t = trust;
    t.root_public = other.sign_public;
    assert_int_equal(verify(&t, &b, &c), STATUS_FORGED);
    t = trust;
    t.exchange_id = other.sign_public;
    assert_int_equal(verify(&t, &b, &c), STATUS_FORGED);
    buffer_release(&b);

    uint8_t bad[CERTIFICATE_BYTES];
    struct checkpoint_signer s = signer;
    s.certificate = bad;
    certify(&other, exchange_id, CERTIFICATE_LOG, bad); /* another root's certificate */
    checkpoint_sign(&s, 7, some_root, &b);
    assert_int_equal(verify(&trust, &b, &c), STATUS_FORGED);
    buffer_clear(&b);
    certify(&root, exchange_id, CERTIFICATE_CHANNEL, bad); /* a certificate for another use */
    checkpoint_sign(&s, 7, some_root, &b);
    assert_int_equal(verify(&trust, &b, &c), STATUS_FORGED);
    buffer_clear(&b);
    memcpy(bad, certificate, sizeof(bad));
    bad[0] = 2; /* a version we do not know */
    checkpoint_sign(&s, 7, some_root, &b);
    assert_int_equal(verify(&trust, &b, &c), STATUS_VERSION);
    buffer_clear(&b);
    s = signer;
    s.log_secret = other.sign_secret; /* a log key that the root did not certify */
    checkpoint_sign(&s, 7, some_root, &b);
    assert_int_equal(verify(&trust, &b, &c), STATUS_FORGED);
    buffer_release(&b);
}

/* Texts that the log key did sign and that are no checkpoints, or just unusual ones. */
static void reads_the_text_strictly(void **state)
{
    (void)state;
#define ROOT "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    static const struct {
        const char *text;
        int status;
    } cases[] = {
        {"example.org/bourse\n7\n" ROOT "\n", STATUS_OK},
        {"example.org/bourse\n7\n" ROOT "\nextension\nanother\n", STATUS_OK},
        {"example.org/bourse\n7\n" ROOT "\n\nextension\n", STATUS_MALFORMED},
        {"\n7\n" ROOT "\n", STATUS_MALFORMED},
        {"example.org/bours\n7\n" ROOT "\n", STATUS_FORGED},
        {"example.org/bourse2\n7\n" ROOT "\n", STATUS_FORGED},
        {"example.org/bourse\n", STATUS_MALFORMED},
        {"example.org/bourse\n7\n", STATUS_MALFORMED},
        {"example.org/bourse\n07\n" ROOT "\n", STATUS_MALFORMED},
        {"example.org/bourse\n-7\n" ROOT "\n", STATUS_MALFORMED},
        {"example.org/bourse\n9223372036854775808\n" ROOT "\n", STATUS_MALFORMED},
        {"example.org/bourse\n7\nAAAA\n", STATUS_MALFORMED},
        {"example.org/bourse\n7\n" ROOT "AAAA\n", STATUS_MALFORMED},
        {"example.org/bourse\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n", STATUS_MALFORMED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buffer b = BUFFER_EMPTY;
        struct checkpoint c;
        size_t length = strlen(cases[i].text);
        buffer_append(&b, cases[i].text, length);
        buffer_append(&b, "\n", 1);
        note_sign(&b, cases[i].text, length, origin, log_secret);
        note_append_signature(&b, origin, checkpoint_delegation_id(origin, root.sign_public),
                              certificate, sizeof(certificate));
        int status = verify(&trust, &b, &c);
        if (status != cases[i].status)
            fail_msg("case %zu: %s", i, status_text(status));
        buffer_release(&b);
    }
}

static void needs_each_line_once(void **state)
{
    (void)state;
    static const char text[] = "example.org/bourse\n7\n" ROOT "\n";
    for (unsigned signatures = 0; signatures <= 2; signatures++) {
        for (unsigned certificates = 0; certificates <= 2; certificates++) {
            struct buffer b = BUFFER_EMPTY;
            struct checkpoint c;
            buffer_append(&b, text, strlen(text));
            buffer_append(&b, "\n", 1);
            note_append_signature(&b, "witness.example", 5, (const uint8_t *)"x", 1);
            for (unsigned i = 0; i < signatures; i++)
                note_sign(&b, text, strlen(text), origin, log_secret);
            for (unsigned i = 0; i < certificates; i++)
                note_append_signature(&b, origin,
                                      checkpoint_delegation_id(origin, root.sign_public),
                                      certificate, sizeof(certificate));
            int status = verify(&trust, &b, &c);
            assert_int_equal(status == STATUS_OK, signatures == 1 && certificates == 1);
            buffer_release(&b);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_the_published_one), cmocka_unit_test(root_key_alone_verifies),
        cmocka_unit_test(certificate_window),        cmocka_unit_test(refuses_other_identities),
        cmocka_unit_test(reads_the_text_strictly),   cmocka_unit_test(needs_each_line_once),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests_name("checkpoint", tests, make_keys, NULL);
}
