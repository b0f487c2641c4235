/*
 * Standing offers: they always reach at least so far ahead. Their end is the first whole multiple
 * of STANDING_STEP_MIN at or after `standing_min` from now, and moves on in ticks. What counts is
 * the end that the row has: an offer whose end has come before a tick moved it on has ended.
 */
#ifndef BOURSE_EXCHANGE_STANDING_H
#define BOURSE_EXCHANGE_STANDING_H

#include "server/exchange/state.h"

/* Where a standing offer ends as of now; until_s 0: nothing stops it. */
uint64_t standing_end(uint64_t now_s, uint32_t standing_min, uint64_t until_s);
/* The longest interval that a standing offer has ahead of it at any time, in minutes. */
uint64_t standing_span_min(uint32_t standing_min);
/* Whether the end will move on, and the second at which it does. */
bool standing_moves(const struct offer_row *row);
uint64_t standing_due(const struct offer_row *row);

#endif
