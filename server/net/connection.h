/*
 * One client's connection: socket, session, the frames on their way to the engine and the
 * subscriptions. Everything here runs on the network's thread.
 */
#ifndef BOURSE_NET_CONNECTION_H
#define BOURSE_NET_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "protocol/limits.h"
#include "server/engine/engine.h"

enum { CONNECTION_READ_BYTES = 64 * 1024 };

struct connection;

/* What all connections share. */
struct network {
    uv_loop_t loop;
    struct engine *engine;
    uint8_t channel_secret[32];
    uint8_t exchange_id[32];
    uint64_t log_size; /* published: how far subscriptions may read */
    uv_async_t *wake;  /* has the loop look at every connection again */

    uint32_t connections_max; /* CONNECTIONS_MAX, or as many as there are file descriptors for */
    uint32_t pump_slot;       /* where the subscriptions' next turn begins */
    size_t task_bytes;        /* of frames that are being decoded and verified */
    size_t pending_bytes;     /* received, and not a whole frame yet */
    size_t unread_bytes;      /* queued for clients, and not taken yet */
    bool starved;             /* a connection waits for task_bytes to fall */

    struct connection *connections;
    struct connection *slots[CONNECTIONS_MAX];
    uint32_t generations[CONNECTIONS_MAX];
    char read_buffer[CONNECTION_READ_BYTES];
};

/* Takes the next connection from a listener; one beyond CONNECTIONS_MAX is closed at once. */
void connection_accept(struct network *n, uv_stream_t *listener);

/* Moves every connection on after anything has changed: tasks, frames, output, reading or not. */
void connections_advance(struct network *n);
/* Sends a step of each subscription; true when one of them has more to send at once. */
bool connections_pump(struct network *n);
/* Closes those that have been idle, in the handshake, or not taking their output for too long. */
void connections_sweep(struct network *n);
void connections_close(struct network *n);

/* Sends what the engine has published to whom it is for. */
void connections_deliver(struct network *n, const struct publication *p);

#endif
