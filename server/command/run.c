/* `boursed run`: serves an exchange until it is told to stop. */
#include "server/command/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "protocol/pin.h"
#include "protocol/status.h"
#include "server/engine/engine.h"
#include "server/engine/folder.h"
#include "server/net/server.h"
#include "server/port/clock.h"

enum { HOST_BYTES = 64 };

static const struct option_spec options[] = {
    {"data", "DIR", "the exchange's data directory, made by `boursed init`", true},
    {"listen", "ADDRESS:PORT", "where to listen (127.0.0.1:7420); port 0 takes any free one",
     false},
    {"clock", "real|manual",
     "manual: only an admin's clock operation advances the time; for simulations and tests", false},
    {NULL, NULL, NULL, false},
};

/* "127.0.0.1:7420" or "[::1]:7420". */
static bool listen_parse(const char *text, char host_out[HOST_BYTES], uint16_t *port_out)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL)
        return false;
    char *end;
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (colon[1] < '0' || colon[1] > '9' || *end != '\0' || port > UINT16_MAX)
        return false;
    const char *from = text;
    const char *to = colon;
    if (*from == '[' && to > from && to[-1] == ']') {
        from++;
        to--;
    }
    size_t length = (size_t)(to - from);
    if (length == 0 || length >= HOST_BYTES)
        return false;
    memcpy(host_out, from, length);
    host_out[length] = '\0';
    *port_out = (uint16_t)port;
    return true;
}

static bool clock_mode_parse(const char *text, enum clock_mode *out)
{
    int64_t value =
        text == NULL ? (int64_t)CLOCK_MODE_REAL : vocabulary_value(&clock_mode_vocabulary, text);
    if (value < 0)
        return false;
    *out = (enum clock_mode)value;
    return true;
}

static void complain(int status, const struct buffer *error)
{
    if (error->length > 0)
        fprintf(stderr, "boursed: %.*s\n", (int)error->length, (const char *)error->data);
    else
        fprintf(stderr, "boursed: %s\n", status_text(status));
}

/* What the engine tells beside failures. */
static void notice(void *context, const char *line)
{
    (void)context;
    fprintf(stderr, "boursed: %s\n", line);
}

/* What a person, and a program that starts servers, needs to know. */
static void announce(const struct data_folder *folder, const char *host, uint16_t port,
                     enum clock_mode mode)
{
    struct pin pin;
    char line[PIN_TEXT_SIZE];
    data_folder_pin(folder, &pin);
    pin_print(&pin, line);
    printf("exchange %s\n", line);
    if (mode == CLOCK_MODE_MANUAL)
        printf("clock    manual: only an admin's clock operation advances the time\n");
    bool v6 = strchr(host, ':') != NULL;
    printf("listening on %s%s%s:%u\n", v6 ? "[" : "", host, v6 ? "]" : "", (unsigned)port);
    fflush(stdout);
    if (folder->has_root_key)
        fprintf(stderr,
                "boursed: the root key still lies in the data directory; move keys/root.key to a "
                "safe place, it is needed only to renew certificates\n");
}

static int serve(struct data_folder *folder, const char *host, uint16_t port, enum clock_mode mode,
                 struct buffer *error)
{
    struct server_options network = {.host = host, .port = port};
    memcpy(network.channel_secret, folder->channel_key.channel_secret, 32);
    memcpy(network.exchange_id, folder->exchange_id, 32);
    struct server *server = NULL;
    int status = server_new(&network, &server, error);
    sodium_memzero(&network, sizeof(network));
    if (status != STATUS_OK)
        return status;
    struct engine_options engine_options = {.clock_mode = mode, .notice = notice};
    struct engine_callbacks callbacks = server_callbacks(server);
    struct engine *engine = NULL;
    status = engine_start(folder, &engine_options, &callbacks, &engine, error);
    if (status == STATUS_OK) {
        announce(folder, host, server_port(server), mode);
        status = server_run(server, engine, error);
        /* Answers to what was still submitted find no connection any more; it is durable all the
         * same, and a client that asks again with the same id is told the outcome. */
        engine_stop(engine);
    }
    server_free(server);
    return status;
}

static int run(const struct arguments *a)
{
    const char *listen = arguments_get(a, "listen");
    char host[HOST_BYTES];
    uint16_t port;
    if (!listen_parse(listen == NULL ? "127.0.0.1:7420" : listen, host, &port)) {
        fprintf(stderr,
                "boursed: --listen %s is not ADDRESS:PORT; give one such as "
                "127.0.0.1:7420\n",
                listen);
        return EXIT_USAGE;
    }
    enum clock_mode mode;
    if (!clock_mode_parse(arguments_get(a, "clock"), &mode)) {
        fprintf(stderr, "boursed: --clock is real or manual\n");
        return EXIT_USAGE;
    }
    struct buffer error = BUFFER_EMPTY;
    struct data_folder *folder = NULL;
    int status = data_folder_open(arguments_get(a, "data"), FOLDER_SERVE, &folder, &error);
    if (status == STATUS_OK)
        status = data_folder_certificates_check(folder, clock_wall_s(port_clock_system()), &error);
    /* A simulation's time is not this machine's, so its certificates' windows mean nothing; that
     * they are of these keys does. */
    if (status == STATUS_EXPIRED && mode == CLOCK_MODE_MANUAL) {
        status = STATUS_OK;
        buffer_clear(&error);
    }
    if (status == STATUS_OK)
        status = serve(folder, host, port, mode, &error);
    data_folder_close(folder);
    if (status != STATUS_OK)
        complain(status, &error);
    buffer_release(&error);
    return status == STATUS_OK ? EXIT_DONE : EXIT_FAILED;
}

const struct command command_serve = {
    .name = "run",
    .summary = "serve the exchange",
    .text = "Runs in the foreground until SIGINT or SIGTERM. Prints the line that clients pin and, "
            "once it accepts connections, `listening on ADDRESS:PORT`.",
    .options = options,
    .run = run,
};
