/* What a client remembers of a log, and that a rewritten one is caught. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include <sodium.h>

#include "client/paths.h"
#include "client/trust.h"
#include "protocol/status.h"
#include "tests/client/fake_log.h"

static const uint64_t NOW_S = 1800000000;

struct fixture {
    struct fake_log log;
    char *folder;
};

static int setup(void **state)
{
    struct fixture *x = calloc(1, sizeof(*x));
    fake_log_init(&x->log, 7, NOW_S - 60);
    x->folder = scratch_make();
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *x = *state;
    scratch_remove(x->folder);
    free(x);
    return 0;
}

/* Opens what is kept, shows it the head of `size` leaves with its proof, and closes it. */
static int visit(struct fixture *x, uint64_t size, struct trust_error *error)
{
    struct trust t;
    struct buffer note = BUFFER_EMPTY;
    struct buffer proof = BUFFER_EMPTY;
    assert_int_equal(trust_load(&t, x->folder, &x->log.pin, error), STATUS_OK);
    fake_log_head(&x->log, size, &note);
    size_t count = t.size > 0 ? fake_log_proof(&x->log, t.size, size, &proof) : 0;
    int status = trust_advance(&t, note.data, note.length, proof.data, count, NOW_S, error);
    trust_release(&t);
    buffer_release(&note);
    buffer_release(&proof);
    return status;
}

static uint64_t kept_size(struct fixture *x)
{
    struct trust t;
    struct trust_error error;
    assert_int_equal(trust_load(&t, x->folder, &x->log.pin, &error), STATUS_OK);
    uint64_t size = t.size;
    trust_release(&t);
    return size;
}

static void test_growing_log_is_followed(void **state)
{
    struct fixture *x = *state;
    struct trust_error error;
    static const uint64_t sizes[] = {1, 1, 2, 3, 7, 8, 8, 100};
    assert_int_equal(kept_size(x), 0);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_int_equal(visit(x, sizes[i], &error), STATUS_OK);
        assert_int_equal(kept_size(x), sizes[i]);
    }
}

/* The path of the only file of evidence, or NULL. */
static char *evidence_of(struct fixture *x, const char *text)
{
    const char *begin = strstr(text, x->folder);
    if (begin == NULL)
        return NULL;
    return strndup(begin, strcspn(begin, "\n"));
}

static void expect_fork(struct fixture *x, uint64_t size)
{
    struct trust_error error;
    uint64_t before = kept_size(x);
    assert_int_equal(visit(x, size, &error), STATUS_FORKED);
    assert_non_null(strstr(error.text, "REWRITTEN"));
    assert_non_null(strstr(error.text, x->log.pin.origin));
    assert_int_equal(kept_size(x), before);
    char *file = evidence_of(x, error.text);
    assert_non_null(file);
    struct buffer evidence = BUFFER_EMPTY;
    assert_int_equal(paths_read(file, 1 << 20, &evidence), STATUS_OK);
    buffer_append(&evidence, "", 1);
    const char *text = (const char *)evidence.data;
    assert_non_null(strstr(text, "Seen before"));
    assert_non_null(strstr(strstr(text, "Shown now"), x->log.pin.origin));
    buffer_release(&evidence);
    free(file);
}

static void test_rewritten_history_is_caught(void **state)
{
    struct fixture *x = *state;
    struct trust_error error;
    assert_int_equal(visit(x, 10, &error), STATUS_OK);
    x->log.rewritten_from = 4;
    expect_fork(x, 12);
    expect_fork(x, 10); /* the same size, another root */
    expect_fork(x, 11); /* and again: it does not wear off */
    x->log.rewritten_from = UINT64_MAX;
    assert_int_equal(visit(x, 12, &error), STATUS_OK);
}

static void test_shorter_log_is_caught(void **state)
{
    struct fixture *x = *state;
    struct trust_error error;
    assert_int_equal(visit(x, 10, &error), STATUS_OK);
    expect_fork(x, 9);
    expect_fork(x, 0);
}

static void test_only_what_was_seen_binds(void **state)
{
    struct fixture *x = *state;
    struct trust_error error;
    assert_int_equal(visit(x, 10, &error), STATUS_OK);
    x->log.rewritten_from = 10; /* nobody has seen those yet */
    assert_int_equal(visit(x, 12, &error), STATUS_OK);
}

static void test_heads_of_others_are_refused(void **state)
{
    struct fixture *x = *state;
    struct trust t;
    struct trust_error error;
    struct fake_log other;
    struct buffer note = BUFFER_EMPTY;
    fake_log_init(&other, 8, NOW_S - 60);
    fake_log_head(&other, 5, &note);
    assert_int_equal(trust_load(&t, NULL, &x->log.pin, &error), STATUS_OK);
    assert_int_equal(trust_advance(&t, note.data, note.length, NULL, 0, NOW_S, &error),
                     STATUS_FORGED);
    assert_int_equal(t.size, 0);
    buffer_clear(&note);
    fake_log_head(&x->log, 5, &note);
    /* Outside the certificate's window, before and after it. */
    assert_int_equal(trust_advance(&t, note.data, note.length, NULL, 0, NOW_S - 100, &error),
                     STATUS_EXPIRED);
    assert_int_equal(
        trust_advance(&t, note.data, note.length, NULL, 0, NOW_S + 11 * UINT64_C(31536000), &error),
        STATUS_EXPIRED);
    for (size_t i = 0; i < note.length; i++) {
        note.data[i] ^= 1;
        assert_int_not_equal(trust_advance(&t, note.data, note.length, NULL, 0, NOW_S, &error),
                             STATUS_OK);
        note.data[i] ^= 1;
        assert_int_not_equal(trust_advance(&t, note.data, i, NULL, 0, NOW_S, &error), STATUS_OK);
    }
    assert_int_equal(trust_advance(&t, note.data, note.length, NULL, 0, NOW_S, &error), STATUS_OK);
    trust_release(&t);
    buffer_release(&note);
}

static void test_damaged_memory_is_reported(void **state)
{
    struct fixture *x = *state;
    struct trust t;
    struct trust_error error;
    char id[65];
    assert_int_equal(visit(x, 10, &error), STATUS_OK);
    sodium_bin2hex(id, sizeof(id), x->log.pin.exchange_id, 32);
    char *folder = paths_join(x->folder, id);
    char *file = scratch_file(folder, "checkpoint", "example.org/fake\n11\nAAAA\n");
    assert_int_equal(trust_load(&t, x->folder, &x->log.pin, &error), STATUS_DAMAGED);
    assert_non_null(strstr(error.text, file));
    free(file);
    free(folder);
}

/* Two clients at once: the later head stays, whoever writes last. */
static void test_the_later_head_stays(void **state)
{
    struct fixture *x = *state;
    struct trust slow;
    struct trust_error error;
    struct buffer note = BUFFER_EMPTY;
    struct buffer proof = BUFFER_EMPTY;
    assert_int_equal(visit(x, 10, &error), STATUS_OK);
    assert_int_equal(trust_load(&slow, x->folder, &x->log.pin, &error), STATUS_OK);
    fake_log_head(&x->log, 11, &note);
    size_t count = fake_log_proof(&x->log, 10, 11, &proof);
    assert_int_equal(visit(x, 20, &error), STATUS_OK);
    assert_int_equal(trust_advance(&slow, note.data, note.length, proof.data, count, NOW_S, &error),
                     STATUS_OK);
    assert_int_equal(kept_size(x), 20);
    trust_release(&slow);
    buffer_release(&note);
    buffer_release(&proof);
}

static void test_without_a_folder(void **state)
{
    struct fixture *x = *state;
    struct trust t;
    struct trust_error error;
    struct buffer note = BUFFER_EMPTY;
    assert_int_equal(trust_load(&t, NULL, &x->log.pin, &error), STATUS_OK);
    fake_log_head(&x->log, 10, &note);
    assert_int_equal(trust_advance(&t, note.data, note.length, NULL, 0, NOW_S, &error), STATUS_OK);
    buffer_clear(&note);
    fake_log_head(&x->log, 9, &note);
    assert_int_equal(trust_advance(&t, note.data, note.length, NULL, 0, NOW_S, &error),
                     STATUS_FORKED);
    trust_release(&t);
    buffer_release(&note);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_growing_log_is_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rewritten_history_is_caught, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shorter_log_is_caught, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_what_was_seen_binds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_heads_of_others_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged_memory_is_reported, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_later_head_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_a_folder, setup, teardown),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
