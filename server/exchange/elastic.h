/*
 * Elastic leases: paid ahead for a while, and funded further as they go. At the beginning of a
 * period for which the escrow holds too little (beside what the periods before it can still come to
 * cost: what is charged of a metered one, else all of it) the lease is paused: from then on nothing
 * is delivered or owed, until it is funded or the periods before turn out to cost less, or ends
 * there after a time of grace, which is not longer than what was paid ahead at first. Nobody has to
 * hand over a lease that is paused: the time for that begins anew when it goes on. While it is
 * paused its row says since when; a pause that is over leaves a RELIEF row.
 */
#ifndef BOURSE_EXCHANGE_ELASTIC_H
#define BOURSE_EXCHANGE_ELASTIC_H

#include "server/exchange/state.h"

/* Since when the lease is paused, or ended by a pause, as the time says, swept or not; 0: it is
 * not. */
uint64_t pause_since(const struct exchange *x, const struct lease_row *lease);
/* When a pause that began at since_s ends the lease, unless it is funded before: the time of grace,
 * moved by outages, or the lease's end when that comes first. */
uint64_t pause_until(const struct exchange *x, const struct lease_row *lease, uint64_t since_s);
/* Whether funds cover, with what was paid already, all that the lease can come to cost up to the
 * end of the period in which at_s lies. */
bool pause_covers(const struct exchange *x, const struct lease_row *lease, uint64_t at_s,
                  amount funds);
/* Whether a pause has ended the lease, as the time says. */
bool pause_has_ended(const struct exchange *x, const struct lease_row *lease);
/* The lease's row as the time says: paused_s filled in, or ended where its pause began. */
struct lease_row pause_view(const struct exchange *x, const struct lease_row *lease);

/* To be called on a copy of the row before something changes its funds: a pause whose time has come
 * is written into the row. True: the caller puts the row and calls pause_log() after its own event.
 */
bool pause_take(const struct exchange *x, struct lease_row *lease);
void pause_log(struct exchange *x, const struct lease_row *lease);
/* To be called on a copy of the row after its periods have come to cost less: a pause in the row
 * ends when what the escrow holds now covers the present period. Returns since when it was paused,
 * 0: it does not end. Else the caller puts the row, and calls pause_lift_log() after its own event.
 */
uint64_t pause_lift(struct exchange *x, struct lease_row *lease);
void pause_lift_log(struct exchange *x, const struct lease_row *lease, uint64_t since_s);

/* For checks and the index: when the lease is to be paused or ended; false: not foreseen. */
bool pause_next_due(const struct exchange *x, const struct lease_row *lease, uint64_t *due_out);
/* The lease, its reliefs or its escrow have changed. (Of lease.c.) */
void pause_refresh(struct exchange *x, uint64_t lease);

#endif
