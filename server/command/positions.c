#include "server/command/positions.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "protocol/amount.h"
#include "protocol/moment.h"
#include "protocol/vocabulary.h"
#include "server/exchange/rows.h"

/* --- Differences --- */

/* Tables whose rows are of one contract, which is their first column; the second one, where it is
 * a part of the key, numbers `part`. */
static const struct {
    enum table table;
    const char *part; /* NULL: the row is the position of the whole */
    const char *noun;
} position_tables[] = {
    {TABLE_CONTRACT, NULL, "contract"},
    {TABLE_COVER, NULL, "backstop"},
    {TABLE_BACKSTOP, "version", "backstop"},
    {TABLE_DRAW, "period", "backstop"},
    {TABLE_PROGRESS, NULL, "revenue share"},
    {TABLE_REVSHARE, "version", "revenue share"},
    {TABLE_SHARE, "deduction", "revenue share"},
    {TABLE_ADVANCE, NULL, "grant"},
    {TABLE_GRANT, "version", "grant"},
    {TABLE_RECOURSE, NULL, "lease guarantee"},
    {TABLE_GUARANTEE, "version", "lease guarantee"},
};

#define WORDS(TABLE, row, column, text)                                                            \
    {                                                                                              \
        TABLE_##TABLE, offsetof(struct row, column), text                                          \
    }

/* Columns whose name alone does not say what they hold. */
static const struct {
    enum table table;
    size_t offset;
    const char *words;
} column_words[] = {
    WORDS(CONTRACT, contract_row, claims_ucr, "open claims"),
    WORDS(CONTRACT, contract_row, claims_open, "number of open claims"),
    WORDS(CONTRACT, contract_row, paying_s, "paying claims from its fund since"),
    WORDS(CONTRACT, contract_row, next_s, "due next"),
    WORDS(CONTRACT, contract_row, version, "version in force"),
    WORDS(CONTRACT, contract_row, pending, "version proposed"),
    WORDS(CONTRACT, contract_row, escrow_series, "rows of its fund"),
    WORDS(CLAIM, claim_row, amount_ucr, "owed at first"),
    WORDS(CLAIM, claim_row, left_ucr, "left to pay"),
    WORDS(ESCROW, escrow_row, amount_ucr, "held"),
    WORDS(COVER, cover_row, pool_left_ucr, "left of its pool"),
    WORDS(COVER, cover_row, owed_ucr, "owed for what was not sold"),
    WORDS(COVER, cover_row, paid_ucr, "paid for what was not sold"),
    WORDS(COVER, cover_row, elected_ucr, "drawn for elected leases"),
    WORDS(COVER, cover_row, cursor_s, "added up until"),
    WORDS(COVER, cover_row, cost_low, "cost of the minutes owed so far, lower half"),
    WORDS(COVER, cover_row, cost_high, "cost of the minutes owed so far, upper half"),
    WORDS(COVER, cover_row, period, "next period"),
    WORDS(DRAW, draw_row, pool_left_ucr, "left of the pool"),
    WORDS(PROGRESS, progress_row, gross_ucr, "gross of what was settled"),
    WORDS(PROGRESS, progress_row, share_ucr, "share in all"),
    WORDS(PROGRESS, progress_row, paid_ucr, "paid of the share at once"),
    WORDS(PROGRESS, progress_row, month_gross_ucr, "gross of this month"),
    WORDS(PROGRESS, progress_row, shares, "deductions"),
    WORDS(PROGRESS, progress_row, phase, "phases behind it"),
    WORDS(PROGRESS, progress_row, rest, "rest of rounding, in 1/10000 of a micro-credit"),
    WORDS(PROGRESS, progress_row, utilisation_s, "utilisation measured until"),
    WORDS(PROGRESS, progress_row, utilisation_ppm, "utilisation, in millionths"),
    WORDS(PROGRESS, progress_row, utilisation_peak_ppm, "utilisation that counts, in millionths"),
    WORDS(SHARE, share_row, gross_ucr, "gross"),
    WORDS(SHARE, share_row, base_ucr, "of it shared"),
    WORDS(ADVANCE, advance_row, spent_ucr, "spent under leases"),
    WORDS(ADVANCE, advance_row, royalty_ucr, "royalty in all"),
    WORDS(ADVANCE, advance_row, paid_ucr, "royalty paid"),
    WORDS(ADVANCE, advance_row, recorded_ucr, "royalty recorded as paid outside"),
    WORDS(ADVANCE, advance_row, month_s, "first month not declared"),
    WORDS(ADVANCE, advance_row, tranches_paid, "tranches paid, as bits"),
    WORDS(ADVANCE, advance_row, tranches_released, "tranches released, as bits"),
    WORDS(ADVANCE, advance_row, counts, "what is declared counts"),
    WORDS(RECOURSE, recourse_row, by_operator_ucr, "borne by the operator"),
    WORDS(RECOURSE, recourse_row, by_guarantor_ucr, "borne by the guarantor"),
    WORDS(RECOURSE, recourse_row, recovered_ucr, "recovered by the guarantor"),
    WORDS(RECOURSE, recourse_row, stepped_in_s, "stepped in"),
};

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);
    return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

static bool begins_with(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

static void column_append(struct buffer *out, unsigned table, const struct column *column)
{
    for (size_t i = 0; i < sizeof(column_words) / sizeof(column_words[0]); i++) {
        if (column_words[i].table == table && column_words[i].offset == column->offset) {
            buffer_printf(out, "%s", column_words[i].words);
            return;
        }
    }
    size_t length = strlen(column->name);
    if (ends_with(column->name, "_ucr"))
        length -= 4;
    else if (ends_with(column->name, "_s"))
        length -= 2;
    for (size_t i = 0; i < length; i++)
        buffer_printf(out, "%c", column->name[i] == '_' ? ' ' : column->name[i]);
}

static uint64_t number_of(const struct column *column, const void *row)
{
    const uint8_t *at = (const uint8_t *)row + column->offset;
    uint32_t four;
    uint64_t eight;
    if (column->kind == COLUMN_U32) {
        memcpy(&four, at, sizeof(four));
        return four;
    }
    memcpy(&eight, at, sizeof(eight));
    return eight;
}

/* "3 credits", "2027-01-31T00:00:00Z", "480 GPU-minutes", "7". */
static void value_append(struct buffer *out, unsigned table, const struct column *column,
                         const void *row)
{
    char text[AMOUNT_TEXT_BYTES], moment[MOMENT_TEXT_BYTES];
    uint64_t n = number_of(column, row);
    const char *state = NULL;
    if (table == TABLE_CONTRACT && strcmp(column->name, "state") == 0)
        state = vocabulary_name(&contract_state_vocabulary, (uint32_t)n);
    if (state)
        buffer_printf(out, "%s", state);
    else if (ends_with(column->name, "_ucr"))
        buffer_printf(out, "%s credits", amount_format(n, text));
    else if (ends_with(column->name, "_s"))
        buffer_printf(out, "%s", n == 0 ? "never" : moment_format(n, moment));
    else if (begins_with(column->name, "gpu_minutes"))
        buffer_printf(out, "%" PRIu64 " GPU-minutes", n);
    else
        buffer_printf(out, "%" PRIu64, n);
}

static void columns_append(struct buffer *out, const struct image_difference *d)
{
    const struct table_spec *spec = &exchange_tables[d->table];
    const char *between = ": ";
    for (size_t i = 0; i < spec->columns_count; i++) {
        const struct column *column = &spec->columns[i];
        bool is_number =
            column->count == 1 && (column->kind == COLUMN_U32 || column->kind == COLUMN_U64);
        size_t size = i + 1 < spec->columns_count ? spec->columns[i + 1].offset : spec->row_size;
        size -= column->offset;
        if (memcmp((const uint8_t *)d->found + column->offset,
                   (const uint8_t *)d->expected + column->offset, size) == 0)
            continue;
        buffer_printf(out, "%s", between);
        between = "; ";
        column_append(out, d->table, column);
        if (!is_number) {
            buffer_printf(out, " are others than by the journal");
            continue;
        }
        buffer_printf(out, " ");
        value_append(out, d->table, column, d->found);
        buffer_printf(out, " in the image, ");
        value_append(out, d->table, column, d->expected);
        buffer_printf(out, " by the journal");
    }
}

/* "period 3 of backstop 1"; false: the row is of no contract. */
static bool name_append(struct buffer *out, unsigned table, const void *row)
{
    const struct table_spec *spec = &exchange_tables[table];
    const struct claim_row *claim = row;
    const struct escrow_row *escrow = row;
    const struct declaration_row *declaration = row;
    char moment[MOMENT_TEXT_BYTES];
    for (size_t i = 0; i < sizeof(position_tables) / sizeof(position_tables[0]); i++) {
        if (position_tables[i].table != table)
            continue;
        if (position_tables[i].part)
            buffer_printf(out, "%s %" PRIu64 " of ", position_tables[i].part,
                          number_of(&spec->columns[1], row));
        buffer_printf(out, "%s %" PRIu64, position_tables[i].noun,
                      number_of(&spec->columns[0], row));
        return true;
    }
    if (table == TABLE_CLAIM)
        buffer_printf(out, "claim %" PRIu64 " under contract %" PRIu64, claim->claim,
                      claim->contract);
    else if (table == TABLE_ESCROW && escrow->kind == ESCROW_KIND_CONTRACT)
        buffer_printf(out, "row %" PRIu32 " of the fund of contract %" PRIu64, escrow->place,
                      escrow->serial);
    else if (table == TABLE_DECLARATION)
        buffer_printf(out, "revenue that account %" PRIu32 " declared for %.7s",
                      declaration->account, moment_format(declaration->month_s, moment));
    else
        return false;
    return true;
}

void position_difference(const struct image_difference *d, struct buffer *line)
{
    if ((!d->found && !d->expected) ||
        !name_append(line, d->table, d->expected ? d->expected : d->found))
        return;
    if (!d->found)
        buffer_printf(line, ": missing in the image, or not to be read there");
    else if (!d->expected)
        buffer_printf(line, ": in the image, but the journal does not lead to it");
    else
        columns_append(line, d);
}

/* --- Counts --- */

struct counts {
    uint64_t kinds[CONTRACT_KIND_GUARANTEE + 1]; /* of those that were accepted once */
    uint64_t in_force;
    uint64_t proposals; /* never accepted: pending, declined or expired */
    uint64_t claims_open;
    amount claims_ucr;
    amount funds_ucr;
    amount escrows_missing_ucr; /* of lease guarantees in force */
    const struct store *store;
};

/* Sums of what a damaged row says stay within what JSON can hold. */
static amount sum_of(amount a, amount b)
{
    return b > INT64_MAX - a ? INT64_MAX : a + b;
}

/* What the operator's part of the fund lacks of its escrow. */
static amount escrow_missing(const struct store *s, const struct contract_row *contract)
{
    const struct guarantee_row terms_key = {.contract = contract->contract,
                                            .version = contract->version};
    const struct guarantee_row *terms = store_find(s, TABLE_GUARANTEE, &terms_key);
    amount held = 0;
    for (uint32_t place = 0; place < contract->escrow_series && place < ESCROW_ROWS_MAX; place++) {
        const struct escrow_row key = {
            .serial = contract->contract, .kind = ESCROW_KIND_CONTRACT, .place = place};
        const struct escrow_row *row = store_find(s, TABLE_ESCROW, &key);
        if (row && row->owner == contract->creditor)
            held = sum_of(held, row->amount_ucr);
    }
    const struct recourse_row *recourse = store_find(s, TABLE_RECOURSE, &contract->contract);
    amount met = sum_of(held, recourse ? recourse->by_operator_ucr : 0);
    return terms && terms->escrow_ucr > met ? terms->escrow_ucr - met : 0;
}

static int contract_count(void *context, const void *row)
{
    struct counts *counts = context;
    const struct contract_row *contract = row;
    if (contract->version == 0)
        counts->proposals++;
    else if (contract->kind <= CONTRACT_KIND_GUARANTEE)
        counts->kinds[contract->kind]++;
    counts->in_force += contract->state == CONTRACT_STATE_IN_FORCE;
    if (contract->kind == CONTRACT_KIND_GUARANTEE && contract->state == CONTRACT_STATE_IN_FORCE)
        counts->escrows_missing_ucr =
            sum_of(counts->escrows_missing_ucr, escrow_missing(counts->store, contract));
    return 0;
}

static int claim_count(void *context, const void *row)
{
    struct counts *counts = context;
    const struct claim_row *claim = row;
    counts->claims_open += claim->left_ucr > 0;
    counts->claims_ucr = sum_of(counts->claims_ucr, claim->left_ucr);
    return 0;
}

static int fund_count(void *context, const void *row)
{
    struct counts *counts = context;
    const struct escrow_row *escrow = row;
    if (escrow->kind == ESCROW_KIND_CONTRACT)
        counts->funds_ucr = sum_of(counts->funds_ucr, escrow->amount_ucr);
    return 0;
}

static void count_append(struct buffer *out, uint64_t count, const char *noun)
{
    buffer_printf(out, "%" PRIu64 " %s%s", count, noun, count == 1 ? "" : "s");
}

static void counts_append(struct buffer *out, const struct counts *c, const struct store *s)
{
    char funds[AMOUNT_TEXT_BYTES], claims[AMOUNT_TEXT_BYTES], missing[AMOUNT_TEXT_BYTES];
    count_append(out, store_count(s, TABLE_CONTRACT), "contract");
    buffer_printf(out, " worked out again from the journal, %" PRIu64 " of them in force",
                  c->in_force);
    if (c->proposals > 0)
        buffer_printf(out, ", %" PRIu64 " never accepted", c->proposals);
    buffer_printf(out, ": ");
    count_append(out, c->kinds[CONTRACT_KIND_BACKSTOP], "backstop");
    buffer_printf(out, " (");
    count_append(out, store_count(s, TABLE_DRAW), "settled period");
    buffer_printf(out, "), ");
    count_append(out, c->kinds[CONTRACT_KIND_REVSHARE], "revenue share");
    buffer_printf(out, " (");
    count_append(out, store_count(s, TABLE_SHARE), "deduction");
    buffer_printf(out, "), ");
    count_append(out, c->kinds[CONTRACT_KIND_GRANT], "grant");
    buffer_printf(out, " (");
    count_append(out, store_count(s, TABLE_DECLARATION), "declared month");
    buffer_printf(out, "), ");
    count_append(out, c->kinds[CONTRACT_KIND_GUARANTEE], "lease guarantee");
    buffer_printf(out, "; %s credits in their funds", amount_format(c->funds_ucr, funds));
    if (c->escrows_missing_ucr > 0)
        buffer_printf(out, ", %s missing of operators' escrows",
                      amount_format(c->escrows_missing_ucr, missing));
    buffer_printf(out, "; ");
    if (c->claims_open == 0) {
        buffer_printf(out, "no claims open");
        return;
    }
    count_append(out, c->claims_open, "open claim");
    buffer_printf(out, " over %s credits", amount_format(c->claims_ucr, claims));
}

json_t *positions_count(const struct store *s, struct buffer *text)
{
    struct counts c = {.store = s};
    store_each(s, TABLE_CONTRACT, contract_count, &c);
    store_each(s, TABLE_CLAIM, claim_count, &c);
    store_each(s, TABLE_ESCROW, fund_count, &c);
    if (store_count(s, TABLE_CONTRACT) == 0)
        buffer_printf(text, "there are none");
    else
        counts_append(text, &c, s);
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "contracts",
        (json_int_t)store_count(s, TABLE_CONTRACT), "in_force", (json_int_t)c.in_force,
        "never_accepted", (json_int_t)c.proposals, "backstops",
        (json_int_t)c.kinds[CONTRACT_KIND_BACKSTOP], "settled_periods",
        (json_int_t)store_count(s, TABLE_DRAW), "revenue_shares",
        (json_int_t)c.kinds[CONTRACT_KIND_REVSHARE], "deductions",
        (json_int_t)store_count(s, TABLE_SHARE), "grants", (json_int_t)c.kinds[CONTRACT_KIND_GRANT],
        "declared_months", (json_int_t)store_count(s, TABLE_DECLARATION), "lease_guarantees",
        (json_int_t)c.kinds[CONTRACT_KIND_GUARANTEE], "funds_ucr", (json_int_t)c.funds_ucr,
        "escrows_missing_ucr", (json_int_t)c.escrows_missing_ucr, "claims_open",
        (json_int_t)c.claims_open, "claims_ucr", (json_int_t)c.claims_ucr);
}
