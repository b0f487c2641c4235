/* A small trace run through a real server: outcomes, books, and the same log each time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "client/cli/import_market.h"
#include "client/cli/import_run.h"
#include "client/cli/import_usage.h"
#include "client/cli/spawn.h"
#include "client/connection.h"
#include "protocol/status.h"

#define EPOCH_S  UINT64_C(1767225600)
#define WINDOW_S (24 * 3600)

/* Two T4s and a node of eight G2s; models 0 T4, 1 G2, 2 A10, of which there is none. */
static struct trace_node nodes[] = {{2, 1, 0}, {3, 8, 1}, {4, 1, 0}};

enum { T4 = 1, G2 = 2, A10 = 4, DAY = 24 * 3600 };

static struct trace_task tasks[] = {
    {2, 1, T4, PROFILE_TRAINING, 0, 600, 0},        /* the first T4 */
    {3, 1, T4, PROFILE_TRAINING, 1, 3 * DAY, 0},    /* the second, metered in three periods */
    {4, 1, T4, PROFILE_INFERENCE, 2, 60, 0},        /* none is left: no_capacity */
    {5, 1, T4 | G2, PROFILE_TRAINING, 60, 61, 0},   /* takes a G2 */
    {6, 8, G2, PROFILE_TRAINING, 60, 120, 0},       /* seven are left: size_not_met */
    {7, 1, A10, PROFILE_TRAINING, 61, 120, 0},      /* there is none: no_capacity */
    {8, 2, T4 | G2, PROFILE_TRAINING, 600, 660, 0}, /* one T4 is free again, but two are wanted */
    {9, 8, G2, PROFILE_TRAINING, 700, 700, 0},      /* all G2s, for the least of a minute */
    {10, 1, T4, PROFILE_TRAINING, 4 * DAY, 4 * DAY + 7, 0}, /* long after */
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

static void scene_open_with(struct scene *s, uint64_t seed, const struct trace *from,
                            const struct plan_options *options)
{
    *s = (struct scene){.market = {.seed = seed, .epoch_s = EPOCH_S}};
    struct spawn_options o = {
        .origin = "test.invalid/bourse", .manual_clock = true, .has_seed = true, .seed = seed};
    wire_keys(seed, "admin", &s->market.admin.keys);
    keys_get_public(&s->market.admin.keys, &o.admin);
    if (spawn_start(&o, &s->spawn, &s->said) != STATUS_OK)
        fail_msg("%.*s", (int)s->said.length, (char *)s->said.data);
    s->market.admin.account = 1;
    assert_int_equal(plan_make(from, options, &s->plan), STATUS_OK);
    s->market.plan = &s->plan;
    if (wire_open(spawn_address(s->spawn), spawn_pin(s->spawn), &s->market.admin, seed, EPOCH_S,
                  &s->market.wire, &s->error) != STATUS_OK)
        fail_msg("%s", s->error.text);
}

static void scene_open(struct scene *s, uint64_t seed)
{
    struct plan_options options = {.every = 1, .report_min = 360, .seed = seed};
    scene_open_with(s, seed, &trace, &options);
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

/* --- The whole book --- */

enum { CROWD = 700, CROWD_NODES = 6 };

/* Seven days of tasks, more than twelve GPUs can hold; the same rows ten times, later each time. */
static struct trace crowd(struct trace_node some[CROWD_NODES], struct trace_task many[CROWD])
{
    for (uint32_t i = 0; i < CROWD_NODES; i++)
        some[i] = (struct trace_node){i + 2, 2, i % 2};
    for (uint32_t i = 0; i < CROWD; i++) {
        uint32_t row = i % 70;
        uint64_t created_s = (uint64_t)(i / 70) * 50400 + row * 700;
        uint32_t minutes = 5 + row * 37 % 400;
        many[i] =
            (struct trace_task){.line = i + 2,
                                .gpus = row % 9 == 8 ? 3 : 1,
                                .models = row % 3 == 0 ? T4 | G2 : row % 3,
                                .profile = row % 2 == 0 ? PROFILE_TRAINING : PROFILE_INFERENCE,
                                .created_s = created_s,
                                .deleted_s = created_s + 60 * minutes,
                                .qos = row % 2 == 0 ? TRACE_QOS_BEST_EFFORT : TRACE_QOS_STRICT};
    }
    return (struct trace){.models = {"T4", "G2"},
                          .models_count = 2,
                          .nodes = some,
                          .nodes_count = CROWD_NODES,
                          .tasks = many,
                          .tasks_count = CROWD};
}

static struct plan_options lively_options(uint64_t seed)
{
    return (struct plan_options){.every = 1,
                                 .report_min = 360,
                                 .seed = seed,
                                 .operators = 2,
                                 .resting_ppm = 500000,
                                 .rest_min = 240,
                                 .spread_ppm = 200000,
                                 .preemptible_ppm = 300000,
                                 .reclaim_ppm = 500000,
                                 .standing_ppm = 300000,
                                 .headroom_ppm = 500000,
                                 .price_spread_ppm = 100000};
}

/* The leases as they ended, straight from the exchange: GPU-minutes by model and step. */
static void leases_sum(struct scene *s, const struct usage *u,
                       uint64_t sums[TRACE_MODELS_MAX][PLOT_STEPS_MAX], uint64_t *reclaimed_out)
{
    struct arena arena = ARENA_EMPTY;
    struct q_leases body = {.account = s->market.startup.account};
    *reclaimed_out = 0;
    do {
        const void *got = NULL;
        arena_clear(&arena);
        assert_int_equal(wire_ask(s->market.wire, &q_leases_message, &body, &s->error), STATUS_OK);
        assert_int_equal(wire_answer(s->market.wire, &q_leases_message, &arena, &got, &s->error),
                         STATUS_OK);
        const struct a_leases *answer = got;
        for (uint32_t i = 0; i < answer->rows.count; i++) {
            const struct lease_info *l = &answer->rows.items[i];
            uint32_t model = l->sku == s->market.skus[0] ? 0 : 1;
            *reclaimed_out += l->end_reason == LEASE_END_OPERATOR;
            for (uint64_t at = l->start_s; at < l->end_s; at += 60)
                sums[model][(at - u->start_s) / 60 / u->step_min] += l->gpus;
        }
        body.from = answer->next;
    } while (body.from != 0);
    arena_release(&arena);
}

/* Reads a line of the document back: what its path says for each step, to a tenth of a pixel. */
static void path_read(const char *document, const char *name, uint32_t steps, double top,
                      double values_out[PLOT_STEPS_MAX])
{
    const char *title = strstr(document, name);
    assert_non_null(title);
    const char *at = title;
    while (at > document && strncmp(at, " d=\"M", 5) != 0)
        at--;
    at += 5;
    char *end;
    double x = strtod(at, &end);
    double y = strtod(end, &end);
    uint32_t step = 0;
    assert_true(x == PLOT_LEFT);
    while (*end == 'H' || *end == 'V') {
        char command = *end;
        double number = strtod(end + 1, &end);
        if (command == 'V')
            y = number;
        for (; command == 'H' && step < steps &&
               PLOT_LEFT + (double)PLOT_INNER_WIDTH * step / steps < number - 0.06;
             step++)
            values_out[step] = top * (1 - (y - PLOT_TOP) / PLOT_INNER_HEIGHT);
    }
    assert_int_equal(step, steps);
}

static void assert_plot(const struct scene *s, const struct usage *u)
{
    struct buffer document = BUFFER_EMPTY;
    static double values[PLOT_STEPS_MAX];
    usage_plot(u, &s->plan, 1, &document);
    assert_int_equal(document.status, STATUS_OK);
    buffer_append(&document, "", 1);
    static const char *const names[] = {"<title>t4-pcie-16gb (", "<title>trace-g2 ("};
    for (uint32_t model = 0; model < 2; model++) {
        path_read((char *)document.data, names[model], u->steps, 100, values);
        for (uint32_t i = 0; i < u->steps; i++) {
            double expected = 100.0 * (double)u->leased[model][i] / (double)u->offered[model][i];
            double off = values[i] - expected;
            assert_true(off < 0.05 && off > -0.05);
        }
    }
    double most = 0;
    for (uint32_t i = 0; i < u->steps; i++)
        most = (double)u->resting[i] > most ? (double)u->resting[i] : most;
    double top = plot_scale_top(most / u->step_min);
    path_read((char *)document.data, "<title>resting orders", u->steps, top, values);
    for (uint32_t i = 0; i < u->steps; i++) {
        double off = values[i] / top - (double)u->resting[i] / u->step_min / top;
        assert_true(off < 0.0005 && off > -0.0005);
    }
    buffer_release(&document);
}

static void the_whole_book_is_used(void **state)
{
    (void)state;
    static struct scene s;
    static struct usage u;
    static uint64_t sums[TRACE_MODELS_MAX][PLOT_STEPS_MAX];
    struct trace_node some[CROWD_NODES];
    struct trace_task many[CROWD];
    struct trace from = crowd(some, many);
    struct plan_options options = lively_options(1);
    uint64_t reclaimed = 0;
    skip_without_server();
    scene_open_with(&s, 1, &from, &options);
    scene_run(&s);
    const struct import_result *r = &s.result;
    assert_int_equal(r->tasks, CROWD);
    assert_int_equal(r->filled + r->filled_later + r->expired + r->refused, CROWD);
    assert_int_equal(r->partly_filled, 0);
    assert_true(r->filled > 0 && r->filled_later > 0 && r->expired > 0 && r->refused > 0);
    assert_true(r->rested_s > 0 && r->ended_early > 0 && r->reclaimed > 0 && r->leases_ahead > 0);
    assert_true(r->settled_ucr != r->base_ucr);
    /* The plot's figures are those of the leases. */
    if (usage_take(&s.market, &u, &s.error) != STATUS_OK)
        fail_msg("%s", s.error.text);
    memset(sums, 0, sizeof(sums));
    leases_sum(&s, &u, sums, &reclaimed);
    assert_int_equal(reclaimed, r->reclaimed);
    for (uint32_t model = 0; model < 2; model++) {
        uint64_t sold = 0;
        for (uint32_t i = 0; i < u.steps; i++) {
            assert_int_equal(u.leased[model][i], sums[model][i]);
            assert_true(u.leased[model][i] <= u.offered[model][i]);
            sold += u.leased[model][i];
        }
        assert_int_equal(sold, r->sold[model]);
    }
    assert_plot(&s, &u);
    scene_close(&s);
}

/* A task of three GPUs runs on two when there are no more, and pays for two. */
static void large_tasks_are_filled_in_part(void **state)
{
    (void)state;
    static struct trace_task some[] = {
        {2, 1, T4, PROFILE_TRAINING, 0, 3600, 0},
        {3, 8, T4 | G2, PROFILE_TRAINING, 60, 660, 0}, /* all eight G2s */
        {4, 3, T4, PROFILE_TRAINING, 60, 660, 0},      /* one T4 is left */
        {5, 3, T4, PROFILE_TRAINING, 120, 660, 0},     /* none is */
        {6, 2, T4, PROFILE_INFERENCE, 7200, 7800, 0},  /* both */
        {7, 12, G2, PROFILE_INFERENCE, 7200, 7800, 0}, /* more than there are */
    };
    struct trace from = trace;
    from.tasks = some;
    from.tasks_count = sizeof(some) / sizeof(some[0]);
    struct plan_options options = {
        .every = 1, .report_min = 360, .seed = 1, .partial_ppm = 1000000};
    struct scene s;
    skip_without_server();
    scene_open_with(&s, 1, &from, &options);
    scene_run(&s);
    assert_int_equal(s.result.tasks, 6);
    assert_int_equal(s.result.filled, 3);
    assert_int_equal(s.result.partly_filled, 2);
    assert_int_equal(s.result.partly_wanted, 3 + 12);
    assert_int_equal(s.result.partly_got, 1 + 8);
    assert_int_equal(s.result.refused, 1);
    assert_int_equal(s.result.refusals[REFUSAL_no_capacity], 1);
    assert_int_equal(s.result.sold[0], 60 + 10 + 2 * 10);
    assert_int_equal(s.result.sold[1], 8 * 10 + 8 * 10);
    scene_close(&s);
}

/* Grouping depends on timing, the log must not. */
static void the_whole_book_follows_from_the_seed(void **state)
{
    (void)state;
    static struct scene a, b;
    struct trace_node some[CROWD_NODES];
    struct trace_task many[CROWD];
    struct trace from = crowd(some, many);
    struct plan_options options = lively_options(2);
    options.partial_ppm = 100000;
    skip_without_server();
    scene_open_with(&a, 2, &from, &options);
    scene_run(&a);
    const struct import_result *r = &a.result;
    assert_true(r->partly_filled > 0 && r->partly_got < r->partly_wanted);
    assert_int_equal(r->filled + r->filled_later + r->partly_filled + r->expired + r->refused,
                     CROWD);
    scene_close(&a);
    scene_open_with(&b, 2, &from, &options);
    scene_run(&b);
    scene_close(&b);
    assert_int_equal(a.log_note_length, b.log_note_length);
    assert_memory_equal(a.log_note, b.log_note, a.log_note_length);
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
        cmocka_unit_test(the_whole_book_is_used),
        cmocka_unit_test(large_tasks_are_filled_in_part),
        cmocka_unit_test(the_whole_book_follows_from_the_seed),
        cmocka_unit_test(notices_other_sellers),
        cmocka_unit_test(says_what_was_refused),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
