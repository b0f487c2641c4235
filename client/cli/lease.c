#include "client/cli/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include <sodium.h>

#include "client/paths.h"
#include "protocol/moment.h"
#include "protocol/status.h"
#include "protocol/utf8.h"

int command_lease_list(struct cli *cli, int argc, char **argv)
{
    const char *account = option_text(cli, "account");
    (void)argc;
    (void)argv;
    struct q_leases q = {
        .order = option_u64(cli, "order", 0),
        .account = account != NULL ? name_account(cli, account) : 0,
        .live_only = !option_flag(cli, "all") && option_text(cli, "order") == NULL,
    };
    return records_list(cli, &q_leases_message, &q,
                        "lease order holder operator site sku state gpus start_s end_s price_ucr "
                        "cost_ucr paid_ucr elastic elected ended_by resale_offer parent",
                        "no leases");
}

/* Outages of the lease's site, in which nothing is due to be delivered. */
static int outages_print(struct cli *cli, const struct lease_info *lease)
{
    char from[MOMENT_TEXT_BYTES];
    char until[MOMENT_TEXT_BYTES];
    struct q_closures q = {.site = lease->site};
    uint64_t start_s = lease->start_s;
    uint64_t end_s = lease->end_s;
    const void *rows = NULL;
    uint32_t count = records_fetch(cli, &q_closures_message, &q, UINT32_MAX, &rows);
    for (uint32_t i = 0; i < count; i++) {
        const struct closure_info *row = (const struct closure_info *)rows + i;
        if (row->kind == CLOSURE_KIND_OUTAGE && row->start_s < end_s && row->end_s > start_s)
            cli_print(cli, "outage of the site from %s until %s\n",
                      moment_format(row->start_s, from), moment_format(row->end_s, until));
    }
    return cli->exit;
}

int command_lease_show(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct q_leases q = {.lease = value_u64(cli, "LEASE", argv[0])};
    records_show(cli, &q_leases_message, &q,
                 "there is no such lease of yours; see 'bourse lease list'");
    const struct lease_info *lease = cli->json ? NULL : lease_find(cli, q.lease);
    return lease != NULL ? outages_print(cli, lease) : cli->exit;
}

int command_lease_periods(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct q_periods q = {.lease = value_u64(cli, "LEASE", argv[0])};
    return records_list(cli, &q_periods_message, &q,
                        "period state start_s end_s deadline_s gpu_minutes_due "
                        "gpu_minutes_available gpu_minutes_metered gpu_minutes_charged "
                        "gpu_minutes_claimed gpu_minutes_settled",
                        "no periods");
}

const struct lease_info *lease_find(struct cli *cli, uint64_t lease)
{
    struct q_leases q = {.lease = lease};
    char none[128];
    snprintf(none, sizeof(none), "there is no lease %" PRIu64 " of yours; see 'bourse lease list'",
             lease);
    cli->missing = none;
    const struct a_leases *a = cli->exit == CLI_OK ? cli_query(cli, &q_leases_message, &q) : NULL;
    cli->missing = NULL;
    if (a != NULL && a->rows.count == 0)
        cli_fail(cli, CLI_REFUSED, "%s", none);
    return cli->exit == CLI_OK ? a->rows.items : NULL;
}

/* Seals what is in the file to the lease's holder. */
static int access_seal(struct cli *cli, const char *file, uint32_t holder, struct bytes *out)
{
    struct buffer plain = BUFFER_EMPTY;
    struct q_accounts q = {.account = holder};
    const struct a_accounts *a = cli_query(cli, &q_accounts_message, &q);
    if (a != NULL && a->rows.count == 0)
        cli_fail(cli, CLI_REFUSED, "the exchange does not show the holder's key");
    cli_read_file(cli, file, ACCESS_BYTES_MAX, &plain);
    size_t size = plain.length + KEYS_SEAL_BYTES;
    uint8_t *sealed = arena_alloc(&cli->arena, size);
    if (cli->exit == CLI_OK && sealed == NULL)
        cli_fail(cli, CLI_LOCAL, "out of memory");
    if (cli->exit == CLI_OK &&
        keys_seal(a->rows.items[0].channel_key, plain.data, plain.length, sealed) != STATUS_OK)
        cli_fail(cli, CLI_UNTRUSTED, "the holder's key is none that can be sealed to");
    buffer_wipe(&plain);
    *out = (struct bytes){sealed, (uint32_t)size};
    return cli->exit;
}

int command_lease_activate(struct cli *cli, int argc, char **argv)
{
    const char *file = option_text(cli, "access-file");
    (void)argc;
    if ((file != NULL) == option_flag(cli, "no-access"))
        return cli_fail(cli, CLI_USAGE,
                        "how does the holder get in? Give --access-file, or --no-access alone: "
                        "nothing can be attached later");
    struct op_lease_activate op = {.lease = value_u64(cli, "LEASE", argv[0])};
    const struct lease_info *lease = file != NULL ? lease_find(cli, op.lease) : NULL;
    if (lease != NULL)
        access_seal(cli, file, lease->holder, &op.access);
    return cli_print_result(cli, &op_lease_activate_message,
                            cli_apply(cli, &op_lease_activate_message, &op), "lease",
                            "activated lease %s%s", argv[0],
                            file != NULL ? ", access sealed to its holder" : ", without access");
}

/* The plaintext, as it is: it is between operator and holder, and may be a binary file. But a
 * terminal is shown no control characters. */
static int access_print(struct cli *cli, const uint8_t *plain, size_t length)
{
    struct buffer shown = BUFFER_EMPTY;
    const char *file = option_text(cli, "output");
    if (file != NULL) {
        int status =
            access(file, F_OK) == 0 ? STATUS_EXISTS : paths_replace(file, 0600, plain, length);
        if (status != STATUS_OK)
            return cli_fail(cli, CLI_LOCAL, "cannot write %s: %s", file, status_text(status));
        cli_note(cli, "Wrote %s.\n", file);
        return CLI_OK;
    }
    if (cli->json) {
        char *base64 = arena_alloc(
            &cli->arena, sodium_base64_ENCODED_LEN(length, sodium_base64_VARIANT_ORIGINAL));
        if (base64 == NULL)
            return cli_fail(cli, CLI_LOCAL, "out of memory");
        sodium_bin2base64(base64, sodium_base64_ENCODED_LEN(length, sodium_base64_VARIANT_ORIGINAL),
                          plain, length, sodium_base64_VARIANT_ORIGINAL);
        json_t *json = json_pack("{s:s}", "access_base64", base64);
        json_t *text = json_stringn((const char *)plain, length);
        if (text != NULL) /* it is text */
            json_object_set_new(json, "access", text);
        return cli_print_json(cli, json);
    }
    if (isatty(STDOUT_FILENO))
        escape_append(&shown, (const char *)plain, length, true);
    else
        buffer_append(&shown, plain, length);
    fwrite(shown.data != NULL ? shown.data : (uint8_t *)"", 1, shown.length, stdout);
    buffer_wipe(&shown);
    return cli->exit;
}

/* Opens the access with our key, or with the one that we had when it was sealed. */
static int access_open(struct cli *cli, const struct a_access *a, uint8_t *plain_out)
{
    const char *old_file = option_text(cli, "old-key");
    struct keys old;
    if (old_file != NULL && cli_read_keys_from(cli, old_file, &old) != CLI_OK)
        return cli->exit;
    const struct keys *keys = old_file != NULL ? &old : &cli->keys;
    int status = keys_open(keys, a->sealed.data, a->sealed.length, plain_out);
    if (old_file != NULL)
        keys_wipe(&old);
    if (status == STATUS_OK)
        return CLI_OK;
    return cli_fail(cli, CLI_UNTRUSTED,
                    "the access is not sealed to this key. If you have replaced your keys since "
                    "the operator activated the lease, name the former key file with --old-key.");
}

int command_lease_access(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct q_access q = {.lease = value_u64(cli, "LEASE", argv[0])};
    cli->missing = "this lease is not yours, or the operator has not given access yet; see 'bourse "
                   "lease list'";
    const struct a_access *a = cli->exit == CLI_OK ? cli_query(cli, &q_access_message, &q) : NULL;
    if (a == NULL)
        return cli->exit;
    if (a->sealed.length < KEYS_SEAL_BYTES)
        return cli_fail(cli, CLI_REFUSED,
                        "the operator gave no access with lease %s; ask them for it", argv[0]);
    size_t length = a->sealed.length - KEYS_SEAL_BYTES;
    uint8_t *plain = arena_alloc(&cli->arena, length + 1);
    if (plain == NULL)
        return cli_fail(cli, CLI_LOCAL, "out of memory");
    if (access_open(cli, a, plain) != CLI_OK)
        return cli->exit;
    access_print(cli, plain, length);
    sodium_memzero(plain, length);
    return cli->exit;
}

/* All that was due in a period, but in outages. */
static uint64_t available_find(struct cli *cli, uint64_t lease, uint32_t period)
{
    struct q_periods q = {.lease = lease};
    const void *rows = NULL;
    uint32_t count =
        cli->exit == CLI_OK ? records_fetch(cli, &q_periods_message, &q, UINT32_MAX, &rows) : 0;
    const struct period_info *p = rows;
    for (uint32_t i = 0; i < count; i++) {
        if (p[i].period == period)
            return p[i].gpu_minutes_available;
    }
    cli_fail(cli, CLI_REFUSED, "lease %" PRIu64 " has no period %u; see 'bourse lease periods'",
             lease, (unsigned)period);
    return 0;
}

static void period_echo(struct cli *cli, uint32_t period, uint64_t gpu_minutes)
{
    cli_echo(cli, json_pack("{s:I, s:I}", "period", (json_int_t)period, "gpu_minutes",
                            (json_int_t)gpu_minutes));
}

int command_lease_meter(struct cli *cli, int argc, char **argv)
{
    struct op_lease_meter op = {
        .lease = value_u64(cli, "LEASE", argv[0]),
        .period = value_u32(cli, "PERIOD", argv[1]),
    };
    op.gpu_minutes = argc > 2 ? value_u64(cli, "GPU-MINUTES", argv[2])
                              : available_find(cli, op.lease, op.period);
    period_echo(cli, op.period, op.gpu_minutes);
    return cli_print_result(cli, &op_lease_meter_message,
                            cli_apply(cli, &op_lease_meter_message, &op), "lease",
                            "metered %s in period %s of lease %s",
                            text_count(cli, op.gpu_minutes, "GPU-minute"), argv[1], argv[0]);
}

int command_lease_dispute(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct op_lease_dispute op = {
        .lease = value_u64(cli, "LEASE", argv[0]),
        .period = value_u32(cli, "PERIOD", argv[1]),
        .gpu_minutes = value_u64(cli, "GPU-MINUTES", argv[2]),
        .reason = option_string(cli, "reason", REASON_MAX_BYTES),
    };
    period_echo(cli, op.period, op.gpu_minutes);
    return cli_print_result(cli, &op_lease_dispute_message,
                            cli_apply(cli, &op_lease_dispute_message, &op), "lease",
                            "disputed period %s of lease %s: an admin decides", argv[1], argv[0]);
}

int command_lease_decide(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct op_dispute_decide op = {
        .lease = value_u64(cli, "LEASE", argv[0]),
        .period = value_u32(cli, "PERIOD", argv[1]),
        .gpu_minutes = value_u64(cli, "GPU-MINUTES", argv[2]),
        .reason = option_string(cli, "reason", REASON_MAX_BYTES),
    };
    period_echo(cli, op.period, op.gpu_minutes);
    return cli_print_result(cli, &op_dispute_decide_message,
                            cli_apply(cli, &op_dispute_decide_message, &op), "lease",
                            "decided: %s count%s in period %s of lease %s",
                            text_count(cli, op.gpu_minutes, "GPU-minute"),
                            op.gpu_minutes == 1 ? "s" : "", argv[1], argv[0]);
}

int command_lease_end(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct op_lease_end op = {.lease = value_u64(cli, "LEASE", argv[0])};
    return cli_print_result(cli, &op_lease_end_message, cli_apply(cli, &op_lease_end_message, &op),
                            "lease",
                            "ended lease %s under the offer's terms; 'bourse lease show %s' "
                            "has its new end",
                            argv[0], argv[0]);
}
