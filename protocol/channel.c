#include "protocol/channel.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "protocol/buffer.h"
#include "protocol/endian.h"
#include "protocol/status.h"

enum {
    NAME_BYTES = 6,         /* of the preamble, before the version */
    PREFIX_BYTES = 2,       /* before each Noise message */
    FRAME_HEADER_BYTES = 4, /* before each frame's body */
    /* An idle connection keeps buffers up to this size; thousands of them may be open. */
    KEEP_BYTES = 256 * 1024,
};

static const uint8_t preamble_name[NAME_BYTES] = {'B', 'O', 'U', 'R', 'S', 'E'};

static_assert(FRAME_BYTES_MAX < SIZE_MAX / 4, "sizes of frames are computed without overflow");

enum phase { PHASE_PREAMBLE, PHASE_HANDSHAKE, PHASE_OPEN };

/* Bytes that are appended at the end and taken from the front. */
struct queue {
    struct buffer bytes;
    size_t start; /* what lies before was taken */
};

struct channel {
    bool initiator;
    bool established;
    enum phase phase;
    int status; /* 0, or the final error */
    uint16_t peer_version;
    uint8_t secret[NOISE_KEY_BYTES]; /* until the peer's preamble completes the prologue */
    uint8_t responder_key[NOISE_KEY_BYTES];
    struct noise_random random;
    bool has_random;
    struct noise noise;
    struct queue input;  /* as received; begins with a message that is not whole, or waits */
    struct queue plain;  /* decrypted: at most one whole frame and one Noise message */
    struct queue output; /* ready for the socket */
};

static size_t queue_length(const struct queue *q)
{
    return q->bytes.length - q->start;
}

static const uint8_t *queue_front(const struct queue *q)
{
    return q->bytes.data == NULL ? NULL : q->bytes.data + q->start;
}

/* Room for `length` more bytes at the end, or NULL when memory is out; what is there stays. */
static uint8_t *queue_extend(struct queue *q, size_t length)
{
    if (q->start > 0 && q->start >= queue_length(q)) {
        /* At least half was taken, so moving the rest costs no more than bringing it here did. */
        buffer_consume(&q->bytes, q->start);
        q->start = 0;
    }
    uint8_t *at = buffer_extend(&q->bytes, length);
    q->bytes.status = STATUS_OK;
    return at;
}

static void queue_take(struct queue *q, size_t length)
{
    assert(length <= queue_length(q));
    q->start += length;
}

/* After the last byte was taken: begins anew, and gives back what only a large frame needed. */
static void queue_rest(struct queue *q)
{
    if (queue_length(q) > 0)
        return;
    q->start = 0;
    if (q->bytes.capacity > KEEP_BYTES)
        buffer_wipe(&q->bytes);
    else
        buffer_clear(&q->bytes);
}

static void queue_wipe(struct queue *q)
{
    buffer_wipe(&q->bytes);
    q->start = 0;
}

static int fail(struct channel *c, int status)
{
    assert(status != STATUS_OK && status != STATUS_MORE);
    c->status = status;
    sodium_memzero(c->secret, sizeof(c->secret));
    /* The peer's key stays known once it was proven; nothing else of the conversation does. */
    uint8_t peer[NOISE_KEY_BYTES];
    memcpy(peer, noise_remote_static(&c->noise), sizeof(peer));
    noise_wipe(&c->noise);
    if (c->established)
        memcpy(c->noise.remote_static, peer, sizeof(peer));
    queue_wipe(&c->input);
    queue_wipe(&c->plain);
    return status;
}

static void put_preamble(uint16_t version, uint8_t out[CHANNEL_PREAMBLE_BYTES])
{
    memcpy(out, preamble_name, NAME_BYTES);
    put_u16_be(out + NAME_BYTES, version);
}

static struct channel *channel_new(bool initiator, const uint8_t secret[NOISE_KEY_BYTES],
                                   const uint8_t *responder_key, const struct noise_random *random)
{
    struct channel *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return NULL;
    c->initiator = initiator;
    memcpy(c->secret, secret, sizeof(c->secret));
    if (responder_key != NULL)
        memcpy(c->responder_key, responder_key, sizeof(c->responder_key));
    if (random != NULL) {
        c->random = *random;
        c->has_random = true;
    }
    uint8_t *at = queue_extend(&c->output, CHANNEL_PREAMBLE_BYTES);
    if (at == NULL) {
        channel_free(c);
        return NULL;
    }
    put_preamble(CHANNEL_VERSION, at);
    return c;
}

struct channel *channel_new_initiator(const uint8_t secret[NOISE_KEY_BYTES],
                                      const uint8_t responder_key[NOISE_KEY_BYTES],
                                      const struct noise_random *random)
{
    return channel_new(true, secret, responder_key, random);
}

struct channel *channel_new_responder(const uint8_t secret[NOISE_KEY_BYTES],
                                      const struct noise_random *random)
{
    return channel_new(false, secret, NULL, random);
}

void channel_free(struct channel *c)
{
    if (c == NULL)
        return;
    queue_wipe(&c->input);
    queue_wipe(&c->plain);
    queue_wipe(&c->output);
    sodium_memzero(c, sizeof(*c));
    free(c);
}

/* Writes handshake messages as long as the turn is ours, and notices the handshake's end. */
static int handshake_go_on(struct channel *c)
{
    while (noise_handshake_writes(&c->noise)) {
        size_t length = noise_handshake_overhead(&c->noise);
        uint8_t *at = queue_extend(&c->output, PREFIX_BYTES + length);
        if (at == NULL)
            return STATUS_MEMORY;
        put_u16_be(at, (uint16_t)length);
        int status = noise_handshake_write(&c->noise, NULL, 0, at + PREFIX_BYTES);
        if (status != STATUS_OK) {
            c->output.bytes.length -= PREFIX_BYTES + length;
            return status;
        }
    }
    if (noise_handshake_done(&c->noise)) {
        c->phase = PHASE_OPEN;
        c->established = true;
    }
    return STATUS_OK;
}

static void start_noise(struct channel *c)
{
    uint8_t prologue[2 * CHANNEL_PREAMBLE_BYTES];
    put_preamble(c->initiator ? CHANNEL_VERSION : c->peer_version, prologue);
    put_preamble(c->initiator ? c->peer_version : CHANNEL_VERSION,
                 prologue + CHANNEL_PREAMBLE_BYTES);
    const struct noise_random *random = c->has_random ? &c->random : NULL;
    if (c->initiator)
        noise_init_initiator(&c->noise, c->secret, c->responder_key, prologue, sizeof(prologue),
                             random);
    else
        noise_init_responder(&c->noise, c->secret, prologue, sizeof(prologue), random);
    sodium_memzero(c->secret, sizeof(c->secret));
    c->phase = PHASE_HANDSHAKE;
}

static int take_preamble(struct channel *c, const uint8_t *bytes, size_t length, size_t *taken_out)
{
    /* A stranger is recognized by the first byte that differs, not only when eight have come. */
    size_t compared = length < NAME_BYTES ? length : NAME_BYTES;
    if (memcmp(bytes, preamble_name, compared) != 0)
        return STATUS_MALFORMED;
    if (length < CHANNEL_PREAMBLE_BYTES)
        return STATUS_MORE;
    c->peer_version = get_u16_be(bytes + NAME_BYTES);
    if (c->peer_version != CHANNEL_VERSION)
        return STATUS_VERSION;
    *taken_out = CHANNEL_PREAMBLE_BYTES;
    start_noise(c);
    return handshake_go_on(c);
}

static int take_handshake(struct channel *c, const uint8_t *bytes, size_t length, size_t *taken_out)
{
    if (length < PREFIX_BYTES)
        return STATUS_MORE;
    size_t expected = noise_handshake_overhead(&c->noise);
    if (get_u16_be(bytes) != expected)
        return STATUS_MALFORMED;
    if (length < PREFIX_BYTES + expected)
        return STATUS_MORE;
    *taken_out = PREFIX_BYTES + expected;
    int status = noise_handshake_read(&c->noise, bytes + PREFIX_BYTES, expected, NULL);
    return status == STATUS_OK ? handshake_go_on(c) : status;
}

static int take_transport(struct channel *c, const uint8_t *bytes, size_t length, size_t *taken_out)
{
    if (length < PREFIX_BYTES)
        return STATUS_MORE;
    size_t sealed = get_u16_be(bytes);
    /* A message that carries nothing would let a peer keep us busy without ever sending a frame. */
    if (sealed <= NOISE_TAG_BYTES)
        return STATUS_MALFORMED;
    if (length < PREFIX_BYTES + sealed)
        return STATUS_MORE;
    *taken_out = PREFIX_BYTES + sealed;
    uint8_t *at = queue_extend(&c->plain, sealed - NOISE_TAG_BYTES);
    if (at == NULL)
        return STATUS_MEMORY;
    return noise_decrypt(&c->noise, bytes + PREFIX_BYTES, sealed, at);
}

/* Takes the unit at the front (preamble or Noise message). STATUS_MORE: it is not whole yet. */
static int take_unit(struct channel *c, const uint8_t *bytes, size_t length, size_t *taken_out)
{
    if (length == 0)
        return STATUS_MORE;
    switch (c->phase) {
    case PHASE_PREAMBLE:
        return take_preamble(c, bytes, length, taken_out);
    case PHASE_HANDSHAKE:
        return take_handshake(c, bytes, length, taken_out);
    default:
        return take_transport(c, bytes, length, taken_out);
    }
}

/* Whether the decrypted bytes begin with a whole frame: 0, STATUS_MORE, or what is wrong. */
static int frame_check(const struct channel *c, size_t *length_out)
{
    size_t have = queue_length(&c->plain);
    if (have < FRAME_HEADER_BYTES)
        return STATUS_MORE;
    uint32_t length = get_u32_be(queue_front(&c->plain));
    if (length == 0)
        return STATUS_MALFORMED;
    if (length > FRAME_BYTES_MAX)
        return STATUS_LIMIT;
    *length_out = length;
    return have - FRAME_HEADER_BYTES < length ? STATUS_MORE : STATUS_OK;
}

/*
 * Takes units until a whole frame waits (STATUS_OK) or the bytes end (STATUS_MORE). How many bytes
 * were taken is told in each case.
 */
static int pump(struct channel *c, const uint8_t *bytes, size_t length, size_t *taken_out)
{
    *taken_out = 0;
    for (;;) {
        size_t frame;
        int status = frame_check(c, &frame);
        if (status != STATUS_MORE)
            return status;
        size_t taken = 0;
        status = take_unit(c, bytes + *taken_out, length - *taken_out, &taken);
        if (status != STATUS_OK)
            return status;
        *taken_out += taken;
    }
}

/* The same over what is kept from before. */
static int pump_input(struct channel *c)
{
    size_t taken;
    size_t length = queue_length(&c->input);
    int status = length == 0 ? pump(c, (const uint8_t *)"", 0, &taken)
                             : pump(c, queue_front(&c->input), length, &taken);
    queue_take(&c->input, taken);
    queue_rest(&c->input);
    return status;
}

int channel_receive(struct channel *c, const void *bytes, size_t length)
{
    if (c->status != STATUS_OK)
        return c->status;
    if (length > CHANNEL_INPUT_BYTES_MAX - queue_length(&c->input))
        return STATUS_MISUSE;
    if (length == 0)
        return STATUS_OK;
    queue_rest(&c->plain);

    size_t taken = 0;
    int status = STATUS_OK;
    bool direct = queue_length(&c->input) == 0;
    /* In the common case the messages are decrypted from where the caller has them. */
    if (direct)
        status = pump(c, bytes, length, &taken);
    if (status != STATUS_OK && status != STATUS_MORE)
        return fail(c, status);
    if (taken < length) {
        uint8_t *at = queue_extend(&c->input, length - taken);
        if (at == NULL)
            return fail(c, STATUS_MEMORY);
        memcpy(at, (const uint8_t *)bytes + taken, length - taken);
    }
    if (!direct)
        status = pump_input(c);
    if (status != STATUS_OK && status != STATUS_MORE)
        return fail(c, status);
    return STATUS_OK;
}

int channel_next_frame(struct channel *c, const uint8_t **body_out, size_t *length_out)
{
    if (c->status != STATUS_OK)
        return c->status;
    queue_rest(&c->plain);
    int status = pump_input(c);
    if (status == STATUS_MORE)
        return status;
    if (status != STATUS_OK)
        return fail(c, status);
    size_t length = 0;
    status = frame_check(c, &length);
    assert(status == STATUS_OK);
    *body_out = queue_front(&c->plain) + FRAME_HEADER_BYTES;
    *length_out = length;
    queue_take(&c->plain, FRAME_HEADER_BYTES + length);
    return STATUS_OK;
}

/* The size of a frame on the wire, and how many Noise messages it takes. */
static size_t frame_wire_size(size_t length, uint64_t *messages_out)
{
    size_t stream = FRAME_HEADER_BYTES + length;
    size_t messages = (stream + NOISE_PLAINTEXT_BYTES_MAX - 1) / NOISE_PLAINTEXT_BYTES_MAX;
    *messages_out = messages;
    return stream + messages * (PREFIX_BYTES + NOISE_TAG_BYTES);
}

int channel_send(struct channel *c, const void *body, size_t length)
{
    if (c->status != STATUS_OK)
        return c->status;
    if (!c->established || length == 0)
        return STATUS_MISUSE;
    if (length > FRAME_BYTES_MAX)
        return STATUS_LIMIT;
    uint64_t messages;
    size_t wire = frame_wire_size(length, &messages);
    /* Looked at beforehand, so that a frame is never queued in part. */
    if (c->noise.send.nonce > UINT64_MAX - messages)
        return fail(c, STATUS_LIMIT);
    uint8_t *out = queue_extend(&c->output, wire);
    if (out == NULL)
        return STATUS_MEMORY;

    const uint8_t *at = body;
    size_t rest = length;
    size_t header = FRAME_HEADER_BYTES;
    while (rest > 0) {
        size_t room = NOISE_PLAINTEXT_BYTES_MAX - header;
        size_t piece = rest < room ? rest : room;
        put_u16_be(out, (uint16_t)(header + piece + NOISE_TAG_BYTES));
        out += PREFIX_BYTES;
        const uint8_t *plaintext = at;
        if (header > 0) {
            /* Header and body are one plaintext; only this first piece is copied. */
            put_u32_be(out, (uint32_t)length);
            memcpy(out + header, at, piece);
            plaintext = out;
        }
        int status = noise_encrypt(&c->noise, plaintext, header + piece, out);
        assert(status == STATUS_OK);
        (void)status;
        out += header + piece + NOISE_TAG_BYTES;
        at += piece;
        rest -= piece;
        header = 0;
    }
    return STATUS_OK;
}

const uint8_t *channel_output(const struct channel *c, size_t *length_out)
{
    *length_out = queue_length(&c->output);
    return queue_front(&c->output);
}

void channel_output_consumed(struct channel *c, size_t length)
{
    queue_take(&c->output, length);
    queue_rest(&c->output);
}

bool channel_established(const struct channel *c)
{
    return c->established;
}

const uint8_t *channel_peer_key(const struct channel *c)
{
    return c->established ? noise_remote_static(&c->noise) : NULL;
}

uint16_t channel_peer_version(const struct channel *c)
{
    return c->peer_version;
}

int channel_status(const struct channel *c)
{
    return c->status;
}

bool channel_at_boundary(const struct channel *c)
{
    return queue_length(&c->input) == 0 && queue_length(&c->plain) == 0;
}

size_t channel_pending(const struct channel *c)
{
    return queue_length(&c->input) + queue_length(&c->plain);
}

size_t channel_memory(const struct channel *c)
{
    return sizeof(*c) + c->input.bytes.capacity + c->plain.bytes.capacity +
           c->output.bytes.capacity;
}
