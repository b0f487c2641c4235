/* The channel between a client and the exchange: whatever way the bytes are cut, frames arrive
 * whole and in order, and nothing a peer sends is taken for more than it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <sodium.h>

#include "protocol/channel.h"
#include "protocol/endian.h"
#include "protocol/status.h"
#include "tests/random.h"

static uint64_t seed;
static uint8_t client_secret[32], client_key[32], server_secret[32], server_key[32];

struct ends {
    struct channel *client;
    struct channel *server;
};

static struct ends ends_new(void)
{
    struct ends e = {channel_new_initiator(client_secret, server_key, NULL),
                     channel_new_responder(server_secret, NULL)};
    assert_non_null(e.client);
    assert_non_null(e.server);
    return e;
}

static void ends_free(struct ends *e)
{
    channel_free(e->client);
    channel_free(e->server);
}

/* Carries what waits from one end to the other, `piece` bytes at a time, while they are taken. */
static int carry(struct channel *from, struct channel *to, size_t piece)
{
    int status = STATUS_OK;
    size_t length;
    const uint8_t *bytes = channel_output(from, &length);
    while (length > 0 && status == STATUS_OK) {
        size_t n = length < piece ? length : piece;
        status = channel_receive(to, bytes, n);
        if (status != STATUS_OK)
            break;
        channel_output_consumed(from, n);
        bytes = channel_output(from, &length);
    }
    return status;
}

static void shake_hands(struct ends *e, size_t piece)
{
    for (int i = 0; i < 4; i++) {
        assert_int_equal(carry(e->client, e->server, piece), 0);
        assert_int_equal(carry(e->server, e->client, piece), 0);
    }
    assert_true(channel_established(e->client));
    assert_true(channel_established(e->server));
}

static void expect_frame(struct channel *c, const void *body, size_t length)
{
    const uint8_t *got = NULL;
    size_t got_length = 0;
    assert_int_equal(channel_next_frame(c, &got, &got_length), 0);
    assert_int_equal(got_length, length);
    assert_memory_equal(got, body, length);
}

static void expect_no_frame(struct channel *c)
{
    const uint8_t *got = NULL;
    size_t length = 0;
    assert_int_equal(channel_next_frame(c, &got, &length), STATUS_MORE);
}

static void test_handshake_in_any_pieces(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 80; piece += piece < 20 ? 1 : 7) {
        struct ends e = ends_new();
        assert_null(channel_peer_key(e.server));
        assert_int_equal(channel_send(e.client, "x", 1), STATUS_MISUSE);
        shake_hands(&e, piece);
        assert_memory_equal(channel_peer_key(e.server), client_key, 32);
        assert_memory_equal(channel_peer_key(e.client), server_key, 32);
        assert_int_equal(channel_peer_version(e.client), CHANNEL_VERSION);
        assert_int_equal(channel_send(e.client, "ping", 4), 0);
        assert_int_equal(carry(e.client, e.server, piece), 0);
        expect_frame(e.server, "ping", 4);
        expect_no_frame(e.server);
        assert_int_equal(channel_send(e.server, "pong!", 5), 0);
        assert_int_equal(carry(e.server, e.client, piece), 0);
        expect_frame(e.client, "pong!", 5);
        assert_true(channel_at_boundary(e.client) && channel_at_boundary(e.server));
        ends_free(&e);
    }
}

static void test_wire_is_as_documented(void **state)
{
    (void)state;
    struct ends e = ends_new();
    size_t length;
    const uint8_t *bytes = channel_output(e.client, &length);
    assert_int_equal(length, 8);
    assert_memory_equal(bytes, "BOURSE\0\1", 8);
    bytes = channel_output(e.server, &length);
    assert_int_equal(length, 8);
    assert_memory_equal(bytes, "BOURSE\0\1", 8);
    /* The preambles cross; then three messages with lengths before them. */
    assert_int_equal(carry(e.client, e.server, 8), 0);
    assert_int_equal(carry(e.server, e.client, 8), 0);
    bytes = channel_output(e.client, &length);
    assert_int_equal(length, 2 + 48);
    assert_int_equal(get_u16_be(bytes), 48);
    assert_int_equal(carry(e.client, e.server, 50), 0);
    bytes = channel_output(e.server, &length);
    assert_int_equal(length, 2 + 48);
    assert_int_equal(carry(e.server, e.client, 50), 0);
    bytes = channel_output(e.client, &length);
    assert_int_equal(length, 2 + 64);
    assert_int_equal(carry(e.client, e.server, 66), 0);
    assert_int_equal(channel_send(e.client, "abc", 3), 0);
    bytes = channel_output(e.client, &length);
    assert_int_equal(length, 2 + 4 + 3 + 16);
    assert_int_equal(get_u16_be(bytes), 4 + 3 + 16);
    ends_free(&e);
}

/* Ends whose Noise states a test may drive by hand: a peer that does not keep to the rules. */
struct rogue {
    struct channel *victim;
    struct noise noise;
};

static struct rogue rogue_new(void)
{
    static const uint8_t prologue[] = "BOURSE\0\1BOURSE\0\1";
    struct rogue r = {.victim = channel_new_responder(server_secret, NULL)};
    noise_init_initiator(&r.noise, client_secret, server_key, prologue, 16, NULL);
    uint8_t message[2 + 64];
    assert_int_equal(channel_receive(r.victim, "BOURSE\0\1", 8), 0);
    put_u16_be(message, 48);
    assert_int_equal(noise_handshake_write(&r.noise, NULL, 0, message + 2), 0);
    assert_int_equal(channel_receive(r.victim, message, 50), 0);
    size_t length;
    const uint8_t *bytes = channel_output(r.victim, &length);
    assert_int_equal(length, 8 + 50);
    assert_int_equal(noise_handshake_read(&r.noise, bytes + 10, 48, NULL), 0);
    put_u16_be(message, 64);
    assert_int_equal(noise_handshake_write(&r.noise, NULL, 0, message + 2), 0);
    assert_int_equal(channel_receive(r.victim, message, 66), 0);
    assert_true(channel_established(r.victim));
    return r;
}

/* One Noise message with this plaintext. */
static int rogue_say(struct rogue *r, const void *plaintext, size_t length)
{
    static uint8_t message[2 + NOISE_MESSAGE_BYTES_MAX];
    assert_int_equal(noise_encrypt(&r->noise, plaintext, length, message + 2), 0);
    put_u16_be(message, (uint16_t)(length + NOISE_TAG_BYTES));
    return channel_receive(r->victim, message, 2 + length + NOISE_TAG_BYTES);
}

static void test_frames_and_messages_need_not_align(void **state)
{
    (void)state;
    struct rogue r = rogue_new();
    assert_int_equal(rogue_say(&r, "\0\0\0", 3), 0); /* the header in two parts */
    expect_no_frame(r.victim);
    assert_false(channel_at_boundary(r.victim));
    assert_int_equal(rogue_say(&r, "\3ab", 3), 0);
    expect_no_frame(r.victim);
    assert_int_equal(rogue_say(&r, "c\0\0\0\1d\0\0\0\2ef\0", 13), 0);
    expect_frame(r.victim, "abc", 3);
    /* What came in the meantime waits behind the frames that were not taken. */
    assert_int_equal(rogue_say(&r, "\0\0\1g", 4), 0);
    expect_frame(r.victim, "d", 1);
    expect_frame(r.victim, "ef", 2);
    expect_frame(r.victim, "g", 1);
    expect_no_frame(r.victim);
    assert_true(channel_at_boundary(r.victim));
    channel_free(r.victim);
}

static void test_bad_frames_are_refused(void **state)
{
    (void)state;
    struct rogue r = rogue_new();
    uint8_t header[4];
    put_u32_be(header, FRAME_BYTES_MAX + 1);
    assert_int_equal(rogue_say(&r, header, 4), STATUS_LIMIT);
    assert_int_equal(channel_status(r.victim), STATUS_LIMIT);
    channel_free(r.victim);

    r = rogue_new();
    assert_int_equal(rogue_say(&r, "\0\0\0\0", 4), STATUS_MALFORMED);
    channel_free(r.victim);

    r = rogue_new(); /* a Noise message that carries nothing */
    assert_int_equal(rogue_say(&r, "", 0), STATUS_MALFORMED);
    channel_free(r.victim);

    /* Frames before the fault still count, nothing after it does, and it stays failed. */
    r = rogue_new();
    assert_int_equal(rogue_say(&r, "\0\0\0\1a\0\0\0\1b\0\0\0\0", 14), 0);
    expect_frame(r.victim, "a", 1);
    expect_frame(r.victim, "b", 1);
    const uint8_t *body;
    size_t length;
    assert_int_equal(channel_next_frame(r.victim, &body, &length), STATUS_MALFORMED);
    assert_int_equal(channel_next_frame(r.victim, &body, &length), STATUS_MALFORMED);
    assert_int_equal(channel_send(r.victim, "x", 1), STATUS_MALFORMED);
    assert_int_equal(rogue_say(&r, "\0\0\0\1c", 5), STATUS_MALFORMED);
    assert_memory_equal(channel_peer_key(r.victim), client_key, 32);
    channel_free(r.victim);
}

static void test_claimed_length_is_not_believed(void **state)
{
    (void)state;
    struct rogue r = rogue_new();
    uint8_t header[5];
    put_u32_be(header, FRAME_BYTES_MAX);
    header[4] = 'x';
    assert_int_equal(rogue_say(&r, header, 5), 0);
    expect_no_frame(r.victim);
    assert_true(channel_memory(r.victim) < 8192);
    channel_free(r.victim);
}

static void test_memory_follows_what_is_there(void **state)
{
    (void)state;
    static uint8_t body[FRAME_BYTES_MAX];
    struct ends e = ends_new();
    shake_hands(&e, 1000);
    assert_true(channel_memory(e.server) < 8192);
    assert_int_equal(channel_send(e.client, body, sizeof(body)), 0);
    assert_int_equal(carry(e.client, e.server, 65536), 0);
    assert_true(channel_memory(e.server) < 2 * (FRAME_BYTES_MAX + 2 * 65536));
    expect_frame(e.server, body, sizeof(body));
    expect_no_frame(e.server);
    /* Neither end keeps the room of its largest frame for ever. */
    assert_true(channel_memory(e.server) < 3 * 256 * 1024 + 8192);
    assert_true(channel_memory(e.client) < 3 * 256 * 1024 + 8192);
    ends_free(&e);
}

static void test_versions(void **state)
{
    (void)state;
    struct ends e = ends_new();
    assert_int_equal(channel_receive(e.client, "BOURSE\0\2", 8), STATUS_VERSION);
    assert_int_equal(channel_peer_version(e.client), 2);
    /* The peer still learns our version. */
    size_t length;
    const uint8_t *bytes = channel_output(e.client, &length);
    assert_int_equal(length, 8);
    assert_memory_equal(bytes, "BOURSE\0\1", 8);
    assert_int_equal(channel_receive(e.client, "BOURSE\0\1", 8), STATUS_VERSION);
    /* A stranger is told by its first byte. */
    assert_int_equal(channel_receive(e.server, "GET / HTTP/1.1\r\n", 1), STATUS_MALFORMED);
    ends_free(&e);
}

static void test_wrong_server_key(void **state)
{
    (void)state;
    struct channel *client = channel_new_initiator(client_secret, client_key, NULL);
    struct channel *server = channel_new_responder(server_secret, NULL);
    assert_int_equal(carry(client, server, 1000), 0);
    assert_int_equal(carry(server, client, 1000), 0);
    assert_int_equal(carry(client, server, 1000), STATUS_FORGED);
    assert_null(channel_peer_key(server));
    channel_free(client);
    channel_free(server);
}

static void test_changed_bytes_are_noticed(void **state)
{
    (void)state;
    /* Every byte the client sends in a whole conversation, one at a time. */
    for (size_t at = 0; at < 8 + 50 + 66 + 25; at++) {
        struct ends e = ends_new();
        size_t sent = 0;
        int status = STATUS_OK;
        bool said = false;
        for (int round = 0; round < 6 && status == STATUS_OK; round++) {
            if (channel_established(e.client) && !said) {
                said = true;
                assert_int_equal(channel_send(e.client, "abc", 3), 0);
            }
            size_t length;
            uint8_t copy[256];
            const uint8_t *bytes = channel_output(e.client, &length);
            if (length > 0)
                memcpy(copy, bytes, length);
            if (at >= sent && at < sent + length)
                copy[at - sent] ^= 0x10;
            sent += length;
            channel_output_consumed(e.client, length);
            status = channel_receive(e.server, copy, length);
            if (status == STATUS_OK)
                status = carry(e.server, e.client, 1000);
        }
        const uint8_t *body;
        size_t length;
        int got = channel_next_frame(e.server, &body, &length);
        /* A length that grew makes the server wait; everything else is an error at once. */
        assert_true(status != STATUS_OK || got == STATUS_MORE);
        assert_true(got != STATUS_OK);
        ends_free(&e);
    }
}

static void test_messages_out_of_order(void **state)
{
    (void)state;
    struct ends e = ends_new();
    shake_hands(&e, 1000);
    assert_int_equal(channel_send(e.client, "first", 5), 0);
    assert_int_equal(channel_send(e.client, "later", 5), 0);
    size_t length;
    const uint8_t *bytes = channel_output(e.client, &length);
    assert_int_equal(length, 2 * 27);
    assert_int_equal(channel_receive(e.server, bytes + 27, 27), STATUS_FORGED);
    ends_free(&e);
}

static void test_truncated_stream_gives_no_frame(void **state)
{
    (void)state;
    for (size_t cut = 0; cut < 27; cut++) {
        struct ends e = ends_new();
        shake_hands(&e, 1000);
        assert_int_equal(channel_send(e.client, "whole", 5), 0);
        size_t length;
        const uint8_t *bytes = channel_output(e.client, &length);
        assert_int_equal(channel_receive(e.server, bytes, cut), 0);
        expect_no_frame(e.server);
        assert_int_equal(channel_at_boundary(e.server), cut == 0);
        assert_int_equal(channel_receive(e.server, bytes + cut, length - cut), 0);
        expect_frame(e.server, "whole", 5);
        ends_free(&e);
    }
}

static void test_sizes_around_every_edge(void **state)
{
    (void)state;
    static uint8_t body[FRAME_BYTES_MAX + 1];
    for (size_t i = 0; i < sizeof(body); i++)
        body[i] = (uint8_t)(i * 31 + i / 251);
    const size_t sizes[] = {1,
                            2,
                            NOISE_PLAINTEXT_BYTES_MAX - 5,
                            NOISE_PLAINTEXT_BYTES_MAX - 4,
                            NOISE_PLAINTEXT_BYTES_MAX - 3,
                            NOISE_PLAINTEXT_BYTES_MAX,
                            2 * NOISE_PLAINTEXT_BYTES_MAX - 4,
                            2 * NOISE_PLAINTEXT_BYTES_MAX - 3,
                            FRAME_BYTES_MAX - 1,
                            FRAME_BYTES_MAX};
    struct ends e = ends_new();
    shake_hands(&e, 1000);
    assert_int_equal(channel_send(e.client, body, 0), STATUS_MISUSE);
    assert_int_equal(channel_send(e.client, body, FRAME_BYTES_MAX + 1), STATUS_LIMIT);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_int_equal(channel_send(e.client, body, sizes[i]), 0);
        assert_int_equal(carry(e.client, e.server, 65536), 0);
        expect_frame(e.server, body, sizes[i]);
        expect_no_frame(e.server);
    }
    ends_free(&e);
}

static void test_slow_taker_is_bounded(void **state)
{
    (void)state;
    static uint8_t body[60000];
    struct ends e = ends_new();
    shake_hands(&e, 1000);
    for (int i = 0; i < 40; i++) {
        body[0] = (uint8_t)i;
        assert_int_equal(channel_send(e.client, body, sizeof(body)), 0);
    }
    /* The server's user takes nothing: at some point the channel takes nothing either. */
    assert_int_equal(carry(e.client, e.server, 50000), STATUS_MISUSE);
    assert_int_equal(channel_status(e.server), 0);
    for (int i = 0; i < 40; i++) {
        const uint8_t *got;
        size_t length;
        int status = channel_next_frame(e.server, &got, &length);
        if (status == STATUS_MORE) {
            (void)carry(e.client, e.server, 50000);
            status = channel_next_frame(e.server, &got, &length);
        }
        assert_int_equal(status, 0);
        assert_int_equal(length, sizeof(body));
        assert_int_equal(got[0], i);
    }
    expect_no_frame(e.server);
    ends_free(&e);
}

/* Frames of random sizes both ways, cut at random, taken sooner or later. */
static void test_random_traffic(void **state)
{
    (void)state;
    random_state = seed;
    enum { FRAMES = 400, SIZE = 150000 };
    static uint8_t body[SIZE];
    struct ends e = ends_new();
    shake_hands(&e, 100);
    struct channel *ends[2] = {e.client, e.server};
    uint32_t sent[2] = {0, 0}, taken[2] = {0, 0}; /* by sender */
    while (taken[0] < FRAMES || taken[1] < FRAMES) {
        size_t from = random_below(2);
        struct channel *to = ends[1 - from];
        size_t length;
        const uint8_t *bytes = channel_output(ends[from], &length);
        if (sent[from] < FRAMES && length < 300000) {
            size_t n = 8 + random_below(random_below(4) == 0 ? SIZE - 8 : 500);
            memset(body, (int)(sent[from] & 0xff), n);
            put_u32_be(body, sent[from]++);
            put_u32_be(body + 4, (uint32_t)n);
            assert_int_equal(channel_send(ends[from], body, n), 0);
        }
        bytes = channel_output(ends[from], &length);
        size_t piece = length == 0 ? 0 : 1 + random_below(length);
        if (piece > 0 && channel_receive(to, bytes, piece) == STATUS_OK)
            channel_output_consumed(ends[from], piece);
        assert_int_equal(channel_status(to), 0);
        const uint8_t *got;
        while (random_below(8) > 0 && channel_next_frame(to, &got, &length) == 0) {
            assert_int_equal(get_u32_be(got), taken[from]);
            assert_int_equal(get_u32_be(got + 4), length);
            for (size_t i = 8; i < length; i++)
                assert_true(got[i] == (uint8_t)taken[from]);
            taken[from]++;
        }
    }
    ends_free(&e);
}

/* Random bytes and random changes of real ones: any error will do, but nothing worse. */
static void test_garbage(void **state)
{
    (void)state;
    random_state = seed;
    for (int i = 0; i < 2000; i++) {
        struct channel *c = channel_new_responder(server_secret, NULL);
        uint8_t bytes[300];
        for (size_t at = 0; at < sizeof(bytes); at++)
            bytes[at] = (uint8_t)random_next(&random_state);
        if (random_below(4) > 0)
            memcpy(bytes, "BOURSE\0\1\0\60", 10);
        for (size_t at = 0; at < sizeof(bytes);) {
            size_t n = 1 + random_below(sizeof(bytes) - at);
            (void)channel_receive(c, bytes + at, n);
            at += n;
        }
        assert_false(channel_established(c));
        assert_int_not_equal(channel_status(c), STATUS_OK);
        channel_free(c);

        struct rogue r = rogue_new();
        (void)channel_receive(r.victim, bytes + 10, 1 + random_below(280));
        const uint8_t *body;
        size_t length;
        assert_int_not_equal(channel_next_frame(r.victim, &body, &length), 0);
        channel_free(r.victim);
    }
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    seed = random_seed();
    randombytes_buf(client_secret, 32);
    randombytes_buf(server_secret, 32);
    crypto_scalarmult_base(client_key, client_secret);
    crypto_scalarmult_base(server_key, server_secret);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handshake_in_any_pieces),
        cmocka_unit_test(test_wire_is_as_documented),
        cmocka_unit_test(test_frames_and_messages_need_not_align),
        cmocka_unit_test(test_bad_frames_are_refused),
        cmocka_unit_test(test_claimed_length_is_not_believed),
        cmocka_unit_test(test_memory_follows_what_is_there),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_wrong_server_key),
        cmocka_unit_test(test_changed_bytes_are_noticed),
        cmocka_unit_test(test_messages_out_of_order),
        cmocka_unit_test(test_truncated_stream_gives_no_frame),
        cmocka_unit_test(test_sizes_around_every_edge),
        cmocka_unit_test(test_slow_taker_is_bounded),
        cmocka_unit_test(test_random_traffic),
        cmocka_unit_test(test_garbage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
