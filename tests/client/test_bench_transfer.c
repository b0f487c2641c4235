/* The benchmark against a real server: it does what it says and ends when it should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sodium.h>

#include "client/cli/bench_transfer.h"
#include "client/cli/spawn.h"
#include "protocol/status.h"

static void counts_every_transfer(void **state)
{
    (void)state;
    static const struct {
        uint32_t batch, connections, window;
        uint64_t tokens, requests;
    } rows[] = {{1, 1, 1, 8, 20}, {100, 2, 4, 5000, 60}, {7, 3, 256, 56, 50}};
    struct buffer said = BUFFER_EMPTY;
    char path[PATH_MAX];
    if (spawn_find(path, &said) != STATUS_OK) {
        print_message("SKIPPED: there is no boursed to start\n");
        buffer_release(&said);
        skip();
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct keys admin;
        uint8_t seed[KEYS_SEED_BYTES] = {3};
        struct spawn *s = NULL;
        struct spawn_options how = {.origin = "test.invalid/bourse"};
        keys_from_seed(&admin, seed);
        keys_get_public(&admin, &how.admin);
        if (spawn_start(&how, &s, &said) != STATUS_OK)
            fail_msg("%.*s", (int)said.length, (char *)said.data);
        struct bench_options o = {.address = spawn_address(s),
                                  .pin = spawn_pin(s),
                                  .admin = &admin,
                                  .batch = rows[i].batch,
                                  .tokens = rows[i].tokens,
                                  .connections = rows[i].connections,
                                  .window = rows[i].window,
                                  .requests = rows[i].requests};
        struct bench_figures f;
        struct connection_error error;
        if (bench_transfer(&o, &f, &error) != STATUS_OK)
            fail_msg("row %zu: %s", i, error.text);
        assert_int_equal(f.requests, rows[i].requests);
        assert_int_equal(f.operations, rows[i].requests * rows[i].batch);
        assert_true(f.groups >= 1 && f.groups <= f.requests);
        assert_true(f.wall_s > 0 && f.p50_ms > 0);
        assert_true(f.p50_ms <= f.p99_ms && f.p99_ms <= f.max_ms);
        if (spawn_stop(s, &said) != STATUS_OK || spawn_check(s, &said) != STATUS_OK)
            fail_msg("%.*s", (int)said.length, (char *)said.data);
        spawn_free(s);
    }
    buffer_release(&said);
}

static void measures_the_disk(void **state)
{
    (void)state;
    assert_true(bench_sync_rate("/tmp") > 0);
    assert_true(bench_sync_rate("/nowhere") == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_every_transfer),
        cmocka_unit_test(measures_the_disk),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
