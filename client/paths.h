/*
 * Where the client keeps its files (XDG base directories) and how it writes them: whole or not at
 * all. Any thread.
 */
#ifndef BOURSE_CLIENT_PATHS_H
#define BOURSE_CLIENT_PATHS_H

#include <stddef.h>

#include "protocol/buffer.h"

/* $XDG_CONFIG_HOME/bourse/NAME or ~/.config/bourse/NAME; NULL when memory is out or there is no
 * home. The caller frees it, as with the others. */
char *paths_config(const char *name);
/* The folder $XDG_STATE_HOME/bourse or ~/.local/state/bourse. */
char *paths_state(void);
/* A leading ~/ replaced by the home folder. */
char *paths_expand(const char *path);
/* folder/name. */
char *paths_join(const char *folder, const char *name);

/* Makes the folder and those above it, mode 0700. 0 or STATUS_IO, STATUS_PERMISSION. */
int paths_make_folder(const char *folder);
/* The same for the folder that the file is in. */
int paths_make_parent(const char *file);

/* Appends the whole file, at most `limit` bytes; "-" is standard input. Errors: STATUS_NOT_FOUND,
 * STATUS_PERMISSION, STATUS_LIMIT, STATUS_IO, STATUS_MEMORY. */
int paths_read(const char *file, size_t limit, struct buffer *out);
/* Replaces the file by new content, atomically and durably; `mode` as in open(2). Errors:
 * STATUS_PERMISSION, STATUS_FULL, STATUS_NOT_FOUND for the folder, STATUS_IO. */
int paths_replace(const char *file, unsigned mode, const void *data, size_t length);

#endif
