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
    c.name = value_text(cli, "certification", copy, NAME_MAX_BYTES);
    c.issuer = value_text(cli, "certification", issuer, NAME_MAX_BYTES);
    c.expires_s = value_moment(cli, "certification", expiry);
    return c;
}

int command_site_add(struct cli *cli, int argc, char **argv)
{
    static struct certification certifications[SITE_CERTIFICATIONS_MAX];
    const char *text;
    uint32_t count = 0;
    (void)argc;
    struct op_site_add op = {
        .name = value_text(cli, "NAME", argv[0], NAME_MAX_BYTES),
        .region = value_text(cli, "region", option_required(cli, "region"), PLACE_MAX_BYTES),
        .jurisdiction = option_string(cli, "jurisdiction", PLACE_MAX_BYTES),
        .power_kw = value_u32(cli, "power-kw", option_required(cli, "power-kw")),
        .carbon_g_per_kwh = option_u32(cli, "carbon", 0),
    };
    if (op.jurisdiction.length == 0) {
        op.jurisdiction = op.region;
        const char *dash = memchr(op.region.data, '-', op.region.length);
        if (dash != NULL)
            op.jurisdiction.length = (uint32_t)(dash - op.region.data);
    }
    while ((text = option_nth(cli, "certification", count)) != NULL && cli->exit == CLI_OK) {
        if (count == SITE_CERTIFICATIONS_MAX)
            return cli_fail(cli, CLI_USAGE, "a site has at most %d certifications",
                            SITE_CERTIFICATIONS_MAX);
        certifications[count++] = certification_read(cli, text);
    }
    op.certifications.items = certifications;
    op.certifications.count = count;
    const struct result *r = cli_apply(cli, &op_site_add_message, &op);
    return cli_print_result(cli, &op_site_add_message, r, "site", "added site %llu, %s",
                            r != NULL ? (unsigned long long)r->object : 0, argv[0]);
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
