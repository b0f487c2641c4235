/* SHA-256 against the examples of FIPS 180-4 and of NIST's CAVP short and long message files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "protocol/sha256.h"

static void expect(const void *data, size_t length, const char *hex)
{
    uint8_t found[SHA256_SIZE];
    char text[2 * SHA256_SIZE + 1];
    sha256(data, length, found);
    assert_string_equal(sodium_bin2hex(text, sizeof(text), found, sizeof(found)), hex);
}

static void published_vectors(void **state)
{
    (void)state;
    expect(NULL, 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect("\xd3", 1, "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1");
    expect("\x11\xaf", 2, "5ca7133fa735326081558ac312c620eeca9970d1e70a4b95533d956f072d1f98");
    expect("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
           "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    char *million = malloc(1000000);
    assert_non_null(million);
    memset(million, 'a', 1000000);
    expect(million, 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(million);
}

/* Cut anywhere, also around the 64-byte blocks, three parts hash like the whole. */
static void parts_equal_the_whole(void **state)
{
    (void)state;
    uint8_t data[200];
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7);
    uint8_t whole[SHA256_SIZE];
    sha256(data, sizeof(data), whole);
    for (size_t a = 0; a <= sizeof(data); a++) {
        for (size_t b = a; b <= sizeof(data); b += 13) {
            uint8_t joined[SHA256_SIZE];
            sha256_parts(data, a, data + a, b - a, data + b, sizeof(data) - b, joined);
            assert_memory_equal(joined, whole, sizeof(whole));
        }
    }
    uint8_t empty[SHA256_SIZE];
    uint8_t nothing[SHA256_SIZE];
    sha256(NULL, 0, nothing);
    sha256_parts(NULL, 0, NULL, 0, NULL, 0, empty);
    assert_memory_equal(empty, nothing, sizeof(empty));
}

/* Both implementations at hand agree at every length around block boundaries. */
static void agrees_with_libsodium(void **state)
{
    (void)state;
    uint8_t data[300];
    randombytes_buf_deterministic(data, sizeof(data), (const uint8_t[32]){1});
    for (size_t n = 0; n <= sizeof(data); n++) {
        uint8_t ours[SHA256_SIZE];
        uint8_t theirs[crypto_hash_sha256_BYTES];
        sha256(data, n, ours);
        crypto_hash_sha256(theirs, data, n);
        assert_memory_equal(ours, theirs, sizeof(ours));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(parts_equal_the_whole),
        cmocka_unit_test(agrees_with_libsodium),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests_name("sha256", tests, NULL, NULL);
}
