/* Revenue as startups declare it, by month. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "client/cli/cli.h"
#include "client/json.h"
#include "protocol/moment.h"
#include "protocol/month.h"
#include "protocol/refusal.h"

/* "2027-01", or any day of the month. */
static uint64_t month_read(struct cli *cli, const char *text)
{
    char day[16];
    uint64_t time_s;
    if (cli->exit != CLI_OK)
        return 0;
    if (strlen(text) == 7 && snprintf(day, sizeof(day), "%s-01", text) > 0 &&
        moment_parse(day, 0, &time_s))
        return time_s;
    cli_fail(cli, CLI_USAGE, "MONTH: '%s' is no month such as 2027-01", text);
    return 0;
}

/* STREAM=AMOUNT arguments. */
static uint32_t streams_read(struct cli *cli, int argc, char **argv, const struct revenue **out)
{
    struct revenue *streams = arena_alloc(&cli->arena, STREAMS_MAX * sizeof(*streams));
    if (streams == NULL || argc > STREAMS_MAX) {
        cli_fail(cli, CLI_USAGE, "at most %u streams", (unsigned)STREAMS_MAX);
        return 0;
    }
    for (int i = 0; i < argc; i++) {
        char *equals = strrchr(argv[i], '=');
        if (equals == NULL) {
            cli_fail(cli, CLI_USAGE, "'%s' is not STREAM=AMOUNT, such as sales=12500", argv[i]);
            return 0;
        }
        *equals = '\0';
        streams[i].name = value_text(cli, "STREAM", argv[i], NAME_MAX_BYTES);
        streams[i].amount_ucr = value_amount(cli, "AMOUNT", equals + 1);
    }
    *out = streams;
    return (uint32_t)argc;
}

/* The hash of a file of any size. */
static void evidence_read(struct cli *cli, uint8_t hash_out[32])
{
    const char *path = option_text(cli, "evidence");
    static uint8_t data[65536];
    crypto_hash_sha256_state state;
    size_t length;
    if (path == NULL || cli->exit != CLI_OK)
        return;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        cli_fail(cli, CLI_LOCAL, "--evidence: cannot read %s", path);
        return;
    }
    crypto_hash_sha256_init(&state);
    while ((length = fread(data, 1, sizeof(data), file)) > 0)
        crypto_hash_sha256_update(&state, data, length);
    if (ferror(file))
        cli_fail(cli, CLI_LOCAL, "--evidence: cannot read %s", path);
    fclose(file);
    crypto_hash_sha256_final(&state, hash_out);
}

static const char *not_over(struct cli *cli, const char *month)
{
    char text[96];
    snprintf(text, sizeof(text), "%.7s is not over yet; declare it when the next month has begun.",
             month);
    return arena_copy(&cli->arena, text, strlen(text) + 1);
}

/* What the exchange would refuse in fewer words: a name twice, a month that is not over. */
static void declaration_check(struct cli *cli, const struct op_revenue_declare *op,
                              const char *month)
{
    for (uint32_t i = 0; i < op->streams.count; i++) {
        const struct text a = op->streams.items[i].name;
        for (uint32_t j = 0; j < i; j++) {
            const struct text b = op->streams.items[j].name;
            if (a.length == b.length && memcmp(a.data, b.data, a.length) == 0)
                cli_fail(cli, CLI_USAGE, "STREAM: '%.*s' is given twice; add its amounts up",
                         (int)a.length, a.data);
        }
    }
    if (cli->exit == CLI_OK && month_start_s(month_of(op->month_s) + 1) > cli_time_s(cli) &&
        cli->exit == CLI_OK)
        cli_fail_hint(cli, REFUSAL_month_invalid, not_over(cli, month));
}

int command_revenue_declare(struct cli *cli, int argc, char **argv)
{
    struct op_revenue_declare op = {.month_s = month_read(cli, argv[0])};
    op.streams.count = streams_read(cli, argc - 1, argv + 1, &op.streams.items);
    evidence_read(cli, op.evidence);
    if (cli->exit == CLI_OK)
        declaration_check(cli, &op, argv[0]);
    const struct result *r =
        cli->exit == CLI_OK ? cli_apply(cli, &op_revenue_declare_message, &op) : NULL;
    return cli_print_result(cli, &op_revenue_declare_message, r, "account",
                            "declared the revenue of %s; 'bourse grant list' has what is due",
                            argv[0]);
}

#define REVENUE_COLUMNS "month_s streams version declared_s evidence"
#define NOTHING_DECLARED                                                                           \
    "no revenue declared; 'bourse revenue declare' does that, and a funder or auditor sees that "  \
    "of the startups with a grant"

/* The declarations of every startup whose grants one sees, the startups in the order of their
 * numbers; how many. */
static uint32_t all_fetch(struct cli *cli, const struct declaration_info **out)
{
    struct q_grants q = {0};
    const void *grants = NULL;
    struct buffer all = BUFFER_EMPTY;
    uint32_t count = records_fetch(cli, &q_grants_message, &q, UINT32_MAX, &grants);
    uint32_t last = 0;
    for (;;) {
        uint32_t next = UINT32_MAX;
        for (uint32_t i = 0; i < count; i++) {
            uint32_t startup = ((const struct grant_info *)grants)[i].startup;
            next = startup > last && startup < next ? startup : next;
        }
        if (next == UINT32_MAX || cli->exit != CLI_OK)
            break;
        struct q_declarations of = {.account = next};
        const void *rows = NULL;
        uint32_t more = records_fetch(cli, &q_declarations_message, &of, UINT32_MAX, &rows);
        buffer_append(&all, rows, (size_t)more * sizeof(struct declaration_info));
        last = next;
    }
    count = (uint32_t)(all.length / sizeof(struct declaration_info));
    *out = arena_copy(&cli->arena, all.data != NULL ? all.data : (uint8_t *)"", all.length);
    if (cli->exit == CLI_OK && *out == NULL)
        cli_fail(cli, CLI_LOCAL, "out of memory");
    buffer_release(&all);
    return cli->exit == CLI_OK ? count : 0;
}

/* The rows have what was declared last, where more was declared before. */
static int declarations_print(struct cli *cli, const struct declaration_info *rows, uint32_t count,
                              const char *columns)
{
    bool amended = false;
    if (cli->exit != CLI_OK)
        return cli->exit;
    if (cli->json) {
        json_t *json = json_array();
        for (uint32_t i = 0; i < count; i++)
            json_array_append_new(json, message_to_json(&declaration_info_message, &rows[i]));
        return cli_print_json(cli, json);
    }
    if (count == 0) {
        cli_note(cli, NOTHING_DECLARED "\n");
        return cli->exit;
    }
    records_table(cli, &declaration_info_message, rows, count, columns);
    for (uint32_t i = 0; i < count; i++)
        amended |= rows[i].version > 1;
    if (amended)
        cli_print(cli, "A month of version 2 or more is shown as declared last. A grant that was "
                       "completed before counts it as declared then: AMENDED in 'bourse royalty "
                       "list'.\n");
    return cli->exit;
}

/* A startup's own; of everybody else all that it may see. */
int command_revenue_list(struct cli *cli, int argc, char **argv)
{
    const char *account = option_text(cli, "account");
    struct q_declarations q = {.account = account != NULL ? name_account(cli, account) : 0};
    const struct declaration_info *all = NULL;
    const void *rows = NULL;
    uint64_t limit = option_u64(cli, "limit", UINT32_MAX);
    (void)argc;
    (void)argv;
    if (cli->exit == CLI_OK && limit == 0)
        return cli_fail(cli, CLI_USAGE, "--limit must be above 0");
    uint32_t count = records_fetch(cli, &q_declarations_message, &q, limit, &rows);
    if (cli->exit != CLI_OK || count > 0 || account != NULL)
        return declarations_print(cli, rows, count, REVENUE_COLUMNS);
    count = all_fetch(cli, &all);
    count = count < limit ? count : (uint32_t)limit;
    return declarations_print(cli, all, count, "account " REVENUE_COLUMNS);
}
