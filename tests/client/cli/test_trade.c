/* The command against a real server: a day of business, line by line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <jansson.h>
#include <sodium.h>

#include "client/cli/spawn.h"
#include "tests/client/cli/run.h"

static char folder[64];
static struct spawn *server;
static struct run r;

/* Runs a command as `who`, whose configuration is the folder's file of that name. */
static int as(const char *who, const char *line, const char *input)
{
    char config[128];
    snprintf(config, sizeof(config), "%s/%s.conf", folder, who);
    setenv("BOURSE_CONFIG", config, 1);
    run_line(&r, line, input);
    return r.code;
}

static void ok(const char *who, const char *line, const char *words)
{
    if (as(who, line, NULL) != 0)
        fail_msg("%s: bourse %s: exit %d\n%s%s", who, line, r.code, r.out, r.error);
    if (!run_says(&r, words))
        fail_msg("%s: bourse %s: '%s' is not in\n%s%s", who, line, words, r.out, r.error);
}

static void refused(const char *who, const char *line, const char *refusal)
{
    if (as(who, line, NULL) != 2 || !run_says(&r, refusal))
        fail_msg("%s: bourse %s: exit %d, '%s' is not in\n%s%s", who, line, r.code, refusal, r.out,
                 r.error);
}

/* printf into a line. */
static const char *line_of(const char *format, ...) __attribute__((format(printf, 1, 2)));
static const char *line_of(const char *format, ...)
{
    static char lines[4][2048];
    static int next;
    va_list args;
    char *line = lines[next++ % 4];
    va_start(args, format);
    vsnprintf(line, sizeof(lines[0]), format, args);
    va_end(args);
    return line;
}

static char *keygen(const char *who)
{
    run_line(&r, line_of("keygen %s/%s.key", folder, who), NULL);
    assert_int_equal(r.code, 0);
    r.out[strcspn(r.out, "\n")] = '\0';
    return strdup(r.out);
}

static int setup_group(void **state)
{
    static const char *const people[] = {"admin", "acme", "beta", "op"};
    char pin[PIN_TEXT_SIZE];
    char *keys[4];
    struct buffer said = BUFFER_EMPTY;
    (void)state;
    strcpy(folder, "/tmp/bourse-trade-XXXXXX");
    assert_non_null(mkdtemp(folder));
    setenv("XDG_STATE_HOME", folder, 1);
    for (int i = 0; i < 4; i++)
        keys[i] = keygen(people[i]);
    struct spawn_options o = {.origin = "example.org/trade", .manual_clock = true};
    assert_int_equal(keys_parse(keys[0], &o.admin), 0);
    if (spawn_start(&o, &server, &said) != 0)
        fail_msg("%.*s", (int)said.length, (const char *)said.data);
    assert_int_equal(pin_print(spawn_pin(server), pin), 0);
    for (int i = 0; i < 4; i++)
        ok(people[i],
           line_of("config init --server %s --exchange %s --key %s/%s.key", spawn_address(server),
                   pin, folder, people[i]),
           "Wrote");
    ok("admin", line_of("account register acme --role startup %s", keys[1]), "account 2");
    ok("admin", line_of("account register beta --role startup %s", keys[2]), "account 3");
    ok("admin", line_of("account register op --role operator %s", keys[3]), "account 4");
    for (int i = 0; i < 4; i++)
        free(keys[i]);
    buffer_release(&said);
    return 0;
}

static int teardown_group(void **state)
{
    struct buffer said = BUFFER_EMPTY;
    (void)state;
    int status = spawn_stop(server, &said);
    if (status == 0)
        status = spawn_check(server, &said);
    if (status != 0)
        print_error("%.*s\n", (int)said.length, (const char *)said.data);
    spawn_free(server);
    buffer_release(&said);
    return status != 0 || system(line_of("rm -r %s", folder)) != 0;
}

static void test_setting_up(void **state)
{
    (void)state;
    ok("acme", "status", "you: acme (account 2, startup)");
    assert_true(run_says(&r, "events; continues what was seen before"));
    setenv("XDG_STATE_HOME", line_of("%s/elsewhere", folder), 1);
    ok("acme", "status", "events; first seen now");
    ok("acme", "status", "events; continues what was seen before");
    setenv("XDG_STATE_HOME", folder, 1);
    ok("acme", "status --json", "\"first_seen\": false");
    assert_true(run_says(&r, "\"state\": \"active\""));
    ok("admin", "account list", "op operator active");
    ok("acme", "account show", "name: acme");
    refused("acme", "account show nobody", "there is no account 'nobody'");
    ok("admin", "sku add gb300 --vendor NVIDIA --model GB300 --memory-gb 288 --power-w 1400",
       "SKU 1");
    refused("acme", "sku add x --vendor V --model M --memory-gb 1 --power-w 1", "not_permitted");
    ok("op", "site add batam --region ID --power-kw 360000 --certification ISO:TUV:2030-01-31",
       "site 1");
    ok("acme", "site show batam", "jurisdiction: ID");
    ok("admin", "series create gpu --expires +365d --sku gb300", "series 1");
    ok("acme", "series show gpu", "skus: gb300");
}

static void test_tokens(void **state)
{
    (void)state;
    ok("admin", "mint gpu acme=1000 beta=50.5", "minted 1050.5 credits of gpu in 2 tokens");
    ok("acme", "token transfer beta=12.5", "token 4 987.5 acme (change)");
    ok("beta", "token merge", "token 5 63 beta");
    ok("acme", "token split 4 100 200", "token 8 687.5");
    refused("acme", "token split 4 100", "you have no token 4");
    ok("acme", "token transfer beta=1 --tokens 6,7", "299");
    refused("acme", "token transfer beta=99999", "hold 986.5 credits");
    ok("beta", "token burn 5", "burned");
    ok("beta", "balance", "gpu");
    ok("admin", "supply gpu", "1050.5");
    ok("acme", "token list --json --limit 1", "\"amount_ucr\"");
}

static void test_gifts(void **state)
{
    (void)state;
    char config[128];
    ok("acme", "token give 5", "bourse-gift:v1:");
    char *line = strdup(r.out);
    /* A newcomer has nothing but the line: no configuration and no key. */
    snprintf(config, sizeof(config), "%s/newco.conf", folder);
    assert_int_not_equal(access(config, F_OK), 0);
    as("newco", line_of("token claim --key %s/newco.key", folder), line);
    assert_int_equal(r.code, 1);
    assert_non_null(strstr(r.error, "--name"));
    as("newco", line_of("token claim --name newco --key %s/newco.key", folder), line);
    assert_int_equal(r.code, 0);
    assert_non_null(strstr(r.out, "5 credits"));
    ok("newco", "status", "newco (account 5, startup)");
    ok("newco", "token list", "newco");
    as("beta", "token claim", line);
    assert_int_equal(r.code, 2);
    assert_non_null(strstr(r.error, "gift_not_found"));
    free(line);
    ok("acme", line_of("token give 7 -o %s/line", folder), "gift 2");
    ok("acme", "token gifts", "7");
    ok("acme", "token revoke 2", "took gift 2 back");
    as("beta", line_of("token claim --file %s/line", folder), NULL);
    assert_int_equal(r.code, 2);
}

static void test_trade(void **state)
{
    (void)state;
    ok("op",
       "offer publish --site batam --sku gb300 --gpus 40 --block 8 --for 30d --price 2.5 "
       "--meter-period 1h",
       "offer 1");
    ok("acme", "offer list", "batam");
    ok("acme", "quote --sku gb300 --gpus 8 --duration 2h --why", "8 GPUs for 40 credits");
    refused("acme", "quote --sku gb300=2 --gpus 8 --duration 2h --why", "price_above_limit");
    assert_true(run_says(&r, "price 1 at 2.5 it would fill now, batam"));
    assert_true(run_says(&r, "from 2.5 credits per GPU-hour it would fill now"));
    assert_false(run_says(&r, "--why"));
    refused("acme", "redeem --sku gb300=2 --gpus 8 --duration 2h", "from 2.5 credits per GPU-hour");
    refused("acme", "redeem --sku gb300=2 --gpus 8 --duration 2h --tokens 8", "from 2.5 credits");
    refused("acme", "quote --sku gb300 --gpus 80 --duration 2h --why", "size_not_met");
    assert_false(run_says(&r, "--why"));
    refused("admin", "redeem --sku gb300 --gpus 8 --duration 2h --any-price", "not_permitted");
    as("acme", "redeem --sku gb300 --gpus 8 --duration 2h", NULL);
    assert_int_equal(r.code, 1); /* without a limit price */
    ok("acme", "quote --sku gb300 --gpus 8 --duration 2h --json", "\"order\"");
    char *quote = strdup(r.out);
    as("acme", "redeem --file -", quote);
    free(quote);
    assert_int_equal(r.code, 0);
    assert_non_null(strstr(r.out, "8 of 8 GPUs for 40 credits"));
    ok("acme", "order show 1", "filled");
    ok("acme", "lease list --json", "\"granted\"");
    /* What is too long to be sealed is not sent. */
    static char long_access[ACCESS_BYTES_MAX + 2];
    memset(long_access, 'x', ACCESS_BYTES_MAX + 1);
    as("op", "lease activate 1 --access-file -", long_access);
    assert_int_not_equal(r.code, 0);
    ok("acme", "lease list --json", "\"granted\"");
    as("op", "lease activate 1 --access-file -", "ssh root@10.0.0.1\n");
    assert_int_equal(r.code, 0);
    ok("acme", "lease access 1", "ssh root@10.0.0.1\n");
    refused("beta", "lease access 1", "not yours");
    ok("admin", "clock advance +1h", "time is");
    ok("op", "lease meter 1 0", "metered 480 GPU-minutes");
    ok("acme", "lease dispute 1 0 400", "disputed");
    ok("admin", "lease decide 1 0 450 --reason agreed", "450 GPU-minutes count");
    ok("admin", "clock advance +1h", "time is");
    ok("op", "lease meter 1 1 480", "metered");
    ok("admin", "clock advance +2d", "time is");
    ok("op", "lease show 1", "paid: 38.75");
    ok("acme", "lease periods 1", "settled");
    ok("op", "payout gpu 8.75 --reference invoice-7", "paid out 8.75");
    ok("op", "balance", "30");
    ok("op", "offer withdraw 1", "withdrew");
    refused("acme", "quote --sku gb300 --gpus 8 --duration 2h", "no_capacity");
}

/* What pays when the order does not say: one series that covers it, the one that expires first, or
 * several together. */
static void test_paying(void **state)
{
    (void)state;
    ok("admin", "series create soon --expires +1d", "series 2");
    ok("admin", "series create elsewhere --expires +1h --region US", "series 3");
    ok("admin", "mint soon acme=100 beta=15", "minted");
    ok("admin", "mint elsewhere acme=100", "minted");
    ok("admin", "mint gpu beta=10", "minted");
    ok("op", "offer publish --site batam --sku gb300 --gpus 40 --for 30d --price 2.5", "offer 2");
    ok("acme", "redeem --sku gb300=2.5 --gpus 8 --duration 1h", "8 of 8 GPUs for 20 credits");
    ok("acme", "balance", "soon 80 0 20");
    ok("acme", "balance", "elsewhere 100 0 0");
    ok("acme", "redeem --sku gb300=2.5 --gpus 8 --duration 1h --series gpu", "20 credits");
    ok("acme", "balance", "soon 80 0 20");
    refused("acme", "redeem --sku gb300=2.5 --gpus 1 --duration 1h --series elsewhere",
            "series_restricted");
    refused("acme", "quote --sku gb300=2.5 --gpus 1 --duration 1h --series elsewhere",
            "series_restricted");
    ok("beta", "redeem --sku gb300=2.5 --gpus 8 --duration 1h", "8 of 8 GPUs for 20 credits");
    ok("beta", "balance", "soon ");
    refused("beta", "redeem --sku gb300=2.5 --gpus 8 --duration 1h", "hold less");
    refused("acme", "redeem --sku gb300=2.5 --gpus 80 --duration 1h --fill-or-kill",
            "size_not_met");
    ok("acme", "redeem --sku gb300=2.5 --gpus 80 --gpus-min 1 --duration 1h", "16 of 80 GPUs");
}

static void test_proof(void **state)
{
    (void)state;
    ok("acme", "events --limit 3", "genesis");
    ok("acme", "events --json --from 2", "\"event\":\"token_transferred\"");
    ok("admin", line_of("receipt 2 -o %s/receipt", folder), "Wrote");
    ok("acme", line_of("verify %s/receipt", folder), "verified: event 2 of example.org/trade");
    ok("acme", line_of("verify %s/receipt --json", folder), "\"account_registered\"");
    refused("acme", "receipt 999999", "no such event");
    assert_int_equal(as("acme", "verify -", "nonsense"), 4);
}

static void test_accounts_change(void **state)
{
    (void)state;
    ok("admin", "account freeze beta --reason unpaid", "froze beta");
    ok("beta", "status", "beta (account 3, startup, frozen; ask an admin)");
    ok("beta", "status --json", "\"state\": \"frozen\"");
    refused("admin", "account freeze admin", "an admin cannot freeze itself (not_permitted)");
    assert_false(run_says(&r, "your role"));
    refused("acme", "account freeze acme", "shows your role");
    refused("beta", "token burn 1", "account_frozen");
    ok("admin", "account unfreeze beta", "unfroze beta");
    ok("beta", line_of("account rekey %s/beta2.key", folder), "replaced");
    ok("beta", "status", "no account yet");
    refused("beta", "redeem --sku gb300 --gpus 8 --duration 2h --any-price", "unknown_account");
    assert_true(run_says(&r, "bourse keygen --show"));
    ok("beta", line_of("config set key %s/beta2.key", folder), "Wrote");
    ok("beta", "status", "beta (account 3");
}

static void test_submit(void **state)
{
    (void)state;
    static const char ops[] =
        "[{\"operation\":\"payout\",\"series\":1,\"amount_ucr\":\"1\",\"reference\":\"a\"},"
        "{\"operation\":\"payout\",\"series\":1,\"amount_ucr\":\"9999\",\"reference\":\"b\"}]";
    assert_int_equal(as("op", "submit - --atomic", ops), 2);
    assert_non_null(strstr(r.out, "batch_aborted"));
    assert_int_equal(as("op", "submit - --json", ops), 2);
    json_t *json = json_loads(r.out, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(json, "results")), 2);
    json_decref(json);
}

/* Runs a command that must pass, with --json, and returns a number of its answer. */
static uint64_t number_of(const char *who, const char *line, const char *name)
{
    if (as(who, line_of("%s --json", line), NULL) != 0)
        fail_msg("%s: bourse %s: exit %d\n%s%s", who, line, r.code, r.out, r.error);
    json_t *json = json_loads(r.out, 0, NULL);
    json_t *value = json_object_get(json, name);
    if (json_is_array(value))
        value = json_array_get(value, 0);
    assert_true(json_is_integer(value));
    uint64_t number = (uint64_t)json_integer_value(value);
    json_decref(json);
    return number;
}

/* An order waits in the book, is changed, asked about, and filled when capacity comes. */
static void test_resting(void **state)
{
    (void)state;
    ok("admin", "sku add h200 --vendor NVIDIA --model H200 --memory-gb 141 --power-w 1000",
       "SKU 2");
    ok("admin", "series create plain", "series 4");
    ok("admin", "mint plain acme=10000 beta=10000", "minted");
    ok("op", "site add jurong --region SG --power-kw 100000", "site 2");
    uint64_t order = number_of(
        "acme", "order place --sku h200=2 --gpus 8 --min-gpus 4 --duration 2h --rest +1d", "order");
    ok("acme", "order list --resting", "h200:2");
    ok("acme", line_of("order why %u", (unsigned)order), "0 of 8 GPUs filled, 8 rest");
    ok("acme", line_of("order amend %u --limit 2.5 --series plain", (unsigned)order),
       "resting, 0 of 8 GPUs filled, 40 credits in escrow");
    /* What ends it sooner than --rest says is named. */
    assert_true(run_says(&r, "it rests until") && !run_says(&r, "may start"));
    /* By the last minute in which it may start, or, on a full minute, by its credits' end. */
    ok("acme", line_of("order amend %u --rest +2d", (unsigned)order), "at the latest (");
    ok("acme", line_of("--json order amend %u --rest +2d", (unsigned)order), "\"ends_s\": \"20");
    as("acme", line_of("order amend %u --rest +4000d", (unsigned)order), NULL);
    assert_true(r.code == 1 && run_says(&r, "--rest: at most ten years from now"));
    ok("acme", line_of("order amend %u --rest +2h", (unsigned)order), "at the latest");
    assert_false(run_says(&r, "may start"));
    as("acme", line_of("order amend %u --sku gb300=2", (unsigned)order), NULL);
    assert_true(r.code == 1 && run_says(&r, "the order does not name gb300"));
    as("acme", line_of("order amend %u --rest 2020-01-01", (unsigned)order), NULL);
    assert_true(r.code == 1 && run_says(&r, "--rest: lies in the past; the exchange's time is"));
    ok("acme", line_of("order show %u", (unsigned)order), "gpus min: 4");
    assert_true(run_says(&r, "block gpus: 1"));
    as("acme", "order place --sku h200=2 --gpus 8 --block 3 --duration 2h --rest +1d", NULL);
    assert_true(r.code == 1 && run_says(&r, "--block: the 8 GPUs are no multiple of 3"));
    refused("beta", line_of("order amend %u --limit 3", (unsigned)order), "not_owner");
    refused("beta", "order amend 999999 --limit 3", "order_not_found");
    refused("beta", line_of("order cancel %u", (unsigned)order), "not_owner");
    ok("op", "offer publish --site jurong --sku h200 --gpus 16 --for 30d --price 2.6", "offer");
    ok("acme", line_of("order why %u", (unsigned)order), "price 1 at 2.6 it would fill now");
    ok("op", "offer amend 3 --price 2.4", "amended offer 3: 16 GPUs at 2.4");
    ok("admin", "clock advance +1m", "time is");
    ok("acme", line_of("order show %u", (unsigned)order), "state: filled");
    assert_true(run_says(&r, "ended by: exchange"));
    assert_true(run_says(&r, "what it asked for: 'bourse events --from"));
    refused("acme", line_of("order why %u", (unsigned)order),
            "does not rest any more: it is filled (filled, by exchange)");
    refused("acme", line_of("order amend %u --limit 3", (unsigned)order), "order_closed");
    ok("acme", "order place --sku h200=1 --gpus 8 --duration 1h --rest +1d --series plain",
       "8 GPUs rest until");
    as("acme", "order place --sku h200=1 --gpus 8 --duration 1h --rest 2020-01-01", NULL);
    assert_true(r.code == 1 && run_says(&r, "--rest: lies in the past; the exchange's time is"));
    ok("acme", "order cancel --all", "cancelled order");
    ok("acme", "order cancel --all", "no orders rest");
    ok("acme", "order list", "unfilled");
    assert_true(run_says(&r, "holder cancelled_by_holder"));
}

/* The funnel in the words of people: what would fill it now, when, and how much there is. */
static void test_why(void **state)
{
    (void)state;
    refused("acme", "quote --sku h200=3 --gpus 16 --duration 1h --why", "size_not_met");
    assert_true(run_says(&r, "size 0 8 of 16 GPUs, at 2.4, jurong, h200"));
    assert_true(run_says(&r, "time 0 first fits"));
    refused("acme", "quote --sku h200=2.5 --gpus 8 --duration 1h --sovereign DE --why",
            "Above is where offers fell out");
    assert_true(run_says(&r, "region 1"));
    refused("acme", "quote --sku h200=2 --gpus 8 --duration 1h --why", "from 2.4 credits");
    assert_true(run_says(&r, "price 1 at 2.4 it would fill now, jurong"));
}

static void test_orders_of_a_file(void **state)
{
    static const char lines[] = "sku,gpus,duration,limit,rest\n"
                                "h200,4,1h,2.5,\n"
                                "h200,4,1h,1,+1d\n"
                                "h200,4,1h,1,\n";
    (void)state;
    assert_int_equal(as("acme", "order place --file - --series plain", lines), 2);
    assert_true(run_says(&r, "line 2: order"));
    assert_true(run_says(&r, "filled, 4 of 4 GPUs for 9.6 credits"));
    assert_true(run_says(&r, "resting, 0 of 4 GPUs for 0 credits"));
    assert_true(run_says(&r, "line 4: refused: capacity exists, but above the limit price"));
    assert_true(run_says(&r, "1 of 3 orders was refused"));
    /* Atomic: the refusal of one undoes the others. */
    assert_int_equal(as("acme", "order place --file - --series plain --atomic", lines), 2);
    assert_true(run_says(&r, "line 2: refused: another operation of this atomic request"));
    assert_true(run_says(&r, "3 of 3 orders were refused"));
    ok("acme", "quote --sku h200=2.5 --gpus 4 --duration 1h --json", "\"order\"");
    json_t *json = json_loads(r.out, 0, NULL);
    char *order = json_dumps(json_object_get(json, "order"), JSON_COMPACT);
    char *two = strdup(line_of("%s\n%s\n", order, order));
    assert_int_equal(as("acme", "order place --file - --series plain --json", two), 2);
    assert_true(run_says(&r, "\"gpus_filled\": 4")); /* no more than four were left */
    assert_true(run_says(&r, "\"line\": 2"));
    json_decref(json);
    free(order);
    free(two);
    ok("acme", "order cancel --all", "cancelled order");
}

static void test_selling_on(void **state)
{
    (void)state;
    ok("op", "offer publish --site jurong --sku h200 --gpus 8 --for 30d --price 3 --block 8",
       "offer");
    uint64_t lease = number_of(
        "acme", "order place --sku h200=3 --gpus 8 --duration 10h --series plain", "leases");
    as("acme", line_of("lease resell %u --gpus 9 --price 2.9", (unsigned)lease), NULL);
    assert_true(r.code == 1 && run_says(&r, "has 8"));
    as("acme", line_of("lease resell %u --price 0", (unsigned)lease), NULL);
    assert_true(r.code == 1 && run_says(&r, "--price: a lease is not sold for nothing"));
    as("acme", line_of("lease resell %u --for 20h --price 2.9", (unsigned)lease), NULL);
    assert_true(r.code == 1 && run_says(&r, "what is sold lies within it"));
    uint64_t offer = number_of(
        "acme", line_of("lease resell %u --gpus 4 --price 2.9 --for 4h", (unsigned)lease), "offer");
    refused("acme", line_of("lease resell %u --price 2.9", (unsigned)lease), "resale_open");
    ok("acme", line_of("offer amend %u --price 2.8", (unsigned)offer), "4 GPUs at 2.8");
    ok("acme", "offer list", line_of("- %u", (unsigned)lease));
    /* What is sold on begins with the next minute. */
    ok("beta", "order place --sku h200=2.8 --gpus 4 --duration 2h --start-until +5m --series plain",
       "4 of 4 GPUs for 22.4 credits");
    ok("beta", "lease list", line_of("- %u", (unsigned)lease));
    ok("acme", line_of("offer withdraw %u", (unsigned)offer), "withdrew");
    ok("acme", line_of("lease extend %u 1h --series plain", (unsigned)lease), "it ends at");
    refused("acme", line_of("lease fund %u 5 --series plain", (unsigned)lease), "not_elastic");
    refused("acme", line_of("lease reclaim %u", (unsigned)lease), "only its operator");
    refused("op", line_of("lease reclaim %u", (unsigned)lease), "not_preemptible");
}

static void test_elastic_and_preemptible(void **state)
{
    (void)state;
    ok("op",
       "offer publish --site jurong --sku h200 --gpus 8 --standing 7d --price 5 --metered "
       "--least-charge 20",
       "offer");
    ok("op",
       "offer publish --site jurong --sku h200 --gpus 8 --for 30d --price 1.5 --preemptible "
       "--notice 30m",
       "offer");
    uint64_t lease = number_of("acme",
                               "order place --sku h200=5 --gpus 8 --duration 2d --funded 6h "
                               "--series plain",
                               "leases");
    ok("acme", line_of("lease show %u", (unsigned)lease), "elastic: yes");
    assert_true(run_says(&r, "escrow: 240"));
    assert_true(run_says(&r, "least charge: 20.00%"));
    ok("acme", line_of("lease fund %u 100 --series plain", (unsigned)lease),
       "340 credits in escrow");
    lease = number_of("acme",
                      "order place --sku h200=2 --gpus 8 --duration 5h --preemptible-ok "
                      "--series plain",
                      "leases");
    ok("op", line_of("lease activate %u --no-access", (unsigned)lease), "activated");
    ok("op", line_of("lease reclaim %u", (unsigned)lease), "when its notice has passed");
    ok("acme", line_of("lease show %u", (unsigned)lease), "ended by: operator");
}

static void test_closures(void **state)
{
    (void)state;
    ok("op", "site closures", "no maintenance and no outage");
    uint64_t closure = number_of(
        "op", "site maintenance jurong --from +1d --until +2d --reason switch", "closure");
    ok("acme", "site closures jurong", "jurong maintenance");
    ok("op", line_of("site reopen %u", (unsigned)closure), "is called off");
    refused("acme", "site outage jurong --until +1h", "not_");
    ok("op", "site outage jurong --until +4h --reason power", "outage of jurong from now until");
    refused("acme", "quote --sku h200 --gpus 1 --duration 1h", "bourse quote --why");
    ok("op", "site change jurong --power-kw 200000 --carbon 250", "200000 kW, 250 gCO2e/kWh");
    ok("acme", "site show jurong", "carbon g per kwh: 250");
    /* Two at once: the site is closed until both are over. */
    uint64_t second = number_of("op", "site outage jurong --until +6h", "closure");
    ok("op", line_of("site reopen %u", (unsigned)second - 1), "still holds");
    ok("op", line_of("site reopen %u", (unsigned)second), "gives capacity again");
    as("op", "site reopen 99", NULL);
    assert_int_equal(r.code, 2);
}

static void test_rules(void **state)
{
    (void)state;
    /* It holds 20 that are reserved; those that are elastic or may be taken back do not count. */
    uint64_t rule = number_of("acme",
                              "rule add --sku h200=3 --gpus 24 --horizon 8h --budget 500 --sell 4 "
                              "--runway 4h --series plain",
                              "rule");
    ok("acme", "rule list", "h200:3");
    ok("acme", line_of("rule show %u", (unsigned)rule), "budget: 500");
    ok("acme", line_of("rule why %u", (unsigned)rule), "misses 4 GPUs");
    ok("acme", line_of("rule why %u", (unsigned)rule), "open offer");
    refused("beta", line_of("rule why %u", (unsigned)rule), "not_visible");
    ok("acme", line_of("rule why %u --json", (unsigned)rule), "\"missing_gpus\": 4");
    ok("acme", line_of("rule change %u --budget 100 --series plain", (unsigned)rule),
       "keeps 24 GPUs");
    ok("acme", line_of("rule show %u", (unsigned)rule), "budget: 600");
    refused("beta", line_of("rule change %u --gpus 1", (unsigned)rule), "not_owner");
    ok("acme", line_of("rule end %u", (unsigned)rule), "ended rule");
    ok("acme", "rule list", "ended");
    refused("acme", line_of("rule end %u", (unsigned)rule), "rule_closed");
    refused("acme", line_of("rule why %u", (unsigned)rule), "rule_closed");
}

/* The demand decides: what stands idle in a block is not paid for in metered capacity. */
static void test_advice(void **state)
{
    static const char bursty[] = "time,gpus\n0,1\n82800,8\n86400,0\n";
    static const char steady[] = "time,gpus\n0,8\n82800,7\n86400,0\n";
    (void)state;
    ok("admin", "sku add b300 --vendor NVIDIA --model B300 --memory-gb 288 --power-w 1000", "SKU");
    ok("op", "site add johor --region MY --power-kw 100000", "site");
    ok("op", "offer publish --site johor --sku b300 --gpus 8 --for 30d --price 3", "offer");
    ok("op", "offer publish --site johor --sku b300 --gpus 8 --for 30d --price 4 --metered",
       "offer");
    ok("op", "offer publish --site johor --sku b300 --gpus 8 --for 30d --price 1 --preemptible",
       "offer");
    assert_int_equal(as("acme", "advise - --sku b300", bursty), 0);
    assert_true(run_says(&r, "base 1, mean 1.2, peak 8 GPUs"));
    assert_true(run_says(&r, "training 8 GPUs committed 576"));
    assert_true(run_says(&r, "8 GPUs that may be taken back 192 only if it may be interrupted"));
    assert_true(run_says(&r, "8 GPUs elastic 124 (at most 768)"));
    assert_true(run_says(&r, "1 GPU committed + 7 GPUs elastic 100 (at most 744)"));
    assert_true(run_says(&r, "windows the demand does not pause"));
    assert_true(run_says(&r, "layers 1 GPU committed + 7 in 1 window 93"));
    assert_true(run_says(&r, "cheapest that meets it: layers, for 93 credits"));
    assert_true(run_says(&r, "bourse order place --profile training --sku b300=3 --gpus 1 "
                             "--duration 1d --fok"));
    assert_int_equal(as("acme", "advise - --sku b300 --interruptible", steady), 0);
    assert_true(run_says(&r, "cheapest that meets it: tuning, for 192 credits"));
    assert_int_equal(as("acme", "advise - --sku b300 --json", steady), 0);
    json_t *json = json_loads(r.out, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(json, "best")), "training");
    /* The command that it prints does what it says. */
    const char *command = json_string_value(json_object_get(
        json_array_get(
            json_object_get(json_array_get(json_object_get(json, "candidates"), 0), "orders"), 0),
        "command"));
    ok("acme", line_of("%s --series plain", command + strlen("bourse ")),
       "8 of 8 GPUs for 576 credits");
    json_decref(json);
    assert_int_equal(as("acme", "advise - --sku b300", steady), 0);
    assert_true(run_says(&r, "training 8 GPUs committed not available: no offer matches"));
    assert_int_equal(as("acme", "advise - --sku b300 --region US", steady), 2);
    assert_true(run_says(&r, "nothing on offer meets it now"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_setting_up),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_gifts),
        cmocka_unit_test(test_trade),
        cmocka_unit_test(test_paying),
        cmocka_unit_test(test_proof),
        cmocka_unit_test(test_accounts_change),
        cmocka_unit_test(test_submit),
        cmocka_unit_test(test_resting),
        cmocka_unit_test(test_why),
        cmocka_unit_test(test_orders_of_a_file),
        cmocka_unit_test(test_selling_on),
        cmocka_unit_test(test_elastic_and_preemptible),
        cmocka_unit_test(test_closures),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_advice),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, setup_group, teardown_group);
}
