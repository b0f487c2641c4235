#include "server/net/server.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>
#include <sys/resource.h>
#include <uv.h>

#include "protocol/status.h"
#include "server/net/connection.h"

/* After a restart all clients come at once; what does not fit the backlog waits a second or more.
 */
enum { SWEEP_INTERVAL_MS = 1000, BACKLOG = 1024 };

struct server {
    struct network network;
    uv_tcp_t listener;
    uv_async_t wake; /* something was published, or the engine failed */
    uv_idle_t pump;  /* runs while a subscription has more to send */
    uv_timer_t sweep;
    uv_signal_t interrupt;
    uv_signal_t terminate;
    uint16_t port;
    int status;

    pthread_mutex_t lock; /* guards what follows */
    struct publication *published;
    struct publication **published_end;
    int failure;
    char failure_line[512];
};

/* --- What the engine publishes -------------------------------------------------------------- */

/* On the engine's thread. */
static void on_published(void *context, struct publication *p)
{
    struct server *s = context;
    p->next = NULL;
    pthread_mutex_lock(&s->lock);
    *s->published_end = p;
    s->published_end = &p->next;
    pthread_mutex_unlock(&s->lock);
    uv_async_send(&s->wake);
}

/* On any thread. */
static void on_failed(void *context, int status, const char *line)
{
    struct server *s = context;
    pthread_mutex_lock(&s->lock);
    if (s->failure == STATUS_OK) {
        s->failure = status;
        snprintf(s->failure_line, sizeof(s->failure_line), "%s", line);
    }
    pthread_mutex_unlock(&s->lock);
    uv_async_send(&s->wake);
}

static void on_pump(uv_idle_t *pump)
{
    struct server *s = pump->data;
    if (!connections_pump(&s->network))
        uv_idle_stop(pump);
}

static void on_wake(uv_async_t *wake)
{
    struct server *s = wake->data;
    pthread_mutex_lock(&s->lock);
    struct publication *p = s->published;
    s->published = NULL;
    s->published_end = &s->published;
    int failure = s->failure;
    pthread_mutex_unlock(&s->lock);
    while (p != NULL) {
        struct publication *next = p->next;
        connections_deliver(&s->network, p);
        publication_free(p);
        p = next;
    }
    connections_advance(&s->network);
    uv_idle_start(&s->pump, on_pump);
    if (failure != STATUS_OK) {
        s->status = failure;
        uv_stop(&s->network.loop);
    }
}

/* --- The loop ------------------------------------------------------------------------------- */

static void on_connection(uv_stream_t *listener, int status)
{
    struct server *s = listener->data;
    if (status == 0)
        connection_accept(&s->network, listener);
}

static void on_sweep(uv_timer_t *timer)
{
    struct server *s = timer->data;
    connections_sweep(&s->network);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct server *s = handle->data;
    (void)number;
    uv_stop(&s->network.loop);
}

static int address_of(const struct server_options *o, struct sockaddr_storage *out)
{
    if (uv_ip4_addr(o->host, o->port, (struct sockaddr_in *)out) == 0)
        return STATUS_OK;
    if (uv_ip6_addr(o->host, o->port, (struct sockaddr_in6 *)out) == 0)
        return STATUS_OK;
    return STATUS_MALFORMED;
}

static int server_listen(struct server *s, const struct server_options *o, struct buffer *error)
{
    struct sockaddr_storage address;
    memset(&address, 0, sizeof(address));
    if (address_of(o, &address) != STATUS_OK) {
        buffer_printf(error, "'%s' is not an IPv4 or IPv6 address; give one such as 127.0.0.1:7420",
                      o->host);
        return STATUS_MALFORMED;
    }
    int failed = uv_tcp_bind(&s->listener, (struct sockaddr *)&address, 0);
    if (failed == 0)
        failed = uv_listen((uv_stream_t *)&s->listener, BACKLOG, on_connection);
    if (failed != 0) {
        buffer_printf(error, "cannot listen on %s port %u: %s", o->host, (unsigned)o->port,
                      uv_strerror(failed));
        return failed == UV_EADDRINUSE ? STATUS_EXISTS : STATUS_IO;
    }
    int length = sizeof(address);
    if (uv_tcp_getsockname(&s->listener, (struct sockaddr *)&address, &length) != 0)
        return STATUS_IO;
    s->port = ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                                  : ((struct sockaddr_in *)&address)->sin_port);
    return STATUS_OK;
}

/* Connections take at most half of the file descriptors there are, so that strangers cannot keep
 * journal and log from opening their next file. */
static uint32_t connections_possible(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return CONNECTIONS_MAX;
    rlim_t wanted = 2 * (rlim_t)CONNECTIONS_MAX;
    if (files.rlim_cur < wanted) {
        files.rlim_cur = files.rlim_max < wanted ? files.rlim_max : wanted;
        if (setrlimit(RLIMIT_NOFILE, &files) != 0)
            getrlimit(RLIMIT_NOFILE, &files);
    }
    return files.rlim_cur >= wanted ? (uint32_t)CONNECTIONS_MAX : (uint32_t)(files.rlim_cur / 2);
}

int server_new(const struct server_options *options, struct server **out, struct buffer *error)
{
    struct server *s = calloc(1, sizeof(*s));
    if (s == NULL || uv_loop_init(&s->network.loop) != 0) {
        free(s);
        return STATUS_MEMORY;
    }
    memcpy(s->network.channel_secret, options->channel_secret, sizeof(s->network.channel_secret));
    memcpy(s->network.exchange_id, options->exchange_id, sizeof(s->network.exchange_id));
    s->network.connections_max = connections_possible();
    s->published_end = &s->published;
    pthread_mutex_init(&s->lock, NULL);
    signal(SIGPIPE, SIG_IGN);
    uv_tcp_init(&s->network.loop, &s->listener);
    uv_async_init(&s->network.loop, &s->wake, on_wake);
    s->network.wake = &s->wake;
    uv_idle_init(&s->network.loop, &s->pump);
    uv_timer_init(&s->network.loop, &s->sweep);
    uv_signal_init(&s->network.loop, &s->interrupt);
    uv_signal_init(&s->network.loop, &s->terminate);
    s->listener.data = s->wake.data = s->pump.data = s->sweep.data = s;
    s->interrupt.data = s->terminate.data = s;
    int status = server_listen(s, options, error);
    if (status != STATUS_OK) {
        server_free(s);
        return status;
    }
    *out = s;
    return STATUS_OK;
}

uint16_t server_port(const struct server *s)
{
    return s->port;
}

struct engine_callbacks server_callbacks(struct server *s)
{
    return (struct engine_callbacks){s, on_published, on_failed};
}

int server_run(struct server *s, struct engine *engine, struct buffer *error)
{
    s->network.engine = engine;
    s->network.log_size = log_store_size(engine_log(engine));
    uv_timer_start(&s->sweep, on_sweep, SWEEP_INTERVAL_MS, SWEEP_INTERVAL_MS);
    uv_signal_start(&s->interrupt, on_signal, SIGINT);
    uv_signal_start(&s->terminate, on_signal, SIGTERM);
    uv_run(&s->network.loop, UV_RUN_DEFAULT);
    if (s->status != STATUS_OK)
        buffer_append(error, s->failure_line, strlen(s->failure_line));
    return s->status;
}

static void close_handle(uv_handle_t *handle, void *context)
{
    (void)context;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

void server_free(struct server *s)
{
    if (s == NULL)
        return;
    connections_close(&s->network);
    uv_walk(&s->network.loop, close_handle, NULL);
    uv_run(&s->network.loop, UV_RUN_DEFAULT);
    uv_loop_close(&s->network.loop);
    for (struct publication *p = s->published; p != NULL;) {
        struct publication *next = p->next;
        publication_free(p);
        p = next;
    }
    pthread_mutex_destroy(&s->lock);
    sodium_memzero(s->network.channel_secret, sizeof(s->network.channel_secret));
    free(s);
}
