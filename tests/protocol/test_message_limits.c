/*
 * Every field of every message at its limits: a value, length or count at the least and the most is
 * decoded, one beyond is refused with the field's name. And the limits of limits.h are those of the
 * fields that they are meant for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/events.h"
#include "protocol/frames.h"
#include "protocol/genesis.h"
#include "protocol/limits.h"
#include "protocol/message.h"
#include "protocol/operations.h"
#include "protocol/queries.h"
#include "protocol/status.h"
#include "tests/random.h"
#include "tests/protocol/generate.h"

static const struct message_set *const sets[] = {&operation_set, &frame_set, &event_set, &query_set,
                                                 &answer_set};
enum { SETS = sizeof(sets) / sizeof(sets[0]) };

static struct arena arena;
static struct generator g;
static struct buffer encoded;
static struct decode_error error;

static int setup(void **state)
{
    (void)state;
    g = (struct generator){random_seed(), &arena};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    buffer_release(&encoded);
    return 0;
}

static void *memory(size_t size)
{
    void *data = arena_alloc(&arena, size > 0 ? size : 1);
    assert_non_null(data);
    return data;
}

static bool is_list(const struct field *f)
{
    return f->kind == FIELD_LIST || f->kind == FIELD_NUMBERS || f->kind == FIELD_OPERATIONS;
}

/* The largest limit that can be passed at all: what fits the field's C type, or a test's memory. */
static uint64_t reach_of(const struct field *f)
{
    switch (f->kind) {
    case FIELD_U32:
    case FIELD_ACCOUNT:
    case FIELD_SERIES:
    case FIELD_REFUSAL:
        return UINT32_MAX;
    case FIELD_U64:
    case FIELD_AMOUNT:
    case FIELD_PRICE:
    case FIELD_TIME:
    case FIELD_NUMBER:
        return UINT64_MAX;
    case FIELD_TEXT:
    case FIELD_BYTES:
    case FIELD_LIST:
    case FIELD_NUMBERS:
    case FIELD_OPERATIONS:
        return UINT32_C(16) * 1024 * 1024;
    default:
        return 0; /* of one size, or with a vocabulary */
    }
}

/* `count` items of a valid kind. */
static const void *items_of(const struct field *f, uint32_t count)
{
    if (f->kind == FIELD_NUMBERS) {
        uint64_t *numbers = memory(count * sizeof(*numbers));
        for (uint32_t i = 0; i < count; i++)
            numbers[i] = i + 1;
        return numbers;
    }
    if (f->kind == FIELD_OPERATIONS) {
        struct operation *operations = memory(count * sizeof(*operations));
        struct op_gift_revoke *body = memory(sizeof(*body));
        body->gift = 1;
        for (uint32_t i = 0; i < count; i++)
            operations[i] = (struct operation){&op_gift_revoke_message, body};
        return operations;
    }
    uint8_t *parts = memory((size_t)count * f->part->size);
    uint8_t *one = memory(f->part->size);
    generate_body(&g, f->part, one);
    for (uint32_t i = 0; i < count; i++)
        memcpy(parts + (size_t)i * f->part->size, one, f->part->size);
    return parts;
}

static void field_set(const struct field *f, void *body, uint64_t value)
{
    uint8_t *at = (uint8_t *)body + f->offset;
    uint32_t small = (uint32_t)value;
    if (is_list(f)) {
        struct list list = {items_of(f, small), small};
        memcpy(at, &list, sizeof(list));
    } else if (f->kind == FIELD_TEXT || f->kind == FIELD_BYTES) {
        struct text text = {memset(memory(small), 'x', small), small};
        memcpy(at, &text, sizeof(text));
    } else if (reach_of(f) == UINT32_MAX) {
        memcpy(at, &small, sizeof(small));
    } else {
        memcpy(at, &value, sizeof(value));
    }
}

static int decode_with(const struct message *m, const struct field *f, uint64_t value)
{
    uint8_t *body = memory(m->size);
    generate_body(&g, m, body);
    field_set(f, body, value);
    buffer_clear(&encoded);
    message_encode(m, body, &encoded);
    assert_int_equal(encoded.status, 0);
    return message_decode(m, encoded.data, encoded.length, &arena, memory(m->size), &error);
}

static void field_expect(const struct message *m, const struct field *f, uint64_t value, bool good)
{
    int status = decode_with(m, f, value);
    char place[128];
    snprintf(place, sizeof(place), "%s.%s", m->name, f->name);
    if (status != (good ? STATUS_OK : STATUS_MALFORMED))
        fail_msg("%s = %" PRIu64 ": %d (%s)", place, value, status, status ? error.text : "");
    if (!good && strncmp(error.text, place, strlen(place)) != 0)
        fail_msg("%s = %" PRIu64 ": %s", place, value, error.text);
    arena_clear(&arena);
}

static unsigned fields_passed;

static void message_at_limits(const struct message *m)
{
    for (uint32_t i = 0; i < m->fields_count; i++) {
        const struct field *f = &m->fields[i];
        uint64_t reach = reach_of(f);
        if (reach == 0)
            continue;
        uint64_t most = f->max < reach ? f->max : reach;
        if (most < reach || reach >= UINT32_MAX)
            field_expect(m, f, most, true);
        if (most < reach) {
            field_expect(m, f, most + 1, false);
            fields_passed++;
        }
        field_expect(m, f, f->min, true);
        if (f->min > 0)
            field_expect(m, f, f->min - 1, false);
        if (f->kind == FIELD_LIST)
            message_at_limits(f->part);
    }
}

static void test_every_field(void **state)
{
    (void)state;
    for (size_t s = 0; s < SETS; s++) {
        for (uint32_t i = 0; i < sets[s]->count; i++)
            message_at_limits(sets[s]->messages[i]);
    }
    message_at_limits(&request_message);
    message_at_limits(&genesis_message);
    assert_true(fields_passed > 200);
}

/* --- Which limit is whose --- */

static const struct {
    const struct message *message;
    const char *field;
    uint64_t most;
    uint64_t least;
} named[] = {
    {&frame_request_message, "body", REQUEST_BYTES_MAX, 1},
    {&frame_query_message, "body", FRAME_BYTES_MAX, 1},
    {&request_message, "operations", BATCH_OPERATIONS_MAX, 0},
    {&request_message, "valid_until_s", TIME_MAX_S, 1},
    {&frame_reply_message, "results", BATCH_OPERATIONS_MAX, 0},
    {&frame_events_message, "events", PAGE_ROWS_MAX, 0},
    {&logged_event_message, "data", EVENT_BYTES_MAX, EVENT_NONCE_BYTES},
    {&q_tokens_message, "limit", PAGE_ROWS_MAX, 0},
    {&op_mint_message, "outputs", TRANSFER_OUTPUTS_MAX, 0},
    {&op_token_transfer_message, "inputs", TRANSFER_INPUTS_MAX, 0},
    {&op_token_transfer_message, "outputs", TRANSFER_OUTPUTS_MAX, 0},
    {&op_token_burn_message, "inputs", TRANSFER_INPUTS_MAX, 0},
    {&op_token_give_message, "inputs", TRANSFER_INPUTS_MAX, 0},
    {&op_gift_revoke_message, "gift", SERIAL_MAX, 1},
    {&op_order_place_message, "tokens", ORDER_TOKENS_MAX, 0},
    {&op_order_place_message, "skus", ORDER_SKUS_MAX, 0},
    {&op_order_place_message, "regions", FILTER_PLACES_MAX, 0},
    {&op_order_place_message, "jurisdictions", FILTER_PLACES_MAX, 0},
    {&op_order_place_message, "certifications", ORDER_CERTIFICATIONS_MAX, 0},
    {&op_order_place_message, "gpus", GPUS_MAX, 1},
    {&op_order_place_message, "duration_min", DURATION_MAX_MIN, 1},
    {&q_quote_message, "tokens", ORDER_TOKENS_MAX, 0},
    {&q_quote_message, "skus", ORDER_SKUS_MAX, 0},
    {&q_quote_message, "certifications", ORDER_CERTIFICATIONS_MAX, 0},
    {&op_rule_add_message, "certifications", ORDER_CERTIFICATIONS_MAX, 0},
    {&q_quote_message, "duration_min", DURATION_MAX_MIN, 1},
    {&sku_limit_message, "limit_price_ucr", PRICE_MAX_UCR, 0},
    {&op_series_create_message, "skus", SERIES_SKUS_MAX, 0},
    {&op_series_create_message, "regions", SERIES_REGIONS_MAX, 0},
    {&op_series_create_message, "name", NAME_MAX_BYTES, 1},
    {&op_site_add_message, "certifications", SITE_CERTIFICATIONS_MAX, 0},
    {&op_site_add_message, "power_kw", POWER_KW_MAX, 1},
    {&op_site_add_message, "carbon_g_per_kwh", CARBON_G_MAX, 0},
    {&op_site_add_message, "region", PLACE_MAX_BYTES, 2},
    {&op_sku_add_message, "memory_gb", MEMORY_GB_MAX, 1},
    {&op_sku_add_message, "power_w", POWER_W_MAX, 1},
    {&op_account_register_message, "name", NAME_MAX_BYTES, 1},
    {&op_account_freeze_message, "reason", REASON_MAX_BYTES, 0},
    {&op_lease_activate_message, "access", ACCESS_SEALED_MAX, 0},
    {&op_lease_meter_message, "period", LEASE_PERIODS_MAX, 0},
    {&op_payout_message, "reference", REFERENCE_MAX_BYTES, 1},
    {&op_offer_publish_message, "gpus", GPUS_MAX, 1},
    {&op_offer_publish_message, "block_gpus", GPUS_MAX, 1},
    {&op_offer_publish_message, "price_ucr", PRICE_MAX_UCR, 0},
    {&op_offer_publish_message, "notice_min", NOTICE_MAX_MIN, 0},
    {&op_offer_publish_message, "lease_min_min", DURATION_MAX_MIN, 1},
    {&op_offer_publish_message, "lease_max_min", DURATION_MAX_MIN, 0},
    {&op_offer_publish_message, "meter_period_min", METER_PERIOD_MAX_MIN, METER_PERIOD_MIN_MIN},
    {&op_revshare_propose_message, "rank", SHARE_RANK_MAX, 1},
    {&op_revshare_propose_message, "window_days", SHARE_WINDOW_MAX_DAYS, 1},
    {&op_revshare_propose_message, "phases", PHASES_MAX, 0},
    {&op_clock_advance_message, "time_s", TIME_MAX_S, 1},
    {&ev_order_placed_message, "leases", ORDER_LEASES_MAX, 0},
    {&ev_order_placed_message, "escrow", ORDER_SERIES_MAX, 0},
    {&ev_order_placed_message, "change", ORDER_SERIES_MAX, 0},
    {&genesis_message, "origin", ORIGIN_MAX_BYTES, 1},
    {&genesis_message, "admins", GENESIS_ADMINS_MAX, 0},
    {&genesis_admin_message, "name", NAME_MAX_BYTES, 1},
    {&genesis_message, "activation_grace_s", GRACE_MAX_S, 1},
    {&genesis_message, "meter_grace_s", GRACE_MAX_S, 1},
    {&genesis_message, "dispute_window_s", GRACE_MAX_S, 1},
};

static void test_named_limits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
        const struct message *m = named[i].message;
        const struct field *f = NULL;
        for (uint32_t k = 0; k < m->fields_count; k++) {
            if (strcmp(m->fields[k].name, named[i].field) == 0)
                f = &m->fields[k];
        }
        if (f == NULL || f->max != named[i].most || f->min != named[i].least)
            fail_msg("%s.%s has other limits", m->name, named[i].field);
    }
}

/* --- A limit that is not kept is found --- */

static void test_a_wrong_limit_is_noticed(void **state)
{
    (void)state;
    struct field field = op_sku_add_message.fields[0];
    assert_string_equal(field.name, "name");
    struct message looser = op_sku_add_message;
    /* Encoded for one that takes longer names, decoded by the real one. */
    field.max = NAME_MAX_BYTES + 1;
    assert_int_equal(decode_with(&looser, &field, field.max), STATUS_MALFORMED);
    assert_int_equal(decode_with(&looser, &field, field.max - 1), STATUS_OK);
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_field),
        cmocka_unit_test(test_named_limits),
        cmocka_unit_test(test_a_wrong_limit_is_noticed),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
