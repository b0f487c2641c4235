#include "client/cli/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocol/amount.h"
#include "protocol/status.h"
#include "protocol/utf8.h"

enum { MISSES_MAX = 100, LIKE_DISTANCE = 2 };

static bool is_number(const char *text)
{
    return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* Whether a name may be asked for at all. */
static bool name_fits(struct cli *cli, const char *kind, const char *text)
{
    if (text[0] == '\0' || strlen(text) > NAME_MAX_BYTES)
        cli_fail(cli, CLI_USAGE, "'%s' is not the name of %s", text, kind);
    return cli->exit == CLI_OK;
}

/* --- From numbers to names ------------------------------------------------------------------ */

static void know(struct cli_names *names, uint64_t number, struct text name)
{
    struct cli_name n = {.number = number};
    uint32_t length = name.length < NAME_MAX_BYTES ? name.length : NAME_MAX_BYTES;
    memcpy(n.name, name.data, length);
    buffer_append(&names->known, &n, sizeof(n));
}

static const char *known_name(const struct cli_names *names, uint64_t number)
{
    for (size_t at = 0; at < names->known.length; at += sizeof(struct cli_name)) {
        const struct cli_name *n = (const void *)(names->known.data + at);
        if (n->number == number)
            return n->name;
    }
    return NULL;
}

/* A page of them, or one. */
static void ask(struct cli *cli, enum cli_named kind, uint64_t number)
{
    struct cli_names *names = &cli->names[kind];
    if (kind == NAMED_ACCOUNT) {
        struct q_accounts q = {.account = (uint32_t)number};
        const struct a_accounts *a = cli_query_quietly(cli, &q_accounts_message, &q);
        for (uint32_t i = 0; a != NULL && i < a->rows.count; i++)
            know(names, a->rows.items[i].account, a->rows.items[i].name);
    } else if (kind == NAMED_SERIES) {
        struct q_series q = {.series = (uint32_t)number};
        const struct a_series *a = cli_query_quietly(cli, &q_series_message, &q);
        for (uint32_t i = 0; a != NULL && i < a->rows.count; i++)
            know(names, a->rows.items[i].series, a->rows.items[i].name);
    } else if (kind == NAMED_SKU) {
        struct q_skus q = {.sku = number};
        const struct a_skus *a = cli_query_quietly(cli, &q_skus_message, &q);
        for (uint32_t i = 0; a != NULL && i < a->rows.count; i++)
            know(names, a->rows.items[i].sku, a->rows.items[i].name);
    } else {
        struct q_sites q = {.site = number};
        const struct a_sites *a = cli_query_quietly(cli, &q_sites_message, &q);
        for (uint32_t i = 0; a != NULL && i < a->rows.count; i++)
            know(names, a->rows.items[i].site, a->rows.items[i].name);
    }
}

/* The known name that is most like what was typed; NULL: none is. */
static const char *name_like(struct cli *cli, enum cli_named kind, const char *typed)
{
    struct cli_names *names = &cli->names[kind];
    const char *best = NULL;
    size_t best_distance = LIKE_DISTANCE + 1;
    if (!names->asked) {
        names->asked = true;
        ask(cli, kind, 0);
    }
    for (size_t at = 0; at < names->known.length; at += sizeof(struct cli_name)) {
        const struct cli_name *n = (const void *)(names->known.data + at);
        size_t distance = help_distance(n->name, typed);
        if (distance < best_distance && distance < strlen(typed)) {
            best = n->name;
            best_distance = distance;
        }
    }
    return best;
}

const char *name_of(struct cli *cli, enum cli_named kind, uint64_t number)
{
    struct cli_names *names = &cli->names[kind];
    const char *name = known_name(names, number);
    if (name == NULL && number > 0 && !names->asked) {
        names->asked = true;
        ask(cli, kind, 0);
        name = known_name(names, number);
    }
    /* Beyond the first page one by one, but a long table must not ask for ever. */
    if (name == NULL && number > 0 && names->missed < MISSES_MAX) {
        names->missed++;
        ask(cli, kind, number);
        name = known_name(names, number);
    }
    struct buffer text = BUFFER_EMPTY;
    if (name != NULL)
        escape_append(&text, name, strlen(name), false);
    else
        buffer_printf(&text, "%" PRIu64, number);
    buffer_append(&text, "", 1);
    /* A copy, since learning the next name may move the known ones. */
    const char *kept = arena_copy(&cli->arena, text.data, text.length);
    bool whole = text.status == STATUS_OK && kept != NULL;
    buffer_release(&text);
    return whole ? kept : "?";
}

/* --- From names to numbers ------------------------------------------------------------------- */

/* "there is no SKU 'gb30'; did you mean 'gb300'? 'bourse sku list' shows all", in the arena. */
static const char *none_words(struct cli *cli, enum cli_named kind, const char *typed)
{
    static const struct {
        const char *thing;
        const char *command;
    } words[NAMED_KINDS] = {
        [NAMED_ACCOUNT] = {"account", "account"},
        [NAMED_SERIES] = {"series", "series"},
        [NAMED_SKU] = {"SKU", "sku"},
        [NAMED_SITE] = {"site", "site"},
    };
    struct buffer b = BUFFER_EMPTY;
    const char *like = name_like(cli, kind, typed);
    buffer_printf(&b, "there is no %s '%s'", words[kind].thing, typed);
    if (like != NULL)
        buffer_printf(&b, "; did you mean '%s'? 'bourse %s list' shows all", like,
                      words[kind].command);
    else
        buffer_printf(&b, "; see 'bourse %s list'", words[kind].command);
    buffer_append(&b, "", 1);
    const char *text = b.status == STATUS_OK ? arena_copy(&cli->arena, b.data, b.length) : NULL;
    buffer_release(&b);
    return text != NULL ? text : "there is no such thing";
}

static int name_unknown(struct cli *cli, enum cli_named kind, const char *typed)
{
    return cli_fail(cli, CLI_REFUSED, "%s", none_words(cli, kind, typed));
}

static const void *ask_name(struct cli *cli, const struct message *query, const void *body,
                            enum cli_named kind, const char *typed)
{
    const void *answer = cli_query_quietly(cli, query, body);
    if (answer != NULL || cli->exit != CLI_OK)
        return answer;
    /* Refused, which need not mean that there is none: once more for the exchange's own words. */
    cli->missing = none_words(cli, kind, typed);
    answer = cli_query(cli, query, body);
    cli->missing = NULL;
    return answer;
}

uint32_t name_account(struct cli *cli, const char *text)
{
    if (is_number(text))
        return value_u32(cli, "account", text);
    if (!name_fits(cli, "an account", text))
        return 0;
    struct q_accounts q = {.name = text_of(text)};
    const struct a_accounts *a = ask_name(cli, &q_accounts_message, &q, NAMED_ACCOUNT, text);
    if (a != NULL && a->rows.count == 0)
        name_unknown(cli, NAMED_ACCOUNT, text);
    return cli->exit == CLI_OK ? a->rows.items[0].account : 0;
}

uint32_t name_series(struct cli *cli, const char *text)
{
    if (is_number(text))
        return value_u32(cli, "series", text);
    if (!name_fits(cli, "a series", text))
        return 0;
    struct q_series q = {.name = text_of(text)};
    const struct a_series *a = ask_name(cli, &q_series_message, &q, NAMED_SERIES, text);
    if (a != NULL && a->rows.count == 0)
        name_unknown(cli, NAMED_SERIES, text);
    return cli->exit == CLI_OK ? a->rows.items[0].series : 0;
}

uint64_t name_sku(struct cli *cli, const char *text)
{
    if (is_number(text))
        return value_u64(cli, "SKU", text);
    if (!name_fits(cli, "a SKU", text))
        return 0;
    struct q_skus q = {.name = text_of(text)};
    const struct a_skus *a = ask_name(cli, &q_skus_message, &q, NAMED_SKU, text);
    if (a != NULL && a->rows.count == 0)
        name_unknown(cli, NAMED_SKU, text);
    return cli->exit == CLI_OK ? a->rows.items[0].sku : 0;
}

/* Operators name their sites for themselves: of several, one's own is meant. */
uint64_t name_site(struct cli *cli, const char *text)
{
    if (is_number(text))
        return value_u64(cli, "site", text);
    if (!name_fits(cli, "a site", text))
        return 0;
    struct q_sites q = {.name = text_of(text)};
    const struct a_sites *a = ask_name(cli, &q_sites_message, &q, NAMED_SITE, text);
    if (a == NULL)
        return 0;
    const struct site_info *found = a->rows.count == 1 ? a->rows.items : NULL;
    for (uint32_t i = 0; found == NULL && i < a->rows.count; i++) {
        if (a->rows.items[i].operator== connection_status(cli->connection)->you)
            found = &a->rows.items[i];
    }
    if (found != NULL)
        return found->site;
    if (a->rows.count == 0)
        name_unknown(cli, NAMED_SITE, text);
    else
        cli_fail(cli, CLI_REFUSED,
                 "several operators have a site '%s'; give its number from 'bourse site list'",
                 text);
    return 0;
}

/* --- Payments ------------------------------------------------------------------------------ */

uint32_t name_payments(struct cli *cli, int argc, char **argv, const struct payment **out,
                       uint64_t *total_out)
{
    struct payment *p = arena_alloc(&cli->arena, ((size_t)argc + 2) * sizeof(*p));
    uint64_t total = 0;
    if (p == NULL)
        cli_fail(cli, CLI_LOCAL, "out of memory");
    for (int i = 0; i < argc && cli->exit == CLI_OK; i++) {
        char *equals = strrchr(argv[i], '=');
        char *name = arena_copy(&cli->arena, argv[i], strlen(argv[i]) + 1);
        if (equals == NULL || equals == argv[i] || name == NULL) {
            cli_fail(cli, CLI_USAGE, "'%s' is not ACCOUNT=AMOUNT, such as acme=12.5", argv[i]);
            break;
        }
        name[equals - argv[i]] = '\0';
        p[i].account = name_account(cli, name);
        p[i].amount_ucr = value_amount(cli, name, equals + 1);
        if (cli->exit == CLI_OK && p[i].amount_ucr == 0)
            cli_fail(cli, CLI_USAGE, "%s: the amount must be above 0", argv[i]);
        if (!amount_add(total, p[i].amount_ucr, &total))
            cli_fail(cli, CLI_USAGE, "the amounts add up to more than there can be");
    }
    *out = p;
    *total_out = total;
    return cli->exit == CLI_OK ? (uint32_t)argc : 0;
}
