#include "server/exchange/site.h"

#include <stdlib.h>
#include <string.h>

#include "server/exchange/book.h"
#include "server/exchange/event.h"
#include "server/exchange/index.h"
#include "server/exchange/query.h"
#include "server/exchange/sku.h"

const struct site_row *site_find(const struct exchange *x, uint64_t site)
{
    return store_find(x->store, TABLE_SITE, &site);
}

const struct steps *site_draws(const struct exchange *x, uint64_t site)
{
    return site < x->sites->places ? x->sites->draws[site] : NULL;
}

void site_draw(struct exchange *x, uint64_t site, uint64_t from_min, uint64_t to_min, int64_t watts)
{
    if (site < x->sites->places && x->sites->draws[site] != NULL)
        steps_add(x->sites->draws[site], from_min, to_min, watts);
}

uint32_t site_reliability_ppm(const struct site_row *row)
{
    if (row->gpu_minutes_due == 0)
        return 1000000;
    return (uint32_t)amount_share_rounded_down(1000000, row->gpu_minutes_delivered,
                                               row->gpu_minutes_due);
}

static bool upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

bool place_is_valid(struct text code, bool subdivision)
{
    if (code.length < 2 || !upper(code.data[0]) || !upper(code.data[1]))
        return false;
    if (code.length == 2)
        return true;
    if (!subdivision || code.data[2] != '-' || code.length < 4 || code.length > 6)
        return false;
    for (uint32_t i = 3; i < code.length; i++) {
        if (!upper(code.data[i]) && !(code.data[i] >= '0' && code.data[i] <= '9'))
            return false;
    }
    return true;
}

bool place_covers(uint64_t filter, uint64_t code)
{
    /* The packed code of a country has nothing behind its two letters, a subdivision's has '-'. */
    if (filter == code)
        return true;
    return filter << 16 == 0 && filter >> 48 == code >> 48 && (code >> 40 & 0xff) == '-';
}

uint64_t place_of(struct text code)
{
    char column[PLACE_BYTES];
    column_set(column, sizeof(column), code);
    return place_number(column);
}

/* --- Index --------------------------------------------------------------------------------- */

static bool site_lives(const void *context, uint32_t account, uint64_t serial)
{
    const struct site_row *row = site_find(context, serial);
    return row != NULL && row->operator== account;
}

static void draws_grow(struct site_index *index, uint64_t site)
{
    size_t places = index->places != 0 ? index->places : 16;
    while (places <= site)
        places *= 2;
    struct steps **draws = realloc(index->draws, places * sizeof(*draws));
    if (draws == NULL)
        memory_exhausted();
    memset(draws + index->places, 0, (places - index->places) * sizeof(*draws));
    index->draws = draws;
    index->places = places;
}

static void site_hook(void *context, const void *old_row, const void *new_row)
{
    struct exchange *x = context;
    struct site_index *index = x->sites;
    const struct site_row *old = old_row;
    const struct site_row *new = new_row;
    if (old == NULL && new->site <= UINT32_MAX) {
        if (new->site >= index->places)
            draws_grow(index, new->site);
        index->draws[new->site] = malloc(sizeof(struct steps));
        if (index->draws[new->site] == NULL)
            memory_exhausted();
        steps_init(index->draws[new->site]);
        owned_add(&index->by_operator, new->operator, new->site);
    } else if (new == NULL && old->site < index->places) {
        steps_release(index->draws[old->site]);
        free(index->draws[old->site]);
        index->draws[old->site] = NULL;
        owned_remove(&index->by_operator, old->operator, old->site);
    }
}

void site_index_new(struct exchange *x)
{
    x->sites = calloc(1, sizeof(*x->sites));
    if (x->sites == NULL)
        memory_exhausted();
    owned_init(&x->sites->by_operator, site_lives, x);
    store_set_hook(x->store, TABLE_SITE, site_hook, x);
}

void site_index_free(struct exchange *x)
{
    struct site_index *index = x->sites;
    if (index == NULL)
        return;
    for (size_t i = 0; i < index->places; i++) {
        if (index->draws[i] != NULL)
            steps_release(index->draws[i]);
        free(index->draws[i]);
    }
    free(index->draws);
    owned_release(&index->by_operator);
    free(index);
    x->sites = NULL;
}

/* --- Operation ----------------------------------------------------------------------------- */

/* Whether the operator has a site of this name; it has few enough to look at each. */
static bool site_name_taken(const struct exchange *x, uint32_t operator, struct text name)
{
    uint32_t looks = UINT32_MAX;
    uint64_t resume = 0;
    uint64_t site = owned_next(&x->sites->by_operator, operator, 1, &looks, &resume);
    while (site != 0) {
        const struct site_row *row = site_find(x, site);
        if (strlen(row->name) == name.length && memcmp(row->name, name.data, name.length) == 0)
            return true;
        site = owned_next(&x->sites->by_operator, operator, site + 1, &looks, &resume);
    }
    return false;
}

static struct site_row site_row_of(const struct op_site_add *op)
{
    struct site_row row = {
        .power_kw = op->power_kw,
        .carbon_g_per_kwh = op->carbon_g_per_kwh,
        .certifications_count = op->certifications.count,
    };
    column_set(row.region, sizeof(row.region), op->region);
    column_set(row.jurisdiction, sizeof(row.jurisdiction), op->jurisdiction);
    column_set(row.name, sizeof(row.name), op->name);
    for (uint32_t i = 0; i < op->certifications.count; i++) {
        const struct certification *c = &op->certifications.items[i];
        row.certification_expires_s[i] = c->expires_s;
        column_set((char *)row.certification_names + (size_t)i * NAME_BYTES, NAME_BYTES, c->name);
        column_set((char *)row.certification_issuers + (size_t)i * NAME_BYTES, NAME_BYTES,
                   c->issuer);
    }
    return row;
}

enum refusal site_add(struct exchange *x, const struct actor *actor, const void *body,
                      struct result *out)
{
    const struct op_site_add *op = body;
    if (!name_allowed(op->name) || !place_is_valid(op->region, true) ||
        !place_is_valid(op->jurisdiction, false))
        return REFUSAL_malformed;
    if (owned_count(&x->sites->by_operator, actor->account) >= SITES_PER_ACCOUNT_MAX)
        return REFUSAL_too_many;
    if (site_name_taken(x, actor->account, op->name))
        return REFUSAL_site_taken;

    struct site_row row = site_row_of(op);
    row.site = ++x->head.site_last;
    row.operator= actor->account;
    row.index = event_next_index(x);
    store_put(x->store, TABLE_SITE, &row);
    struct ev_site_added event = {
        EVENT_HEAD_OF(x, actor->account),
        .site = row.site,
        .name = op->name,
        .region = op->region,
        .jurisdiction = op->jurisdiction,
        .power_kw = op->power_kw,
        .carbon_g_per_kwh = op->carbon_g_per_kwh,
    };
    event.certifications.items = op->certifications.items;
    event.certifications.count = op->certifications.count;
    event_log(x, &ev_site_added_message, &event);
    out->object = row.site;
    return REFUSAL_accepted;
}
