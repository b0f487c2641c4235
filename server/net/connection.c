#include "server/net/connection.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/status.h"
#include "server/net/intake.h"
#include "server/net/session.h"
#include "server/net/subscription.h"

enum {
    /* A connection that has so much to read first is not read from until it has taken some. */
    OUTPUT_SLACK_BYTES = 1024 * 1024,
    /* What a connection may hold when all together hold too much. */
    UNREAD_SHARE_BYTES = UNREAD_TOTAL_MAX / CONNECTIONS_MAX,
    PENDING_SHARE_BYTES = INTAKE_BYTES_MAX / CONNECTIONS_MAX,
    /* Steps of subscriptions between two looks at the sockets. */
    PUMP_STEPS = 8,
    KEEPALIVE_S = 60,
};

/* A frame on its way from a connection to the engine. */
struct task {
    struct task *next; /* of the same connection, in the order in which the frames came */
    uv_work_t work;
    struct connection *connection;
    struct session_frame frame;
    struct submission *submission;
    struct intake_outcome outcome;
    size_t bytes; /* counted in the network's task_bytes */
    uint32_t seq;
    int status;
    bool done;
};

struct connection {
    struct connection *previous;
    struct connection *next;
    struct network *network;
    struct session *session;
    uv_tcp_t socket;
    uint64_t id;
    uint32_t slot;
    uint32_t in_flight; /* frames whose answer has not been queued yet */
    struct task *tasks; /* first to last */
    struct task *tasks_last;
    struct subscription subscriptions[SUBSCRIPTIONS_MAX];
    uint32_t subscriptions_count;
    uint32_t pump_next;   /* the subscription whose turn it is, counted without end */
    size_t job_bytes;     /* libuv is writing */
    size_t unread_bytes;  /* as counted in the network's */
    size_t pending_bytes; /* as counted in the network's */
    uint64_t written_ms;  /* when it last took what libuv writes, or that began */
    bool reading;
    bool writing;
    bool closing;        /* ends once its output is sent */
    bool closed;         /* uv_close was called */
    bool handle_closed;  /* and has called back */
    uint32_t pool_tasks; /* in the thread pool: they hold the connection */
};

static void connection_advance(struct connection *c);
static void connection_close(struct connection *c);

/* --- Connections ---------------------------------------------------------------------------- */

static struct connection *connection_find(struct network *n, uint64_t id)
{
    uint32_t slot = (uint32_t)(id & UINT32_MAX);
    if (slot >= CONNECTIONS_MAX || n->slots[slot] == NULL || n->slots[slot]->id != id)
        return NULL;
    return n->slots[slot];
}

/* Brings the network's counts up to date with what the connection holds. */
static void connection_count(struct connection *c)
{
    struct network *n = c->network;
    size_t unread = 0;
    size_t pending = 0;
    if (!c->closed) {
        session_output(c->session, &unread);
        unread += c->job_bytes;
        pending = session_pending(c->session);
    }
    n->unread_bytes += unread - c->unread_bytes;
    n->pending_bytes += pending - c->pending_bytes;
    c->unread_bytes = unread;
    c->pending_bytes = pending;
}

static void task_free(struct task *t)
{
    struct network *n = t->connection->network;
    n->task_bytes -= t->bytes;
    if (n->starved && n->task_bytes < INTAKE_BYTES_MAX / 2) {
        n->starved = false;
        uv_async_send(n->wake);
    }
    buffer_release(&t->frame.memory);
    submission_free(t->submission);
    free(t);
}

/* Frees a closed connection once libuv and the thread pool have let go of it. */
static void connection_reap(struct connection *c)
{
    if (!c->handle_closed || c->pool_tasks > 0)
        return;
    while (c->tasks != NULL) {
        struct task *t = c->tasks;
        c->tasks = t->next;
        task_free(t);
    }
    session_free(c->session);
    free(c);
}

static void on_closed(uv_handle_t *handle)
{
    struct connection *c = handle->data;
    c->handle_closed = true;
    connection_reap(c);
}

static void connection_close(struct connection *c)
{
    struct network *n = c->network;
    if (c->closed)
        return;
    c->closed = true;
    c->closing = true;
    connection_count(c);
    n->slots[c->slot] = NULL;
    if (c->previous != NULL)
        c->previous->next = c->next;
    else
        n->connections = c->next;
    if (c->next != NULL)
        c->next->previous = c->previous;
    uv_close((uv_handle_t *)&c->socket, on_closed);
}

/* --- Writing -------------------------------------------------------------------------------- */

struct write_job {
    uv_write_t request;
    struct connection *connection;
    uint8_t bytes[];
};

static void connection_flush(struct connection *c);

static void on_written(uv_write_t *request, int status)
{
    struct write_job *job = request->data;
    struct connection *c = job->connection;
    free(job);
    c->writing = false;
    c->job_bytes = 0;
    if (c->closed)
        return;
    if (status < 0) {
        connection_close(c);
        return;
    }
    connection_flush(c);
    if (!c->closed)
        connection_advance(c);
    /* A subscription that had more than the client took goes on now. */
    if (!c->closed && c->subscriptions_count > 0)
        uv_async_send(c->network->wake);
}

/* Writes what the kernel takes at once and leaves the rest to libuv, in a copy: the session may
 * queue more meanwhile. */
static void connection_flush(struct connection *c)
{
    size_t length;
    const uint8_t *bytes;
    while (!c->writing && (bytes = session_output(c->session, &length), length > 0)) {
        unsigned size = length > UNREAD_BYTES_MAX ? (unsigned)UNREAD_BYTES_MAX : (unsigned)length;
        uv_buf_t buffer = uv_buf_init((char *)(uintptr_t)bytes, size);
        int written = uv_try_write((uv_stream_t *)&c->socket, &buffer, 1);
        if (written > 0) {
            session_output_consumed(c->session, (size_t)written);
            continue;
        }
        if (written != UV_EAGAIN && written != 0) {
            connection_close(c);
            return;
        }
        struct write_job *job = malloc(sizeof(*job) + size);
        if (job == NULL) {
            connection_close(c);
            return;
        }
        job->connection = c;
        job->request.data = job;
        memcpy(job->bytes, bytes, size);
        session_output_consumed(c->session, size);
        buffer = uv_buf_init((char *)job->bytes, size);
        if (uv_write(&job->request, (uv_stream_t *)&c->socket, &buffer, 1, on_written) != 0) {
            free(job);
            connection_close(c);
            return;
        }
        c->writing = true;
        c->job_bytes = size;
        c->written_ms = uv_now(&c->network->loop);
    }
    connection_count(c);
    if (c->writing) {
        bool crowded = c->network->unread_bytes > UNREAD_TOTAL_MAX;
        /* It asks without reading the answers: nothing else bounds what it costs. */
        if (c->unread_bytes > (crowded ? (size_t)UNREAD_SHARE_BYTES : (size_t)UNREAD_BYTES_MAX))
            connection_close(c);
    } else if (c->closing) {
        connection_close(c);
    }
}

/* Ends a connection, after what is queued for it has been sent. */
static void connection_finish(struct connection *c)
{
    if (c->closed || c->closing)
        return;
    c->closing = true;
    connection_flush(c);
}

static void connection_send(struct connection *c, const struct buffer *frame)
{
    if (frame->status != STATUS_OK ||
        session_send(c->session, frame->data, frame->length) != STATUS_OK) {
        connection_close(c);
        return;
    }
    session_touch(c->session, uv_now(&c->network->loop));
}

static size_t connection_unread(const struct connection *c)
{
    size_t length;
    session_output(c->session, &length);
    return length;
}

/* Whether more of its frames may be on their way. */
static bool connection_has_room(const struct connection *c)
{
    return !c->closing && c->in_flight < REQUESTS_IN_FLIGHT_MAX &&
           connection_unread(c) < OUTPUT_SLACK_BYTES;
}

/* The same of all connections; one that finds no room is woken when there is some. */
static bool network_has_room(struct network *n)
{
    if (n->task_bytes < INTAKE_BYTES_MAX)
        return true;
    n->starved = true;
    return false;
}

/* --- From frames to the engine -------------------------------------------------------------- */

static void task_work(uv_work_t *work)
{
    struct task *t = work->data;
    t->status =
        intake_prepare(t->submission, &t->frame, t->connection->network->exchange_id, &t->outcome);
}

/* Answers a frame that did not get as far as the engine. */
static void task_refuse(struct task *t)
{
    struct connection *c = t->connection;
    if (t->status == STATUS_FORGED) {
        struct frame_reply reply = {.seq = t->seq, .refusal = t->outcome.refusal};
        struct buffer frame = BUFFER_EMPTY;
        message_encode_coded(&frame_reply_message, &reply, &frame);
        connection_send(c, &frame);
        buffer_release(&frame);
    } else if (session_send_error(c->session, t->seq,
                                  t->status == STATUS_MALFORMED ? WIRE_ERROR_MALFORMED
                                                                : WIRE_ERROR_INTERNAL,
                                  t->outcome.error) != STATUS_OK) {
        connection_close(c);
    }
}

/* Hands the first tasks that are ready to the engine, in their order, until its queue is full. */
static void connection_submit(struct connection *c)
{
    while (c->tasks != NULL && c->tasks->done && !c->closed) {
        struct task *t = c->tasks;
        if (t->status == STATUS_OK) {
            int status = engine_submit(c->network->engine, t->submission);
            if (status == STATUS_LIMIT)
                return; /* tried again at the next publication */
            if (status == STATUS_OK) {
                t->submission = NULL;
            } else if (session_send_error(c->session, t->seq, WIRE_ERROR_STOPPING,
                                          "the server is stopping; try again later") != STATUS_OK) {
                connection_close(c);
                return;
            }
        } else {
            task_refuse(t);
            c->in_flight--;
        }
        c->tasks = t->next;
        if (c->tasks == NULL)
            c->tasks_last = NULL;
        task_free(t);
    }
}

static void task_done(uv_work_t *work, int status)
{
    struct task *t = work->data;
    struct connection *c = t->connection;
    if (status != 0)
        t->status = STATUS_CLOSED;
    t->done = true;
    c->pool_tasks--;
    if (c->closed) {
        connection_reap(c);
        return;
    }
    connection_advance(c);
}

static void connection_unsubscribe(struct connection *c, uint32_t seq)
{
    for (uint32_t i = 0; i < c->subscriptions_count; i++) {
        if (c->subscriptions[i].seq == seq) {
            c->subscriptions[i] = c->subscriptions[--c->subscriptions_count];
            return;
        }
    }
}

static uint32_t frame_seq(const struct session_frame *f)
{
    switch (f->code) {
    case FRAME_request:
        return f->body.request.seq;
    case FRAME_query:
        return f->body.query.seq;
    default:
        return f->body.subscribe.seq;
    }
}

/* Puts a frame on its way; false when memory is out. */
static bool connection_take(struct connection *c, struct session_frame *frame)
{
    struct task *t = calloc(1, sizeof(*t));
    if (t != NULL)
        t->submission = submission_new();
    if (t == NULL || t->submission == NULL) {
        free(t);
        buffer_release(&frame->memory);
        return false;
    }
    t->connection = c;
    t->frame = *frame;
    t->bytes = frame->memory.length;
    c->network->task_bytes += t->bytes;
    t->seq = frame_seq(frame);
    t->work.data = t;
    t->submission->session = c->id;
    memcpy(t->submission->peer_key, session_peer_key(c->session), 32);
    if (c->tasks_last != NULL)
        c->tasks_last->next = t;
    else
        c->tasks = t;
    c->tasks_last = t;
    c->in_flight++;
    c->pool_tasks++;
    int status = uv_queue_work(&c->network->loop, &t->work, task_work, task_done);
    assert(status == 0); /* fails for a missing callback only */
    return true;
}

/* Takes the frames that have come, as far as the limit of frames in flight allows. */
static void connection_read_frames(struct connection *c)
{
    while (!c->closed && connection_has_room(c) && network_has_room(c->network)) {
        struct session_frame frame;
        int status = session_next(c->session, &frame);
        if (status == STATUS_MORE)
            return;
        if (status != STATUS_OK) {
            connection_finish(c);
            return;
        }
        if (frame.code == FRAME_unsubscribe) {
            connection_unsubscribe(c, frame.body.unsubscribe.seq);
            buffer_release(&frame.memory);
        } else if (!connection_take(c, &frame)) {
            connection_close(c);
        }
    }
}

/* --- Reading -------------------------------------------------------------------------------- */

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct connection *c = handle->data;
    (void)suggested;
    *out = uv_buf_init(c->network->read_buffer, CONNECTION_READ_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer)
{
    struct connection *c = stream->data;
    if (length == 0 || c->closing)
        return;
    if (length < 0) {
        connection_close(c);
        return;
    }
    int status =
        session_receive(c->session, buffer->base, (size_t)length, uv_now(&c->network->loop));
    if (status != STATUS_OK) {
        connection_finish(c);
        return;
    }
    connection_advance(c);
    /* Many frames that are begun and never ended would fill memory as well. */
    if (!c->closed && c->pending_bytes > PENDING_SHARE_BYTES &&
        c->network->pending_bytes > INTAKE_BYTES_MAX)
        connection_close(c);
}

/* Moves a connection on after anything has changed: tasks, frames, output, reading or not. */
static void connection_advance(struct connection *c)
{
    connection_submit(c);
    connection_read_frames(c);
    if (c->closed)
        return;
    connection_flush(c);
    if (c->closed)
        return;
    bool wanted = connection_has_room(c) && network_has_room(c->network);
    if (wanted && !c->reading) {
        c->reading = uv_read_start((uv_stream_t *)&c->socket, on_allocate, on_read) == 0;
    } else if (!wanted && c->reading) {
        uv_read_stop((uv_stream_t *)&c->socket);
        c->reading = false;
    }
}

void connection_accept(struct network *n, uv_stream_t *listener)
{
    struct connection *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return;
    c->network = n;
    c->session = session_new(n->channel_secret, NULL, uv_now(&n->loop));
    if (c->session == NULL || uv_tcp_init(&n->loop, &c->socket) != 0) {
        session_free(c->session);
        free(c);
        return;
    }
    c->socket.data = c;
    /* A connection beyond the limit is taken and closed, so that the client sees it at once. */
    uint32_t slot = 0;
    while (slot < n->connections_max && n->slots[slot] != NULL)
        slot++;
    if (uv_accept(listener, (uv_stream_t *)&c->socket) != 0 || slot == n->connections_max) {
        c->closed = true;
        uv_close((uv_handle_t *)&c->socket, on_closed);
        return;
    }
    uv_tcp_nodelay(&c->socket, 1);
    /* A subscriber that is gone without a word is noticed, even where it has nothing to be told. */
    uv_tcp_keepalive(&c->socket, 1, KEEPALIVE_S);
    c->slot = slot;
    c->id = (uint64_t)++n->generations[slot] << 32 | slot;
    n->slots[slot] = c;
    c->next = n->connections;
    if (c->next != NULL)
        c->next->previous = c;
    n->connections = c;
    connection_advance(c);
}

/* --- Subscriptions -------------------------------------------------------------------------- */

/* Sends a step of a subscription. */
static void subscription_pump(struct connection *c, struct subscription *sub)
{
    struct buffer frame = BUFFER_EMPTY;
    int status =
        subscription_step(sub, engine_log(c->network->engine), c->network->log_size, &frame);
    if (status == STATUS_EXPIRED) {
        session_send_error(c->session, sub->seq, WIRE_ERROR_STOPPING,
                           "the account has replaced its keys; connect with the new ones");
        connection_finish(c);
    } else if (status != STATUS_OK) {
        session_send_error(c->session, sub->seq, WIRE_ERROR_INTERNAL, status_text(status));
        connection_finish(c);
    } else if (frame.length > 0) {
        connection_send(c, &frame);
    }
    buffer_release(&frame);
}

/* Whether there is something to send, and the client takes it. */
static bool subscription_waits(const struct connection *c, const struct subscription *sub)
{
    return (!sub->caught_up || sub->next < c->network->log_size) && !c->closing &&
           connection_unread(c) < OUTPUT_SLACK_BYTES;
}

/* Sends at most one step of each subscription, *steps in all; true when one of them has more to
 * send at once. */
static bool connection_pump(struct connection *c, unsigned *steps)
{
    bool more = false;
    for (uint32_t i = 0; i<c->subscriptions_count && * steps> 0; i++) {
        struct subscription *sub = &c->subscriptions[c->pump_next++ % c->subscriptions_count];
        if (!subscription_waits(c, sub))
            continue;
        subscription_pump(c, sub);
        (*steps)--;
    }
    if (!c->closed)
        connection_flush(c);
    for (uint32_t i = 0; i < c->subscriptions_count && !c->closed; i++)
        more = more || subscription_waits(c, &c->subscriptions[i]);
    return more;
}

/* A step may take a millisecond, and there may be many: each connection has its turn, and in
 * between everything else has. */
bool connections_pump(struct network *n)
{
    bool more = false;
    unsigned steps = PUMP_STEPS;
    uint32_t i = 0;
    for (; i < n->connections_max && steps > 0; i++) {
        struct connection *c = n->slots[(n->pump_slot + i) % n->connections_max];
        if (c != NULL && c->subscriptions_count > 0)
            more = connection_pump(c, &steps) || more;
    }
    n->pump_slot = (n->pump_slot + i) % n->connections_max;
    return more || steps == 0;
}

static void connection_subscribe(struct connection *c, const struct subscriber *granted)
{
    connection_unsubscribe(c, granted->seq);
    if (c->subscriptions_count == SUBSCRIPTIONS_MAX) {
        session_send_error(c->session, granted->seq, WIRE_ERROR_LIMIT,
                           "too many subscriptions on this connection");
        return;
    }
    struct subscription *sub = &c->subscriptions[c->subscriptions_count++];
    *sub = (struct subscription){
        .seq = granted->seq,
        .account = granted->account,
        .sees_all = granted->sees_all,
        .is_further = granted->is_further,
        .expires_s = granted->expires_s,
        .next = granted->from,
        .since = c->network->log_size,
    };
    memcpy(sub->sign_key, granted->sign_key, sizeof(sub->sign_key));
    memcpy(sub->peer_key, session_peer_key(c->session), sizeof(sub->peer_key));
}

/* --- All connections ------------------------------------------------------------------------ */

void connections_deliver(struct network *n, const struct publication *p)
{
    if (p->log_size > n->log_size)
        n->log_size = p->log_size;
    for (const struct outgoing *o = p->outgoing; o != NULL; o = o->next) {
        struct connection *c = connection_find(n, o->session);
        if (c == NULL || c->closing)
            continue;
        c->in_flight--;
        connection_send(c, &o->frame);
    }
    for (const struct subscriber *granted = p->subscribers; granted != NULL;
         granted = granted->next) {
        struct connection *c = connection_find(n, granted->session);
        if (c == NULL || c->closing)
            continue;
        c->in_flight--;
        connection_subscribe(c, granted);
    }
}

void connections_advance(struct network *n)
{
    struct connection *next;
    for (struct connection *c = n->connections; c != NULL; c = next) {
        next = c->next;
        connection_advance(c);
    }
}

void connections_sweep(struct network *n)
{
    uint64_t now_ms = uv_now(&n->loop);
    struct connection *next;
    for (struct connection *c = n->connections; c != NULL; c = next) {
        next = c->next;
        bool waits = c->in_flight > 0 || c->subscriptions_count > 0;
        bool stalls = c->writing && now_ms - c->written_ms >= IDLE_TIMEOUT_S * UINT64_C(1000);
        if (stalls || (now_ms >= session_deadline_ms(c->session) && !waits))
            connection_close(c);
    }
}

void connections_close(struct network *n)
{
    while (n->connections != NULL)
        connection_close(n->connections);
}
