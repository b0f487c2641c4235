#include "server/exchange/query.h"

#include <string.h>

#include "server/exchange/account.h"

bool query_sees_all(const struct exchange *x, uint32_t account)
{
    uint32_t role = account_role(x, account);
    return role == ROLE_ADMIN || role == ROLE_AUDITOR;
}

enum refusal query_subject(const struct exchange *x, uint32_t account, uint32_t named,
                           uint32_t *subject_out)
{
    if (account == 0)
        return REFUSAL_unknown_account;
    if (named != 0 && named != account) {
        if (!query_sees_all(x, account))
            return REFUSAL_not_visible;
        if (account_role(x, named) == 0)
            return REFUSAL_account_not_found;
    }
    *subject_out = named ? named : account;
    return REFUSAL_accepted;
}

enum refusal exchange_report_subject(const struct exchange *x, uint32_t account,
                                     const struct q_report *query, uint32_t *subject_out)
{
    enum refusal refusal = query_subject(x, account, query->account, subject_out);
    if (!refusal && query->account == 0 && query_sees_all(x, account))
        *subject_out = 0;
    return refusal;
}

void *query_alloc(struct arena *arena, size_t size)
{
    void *memory = arena_alloc(arena, size);
    if (!memory)
        memory_exhausted();
    return memory;
}

const void *query_texts(const uint8_t *column, size_t bytes, uint32_t count, struct arena *arena)
{
    _Static_assert(sizeof(struct place) == sizeof(struct text), "a text");
    _Static_assert(sizeof(struct required) == sizeof(struct text), "a text");
    struct text *texts = query_alloc(arena, (count + 1u) * sizeof(*texts));
    for (uint32_t i = 0; i < count; i++) {
        const char *text = (const char *)column + i * bytes;
        texts[i] = (struct text){.data = text, .length = (uint32_t)strnlen(text, bytes)};
    }
    return texts;
}

static const struct {
    uint32_t code;
    query_handler *handler;
} handlers[] = {
    {QUERY_accounts, query_accounts},   {QUERY_skus, query_skus},
    {QUERY_sites, query_sites},         {QUERY_series, query_series},
    {QUERY_tokens, query_tokens},       {QUERY_gifts, query_gifts},
    {QUERY_offers, query_offers},       {QUERY_orders, query_orders},
    {QUERY_leases, query_leases},       {QUERY_periods, query_periods},
    {QUERY_balances, query_balances},   {QUERY_supply, query_supply},
    {QUERY_quote, query_quote},         {QUERY_order_why, query_order_why},
    {QUERY_keys, query_keys},           {QUERY_closures, query_closures},
    {QUERY_rules, query_rules},         {QUERY_depth, query_depth},
    {QUERY_trades, query_trades},       {QUERY_index, query_index},
    {QUERY_starts, query_starts},       {QUERY_utilisation, query_utilisation},
    {QUERY_contracts, query_contracts}, {QUERY_claims, query_claims},
    {QUERY_backstops, query_backstops}, {QUERY_draws, query_draws},
    {QUERY_revshares, query_revshares}, {QUERY_shares, query_shares},
    {QUERY_grants, query_grants},       {QUERY_declarations, query_declarations},
    {QUERY_royalties, query_royalties}, {QUERY_guarantees, query_guarantees},
    {QUERY_proposals, query_proposals}, {QUERY_policy, query_policy},
    {QUERY_flows, query_flows},         {QUERY_rule_why, query_rule_why},
};

enum refusal exchange_query(const struct exchange *x, uint32_t account, const struct message *query,
                            const void *body, struct arena *arena,
                            const struct message **answer_out, const void **body_out)
{
    for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
        if (handlers[i].code == query->code)
            return handlers[i].handler(x, account, body, arena, answer_out, body_out);
    }
    return REFUSAL_not_found;
}
