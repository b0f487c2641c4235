/* An exchange's log without an exchange: signed heads and proofs over leaves made up on demand, two
 * histories of them. For tests of what a client believes. */
#ifndef BOURSE_TESTS_CLIENT_FAKE_LOG_H
#define BOURSE_TESTS_CLIENT_FAKE_LOG_H

#include "protocol/buffer.h"
#include "protocol/certificate.h"
#include "protocol/checkpoint.h"
#include "protocol/pin.h"

struct fake_log {
    struct keys root;
    struct keys log; /* its signing key signs heads */
    struct keys channel;
    uint8_t log_certificate[CERTIFICATE_BYTES];
    uint8_t channel_certificate[CERTIFICATE_BYTES];
    struct pin pin;
    uint64_t rewritten_from; /* leaves from here on are those of the other history */
};

/* `seed` makes different exchanges. Certificates are valid from not_before_s for ten years. */
void fake_log_init(struct fake_log *f, uint8_t seed, uint64_t not_before_s);
/* The data of leaf `index`, as text. */
void fake_log_leaf(const struct fake_log *f, uint64_t index, char out[64]);
/* Appends the signed head of the first `size` leaves. */
void fake_log_head(const struct fake_log *f, uint64_t size, struct buffer *note);
/* Appends the proof that the first `new_size` leaves continue the first `old_size`; returns how
 * many hashes. */
size_t fake_log_proof(const struct fake_log *f, uint64_t old_size, uint64_t new_size,
                      struct buffer *proof);

/* An empty folder below $TMPDIR or /tmp; the caller gives it to scratch_remove(), which removes it
 * and all that is in it. */
char *scratch_make(void);
void scratch_remove(char *folder);
/* Writes a file in it; returns its path, which the caller frees. */
char *scratch_file(const char *folder, const char *name, const char *content);

#endif
