/*
 * One end of the protocol without an exchange behind it: answers status and checkpoint queries from
 * a fake_log, accepts every operation, and misbehaves as told. Runs on a thread of its own, one
 * connection at a time.
 */
#ifndef BOURSE_TESTS_CLIENT_FAKE_EXCHANGE_H
#define BOURSE_TESTS_CLIENT_FAKE_EXCHANGE_H

#include <pthread.h>
#include <stdbool.h>

#include "protocol/operations.h"
#include "tests/client/fake_log.h"

struct fake_exchange {
    struct fake_log log;
    int listener;
    char address[64];
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows; the test sets and reads it between calls */
    bool stopping;
    uint64_t log_size;
    uint64_t time_s;
    uint64_t clock_s; /* what the clock says, when that is later than time_s */
    bool clock_waits;
    uint32_t clock_mode;
    uint32_t you;
    bool other_origin;      /* status names another origin */
    bool wrong_certificate; /* ... and a certificate by another root */
    unsigned drops;         /* so many requests get no reply: the connection is closed */
    unsigned refuse_time;   /* so many requests are refused as request_expired */
    bool silent;            /* requests get no reply, and the connection stays */
    unsigned connections;   /* how many there were */
    unsigned requests;      /* that came, the same ones again included */
    uint8_t ids[16][16];    /* of the first ones */
    uint64_t valid_until_s[16];
    bool signatures_good;
    unsigned reports;        /* how often a page of a report was asked for */
    unsigned report_rows;    /* of a report; two a page, each its own place */
    unsigned reports_busy;   /* so many are refused as reports_busy */
    unsigned reports_gone;   /* so many pages but the first are refused as report_gone */
    bool report_mixed;       /* pages but the first are of another index */
    unsigned events_between; /* so many frames of events come before each answer */
};

/* Listens on a free port of 127.0.0.1. */
void fake_exchange_start(struct fake_exchange *f);
void fake_exchange_stop(struct fake_exchange *f);
/* A copy of it as it is now, taken under the lock. */
struct fake_exchange fake_exchange_now(struct fake_exchange *f);
/* Sets members under the lock. */
#define FAKE_SET(f, member, value)                                                                 \
    do {                                                                                           \
        pthread_mutex_lock(&(f)->lock);                                                            \
        (f)->member = (value);                                                                     \
        pthread_mutex_unlock(&(f)->lock);                                                          \
    } while (0)

#endif
