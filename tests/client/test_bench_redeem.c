/* The curves of redemption and asking against real servers: their shape, not their figures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sodium.h>

#include "client/cli/bench_redeem.h"
#include "client/cli/spawn.h"
#include "protocol/status.h"

static bool interrupts(void)
{
    return true;
}

static void need_server(void)
{
    struct buffer said = BUFFER_EMPTY;
    char path[PATH_MAX];
    int status = spawn_find(path, &said);
    buffer_release(&said);
    if (status == STATUS_OK)
        return;
    print_message("SKIPPED: there is no boursed to start\n");
    skip();
}

static void options_make(struct redeem_options *o, struct keys *admin)
{
    uint8_t seed[KEYS_SEED_BYTES] = {4};
    keys_from_seed(admin, seed);
    *o = (struct redeem_options){
        .admin = admin,
        .origin = "test.invalid/bourse",
        .folder = "/tmp",
        .sizes = {200, 400},
        .sizes_count = 2,
        .operations = 6,
        .batch = 2,
        .seconds = 60,
    };
}

static void measures_every_shape(void **state)
{
    (void)state;
    static const enum bench_shape some[] = {SHAPE_REDEEM_SOLD_OUT, SHAPE_REDEEM_ELSEWHERE,
                                            SHAPE_ASK_TOO_LARGE, SHAPE_ASK_OTHER_TIMES};
    need_server();
    struct keys admin;
    struct redeem_options o;
    options_make(&o, &admin);
    for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
        struct redeem_curve c;
        struct connection_error error;
        if (bench_redeem(&o, some[i], &c, &error) != STATUS_OK)
            fail_msg("%s: %s", bench_shape_name(some[i]), error.text);
        assert_int_equal(c.shape, some[i]);
        assert_int_equal(c.works, bench_shape_asks(some[i]) ? 3 : 2);
        assert_true(c.sync_us > 0);
        for (uint32_t size = 0; size < 2; size++) {
            for (uint32_t work = 0; work < c.works; work++) {
                const struct redeem_figures *f = &c.points[size][work];
                assert_int_equal(f->samples, 3);
                assert_true(f->wall_us > 0 && f->wall_us <= f->wall_p99_us);
                assert_true(f->engine_us <= f->engine_p99_us);
            }
        }
    }
}

static void ends_when_it_should(void **state)
{
    (void)state;
    need_server();
    struct keys admin;
    struct redeem_options o;
    struct redeem_curve c;
    struct connection_error error;
    options_make(&o, &admin);
    o.interrupted = interrupts;
    assert_int_equal(bench_redeem(&o, SHAPE_ASK_ALIKE, &c, &error), STATUS_CLOSED);
    assert_string_equal(error.text, "interrupted");
    o.folder = "/nowhere";
    assert_int_not_equal(bench_redeem(&o, SHAPE_ASK_ALIKE, &c, &error), STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measures_every_shape),
        cmocka_unit_test(ends_when_it_should),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
