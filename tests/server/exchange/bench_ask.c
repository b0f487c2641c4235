/*
 * What a new offer costs in the rules that fills one of 1 000, 10 000 and 100 000 resting orders:
 * its publication, the asking and the fill. Run by hand: bench_ask [ROUNDS [SIZE SIZE SIZE]]
 */
#include "tests/server/exchange/bench_rules.h"

int main(int argc, char **argv)
{
    bench_rules_arguments(argc, argv);
    for (int shape = SHAPE_ASK_ALIKE; shape < BENCH_SHAPES; shape++)
        bench_rules((enum bench_shape)shape, false);
    return 0;
}
