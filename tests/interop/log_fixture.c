/*
 * Writes a log with our own code for others' code to verify: log_fixture FOLDER makes
 *
 *   verifier                    the log key as a note verifier key
 *   checkpoint-SIZE             signed heads
 *   receipt-SIZE-INDEX          receipts
 *   consistency-OLD-NEW         consistency proofs, base64, a hash a line
 *   store/                      the log's files, tiles-0 and on among them
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <sodium.h>

#include "protocol/limits.h"
#include "protocol/receipt.h"
#include "protocol/status.h"
#include "server/log/log.h"
#include "server/log/log_store.h"

static const uint64_t sizes[] = {0, 1, 2, 3, 7, 8, 255, 256, 257, 700, 65536, 66000};
enum { SIZES = sizeof(sizes) / sizeof(sizes[0]), EVENT_MAX = 64 };

static const char *folder;
static int failed;

static void expect_ok(int status, const char *what)
{
    if (status != STATUS_OK) {
        fprintf(stderr, "log_fixture: %s: %s\n", what, status_text(status));
        failed = 1;
    }
}

static void write_file(const char *name, const struct buffer *b)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    int good = file != NULL && (b->length == 0 || fwrite(b->data, 1, b->length, file) == b->length);
    if (file != NULL && fclose(file) != 0)
        good = 0;
    expect_ok(good && b->status == STATUS_OK ? STATUS_OK : STATUS_IO, path);
}

static size_t event_make(uint64_t index, uint8_t event[EVENT_MAX])
{
    memset(event, (int)(index % 251), EVENT_NONCE_BYTES);
    int length = snprintf((char *)event + EVENT_NONCE_BYTES, EVENT_MAX - EVENT_NONCE_BYTES,
                          "event %" PRIu64 " of the fixture", index);
    return EVENT_NONCE_BYTES + (size_t)length;
}

static void write_receipts(const struct log_store *s, uint64_t size, const struct buffer *note)
{
    for (uint64_t index = 0; index < size; index += 1 + size / 5) {
        merkle_hash proof[MERKLE_PROOF_MAX];
        size_t count = 0;
        struct buffer event = BUFFER_EMPTY;
        struct buffer receipt = BUFFER_EMPTY;
        char name[64];
        expect_ok(log_store_read(s, index, &event), "read");
        expect_ok(log_store_inclusion(s, index, size, proof, &count), "inclusion");
        receipt_encode(event.data, event.length, index, proof[0], count, (const char *)note->data,
                       note->length, &receipt);
        snprintf(name, sizeof(name), "receipt-%" PRIu64 "-%" PRIu64, size, index);
        write_file(name, &receipt);
        buffer_release(&receipt);
        buffer_release(&event);
    }
}

static void write_consistency(const struct log_store *s, uint64_t old_size, uint64_t new_size)
{
    merkle_hash proof[MERKLE_PROOF_MAX];
    size_t count = 0;
    struct buffer text = BUFFER_EMPTY;
    char name[64];
    expect_ok(log_store_consistency(s, old_size, new_size, proof, &count), "consistency");
    for (size_t i = 0; i < count; i++) {
        note_base64_append(&text, proof[i], MERKLE_HASH_SIZE);
        buffer_append(&text, "\n", 1);
    }
    snprintf(name, sizeof(name), "consistency-%" PRIu64 "-%" PRIu64, old_size, new_size);
    write_file(name, &text);
    buffer_release(&text);
}

static void write_log(struct log_store *s, const struct checkpoint_signer *signer)
{
    for (size_t i = 0; i < SIZES; i++) {
        for (uint64_t index = log_store_size(s); index < sizes[i]; index++) {
            uint8_t event[EVENT_MAX];
            merkle_hash leaf;
            size_t length = event_make(index, event);
            merkle_leaf_hash(event, length, leaf);
            expect_ok(log_store_append(s, event, length, leaf), "append");
        }
        expect_ok(log_store_publish(s), "publish");
        struct buffer note = BUFFER_EMPTY;
        char name[64];
        expect_ok(log_head_sign(signer, log_store_frontier(s), &note), "sign");
        snprintf(name, sizeof(name), "checkpoint-%" PRIu64, sizes[i]);
        write_file(name, &note);
        write_receipts(s, sizes[i], &note);
        for (size_t j = 0; j <= i; j++)
            write_consistency(s, sizes[j], sizes[i]);
        buffer_release(&note);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2 || sodium_init() < 0) {
        fprintf(stderr, "usage: log_fixture FOLDER\n");
        return 2;
    }
    folder = argv[1];
    static const uint8_t exchange_id[KEYS_EXCHANGE_ID_BYTES] = {1};
    struct keys root;
    uint8_t log_secret[64];
    uint8_t certificate[CERTIFICATE_BYTES];
    struct certificate content = {.use = CERTIFICATE_LOG, .not_before_s = 1, .not_after_s = 2};
    keys_from_seed(&root, (const uint8_t[32]){1});
    crypto_sign_seed_keypair(content.key, log_secret, (const uint8_t[32]){2});
    expect_ok(certificate_make(&root, exchange_id, &content, certificate), "certificate");
    struct checkpoint_signer signer = {"example.org/bourse", root.sign_public, log_secret,
                                       certificate};
    struct buffer verifier = BUFFER_EMPTY;
    note_verifier_key(signer.origin, content.key, &verifier);
    write_file("verifier", &verifier);
    buffer_release(&verifier);

    char path[512];
    merkle_hash empty;
    struct log_store *s;
    snprintf(path, sizeof(path), "%s/store", folder);
    merkle_empty_root(empty);
    int status = log_store_open(path, 0, 0, empty, &s);
    expect_ok(status, path);
    if (status == STATUS_OK) {
        write_log(s, &signer);
        log_store_close(s);
    }
    keys_wipe(&root);
    return failed;
}
