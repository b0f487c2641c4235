/* Outcomes are rebuilt from the log; from a log that does not fit they are not. */
#include "tests/server/exchange/support.h"

#include "protocol/status.h"
#include "server/exchange/reply.h"
#include "tests/server/exchange/world.h"

static struct world w;

static int setup(void **state)
{
    (void)state;
    world_begin(&w, WORLD_OPTIONS);
    uint32_t alice = world_register(&w, "alice", ROLE_STARTUP);
    uint32_t series = world_series(&w, "seed", 0);
    world_mint(&w, series, alice, 100);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_end(&w);
    return 0;
}

static int rebuild(uint64_t index, event_reader *read, void *context)
{
    struct arena arena = ARENA_EMPTY;
    struct frame_reply reply = {.index = index};
    int status = reply_rebuild(&reply, read, context, &arena);
    arena_release(&arena);
    return status;
}

static void the_last_request_is_rebuilt(void **state)
{
    (void)state;
    struct arena arena = ARENA_EMPTY;
    struct frame_reply reply = {.index = world_log_size(&w) - 1};
    assert_int_equal(reply_rebuild(&reply, world_read, &w, &arena), STATUS_OK);
    assert_int_equal(reply.results.count, 1);
    assert_int_equal(reply.results.items[0].token_first, 1);
    assert_int_equal(reply.results.items[0].token_count, 1);
    assert_int_equal(reply.results.items[0].object, 1);
    assert_int_equal(reply.results.items[0].index, reply.index - 1);
    arena_release(&arena);
}

static void an_index_of_another_event_is_damage(void **state)
{
    (void)state;
    assert_int_equal(rebuild(0, world_read, &w), STATUS_DAMAGED);
    assert_int_equal(rebuild(world_log_size(&w) - 2, world_read, &w), STATUS_DAMAGED);
    assert_int_equal(rebuild(world_log_size(&w), world_read, &w), STATUS_DAMAGED);
}

/* Reads the log with one event taken for another, or cut short. */
struct damage {
    uint64_t index;
    uint64_t instead;
    size_t length; /* 0: whole */
};

static int damaged_read(void *context, uint64_t index, const uint8_t **data_out, size_t *length_out)
{
    const struct damage *d = context;
    int status = world_read(&w, index == d->index ? d->instead : index, data_out, length_out);
    if (!status && index == d->index && d->length > 0)
        *length_out = d->length;
    return status;
}

static void a_damaged_log_is_noticed(void **state)
{
    (void)state;
    uint64_t last = world_log_size(&w) - 1;
    const uint8_t *data;
    size_t length;
    /* The operation's event is none of an operation. */
    struct damage d = {.index = last - 1, .instead = 0};
    assert_int_equal(rebuild(last, damaged_read, &d), STATUS_DAMAGED);
    /* Truncated at every byte. */
    assert_int_equal(world_read(&w, last, &data, &length), STATUS_OK);
    for (size_t cut = 1; cut < length; cut++) {
        d = (struct damage){.index = last, .instead = last, .length = cut};
        assert_int_equal(rebuild(last, damaged_read, &d), STATUS_DAMAGED);
    }
}

/* Logs a request event of our own making. */
static struct buffer crafted;

static int crafted_read(void *context, uint64_t index, const uint8_t **data_out, size_t *length_out)
{
    (void)context;
    if (index != 1000)
        return world_read(&w, index, data_out, length_out);
    *data_out = crafted.data;
    *length_out = crafted.length;
    return STATUS_OK;
}

static int crafted_rebuild(const struct ev_request *event)
{
    static const uint8_t nonce[EVENT_NONCE_BYTES];
    buffer_clear(&crafted);
    buffer_append(&crafted, nonce, sizeof(nonce));
    message_encode_coded(&ev_request_message, event, &crafted);
    int status = rebuild(1000, crafted_read, NULL);
    buffer_release(&crafted);
    return status;
}

static void contradicting_refusals_are_damage(void **state)
{
    (void)state;
    struct refused refusals[] = {{.operation = 0, .refusal = 28}, {.operation = 0, .refusal = 28}};
    struct ev_request event = {.accepted = 0};
    event.refusals.items = refusals;
    event.refusals.count = 1;
    assert_int_equal(crafted_rebuild(&event), STATUS_OK);
    event.refusals.count = 2; /* the same operation twice */
    assert_int_equal(crafted_rebuild(&event), STATUS_DAMAGED);
    refusals[1].operation = 7; /* one that there is not */
    assert_int_equal(crafted_rebuild(&event), STATUS_DAMAGED);
    refusals[1].operation = 1;
    assert_int_equal(crafted_rebuild(&event), STATUS_OK);
    event.accepted = 1; /* whose event is not in the log */
    event.first_index = 5000;
    assert_int_equal(crafted_rebuild(&event), STATUS_DAMAGED);
}

static void every_event_of_an_operation_gives_a_result(void **state)
{
    (void)state;
    static const uint32_t none[] = {
        EVENT_genesis,         EVENT_restored,         EVENT_started,
        EVENT_request,         EVENT_expired,          EVENT_lease_settled,
        EVENT_offer_renewed,   EVENT_order_filled,     EVENT_traded,
        EVENT_index_published, EVENT_rule_bought,      EVENT_rule_low,
        EVENT_lease_sold,      EVENT_lease_paused,     EVENT_lease_resumed,
        EVENT_offer_ended,     EVENT_trade_cut,        EVENT_contract_ended,
        EVENT_claim_made,      EVENT_backstop_settled, EVENT_share_paid,
        EVENT_phase_reached,   EVENT_tranche_paid,     EVENT_royalty_due,
        EVENT_claim_paid,      EVENT_policy_changed,   EVENT_guarantee_recovered};
    static const uint64_t empty[512];
    for (uint32_t i = 0; i < event_set.count; i++) {
        struct result result = {0};
        bool expected = true;
        for (size_t k = 0; k < sizeof(none) / sizeof(none[0]); k++)
            expected = expected && none[k] != event_set.messages[i]->code;
        assert_true(event_set.messages[i]->size <= sizeof(empty));
        assert_int_equal(result_from_event(event_set.messages[i], empty, &result), expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_request_is_rebuilt),
        cmocka_unit_test(an_index_of_another_event_is_damage),
        cmocka_unit_test(a_damaged_log_is_noticed),
        cmocka_unit_test(contradicting_refusals_are_damage),
        cmocka_unit_test(every_event_of_an_operation_gives_a_result),
    };
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    return cmocka_run_group_tests(tests, setup, teardown);
}
