/* libbourse against a real server, through its public header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <sodium.h>

#include "client/bourse.h"
#include "client/cli/spawn.h"

struct fixture {
    char folder[64];
    char key_file[96];
    char pin[PIN_TEXT_SIZE];
    struct spawn *server;
    struct bourse *b; /* the admin */
};

static struct fixture x;

static void expect_ok(int code, const struct bourse_error *error)
{
    if (code != BOURSE_OK)
        fail_msg("class %d: %s", code, error->message);
}

static int setup_group(void **state)
{
    char key[BOURSE_PUBLIC_KEY_BYTES];
    struct bourse_error error;
    struct buffer said = BUFFER_EMPTY;
    (void)state;
    strcpy(x.folder, "/tmp/bourse-library-XXXXXX");
    assert_non_null(mkdtemp(x.folder));
    snprintf(x.key_file, sizeof(x.key_file), "%s/key", x.folder);
    expect_ok(bourse_keygen(x.key_file, NULL, 0, key, &error), &error);
    struct spawn_options o = {.origin = "example.org/library", .manual_clock = true};
    assert_int_equal(keys_parse(key, &o.admin), 0);
    if (spawn_start(&o, &x.server, &said) != 0)
        fail_msg("%.*s", (int)said.length, (const char *)said.data);
    assert_int_equal(pin_print(spawn_pin(x.server), x.pin), 0);
    struct bourse_options options = {.server = spawn_address(x.server),
                                     .exchange = x.pin,
                                     .key_file = x.key_file,
                                     .state_folder = x.folder};
    expect_ok(bourse_open(&options, &x.b, &error), &error);
    buffer_release(&said);
    return 0;
}

static int teardown_group(void **state)
{
    char command[128];
    struct buffer said = BUFFER_EMPTY;
    (void)state;
    bourse_close(x.b);
    int status = spawn_stop(x.server, &said);
    spawn_free(x.server);
    buffer_release(&said);
    snprintf(command, sizeof(command), "rm -r %s", x.folder);
    return status != 0 || system(command) != 0;
}

static void submit(const char *operations)
{
    struct bourse_error error;
    char *reply = NULL;
    expect_ok(bourse_submit(x.b, operations, 0, &reply, &error), &error);
    assert_non_null(strstr(reply, "\"results\""));
    bourse_free(reply);
}

static void test_who_we_are(void **state)
{
    (void)state;
    assert_int_equal(bourse_account(x.b), 1);
    assert_true(bourse_time_s(x.b) > 0);
    assert_string_not_equal(bourse_version(), "");
}

static void test_submit_and_transfer(void **state)
{
    struct bourse_error error;
    struct bourse_outcome out;
    char *answer = NULL;
    (void)state;
    submit("[{\"operation\": \"series_create\", \"name\": \"s\", \"funder\": 1, \"expired_to\": 1,"
           "  \"transferable\": true},"
           " {\"operation\": \"mint\", \"series\": 1,"
           "  \"outputs\": [{\"account\": 1, \"amount_ucr\": \"10\"}]}]");
    uint64_t token = 1;
    struct bourse_payment outputs[] = {{1, 4000000}, {1, 6000000}};
    expect_ok(bourse_transfer(x.b, &token, 1, outputs, 2, &out, &error), &error);
    assert_int_equal(out.token_count, 2);
    assert_int_equal(out.token_first, 2);
    assert_int_equal(bourse_transfer(x.b, &token, 1, outputs, 2, &out, &error), BOURSE_REFUSED);
    assert_string_equal(error.refusal, "token_spent");
    assert_false(error.is_transient);
    expect_ok(bourse_query(x.b, "tokens", "{\"series\": 1}", &answer, &error), &error);
    assert_non_null(strstr(answer, "\"amount_ucr\":6000000"));
    bourse_free(answer);
}

static void test_refusals_and_misuse(void **state)
{
    struct bourse_error error;
    char *reply = NULL;
    (void)state;
    assert_int_equal(bourse_submit(x.b,
                                   "[{\"operation\": \"token_burn\", \"inputs\": [999]},"
                                   " {\"operation\": \"token_burn\", \"inputs\": [999]}]",
                                   BOURSE_ATOMIC, &reply, &error),
                     BOURSE_REFUSED);
    assert_non_null(strstr(reply, "batch_aborted"));
    bourse_free(reply);
    assert_int_equal(bourse_submit(x.b, "nonsense", 0, &reply, &error), BOURSE_USAGE);
    assert_null(reply);
    assert_int_equal(bourse_query(x.b, "nothing", NULL, &reply, NULL), BOURSE_USAGE);
    assert_int_equal(bourse_query(x.b, "tokens", "{\"colour\": 1}", &reply, &error), BOURSE_USAGE);
    assert_non_null(strstr(error.message, "colour"));
    assert_int_equal(bourse_redeem(x.b, "{}", NULL, &error), BOURSE_USAGE);
    assert_int_equal(bourse_meter(x.b, 5, 0, 1, NULL, &error), BOURSE_REFUSED);
    struct bourse *b = NULL;
    struct bourse_options options = {.server = "127.0.0.1:1",
                                     .exchange = x.pin,
                                     .key_file = x.key_file,
                                     .state_folder = x.folder,
                                     .retries = -1};
    assert_int_equal(bourse_open(&options, &b, &error), BOURSE_CONNECTION);
    assert_null(b);
    options.key_file = "/nonexistent/key";
    assert_int_equal(bourse_open(&options, &b, &error), BOURSE_LOCAL);
    options.exchange = "nonsense";
    assert_int_equal(bourse_open(&options, &b, &error), BOURSE_USAGE);
    char key[BOURSE_PUBLIC_KEY_BYTES];
    assert_int_equal(bourse_keygen(x.key_file, NULL, 0, key, &error), BOURSE_LOCAL);
}

struct seen {
    uint64_t last;
    int count;
    int stop_after;
};

static int on_event(void *context, uint64_t index, const char *name, const char *fields)
{
    struct seen *s = context;
    assert_true(s->count == 0 || index > s->last);
    assert_non_null(name);
    assert_int_equal(fields[0], '{');
    s->last = index;
    return ++s->count == s->stop_after;
}

static void test_events(void **state)
{
    struct bourse_error error;
    struct seen seen = {.stop_after = 2};
    uint64_t next = 0;
    (void)state;
    expect_ok(bourse_events(x.b, 0, 5000, on_event, &seen, &next, &error), &error);
    assert_int_equal(seen.count, 2);
    assert_int_equal(next, seen.last + 1);
}

static void test_receipts(void **state)
{
    struct bourse_error error;
    char *receipt = NULL;
    char *event = NULL;
    (void)state;
    expect_ok(bourse_receipt(x.b, 2, &receipt, &error), &error);
    expect_ok(bourse_verify(x.pin, receipt, strlen(receipt), &event, &error), &error);
    assert_non_null(strstr(event, "\"index\":2"));
    bourse_free(event);
    char *at = strstr(receipt, "index 2");
    at[6] = '3';
    assert_int_equal(bourse_verify(x.pin, receipt, strlen(receipt), &event, &error),
                     BOURSE_UNTRUSTED);
    assert_null(event);
    bourse_free(receipt);
    assert_int_equal(bourse_receipt(x.b, 1000000, &receipt, &error), BOURSE_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_we_are),
        cmocka_unit_test(test_submit_and_transfer),
        cmocka_unit_test(test_refusals_and_misuse),
        cmocka_unit_test(test_receipts),
        cmocka_unit_test(test_events),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, setup_group, teardown_group);
}
