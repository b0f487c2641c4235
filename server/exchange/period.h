/*
 * The periods of a lease: metered by the operator, disputed by the holder for what is charged of
 * that, decided by an admin, settled. Period k is [start + k x meter_period, start + (k + 1) x
 * meter_period), at the lease's end at the latest. A period has a row from its meter report on, or
 * from when the time for that has passed.
 *
 *   open --lease_meter--> metered --window passes--> settled as charged
 *     |                      `--lease_dispute--> disputed --dispute_decide--> settled as decided
 *     `--no report in time--> settled with nothing delivered
 */
#ifndef BOURSE_EXCHANGE_PERIOD_H
#define BOURSE_EXCHANGE_PERIOD_H

#include "server/exchange/lease.h"
#include "server/exchange/state.h"

/* The state of a period that has a row or not. */
enum period_state period_state(const struct period_row *row);
/* What is charged of a period that was metered, undisputed: what was used, or the least that the
 * offer charges of what could have been. */
gpu_minutes period_charge(const struct exchange *x, const struct lease_row *lease,
                          const struct period_row *period);
/* What is due of a period that was metered, but not charged if it is settled so. */
gpu_minutes period_spared(const struct exchange *x, const struct lease_row *lease,
                          const struct period_row *period);

#endif
