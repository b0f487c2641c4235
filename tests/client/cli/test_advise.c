/* `bourse advise` against a real server: windows for the hours that are needed, and what they cost
 * beside each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <jansson.h>
#include <sodium.h>

#include "client/cli/advise_plan.h"
#include "client/cli/spawn.h"
#include "tests/client/cli/run.h"

static char folder[64];
static struct spawn *server;
static struct run r;

/* Runs a command as `who`, whose configuration is the folder's file of that name. */
static int as(const char *who, const char *line, const char *input)
{
    char config[128];
    snprintf(config, sizeof(config), "%s/%s.conf", folder, who);
    setenv("BOURSE_CONFIG", config, 1);
    run_line(&r, line, input);
    return r.code;
}

static void ok(const char *who, const char *line, const char *input)
{
    if (as(who, line, input) != 0)
        fail_msg("%s: bourse %s: exit %d\n%s%s", who, line, r.code, r.out, r.error);
}

static void says(const char *words)
{
    if (!run_says(&r, words))
        fail_msg("'%s' is not in\n%s%s", words, r.out, r.error);
}

/* Three operators' sites with a SKU for each story, so that none takes from another. */
static void market_open(void)
{
    static const char *const lines[][2] = {
        {"admin", "series create credits"},
        {"admin", "mint credits acme=100000"},
        {"admin", "sku add days --vendor v --model d --memory-gb 80 --power-w 700"},
        {"admin", "sku add base --vendor v --model b --memory-gb 80 --power-w 700"},
        {"admin", "sku add hours --vendor v --model h --memory-gb 80 --power-w 700"},
        {"admin", "sku add firm --vendor v --model f --memory-gb 80 --power-w 700"},
        {"op", "site add johor --region MY --power-kw 100000"},
        {"op", "site add batam --region ID --power-kw 100000"},
        {"op", "offer publish --site johor --sku days --gpus 8 --for 30d --price 3"},
        {"op", "offer publish --site johor --sku days --gpus 8 --for 30d --price 2 --metered "
               "--least-charge 100"},
        {"op", "offer publish --site johor --sku base --gpus 16 --for 30d --price 2"},
        {"op", "offer publish --site batam --sku base --gpus 16 --for 30d --price 3"},
        {"op", "offer publish --site johor --sku hours --gpus 8 --for 30d --price 3 --lease-min "
               "1h"},
        {"op", "offer publish --site johor --sku firm --gpus 8 --for 30d --price 3"},
        {"op", "offer publish --site johor --sku firm --gpus 8 --for 30d --price 1 --preemptible"},
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        ok(lines[i][0], lines[i][1], NULL);
}

static int setup_group(void **state)
{
    static const char *const people[] = {"admin", "acme", "op"};
    static const char *const roles[] = {"", "startup", "operator"};
    char pin[PIN_TEXT_SIZE];
    char line[512];
    char *keys[3];
    struct buffer said = BUFFER_EMPTY;
    (void)state;
    strcpy(folder, "/tmp/bourse-advise-XXXXXX");
    assert_non_null(mkdtemp(folder));
    setenv("XDG_STATE_HOME", folder, 1);
    for (int i = 0; i < 3; i++) {
        snprintf(line, sizeof(line), "keygen %s/%s.key", folder, people[i]);
        run_line(&r, line, NULL);
        assert_int_equal(r.code, 0);
        r.out[strcspn(r.out, "\n")] = '\0';
        keys[i] = strdup(r.out);
    }
    struct spawn_options o = {.origin = "example.org/advise", .manual_clock = true};
    assert_int_equal(keys_parse(keys[0], &o.admin), 0);
    if (spawn_start(&o, &server, &said) != 0)
        fail_msg("%.*s", (int)said.length, (const char *)said.data);
    assert_int_equal(pin_print(spawn_pin(server), pin), 0);
    for (int i = 0; i < 3; i++) {
        snprintf(line, sizeof(line), "config init --server %s --exchange %s --key %s/%s.key",
                 spawn_address(server), pin, folder, people[i]);
        ok(people[i], line, NULL);
    }
    for (int i = 1; i < 3; i++) {
        snprintf(line, sizeof(line), "account register %s --role %s %s", people[i], roles[i],
                 keys[i]);
        ok("admin", line, NULL);
    }
    for (int i = 0; i < 3; i++)
        free(keys[i]);
    buffer_release(&said);
    market_open();
    return 0;
}

static int teardown_group(void **state)
{
    char command[128];
    struct buffer said = BUFFER_EMPTY;
    (void)state;
    int status = spawn_stop(server, &said);
    if (status == 0)
        status = spawn_check(server, &said);
    if (status != 0)
        print_error("%.*s\n", (int)said.length, (const char *)said.data);
    spawn_free(server);
    buffer_release(&said);
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return status != 0 || system(command) != 0;
}

static const json_t *candidate(const json_t *advice, const char *name)
{
    size_t i;
    const json_t *one;
    json_array_foreach(json_object_get(advice, "candidates"), i, one)
    {
        if (strcmp(json_string_value(json_object_get(one, "name")), name) == 0)
            return one;
    }
    fail_msg("no candidate %s", name);
    return NULL;
}

static int64_t number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

/* The advice as JSON. */
static json_t *advice(const char *options, const char *curve)
{
    char line[256];
    snprintf(line, sizeof(line), "advise - --json %s", options);
    as("acme", line, curve);
    json_t *json = json_loads(r.out, 0, NULL);
    if (json == NULL)
        fail_msg("bourse %s: exit %d\n%s%s", line, r.code, r.out, r.error);
    return json;
}

/* Places what a candidate says, in its order; what that costs in all. */
static int64_t place(const json_t *plan)
{
    size_t i;
    const json_t *one;
    int64_t cost_ucr = 0;
    json_array_foreach(json_object_get(plan, "orders"), i, one)
    {
        char line[1024];
        const char *command = json_string_value(json_object_get(one, "command"));
        assert_non_null(command);
        snprintf(line, sizeof(line), "%s --json", command + strlen("bourse "));
        ok("acme", line, NULL);
        json_t *placed = json_loads(r.out, 0, NULL);
        snprintf(line, sizeof(line), "order show %d --json", (int)number(placed, "order"));
        ok("acme", line, NULL);
        json_t *shown = json_loads(r.out, 0, NULL);
        cost_ucr += number(shown, "cost_ucr");
        json_decref(shown);
        json_decref(placed);
    }
    return cost_ucr;
}

/* Three days with a need from nine to five. */
static const char days[] = "time,gpus\n"
                           "2026-01-05T00:00Z,0\n2026-01-05T09:00Z,8\n2026-01-05T17:00Z,0\n"
                           "2026-01-06T09:00Z,8\n2026-01-06T17:00Z,0\n"
                           "2026-01-07T09:00Z,8\n2026-01-07T17:00Z,0\n2026-01-08T00:00Z,0\n";

/* A block costs its price day and night, and so does metered capacity that charges for all of it.
 */
static void hours_that_are_not_needed_are_not_paid_for(void **state)
{
    (void)state;
    ok("acme", "advise - --sku days", days);
    says("training 8 GPUs committed 1728");
    says("inference 8 GPUs elastic 1152");
    says("windows 8 GPUs committed in 3 windows 576");
    says("layers 8 GPUs in 3 windows 384");
    says("cheapest that meets it: layers, for 384 credits");
    /* The hours of the day are those of the curve only when it begins at the same one. */
    says("The windows count from now");
    json_t *json = advice("--sku days --start +1d", days);
    const json_t *windows = candidate(json, "windows");
    assert_int_equal(number(windows, "cost_ucr"), 576000000);
    assert_int_equal(number(windows, "windows"), 3);
    assert_int_equal(number(windows, "filled_gpu_minutes"), 0);
    assert_true(number(json, "quotes") > 0);
    assert_int_equal(place(windows), 576000000);
    json_decref(json);
}

/* Of 16 cheap GPUs the base takes 8, the first layer the others: the second pays the dear ones. */
static void layers_cost_what_is_left_beside_each_other(void **state)
{
    static const char curve[] = "time,gpus\n0,8\n36000,16\n39600,24\n43200,16\n46800,8\n86400,0\n";
    (void)state;
    json_t *json = advice("--sku base", curve);
    const json_t *layers = candidate(json, "layers");
    assert_string_equal(json_string_value(json_object_get(json, "best")), "layers");
    int64_t cost_ucr = (8 * 24 * 2 + 8 * 3 * 2 + 8 * 1 * 3) * INT64_C(1000000);
    assert_int_equal(number(layers, "cost_ucr"), cost_ucr);
    assert_int_equal(place(layers), cost_ucr);
    json_decref(json);
    /* Of 8 that are left now, for a day, two layers of 8 cannot both be had. */
    ok("op", "offer publish --site johor --sku base --gpus 8 --for 30d --price 1", NULL);
    as("acme", "advise - --sku base=2 --start +2d", "time,gpus\n0,8\n36000,40\n43200,8\n86400,0\n");
    assert_int_equal(r.code, 2);
    says("layers 8 GPUs committed + 32 in 1 window not available");
    says("for 32 GPUs over 2h from");
}

static void a_short_window_is_asked_for_at_an_hour(void **state)
{
    (void)state;
    json_t *json = advice("--sku hours", "time,gpus\n0,0\n3600,4\n4200,0\n36000,0\n");
    const json_t *windows = candidate(json, "windows");
    assert_int_equal(number(windows, "cost_ucr"), 4 * 3 * INT64_C(1000000));
    const json_t *order =
        json_object_get(json_array_get(json_object_get(windows, "orders"), 0), "order");
    assert_int_equal(number(order, "duration_min"), PLAN_WINDOW_LEAST_MIN);
    json_decref(json);
}

static void windows_are_preemptible_only_when_that_is_said(void **state)
{
    (void)state;
    ok("acme", "advise - --sku firm", days);
    says("cheapest that meets it: windows, for 576 credits");
    ok("acme", "advise - --sku firm --interruptible", days);
    says("cheapest that meets it: layers, for 192 credits");
    says("--preemptible-ok");
}

/* However long the curve, there are not more questions than this, and what was cut is told. */
static void the_number_of_quotes_is_bounded(void **state)
{
    enum { LINES = 5000 };
    char *curve = malloc(LINES * 16 + 16);
    size_t length = (size_t)sprintf(curve, "time,gpus\n");
    (void)state;
    for (unsigned i = 0; i < LINES; i++)
        length += (size_t)sprintf(curve + length, "%u,%u\n", i * 120, i * i % 7);
    as("acme", "advise - --sku days", curve);
    const char *quotes = strstr(r.out, " quotes. Not considered:");
    assert_non_null(quotes);
    while (quotes > r.out && quotes[-1] >= '0' && quotes[-1] <= '9')
        quotes--;
    assert_in_range(atoi(quotes), WINDOWS_MAX / 2, PLAN_QUOTES_MAX);
    says("the least gaps were filled");
    says("in steps of 3 minutes");
    free(curve);
}

static void what_cannot_be_is_said_before_asking(void **state)
{
    (void)state;
    assert_int_equal(as("acme", "advise - --sku days --start 2020-01-01", days), 1);
    says("--start lies in the past");
    assert_int_equal(as("acme", "advise - --sku days", ""), 1);
    says("-: it is empty");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hours_that_are_not_needed_are_not_paid_for),
        cmocka_unit_test(layers_cost_what_is_left_beside_each_other),
        cmocka_unit_test(a_short_window_is_asked_for_at_an_hour),
        cmocka_unit_test(windows_are_preemptible_only_when_that_is_said),
        cmocka_unit_test(the_number_of_quotes_is_bounded),
        cmocka_unit_test(what_cannot_be_is_said_before_asking),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, setup_group, teardown_group);
}
