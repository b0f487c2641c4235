/*
 * `bourse bench transfer`: how many durable transfers a second a server does. Requests of `batch`
 * transfers, each of a token drawn at random from all that its account holds to the next account
 * (one in, one out), signed, a few of them on their way on each connection at any time. So the
 * number of tokens stays as it is, and each is spent as often as any other.
 */
#ifndef BOURSE_CLI_BENCH_TRANSFER_H
#define BOURSE_CLI_BENCH_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "client/connection.h"

enum {
    BENCH_ACCOUNTS = 8,
    BENCH_CONNECTIONS_MAX = 64,
    BENCH_WINDOW_MAX = 256,
};

struct bench_options {
    const char *address;
    const struct pin *pin;
    const struct keys *admin;
    uint32_t batch;
    uint64_t tokens;
    uint32_t connections;
    uint32_t window;   /* requests on their way on each connection */
    uint64_t requests; /* 0: as many as fit `seconds` */
    double seconds;
    bool (*interrupted)(void); /* asked before each request; may be NULL */
};

struct bench_figures {
    uint64_t operations;
    uint64_t requests;
    uint64_t groups; /* of the journal, from the first reply to the last */
    double wall_s;   /* from the first request to the last reply */
    double mint_s;   /* of setting up */
    double p50_ms;   /* of a request, from its sending to its reply */
    double p99_ms;
    double max_ms;
    double client_cpu_s;
};

/*
 * Sets up and measures. Every reply is looked at: a refused transfer is an error, and in the end
 * the exchange must hold as many credits in tokens as were minted. Errors, explained.
 */
int bench_transfer(const struct bench_options *options, struct bench_figures *out,
                   struct connection_error *error);

/* How often a second 4 KiB can be written into a file there and synced, which bounds what any
 * durable server does a group at a time. 0 when it cannot be measured. */
double bench_sync_rate(const char *folder);

#endif
