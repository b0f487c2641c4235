/* The thread that makes reports: what waits, what is kept, and of which image. The reports
 * themselves are the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "protocol/frames.h"
#include "server/engine/reporter.h"
#include "tests/server/engine/fake_report.h"

enum { WAIT_S = 60 };

struct rig {
    char folder[256];
    struct store *store;
    struct image *image;
    struct reporter *reporter;
    uint32_t seq;

    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t changed;
    struct publication *published;
    unsigned published_count;
    unsigned notices;
    char notice[512];
};

static void on_published(void *context, struct publication *p)
{
    struct rig *r = context;
    pthread_mutex_lock(&r->mutex);
    p->next = r->published;
    r->published = p;
    r->published_count++;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->mutex);
}

static void on_notice(void *context, const char *line)
{
    struct rig *r = context;
    pthread_mutex_lock(&r->mutex);
    r->notices++;
    snprintf(r->notice, sizeof(r->notice), "%s", line);
    pthread_mutex_unlock(&r->mutex);
}

static void reporter_begin(struct rig *r, bool only_settled)
{
    const struct reporter_options options = {
        .image = r->image,
        .callbacks = {.context = r, .published = on_published},
        .only_settled = only_settled,
        .notice = on_notice,
        .notice_context = r,
    };
    assert_int_equal(reporter_start(&options, &r->reporter), 0);
}

static int set_up(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));
    const char *base = getenv("TMPDIR");
    struct image_error error = {{0}};
    snprintf(r->folder, sizeof(r->folder), "%s/bourse-reporter-XXXXXX",
             base != NULL ? base : "/tmp");
    assert_non_null(mkdtemp(r->folder));
    r->store = store_new(exchange_tables, TABLE_COUNT);
    assert_int_equal(
        image_open(r->folder, IMAGE_WRITE, exchange_tables, TABLE_COUNT, &r->image, &error), 0);
    pthread_mutex_init(&r->mutex, NULL);
    pthread_cond_init(&r->changed, NULL);
    fake_made = 0;
    fake_released = false;
    reporter_begin(r, false);
    *state = r;
    return 0;
}

static void published_free(struct rig *r)
{
    while (r->published != NULL) {
        struct publication *p = r->published;
        r->published = p->next;
        publication_free(p);
    }
}

static int tear_down(void **state)
{
    struct rig *r = *state;
    char file[300];
    reporter_stop(r->reporter);
    published_free(r);
    assert_int_equal(fake_alive, 0);
    image_close(r->image);
    store_free(r->store);
    snprintf(file, sizeof(file), "%s/data.mdb", r->folder);
    unlink(file);
    snprintf(file, sizeof(file), "%s/lock.mdb", r->folder);
    unlink(file);
    assert_int_equal(rmdir(r->folder), 0);
    free(r);
    return 0;
}

/* Writes the image of a group, whose log has ten times as many entries. */
static void image_put(struct rig *r, uint64_t group)
{
    const struct head_row head = {.group = group, .log_size = 10 * group};
    const struct image_meta meta = {.group = group, .log_size = 10 * group};
    struct changes *c = changes_new();
    store_put(r->store, TABLE_HEAD, &head);
    store_settle(r->store);
    store_changes_swap(r->store, &c);
    assert_int_equal(image_write(r->image, c, &meta, NULL), 0);
    changes_free(c);
}

static void image_move(struct rig *r, uint64_t group)
{
    image_put(r, group);
    reporter_image_at(r->reporter, group);
}

/* Hands over a question of this account's key; its seq, 0: refused. */
static uint32_t ask_by(struct rig *r, uint32_t asker, uint8_t peer, const struct q_report *question,
                       uint64_t group)
{
    struct submission *s = submission_new();
    struct q_report *q = arena_alloc(&s->arena, sizeof(*q));
    *q = *question;
    s->kind = SUBMISSION_QUERY;
    s->session = 1;
    s->seq = ++r->seq;
    s->query = &q_report_message;
    s->query_body = q;
    s->peer_key[0] = peer;
    int status = reporter_hand(r->reporter, s, asker, 0, group, 1000 + group);
    if (status != 0) {
        assert_int_equal(status, STATUS_LIMIT);
        submission_free(s);
        return 0;
    }
    return r->seq;
}

/* The same of a peer that is an account of its own. */
static uint32_t ask(struct rig *r, uint8_t peer, const struct q_report *question, uint64_t group)
{
    return ask_by(r, peer, peer, question, group);
}

/* What came for a seq: a copy of its frame's body, in `arena`. */
struct got {
    bool is_error;
    enum wire_error error;
    enum refusal refusal;
    uint64_t group;
    struct a_report page;
};

static bool frame_decode(const struct outgoing *o, uint32_t seq, struct arena *arena,
                         struct got *out)
{
    const struct message *message;
    const void *body;
    struct decode_error wrong;
    assert_int_equal(message_decode_coded(&frame_set, o->frame.data, o->frame.length, arena,
                                          &message, &body, &wrong),
                     0);
    if (*(const uint32_t *)body != seq)
        return false;
    *out = (struct got){.is_error = message->code == FRAME_error};
    if (out->is_error) {
        out->error = (enum wire_error)((const struct frame_error *)body)->error;
        return true;
    }
    const struct frame_answer *answer = body;
    out->refusal = (enum refusal)answer->refusal;
    out->group = answer->group;
    if (answer->refusal != 0)
        return true;
    assert_int_equal(message_decode_coded(&answer_set, answer->body.data, answer->body.length,
                                          arena, &message, &body, &wrong),
                     0);
    assert_ptr_equal(message, &a_report_message);
    out->page = *(const struct a_report *)body;
    return true;
}

static bool got_find(struct rig *r, uint32_t seq, struct got *out)
{
    struct arena arena = ARENA_EMPTY;
    bool found = false;
    for (const struct publication *p = r->published; p != NULL && !found; p = p->next) {
        assert_int_equal(p->log_size, 0);
        found = frame_decode(p->outgoing, seq, &arena, out);
    }
    arena_release(&arena);
    return found;
}

static struct got wait_for(struct rig *r, uint32_t seq)
{
    struct timespec until;
    struct got got;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_S;
    assert_true(seq > 0);
    pthread_mutex_lock(&r->mutex);
    while (!got_find(r, seq, &got))
        assert_int_equal(pthread_cond_timedwait(&r->changed, &r->mutex, &until), 0);
    pthread_mutex_unlock(&r->mutex);
    return got;
}

static unsigned published_count(struct rig *r)
{
    pthread_mutex_lock(&r->mutex);
    unsigned count = r->published_count;
    pthread_mutex_unlock(&r->mutex);
    return count;
}

static void fakes_release(void)
{
    pthread_mutex_lock(&fake_mutex);
    fake_released = true;
    pthread_cond_broadcast(&fake_changed);
    pthread_mutex_unlock(&fake_mutex);
}

/* Has the thread make a report that does not end. */
static uint32_t block(struct rig *r, uint64_t group, uint64_t how)
{
    const struct q_report q = {.kind = REPORT_KIND_USAGE, .sku = how};
    uint32_t seq = ask(r, 200, &q, group);
    pthread_mutex_lock(&fake_mutex);
    while (fake_blocked == 0)
        pthread_cond_wait(&fake_changed, &fake_mutex);
    pthread_mutex_unlock(&fake_mutex);
    return seq;
}

/* --- Pages --- */

static void test_pages(void **state)
{
    struct rig *r = *state;
    struct q_report q = {.kind = REPORT_KIND_EXPOSURE, .site = 2 * PAGE_ROWS_MAX + 500};
    image_move(r, 3);
    struct got got = wait_for(r, ask(r, 1, &q, 3));
    assert_int_equal(got.refusal, 0);
    assert_int_equal(got.group, 3);
    assert_int_equal(got.page.index, 30);
    assert_int_equal(got.page.total, 2 * PAGE_ROWS_MAX + 500);
    assert_int_equal(got.page.rows.count, PAGE_ROWS_MAX);
    assert_int_equal(got.page.next, PAGE_ROWS_MAX);
    /* The further pages are of the same state, however the image moves on. */
    image_move(r, 4);
    q.index = 30;
    q.from = PAGE_ROWS_MAX;
    assert_int_equal(wait_for(r, ask(r, 2, &q, 4)).refusal, REFUSAL_report_gone);
    got = wait_for(r, ask(r, 1, &q, 4));
    assert_int_equal(got.group, 3);
    assert_int_equal(got.page.index, 30);
    assert_int_equal(got.page.next, 2 * PAGE_ROWS_MAX);
    q.site++;
    assert_int_equal(wait_for(r, ask(r, 1, &q, 4)).refusal, REFUSAL_report_gone);
    q.site--;
    q.from = got.page.next;
    got = wait_for(r, ask(r, 1, &q, 4));
    assert_int_equal(got.page.rows.count, 500);
    assert_int_equal(got.page.next, 0);
    /* Read to its end it is let go of. */
    assert_int_equal(wait_for(r, ask(r, 1, &q, 4)).refusal, REFUSAL_report_gone);
    assert_int_equal(fake_made, 1);
    assert_int_equal(fake_alive, 0);
}

/* Beyond REPORTS_KEPT_MAX the one used least recently goes. */
static void test_gone(void **state)
{
    struct rig *r = *state;
    struct q_report q = {.kind = REPORT_KIND_EXPOSURE, .site = 2 * PAGE_ROWS_MAX};
    image_move(r, 1);
    for (uint8_t peer = 1; peer <= REPORTS_KEPT_MAX + 1; peer++)
        assert_int_equal(wait_for(r, ask(r, peer, &q, 1)).refusal, 0);
    q.index = 10;
    q.from = PAGE_ROWS_MAX;
    assert_int_equal(wait_for(r, ask(r, 1, &q, 1)).refusal, REFUSAL_report_gone);
    assert_int_equal(wait_for(r, ask(r, 2, &q, 1)).refusal, 0);
    /* A page from beyond the end is the last one, and empty. */
    q.from = 2 * PAGE_ROWS_MAX;
    assert_int_equal(wait_for(r, ask(r, 3, &q, 1)).page.rows.count, 0);
}

/* --- The queue --- */

/* REPORTS_WAITING_MAX wait, a few of one account by all its keys; each is answered in the end. */
static void test_queue_full(void **state)
{
    enum { PEERS = REPORTS_WAITING_MAX / REPORTS_WAITING_ACCOUNT_MAX };
    struct rig *r = *state;
    const struct q_report q = {.kind = REPORT_KIND_EXPOSURE, .site = 1};
    uint32_t seqs[REPORTS_WAITING_MAX];
    unsigned count = 0;
    image_move(r, 1);
    uint32_t first = block(r, 1, FAKE_BLOCKS);
    for (uint8_t peer = 1; peer <= PEERS; peer++) {
        for (int i = 0; i < REPORTS_WAITING_ACCOUNT_MAX; i++)
            assert_true((seqs[count++] = ask(r, peer, &q, 1)) > 0);
        assert_int_equal(ask(r, peer, &q, 1), 0);
        assert_int_equal(ask_by(r, peer, 100, &q, 1), 0);
    }
    assert_int_equal(count, REPORTS_WAITING_MAX);
    assert_int_equal(ask(r, PEERS + 1, &q, 1), 0);
    assert_int_equal(published_count(r), 0);
    fakes_release();
    assert_int_equal(wait_for(r, first).refusal, 0);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(wait_for(r, seqs[i]).refusal, 0);
    assert_int_equal(wait_for(r, ask(r, PEERS + 1, &q, 1)).refusal, 0);
    assert_int_equal(published_count(r), REPORTS_WAITING_MAX + 2);
}

/* How many frames were published before that of this seq. */
static unsigned published_before(struct rig *r, uint32_t seq)
{
    struct arena arena = ARENA_EMPTY;
    struct got got;
    pthread_mutex_lock(&r->mutex);
    unsigned before = r->published_count;
    for (const struct publication *p = r->published; p != NULL; p = p->next) {
        before--;
        if (frame_decode(p->outgoing, seq, &arena, &got))
            break;
    }
    pthread_mutex_unlock(&r->mutex);
    arena_release(&arena);
    return before;
}

/* Who asks for many does not keep those waiting who ask for one. */
static void test_turns(void **state)
{
    struct rig *r = *state;
    const struct q_report q = {.kind = REPORT_KIND_EXPOSURE, .site = 1};
    uint32_t seqs[5];
    image_move(r, 1);
    wait_for(r, ask(r, 7, &q, 1));
    uint32_t first = block(r, 1, FAKE_BLOCKS);
    for (int i = 0; i < 3; i++)
        seqs[i] = ask(r, 1, &q, 1);
    seqs[3] = ask(r, 2, &q, 1);
    seqs[4] = ask(r, 3, &q, 1);
    fakes_release();
    wait_for(r, first);
    for (int i = 0; i < 5; i++)
        wait_for(r, seqs[i]);
    const unsigned expected[] = {2, 5, 6, 3, 4};
    for (int i = 0; i < 5; i++)
        assert_int_equal(published_before(r, seqs[i]), expected[i]);
}

/* A report waits for its image, and others do not wait for it. */
static void test_image_awaited(void **state)
{
    struct rig *r = *state;
    const struct q_report q = {.kind = REPORT_KIND_EXPOSURE, .site = 1};
    const struct q_report page = {.kind = REPORT_KIND_EXPOSURE, .site = 1, .index = 10};
    image_move(r, 3);
    assert_false(reporter_wants(r->reporter, 0));
    uint32_t late = ask(r, 1, &q, 5);
    assert_true(reporter_wants(r->reporter, 4));
    assert_false(reporter_wants(r->reporter, 5));
    assert_int_equal(wait_for(r, ask(r, 1, &page, 5)).refusal, REFUSAL_report_gone);
    assert_int_equal(wait_for(r, ask(r, 1, &q, 3)).page.index, 30);
    image_move(r, 4);
    assert_int_equal(wait_for(r, ask(r, 1, &q, 4)).page.index, 40);
    assert_int_equal(published_count(r), 3);
    image_move(r, 6);
    struct got got = wait_for(r, late);
    assert_int_equal(got.group, 6);
    assert_int_equal(got.page.index, 60);
    assert_false(reporter_wants(r->reporter, 0));
}

/* With a manual clock: of no image behind which something was due. */
static void test_only_settled(void **state)
{
    struct rig *r = *state;
    const struct q_report q = {.kind = REPORT_KIND_EXPOSURE, .site = 1};
    const struct q_report page = {.kind = REPORT_KIND_EXPOSURE, .site = 1, .index = 10};
    reporter_stop(r->reporter);
    reporter_begin(r, true);
    image_move(r, 3);
    uint32_t seq = ask(r, 1, &q, 3);
    assert_int_equal(wait_for(r, ask(r, 1, &page, 3)).refusal, REFUSAL_report_gone);
    /* Group 4 is settled, but the image has moved on before anybody could look. */
    reporter_settled_at(r->reporter, 4);
    image_put(r, 4);
    image_put(r, 5);
    reporter_image_at(r->reporter, 4);
    reporter_image_at(r->reporter, 5);
    assert_int_equal(published_count(r), 1);
    reporter_settled_at(r->reporter, 6);
    image_move(r, 6);
    assert_int_equal(wait_for(r, seq).page.index, 60);
}

/* --- Errors and the end --- */

static void test_failure(void **state)
{
    struct rig *r = *state;
    const struct q_report damaged = {.kind = REPORT_KIND_EXPOSURE, .sku = FAKE_DAMAGED};
    const struct q_report refused = {.kind = REPORT_KIND_EXPOSURE, .sku = FAKE_REFUSED};
    const struct q_report q = {.kind = REPORT_KIND_EXPOSURE, .site = 1};
    image_move(r, 1);
    for (int i = 0; i < 3; i++) {
        struct got got = wait_for(r, ask(r, 1, &damaged, 1));
        assert_true(got.is_error);
        assert_int_equal(got.error, WIRE_ERROR_INTERNAL);
    }
    assert_int_equal(wait_for(r, ask(r, 1, &refused, 1)).refusal, REFUSAL_terms_invalid);
    assert_int_equal(wait_for(r, ask(r, 1, &q, 1)).page.rows.count, 1);
    pthread_mutex_lock(&r->mutex);
    assert_int_equal(r->notices, 1);
    assert_non_null(strstr(r->notice, "a report could not be made"));
    pthread_mutex_unlock(&r->mutex);
}

/* A report that reads for too long is given up, the next one is made. */
static void test_too_long(void **state)
{
    const uint64_t s = 1000000000;
    struct rig *r = *state;
    const struct q_report q = {.kind = REPORT_KIND_EXPOSURE, .site = 1};
    image_move(r, 1);
    reporter_look(r->reporter, 5 * s);
    uint32_t long_one = block(r, 1, FAKE_READS);
    reporter_look(r->reporter, 100 * s);
    reporter_look(r->reporter, (100 + REPORT_READ_MAX_S) * s - 1);
    pthread_mutex_lock(&fake_mutex);
    assert_int_equal(fake_blocked, 1);
    pthread_mutex_unlock(&fake_mutex);
    reporter_look(r->reporter, (100 + REPORT_READ_MAX_S) * s);
    struct got got = wait_for(r, long_one);
    assert_false(got.is_error);
    assert_int_equal(got.refusal, REFUSAL_report_too_large);
    assert_int_equal(wait_for(r, ask(r, 1, &q, 1)).page.rows.count, 1);
    pthread_mutex_lock(&r->mutex);
    assert_int_equal(r->notices, 0);
    pthread_mutex_unlock(&r->mutex);
}

/* Who ends the reporter does not wait for one that reads on. */
static void test_end_reading(void **state)
{
    struct rig *r = *state;
    image_move(r, 1);
    assert_true(block(r, 1, FAKE_READS) > 0);
    reporter_stop(r->reporter);
    assert_int_equal(r->published_count, 0);
    r->reporter = NULL;
}

static void *reporter_stop_thread(void *context)
{
    struct rig *r = context;
    reporter_stop(r->reporter);
    return NULL;
}

/* Nothing is published once the end was told, not even what was being made. */
static void test_end(void **state)
{
    struct rig *r = *state;
    const struct q_report q = {.kind = REPORT_KIND_EXPOSURE, .site = 1};
    pthread_t thread;
    image_move(r, 1);
    assert_true(block(r, 1, FAKE_BLOCKS) > 0);
    assert_true(ask(r, 1, &q, 1) > 0);
    assert_true(ask(r, 1, &q, 9) > 0);
    reporter_end(r->reporter);
    assert_int_equal(pthread_create(&thread, NULL, reporter_stop_thread, r), 0);
    fakes_release();
    pthread_join(thread, NULL);
    assert_int_equal(r->published_count, 0);
    r->reporter = NULL;
    reporter_end(NULL);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_pages),         TEST(test_gone),         TEST(test_queue_full),
        TEST(test_image_awaited), TEST(test_only_settled), TEST(test_failure),
        TEST(test_end),           TEST(test_too_long),     TEST(test_end_reading),
        TEST(test_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
