/*
 * A server of one's own: finds boursed, makes an exchange in a folder, runs it on a free port of
 * 127.0.0.1 and ends it by its process id. For simulations and benchmarks. One thread; the process
 * that starts it is the one that ends it. A server whose starter dies is told to end by the kernel.
 */
#ifndef BOURSE_CLI_SPAWN_H
#define BOURSE_CLI_SPAWN_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol/buffer.h"
#include "protocol/keys.h"
#include "protocol/pin.h"

struct spawn;

/*
 * Whether somebody wants this process to end. While a server runs, SIGINT and SIGTERM no longer
 * end the process, which has a server to stop and a folder to remove, but are told here; a key on
 * the terminal does not reach the server itself.
 */
bool spawn_interrupted(void);

struct spawn_options {
    const char *origin;
    struct keys_public admin;
    bool manual_clock;
    bool has_seed; /* the exchange's own keys follow from `seed`; for simulations alone */
    uint64_t seed;
    const char *keep;   /* a folder that must not exist and stays; NULL: a temporary one */
    const char *parent; /* where the temporary folder is made; NULL: $TMPDIR or /tmp */
};

/*
 * The program: $BOURSE_BOURSED, or `boursed` beside this program, or in $PATH. Errors, with words:
 * STATUS_NOT_FOUND.
 */
int spawn_find(char path_out[PATH_MAX], struct buffer *error);

/*
 * Makes the exchange and starts the server; returns when it listens. Errors, with words (the
 * server's own among them): STATUS_NOT_FOUND, STATUS_EXISTS (the folder to keep), STATUS_TIMEOUT,
 * STATUS_CLOSED (it ended), STATUS_IO, STATUS_MEMORY.
 */
int spawn_start(const struct spawn_options *options, struct spawn **out, struct buffer *error);

const char *spawn_address(const struct spawn *s);
const struct pin *spawn_pin(const struct spawn *s);
const char *spawn_data(const struct spawn *s); /* the data directory */
pid_t spawn_pid(const struct spawn *s);        /* 0: ended */

/* SIGTERM, and waits; STATUS_CLOSED with words when it had ended before or ends with a failure,
 * STATUS_TIMEOUT when it had to be killed. */
int spawn_stop(struct spawn *s, struct buffer *error);

/* Runs `boursed check` on the data directory of the stopped server; STATUS_DAMAGED with its output
 * when it finds something or fails. */
int spawn_check(struct spawn *s, struct buffer *error);

/* Stops the server if it runs, removes the folder unless it is to be kept, frees. NULL is fine. */
void spawn_free(struct spawn *s);

#endif
