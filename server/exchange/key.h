/* Further keys of an account, with limits of their own. */
#ifndef BOURSE_EXCHANGE_KEY_H
#define BOURSE_EXCHANGE_KEY_H

#include "server/exchange/state.h"

/* The account's further key, expired or not; NULL: none such. Valid until the next change of the
 * table, as is what key_by_channel() gives. */
const struct key_row *key_find(const struct exchange *x, uint32_t account,
                               const uint8_t sign_key[32]);
/* Whether the key, signing or channel, is anybody's further key already. */
bool key_taken(const struct exchange *x, const uint8_t key[32]);
/* The further key with this channel key that has not expired; NULL: none. */
const struct key_row *key_by_channel(const struct exchange *x, const uint8_t channel_key[32]);
/* Whether the signing key is anybody's further key and has expired at `time_s`. */
bool key_expired_of(const struct exchange *x, const uint8_t sign_key[32], uint64_t time_s);
bool key_expired(const struct key_row *row, uint64_t time_s);
/* Whether `proof` shows that who holds `sign_key` wants both keys to be this account's. */
bool key_proven(const struct exchange *x, uint32_t account, const uint8_t sign_key[32],
                const uint8_t channel_key[32], const uint8_t proof[64]);

/* The present operation takes so much from its account: out of it, into escrow, or by offering what
 * it holds for less than it pays. Counted against
 * the daily amount of the key that signed, when the operation has been worked off. */
void key_moves(struct exchange *x, amount a);
/* Counts what the operation just worked off has moved. Refusal: key_over_amount, of no effect; the
 * operation is then to be undone. */
enum refusal key_charge(struct exchange *x, const struct actor *actor);

#endif
