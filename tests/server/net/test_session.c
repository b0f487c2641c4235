/* A session, driven by a client's end of the channel without any socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sodium.h>
#include <string.h>

#include "protocol/arena.h"
#include "protocol/keys.h"
#include "protocol/status.h"
#include "server/net/session.h"

struct pair {
    struct keys server_keys;
    struct keys client_keys;
    struct session *session;
    struct channel *client;
};

static int setup(void **state)
{
    static struct pair pair;
    uint8_t seed[32];
    assert_true(sodium_init() >= 0);
    randombytes_buf(seed, sizeof(seed));
    keys_from_seed(&pair.server_keys, seed);
    randombytes_buf(seed, sizeof(seed));
    keys_from_seed(&pair.client_keys, seed);
    pair.session = session_new(pair.server_keys.channel_secret, NULL, 1000);
    pair.client = channel_new_initiator(pair.client_keys.channel_secret,
                                        pair.server_keys.channel_public, NULL);
    *state = &pair;
    return pair.session == NULL || pair.client == NULL;
}

static int teardown(void **state)
{
    struct pair *p = *state;
    session_free(p->session);
    channel_free(p->client);
    return 0;
}

/* Carries bytes both ways until nothing moves; the session's first error, or 0. */
static int exchange_bytes(struct pair *p, uint64_t now_ms)
{
    int status = STATUS_OK;
    bool moved = true;
    while (moved) {
        moved = false;
        size_t length;
        const uint8_t *bytes = session_output(p->session, &length);
        if (length > 0) {
            assert_int_equal(channel_receive(p->client, bytes, length), STATUS_OK);
            session_output_consumed(p->session, length);
            moved = true;
        }
        bytes = channel_output(p->client, &length);
        if (length > 0 && status == STATUS_OK) {
            status = session_receive(p->session, bytes, length, now_ms);
            channel_output_consumed(p->client, length);
            moved = true;
        }
    }
    return status;
}

static void client_sends(struct pair *p, const struct message *m, const void *body)
{
    struct buffer frame = BUFFER_EMPTY;
    message_encode_coded(m, body, &frame);
    assert_int_equal(channel_send(p->client, frame.data, frame.length), STATUS_OK);
    buffer_release(&frame);
}

/* The error frame that the client finds, or 0. */
static uint32_t client_finds_error(struct pair *p, char text[256])
{
    const uint8_t *data;
    size_t length;
    if (channel_next_frame(p->client, &data, &length) != STATUS_OK)
        return 0;
    struct arena arena = ARENA_EMPTY;
    struct decode_error error;
    const struct message *message;
    const void *body;
    assert_int_equal(
        message_decode_coded(&frame_set, data, length, &arena, &message, &body, &error), STATUS_OK);
    assert_int_equal(message->code, FRAME_error);
    const struct frame_error *found = body;
    memcpy(text, found->message.data, found->message.length);
    text[found->message.length] = '\0';
    uint32_t code = found->error;
    arena_release(&arena);
    return code;
}

static void knows_who_asks_only_after_the_handshake(void **state)
{
    struct pair *p = *state;
    assert_null(session_peer_key(p->session));
    assert_int_equal(exchange_bytes(p, 1001), STATUS_OK);
    assert_memory_equal(session_peer_key(p->session), p->client_keys.channel_public, 32);
}

static void a_handshake_has_a_fixed_time(void **state)
{
    struct pair *p = *state;
    uint64_t deadline = session_deadline_ms(p->session);
    assert_int_equal(deadline, 1000 + HANDSHAKE_TIMEOUT_S * 1000);
    /* Single bytes do not prolong it. */
    size_t length;
    const uint8_t *bytes = channel_output(p->client, &length);
    assert_int_equal(session_receive(p->session, bytes, 1, 5000), STATUS_OK);
    assert_int_equal(session_deadline_ms(p->session), deadline);
}

static void activity_moves_the_idle_deadline(void **state)
{
    struct pair *p = *state;
    assert_int_equal(exchange_bytes(p, 2000), STATUS_OK);
    assert_int_equal(session_deadline_ms(p->session), 2000 + IDLE_TIMEOUT_S * 1000);
    session_touch(p->session, 9000);
    assert_int_equal(session_deadline_ms(p->session), 9000 + IDLE_TIMEOUT_S * 1000);
}

static void hands_out_frames_in_order(void **state)
{
    struct pair *p = *state;
    assert_int_equal(exchange_bytes(p, 2000), STATUS_OK);
    struct frame_subscribe subscribe = {.seq = 7, .from = 42};
    struct frame_query query = {.seq = 8, .body = {(const uint8_t *)"\x01", 1}};
    client_sends(p, &frame_subscribe_message, &subscribe);
    client_sends(p, &frame_query_message, &query);
    assert_int_equal(exchange_bytes(p, 2000), STATUS_OK);

    struct session_frame frame;
    assert_int_equal(session_next(p->session, &frame), STATUS_OK);
    assert_int_equal(frame.code, FRAME_subscribe);
    assert_int_equal(frame.body.subscribe.from, 42);
    buffer_release(&frame.memory);
    assert_int_equal(session_next(p->session, &frame), STATUS_OK);
    assert_int_equal(frame.code, FRAME_query);
    assert_int_equal(frame.body.query.seq, 8);
    assert_int_equal(frame.body.query.body.length, 1);
    assert_int_equal(frame.body.query.body.data[0], 1);
    buffer_release(&frame.memory);
    assert_int_equal(session_next(p->session, &frame), STATUS_MORE);
}

static void a_frame_that_does_not_decode_ends_it_with_a_word(void **state)
{
    struct pair *p = *state;
    assert_int_equal(exchange_bytes(p, 2000), STATUS_OK);
    assert_int_equal(channel_send(p->client, "\xc1", 1), STATUS_OK);
    assert_int_equal(exchange_bytes(p, 2000), STATUS_OK);
    struct session_frame frame;
    assert_int_equal(session_next(p->session, &frame), STATUS_MALFORMED);
    assert_int_equal(session_next(p->session, &frame), STATUS_MALFORMED);
    exchange_bytes(p, 2000);
    char text[256];
    assert_int_equal(client_finds_error(p, text), WIRE_ERROR_MALFORMED);
    assert_true(strlen(text) > 0);
}

static void a_client_may_not_send_what_a_server_sends(void **state)
{
    struct pair *p = *state;
    assert_int_equal(exchange_bytes(p, 2000), STATUS_OK);
    struct frame_answer answer = {.seq = 1};
    client_sends(p, &frame_answer_message, &answer);
    assert_int_equal(exchange_bytes(p, 2000), STATUS_OK);
    struct session_frame frame;
    assert_int_equal(session_next(p->session, &frame), STATUS_MALFORMED);
}

static void garbage_before_the_handshake_ends_it(void **state)
{
    struct pair *p = *state;
    assert_int_equal(session_receive(p->session, "GET / HTTP/1.1\r\n\r\n", 18, 1001),
                     STATUS_MALFORMED);
    assert_int_equal(session_receive(p->session, "x", 1, 1002), STATUS_MALFORMED);
}

static void another_servers_key_is_refused(void **state)
{
    struct pair *p = *state;
    channel_free(p->client);
    p->client =
        channel_new_initiator(p->client_keys.channel_secret, p->client_keys.channel_public, NULL);
    assert_int_equal(exchange_bytes(p, 1001), STATUS_FORGED);
    assert_null(session_peer_key(p->session));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(knows_who_asks_only_after_the_handshake, setup, teardown),
        cmocka_unit_test_setup_teardown(a_handshake_has_a_fixed_time, setup, teardown),
        cmocka_unit_test_setup_teardown(activity_moves_the_idle_deadline, setup, teardown),
        cmocka_unit_test_setup_teardown(hands_out_frames_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(a_frame_that_does_not_decode_ends_it_with_a_word, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_client_may_not_send_what_a_server_sends, setup, teardown),
        cmocka_unit_test_setup_teardown(garbage_before_the_handshake_ends_it, setup, teardown),
        cmocka_unit_test_setup_teardown(another_servers_key_is_refused, setup, teardown),
    };
    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
