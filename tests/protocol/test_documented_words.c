/* docs/protocol.md has every word, refusal and limit as it is, and the matching procedure in the
 * words that define it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <inttypes.h>

#include "protocol/limits.h"
#include "protocol/refusal.h"
#include "protocol/vocabulary.h"
#include "tests/protocol/document.h"

/* --- Words, refusals, limits ---------------------------------------------------------------- */

static void vocabulary_compare(const char *document, const struct vocabulary *v,
                               struct faults *faults)
{
    char heading[CELL_BYTES], number[32];
    snprintf(heading, sizeof(heading), "#### vocabulary `%s`", v->word);
    const char *line = section_find(document, heading);
    if (line == NULL) {
        fault(faults, "there is no heading '%s'", heading);
        return;
    }
    struct row row;
    for (uint32_t i = 0; i < v->count; i++) {
        snprintf(number, sizeof(number), "%" PRIu32, v->values[i].value);
        if (!row_next(&line, &row) || strcmp(row.cells[0], number) != 0 ||
            !cell_names(row.cells[1], v->values[i].name))
            fault(faults, "%s: %s `%s` is not documented", v->word, number, v->values[i].name);
    }
    if (row_next(&line, &row))
        fault(faults, "%s: %s %s is not one", v->word, row.cells[0], row.cells[1]);
}

static void vocabularies_compare(const char *document, struct faults *faults)
{
#define COMPARE(word, LIST) vocabulary_compare(document, &word##_vocabulary, faults);
    VOCABULARY_LIST(COMPARE)
#undef COMPARE
}

struct documented_refusal {
    unsigned number;
    const char *name;
    bool transient;
    const char *text;
};

/* The table's rows stand in the order of precedence: each is the next one. */
static void refusal_compare(const struct documented_refusal *r, const char **line,
                            struct faults *faults)
{
    struct row row;
    char number[32];
    snprintf(number, sizeof(number), "%u", r->number);
    if (!row_next(line, &row) || strcmp(row.cells[0], number) != 0 ||
        !cell_names(row.cells[1], r->name) ||
        strcmp(row.cells[2], r->transient ? "yes" : "no") != 0 ||
        strcmp(row.cells[3], r->text) != 0)
        fault(faults, "refusal %u %s is not documented as it is", r->number, r->name);
}

static void refusals_compare(const char *document, const struct documented_refusal *refusals,
                             size_t count, struct faults *faults)
{
    const char *line = section_find(document, "### Table of refusals");
    if (line == NULL) {
        fault(faults, "there is no table of refusals");
        return;
    }
    for (size_t i = 0; i < count; i++)
        refusal_compare(&refusals[i], &line, faults);
    struct row row;
    if (row_next(&line, &row))
        fault(faults, "refusal %s is none", row.cells[1]);
}

static const struct documented_refusal all_refusals[] = {
#define REFUSAL_ROW(name, number, transient, text) {number, #name, transient, text},
    REFUSAL_LIST(REFUSAL_ROW)
#undef REFUSAL_ROW
};
enum { REFUSALS_COUNT = sizeof(all_refusals) / sizeof(all_refusals[0]) };

struct limit {
    const char *name;
    uint64_t value;
};

#define LIMIT(name)                                                                                \
    {                                                                                              \
#name, (uint64_t)(name)                                                                    \
    }
static const struct limit limits[] = {
    LIMIT(FRAME_BYTES_MAX),
    LIMIT(REQUEST_BYTES_MAX),
    LIMIT(BATCH_OPERATIONS_MAX),
    LIMIT(PAGE_ROWS_MAX),
    LIMIT(REQUEST_AHEAD_MAX_S),
    LIMIT(REQUEST_IDS_MAX),
    LIMIT(REQUEST_IDS_MAIN),
    LIMIT(TRANSFER_INPUTS_MAX),
    LIMIT(TRANSFER_OUTPUTS_MAX),
    LIMIT(ORDER_TOKENS_MAX),
    LIMIT(ORDER_SERIES_MAX),
    LIMIT(ESCROW_ROWS_MAX),
    LIMIT(ORDER_SKUS_MAX),
    LIMIT(ORDER_LEASES_MAX),
    LIMIT(ORDER_CERTIFICATIONS_MAX),
    LIMIT(MATCH_LOOKS_MAX),
    LIMIT(REQUEST_LOOKS_MAX),
    LIMIT(FILTER_PLACES_MAX),
    LIMIT(SERIES_SKUS_MAX),
    LIMIT(SERIES_REGIONS_MAX),
    LIMIT(SITE_CERTIFICATIONS_MAX),
    LIMIT(ACCESS_BYTES_MAX),
    LIMIT(ACCESS_SEALED_MAX),
    LIMIT(EVENT_BYTES_MAX),
    LIMIT(EVENT_NONCE_BYTES),
    LIMIT(REPORT_ROWS_MAX),
    LIMIT(REPORT_BYTES_MAX),
    LIMIT(REPORT_COLUMNS_MAX),
    LIMIT(REPORT_TABLES_MAX),
    LIMIT(REPORT_NOTES_MAX),
    LIMIT(REPORT_PAGE_BYTES),
    LIMIT(REPORT_DEBT_ROWS_MAX),
    LIMIT(REPORT_CURVE_ROWS_MAX),
    LIMIT(REPORT_FLEET_ROWS_MAX),
    LIMIT(REPORTS_WAITING_MAX),
    LIMIT(REPORTS_WAITING_ACCOUNT_MAX),
    LIMIT(REPORTS_KEPT_MAX),
    LIMIT(NAME_MAX_BYTES),
    LIMIT(PLACE_MAX_BYTES),
    LIMIT(REASON_MAX_BYTES),
    LIMIT(REFERENCE_MAX_BYTES),
    LIMIT(ORIGIN_MAX_BYTES),
    LIMIT(GPUS_MAX),
    LIMIT(DURATION_MAX_MIN),
    LIMIT(OFFER_SPAN_MAX_MIN),
    LIMIT(HORIZON_MAX_MIN),
    LIMIT(NOTICE_MAX_MIN),
    LIMIT(METER_PERIOD_MIN_MIN),
    LIMIT(METER_PERIOD_MAX_MIN),
    LIMIT(LEASE_PERIODS_MAX),
    LIMIT(POWER_W_MAX),
    LIMIT(POWER_KW_MAX),
    LIMIT(CARBON_G_MAX),
    LIMIT(MEMORY_GB_MAX),
    LIMIT(ACCOUNTS_MAX),
    LIMIT(SERIES_MAX),
    LIMIT(SKUS_MAX),
    LIMIT(SITES_PER_ACCOUNT_MAX),
    LIMIT(OFFERS_PER_ACCOUNT_MAX),
    LIMIT(GIFTS_PER_ACCOUNT_MAX),
    LIMIT(ORDERS_RESTING_MAX),
    LIMIT(KEYS_PER_ACCOUNT_MAX),
    LIMIT(RULES_PER_ACCOUNT_MAX),
    LIMIT(CLOSURES_PER_SITE_MAX),
    LIMIT(LEASE_SALES_MAX),
    LIMIT(CROSS_LOOKS_MAX),
    LIMIT(WHY_LOOKS_MAX),
    LIMIT(WHY_OFFERS_MAX),
    LIMIT(STARTS_MAX),
    LIMIT(STANDING_STEP_MIN),
    LIMIT(RULE_STEP_MIN),
    LIMIT(RULE_HORIZON_LEAST_MIN),
    LIMIT(RULE_LEASES_MAX),
    LIMIT(COMMITTED_MIN_MIN),
    LIMIT(INDEX_STALE_S),
    LIMIT(INDEX_TRIM_PERCENT),
    LIMIT(INDEX_HOURS_KEPT_MAX),
    LIMIT(TRADES_KEPT_MAX),
    LIMIT(ELASTIC_GRACE_S),
    LIMIT(TRANCHES_MAX),
    LIMIT(STREAMS_MAX),
    LIMIT(GRANT_MONTHS_MAX),
    LIMIT(GRANT_DECLARE_MAX_DAYS),
    LIMIT(GRANT_CAP_MAX_BP),
    LIMIT(LOTS_MAX),
    LIMIT(BACKSTOP_PERIOD_MAX_MIN),
    LIMIT(BACKSTOP_AHEAD_MAX_MIN),
    LIMIT(BACKSTOP_PERIODS_MAX),
    LIMIT(BACKSTOPS_PER_STAND_MAX),
    LIMIT(BACKSTOP_BEHIND_MAX),
    LIMIT(PHASES_MAX),
    LIMIT(SHARE_RANK_MAX),
    LIMIT(SHARES_PER_OPERATOR_MAX),
    LIMIT(SHARE_WINDOW_MAX_DAYS),
    LIMIT(CONTRACT_SPAN_MAX_MIN),
    LIMIT(CONTRACTS_PER_ACCOUNT_MAX),
    LIMIT(CONTRACT_VERSIONS_MAX),
    LIMIT(CLAIMS_PAID_MAX),
    LIMIT(SETTLEMENT_CLAIMS_MAX),
    LIMIT(CALL_BALANCES_MAX),
    LIMIT(APPROVALS_MAX),
    LIMIT(GENESIS_ADMINS_MAX),
    LIMIT(CONTROL_PAYMENTS_MAX),
    LIMIT(PROPOSALS_OPEN_MAX),
    LIMIT(PROPOSALS_PER_ACCOUNT_MAX),
    LIMIT(PROPOSAL_LIFE_S),
    LIMIT(CLOCK_JUMP_MAX_S),
    LIMIT(OUTAGE_MIN_S),
    LIMIT(OUTAGES_KEPT_MAX),
    LIMIT(TICK_ITEMS_MAX),
    LIMIT(GRACE_MAX_S),
    LIMIT(CONNECTIONS_MAX),
    LIMIT(HANDSHAKE_TIMEOUT_S),
    LIMIT(IDLE_TIMEOUT_S),
    LIMIT(REQUESTS_IN_FLIGHT_MAX),
    LIMIT(UNREAD_BYTES_MAX),
    LIMIT(UNREAD_TOTAL_MAX),
    LIMIT(INTAKE_BYTES_MAX),
    LIMIT(QUEUE_BYTES_MAX),
    LIMIT(ANSWERS_BYTES_MAX),
    LIMIT(ANSWERS_ROUND_MS),
    LIMIT(SUBSCRIPTIONS_MAX),
    LIMIT(GROUP_BYTES_MAX),
    LIMIT(GROUP_REQUESTS_MAX),
    LIMIT(GROUP_ELECTIONS_MAX),
    LIMIT(AMOUNT_MAX_UCR),
    LIMIT(PRICE_MAX_UCR),
    LIMIT(TIME_MAX_S),
    LIMIT(SERIAL_MAX),
    LIMIT(UCR_PER_CREDIT),
};
enum { LIMITS_COUNT = sizeof(limits) / sizeof(limits[0]) };

static void limits_compare(const char *document, const struct limit *list, size_t count,
                           struct faults *faults)
{
    const char *section = section_find(document, "## Limits");
    if (section == NULL) {
        fault(faults, "there is no table of limits");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const char *line = section;
        struct row row;
        bool found = false;
        char number[32];
        snprintf(number, sizeof(number), "%" PRIu64, list[i].value);
        while (!found && row_next(&line, &row))
            found = cell_names(row.cells[0], list[i].name) && strcmp(row.cells[1], number) == 0;
        if (!found)
            fault(faults, "the limit %s, %s, is not documented", list[i].name, number);
    }
}

/* The names that limits.h defines must all be in the list above. */
static void limits_header_compare(const char *header, struct faults *faults)
{
    for (const char *line = header; line != NULL; line = line_after(line)) {
        const char *name = line + strspn(line, " ");
        bool is_macro = strncmp(line, "#define ", 8) == 0;
        if (is_macro)
            name = line + 8;
        size_t length = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
        bool is_value = is_macro || strncmp(name + length, " = ", 3) == 0;
        if (length == 0 || !is_value || strncmp(name, "BOURSE_PROTOCOL_", 16) == 0)
            continue;
        size_t i = 0;
        while (i < LIMITS_COUNT &&
               (strncmp(limits[i].name, name, length) != 0 || limits[i].name[length] != '\0'))
            i++;
        if (i == LIMITS_COUNT)
            fault(faults, "limits.h: %.*s is not in this test's list", (int)length, name);
    }
}

/* --- The matching procedure ----------------------------------------------------------------- */

/* The words of a text, one space between them, without the marks of comments and of Markdown. */
static char *words_of(const char *from, const char *to)
{
    char *out = malloc((size_t)(to - from) + 2);
    assert_non_null(out);
    size_t length = 0;
    for (const char *at = from; at < to; at++) {
        if (*at == '`')
            continue;
        bool is_gap = *at == ' ' || *at == '\n' || *at == '*';
        if (!is_gap)
            out[length++] = *at;
        else if (length > 0 && out[length - 1] != ' ')
            out[length++] = ' ';
    }
    while (length > 0 && out[length - 1] == ' ')
        length--;
    out[length] = '\0';
    return out;
}

/* The header's first comment, from where the procedure begins, must stand in the document. */
static bool matching_is_documented(const char *document, const char *header)
{
    const char *from = strstr(header, "An order wants");
    const char *to = from != NULL ? strstr(from, "*/") : NULL;
    if (to == NULL)
        return false;
    char *defined = words_of(from, to);
    char *told = words_of(document, document + strlen(document));
    bool found = strstr(told, defined) != NULL;
    free(defined);
    free(told);
    return found;
}

/* --- Tests ---------------------------------------------------------------------------------- */

static void test_every_word_is_documented(void **state)
{
    struct faults f = {0, BUFFER_EMPTY};
    vocabularies_compare(*state, &f);
    expect_none(&f);
}

static void test_every_refusal_is_documented(void **state)
{
    struct faults f = {0, BUFFER_EMPTY};
    refusals_compare(*state, all_refusals, REFUSALS_COUNT, &f);
    expect_none(&f);
}

static void test_every_limit_is_documented(void **state)
{
    struct faults f = {0, BUFFER_EMPTY};
    limits_compare(*state, limits, LIMITS_COUNT, &f);
    char *header = file_text(BOURSE_LIMITS_HEADER);
    limits_header_compare(header, &f);
    free(header);
    expect_none(&f);
}

static void test_matching_is_documented_as_defined(void **state)
{
    char *header = file_text(BOURSE_MATCH_HEADER);
    assert_true(matching_is_documented(*state, header));
    /* A word of the definition changes. */
    char *word = strstr(header, "least price");
    assert_non_null(word);
    memcpy(word, "worst", 5);
    assert_false(matching_is_documented(*state, header));
    free(header);
}

static void test_an_undocumented_word_is_reported(void **state)
{
    struct faults f = {0, BUFFER_EMPTY};
    static const struct vocabulary_value values[] = {{1, "active"}, {2, "frozen"}, {3, "made_up"}};
    struct vocabulary changed = {"account_state", 3, values};
    vocabulary_compare(*state, &changed, &f);
    expect_one(&f, "made_up");
    changed.count = 1;
    vocabulary_compare(*state, &changed, &f);
    expect_one(&f, "frozen");

    struct documented_refusal list[REFUSALS_COUNT + 1];
    memcpy(list, all_refusals, sizeof(all_refusals));
    list[REFUSALS_COUNT] = (struct documented_refusal){999, "made_up", false, "made up"};
    refusals_compare(*state, list, REFUSALS_COUNT + 1, &f);
    expect_one(&f, "made_up");
    list[3].transient = !list[3].transient;
    refusals_compare(*state, list, REFUSALS_COUNT, &f);
    expect_one(&f, list[3].name);

    struct limit limit = {"FRAME_BYTES_MAX", (uint64_t)FRAME_BYTES_MAX + 1};
    limits_compare(*state, &limit, 1, &f);
    expect_one(&f, "FRAME_BYTES_MAX");
    limits_header_compare("enum {\n    MADE_UP_MAX = 3, /* none */\n};\n", &f);
    expect_one(&f, "MADE_UP_MAX");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_word_is_documented),
        cmocka_unit_test(test_every_refusal_is_documented),
        cmocka_unit_test(test_every_limit_is_documented),
        cmocka_unit_test(test_matching_is_documented_as_defined),
        cmocka_unit_test(test_an_undocumented_word_is_reported),
    };
    return cmocka_run_group_tests(tests, document_load, document_free);
}
