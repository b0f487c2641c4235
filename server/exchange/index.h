/*
 * The indexes in memory: each noun makes its own in exchange_new(), where it sets the hooks of its
 * tables (store_set_hook), and frees it in exchange_free(). A hook keeps index, ledger totals and
 * due items equal to what the rows say, also at undo and while the image is loaded (tables in the
 * order of enum table, each in key order).
 */
#ifndef BOURSE_EXCHANGE_INDEX_H
#define BOURSE_EXCHANGE_INDEX_H

#include "server/exchange/state.h"

/* Called on a new exchange with an empty store, in this order; freed in the opposite one. */
void due_queue_new(struct exchange *x);
void account_index_new(struct exchange *x);
void ledger_index_new(struct exchange *x);
void series_index_new(struct exchange *x);
void token_index_new(struct exchange *x);
void gift_index_new(struct exchange *x);
void request_index_new(struct exchange *x);
void key_index_new(struct exchange *x);
void sku_index_new(struct exchange *x);
void site_index_new(struct exchange *x);
void closure_index_new(struct exchange *x);
void ask_site_index_new(struct exchange *x);
void ask_turn_index_new(struct exchange *x);
void offer_index_new(struct exchange *x);
void order_index_new(struct exchange *x);
void rest_index_new(struct exchange *x);
void lease_index_new(struct exchange *x); /* also of relief and period rows */
void rule_index_new(struct exchange *x);
void contract_index_new(struct exchange *x); /* also of claims */
void pledge_index_new(struct exchange *x);
void grant_index_new(struct exchange *x);
void revshare_index_new(struct exchange *x);
void flow_index_new(struct exchange *x);
void occupancy_index_new(struct exchange *x); /* of listings and covers */
void proposal_index_new(struct exchange *x);
void trade_index_new(struct exchange *x); /* also of the points of the price index */

/* At the end of a group, when nothing of it can be undone any more. */
void ledger_index_settle(struct exchange *x);
void token_index_settle(struct exchange *x);
void gift_index_settle(struct exchange *x);
void proposal_index_settle(struct exchange *x);
void closure_index_settle(struct exchange *x);
void flow_index_settle(struct exchange *x);
void occupancy_index_settle(struct exchange *x);

/* Each takes an exchange whose index may be NULL. */
void due_queue_free(struct exchange *x);
void account_index_free(struct exchange *x);
void ledger_index_free(struct exchange *x);
void series_index_free(struct exchange *x);
void token_index_free(struct exchange *x);
void gift_index_free(struct exchange *x);
void request_index_free(struct exchange *x);
void key_index_free(struct exchange *x);
void sku_index_free(struct exchange *x);
void site_index_free(struct exchange *x);
void closure_index_free(struct exchange *x);
void ask_turn_index_free(struct exchange *x);
void offer_index_free(struct exchange *x);
void order_index_free(struct exchange *x);
void rest_index_free(struct exchange *x);
void lease_index_free(struct exchange *x);
void rule_index_free(struct exchange *x);
void contract_index_free(struct exchange *x);
void pledge_index_free(struct exchange *x);
void grant_index_free(struct exchange *x);
void revshare_index_free(struct exchange *x);
void flow_index_free(struct exchange *x);
void occupancy_index_free(struct exchange *x);
void proposal_index_free(struct exchange *x);
void trade_index_free(struct exchange *x);

#endif
