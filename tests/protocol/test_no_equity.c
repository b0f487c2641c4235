/* A grant is credits against revenue: no field or word of any message could say that somebody gets
 * a part of a company for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <string.h>

#include "protocol/events.h"
#include "protocol/frames.h"
#include "protocol/genesis.h"
#include "protocol/operations.h"
#include "protocol/queries.h"

static const struct message_set *const sets[] = {
    &frame_set, &operation_set, &query_set, &answer_set, &event_set,
};

/* What such a field would be called by. */
static const char *const words[] = {
    "equity",    "stock",      "stake",   "warrant",     "convert",     "dilut",
    "valuation", "ownership",  "vesting", "shareholder", "cap_table",   "preferred",
    "voting",    "board_seat", "option",  "safe_note",   "acquisition", "liquidation",
};

static const char *word_in(const char *name)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strstr(name, words[i]) != NULL)
            return words[i];
    }
    return NULL;
}

static uint32_t vocabulary_search(const struct vocabulary *v)
{
    uint32_t found = word_in(v->word) != NULL;
    for (uint32_t i = 0; i < v->count; i++)
        found += word_in(v->values[i].name) != NULL;
    return found;
}

/* How many names of the message, its fields, their words and parts say so. */
static uint32_t message_search(const struct message *m, uint32_t *fields)
{
    uint32_t found = word_in(m->name) != NULL;
    for (uint32_t i = 0; i < m->fields_count; i++) {
        const struct field *f = &m->fields[i];
        ++*fields;
        if (word_in(f->name) != NULL) {
            print_error("%s.%s: '%s'\n", m->name, f->name, word_in(f->name));
            found++;
        }
        if (f->words != NULL)
            found += vocabulary_search(f->words);
        if (f->part != NULL)
            found += message_search(f->part, fields);
    }
    return found;
}

static void nowhere(void **state)
{
    (void)state;
    uint32_t fields = 0;
    for (size_t s = 0; s < sizeof(sets) / sizeof(sets[0]); s++) {
        for (uint32_t i = 0; i < sets[s]->count; i++)
            assert_int_equal(message_search(sets[s]->messages[i], &fields), 0);
    }
    assert_int_equal(message_search(&request_message, &fields), 0);
    assert_int_equal(message_search(&genesis_message, &fields), 0);
    assert_true(fields > 500);
}

/* The search itself: a field, one of a part, a word of a vocabulary. */
static void found_where_it_is(void **state)
{
    (void)state;
    static const struct vocabulary_value values[] = {{1, "credits"}, {2, "stock"}};
    static const struct vocabulary paid_in = {"paid_in", 2, values};
    static const struct field part_fields[] = {{.name = "equity_bp", .kind = FIELD_U32}};
    static const struct message part = {.name = "term", .fields_count = 1, .fields = part_fields};
    static const struct field fields[] = {
        {.name = "share_bp", .kind = FIELD_U32},
        {.name = "terms", .kind = FIELD_LIST, .part = &part},
        {.name = "paid_in", .kind = FIELD_ENUM, .words = &paid_in},
        {.name = "warrants", .kind = FIELD_U32},
    };
    static const struct message m = {.name = "grant", .fields_count = 4, .fields = fields};
    uint32_t looked = 0;
    assert_int_equal(message_search(&m, &looked), 3);
    assert_int_equal(looked, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nowhere),
        cmocka_unit_test(found_where_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
