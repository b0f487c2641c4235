/* Many orders from a file: lines of CSV or JSON, sent in batches, each line told its outcome. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/check.h"
#include "client/cli/commands.h"
#include "protocol/csv.h"
#include "client/cli/order_place.h"
#include "protocol/amount.h"
#include "protocol/refusal.h"
#include "protocol/status.h"

enum {
    /* A request begins with the transfer that cuts the tokens to size, an output for each order and
     * one for the change. */
    CHUNK_ORDERS_MAX = TRANSFER_OUTPUTS_MAX - 1,
    CHUNK_BYTES_MAX = REQUEST_BYTES_MAX * 3 / 4,
    ORDERS_MAX = 1000 * 1000,
};

struct line {
    uint32_t number;
    struct order_input *in;
    uint64_t need_ucr; /* what is to be cut off for it; 0: it names its tokens */
    uint32_t bytes;
};

struct batch {
    struct cli *cli;
    const char *file;
    struct line *lines;
    uint32_t count;
    uint32_t room;
    uint32_t refused;
    json_t *outcomes;
};

/* --- Reading -------------------------------------------------------------------------------- */

static struct line *line_add(struct batch *b, uint32_t number)
{
    struct cli *cli = b->cli;
    if (b->count == ORDERS_MAX) {
        cli_fail(cli, CLI_USAGE, "more than %d orders", ORDERS_MAX);
        return NULL;
    }
    if (b->count == b->room) {
        uint32_t room = b->room > 0 ? 2 * b->room : 64;
        struct line *lines = arena_alloc(&cli->arena, room * sizeof(*lines));
        if (lines != NULL && b->count > 0)
            memcpy(lines, b->lines, b->count * sizeof(*lines));
        b->lines = lines;
        b->room = room;
    }
    struct order_input *in = arena_alloc(&cli->arena, sizeof(*in));
    if (b->lines == NULL || in == NULL) {
        cli_fail(cli, CLI_LOCAL, "out of memory");
        return NULL;
    }
    b->lines[b->count] = (struct line){.number = number, .in = in};
    return &b->lines[b->count++];
}

/* What every order must be like, whatever it was read from. */
static void line_check(struct batch *b, struct line *l)
{
    struct cli *cli = b->cli;
    struct buffer encoded = BUFFER_EMPTY;
    struct op_order_place *o = &l->in->order;
    if (check_message(cli, &op_order_place_message, o) != CLI_OK ||
        order_limited(cli, l->in) != CLI_OK)
        return;
    if (o->tokens.count == 0 && option_flag(cli, "any-price"))
        cli_fail(cli, CLI_USAGE, "orders of a file need a limit price: it says what to pay with");
    if (o->tokens.count == 0)
        l->need_ucr = order_need_most(cli, o);
    message_encode(&op_order_place_message, o, &encoded);
    l->bytes = (uint32_t)encoded.length + 32;
    buffer_release(&encoded);
}

static bool is_yes(const char *cell)
{
    return strcmp(cell, "yes") == 0 || strcmp(cell, "true") == 0 || strcmp(cell, "1") == 0;
}

static bool is_no(const char *cell)
{
    return strcmp(cell, "no") == 0 || strcmp(cell, "false") == 0 || strcmp(cell, "0") == 0;
}

/* The option that a column stands for. */
static const struct cli_option *column_option(struct cli *cli, const char *title)
{
    static const char *const whole[] = {"file", "atomic", "any-price", "series"};
    char name[64];
    snprintf(name, sizeof(name), "%s", title);
    for (char *c = name; *c != '\0'; c++)
        *c = *c == '_' ? '-' : *c;
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
        if (strcmp(name, whole[i]) == 0) {
            cli_fail(cli, CLI_USAGE, "'%s' is no column: give --%s for the whole file", title,
                     name);
            return NULL;
        }
    }
    for (const struct cli_option *o = order_place_options; o->name != NULL; o++) {
        if (strcmp(o->name, name) == 0)
            return o;
    }
    cli_fail(cli, CLI_USAGE,
             "there is no column '%s'; columns are called as the options of 'bourse order place': "
             "sku, gpus, duration, limit, ...",
             title);
    return NULL;
}

/* The cells take the place of the command line's options of the same name; empty ones do not. */
static void cells_give(struct cli *cli, const struct csv *csv,
                       const struct cli_option *const *columns)
{
    for (uint32_t i = 0; i < csv->count && cli->exit == CLI_OK; i++) {
        const char *cell = csv->cells[i];
        bool flag = columns[i]->value == NULL;
        size_t kept = 0;
        if (cell[0] == '\0')
            continue;
        for (size_t j = 0; j < cli->given_count; j++) {
            if (cli->given[j].option != columns[i])
                cli->given[kept++] = cli->given[j];
        }
        cli->given_count = kept;
        if (flag && !is_yes(cell) && !is_no(cell))
            cli_fail(cli, CLI_USAGE, "%s: '%s' is neither yes nor no", columns[i]->name, cell);
        else if (kept == CLI_OPTIONS_MAX)
            cli_fail(cli, CLI_USAGE, "more than %d options", CLI_OPTIONS_MAX);
        else if (!flag || is_yes(cell))
            cli->given[cli->given_count++] = (struct cli_given){columns[i], flag ? NULL : cell};
    }
}

static void where_set(struct batch *b, char where[256], uint32_t number)
{
    snprintf(where, 256, "%.200s, line %u", b->file, (unsigned)number);
    b->cli->where = where;
}

static void csv_read(struct batch *b, const char *text, size_t length)
{
    struct cli *cli = b->cli;
    const struct cli_option *columns[CSV_CELLS_MAX];
    struct csv csv;
    char where[256];
    uint32_t columns_count = 0;
    int got = 0;
    /* As the command line left them. */
    size_t given_count = cli->given_count;
    struct cli_given *given = arena_copy(&cli->arena, cli->given, sizeof(cli->given));
    csv_begin(&csv, text, length);
    while (cli->exit == CLI_OK && given != NULL && (got = csv_next(&csv, &cli->arena)) > 0) {
        where_set(b, where, csv.number);
        if (columns_count == 0) {
            columns_count = csv.count;
            for (uint32_t i = 0; i < columns_count && cli->exit == CLI_OK; i++)
                columns[i] = column_option(cli, csv.cells[i]);
            continue;
        }
        if (csv.count != columns_count) {
            cli_fail(cli, CLI_USAGE, "%u cells under %u columns", (unsigned)csv.count,
                     (unsigned)columns_count);
            break;
        }
        struct line *l = line_add(b, csv.number);
        cells_give(cli, &csv, columns);
        if (l != NULL && order_flags(cli, l->in) == CLI_OK)
            line_check(b, l);
        memcpy(cli->given, given, sizeof(cli->given));
        cli->given_count = given_count;
    }
    where_set(b, where, csv.number);
    if (got < 0)
        cli_fail(cli, CLI_USAGE, "%s", csv.error);
    cli->where = NULL;
}

static void json_lines_read(struct batch *b, const char *text, size_t length)
{
    struct cli *cli = b->cli;
    json_error_t why;
    char where[256];
    for (uint32_t number = 1; length > 0 && cli->exit == CLI_OK; number++) {
        const char *newline = memchr(text, '\n', length);
        size_t taken = newline != NULL ? (size_t)(newline - text) + 1 : length;
        where_set(b, where, number);
        if (strspn(text, " \t\r\n") < taken) {
            json_t *json = json_loadb(text, taken, JSON_REJECT_DUPLICATES, &why);
            struct line *l = json != NULL ? line_add(b, number) : NULL;
            if (json == NULL)
                cli_fail(cli, CLI_USAGE, "not JSON: %s", why.text);
            if (l != NULL && order_from_json(cli, "order", json, l->in) == CLI_OK)
                line_check(b, l);
            json_decref(json);
        }
        text += taken;
        length -= taken;
    }
    cli->where = NULL;
}

/* --- Sending -------------------------------------------------------------------------------- */

/* Cuts tokens to the size of each order that names none. Returns whether there is such a transfer.
 */
static bool chunk_fund(struct batch *b, struct line *lines, uint32_t count,
                       struct op_token_transfer *op)
{
    struct cli *cli = b->cli;
    struct payment *outputs = arena_alloc(&cli->arena, ((size_t)count + 1) * sizeof(*outputs));
    uint32_t you = connection_status(cli->connection)->you;
    uint64_t total = 0;
    uint64_t held = 0;
    uint32_t used = 0;
    for (uint32_t i = 0; outputs != NULL && i < count; i++) {
        struct op_order_place *o = &lines[i].in->order;
        uint64_t *token = arena_alloc(&cli->arena, sizeof(*token));
        if (lines[i].need_ucr == 0 || token == NULL)
            continue;
        *token = token_reference(0, used);
        o->tokens.items = token;
        o->tokens.count = 1;
        outputs[used++] = (struct payment){you, lines[i].need_ucr};
        if (!amount_add(total, lines[i].need_ucr, &total))
            cli_fail(cli, CLI_USAGE, "the orders add up to more credits than there can be");
    }
    if (used == 0 || cli->exit != CLI_OK)
        return false;
    uint32_t series = funds_series(cli);
    if (cli->exit == CLI_OK)
        op->inputs.count =
            funds_choose(cli, series, total, TRANSFER_INPUTS_MAX, &op->inputs.items, &held);
    if (held > total)
        outputs[used++] = (struct payment){you, held - total};
    op->outputs.items = outputs;
    op->outputs.count = used;
    return cli->exit == CLI_OK;
}

/* The orders that came of a chunk: a page from the first of them on. */
static const struct order_info *order_in(const struct a_orders *a, uint64_t order)
{
    for (uint32_t i = 0; a != NULL && i < a->rows.count; i++) {
        if (a->rows.items[i].order == order)
            return &a->rows.items[i];
    }
    return NULL;
}

static void outcome_print(struct batch *b, const struct line *l, const struct result *r,
                          const struct order_info *o)
{
    struct cli *cli = b->cli;
    json_t *json = order_outcome_json(&op_order_place_message, r, o);
    json_object_set_new(json, "line", json_integer(l->number));
    json_array_append_new(b->outcomes, json);
    if (r->refusal != REFUSAL_accepted) {
        b->refused++;
        cli_print(cli, "line %u: refused: %s (%s)\n", (unsigned)l->number, refusal_text(r->refusal),
                  refusal_name(r->refusal));
        return;
    }
    cli_print(cli, "line %u: order %" PRIu64, (unsigned)l->number, r->object);
    if (o != NULL)
        cli_print(cli, ": %s, %u of %s for %s", vocabulary_name(&order_state_vocabulary, o->state),
                  (unsigned)o->gpus_filled, text_count(cli, o->gpus, "GPU"),
                  text_credits(cli, o->cost_ucr));
    cli_print(cli, " (event %" PRIu64 ")\n", r->index);
}

static void outcomes_print(struct batch *b, const struct line *lines, uint32_t count,
                           const struct result *results)
{
    struct cli *cli = b->cli;
    const struct a_orders *page = NULL;
    for (uint32_t i = 0; i < count && cli->exit == CLI_OK; i++) {
        const struct result *r = &results[i];
        const struct order_info *o = NULL;
        if (r->refusal == REFUSAL_accepted && (o = order_in(page, r->object)) == NULL) {
            struct q_orders q = {.from = r->object};
            page = cli_query_quietly(cli, &q_orders_message, &q);
            o = order_in(page, r->object);
        }
        outcome_print(b, &lines[i], r, o);
    }
}

static void chunk_send(struct batch *b, struct line *lines, uint32_t count)
{
    struct cli *cli = b->cli;
    struct connection_error why;
    struct frame_reply reply;
    struct op_token_transfer cut = {0};
    struct operation *ops = arena_alloc(&cli->arena, ((size_t)count + 1) * sizeof(*ops));
    if (ops == NULL) {
        cli_fail(cli, CLI_LOCAL, "out of memory");
        return;
    }
    uint32_t first = chunk_fund(b, lines, count, &cut) ? 1 : 0;
    if (cli->exit != CLI_OK)
        return;
    ops[0] = (struct operation){&op_token_transfer_message, &cut};
    for (uint32_t i = 0; i < count; i++)
        ops[first + i] = (struct operation){&op_order_place_message, &lines[i].in->order};
    int status = connection_request(cli->connection, ops, first + count,
                                    option_flag(cli, "atomic") ? REQUEST_ATOMIC : 0, &cli->arena,
                                    &reply, &why);
    if (status != STATUS_OK || reply.refusal != REFUSAL_accepted) {
        cli_fail_connection(cli, &why);
        return;
    }
    uint32_t cut_refusal =
        first > 0 && reply.results.count > 0 ? reply.results.items[0].refusal : 0;
    if (reply.results.count != first + count)
        cli_fail(cli, CLI_CONNECTION, "the exchange did not say what came of each order");
    else if (cut_refusal != REFUSAL_accepted && cut_refusal != REFUSAL_batch_aborted)
        cli_fail_refusal(cli, cut_refusal);
    else
        outcomes_print(b, lines, count, reply.results.items + first);
}

/* How many of the lines one request takes. */
static uint32_t chunk_size(const struct line *lines, uint32_t count)
{
    uint32_t bytes = 0;
    uint32_t taken = 0;
    while (taken < count && taken < CHUNK_ORDERS_MAX &&
           (taken == 0 || bytes + lines[taken].bytes <= CHUNK_BYTES_MAX))
        bytes += lines[taken++].bytes;
    return taken;
}

int order_batch(struct cli *cli, const char *file, const char *text, size_t length)
{
    struct batch b = {.cli = cli, .file = file, .outcomes = json_array()};
    size_t blank = strspn(text, " \t\r\n");
    if (blank < length && text[blank] == '{')
        json_lines_read(&b, text, length);
    else
        csv_read(&b, text, length);
    if (cli->exit == CLI_OK && b.count == 0)
        cli_fail(cli, CLI_USAGE, "%s has no orders",
                 strcmp(file, "-") == 0 ? "standard input" : file);
    if (cli->exit == CLI_OK && option_flag(cli, "atomic") && chunk_size(b.lines, b.count) < b.count)
        cli_fail(cli, CLI_USAGE, "%u orders are too many for one atomic request; %u fit",
                 (unsigned)b.count, (unsigned)chunk_size(b.lines, b.count));
    if (cli->exit == CLI_OK)
        order_permitted(cli);
    for (uint32_t at = 0; at < b.count && cli->exit == CLI_OK;) {
        uint32_t size = chunk_size(b.lines + at, b.count - at);
        chunk_send(&b, b.lines + at, size);
        at += size;
    }
    cli_print_outcomes(cli, b.outcomes);
    if (b.refused > 0)
        cli_fail(cli, CLI_REFUSED, "%u of %s %s refused", (unsigned)b.refused,
                 text_count(cli, b.count, "order"), b.refused == 1 ? "was" : "were");
    return cli->exit;
}
