/* From frames to submissions: what is taken, what is refused and why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sodium.h>
#include <string.h>

#include "protocol/keys.h"
#include "protocol/queries.h"
#include "protocol/sha256.h"
#include "protocol/status.h"
#include "server/net/intake.h"

static const uint8_t exchange_id[32] = {1, 2, 3};
static struct keys keys;

static int setup(void **state)
{
    (void)state;
    const uint8_t seed[32] = {7};
    keys_from_seed(&keys, seed);
    return sodium_init() < 0;
}

/* A frame with a signed burn of token 5, decoded as a session does. */
static void signed_frame(struct session_frame *out, const uint8_t id[32])
{
    static const uint64_t token = 5;
    struct op_token_burn burn = {.inputs = {&token, 1}};
    struct operation operation = {&op_token_burn_message, &burn};
    struct request request = {.account = 2, .valid_until_s = 1000, .operations = {&operation, 1}};
    memcpy(request.key, keys.sign_public, 32);
    *out = (struct session_frame){.code = FRAME_request, .memory = BUFFER_EMPTY};
    message_encode(&request_message, &request, &out->memory);
    assert_int_equal(out->memory.status, STATUS_OK);
    out->body.request.seq = 9;
    out->body.request.body = (struct bytes){out->memory.data, (uint32_t)out->memory.length};
    keys_sign(&keys, PURPOSE_REQUEST, id, out->memory.data, out->memory.length,
              out->body.request.signature);
}

static void takes_a_signed_request(void **state)
{
    (void)state;
    struct session_frame frame;
    struct intake_outcome outcome;
    signed_frame(&frame, exchange_id);
    struct submission *s = submission_new();
    assert_int_equal(intake_prepare(s, &frame, exchange_id, &outcome), STATUS_OK);
    assert_int_equal(s->kind, SUBMISSION_REQUEST);
    assert_int_equal(s->seq, 9);
    assert_int_equal(s->request->account, 2);
    assert_int_equal(s->request->operations.count, 1);
    assert_ptr_equal(s->request->operations.items[0].message, &op_token_burn_message);
    uint8_t hash[32];
    sha256(s->body.data, s->body.length, hash);
    assert_memory_equal(hash, s->body_hash, 32);
    assert_null(frame.memory.data);
    submission_free(s);
}

static void refuses_a_changed_body_or_another_exchange(void **state)
{
    (void)state;
    struct session_frame frame;
    struct intake_outcome outcome;
    uint8_t other_id[32] = {9};
    signed_frame(&frame, other_id);
    struct submission *s = submission_new();
    assert_int_equal(intake_prepare(s, &frame, exchange_id, &outcome), STATUS_FORGED);
    assert_int_equal(outcome.refusal, REFUSAL_bad_signature);
    submission_free(s);

    signed_frame(&frame, exchange_id);
    frame.memory.data[frame.memory.length - 1] ^= 1; /* the token's serial */
    s = submission_new();
    assert_int_equal(intake_prepare(s, &frame, exchange_id, &outcome), STATUS_FORGED);
    submission_free(s);
}

static void names_what_is_malformed(void **state)
{
    (void)state;
    struct intake_outcome outcome;
    struct session_frame frame = {.code = FRAME_query, .memory = BUFFER_EMPTY};
    buffer_append(&frame.memory, "\x92\x7f\x90", 3); /* query 127 */
    frame.body.query = (struct frame_query){.seq = 3, .body = {frame.memory.data, 3}};
    struct submission *s = submission_new();
    assert_int_equal(intake_prepare(s, &frame, exchange_id, &outcome), STATUS_MALFORMED);
    assert_true(strlen(outcome.error) > 0);
    submission_free(s);
}

static void a_subscription_keeps_its_place(void **state)
{
    (void)state;
    struct intake_outcome outcome;
    struct session_frame frame = {
        .code = FRAME_subscribe, .memory = BUFFER_EMPTY, .body.subscribe = {.seq = 4, .from = 77}};
    struct submission *s = submission_new();
    assert_int_equal(intake_prepare(s, &frame, exchange_id, &outcome), STATUS_OK);
    assert_int_equal(s->kind, SUBMISSION_SUBSCRIBE);
    assert_int_equal(s->from, 77);
    submission_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_a_signed_request),
        cmocka_unit_test(refuses_a_changed_body_or_another_exchange),
        cmocka_unit_test(names_what_is_malformed),
        cmocka_unit_test(a_subscription_keeps_its_place),
    };
    return cmocka_run_group_tests_name("intake", tests, setup, NULL);
}
