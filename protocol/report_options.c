#include "protocol/report_options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "protocol/amount.h"
#include "protocol/buffer.h"
#include "protocol/moment.h"
#include "protocol/month.h"
#include "protocol/utf8.h"

enum { FILE_BYTES_MAX = 1 << 20, PPM = 1000 * 1000 };

const char *const report_options_all[] = {
    "account",    "from",    "until", "month", "site",  "sku", "demand-down", "price-down",
    "generation", "density", "debt",  "curve", "fleet", "par", "currency",    NULL,
};

/* What counts for a kind besides the account, which all have: names divided by blanks. */
static const char *kind_options(enum report_kind kind)
{
    switch (kind) {
    case REPORT_KIND_EXPOSURE:
        return "site sku";
    case REPORT_KIND_STRESS:
        return "site sku demand-down price-down generation density";
    case REPORT_KIND_COLLATERAL:
        return "site sku debt curve fleet";
    case REPORT_KIND_ENDORSEMENT:
        return "site sku debt";
    case REPORT_KIND_VACANCY:
    case REPORT_KIND_CARBON:
        return "from until month site sku";
    case REPORT_KIND_USAGE:
        return "from until month site sku par currency";
    case REPORT_KIND_CIRCULARITY:
    case REPORT_KIND_CONCENTRATION:
    case REPORT_KIND_STATEMENT:
        return "from until month";
    case REPORT_KIND_PORTABILITY:
        break;
    }
    return "";
}

bool report_option_counts(enum report_kind kind, const char *name)
{
    size_t length = strlen(name);
    if (strcmp(name, "account") == 0)
        return true;
    for (const char *at = kind_options(kind); *at != '\0';) {
        size_t word = strcspn(at, " ");
        if (word == length && strncmp(at, name, word) == 0)
            return true;
        at += word + (at[word] == ' ');
    }
    return false;
}

__attribute__((format(printf, 2, 3))) static bool complain(struct report_options *o,
                                                           const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(o->why, sizeof(o->why), format, args);
    va_end(args);
    return false;
}

bool report_option_kind(struct report_options *o, const char *word)
{
    int64_t kind = vocabulary_value(&report_kind_vocabulary, word);
    if (kind >= 0) {
        o->query.kind = (uint32_t)kind;
        return true;
    }
    int length =
        snprintf(o->why, sizeof(o->why), "'%.40s' is no kind of report; there are: ", word);
    for (uint32_t i = 0; i < report_kind_vocabulary.count; i++)
        length += snprintf(o->why + length, sizeof(o->why) - (size_t)length, "%s%s",
                           i > 0 ? ", " : "", report_kind_vocabulary.values[i].name);
    return false;
}

/* --- Values --- */

static bool named_set(struct report_options *o, enum report_named kind, const char *value,
                      uint64_t *out)
{
    o->why[0] = '\0';
    return o->name(o->context, kind, value, out, o->why);
}

static bool account_set(struct report_options *o, const char *value)
{
    uint64_t account = 0;
    if (!named_set(o, REPORT_NAMED_ACCOUNT, value, &account))
        return false;
    o->query.account = (uint32_t)account;
    return true;
}

/* A month stands for its first second. */
static bool time_set(struct report_options *o, const char *name, const char *value, uint64_t *out)
{
    o->by_time = true;
    bool relative = value[0] == '+' || value[0] == '-' || strcmp(value, "now") == 0;
    if (report_month_parse(value, out) ||
        moment_parse(value, relative ? o->now_s(o->context) : 0, out))
        return true;
    return complain(o, "--%s: '%.40s' is not a time, such as 2027-01 (a month), 2027-01-15 or -30d",
                    name, value);
}

static bool month_set(struct report_options *o, const char *value)
{
    uint64_t start_s = 0;
    if (!report_month_parse(value, &start_s))
        return complain(o, "--month: '%.40s' is not a month, such as 2027-01", value);
    uint64_t end_s = month_start_s(month_of(start_s) + 1);
    if (end_s > TIME_MAX_S)
        return complain(o, "--month: %s is too late", value);
    o->by_month = true;
    o->query.from_s = start_s;
    o->query.until_s = end_s;
    return true;
}

static bool percent_set(struct report_options *o, const char *name, const char *value,
                        uint32_t *out)
{
    char number[32];
    amount percent = 0;
    size_t length = strlen(value);
    if (length > 0 && value[length - 1] == '%')
        length--;
    snprintf(number, sizeof(number), "%.*s", (int)(length < 31 ? length : 31), value);
    /* Micro-credits of a percent are a hundred to a part per million. */
    if (length > 31 || !amount_parse(number, &percent) || percent > 100 * (amount)PPM ||
        percent % 100 != 0)
        return complain(o,
                        "--%s: '%.40s' is not a percentage from 0 to 100, such as 20%% (at most 4 "
                        "decimals)",
                        name, value);
    /* Who types a fraction would get a hundredth of what was meant. */
    if (length == strlen(value) && percent > 0 && percent < (amount)PPM)
        return complain(o,
                        "--%s: is '%.40s' a percentage or a fraction? Type %.40s%% for so much "
                        "of a hundred, or 20%% for 0.2",
                        name, value, value);
    *out = (uint32_t)(percent / 100);
    o->stressed = true;
    return true;
}

static bool density_set(struct report_options *o, const char *value)
{
    amount ppm = 0;
    if (!amount_parse(value, &ppm) || ppm < PPM || ppm > 1000 * (amount)PPM)
        return complain(o, "--density: '%.40s' is not a factor from 1 to 1000, such as 2.5", value);
    o->query.density_ppm = (uint32_t)ppm;
    o->stressed = true;
    return true;
}

static bool par_set(struct report_options *o, const char *value)
{
    amount micros = 0;
    if (!amount_parse(value, &micros) || micros == 0 || micros > PPM * (amount)PPM)
        return complain(o,
                        "--par: '%.40s' is not what a credit is worth: above 0, up to 1000000, at "
                        "most 6 decimals, such as 0.92",
                        value);
    o->query.par_micros = micros;
    return true;
}

static bool currency_set(struct report_options *o, const char *value)
{
    if (strlen(value) != 3 || strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3)
        return complain(o,
                        "--currency: '%.40s' is not a currency by ISO 4217: three capital letters, "
                        "such as EUR",
                        value);
    o->query.currency = (struct text){value, 3};
    return true;
}

static bool generation_set(struct report_options *o, const char *value)
{
    size_t length = strlen(value);
    if (length == 0 || length > NAME_MAX_BYTES || !utf8_is_plain(value, length))
        return complain(o, "--generation: a name has 1 to %d bytes", NAME_MAX_BYTES);
    o->query.generation = (struct text){value, (uint32_t)length};
    return true;
}

/* --- Files --- */

static bool unreadable(struct report_options *o, const char *name, const char *file, int error)
{
    o->unreadable = true;
    return complain(o, "--%s: cannot read %.200s: %s", name, file, strerror(error));
}

static bool file_read(struct report_options *o, const char *name, const char *file,
                      struct buffer *out)
{
    char part[4096];
    size_t got;
    FILE *from = strcmp(file, "-") == 0 ? stdin : fopen(file, "rbe");
    if (from == NULL)
        return unreadable(o, name, file, errno);
    while ((got = fread(part, 1, sizeof(part), from)) > 0 && out->length <= FILE_BYTES_MAX)
        buffer_append(out, part, got);
    bool failed = ferror(from) != 0;
    int error = errno;
    if (from != stdin)
        fclose(from);
    if (failed)
        return unreadable(o, name, file, error);
    if (out->length > FILE_BYTES_MAX)
        return complain(o, "--%s: %.200s is larger than %d bytes", name, file, FILE_BYTES_MAX);
    return out->status == 0 || complain(o, "--%s: out of memory", name);
}

static bool file_set(struct report_options *o, const char *name, const char *file,
                     bool (*read)(struct q_report *q, const char *file, const char *text,
                                  size_t length, struct arena *arena, char *why))
{
    struct buffer text = BUFFER_EMPTY;
    bool done = file_read(o, name, file, &text) &&
                read(&o->query, file, text.data != NULL ? (const char *)text.data : "", text.length,
                     o->arena, o->why);
    buffer_release(&text);
    return done;
}

bool report_option_set(struct report_options *o, const char *name, const char *value)
{
    struct q_report *q = &o->query;
    if (!report_option_counts((enum report_kind)q->kind, name))
        return complain(o, "--%s means nothing for a report of kind %s", name,
                        vocabulary_name(&report_kind_vocabulary, q->kind));
    if (strcmp(name, "account") == 0)
        return account_set(o, value);
    if (strcmp(name, "site") == 0)
        return named_set(o, REPORT_NAMED_SITE, value, &q->site);
    if (strcmp(name, "sku") == 0)
        return named_set(o, REPORT_NAMED_SKU, value, &q->sku);
    if (strcmp(name, "from") == 0)
        return time_set(o, name, value, &q->from_s);
    if (strcmp(name, "until") == 0)
        return time_set(o, name, value, &q->until_s);
    if (strcmp(name, "month") == 0)
        return month_set(o, value);
    if (strcmp(name, "demand-down") == 0)
        return percent_set(o, name, value, &q->demand_down_ppm);
    if (strcmp(name, "price-down") == 0)
        return percent_set(o, name, value, &q->price_down_ppm);
    if (strcmp(name, "generation") == 0)
        return generation_set(o, value);
    if (strcmp(name, "density") == 0)
        return density_set(o, value);
    if (strcmp(name, "par") == 0)
        return par_set(o, value);
    if (strcmp(name, "currency") == 0)
        return currency_set(o, value);
    if (strcmp(name, "debt") == 0)
        return file_set(o, name, value, report_debt_read);
    if (strcmp(name, "curve") == 0)
        return file_set(o, name, value, report_curve_read);
    return file_set(o, name, value, report_fleet_read);
}

/* --- All of them together --- */

static bool debt_says(const struct q_report *q, bool due)
{
    for (uint32_t i = 0; i < q->debt.count; i++) {
        if ((due ? q->debt.items[i].due_ucr : q->debt.items[i].outstanding_ucr) > 0)
            return true;
    }
    return false;
}

static bool month_begins(uint64_t time_s)
{
    return month_start_s(month_of(time_s)) == time_s;
}

bool report_months_whole(const struct q_report *q)
{
    return month_begins(q->from_s) && month_begins(q->until_s);
}

static bool statement_check(struct report_options *o)
{
    const struct q_report *q = &o->query;
    if (o->offline && q->account == 0)
        return complain(o, "--account is missing: a statement is that of one account");
    if (!o->offline && !report_months_whole(q))
        return complain(
            o, "an exchange makes statements of whole calendar months (UTC): --month 2027-01, or "
               "--from and --until where months begin; whoever has the journal makes one of any "
               "time, without network: boursed report statement --data DIR --account ACCOUNT "
               "--from TIME --until TIME");
    if (q->from_s != 0 && q->from_s > o->now_s(o->context))
        return complain(o, "what the statement is of has not begun yet");
    return true;
}

bool report_options_check(struct report_options *o)
{
    const struct q_report *q = &o->query;
    if (o->by_month && o->by_time)
        return complain(o, "--month stands in place of --from and --until; give one or the other");
    if (q->until_s != 0 && q->from_s >= q->until_s)
        return complain(o, "what begins with --from ends before --until, which must come later");
    switch ((enum report_kind)q->kind) {
    case REPORT_KIND_STRESS:
        if ((q->generation.length > 0) != (q->density_ppm > 0))
            return complain(o, "--generation and --density belong together: GPUs of which "
                               "generation are outdone, and by which factor");
        if (!o->stressed)
            return complain(o, "nothing is stressed; give --demand-down, --price-down, or "
                               "--generation with --density");
        break;
    case REPORT_KIND_COLLATERAL:
        if (q->debt.count == 0 || q->curve.count == 0)
            return complain(o, "--%s is missing: a CSV file that begins with the line %s",
                            q->debt.count == 0 ? "debt" : "curve",
                            q->debt.count == 0 ? "month,outstanding" : "sku,age_months,value");
        if (!debt_says(q, false))
            return complain(o, "--debt: nothing is outstanding in it; a collateral report needs "
                               "the column outstanding");
        break;
    case REPORT_KIND_ENDORSEMENT:
        if (q->site == 0)
            return complain(o, "--site is missing: the site that the loan is for");
        if (q->debt.count == 0)
            return complain(o, "--debt is missing: a CSV file that begins with the line month,due");
        if (!debt_says(q, true))
            return complain(o, "--debt: nothing falls due in it; an endorsement report needs the "
                               "column due");
        break;
    case REPORT_KIND_STATEMENT:
        return statement_check(o);
    case REPORT_KIND_USAGE:
        if (q->currency.length > 0 && q->par_micros == 0 && memcmp(q->currency.data, "USD", 3) != 0)
            return complain(o, "--par is missing: what a credit is worth in %.3s",
                            q->currency.data);
        break;
    default:
        break;
    }
    return true;
}
