#include "tests/client/fake_log.h"

#include <assert.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/status.h"

enum { TEN_YEARS_S = 10 * 365 * 86400 };

void fake_log_init(struct fake_log *f, uint8_t seed, uint64_t not_before_s)
{
    uint8_t bytes[KEYS_SEED_BYTES];
    memset(f, 0, sizeof(*f));
    f->rewritten_from = UINT64_MAX;
    memset(bytes, seed, sizeof(bytes));
    keys_from_seed(&f->root, bytes);
    bytes[0]++;
    keys_from_seed(&f->log, bytes);
    bytes[0]++;
    keys_from_seed(&f->channel, bytes);
    strcpy(f->pin.origin, "example.org/fake");
    memset(f->pin.exchange_id, seed ^ 0x55, sizeof(f->pin.exchange_id));
    memcpy(f->pin.root, f->root.sign_public, 32);
    memcpy(f->pin.channel, f->channel.channel_public, 32);
    struct certificate c = {.use = CERTIFICATE_LOG,
                            .not_before_s = not_before_s,
                            .not_after_s = not_before_s + TEN_YEARS_S};
    memcpy(c.key, f->log.sign_public, 32);
    int status = certificate_make(&f->root, f->pin.exchange_id, &c, f->log_certificate);
    assert(status == STATUS_OK);
    c.use = CERTIFICATE_CHANNEL;
    memcpy(c.key, f->channel.channel_public, 32);
    status = certificate_make(&f->root, f->pin.exchange_id, &c, f->channel_certificate);
    assert(status == STATUS_OK);
    (void)status;
}

void fake_log_leaf(const struct fake_log *f, uint64_t index, char out[64])
{
    snprintf(out, 64, "%s leaf %" PRIu64, index >= f->rewritten_from ? "other" : "first", index);
}

/* Nodes are computed anew each time: the logs of tests are small. */
static int node_read(void *context, unsigned level, uint64_t index, uint8_t out[MERKLE_HASH_SIZE])
{
    char leaf[64];
    merkle_hash left;
    merkle_hash right;
    if (level == 0) {
        fake_log_leaf(context, index, leaf);
        merkle_leaf_hash(leaf, strlen(leaf), out);
        return STATUS_OK;
    }
    (void)node_read(context, level - 1, 2 * index, left);
    (void)node_read(context, level - 1, 2 * index + 1, right);
    merkle_node_hash(left, right, out);
    return STATUS_OK;
}

void fake_log_head(const struct fake_log *f, uint64_t size, struct buffer *note)
{
    merkle_hash root;
    struct checkpoint_signer signer = {f->pin.origin, f->root.sign_public, f->log.sign_secret,
                                       f->log_certificate};
    merkle_root(node_read, (void *)f, size, root);
    checkpoint_sign(&signer, size, root, note);
}

size_t fake_log_proof(const struct fake_log *f, uint64_t old_size, uint64_t new_size,
                      struct buffer *proof)
{
    merkle_hash hashes[MERKLE_PROOF_MAX];
    size_t count = 0;
    if (merkle_consistency_prove(node_read, (void *)f, old_size, new_size, hashes, &count) !=
        STATUS_OK)
        return 0;
    buffer_append(proof, hashes, count * sizeof(hashes[0]));
    return count;
}

/* --- Scratch folders ------------------------------------------------------------------------ */

char *scratch_make(void)
{
    const char *base = getenv("TMPDIR");
    char *folder = NULL;
    int length = asprintf(&folder, "%s/bourse-client-XXXXXX", base != NULL ? base : "/tmp");
    assert(length > 0);
    (void)length;
    char *made = mkdtemp(folder);
    assert(made != NULL);
    return made;
}

static int entry_remove(const char *path, const struct stat *stat, int kind, struct FTW *where)
{
    (void)stat;
    (void)kind;
    (void)where;
    return remove(path);
}

void scratch_remove(char *folder)
{
    (void)nftw(folder, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
    free(folder);
}

char *scratch_file(const char *folder, const char *name, const char *content)
{
    char *path = NULL;
    int length = asprintf(&path, "%s/%s", folder, name);
    FILE *file = length > 0 ? fopen(path, "w") : NULL;
    assert(file != NULL);
    fputs(content, file);
    fclose(file);
    return path;
}
