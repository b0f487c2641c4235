#include "client/stream.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "protocol/status.h"

enum { READ_BYTES = 64 * 1024 };

/* A frame that came while we were sending. */
struct kept_frame {
    struct kept_frame *next;
    size_t length;
    uint8_t data[];
};

struct stream {
    int fd;
    struct channel *channel;
    struct kept_frame *kept; /* oldest first */
    struct kept_frame **kept_end;
    struct kept_frame *given; /* what stream_receive() gave last */
    uint8_t input[READ_BYTES];
};

uint64_t stream_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* What is left of a timeout that began at start_ms; -1 for none. */
static int left_ms(uint64_t start_ms, int timeout_ms)
{
    if (timeout_ms < 0)
        return -1;
    uint64_t passed = stream_now_ms() - start_ms;
    return passed >= (uint64_t)timeout_ms ? 0 : (int)((uint64_t)timeout_ms - passed);
}

/* Waits for `events`; STATUS_TIMEOUT when they do not come. */
static int wait_for(int fd, short events, uint64_t start_ms, int timeout_ms, short *got_out)
{
    struct pollfd p = {.fd = fd, .events = events};
    for (;;) {
        int n = poll(&p, 1, left_ms(start_ms, timeout_ms));
        if (n > 0) {
            *got_out = p.revents;
            return STATUS_OK;
        }
        if (n == 0)
            return STATUS_TIMEOUT;
        if (errno != EINTR)
            return STATUS_IO;
    }
}

/* --- Connecting ----------------------------------------------------------------------------- */

static int address_split(const char *address, char *host, size_t host_size, const char **port_out)
{
    const char *colon = strrchr(address, ':');
    const char *begin = address;
    if (colon == NULL || colon[1] == '\0')
        return STATUS_MALFORMED;
    size_t length = (size_t)(colon - address);
    if (address[0] == '[') {
        if (length < 2 || address[length - 1] != ']')
            return STATUS_MALFORMED;
        begin++;
        length -= 2;
    } else if (memchr(address, ':', length) != NULL) {
        return STATUS_MALFORMED;
    }
    for (const char *at = colon + 1; *at != '\0'; at++) {
        if (*at < '0' || *at > '9')
            return STATUS_MALFORMED;
    }
    if (length == 0 || length >= host_size)
        return STATUS_MALFORMED;
    memcpy(host, begin, length);
    host[length] = '\0';
    *port_out = colon + 1;
    return STATUS_OK;
}

static int connect_one(const struct addrinfo *to, uint64_t start_ms, int timeout_ms, int *fd_out,
                       struct stream_error *error)
{
    short got = 0;
    int status = STATUS_OK;
    int failed = 0;
    socklen_t size = sizeof(failed);
    int one = 1;
    int fd = socket(to->ai_family, to->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, to->ai_protocol);
    if (fd < 0) {
        snprintf(error->text, sizeof(error->text), "%s", strerror(errno));
        return STATUS_IO;
    }
    if (connect(fd, to->ai_addr, to->ai_addrlen) != 0 && errno != EINPROGRESS) {
        failed = errno;
    } else {
        status = wait_for(fd, POLLOUT, start_ms, timeout_ms, &got);
        if (status == STATUS_OK && getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size) != 0)
            failed = errno;
    }
    if (status == STATUS_OK && failed != 0)
        status = failed == ETIMEDOUT ? STATUS_TIMEOUT : STATUS_CLOSED;
    if (status != STATUS_OK) {
        snprintf(error->text, sizeof(error->text), "%s",
                 failed != 0 ? strerror(failed) : status_text(status));
        close(fd);
        return status;
    }
    /* Small frames must not wait for the acknowledgement of earlier ones. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    *fd_out = fd;
    return STATUS_OK;
}

static int tcp_connect(const char *address, uint64_t start_ms, int timeout_ms, int *fd_out,
                       struct stream_error *error)
{
    char host[256];
    const char *port = NULL;
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    if (address_split(address, host, sizeof(host), &port) != STATUS_OK) {
        snprintf(error->text, sizeof(error->text),
                 "an address is host:port, such as 127.0.0.1:7420 or [::1]:7420");
        return STATUS_MALFORMED;
    }
    int failed = getaddrinfo(host, port, &hints, &found);
    if (failed != 0) {
        snprintf(error->text, sizeof(error->text), "%s", gai_strerror(failed));
        return STATUS_NOT_FOUND;
    }
    int status = STATUS_NOT_FOUND;
    for (const struct addrinfo *to = found; to != NULL; to = to->ai_next) {
        status = connect_one(to, start_ms, timeout_ms, fd_out, error);
        if (status == STATUS_OK || status == STATUS_TIMEOUT)
            break;
    }
    freeaddrinfo(found);
    return status;
}

/* --- Bytes ---------------------------------------------------------------------------------- */

static int write_some(struct stream *s)
{
    size_t length;
    const uint8_t *bytes = channel_output(s->channel, &length);
    while (length > 0) {
        ssize_t n = send(s->fd, bytes, length, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return STATUS_OK;
        if (n < 0)
            return STATUS_CLOSED;
        channel_output_consumed(s->channel, (size_t)n);
        bytes = channel_output(s->channel, &length);
    }
    return STATUS_OK;
}

static int read_some(struct stream *s)
{
    for (;;) {
        ssize_t n = recv(s->fd, s->input, sizeof(s->input), 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return STATUS_OK;
        if (n <= 0)
            return STATUS_CLOSED;
        return channel_receive(s->channel, s->input, (size_t)n);
    }
}

static bool output_waits(const struct stream *s)
{
    size_t length;
    (void)channel_output(s->channel, &length);
    return length > 0;
}

/* One round: waits until something can be read or written, and does it. */
static int stream_step(struct stream *s, bool reading, uint64_t start_ms, int timeout_ms)
{
    short events = (short)((reading ? POLLIN : 0) | (output_waits(s) ? POLLOUT : 0));
    short got = 0;
    int status = wait_for(s->fd, events, start_ms, timeout_ms, &got);
    if (status == STATUS_OK && (got & POLLOUT) != 0)
        status = write_some(s);
    /* A peer that hung up may have said why before. */
    if ((got & (POLLIN | POLLHUP | POLLERR)) != 0 && (status == STATUS_OK || reading))
        status = read_some(s);
    return status;
}

static int shake_hands(struct stream *s, uint64_t start_ms, int timeout_ms)
{
    int status = write_some(s);
    while (status == STATUS_OK && !channel_established(s->channel))
        status = stream_step(s, true, start_ms, timeout_ms);
    return status;
}

static void explain_handshake(const struct stream *s, int status, struct stream_error *error)
{
    unsigned version = channel_peer_version(s->channel);
    if (status == STATUS_VERSION)
        snprintf(error->text, sizeof(error->text), "it speaks version %u of the protocol, we %d",
                 version, CHANNEL_VERSION);
    else if (status == STATUS_CLOSED && version != 0)
        /* With XK a responder that has another key cannot read our first message and hangs up. */
        snprintf(
            error->text, sizeof(error->text),
            "it hung up during the handshake, as an exchange does that has not the pinned key");
    else
        snprintf(error->text, sizeof(error->text), "%s", status_text(status));
}

int stream_open(const char *address, const uint8_t secret[32], const uint8_t responder_key[32],
                int timeout_ms, struct stream **out, struct stream_error *error)
{
    uint64_t start_ms = stream_now_ms();
    struct stream *s = calloc(1, sizeof(*s));
    error->text[0] = '\0';
    if (s == NULL)
        return STATUS_MEMORY;
    s->fd = -1;
    s->kept_end = &s->kept;
    int status = tcp_connect(address, start_ms, timeout_ms, &s->fd, error);
    if (status != STATUS_OK)
        goto out;
    s->channel = channel_new_initiator(secret, responder_key, NULL);
    status = s->channel == NULL ? STATUS_MEMORY : shake_hands(s, start_ms, timeout_ms);
    if (status == STATUS_CLOSED && channel_peer_version(s->channel) != 0)
        status = STATUS_FORGED;
    if (status != STATUS_OK && s->channel != NULL)
        explain_handshake(s, status == STATUS_FORGED ? STATUS_CLOSED : status, error);
out:
    if (status != STATUS_OK) {
        stream_close(s);
        s = NULL;
    }
    *out = s;
    return status;
}

void stream_close(struct stream *s)
{
    if (s == NULL)
        return;
    if (s->fd >= 0)
        close(s->fd);
    channel_free(s->channel);
    while (s->kept != NULL) {
        struct kept_frame *next = s->kept->next;
        free(s->kept);
        s->kept = next;
    }
    free(s->given);
    free(s);
}

int stream_socket(const struct stream *s)
{
    return s->fd;
}

/* --- Frames --------------------------------------------------------------------------------- */

static int keep_frames(struct stream *s)
{
    for (;;) {
        const uint8_t *data;
        size_t length;
        int status = channel_next_frame(s->channel, &data, &length);
        if (status != STATUS_OK)
            return status == STATUS_MORE ? STATUS_OK : status;
        struct kept_frame *k = malloc(sizeof(*k) + length);
        if (k == NULL)
            return STATUS_MEMORY;
        k->next = NULL;
        k->length = length;
        memcpy(k->data, data, length);
        *s->kept_end = k;
        s->kept_end = &k->next;
    }
}

int stream_send(struct stream *s, const void *frame, size_t length, int timeout_ms)
{
    uint64_t start_ms = stream_now_ms();
    int status = channel_send(s->channel, frame, length);
    if (status == STATUS_OK)
        status = write_some(s);
    while (status == STATUS_OK && output_waits(s)) {
        status = stream_step(s, true, start_ms, timeout_ms);
        int kept = keep_frames(s);
        if (status == STATUS_OK)
            status = kept;
    }
    return status;
}

static bool take_kept(struct stream *s, const uint8_t **frame_out, size_t *length_out)
{
    struct kept_frame *k = s->kept;
    free(s->given);
    s->given = k;
    if (k == NULL)
        return false;
    s->kept = k->next;
    if (s->kept == NULL)
        s->kept_end = &s->kept;
    *frame_out = k->data;
    *length_out = k->length;
    return true;
}

int stream_receive(struct stream *s, int timeout_ms, const uint8_t **frame_out, size_t *length_out)
{
    uint64_t start_ms = stream_now_ms();
    if (take_kept(s, frame_out, length_out))
        return STATUS_OK;
    for (;;) {
        int status = channel_next_frame(s->channel, frame_out, length_out);
        if (status != STATUS_MORE)
            return status;
        status = stream_step(s, true, start_ms, timeout_ms);
        if (status != STATUS_OK)
            return status;
    }
}
