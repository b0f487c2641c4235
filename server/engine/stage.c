#include "server/engine/stage.h"

#include <errno.h>
#include <ftw.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/keyfile.h"
#include "protocol/status.h"
#include "server/port/file.h"

enum { COPY_CHUNK = 1 << 20, TREE_FILES_OPEN = 16 };

static int path_fail(const char *path, int status, struct buffer *error)
{
    buffer_printf(error, "%s: %s", path,
                  status == STATUS_IO ? strerror(errno) : status_text(status));
    return status;
}

int stage_path(const struct stage *s, const char *name, char path_out[PATH_MAX])
{
    int n = snprintf(path_out, PATH_MAX, "%s/%s", s->path, name);
    return n > 0 && n < PATH_MAX ? 0 : STATUS_LIMIT;
}

static int name_seen(void *context, const char *name)
{
    (void)context;
    /* A volume of its own has this one from the start. */
    return strcmp(name, "lost+found") == 0 ? 0 : STATUS_EXISTS;
}

static int target_check(const char *target, struct buffer *error)
{
    struct stat info;
    char genesis[PATH_MAX + 16];
    if (lstat(target, &info) != 0)
        return errno == ENOENT ? 0 : path_fail(target, status_of_errno(errno), error);
    if (!S_ISDIR(info.st_mode)) {
        buffer_printf(error, "%s: there is something here already, not a directory", target);
        return STATUS_EXISTS;
    }
    int status = folder_list(target, name_seen, NULL);
    if (status != STATUS_EXISTS)
        return status == 0 ? 0 : path_fail(target, status, error);
    snprintf(genesis, sizeof(genesis), "%s/genesis", target);
    if (file_exists(genesis))
        buffer_printf(error, "%s: there is an exchange here already; nothing was changed", target);
    else
        buffer_printf(error, "%s: the directory is not empty; nothing was changed", target);
    return STATUS_EXISTS;
}

/* The folder that holds `path`. */
static void parent_of(const char *path, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "%s", path);
    char *slash = strrchr(out, '/');
    if (slash == NULL)
        snprintf(out, PATH_MAX, ".");
    else
        slash[slash == out ? 1 : 0] = '\0';
}

static int make_fail(const char *target, int reason, struct buffer *error)
{
    char parent[PATH_MAX];
    parent_of(target, parent);
    if (reason == ENOENT)
        buffer_printf(error, "%s: cannot be made: the folder %s does not exist", target, parent);
    else
        buffer_printf(error, "%s: cannot be made in the folder %s: %s", target, parent,
                      strerror(reason));
    return status_of_errno(reason);
}

int stage_begin(struct stage *s, const char *target, struct buffer *error)
{
    *s = (struct stage){{0}, {0}, false};
    size_t length = strlen(target);
    while (length > 1 && target[length - 1] == '/')
        length--;
    int n = snprintf(s->target, sizeof(s->target), "%.*s", (int)length, target);
    if (n <= 0 || n >= PATH_MAX)
        return path_fail(target, STATUS_LIMIT, error);
    int status = target_check(s->target, error);
    if (status != 0)
        return status;
    n = snprintf(s->path, sizeof(s->path), "%s.new-XXXXXX", s->target);
    if (n <= 0 || n >= PATH_MAX)
        return path_fail(target, STATUS_LIMIT, error);
    if (mkdtemp(s->path) == NULL)
        return make_fail(s->target, errno, error);
    s->is_open = true;
    return 0;
}

int stage_commit(struct stage *s, struct buffer *error)
{
    char parent[PATH_MAX];
    int status = folder_sync(s->path);
    if (status != 0)
        return path_fail(s->path, status, error);
    /* An empty directory is replaced in the same step. */
    if (rename(s->path, s->target) != 0) {
        int reason = errno;
        buffer_printf(error, "%s: cannot be put into place: %s%s", s->target, strerror(reason),
                      reason == EBUSY ? "; name a directory inside this volume" : "");
        return status_of_errno(reason);
    }
    s->is_open = false;
    parent_of(s->target, parent);
    status = folder_sync(parent);
    return status == 0 ? 0 : path_fail(parent, status, error);
}

static int entry_remove(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info;
    (void)type;
    (void)place;
    return remove(path);
}

int folder_remove(const char *path)
{
    if (!file_exists(path))
        return 0;
    return nftw(path, entry_remove, TREE_FILES_OPEN, FTW_DEPTH | FTW_PHYS) == 0
               ? 0
               : status_of_errno(errno);
}

void stage_rename_in(const struct stage *s, struct buffer *error)
{
    struct buffer text = BUFFER_EMPTY;
    size_t length = strlen(s->path), at = 0;
    while (length > 0 && at < error->length) {
        const uint8_t *from = error->data + at;
        const uint8_t *found = memmem(from, error->length - at, s->path, length);
        size_t before = found != NULL ? (size_t)(found - from) : error->length - at;
        buffer_append(&text, from, before);
        if (found != NULL)
            buffer_append(&text, s->target, strlen(s->target));
        at += before + (found != NULL ? length : 0);
    }
    if (text.length > 0 && text.status == 0) {
        buffer_clear(error);
        buffer_append(error, text.data, text.length);
    }
    buffer_release(&text);
}

void stage_abort(struct stage *s)
{
    if (s->is_open)
        folder_remove(s->path);
    s->is_open = false;
}

int stage_folder(const struct stage *s, const char *name, struct buffer *error)
{
    char path[PATH_MAX];
    int status = stage_path(s, name, path);
    if (status == 0)
        status = folder_create(path);
    return status == 0 ? 0 : path_fail(path, status, error);
}

int stage_write(const struct stage *s, const char *name, const void *data, size_t length,
                struct buffer *error)
{
    char path[PATH_MAX];
    int status = stage_path(s, name, path);
    if (status == 0)
        status = file_replace(path, data, length);
    return status == 0 ? 0 : path_fail(path, status, error);
}

static int file_copy(const char *from, const char *to)
{
    int in = -1, out = -1;
    uint64_t at = 0;
    size_t got = 0;
    uint8_t *chunk = malloc(COPY_CHUNK);
    int status = chunk != NULL ? file_open(from, FILE_READ, &in) : STATUS_MEMORY;
    if (status == 0)
        status = file_open(to, FILE_CREATE, &out);
    do {
        if (status == 0)
            status = file_read_at(in, at, chunk, COPY_CHUNK, &got);
        if (status == 0)
            status = file_write_at(out, at, chunk, got);
        at += got;
    } while (status == 0 && got == COPY_CHUNK);
    if (status == 0)
        status = file_sync(out);
    file_close(in);
    file_close(out);
    free(chunk);
    return status;
}

struct copy {
    const char *from;
    const char *to;
    struct buffer *error;
};

static int tree_copy(const char *from, const char *to, struct buffer *error);

static int entry_copy(void *context, const char *name)
{
    const struct copy *c = context;
    char from[PATH_MAX], to[PATH_MAX];
    int a = snprintf(from, sizeof(from), "%s/%s", c->from, name);
    int b = snprintf(to, sizeof(to), "%s/%s", c->to, name);
    if (a >= PATH_MAX || b >= PATH_MAX)
        return path_fail(c->from, STATUS_LIMIT, c->error);
    return tree_copy(from, to, c->error);
}

/* As deep as our own directories are: two levels. */
static int tree_copy(const char *from, const char *to, struct buffer *error)
{
    struct stat info;
    if (lstat(from, &info) != 0)
        return path_fail(from, status_of_errno(errno), error);
    if (!S_ISDIR(info.st_mode)) {
        int status = file_copy(from, to);
        return status == 0 ? 0 : path_fail(to, status, error);
    }
    struct copy c = {from, to, error};
    int status = folder_create(to);
    if (status != 0)
        return path_fail(to, status, error);
    status = folder_list(from, entry_copy, &c);
    return status != 0 ? status : folder_sync(to);
}

int stage_copy(const struct stage *s, const char *name, const char *from, struct buffer *error)
{
    char path[PATH_MAX];
    int status = stage_path(s, name, path);
    return status == 0 ? tree_copy(from, path, error) : path_fail(name, status, error);
}

static int key_write(const struct stage *s, const char *name, const uint8_t seed[KEYS_SEED_BYTES],
                     struct buffer *error)
{
    char path[PATH_MAX];
    int status = stage_path(s, name, path);
    if (status == 0)
        status = keyfile_write(path, seed, NULL, 0, NULL);
    return status == 0 ? 0 : path_fail(path, status, error);
}

static int certificate_write(const struct stage *s, const char *name, const struct keys *root,
                             const uint8_t id[32], const struct certificate *content,
                             struct buffer *error)
{
    uint8_t bytes[CERTIFICATE_BYTES];
    int status = certificate_make(root, id, content, bytes);
    return status == 0 ? stage_write(s, name, bytes, sizeof(bytes), error)
                       : path_fail(name, status, error);
}

static int certificates_write(const struct stage *s, const struct identity *identity,
                              const struct keys *root, const uint8_t id[32], struct buffer *error)
{
    struct keys key;
    struct certificate content = {
        .use = CERTIFICATE_LOG,
        .not_before_s = identity->not_before_s,
        .not_after_s = identity->not_after_s,
    };
    keys_from_seed(&key, identity->log);
    memcpy(content.key, key.sign_public, sizeof(content.key));
    int status = certificate_write(s, "keys/log.certificate", root, id, &content, error);
    if (status == 0) {
        content.use = CERTIFICATE_CHANNEL;
        keys_from_seed(&key, identity->channel);
        memcpy(content.key, key.channel_public, sizeof(content.key));
        status = certificate_write(s, "keys/channel.certificate", root, id, &content, error);
    }
    keys_wipe(&key);
    return status;
}

/* Texts come from people: what is encoded must decode again. */
static int record_check(const struct buffer *record, struct buffer *error)
{
    struct genesis genesis;
    struct arena arena = ARENA_EMPTY;
    struct decode_error wrong;
    int status =
        message_decode(&genesis_message, record->data, record->length, &arena, &genesis, &wrong);
    if (status == STATUS_MALFORMED)
        buffer_printf(error, "%s", wrong.text);
    arena_release(&arena);
    return status;
}

int identity_write(const struct stage *s, struct identity *identity, uint8_t id_out[32],
                   struct buffer *error)
{
    struct keys root;
    struct buffer record = BUFFER_EMPTY;
    keys_from_seed(&root, identity->root);
    memcpy(identity->genesis.root_key, root.sign_public, sizeof(identity->genesis.root_key));
    message_encode(&genesis_message, &identity->genesis, &record);
    int status = record.status;
    if (status == 0)
        status = record_check(&record, error);
    if (status != 0)
        goto out;
    genesis_id(record.data, record.length, id_out);
    status = stage_folder(s, "keys", error);
    if (status == 0 && identity->keep_root)
        status = key_write(s, "keys/root.key", identity->root, error);
    if (status == 0)
        status = key_write(s, "keys/log.key", identity->log, error);
    if (status == 0)
        status = key_write(s, "keys/channel.key", identity->channel, error);
    if (status == 0)
        status = key_write(s, "keys/nonce.key", identity->nonce, error);
    if (status == 0)
        status = certificates_write(s, identity, &root, id_out, error);
    if (status == 0)
        status = stage_write(s, "genesis", record.data, record.length, error);
out:
    keys_wipe(&root);
    buffer_release(&record);
    return status;
}

int identity_copy(const struct stage *s, const struct data_folder *from, struct buffer *error)
{
    static const char *const names[] = {
        "keys/log.key",         "keys/channel.key",         "keys/nonce.key",
        "keys/log.certificate", "keys/channel.certificate", "genesis",
    };
    char path[PATH_MAX];
    int status = stage_folder(s, "keys", error);
    for (size_t i = 0; status == 0 && i < sizeof(names) / sizeof(names[0]); i++) {
        status = data_folder_path(from, names[i], path);
        if (status == 0)
            status = stage_copy(s, names[i], path, error);
    }
    return status;
}
