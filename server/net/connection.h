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
/* Closes those that have been idle, or in the handshake, for too long. */
void connections_sweep(struct network *n);
void connections_close(struct network *n);

/* Sends what the engine has published to whom it is for. */
void connections_deliver(struct network *n, const struct publication *p);

#endif
