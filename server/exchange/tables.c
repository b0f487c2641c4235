#include "server/exchange/rows.h"

ROW_COLUMNS(head_row, HEAD_ROW)
ROW_COLUMNS(outage_row, OUTAGE_ROW)
ROW_COLUMNS(account_row, ACCOUNT_ROW)
ROW_COLUMNS(series_row, SERIES_ROW)
ROW_COLUMNS(sku_row, SKU_ROW)
ROW_COLUMNS(site_row, SITE_ROW)
ROW_COLUMNS(ledger_row, LEDGER_ROW)
ROW_COLUMNS(token_row, TOKEN_ROW)
ROW_COLUMNS(gift_row, GIFT_ROW)
ROW_COLUMNS(offer_row, OFFER_ROW)
ROW_COLUMNS(order_row, ORDER_ROW)
ROW_COLUMNS(lease_row, LEASE_ROW)
ROW_COLUMNS(escrow_row, ESCROW_ROW)
ROW_COLUMNS(period_row, PERIOD_ROW)
ROW_COLUMNS(request_row, REQUEST_ROW)

const struct table_spec exchange_tables[TABLE_COUNT] = {
    [TABLE_HEAD] = TABLE_SPEC("head", 1, head_row, 1, 4),
    [TABLE_OUTAGE] = TABLE_SPEC("outage", 1, outage_row, 1, 8),
    [TABLE_ACCOUNT] = TABLE_SPEC("account", 1, account_row, 1, 4),
    [TABLE_SERIES] = TABLE_SPEC("series", 1, series_row, 1, 4),
    [TABLE_SKU] = TABLE_SPEC("sku", 1, sku_row, 1, 8),
    [TABLE_SITE] = TABLE_SPEC("site", 1, site_row, 1, 8),
    [TABLE_LEDGER] = TABLE_SPEC("ledger", 1, ledger_row, 4, 16),
    [TABLE_TOKEN] = TABLE_SPEC("token", 1, token_row, 1, 8),
    [TABLE_GIFT] = TABLE_SPEC("gift", 1, gift_row, 1, 8),
    [TABLE_OFFER] = TABLE_SPEC("offer", 1, offer_row, 1, 8),
    [TABLE_ORDER] = TABLE_SPEC("order", 1, order_row, 1, 8),
    [TABLE_LEASE] = TABLE_SPEC("lease", 1, lease_row, 1, 8),
    [TABLE_ESCROW] = TABLE_SPEC("escrow", 1, escrow_row, 2, 12),
    [TABLE_PERIOD] = TABLE_SPEC("period", 1, period_row, 2, 12),
    [TABLE_REQUEST] = TABLE_SPEC("request", 1, request_row, 4, 32),
};
