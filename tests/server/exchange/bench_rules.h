/* The markets of `bourse bench redeem` in the rules alone: no journal, no log, no signatures. What
 * is measured is this process's processor time inside a group. */
#ifndef BOURSE_TESTS_BENCH_RULES_H
#define BOURSE_TESTS_BENCH_RULES_H

#include "client/cli/bench_market.h"

/* Measures a shape for 1 000, 10 000 and 100 000 offers or orders, one after the other in turn, and
 * prints a line for each of what it did and of its floors. Ends the process on an error. */
void bench_rules(enum bench_shape shape, bool spread);

/* What the searches of a request of 10 redemptions look at in a market of so many offers, at one
 * site and spread over two offers. Ends the process on an error. */
void bench_rules_looks(enum bench_shape shape, uint32_t count, uint64_t looks_out[2]);

/* The arguments: how often each is measured (a request of 10 operations), and for how many. */
void bench_rules_arguments(int argc, char **argv);

#endif
