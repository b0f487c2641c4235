#include "server/exchange/ask_site.h"

#include "server/exchange/ask.h"
#include "server/exchange/ask_turn.h"
#include "server/exchange/due.h"
#include "server/exchange/index.h"
#include "server/exchange/rest.h"
#include "server/exchange/site.h"

const struct ask_site_row *ask_site_find(const struct exchange *x, uint64_t site)
{
    if (store_count(x->store, TABLE_ASK_SITE) == 0)
        return NULL;
    return store_find(x->store, TABLE_ASK_SITE, &site);
}

void ask_about_site(struct exchange *x, uint64_t site)
{
    if (store_count(x->store, TABLE_REST) == 0 || offer_open_at(x, site, 0) == NULL)
        return;
    /* The time is the present one, so that who reopens again and again does not stay the first. */
    struct ask_site_row row = {.site = site, .since_s = x->head.time_s, .shown_ucr = UINT64_MAX};
    store_put(x->store, TABLE_ASK_SITE, &row);
    ask_turn_join(x, site_find(x, site)->operator);
}

bool ask_site_waits(const struct exchange *x, uint64_t site, uint64_t offer)
{
    const struct ask_site_row *row = ask_site_find(x, site);
    return row != NULL && offer >= row->offer_next;
}

bool ask_site_hides(const struct exchange *x, const struct offer *o)
{
    return ask_site_waits(x, o->site, o->offer) && rest_waits(x, o->sku, o->price_ucr);
}

bool ask_site_hides_all(const struct exchange *x, uint64_t site, uint64_t sku,
                        uint64_t price_max_ucr)
{
    const struct ask_site_row *row = ask_site_find(x, site);
    /* The offer that is asked about stands in the book just now. */
    return row != NULL && x->asked_offer == 0 && price_max_ucr < row->shown_ucr &&
           rest_waits(x, sku, price_max_ucr);
}

void ask_site_shown(struct exchange *x, uint64_t site, uint64_t price_ucr)
{
    const struct ask_site_row *found = ask_site_find(x, site);
    if (found == NULL || found->shown_ucr <= price_ucr)
        return;
    struct ask_site_row row = *found;
    row.shown_ucr = price_ucr;
    store_put(x->store, TABLE_ASK_SITE, &row);
}

uint32_t ask_site_due(struct exchange *x, uint64_t site, uint32_t limit)
{
    struct ask_site_row row = *ask_site_find(x, site);
    const struct offer *first = offer_open_at(x, site, row.offer_next);
    const struct offer *end = first;
    uint32_t worked = 0;
    for (; end != NULL && worked < limit; worked++) {
        row.offer_next = end->offer + 1;
        end = offer_open_at(x, site, row.offer_next);
    }
    /* From now on these wait no more. */
    if (end != NULL)
        store_put(x->store, TABLE_ASK_SITE, &row);
    else
        store_remove(x->store, TABLE_ASK_SITE, &row);
    for (const struct offer *o = first; o != end; o = offer_open_at(x, site, o->offer + 1))
        ask_about(x, o->offer);
    return worked;
}

/* --- Index --------------------------------------------------------------------------------- */

static struct due_item site_item(const struct exchange *x, const struct ask_site_row *row)
{
    const struct site_row *site = site_find(x, row->site);
    return (struct due_item){.due_s = row->since_s,
                             .kind = DUE_ASK_SITE,
                             .part = site != NULL ? site->operator: 0,
                             .serial = row->site };
}

static void ask_site_hook(void *context, const void *old_row, const void *new_row)
{
    const struct ask_site_row *old = old_row;
    const struct ask_site_row *new = new_row;
    if (old != NULL)
        due_remove(context, site_item(context, old));
    /* Such a row of a damaged image stays out, which the check reports. */
    if (new != NULL && site_find(context, new->site) != NULL)
        due_put(context, site_item(context, new));
}

void ask_site_index_new(struct exchange *x)
{
    store_set_hook(x->store, TABLE_ASK_SITE, ask_site_hook, x);
}
