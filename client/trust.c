#include "client/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <sodium.h>

#include "client/paths.h"
#include "protocol/sha256.h"
#include "protocol/status.h"

enum { NOTE_FILE_BYTES_MAX = 64 * 1024, ROOT_TEXT_BYTES = 45 };

__attribute__((format(printf, 3, 4))) static int fail(struct trust_error *error, int status,
                                                      const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
    return status;
}

static int verify_note(const struct trust *t, const void *note, size_t length, uint64_t time_s,
                       struct checkpoint *out, struct note_error *why)
{
    struct checkpoint_trust believed = {
        .origin = t->pin.origin,
        .root_public = t->pin.root,
        .exchange_id = t->pin.exchange_id,
        .time_s = time_s,
    };
    return checkpoint_verify(&believed, note, length, out, why);
}

static char *file_in(const struct trust *t, const char *name)
{
    return paths_join(t->folder, name);
}

/* Reads what is kept into the empty `note`; STATUS_NOT_FOUND when nothing is. */
static int kept_read(const struct trust *t, struct buffer *note, struct checkpoint *head,
                     struct trust_error *error)
{
    struct note_error why = {.text = ""};
    char *file = file_in(t, "checkpoint");
    if (file == NULL)
        return fail(error, STATUS_MEMORY, "out of memory");
    int status = paths_read(file, NOTE_FILE_BYTES_MAX, note);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        fail(error, status, "cannot read %s: %s", file, status_text(status));
    if (status == STATUS_OK) {
        status = verify_note(t, note->data, note->length, 0, head, &why);
        if (status != STATUS_OK)
            status = fail(error, STATUS_DAMAGED,
                          "%s does not hold a head of this exchange's log (%s).\n"
                          "Without it a rewritten history cannot be noticed. If you know why the "
                          "file is damaged, move it away and connect again.",
                          file, why.text);
    }
    free(file);
    return status;
}

int trust_load(struct trust *t, const char *state_folder, const struct pin *pin,
               struct trust_error *error)
{
    char id[65];
    struct checkpoint head;
    *t = (struct trust){.pin = *pin, .note = BUFFER_EMPTY};
    error->text[0] = '\0';
    if (state_folder == NULL)
        return STATUS_OK;
    sodium_bin2hex(id, sizeof(id), pin->exchange_id, sizeof(pin->exchange_id));
    t->folder = paths_join(state_folder, id);
    int status = t->folder == NULL ? STATUS_MEMORY : paths_make_folder(t->folder);
    if (status != STATUS_OK) {
        fail(error, status, "cannot make the folder %s for what was seen of the log: %s",
             t->folder != NULL ? t->folder : state_folder, status_text(status));
        goto out;
    }
    status = kept_read(t, &t->note, &head, error);
    if (status == STATUS_OK) {
        t->size = head.size;
        memcpy(t->root, head.root, sizeof(t->root));
    } else if (status == STATUS_NOT_FOUND) {
        status = STATUS_OK;
    }
out:
    if (status != STATUS_OK)
        trust_release(t);
    return status;
}

void trust_release(struct trust *t)
{
    free(t->folder);
    t->folder = NULL;
    buffer_release(&t->note);
    t->size = 0;
}

static const char *root_text(const merkle_hash root, char out[ROOT_TEXT_BYTES])
{
    return sodium_bin2base64(out, ROOT_TEXT_BYTES, root, MERKLE_HASH_SIZE,
                             sodium_base64_VARIANT_ORIGINAL);
}

/* Both signed heads and the proof that does not connect them, for whoever must be shown. */
static char *evidence_write(const struct trust *t, const void *note, size_t note_length,
                            const uint8_t *proof, size_t proof_count)
{
    struct buffer text = BUFFER_EMPTY;
    uint8_t hash[32];
    char name[64];
    if (t->folder == NULL)
        return NULL;
    buffer_printf(&text, "Two signed heads of the log of %s that contradict each other.\n\n",
                  t->pin.origin);
    buffer_printf(&text, "=== Seen before ===\n");
    buffer_append(&text, t->note.data, t->note.length);
    buffer_printf(&text, "\n=== Shown now ===\n");
    buffer_append(&text, note, note_length);
    buffer_printf(&text, "\n=== The proof that came with it, %zu hashes ===\n", proof_count);
    for (size_t i = 0; i < proof_count; i++) {
        char line[ROOT_TEXT_BYTES];
        buffer_printf(&text, "%s\n", root_text(proof + 32 * i, line));
    }
    /* Named by its content, so that meeting the same fork again does not pile up files. */
    sha256(text.data, text.length, hash);
    snprintf(name, sizeof(name), "fork-%02x%02x%02x%02x.txt", hash[0], hash[1], hash[2], hash[3]);
    char *file = text.status == STATUS_OK ? file_in(t, name) : NULL;
    if (file != NULL && paths_replace(file, 0600, text.data, text.length) != STATUS_OK) {
        free(file);
        file = NULL;
    }
    buffer_release(&text);
    return file;
}

static int forked(const struct trust *t, const struct checkpoint *now, const void *note,
                  size_t note_length, const uint8_t *proof, size_t proof_count,
                  struct trust_error *error)
{
    char before_text[ROOT_TEXT_BYTES];
    char now_text[ROOT_TEXT_BYTES];
    char *file = evidence_write(t, note, note_length, proof, proof_count);
    fail(error, STATUS_FORKED,
         "THE EXCHANGE HAS REWRITTEN ITS HISTORY. Both heads below are signed by %s:\n"
         "  seen before: %" PRIu64 " events, root %s\n"
         "  shown now:   %" PRIu64 " events, root %s\n"
         "and the second does not continue the first. Nothing was sent.%s%s\n"
         "Do not trade; show the evidence to the other parties and to the exchange's admin.",
         t->pin.origin, t->size, root_text(t->root, before_text), now->size,
         root_text(now->root, now_text), file != NULL ? " The evidence is in\n  " : "",
         file != NULL ? file : "");
    free(file);
    return STATUS_FORKED;
}

static int lock_take(const struct trust *t)
{
    char *file = file_in(t, "lock");
    int fd = file == NULL ? -1 : open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    free(file);
    while (fd >= 0 && flock(fd, LOCK_EX) != 0) {
        if (errno == EINTR)
            continue;
        close(fd);
        return -1;
    }
    return fd;
}

/* Keeps the head unless another process has kept a later one meanwhile. */
static int keep(const struct trust *t, const struct checkpoint *now, const void *note,
                size_t length, struct trust_error *error)
{
    struct buffer other_note = BUFFER_EMPTY;
    struct checkpoint other;
    int lock = lock_take(t);
    if (lock < 0)
        return fail(error, STATUS_IO, "cannot lock %s/lock: %s", t->folder, strerror(errno));
    int status = kept_read(t, &other_note, &other, error);
    bool later = status == STATUS_OK && other.size > now->size;
    if (status == STATUS_OK && other.size == now->size &&
        memcmp(other.root, now->root, sizeof(other.root)) != 0) {
        struct trust before = *t;
        before.size = other.size;
        memcpy(before.root, other.root, sizeof(before.root));
        before.note = other_note;
        status = forked(&before, now, note, length, NULL, 0, error);
    } else if ((status == STATUS_OK && !later) || status == STATUS_NOT_FOUND) {
        char *file = file_in(t, "checkpoint");
        status = file == NULL ? STATUS_MEMORY : paths_replace(file, 0600, note, length);
        if (status != STATUS_OK)
            fail(error, status, "cannot keep the head of the log in %s/checkpoint: %s", t->folder,
                 status_text(status));
        free(file);
    }
    buffer_release(&other_note);
    close(lock);
    return status;
}

int trust_advance(struct trust *t, const void *note, size_t note_length, const uint8_t *proof,
                  size_t proof_count, uint64_t time_s, struct trust_error *error)
{
    struct checkpoint now;
    struct note_error why = {.text = ""};
    int status = verify_note(t, note, note_length, time_s, &now, &why);
    if (status != STATUS_OK)
        return fail(error, status, "the exchange's log head does not verify: %s", why.text);
    if (t->size > 0) {
        bool same = now.size == t->size;
        status = now.size < t->size ? STATUS_FORKED
                 : same ? (memcmp(now.root, t->root, sizeof(t->root)) == 0 ? 0 : STATUS_FORKED)
                        : merkle_consistency_verify(t->size, t->root, now.size, now.root, proof,
                                                    proof_count);
        if (status != STATUS_OK)
            return forked(t, &now, note, note_length, proof, proof_count, error);
        if (same)
            return STATUS_OK;
    }
    status = t->folder != NULL ? keep(t, &now, note, note_length, error) : STATUS_OK;
    if (status != STATUS_OK)
        return status;
    buffer_clear(&t->note);
    buffer_append(&t->note, note, note_length);
    t->size = now.size;
    memcpy(t->root, now.root, sizeof(t->root));
    return t->note.status;
}
