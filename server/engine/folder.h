/*
 * The data directory of an exchange:
 *
 *   genesis                  the genesis record as encoded; its hash is the exchange's identity
 *   keys/root.key            the root's key file, until somebody moves it away (it should be)
 *   keys/log.key             signs checkpoints; key files as protocol/keyfile.h describes
 *   keys/channel.key         answers Noise handshakes
 *   keys/nonce.key           the secret behind the nonces of events
 *   keys/log.certificate     the root's word on the two keys (protocol/certificate.h)
 *   keys/channel.certificate
 *   journal/ image/ log/     the journal, the image of the state, the log's events and hashes
 *   base/image/              only in an exchange that continues another's books: the state it
 *                            began with, for replays and checks
 *   BACKUP                   only in a backup, which no server may run on
 *   LOCK                     held by the server that runs on it, and names it; what makes sure that
 *                            there is one server alone is a lock on genesis as well
 *
 * Without `genesis` a directory is not an exchange. Everything is made under a temporary name
 * beside it and renamed, so that a directory is there whole or not at all.
 */
#ifndef BOURSE_ENGINE_FOLDER_H
#define BOURSE_ENGINE_FOLDER_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "protocol/arena.h"
#include "protocol/buffer.h"
#include "protocol/certificate.h"
#include "protocol/genesis.h"
#include "protocol/keys.h"
#include "protocol/pin.h"

enum folder_use {
    FOLDER_SERVE, /* takes the lock, refuses a backup */
    FOLDER_LOOK,  /* reads, beside a server or without one */
};

/* An opened data directory. Holds secrets until data_folder_close(). Read-only for everybody. */
struct data_folder {
    char path[PATH_MAX];
    int lock;          /* descriptor of LOCK; -1 when not locked */
    int genesis_lock;  /* of genesis, which nobody removes by mistake */
    bool is_backup;    /* has BACKUP */
    bool has_base;     /* has base/image */
    bool has_root_key; /* keys/root.key still lies there */
    struct buffer genesis_bytes;
    struct arena arena; /* the genesis record's texts */
    struct genesis genesis;
    char origin[ORIGIN_MAX_BYTES + 1];
    uint8_t exchange_id[32];
    struct keys log_key;     /* its sign pair is used */
    struct keys channel_key; /* its channel pair is used */
    uint8_t nonce_key[32];
    uint8_t log_certificate[CERTIFICATE_BYTES];
    uint8_t channel_certificate[CERTIFICATE_BYTES];
};

/*
 * Opens a data directory. `error` gets a line for people that says what to do. Errors:
 * STATUS_NOT_FOUND (no exchange there), STATUS_LOCKED (another server runs on it), STATUS_MISUSE (a
 * backup), STATUS_DAMAGED, STATUS_PERMISSION, STATUS_VERSION, STATUS_MEMORY, STATUS_IO.
 */
int data_folder_open(const char *path, enum folder_use use, struct data_folder **out,
                     struct buffer *error);
/* Wipes the keys, gives the lock back, frees. Accepts NULL. */
void data_folder_close(struct data_folder *f);

/* The path of something in it. STATUS_LIMIT when that is too long. */
int data_folder_path(const struct data_folder *f, const char *name, char path_out[PATH_MAX]);
/* What clients pin. */
void data_folder_pin(const struct data_folder *f, struct pin *pin_out);
/*
 * Checks both certificates at `time_s`: 0, STATUS_EXPIRED with a line that names the certificate
 * and `boursed certify`, or another error of certificate_check().
 */
int data_folder_certificates_check(const struct data_folder *f, uint64_t time_s,
                                   struct buffer *error);

#endif
