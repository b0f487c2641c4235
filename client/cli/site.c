#include "client/cli/cli.h"

#include <string.h>

/* NAME:ISSUER:EXPIRY; the expiry is after the last colon that begins a time, so names and issuers
 * have no colons. */
static struct certification certification_read(struct cli *cli, const char *text)
{
    struct certification c = {0};
    char *copy = arena_copy(&cli->arena, text, strlen(text) + 1);
    char *issuer = copy != NULL ? strchr(copy, ':') : NULL;
    char *expiry = issuer != NULL ? strchr(issuer + 1, ':') : NULL;
    if (expiry == NULL) {
        cli_fail(cli, CLI_USAGE,
                 "'%s' is not NAME:ISSUER:EXPIRY, such as 'ISO 27001:TUV:2028-01-31'", text);
        return c;
    }
    *issuer++ = '\0';
    *expiry++ = '\0';
    c.name = value_text(cli, "--certification", copy, NAME_MAX_BYTES);
    c.issuer = value_text(cli, "--certification", issuer, NAME_MAX_BYTES);
    c.expires_s = value_moment(cli, "--certification", expiry);
    return c;
}

/* --certification, as often as it is given. */
static uint32_t certifications_read(struct cli *cli, const struct certification **out)
{
    static struct certification certifications[SITE_CERTIFICATIONS_MAX];
    const char *text;
    uint32_t count = 0;
    while (cli->exit == CLI_OK && (text = option_nth(cli, "certification", count)) != NULL) {
        if (count == SITE_CERTIFICATIONS_MAX) {
            cli_fail(cli, CLI_USAGE, "a site has at most %d certifications",
                     SITE_CERTIFICATIONS_MAX);
            break;
        }
        certifications[count++] = certification_read(cli, text);
    }
    *out = certifications;
    return count;
}

int command_site_add(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct op_site_add op = {
        .name = value_text(cli, "NAME", argv[0], NAME_MAX_BYTES),
        .region = value_text(cli, "--region", option_required(cli, "region"), PLACE_MAX_BYTES),
        .jurisdiction = option_string(cli, "jurisdiction", PLACE_MAX_BYTES),
        .power_kw = value_u32(cli, "--power-kw", option_required(cli, "power-kw")),
        .carbon_g_per_kwh = option_u32(cli, "carbon", 0),
    };
    if (op.jurisdiction.length == 0) {
        op.jurisdiction = op.region;
        const char *dash = memchr(op.region.data, '-', op.region.length);
        if (dash != NULL)
            op.jurisdiction.length = (uint32_t)(dash - op.region.data);
    }
    op.certifications.count = certifications_read(cli, &op.certifications.items);
    const struct result *r = cli_apply(cli, &op_site_add_message, &op);
    return cli_print_result(cli, &op_site_add_message, r, "site", "added site %llu, %s",
                            r != NULL ? (unsigned long long)r->object : 0, argv[0]);
}

/* The operation says all of the site; what is not named stays. */
int command_site_change(struct cli *cli, int argc, char **argv)
{
    bool none = option_flag(cli, "no-certification");
    bool some = option_text(cli, "certification") != NULL;
    (void)argc;
    if (!none && !some && option_text(cli, "power-kw") == NULL &&
        option_text(cli, "carbon") == NULL)
        return cli_fail(cli, CLI_USAGE,
                        "what is to change? Give --power-kw, --carbon or "
                        "--certification");
    if (none && some)
        return cli_fail(cli, CLI_USAGE,
                        "--certification and --no-certification contradict each "
                        "other");
    struct q_sites q = {.site = name_site(cli, argv[0])};
    cli->missing = "there is no such site; see 'bourse site list'";
    const struct a_sites *a = cli->exit == CLI_OK ? cli_query(cli, &q_sites_message, &q) : NULL;
    if (a != NULL && a->rows.count == 0)
        cli_fail(cli, CLI_REFUSED, "%s", cli->missing);
    cli->missing = NULL;
    if (cli->exit != CLI_OK)
        return cli->exit;
    const struct site_info *site = a->rows.items;
    struct op_site_change op = {
        .site = site->site,
        .power_kw = option_u32(cli, "power-kw", site->power_kw),
        .carbon_g_per_kwh = option_u32(cli, "carbon", site->carbon_g_per_kwh),
    };
    op.certifications.items = site->certifications.items;
    op.certifications.count = none ? 0 : site->certifications.count;
    if (some)
        op.certifications.count = certifications_read(cli, &op.certifications.items);
    return cli_print_result(
        cli, &op_site_change_message, cli_apply(cli, &op_site_change_message, &op), "site",
        "changed site %llu, %s: %u kW, %u gCO2e/kWh, %u certification%s",
        (unsigned long long)op.site, argv[0], (unsigned)op.power_kw, (unsigned)op.carbon_g_per_kwh,
        (unsigned)op.certifications.count, op.certifications.count == 1 ? "" : "s");
}

int command_site_show(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct q_sites q = {.site = name_site(cli, argv[0])};
    return records_show(cli, &q_sites_message, &q, "there is no such site");
}

int command_site_list(struct cli *cli, int argc, char **argv)
{
    const char *operator= option_text(cli, "operator");
    struct q_sites q = {0};
    (void)argc;
    (void)argv;
    if (operator!= NULL)
        q.operator= name_account(cli, operator);
    return records_list(cli, &q_sites_message, &q,
                        "site name operator region jurisdiction power_kw carbon_g_per_kwh "
                        "reliability_ppm",
                        "no sites yet; an operator adds them with 'bourse site add'");
}
