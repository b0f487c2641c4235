/* A connection against a fake exchange: whom it believes, and what it does when things break. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include <sodium.h>

#include "client/connection.h"
#include "protocol/refusal.h"
#include "protocol/status.h"
#include "tests/client/fake_exchange.h"

struct fixture {
    struct fake_exchange exchange;
    struct keys keys;
    char *folder;
};

static int setup(void **state)
{
    uint8_t seed[32];
    struct fixture *x = calloc(1, sizeof(*x));
    memset(seed, 42, sizeof(seed));
    keys_from_seed(&x->keys, seed);
    fake_exchange_start(&x->exchange);
    x->folder = scratch_make();
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *x = *state;
    fake_exchange_stop(&x->exchange);
    scratch_remove(x->folder);
    free(x);
    return 0;
}

static int open_with(struct fixture *x, const struct pin *pin, const char *address,
                     struct connection **out, struct connection_error *error)
{
    struct connection_options o = {
        .address = address,
        .pin = pin,
        .keys = &x->keys,
        .state_folder = x->folder,
        .timeout_ms = 3000,
        .retries = 3,
    };
    return connection_open(&o, out, error);
}

static struct connection *open_good(struct fixture *x)
{
    struct connection *c = NULL;
    struct connection_error error;
    int status = open_with(x, &x->exchange.log.pin, x->exchange.address, &c, &error);
    if (status != STATUS_OK)
        fail_msg("%s", error.text);
    return c;
}

static void expect_open(struct fixture *x, int status, const char *words)
{
    struct connection *c = NULL;
    struct connection_error error;
    assert_int_equal(open_with(x, &x->exchange.log.pin, x->exchange.address, &c, &error), status);
    assert_null(c);
    assert_int_equal(error.status, status);
    if (strstr(error.text, words) == NULL)
        fail_msg("'%s' is not in: %s", words, error.text);
}

static void test_opens(void **state)
{
    struct fixture *x = *state;
    struct connection *c = open_good(x);
    const struct connection_status *s = connection_status(c);
    assert_int_equal(s->you, 3);
    assert_string_equal(s->origin, "example.org/fake");
    uint64_t now_s = (uint64_t)time(NULL);
    assert_true(connection_time_s(c) + 5 > now_s && connection_time_s(c) < now_s + 5);
    connection_close(c);
}

static void test_wrong_exchanges_are_refused(void **state)
{
    struct fixture *x = *state;
    struct connection *c = NULL;
    struct connection_error error;
    struct pin other = x->exchange.log.pin;
    other.channel[0] ^= 1;
    assert_int_equal(open_with(x, &other, x->exchange.address, &c, &error), STATUS_FORGED);
    assert_non_null(strstr(error.text, "pin line"));
    other = x->exchange.log.pin;
    other.root[0] ^= 1;
    assert_int_equal(open_with(x, &other, x->exchange.address, &c, &error), STATUS_FORGED);
    other = x->exchange.log.pin;
    other.exchange_id[0] ^= 1;
    assert_int_equal(open_with(x, &other, x->exchange.address, &c, &error), STATUS_FORGED);
    FAKE_SET(&x->exchange, other_origin, true);
    expect_open(x, STATUS_FORGED, "another exchange");
    FAKE_SET(&x->exchange, other_origin, false);
    FAKE_SET(&x->exchange, wrong_certificate, true);
    expect_open(x, STATUS_FORGED, "did not certify");
}

static void test_addresses(void **state)
{
    struct fixture *x = *state;
    struct connection *c = NULL;
    struct connection_error error;
    static const char *const wrong[] = {"",         "localhost", "localhost:", ":7420",
                                        "::1:7420", "[::1]",     "host:port",  "[::1:7420"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(open_with(x, &x->exchange.log.pin, wrong[i], &c, &error),
                         STATUS_MALFORMED);
    /* Nobody listens on port 1. */
    assert_int_equal(open_with(x, &x->exchange.log.pin, "127.0.0.1:1", &c, &error), STATUS_CLOSED);
    assert_non_null(strstr(error.text, "Is boursed running"));
}

static void test_fork_is_caught(void **state)
{
    struct fixture *x = *state;
    connection_close(open_good(x));
    FAKE_SET(&x->exchange, log_size, 9);
    connection_close(open_good(x));
    FAKE_SET(&x->exchange, log.rewritten_from, 3);
    FAKE_SET(&x->exchange, log_size, 12);
    expect_open(x, STATUS_FORKED, "REWRITTEN");
    FAKE_SET(&x->exchange, log_size, 6); /* it cannot even answer for the old size */
    expect_open(x, STATUS_FORKED, "REWRITTEN");
    FAKE_SET(&x->exchange, log.rewritten_from, UINT64_MAX);
    FAKE_SET(&x->exchange, log_size, 12);
    connection_close(open_good(x));
}

static int send_burn(struct connection *c, struct frame_reply *reply,
                     struct connection_error *error)
{
    static struct arena arena;
    uint64_t token = 5;
    struct op_token_burn burn = {.inputs = {&token, 1}};
    struct operation op = {&op_token_burn_message, &burn};
    arena_release(&arena);
    return connection_request(c, &op, 1, 0, &arena, reply, error);
}

static void test_request(void **state)
{
    struct fixture *x = *state;
    struct frame_reply reply;
    struct connection_error error;
    struct connection *c = open_good(x);
    assert_int_equal(send_burn(c, &reply, &error), STATUS_OK);
    assert_int_equal(reply.refusal, REFUSAL_accepted);
    assert_int_equal(reply.results.count, 1);
    assert_int_equal(reply.results.items[0].index, 100);
    assert_true(fake_exchange_now(&x->exchange).signatures_good);
    uint64_t ahead_s = fake_exchange_now(&x->exchange).valid_until_s[0] - x->exchange.time_s;
    assert_true(ahead_s >= CONNECTION_VALID_S && ahead_s < CONNECTION_VALID_S + 5);
    connection_close(c);
}

static void test_broken_connection_sends_the_same_id_again(void **state)
{
    struct fixture *x = *state;
    struct frame_reply reply;
    struct connection_error error;
    struct connection *c = open_good(x);
    FAKE_SET(&x->exchange, drops, 2);
    assert_int_equal(send_burn(c, &reply, &error), STATUS_OK);
    assert_int_equal(fake_exchange_now(&x->exchange).requests, 3);
    assert_memory_equal(fake_exchange_now(&x->exchange).ids[0],
                        fake_exchange_now(&x->exchange).ids[1], 16);
    assert_memory_equal(fake_exchange_now(&x->exchange).ids[0],
                        fake_exchange_now(&x->exchange).ids[2], 16);
    assert_int_equal(send_burn(c, &reply, &error), STATUS_OK);
    assert_memory_not_equal(fake_exchange_now(&x->exchange).ids[0],
                            fake_exchange_now(&x->exchange).ids[3], 16);
    connection_close(c);
}

static void test_retries_are_bounded(void **state)
{
    struct fixture *x = *state;
    struct frame_reply reply;
    struct connection_error error;
    struct connection *c = open_good(x);
    FAKE_SET(&x->exchange, drops, 100);
    assert_int_equal(send_burn(c, &reply, &error), STATUS_CLOSED);
    assert_int_equal(fake_exchange_now(&x->exchange).requests, 4);
    assert_non_null(strstr(error.text, "not known whether"));
    FAKE_SET(&x->exchange, drops, 0);
    /* The connection is of use again. */
    assert_int_equal(send_burn(c, &reply, &error), STATUS_OK);
    connection_close(c);
}

static void test_silence_times_out(void **state)
{
    struct fixture *x = *state;
    struct frame_reply reply;
    struct connection_error error;
    struct connection *c = NULL;
    struct connection_options o = {.address = x->exchange.address,
                                   .pin = &x->exchange.log.pin,
                                   .keys = &x->keys,
                                   .timeout_ms = 1000};
    assert_int_equal(connection_open(&o, &c, &error), STATUS_OK);
    FAKE_SET(&x->exchange, silent, true);
    assert_int_equal(send_burn(c, &reply, &error), STATUS_TIMEOUT);
    assert_non_null(strstr(error.text, "not known whether"));
    connection_close(c);
}

static void test_wrong_idea_of_the_time_is_corrected(void **state)
{
    struct fixture *x = *state;
    struct frame_reply reply;
    struct connection_error error;
    struct connection *c = open_good(x);
    FAKE_SET(&x->exchange, time_s, x->exchange.time_s + 5000);
    FAKE_SET(&x->exchange, refuse_time, 1);
    assert_int_equal(send_burn(c, &reply, &error), STATUS_OK);
    assert_int_equal(reply.refusal, REFUSAL_accepted);
    assert_int_equal(fake_exchange_now(&x->exchange).requests, 2);
    assert_memory_not_equal(fake_exchange_now(&x->exchange).ids[0],
                            fake_exchange_now(&x->exchange).ids[1], 16);
    assert_true(fake_exchange_now(&x->exchange).valid_until_s[1] >=
                x->exchange.time_s + CONNECTION_VALID_S);
    /* Twice in a row is the exchange's last word. */
    FAKE_SET(&x->exchange, refuse_time, 2);
    assert_int_equal(send_burn(c, &reply, &error), STATUS_OK);
    assert_int_equal(reply.refusal, REFUSAL_request_expired);
    assert_int_equal(error.refusal, REFUSAL_request_expired);
    connection_close(c);
}

static void test_manual_clock_stands_still(void **state)
{
    struct fixture *x = *state;
    FAKE_SET(&x->exchange, clock_mode, CLOCK_MODE_MANUAL);
    FAKE_SET(&x->exchange, time_s, 1000);
    struct connection *c = open_good(x);
    assert_int_equal(connection_time_s(c), 1000);
    connection_time_set(c, 5000);
    assert_int_equal(connection_time_s(c), 5000);
    connection_close(c);
}

/* The last group of an idle exchange may be long ago; what its clock says counts, unless that is a
 * jump which waits for an admin's word. */
static void test_idle_exchange_has_its_clock(void **state)
{
    struct fixture *x = *state;
    uint64_t time_s = x->exchange.time_s;
    FAKE_SET(&x->exchange, clock_s, time_s + 3000);
    struct connection *c = open_good(x);
    assert_in_range(connection_time_s(c), time_s + 3000, time_s + 3005);
    connection_close(c);
    FAKE_SET(&x->exchange, clock_waits, true);
    c = open_good(x);
    assert_in_range(connection_time_s(c), time_s, time_s + 5);
    connection_close(c);
}

static void test_query(void **state)
{
    struct fixture *x = *state;
    struct arena arena = ARENA_EMPTY;
    struct connection_error error;
    const void *answer = NULL;
    struct q_status q = {{"", 0}};
    struct q_supply supply = {0};
    struct connection *c = open_good(x);
    /* Other frames may come between. */
    FAKE_SET(&x->exchange, events_between, 3);
    assert_int_equal(connection_query(c, &q_status_message, &q, &arena, &answer, &error),
                     STATUS_OK);
    assert_int_equal(((const struct a_status *)answer)->you, 3);
    assert_int_equal(connection_query(c, &q_supply_message, &supply, &arena, &answer, &error),
                     STATUS_OK);
    assert_null(answer);
    assert_int_equal(error.refusal, REFUSAL_not_visible);
    /* They were kept, in their order. */
    for (int i = 0; i < 6; i++) {
        const struct message *m = NULL;
        const void *body = NULL;
        assert_int_equal(connection_receive(c, 1000, &arena, &m, &body, &error), STATUS_OK);
        assert_int_equal(m->code, FRAME_events);
        assert_int_equal(((const struct frame_events *)body)->next, i % 3);
    }
    connection_close(c);
    arena_release(&arena);
}

static void test_pipelining(void **state)
{
    struct fixture *x = *state;
    struct arena arena = ARENA_EMPTY;
    struct connection_error error;
    struct op_token_burn burn = {0};
    struct operation op = {&op_token_burn_message, &burn};
    uint32_t seqs[50];
    struct connection *c = open_good(x);
    for (int i = 0; i < 50; i++)
        assert_int_equal(connection_send_request(c, &op, 1, 0, &seqs[i], &error), STATUS_OK);
    for (int i = 0; i < 50; i++) {
        const struct message *m = NULL;
        const void *body = NULL;
        assert_int_equal(connection_receive(c, 3000, &arena, &m, &body, &error), STATUS_OK);
        assert_int_equal(m->code, FRAME_reply);
        assert_int_equal(((const struct frame_reply *)body)->seq, seqs[i]);
    }
    const struct message *m = NULL;
    const void *body = NULL;
    assert_int_equal(connection_receive(c, 0, &arena, &m, &body, &error), STATUS_TIMEOUT);
    connection_close(c);
    arena_release(&arena);
}

/* Takes the next frame of events, which must go on where the last one ended. */
static void expect_events(struct connection *c, uint64_t *expected, uint64_t next)
{
    struct connection_error error;
    struct arena arena = ARENA_EMPTY;
    const struct frame_events *events = NULL;
    assert_int_equal(connection_events(c, 3000, &arena, &events, &error), STATUS_OK);
    for (uint32_t i = 0; i < events->events.count; i++)
        assert_int_equal(events->events.items[i].index, (*expected)++);
    assert_int_equal(*expected, next);
    assert_int_equal(events->next, next);
    arena_release(&arena);
}

/* A query that connects anew in between loses no event, and neither does waiting oneself. */
static void test_events_after_a_query(void **state)
{
    struct fixture *x = *state;
    struct connection_error error;
    struct arena arena = ARENA_EMPTY;
    const void *answer = NULL;
    struct q_skus q = {0};
    uint64_t expected = 1;
    struct connection *c = open_good(x);
    assert_true(connection_status(c)->first_seen);
    FAKE_SET(&x->exchange, drops, 1); /* after the first two events */
    assert_int_equal(connection_subscribe(c, expected, &error), STATUS_OK);
    expect_events(c, &expected, 3);
    assert_int_equal(connection_query(c, &q_skus_message, &q, &arena, &answer, &error), STATUS_OK);
    expect_events(c, &expected, 5);
    assert_int_equal(connection_resume(c, &error), STATUS_OK);
    expect_events(c, &expected, 5); /* an empty one: all has been seen */
    arena_release(&arena);
    connection_close(c);
    c = open_good(x);
    assert_false(connection_status(c)->first_seen);
    connection_close(c);
}

static void test_events_resume(void **state)
{
    struct fixture *x = *state;
    struct arena arena = ARENA_EMPTY;
    struct connection_error error;
    const struct frame_events *events = NULL;
    struct connection *c = open_good(x);
    uint64_t expected = 1;
    FAKE_SET(&x->exchange, drops, 1); /* after the first two events */
    assert_int_equal(connection_subscribe(c, expected, &error), STATUS_OK);
    while (expected < 5) {
        assert_int_equal(connection_events(c, 3000, &arena, &events, &error), STATUS_OK);
        for (uint32_t i = 0; i < events->events.count; i++)
            assert_int_equal(events->events.items[i].index, expected++);
    }
    assert_int_equal(expected, 5);
    assert_int_equal(fake_exchange_now(&x->exchange).connections, 2);
    assert_int_equal(connection_events(c, 50, &arena, &events, &error), STATUS_TIMEOUT);
    connection_close(c);
    arena_release(&arena);
}

static void test_too_large_requests_are_not_sent(void **state)
{
    struct fixture *x = *state;
    struct arena arena = ARENA_EMPTY;
    struct connection_error error;
    struct frame_reply reply;
    struct connection *c = open_good(x);
    static uint64_t tokens[TRANSFER_INPUTS_MAX];
    static struct operation ops[BATCH_OPERATIONS_MAX + 1];
    memset(tokens, 0x3f, sizeof(tokens));
    struct op_token_burn burn = {.inputs = {tokens, TRANSFER_INPUTS_MAX}};
    for (int i = 0; i < BATCH_OPERATIONS_MAX + 1; i++)
        ops[i] = (struct operation){&op_token_burn_message, &burn};
    assert_int_equal(
        connection_request(c, ops, BATCH_OPERATIONS_MAX + 1, 0, &arena, &reply, &error),
        STATUS_LIMIT);
    assert_int_equal(connection_request(c, ops, 100, 0, &arena, &reply, &error), STATUS_LIMIT);
    assert_int_equal(fake_exchange_now(&x->exchange).requests, 0);
    connection_close(c);
    arena_release(&arena);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_opens),
        TEST(test_wrong_exchanges_are_refused),
        TEST(test_addresses),
        TEST(test_fork_is_caught),
        TEST(test_request),
        TEST(test_broken_connection_sends_the_same_id_again),
        TEST(test_retries_are_bounded),
        TEST(test_silence_times_out),
        TEST(test_wrong_idea_of_the_time_is_corrected),
        TEST(test_manual_clock_stands_still),
        TEST(test_idle_exchange_has_its_clock),
        TEST(test_query),
        TEST(test_pipelining),
        TEST(test_events_resume),
        TEST(test_events_after_a_query),
        TEST(test_too_large_requests_are_not_sent),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
