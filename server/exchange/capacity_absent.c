/* Temporary: stands in for the files of the other half that are not there yet. */
#include "server/exchange/check.h"
#include "server/exchange/clock.h"
#include "server/exchange/due.h"
#include "server/exchange/index.h"
#include "server/exchange/query.h"
#define ABSENT_INDEX(n) void n##_index_new(struct exchange *x){(void)x;} void n##_index_free(struct exchange *x){(void)x;}
#define ABSENT_OP(n) enum refusal n(struct exchange *x, const struct actor *a, const void *b, struct result *o){(void)x;(void)a;(void)b;(void)o;return REFUSAL_unknown_operation;}
#define ABSENT_QUERY(n) enum refusal n(const struct exchange *x, uint32_t a, const void *b, struct arena *r, const struct message **m, const void **o){(void)x;(void)a;(void)b;(void)r;(void)m;(void)o;return REFUSAL_not_found;}
#ifndef HAVE_sku
ABSENT_INDEX(sku) ABSENT_OP(sku_add) ABSENT_OP(sku_change)
#endif
#ifndef HAVE_site
ABSENT_INDEX(site) ABSENT_OP(site_add)
#endif
#ifndef HAVE_offer
ABSENT_INDEX(offer) ABSENT_OP(offer_publish) ABSENT_OP(offer_withdraw)
void offer_due(struct exchange *x, struct due_item i){(void)x;(void)i;}
#endif
#ifndef HAVE_order
ABSENT_INDEX(order) ABSENT_OP(order_place)
#endif
#ifndef HAVE_lease
ABSENT_INDEX(lease) ABSENT_OP(lease_activate) ABSENT_OP(lease_end)
void lease_due(struct exchange *x, struct due_item i){(void)x;(void)i;}
void lease_deadlines_moved(struct exchange *x){(void)x;}
#endif
#ifndef HAVE_period
ABSENT_OP(lease_meter) ABSENT_OP(lease_dispute) ABSENT_OP(dispute_decide)
void period_due(struct exchange *x, struct due_item i){(void)x;(void)i;}
#endif
#ifndef HAVE_query_capacity
ABSENT_QUERY(query_skus) ABSENT_QUERY(query_sites) ABSENT_QUERY(query_offers) ABSENT_QUERY(query_orders) ABSENT_QUERY(query_leases) ABSENT_QUERY(query_periods)
#endif
#ifndef HAVE_quote
ABSENT_QUERY(query_quote)
#endif
#ifndef HAVE_check_capacity
void check_capacity(const struct exchange *x, struct check_report *r){(void)x;(void)r;}
#endif
