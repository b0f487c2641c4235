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
#define ORDER "quote --sku 1 --gpus 4 --duration 1h"
#define RULE  "rule add --gpus 4 --horizon 1d --tokens 1"
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
        {"quote --sku 1 --gpus 1 --duration 1h --region I",
         "--region: 'I' is not an ISO 3166 code"},
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
        {ORDER " --block 0", "--block: 0 is below 1"},
        {ORDER " --carbon-max 99999", "--carbon-max: 99999 is above"},
        {ORDER " --cert=", "--cert: must not be empty"},
        {"order cancel 0", "ORDER: 0 is below 1"},
        {"order show 0", "order: 0 is below 1"},
        {"order why 0", "ORDER: 0 is below 1"},
        {"order amend 7 --gpus 0", "--gpus: 0 is below 1"},
        {"offer amend 0 --price 1", "OFFER: 0 is below 1"},
        {"offer amend 7 --gpus 0", "--gpus: 0 is below 1; 'bourse offer withdraw'"},
        {OFFER " --price 1 --gpus 1 --standing 5000d", "--standing: 7200000 is above"},
        {"site reopen 0", "CLOSURE: 0 is below 1"},
        {"site outage 0 --until 2030-01-01", "SITE: 0 is below 1"},
        {"rule end 0", "RULE: 0 is below 1"},
        {"rule show 0", "rule: 0 is below 1"},
        {"rule why 0", "RULE: 0 is below 1"},
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
        {ORDER " --block 8", "--block: 8 is more than the 4 of --gpus"},
        {ORDER " --min-gpus 8", "--gpus-min: 8 is more than the 4 of --gpus"},
        {ORDER " --start 2030-01-02 --start-until 2030-01-01", "--start-until lies before --start"},
        {ORDER " --rest 2030-01-01 --fok", "--rest, --ioc and --fok exclude each other"},
        {ORDER " --ioc --fill-or-kill", "--rest, --ioc and --fok exclude each other"},
        {ORDER " --profile training --spread", "--spread: training is at one site"},
        {ORDER " --profile training --preemptible-ok", "--preemptible-ok: training takes no"},
        {ORDER " --profile tuning --funded 1h", "--funded: only inference is elastic"},
        {ORDER " --funded 2h", "--funded: longer than --duration"},
        {ORDER " --sovereign DE --region DE", "--sovereign says region and jurisdiction both"},
        {ORDER " --sovereign US-TX", "--sovereign: 'US-TX' is not an ISO 3166 code in capitals"},
        {ORDER " --sovereign de", "--sovereign: 'de' is not"},
        {ORDER " --reliability-min 100.1", "'100.1' is not a percentage from 0 to 100"},
        {ORDER " --reliability-min x", "reliability-min: 'x' is not a percentage"},
        {"order place --sku 1 --gpus 4 --duration 1h", "at what price at most? Give --limit"},
        {"order place --sku 1 --gpus 4 --duration 1h --any-price --rest 2030-01-01",
         "an order that rests needs a limit price"},
        {"order place --sku 1 --gpus 4 --duration 1h --limit 1 --atomic", "of a --file"},
        {"order cancel", "which orders? Give their numbers, or --all alone"},
        {"order cancel 1 --all", "which orders? Give their numbers, or --all alone"},
        {"order amend 7", "what is to change?"},
        {"offer amend 7", "what is to change? Give --price, --gpus or --end"},
        {"offer publish --site 1 --sku 1 --gpus 1 --price 1",
         "until when? Give --end, --for or --standing"},
        {OFFER " --price 1 --gpus 8 --least-charge 20 --billing reserved",
         "--metered and --least-charge contradict --billing reserved"},
        {OFFER " --price 1 --gpus 8 --least-charge 101 --metered", "'101' is not a percentage"},
        {OFFER " --price 1 --gpus 12 --block 8", "--gpus: 12 is not a multiple of the block of 8"},
        {OFFER " --price 1 --gpus 8 --standing 1h --lease-min 2h",
         "--standing: shorter than the shortest lease"},
        {OFFER " --price 1 --gpus 8 --lease-min 2h --lease-max 1h",
         "--lease-max: shorter than --lease-min"},
        {"site change 1", "what is to change?"},
        {"site change 1 --certification A:B:2030-01-01 --no-certification", "contradict each"},
        {"site maintenance 1", "--until is missing"},
        {"site maintenance 1 --from 2030-01-02 --until 2030-01-01", "--until lies before --from"},
        {"lease fund 1", "how much? Give an AMOUNT, or --tokens alone"},
        {"lease fund 1 5 --tokens 3", "how much? Give an AMOUNT, or --tokens alone"},
        {"lease resell 1", "--price is missing"},
        {RULE, "--sku is missing"},
        {RULE " --sku 1", "at what price at most? Give --limit, or --sku SKU=LIMIT"},
        {RULE " --sku 1=2 --preemptible-ok --profile training", "--preemptible-ok: training"},
        {RULE " --sku 1=2 --budget 5", "--tokens are the whole budget; leave out --budget"},
        {"rule add --gpus 4 --horizon 1d --sku 1=2", "how much may it spend? Give --budget"},
        {"rule change 1", "what is to change? Give --gpus or --budget"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect(rows[i][0], rows[i][1]);
}

static void expect_file(const char *line, const char *input, const char *words)
{
    struct run r;
    run_line(&r, line, input);
    if (r.code != CLI_USAGE || strstr(r.error, words) == NULL || r.out[0] != '\0')
        fail_msg("bourse %s: exit %d, '%s' is not in: %s%s", line, r.code, words, r.out, r.error);
}

#define TITLES "sku,gpus,duration,limit\n"

/* Lines of a file are read, and found wrong, before any of them is sent. */
static void test_orders_of_a_file(void **state)
{
    static const char *const rows[][2] = {
        {"", "standard input has no orders"},
        {TITLES, "standard input has no orders"},
        {"sku,gpus,colour\n", "-, line 1: there is no column 'colour'"},
        {"sku,file\n", "-, line 1: 'file' is no column: give --file for the whole file"},
        {TITLES "1,8,1h,2.5\n1,8,1h\n", "-, line 3: 3 cells under 4 columns"},
        {TITLES "1,8,1h,2.5\n\n1,x,1h,2.5\n", "-, line 4: --gpus: 'x' is not a number"},
        {TITLES "1,0,1h,2.5\n", "-, line 2: --gpus: 0 is below 1"},
        {TITLES "1,8,1h,\n", "-, line 2: at what price at most?"},
        {TITLES "1,8,,2\n", "-, line 2: --duration is missing"},
        {TITLES "\"1,8,1h,2\n", "-, line 2: a quotation mark is not closed"},
        {"sku,gpus,duration,limit,spread\n1,8,1h,2,maybe\n",
         "-, line 2: spread: 'maybe' is neither yes nor no"},
        {"sku,gpus,duration,limit,spread,profile\n1,8,1h,2,yes,training\n",
         "-, line 2: --spread: training is at one site"},
        {"{\"gpus\": 8}\n{\n", "-, line 1: order: order_place"},
        {"{\"skus\":[{\"sku\":1,\"limit_price_ucr\":1}],\"gpus\":8,\"gpus_min\":8,\"block_gpus\":1,"
         "\"duration_min\":60,\"placement\":\"one_site\",\"time_in_force\":\"fill_or_kill\","
         "\"profile\":\"training\"}\n{\n",
         "-, line 2: not JSON"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect_file("order place --file -", rows[i][0], rows[i][1]);
}

static void test_demand_of_a_file(void **state)
{
    static const char *const rows[][2] = {
        {"", "-: it is empty"},
        {"when,gpus\n0,1\n", "-, line 1: the first line names the columns"},
        {"time;gpus\n0;1\n", "-, line 1: the first line names the columns, and two of them are "
                             "time and gpus; commas divide them"},
        {"time,gpus,gpus\n0,1,1\n", "-, line 1: a column time or gpus is there twice"},
        {"time,gpus\n0,1\n", "-: a curve needs at least two lines"},
        {"time,gpus\n0,1\n\nsoon,2\n", "-, line 4: 'soon' is not a time"},
        {"time,gpus\n0,1\n60,-2\n", "-, line 3: '-2' is not a whole number of GPUs"},
        {"time,gpus\n0,1\n60,99999999\n", "-, line 3: '99999999' is not a whole number of GPUs"},
        {"time,gpus\n60,1\n60,2\n", "-, line 3: its time does not lie after"},
        {"time,gpus\n0,1\n60\n", "-, line 3: 1 cell,"},
        {"time,gpus\n0,1\n99999999,2\n", "-, line 3: a lease lasts for at most 732 days"},
        {"time,gpus\n0,0\n60,0\n", "-: the demand is 0 all the time"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect_file("advise - --sku 1", rows[i][0], rows[i][1]);
}

/* A name as it cannot stand in the lines above. */
static void expect_name(const char *name, const char *words)
{
    static const struct cli_command command = {.name = "add", .arguments = "NAME"};
    struct cli *cli = calloc(1, sizeof(*cli));
    struct op_sku_add op = {
        .name = text_of(name), .vendor = {"v", 1}, .model = {"m", 1}, .memory_gb = 1, .power_w = 1};
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
        cmocka_unit_test(test_orders_of_a_file),
        cmocka_unit_test(test_demand_of_a_file),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_too_many_outputs),
    };
    return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
