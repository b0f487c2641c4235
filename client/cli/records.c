#include "client/cli/cli.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "client/cli/contract.h"
#include "client/json.h"
#include "protocol/amount.h"
#include "protocol/moment.h"
#include "protocol/refusal.h"
#include "protocol/status.h"
#include "protocol/utf8.h"

enum { COLUMNS_MAX = 24 };

const struct field *field_by_name(const struct message *m, const char *name)
{
    for (uint32_t i = 0; i < m->fields_count; i++) {
        if (strcmp(m->fields[i].name, name) == 0)
            return &m->fields[i];
    }
    return NULL;
}

/* --- One field ------------------------------------------------------------------------------ */

static const void *at(const struct field *f, const void *body)
{
    return (const uint8_t *)body + f->offset;
}

static uint64_t number_at(const struct field *f, const void *body)
{
    switch (f->kind) {
    case FIELD_U64:
    case FIELD_AMOUNT:
    case FIELD_PRICE:
    case FIELD_TIME:
    case FIELD_NUMBER: {
        uint64_t whole;
        memcpy(&whole, at(f, body), sizeof(whole));
        return whole;
    }
    default: {
        uint32_t narrow;
        memcpy(&narrow, at(f, body), sizeof(narrow));
        return narrow;
    }
    }
}

static bool ends_with(const char *name, const char *end)
{
    size_t length = strlen(name);
    size_t end_length = strlen(end);
    return length > end_length && strcmp(name + length - end_length, end) == 0;
}

/* gpus_min is the least number of GPUs, not a number of minutes, as reliability_ppm_min is none. */
static bool is_minutes(const char *name)
{
    return ends_with(name, "_min") && strcmp(name, "gpus_min") != 0 && !ends_with(name, "_ppm_min");
}

/* The number of what the row is about, beside its name. */
static bool is_subject(const struct message *m, const struct field *f)
{
    return f == m->fields && field_by_name(m, "name") != NULL;
}

/* Phases and tranches are counted from 0 in messages, from 1 by people. */
static bool is_place(const char *name)
{
    return strcmp(name, "phase") == 0 || strcmp(name, "phase_first") == 0 ||
           strcmp(name, "phase_last") == 0 || strcmp(name, "tranche") == 0;
}

static void number_print(struct cli *cli, const struct message *m, const struct field *f,
                         uint64_t value, struct buffer *out)
{
    char text[MOMENT_TEXT_BYTES];
    bool subject = is_subject(m, f);
    if (f->kind == FIELD_ACCOUNT && !subject && value > 0)
        buffer_printf(out, "%s", name_of(cli, NAMED_ACCOUNT, value));
    else if (m == &flow_info_message && f->kind == FIELD_ACCOUNT)
        buffer_printf(out, "%s", strcmp(f->name, "payer") == 0 ? "exchange" : "outside");
    else if (f->kind == FIELD_SERIES && !subject && value > 0)
        buffer_printf(out, "%s", name_of(cli, NAMED_SERIES, value));
    else if (f->kind == FIELD_NUMBER && !subject && value > 0 && strcmp(f->name, "sku") == 0)
        buffer_printf(out, "%s", name_of(cli, NAMED_SKU, value));
    else if (f->kind == FIELD_NUMBER && !subject && value > 0 && strcmp(f->name, "site") == 0)
        buffer_printf(out, "%s", name_of(cli, NAMED_SITE, value));
    else if (is_minutes(f->name))
        buffer_printf(out, "%s", value == 0 ? "-" : duration_format(value * 60, text));
    else if ((f->kind == FIELD_U32 || f->kind == FIELD_U64) && ends_with(f->name, "_s"))
        buffer_printf(out, "%s", duration_format(value, text));
    else if (value == 0 && (ends_with(f->name, "_ppm_min") || strcmp(f->name, "carbon_g_max") == 0))
        buffer_printf(out, "-"); /* asked for nothing */
    else if (ends_with(f->name, "_ppm") || ends_with(f->name, "_ppm_min"))
        buffer_printf(out, "%" PRIu64 ".%02" PRIu64 "%%", value / 10000, value / 100 % 100);
    else if (ends_with(f->name, "_bp"))
        buffer_printf(out, "%" PRIu64 ".%02" PRIu64 "%%", value / 100, value % 100);
    else if (is_place(f->name))
        buffer_printf(out, "%" PRIu64, value + 1);
    else if (value == 0 && (f->kind == FIELD_ACCOUNT || f->kind == FIELD_NUMBER ||
                            (f->kind == FIELD_SERIES && !subject)))
        buffer_printf(out, "-");
    else
        buffer_printf(out, "%" PRIu64, value);
}

static void text_print(const struct field *f, const void *body, struct buffer *out)
{
    struct text t;
    memcpy(&t, at(f, body), sizeof(t));
    if (t.length == 0)
        buffer_printf(out, "-");
    else
        escape_append(out, t.data, t.length, false);
}

/* A hash or key of zeros stands for none. */
static void hex_print(const void *bytes, size_t length, struct buffer *out)
{
    const uint8_t *b = bytes;
    if (sodium_is_zero(b, length)) {
        buffer_printf(out, "-");
        return;
    }
    for (size_t i = 0; i < length; i++)
        buffer_printf(out, "%02x", b[i]);
}

static void flags_print(const struct field *f, uint64_t value, struct buffer *out)
{
    const char *between = "";
    uint64_t all = 0;
    for (uint32_t i = 0; i < f->words->count; i++)
        all |= f->words->values[i].value;
    /* A restriction that names nothing restricts nothing; a right that names nothing is none. */
    bool rights = f->words == &scope_vocabulary;
    if (value == 0 || (rights && value == all)) {
        buffer_printf(out, rights && value == 0 ? "none" : "any");
        return;
    }
    for (uint32_t i = 0; i < f->words->count; i++) {
        if ((value & f->words->values[i].value) != 0) {
            buffer_printf(out, "%s%s", between, f->words->values[i].name);
            between = ",";
        }
    }
}

/* A list on one line: its items by commas, the fields of a part by colons. */
static void list_print(struct cli *cli, const struct message *m, const struct field *f,
                       const void *body, struct buffer *out)
{
    struct list list;
    memcpy(&list, at(f, body), sizeof(list));
    if (list.count == 0)
        buffer_printf(out, "-");
    for (uint32_t i = 0; i < list.count; i++) {
        const uint8_t *item = (const uint8_t *)list.items;
        if (f->kind == FIELD_LIST && contract_part_print(f->part, item, i, list.count, out)) {
            contract_part_became(cli, m, f->part, body, i, out);
            continue;
        }
        buffer_printf(out, "%s", i > 0 ? "," : "");
        if (f->kind == FIELD_NUMBERS) {
            uint64_t n = ((const uint64_t *)list.items)[i];
            buffer_printf(out, "%s",
                          strcmp(f->name, "skus") == 0 ? name_of(cli, NAMED_SKU, n) : "");
            if (strcmp(f->name, "skus") != 0)
                buffer_printf(out, "%" PRIu64, n);
            continue;
        }
        item += (size_t)i * f->part->size;
        for (uint32_t j = 0; j < f->part->fields_count; j++) {
            buffer_printf(out, "%s", j > 0 ? ":" : "");
            field_print(cli, f->part, &f->part->fields[j], item, out);
        }
    }
}

/* A calendar month as 2027-01, any other time in full. */
static void time_print(const struct field *f, uint64_t time_s, struct buffer *out)
{
    char text[MOMENT_TEXT_BYTES];
    bool month = strcmp(f->name, "month_s") == 0 || ends_with(f->name, "_month_s");
    if (time_s == 0)
        buffer_printf(out, "-");
    else
        buffer_printf(out, month ? "%.7s" : "%s", moment_format(time_s, text));
}

/* Whether the row has no such amount: cash that would lead on from a share's last phase, an amount
 * of a proposal to change who approves. */
static bool amount_is_absent(const struct message *m, const struct field *f, const void *body)
{
    const struct revshare_info *share = body;
    const struct proposal_info *proposal = body;
    if (m == &start_price_message)
        return ((const struct start_price *)body)->gpus == 0;
    if (m == &revshare_info_message)
        return strcmp(f->name, "cash_left_ucr") == 0 && share->phase + 1 >= share->phases.count;
    bool is_proposal = m == &proposal_info_message || m == &proposal_listed_message;
    return is_proposal && strcmp(f->name, "amount_ucr") == 0 &&
           (proposal->kind == CONTROL_KIND_POLICY || proposal->kind == CONTROL_KIND_ADMIN);
}

/* An amount of nothing means something else in some fields. */
static const char *amount_words(const struct message *m, const struct field *f, const void *body,
                                char text[MOMENT_TEXT_BYTES])
{
    if (amount_is_absent(m, f, body))
        return "-";
    if (number_at(f, body) > 0)
        return amount_format(number_at(f, body), text);
    return strcmp(f->name, "daily_ucr") == 0        ? "no limit"
           : strcmp(f->name, "sell_price_ucr") == 0 ? "-"
                                                    : "0";
}

void field_print(struct cli *cli, const struct message *m, const struct field *f, const void *body,
                 struct buffer *out)
{
    char text[MOMENT_TEXT_BYTES];
    struct bytes bytes;
    switch (f->kind) {
    case FIELD_BOOL:
        buffer_printf(out, "%s", *(const bool *)at(f, body) ? "yes" : "no");
        break;
    case FIELD_AMOUNT:
    case FIELD_PRICE:
        buffer_printf(out, "%s", amount_words(m, f, body, text));
        break;
    case FIELD_TIME:
        time_print(f, number_at(f, body), out);
        break;
    case FIELD_ENUM: {
        const char *word = vocabulary_name(f->words, (uint32_t)number_at(f, body));
        buffer_printf(out, "%s", word != NULL ? word : "?");
        break;
    }
    case FIELD_FLAGS:
        flags_print(f, number_at(f, body), out);
        break;
    case FIELD_REFUSAL:
        if (strcmp(f->name, "last_refusal") == 0)
            buffer_printf(out, "%s",
                          number_at(f, body) == 0 ? "-"
                                                  : refusal_text((unsigned)number_at(f, body)));
        else
            buffer_printf(out, "%s", refusal_name((unsigned)number_at(f, body)));
        break;
    case FIELD_KEY:
    case FIELD_HASH:
    case FIELD_ID:
    case FIELD_SIGNATURE:
        hex_print(at(f, body), f->max, out);
        break;
    case FIELD_TEXT:
        text_print(f, body, out);
        break;
    case FIELD_BYTES:
        memcpy(&bytes, at(f, body), sizeof(bytes));
        buffer_printf(out, "(%u bytes)", (unsigned)bytes.length);
        break;
    case FIELD_LIST:
    case FIELD_NUMBERS:
        list_print(cli, m, f, body, out);
        break;
    case FIELD_OPERATIONS:
        buffer_printf(out, "(operations)");
        break;
    default:
        number_print(cli, m, f, number_at(f, body), out);
    }
}

/* --- Tables --------------------------------------------------------------------------------- */

void field_title(const struct field *f, char separator, bool upper, struct buffer *out)
{
    static const char *const units[] = {"_ucr", "_s", "_ppm", "_bp"};
    bool least = ends_with(f->name, "_ppm_min");
    size_t length = strlen(f->name);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (ends_with(f->name, units[i])) {
            length -= strlen(units[i]);
            break;
        }
    }
    if (length == strlen(f->name) && is_minutes(f->name))
        length -= strlen("_min");
    if (least)
        length -= strlen("_ppm_min");
    for (size_t i = 0; i < length; i++) {
        char c = f->name[i] == '_' ? separator : f->name[i];
        buffer_printf(out, "%c", upper ? toupper((unsigned char)c) : c);
    }
    if (least)
        buffer_printf(out, upper ? "%cMIN" : "%cmin", separator);
}

static size_t characters(const char *text, size_t length)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += ((unsigned char)text[i] & 0xc0) != 0x80;
    return count;
}

static bool is_right_aligned(const struct message *part, const struct field *f)
{
    if (is_subject(part, f))
        return true;
    switch (f->kind) {
    case FIELD_AMOUNT:
    case FIELD_PRICE:
    case FIELD_U32:
    case FIELD_U64:
        return true;
    case FIELD_NUMBER:
        return strcmp(f->name, "sku") != 0 && strcmp(f->name, "site") != 0;
    default:
        return false;
    }
}

struct cell {
    const char *text;
    size_t length;
};

static struct cell cell_make(struct cli *cli, struct buffer *b)
{
    struct cell c = {.text = arena_copy(&cli->arena, b->data, b->length), .length = b->length};
    if (c.text == NULL)
        c = (struct cell){"", 0};
    buffer_clear(b);
    return c;
}

static void cell_print(struct cell c, size_t width, bool right, bool last)
{
    size_t pad = width - characters(c.text, c.length);
    if (right)
        printf("%*s", (int)pad, "");
    fwrite(c.text, 1, c.length, stdout);
    if (!right && !last)
        printf("%*s", (int)pad, "");
    fputs(last ? "\n" : "  ", stdout);
}

struct column {
    const struct field *field;
    const char *title; /* in place of the field's own; NULL: none */
    size_t title_length;
};

static uint32_t columns_find(const struct message *part, const char *columns, struct column *out)
{
    uint32_t count = 0;
    while (*columns != '\0' && count < COLUMNS_MAX) {
        char name[64];
        size_t length = strcspn(columns, " ");
        size_t named = strcspn(columns, " =");
        snprintf(name, sizeof(name), "%.*s", (int)named, columns);
        const struct field *f = field_by_name(part, name);
        if (f != NULL)
            out[count++] = (struct column){
                .field = f,
                .title = named < length ? columns + named + 1 : NULL,
                .title_length = named < length ? length - named - 1 : 0,
            };
        columns += length;
        columns += strspn(columns, " ");
    }
    return count;
}

void records_table(struct cli *cli, const struct message *part, const void *rows, uint32_t count,
                   const char *columns)
{
    struct column fields[COLUMNS_MAX];
    size_t widths[COLUMNS_MAX] = {0};
    struct buffer b = BUFFER_EMPTY;
    uint32_t shown = columns_find(part, columns, fields);
    struct cell *cells = arena_alloc(&cli->arena, ((size_t)count + 1) * shown * sizeof(*cells));
    if (cells == NULL) {
        cli_fail(cli, CLI_LOCAL, "out of memory");
        return;
    }
    for (uint32_t i = 0; i <= count; i++) {
        for (uint32_t j = 0; j < shown; j++) {
            struct cell *c = &cells[(size_t)i * shown + j];
            if (i == 0 && fields[j].title != NULL)
                buffer_append(&b, fields[j].title, fields[j].title_length);
            else if (i == 0)
                field_title(fields[j].field, '-', true, &b);
            else
                field_print(cli, part, fields[j].field,
                            (const uint8_t *)rows + (size_t)(i - 1) * part->size, &b);
            *c = cell_make(cli, &b);
            size_t width = characters(c->text, c->length);
            widths[j] = width > widths[j] ? width : widths[j];
        }
    }
    for (uint32_t i = 0; i <= count && cli->exit == CLI_OK; i++) {
        if (i == 0 && cli->colour)
            fputs("\033[1m", stdout);
        for (uint32_t j = 0; j < shown; j++)
            cell_print(cells[(size_t)i * shown + j], widths[j],
                       is_right_aligned(part, fields[j].field), j + 1 == shown);
        if (i == 0 && cli->colour)
            fputs("\033[0m", stdout);
    }
    buffer_release(&b);
}

static bool is_named(const char *names, const char *name)
{
    size_t length = strlen(name);
    const char *at = names;
    while (at != NULL && (at = strstr(at, name)) != NULL) {
        bool whole = (at == names || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0');
        if (whole)
            return true;
        at += length;
    }
    return false;
}

void record_print(struct cli *cli, const struct message *part, const void *row, const char *without)
{
    struct buffer b = BUFFER_EMPTY;
    size_t width = 0;
    for (uint32_t i = 0; i < part->fields_count; i++) {
        if (is_named(without, part->fields[i].name) || contract_is_bits(part, &part->fields[i]))
            continue;
        buffer_clear(&b);
        field_title(&part->fields[i], ' ', false, &b);
        width = b.length > width ? b.length : width;
    }
    for (uint32_t i = 0; i < part->fields_count; i++) {
        if (is_named(without, part->fields[i].name) || contract_is_bits(part, &part->fields[i]))
            continue;
        buffer_clear(&b);
        field_title(&part->fields[i], ' ', false, &b);
        buffer_printf(&b, ":%*s", (int)(width - b.length + 1), "");
        field_print(cli, part, &part->fields[i], row, &b);
        buffer_printf(&b, "\n");
        fwrite(b.data, 1, b.length, stdout);
    }
    buffer_release(&b);
}

/* --- Pages ---------------------------------------------------------------------------------- */

struct page {
    uint64_t from;
    uint32_t limit;
};

static void page_set(const struct message *query, void *body, struct page page)
{
    const struct field *from = field_by_name(query, "from");
    const struct field *limit = field_by_name(query, "limit");
    memcpy((uint8_t *)body + from->offset, &page.from, sizeof(page.from));
    memcpy((uint8_t *)body + limit->offset, &page.limit, sizeof(page.limit));
}

static const struct field *rows_field(const struct message *query)
{
    return field_by_name(message_by_code(&answer_set, query->code), "rows");
}

uint32_t records_fetch(struct cli *cli, const struct message *query, void *body, uint64_t limit,
                       const void **rows_out)
{
    const struct message *answer = message_by_code(&answer_set, query->code);
    const struct field *rows = rows_field(query);
    struct buffer all = BUFFER_EMPTY;
    struct page page = {0};
    uint64_t count = 0;
    do {
        uint64_t left = limit - count;
        page.limit = left < PAGE_ROWS_MAX ? (uint32_t)left : 0;
        page_set(query, body, page);
        const void *got = cli_query(cli, query, body);
        if (got == NULL)
            break;
        struct list list;
        memcpy(&list, at(rows, got), sizeof(list));
        buffer_append(&all, list.items, (size_t)list.count * rows->part->size);
        count += list.count;
        uint64_t next = number_at(field_by_name(answer, "next"), got);
        /* A server that goes round in circles must not keep us. */
        page.from = next > page.from ? next : 0;
    } while (page.from > 0 && count < limit);
    *rows_out = arena_copy(&cli->arena, all.data != NULL ? all.data : (uint8_t *)"", all.length);
    if (cli->exit == CLI_OK && (*rows_out == NULL || all.status != STATUS_OK))
        cli_fail(cli, CLI_LOCAL, "out of memory");
    buffer_release(&all);
    return cli->exit == CLI_OK ? (uint32_t)(count < limit ? count : limit) : 0;
}

static json_t *rows_to_json(struct cli *cli, const struct message *part, const void *rows,
                            uint32_t count)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < count; i++)
        json_array_append_new(
            array, contract_json(cli, part, (const uint8_t *)rows + (size_t)i * part->size));
    return array;
}

/* The rows of which the flag does not hold, at most `limit`, moved to the front. */
static uint32_t rows_without(const struct message *part, const char *flag, void *rows,
                             uint32_t count, uint64_t limit)
{
    const struct field *f = field_by_name(part, flag);
    uint8_t *row = rows;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count && kept < limit; i++) {
        const uint8_t *from = row + (size_t)i * part->size;
        if (!*(const bool *)at(f, from))
            memmove(row + (size_t)kept++ * part->size, from, part->size);
    }
    return kept;
}

int records_list(struct cli *cli, const struct message *query, void *body, const char *columns,
                 const char *none)
{
    return records_list_where(cli, query, body, columns, none, NULL);
}

int records_list_where(struct cli *cli, const struct message *query, void *body,
                       const char *columns, const char *none, const char *without)
{
    const struct message *part = rows_field(query)->part;
    const void *rows = NULL;
    uint64_t limit = option_u64(cli, "limit", UINT32_MAX);
    if (cli->exit == CLI_OK && limit == 0)
        return cli_fail(cli, CLI_USAGE, "--limit must be above 0");
    uint32_t count = records_fetch(cli, query, body, without == NULL ? limit : UINT32_MAX, &rows);
    if (cli->exit != CLI_OK)
        return cli->exit;
    if (without != NULL) {
        void *kept = arena_copy(&cli->arena, rows, (size_t)count * part->size);
        if (kept == NULL)
            return cli_fail(cli, CLI_LOCAL, "out of memory");
        count = rows_without(part, without, kept, count, limit);
        rows = kept;
    }
    if (cli->json)
        return cli_print_json(cli, rows_to_json(cli, part, rows, count));
    if (count == 0)
        cli_note(cli, "%s\n", none);
    else
        records_table(cli, part, rows, count, columns);
    return cli->exit;
}

int records_show(struct cli *cli, const struct message *query, void *body, const char *none)
{
    const struct message *part = rows_field(query)->part;
    const void *rows = NULL;
    if (cli->exit != CLI_OK)
        return cli->exit;
    /* On the wire 0 asks for all of them, of which the first would be shown. */
    const struct field *subject = field_by_name(query, part->fields[0].name);
    if (subject != NULL && number_at(subject, body) == 0)
        return cli_fail(cli, CLI_USAGE, "%s: 0 is below 1", subject->name);
    cli->missing = none;
    uint32_t count = records_fetch(cli, query, body, 1, &rows);
    cli->missing = NULL;
    if (cli->exit == CLI_OK && count == 0)
        cli_fail(cli, CLI_REFUSED, "%s", none);
    if (cli->exit != CLI_OK)
        return cli->exit;
    if (cli->json)
        return cli_print_json(cli, contract_json(cli, part, rows));
    record_print(cli, part, rows, NULL);
    return cli->exit;
}
