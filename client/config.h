/*
 * The configuration file: which exchange, where, and with which key. Lines `name = value`, empty
 * lines and comments that begin with #. A leading ~/ in `key` is the home folder.
 *
 *   server = 127.0.0.1:7420
 *   exchange = bourse-exchange:v1:...      (the line that `boursed init` prints)
 *   key = ~/.config/bourse/key
 */
#ifndef BOURSE_CLIENT_CONFIG_H
#define BOURSE_CLIENT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "protocol/pin.h"

enum { CONFIG_BYTES_MAX = 64 * 1024 };

struct config {
    char *server;   /* owned; NULL: not said */
    char *key;      /* owned; expanded; NULL: not said */
    char *exchange; /* owned; the pin as written; NULL: not said */
    struct pin pin; /* of `exchange` */
};

struct config_error {
    char text[512]; /* with file and line number */
};

#define CONFIG_EMPTY ((struct config){.server = NULL})

/* The names there are, NULL at the end. */
extern const char *const config_names[];

/* The file that is used unless another is named: BOURSE_CONFIG or paths_config("config"). The
 * caller frees it. NULL when there is no home. */
char *config_default_file(void);

/*
 * Reads a text; `file` is for errors. On failure *c is empty. Errors: STATUS_MALFORMED,
 * STATUS_MEMORY.
 */
int config_parse(struct config *c, const char *file, const char *text, size_t length,
                 struct config_error *error);
/* Reads a file. Errors besides: STATUS_NOT_FOUND, STATUS_PERMISSION, STATUS_LIMIT, STATUS_IO. */
int config_load(struct config *c, const char *file, struct config_error *error);
void config_release(struct config *c);

/* Sets one value, from the file or a flag. `value` is checked. Errors: STATUS_NOT_FOUND for an
 * unknown name, STATUS_MALFORMED, STATUS_MEMORY. */
int config_set(struct config *c, const char *name, const char *value, struct config_error *error);
/* The value as text, NULL: not said. */
const char *config_get(const struct config *c, const char *name);

/*
 * Changes or adds one line of the file and keeps all others, comments included; makes file and
 * folder if there are none. Errors: those of config_set() and config_load().
 */
int config_write(const char *file, const char *name, const char *value, struct config_error *error);

#endif
