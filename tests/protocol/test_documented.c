/* docs/protocol.md describes every message as it is: its code, and each field with type, limits and
 * a meaning; and no message that is not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <inttypes.h>

#include "protocol/events.h"
#include "protocol/frames.h"
#include "protocol/genesis.h"
#include "protocol/operations.h"
#include "protocol/queries.h"
#include "tests/protocol/document.h"

static void type_print(const struct field *f, char out[CELL_BYTES])
{
    static const char *const names[] = {
        [FIELD_BOOL] = "bool",
        [FIELD_U32] = "u32",
        [FIELD_U64] = "u64",
        [FIELD_AMOUNT] = "amount",
        [FIELD_PRICE] = "price",
        [FIELD_TIME] = "time",
        [FIELD_ENUM] = "enum",
        [FIELD_FLAGS] = "flags",
        [FIELD_ACCOUNT] = "account",
        [FIELD_SERIES] = "series",
        [FIELD_NUMBER] = "number",
        [FIELD_REFUSAL] = "refusal",
        [FIELD_KEY] = "key",
        [FIELD_HASH] = "hash",
        [FIELD_ID] = "id",
        [FIELD_SIGNATURE] = "signature",
        [FIELD_TEXT] = "text",
        [FIELD_BYTES] = "bytes",
        [FIELD_LIST] = "list of",
        [FIELD_NUMBERS] = "list of number",
        [FIELD_OPERATIONS] = "list of operation",
    };
    const char *more = f->words != NULL ? f->words->word : f->part != NULL ? f->part->name : NULL;
    snprintf(out, CELL_BYTES, more == NULL ? "%s" : "%s `%s`", names[f->kind], more);
}

static void number_print(uint64_t value, char out[32])
{
    if (value == UINT64_MAX)
        snprintf(out, 32, "2^64-1");
    else if (value == SERIAL_MAX)
        snprintf(out, 32, "2^62");
    else if (value == UINT32_MAX)
        snprintf(out, 32, "2^32-1");
    else
        snprintf(out, 32, "%" PRIu64, value);
}

static void limits_print(const struct field *f, char out[CELL_BYTES])
{
    char min[32], max[32];
    const char *unit = "";
    out[0] = '\0';
    switch (f->kind) {
    case FIELD_BOOL:
    case FIELD_ENUM:
    case FIELD_FLAGS:
    case FIELD_KEY:
    case FIELD_HASH:
    case FIELD_ID:
    case FIELD_SIGNATURE:
        return;
    case FIELD_TEXT:
    case FIELD_BYTES:
        unit = " bytes";
        break;
    case FIELD_LIST:
    case FIELD_NUMBERS:
    case FIELD_OPERATIONS:
        unit = " items";
        break;
    default:
        break;
    }
    number_print(f->min, min);
    number_print(f->max, max);
    snprintf(out, CELL_BYTES, "%s to %s%s", min, max, unit);
}

static void heading_print(const char *set, const struct message *m, char out[CELL_BYTES])
{
    if (m->code == 0)
        snprintf(out, CELL_BYTES, "#### part `%s`", m->name);
    else
        snprintf(out, CELL_BYTES, "#### %s %" PRIu32 " `%s`", set, m->code, m->name);
}

static void field_compare(const struct message *m, const struct field *f, const struct row *row,
                          struct faults *faults)
{
    char type[CELL_BYTES], limits[CELL_BYTES];
    type_print(f, type);
    limits_print(f, limits);
    if (!cell_names(row->cells[0], f->name)) {
        fault(faults, "%s: %s stands where `%s` belongs", m->name, row->cells[0], f->name);
        return;
    }
    if (strcmp(row->cells[1], type) != 0)
        fault(faults, "%s.%s: type '%s' instead of '%s'", m->name, f->name, row->cells[1], type);
    if (strcmp(row->cells[2], limits) != 0)
        fault(faults, "%s.%s: limits '%s' instead of '%s'", m->name, f->name, row->cells[2],
              limits);
    if (row->cells[3][0] == '\0')
        fault(faults, "%s.%s: no meaning", m->name, f->name);
}

static void message_compare(const char *document, const char *set, const struct message *m,
                            struct faults *faults)
{
    char heading[CELL_BYTES];
    heading_print(set, m, heading);
    const char *line = section_find(document, heading);
    if (line == NULL) {
        fault(faults, "there is no heading '%s'", heading);
        return;
    }
    struct row row;
    for (uint32_t i = 0; i < m->fields_count; i++) {
        if (!row_next(&line, &row)) {
            fault(faults, "%s.%s: not documented", m->name, m->fields[i].name);
            return;
        }
        field_compare(m, &m->fields[i], &row, faults);
    }
    if (row_next(&line, &row))
        fault(faults, "%s: %s is not a field", m->name, row.cells[0]);
}

static const struct message_set *const sets[] = {
    &frame_set, &operation_set, &query_set, &answer_set, &event_set,
};
enum { SETS_COUNT = sizeof(sets) / sizeof(sets[0]) };

/* Those that no other message contains. */
static const struct message *const roots[] = {&request_message, &genesis_message};
enum { ROOTS_COUNT = sizeof(roots) / sizeof(roots[0]) };

enum { PARTS_MAX = 128 };

/* The parts of messages, of parts too, each once. */
struct parts {
    const struct message *items[PARTS_MAX];
    uint32_t count;
};

static void parts_add(struct parts *p, const struct message *m)
{
    for (uint32_t i = 0; i < p->count; i++) {
        if (p->items[i] == m)
            return;
    }
    assert_true(p->count < PARTS_MAX);
    p->items[p->count++] = m;
    for (uint32_t i = 0; i < m->fields_count; i++) {
        if (m->fields[i].part != NULL)
            parts_add(p, m->fields[i].part);
    }
}

static void parts_collect(struct parts *p)
{
    p->count = 0;
    for (uint32_t r = 0; r < ROOTS_COUNT; r++)
        parts_add(p, roots[r]);
    for (uint32_t s = 0; s < SETS_COUNT; s++) {
        for (uint32_t i = 0; i < sets[s]->count; i++) {
            const struct message *m = sets[s]->messages[i];
            for (uint32_t j = 0; j < m->fields_count; j++) {
                if (m->fields[j].part != NULL)
                    parts_add(p, m->fields[j].part);
            }
        }
    }
}

/* Whether a heading about a message is about one that exists. */
static bool heading_is_known(const char *line, const struct parts *parts)
{
    char heading[CELL_BYTES];
    for (uint32_t s = 0; s < SETS_COUNT; s++) {
        for (uint32_t i = 0; i < sets[s]->count; i++) {
            heading_print(sets[s]->name, sets[s]->messages[i], heading);
            if (line_is(line, heading))
                return true;
        }
    }
    for (uint32_t i = 0; i < parts->count; i++) {
        heading_print("", parts->items[i], heading);
        if (line_is(line, heading))
            return true;
    }
    return false;
}

static void headings_compare(const char *document, const struct parts *parts, struct faults *faults)
{
    for (const char *line = document; line != NULL; line = line_after(line)) {
        if (strncmp(line, "#### ", 5) != 0 || strncmp(line, "#### vocabulary ", 16) == 0)
            continue;
        if (!heading_is_known(line, parts))
            fault(faults, "no message is called so: '%.*s'", (int)strcspn(line, "\n"), line);
    }
}

static void messages_compare(const char *document, struct faults *faults)
{
    struct parts parts;
    parts_collect(&parts);
    for (uint32_t s = 0; s < SETS_COUNT; s++) {
        for (uint32_t i = 0; i < sets[s]->count; i++)
            message_compare(document, sets[s]->name, sets[s]->messages[i], faults);
    }
    for (uint32_t i = 0; i < parts.count; i++)
        message_compare(document, "", parts.items[i], faults);
    headings_compare(document, &parts, faults);
}

/* --- Tests ---------------------------------------------------------------------------------- */

static void test_every_message_is_documented(void **state)
{
    struct faults f = {0, BUFFER_EMPTY};
    messages_compare(*state, &f);
    expect_none(&f);
}

/* A made-up message, then a real one with a field, a type and a limit that the document does not
 * give. */
static void test_an_undocumented_message_is_reported(void **state)
{
    struct faults f = {0, BUFFER_EMPTY};
    struct field fields[8];
    struct message made_up = op_payout_message;
    made_up.name = "made_up";
    made_up.code = 99;
    message_compare(*state, "operation", &made_up, &f);
    expect_one(&f, "#### operation 99 `made_up`");

    struct message changed = op_payout_message;
    changed.code = 51;
    message_compare(*state, "operation", &changed, &f);
    expect_one(&f, "#### operation 51 `payout`");

    changed = op_payout_message;
    assert_true(changed.fields_count < 8);
    memcpy(fields, changed.fields, changed.fields_count * sizeof(fields[0]));
    changed.fields = fields;
    fields[changed.fields_count++] = (struct field){.name = "made_up", .kind = FIELD_BOOL};
    message_compare(*state, "operation", &changed, &f);
    expect_one(&f, "payout.made_up: not documented");
    changed.fields_count -= 2;
    message_compare(*state, "operation", &changed, &f);
    expect_one(&f, "is not a field");
    changed.fields_count++;

    fields[1].kind = FIELD_U64;
    message_compare(*state, "operation", &changed, &f);
    expect_one(&f, "payout.amount_ucr: type");
    fields[1] = op_payout_message.fields[1];
    fields[2].max++;
    message_compare(*state, "operation", &changed, &f);
    expect_one(&f, "payout.reference: limits");
}

static void test_a_stale_heading_is_reported(void **state)
{
    (void)state;
    struct faults f = {0, BUFFER_EMPTY};
    struct parts parts;
    parts_collect(&parts);
    headings_compare("# x\n#### operation 50 `payout`\n#### operation 98 `gone`\n", &parts, &f);
    expect_one(&f, "operation 98 `gone`");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_message_is_documented),
        cmocka_unit_test(test_an_undocumented_message_is_reported),
        cmocka_unit_test(test_a_stale_heading_is_reported),
    };
    return cmocka_run_group_tests(tests, document_load, document_free);
}
