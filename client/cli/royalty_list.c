/* Royalty of grants by month, as it follows from what was declared, and what was paid of it. */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "client/cli/cli.h"
#include "client/json.h"
#include "protocol/amount.h"
#include "protocol/events.h"
#include "protocol/month.h"
#include "protocol/status.h"

__extension__ typedef unsigned __int128 wide;

enum { WHOLE_BP = 10000 };

/* --- Rows ----------------------------------------------------------------------------------- */

struct earned {
    uint64_t contract;
    uint32_t startup;
    uint64_t month_s;
    struct text declared; /* by stream */
    uint64_t carved_out_ucr;
    uint64_t counted_ucr;
    uint32_t share_bp;
    uint64_t royalty_ucr; /* before the cap */
};

#define EARNED(name, kind)                                                                         \
    {                                                                                              \
#name, kind, offsetof(struct earned, name), 0, 0, NULL, NULL                               \
    }
static const struct field earned_fields[] = {
    EARNED(contract, FIELD_NUMBER),       EARNED(startup, FIELD_ACCOUNT),
    EARNED(month_s, FIELD_TIME),          EARNED(declared, FIELD_TEXT),
    EARNED(carved_out_ucr, FIELD_AMOUNT), EARNED(counted_ucr, FIELD_AMOUNT),
    EARNED(share_bp, FIELD_U32),          EARNED(royalty_ucr, FIELD_AMOUNT),
};
static const struct message earned_message = {"earned", 0, sizeof(struct earned),
                                              sizeof(earned_fields) / sizeof(earned_fields[0]),
                                              earned_fields};

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

/* Terms that were accepted at some time. */
struct accepted {
    uint64_t contract;
    uint32_t version;
    uint64_t time_s;
};

struct royalty {
    struct cli *cli;
    const struct grant_info *grants;
    uint32_t count;
    struct buffer earned;
    struct buffer settled;
    struct buffer accepted;
};

/* --- What the log has of it: payments with their references, acceptances ---------------------- */

static bool is_listed(const struct royalty *l, uint64_t contract)
{
    for (uint32_t i = 0; i < l->count; i++) {
        if (l->grants[i].contract == contract)
            return true;
    }
    return false;
}

static struct text text_keep(struct cli *cli, struct text t)
{
    const char *kept = arena_copy(&cli->arena, t.data, t.length);
    return kept != NULL ? (struct text){kept, t.length} : (struct text){"", 0};
}

static void event_take(struct royalty *l, uint64_t index, const struct message *m, const void *body)
{
    const struct event_head *head = body;
    if (m == &ev_royalty_paid_message) {
        const struct ev_royalty_paid *e = body;
        const struct settled s = {e->contract, head->time_s, {"credits", 7}, e->amount_ucr,
                                  e->due_ucr,  {"", 0},      index};
        if (is_listed(l, e->contract))
            buffer_append(&l->settled, &s, sizeof(s));
    } else if (m == &ev_royalty_recorded_message) {
        const struct ev_royalty_recorded *e = body;
        const struct settled s = {e->contract,   head->time_s, {"outside", 7},
                                  e->amount_ucr, e->due_ucr,   text_keep(l->cli, e->reference),
                                  index};
        if (is_listed(l, e->contract))
            buffer_append(&l->settled, &s, sizeof(s));
    } else if (m == &ev_contract_accepted_message) {
        const struct ev_contract_accepted *e = body;
        const struct accepted a = {e->contract, e->version, head->time_s};
        if (is_listed(l, e->contract))
            buffer_append(&l->accepted, &a, sizeof(a));
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

/* The log as it was when we came, as far as one may see it. */
static void log_read(struct royalty *l)
{
    struct cli *cli = l->cli;
    struct connection_error why;
    const struct frame_events *events = NULL;
    struct arena arena = ARENA_EMPTY;
    const struct q_status q = {{"", 0}};
    const struct a_status *status =
        cli->exit == CLI_OK ? cli_query(cli, &q_status_message, &q) : NULL;
    uint64_t until = status != NULL ? status->log_size : 0;
    if (until > 0 && connection_subscribe(cli->connection, 0, &why) != STATUS_OK)
        cli_fail_connection(cli, &why);
    for (uint64_t next = 0; next < until && cli->exit == CLI_OK;) {
        arena_clear(&arena);
        if (connection_events(cli->connection, CONNECTION_TIMEOUT_MS, &arena, &events, &why) !=
            STATUS_OK) {
            cli_fail_connection(cli, &why);
            break;
        }
        events_take(l, events, &arena);
        next = events->next;
    }
    arena_release(&arena);
}

/* --- Months --------------------------------------------------------------------------------- */

/* The terms by which a month counts: those that were in force when it ended, or the first ones. */
static const struct grant_info *terms_of(const struct royalty *l, const struct grant_info *g,
                                         uint64_t end_s)
{
    const struct accepted *all = (const struct accepted *)(const void *)l->accepted.data;
    size_t count = l->accepted.length / sizeof(*all);
    uint32_t version = 0;
    for (size_t i = 0; i < count; i++) {
        if (all[i].contract == g->contract && (version == 0 || all[i].time_s < end_s))
            version = all[i].version;
    }
    if (version == 0 || version == g->version)
        return g;
    struct q_grants q = {.contract = g->contract, .version = version};
    const struct a_grants *a = cli_query(l->cli, &q_grants_message, &q);
    return a != NULL && a->rows.count > 0 ? a->rows.items : g;
}

static bool carved_out(const struct grant_info *terms, struct text name)
{
    for (uint32_t i = 0; i < terms->carve_outs.count; i++) {
        const struct text out = terms->carve_outs.items[i].name;
        if (out.length == name.length && memcmp(out.data, name.data, name.length) == 0)
            return true;
    }
    return false;
}

static void month_take(struct royalty *l, const struct grant_info *g,
                       const struct declaration_info *d)
{
    char text[AMOUNT_TEXT_BYTES];
    struct buffer streams = BUFFER_EMPTY;
    uint32_t month = month_of(d->month_s);
    uint32_t first = month_of(g->start_s);
    if (month < first || month - first >= g->term_months + g->tail_months)
        return;
    const struct grant_info *terms = terms_of(l, g, month_start_s(month + 1));
    struct earned e = {
        .contract = g->contract,
        .startup = g->startup,
        .month_s = d->month_s,
        .share_bp = terms->share_bp,
    };
    for (uint32_t i = 0; i < d->streams.count; i++) {
        const struct revenue *r = &d->streams.items[i];
        *(carved_out(terms, r->name) ? &e.carved_out_ucr : &e.counted_ucr) += r->amount_ucr;
        buffer_printf(&streams, "%s%.*s:%s", i > 0 ? "," : "", (int)r->name.length, r->name.data,
                      amount_format(r->amount_ucr, text));
    }
    e.royalty_ucr = (uint64_t)((wide)e.counted_ucr * e.share_bp / WHOLE_BP);
    e.declared = text_keep(l->cli, (struct text){streams.data != NULL ? (char *)streams.data : "",
                                                 (uint32_t)streams.length});
    buffer_release(&streams);
    buffer_append(&l->earned, &e, sizeof(e));
}

static void months_read(struct royalty *l)
{
    for (uint32_t i = 0; i < l->count && l->cli->exit == CLI_OK; i++) {
        struct q_declarations q = {.account = l->grants[i].startup};
        const void *rows = NULL;
        uint32_t count = l->grants[i].version == 0 ? 0
                                                   : records_fetch(l->cli, &q_declarations_message,
                                                                   &q, UINT32_MAX, &rows);
        for (uint32_t j = 0; j < count; j++)
            month_take(l, &l->grants[i], (const struct declaration_info *)rows + j);
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

static int royalty_print(const struct royalty *l)
{
    struct cli *cli = l->cli;
    if (cli->json)
        return cli_print_json(cli, json_pack("{s:o, s:o}", "months",
                                             rows_json(&earned_message, &l->earned), "payments",
                                             rows_json(&settled_message, &l->settled)));
    if (l->earned.length == 0) {
        cli_note(cli, "no month was declared yet under a grant that you see\n");
        return cli->exit;
    }
    records_table(cli, &earned_message, l->earned.data,
                  (uint32_t)(l->earned.length / sizeof(struct earned)),
                  "contract startup month_s declared carved_out_ucr counted_ucr share_bp=RATE "
                  "royalty_ucr");
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
    struct royalty l = {.cli = cli};
    const void *grants = NULL;
    if (cli->exit == CLI_OK && argc > 0 && q.contract == 0)
        return cli_fail(cli, CLI_USAGE, "contract: 0 is below 1");
    cli->missing = "there is no such grant of yours; see 'bourse grant list'";
    l.count =
        cli->exit == CLI_OK ? records_fetch(cli, &q_grants_message, &q, UINT32_MAX, &grants) : 0;
    cli->missing = NULL;
    l.grants = grants;
    if (l.count > 0)
        log_read(&l);
    months_read(&l);
    if (cli->exit == CLI_OK &&
        (l.earned.status | l.settled.status | l.accepted.status) != STATUS_OK)
        cli_fail(cli, CLI_LOCAL, "out of memory");
    if (cli->exit == CLI_OK)
        royalty_print(&l);
    buffer_release(&l.earned);
    buffer_release(&l.settled);
    buffer_release(&l.accepted);
    return cli->exit;
}
