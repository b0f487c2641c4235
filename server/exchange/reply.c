#include "server/exchange/reply.h"

#include "protocol/status.h"

static void result_tokens(struct result *out, uint64_t first, uint32_t count)
{
    out->token_first = count > 0 ? first : 0;
    out->token_count = count;
}

static void result_issued(struct result *out, const struct issued *items, uint32_t count)
{
    result_tokens(out, count > 0 ? items[0].token : 0, count);
}

static void credits_result(const struct message *event, const void *body, struct result *out)
{
    switch (event->code) {
    case EVENT_minted: {
        const struct ev_minted *e = body;
        out->object = e->series;
        result_tokens(out, e->token_first, e->outputs.count);
        break;
    }
    case EVENT_token_transferred: {
        const struct ev_token_transferred *e = body;
        out->object = e->series;
        result_tokens(out, e->token_first, e->outputs.count);
        break;
    }
    case EVENT_token_burned:
        out->object = ((const struct ev_token_burned *)body)->series;
        break;
    case EVENT_token_given: {
        const struct ev_token_given *e = body;
        out->object = e->gift;
        result_tokens(out, e->change, e->change > 0);
        break;
    }
    case EVENT_gift_claimed: {
        const struct ev_gift_claimed *e = body;
        out->object = e->account;
        result_tokens(out, e->token, 1);
        break;
    }
    case EVENT_gift_revoked: {
        const struct ev_gift_revoked *e = body;
        out->object = e->gift;
        result_tokens(out, e->token, 1);
        break;
    }
    default:
        out->object = ((const struct ev_paid_out *)body)->series;
        break;
    }
}

static void account_result(const struct message *event, const void *body, struct result *out)
{
    switch (event->code) {
    case EVENT_account_registered:
        out->object = ((const struct ev_account_registered *)body)->account;
        break;
    case EVENT_account_frozen:
        out->object = ((const struct ev_account_frozen *)body)->account;
        break;
    case EVENT_account_unfrozen:
        out->object = ((const struct ev_account_unfrozen *)body)->account;
        break;
    case EVENT_account_rekeyed:
        out->object = ((const struct ev_account_rekeyed *)body)->account;
        break;
    case EVENT_account_key_added:
        out->object = ((const struct ev_account_key_added *)body)->account;
        break;
    default:
        out->object = ((const struct ev_account_key_removed *)body)->account;
        break;
    }
}

static void capacity_result(const struct message *event, const void *body, struct result *out)
{
    switch (event->code) {
    case EVENT_sku_added:
        out->object = ((const struct ev_sku_added *)body)->sku;
        break;
    case EVENT_sku_changed:
        out->object = ((const struct ev_sku_changed *)body)->sku;
        break;
    case EVENT_site_added:
        out->object = ((const struct ev_site_added *)body)->site;
        break;
    case EVENT_offer_published:
        out->object = ((const struct ev_offer_published *)body)->offer;
        break;
    case EVENT_offer_withdrawn:
        out->object = ((const struct ev_offer_withdrawn *)body)->offer;
        break;
    case EVENT_offer_amended:
        out->object = ((const struct ev_offer_amended *)body)->offer;
        break;
    case EVENT_resale_amended:
        out->object = ((const struct ev_resale_amended *)body)->offer;
        break;
    case EVENT_resale_withdrawn:
        out->object = ((const struct ev_resale_withdrawn *)body)->offer;
        break;
    case EVENT_site_changed:
        out->object = ((const struct ev_site_changed *)body)->site;
        break;
    case EVENT_site_closed:
        out->object = ((const struct ev_site_closed *)body)->closure;
        break;
    default:
        out->object = ((const struct ev_site_reopened *)body)->closure;
        break;
    }
}

static void result_leases(struct result *out, const struct lease_grant *items, uint32_t count)
{
    out->lease_first = count > 0 ? items[0].lease : 0;
    out->lease_count = count;
}

static void order_result(const struct message *event, const void *body, struct result *out)
{
    switch (event->code) {
    case EVENT_order_placed: {
        const struct ev_order_placed *e = body;
        out->object = e->order;
        result_leases(out, e->leases.items, e->leases.count);
        result_issued(out, e->change.items, e->change.count);
        break;
    }
    case EVENT_order_amended: {
        const struct ev_order_amended *e = body;
        out->object = e->order;
        result_leases(out, e->leases.items, e->leases.count);
        result_issued(out, e->change.items, e->change.count);
        break;
    }
    default: {
        const struct ev_order_ended *e = body;
        out->object = e->order;
        result_issued(out, e->refunds.items, e->refunds.count);
        break;
    }
    }
}

static void contract_result(const struct message *event, const void *body, struct result *out)
{
    switch (event->code) {
    case EVENT_backstop_proposed:
        out->object = ((const struct ev_backstop_proposed *)body)->proposed;
        break;
    case EVENT_backstop_elected: {
        const struct ev_backstop_elected *e = body;
        out->object = e->order;
        result_leases(out, e->leases.items, e->leases.count);
        result_issued(out, e->change.items, e->change.count);
        break;
    }
    case EVENT_revshare_proposed:
        out->object = ((const struct ev_revshare_proposed *)body)->proposed;
        break;
    case EVENT_contract_accepted:
        out->object = ((const struct ev_contract_accepted *)body)->contract;
        break;
    case EVENT_contract_declined:
        out->object = ((const struct ev_contract_declined *)body)->contract;
        break;
    case EVENT_contract_funded:
        out->object = ((const struct ev_contract_funded *)body)->contract;
        break;
    case EVENT_claim_settled:
        out->object = ((const struct ev_claim_settled *)body)->contract;
        break;
    case EVENT_guarantee_proposed:
        out->object = ((const struct ev_guarantee_proposed *)body)->proposed;
        break;
    case EVENT_guarantee_called:
        out->object = ((const struct ev_guarantee_called *)body)->contract;
        break;
    case EVENT_guarantee_stepped_in:
        out->object = ((const struct ev_guarantee_stepped_in *)body)->contract;
        break;
    default: {
        const struct ev_contract_withdrawn *e = body;
        out->object = e->contract;
        result_issued(out, e->returns.items, e->returns.count);
        break;
    }
    }
}

static void control_result(const struct message *event, const void *body, struct result *out)
{
    switch (event->code) {
    case EVENT_mint_proposed:
        out->object = ((const struct ev_mint_proposed *)body)->proposal;
        break;
    case EVENT_payout_proposed:
        out->object = ((const struct ev_payout_proposed *)body)->proposal;
        break;
    case EVENT_policy_proposed:
        out->object = ((const struct ev_policy_proposed *)body)->proposal;
        break;
    case EVENT_admin_proposed:
        out->object = ((const struct ev_admin_proposed *)body)->proposal;
        break;
    case EVENT_control_approved:
        out->object = ((const struct ev_control_approved *)body)->proposal;
        break;
    default:
        out->object = ((const struct ev_control_rejected *)body)->proposal;
        break;
    }
}

static void grant_result(const struct message *event, const void *body, struct result *out)
{
    switch (event->code) {
    case EVENT_grant_proposed:
        out->object = ((const struct ev_grant_proposed *)body)->proposed;
        break;
    case EVENT_tranche_released:
        out->object = ((const struct ev_tranche_released *)body)->contract;
        break;
    case EVENT_revenue_declared:
        out->object = ((const struct ev_revenue_declared *)body)->by;
        break;
    case EVENT_royalty_recorded:
        out->object = ((const struct ev_royalty_recorded *)body)->contract;
        break;
    default: {
        const struct ev_royalty_paid *e = body;
        out->object = e->contract;
        result_issued(out, e->change.items, e->change.count);
        break;
    }
    }
}

static void rule_result(const struct message *event, const void *body, struct result *out)
{
    if (event->code == EVENT_rule_added) {
        out->object = ((const struct ev_rule_added *)body)->rule;
    } else if (event->code == EVENT_rule_changed) {
        out->object = ((const struct ev_rule_changed *)body)->rule;
    } else {
        const struct ev_rule_closed *e = body;
        out->object = e->rule;
        result_issued(out, e->refunds.items, e->refunds.count);
    }
}

static void lease_result(const struct message *event, const void *body, struct result *out)
{
    switch (event->code) {
    case EVENT_lease_activated:
        out->object = ((const struct ev_lease_activated *)body)->lease;
        break;
    case EVENT_lease_metered:
        out->object = ((const struct ev_lease_metered *)body)->lease;
        break;
    case EVENT_lease_disputed:
        out->object = ((const struct ev_lease_disputed *)body)->lease;
        break;
    case EVENT_lease_resold:
        out->object = ((const struct ev_lease_resold *)body)->offer;
        break;
    case EVENT_lease_extended: {
        const struct ev_lease_extended *e = body;
        out->object = e->lease;
        result_issued(out, e->change.items, e->change.count);
        break;
    }
    case EVENT_lease_funded: {
        const struct ev_lease_funded *e = body;
        out->object = e->lease;
        result_issued(out, e->change.items, e->change.count);
        break;
    }
    case EVENT_dispute_decided: {
        const struct ev_dispute_decided *e = body;
        out->object = e->lease;
        result_issued(out, e->refunds.items, e->refunds.count);
        break;
    }
    default: {
        const struct ev_lease_ended *e = body;
        out->object = e->lease;
        result_issued(out, e->refunds.items, e->refunds.count);
        break;
    }
    }
}

bool result_from_event(const struct message *event, const void *body, struct result *out)
{
    switch (event->code) {
    case EVENT_clock_advanced:
        return true;
    case EVENT_account_registered:
    case EVENT_account_frozen:
    case EVENT_account_unfrozen:
    case EVENT_account_rekeyed:
    case EVENT_account_key_added:
    case EVENT_account_key_removed:
        account_result(event, body, out);
        return true;
    case EVENT_series_created:
        out->object = ((const struct ev_series_created *)body)->series;
        return true;
    case EVENT_minted:
    case EVENT_token_transferred:
    case EVENT_token_burned:
    case EVENT_token_given:
    case EVENT_gift_claimed:
    case EVENT_gift_revoked:
    case EVENT_paid_out:
        credits_result(event, body, out);
        return true;
    case EVENT_sku_added:
    case EVENT_sku_changed:
    case EVENT_site_added:
    case EVENT_offer_published:
    case EVENT_offer_withdrawn:
    case EVENT_offer_amended:
    case EVENT_resale_amended:
    case EVENT_resale_withdrawn:
    case EVENT_site_changed:
    case EVENT_site_closed:
    case EVENT_site_reopened:
        capacity_result(event, body, out);
        return true;
    case EVENT_order_placed:
    case EVENT_order_amended:
    case EVENT_order_ended:
        order_result(event, body, out);
        return true;
    case EVENT_rule_added:
    case EVENT_rule_changed:
    case EVENT_rule_closed:
        rule_result(event, body, out);
        return true;
    case EVENT_mint_proposed:
    case EVENT_payout_proposed:
    case EVENT_policy_proposed:
    case EVENT_admin_proposed:
    case EVENT_control_approved:
    case EVENT_control_rejected:
        control_result(event, body, out);
        return true;
    case EVENT_backstop_proposed:
    case EVENT_backstop_elected:
    case EVENT_revshare_proposed:
    case EVENT_contract_accepted:
    case EVENT_contract_declined:
    case EVENT_contract_funded:
    case EVENT_contract_withdrawn:
    case EVENT_claim_settled:
    case EVENT_guarantee_proposed:
    case EVENT_guarantee_called:
    case EVENT_guarantee_stepped_in:
        contract_result(event, body, out);
        return true;
    case EVENT_grant_proposed:
    case EVENT_tranche_released:
    case EVENT_revenue_declared:
    case EVENT_royalty_paid:
    case EVENT_royalty_recorded:
        grant_result(event, body, out);
        return true;
    case EVENT_lease_activated:
    case EVENT_lease_metered:
    case EVENT_lease_disputed:
    case EVENT_dispute_decided:
    case EVENT_lease_ended:
    case EVENT_lease_resold:
    case EVENT_lease_extended:
    case EVENT_lease_funded:
        lease_result(event, body, out);
        return true;
    default:
        return false;
    }
}

/* Reads and decodes one event into `arena`; texts of it are gone with the next read. */
static int event_read(event_reader *read, void *context, uint64_t index, struct arena *arena,
                      const struct message **message_out, const void **body_out)
{
    const uint8_t *data;
    size_t length;
    struct decode_error error;
    int status = read(context, index, &data, &length);
    if (status)
        return status;
    status = event_decode(data, length, arena, message_out, body_out, &error);
    return status == STATUS_MALFORMED ? STATUS_DAMAGED : status;
}

/* Marks the refused operations; their places must grow, as they were logged. */
static int refusals_fill(const struct ev_request *e, struct result *results, uint32_t count)
{
    for (uint32_t i = 0; i < e->refusals.count; i++) {
        const struct refused *refused = &e->refusals.items[i];
        if (refused->operation >= count || results[refused->operation].refusal)
            return STATUS_DAMAGED;
        results[refused->operation].refusal = refused->refusal;
    }
    return STATUS_OK;
}

/* Finds the next event that an operation logged itself, from *index on and before `end`: what the
 * exchange logged of what followed, by 0, is passed over. */
static int operation_event(event_reader *read, void *context, uint64_t *index, uint64_t end,
                           struct arena *arena, const struct message **message_out,
                           const void **body_out)
{
    for (; *index < end; ++*index) {
        arena_clear(arena);
        int status = event_read(read, context, *index, arena, message_out, body_out);
        if (status || ((const struct event_head *)*body_out)->by != 0)
            return status;
    }
    return STATUS_DAMAGED;
}

int reply_rebuild(struct frame_reply *reply, event_reader *read, void *context, struct arena *arena)
{
    struct arena decoded = ARENA_EMPTY;
    const struct message *message;
    const void *body;
    int status = event_read(read, context, reply->index, arena, &message, &body);
    if (status)
        return status;
    if (message->code != EVENT_request)
        return STATUS_DAMAGED;
    const struct ev_request *e = body;
    uint32_t count = e->accepted + e->refusals.count;
    struct result *results = arena_alloc(arena, count * sizeof(*results));
    if (!results)
        return STATUS_MEMORY;
    status = refusals_fill(e, results, count);
    uint64_t index = e->first_index;
    for (uint32_t i = 0; i < count && !status; i++) {
        if (results[i].refusal)
            continue;
        status = operation_event(read, context, &index, reply->index, &decoded, &message, &body);
        results[i].index = index++;
        if (!status && !result_from_event(message, body, &results[i]))
            status = STATUS_DAMAGED;
    }
    arena_release(&decoded);
    if (status)
        return status;
    reply->refusal = REFUSAL_accepted;
    reply->results.items = results;
    reply->results.count = count;
    return STATUS_OK;
}
