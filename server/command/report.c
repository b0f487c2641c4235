/* `boursed report`: a report made of the journal alone, as of any index of the log. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocol/moment.h"
#include "protocol/report_options.h"
#include "protocol/report_text.h"
#include "protocol/status.h"
#include "server/command/command.h"
#include "server/command/report_state.h"
#include "server/command/tell.h"
#include "server/report/report.h"

/* Those between --time and --table are report_options_all. */
static const struct option_spec options[] = {
    {"data", "DIR", "the exchange's data directory", true},
    {"at", "INDEX", "as of the log's first INDEX entries (default: all)", false},
    {"time", "TIME", "... and not later than this, such as 2027-01-15T12:00:00Z", false},
    {"account", "ACCOUNT", "whose it is, number or name (default: the whole exchange)", false},
    {"from", "TIME", "what it is about begins here: 2027-01 (a month), 2027-01-15, -30d", false},
    {"until", "TIME", "... and ends before this", false},
    {"month", "MONTH", "one calendar month, such as 2027-01, in place of both", false},
    {"site", "SITE", "number or name of a site", false},
    {"sku", "SKU", "number or name of a SKU", false},
    {"demand-down", "PERCENT", "demand falls by so much, such as 20%", false},
    {"price-down", "PERCENT", "prices fall by so much, such as 20%", false},
    {"generation", "NAME", "GPUs of this generation are outdone by new ones", false},
    {"density", "FACTOR", "... of which each does as much as so many of them, such as 2.5", false},
    {"debt", "FILE", "the debt schedule, as CSV: month,outstanding,due", false},
    {"curve", "FILE", "what GPUs are worth as they age, as CSV: sku,age_months,value", false},
    {"fleet", "FILE", "GPUs by one's own list, as CSV: site,sku,gpus,in_service", false},
    {"par", "VALUE", "what a credit is worth in the billing currency (default: 1)", false},
    {"currency", "CODE", "the billing currency, by ISO 4217 (default: USD)", false},
    {"table", "NAME", "this table alone; all: all of them in CSV, too", false},
    {"json", NULL, "as JSON", false},
    {"csv", NULL, "as CSV", false},
    {NULL, NULL, NULL, false},
};

/* --- Options --- */

/* Looks for the only row whose name is this text. */
struct search {
    const char *text;
    size_t number_offset; /* of the row's number, u32 or u64 */
    size_t name_offset;
    bool is_wide;
    uint64_t number;
    uint32_t found;
};

static int search_visit(void *context, const void *row)
{
    struct search *s = context;
    const uint8_t *bytes = row;
    uint32_t narrow;
    if (strncmp((const char *)bytes + s->name_offset, s->text, NAME_MAX_BYTES + 1) != 0)
        return 0;
    if (s->is_wide) {
        memcpy(&s->number, bytes + s->number_offset, sizeof(s->number));
    } else {
        memcpy(&narrow, bytes + s->number_offset, sizeof(narrow));
        s->number = narrow;
    }
    s->found++;
    return 0;
}

static bool number_read(const char *text, uint64_t max, uint64_t *out)
{
    uint64_t number = 0;
    for (const char *c = text; *c != '\0'; c++) {
        if (*c < '0' || *c > '9' || number > max / 10)
            return false;
        number = 10 * number + (uint64_t)(*c - '0');
    }
    *out = number;
    return text[0] != '\0' && number > 0 && number <= max;
}

/* Of report_options: a number, or a name among the replayed rows. */
static bool name_find(void *context, enum report_named kind, const char *text, uint64_t *number_out,
                      char why[REPORT_ERROR_BYTES])
{
    static const struct {
        enum table table;
        const char *noun;
        struct search search;
        uint64_t max;
    } tables[] = {
        [REPORT_NAMED_ACCOUNT] = {TABLE_ACCOUNT,
                                  "account",
                                  {.number_offset = offsetof(struct account_row, account),
                                   .name_offset = offsetof(struct account_row, name)},
                                  UINT32_MAX},
        [REPORT_NAMED_SITE] = {TABLE_SITE,
                               "site",
                               {.number_offset = offsetof(struct site_row, site),
                                .name_offset = offsetof(struct site_row, name),
                                .is_wide = true},
                               SERIAL_MAX},
        [REPORT_NAMED_SKU] = {TABLE_SKU,
                              "SKU",
                              {.number_offset = offsetof(struct sku_row, sku),
                               .name_offset = offsetof(struct sku_row, name),
                               .is_wide = true},
                              SERIAL_MAX},
    };
    struct exchange *x = context;
    struct search search = tables[kind].search;
    search.text = text;
    /* Account 0 is the whole exchange, as in a report of a running one. */
    if (kind == REPORT_NAMED_ACCOUNT && strcmp(text, "0") == 0) {
        *number_out = 0;
        return true;
    }
    bool is_number = number_read(text, tables[kind].max, &search.number);
    if (is_number && kind != REPORT_NAMED_ACCOUNT) {
        *number_out = search.number; /* report_make() says whether it is there */
        return true;
    }
    if (is_number) {
        const uint32_t account = (uint32_t)search.number;
        search.found = store_find(exchange_store(x), TABLE_ACCOUNT, &account) != NULL;
    } else {
        store_each(exchange_store(x), tables[kind].table, search_visit, &search);
    }
    if (search.found != 1)
        snprintf(why, REPORT_ERROR_BYTES,
                 search.found == 0 ? "there is no %s '%.63s' at this index"
                                   : "there are several %ss of the name '%.63s'; give its number",
                 tables[kind].noun, text);
    *number_out = search.number;
    return search.found == 1;
}

static uint64_t state_time(void *context)
{
    return exchange_time(context);
}

/* Whether the option means something only once the rows are there. */
static bool option_is_late(const char *name)
{
    return strcmp(name, "account") == 0 || strcmp(name, "site") == 0 || strcmp(name, "sku") == 0 ||
           strcmp(name, "from") == 0 || strcmp(name, "until") == 0;
}

static int wrong_use(const struct arguments *a, const char *why)
{
    if (why[0] != '\0')
        fprintf(stderr, "boursed %s: %s\n", a->command->name, why);
    return EXIT_USAGE;
}

static int wrong_option(const struct arguments *a, const struct report_options *o)
{
    int code = wrong_use(a, o->why);
    return o->unreadable ? EXIT_FAILED : code;
}

/* Sets what can be set before the replay, or the rest; an exit code. */
static int options_set(const struct arguments *a, struct report_options *o, bool late)
{
    if (!late && !report_option_kind(o, a->word))
        return wrong_option(a, o);
    for (size_t i = 0; report_options_all[i] != NULL; i++) {
        const char *name = report_options_all[i];
        const char *value = arguments_get(a, name);
        bool means = report_option_counts((enum report_kind)o->query.kind, name);
        /* One that means nothing is refused before the long replay. */
        if (value != NULL && late == (option_is_late(name) && means) &&
            !report_option_set(o, name, value))
            return wrong_option(a, o);
    }
    if (late && !report_options_check(o))
        return wrong_option(a, o);
    return EXIT_DONE;
}

static int end_set(const struct arguments *a, struct report_end *end)
{
    const char *time = arguments_get(a, "time");
    end->time_s = UINT64_MAX;
    if (!arguments_number(a, "at", 1, UINT64_MAX - 1, UINT64_MAX, &end->entries))
        return EXIT_USAGE;
    if (time != NULL && (time[0] == '+' || time[0] == '-' || !moment_parse(time, 0, &end->time_s)))
        return wrong_use(a, "--time is a moment such as 2027-01-15T12:00:00Z");
    if (arguments_has(a, "json") && arguments_has(a, "csv"))
        return wrong_use(a, "--json or --csv, not both");
    return EXIT_DONE;
}

/* --- Making and printing --- */

static int print(const struct arguments *a, const struct report *report, struct buffer *error)
{
    struct buffer text = BUFFER_EMPTY, about = BUFFER_EMPTY;
    const char *table = arguments_get(a, "table");
    const struct a_report page = report_page(report, 0, true);
    enum report_format format = arguments_has(a, "json")  ? REPORT_FORMAT_JSON
                                : arguments_has(a, "csv") ? REPORT_FORMAT_CSV
                                                          : REPORT_FORMAT_TABLE;
    int status = report_text(&page, format, table, &text);
    if (status == STATUS_NOT_FOUND) {
        buffer_printf(error, "the report has no table '%s'; there are: ", table);
        report_text_tables(&page, error);
    }
    if (status == 0) {
        report_text_about(&page, format, table, &about);
        fprintf(stderr, "%.*s", (int)about.length,
                about.length > 0 ? (const char *)about.data : "");
        if (text.length > 0 && fwrite(text.data, 1, text.length, stdout) != text.length)
            status = STATUS_IO;
        if (fflush(stdout) != 0)
            status = STATUS_IO;
    }
    buffer_release(&about);
    buffer_release(&text);
    return status;
}

/* `before`: of which rows the statement begins; NULL: of those of `x` alone. */
static int make(const struct arguments *a, const struct q_report *q, const struct source *before,
                struct exchange *x, struct buffer *error)
{
    const struct source source = source_of_store(exchange_store(x));
    struct report *report = NULL;
    enum refusal refusal = REFUSAL_accepted;
    int status = report_make_between(q, q->account, before, &source, &report, &refusal);
    if (status == 0 && refusal != REFUSAL_accepted) {
        buffer_printf(error, "%s (%s)", refusal_text(refusal), refusal_name(refusal));
        return STATUS_NOT_FOUND;
    }
    if (status == 0)
        status = print(a, report, error);
    report_free(report);
    return status;
}

/* A statement of a time that is not of whole months: of the states just before it began and just
 * before it was over. Takes the exchange at *x, and leaves there what is to be freed. */
static int make_between(const struct arguments *a, const struct q_report *q,
                        const struct data_folder *folder, const struct report_end *end,
                        struct exchange **x, struct buffer *error)
{
    struct exchange *opening = NULL;
    int status = 0;
    if (q->until_s != 0 && q->until_s <= exchange_time(*x)) {
        exchange_free(*x);
        status = report_state_before(folder, end, q->until_s, x, error);
        if (status == 0 && *x == NULL) {
            buffer_printf(error, "nothing was there yet before --until");
            status = STATUS_NOT_FOUND;
        }
    }
    if (status == 0)
        status = report_state_before(folder, end, q->from_s, &opening, error);
    if (status == 0) {
        const struct source before =
            opening != NULL ? source_of_store(exchange_store(opening)) : source_of_nothing();
        status = make(a, q, &before, *x, error);
    }
    if (opening != NULL)
        exchange_free(opening);
    return status;
}

static int head_take(void *context, const void *row)
{
    memcpy(context, row, sizeof(struct head_row));
    return 0;
}

/* Why it is of fewer entries than asked for. Groups are whole: what was asked for may lie inside of
 * one. */
static void rounding_tell(struct exchange *x, const struct report_end *end, enum report_bound bound)
{
    char moment[MOMENT_TEXT_BYTES];
    struct head_row head = {.log_size = UINT64_MAX};
    store_each(exchange_store(x), TABLE_HEAD, head_take, &head);
    if (end->entries == UINT64_MAX || head.log_size >= end->entries)
        return;
    if (bound == REPORT_BOUND_TIME)
        fprintf(stderr,
                "boursed report: as of index %" PRIu64 ", the last one that is not after %s\n",
                head.log_size, moment_format(end->time_s, moment));
    else
        fprintf(stderr,
                "boursed report: what was written at once is not divided: as of index %" PRIu64
                ", the last one by %" PRIu64 " that ended a group\n",
                head.log_size, end->entries);
}

static int run(const struct arguments *a)
{
    struct arena arena = ARENA_EMPTY;
    struct report_options o = {
        .arena = &arena, .name = name_find, .now_s = state_time, .offline = true};
    struct report_end end;
    enum report_bound bound;
    struct data_folder *folder = NULL;
    struct exchange *x = NULL;
    struct buffer error = BUFFER_EMPTY;
    int status = 0;
    int code = end_set(a, &end);
    if (code == EXIT_DONE)
        code = options_set(a, &o, false);
    if (code != EXIT_DONE)
        goto out;
    status = data_folder_open(arguments_get(a, "data"), FOLDER_LOOK, &folder, &error);
    if (status == 0)
        status = report_state_at(folder, &end, &x, &bound, &error);
    if (status != 0)
        goto out;
    rounding_tell(x, &end, bound);
    o.context = x;
    code = options_set(a, &o, true);
    if (code != EXIT_DONE)
        goto out;
    if (o.query.kind == REPORT_KIND_STATEMENT && !report_months_whole(&o.query))
        status = make_between(a, &o.query, folder, &end, &x, &error);
    else
        status = make(a, &o.query, NULL, x, &error);
out:
    if (x != NULL)
        exchange_free(x);
    data_folder_close(folder);
    arena_release(&arena);
    return status != 0 ? tell_failure(a, status, &error) : code;
}

const struct command command_report = {
    .name = "report",
    .summary = "make a report from the journal, as of any index of the log",
    .text = "Replays the journal into memory and makes the report of what was there then: the same "
            "as the\nserver gave at that index. KIND is one of those of `bourse report`. Writes "
            "nothing, and works\nbeside a running server. A statement may be of any time; the "
            "server's are of whole months.",
    .word = "KIND",
    .options = options,
    .run = run,
};
