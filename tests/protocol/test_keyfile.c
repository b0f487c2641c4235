/* Key files: private, never overwritten, and a passphrase that is asked of whoever reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include <sodium.h>

#include "protocol/keyfile.h"
#include "protocol/status.h"

/* Cheap enough to try hundreds of times. */
static const struct keyfile_cost cheap = {1, 8};
static uint8_t seed[32];
static char folder[256];
static char path[300];

static int make_folder(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof(folder), "%s/bourse-keyfile-XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/key", folder);
    randombytes_buf(seed, sizeof(seed));
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void put_file(const char *text, size_t length, mode_t mode)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, length, f), length);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void test_plain_file(void **state)
{
    (void)state;
    uint8_t got[32];
    struct keyfile_info info;
    struct keys keys;
    struct stat st;
    /* The mode does not depend on the umask. */
    mode_t before = umask(0);
    assert_int_equal(keyfile_write(path, seed, NULL, 0, NULL), 0);
    umask(before);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(keyfile_read(path, NULL, 0, got), 0);
    assert_memory_equal(got, seed, 32);
    assert_int_equal(keyfile_inspect(path, &info), 0);
    assert_false(info.sealed);
    keys_from_seed(&keys, seed);
    assert_memory_equal(info.keys.sign, keys.sign_public, 32);
    assert_memory_equal(info.keys.channel, keys.channel_public, 32);

    uint8_t other[32] = {1};
    assert_int_equal(keyfile_write(path, other, NULL, 0, NULL), STATUS_EXISTS);
    assert_int_equal(keyfile_read(path, NULL, 0, got), 0);
    assert_memory_equal(got, seed, 32);
}

static void test_sealed_file(void **state)
{
    (void)state;
    uint8_t got[32] = {0}, before[32] = {0};
    struct keyfile_info info;
    assert_int_equal(keyfile_write(path, seed, "", 0, &cheap), STATUS_MISUSE);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(keyfile_write(path, seed, "correct horse", 13, &cheap), 0);
    assert_int_equal(keyfile_inspect(path, &info), 0);
    assert_true(info.sealed);
    assert_int_equal(keyfile_read(path, NULL, 0, got), STATUS_MISUSE);
    assert_int_equal(keyfile_read(path, "correct hors", 12, got), STATUS_FORGED);
    assert_int_equal(keyfile_read(path, "", 0, got), STATUS_FORGED);
    assert_memory_equal(got, before, 32);
    assert_int_equal(keyfile_read(path, "correct horse", 13, got), 0);
    assert_memory_equal(got, seed, 32);
}

static void test_default_cost(void **state)
{
    (void)state;
    uint8_t got[32];
    char text[KEYFILE_TEXT_SIZE];
    size_t length;
    assert_int_equal(keyfile_encode(seed, "p", 1, NULL, text, &length), 0);
    assert_non_null(strstr(text, "\nargon2id:3:262144\n"));
    assert_int_equal(keyfile_decode(text, length, "p", 1, got), 0);
    assert_memory_equal(got, seed, 32);
}

static void test_public_files_are_refused(void **state)
{
    (void)state;
    uint8_t got[32];
    struct keyfile_info info;
    assert_int_equal(keyfile_write(path, seed, NULL, 0, NULL), 0);
    const mode_t modes[] = {0640, 0604, 0660, 0620, 0602, 0610, 0644};
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        assert_int_equal(chmod(path, modes[i]), 0);
        assert_int_equal(keyfile_read(path, NULL, 0, got), STATUS_PERMISSION);
        assert_int_equal(keyfile_inspect(path, &info), STATUS_PERMISSION);
    }
    assert_int_equal(chmod(path, 0400), 0);
    assert_int_equal(keyfile_read(path, NULL, 0, got), 0);
}

static void test_other_places(void **state)
{
    (void)state;
    uint8_t got[32];
    assert_int_equal(keyfile_read(path, NULL, 0, got), STATUS_NOT_FOUND);
    assert_int_equal(keyfile_read(folder, NULL, 0, got), STATUS_MALFORMED);
    char nowhere[400];
    snprintf(nowhere, sizeof(nowhere), "%s/none/key", folder);
    assert_int_equal(keyfile_write(nowhere, seed, NULL, 0, NULL), STATUS_NOT_FOUND);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(keyfile_read(path, NULL, 0, got), STATUS_MALFORMED); /* and does not wait */
    unlink(path);
    char big[5000];
    memset(big, 'x', sizeof(big));
    put_file(big, sizeof(big), 0600);
    assert_int_equal(keyfile_read(path, NULL, 0, got), STATUS_MALFORMED);
    put_file("", 0, 0600);
    assert_int_equal(keyfile_read(path, NULL, 0, got), STATUS_MALFORMED);
    put_file("bourse-keyfile v2\n", 18, 0600);
    assert_int_equal(keyfile_read(path, NULL, 0, got), STATUS_VERSION);
}

/* Replaces the line that begins with argon2id: and tries to open the result. */
static int decode_with_cost(const char *cost)
{
    char text[KEYFILE_TEXT_SIZE], changed[2 * KEYFILE_TEXT_SIZE];
    size_t length;
    uint8_t got[32];
    assert_int_equal(keyfile_encode(seed, "p", 1, &cheap, text, &length), 0);
    char *line = strstr(text, "argon2id:");
    char *rest = strchr(line, '\n');
    snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(line - text), text, cost, rest);
    return keyfile_decode(changed, strlen(changed), "p", 1, got);
}

static void test_hostile_costs(void **state)
{
    (void)state;
    assert_int_equal(decode_with_cost("argon2id:1:8"), 0);
    /* Cheaper or dearer than written: the box covers it. */
    assert_int_equal(decode_with_cost("argon2id:2:8"), STATUS_FORGED);
    assert_int_equal(decode_with_cost("argon2id:1:9"), STATUS_FORGED);
    assert_int_equal(decode_with_cost("argon2id:1:100000000"), STATUS_LIMIT);
    assert_int_equal(decode_with_cost("argon2id:1:1048577"), STATUS_LIMIT);
    assert_int_equal(decode_with_cost("argon2id:17:8"), STATUS_LIMIT);
    assert_int_equal(decode_with_cost("argon2id:0:8"), STATUS_LIMIT);
    assert_int_equal(decode_with_cost("argon2id:1:7"), STATUS_LIMIT);
    const char *malformed[] = {
        "argon2id:01:8",  "argon2id:1:08", "argon2id:1:",           "argon2id::8",
        "argon2id:1",     "argon2id:1:8 ", "argon2id:1:9999999999", "argon2id:-1:8",
        "argon2id:1:8:1", "argon2i:1:8",   "argon2id:1:8\n\n",      ""};
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++)
        assert_int_equal(decode_with_cost(malformed[i]), STATUS_MALFORMED);
    const struct keyfile_cost bad = {1, KEYFILE_MEMORY_KIB_MAX + 1};
    char text[KEYFILE_TEXT_SIZE];
    size_t length;
    assert_int_equal(keyfile_encode(seed, "p", 1, &bad, text, &length), STATUS_LIMIT);
}

static void test_every_cut_and_every_change(void **state)
{
    (void)state;
    for (int sealed = 0; sealed < 2; sealed++) {
        char text[KEYFILE_TEXT_SIZE];
        size_t length;
        uint8_t got[32];
        assert_int_equal(
            keyfile_encode(seed, sealed ? "p" : NULL, sealed ? 1 : 0, &cheap, text, &length), 0);
        assert_int_equal(strlen(text), length);
        for (size_t cut = 0; cut < length; cut++)
            assert_int_equal(keyfile_decode(text, cut, "p", 1, got), STATUS_MALFORMED);
        for (size_t at = 0; at < length; at++) {
            for (int bit = 0; bit < 8; bit++) {
                text[at] = (char)(text[at] ^ (1 << bit));
                assert_int_not_equal(keyfile_decode(text, length, "p", 1, got), 0);
                text[at] = (char)(text[at] ^ (1 << bit));
            }
        }
        text[length] = '\n';
        assert_int_equal(keyfile_decode(text, length + 1, "p", 1, got), STATUS_MALFORMED);
        assert_int_equal(keyfile_decode(text, length, "p", 1, got), 0);
    }
}

static void test_comment_must_name_the_seeds_keys(void **state)
{
    (void)state;
    char mine[KEYFILE_TEXT_SIZE], other[KEYFILE_TEXT_SIZE];
    size_t length;
    uint8_t seed2[32] = {1}, got[32];
    assert_int_equal(keyfile_encode(seed, NULL, 0, NULL, mine, &length), 0);
    assert_int_equal(keyfile_encode(seed2, NULL, 0, NULL, other, &length), 0);
    size_t head = (size_t)(strstr(mine, "seed:") - mine);
    memcpy(other + head, mine + head, length - head);
    assert_int_equal(keyfile_decode(other, length, NULL, 0, got), STATUS_MALFORMED);
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_plain_file),
        IN_FOLDER(test_sealed_file),
        cmocka_unit_test(test_default_cost),
        IN_FOLDER(test_public_files_are_refused),
        IN_FOLDER(test_other_places),
        cmocka_unit_test(test_hostile_costs),
        cmocka_unit_test(test_every_cut_and_every_change),
        cmocka_unit_test(test_comment_must_name_the_seeds_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
