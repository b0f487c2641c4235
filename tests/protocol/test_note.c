/* Signed notes: a published note, strict parsing, signing, what is skipped and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "protocol/note.h"
#include "protocol/status.h"
#include "tests/random.h"

/* The note and key that the documentation of Go's sumdb/note signs with. */
static const char published_key[] =
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
static const char published_note[] =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\xe2\x80\x94 PeterNeumann "
    "x08go/ZJkuBS9UG/"
    "SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

static const char name[] = "example.org/bourse";
static uint8_t public_key[32];
static uint8_t secret_key[64];

static int make_key(void **state)
{
    (void)state;
    return crypto_sign_seed_keypair(public_key, secret_key, (const uint8_t[32]){7});
}

static void accepts_a_published_note(void **state)
{
    (void)state;
    char key_name[NOTE_NAME_MAX + 1];
    uint8_t key[32];
    struct note n;
    assert_int_equal(note_verifier_key_parse(published_key, strlen(published_key), key_name, key),
                     STATUS_OK);
    assert_string_equal(key_name, "PeterNeumann");
    assert_int_equal(note_parse(published_note, strlen(published_note), &n, NULL), STATUS_OK);
    assert_int_equal(note_verify(&n, key_name, key), STATUS_OK);
    struct buffer again = BUFFER_EMPTY;
    note_verifier_key(key_name, key, &again);
    assert_int_equal(again.length, strlen(published_key));
    assert_memory_equal(again.data, published_key, again.length);
    buffer_release(&again);
}

static void sign_text(struct buffer *out, const char *text)
{
    buffer_append(out, text, strlen(text));
    buffer_append(out, "\n", 1);
    note_sign(out, text, strlen(text), name, secret_key);
}

static void signs_and_verifies(void **state)
{
    (void)state;
    static const char *const texts[] = {"one line\n", "two\nlines\n", "with\n\nan empty line\n",
                                        "\n", "\xc3\xa9t\xc3\xa9 \xf0\x9f\x98\x80\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct buffer b = BUFFER_EMPTY;
        struct note n;
        uint8_t other[32] = {1};
        sign_text(&b, texts[i]);
        assert_int_equal(note_parse((char *)b.data, b.length, &n, NULL), STATUS_OK);
        assert_int_equal(n.text_length, strlen(texts[i]));
        assert_memory_equal(n.text, texts[i], n.text_length);
        assert_int_equal(n.signature_count, 1);
        assert_int_equal(note_verify(&n, name, public_key), STATUS_OK);
        assert_int_equal(note_verify(&n, name, other), STATUS_NOT_FOUND);
        assert_int_equal(note_verify(&n, "example.org/other", public_key), STATUS_NOT_FOUND);
        buffer_release(&b);
    }
}

static void skips_unknown_lines(void **state)
{
    (void)state;
    struct buffer b = BUFFER_EMPTY;
    struct note n;
    uint8_t junk[NOTE_SIGNATURE_BYTES_MAX] = {0};
    buffer_append(&b, "text\n\n", 6);
    note_append_signature(&b, "someone/else", 0x01020304, junk, sizeof(junk));
    note_append_signature(&b, name, 0x01020304, junk, 1);
    note_sign(&b, "text\n", 5, name, secret_key);
    assert_int_equal(note_parse((char *)b.data, b.length, &n, NULL), STATUS_OK);
    assert_int_equal(n.signature_count, 3);
    assert_int_equal(note_verify(&n, name, public_key), STATUS_OK);
    /* A second line of a key that we know is one too many. */
    note_sign(&b, "text\n", 5, name, secret_key);
    assert_int_equal(note_parse((char *)b.data, b.length, &n, NULL), STATUS_OK);
    assert_int_equal(note_verify(&n, name, public_key), STATUS_MALFORMED);
    buffer_release(&b);
}

static void finds_forgery(void **state)
{
    (void)state;
    uint32_t key_id = note_key_id(name, NOTE_ED25519, public_key, sizeof(public_key));
    uint8_t signature[65];
    struct note n;
    crypto_sign_detached(signature, NULL, (const uint8_t *)"text\n", 5, secret_key);
    signature[64] = 0;
    for (size_t length = 63; length <= 65; length++) {
        struct buffer b = BUFFER_EMPTY;
        buffer_append(&b, "text\n\n", 6);
        note_append_signature(&b, name, key_id, signature, length);
        assert_int_equal(note_parse((char *)b.data, b.length, &n, NULL), STATUS_OK);
        assert_int_equal(note_verify(&n, name, public_key),
                         length == 64 ? STATUS_OK : STATUS_FORGED);
        b.data[0] = 'T';
        assert_int_equal(note_verify(&n, name, public_key), STATUS_FORGED);
        buffer_release(&b);
    }
}

static void refuses_malformed_notes(void **state)
{
    (void)state;
#define DASH "\xe2\x80\x94 "
#define LINE DASH "a AAAAAAA=\n"
    static const struct {
        const char *text;
        int status;
    } cases[] = {
        {"t\n\n" LINE, STATUS_OK},
        {"", STATUS_MALFORMED},
        {"\n", STATUS_MALFORMED},
        {"t\n", STATUS_MALFORMED},
        {"t\n\n", STATUS_MALFORMED},
        {"t\n" LINE, STATUS_MALFORMED},
        {"t\n\n" DASH "a AAAAAAA=", STATUS_MALFORMED},           /* no newline */
        {"t\n\n" LINE "\n", STATUS_MALFORMED},                   /* ends in a blank line */
        {"t\n\n" LINE "x\n", STATUS_MALFORMED},                  /* no signature line */
        {"t\n\n- a AAAAAAA=\n", STATUS_MALFORMED},               /* not an em dash */
        {"t\n\n" DASH " AAAAAAA=\n", STATUS_MALFORMED},          /* no name */
        {"t\n\n" DASH "a\n", STATUS_MALFORMED},                  /* no signature */
        {"t\n\n" DASH "a \n", STATUS_MALFORMED},                 /* an empty one */
        {"t\n\n" DASH "a AAAAAA==\n", STATUS_MALFORMED},         /* a key id only */
        {"t\n\n" DASH "a AAAAAAA\n", STATUS_MALFORMED},          /* no padding */
        {"t\n\n" DASH "a AAAAAAB=\n", STATUS_MALFORMED},         /* unused bits not zero */
        {"t\n\n" DASH "a AAAA-AA=\n", STATUS_MALFORMED},         /* another alphabet */
        {"t\n\n" DASH "a  AAAAAAA=\n", STATUS_MALFORMED},        /* two spaces */
        {"t\n\n" DASH "a AAAAAAA= \n", STATUS_MALFORMED},        /* a space behind */
        {"t\n\n" DASH "a+b AAAAAAA=\n", STATUS_MALFORMED},       /* plus in the name */
        {"t\n\n" DASH "a\xc2\xa0 AAAAAAA=\n", STATUS_MALFORMED}, /* Unicode space in the name */
        {"t\r\n\n" LINE, STATUS_MALFORMED},                      /* control character */
        {"t\xff\n\n" LINE, STATUS_MALFORMED},                    /* not UTF-8 */
        {"\xc0\xaf\n\n" LINE, STATUS_MALFORMED},                 /* overlong */
        {"\xed\xa0\x80\n\n" LINE, STATUS_MALFORMED},             /* surrogate */
        {"\xf4\x90\x80\x80\n\n" LINE, STATUS_MALFORMED},         /* beyond Unicode */
        {"t\xe2\x80\n\n" LINE, STATUS_MALFORMED},                /* cut short */
        {"\n\n" LINE, STATUS_OK},                                /* an empty line as text */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct note n;
        struct note_error error = {""};
        int status = note_parse(cases[i].text, strlen(cases[i].text), &n, &error);
        if (status != cases[i].status)
            fail_msg("case %zu: %s, expected %s", i, status_text(status),
                     status_text(cases[i].status));
        assert_int_equal(error.text[0] == '\0', status == STATUS_OK);
    }
}

static void keeps_to_its_limits(void **state)
{
    (void)state;
    struct buffer b = BUFFER_EMPTY;
    struct note n;
    buffer_append(&b, "t\n\n", 3);
    for (size_t i = 0; i < NOTE_SIGNATURES_MAX; i++)
        note_append_signature(&b, "a", (uint32_t)i, (const uint8_t *)"x", 1);
    assert_int_equal(note_parse((char *)b.data, b.length, &n, NULL), STATUS_OK);
    note_append_signature(&b, "a", 99, (const uint8_t *)"x", 1);
    assert_int_equal(note_parse((char *)b.data, b.length, &n, NULL), STATUS_LIMIT);
    buffer_clear(&b);
    memset(buffer_extend(&b, NOTE_BYTES_MAX + 1), 'a', NOTE_BYTES_MAX + 1);
    assert_int_equal(note_parse((char *)b.data, b.length, &n, NULL), STATUS_LIMIT);
    buffer_clear(&b);
    buffer_append(&b, "t\n\n" DASH "a ", 9);
    uint8_t *at = buffer_extend(&b, (NOTE_SIGNATURE_BYTES_MAX + 8) / 3 * 4);
    memset(at, 'A', (NOTE_SIGNATURE_BYTES_MAX + 8) / 3 * 4);
    buffer_append(&b, "\n", 1);
    assert_int_equal(note_parse((char *)b.data, b.length, &n, NULL), STATUS_LIMIT);
    buffer_release(&b);
    char long_name[NOTE_NAME_MAX + 1];
    memset(long_name, 'a', sizeof(long_name));
    assert_true(note_name_valid(long_name, NOTE_NAME_MAX));
    assert_false(note_name_valid(long_name, NOTE_NAME_MAX + 1));
}

static void decimals(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int status;
        uint64_t value;
    } cases[] = {
        {"0", 0, 0},
        {"10", 0, 10},
        {"9223372036854775807", 0, INT64_MAX},
        {"9223372036854775808", STATUS_MALFORMED, 0},
        {"9999999999999999999", STATUS_MALFORMED, 0},
        {"18446744073709551616", STATUS_MALFORMED, 0},
        {"", STATUS_MALFORMED, 0},
        {"01", STATUS_MALFORMED, 0},
        {"+1", STATUS_MALFORMED, 0},
        {"1 ", STATUS_MALFORMED, 0},
        {"0x1", STATUS_MALFORMED, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t value = 0;
        assert_int_equal(note_decimal_parse(cases[i].text, strlen(cases[i].text), &value),
                         cases[i].status);
        assert_int_equal(value, cases[i].value);
    }
}

/* Every flipped bit of the pinned line is noticed, and so is every cut. */
static void verifier_key_is_strict(void **state)
{
    (void)state;
    char text[sizeof(published_key)];
    char key_name[NOTE_NAME_MAX + 1];
    uint8_t key[32];
    for (size_t i = 0; i < 8 * strlen(published_key); i++) {
        memcpy(text, published_key, sizeof(text));
        text[i / 8] = (char)(text[i / 8] ^ (1 << i % 8));
        assert_int_equal(note_verifier_key_parse(text, strlen(published_key), key_name, key),
                         STATUS_MALFORMED);
    }
    for (size_t n = 0; n < strlen(published_key); n++) {
        char *copy = malloc(n + 1);
        assert_non_null(copy);
        memcpy(copy, published_key, n);
        assert_int_equal(note_verifier_key_parse(copy, n, key_name, key), STATUS_MALFORMED);
        free(copy);
    }
}

/* No cut or change of a note is read beyond its end (ASan) or verified. */
static void truncation_and_mutation(void **state)
{
    (void)state;
    srandom((unsigned)random_seed());
    struct buffer b = BUFFER_EMPTY;
    struct note n;
    sign_text(&b, "some text\n\nof several lines\n");
    for (size_t length = 0; length <= b.length; length++) {
        char *copy = malloc(length + 1);
        assert_non_null(copy);
        memcpy(copy, b.data, length);
        int status = note_parse(copy, length, &n, NULL);
        if (status == STATUS_OK)
            status = note_verify(&n, name, public_key);
        assert_int_equal(status == STATUS_OK, length == b.length);
        free(copy);
    }
    for (int round = 0; round < 20000; round++) {
        char *copy = malloc(b.length);
        assert_non_null(copy);
        memcpy(copy, b.data, b.length);
        for (long i = random() % 4; i >= 0; i--)
            copy[(size_t)random() % b.length] = "\n\0 A=\xe2\x80\x94\xff+"[random() % 10];
        int same = memcmp(copy, b.data, b.length) == 0;
        int status = note_parse(copy, b.length, &n, NULL);
        if (status == STATUS_OK && round % 20 == 0)
            assert_int_equal(note_verify(&n, name, public_key) == STATUS_OK, same);
        free(copy);
    }
    buffer_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_a_published_note),
        cmocka_unit_test(signs_and_verifies),
        cmocka_unit_test(skips_unknown_lines),
        cmocka_unit_test(finds_forgery),
        cmocka_unit_test(refuses_malformed_notes),
        cmocka_unit_test(keeps_to_its_limits),
        cmocka_unit_test(decimals),
        cmocka_unit_test(verifier_key_is_strict),
        cmocka_unit_test(truncation_and_mutation),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests_name("note", tests, make_key, NULL);
}
