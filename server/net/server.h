/*
 * The network: a libuv loop on one thread that accepts connections, hands frames through the thread
 * pool (decoding, signatures) to the engine, and sends what the engine publishes. Requests and
 * queries of one connection reach the engine in the order in which they came.
 */
#ifndef BOURSE_NET_SERVER_H
#define BOURSE_NET_SERVER_H

#include <stdint.h>

#include "protocol/buffer.h"
#include "server/engine/engine.h"

struct server;

struct server_options {
    const char *host; /* an IPv4 or IPv6 address */
    uint16_t port;    /* 0: any free one */
    uint8_t channel_secret[32];
    uint8_t exchange_id[32];
};

/*
 * Binds and listens; nothing is accepted before server_run(). `error` gets a line for people.
 * Errors: STATUS_MALFORMED (no address), STATUS_EXISTS (address in use), STATUS_IO, STATUS_MEMORY.
 */
int server_new(const struct server_options *options, struct server **out, struct buffer *error);
/* The port that is listened on. */
uint16_t server_port(const struct server *s);

/* For engine_start(): what `published` and `failed` do, from any thread. */
struct engine_callbacks server_callbacks(struct server *s);

/*
 * Serves until SIGINT or SIGTERM (STATUS_OK) or until the engine fails (its status; the line it
 * gave is in `error`). The engine is not stopped here. Call once, with the engine started.
 */
int server_run(struct server *s, struct engine *engine, struct buffer *error);
void server_free(struct server *s);

#endif
