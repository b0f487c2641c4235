#include "server/store/image.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "protocol/endian.h"
#include "protocol/status.h"
#include "server/store/codec.h"
#include "server/store/image_env.h"

enum {
    FORMAT = 1, /* of the image as a whole: the meta records and how tables are kept */
    META_SIZE = 3 * 8 + 2 * 32,
    TABLE_RECORD_SIZE = 2 + CODEC_LAYOUT_SIZE,
    TABLE_NAME_MAX = 64,
};

static const char meta_name[] = "@meta";
static const char format_key[] = "format";
static const char state_key[] = "state";
static const char table_prefix[] = "table/";

/*
 * The map is address space only; the file grows with its content. Where so much cannot be had (a
 * limit on address space, a sanitizer), a quarter is tried, down to the least.
 */
static const size_t MAP_MOST = (size_t)1 << 40;
static const size_t MAP_LEAST = (size_t)1 << 28;

static void error_text(struct image_error *error, const char *format, va_list arguments,
                       const char *behind)
{
    if (!error)
        return;
    int length = vsnprintf(error->text, sizeof(error->text), format, arguments);
    if (behind && length >= 0 && (size_t)length < sizeof(error->text))
        snprintf(error->text + length, sizeof(error->text) - (size_t)length, ": %s", behind);
}

int image_fail(struct image_error *error, int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    error_text(error, format, arguments, NULL);
    va_end(arguments);
    return status;
}

static int status_of(int rc)
{
    switch (rc) {
    case MDB_MAP_FULL:
        return STATUS_FULL;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_INCOMPATIBLE:
    case MDB_PAGE_FULL:
    case MDB_CURSOR_FULL:
    case MDB_BAD_VALSIZE:
        return STATUS_DAMAGED;
    case MDB_VERSION_MISMATCH:
        return STATUS_VERSION;
    case MDB_READERS_FULL:
        return STATUS_LIMIT;
    default:
        return status_of_errno(rc);
    }
}

int image_fail_lmdb(struct image_error *error, int rc, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    error_text(error, format, arguments, mdb_strerror(rc));
    va_end(arguments);
    return status_of(rc);
}

int image_fail_write(struct image_error *error, int status, const char *path)
{
    static const uint64_t next_to_none = 4 * 1024 * 1024;
    struct statvfs space;

    if (status != STATUS_IO || statvfs(path, &space) ||
        (uint64_t)space.f_bavail * space.f_frsize >= next_to_none)
        return status;
    return image_fail(error, STATUS_FULL, "image %s: no space left on the device", path);
}

static MDB_val val_of(const void *data, size_t size)
{
    /* LMDB does not write through the pointers it is given. */
    return (MDB_val){.mv_size = size, .mv_data = (void *)(uintptr_t)data};
}

/* LMDB asserts a few things of the pages that it reads, and would abort without a hint. Nothing
 * can be said for what it was about to do: the process ends. */
static void env_give_up(MDB_env *env, const char *message)
{
    const char *path = NULL;
    mdb_env_get_path(env, &path);
    fprintf(stderr,
            "the image %s is damaged (LMDB: %s); nothing is lost: keep a copy of the directory, "
            "remove the folder image/, and the next start makes it again from the journal\n",
            path ? path : "", message);
    fflush(stderr);
    _exit(EXIT_FAILURE);
}

static int env_open_sized(struct image *i, size_t map_size)
{
    int rc = mdb_env_create(&i->env);
    if (rc)
        return rc;
    mdb_env_set_assert(i->env, env_give_up);
    unsigned flags = MDB_NOTLS | (i->mode == IMAGE_READ ? MDB_RDONLY : 0);
    rc = mdb_env_set_maxdbs(i->env, (MDB_dbi)(i->specs_count + 1));
    if (!rc)
        rc = mdb_env_set_mapsize(i->env, map_size);
    if (!rc)
        rc = mdb_env_open(i->env, i->path, flags, 0600);
    if (rc) {
        mdb_env_close(i->env);
        i->env = NULL;
    }
    return rc;
}

/* LMDB maps the file and would be killed by a signal on reading pages cut off its end. */
static int check_length(struct image *i, struct image_error *error)
{
    MDB_envinfo info;
    MDB_stat pages;
    struct stat file;
    mdb_filehandle_t fd;
    int rc = mdb_env_info(i->env, &info);

    if (!rc)
        rc = mdb_env_stat(i->env, &pages);
    if (!rc)
        rc = mdb_env_get_fd(i->env, &fd);
    if (!rc && fstat(fd, &file))
        rc = errno;
    if (rc)
        return image_fail_lmdb(error, rc, "image %s", i->path);
    if ((uint64_t)file.st_size < ((uint64_t)info.me_last_pgno + 1) * pages.ms_psize)
        return image_fail(error, STATUS_DAMAGED, "image %s: data.mdb is cut off at %lld bytes",
                          i->path, (long long)file.st_size);
    return STATUS_OK;
}

static int sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int rc = fsync(fd) ? errno : 0;
    close(fd);
    return rc;
}

static int env_open(struct image *i, struct image_error *error)
{
    char file[4096];
    int length = snprintf(file, sizeof(file), "%s/data.mdb", i->path);
    if (length < 0 || (size_t)length >= sizeof(file))
        return image_fail(error, STATUS_IO, "image: the path is too long");
    bool fresh = access(file, F_OK) != 0;
    if (fresh && i->mode == IMAGE_READ)
        return image_fail(error, STATUS_NOT_FOUND, "image %s: none there", i->path);

    int rc = ENOMEM;
    for (size_t map = MAP_MOST; rc == ENOMEM && map >= MAP_LEAST; map /= 4)
        rc = env_open_sized(i, map);
    if (!rc && fresh)
        rc = sync_folder(i->path);
    if (rc)
        return image_fail_lmdb(error, rc, "image %s", i->path);
    int status = check_length(i, error);
    if (status)
        return status;
    /* Readers that died without giving their snapshot back would make the file grow. */
    rc = mdb_reader_check(i->env, NULL);
    return rc ? image_fail_lmdb(error, rc, "image %s: readers", i->path) : STATUS_OK;
}

/* Compares the record `name` of the meta database with what it must be; where it is missing it is
 * written when `create`, else `*found_out` is false. */
static int meta_record(struct image *i, MDB_txn *txn, const char *name, const void *expected,
                       size_t size, bool *found_out, bool *equal_out)
{
    MDB_val key = val_of(name, strlen(name));
    MDB_val value;
    int rc = mdb_get(txn, i->meta_dbi, &key, &value);

    *found_out = rc == 0;
    *equal_out = rc == 0 && value.mv_size == size && memcmp(value.mv_data, expected, size) == 0;
    if (rc == MDB_NOTFOUND && i->mode == IMAGE_WRITE) {
        value = val_of(expected, size);
        rc = mdb_put(txn, i->meta_dbi, &key, &value, 0);
        *equal_out = true;
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int format_open(struct image *i, MDB_txn *txn, struct image_error *error)
{
    uint8_t format[4];
    bool found, equal;
    int rc = mdb_dbi_open(txn, meta_name, i->mode == IMAGE_WRITE ? MDB_CREATE : 0, &i->meta_dbi);

    if (rc == MDB_NOTFOUND)
        return image_fail(error, STATUS_NOT_FOUND, "image %s: not written yet", i->path);
    put_u32_le(format, FORMAT);
    if (!rc)
        rc = meta_record(i, txn, format_key, format, sizeof(format), &found, &equal);
    if (rc)
        return image_fail_lmdb(error, rc, "image %s", i->path);
    if (!equal)
        return image_fail(error, STATUS_VERSION, "image %s: of another format", i->path);
    return STATUS_OK;
}

static int table_open(struct image *i, MDB_txn *txn, size_t at, struct image_error *error)
{
    const struct table_spec *spec = &i->specs[at];
    uint8_t record[TABLE_RECORD_SIZE];
    char name[sizeof(table_prefix) + TABLE_NAME_MAX];
    bool found, equal;

    assert(strlen(spec->name) <= TABLE_NAME_MAX);
    snprintf(name, sizeof(name), "%s%s", table_prefix, spec->name);
    put_u16_le(record, spec->version);
    codec_layout(spec, record + 2);
    int rc = meta_record(i, txn, name, record, sizeof(record), &found, &equal);
    if (!rc && !found && i->mode == IMAGE_READ)
        return STATUS_OK;
    if (!rc && !equal)
        return image_fail(error, STATUS_VERSION,
                          "image %s: table %s is of another layout than version %u of this program",
                          i->path, spec->name, (unsigned)spec->version);
    if (!rc)
        rc = mdb_dbi_open(txn, spec->name, i->mode == IMAGE_WRITE ? MDB_CREATE : 0,
                          &i->tables[at].dbi);
    if (rc)
        return image_fail_lmdb(error, rc, "image %s: table %s", i->path, spec->name);
    i->tables[at].present = true;
    return STATUS_OK;
}

static bool table_known(const struct image *i, const char *name, size_t length)
{
    for (size_t t = 0; t < i->specs_count; t++)
        if (strlen(i->specs[t].name) == length && memcmp(i->specs[t].name, name, length) == 0)
            return true;
    return false;
}

/* A table that this program does not know holds state it would silently leave out. */
static int refuse_unknown_tables(struct image *i, MDB_txn *txn, struct image_error *error)
{
    const size_t prefix = strlen(table_prefix);
    MDB_cursor *cursor;
    MDB_val key = val_of(table_prefix, prefix);
    MDB_val value;
    int status = STATUS_OK;
    int rc = mdb_cursor_open(txn, i->meta_dbi, &cursor);

    if (rc)
        return image_fail_lmdb(error, rc, "image %s", i->path);
    rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    for (; !rc; rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
        const char *name = (const char *)key.mv_data + prefix;
        if (key.mv_size < prefix || memcmp(key.mv_data, table_prefix, prefix) != 0)
            break;
        if (!table_known(i, name, key.mv_size - prefix)) {
            status = image_fail(error, STATUS_VERSION,
                                "image %s: table %.*s is not known to this program", i->path,
                                (int)(key.mv_size - prefix), name);
            break;
        }
    }
    if (rc && rc != MDB_NOTFOUND)
        status = image_fail_lmdb(error, rc, "image %s", i->path);
    mdb_cursor_close(cursor);
    return status;
}

static int tables_open(struct image *i, struct image_error *error)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(i->env, NULL, i->mode == IMAGE_READ ? MDB_RDONLY : 0, &txn);
    if (rc)
        return image_fail_lmdb(error, rc, "image %s", i->path);

    int status = format_open(i, txn, error);
    if (!status)
        status = refuse_unknown_tables(i, txn, error);
    for (size_t t = 0; !status && t < i->specs_count; t++)
        status = table_open(i, txn, t, error);
    if (status) {
        mdb_txn_abort(txn);
        return status;
    }
    rc = mdb_txn_commit(txn);
    return rc ? image_fail_lmdb(error, rc, "image %s", i->path) : STATUS_OK;
}

int image_open(const char *path, enum image_mode mode, const struct table_spec *specs,
               size_t specs_count, struct image **out, struct image_error *error)
{
    struct image *i = calloc(1, sizeof(*i));
    int status = STATUS_MEMORY;

    *out = NULL;
    if (!i)
        goto out;
    i->mode = mode;
    i->specs = specs;
    i->specs_count = specs_count;
    i->sorter = CHANGE_SORTER_EMPTY;
    i->path = strdup(path);
    i->tables = calloc(specs_count, sizeof(*i->tables));
    if (!i->path || !i->tables)
        goto out;
    for (size_t t = 0; t < specs_count; t++)
        codec_check_spec(&specs[t]);
    status = env_open(i, error);
    if (!status)
        status = tables_open(i, error);
out:
    if (status == STATUS_MEMORY)
        image_fail(error, status, "image %s: out of memory or address space", path);
    if (status)
        image_close(i);
    else
        *out = i;
    return status;
}

void image_close(struct image *i)
{
    if (!i)
        return;
    if (i->env)
        mdb_env_close(i->env);
    change_sorter_release(&i->sorter);
    free(i->tables);
    free(i->path);
    free(i);
}

int image_read_begin(struct image *i, MDB_txn **txn_out, struct image_error *error)
{
    *txn_out = NULL;
    int rc = mdb_txn_begin(i->env, NULL, MDB_RDONLY, txn_out);
    return rc ? image_fail_lmdb(error, rc, "image %s", i->path) : STATUS_OK;
}

void image_read_end(MDB_txn *txn)
{
    if (txn)
        mdb_txn_abort(txn);
}

static void meta_encode(const struct image_meta *meta, uint8_t out[META_SIZE])
{
    put_u64_le(out, meta->group);
    put_u64_le(out + 8, meta->time_s);
    put_u64_le(out + 16, meta->log_size);
    memcpy(out + 24, meta->log_root, 32);
    memcpy(out + 56, meta->exchange_id, 32);
}

static void meta_decode(const uint8_t *in, struct image_meta *meta_out)
{
    meta_out->group = get_u64_le(in);
    meta_out->time_s = get_u64_le(in + 8);
    meta_out->log_size = get_u64_le(in + 16);
    memcpy(meta_out->log_root, in + 24, 32);
    memcpy(meta_out->exchange_id, in + 56, 32);
}

int image_meta_get(struct image *i, MDB_txn *txn, struct image_meta *meta_out,
                   struct image_error *error)
{
    MDB_val key = val_of(state_key, strlen(state_key));
    MDB_val value;
    int rc = mdb_get(txn, i->meta_dbi, &key, &value);

    memset(meta_out, 0, sizeof(*meta_out));
    if (rc == MDB_NOTFOUND)
        return STATUS_OK;
    if (rc)
        return image_fail_lmdb(error, rc, "image %s: meta record", i->path);
    if (value.mv_size != META_SIZE)
        return image_fail(error, STATUS_DAMAGED, "image %s: the meta record does not decode",
                          i->path);
    meta_decode(value.mv_data, meta_out);
    return STATUS_OK;
}

int image_meta_read(struct image *i, struct image_meta *meta_out, struct image_error *error)
{
    MDB_txn *txn;
    int status = image_read_begin(i, &txn, error);
    if (status)
        return status;
    status = image_meta_get(i, txn, meta_out, error);
    image_read_end(txn);
    return status;
}

int image_meta_put(struct image *i, MDB_txn *txn, const struct image_meta *meta,
                   struct image_error *error)
{
    uint8_t record[META_SIZE];
    MDB_val key = val_of(state_key, strlen(state_key));
    MDB_val value = val_of(record, sizeof(record));

    meta_encode(meta, record);
    int rc = mdb_put(txn, i->meta_dbi, &key, &value, 0);
    return rc ? image_fail_lmdb(error, rc, "image %s: meta record", i->path) : STATUS_OK;
}

int image_copy(struct image *i, const char *path, struct image_error *error)
{
    char file[4096];
    int length = snprintf(file, sizeof(file), "%s/data.mdb", path);
    if (length < 0 || (size_t)length >= sizeof(file))
        return image_fail(error, STATUS_IO, "image copy: the path is too long");

    int rc = mdb_env_copy2(i->env, path, MDB_CP_COMPACT);
    if (rc == EEXIST)
        return image_fail_lmdb(error, rc, "image copy %s", file);
    if (!rc) {
        int fd = open(file, O_RDONLY | O_CLOEXEC);
        rc = fd < 0 || fsync(fd) ? errno : 0;
        if (fd >= 0)
            close(fd);
    }
    if (!rc)
        rc = sync_folder(path);
    if (rc) {
        int status = image_fail_lmdb(error, rc, "image copy %s", file);
        status = image_fail_write(error, status, path);
        unlink(file); /* half a copy must not be taken for one */
        return status;
    }
    return STATUS_OK;
}
