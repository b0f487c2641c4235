#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/status.h"
#include "server/port/file.h"

int folder_create(const char *path)
{
    return mkdir(path, 0700) == 0 ? 0 : status_of_errno(errno);
}

int folder_sync(const char *path)
{
    int fd;
    do {
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return status_of_errno(errno);
    int status = file_sync(fd);
    int error = errno;
    file_close(fd);
    errno = error;
    return status;
}

int folder_list(const char *path, int (*visit)(void *context, const char *name), void *context)
{
    DIR *folder = opendir(path);
    if (folder == NULL)
        return status_of_errno(errno);
    int status = 0;
    while (status == 0) {
        errno = 0;
        struct dirent *entry = readdir(folder);
        if (entry == NULL) {
            status = status_of_errno(errno);
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            status = visit(context, entry->d_name);
    }
    int error = errno;
    closedir(folder);
    errno = error;
    return status;
}

static pid_t holder_read(int fd)
{
    char text[32] = {0};
    size_t got = 0;
    if (file_read_at(fd, 0, text, sizeof(text) - 1, &got) != 0)
        return 0;
    long pid = strtol(text, NULL, 10);
    return pid > 0 && pid <= INT_MAX ? (pid_t)pid : 0;
}

static int holder_write(int fd)
{
    char text[32];
    int length = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0)
        return status_of_errno(errno);
    return file_write_at(fd, 0, text, (size_t)length);
}

int folder_lock(const char *path, int *fd_out, pid_t *holder_out)
{
    char name[PATH_MAX];
    *holder_out = 0;
    int n = snprintf(name, sizeof(name), "%s/LOCK", path);
    if (n < 0 || (size_t)n >= sizeof(name)) {
        errno = ENAMETOOLONG;
        return STATUS_IO;
    }
    int fd;
    do {
        fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return status_of_errno(errno);
    /* A classic POSIX lock would be lost when any part of the process closed the file; this kind
     * belongs to the description opened here. */
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int status = 0;
    if (fcntl(fd, F_OFD_SETLK, &lock) != 0) {
        status = errno == EACCES ? STATUS_LOCKED : status_of_errno(errno);
        if (status == STATUS_LOCKED)
            *holder_out = holder_read(fd);
        goto out;
    }
    status = holder_write(fd);
out:
    if (status == 0) {
        *fd_out = fd;
        return 0;
    }
    int error = errno;
    file_close(fd);
    errno = error;
    return status;
}

void folder_unlock(int fd)
{
    file_close(fd);
}

int file_lock(const char *path, int *fd_out)
{
    /* flock(2), since the file may be one that is only read. */
    int fd = -1;
    int status = file_open(path, FILE_READ, &fd);
    if (status != 0)
        return status;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int error = errno;
        file_close(fd);
        errno = error;
        return status_of_errno(error);
    }
    *fd_out = fd;
    return 0;
}
