/*
 * The few file operations that the server needs. Each goes on after EINTR and after a short read or
 * write. Every function here returns 0 or a status and leaves the reason in errno on failure:
 * STATUS_FULL (ENOSPC, EDQUOT), STATUS_NOT_FOUND, STATUS_EXISTS, STATUS_PERMISSION, STATUS_MEMORY,
 * STATUS_LOCKED, STATUS_FILE_LIMIT (EFBIG), and STATUS_IO for all others. Any thread.
 */
#ifndef BOURSE_PORT_FILE_H
#define BOURSE_PORT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol/buffer.h"

/* Bytes that a disk writes whole or not at all. */
#define FILE_SECTOR 512

enum file_mode {
    FILE_READ,   /* an existing file, reading only */
    FILE_WRITE,  /* an existing file, reading and writing */
    FILE_CREATE, /* a new file of mode 0600, reading and writing; STATUS_EXISTS when it is there */
};

/* The caller closes the descriptor with file_close(); it is not inherited by programs started. */
int file_open(const char *path, enum file_mode mode, int *fd_out);
/* Does nothing for a negative descriptor. */
void file_close(int fd);
int file_size(int fd, uint64_t *size_out);
/* Reserves space for the first `size` bytes and makes the file that long, where the file system can
 * do so; elsewhere it does nothing and the writes find out. */
int file_allocate(int fd, uint64_t size);
/* Reads `length` bytes at `offset`; fewer only at the end of the file. */
int file_read_at(int fd, uint64_t offset, void *data, size_t length, size_t *got_out);
int file_write_at(int fd, uint64_t offset, const void *data, size_t length);
/* fdatasync(2) and fsync(2). After a failure the file's content on disk is unknown. */
int file_sync_data(int fd);
int file_sync(int fd);
int file_rename(const char *from, const char *to);
int file_remove(const char *path);
bool file_exists(const char *path);

/* Appends a whole file of at most `length_max` bytes to `out`; STATUS_LIMIT when it is longer. */
int file_load(const char *path, size_t length_max, struct buffer *out);
/* Writes a file of mode 0600 so that after a crash the path names the old content or the new, never
 * a part: a temporary file beside it, fsync, rename, fsync of the folder. */
int file_replace(const char *path, const void *data, size_t length);

/* Makes a folder of mode 0700; STATUS_EXISTS when it is there. Does not sync the parent. */
int folder_create(const char *path);
/* Makes the names in a folder durable. */
int folder_sync(const char *path);
/* Calls `visit` with each name in the folder but "." and "..", in no particular order; a status
 * other than 0 from it ends the listing and is returned. */
int folder_list(const char *path, int (*visit)(void *context, const char *name), void *context);

/*
 * Takes the folder for this process: an open-file-description lock on its file LOCK, which the
 * kernel gives back however the process ends. The holder's pid stands in the file for people.
 * On success the lock lives until folder_unlock(*fd_out). STATUS_LOCKED: another holds it, and
 * *holder_out is its pid, or 0 when it could not be read.
 */
int folder_lock(const char *path, int *fd_out, pid_t *holder_out);
void folder_unlock(int fd);

/*
 * Locks an existing file for this process, as folder_lock() does a folder but without writing to
 * it, until the descriptor is closed. STATUS_LOCKED: another holds it.
 */
int file_lock(const char *path, int *fd_out);

/*
 * Faults, for tests: when set, every write, allocation and sync asks first. `write` returns 0 to
 * let the operation pass or an errno to fail it, in which case the first *kept_out bytes (0 unless
 * it says otherwise) are still written. `sync` likewise. NULL members never fail. `chunk_max`, when
 * not 0, is the most that one system call moves, as if the kernel had cut it short. Set while no
 * other thread is inside a file operation; the struct must outlive its use. NULL ends it.
 */
struct file_faults {
    void *context;
    int (*write)(void *context, int fd, uint64_t offset, size_t length, size_t *kept_out);
    int (*sync)(void *context, int fd);
    size_t chunk_max;
};

void file_faults_set(const struct file_faults *faults);

#endif
