#include "tests/client/fake_exchange.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "protocol/channel.h"
#include "protocol/events.h"
#include "protocol/frames.h"
#include "protocol/queries.h"
#include "protocol/refusal.h"
#include "protocol/status.h"

struct peer {
    struct fake_exchange *f;
    struct channel *channel;
    struct arena arena;
    bool hang_up;
};

static void send_frame(struct peer *p, const struct message *m, const void *body)
{
    struct buffer frame = BUFFER_EMPTY;
    message_encode_coded(m, body, &frame);
    (void)channel_send(p->channel, frame.data, frame.length);
    buffer_release(&frame);
}

static void answer(struct peer *p, uint32_t seq, const struct message *m, const void *body)
{
    struct buffer encoded = BUFFER_EMPTY;
    message_encode_coded(m, body, &encoded);
    struct frame_answer frame = {
        .seq = seq, .time_s = p->f->time_s, .body = {encoded.data, (uint32_t)encoded.length}};
    send_frame(p, &frame_answer_message, &frame);
    buffer_release(&encoded);
}

static void answer_status(struct peer *p, uint32_t seq)
{
    struct fake_exchange *f = p->f;
    struct fake_log other;
    const struct fake_log *certified = &f->log;
    struct a_status a = {
        .origin = text_of(f->other_origin ? "example.org/other" : f->log.pin.origin),
        .version = text_of("fake"),
        .time_s = f->time_s,
        .clock_s = f->clock_s,
        .clock_waits = f->clock_waits,
        .clock_mode = f->clock_mode,
        .log_size = f->log_size,
        .you = f->you,
    };
    if (f->wrong_certificate) {
        fake_log_init(&other, 99, (uint64_t)time(NULL) - 60);
        certified = &other;
    }
    memcpy(a.exchange_id, f->log.pin.exchange_id, 32);
    memcpy(a.root_key, f->log.pin.root, 32);
    a.log_certificate = (struct bytes){certified->log_certificate, CERTIFICATE_BYTES};
    a.channel_certificate = (struct bytes){f->log.channel_certificate, CERTIFICATE_BYTES};
    answer(p, seq, &a_status_message, &a);
}

static void answer_checkpoint(struct peer *p, uint32_t seq, const struct q_checkpoint *q)
{
    struct fake_exchange *f = p->f;
    struct buffer note = BUFFER_EMPTY;
    struct buffer proof = BUFFER_EMPTY;
    struct a_checkpoint a = {{NULL, 0}, {NULL, 0}};
    if (q->old_size > f->log_size) {
        struct frame_answer refused = {.seq = seq, .refusal = REFUSAL_not_found, .time_s = 1};
        send_frame(p, &frame_answer_message, &refused);
        return;
    }
    fake_log_head(&f->log, f->log_size, &note);
    a.note = (struct bytes){note.data, (uint32_t)note.length};
    if (q->old_size > 0)
        a.proof.count = (uint32_t)fake_log_proof(&f->log, q->old_size, f->log_size, &proof);
    a.proof.items = (const struct hash_row *)proof.data;
    answer(p, seq, &a_checkpoint_message, &a);
    buffer_release(&note);
    buffer_release(&proof);
}

static void refuse(struct peer *p, uint32_t seq, uint32_t refusal)
{
    struct frame_answer refused = {.seq = seq, .refusal = refusal, .time_s = p->f->time_s};
    send_frame(p, &frame_answer_message, &refused);
}

static void answer_report(struct peer *p, uint32_t seq, const struct q_report *q)
{
    struct fake_exchange *f = p->f;
    static const struct report_column column = {{"place", 5}, CELL_KIND_COUNT};
    static const struct report_table table = {{"rows", 4}, {"Rows", 4}, {&column, 1}};
    struct report_cell cells[2];
    struct report_row rows[2];
    bool first = q->index == 0;
    f->reports++;
    if (f->reports_busy > 0) {
        f->reports_busy--;
        refuse(p, seq, REFUSAL_reports_busy);
        return;
    }
    if (!first && f->reports_gone > 0) {
        f->reports_gone--;
        refuse(p, seq, REFUSAL_report_gone);
        return;
    }
    struct a_report a = {.kind = q->kind,
                         .index = f->report_mixed && !first ? 43 : 42,
                         .time_s = f->time_s,
                         .tables = {&table, 1},
                         .total = f->report_rows,
                         .rows = {rows, 0}};
    for (uint32_t i = q->from; i < f->report_rows && a.rows.count < 2; i++) {
        cells[a.rows.count] = (struct report_cell){i, {"", 0}};
        rows[a.rows.count] = (struct report_row){0, {&cells[a.rows.count], 1}};
        a.rows.count++;
    }
    a.next = q->from + a.rows.count < f->report_rows ? q->from + a.rows.count : 0;
    answer(p, seq, &a_report_message, &a);
}

static void on_query(struct peer *p, const struct frame_query *frame)
{
    const struct message *m = NULL;
    const void *body = NULL;
    struct decode_error why;
    for (unsigned i = 0; i < p->f->events_between; i++) {
        struct frame_events nothing = {.seq = 77, .next = i};
        send_frame(p, &frame_events_message, &nothing);
    }
    if (message_decode_coded(&query_set, frame->body.data, frame->body.length, &p->arena, &m, &body,
                             &why) != STATUS_OK) {
        p->hang_up = true;
        return;
    }
    if (m->code == QUERY_status)
        answer_status(p, frame->seq);
    else if (m->code == QUERY_checkpoint)
        answer_checkpoint(p, frame->seq, body);
    else if (m->code == QUERY_report)
        answer_report(p, frame->seq, body);
    else
        refuse(p, frame->seq, REFUSAL_not_visible);
}

static void on_request(struct peer *p, const struct frame_request *frame)
{
    struct fake_exchange *f = p->f;
    struct request r;
    struct decode_error why;
    static struct result results[BATCH_OPERATIONS_MAX];
    struct frame_reply reply = {.seq = frame->seq, .time_s = f->time_s};
    if (message_decode(&request_message, frame->body.data, frame->body.length, &p->arena, &r,
                       &why) != STATUS_OK ||
        keys_verify(r.key, PURPOSE_REQUEST, f->log.pin.exchange_id, frame->body.data,
                    frame->body.length, frame->signature) != STATUS_OK) {
        f->signatures_good = false;
        p->hang_up = true;
        return;
    }
    if (f->requests < 16) {
        memcpy(f->ids[f->requests], r.id, 16);
        f->valid_until_s[f->requests] = r.valid_until_s;
    }
    f->requests++;
    if (f->drops > 0) {
        f->drops--;
        p->hang_up = true;
        return;
    }
    if (f->silent)
        return;
    if (f->refuse_time > 0) {
        f->refuse_time--;
        reply.refusal = REFUSAL_request_expired;
    } else {
        for (uint32_t i = 0; i < r.operations.count; i++)
            results[i] = (struct result){.index = 100 + i};
        reply.results.items = results;
        reply.results.count = r.operations.count;
    }
    send_frame(p, &frame_reply_message, &reply);
}

/* Events up to where it drops the connection once, to see the client resume. */
static void on_subscribe(struct peer *p, const struct frame_subscribe *frame)
{
    struct fake_exchange *f = p->f;
    uint8_t data[EVENT_NONCE_BYTES + 64];
    struct buffer encoded = BUFFER_EMPTY;
    struct ev_clock_advanced event = {.time_s = 5, .by = 1, .to_s = 6};
    message_encode_coded(&ev_clock_advanced_message, &event, &encoded);
    memset(data, 0, sizeof(data));
    memcpy(data + EVENT_NONCE_BYTES, encoded.data, encoded.length);
    uint64_t to = f->drops > 0 ? frame->from + 2 : f->log_size;
    struct logged_event rows[8];
    struct frame_events events = {.seq = frame->seq, .next = to, .events = {rows, 0}};
    for (uint64_t i = frame->from; i < to && events.events.count < 8; i++)
        rows[events.events.count++] =
            (struct logged_event){i, {data, (uint32_t)(EVENT_NONCE_BYTES + encoded.length)}};
    send_frame(p, &frame_events_message, &events);
    buffer_release(&encoded);
    if (f->drops > 0) {
        f->drops--;
        p->hang_up = true;
    }
}

static void on_frame(struct peer *p, const uint8_t *data, size_t length)
{
    const struct message *m = NULL;
    const void *body = NULL;
    struct decode_error why;
    const uint8_t *copy = arena_copy(&p->arena, data, length);
    if (message_decode_coded(&frame_set, copy, length, &p->arena, &m, &body, &why) != STATUS_OK)
        p->hang_up = true;
    else if (m->code == FRAME_query)
        on_query(p, body);
    else if (m->code == FRAME_request)
        on_request(p, body);
    else if (m->code == FRAME_subscribe)
        on_subscribe(p, body);
}

static void flush(struct peer *p, int fd)
{
    size_t length;
    const uint8_t *bytes = channel_output(p->channel, &length);
    while (length > 0) {
        ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        channel_output_consumed(p->channel, (size_t)n);
        bytes = channel_output(p->channel, &length);
    }
}

static void serve(struct fake_exchange *f, int fd)
{
    struct peer p = {.f = f, .arena = ARENA_EMPTY};
    uint8_t input[16 * 1024];
    p.channel = channel_new_responder(f->log.channel.channel_secret, NULL);
    while (!p.hang_up) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        flush(&p, fd);
        if (poll(&ready, 1, 20) > 0) {
            ssize_t n = recv(fd, input, sizeof(input), 0);
            if (n <= 0 || channel_receive(p.channel, input, (size_t)n) != STATUS_OK)
                break;
        }
        pthread_mutex_lock(&f->lock);
        const uint8_t *frame;
        size_t length;
        while (!p.hang_up && channel_next_frame(p.channel, &frame, &length) == STATUS_OK)
            on_frame(&p, frame, length);
        bool stopping = f->stopping;
        pthread_mutex_unlock(&f->lock);
        if (stopping)
            break;
    }
    flush(&p, fd);
    channel_free(p.channel);
    arena_release(&p.arena);
}

static void *run(void *context)
{
    struct fake_exchange *f = context;
    for (;;) {
        struct pollfd ready = {.fd = f->listener, .events = POLLIN};
        (void)poll(&ready, 1, 20);
        pthread_mutex_lock(&f->lock);
        bool stopping = f->stopping;
        pthread_mutex_unlock(&f->lock);
        if (stopping)
            return NULL;
        int fd = accept(f->listener, NULL, NULL);
        if (fd < 0)
            continue;
        pthread_mutex_lock(&f->lock);
        f->connections++;
        pthread_mutex_unlock(&f->lock);
        serve(f, fd);
        close(fd);
    }
}

void fake_exchange_start(struct fake_exchange *f)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof(address);
    memset(f, 0, sizeof(*f));
    fake_log_init(&f->log, 7, (uint64_t)time(NULL) - 60);
    f->log_size = 5;
    f->time_s = (uint64_t)time(NULL);
    f->clock_mode = CLOCK_MODE_REAL;
    f->you = 3;
    f->signatures_good = true;
    pthread_mutex_init(&f->lock, NULL);
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int failed = bind(f->listener, (struct sockaddr *)&address, sizeof(address));
    assert(failed == 0);
    failed =
        listen(f->listener, 8) || getsockname(f->listener, (struct sockaddr *)&address, &length);
    assert(failed == 0);
    snprintf(f->address, sizeof(f->address), "127.0.0.1:%u", ntohs(address.sin_port));
    failed = pthread_create(&f->thread, NULL, run, f);
    assert(failed == 0);
    (void)failed;
}

struct fake_exchange fake_exchange_now(struct fake_exchange *f)
{
    pthread_mutex_lock(&f->lock);
    struct fake_exchange now = *f;
    pthread_mutex_unlock(&f->lock);
    return now;
}

void fake_exchange_stop(struct fake_exchange *f)
{
    FAKE_SET(f, stopping, true);
    pthread_join(f->thread, NULL);
    close(f->listener);
    pthread_mutex_destroy(&f->lock);
}
