/* The root key's file, for the subcommands that need the root's signature. */
#ifndef BOURSE_COMMAND_ROOT_KEY_H
#define BOURSE_COMMAND_ROOT_KEY_H

#include "protocol/keys.h"
#include "server/command/arguments.h"

/* The option that goes with --root-key. */
#define ROOT_PASSPHRASE_OPTION                                                                     \
    {                                                                                              \
        "passphrase-file", "FILE", "its first line opens a sealed root key", false                 \
    }

/* Reads the seed in the key file `path`, opened by what --passphrase-file says. The caller wipes
 * it. A line on stderr and a status on failure; STATUS_NOT_FOUND without a line. */
int root_key_read(const struct arguments *a, const char *path, uint8_t seed_out[KEYS_SEED_BYTES]);

#endif
