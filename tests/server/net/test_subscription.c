/* Who sees which events, resuming, and the end of a right to listen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/events.h"
#include "protocol/frames.h"
#include "protocol/merkle.h"
#include "protocol/status.h"
#include "server/net/subscription.h"

static char folder[] = "/tmp/bourse-subscription-XXXXXX";
static struct log_store *store;

static void append(const struct message *m, const void *body)
{
    struct buffer event = BUFFER_EMPTY;
    uint8_t nonce[EVENT_NONCE_BYTES] = {0};
    uint8_t leaf[32];
    buffer_append(&event, nonce, sizeof(nonce));
    message_encode_coded(m, body, &event);
    merkle_leaf_hash(event.data, event.length, leaf);
    assert_int_equal(log_store_append(store, event.data, event.length, leaf), STATUS_OK);
    assert_int_equal(log_store_publish(store), STATUS_OK);
    buffer_release(&event);
}

/* 0: public; 1: of account 2; 2: of accounts 2 and 3; 3: account 3 replaces its keys. */
static int setup(void **state)
{
    (void)state;
    uint8_t empty_root[32];
    struct merkle_frontier frontier;
    if (mkdtemp(folder) == NULL)
        return -1;
    merkle_frontier_init(&frontier);
    merkle_frontier_root(&frontier, empty_root);
    assert_int_equal(log_store_open(folder, 0, 0, empty_root, &store), STATUS_OK);
    struct ev_started started = {.time_s = 10, .clock_mode = CLOCK_MODE_REAL};
    append(&ev_started_message, &started);
    static const uint64_t input = 1;
    static const struct payment to_self = {2, 5}, to_other = {3, 5};
    struct ev_token_transferred transfer = {.time_s = 11,
                                            .by = 2,
                                            .series = 1,
                                            .inputs = {&input, 1},
                                            .token_first = 2,
                                            .outputs = {&to_self, 1}};
    append(&ev_token_transferred_message, &transfer);
    transfer.outputs.items = &to_other;
    append(&ev_token_transferred_message, &transfer);
    struct ev_account_rekeyed rekeyed = {.time_s = 12, .by = 3, .account = 3};
    append(&ev_account_rekeyed_message, &rekeyed);
    return 0;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

static int teardown(void **state)
{
    (void)state;
    log_store_close(store);
    return nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* Steps once; how many events the frame has, and their indexes. -1: there was no frame. */
static int step(struct subscription *s, uint64_t size, uint64_t indexes[8], int *status_out)
{
    struct buffer frame = BUFFER_EMPTY;
    int count = -1;
    *status_out = subscription_step(s, store, size, &frame);
    if (frame.length > 0) {
        struct arena arena = ARENA_EMPTY;
        struct decode_error error;
        const struct message *message;
        const void *body;
        assert_int_equal(message_decode_coded(&frame_set, frame.data, frame.length, &arena,
                                              &message, &body, &error),
                         STATUS_OK);
        const struct frame_events *events = body;
        assert_int_equal(events->next, s->next);
        count = (int)events->events.count;
        for (int i = 0; i < count && i < 8; i++)
            indexes[i] = events->events.items[i].index;
        arena_release(&arena);
    }
    buffer_release(&frame);
    return count;
}

static void each_sees_what_it_may(void **state)
{
    (void)state;
    uint64_t at[8];
    int status;
    struct subscription stranger = {.seq = 1};
    assert_int_equal(step(&stranger, 4, at, &status), 1);
    assert_int_equal(at[0], 0);
    struct subscription payer = {.seq = 1, .account = 2};
    assert_int_equal(step(&payer, 4, at, &status), 3);
    assert_int_equal(at[2], 2);
    struct subscription payee = {.seq = 1, .account = 3, .since = 4};
    assert_int_equal(step(&payee, 4, at, &status), 3);
    assert_int_equal(at[1], 2);
    assert_int_equal(at[2], 3);
    struct subscription auditor = {.seq = 1, .account = 9, .sees_all = true};
    assert_int_equal(step(&auditor, 4, at, &status), 4);
}

static void shows_nothing_that_is_not_published(void **state)
{
    (void)state;
    uint64_t at[8];
    int status;
    struct subscription auditor = {.seq = 1, .sees_all = true};
    assert_int_equal(step(&auditor, 2, at, &status), 2);
    assert_int_equal(auditor.next, 2);
    /* Caught up: silence until there is more. */
    assert_int_equal(step(&auditor, 2, at, &status), -1);
    assert_int_equal(step(&auditor, 4, at, &status), 2);
    assert_int_equal(at[0], 2);
}

static void resumes_without_a_gap(void **state)
{
    (void)state;
    uint64_t at[8];
    int status;
    struct subscription s = {.seq = 1, .account = 2, .next = 2};
    assert_int_equal(step(&s, 4, at, &status), 1);
    assert_int_equal(at[0], 2);
}

static void tells_once_that_the_end_was_reached(void **state)
{
    (void)state;
    uint64_t at[8];
    int status;
    struct subscription s = {.seq = 1, .account = 2, .next = 4};
    assert_int_equal(step(&s, 4, at, &status), 0);
    assert_int_equal(step(&s, 4, at, &status), -1);
}

static void ends_when_the_account_replaces_its_keys(void **state)
{
    (void)state;
    uint64_t at[8];
    int status;
    struct subscription s = {.seq = 1, .account = 3, .peer_key = {1}};
    step(&s, 4, at, &status);
    assert_int_equal(status, STATUS_EXPIRED);
    /* With the new key (zero here), or for what lies before the subscription, it goes on. */
    struct subscription renewed = {.seq = 1, .account = 3};
    step(&renewed, 4, at, &status);
    assert_int_equal(status, STATUS_OK);
    struct subscription later = {.seq = 1, .account = 3, .peer_key = {1}, .since = 4};
    step(&later, 4, at, &status);
    assert_int_equal(status, STATUS_OK);
}

/* 4: a further key of account 3 is removed; 5: public, at second 50. */
static void ends_when_the_further_key_does(void **state)
{
    (void)state;
    uint64_t at[8];
    int status;
    struct ev_account_key_removed removed = {.time_s = 20, .by = 3, .account = 3, .sign_key = {5}};
    append(&ev_account_key_removed_message, &removed);
    struct ev_started started = {.time_s = 50, .clock_mode = CLOCK_MODE_REAL};
    append(&ev_started_message, &started);
    const struct subscription bot = {
        .seq = 1, .account = 3, .peer_key = {2}, .is_further = true, .sign_key = {5}};
    struct subscription s = bot;
    /* That the account has replaced its main key is nothing to it. */
    assert_int_equal(step(&s, 4, at, &status), 3);
    assert_int_equal(status, STATUS_OK);
    step(&s, 6, at, &status);
    assert_int_equal(status, STATUS_EXPIRED);
    /* Another key of the account goes on, and so does one that was added again later. */
    s = bot;
    s.sign_key[0] = 6;
    assert_int_equal(step(&s, 6, at, &status), 5);
    assert_int_equal(status, STATUS_OK);
    s = bot;
    s.since = 5;
    assert_int_equal(step(&s, 6, at, &status), 5);
    /* Nothing of the second at which it expires, and of later ones, is for it. */
    s = bot;
    s.sign_key[0] = 6;
    s.expires_s = 51;
    assert_int_equal(step(&s, 6, at, &status), 5);
    s = bot;
    s.sign_key[0] = 6;
    s.expires_s = 50;
    step(&s, 6, at, &status);
    assert_int_equal(status, STATUS_EXPIRED);
    /* The account's own key goes on. */
    struct subscription own = {.seq = 1, .account = 3, .since = 4};
    assert_int_equal(step(&own, 6, at, &status), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_sees_what_it_may),
        cmocka_unit_test(shows_nothing_that_is_not_published),
        cmocka_unit_test(resumes_without_a_gap),
        cmocka_unit_test(tells_once_that_the_end_was_reached),
        cmocka_unit_test(ends_when_the_account_replaces_its_keys),
        cmocka_unit_test(ends_when_the_further_key_does),
    };
    return cmocka_run_group_tests_name("subscription", tests, setup, teardown);
}
