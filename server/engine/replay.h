/*
 * Groups of the journal, worked off into an exchange: at the server's start behind the image, and
 * from the first group on by check, replay, backup and restore. The one place that turns a group's
 * bytes into calls of the rules; the engine's own groups go through it too.
 */
#ifndef BOURSE_ENGINE_REPLAY_H
#define BOURSE_ENGINE_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/arena.h"
#include "protocol/buffer.h"
#include "protocol/merkle.h"
#include "server/engine/folder.h"
#include "server/exchange/exchange.h"
#include "server/journal/reader.h"
#include "server/log/log_store.h"
#include "server/store/image.h"

/* What is being replayed into what. The members are the caller's to set before the first group. */
struct replay {
    const struct data_folder *folder;
    struct exchange *exchange;
    struct log_store *log;           /* where events go; NULL: they are hashed only */
    struct image *image;             /* where rows go when too many have changed; NULL: nowhere */
    bool verifies;                   /* verify the signature of every request */
    size_t flush_bytes_max;          /* see `image` */
    struct arena arena;              /* of the request at hand */
    struct merkle_frontier frontier; /* of the log so far */
    uint64_t group;                  /* the last group worked off */
    uint64_t time_s;                 /* its time */
    uint64_t requests;               /* worked off by this replay */
    /* Called now and then, may be NULL. */
    void (*progress)(void *context, uint64_t group);
    void *context;
};

/* An empty exchange of this directory, or the state that it began with (base/). Not yet replayed.
 * Errors (with a line): STATUS_DAMAGED, STATUS_MEMORY, I/O. */
int replay_exchange_new(const struct data_folder *folder, struct exchange **out,
                        struct buffer *error);
/* The exchange as its image has it, and the image's meta; `image` is open. */
int replay_exchange_load(const struct data_folder *folder, struct image *image,
                         struct exchange **out, struct image_meta *meta_out, struct buffer *error);

/* Begins at the exchange's last group, whose log has this frontier. */
void replay_init(struct replay *r, const struct data_folder *folder, struct exchange *x,
                 uint64_t group, uint64_t time_s, const struct merkle_frontier *frontier);
void replay_release(struct replay *r);

/*
 * Works off one group. Errors (with a line that names the group): STATUS_DAMAGED (the body does not
 * decode, a signature does not verify, or the log's root after an earlier group is not what the
 * journal says), STATUS_VERSION, STATUS_MEMORY, those of the log.
 */
int replay_group(struct replay *r, const struct journal_group *group, const uint8_t *body,
                 size_t length, struct buffer *error);
/* Works off the groups behind r->group up to and with `to`, or to the journal's end when `to` is
 * UINT64_MAX. STATUS_DAMAGED also when the journal ends before `to`. */
int replay_run(struct replay *r, struct journal_reader *reader, uint64_t to, struct buffer *error);
/* The same with a reader of its own. */
int replay_journal(struct replay *r, enum reader_mode mode, uint64_t to, struct buffer *error);

/* What the image is to say of the state replayed so far. */
struct image_meta replay_meta(const struct replay *r);
/* Writes the rows changed so far into r->image. */
int replay_flush(struct replay *r, struct buffer *error);

/* The journal's group header for group `index` of an exchange whose log looks like this before. */
struct journal_group replay_group_header(uint64_t index, uint64_t time_s,
                                         const struct merkle_frontier *before);
/* Appends the events of the group just ended to `log` (may be NULL) and their hashes to `f`. */
int replay_log_events(const struct exchange *x, struct log_store *log, struct merkle_frontier *f);

#endif
