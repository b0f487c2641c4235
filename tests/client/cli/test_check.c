/* Values that the exchange would not take are named in the words of the command line, and nothing
 * is sent: there is no exchange here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "client/cli/check.h"
#include "tests/client/fake_log.h"
#include "tests/client/cli/run.h"

static char folder[] = "/tmp/bourse-check-XXXXXX";
static char names[2][80]; /* of 64 bytes, and with a line break */

static int setup_group(void **state)
{
    char line[1024];
    char pin[PIN_TEXT_SIZE];
    struct fake_log log;
    struct run r;
    (void)state;
    assert_non_null(mkdtemp(folder));
    setenv("XDG_CONFIG_HOME", folder, 1);
    setenv("XDG_STATE_HOME", folder, 1);
    unsetenv("BOURSE_CONFIG");
    fake_log_init(&log, 1, 1);
    assert_int_equal(pin_print(&log.pin, pin), 0);
    run_line(&r, "keygen", NULL);
    assert_int_equal(r.code, 0);
    snprintf(line, sizeof(line), "config init --server 127.0.0.1:1 --exchange %s", pin);
    run_line(&r, line, NULL);
    assert_int_equal(r.code, 0);
    memset(names[0], 'x', 64);
    strcpy(names[1], "two\nlines");
    return 0;
}

static int teardown_group(void **state)
{
    char line[128];
    (void)state;
    snprintf(line, sizeof(line), "rm -r %s", folder);
    return system(line);
}

static void expect(const char *line, const char *words)
{
    struct run r;
    run_line(&r, line, NULL);
    if (r.code != CLI_USAGE || strstr(r.error, words) == NULL || r.out[0] != '\0')
        fail_msg("bourse %s: exit %d, '%s' is not in: %s%s", line, r.code, words, r.out, r.error);
}

#define OFFER "offer publish --site 1 --sku 1 --start 2030-01-01 --end 2030-01-02"
#define SKU   "sku add x --vendor v --model m --memory-gb 1 --power-w 1"

static void test_limits(void **state)
{
    static const char *const rows[][2] = {
        {OFFER " --price 1 --gpus 0", "--gpus: 0 is below 1"},
        {OFFER " --price 1 --gpus 1 --block 0", "--block: 0 is below 1"},
        {OFFER " --price 1 --gpus 1 --notice 60d", "--notice: 86400 is above 44640 (minutes)"},
        {OFFER " --price 1 --gpus 1 --meter-period 0m", "--meter-period: 0 is below 1 (minutes)"},
        {OFFER " --price 1 --gpus 1 --lease-min 0m", "--lease-min: 0 is below 1 (minutes)"},
        {"quote --sku 1 --gpus 0 --duration 1h", "--gpus: 0 is below 1"},
        {"quote --sku 0 --gpus 1 --duration 1h", "--sku: 0 is below 1"},
        {"quote --sku 1 --gpus 1 --duration 0m", "--duration: 0 is below 1 (minutes)"},
        {"quote --sku 1 --gpus 1 --duration 900d", "--duration: 1296000 is above 1054080"},
        {"quote --sku 1 --gpus 1 --duration 1h --region I", "--region: 1 bytes is below 2"},
        {"site add x --region ID --power-kw 0", "--power-kw: 0 is below 1"},
        {"site add x --region ID --power-kw 1 --carbon 99999", "--carbon: 99999 is above"},
        {SKU " --memory-gb 0", "--memory-gb: 0 is below 1"},
        {"sku add x --vendor= --model m --memory-gb 1 --power-w 1", "--vendor: must not be empty"},
        {"payout 1 1 --reference=", "--reference: must not be empty"},
        {"payout 0 1 --reference r", "SERIES: 0 is below 1"},
        {"account freeze 0", "ACCOUNT: 0 is below 1"},
        {"lease meter 0 0 1", "LEASE: 0 is below 1"},
        {"lease meter 1 30000 1", "PERIOD: 30000 is above 20000"},
        {"offer withdraw 0", "OFFER: 0 is below 1"},
        {"token show 0", "token: 0 is below 1"},
        {"lease show 0", "lease: 0 is below 1"},
        {"account show 0", "account: 0 is below 1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect(rows[i][0], rows[i][1]);
}

static void test_form(void **state)
{
    static const char *const rows[][2] = {
        {"site add x --region id --power-kw 1", "--region: 'id' is not an ISO 3166 code"},
        {"site add x --region US-tx --power-kw 1", "--region: 'US-tx' is not"},
        {"site add x --region US-TX --jurisdiction US-TX --power-kw 1",
         "--jurisdiction: 'US-TX' is not an ISO 3166 code in capitals, such as ID: a country's"},
        {"series create x --funder 1 --region germany", "--region: 'germany' is not"},
        {"quote --sku 1 --gpus 1 --duration 1h --region DE,us", "--region: 'us' is not"},
        {"quote --sku 1 --gpus 1 --duration 1h --jurisdiction US-TX", "--jurisdiction: 'US-TX'"},
        {"quote --sku 1 --gpus 4 --gpus-min 8 --duration 1h",
         "--gpus-min: 8 is more than the 4 of --gpus"},
        {"quote --sku 1,2,1 --gpus 4 --duration 1h", "--sku: a SKU is named twice"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect(rows[i][0], rows[i][1]);
}

/* A name as it cannot stand in the lines above. */
static void expect_name(const char *name, const char *words)
{
    static const struct cli_command command = {.name = "add", .arguments = "NAME"};
    struct cli *cli = calloc(1, sizeof(*cli));
    struct op_sku_add op = {.name = {name, (uint32_t)strlen(name)},
                            .vendor = {"v", 1},
                            .model = {"m", 1},
                            .memory_gb = 1,
                            .power_w = 1};
    char said[512] = "";
    int kept = dup(STDERR_FILENO);
    FILE *file = tmpfile();
    assert_non_null(cli);
    cli->command = &command;
    dup2(fileno(file), STDERR_FILENO);
    int code = check_message(cli, &op_sku_add_message, &op);
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    close(kept);
    rewind(file);
    said[fread(said, 1, sizeof(said) - 1, file)] = '\0';
    fclose(file);
    free(cli);
    assert_int_equal(code, words != NULL ? CLI_USAGE : CLI_OK);
    if (words != NULL && strstr(said, words) == NULL)
        fail_msg("'%s' is not in: %s", words, said);
}

static void test_names(void **state)
{
    (void)state;
    expect_name("gb300", NULL);
    expect_name("a b", NULL);
    expect_name("", "NAME: must not be empty");
    expect_name(" a", "NAME: ' a' begins or ends with a space");
    expect_name("a ", "NAME: 'a ' begins or ends with a space");
    expect_name(names[1], "NAME: a line break, another control character");
    expect_name("\xff", "broken UTF-8");
    expect_name(names[0], "NAME: 64 bytes is above 63");
}

static void test_too_many_outputs(void **state)
{
    static const struct cli_command command = {.name = "mint",
                                               .arguments = "SERIES ACCOUNT=AMOUNT..."};
    struct cli *cli = calloc(1, sizeof(*cli));
    struct payment *outputs = calloc(TRANSFER_OUTPUTS_MAX + 1, sizeof(*outputs));
    struct op_mint op = {.series = 1};
    (void)state;
    assert_true(cli != NULL && outputs != NULL);
    for (int i = 0; i <= TRANSFER_OUTPUTS_MAX; i++)
        outputs[i] = (struct payment){2, 1};
    cli->command = &command;
    cli->json = true; /* its error says no less, but is one line */
    op.outputs.items = outputs;
    op.outputs.count = TRANSFER_OUTPUTS_MAX;
    assert_int_equal(check_message(cli, &op_mint_message, &op), CLI_OK);
    op.outputs.count++;
    assert_int_equal(check_message(cli, &op_mint_message, &op), CLI_USAGE);
    free(outputs);
    free(cli);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_too_many_outputs),
    };
    return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
