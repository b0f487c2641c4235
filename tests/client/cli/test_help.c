/* Help at every level, and the completion that is made from the same table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "client/cli/cli.h"
#include "tests/client/cli/run.h"

static struct run r;

static void check_options(const struct cli_command *c)
{
    for (const struct cli_option *o = c->options; o != NULL && o->name != NULL; o++) {
        assert_true(strlen(o->help) > 0);
        for (const struct cli_option *common = cli_common_options; common->name != NULL; common++) {
            assert_string_not_equal(o->name, common->name);
            assert_true(o->letter == 0 || o->letter != common->letter);
        }
        for (const struct cli_option *other = o + 1; other->name != NULL; other++)
            assert_string_not_equal(o->name, other->name);
    }
}

static void check_help(const struct cli_command *c, const char *path)
{
    char line[256];
    snprintf(line, sizeof(line), "%s --help", path);
    run_line(&r, line, NULL);
    assert_int_equal(r.code, CLI_OK);
    assert_non_null(strstr(r.out, c->summary));
    assert_string_equal(r.error, "");
    for (const struct cli_option *o = c->options; o != NULL && o->name != NULL; o++)
        assert_non_null(strstr(r.out, o->name));
    check_options(c);
    /* A group has children, a command a function. */
    assert_true((c->children != NULL) != (c->run != NULL));
    assert_true(c->arguments != NULL || c->arguments_max == 0);
    for (const struct cli_command *child = c->children; child != NULL && child->name != NULL;
         child++) {
        char below[128];
        run_line(&r, line, NULL);
        assert_non_null(strstr(r.out, child->name));
        snprintf(below, sizeof(below), "%s %s", path, child->name);
        check_help(child, below);
    }
}

static void test_every_command(void **state)
{
    (void)state;
    check_help(&cli_root, "");
    run_line(&r, "help token give", NULL);
    assert_int_equal(r.code, CLI_OK);
    assert_non_null(strstr(r.out, "Usage: bourse token give"));
}

static void test_groups_alone_are_no_command(void **state)
{
    (void)state;
    run_line(&r, "", NULL);
    assert_int_equal(r.code, CLI_USAGE);
    assert_non_null(strstr(r.out, "Usage: bourse COMMAND"));
    run_line(&r, "token", NULL);
    assert_int_equal(r.code, CLI_USAGE);
    run_line(&r, "--version", NULL);
    assert_int_equal(r.code, CLI_OK);
    assert_memory_equal(r.out, "bourse ", 7);
    run_line(&r, "--version --json", NULL);
    assert_int_equal(r.code, CLI_OK);
    json_t *json = json_loads(r.out, 0, NULL);
    assert_non_null(json_string_value(json_object_get(json, "version")));
    json_decref(json);
    run_line(&r, "--json", NULL);
    assert_int_equal(r.code, CLI_USAGE);
    assert_string_equal(r.out, "");
    json = json_loads(r.error, 0, NULL);
    assert_non_null(json_object_get(json, "error"));
    json_decref(json);
}

static void test_suggestions(void **state)
{
    static const struct {
        const char *line;
        const char *words;
    } rows[] = {
        {"tokne list", "did you mean 'token'"},
        {"token lst", "did you mean 'list'"},
        {"lease activat 5", "did you mean 'activate'"},
        {"xylophone", "no command 'xylophone';"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        run_line(&r, rows[i].line, NULL);
        assert_int_equal(r.code, CLI_USAGE);
        if (strstr(r.error, rows[i].words) == NULL)
            fail_msg("'%s' is not in: %s", rows[i].words, r.error);
    }
}

/* Runs bash on the completion script and then on `more`; returns what it prints. */
static int bash(const char *more, char *out, size_t size)
{
    char name[] = "/tmp/bourse-completion-XXXXXX";
    char command[128];
    run_line(&r, "completion", NULL);
    assert_int_equal(r.code, CLI_OK);
    int fd = mkstemp(name);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    fprintf(file, "%s\n%s\n", r.out, more);
    fclose(file);
    snprintf(command, sizeof(command), "bash %s %s 2>&1", more[0] == '\0' ? "-n" : "", name);
    FILE *pipe = popen(command, "r");
    size_t length = fread(out, 1, size - 1, pipe);
    out[length] = '\0';
    int status = pclose(pipe);
    unlink(name);
    return status;
}

static void expect_completion(const char *words, const char *expected)
{
    char more[512];
    char out[4096];
    snprintf(more, sizeof(more),
             "COMP_WORDS=(%s)\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_bourse\n"
             "echo \"${COMPREPLY[@]}\"",
             words);
    assert_int_equal(bash(more, out, sizeof(out)), 0);
    assert_string_equal(out, expected);
}

static void test_completion(void **state)
{
    char out[4096];
    (void)state;
    assert_int_equal(bash("", out, sizeof(out)), 0);
    assert_string_equal(out, "");
    expect_completion("bourse tok", "token\n");
    expect_completion("bourse token tr", "transfer\n");
    expect_completion("bourse --json lease act", "activate\n");
    expect_completion("bourse lease activate --acc", "--access-file\n");
    expect_completion("bourse lease activate 5 --serv", "--server\n");
    expect_completion("bourse --server localhost tok", "token\n");
    expect_completion("bourse --server 127.0.0.1:7420 --json lease act", "activate\n");
    /* As bash itself divides it. */
    expect_completion("bourse --server 127.0.0.1 : 7420 tok", "token\n");
    expect_completion("bourse --server = 127.0.0.1 : 7420 token tr", "transfer\n");
    expect_completion("bourse account register --role st", "startup\n");
    expect_completion("bourse account register --role = st", "startup\n");
    expect_completion("bourse account register --role ''",
                      "admin guarantor operator startup auditor treasurer\n");
    expect_completion("bourse quote --profile = ", "training tuning inference\n");
    expect_completion("bourse offer publish --billing m", "metered\n");
    expect_completion("bourse keygen -o /etc/hostna", "/etc/hostname\n");
    expect_completion("bourse import --nodes /etc/hostna", "/etc/hostname\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_command),
        cmocka_unit_test(test_groups_alone_are_no_command),
        cmocka_unit_test(test_suggestions),
        cmocka_unit_test(test_completion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
