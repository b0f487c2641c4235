#include "server/engine/folder.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/keyfile.h"
#include "protocol/moment.h"
#include "protocol/status.h"
#include "server/port/file.h"

enum { GENESIS_BYTES_MAX = 4096 };

int data_folder_path(const struct data_folder *f, const char *name, char path_out[PATH_MAX])
{
    int n = snprintf(path_out, PATH_MAX, "%s/%s", f->path, name);
    return n > 0 && n < PATH_MAX ? 0 : STATUS_LIMIT;
}

static bool has(const struct data_folder *f, const char *name)
{
    char path[PATH_MAX];
    return data_folder_path(f, name, path) == 0 && file_exists(path);
}

/* Says what is wrong with one of the files and returns `status`. */
static int file_fail(const struct data_folder *f, const char *name, int status,
                     struct buffer *error)
{
    buffer_printf(error, "%s/%s: %s", f->path, name, status_text(status));
    return status;
}

/* Records of other versions may have other fields. */
static int genesis_version_check(const struct data_folder *f, struct buffer *error)
{
    uint32_t version = genesis_rules_version(f->genesis_bytes.data, f->genesis_bytes.length);
    if (version > RULES_VERSION) {
        buffer_printf(error, "%s/genesis: made by a newer version of boursed (rules %" PRIu32 ")",
                      f->path, version);
        return STATUS_VERSION;
    }
    if (version > 0 && version < RULES_VERSION) {
        buffer_printf(error,
                      "%s/genesis: made by an older version of boursed (rules %" PRIu32
                      "), whose books this one cannot carry on; run them with that version, or "
                      "make a new exchange in another directory with `boursed init`",
                      f->path, version);
        return STATUS_VERSION;
    }
    return 0;
}

static int genesis_load(struct data_folder *f, struct buffer *error)
{
    char path[PATH_MAX];
    struct decode_error wrong;
    int status = data_folder_path(f, "genesis", path);
    if (status == 0)
        status = file_load(path, GENESIS_BYTES_MAX, &f->genesis_bytes);
    if (status == STATUS_NOT_FOUND) {
        buffer_printf(error, "%s: there is no exchange here; `boursed init` makes one", f->path);
        return status;
    }
    if (status != 0)
        return file_fail(f, "genesis", status, error);
    status = genesis_version_check(f, error);
    if (status != 0)
        return status;
    status = message_decode(&genesis_message, f->genesis_bytes.data, f->genesis_bytes.length,
                            &f->arena, &f->genesis, &wrong);
    if (status != 0) {
        buffer_printf(error, "%s/genesis: damaged: %s", f->path,
                      status == STATUS_MALFORMED ? wrong.text : status_text(status));
        return status == STATUS_MALFORMED ? STATUS_DAMAGED : status;
    }
    struct buffer fault = BUFFER_EMPTY;
    if (!genesis_admins_valid(&f->genesis, &fault)) {
        buffer_printf(error, "%s/genesis: damaged: %.*s", f->path, (int)fault.length,
                      (const char *)fault.data);
        status = STATUS_DAMAGED;
    }
    buffer_release(&fault);
    if (status != 0)
        return status;
    memcpy(f->origin, f->genesis.origin.data, f->genesis.origin.length);
    genesis_id(f->genesis_bytes.data, f->genesis_bytes.length, f->exchange_id);
    return 0;
}

static int seed_load(struct data_folder *f, const char *name, uint8_t seed_out[KEYS_SEED_BYTES],
                     struct buffer *error)
{
    char path[PATH_MAX];
    int status = data_folder_path(f, name, path);
    if (status == 0)
        status = keyfile_read(path, NULL, 0, seed_out);
    return status == 0 ? 0 : file_fail(f, name, status, error);
}

static int keys_load(struct data_folder *f, struct buffer *error)
{
    uint8_t seed[KEYS_SEED_BYTES];
    int status = seed_load(f, "keys/log.key", seed, error);
    if (status == 0) {
        keys_from_seed(&f->log_key, seed);
        status = seed_load(f, "keys/channel.key", seed, error);
    }
    if (status == 0) {
        keys_from_seed(&f->channel_key, seed);
        status = seed_load(f, "keys/nonce.key", f->nonce_key, error);
    }
    sodium_memzero(seed, sizeof(seed));
    return status;
}

static int certificate_load(struct data_folder *f, const char *name, uint8_t out[CERTIFICATE_BYTES],
                            struct buffer *error)
{
    char path[PATH_MAX];
    struct buffer bytes = BUFFER_EMPTY;
    int status = data_folder_path(f, name, path);
    if (status == 0)
        status = file_load(path, CERTIFICATE_BYTES, &bytes);
    if (status == STATUS_LIMIT || (status == 0 && bytes.length != CERTIFICATE_BYTES))
        status = STATUS_DAMAGED;
    if (status == 0)
        memcpy(out, bytes.data, CERTIFICATE_BYTES);
    buffer_release(&bytes);
    return status == 0 ? 0 : file_fail(f, name, status, error);
}

/* Somebody may have removed LOCK under a server that runs. */
static int genesis_lock(struct data_folder *f, struct buffer *error)
{
    char path[PATH_MAX];
    int status = data_folder_path(f, "genesis", path);
    if (status == 0)
        status = file_lock(path, &f->genesis_lock);
    if (status == STATUS_LOCKED)
        buffer_printf(error,
                      "%s: another server runs on this directory (its file LOCK was removed); "
                      "stop that one first",
                      f->path);
    else if (status != 0)
        buffer_printf(error, "%s: cannot be locked: %s", path, strerror(errno));
    return status;
}

static int lock_take(struct data_folder *f, struct buffer *error)
{
    pid_t holder;
    int status = folder_lock(f->path, &f->lock, &holder);
    if (status == STATUS_LOCKED)
        buffer_printf(
            error, "%s: another server runs on this directory (process %ld); stop that one first",
            f->path, (long)holder);
    else if (status != 0)
        buffer_printf(error, "%s/LOCK: %s", f->path, strerror(errno));
    return status == 0 ? genesis_lock(f, error) : status;
}

static int folder_load(struct data_folder *f, enum folder_use use, struct buffer *error)
{
    int status = genesis_load(f, error);
    if (status != 0)
        return status;
    f->is_backup = has(f, "BACKUP");
    f->has_base = has(f, "base/image");
    f->has_root_key = has(f, "keys/root.key");
    if (use == FOLDER_SERVE && f->is_backup) {
        buffer_printf(error, "%s: this is a backup; `boursed restore` makes an exchange of it",
                      f->path);
        return STATUS_MISUSE;
    }
    if (use == FOLDER_SERVE)
        status = lock_take(f, error);
    if (status == 0)
        status = keys_load(f, error);
    if (status == 0)
        status = certificate_load(f, "keys/log.certificate", f->log_certificate, error);
    if (status == 0)
        status = certificate_load(f, "keys/channel.certificate", f->channel_certificate, error);
    return status;
}

int data_folder_open(const char *path, enum folder_use use, struct data_folder **out,
                     struct buffer *error)
{
    *out = NULL;
    if (sodium_init() < 0)
        return STATUS_IO;
    struct data_folder *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return STATUS_MEMORY;
    f->lock = -1;
    f->genesis_lock = -1;
    int n = snprintf(f->path, sizeof(f->path), "%s", path);
    int status = n > 0 && n < PATH_MAX ? folder_load(f, use, error) : STATUS_LIMIT;
    if (status != 0) {
        data_folder_close(f);
        return status;
    }
    *out = f;
    return 0;
}

void data_folder_close(struct data_folder *f)
{
    if (f == NULL)
        return;
    keys_wipe(&f->log_key);
    keys_wipe(&f->channel_key);
    sodium_memzero(f->nonce_key, sizeof(f->nonce_key));
    if (f->lock >= 0)
        folder_unlock(f->lock);
    file_close(f->genesis_lock);
    buffer_release(&f->genesis_bytes);
    arena_release(&f->arena);
    free(f);
}

void data_folder_pin(const struct data_folder *f, struct pin *pin_out)
{
    *pin_out = (struct pin){{0}, {0}, {0}, {0}};
    memcpy(pin_out->origin, f->origin, sizeof(f->origin));
    memcpy(pin_out->exchange_id, f->exchange_id, sizeof(f->exchange_id));
    memcpy(pin_out->root, f->genesis.root_key, sizeof(pin_out->root));
    memcpy(pin_out->channel, f->channel_key.channel_public, sizeof(pin_out->channel));
}

static int certificate_look(const struct data_folder *f, const char *name, enum certificate_use use,
                            const uint8_t *bytes, const uint8_t *key, uint64_t time_s,
                            struct buffer *error)
{
    struct certificate content;
    char from[MOMENT_TEXT_BYTES], to[MOMENT_TEXT_BYTES];
    int status = certificate_check(bytes, CERTIFICATE_BYTES, f->genesis.root_key, f->exchange_id,
                                   use, time_s, &content);
    if (status == STATUS_EXPIRED)
        buffer_printf(
            error,
            "%s: %s/keys/%s is valid from %s to %s only; `boursed certify --data %s --root-key "
            "FILE` renews it",
            time_s < content.not_before_s ? "a certificate is not valid yet"
                                          : "a certificate has ended",
            f->path, name, moment_format(content.not_before_s, from),
            moment_format(content.not_after_s, to), f->path);
    else if (status == 0 && memcmp(content.key, key, sizeof(content.key)) != 0)
        status = file_fail(f, name, STATUS_DAMAGED, error);
    else if (status != 0)
        file_fail(f, name, status, error);
    return status;
}

int data_folder_certificates_check(const struct data_folder *f, uint64_t time_s,
                                   struct buffer *error)
{
    int status = certificate_look(f, "log.certificate", CERTIFICATE_LOG, f->log_certificate,
                                  f->log_key.sign_public, time_s, error);
    if (status == 0)
        status =
            certificate_look(f, "channel.certificate", CERTIFICATE_CHANNEL, f->channel_certificate,
                             f->channel_key.channel_public, time_s, error);
    return status;
}
