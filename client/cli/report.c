/* Reports: asked for page by page, joined, and printed as a table, JSON or CSV. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/cli/check.h"
#include "client/cli/cli.h"
#include "protocol/refusal.h"
#include "protocol/report_options.h"
#include "protocol/report_text.h"
#include "protocol/status.h"

/* A busy exchange is asked again after a quarter of a second, then twice as long, and so on. */
enum { BUSY_TRIES = 8, BUSY_FIRST_MS = 250, BUSY_MOST_MS = 8000, GONE_TRIES = 5 };

/* --- Options -------------------------------------------------------------------------------- */

static bool number_of_name(void *context, enum report_named kind, const char *text,
                           uint64_t *number_out, char why[REPORT_ERROR_BYTES])
{
    struct cli *cli = context;
    (void)why;
    if (kind == REPORT_NAMED_ACCOUNT)
        *number_out = name_account(cli, text);
    else if (kind == REPORT_NAMED_SITE)
        *number_out = name_site(cli, text);
    else
        *number_out = name_sku(cli, text);
    return cli->exit == CLI_OK;
}

static uint64_t time_of_exchange(void *context)
{
    return cli_time_s(context);
}

static int options_fail(struct cli *cli, const struct report_options *o)
{
    if (o->unreadable)
        return cli_fail(cli, CLI_LOCAL, "%s", o->why);
    return o->why[0] != '\0' ? cli_fail(cli, CLI_USAGE, "%s; see '%s --help'", o->why, cli->path)
                             : cli->exit;
}

/* The format first, since only the command line is needed for it. */
static enum report_format format_of(struct cli *cli)
{
    if (option_flag(cli, "csv") && cli->json)
        cli_fail(cli, CLI_USAGE, "--csv and --json exclude each other");
    if (option_text(cli, "at") != NULL)
        cli_fail(
            cli, CLI_USAGE,
            "an exchange reports on its present state alone; whoever has the journal makes the "
            "report of an earlier one, without network: boursed report %s --data DIR --at %" PRIu64,
            cli->command->name, option_u64(cli, "at", 0));
    if (cli->json)
        return REPORT_FORMAT_JSON;
    return option_flag(cli, "csv") ? REPORT_FORMAT_CSV : REPORT_FORMAT_TABLE;
}

static int query_read(struct cli *cli, struct q_report *out)
{
    struct report_options o = {
        .arena = &cli->arena, .name = number_of_name, .now_s = time_of_exchange, .context = cli};
    bool done = report_option_kind(&o, cli->command->name);
    for (size_t i = 0; done && i < cli->given_count; i++) {
        const struct cli_given *g = &cli->given[i];
        if (report_option_counts((enum report_kind)o.query.kind, g->option->name))
            done = report_option_set(&o, g->option->name, g->value);
    }
    done = done && cli->exit == CLI_OK && report_options_check(&o);
    *out = o.query;
    return done ? cli->exit : options_fail(cli, &o);
}

/* --- Pages ---------------------------------------------------------------------------------- */

struct pages {
    struct cli *cli;
    struct q_report query;
    struct a_report all; /* with the rows that are here already */
    struct report_row *rows;
    bool is_shown; /* how far it has come, on a terminal */
};

static void progress_show(const struct pages *p)
{
    if (!p->is_shown)
        return;
    fprintf(stderr, "\rreport: %" PRIu32 " of %" PRIu32 " rows", p->all.rows.count, p->all.total);
    fflush(stderr);
}

static void progress_end(const struct pages *p)
{
    if (p->is_shown)
        fprintf(stderr, "\r%40s\r", "");
}

static void wait_ms(uint64_t ms)
{
    struct timespec t = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    while (nanosleep(&t, &t) != 0)
        ;
}

/* One page; NULL with *refusal_out of what may be tried again, or after a failure. */
static const struct a_report *page_ask(struct pages *p, uint32_t *refusal_out)
{
    struct cli *cli = p->cli;
    struct connection_error why;
    const void *answer = NULL;
    uint64_t pause_ms = BUSY_FIRST_MS;
    *refusal_out = REFUSAL_accepted;
    for (int tries = 1;; tries++) {
        int status = connection_query(cli->connection, &q_report_message, &p->query, &cli->arena,
                                      &answer, &why);
        if (status == STATUS_OK && why.refusal == REFUSAL_reports_busy && tries < BUSY_TRIES) {
            wait_ms(pause_ms);
            pause_ms = 2 * pause_ms < BUSY_MOST_MS ? 2 * pause_ms : BUSY_MOST_MS;
            continue;
        }
        if (status == STATUS_OK && why.refusal == REFUSAL_accepted)
            return answer;
        progress_end(p);
        if (status == STATUS_OK && why.refusal == REFUSAL_report_gone)
            *refusal_out = why.refusal;
        else
            cli_fail_connection(cli, &why);
        return NULL;
    }
}

/* Begins with the first page: what it says holds for all. */
static bool pages_begin(struct pages *p, const struct a_report *first)
{
    p->all = *first;
    p->all.rows.count = 0;
    p->is_shown = first->next > 0 && isatty(STDERR_FILENO) == 1;
    p->rows = arena_alloc(&p->cli->arena, ((size_t)first->total + 1) * sizeof(*p->rows));
    if (p->rows == NULL)
        cli_fail(p->cli, CLI_LOCAL, "out of memory");
    p->all.rows.items = p->rows;
    return p->rows != NULL;
}

/* Adds a page of the same report; false when it does not go on where the last one ended. */
static bool page_add(struct pages *p, const struct a_report *page)
{
    uint32_t have = p->all.rows.count;
    bool fits = page->index == p->all.index && page->kind == p->all.kind &&
                page->total == p->all.total && page->rows.count <= p->all.total - have;
    if (fits && page->rows.count > 0)
        memcpy(p->rows + have, page->rows.items, page->rows.count * sizeof(*p->rows));
    if (fits)
        p->all.rows.count += page->rows.count;
    have = p->all.rows.count;
    fits = fits &&
           (page->next == 0 ? have == page->total : page->rows.count > 0 && page->next == have);
    if (!fits) {
        progress_end(p);
        cli_fail(p->cli, CLI_CONNECTION, "the pages of the report do not fit together");
    }
    return fits;
}

/* All pages; false after a failure, or with *refusal_out when the report is not kept any more. */
static bool pages_read(struct pages *p, uint32_t *refusal_out)
{
    p->query.index = 0;
    p->query.from = 0;
    const struct a_report *page = page_ask(p, refusal_out);
    if (page == NULL || !pages_begin(p, page))
        return false;
    while (page_add(p, page)) {
        progress_show(p);
        if (page->next == 0) {
            progress_end(p);
            return true;
        }
        p->query.index = p->all.index;
        p->query.from = page->next;
        page = page_ask(p, refusal_out);
        if (page == NULL)
            return false;
    }
    return false;
}

/* Anew from the beginning when others pushed the report out while it was read. */
static int report_fetch(struct cli *cli, const struct q_report *q, struct a_report *out)
{
    struct pages p = {.cli = cli, .query = *q};
    uint32_t refusal = REFUSAL_accepted;
    if (check_message(cli, &q_report_message, q) != CLI_OK || cli_connect(cli) != CLI_OK)
        return cli->exit;
    for (int tries = 0; tries < GONE_TRIES; tries++) {
        if (pages_read(&p, &refusal)) {
            *out = p.all;
            return CLI_OK;
        }
        if (cli->exit != CLI_OK)
            return cli->exit;
    }
    return cli_fail_refusal(cli, refusal);
}

/* --- Output --------------------------------------------------------------------------------- */

static int report_print(struct cli *cli, const struct a_report *r, enum report_format format)
{
    const char *table = option_text(cli, "table");
    struct buffer text = BUFFER_EMPTY;
    struct buffer about = BUFFER_EMPTY;
    int status = report_text(r, format, table, &text);
    if (status == STATUS_NOT_FOUND) {
        report_text_tables(r, &about);
        cli_fail(cli, CLI_USAGE, "--table: there is no table '%s'; there are: %.*s", table,
                 (int)about.length, about.data != NULL ? (const char *)about.data : "");
    } else if (status != STATUS_OK) {
        cli_fail_status(cli, status, "the report");
    } else {
        report_text_about(r, format, table, &about);
        if (about.length > 0)
            cli_note(cli, "%.*s", (int)about.length, (const char *)about.data);
        if (text.length > 0)
            fwrite(text.data, 1, text.length, stdout);
    }
    buffer_release(&about);
    buffer_release(&text);
    return cli->exit;
}

int command_report(struct cli *cli, int argc, char **argv)
{
    struct q_report q;
    struct a_report r;
    enum report_format format = format_of(cli);
    (void)argc;
    (void)argv;
    if (cli->exit != CLI_OK || query_read(cli, &q) != CLI_OK || report_fetch(cli, &q, &r) != CLI_OK)
        return cli->exit;
    return report_print(cli, &r, format);
}
