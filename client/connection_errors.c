#include "client/connection_errors.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "protocol/refusal.h"
#include "protocol/status.h"

int connection_fail(struct connection_error *error, int status, const char *format, ...)
{
    va_list args;
    error->status = status;
    error->refusal = 0;
    va_start(args, format);
    vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
    return status;
}

int connection_explain_open(int status, const char *address, const char *detail,
                            struct connection_error *error)
{
    switch (status) {
    case STATUS_MALFORMED:
        return connection_fail(error, status, "'%s' is not a server address: %s", address, detail);
    case STATUS_NOT_FOUND:
        return connection_fail(error, status, "cannot find %s: %s. Check --server.", address,
                               detail);
    case STATUS_CLOSED:
        return connection_fail(error, status,
                               "cannot connect to %s: %s. Is boursed running there? Start it with "
                               "'boursed run', or give another address with --server.",
                               address, detail);
    case STATUS_TIMEOUT:
        return connection_fail(error, status,
                               "%s did not answer in time. Is it an exchange, and can it be "
                               "reached from here?",
                               address);
    case STATUS_FORGED:
        return connection_fail(error, status,
                               "%s is not the exchange that is pinned: %s. Check the pin line "
                               "(--exchange, or 'exchange' in the configuration) against the one "
                               "that 'boursed init' printed.",
                               address, detail);
    case STATUS_VERSION:
        return connection_fail(error, status,
                               "%s and this client do not fit together: %s. Install the same "
                               "version on both sides.",
                               address, detail);
    default:
        return connection_fail(error, status, "cannot connect to %s: %s", address,
                               detail[0] != '\0' ? detail : status_text(status));
    }
}

int connection_explain_broken(int status, const char *address, struct connection_error *error)
{
    switch (status) {
    case STATUS_CLOSED:
        return connection_fail(error, status, "%s closed the connection", address);
    case STATUS_TIMEOUT:
        return connection_fail(error, status, "%s did not answer in time", address);
    case STATUS_FORGED:
        return connection_fail(error, status,
                               "what %s sent was changed on its way; the connection was ended",
                               address);
    default:
        return connection_fail(error, status, "the connection to %s failed: %s", address,
                               status_text(status));
    }
}

int connection_explain_wire(const struct frame_error *frame, struct connection_error *error)
{
    int length = (int)frame->message.length;
    const char *said = frame->message.data;
    switch (frame->error) {
    case WIRE_ERROR_MALFORMED:
        return connection_fail(error, STATUS_MALFORMED,
                               "the exchange does not understand this client (%.*s). Install the "
                               "same version on both sides.",
                               length, said);
    case WIRE_ERROR_BUSY:
        return connection_fail(error, STATUS_CLOSED, "the exchange is busy (%.*s). Try again.",
                               length, said);
    case WIRE_ERROR_STOPPING:
        return connection_fail(error, STATUS_CLOSED,
                               "the exchange is shutting down (%.*s). Try again when it runs.",
                               length, said);
    case WIRE_ERROR_LIMIT:
        return connection_fail(error, STATUS_LIMIT, "the exchange refuses so much at once: %.*s",
                               length, said);
    default:
        return connection_fail(error, STATUS_IO,
                               "the exchange had a failure of its own (%.*s). Its admin finds more "
                               "in its log.",
                               length, said);
    }
}

struct hint {
    uint32_t refusal;
    const char *text;
};

/* What helps, in the words of the command line. */
static const struct hint hints[] = {
    {REFUSAL_unknown_account,
     "Give an admin your public key ('bourse keygen --show'), or claim a gift. If this key was "
     "added to an account, it has been removed."},
    {REFUSAL_key_replaced, "Use the new key file (--key)."},
    {REFUSAL_key_expired,
     "The main key removes it with 'bourse key remove' and adds another with 'bourse key add'; "
     "'bourse status' says when it expired."},
    {REFUSAL_main_key_needed, "Use the account's own key file (--key)."},
    {REFUSAL_key_out_of_scope, "'bourse key list' shows what each key may."},
    {REFUSAL_key_over_amount, "'bourse key list' shows the limit and what is spent today."},
    {REFUSAL_request_expired, "Try again."},
    {REFUSAL_valid_until_too_far, "Try again."},
    {REFUSAL_not_permitted, "'bourse status' shows your role."},
    {REFUSAL_not_owner, "'bourse status' shows who you are."},
    {REFUSAL_not_visible, "'bourse status' shows who you are, and your role."},
    {REFUSAL_account_not_found, "'bourse account list' shows accounts."},
    {REFUSAL_series_not_found, "'bourse series list' shows what there is."},
    {REFUSAL_token_not_found, "'bourse token list' shows your tokens."},
    {REFUSAL_token_spent, "'bourse token list' shows what you have."},
    {REFUSAL_insufficient_funds, "'bourse balance' shows what you have."},
    {REFUSAL_gift_not_found, "Ask whoever gave you the line for a new one."},
    {REFUSAL_sku_not_found, "'bourse sku list' shows what there is."},
    {REFUSAL_site_not_found, "'bourse site list' shows what there is."},
    {REFUSAL_offer_not_found, "'bourse offer list' shows what there is."},
    {REFUSAL_offer_closed, "'bourse offer publish' makes another."},
    {REFUSAL_site_taken, "Choose another name, or change that one with 'bourse site change'."},
    {REFUSAL_sku_taken, "'bourse sku list' shows what there is."},
    {REFUSAL_series_taken, "'bourse series list' shows what there is."},
    {REFUSAL_power_exceeded, "'bourse site show' has the ceiling; withdraw an offer or publish "
                             "fewer GPUs."},
    {REFUSAL_series_restricted, "'bourse series show' has what it may be redeemed for."},
    {REFUSAL_no_capacity, "The same with 'bourse quote --why' shows where offers fell out."},
    {REFUSAL_price_above_limit, "Raise the limit price."},
    {REFUSAL_size_not_met, "Ask for fewer GPUs or allow fewer with --gpus-min."},
    {REFUSAL_search_ended, "A shorter window of starts helps, too."},
    {REFUSAL_self_trade, "Only others' offers count; 'bourse offer list' shows all."},
    {REFUSAL_order_not_found, "'bourse order list' shows your orders."},
    {REFUSAL_order_closed, "'bourse order show' has who ended it, and why."},
    {REFUSAL_below_sold, "'bourse lease list' shows what is leased."},
    {REFUSAL_closure_not_found, "'bourse site closures --all' shows what there is."},
    {REFUSAL_resale_open, "'bourse lease show' has the offer's number."},
    {REFUSAL_closure_over, "It ends by itself; 'bourse site closures' shows those to come."},
    {REFUSAL_not_elastic, "'bourse lease extend' makes a lease longer."},
    {REFUSAL_rule_not_found, "'bourse rule list' shows your rules."},
    {REFUSAL_rule_closed, "'bourse rule add' makes another."},
    {REFUSAL_key_not_found, "'bourse key list' shows them."},
    {REFUSAL_lease_not_found, "'bourse lease list' shows your leases."},
    {REFUSAL_lease_committed, "'bourse lease resell' offers the rest of it to others."},
    {REFUSAL_not_preemptible, "'bourse lease show' has its terms; its holder may end it."},
    {REFUSAL_interval_in_past, "'bourse clock show' has the exchange's time; begin later."},
    {REFUSAL_lease_closed, "'bourse lease show' has who ended it, and why."},
    {REFUSAL_approval_needed, "'bourse control policy' has the limits, 'bourse control --help' how "
                              "to propose it."},
    {REFUSAL_proposal_not_found, "'bourse control list --all' shows what there was."},
    {REFUSAL_proposal_closed, "'bourse control show' says how it ended."},
    {REFUSAL_already_approved,
     "It needs the word of another admin; 'bourse control show' has who."},
    {REFUSAL_contract_not_found, "'bourse contract list' shows your contracts."},
    {REFUSAL_contract_no_proposal, "'bourse contract show' has the version."},
    {REFUSAL_contract_pending, "'bourse contract show' has the version."},
    {REFUSAL_contract_not_in_force, "'bourse contract show' says how it stands."},
    {REFUSAL_contract_past_fixed, "'bourse contract show' and that of its kind have what stands."},
    {REFUSAL_funds_kept, "'bourse claim list' shows what is owed, 'show' what the terms keep."},
    {REFUSAL_no_claim, "'bourse claim list' shows what is owed."},
    {REFUSAL_balance_pledged, "'bourse guarantee list' shows what is missing."},
    {REFUSAL_guarantee_exhausted, "'bourse guarantee show' has the limit and what was called."},
    {REFUSAL_nothing_to_recover, "'bourse guarantee show' has what was paid and recovered."},
    {REFUSAL_period_not_found, "'bourse lease periods' shows the lease's periods."},
    {REFUSAL_period_not_over, "'bourse lease periods' shows when it ends."},
    {REFUSAL_meter_too_large, "'bourse lease periods' shows how many are available."},
    {REFUSAL_claim_too_large, "'bourse lease periods' shows how many are charged."},
};

void connection_explain_refusal(uint32_t refusal, struct connection_error *error)
{
    const char *hint = "";
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
        if (hints[i].refusal == refusal)
            hint = hints[i].text;
    }
    if (refusal_is_known(refusal))
        connection_fail(error, STATUS_OK, "%s (%s).%s%s", refusal_text(refusal),
                        refusal_name(refusal), hint[0] != '\0' ? " " : "", hint);
    else
        connection_fail(error, STATUS_OK,
                        "refused for reason %u, which this client does not know; install a newer "
                        "version.",
                        (unsigned)refusal);
    error->refusal = refusal;
}
