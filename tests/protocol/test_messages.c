#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "protocol/events.h"
#include "protocol/frames.h"
#include "protocol/genesis.h"
#include "protocol/message.h"
#include "protocol/operations.h"
#include "protocol/queries.h"
#include "tests/random.h"
#include "tests/protocol/generate.h"

static const struct message_set *const sets[] = {&operation_set, &frame_set, &event_set, &query_set,
                                                 &answer_set};
enum { SETS = sizeof(sets) / sizeof(sets[0]) };

static uint32_t kind_size(const struct field *f)
{
    switch (f->kind) {
    case FIELD_BOOL:
        return sizeof(bool);
    case FIELD_U32:
    case FIELD_ENUM:
    case FIELD_FLAGS:
    case FIELD_ACCOUNT:
    case FIELD_SERIES:
    case FIELD_REFUSAL:
        return sizeof(uint32_t);
    case FIELD_U64:
    case FIELD_AMOUNT:
    case FIELD_PRICE:
    case FIELD_TIME:
    case FIELD_NUMBER:
        return sizeof(uint64_t);
    case FIELD_KEY:
    case FIELD_HASH:
        return 32;
    case FIELD_ID:
        return 16;
    case FIELD_SIGNATURE:
        return 64;
    case FIELD_TEXT:
        return sizeof(struct text);
    case FIELD_BYTES:
        return sizeof(struct bytes);
    case FIELD_LIST:
    case FIELD_NUMBERS:
    case FIELD_OPERATIONS:
        return sizeof(struct list);
    }
    return UINT32_MAX;
}

/* NULL, or what is wrong with a description. */
static const char *fault(const struct message *m)
{
    uint32_t end = 0;
    for (uint32_t i = 0; i < m->fields_count; i++) {
        const struct field *f = &m->fields[i];
        if (f->offset < end)
            return "fields overlap or stand in another order than in the struct";
        end = f->offset + kind_size(f);
        if (end > m->size)
            return "a field lies outside the struct";
        if (f->min > f->max)
            return "limits that nothing meets";
        if ((f->kind == FIELD_LIST) != (f->part != NULL))
            return "a list without a part or a part without a list";
        if ((f->kind == FIELD_ENUM || f->kind == FIELD_FLAGS) != (f->words != NULL))
            return "an enum without words or words without an enum";
        if (f->part != NULL && (f->part->code != 0 || fault(f->part) != NULL))
            return "a part that is none";
        for (uint32_t k = 0; k < i; k++) {
            if (strcmp(m->fields[k].name, f->name) == 0)
                return "two fields of one name";
        }
    }
    return NULL;
}

static void test_descriptions(void **state)
{
    (void)state;
    for (size_t s = 0; s < SETS; s++) {
        for (uint32_t i = 0; i < sets[s]->count; i++) {
            const char *wrong = fault(sets[s]->messages[i]);
            if (wrong != NULL)
                fail_msg("%s %s: %s", sets[s]->name, sets[s]->messages[i]->name, wrong);
        }
    }
    assert_null(fault(&request_message));
    assert_null(fault(&genesis_message));
    assert_null(fault(&event_head_message));
}

static void test_planted_faults_are_found(void **state)
{
    (void)state;
    struct field fields[2] = {{"a", FIELD_U64, 0, 0, 1, NULL, NULL},
                              {"b", FIELD_U32, 8, 0, 1, NULL, NULL}};
    struct message m = {"planted", 1, 16, 2, fields};
    assert_null(fault(&m));
    fields[1].offset = 4;
    assert_non_null(fault(&m));
    fields[1].offset = 16;
    assert_non_null(fault(&m));
    fields[1].offset = 8;
    fields[1].name = "a";
    assert_non_null(fault(&m));
    fields[1].name = "b";
    fields[1].min = 2;
    assert_non_null(fault(&m));
    fields[1].min = 0;
    fields[1].kind = FIELD_ENUM;
    assert_non_null(fault(&m));
}

static void test_codes_and_names_are_unique(void **state)
{
    (void)state;
    for (size_t s = 0; s < SETS; s++) {
        for (uint32_t i = 0; i < sets[s]->count; i++) {
            const struct message *m = sets[s]->messages[i];
            assert_true(m->code > 0);
            /* One byte on the wire, and a bit of room in sets kept by code. */
            assert_true(m->code < 128);
            assert_ptr_equal(message_by_code(sets[s], m->code), m);
            assert_ptr_equal(message_by_name(sets[s], m->name), m);
        }
    }
}

static void test_answers_match_queries(void **state)
{
    (void)state;
    assert_int_equal(query_set.count, answer_set.count);
    for (uint32_t i = 0; i < query_set.count; i++) {
        const struct message *answer = message_by_code(&answer_set, query_set.messages[i]->code);
        assert_non_null(answer);
        assert_string_equal(answer->name, query_set.messages[i]->name);
    }
}

static void test_events_begin_with_their_head(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < event_set.count; i++) {
        const struct message *m = event_set.messages[i];
        for (uint32_t k = 0; k < event_head_message.fields_count; k++) {
            const struct field *wanted = &event_head_message.fields[k];
            const struct field *got = &m->fields[k];
            assert_string_equal(got->name, wanted->name);
            assert_int_equal(got->kind, wanted->kind);
            assert_int_equal(got->offset, wanted->offset);
        }
    }
}

static uint64_t number_bytes(uint64_t value)
{
    return value < 128 ? 1 : value < 256 ? 2 : value < 65536 ? 3 : value <= UINT32_MAX ? 5 : 9;
}

/* The most bytes that an encoded message takes. */
static uint64_t bytes_max(const struct message *m)
{
    uint64_t sum = m->fields_count < 16 ? 1 : 3;
    for (uint32_t i = 0; i < m->fields_count; i++) {
        const struct field *f = &m->fields[i];
        switch (f->kind) {
        case FIELD_BOOL:
            sum += 1;
            break;
        case FIELD_KEY:
        case FIELD_HASH:
        case FIELD_ID:
        case FIELD_SIGNATURE:
            sum += 2 + f->max;
            break;
        case FIELD_TEXT:
        case FIELD_BYTES:
            sum += 5 + f->max;
            break;
        case FIELD_LIST:
            sum += 5 + f->max * bytes_max(f->part);
            break;
        case FIELD_NUMBERS:
            sum += 5 + f->max * 9;
            break;
        case FIELD_ENUM:
        case FIELD_FLAGS:
            sum += 5;
            break;
        default:
            sum += number_bytes(f->max);
            break;
        }
    }
    return sum;
}

/* Whatever the rules write as an event is small enough to be a leaf. */
static void test_events_fit(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < event_set.count; i++) {
        uint64_t most = 2 + bytes_max(event_set.messages[i]) + EVENT_NONCE_BYTES;
        if (most > EVENT_BYTES_MAX)
            fail_msg("%s may take %llu bytes", event_set.messages[i]->name,
                     (unsigned long long)most);
    }
}

/* The largest reply and page fit a frame. */
static void test_answers_fit(void **state)
{
    (void)state;
    assert_true(2 + bytes_max(&frame_reply_message) <= FRAME_BYTES_MAX);
    for (uint32_t i = 0; i < answer_set.count; i++) {
        const struct message *m = answer_set.messages[i];
        /* Those have a limit in bytes: a receipt the frame's, a page of a report its own. */
        if (m->code == QUERY_receipt || m->code == QUERY_report)
            continue;
        uint64_t most = 2 + bytes_max(m);
        if (most + 64 > FRAME_BYTES_MAX)
            fail_msg("answer %s may take %llu bytes", m->name, (unsigned long long)most);
    }
}

static void test_bound_holds(void **state)
{
    (void)state;
    struct arena arena = ARENA_EMPTY;
    struct generator g = {random_seed(), &arena};
    struct buffer b = BUFFER_EMPTY;
    for (int round = 0; round < 30; round++) {
        for (uint32_t i = 0; i < event_set.count; i++) {
            void *body = arena_alloc(&arena, event_set.messages[i]->size);
            assert_non_null(body);
            generate_body(&g, event_set.messages[i], body);
            buffer_clear(&b);
            message_encode(event_set.messages[i], body, &b);
            assert_true(b.length <= bytes_max(event_set.messages[i]));
        }
        arena_clear(&arena);
    }
    buffer_release(&b);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_descriptions),
        cmocka_unit_test(test_planted_faults_are_found),
        cmocka_unit_test(test_codes_and_names_are_unique),
        cmocka_unit_test(test_answers_match_queries),
        cmocka_unit_test(test_events_begin_with_their_head),
        cmocka_unit_test(test_events_fit),
        cmocka_unit_test(test_answers_fit),
        cmocka_unit_test(test_bound_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
