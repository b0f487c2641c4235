/* A small trace run through a real server: outcomes, books, and the same log each time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <sodium.h>

#include "client/cli/import_market.h"
#include "client/cli/import_run.h"
#include "client/cli/spawn.h"
#include "client/connection.h"
#include "protocol/status.h"

#define EPOCH_S  UINT64_C(1767225600)
#define WINDOW_S (24 * 3600)

/* Two T4s and a node of eight G2s; models 0 T4, 1 G2, 2 A10, of which there is none. */
static struct trace_node nodes[] = {{2, 1, 0}, {3, 8, 1}, {4, 1, 0}};

enum { T4 = 1, G2 = 2, A10 = 4, DAY = 24 * 3600 };

static struct trace_task tasks[] = {
    {2, 1, T4, PROFILE_TRAINING, 0, 600},        /* the first T4 */
    {3, 1, T4, PROFILE_TRAINING, 1, 3 * DAY},    /* the second, metered in three periods */
    {4, 1, T4, PROFILE_INFERENCE, 2, 60},        /* none is left: no_capacity */
    {5, 1, T4 | G2, PROFILE_TRAINING, 60, 61},   /* takes a G2 */
    {6, 8, G2, PROFILE_TRAINING, 60, 120},       /* seven are left: size_not_met */
    {7, 1, A10, PROFILE_TRAINING, 61, 120},      /* there is none: no_capacity */
    {8, 2, T4 | G2, PROFILE_TRAINING, 600, 660}, /* one T4 is free again, but two are wanted */
    {9, 8, G2, PROFILE_TRAINING, 700, 700},      /* all G2s, for the least of a minute */
    {10, 1, T4, PROFILE_TRAINING, 4 * DAY, 4 * DAY + 7}, /* long after */
};

static const struct trace trace = {.models = {"T4", "G2", "A10"},
                                   .models_count = 3,
                                   .nodes = nodes,
                                   .nodes_count = 3,
                                   .tasks = tasks,
                                   .tasks_count = sizeof(tasks) / sizeof(tasks[0])};

/* A server, a market in it, and what came of it. */
struct scene {
    struct spawn *spawn;
    struct plan plan;
    struct market market;
    struct connection_error error;
    struct import_result result;
    uint8_t log_note[8192];
    size_t log_note_length;
    struct buffer said;
};

static void scene_open(struct scene *s, uint64_t seed)
{
    *s = (struct scene){.market = {.seed = seed, .epoch_s = EPOCH_S}};
    struct spawn_options o = {
        .origin = "test.invalid/bourse", .manual_clock = true, .has_seed = true, .seed = seed};
    wire_keys(seed, "admin", &s->market.admin.keys);
    keys_get_public(&s->market.admin.keys, &o.admin);
    if (spawn_start(&o, &s->spawn, &s->said) != STATUS_OK)
        fail_msg("%.*s", (int)s->said.length, (char *)s->said.data);
    s->market.admin.account = 1;
    assert_int_equal(plan_make(&trace, 1, 360, &s->plan), STATUS_OK);
    s->market.plan = &s->plan;
    if (wire_open(spawn_address(s->spawn), spawn_pin(s->spawn), &s->market.admin, seed, EPOCH_S,
                  &s->market.wire, &s->error) != STATUS_OK)
        fail_msg("%s", s->error.text);
}

static void scene_run(struct scene *s)
{
    if (market_open(&s->market, &s->error) != STATUS_OK ||
        run_plan(&s->market, WINDOW_S, NULL, &s->result, &s->error) != STATUS_OK)
        fail_msg("%s", s->error.text);
    /* The head of the log, signed: Ed25519 gives the same bytes for the same log. */
    struct arena arena = ARENA_EMPTY;
    struct q_checkpoint body = {.old_size = 0};
    const void *got = NULL;
    assert_int_equal(wire_ask(s->market.wire, &q_checkpoint_message, &body, &s->error), STATUS_OK);
    assert_int_equal(wire_answer(s->market.wire, &q_checkpoint_message, &arena, &got, &s->error),
                     STATUS_OK);
    const struct a_checkpoint *head = got;
    s->log_note_length = head->note.length;
    memcpy(s->log_note, head->note.data, head->note.length);
    arena_release(&arena);
}

static void scene_close(struct scene *s)
{
    wire_close(s->market.wire);
    if (spawn_stop(s->spawn, &s->said) != STATUS_OK || spawn_check(s->spawn, &s->said) != STATUS_OK)
        fail_msg("%.*s", (int)s->said.length, (char *)s->said.data);
    spawn_free(s->spawn);
    market_release(&s->market);
    plan_release(&s->plan);
    buffer_release(&s->said);
}

static void skip_without_server(void)
{
    char path[PATH_MAX];
    struct buffer why = BUFFER_EMPTY;
    int status = spawn_find(path, &why);
    buffer_release(&why);
    if (status != STATUS_OK) {
        print_message("SKIPPED: there is no boursed to start\n");
        skip();
    }
}

static void every_task_has_its_outcome(void **state)
{
    (void)state;
    struct scene s;
    skip_without_server();
    scene_open(&s, 1);
    scene_run(&s);
    assert_int_equal(s.result.tasks, 9);
    assert_int_equal(s.result.filled, 6);
    assert_int_equal(s.result.partly_filled, 0);
    assert_int_equal(s.result.refused, 3);
    assert_int_equal(s.result.refusals[REFUSAL_no_capacity], 2);
    assert_int_equal(s.result.refusals[REFUSAL_size_not_met], 1);
    assert_int_equal(s.result.sold[0], 10 + 3 * 1440 + 1);
    assert_int_equal(s.result.sold[1], 1 + 2 + 8);
    assert_int_equal(s.result.sold[2], 0);
    assert_int_equal(s.result.leases, 6);
    assert_int_equal(s.result.periods, 5 + 3);
    /* ceil(minutes x price / 60) of each lease: 10, 4320 and 1 minutes of a T4, 1, 2 and 8 of a
     * G2. */
    assert_int_equal(s.result.settled_ucr, 58334 + 25200000 + 5834 + 13334 + 26667 + 106667);
    scene_close(&s);
}

static void the_log_follows_from_the_seed(void **state)
{
    (void)state;
    struct scene a;
    struct scene b;
    struct scene c;
    skip_without_server();
    scene_open(&a, 5);
    scene_run(&a);
    scene_close(&a);
    scene_open(&b, 5);
    scene_run(&b);
    scene_close(&b);
    assert_int_equal(a.log_note_length, b.log_note_length);
    assert_memory_equal(a.log_note, b.log_note, a.log_note_length);
    scene_open(&c, 6);
    scene_run(&c);
    scene_close(&c);
    assert_true(a.log_note_length != c.log_note_length ||
                memcmp(a.log_note, c.log_note, a.log_note_length) != 0);
}

/* Somebody else sells the same SKU for less. */
static void stranger_offers(struct scene *s)
{
    struct arena arena = ARENA_EMPTY;
    struct result *results = NULL;
    struct wire_party stranger = {.account = 0};
    struct op_clock_advance advance = {EPOCH_S};
    struct op_account_register account = {.name = {"stranger", 8}, .role = ROLE_OPERATOR};
    struct op_sku_add sku = {.name = {"t4-pcie-16gb", 12},
                             .vendor = {"nvidia", 6},
                             .model = {"T4", 2},
                             .memory_gb = 16,
                             .power_w = 70};
    wire_keys(99, "stranger", &stranger.keys);
    memcpy(account.sign_key, stranger.keys.sign_public, 32);
    memcpy(account.channel_key, stranger.keys.channel_public, 32);
    struct operation first[] = {{&op_clock_advance_message, &advance},
                                {&op_account_register_message, &account},
                                {&op_sku_add_message, &sku}};
    assert_int_equal(
        market_apply(&s->market, &s->market.admin, first, 3, &arena, &results, &s->error),
        STATUS_OK);
    stranger.account = (uint32_t)results[1].object;
    uint64_t number = results[2].object;
    struct op_site_add site = {
        .name = {"site", 4}, .region = {"CN", 2}, .jurisdiction = {"CN", 2}, .power_kw = 1};
    struct operation second = {&op_site_add_message, &site};
    assert_int_equal(market_apply(&s->market, &stranger, &second, 1, &arena, &results, &s->error),
                     STATUS_OK);
    struct op_offer_publish offer = {.site = results[0].object,
                                     .sku = number,
                                     .gpus = 1,
                                     .block_gpus = 1,
                                     .start_s = EPOCH_S,
                                     .end_s = EPOCH_S + 10 * DAY,
                                     .price_ucr = 1,
                                     .lease_min_min = 1,
                                     .billing = BILLING_METERED,
                                     .meter_period_min = 60};
    struct operation third = {&op_offer_publish_message, &offer};
    assert_int_equal(market_apply(&s->market, &stranger, &third, 1, &arena, &results, &s->error),
                     STATUS_OK);
    keys_wipe(&stranger.keys);
    arena_release(&arena);
}

static void notices_other_sellers(void **state)
{
    (void)state;
    struct scene s;
    skip_without_server();
    scene_open(&s, 1);
    stranger_offers(&s);
    /* The SKU that is there already is taken over. */
    if (market_open(&s.market, &s.error) != STATUS_OK)
        fail_msg("%s", s.error.text);
    assert_int_equal(run_plan(&s.market, WINDOW_S, NULL, &s.result, &s.error), STATUS_MISUSE);
    assert_non_null(strstr(s.error.text, "somebody who is not in the trace"));
    scene_close(&s);
}

/* The same seed twice in one exchange: names and keys are taken, and that is said. */
static void says_what_was_refused(void **state)
{
    (void)state;
    struct scene s;
    skip_without_server();
    scene_open(&s, 1);
    scene_run(&s);
    struct market again = {.wire = s.market.wire,
                           .plan = &s.plan,
                           .seed = 1,
                           .epoch_s = EPOCH_S + 100 * DAY,
                           .admin = s.market.admin};
    assert_int_equal(market_open(&again, &s.error), STATUS_MISUSE);
    assert_int_equal(s.error.refusal, REFUSAL_name_taken);
    assert_non_null(strstr(s.error.text, "account_register was refused: name_taken"));
    market_release(&again);
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_has_its_outcome),
        cmocka_unit_test(the_log_follows_from_the_seed),
        cmocka_unit_test(notices_other_sellers),
        cmocka_unit_test(says_what_was_refused),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
