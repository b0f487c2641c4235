/* The descriptions of all messages, made from their lists of fields. */
#include <assert.h>

#include "protocol/events.h"
#include "protocol/frames.h"
#include "protocol/genesis.h"
#include "protocol/message.h"
#include "protocol/operations.h"
#include "protocol/queries.h"

/* min, max, part and words of a field of each kind, from the a and b of its declaration. */
#define LIMITS_BOOL(a, b)       0, 1, NULL, NULL
#define LIMITS_U32(a, b)        a, b, NULL, NULL
#define LIMITS_U64(a, b)        a, b, NULL, NULL
#define LIMITS_AMOUNT(a, b)     a, b, NULL, NULL
#define LIMITS_PRICE(a, b)      a, b, NULL, NULL
#define LIMITS_TIME(a, b)       a, b, NULL, NULL
#define LIMITS_ENUM(a, b)       0, UINT32_MAX, NULL, &a##_vocabulary
#define LIMITS_FLAGS(a, b)      0, UINT32_MAX, NULL, &a##_vocabulary
#define LIMITS_ACCOUNT(a, b)    a, b, NULL, NULL
#define LIMITS_SERIES(a, b)     a, b, NULL, NULL
#define LIMITS_NUMBER(a, b)     a, b, NULL, NULL
#define LIMITS_REFUSAL(a, b)    a, b, NULL, NULL
#define LIMITS_KEY(a, b)        32, 32, NULL, NULL
#define LIMITS_HASH(a, b)       32, 32, NULL, NULL
#define LIMITS_ID(a, b)         16, 16, NULL, NULL
#define LIMITS_SIGNATURE(a, b)  64, 64, NULL, NULL
#define LIMITS_TEXT(a, b)       a, b, NULL, NULL
#define LIMITS_BYTES(a, b)      a, b, NULL, NULL
#define LIMITS_LIST(a, b)       0, b, &a##_message, NULL
#define LIMITS_NUMBERS(a, b)    a, b, NULL, NULL
#define LIMITS_OPERATIONS(a, b) a, b, NULL, NULL

#define MESSAGE_FIELD(kind, S, name, a, b)                                                         \
    {#name, FIELD_##kind, offsetof(struct S, name), LIMITS_##kind(a, b)},

#define MESSAGE_DEFINE(S, text, number, FIELDS)                                                    \
    static const struct field S##_fields[] = {FIELDS(MESSAGE_FIELD, S)};                           \
    const struct message S##_message = {text, number, sizeof(struct S),                            \
                                        sizeof(S##_fields) / sizeof(S##_fields[0]), S##_fields};

MESSAGE_DEFINE(payment, "payment", 0, PAYMENT_FIELDS)
MESSAGE_DEFINE(place, "place", 0, PLACE_FIELDS)
MESSAGE_DEFINE(certification, "certification", 0, CERTIFICATION_FIELDS)
MESSAGE_DEFINE(sku_limit, "sku_limit", 0, SKU_LIMIT_FIELDS)
MESSAGE_DEFINE(required, "required", 0, REQUIRED_FIELDS)
MESSAGE_DEFINE(lot, "lot", 0, LOT_FIELDS)
MESSAGE_DEFINE(phase, "phase", 0, PHASE_FIELDS)
MESSAGE_DEFINE(tranche, "tranche", 0, TRANCHE_FIELDS)
MESSAGE_DEFINE(revenue, "revenue", 0, REVENUE_FIELDS)
MESSAGE_DEFINE(request, "request", 0, REQUEST_FIELDS)
MESSAGE_DEFINE(genesis_admin, "genesis_admin", 0, GENESIS_ADMIN_FIELDS)
MESSAGE_DEFINE(genesis, "genesis", 0, GENESIS_FIELDS)

MESSAGE_DEFINE(event_head, "event_head", 0, EVENT_HEAD)
MESSAGE_DEFINE(refused, "refused", 0, REFUSED_FIELDS)
MESSAGE_DEFINE(issued, "issued", 0, ISSUED_FIELDS)
MESSAGE_DEFINE(share, "share", 0, SHARE_FIELDS)
MESSAGE_DEFINE(lease_grant, "lease_grant", 0, GRANT_FIELDS)
MESSAGE_DEFINE(share_part, "share_part", 0, SHARE_PART_FIELDS)
MESSAGE_DEFINE(trade, "trade", 0, TRADE_FIELDS)
MESSAGE_DEFINE(index_point, "index_point", 0, INDEX_POINT_FIELDS)

MESSAGE_DEFINE(result, "result", 0, RESULT_FIELDS)
MESSAGE_DEFINE(logged_event, "logged_event", 0, LOGGED_EVENT_FIELDS)

MESSAGE_DEFINE(contract_info, "contract_info", 0, ROW_CONTRACT_FIELDS)
MESSAGE_DEFINE(backstop_info, "backstop_info", 0, ROW_BACKSTOP_FIELDS)
MESSAGE_DEFINE(draw_info, "draw_info", 0, ROW_DRAW_FIELDS)
MESSAGE_DEFINE(revshare_info, "revshare_info", 0, ROW_REVSHARE_FIELDS)
MESSAGE_DEFINE(share_info, "share_info", 0, ROW_SHARE_FIELDS)
MESSAGE_DEFINE(grant_info, "grant_info", 0, ROW_GRANT_FIELDS)
MESSAGE_DEFINE(declaration_info, "declaration_info", 0, ROW_DECLARATION_FIELDS)
MESSAGE_DEFINE(royalty_info, "royalty_info", 0, ROW_ROYALTY_FIELDS)
MESSAGE_DEFINE(guarantee_info, "guarantee_info", 0, ROW_GUARANTEE_FIELDS)
MESSAGE_DEFINE(claim_info, "claim_info", 0, ROW_CLAIM_FIELDS)
MESSAGE_DEFINE(proposal_info, "proposal_info", 0, ROW_PROPOSAL_FIELDS)
MESSAGE_DEFINE(flow_info, "flow_info", 0, ROW_FLOW_FIELDS)
MESSAGE_DEFINE(approval, "approval", 0, ROW_APPROVAL_FIELDS)
MESSAGE_DEFINE(debt_row, "debt_row", 0, DEBT_FIELDS)
MESSAGE_DEFINE(curve_row, "curve_row", 0, CURVE_FIELDS)
MESSAGE_DEFINE(fleet_row, "fleet_row", 0, FLEET_FIELDS)
MESSAGE_DEFINE(report_column, "report_column", 0, REPORT_COLUMN_FIELDS)
MESSAGE_DEFINE(report_table, "report_table", 0, REPORT_TABLE_FIELDS)
MESSAGE_DEFINE(report_cell, "report_cell", 0, REPORT_CELL_FIELDS)
MESSAGE_DEFINE(report_row, "report_row", 0, REPORT_ROW_FIELDS)
MESSAGE_DEFINE(report_note, "report_note", 0, REPORT_NOTE_FIELDS)

MESSAGE_DEFINE(account_info, "account_info", 0, ROW_ACCOUNT_FIELDS)
MESSAGE_DEFINE(sku_info, "sku_info", 0, ROW_SKU_FIELDS)
MESSAGE_DEFINE(site_info, "site_info", 0, ROW_SITE_FIELDS)
MESSAGE_DEFINE(series_info, "series_info", 0, ROW_SERIES_FIELDS)
MESSAGE_DEFINE(token_info, "token_info", 0, ROW_TOKEN_FIELDS)
MESSAGE_DEFINE(gift_info, "gift_info", 0, ROW_GIFT_FIELDS)
MESSAGE_DEFINE(offer_info, "offer_info", 0, ROW_OFFER_FIELDS)
MESSAGE_DEFINE(order_info, "order_info", 0, ROW_ORDER_FIELDS)
MESSAGE_DEFINE(lease_info, "lease_info", 0, ROW_LEASE_FIELDS)
MESSAGE_DEFINE(period_info, "period_info", 0, ROW_PERIOD_FIELDS)
MESSAGE_DEFINE(balance_info, "balance_info", 0, ROW_BALANCE_FIELDS)
MESSAGE_DEFINE(supply_info, "supply_info", 0, ROW_SUPPLY_FIELDS)
MESSAGE_DEFINE(funnel_row, "funnel_row", 0, FUNNEL_ROW_FIELDS)
MESSAGE_DEFINE(key_info, "key_info", 0, ROW_KEY_FIELDS)
MESSAGE_DEFINE(closure_info, "closure_info", 0, ROW_CLOSURE_FIELDS)
MESSAGE_DEFINE(rule_info, "rule_info", 0, ROW_RULE_FIELDS)
MESSAGE_DEFINE(depth_level, "depth_level", 0, ROW_DEPTH_FIELDS)
MESSAGE_DEFINE(trade_info, "trade_info", 0, ROW_TRADE_FIELDS)
MESSAGE_DEFINE(start_price, "start_price", 0, ROW_START_FIELDS)
MESSAGE_DEFINE(utilisation_row, "utilisation_row", 0, ROW_UTILISATION_FIELDS)
MESSAGE_DEFINE(hash_row, "hash_row", 0, HASH_ROW_FIELDS)
MESSAGE_DEFINE(quoted_lease, "quoted_lease", 0, QUOTED_FIELDS)

#define DEFINE_OPERATION(code, name, fields) MESSAGE_DEFINE(op_##name, #name, code, fields)
OPERATION_LIST(DEFINE_OPERATION)
#define DEFINE_FRAME(code, name, fields) MESSAGE_DEFINE(frame_##name, #name, code, fields)
FRAME_LIST(DEFINE_FRAME)
#define DEFINE_EVENT(code, name, fields, public) MESSAGE_DEFINE(ev_##name, #name, code, fields)
EVENT_LIST(DEFINE_EVENT)
#define DEFINE_QUERY(code, name, fields) MESSAGE_DEFINE(q_##name, #name, code, fields)
QUERY_LIST(DEFINE_QUERY)
#define DEFINE_ANSWER(code, name, fields) MESSAGE_DEFINE(a_##name, #name, code, fields)
ANSWER_LIST(DEFINE_ANSWER)

#define SET_DEFINE(set, MEMBERS)                                                                   \
    static const struct message *const set##_members[] = {MEMBERS};                                \
    const struct message_set set##_set = {#set, sizeof(set##_members) / sizeof(set##_members[0]),  \
                                          set##_members};

#define OPERATION_MEMBER(code, name, fields) &op_##name##_message,
SET_DEFINE(operation, OPERATION_LIST(OPERATION_MEMBER))
#define FRAME_MEMBER(code, name, fields) &frame_##name##_message,
SET_DEFINE(frame, FRAME_LIST(FRAME_MEMBER))
#define EVENT_MEMBER(code, name, fields, public) &ev_##name##_message,
SET_DEFINE(event, EVENT_LIST(EVENT_MEMBER))
#define QUERY_MEMBER(code, name, fields) &q_##name##_message,
SET_DEFINE(query, QUERY_LIST(QUERY_MEMBER))
#define ANSWER_MEMBER(code, name, fields) &a_##name##_message,
SET_DEFINE(answer, ANSWER_LIST(ANSWER_MEMBER))

bool event_is_public(uint32_t code)
{
    switch (code) {
#define EVENT_PUBLIC(code, name, fields, public)                                                   \
    case code:                                                                                     \
        return public;
        EVENT_LIST(EVENT_PUBLIC)
#undef EVENT_PUBLIC
    default:
        return false;
    }
}
