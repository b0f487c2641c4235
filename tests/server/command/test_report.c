/* `boursed report`: its options are those of every report, and it goes back to any index. */
#include "bench.h"

#include <string.h>

#include "protocol/report_options.h"
#include "server/command/command.h"

static const struct option_spec *option_of(const char *name)
{
    for (const struct option_spec *o = command_report.options; o->name != NULL; o++)
        if (strcmp(o->name, name) == 0)
            return o;
    return NULL;
}

static void test_options(void **state)
{
    (void)state;
    for (size_t i = 0; report_options_all[i] != NULL; i++) {
        const struct option_spec *o = option_of(report_options_all[i]);
        assert_non_null(o);
        assert_non_null(o->argument);
        assert_false(o->required);
    }
}

/* The state after each entry of the log, with the server running and not. */
static void test_every_index(void **state)
{
    struct bench b;
    struct arena arena = ARENA_EMPTY;
    char at[32], said[64];
    (void)state;
    bench_make(&b);
    bench_start(&b);
    for (uint32_t i = 0; i < 5; i++)
        bench_register(&b, i);
    uint64_t size = bench_status(&b, &arena).log_size;
    for (uint64_t index = 1; index <= size + 1; index++) {
        snprintf(at, sizeof(at), "%u", (unsigned)index);
        int code =
            bench_command(&b, "report", "exposure", "--data", b.data, "--at", at, "--json", NULL);
        if (index > size) {
            assert_int_equal(code, EXIT_FAILED);
            snprintf(said, sizeof(said), "has %u entries so far", (unsigned)size);
            assert_true(bench_said(&b, said));
        } else if (code != EXIT_DONE) {
            /* Only before the first group's end there is nothing. */
            assert_true(bench_said(&b, "the first group alone has more"));
            assert_true(index < 4);
        }
    }
    bench_stop(&b);
    assert_int_equal(bench_command(&b, "report", "portability", "--data", b.data, NULL), EXIT_DONE);
    assert_int_equal(bench_command(&b, "report", "--data", b.data, NULL), EXIT_USAGE);
    assert_int_equal(bench_command(&b, "report", "exposure", "--data", b.root, NULL), EXIT_FAILED);
    arena_release(&arena);
    bench_remove(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_every_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
