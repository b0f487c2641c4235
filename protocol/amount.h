/*
 * Money: micro-credits in 64 bits, never floats. Every sum is checked; products and quotients have
 * 128-bit intermediates; each function's name says how it rounds.
 */
#ifndef BOURSE_PROTOCOL_AMOUNT_H
#define BOURSE_PROTOCOL_AMOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t amount;      /* micro-credits */
typedef uint64_t gpu_minutes; /* GPUs times minutes */

/* For what is multiplied before it is divided, and for sums of more than one amount. */
__extension__ typedef unsigned __int128 wide;

enum { WHOLE_BP = 10000 }; /* all of something in basis points */

/* a + b and a - b; false (and nothing written) when the result does not fit. */
bool amount_add(amount a, amount b, amount *sum_out);
bool amount_subtract(amount a, amount b, amount *difference_out);

/* ceil(minutes x price / 60), the price in micro-credits per GPU-hour; false on overflow. */
bool amount_cost_rounded_up(gpu_minutes minutes, uint64_t price_ucr, amount *cost_out);

/* floor(a x part / whole), whole above 0 and part at most whole. */
amount amount_share_rounded_down(amount a, uint64_t part, uint64_t whole);

/*
 * Divides `total` over `count` weights whose sum is at least `total` (each weight a holding that
 * pays its part), pro rata: parts_out[i] = floor(total x W(i) / W) - floor(total x W(i-1) / W),
 * where W(i) is the sum of the first i+1 weights. The parts add up to the total exactly, none
 * exceeds its weight, and what rounding leaves falls to the later ones. False when a sum overflows
 * or the weights do not cover the total.
 */
bool amount_split_pro_rata(amount total, const amount *weights, size_t count, amount *parts_out);

enum { AMOUNT_TEXT_BYTES = 32 };

/* "12.5" (credits) to micro-credits: digits, at most one point, at most 6 decimals, no sign. False
 * when it is not such a number or is too large. */
bool amount_parse(const char *text, amount *out);
/* Micro-credits as credits, without trailing zeros: "12.5", "0.000001", "3". */
const char *amount_format(amount a, char out[AMOUNT_TEXT_BYTES]);

#endif
