#include "server/exchange/rows.h"

ROW_COLUMNS(head_row, HEAD_ROW)
ROW_COLUMNS(outage_row, OUTAGE_ROW)
ROW_COLUMNS(account_row, ACCOUNT_ROW)
ROW_COLUMNS(key_row, KEY_ROW)
ROW_COLUMNS(series_row, SERIES_ROW)
ROW_COLUMNS(sku_row, SKU_ROW)
ROW_COLUMNS(site_row, SITE_ROW)
ROW_COLUMNS(ledger_row, LEDGER_ROW)
ROW_COLUMNS(token_row, TOKEN_ROW)
ROW_COLUMNS(gift_row, GIFT_ROW)
ROW_COLUMNS(closure_row, CLOSURE_ROW)
ROW_COLUMNS(ask_site_row, ASK_SITE_ROW)
ROW_COLUMNS(ask_turn_row, ASK_TURN_ROW)
ROW_COLUMNS(offer_row, OFFER_ROW)
ROW_COLUMNS(order_row, ORDER_ROW)
ROW_COLUMNS(rest_row, REST_ROW)
ROW_COLUMNS(lease_row, LEASE_ROW)
ROW_COLUMNS(relief_row, RELIEF_ROW)
ROW_COLUMNS(escrow_row, ESCROW_ROW)
ROW_COLUMNS(period_row, PERIOD_ROW)
ROW_COLUMNS(payment_row, PAYMENT_ROW)
ROW_COLUMNS(rule_row, RULE_ROW)
ROW_COLUMNS(trade_row, TRADE_ROW)
ROW_COLUMNS(point_row, POINT_ROW)
ROW_COLUMNS(level_row, LEVEL_ROW)
ROW_COLUMNS(request_row, REQUEST_ROW)
ROW_COLUMNS(contract_row, CONTRACT_ROW)
ROW_COLUMNS(backstop_row, BACKSTOP_ROW)
ROW_COLUMNS(cover_row, COVER_ROW)
ROW_COLUMNS(revshare_row, REVSHARE_ROW)
ROW_COLUMNS(progress_row, PROGRESS_ROW)
ROW_COLUMNS(grant_row, GRANT_ROW)
ROW_COLUMNS(advance_row, ADVANCE_ROW)
ROW_COLUMNS(guarantee_row, GUARANTEE_ROW)
ROW_COLUMNS(recourse_row, RECOURSE_ROW)
ROW_COLUMNS(claim_row, CLAIM_ROW)
ROW_COLUMNS(draw_row, DRAW_ROW)
ROW_COLUMNS(share_row, SHARE_ROW)
ROW_COLUMNS(declaration_row, DECLARATION_ROW)
ROW_COLUMNS(occupancy_row, OCCUPANCY_ROW)
ROW_COLUMNS(listing_row, LISTING_ROW)
ROW_COLUMNS(flow_row, FLOW_ROW)
ROW_COLUMNS(proposal_row, PROPOSAL_ROW)
ROW_COLUMNS(closing_row, CLOSING_ROW)

const struct table_spec exchange_tables[TABLE_COUNT] = {
    [TABLE_HEAD] = TABLE_SPEC("head", 3, head_row, 1, 4),
    [TABLE_OUTAGE] = TABLE_SPEC("outage", 1, outage_row, 1, 8),
    [TABLE_ACCOUNT] = TABLE_SPEC("account", 2, account_row, 1, 4),
    [TABLE_KEY] = TABLE_SPEC("key", 1, key_row, 2, 8),
    [TABLE_SERIES] = TABLE_SPEC("series", 1, series_row, 1, 4),
    [TABLE_SKU] = TABLE_SPEC("sku", 1, sku_row, 1, 8),
    [TABLE_SITE] = TABLE_SPEC("site", 1, site_row, 1, 8),
    [TABLE_LEDGER] = TABLE_SPEC("ledger", 2, ledger_row, 3, 12),
    [TABLE_TOKEN] = TABLE_SPEC("token", 1, token_row, 1, 8),
    [TABLE_GIFT] = TABLE_SPEC("gift", 1, gift_row, 1, 8),
    [TABLE_CLOSURE] = TABLE_SPEC("closure", 1, closure_row, 1, 8),
    [TABLE_ASK_SITE] = TABLE_SPEC("ask_site", 1, ask_site_row, 1, 8),
    [TABLE_ASK_TURN] = TABLE_SPEC("ask_turn", 1, ask_turn_row, 1, 4),
    [TABLE_OFFER] = TABLE_SPEC("offer", 2, offer_row, 1, 8),
    [TABLE_ORDER] = TABLE_SPEC("order", 2, order_row, 1, 8),
    [TABLE_REST] = TABLE_SPEC("rest", 1, rest_row, 1, 8),
    [TABLE_LEASE] = TABLE_SPEC("lease", 5, lease_row, 1, 8),
    [TABLE_RELIEF] = TABLE_SPEC("relief", 3, relief_row, 2, 12),
    [TABLE_ESCROW] = TABLE_SPEC("escrow", 2, escrow_row, 3, 16),
    [TABLE_PERIOD] = TABLE_SPEC("period", 1, period_row, 2, 12),
    [TABLE_PAYMENT] = TABLE_SPEC("payment", 1, payment_row, 3, 16),
    [TABLE_RULE] = TABLE_SPEC("rule", 1, rule_row, 1, 8),
    [TABLE_TRADE] = TABLE_SPEC("trade", 2, trade_row, 1, 8),
    [TABLE_POINT] = TABLE_SPEC("point", 1, point_row, 3, 20),
    [TABLE_LEVEL] = TABLE_SPEC("level", 1, level_row, 3, 20),
    [TABLE_CONTRACT] = TABLE_SPEC("contract", 2, contract_row, 1, 8),
    [TABLE_BACKSTOP] = TABLE_SPEC("backstop", 1, backstop_row, 2, 12),
    [TABLE_COVER] = TABLE_SPEC("cover", 3, cover_row, 1, 8),
    [TABLE_REVSHARE] = TABLE_SPEC("revshare", 1, revshare_row, 2, 12),
    [TABLE_PROGRESS] = TABLE_SPEC("progress", 3, progress_row, 1, 8),
    [TABLE_GRANT] = TABLE_SPEC("grant", 1, grant_row, 2, 12),
    [TABLE_ADVANCE] = TABLE_SPEC("advance", 2, advance_row, 1, 8),
    [TABLE_GUARANTEE] = TABLE_SPEC("guarantee", 1, guarantee_row, 2, 12),
    [TABLE_RECOURSE] = TABLE_SPEC("recourse", 2, recourse_row, 1, 8),
    [TABLE_CLAIM] = TABLE_SPEC("claim", 1, claim_row, 1, 8),
    [TABLE_DRAW] = TABLE_SPEC("draw", 3, draw_row, 2, 12),
    [TABLE_SHARE] = TABLE_SPEC("share", 2, share_row, 2, 16),
    [TABLE_DECLARATION] = TABLE_SPEC("declaration", 1, declaration_row, 3, 16),
    [TABLE_OCCUPANCY] = TABLE_SPEC("occupancy", 1, occupancy_row, 3, 24),
    [TABLE_LISTING] = TABLE_SPEC("listing", 1, listing_row, 2, 12),
    [TABLE_FLOW] = TABLE_SPEC("flow", 1, flow_row, 1, 8),
    [TABLE_PROPOSAL] = TABLE_SPEC("proposal", 1, proposal_row, 1, 8),
    [TABLE_CLOSING] = TABLE_SPEC("closing", 1, closing_row, 4, 16),
    [TABLE_REQUEST] = TABLE_SPEC("request", 1, request_row, 4, 32),
};
