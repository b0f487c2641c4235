#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "protocol/events.h"
#include "protocol/status.h"
#include "tests/random.h"
#include "tests/protocol/generate.h"

static void test_decode(void **state)
{
    (void)state;
    struct arena arena = ARENA_EMPTY;
    struct generator g = {random_seed(), &arena};
    struct buffer leaf = BUFFER_EMPTY;
    struct decode_error error;
    for (uint32_t i = 0; i < event_set.count; i++) {
        const struct message *m = event_set.messages[i];
        void *body = arena_alloc(&arena, m->size);
        assert_non_null(body);
        generate_body(&g, m, body);
        buffer_clear(&leaf);
        buffer_append(&leaf, "0123456789abcdef", EVENT_NONCE_BYTES);
        message_encode_coded(m, body, &leaf);
        const struct message *found = NULL;
        const void *again = NULL;
        assert_int_equal(event_decode(leaf.data, leaf.length, &arena, &found, &again, &error), 0);
        assert_ptr_equal(found, m);
        assert_true(bodies_equal(m, body, again));
        for (size_t length = 0; length < leaf.length && length < 200; length++)
            assert_int_equal(event_decode(leaf.data, length, &arena, &found, &again, &error),
                             STATUS_MALFORMED);
    }
    buffer_release(&leaf);
    arena_release(&arena);
}

static void test_sizes(void **state)
{
    (void)state;
    static const uint8_t data[EVENT_BYTES_MAX + 1];
    struct arena arena = ARENA_EMPTY;
    struct decode_error error;
    const struct message *m = NULL;
    const void *body = NULL;
    assert_int_equal(event_decode(data, 16, &arena, &m, &body, &error), STATUS_MALFORMED);
    assert_string_equal(error.text, "event: 16 bytes where 17 to 65535 belong");
    assert_int_equal(event_decode(data, sizeof(data), &arena, &m, &body, &error), STATUS_MALFORMED);
    assert_string_equal(error.text, "event: 65536 bytes where 17 to 65535 belong");
    arena_release(&arena);
}

static void test_who_may_see(void **state)
{
    (void)state;
    struct payment output = {7, 1};
    struct ev_minted minted = {.by = 1, .series = 9, .token_first = 1, .outputs = {&output, 1}};
    assert_true(event_names(&ev_minted_message, &minted, 1));
    assert_true(event_names(&ev_minted_message, &minted, 7));
    assert_false(event_names(&ev_minted_message, &minted, 9));
    /* Nobody is party to what the exchange does by itself by being nobody. */
    minted.by = 0;
    assert_false(event_names(&ev_minted_message, &minted, 0));
    struct ev_started started = {.clock_mode = CLOCK_MODE_REAL};
    assert_true(event_names(&ev_started_message, &started, 0));
    assert_true(event_names(&ev_started_message, &started, 77));
}

static void test_public(void **state)
{
    (void)state;
    assert_true(event_is_public(EVENT_genesis));
    assert_true(event_is_public(EVENT_offer_published));
    assert_false(event_is_public(EVENT_token_transferred));
    assert_false(event_is_public(EVENT_request));
    assert_false(event_is_public(0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_who_may_see),
        cmocka_unit_test(test_public),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
