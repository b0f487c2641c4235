#include "server/exchange/site.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/place.h"
#include "server/exchange/backstop.h"
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
        x->request_looks += steps_add(x->sites->draws[site], from_min, to_min, watts);
}

/* The most that is drawn at any minute of [from, to) from now on. */
static uint64_t site_drawn(struct exchange *x, uint64_t site, uint64_t from_min, uint64_t to_min)
{
    uint64_t now_min = x->head.time_s / 60;
    uint64_t from = from_min > now_min ? from_min : now_min;
    return from < to_min ? steps_max_counted(site_draws(x, site), from, to_min, &x->request_looks)
                         : 0;
}

bool site_has_power(struct exchange *x, uint64_t site, uint64_t from_min, uint64_t to_min,
                    uint64_t watts)
{
    uint64_t ceiling = (uint64_t)site_find(x, site)->power_kw * 1000;
    uint64_t drawn = site_drawn(x, site, from_min, to_min);
    return drawn <= ceiling && watts <= ceiling - drawn;
}

uint32_t site_reliability_ppm(const struct site_row *row)
{
    if (row->gpu_minutes_due == 0)
        return 1000000;
    return (uint32_t)amount_share_rounded_down(1000000, row->gpu_minutes_delivered,
                                               row->gpu_minutes_due);
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

/* --- Operations ---------------------------------------------------------------------------- */

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

static void site_set_certifications(struct site_row *row, const struct certification *items,
                                    uint32_t count)
{
    memset(row->certification_expires_s, 0, sizeof(row->certification_expires_s));
    memset(row->certification_names, 0, sizeof(row->certification_names));
    memset(row->certification_issuers, 0, sizeof(row->certification_issuers));
    row->certifications_count = count;
    for (uint32_t i = 0; i < count; i++) {
        size_t at = (size_t)i * NAME_BYTES;
        row->certification_expires_s[i] = items[i].expires_s;
        column_set((char *)row->certification_names + at, NAME_BYTES, items[i].name);
        column_set((char *)row->certification_issuers + at, NAME_BYTES, items[i].issuer);
    }
}

static struct site_row site_row_of(const struct op_site_add *op)
{
    struct site_row row = {
        .power_kw = op->power_kw,
        .carbon_g_per_kwh = op->carbon_g_per_kwh,
    };
    column_set(row.region, sizeof(row.region), op->region);
    column_set(row.jurisdiction, sizeof(row.jurisdiction), op->jurisdiction);
    column_set(row.name, sizeof(row.name), op->name);
    site_set_certifications(&row, op->certifications.items, op->certifications.count);
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

enum refusal site_change(struct exchange *x, const struct actor *actor, const void *body,
                         struct result *out)
{
    const struct op_site_change *op = body;
    const struct site_row *found = site_find(x, op->site);
    if (found != NULL && found->operator!= actor->account)
        return REFUSAL_not_owner;
    if (found == NULL)
        return REFUSAL_site_not_found;
    if (x->request_looks >= REQUEST_LOOKS_MAX)
        return REFUSAL_too_many;
    if (site_drawn(x, op->site, 0, UINT64_MAX) > (uint64_t)op->power_kw * 1000)
        return REFUSAL_power_exceeded;
    enum refusal behind = backstop_pass_site_refusal(x, op->site);
    if (behind)
        return behind;

    struct ev_site_changed event = {
        EVENT_HEAD_OF(x, actor->account),
        .site = op->site,
        .power_kw = op->power_kw,
        .carbon_g_per_kwh = op->carbon_g_per_kwh,
    };
    event.certifications.items = op->certifications.items;
    event.certifications.count = op->certifications.count;
    event_log(x, &ev_site_changed_message, &event);
    /* What has passed counts with the certifications that were held. */
    backstop_pass_site(x, op->site);
    struct site_row row = *site_find(x, op->site);
    row.power_kw = op->power_kw;
    row.carbon_g_per_kwh = op->carbon_g_per_kwh;
    site_set_certifications(&row, op->certifications.items, op->certifications.count);
    store_put(x->store, TABLE_SITE, &row);
    out->object = op->site;
    return REFUSAL_accepted;
}
