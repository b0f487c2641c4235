#include "client/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/status.h"
#include "protocol/write_all.h"

static char *print_path(const char *a, const char *b, const char *c)
{
    char *path = NULL;
    return asprintf(&path, "%s%s%s", a, b, c) < 0 ? NULL : path;
}

/* The specification says to ignore a variable that is not an absolute path. */
static char *base_folder(const char *variable, const char *below_home)
{
    const char *base = getenv(variable);
    if (base != NULL && base[0] == '/')
        return print_path(base, "/bourse", "");
    const char *home = getenv("HOME");
    if (home == NULL || home[0] == '\0')
        return NULL;
    return print_path(home, below_home, "/bourse");
}

char *paths_config(const char *name)
{
    char *folder = base_folder("XDG_CONFIG_HOME", "/.config");
    char *path = folder != NULL ? paths_join(folder, name) : NULL;
    free(folder);
    return path;
}

char *paths_state(void)
{
    return base_folder("XDG_STATE_HOME", "/.local/state");
}

char *paths_expand(const char *path)
{
    const char *home = getenv("HOME");
    if (path[0] == '~' && path[1] == '/' && home != NULL && home[0] != '\0')
        return print_path(home, path + 1, "");
    return strdup(path);
}

char *paths_join(const char *folder, const char *name)
{
    return print_path(folder, "/", name);
}

int paths_make_folder(const char *folder)
{
    char *path = strdup(folder);
    if (path == NULL)
        return STATUS_MEMORY;
    int status = STATUS_OK;
    for (char *at = path + 1; status == STATUS_OK; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        char kept = *at;
        *at = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            status = status_of_errno(errno);
        *at = kept;
        if (kept == '\0')
            break;
    }
    free(path);
    return status;
}

/* The folder that a file is in. */
static char *parent_of(const char *file)
{
    const char *slash = strrchr(file, '/');
    if (slash == NULL)
        return strdup(".");
    return slash == file ? strdup("/") : strndup(file, (size_t)(slash - file));
}

int paths_make_parent(const char *file)
{
    char *folder = parent_of(file);
    int status = folder == NULL ? STATUS_MEMORY : paths_make_folder(folder);
    free(folder);
    return status;
}

static int read_all(int fd, size_t limit, struct buffer *out)
{
    size_t taken = 0;
    for (;;) {
        uint8_t piece[16 * 1024];
        ssize_t n = read(fd, piece, sizeof(piece));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return status_of_errno(errno);
        if (n == 0)
            return out->status;
        taken += (size_t)n;
        if (taken > limit)
            return STATUS_LIMIT;
        buffer_append(out, piece, (size_t)n);
        explicit_bzero(piece, (size_t)n); /* it may have been a passphrase or a claim */
    }
}

int paths_read(const char *file, size_t limit, struct buffer *out)
{
    if (strcmp(file, "-") == 0)
        return read_all(STDIN_FILENO, limit, out);
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return status_of_errno(errno);
    int status = read_all(fd, limit, out);
    close(fd);
    return status;
}

/* The name must be on disk too, or a crash could bring the old content back. */
static void folder_sync(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)fsync(fd);
    close(fd);
}

int paths_replace(const char *file, unsigned mode, const void *data, size_t length)
{
    int status = STATUS_MEMORY;
    int fd = -1;
    char *folder = parent_of(file);
    char *temporary = print_path(file, ".XXXXXX", "");
    if (folder == NULL || temporary == NULL)
        goto out;
    fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        status = status_of_errno(errno);
        goto out;
    }
    bool written = fchmod(fd, (mode_t)mode) == 0 && write_all(fd, data, length);
    status = written ? STATUS_OK : status_of_errno(errno);
    if (status == STATUS_OK && fsync(fd) != 0)
        status = status_of_errno(errno);
    if (status == STATUS_OK && rename(temporary, file) != 0)
        status = status_of_errno(errno);
    if (status != STATUS_OK)
        unlink(temporary);
    else
        folder_sync(folder);
out:
    if (fd >= 0)
        close(fd);
    free(temporary);
    free(folder);
    return status;
}
