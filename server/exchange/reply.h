/*
 * What the result of each operation holds, beside refusal and index, so that reply_rebuild() makes
 * the same from the operation's event:
 *
 *   account_register, _freeze, _unfreeze, _rekey,
 *   account_key_add, _remove                       object = the account
 *   sku_add, sku_change                            object = the SKU
 *   site_add, site_change                          object = the site
 *   site_close, site_reopen                        object = the closure
 *   series_create                                  object = the series
 *   mint, token_transfer                           object = the series; tokens = the outputs
 *   token_burn, payout                             object = the series
 *   token_give                                     object = the gift; tokens = the change, if any
 *   gift_claim                                     object = the claiming account; tokens = the one
 *   gift_revoke                                    object = the gift; tokens = the one
 *   offer_publish, offer_amend, offer_withdraw     object = the offer
 *   order_place, order_amend                       object = the order; leases = as granted;
 *                                                  tokens = the event's `change`
 *   order_cancel                                   object = the order; tokens = `refunds`
 *   lease_activate, lease_meter, lease_dispute     object = the lease
 *   dispute_decide, lease_end                      object = the lease; tokens = `refunds`
 *   lease_resell                                   object = the offer
 *   lease_extend, lease_fund                       object = the lease; tokens = `change`
 *   rule_add, rule_change                          object = the rule
 *   rule_end                                       object = the rule; tokens = `refunds`
 *   backstop_propose, revshare_propose, grant_propose,
 *   guarantee_propose, contract_accept, _decline,
 *   _fund                                          object = the contract
 *   contract_withdraw                              object = the contract; tokens = `returns`
 *   guarantee_call, guarantee_step_in, claim_pay   object = the contract
 *   mint_propose, payout_propose, policy_propose,
 *   admin_propose, control_approve, _reject        object = the proposal
 *   grant_release, royalty_record                  object = the contract
 *   royalty_pay                                    object = the contract; tokens = `change`
 *   revenue_declare                                object = the account
 *   clock_advance                                  nothing
 *
 * token_first and lease_first are 0 where the count is 0.
 */
#ifndef BOURSE_EXCHANGE_REPLY_H
#define BOURSE_EXCHANGE_REPLY_H

#include "server/exchange/state.h"

/* Fills object, tokens and leases of `out` from the event of an accepted operation; false when
 * events of this kind belong to no operation. */
bool result_from_event(const struct message *event, const void *body, struct result *out);

#endif
