/*
 * One end of a connection between a client and the exchange: bytes from the socket in, frames out,
 * and the other way round. A pure state machine, used by both; it does no input or output, reads
 * no clock, and is used by one thread at a time.
 *
 * On the wire, each side:
 *   1. 8 bytes: "BOURSE" and its protocol version, 16 bits, big-endian. Both sides send them before
 *      they look at the other's, so that each can tell its user why they do not fit together.
 *   2. Noise_XK_25519_ChaChaPoly_SHA256 (noise.h); the prologue is the initiator's 8 bytes followed
 *      by the responder's. Each Noise message is prefixed by its length, 16 bits, big-endian. The
 *      three handshake messages have empty payloads: 48, 48 and 64 bytes. An initiator that is the
 *      client may be sure of the exchange's key, which it knew before; the exchange learns the
 *      client's with the third message.
 *   3. Transport messages of 17 to 65 535 bytes. What they decrypt to, one after the other, is a
 *      run of frames: length of the body, 32 bits, big-endian, 1 to FRAME_BYTES_MAX, then the body.
 *      A frame may be spread over any number of Noise messages and a Noise message may hold the
 *      end of one frame and others after it.
 */
#ifndef BOURSE_PROTOCOL_CHANNEL_H
#define BOURSE_PROTOCOL_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/limits.h"
#include "protocol/noise.h"

enum {
    CHANNEL_VERSION = 1,
    CHANNEL_PREAMBLE_BYTES = 8,
    /* Bytes that channel_receive() holds for a caller that has not taken its frames yet. */
    CHANNEL_INPUT_BYTES_MAX = 1024 * 1024,
};

struct channel;

/*
 * A new end of a connection, or NULL when memory is out; ended by channel_free(). It has the
 * preamble to send at once. `secret` is this side's X25519 secret (`channel_secret` of keys.h),
 * `responder_key` the public key the initiator expects. Both are copied. `random` may be NULL for
 * the system's randomness.
 */
struct channel *channel_new_initiator(const uint8_t secret[NOISE_KEY_BYTES],
                                      const uint8_t responder_key[NOISE_KEY_BYTES],
                                      const struct noise_random *random);
struct channel *channel_new_responder(const uint8_t secret[NOISE_KEY_BYTES],
                                      const struct noise_random *random);

/* Wipes and frees; NULL is allowed. */
void channel_free(struct channel *c);

/*
 * Takes all `length` bytes that the socket gave. Afterwards look at channel_output(), since the
 * handshake may have something to send, and call channel_next_frame() until it says STATUS_MORE.
 * While a frame waits to be taken, what follows it is kept as it came and not decrypted. Before the
 * handshake is done no more than one handshake message is kept; after it, at most one frame, one
 * Noise message and CHANNEL_INPUT_BYTES_MAX. Buffers grow as bytes arrive and to less than twice
 * what they hold, whatever length a peer claims.
 *
 * Errors, all final but the first (every later call returns the same):
 *   STATUS_MISUSE     more than CHANNEL_INPUT_BYTES_MAX would be kept: take the frames first. The
 *                     bytes were not taken
 *   STATUS_VERSION    the peer speaks another version, see channel_peer_version(). This side's
 *                     preamble is still in channel_output(): send it before closing
 *   STATUS_FORGED     something does not authenticate: the peer is not who it should be, has
 *                     pinned another key, or the bytes were changed on their way
 *   STATUS_LIMIT      a frame longer than FRAME_BYTES_MAX
 *   STATUS_MALFORMED  not this protocol
 *   STATUS_MEMORY
 */
int channel_receive(struct channel *c, const void *bytes, size_t length);

/*
 * The next whole frame: 0, with the body in memory of the channel that stays as it is until the
 * next call of channel_next_frame(), channel_receive() or channel_free() (but not channel_send()).
 * Errors: STATUS_MORE when there is none yet; else those of channel_receive(), after every frame
 * that came before the error was handed out.
 */
int channel_next_frame(struct channel *c, const uint8_t **body_out, size_t *length_out);

/*
 * Queues one frame, encrypted; the body is not needed afterwards.
 * Errors: STATUS_MISUSE before channel_established() and for an empty body, STATUS_LIMIT for a body
 * above FRAME_BYTES_MAX (nothing queued, the channel goes on); STATUS_MEMORY (nothing queued);
 * STATUS_LIMIT when the nonces are used up and what ended the channel before (final).
 */
int channel_send(struct channel *c, const void *body, size_t length);

/*
 * What waits to be written to the socket: a pointer into the channel, valid until the next call
 * that changes the channel, and its length, 0 if nothing waits. Also works on a failed channel. The
 * caller bounds the queue: it stops sending when the peer does not read.
 */
const uint8_t *channel_output(const struct channel *c, size_t *length_out);
/* The first `length` bytes of the output were written; at most what waits. */
void channel_output_consumed(struct channel *c, size_t length);

/* Whether the handshake is done, so that frames can be sent. Stays true after a later error. */
bool channel_established(const struct channel *c);

/* The peer's static public key; NULL while it is not proven, that is, before established. */
const uint8_t *channel_peer_key(const struct channel *c);

/* The version the peer's preamble names; 0 while it has not come. */
uint16_t channel_peer_version(const struct channel *c);

/* 0, or the error that ended the channel. */
int channel_status(const struct channel *c);

/* Whether the end of the stream would come between two frames and two Noise messages. A stream
 * that ends elsewhere was cut off. */
bool channel_at_boundary(const struct channel *c);

/* Bytes received that no frame was made of yet. */
size_t channel_pending(const struct channel *c);

/* Bytes of memory the channel's buffers take now, for accounts and limits. */
size_t channel_memory(const struct channel *c);

#endif
