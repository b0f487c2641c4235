/*
 * The sequencer: submissions in, the next group out. Pure: it is stepped by the engine, is told
 * what the exchange says of time and due items, and reads nothing but the clock it was given. One
 * thread at a time.
 *
 * Time of a group, clock mode real: the wall clock, never before the last group. A step forward
 * beyond what the rules allow (view.limit_s) that the monotonic clock does not confirm is a jump:
 * the exchange's time then goes on by the monotonic clock alone until an admin's word moves the
 * limit. Where the monotonic clock does confirm it (the process was stopped), groups of a tick each
 * catch up. Time in which not even an idle group was made is journaled as another start, so that
 * the rules count it as an outage. Mode manual: view.manual_s.
 */
#ifndef BOURSE_ENGINE_SEQUENCER_H
#define BOURSE_ENGINE_SEQUENCER_H

#include "server/engine/engine.h"
#include "server/port/clock.h"

enum {
    /* How far the wall clock may run ahead of the monotonic one before that is a jump. */
    SEQUENCER_DRIFT_S = 60,
    /* An idle exchange makes a group after so long, so that its time does not fall behind. */
    SEQUENCER_IDLE_S = CLOCK_JUMP_MAX_S / 2,
    /* The longest that the engine sleeps before it looks at the clocks again. */
    SEQUENCER_SLEEP_MAX_MS = 1000,
};

/* What the exchange says before a group is made. */
struct sequencer_view {
    uint64_t group;       /* the last one; 0: none yet */
    enum clock_mode mode; /* that the exchange is in; 0: none yet */
    uint64_t created_s;   /* the genesis record's time */
    uint64_t last_s;      /* its time */
    uint64_t limit_s;     /* exchange_time_limit() */
    uint64_t manual_s;    /* exchange_manual_time() */
    uint64_t next_due_s;  /* exchange_next_due() */
};

/*
 * Says whether a request, whose group would have this time, has to be in a group. One that has not
 * is passed on without being journaled; the judge has left its outcome in it.
 */
typedef bool sequencer_judge(void *context, struct submission *s, uint64_t time_s);

enum {
    SEQUENCER_SESSIONS = 4096,
    SEQUENCER_EARLY_MAX =
        512, /* requests that need no group, passed on at a time: judging takes time */
    SEQUENCER_PASSED_MAX = 4096, /* submissions that others pass, a group: looking takes time */
};

struct sequencer {
    sequencer_judge *judge; /* NULL: every request has to be; set after sequencer_init() */
    void *judge_context;
    const struct port_clock *clock;
    enum clock_mode mode;
    uint64_t anchor_s;  /* a time that was good when ... */
    uint64_t anchor_ns; /* ... the monotonic clock showed this */
    struct submission *first;
    struct submission **end;
};

/* Now, as the next group would have it. */
struct sequencer_now {
    uint64_t time_s;
    bool waits;       /* the clock jumped to clock_s and waits for an admin's word */
    uint64_t clock_s; /* what the wall clock shows; manual: time_s */
    bool is_behind;   /* more than one group is needed to catch up */
};

/* A group, or questions alone. */
struct sequencer_draft {
    bool has_group;
    bool has_found, has_start, has_tick;
    uint64_t time_s;
    struct buffer body;       /* the group's, see group.h; kept from draft to draft */
    struct submission *taken; /* requests of the group and questions, in order; the caller's */
};

/* `last_s` is the exchange's time; `clock` outlives the sequencer. */
void sequencer_init(struct sequencer *q, const struct port_clock *clock, enum clock_mode mode,
                    uint64_t last_s);
/* Frees what still waits. */
void sequencer_release(struct sequencer *q);
/* Takes over a list of submissions. */
void sequencer_push(struct sequencer *q, struct submission *list);
/* Takes back what was taken and has to wait, to the front. */
void sequencer_return(struct sequencer *q, struct submission *list);
bool sequencer_is_empty(const struct sequencer *q);

struct sequencer_now sequencer_look(const struct sequencer *q, const struct sequencer_view *view);
/*
 * Makes the group of the server's start: found, where there is none yet, and start. No submissions.
 * When the mode changes, this group's time is still that of the mode before.
 */
int sequencer_start(struct sequencer *q, const struct sequencer_view *view,
                    struct sequencer_draft *out);
/*
 * What is to be done next; nothing at all when neither out->has_group nor out->taken. At most
 * GROUP_BYTES_MAX bytes and GROUP_REQUESTS_MAX requests, of which GROUP_ELECTIONS_MAX elect: a
 * session whose next one has to wait for another group is passed by the others. A request that
 * moves the clock ends its group. With a manual clock all that is due is worked off before the next
 * request, and a request after which something may be due at once ends its group, so that what
 * happens does not depend on how requests were grouped. Errors: STATUS_MEMORY.
 */
int sequencer_next(struct sequencer *q, const struct sequencer_view *view,
                   struct sequencer_draft *out);
/* How long there is nothing to do unless something is submitted; 0: something is to be done. */
unsigned sequencer_sleep_ms(const struct sequencer *q, const struct sequencer_view *view);

#endif
