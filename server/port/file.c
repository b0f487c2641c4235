#include "server/port/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/status.h"

static const struct file_faults *_Atomic faults_now;

void file_faults_set(const struct file_faults *faults)
{
    atomic_store(&faults_now, faults);
}

static int failed(void)
{
    return status_of_errno(errno);
}

/* The most that the next system call may move of `length` bytes. */
static size_t chunk_of(size_t length)
{
    const struct file_faults *faults = atomic_load(&faults_now);
    if (faults != NULL && faults->chunk_max != 0 && length > faults->chunk_max)
        return faults->chunk_max;
    return length;
}

int file_open(const char *path, enum file_mode mode, int *fd_out)
{
    int flags = O_CLOEXEC | O_NOCTTY;
    switch (mode) {
    case FILE_READ:
        flags |= O_RDONLY;
        break;
    case FILE_WRITE:
        flags |= O_RDWR;
        break;
    case FILE_CREATE:
        flags |= O_RDWR | O_CREAT | O_EXCL;
        break;
    }
    int fd;
    do {
        fd = open(path, flags, 0600);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return failed();
    *fd_out = fd;
    return 0;
}

void file_close(int fd)
{
    /* The descriptor is gone even when close() is interrupted; what matters was synced before. */
    if (fd >= 0)
        close(fd);
}

int file_size(int fd, uint64_t *size_out)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return failed();
    *size_out = (uint64_t)st.st_size;
    return 0;
}

int file_allocate(int fd, uint64_t size)
{
    const struct file_faults *faults = atomic_load(&faults_now);
    if (faults != NULL && faults->write != NULL) {
        size_t kept = 0;
        int error = faults->write(faults->context, fd, 0, (size_t)size, &kept);
        if (error != 0) {
            errno = error;
            return failed();
        }
    }
    int result;
    do {
        result = fallocate(fd, 0, 0, (off_t)size);
    } while (result != 0 && errno == EINTR);
    if (result != 0 && errno != EOPNOTSUPP && errno != ENOSYS)
        return failed();
    return 0;
}

int file_read_at(int fd, uint64_t offset, void *data, size_t length, size_t *got_out)
{
    uint8_t *at = data;
    size_t got = 0;
    while (got < length) {
        ssize_t n = pread(fd, at + got, chunk_of(length - got), (off_t)(offset + got));
        if (n < 0) {
            if (errno == EINTR)
                continue;
            return failed();
        }
        if (n == 0)
            break;
        got += (size_t)n;
    }
    *got_out = got;
    return 0;
}

static int write_all(int fd, uint64_t offset, const uint8_t *data, size_t length)
{
    while (length > 0) {
        ssize_t n = pwrite(fd, data, chunk_of(length), (off_t)offset);
        if (n < 0) {
            if (errno == EINTR)
                continue;
            return failed();
        }
        if (n == 0) {
            errno = EIO;
            return failed();
        }
        data += n;
        offset += (uint64_t)n;
        length -= (size_t)n;
    }
    return 0;
}

int file_write_at(int fd, uint64_t offset, const void *data, size_t length)
{
    const struct file_faults *faults = atomic_load(&faults_now);
    if (faults != NULL && faults->write != NULL) {
        size_t kept = 0;
        int error = faults->write(faults->context, fd, offset, length, &kept);
        if (error != 0) {
            (void)write_all(fd, offset, data, kept < length ? kept : length);
            errno = error;
            return failed();
        }
    }
    return write_all(fd, offset, data, length);
}

static int sync_with(int fd, int (*sync)(int fd))
{
    const struct file_faults *faults = atomic_load(&faults_now);
    if (faults != NULL && faults->sync != NULL) {
        int error = faults->sync(faults->context, fd);
        if (error != 0) {
            errno = error;
            return failed();
        }
    }
    int result;
    do {
        result = sync(fd);
    } while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : failed();
}

int file_sync_data(int fd)
{
    return sync_with(fd, fdatasync);
}

int file_sync(int fd)
{
    return sync_with(fd, fsync);
}

int file_rename(const char *from, const char *to)
{
    return rename(from, to) == 0 ? 0 : failed();
}

int file_remove(const char *path)
{
    return unlink(path) == 0 ? 0 : failed();
}

bool file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

int file_load(const char *path, size_t length_max, struct buffer *out)
{
    int fd = -1;
    uint64_t size = 0;
    size_t got = 0;
    int status = file_open(path, FILE_READ, &fd);
    if (status == 0)
        status = file_size(fd, &size);
    if (status != 0)
        goto out;
    if (size > length_max) {
        errno = EFBIG;
        status = STATUS_LIMIT;
        goto out;
    }
    uint8_t *at = buffer_extend(out, (size_t)size);
    if (at == NULL && size > 0) {
        errno = ENOMEM;
        status = STATUS_MEMORY;
        goto out;
    }
    if (size > 0)
        status = file_read_at(fd, 0, at, (size_t)size, &got);
    /* Somebody may have made it shorter meanwhile. */
    out->length -= (size_t)size - (status == 0 ? got : 0);
out:
    file_close(fd);
    return status;
}

/* The folder that holds `path`, in memory that the caller frees. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return strdup(".");
    if (slash == path)
        return strdup("/");
    return strndup(path, (size_t)(slash - path));
}

int file_replace(const char *path, const void *data, size_t length)
{
    char temporary[PATH_MAX];
    char *folder = NULL;
    int fd = -1;
    int status;
    int n = snprintf(temporary, sizeof(temporary), "%s.tmp", path);
    if (n < 0 || (size_t)n >= sizeof(temporary)) {
        errno = ENAMETOOLONG;
        return STATUS_IO;
    }
    (void)unlink(temporary); /* left behind by a crash */
    status = file_open(temporary, FILE_CREATE, &fd);
    if (status != 0)
        return status;
    status = file_write_at(fd, 0, data, length);
    if (status == 0)
        status = file_sync(fd);
    if (status == 0)
        status = file_rename(temporary, path);
    if (status != 0)
        goto out;
    folder = folder_of(path);
    status = folder == NULL ? STATUS_MEMORY : folder_sync(folder);
out:;
    int error = errno;
    file_close(fd);
    if (status != 0)
        (void)unlink(temporary);
    free(folder);
    errno = error;
    return status;
}
