#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/frames.h"
#include "protocol/status.h"
#include "server/engine/engine_state.h"

static atomic_size_t bytes_out;

size_t publications_bytes(void)
{
    return atomic_load_explicit(&bytes_out, memory_order_relaxed);
}

struct submission *submission_new(void)
{
    return calloc(1, sizeof(struct submission));
}

void submission_free(struct submission *s)
{
    if (s == NULL)
        return;
    buffer_release(&s->frame);
    arena_release(&s->arena);
    free(s);
}

size_t submission_bytes(const struct submission *s)
{
    return sizeof(*s) + s->frame.length;
}

void publication_free(struct publication *p)
{
    if (p == NULL)
        return;
    atomic_fetch_sub_explicit(&bytes_out, p->bytes, memory_order_relaxed);
    while (p->outgoing != NULL) {
        struct outgoing *o = p->outgoing;
        p->outgoing = o->next;
        buffer_release(&o->frame);
        free(o);
    }
    while (p->subscribers != NULL) {
        struct subscriber *s = p->subscribers;
        p->subscribers = s->next;
        free(s);
    }
    free(p);
}

int publication_begin(struct engine *e)
{
    e->publication = calloc(1, sizeof(*e->publication));
    if (e->publication == NULL)
        return STATUS_MEMORY;
    e->outgoing_end = &e->publication->outgoing;
    e->subscribers_end = &e->publication->subscribers;
    return 0;
}

/* Adds a frame at *end, the place behind the last one. */
static int frame_append(struct publication *p, struct outgoing **end, uint64_t session,
                        const struct message *frame, const void *body)
{
    struct outgoing *o = calloc(1, sizeof(*o));
    if (o == NULL)
        return STATUS_MEMORY;
    o->session = session;
    message_encode_coded(frame, body, &o->frame);
    *end = o;
    size_t bytes = sizeof(*o) + o->frame.length;
    p->bytes += bytes;
    atomic_fetch_add_explicit(&bytes_out, bytes, memory_order_relaxed);
    return o->frame.status;
}

int publication_add_frame(struct engine *e, uint64_t session, const struct message *frame,
                          const void *body)
{
    int status = frame_append(e->publication, e->outgoing_end, session, frame, body);
    if (*e->outgoing_end != NULL)
        e->outgoing_end = &(*e->outgoing_end)->next;
    return status;
}

struct publication *publication_of_frame(uint64_t session, const struct message *frame,
                                         const void *body)
{
    struct publication *p = calloc(1, sizeof(*p));
    if (p != NULL && frame_append(p, &p->outgoing, session, frame, body) != 0) {
        publication_free(p);
        p = NULL;
    }
    return p;
}

int publication_add_subscriber(struct engine *e, const struct submission *s)
{
    struct subscriber *subscriber = calloc(1, sizeof(*subscriber));
    if (subscriber == NULL)
        return STATUS_MEMORY;
    struct channel_right right = exchange_channel_right(e->exchange, s->peer_key);
    const char *name;
    uint32_t role =
        right.account != 0 ? exchange_account_role(e->exchange, right.account, &name) : 0;
    *subscriber = (struct subscriber){
        .session = s->session,
        .seq = s->seq,
        .from = s->from,
        .account = right.account,
        .sees_all = role == ROLE_ADMIN || role == ROLE_AUDITOR,
        .is_further = right.is_further,
        .expires_s = right.expires_s,
    };
    memcpy(subscriber->sign_key, right.sign_key, sizeof(subscriber->sign_key));
    *e->subscribers_end = subscriber;
    e->subscribers_end = &subscriber->next;
    return 0;
}
