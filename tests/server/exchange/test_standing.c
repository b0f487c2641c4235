/* How a standing offer ends, and that the log says why. */
#include "protocol/moment.h"
#include "tests/server/exchange/support.h"

#include "protocol/events.h"
#include "server/exchange/offer.h"
#include "tests/server/exchange/crowd.h"

#define HOUR_S UINT64_C(3600)

static struct world w;
static uint32_t op;

/* The reason that the last event gives, which is about this offer; 0: it is another kind. */
static uint32_t last_reason(uint64_t offer, uint64_t end_s)
{
    const uint8_t *data;
    size_t length;
    const struct message *message;
    const void *body;
    struct decode_error why;
    assert_int_equal(world_read(&w, world_log_size(&w) - 1, &data, &length), 0);
    assert_int_equal(event_decode(data, length, &w.arena, &message, &body, &why), 0);
    if (message != &ev_offer_ended_message)
        return 0;
    const struct ev_offer_ended *event = body;
    assert_int_equal(event->by, 0);
    assert_int_equal(event->operator, op);
    assert_int_equal(event->offer, offer);
    assert_int_equal(event->end_s, end_s);
    assert_true(event_is_public(EVENT_offer_ended));
    return event->reason;
}

static uint64_t offer_make(uint32_t gpus, uint32_t standing_min, uint64_t end_s)
{
    struct op_offer_publish *offer = offer_new(&w, gpus, end_s);
    offer->standing_min = standing_min;
    return accepted(&w, op, "op", &op_offer_publish_message, offer)->object;
}

static void market_begin(void)
{
    world_begin(&w, WORLD_OPTIONS);
    op = seller_begin(&w);
}

static void market_end(void)
{
    assert_int_equal(world_verify(&w), 0);
    world_end(&w);
}

static void where_it_was_told_to(void **state)
{
    (void)state;
    market_begin();
    uint64_t plain = offer_make(1, 0, WORLD_BEGIN_S + HOUR_S);
    uint64_t standing = offer_make(1, 60, WORLD_BEGIN_S + 3 * HOUR_S);
    world_advance(&w, HOUR_S, true);
    assert_int_equal(offer_row_find(w.x, plain)->state, OFFER_STATE_ENDED);
    assert_int_equal(last_reason(plain, 0), 0);
    world_advance(&w, 2 * HOUR_S, true);
    assert_int_equal(last_reason(standing, WORLD_BEGIN_S + 3 * HOUR_S), OFFER_END_COMPLETED);
    market_end();
}

/* It stops where another offer needs the power, and ends there with that reason. */
static void where_the_power_is_short(void **state)
{
    (void)state;
    market_begin();
    uint64_t standing = offer_make(600000, 120, 0);
    uint64_t end_s = offer_row_find(w.x, standing)->end_s + HOUR_S;
    struct op_offer_publish *later = offer_new(&w, 600000, end_s + HOUR_S);
    later->start_s = end_s;
    accepted(&w, op, "op", &op_offer_publish_message, later);
    world_advance(&w, 2 * HOUR_S, true);
    assert_int_equal(offer_row_find(w.x, standing)->state, OFFER_STATE_OPEN);
    assert_int_equal(offer_row_find(w.x, standing)->end_s, end_s);
    assert_int_equal(offer_row_find(w.x, standing)->standing_min, 0);
    world_reload(&w);
    world_advance(&w, end_s - w.time_s, true);
    assert_int_equal(last_reason(standing, end_s), OFFER_END_POWER);
    market_end();
}

/* The exchange was down while it should have moved on, and past its end. */
static void where_the_exchange_was_down(void **state)
{
    (void)state;
    market_begin();
    uint64_t standing = offer_make(1, 60, 0);
    uint64_t end_s = offer_row_find(w.x, standing)->end_s;
    world_restart(&w, 5 * HOUR_S, CLOCK_MODE_REAL);
    world_settle(&w);
    assert_int_equal(offer_row_find(w.x, standing)->state, OFFER_STATE_ENDED);
    assert_int_equal(last_reason(standing, end_s), OFFER_END_NOT_RENEWED);
    market_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_it_was_told_to),
        cmocka_unit_test(where_the_power_is_short),
        cmocka_unit_test(where_the_exchange_was_down),
    };
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
