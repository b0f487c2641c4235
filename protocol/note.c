#include "protocol/note.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "protocol/endian.h"
#include "protocol/sha256.h"
#include "protocol/status.h"

enum { KEY_ID_BYTES = 4, ED25519_KEY_BYTES = 32, ED25519_SIGNATURE_BYTES = 64 };

static const char dash[] = "\xe2\x80\x94 "; /* em dash, space */

int note_error_set(struct note_error *e, int status, const char *format, ...)
{
    if (e != NULL) {
        va_list args;
        va_start(args, format);
        vsnprintf(e->text, sizeof(e->text), format, args);
        va_end(args);
    }
    return status;
}

/*
 * Reads one code point by the table of RFC 3629 (no overlong forms, surrogates, or beyond
 * U+10FFFF). Returns its length in bytes, 0 if there is none.
 */
static size_t utf8_next(const uint8_t *at, size_t length, uint32_t *out)
{
    if (at[0] < 0x80) {
        *out = at[0];
        return 1;
    }
    size_t need = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] < 0xc2 || at[0] > 0xf4 || need > length)
        return 0;
    uint32_t point = at[0] & (0xffu >> (need + 1));
    for (size_t i = 1; i < need; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (at[i] & 0x3f);
    }
    if ((need == 3 && point < 0x800) || (need == 4 && point < 0x10000) || point > 0x10ffff ||
        (point >= 0xd800 && point <= 0xdfff))
        return 0;
    *out = point;
    return need;
}

/* Unicode's White_Space property. */
static int is_space(uint32_t point)
{
    return (point >= 0x09 && point <= 0x0d) || point == 0x20 || point == 0x85 || point == 0xa0 ||
           point == 0x1680 || (point >= 0x2000 && point <= 0x200a) || point == 0x2028 ||
           point == 0x2029 || point == 0x202f || point == 0x205f || point == 0x3000;
}

int note_name_valid(const char *name, size_t length)
{
    if (length == 0 || length > NOTE_NAME_MAX)
        return 0;
    for (size_t i = 0; i < length;) {
        uint32_t point;
        size_t step = utf8_next((const uint8_t *)name + i, length - i, &point);
        if (step == 0 || point < 0x20 || point == '+' || is_space(point))
            return 0;
        i += step;
    }
    return 1;
}

static int note_characters_valid(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length;) {
        uint32_t point;
        size_t step = utf8_next((const uint8_t *)bytes + i, length - i, &point);
        if (step == 0 || (point < 0x20 && point != '\n'))
            return 0;
        i += step;
    }
    return 1;
}

void note_base64_append(struct buffer *out, const uint8_t *data, size_t length)
{
    size_t encoded = sodium_base64_encoded_len(length, sodium_base64_VARIANT_ORIGINAL);
    uint8_t *at = buffer_extend(out, encoded);
    if (at == NULL)
        return;
    sodium_bin2base64((char *)at, encoded, data, length, sodium_base64_VARIANT_ORIGINAL);
    out->length--; /* the terminating NUL */
}

/* The value of a base64 character, or 64. */
static unsigned base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (unsigned)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (unsigned)(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0') + 52;
    return c == '+' ? 62 : c == '/' ? 63 : 64;
}

/* Our own decoder, since libsodium's takes a character with its highest bit set for the one
 * without. Nothing that comes here is secret, so its time may depend on the text. */
int note_base64_decode(const char *text, size_t length, uint8_t *out, size_t capacity,
                       size_t *length_out)
{
    if (length % 4 != 0)
        return STATUS_MALFORMED;
    size_t padding = 0;
    while (padding < 2 && padding < length && text[length - 1 - padding] == '=')
        padding++;
    size_t need = length / 4 * 3 - padding;
    if (need > capacity)
        return STATUS_LIMIT;
    uint32_t bits = 0;
    unsigned held = 0;
    size_t at = 0;
    for (size_t i = 0; i < length - padding; i++) {
        unsigned value = base64_value(text[i]);
        if (value > 63)
            return STATUS_MALFORMED;
        bits = bits << 6 | value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[at++] = (uint8_t)(bits >> held);
            bits &= (1u << held) - 1;
        }
    }
    if (bits != 0)
        return STATUS_MALFORMED;
    assert(at == need);
    *length_out = need;
    return STATUS_OK;
}

int note_decimal_parse(const char *text, size_t length, uint64_t *out)
{
    if (length == 0 || length > 19 || (length > 1 && text[0] == '0'))
        return STATUS_MALFORMED;
    uint64_t value = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return STATUS_MALFORMED;
        value = value * 10 + (uint64_t)(text[i] - '0'); /* 19 digits fit 64 bits */
    }
    if (value > INT64_MAX)
        return STATUS_MALFORMED;
    *out = value;
    return STATUS_OK;
}

/* One signature line without its newline. */
static int signature_parse(const char *line, size_t length, struct note_signature *out)
{
    size_t start = sizeof(dash) - 1;
    if (length < start || memcmp(line, dash, start) != 0)
        return STATUS_MALFORMED;
    out->name = line + start;
    const char *space = memchr(out->name, ' ', length - start);
    if (space == NULL)
        return STATUS_MALFORMED;
    out->name_length = (size_t)(space - out->name);
    if (!note_name_valid(out->name, out->name_length))
        return STATUS_MALFORMED;
    out->encoded = space + 1;
    out->encoded_length = length - start - out->name_length - 1;
    uint8_t bytes[KEY_ID_BYTES + NOTE_SIGNATURE_BYTES_MAX];
    size_t count;
    int status =
        note_base64_decode(out->encoded, out->encoded_length, bytes, sizeof(bytes), &count);
    if (status != STATUS_OK)
        return status;
    if (count <= KEY_ID_BYTES)
        return STATUS_MALFORMED;
    out->key_id = get_u32_be(bytes);
    return STATUS_OK;
}

/* The place of the last blank line: the index of its newline. 0 if there is none. */
static size_t note_blank_line(const char *bytes, size_t length)
{
    for (size_t i = length; i-- > 1;) {
        if (bytes[i] == '\n' && bytes[i - 1] == '\n')
            return i;
    }
    return 0;
}

int note_parse(const char *bytes, size_t length, struct note *out, struct note_error *error)
{
    memset(out, 0, sizeof(*out));
    if (length > NOTE_BYTES_MAX)
        return note_error_set(error, STATUS_LIMIT, "the note is longer than %d bytes",
                              NOTE_BYTES_MAX);
    if (!note_characters_valid(bytes, length))
        return note_error_set(error, STATUS_MALFORMED,
                              "the note is not UTF-8 text, or has control characters");
    size_t blank = note_blank_line(bytes, length);
    if (blank == 0)
        return note_error_set(error, STATUS_MALFORMED,
                              "the note has no blank line before its signatures");
    out->text = bytes;
    out->text_length = blank;
    if (blank + 1 == length)
        return note_error_set(error, STATUS_MALFORMED, "the note has no signatures");
    for (size_t at = blank + 1; at < length;) {
        const char *end = memchr(bytes + at, '\n', length - at);
        if (end == NULL)
            return note_error_set(error, STATUS_MALFORMED, "the note's last line has no newline");
        if (out->signature_count == NOTE_SIGNATURES_MAX)
            return note_error_set(error, STATUS_LIMIT, "the note has more than %d signatures",
                                  NOTE_SIGNATURES_MAX);
        size_t line = (size_t)(end - (bytes + at));
        int status = signature_parse(bytes + at, line, &out->signatures[out->signature_count]);
        if (status != STATUS_OK)
            return note_error_set(error, status, "signature line %zu of the note is malformed",
                                  out->signature_count + 1);
        out->signature_count++;
        at += line + 1;
    }
    return STATUS_OK;
}

uint32_t note_key_id(const char *name, uint8_t type, const uint8_t *key, size_t key_length)
{
    const uint8_t middle[2] = {'\n', type};
    uint8_t hash[SHA256_SIZE];
    sha256_parts(name, strlen(name), middle, sizeof(middle), key, key_length, hash);
    return get_u32_be(hash);
}

void note_verifier_key(const char *name, const uint8_t public_key[32], struct buffer *out)
{
    uint8_t encoded[1 + ED25519_KEY_BYTES] = {NOTE_ED25519};
    memcpy(encoded + 1, public_key, ED25519_KEY_BYTES);
    buffer_printf(out, "%s+%08x+", name,
                  note_key_id(name, NOTE_ED25519, public_key, ED25519_KEY_BYTES));
    note_base64_append(out, encoded, sizeof(encoded));
}

int note_verifier_key_parse(const char *text, size_t length, char name_out[NOTE_NAME_MAX + 1],
                            uint8_t public_key_out[32])
{
    const char *plus = memchr(text, '+', length);
    if (plus == NULL || !note_name_valid(text, (size_t)(plus - text)))
        return STATUS_MALFORMED;
    size_t name_length = (size_t)(plus - text);
    /* Behind the name: '+', 8 hexadecimal digits, '+', the key. */
    if (length - name_length < 10 || plus[9] != '+')
        return STATUS_MALFORMED;
    uint8_t encoded[1 + ED25519_KEY_BYTES];
    size_t count;
    if (note_base64_decode(plus + 10, length - name_length - 10, encoded, sizeof(encoded),
                           &count) != STATUS_OK ||
        count != sizeof(encoded) || encoded[0] != NOTE_ED25519)
        return STATUS_MALFORMED;
    char name[NOTE_NAME_MAX + 1];
    memcpy(name, text, name_length);
    name[name_length] = '\0';
    char id[9];
    snprintf(id, sizeof(id), "%08x",
             note_key_id(name, NOTE_ED25519, encoded + 1, ED25519_KEY_BYTES));
    if (memcmp(id, plus + 1, 8) != 0)
        return STATUS_MALFORMED;
    memcpy(name_out, name, name_length + 1);
    memcpy(public_key_out, encoded + 1, ED25519_KEY_BYTES);
    return STATUS_OK;
}

int note_find(const struct note *n, const char *name, uint32_t key_id,
              const struct note_signature **out)
{
    size_t name_length = strlen(name);
    *out = NULL;
    for (size_t i = 0; i < n->signature_count; i++) {
        const struct note_signature *s = &n->signatures[i];
        if (s->key_id != key_id || s->name_length != name_length ||
            memcmp(s->name, name, name_length) != 0)
            continue;
        if (*out != NULL)
            return STATUS_MALFORMED;
        *out = s;
    }
    return *out != NULL ? STATUS_OK : STATUS_NOT_FOUND;
}

int note_signature_bytes(const struct note_signature *s, uint8_t *out, size_t capacity,
                         size_t *length_out)
{
    uint8_t bytes[KEY_ID_BYTES + NOTE_SIGNATURE_BYTES_MAX];
    size_t count;
    int status = note_base64_decode(s->encoded, s->encoded_length, bytes, sizeof(bytes), &count);
    if (status != STATUS_OK)
        return status;
    if (count - KEY_ID_BYTES > capacity)
        return STATUS_LIMIT;
    memcpy(out, bytes + KEY_ID_BYTES, count - KEY_ID_BYTES);
    *length_out = count - KEY_ID_BYTES;
    return STATUS_OK;
}

int note_verify(const struct note *n, const char *name, const uint8_t public_key[32])
{
    const struct note_signature *s;
    uint32_t key_id = note_key_id(name, NOTE_ED25519, public_key, ED25519_KEY_BYTES);
    int status = note_find(n, name, key_id, &s);
    if (status != STATUS_OK)
        return status;
    uint8_t signature[ED25519_SIGNATURE_BYTES];
    size_t length;
    if (note_signature_bytes(s, signature, sizeof(signature), &length) != STATUS_OK ||
        length != sizeof(signature) ||
        crypto_sign_verify_detached(signature, (const uint8_t *)n->text, n->text_length,
                                    public_key) != 0)
        return STATUS_FORGED;
    return STATUS_OK;
}

void note_append_signature(struct buffer *note, const char *name, uint32_t key_id,
                           const uint8_t *signature, size_t length)
{
    assert(length > 0 && length <= NOTE_SIGNATURE_BYTES_MAX);
    uint8_t bytes[KEY_ID_BYTES + NOTE_SIGNATURE_BYTES_MAX];
    put_u32_be(bytes, key_id);
    memcpy(bytes + KEY_ID_BYTES, signature, length);
    buffer_append(note, dash, sizeof(dash) - 1);
    buffer_append(note, name, strlen(name));
    buffer_append(note, " ", 1);
    note_base64_append(note, bytes, KEY_ID_BYTES + length);
    buffer_append(note, "\n", 1);
}

void note_sign(struct buffer *note, const char *text, size_t text_length, const char *name,
               const uint8_t secret_key[64])
{
    assert(text_length > 0 && text[text_length - 1] == '\n');
    uint8_t signature[ED25519_SIGNATURE_BYTES];
    crypto_sign_detached(signature, NULL, (const uint8_t *)text, text_length, secret_key);
    /* libsodium keeps the public key in the second half of the secret key. */
    uint32_t key_id = note_key_id(name, NOTE_ED25519, secret_key + 32, ED25519_KEY_BYTES);
    note_append_signature(note, name, key_id, signature, sizeof(signature));
}
