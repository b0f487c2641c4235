/*
 * An exchange on a workbench: a data directory in a scratch folder, its engine without a network,
 * and calls that submit something and wait for what is published.
 */
#ifndef BOURSE_TESTS_ENGINE_BENCH_H
#define BOURSE_TESTS_ENGINE_BENCH_H

#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocol/frames.h"
#include "protocol/queries.h"
#include "protocol/refusal.h"
#include "server/engine/engine.h"
#include "server/engine/folder.h"
#include "server/port/clock.h"

struct bench {
    char root[PATH_MAX];
    char data[PATH_MAX]; /* root/data */
    struct keys admin;
    struct data_folder *folder;
    struct engine *engine;
    enum clock_mode mode;
    const struct port_clock *clock; /* NULL: the machine's */
    uint64_t flush_bytes_max;
    uint64_t next_id;       /* of requests */
    uint64_t retry_until_s; /* of requests with an id that is given */
    uint32_t next_seq;
    uint64_t now_s; /* what valid_until is counted from; 0: the machine's clock */
    struct buffer error;

    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t changed;
    struct publication *published; /* in order */
    uint64_t log_size;
    int failed; /* 0: not */
    char line[512];
};

/* A scratch folder with an exchange in it, made by `boursed init`, not running. */
void bench_make(struct bench *b);
/* Stops the engine if it runs, and removes the folder. */
void bench_remove(struct bench *b);
/* Starts the engine; the status of data_folder_open() or engine_start(). */
int bench_try_start(struct bench *b);
void bench_start(struct bench *b);
void bench_stop(struct bench *b);
/* The path of something in the data directory. */
const char *bench_path(const struct bench *b, const char *name);

/* Runs a subcommand of boursed: words ended by NULL. Its exit code; what it prints on stdout and
 * stderr goes to root/out. */
int bench_command(const struct bench *b, const char *name, ...);
/* `boursed check` of the data directory. */
int bench_check(const struct bench *b);
/* Whether root/out has this text. */
bool bench_said(const struct bench *b, const char *text);

/* What is signed and submitted. */
struct order_of {
    const struct keys *keys; /* NULL: the admin's */
    uint32_t account;        /* 0: the admin's */
    uint64_t id;             /* 0: the next one */
};

/* Submits a request of `count` operations; its seq. */
uint32_t bench_submit(struct bench *b, const struct order_of *how,
                      const struct operation *operations, uint32_t count);
/* Waits for the frame that answers `seq`; NULL when the engine fails or after `timeout_ms`. The
 * caller frees it with outgoing_free(). */
struct outgoing *bench_wait(struct bench *b, uint32_t seq, unsigned timeout_ms);
void outgoing_free(struct outgoing *o);
/* Waits for a reply and decodes it into `arena`. Fails the test when there is none. */
struct frame_reply bench_reply(struct bench *b, uint32_t seq, struct arena *arena);
/* Submits one operation of the admin and waits; the reply has one result. */
struct result bench_do(struct bench *b, const struct message *operation, const void *body);
/* Registers an account named by `number`, whose keys follow from it; its number. */
uint32_t bench_register(struct bench *b, uint32_t number);

/* Submits a query of the admin's; its seq. */
uint32_t bench_ask(struct bench *b, const char *query, const void *body);
/* Waits for an answer; the body of answer_set, in `arena`. NULL: refused, see *refusal_out. */
const void *bench_answer(struct bench *b, uint32_t seq, struct arena *arena,
                         enum refusal *refusal_out);
/* The status, asked and answered. */
struct a_status bench_status(struct bench *b, struct arena *arena);
/* How many accounts there are. */
uint32_t bench_accounts(struct bench *b);

#endif
