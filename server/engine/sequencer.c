#include "server/engine/sequencer.h"

#include "protocol/limits.h"
#include "protocol/status.h"
#include "server/engine/group.h"

#define NS_PER_S UINT64_C(1000000000)

void sequencer_init(struct sequencer *q, const struct port_clock *clock, enum clock_mode mode,
                    uint64_t last_s)
{
    *q = (struct sequencer){
        .clock = clock,
        .mode = mode,
        .anchor_s = last_s,
        .anchor_ns = clock_monotonic_ns(clock),
    };
    q->end = &q->first;
}

void sequencer_release(struct sequencer *q)
{
    while (q->first != NULL) {
        struct submission *s = q->first;
        q->first = s->next;
        submission_free(s);
    }
    q->end = &q->first;
}

void sequencer_push(struct sequencer *q, struct submission *list)
{
    *q->end = list;
    while (*q->end != NULL)
        q->end = &(*q->end)->next;
}

void sequencer_return(struct sequencer *q, struct submission *list)
{
    struct submission **end = &list;
    while (*end != NULL)
        end = &(*end)->next;
    *end = q->first;
    if (q->first == NULL)
        q->end = end == &list ? &q->first : end;
    q->first = list;
}

bool sequencer_is_empty(const struct sequencer *q)
{
    return q->first == NULL;
}

struct sequencer_now sequencer_look(const struct sequencer *q, const struct sequencer_view *view)
{
    if (q->mode == CLOCK_MODE_MANUAL) {
        return (struct sequencer_now){.time_s = view->manual_s, .clock_s = view->manual_s};
    }
    struct sequencer_now now = {.clock_s = clock_wall_s(q->clock)};
    uint64_t elapsed_ns = clock_monotonic_ns(q->clock) - q->anchor_ns;
    uint64_t steady_s = q->anchor_s + elapsed_ns / NS_PER_S;

    /* The first group of all has no time before it to compare with. */
    if (view->group == 0 || now.clock_s <= view->limit_s) {
        now.time_s = now.clock_s;
    } else {
        now.waits = now.clock_s > steady_s + SEQUENCER_DRIFT_S;
        now.time_s = steady_s < view->limit_s ? steady_s : view->limit_s;
        now.is_behind = now.time_s < steady_s;
    }
    if (now.time_s < view->last_s)
        now.time_s = view->last_s;
    return now;
}

static int draft_begin(struct sequencer_draft *out, const struct sequencer_now *now)
{
    out->has_group = out->has_found = out->has_start = out->has_tick = false;
    out->taken = NULL;
    out->time_s = now->time_s;
    buffer_clear(&out->body);
    group_begin(&out->body);
    return out->body.status;
}

/* Notes that a group was made at `now`. */
static void anchor_set(struct sequencer *q, const struct sequencer_now *now)
{
    if (now->waits || now->is_behind)
        return; /* the wall clock is not believed: the old anchor stays */
    q->anchor_s = now->time_s;
    q->anchor_ns = clock_monotonic_ns(q->clock);
}

/* The time of the start's group, which is still in the mode that the exchange is in. */
static struct sequencer_now start_time(const struct sequencer *q, const struct sequencer_view *view)
{
    if (view->mode == CLOCK_MODE_MANUAL)
        return (struct sequencer_now){.time_s = view->manual_s};
    if (q->mode == CLOCK_MODE_REAL)
        return sequencer_look(q, view);
    uint64_t time_s = view->group == 0 ? view->created_s : 0;
    return (struct sequencer_now){.time_s = time_s > view->last_s ? time_s : view->last_s};
}

int sequencer_start(struct sequencer *q, const struct sequencer_view *view,
                    struct sequencer_draft *out)
{
    struct sequencer_now now = start_time(q, view);
    int status = draft_begin(out, &now);
    if (status != 0)
        return status;
    out->has_group = out->has_start = true;
    out->has_found = view->group == 0;
    if (out->has_found)
        group_add_found(&out->body);
    group_add_start(&out->body, q->mode);
    anchor_set(q, &now);
    return out->body.status;
}

/*
 * Whether an operation may leave something that is due at once: it moves the clock, or resting
 * orders are to be asked about capacity that it brings. With a real clock what is due waits for the
 * next tick, whose time is chance; with a manual one nothing may be.
 */
static bool may_leave_due(uint32_t operation, enum clock_mode mode)
{
    switch (operation) {
    case OPERATION_clock_advance:
        return true;
    case OPERATION_account_unfreeze:
    case OPERATION_site_reopen:
    case OPERATION_offer_publish:
    case OPERATION_offer_amend:
    case OPERATION_order_place:
    case OPERATION_order_amend:
    case OPERATION_rule_change:
    case OPERATION_rule_end:
    case OPERATION_lease_end:
    case OPERATION_lease_resell:
        return mode == CLOCK_MODE_MANUAL;
    default:
        return false;
    }
}

static bool request_ends_group(const struct sequencer *q, const struct submission *s)
{
    for (uint32_t i = 0; i < s->request->operations.count; i++)
        if (may_leave_due(s->request->operations.items[i].message->code, q->mode))
            return true;
    return false;
}

/* Sessions of which something holds, and some more by chance. */
struct sessions {
    uint64_t bits[SEQUENCER_SESSIONS / 64];
};

static uint64_t *sessions_word(struct sessions *s, uint64_t session, uint64_t *bit_out)
{
    uint64_t place = (session * UINT64_C(0x9e3779b97f4a7c15)) >> 52;
    *bit_out = UINT64_C(1) << (place % 64);
    return &s->bits[place / 64];
}

static void sessions_add(struct sessions *s, uint64_t session)
{
    uint64_t bit;
    uint64_t *word = sessions_word(s, session, &bit);
    *word |= bit;
}

static bool sessions_have(struct sessions *s, uint64_t session)
{
    uint64_t bit;
    return (*sessions_word(s, session, &bit) & bit) != 0;
}

/* What goes into one group. */
struct filling {
    struct sessions judged;  /* that have a request in the group */
    struct sessions waiting; /* that wait for the next one: what they send stays in its order */
    uint32_t requests;
    uint32_t elections;
    uint32_t early;
    uint32_t passed;
};

static bool request_elects(const struct submission *s)
{
    if (s->kind != SUBMISSION_REQUEST || s->early != NULL)
        return false;
    for (uint32_t i = 0; i < s->request->operations.count; i++)
        if (s->request->operations.items[i].message->code == OPERATION_backstop_elect)
            return true;
    return false;
}

/*
 * Whether a submission waits for the next group while those of others pass it. An election goes
 * over all offers of a site, so that many of them in one group would hold up everybody.
 */
static bool has_to_wait(struct filling *f, const struct submission *s)
{
    if (sessions_have(&f->waiting, s->session))
        return true;
    if (f->elections < GROUP_ELECTIONS_MAX || !request_elects(s))
        return false;
    sessions_add(&f->waiting, s->session);
    return true;
}

/*
 * Whether the request has to be in the group. The judge sees the state before the group; behind
 * another request of its own session a request is not judged, since that one may change the
 * outcome.
 */
static bool needs_group(const struct sequencer *q, struct sessions *judged, struct submission *s,
                        uint64_t time_s)
{
    if (q->judge != NULL && !sessions_have(judged, s->session) &&
        !q->judge(q->judge_context, s, time_s))
        return false;
    sessions_add(judged, s->session);
    return true;
}

/* Moves submissions into the draft as far as they fit; no requests unless `requests_too`. */
static void fill(struct sequencer *q, bool requests_too, struct sequencer_draft *out)
{
    struct submission **taken_end = &out->taken;
    struct submission **at = &q->first;
    struct filling f = {.requests = 0};

    while (*at != NULL) {
        struct submission *s = *at;
        bool ends_group = false;
        if (has_to_wait(&f, s)) {
            if (++f.passed == SEQUENCER_PASSED_MAX)
                break;
            at = &s->next;
            continue;
        }
        /* What was judged before and had to wait goes along again. */
        if (s->kind == SUBMISSION_REQUEST && s->early == NULL) {
            size_t length = out->body.length + GROUP_REQUEST_OVERHEAD + s->body.length;
            if (!requests_too || f.requests == GROUP_REQUESTS_MAX ||
                (f.requests > 0 && length > GROUP_BYTES_MAX) || f.early == SEQUENCER_EARLY_MAX)
                break;
            if (needs_group(q, &f.judged, s, out->time_s)) {
                group_add_request(&out->body, s->signature, s->body);
                out->has_group = true;
                ends_group = request_ends_group(q, s);
                f.requests++;
                f.elections += request_elects(s);
            } else {
                f.early++;
            }
        }
        *at = s->next;
        if (*at == NULL)
            q->end = at;
        s->next = NULL;
        *taken_end = s;
        taken_end = &s->next;
        if (ends_group)
            break;
    }
}

/* Whether the exchange itself has something to do. */
static bool is_due(const struct sequencer *q, const struct sequencer_view *view,
                   const struct sequencer_now *now)
{
    if (view->next_due_s <= now->time_s)
        return true;
    return q->mode != CLOCK_MODE_MANUAL &&
           (now->is_behind || now->time_s - view->last_s >= SEQUENCER_IDLE_S);
}

/* Whether the process stood still: otherwise there would have been a group by now. */
static bool was_stopped(const struct sequencer *q, const struct sequencer_view *view,
                        const struct sequencer_now *now)
{
    return q->mode == CLOCK_MODE_REAL &&
           now->time_s - view->last_s >= SEQUENCER_IDLE_S + OUTAGE_MIN_S;
}

int sequencer_next(struct sequencer *q, const struct sequencer_view *view,
                   struct sequencer_draft *out)
{
    struct sequencer_now now = sequencer_look(q, view);
    int status = draft_begin(out, &now);
    if (status != 0)
        return status;
    if (was_stopped(q, view, &now)) {
        out->has_group = out->has_start = true;
        group_add_start(&out->body, q->mode);
    }
    if (is_due(q, view, &now)) {
        out->has_group = out->has_tick = true;
        group_add_tick(&out->body);
    }
    bool alone = now.is_behind || (out->has_tick && q->mode == CLOCK_MODE_MANUAL);
    fill(q, !alone, out);
    if (out->has_group)
        anchor_set(q, &now);
    return out->body.status;
}

unsigned sequencer_sleep_ms(const struct sequencer *q, const struct sequencer_view *view)
{
    struct sequencer_now now = sequencer_look(q, view);
    if (!sequencer_is_empty(q) || is_due(q, view, &now))
        return 0;
    return SEQUENCER_SLEEP_MAX_MS;
}
