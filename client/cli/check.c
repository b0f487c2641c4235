#include "client/cli/check.h"

#include <stdio.h>
#include <string.h>

#include "protocol/place.h"
#include "protocol/status.h"

enum { WORD_BYTES = 64 };

/* --- From fields to the words of the command line ------------------------------------------- */

/* Fields whose option is called otherwise, where more than a unit and dashes tells them apart. */
static const struct {
    const char *field;
    const char *word;
} other_words[] = {
    {"block_gpus", "block"},
    {"carbon_g_per_kwh", "carbon"},
    {"start_from_s", "start"},
    {"start_until_s", "start-until"},
    {"skus", "sku"},
    {"regions", "region"},
    {"profiles", "profile"},
    {"jurisdictions", "jurisdiction"},
    {"inputs", "tokens"},
    {"certifications", "certification"},
    {"certifications", "cert"},
    {"outputs", "ACCOUNT=AMOUNT"},
    {"carbon_g_max", "carbon-max"},
    {"reliability_ppm_min", "reliability-min"},
    {"rest_until_s", "rest"},
    {"end_s", "until"},
    {"start_s", "from"},
};

static const struct {
    const char *suffix;
    const char *unit;
} units[] = {
    {"_min", " (minutes)"},
    {"_s", " (seconds)"},
    {"_ucr", " (micro-credits)"},
};

static bool option_exists(const struct cli *cli, const char *name)
{
    for (const struct cli_option *o = cli->command->options; o != NULL && o->name != NULL; o++) {
        if (strcmp(o->name, name) == 0)
            return true;
    }
    return false;
}

/* "--power-kw" if the command has such an option, "NAME" if it has such an argument. */
static bool word_find(const struct cli *cli, const char *name, char out[WORD_BYTES])
{
    char dashed[WORD_BYTES];
    char upper[WORD_BYTES];
    size_t length = 0;
    for (; length < WORD_BYTES - 1 && name[length] != '\0'; length++) {
        char c = name[length] == '_' ? '-' : name[length];
        dashed[length] = c;
        upper[length] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
    dashed[length] = '\0';
    upper[length] = '\0';
    const char *arguments = cli->command->arguments;
    bool is_option = option_exists(cli, dashed);
    if (!is_option && (arguments == NULL || strstr(arguments, upper) == NULL))
        return false;
    snprintf(out, WORD_BYTES, "%s%.60s", is_option ? "--" : "", is_option ? dashed : upper);
    return true;
}

/* What the field is to whoever types; *unit_out is that of its value, or "". */
static void field_word(const struct cli *cli, const char *field, char out[WORD_BYTES],
                       const char **unit_out)
{
    char bare[WORD_BYTES];
    size_t length = strlen(field);
    const char *name = field;
    *unit_out = "";
    for (size_t i = 0; i < sizeof(other_words) / sizeof(other_words[0]); i++) {
        /* A field may be one option of one command, and another of another. */
        if (strcmp(other_words[i].field, field) == 0 &&
            (name == field || option_exists(cli, other_words[i].word)))
            name = other_words[i].word;
    }
    snprintf(bare, sizeof(bare), "%s", name);
    if (word_find(cli, bare, out)) /* gpus_min has no unit: it is the option --gpus-min */
        return;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        size_t end = strlen(units[i].suffix);
        if (length > end && strcmp(field + length - end, units[i].suffix) == 0) {
            *unit_out = units[i].unit;
            snprintf(bare, sizeof(bare), "%.*s", (int)(length - end), field);
        }
    }
    if (!word_find(cli, bare, out))
        snprintf(out, WORD_BYTES, "%s", bare);
}

/* The decoder says "offer_publish.gpus: 0 is below 1". Of a list it names the item, whose own field
 * rarely says more than the option does. */
static int say_limits(struct cli *cli, const struct decode_error *why)
{
    char field[WORD_BYTES];
    char word[WORD_BYTES];
    const char *unit = "";
    const char *reason = strstr(why->text, ": ");
    const char *dot = strchr(why->text, '.');
    if (reason == NULL || dot == NULL || dot > reason)
        return cli_fail(cli, CLI_USAGE, "%s", why->text);
    snprintf(field, sizeof(field), "%.*s", (int)strcspn(dot + 1, ".[:"), dot + 1);
    field_word(cli, field, word, &unit);
    reason += 2;
    if (strncmp(reason, "0 bytes is below", 16) == 0)
        return cli_fail(cli, CLI_USAGE, "%s: must not be empty", word);
    if (strcmp(reason, "not UTF-8 without control characters") == 0)
        return cli_fail(cli, CLI_USAGE,
                        "%s: a line break, another control character or broken UTF-8 is not "
                        "allowed",
                        word);
    return cli_fail(cli, CLI_USAGE, "%s: %s%s", word, reason, unit);
}

/* --- Rules of form -------------------------------------------------------------------------- */

static int check_name(struct cli *cli, struct text name)
{
    char word[WORD_BYTES];
    const char *unit;
    if (name.length == 0 || (name.data[0] != ' ' && name.data[name.length - 1] != ' '))
        return cli->exit;
    field_word(cli, "name", word, &unit);
    return cli_fail(cli, CLI_USAGE, "%s: '%.*s' begins or ends with a space", word,
                    (int)name.length, name.data);
}

int check_place(struct cli *cli, const char *option, struct text code, bool subdivision)
{
    if (place_is_valid(code, subdivision))
        return cli->exit;
    return cli_fail(cli, CLI_USAGE, "--%s: '%.*s' is not an ISO 3166 code in capitals, such as %s",
                    option, (int)code.length, code.data,
                    subdivision ? "ID or US-TX" : "ID: a country's");
}

static int check_site(struct cli *cli, const struct op_site_add *op)
{
    check_name(cli, op->name);
    check_place(cli, "region", op->region, true);
    return check_place(cli, "jurisdiction", op->jurisdiction, false);
}

static int check_series(struct cli *cli, const struct op_series_create *op)
{
    check_name(cli, op->name);
    for (uint32_t i = 0; i < op->regions.count; i++)
        check_place(cli, "region", op->regions.items[i].code, true);
    return cli->exit;
}

/* The places of an order or rule. */
static int check_places(struct cli *cli, const struct place *regions, uint32_t regions_count,
                        const struct place *jurisdictions, uint32_t jurisdictions_count)
{
    /* --sovereign names both, and only countries are jurisdictions. */
    bool sovereign = option_exists(cli, "sovereign") && option_text(cli, "sovereign") != NULL;
    for (uint32_t i = 0; i < jurisdictions_count; i++)
        check_place(cli, sovereign ? "sovereign" : "jurisdiction", jurisdictions[i].code, false);
    for (uint32_t i = 0; i < regions_count; i++)
        check_place(cli, "region", regions[i].code, true);
    return cli->exit;
}

static int check_skus(struct cli *cli, const struct sku_limit *skus, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (skus[i].sku == skus[j].sku)
                return cli_fail(cli, CLI_USAGE, "--sku: a SKU is named twice");
        }
    }
    return cli->exit;
}

/* What a profile takes, whatever is on offer. */
static int check_profile(struct cli *cli, const struct op_order_place *op)
{
    bool training = op->profile == PROFILE_TRAINING;
    if (training && op->preemptible_ok)
        return cli_fail(cli, CLI_USAGE,
                        "--preemptible-ok: training takes no capacity that can be taken back; "
                        "--profile tuning does");
    if (training && op->placement == PLACEMENT_SPREAD)
        return cli_fail(cli, CLI_USAGE,
                        "--spread: training is at one site; --profile tuning may be spread");
    if (op->funded_min > 0 && op->profile != PROFILE_INFERENCE)
        return cli_fail(cli, CLI_USAGE, "--funded: only inference is elastic; --profile inference");
    if (op->funded_min > op->duration_min)
        return cli_fail(cli, CLI_USAGE, "--funded: longer than --duration");
    return cli->exit;
}

/* A quote begins with the same fields. */
static int check_order(struct cli *cli, const struct op_order_place *op)
{
    bool rests = op->time_in_force == TIME_IN_FORCE_GTT;
    if (op->gpus_min > op->gpus)
        return cli_fail(cli, CLI_USAGE, "--gpus-min: %u is more than the %u of --gpus",
                        (unsigned)op->gpus_min, (unsigned)op->gpus);
    if (op->block_gpus > op->gpus)
        return cli_fail(cli, CLI_USAGE, "--block: %u is more than the %u of --gpus",
                        (unsigned)op->block_gpus, (unsigned)op->gpus);
    if (op->gpus % op->block_gpus != 0)
        return cli_fail(cli, CLI_USAGE, "--block: the %u GPUs are no multiple of %u",
                        (unsigned)op->gpus, (unsigned)op->block_gpus);
    if (op->start_until_s > 0 && op->start_until_s < op->start_from_s)
        return cli_fail(cli, CLI_USAGE, "--start-until lies before --start");
    if (rests != (op->rest_until_s > 0))
        return cli_fail(cli, CLI_USAGE,
                        rests ? "--rest: until when? An order that is good_till_time needs "
                                "rest_until_s"
                              : "--rest: only an order that is good_till_time has rest_until_s");
    check_profile(cli, op);
    check_skus(cli, op->skus.items, op->skus.count);
    return check_places(cli, op->regions.items, op->regions.count, op->jurisdictions.items,
                        op->jurisdictions.count);
}

static int check_rule(struct cli *cli, const struct op_rule_add *op)
{
    if (op->profile == PROFILE_TRAINING && op->preemptible_ok)
        return cli_fail(cli, CLI_USAGE,
                        "--preemptible-ok: training takes no capacity that can be taken back; "
                        "--profile tuning does");
    check_skus(cli, op->skus.items, op->skus.count);
    return check_places(cli, op->regions.items, op->regions.count, op->jurisdictions.items,
                        op->jurisdictions.count);
}

/* What is no question of a site or an account, but of the offer alone. */
static int check_offer(struct cli *cli, const struct op_offer_publish *op)
{
    if (op->least_charge_ppm > 0 && op->billing != BILLING_METERED)
        return cli_fail(cli, CLI_USAGE,
                        "--least-charge: only metered capacity has one; give --metered");
    if (op->notice_min > 0 && !op->preemptible)
        return cli_fail(cli, CLI_USAGE,
                        "--notice: only preemptible capacity is taken back; give --preemptible");
    if (op->block_gpus > op->gpus || op->gpus % op->block_gpus != 0)
        return cli_fail(cli, CLI_USAGE, "--gpus: %u is not a multiple of the block of %u",
                        (unsigned)op->gpus, (unsigned)op->block_gpus);
    if (op->standing_min > 0 && op->standing_min < op->lease_min_min)
        return cli_fail(cli, CLI_USAGE,
                        "--standing: shorter than the shortest lease (--lease-min)");
    if (op->lease_max_min > 0 && op->lease_max_min < op->lease_min_min)
        return cli_fail(cli, CLI_USAGE, "--lease-max: shorter than --lease-min");
    return cli->exit;
}

static int check_resale(struct cli *cli, const struct op_lease_resell *op)
{
    if (op->gpus % op->block_gpus != 0)
        return cli_fail(cli, CLI_USAGE, "--gpus: %u is not a multiple of the block of %u",
                        (unsigned)op->gpus, (unsigned)op->block_gpus);
    if (op->end_s > 0 && op->end_s <= op->start_s)
        return cli_fail(cli, CLI_USAGE, "--end lies before --start");
    return cli->exit;
}

static int check_form(struct cli *cli, const struct message *m, const void *body)
{
    if (m == &op_account_register_message)
        return check_name(cli, ((const struct op_account_register *)body)->name);
    if (m == &op_sku_add_message)
        return check_name(cli, ((const struct op_sku_add *)body)->name);
    if (m == &op_gift_claim_message)
        return check_name(cli, ((const struct op_gift_claim *)body)->name);
    if (m == &op_site_add_message)
        return check_site(cli, body);
    if (m == &op_series_create_message)
        return check_series(cli, body);
    if (m == &op_order_place_message)
        return check_order(cli, body);
    if (m == &q_quote_message || m == &q_starts_message)
        return check_order(cli, body);
    if (m == &op_order_amend_message)
        return check_skus(cli, ((const struct op_order_amend *)body)->skus.items,
                          ((const struct op_order_amend *)body)->skus.count);
    if (m == &op_rule_add_message)
        return check_rule(cli, body);
    if (m == &op_offer_publish_message)
        return check_offer(cli, body);
    if (m == &op_lease_resell_message)
        return check_resale(cli, body);
    return cli->exit;
}

/* --- Both ----------------------------------------------------------------------------------- */

int check_message(struct cli *cli, const struct message *m, const void *body)
{
    struct buffer encoded = BUFFER_EMPTY;
    struct arena arena = ARENA_EMPTY;
    struct decode_error why = {.text = ""};
    if (cli->exit != CLI_OK)
        return cli->exit;
    /* To the exchange's own rules, since it decodes with the same function. */
    message_encode(m, body, &encoded);
    void *again = arena_alloc(&arena, m->size);
    int status = encoded.status;
    if (status == STATUS_OK)
        status = again == NULL
                     ? STATUS_MEMORY
                     : message_decode(m, encoded.data, encoded.length, &arena, again, &why);
    arena_release(&arena);
    buffer_release(&encoded);
    if (status == STATUS_MALFORMED)
        return say_limits(cli, &why);
    if (status != STATUS_OK)
        return cli_fail(cli, CLI_LOCAL, "%s", status_text(status));
    return check_form(cli, m, body);
}
