#include "server/net/subscription.h"

#include <string.h>

#include "protocol/arena.h"
#include "protocol/events.h"
#include "protocol/frames.h"
#include "protocol/status.h"

struct step {
    struct subscription *subscription;
    struct arena arena;  /* of one event at a time */
    struct arena events; /* what the frame's events point into */
    struct logged_event *rows;
    uint32_t count;
    uint64_t limit;
};

/* Whether this event ends the right of a further key: removes it, or came when it had expired. */
static bool ends_further(const struct subscription *s, const struct message *m, const void *body)
{
    const struct event_head *head = body;
    if (s->expires_s > 0 && head->time_s >= s->expires_s)
        return true;
    if (m->code != EVENT_account_key_removed)
        return false;
    const struct ev_account_key_removed *event = body;
    return event->account == s->account &&
           memcmp(event->sign_key, s->sign_key, sizeof(s->sign_key)) == 0;
}

/* Whether this event ends the subscriber's right to listen on this connection. */
static bool ends_right(const struct subscription *s, uint64_t index, const struct message *m,
                       const void *body)
{
    if (index < s->since || s->account == 0)
        return false;
    if (s->is_further)
        return ends_further(s, m, body);
    if (m->code != EVENT_account_rekeyed)
        return false;
    const struct ev_account_rekeyed *event = body;
    return event->account == s->account &&
           memcmp(event->channel_key, s->peer_key, sizeof(s->peer_key)) != 0;
}

static int step_visit(void *context, uint64_t index, const uint8_t *data, size_t length)
{
    struct step *step = context;
    struct subscription *s = step->subscription;
    if (index >= step->limit)
        return 1;
    const struct message *message;
    const void *body;
    struct decode_error error;
    arena_clear(&step->arena);
    int status = event_decode(data, length, &step->arena, &message, &body, &error);
    if (status != STATUS_OK)
        return status == STATUS_MALFORMED ? STATUS_DAMAGED : status;
    if (ends_right(s, index, message, body))
        return STATUS_EXPIRED;
    if (s->sees_all || event_is_public(message->code) || event_names(message, body, s->account)) {
        uint8_t *copy = arena_copy(&step->events, data, length);
        if (copy == NULL)
            return STATUS_MEMORY;
        step->rows[step->count++] = (struct logged_event){index, {copy, (uint32_t)length}};
    }
    s->next = index + 1;
    return STATUS_OK;
}

int subscription_step(struct subscription *s, const struct log_store *log, uint64_t log_size,
                      struct buffer *frame_out)
{
    struct step step = {
        .subscription = s, .arena = ARENA_EMPTY, .events = ARENA_EMPTY, .limit = log_size};
    int status = STATUS_OK;
    if (s->next < log_size) {
        step.rows =
            arena_alloc(&step.events, SUBSCRIPTION_STEP_EVENTS * sizeof(struct logged_event));
        status = step.rows == NULL
                     ? STATUS_MEMORY
                     : log_store_read_range(log, s->next, SUBSCRIPTION_STEP_EVENTS,
                                            SUBSCRIPTION_STEP_BYTES, step_visit, &step);
        if (status > 0)
            status = STATUS_OK;
    }
    bool first_time = !s->caught_up && s->next >= log_size;
    if (status == STATUS_OK && (step.count > 0 || first_time)) {
        s->caught_up = s->caught_up || first_time;
        struct frame_events body = {
            .seq = s->seq, .next = s->next, .events = {step.rows, step.count}};
        message_encode_coded(&frame_events_message, &body, frame_out);
        status = frame_out->status;
    }
    arena_release(&step.arena);
    arena_release(&step.events);
    return status;
}
