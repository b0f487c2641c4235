#include "protocol/keyfile.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "protocol/checked_text.h"
#include "protocol/status.h"
#include "protocol/write_all.h"

enum {
    SALT_BYTES = 16,
    NONCE_BYTES = 24,
    BOX_BYTES = KEYS_SEED_BYTES + 16,
    SEALED_BYTES = SALT_BYTES + NONCE_BYTES + BOX_BYTES,
    SEALED_TEXT = 7 + CHECKED_TEXT_LENGTH(SEALED_BYTES), /* "sealed:..." */
    SEED_TEXT = 5 + CHECKED_TEXT_LENGTH(KEYS_SEED_BYTES) /* "seed:..." */
};

static_assert(crypto_pwhash_argon2id_SALTBYTES == SALT_BYTES, "Argon2id");
static_assert(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES == NONCE_BYTES, "XChaCha20-Poly1305");
static_assert(crypto_aead_xchacha20poly1305_ietf_ABYTES == 16, "XChaCha20-Poly1305");
static_assert(64 + KEYS_TEXT_BYTES + 64 + SEALED_TEXT < KEYFILE_TEXT_SIZE, "the longest file fits");

static const char title_name[] = "bourse-keyfile ";
static const char title[] = "bourse-keyfile v1";
static const char seed_prefix[] = "seed:";
static const char sealed_prefix[] = "sealed:";
static const char cost_prefix[] = "argon2id:";

/* A key file taken apart, not yet opened. */
struct parsed {
    struct keyfile_info info;
    uint8_t seed[KEYS_SEED_BYTES]; /* when not sealed */
    struct keyfile_cost cost;
    uint8_t sealed[SEALED_BYTES];
    size_t head_length; /* of the text that the box authenticates */
};

static bool cost_valid(const struct keyfile_cost *cost)
{
    return cost->passes >= 1 && cost->passes <= KEYFILE_PASSES_MAX &&
           cost->memory_kib >= KEYFILE_MEMORY_KIB_MIN && cost->memory_kib <= KEYFILE_MEMORY_KIB_MAX;
}

static int derive_key(const void *passphrase, size_t passphrase_length,
                      const uint8_t salt[SALT_BYTES], const struct keyfile_cost *cost,
                      uint8_t key_out[crypto_aead_xchacha20poly1305_ietf_KEYBYTES])
{
    if (passphrase_length > crypto_pwhash_argon2id_PASSWD_MAX)
        return STATUS_LIMIT;
    /* With checked arguments the only thing left to fail is the memory it works in. */
    if (crypto_pwhash(key_out, crypto_aead_xchacha20poly1305_ietf_KEYBYTES, passphrase,
                      passphrase_length, salt, cost->passes, (size_t)cost->memory_kib * 1024,
                      crypto_pwhash_ALG_ARGON2ID13) != 0)
        return STATUS_MEMORY;
    return STATUS_OK;
}

static int seal(const uint8_t seed[KEYS_SEED_BYTES], const void *passphrase,
                size_t passphrase_length, const struct keyfile_cost *cost, const char *head,
                size_t head_length, uint8_t sealed_out[SEALED_BYTES])
{
    uint8_t key[crypto_aead_xchacha20poly1305_ietf_KEYBYTES];
    uint8_t *salt = sealed_out;
    uint8_t *nonce = salt + SALT_BYTES;
    randombytes_buf(salt, SALT_BYTES);
    randombytes_buf(nonce, NONCE_BYTES);
    int status = derive_key(passphrase, passphrase_length, salt, cost, key);
    if (status == STATUS_OK)
        crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + NONCE_BYTES, NULL, seed, KEYS_SEED_BYTES,
                                                   (const uint8_t *)head, head_length, NULL, nonce,
                                                   key);
    sodium_memzero(key, sizeof(key));
    return status;
}

static int unseal(const struct parsed *p, const char *text, const void *passphrase,
                  size_t passphrase_length, uint8_t seed_out[KEYS_SEED_BYTES])
{
    if (passphrase == NULL)
        return STATUS_MISUSE;
    if (!cost_valid(&p->cost))
        return STATUS_LIMIT;
    uint8_t key[crypto_aead_xchacha20poly1305_ietf_KEYBYTES];
    const uint8_t *nonce = p->sealed + SALT_BYTES;
    int status = derive_key(passphrase, passphrase_length, p->sealed, &p->cost, key);
    if (status == STATUS_OK && crypto_aead_xchacha20poly1305_ietf_decrypt(
                                   seed_out, NULL, NULL, nonce + NONCE_BYTES, BOX_BYTES,
                                   (const uint8_t *)text, p->head_length, nonce, key) != 0)
        status = STATUS_FORGED;
    sodium_memzero(key, sizeof(key));
    return status;
}

int keyfile_encode(const uint8_t seed[KEYS_SEED_BYTES], const void *passphrase,
                   size_t passphrase_length, const struct keyfile_cost *cost,
                   char text_out[KEYFILE_TEXT_SIZE], size_t *length_out)
{
    static const struct keyfile_cost usual = {KEYFILE_PASSES_DEFAULT, KEYFILE_MEMORY_KIB_DEFAULT};
    if (cost == NULL)
        cost = &usual;
    if (passphrase != NULL && passphrase_length == 0)
        return STATUS_MISUSE;
    if (passphrase != NULL && !cost_valid(cost))
        return STATUS_LIMIT;

    struct keys keys;
    keys_from_seed(&keys, seed);
    struct keys_public public_keys;
    keys_get_public(&keys, &public_keys);
    keys_wipe(&keys);
    char key_text[KEYS_TEXT_BYTES + 1];
    keys_print(&public_keys, key_text);

    int length = snprintf(text_out, KEYFILE_TEXT_SIZE, "%s\n# %s\n", title, key_text);
    char *at = text_out + length;
    if (passphrase == NULL) {
        checked_text_print(seed_prefix, seed, KEYS_SEED_BYTES, at);
        at += SEED_TEXT;
    } else {
        at += sprintf(at, "%s%u:%u\n", cost_prefix, cost->passes, cost->memory_kib);
        uint8_t sealed[SEALED_BYTES];
        int status = seal(seed, passphrase, passphrase_length, cost, text_out,
                          (size_t)(at - text_out), sealed);
        if (status != STATUS_OK)
            return status;
        checked_text_print(sealed_prefix, sealed, sizeof(sealed), at);
        at += SEALED_TEXT;
    }
    *at++ = '\n';
    *at = '\0';
    *length_out = (size_t)(at - text_out);
    assert(*length_out < KEYFILE_TEXT_SIZE);
    return STATUS_OK;
}

/* The line at `*at`, without its newline; false when the text ends before one. */
static bool next_line(const char *text, size_t length, size_t *at, const char **line_out,
                      size_t *line_length_out)
{
    const char *start = text + *at;
    const char *end = *at < length ? memchr(start, '\n', length - *at) : NULL;
    if (end == NULL)
        return false;
    *line_out = start;
    *line_length_out = (size_t)(end - start);
    *at += *line_length_out + 1;
    return true;
}

/* Digits up to `end`, as printf writes them: no sign, no leading zero, at most 9 of them. */
static int parse_number(const char **at, const char *end, uint32_t *value_out)
{
    const char *start = *at;
    uint32_t value = 0;
    while (*at < end && **at >= '0' && **at <= '9' && *at - start < 9)
        value = value * 10 + (uint32_t)(*(*at)++ - '0');
    if (*at == start || (*start == '0' && *at - start > 1))
        return STATUS_MALFORMED;
    *value_out = value;
    return STATUS_OK;
}

static int parse_cost(const char *line, size_t length, struct keyfile_cost *cost_out)
{
    const char *at = line + sizeof(cost_prefix) - 1;
    const char *end = line + length;
    int status = parse_number(&at, end, &cost_out->passes);
    if (status != STATUS_OK)
        return status;
    if (at == end || *at != ':')
        return STATUS_MALFORMED;
    at++;
    status = parse_number(&at, end, &cost_out->memory_kib);
    if (status == STATUS_OK && at != end)
        status = STATUS_MALFORMED;
    return status;
}

static bool starts_with(const char *line, size_t length, const char *prefix)
{
    return length >= strlen(prefix) && memcmp(line, prefix, strlen(prefix)) == 0;
}

static int parse_head(const char *text, size_t length, size_t *at, struct keys_public *keys_out)
{
    const char *line;
    size_t n;
    if (!next_line(text, length, at, &line, &n) || !starts_with(line, n, title_name))
        return STATUS_MALFORMED;
    if (n != sizeof(title) - 1 || memcmp(line, title, n) != 0)
        return STATUS_VERSION;
    char key_text[KEYS_TEXT_BYTES + 1];
    if (!next_line(text, length, at, &line, &n) || n != KEYS_TEXT_BYTES + 2 ||
        !starts_with(line, n, "# "))
        return STATUS_MALFORMED;
    memcpy(key_text, line + 2, KEYS_TEXT_BYTES);
    key_text[KEYS_TEXT_BYTES] = '\0';
    return keys_parse(key_text, keys_out);
}

static int parse(const char *text, size_t length, struct parsed *p)
{
    memset(p, 0, sizeof(*p));
    size_t at = 0;
    int status = parse_head(text, length, &at, &p->info.keys);
    if (status != STATUS_OK)
        return status;
    const char *line;
    size_t n;
    if (!next_line(text, length, &at, &line, &n))
        return STATUS_MALFORMED;
    if (starts_with(line, n, cost_prefix)) {
        p->info.sealed = true;
        status = parse_cost(line, n, &p->cost);
        if (status != STATUS_OK)
            return status;
        p->head_length = at;
        if (!next_line(text, length, &at, &line, &n))
            return STATUS_MALFORMED;
        status = checked_text_parse(sealed_prefix, line, n, p->sealed, sizeof(p->sealed));
    } else {
        status = checked_text_parse(seed_prefix, line, n, p->seed, sizeof(p->seed));
    }
    if (status == STATUS_OK && at != length)
        status = STATUS_MALFORMED;
    return status;
}

int keyfile_inspect_text(const char *text, size_t length, struct keyfile_info *info_out)
{
    struct parsed p;
    int status = parse(text, length, &p);
    if (status == STATUS_OK)
        *info_out = p.info;
    sodium_memzero(&p, sizeof(p));
    return status;
}

int keyfile_decode(const char *text, size_t length, const void *passphrase,
                   size_t passphrase_length, uint8_t seed_out[KEYS_SEED_BYTES])
{
    struct parsed p;
    struct keys keys;
    struct keys_public public_keys;
    int status = parse(text, length, &p);
    if (status == STATUS_OK && p.info.sealed)
        status = unseal(&p, text, passphrase, passphrase_length, p.seed);
    if (status != STATUS_OK)
        goto out;
    /* A comment that names other keys would make people register keys they do not have. */
    keys_from_seed(&keys, p.seed);
    keys_get_public(&keys, &public_keys);
    keys_wipe(&keys);
    if (memcmp(&public_keys, &p.info.keys, sizeof(public_keys)) != 0) {
        status = STATUS_MALFORMED;
        goto out;
    }
    memcpy(seed_out, p.seed, KEYS_SEED_BYTES);
out:
    sodium_memzero(&p, sizeof(p));
    return status;
}

/* A new file's name is durable only when its folder is. */
static int sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL   ? strdup(".")
                   : slash == path ? strdup("/")
                                   : strndup(path, (size_t)(slash - path));
    if (folder == NULL)
        return STATUS_MEMORY;
    int status = STATUS_OK;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        status = status_of_errno(errno);
    if (fd >= 0)
        close(fd);
    free(folder);
    return status;
}

int keyfile_write(const char *path, const uint8_t seed[KEYS_SEED_BYTES], const void *passphrase,
                  size_t passphrase_length, const struct keyfile_cost *cost)
{
    char text[KEYFILE_TEXT_SIZE];
    size_t length = 0;
    int fd = -1;
    int status = keyfile_encode(seed, passphrase, passphrase_length, cost, text, &length);
    if (status != STATUS_OK)
        goto out;
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        status = status_of_errno(errno);
        goto out;
    }
    /* The umask may have taken away more than we want. */
    status =
        fchmod(fd, 0600) == 0 && write_all(fd, text, length) ? STATUS_OK : status_of_errno(errno);
    if (status == STATUS_OK && fsync(fd) != 0)
        status = status_of_errno(errno);
    if (close(fd) != 0 && status == STATUS_OK)
        status = status_of_errno(errno);
    if (status == STATUS_OK)
        status = sync_folder(path);
    if (status != STATUS_OK)
        unlink(path);
out:
    sodium_memzero(text, sizeof(text));
    return status;
}

/* Reads the file if it is as private as it must be; `text_out` may then hold a secret. */
static int read_private(const char *path, char text_out[KEYFILE_TEXT_SIZE], size_t *length_out)
{
    /* Not blocking: the path may name a pipe, which is refused below. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return status_of_errno(errno);
    int status = STATUS_OK;
    struct stat st;
    if (fstat(fd, &st) != 0) {
        status = status_of_errno(errno);
        goto out;
    }
    if (!S_ISREG(st.st_mode)) {
        status = STATUS_MALFORMED;
        goto out;
    }
    if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        status = STATUS_PERMISSION;
        goto out;
    }
    size_t length = 0;
    while (length < KEYFILE_TEXT_SIZE) {
        ssize_t n = read(fd, text_out + length, KEYFILE_TEXT_SIZE - length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            status = status_of_errno(errno);
        if (n <= 0)
            break;
        length += (size_t)n;
    }
    /* A full buffer is longer than any key file and fails to parse. */
    *length_out = length;
out:
    close(fd);
    return status;
}

int keyfile_inspect(const char *path, struct keyfile_info *info_out)
{
    char text[KEYFILE_TEXT_SIZE];
    size_t length = 0;
    int status = read_private(path, text, &length);
    if (status == STATUS_OK)
        status = keyfile_inspect_text(text, length, info_out);
    sodium_memzero(text, sizeof(text));
    return status;
}

int keyfile_read(const char *path, const void *passphrase, size_t passphrase_length,
                 uint8_t seed_out[KEYS_SEED_BYTES])
{
    char text[KEYFILE_TEXT_SIZE];
    size_t length = 0;
    int status = read_private(path, text, &length);
    if (status == STATUS_OK)
        status = keyfile_decode(text, length, passphrase, passphrase_length, seed_out);
    sodium_memzero(text, sizeof(text));
    return status;
}
