/*
 * A data directory in the making: under a temporary name beside its place, so that it is there
 * whole or not at all. For the subcommands that make one: init, replay, backup, restore.
 */
#ifndef BOURSE_ENGINE_STAGE_H
#define BOURSE_ENGINE_STAGE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/buffer.h"
#include "protocol/genesis.h"
#include "protocol/keys.h"
#include "server/engine/folder.h"

struct stage {
    char target[PATH_MAX]; /* where it will be */
    char path[PATH_MAX];   /* where it is made */
    bool is_open;
};

/*
 * Makes the temporary directory. `target` must not exist, or be an empty directory. Errors (each
 * with a line): STATUS_EXISTS, STATUS_NOT_FOUND (its parent), STATUS_PERMISSION, STATUS_IO.
 */
int stage_begin(struct stage *s, const char *target, struct buffer *error);
/* Syncs and gives it its name. On an error the stage is still open. */
int stage_commit(struct stage *s, struct buffer *error);
/* Writes the target for the temporary path wherever that stands in `error`, for people. */
void stage_rename_in(const struct stage *s, struct buffer *error);
/* Removes what was made, unless it was committed. */
void stage_abort(struct stage *s);

int stage_path(const struct stage *s, const char *name, char path_out[PATH_MAX]);
/* A folder in it. */
int stage_folder(const struct stage *s, const char *name, struct buffer *error);
/* A file of mode 0600 in it. */
int stage_write(const struct stage *s, const char *name, const void *data, size_t length,
                struct buffer *error);
/* Removes a folder with everything under it; 0 also when there is none. */
int folder_remove(const char *path);
/* A copy of the file or folder `from`, with everything under it. */
int stage_copy(const struct stage *s, const char *name, const char *from, struct buffer *error);

/* Who an exchange is: what is written to `genesis` and keys/. Secrets: wipe it. */
struct identity {
    struct genesis genesis; /* root_key is filled in by identity_write() */
    uint8_t root[KEYS_SEED_BYTES];
    uint8_t log[KEYS_SEED_BYTES];
    uint8_t channel[KEYS_SEED_BYTES];
    uint8_t nonce[KEYS_SEED_BYTES];
    bool keep_root; /* write keys/root.key */
    uint64_t not_before_s;
    uint64_t not_after_s; /* of the certificates */
};

/* Writes genesis and keys/; *id_out is the exchange's identity. */
int identity_write(const struct stage *s, struct identity *identity, uint8_t id_out[32],
                   struct buffer *error);
/* Copies genesis and keys/ of an exchange, all but its root key. */
int identity_copy(const struct stage *s, const struct data_folder *from, struct buffer *error);

#endif
