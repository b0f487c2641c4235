/* Royalty of grants by month; with --payments what was paid of it, which the log alone has in
 * full. */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "client/cli/cli.h"
#include "client/cli/contract.h"
#include "client/json.h"
#include "protocol/amount.h"
#include "protocol/events.h"
#include "protocol/status.h"

/* In an exchange that was restored, set in indexes of the former log. */
#define FORMER_LOG (UINT64_C(1) << 62)

struct settled {
    uint64_t contract;
    uint64_t time_s;
    struct text paid_in; /* credits, or outside */
    uint64_t amount_ucr;
    uint64_t due_ucr; /* after it */
    struct text reference;
    uint64_t index;
};

#define SETTLED(name, kind)                                                                        \
    {                                                                                              \
#name, kind, offsetof(struct settled, name), 0, 0, NULL, NULL                              \
    }
static const struct field settled_fields[] = {
    SETTLED(contract, FIELD_NUMBER), SETTLED(time_s, FIELD_TIME),
    SETTLED(paid_in, FIELD_TEXT),    SETTLED(amount_ucr, FIELD_AMOUNT),
    SETTLED(due_ucr, FIELD_AMOUNT),  SETTLED(reference, FIELD_TEXT),
    SETTLED(index, FIELD_U64),
};
static const struct message settled_message = {"settled", 0, sizeof(struct settled),
                                               sizeof(settled_fields) / sizeof(settled_fields[0]),
                                               settled_fields};

struct royalty {
    struct cli *cli;
    const struct grant_info *grants;
    uint32_t count;
    struct buffer months; /* struct royalty_info */
    bool payments;
    uint64_t *sought_ucr; /* by grant: paid and recorded, of which no event was read yet */
    struct buffer settled;
};

/* --- Payments ------------------------------------------------------------------------------- */

static struct text text_keep(struct cli *cli, struct text t)
{
    const char *kept = arena_copy(&cli->arena, t.data, t.length);
    return kept != NULL ? (struct text){kept, t.length} : (struct text){"", 0};
}

static void payment_take(struct royalty *l, const struct settled *s)
{
    for (uint32_t i = 0; i < l->count; i++) {
        if (l->grants[i].contract != s->contract)
            continue;
        l->sought_ucr[i] -= s->amount_ucr < l->sought_ucr[i] ? s->amount_ucr : l->sought_ucr[i];
        buffer_append(&l->settled, s, sizeof(*s));
    }
}

static void event_take(struct royalty *l, uint64_t index, const struct message *m, const void *body)
{
    const struct event_head *head = body;
    if (m == &ev_royalty_paid_message) {
        const struct ev_royalty_paid *e = body;
        const struct settled s = {e->contract, head->time_s, {"credits", 7}, e->amount_ucr,
                                  e->due_ucr,  {"", 0},      index};
        payment_take(l, &s);
    } else if (m == &ev_royalty_recorded_message) {
        const struct ev_royalty_recorded *e = body;
        const struct settled s = {e->contract,   head->time_s, {"outside", 7},
                                  e->amount_ucr, e->due_ucr,   text_keep(l->cli, e->reference),
                                  index};
        payment_take(l, &s);
    }
}

static void events_take(struct royalty *l, const struct frame_events *events, struct arena *arena)
{
    struct cli *cli = l->cli;
    for (uint32_t i = 0; i < events->events.count && cli->exit == CLI_OK; i++) {
        const struct logged_event *e = &events->events.items[i];
        const struct message *m = NULL;
        const void *body = NULL;
        struct decode_error why;
        if (event_decode(e->data.data, e->data.length, arena, &m, &body, &why) != STATUS_OK)
            cli_fail(cli, CLI_CONNECTION, "event %" PRIu64 " is not understood: %s", e->index,
                     why.text);
        else
            event_take(l, e->index, m, body);
    }
}

static bool is_sought(const struct royalty *l)
{
    for (uint32_t i = 0; i < l->count; i++) {
        if (l->sought_ucr[i] > 0)
            return true;
    }
    return false;
}

/* Where the first grant under which something was paid was proposed: nothing was paid before.
 * Contracts are numbered as they are proposed. */
static uint64_t payments_from(struct royalty *l)
{
    struct q_contracts q = {.contract = UINT64_MAX};
    for (uint32_t i = 0; i < l->count; i++) {
        if (l->sought_ucr[i] > 0 && l->grants[i].contract < q.contract)
            q.contract = l->grants[i].contract;
    }
    const struct a_contracts *a = cli_query(l->cli, &q_contracts_message, &q);
    bool here = a != NULL && a->rows.count > 0 && (a->rows.items[0].index & FORMER_LOG) == 0;
    return here ? a->rows.items[0].index : 0;
}

/* Reads the log, as far as one may see it, until there is an event for all that was paid. */
static void payments_read(struct royalty *l)
{
    struct cli *cli = l->cli;
    struct connection_error why;
    const struct frame_events *events = NULL;
    struct arena arena = ARENA_EMPTY;
    const struct q_status q = {{"", 0}};
    l->sought_ucr = arena_alloc(&cli->arena, ((size_t)l->count + 1) * sizeof(*l->sought_ucr));
    if (l->sought_ucr == NULL) {
        cli_fail(cli, CLI_LOCAL, "out of memory");
        return;
    }
    for (uint32_t i = 0; i < l->count; i++)
        l->sought_ucr[i] = l->grants[i].paid_ucr + l->grants[i].recorded_ucr;
    if (!is_sought(l))
        return;
    uint64_t next = payments_from(l);
    const struct a_status *status =
        cli->exit == CLI_OK ? cli_query(cli, &q_status_message, &q) : NULL;
    uint64_t until = status != NULL ? status->log_size : 0;
    if (next < until && connection_subscribe(cli->connection, next, &why) != STATUS_OK)
        cli_fail_connection(cli, &why);
    while (next < until && cli->exit == CLI_OK && is_sought(l)) {
        arena_clear(&arena);
        if (connection_events(cli->connection, CONNECTION_TIMEOUT_MS, &arena, &events, &why) !=
            STATUS_OK) {
            cli_fail_connection(cli, &why);
            break;
        }
        events_take(l, events, &arena);
        next = events->next;
    }
    if (cli->exit == CLI_OK && is_sought(l))
        cli_note(cli, "not all payments are in this log; the exchange was restored since\n");
    arena_release(&arena);
}

/* --- Months --------------------------------------------------------------------------------- */

static void months_read(struct royalty *l)
{
    for (uint32_t i = 0; i < l->count && l->cli->exit == CLI_OK; i++) {
        struct q_royalties q = {.contract = l->grants[i].contract};
        const void *rows = NULL;
        uint32_t count = records_fetch(l->cli, &q_royalties_message, &q, UINT32_MAX, &rows);
        buffer_append(&l->months, rows, (size_t)count * sizeof(struct royalty_info));
    }
}

/* --- Printing ------------------------------------------------------------------------------- */

static json_t *rows_json(const struct message *m, const struct buffer *rows)
{
    json_t *json = json_array();
    for (size_t at = 0; at < rows->length; at += m->size)
        json_array_append_new(json, message_to_json(m, rows->data + at));
    return json;
}

/* What it comes to, by grant: these fields of each. */
static json_t *totals_json(const struct royalty *l)
{
    static const char *const names[] = {"contract",     "startup",  "royalty_max_ucr",
                                        "royalty_ucr",  "paid_ucr", "recorded_ucr",
                                        "late_month_s", "due_ucr"};
    json_t *json = json_array();
    for (uint32_t i = 0; i < l->count; i++) {
        json_t *grant = message_to_json(&grant_info_message, &l->grants[i]);
        json_t *total = json_object();
        for (size_t j = 0; j < sizeof(names) / sizeof(names[0]); j++)
            json_object_set(total, names[j], json_object_get(grant, names[j]));
        json_array_append_new(json, total);
        json_decref(grant);
    }
    return json;
}

static void totals_print(const struct royalty *l)
{
    char all[AMOUNT_TEXT_BYTES], most[AMOUNT_TEXT_BYTES], paid[AMOUNT_TEXT_BYTES];
    char outside[AMOUNT_TEXT_BYTES], due[AMOUNT_TEXT_BYTES];
    for (uint32_t i = 0; i < l->count; i++) {
        const struct grant_info *g = &l->grants[i];
        if (g->version > 0)
            cli_print(l->cli,
                      "contract %" PRIu64
                      ": royalty of %s in all, capped at %s; %s paid in credits, "
                      "%s outside, %s due\n",
                      g->contract, amount_format(g->royalty_ucr, all),
                      amount_format(g->royalty_max_ucr, most), amount_format(g->paid_ucr, paid),
                      amount_format(g->recorded_ucr, outside), amount_format(g->due_ucr, due));
    }
}

static bool is_amended(const struct royalty *l)
{
    for (size_t at = 0; at < l->months.length; at += sizeof(struct royalty_info)) {
        if (((const struct royalty_info *)(const void *)(l->months.data + at))->amended)
            return true;
    }
    return false;
}

#define MONTH_COLUMNS                                                                              \
    "contract startup month_s streams=DECLARED carved_out_ucr base_ucr share_bp=RATE "             \
    "earned_ucr royalty_ucr settled_ucr=PAID due_ucr declare_until_s late"

static void months_print(const struct royalty *l)
{
    uint32_t count = (uint32_t)(l->months.length / sizeof(struct royalty_info));
    bool amended = is_amended(l);
    records_table(l->cli, &royalty_info_message, l->months.data, count,
                  amended ? MONTH_COLUMNS " amended" : MONTH_COLUMNS);
    if (amended)
        cli_print(l->cli,
                  "AMENDED: declared anew after the grant was over. Shown is what is declared now; "
                  "the grant counts, and stays paid by, what was declared then, which the log has "
                  "('bourse events', revenue_declared).\n");
}

static int royalty_print(const struct royalty *l)
{
    struct cli *cli = l->cli;
    if (cli->json) {
        json_t *json =
            json_pack("{s:o, s:o}", "months", rows_json(&royalty_info_message, &l->months),
                      "grants", totals_json(l));
        if (l->payments)
            json_object_set_new(json, "payments", rows_json(&settled_message, &l->settled));
        return cli_print_json(cli, json);
    }
    if (l->months.length == 0) {
        cli_note(cli, "no month is over yet under a grant that you see\n");
        return cli->exit;
    }
    months_print(l);
    if (l->settled.length > 0) {
        cli_print(cli, "\n");
        records_table(cli, &settled_message, l->settled.data,
                      (uint32_t)(l->settled.length / sizeof(struct settled)),
                      "contract time_s paid_in amount_ucr due_ucr=STILL-DUE reference index");
    }
    cli_print(cli, "\n");
    totals_print(l);
    return cli->exit;
}

int command_royalty_list(struct cli *cli, int argc, char **argv)
{
    const char *account = option_text(cli, "account");
    struct q_grants q = {
        .contract = argc > 0 ? value_u64(cli, "CONTRACT", argv[0]) : 0,
        .account = account != NULL ? name_account(cli, account) : 0,
    };
    struct royalty l = {.cli = cli, .payments = option_flag(cli, "payments")};
    const void *grants = NULL;
    if (cli->exit == CLI_OK && argc > 0 && q.contract == 0)
        return cli_fail(cli, CLI_USAGE, "contract: 0 is below 1");
    if (q.contract > 0 && contract_of_kind(cli, q.contract, CONTRACT_KIND_GRANT) == NULL)
        return cli->exit;
    cli->missing = "there is no such grant of yours; see 'bourse grant list'";
    l.count =
        cli->exit == CLI_OK ? records_fetch(cli, &q_grants_message, &q, UINT32_MAX, &grants) : 0;
    cli->missing = NULL;
    l.grants = grants;
    months_read(&l);
    if (l.payments && cli->exit == CLI_OK)
        payments_read(&l);
    if (cli->exit == CLI_OK && (l.months.status | l.settled.status) != STATUS_OK)
        cli_fail(cli, CLI_LOCAL, "out of memory");
    if (cli->exit == CLI_OK)
        royalty_print(&l);
    buffer_release(&l.months);
    buffer_release(&l.settled);
    return cli->exit;
}
