/* Accounts: registered keys with a name, a role and a status. */
#ifndef BOURSE_EXCHANGE_ACCOUNT_H
#define BOURSE_EXCHANGE_ACCOUNT_H

#include "server/exchange/state.h"

/* NULL when there is none. Valid until the next change of the table. */
const struct account_row *account_find(const struct exchange *x, uint32_t account);
/* refusals account_not_found and party_frozen, or accepted: may it receive something? */
enum refusal account_may_receive(const struct exchange *x, uint32_t account);
/* The same for tokens, which auditors and treasurers never hold (role_not_allowed). */
enum refusal account_may_hold(const struct exchange *x, uint32_t account);
/* enum role; 0 when there is no such account. */
uint32_t account_role(const struct exchange *x, uint32_t account);
bool account_is_active_admin(const struct exchange *x, uint32_t account);
/* How many active admins there are. */
uint32_t account_admins(const struct exchange *x);
/* 0 when there is none. */
uint32_t account_by_name(const struct exchange *x, struct text name);
uint32_t account_by_sign_key(const struct exchange *x, const uint8_t key[32]);
/* By main keys alone; exchange_account_by_channel() knows the further ones, too. */
uint32_t account_by_channel_key(const struct exchange *x, const uint8_t key[32]);
/* Whether both may become somebody's keys: malformed, key_taken. */
enum refusal account_keys_admissible(const struct exchange *x, const uint8_t sign_key[32],
                                     const uint8_t channel_key[32]);
/*
 * Validates a new account's name and keys (name_taken, key_taken, malformed) and adds it; used by
 * registration, by gift claims and by the genesis. The event is the caller's.
 */
enum refusal account_admissible(const struct exchange *x, struct text name,
                                const uint8_t sign_key[32], const uint8_t channel_key[32]);
uint32_t account_add(struct exchange *x, struct text name, enum role role,
                     const uint8_t sign_key[32], const uint8_t channel_key[32]);

/* Adds the account, which must be admissible, and logs it; returns its number. */
uint32_t account_admit(struct exchange *x, uint32_t by, const struct op_account_register *op);
/* Whether it is frozen (account_not_found, already_so); and makes it active again, and logs it. */
enum refusal account_thaw_refusal(const struct exchange *x, uint32_t account);
void account_thaw(struct exchange *x, uint32_t by, uint32_t account);

#endif
