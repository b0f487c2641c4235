/* What the benchmarks of `bourse bench` share. */
#ifndef BOURSE_CLI_BENCH_H
#define BOURSE_CLI_BENCH_H

#include "client/cli/cli.h"

#define BENCH_ORIGIN "bench.invalid/bourse"

/* An option's number from `low` to `high`; fails otherwise. */
uint64_t bench_number(struct cli *cli, const char *name, uint64_t low, uint64_t high,
                      uint64_t missing);
/* Where the data lie: --dir, $TMPDIR or /tmp. Says so when that is in memory. */
const char *bench_folder(struct cli *cli);
/* A key made up for this run. The caller wipes it. */
void bench_admin(struct keys *out);

/* `bourse bench redeem`. */
int bench_run_redeem(struct cli *cli);

#endif
