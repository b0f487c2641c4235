/* A server of one's own: found, started, ended, cleaned up; and what is said when it is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "client/cli/spawn.h"
#include "client/connection.h"
#include "protocol/status.h"

/* A folder with a program `boursed` in it that does what a script says. */
struct fake {
    char folder[64];
    char program[96];
    char *path_before;
};

static int setup(void **state)
{
    struct fake *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    const char *base = getenv("TMPDIR");
    snprintf(f->folder, sizeof(f->folder), "%.40s/bourse-XXXXXX", base == NULL ? "/tmp" : base);
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->program, sizeof(f->program), "%s/boursed", f->folder);
    f->path_before = strdup(getenv("PATH"));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fake *f = *state;
    unsetenv("BOURSE_BOURSED");
    setenv("PATH", f->path_before, 1);
    unlink(f->program);
    rmdir(f->folder);
    free(f->path_before);
    free(f);
    return 0;
}

static void fake_write(struct fake *f, const char *script)
{
    FILE *file = fopen(f->program, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\n%s\n", script);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(f->program, 0700), 0);
    setenv("BOURSE_BOURSED", f->program, 1);
}

static struct spawn_options fake_options(const struct fake *f)
{
    struct keys keys;
    uint8_t seed[KEYS_SEED_BYTES] = {1};
    struct spawn_options o = {.origin = "test.invalid/bourse", .parent = f->folder};
    keys_from_seed(&keys, seed);
    keys_get_public(&keys, &o.admin);
    return o;
}

/* Folders beside the program in the fake's folder: there should be none. */
static void assert_folder_clean(const struct fake *f)
{
    char command[128];
    snprintf(command, sizeof(command), "test \"$(ls %s)\" = boursed", f->folder);
    assert_int_equal(system(command), 0);
}

/* A pin line as the server would print it. */
static void pin_set(void)
{
    struct pin pin = {.origin = "test.invalid/bourse", .exchange_id = {1}, .root = {2}};
    char text[PIN_TEXT_SIZE];
    assert_int_equal(pin_print(&pin, text), STATUS_OK);
    setenv("FAKE_PIN", text, 1);
}

#define RUNS                                                                                       \
    "case $1 in init) mkdir \"$3\";; "                                                             \
    "run) trap 'exit 0' TERM; echo \"exchange $FAKE_PIN\"; echo 'listening on 127.0.0.1:4242'; "   \
    "while :; do sleep 0.01; done;; "

static void starts_and_stops(void **state)
{
    struct fake *f = *state;
    struct buffer error = BUFFER_EMPTY;
    struct spawn *s = NULL;
    pin_set();
    fake_write(f, RUNS "check) echo all well;; esac");
    struct spawn_options o = fake_options(f);
    assert_int_equal(spawn_start(&o, &s, &error), STATUS_OK);
    assert_string_equal(spawn_address(s), "127.0.0.1:4242");
    assert_string_equal(spawn_pin(s)->origin, "test.invalid/bourse");
    pid_t pid = spawn_pid(s);
    assert_int_equal(kill(pid, 0), 0);
    assert_int_equal(access(spawn_data(s), F_OK), 0);
    assert_int_equal(spawn_stop(s, &error), STATUS_OK);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(spawn_stop(s, &error), STATUS_CLOSED);
    assert_int_equal(spawn_check(s, &error), STATUS_OK);
    spawn_free(s);
    assert_folder_clean(f);
    buffer_release(&error);
}

static void frees_a_server_that_runs(void **state)
{
    struct fake *f = *state;
    struct buffer error = BUFFER_EMPTY;
    struct spawn *s = NULL;
    pin_set();
    fake_write(f, RUNS "esac");
    struct spawn_options o = fake_options(f);
    assert_int_equal(spawn_start(&o, &s, &error), STATUS_OK);
    pid_t pid = spawn_pid(s);
    spawn_free(s);
    assert_int_equal(kill(pid, 0), -1);
    assert_folder_clean(f);
    buffer_release(&error);
}

static void keeps_the_folder(void **state)
{
    struct fake *f = *state;
    struct buffer error = BUFFER_EMPTY;
    struct spawn *s = NULL;
    char keep[128];
    char command[160];
    pin_set();
    fake_write(f, RUNS "esac");
    struct spawn_options o = fake_options(f);
    snprintf(keep, sizeof(keep), "%s/keep", f->folder);
    o.keep = keep;
    assert_int_equal(spawn_start(&o, &s, &error), STATUS_OK);
    spawn_free(s);
    assert_int_equal(access(keep, F_OK), 0);
    /* A second run does not touch what is there. */
    assert_int_equal(spawn_start(&o, &s, &error), STATUS_EXISTS);
    assert_null(s);
    snprintf(command, sizeof(command), "rm -r %s", keep);
    assert_int_equal(system(command), 0);
    buffer_release(&error);
}

/* What a server that does not work makes of it, and the words that must be in the error. */
static const struct {
    const char *script;
    int status;
    const char *said;
} broken[] = {
    {"echo no room >&2; exit 1", STATUS_IO, "init failed; it said:\nno room"},
    {"case $1 in init) ;; *) echo address in use >&2; exit 1;; esac", STATUS_CLOSED,
     "ended before it listened; it said:\naddress in use"},
    {"case $1 in init) ;; *) echo listening on 127.0.0.1:1; exec sleep 100;; esac",
     STATUS_MALFORMED, "no line to pin"},
};

static void says_what_went_wrong(void **state)
{
    struct fake *f = *state;
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct buffer error = BUFFER_EMPTY;
        struct spawn *s = NULL;
        fake_write(f, broken[i].script);
        struct spawn_options o = fake_options(f);
        int status = spawn_start(&o, &s, &error);
        buffer_append(&error, "", 1);
        if (status != broken[i].status || strstr((char *)error.data, broken[i].said) == NULL)
            fail_msg("row %zu: status %d, said: %s", i, status, (char *)error.data);
        assert_null(s);
        assert_folder_clean(f);
        buffer_release(&error);
    }
}

static void reports_what_a_check_finds(void **state)
{
    struct fake *f = *state;
    struct buffer error = BUFFER_EMPTY;
    struct spawn *s = NULL;
    pin_set();
    fake_write(f, RUNS "check) echo series 1 does not add up; exit 1;; esac");
    struct spawn_options o = fake_options(f);
    assert_int_equal(spawn_start(&o, &s, &error), STATUS_OK);
    assert_int_equal(spawn_stop(s, &error), STATUS_OK);
    assert_int_equal(spawn_check(s, &error), STATUS_DAMAGED);
    buffer_append(&error, "", 1);
    assert_non_null(strstr((char *)error.data, "series 1 does not add up"));
    spawn_free(s);
    buffer_release(&error);
}

static void notices_a_server_that_ended(void **state)
{
    struct fake *f = *state;
    struct buffer error = BUFFER_EMPTY;
    struct spawn *s = NULL;
    pin_set();
    fake_write(f, "case $1 in init) ;; *) echo disk full >&2; echo \"exchange $FAKE_PIN\"; "
                  "echo 'listening on 127.0.0.1:4242'; exit 3;; esac");
    struct spawn_options o = fake_options(f);
    assert_int_equal(spawn_start(&o, &s, &error), STATUS_OK);
    assert_int_equal(spawn_stop(s, &error), STATUS_CLOSED);
    buffer_append(&error, "", 1);
    assert_non_null(strstr((char *)error.data, "disk full"));
    spawn_free(s);
    buffer_release(&error);
}

static void finds_the_program(void **state)
{
    struct fake *f = *state;
    struct buffer error = BUFFER_EMPTY;
    char path[PATH_MAX];
    fake_write(f, "exit 0");
    assert_int_equal(spawn_find(path, &error), STATUS_OK);
    assert_string_equal(path, f->program);
    setenv("BOURSE_BOURSED", "/nowhere/boursed", 1);
    assert_int_equal(spawn_find(path, &error), STATUS_NOT_FOUND);
    buffer_append(&error, "", 1);
    assert_non_null(strstr((char *)error.data, "/nowhere/boursed, which is not a program"));
    /* A folder of that name is none either. */
    setenv("BOURSE_BOURSED", f->folder, 1);
    assert_int_equal(spawn_find(path, &error), STATUS_NOT_FOUND);
    buffer_release(&error);
}

/* The server that was built, reached as a client reaches it. */
static void runs_the_real_server(void **state)
{
    struct fake *f = *state;
    struct buffer error = BUFFER_EMPTY;
    struct spawn *s = NULL;
    char path[PATH_MAX];
    if (spawn_find(path, &error) != STATUS_OK) {
        print_message("SKIPPED: there is no boursed to start\n");
        buffer_release(&error);
        skip();
    }
    struct keys keys;
    uint8_t seed[KEYS_SEED_BYTES] = {1};
    struct spawn_options o = fake_options(f);
    o.manual_clock = true;
    o.has_seed = true;
    o.seed = 7;
    if (spawn_start(&o, &s, &error) != STATUS_OK)
        fail_msg("%.*s", (int)error.length, (char *)error.data);
    keys_from_seed(&keys, seed);
    struct connection *c = NULL;
    struct connection_error why;
    struct connection_options how = {
        .address = spawn_address(s), .pin = spawn_pin(s), .keys = &keys, .retries = -1};
    if (connection_open(&how, &c, &why) != STATUS_OK)
        fail_msg("%s", why.text);
    assert_int_equal(connection_status(c)->clock_mode, CLOCK_MODE_MANUAL);
    assert_int_equal(connection_status(c)->role, ROLE_ADMIN);
    connection_close(c);
    if (spawn_stop(s, &error) != STATUS_OK || spawn_check(s, &error) != STATUS_OK)
        fail_msg("%.*s", (int)error.length, (char *)error.data);
    spawn_free(s);
    buffer_release(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(starts_and_stops, setup, teardown),
        cmocka_unit_test_setup_teardown(frees_a_server_that_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_the_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(says_what_went_wrong, setup, teardown),
        cmocka_unit_test_setup_teardown(reports_what_a_check_finds, setup, teardown),
        cmocka_unit_test_setup_teardown(notices_a_server_that_ended, setup, teardown),
        cmocka_unit_test_setup_teardown(finds_the_program, setup, teardown),
        cmocka_unit_test_setup_teardown(runs_the_real_server, setup, teardown),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
