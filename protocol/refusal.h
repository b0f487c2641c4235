/*
 * Why the exchange refuses an operation. The order is the precedence: where several reasons hold,
 * the first of this list is given. Numbers are part of the protocol and never reused: 1, 12, 66, 70
 * and 71 stood for reasons that no rule ever had.
 */
#ifndef BOURSE_PROTOCOL_REFUSAL_H
#define BOURSE_PROTOCOL_REFUSAL_H

#include <stdbool.h>

/* X(name, number, transient, text for people). `transient`: the same request may pass later. */
#define REFUSAL_LIST(X)                                                                            \
    X(accepted, 0, false, "accepted")                                                              \
    /* The request as a whole. */                                                                  \
    X(bad_signature, 2, false, "the signature does not verify")                                    \
    X(unknown_account, 3, false,                                                                   \
      "no account with this number or key; an admin registers accounts")                           \
    X(key_replaced, 4, false, "signed with a key that the account has replaced")                   \
    X(key_expired, 92, false, "this key has expired; the account's main key can add another")      \
    X(account_frozen, 5, true, "the account is frozen; ask an admin")                              \
    X(request_expired, 6, false, "valid_until has passed; send the request anew with a new id")    \
    X(valid_until_too_far, 7, true, "valid_until is more than 10 minutes ahead of the exchange")   \
    X(id_reused, 8, false, "this request id was used with another body")                           \
    X(too_many_ids, 9, true, "too many live request ids; wait until some expire")                  \
    X(empty_request, 10, false, "a request needs at least one operation")                          \
    X(batch_aborted, 11, false, "another operation of this atomic request was refused")            \
    /* Who may. */                                                                                 \
    X(not_permitted, 13, false, "the account's role may not do this")                              \
    X(main_key_needed, 91, false, "only the account's main key may do this")                       \
    X(key_out_of_scope, 90, false, "this key may not sign this kind of operation; see its scopes") \
    X(not_owner, 14, false, "belongs to another account")                                          \
    /* What is named. */                                                                           \
    X(malformed, 15, false, "a field has a value that is not allowed")                             \
    X(account_not_found, 16, false, "no such account")                                             \
    X(name_taken, 17, false, "the name is taken")                                                  \
    X(key_taken, 18, false, "an account with this key exists")                                     \
    X(bad_proof, 19, false, "the proof of the new key or claim code does not verify")              \
    X(role_not_allowed, 20, false, "the account named has not the role that this needs")           \
    X(party_frozen, 21, true, "the receiving account is frozen")                                   \
    X(already_so, 22, false, "it is in this state already")                                        \
    X(series_not_found, 23, false, "no such series")                                               \
    X(series_expired, 24, false, "the series has expired")                                         \
    X(series_not_transferable, 25, false,                                                          \
      "tokens of this series may not change owner; under a contract only its funder gives them, "  \
      "or gets them as royalty")                                                                   \
    X(expiry_in_past, 26, false, "the expiry is not in the future")                                \
    X(token_not_found, 27, false, "no such token; a serial never issued")                          \
    X(token_spent, 28, false, "the token has been spent")                                          \
    X(token_twice, 29, false, "a token is named twice")                                            \
    X(series_mixed, 30, false, "inputs belong to different series, or to too many")                \
    X(totals_differ, 31, false, "inputs and outputs do not add up to the same amount")             \
    X(amount_zero, 32, false, "an amount must be above zero")                                      \
    X(amount_overflow, 33, false, "an amount or total is too large")                               \
    X(insufficient_funds, 34, false, "the tokens or balance named do not cover the amount")        \
    X(gift_not_found, 35, false, "no such gift, or already claimed or taken back")                 \
    X(reference_invalid, 36, false, "refers to an output that this request has not issued")        \
    X(sku_not_found, 37, false, "no such SKU")                                                     \
    X(sku_retired, 38, false, "the SKU is deprecated or retired")                                  \
    X(site_not_found, 39, false, "no such site")                                                   \
    X(offer_not_found, 40, false, "no such offer")                                                 \
    X(offer_closed, 41, false, "the offer has ended or was withdrawn")                             \
    X(interval_invalid, 42, false, "start and end must be whole minutes, in order, within limits") \
    X(interval_in_past, 43, false, "the interval lies in the past")                                \
    X(block_invalid, 44, false, "the GPUs must be a multiple of the block")                        \
    X(power_exceeded, 45, false, "the site's power ceiling would be exceeded")                     \
    X(terms_invalid, 46, false, "the terms contradict each other")                                 \
    X(too_many, 47, true,                                                                          \
      "more of these than an account may hold or one request may ask for, or too much is still "   \
      "to be settled: ask for less, or send it again later")                                       \
    /* Redemption. */                                                                              \
    X(series_restricted, 48, false, "the series may not be redeemed for this")                     \
    X(no_capacity, 49, true, "no offer matches")                                                   \
    X(price_above_limit, 50, true, "capacity exists, but above the limit price")                   \
    /* Leases. */                                                                                  \
    X(lease_not_found, 51, false, "no such lease")                                                 \
    X(lease_not_granted, 52, false, "the lease is not waiting for activation")                     \
    X(lease_not_active, 53, false, "the lease is not active")                                      \
    X(activation_too_late, 54, false, "the grace time for activation has passed")                  \
    X(period_not_found, 55, false, "there is no such period")                                      \
    X(period_not_over, 56, true, "the period is not over yet")                                     \
    X(meter_too_late, 57, false, "the time for metering this period has passed")                   \
    X(already_metered, 58, false, "this period has been metered")                                  \
    X(meter_too_large, 59, false,                                                                  \
      "more GPU-minutes than the period holds without outages and what was sold on")               \
    X(not_metered, 60, true, "this period has not been metered")                                   \
    X(dispute_too_late, 61, false, "the time for a dispute has passed")                            \
    X(already_disputed, 62, false, "this period is disputed already")                              \
    X(not_disputed, 63, false, "this period is not disputed")                                      \
    X(claim_too_large, 64, false, "a dispute must claim less than is charged")                     \
    X(not_preemptible, 65, false, "the operator may not end a lease that is not preemptible")      \
    X(lease_ending, 67, false, "the lease ends by then anyway")                                    \
    /* Time. */                                                                                    \
    X(clock_not_manual, 68, false, "the exchange's clock is not manual and no jump waits")         \
    X(time_backwards, 69, false, "the time must not run backwards")                                \
    X(not_found, 72, false, "no such thing, or not yours to see")                                  \
    X(not_visible, 73, false, "the account may not see this")                                      \
    X(sku_taken, 74, false, "a SKU of this name exists")                                           \
    X(site_taken, 75, false, "the operator has a site of this name")                               \
    X(series_taken, 76, false, "a series of this name exists")                                     \
    X(lease_closed, 77, false, "the lease has ended")                                              \
    X(size_not_met, 78, true, "some capacity exists, but fewer GPUs than the order needs")         \
    /* The market. */                                                                              \
    X(self_trade, 79, true, "only offers of your own match; nobody trades with himself")           \
    X(order_not_found, 80, false, "no such order")                                                 \
    X(order_closed, 81, false, "the order has ended")                                              \
    X(below_sold, 82, false, "leases hold more of it; what is sold cannot be taken back")          \
    X(closure_not_found, 83, false, "no such maintenance window or outage")                        \
    X(closure_over, 84, false, "the maintenance window or outage is over, or in its last minute")  \
    X(resale_open, 85, false, "this lease is on offer already; amend or withdraw that offer")      \
    X(not_elastic, 86, false, "the lease is paid in full; only elastic leases take more funds")    \
    X(rule_not_found, 87, false, "no such rule")                                                   \
    X(rule_closed, 88, false, "the rule has ended")                                                \
    X(key_not_found, 89, false, "the account has no such further key")                             \
    X(key_over_amount, 93, true, "the amount this key may move in a day would be exceeded")        \
    /* Contracts. */                                                                               \
    X(contract_not_found, 94, false, "no such contract, or not yours to see")                      \
    X(contract_not_party, 95, false, "only the parties of the contract may do this")               \
    X(contract_own_proposal, 96, false, "proposed by yourself; the other party accepts it")        \
    X(contract_no_proposal, 97, false, "no such version is proposed; see what is pending")         \
    X(contract_pending, 98, false, "a version is proposed already; accept or decline it first")    \
    X(contract_not_in_force, 99, false, "the contract is not in force")                            \
    X(contract_overlaps, 100, false, "another contract in force covers the same")                  \
    X(contract_parties_fixed, 101, false,                                                          \
      "an amendment may not change parties, site, SKU or series")                                  \
    X(contract_past_fixed, 102, false, "an amendment may not change what has been settled")        \
    X(funds_kept, 103, true, "the contract still needs these funds")                               \
    X(period_begun, 104, false, "the period has begun; elect before it does")                      \
    X(pool_exhausted, 105, false, "the pool does not cover this")                                  \
    X(month_invalid, 106, false, "not the first second of a month that is over")                   \
    X(royalty_not_due, 107, false, "more than is due under the grant")                             \
    X(tranche_not_found, 108, false, "the grant has no such tranche that an admin releases")       \
    X(tranche_paid, 109, false, "the tranche has been paid or released")                           \
    X(guarantee_exhausted, 110, false, "the guarantee's limit does not cover this")                \
    X(nothing_to_recover, 111, false, "the guarantor has nothing to recover, or has stepped in")   \
    /* Dual control. */                                                                            \
    X(approval_needed, 112, false, "above the limit; propose it, and have admins approve it")      \
    X(proposal_not_found, 113, false, "no such proposal")                                          \
    X(proposal_closed, 114, false, "the proposal is done, rejected or too old")                    \
    X(already_approved, 115, false, "this admin has approved it")                                  \
    X(search_ended, 116, true,                                                                     \
      "the search ended before it was through; name a region, a limit price or fewer SKUs")        \
    X(lease_committed, 117, false,                                                                 \
      "a lease of profile training, or elected under a backstop, is committed; its holder may "    \
      "only offer it to others")                                                                   \
    /* Reports. */                                                                                 \
    X(report_too_large, 118, false,                                                                \
      "the report has too many rows; name an account, a site or a shorter time")                   \
    X(reports_busy, 119, true, "too many reports are being made; ask again in a moment")           \
    X(report_gone, 120, true, "the report is not kept any more; ask for it from the beginning")    \
    X(contract_third_party, 121, false,                                                            \
      "this would take from somebody who does not sign it: of a guarantee limit, escrow and time " \
      "only grow, and what takes more comes behind later guarantees, so that nothing may be "      \
      "missing in its fund; no revenue share passes an equal one or takes more before it")         \
    X(no_claim, 122, false, "nothing is claimed of you under this contract")                       \
    X(balance_pledged, 123, true,                                                                  \
      "an escrow is short of so much: put tokens into the guarantee's fund first")

enum refusal {
#define REFUSAL_ENUM(name, number, transient, text) REFUSAL_##name = number,
    REFUSAL_LIST(REFUSAL_ENUM)
#undef REFUSAL_ENUM
        REFUSAL_COUNT
};

/* Whether the number is in the list. */
bool refusal_is_known(unsigned refusal);
/* "token_spent"; "unknown" for a number outside the list. Static storage, as are the others. */
const char *refusal_name(unsigned refusal);
const char *refusal_text(unsigned refusal);
/* Whether the same request might be accepted later without any change to it. */
bool refusal_is_transient(unsigned refusal);
/* The refusal of this name, or -1. */
int refusal_from_name(const char *name);

#endif
