/* What a workload asks of the capacity besides SKU, size and time; and which of it nobody here has,
 * since a name that is mistyped looks to the exchange like one that somebody may have tomorrow. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/check.h"
#include "client/cli/order_place.h"
#include "protocol/status.h"

/* --- From the command line ------------------------------------------------------------------ */

static uint32_t places_read(struct cli *cli, const char *option, bool subdivision,
                            const struct place **out)
{
    struct place *places = arena_alloc(&cli->arena, FILTER_PLACES_MAX * sizeof(*places));
    const char *code;
    uint32_t count = 0;
    while (places != NULL && cli->exit == CLI_OK &&
           (code = option_item(cli, option, count)) != NULL) {
        struct text text = text_of(code);
        if (count == FILTER_PLACES_MAX)
            cli_fail(cli, CLI_USAGE, "at most %d of --%s", FILTER_PLACES_MAX, option);
        else if (check_place(cli, option, text, subdivision) == CLI_OK)
            places[count++].code = text;
    }
    *out = places;
    return count;
}

/* Names may hold commas, so each has an option of its own. */
static uint32_t certifications_read(struct cli *cli, const struct required **out)
{
    struct required *names = arena_alloc(&cli->arena, ORDER_CERTIFICATIONS_MAX * sizeof(*names));
    const char *name;
    uint32_t count = 0;
    while (names != NULL && cli->exit == CLI_OK &&
           (name = option_nth(cli, "cert", count)) != NULL) {
        if (count == ORDER_CERTIFICATIONS_MAX) {
            cli_fail(cli, CLI_USAGE, "at most %d of --cert", ORDER_CERTIFICATIONS_MAX);
            break;
        }
        names[count++].name = value_text(cli, "--cert", name, NAME_MAX_BYTES);
    }
    *out = names;
    return count;
}

/* Training allows neither several sites nor preemption, so who asks for these means tuning. */
static uint32_t profile_default(const struct cli *cli)
{
    if (option_text(cli, "funded") != NULL)
        return PROFILE_INFERENCE;
    return option_flag(cli, "spread") || option_flag(cli, "preemptible-ok") ? PROFILE_TUNING
                                                                            : PROFILE_TRAINING;
}

int order_constraints(struct cli *cli, struct op_order_place *o)
{
    bool sovereign = option_text(cli, "sovereign") != NULL;
    if (sovereign &&
        (option_text(cli, "region") != NULL || option_text(cli, "jurisdiction") != NULL))
        return cli_fail(cli, CLI_USAGE,
                        "--sovereign says region and jurisdiction both; leave out --region and "
                        "--jurisdiction");
    o->regions.count =
        places_read(cli, sovereign ? "sovereign" : "region", !sovereign, &o->regions.items);
    o->jurisdictions.count =
        places_read(cli, sovereign ? "sovereign" : "jurisdiction", false, &o->jurisdictions.items);
    o->preemptible_ok = option_flag(cli, "preemptible-ok");
    o->profile = option_word(cli, "profile", &profile_vocabulary, profile_default(cli));
    o->certifications.count = certifications_read(cli, &o->certifications.items);
    o->interconnect = option_string(cli, "interconnect", NAME_MAX_BYTES);
    o->carbon_g_max = option_u32(cli, "carbon-max", 0);
    if (option_text(cli, "carbon-max") != NULL && o->carbon_g_max == 0)
        cli_fail(cli, CLI_USAGE,
                 "--carbon-max 0 would allow any: 1 is the least; leave it out if that is meant");
    o->reliability_ppm_min = option_ppm(cli, "reliability-min", 0);
    return cli->exit;
}

/* --- Names that there are ------------------------------------------------------------------- */

enum { KNOWN_MAX = 200, KNOWN_SHOWN = 8, LIKE_DISTANCE = 2, LIKE_LETTERS = 3 };

struct known {
    struct text names[KNOWN_MAX];
    uint32_t count;
};

static bool text_equal(struct text a, struct text b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

static void known_add(struct known *known, struct text name)
{
    for (uint32_t i = 0; i < known->count; i++) {
        if (text_equal(known->names[i], name))
            return;
    }
    if (name.length > 0 && known->count < KNOWN_MAX)
        known->names[known->count++] = name;
}

/* Letters and digits alone, in small: "ISO 27001" and "iso-27001" are the same to people. */
static size_t letters_of(struct text name, char out[NAME_MAX_BYTES + 1])
{
    size_t length = 0;
    for (uint32_t i = 0; i < name.length && length < NAME_MAX_BYTES; i++) {
        if (isalnum((unsigned char)name.data[i]))
            out[length++] = (char)tolower((unsigned char)name.data[i]);
    }
    out[length] = '\0';
    return length;
}

/* Whether somebody who typed the one may have meant the other. */
static bool is_like(struct text typed, struct text name)
{
    char a[NAME_MAX_BYTES + 1];
    char b[NAME_MAX_BYTES + 1];
    size_t length = letters_of(typed, a);
    size_t other = letters_of(name, b);
    size_t shorter = length < other ? length : other;
    return shorter >= LIKE_LETTERS &&
           (memcmp(a, b, shorter) == 0 || help_distance(a, b) <= LIKE_DISTANCE);
}

/* "No site has the certification 'ISO 2701'; did you mean 'ISO 27001'?", or what there is. */
static void unknown_append(struct buffer *out, const char *none, struct text typed,
                           const struct known *known)
{
    buffer_printf(out, "%s%s '%.*s'", out->length > 0 ? " " : "", none, (int)typed.length,
                  typed.data);
    for (uint32_t i = 0; i < known->count; i++) {
        if (is_like(typed, known->names[i])) {
            buffer_printf(out, "; did you mean '%.*s'?", (int)known->names[i].length,
                          known->names[i].data);
            return;
        }
    }
    buffer_printf(out, known->count > 0 ? "; there %s " : "; there is none at all",
                  known->count == 1 ? "is" : "are");
    for (uint32_t i = 0; i < known->count && i < KNOWN_SHOWN; i++)
        buffer_printf(out, "%s'%.*s'", i > 0 ? ", " : "", (int)known->names[i].length,
                      known->names[i].data);
    if (known->count > KNOWN_SHOWN)
        buffer_printf(out, " and %u more", (unsigned)(known->count - KNOWN_SHOWN));
    buffer_append(out, ".", 1);
}

/* --- Names that nobody has ------------------------------------------------------------------ */

static bool region_covers(struct text region, struct text place)
{
    return text_equal(region, place) ||
           (region.length == 2 && place.length > 2 && place.data[2] == '-' &&
            memcmp(region.data, place.data, 2) == 0);
}

static uint32_t sites_fetch(struct cli *cli, const struct site_info **out)
{
    struct q_sites q = {0};
    const void *rows = NULL;
    uint32_t count = records_fetch(cli, &q_sites_message, &q, UINT32_MAX, &rows);
    *out = rows;
    return count;
}

static void region_unknown(const struct site_info *sites, uint32_t count, struct text region,
                           struct buffer *out)
{
    struct known known = {.count = 0};
    for (uint32_t i = 0; i < count; i++) {
        if (region_covers(region, sites[i].region))
            return;
        known_add(&known, sites[i].region);
    }
    unknown_append(out, "No site is in the region", region, &known);
}

static void jurisdiction_unknown(const struct site_info *sites, uint32_t count, struct text code,
                                 struct buffer *out)
{
    struct known known = {.count = 0};
    for (uint32_t i = 0; i < count; i++) {
        if (text_equal(code, sites[i].jurisdiction))
            return;
        known_add(&known, sites[i].jurisdiction);
    }
    unknown_append(out, "No supplier is under the jurisdiction", code, &known);
}

static void certification_unknown(const struct site_info *sites, uint32_t count, struct text name,
                                  struct buffer *out)
{
    struct known known = {.count = 0};
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < sites[i].certifications.count; j++) {
            if (text_equal(name, sites[i].certifications.items[j].name))
                return;
            known_add(&known, sites[i].certifications.items[j].name);
        }
    }
    unknown_append(out, "No site has the certification", name, &known);
}

/* Of the SKUs that were named: it is they that must have it. */
static void interconnect_unknown(struct cli *cli, const struct op_order_place *o,
                                 struct buffer *out)
{
    struct known known = {.count = 0};
    for (uint32_t i = 0; i < o->skus.count; i++) {
        struct q_skus q = {.sku = o->skus.items[i].sku};
        const struct a_skus *a = cli_query_quietly(cli, &q_skus_message, &q);
        if (a == NULL || a->rows.count == 0 ||
            text_equal(a->rows.items[0].interconnect, o->interconnect))
            return;
        known_add(&known, a->rows.items[0].interconnect);
    }
    char none[NAME_MAX_BYTES + 64] = "None of the SKUs has the interconnect";
    if (o->skus.count == 1)
        snprintf(none, sizeof(none), "%s does not have the interconnect",
                 name_of(cli, NAMED_SKU, o->skus.items[0].sku));
    unknown_append(out, none, o->interconnect, &known);
}

static const char *buffer_keep(struct cli *cli, struct buffer *b)
{
    buffer_append(b, "", 1);
    const char *kept = b->status == STATUS_OK && b->length > 1
                           ? arena_copy(&cli->arena, b->data, b->length)
                           : NULL;
    buffer_release(b);
    return kept;
}

const char *order_unknown(struct cli *cli, const struct op_order_place *o)
{
    struct buffer b = BUFFER_EMPTY;
    const struct site_info *sites = NULL;
    bool places = o->regions.count + o->jurisdictions.count + o->certifications.count > 0;
    uint32_t count = places && cli->exit == CLI_OK ? sites_fetch(cli, &sites) : 0;
    for (uint32_t i = 0; cli->exit == CLI_OK && i < o->regions.count; i++)
        region_unknown(sites, count, o->regions.items[i].code, &b);
    for (uint32_t i = 0; cli->exit == CLI_OK && i < o->jurisdictions.count; i++)
        jurisdiction_unknown(sites, count, o->jurisdictions.items[i].code, &b);
    for (uint32_t i = 0; cli->exit == CLI_OK && i < o->certifications.count; i++)
        certification_unknown(sites, count, o->certifications.items[i].name, &b);
    if (cli->exit == CLI_OK && o->interconnect.length > 0)
        interconnect_unknown(cli, o, &b);
    return buffer_keep(cli, &b);
}

const char *region_unheard(struct cli *cli, struct text region)
{
    struct buffer b = BUFFER_EMPTY;
    const struct site_info *sites = NULL;
    uint32_t count = region.length > 0 ? sites_fetch(cli, &sites) : 0;
    if (cli->exit == CLI_OK && region.length > 0)
        region_unknown(sites, count, region, &b);
    return buffer_keep(cli, &b);
}

struct text region_option(struct cli *cli)
{
    const char *text = option_text(cli, "region");
    struct text region = text_of(text != NULL ? text : "");
    if (text != NULL)
        check_place(cli, "region", region, true);
    return cli->exit == CLI_OK ? region : (struct text){"", 0};
}
