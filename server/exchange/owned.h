/*
 * The serials that each account holds of one kind of row (tokens, gifts, ...), in growing order,
 * kept for as little as possible: a new serial is appended to its owner's run, and one that goes
 * leaves a hole. Where holes outnumber what lives they are closed at the group's end, not before:
 * then undo always finds the hole that it fills, and takes no longer than what it takes back did.
 * Whether a serial in a run still lives is asked of the rows.
 */
#ifndef BOURSE_EXCHANGE_OWNED_H
#define BOURSE_EXCHANGE_OWNED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether there is a row of this serial and it belongs to `account`. */
typedef bool owned_lives(const void *context, uint32_t account, uint64_t serial);

struct owned_run;

struct owned {
    owned_lives *lives;
    const void *context;
    struct owned_run *runs; /* by account number; owned */
    size_t runs_count;
    uint32_t *worn; /* accounts whose runs are mostly holes; owned */
    size_t worn_count;
    size_t worn_room;
};

void owned_init(struct owned *o, owned_lives *lives, const void *context);
void owned_release(struct owned *o);
/* To be called when the row is there, or is gone, already. In any order, as undo and loading need,
 * but adding serials that do not grow is slow. Account 0 and numbers beyond ACCOUNTS_MAX are
 * passed over (rows of a damaged image, which the check after loading refuses). */
void owned_add(struct owned *o, uint32_t account, uint64_t serial);
void owned_remove(struct owned *o, uint32_t account, uint64_t serial);
/* Closes holes; when nothing done so far can be undone any more. */
void owned_settle(struct owned *o);
/* How many live. */
uint64_t owned_count(const struct owned *o, uint32_t account);
/*
 * The first serial at or above `from`; 0: there is none. Advances *looks_left by one for each
 * place looked at, holes included; gives up with 0 when it is used up, *resume_out then saying
 * from where to go on (0 otherwise).
 */
uint64_t owned_next(const struct owned *o, uint32_t account, uint64_t from, uint32_t *looks_left,
                    uint64_t *resume_out);

#endif
