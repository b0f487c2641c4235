/*
 * What a redemption costs in the rules among 1 000, 10 000 and 100 000 live offers, at one site and
 * spread over two offers. Run by hand: bench_match [ROUNDS [SIZE SIZE SIZE]]
 */
#include "tests/server/exchange/bench_rules.h"

int main(int argc, char **argv)
{
    bench_rules_arguments(argc, argv);
    for (int shape = SHAPE_REDEEM_ALIKE; shape <= SHAPE_REDEEM_ELSEWHERE; shape++) {
        bench_rules((enum bench_shape)shape, false);
        bench_rules((enum bench_shape)shape, true);
    }
    return 0;
}
