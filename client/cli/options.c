#include "client/cli/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "protocol/amount.h"
#include "protocol/moment.h"

enum { LIKE_DISTANCE = 2 };

static const struct cli_option *find_in(const struct cli_option *options, const char *name,
                                        size_t length, char letter)
{
    for (const struct cli_option *o = options; o != NULL && o->name != NULL; o++) {
        if (letter != 0 ? o->letter == letter
                        : strlen(o->name) == length && strncmp(o->name, name, length) == 0)
            return o;
    }
    return NULL;
}

static const struct cli_option *find(const struct cli *cli, const char *name, size_t length,
                                     char letter)
{
    const struct cli_option *own = find_in(cli->command->options, name, length, letter);
    return own != NULL ? own : find_in(cli_common_options, name, length, letter);
}

static int give(struct cli *cli, const struct cli_option *option, const char *value)
{
    if (cli->given_count == CLI_OPTIONS_MAX)
        return cli_fail(cli, CLI_USAGE, "more than %d options", CLI_OPTIONS_MAX);
    cli->given[cli->given_count++] = (struct cli_given){option, value};
    return CLI_OK;
}

/* The option that is most like what was typed; NULL: none is. */
static const struct cli_option *option_like(const struct cli_option *options, const char *typed)
{
    const struct cli_option *best = NULL;
    size_t best_distance = LIKE_DISTANCE + 1;
    for (const struct cli_option *o = options; o != NULL && o->name != NULL; o++) {
        size_t distance = help_distance(o->name, typed);
        if (distance < best_distance && distance < strlen(typed)) {
            best = o;
            best_distance = distance;
        }
    }
    return best;
}

static int unknown_fail(struct cli *cli, const char *word, const char *name, size_t length)
{
    char typed[64];
    snprintf(typed, sizeof(typed), "%.*s", (int)(length < 63 ? length : 63), name);
    const struct cli_option *like = option_like(cli->command->options, typed);
    if (like == NULL)
        like = option_like(cli_common_options, typed);
    if (like != NULL)
        return cli_fail(cli, CLI_USAGE, "unknown option %s; did you mean --%s? See '%s --help'",
                        word, like->name, cli->path);
    return cli_fail(cli, CLI_USAGE, "unknown option %s; see '%s --help'", word, cli->path);
}

/* Reads the option at argv[*i] and moves *i to the last word it takes. */
static int option_read(struct cli *cli, int argc, char **argv, int *i)
{
    const char *word = argv[*i];
    bool is_long = word[1] == '-';
    const char *name = is_long ? word + 2 : word + 1;
    const char *equals = is_long ? strchr(name, '=') : NULL;
    size_t length = equals != NULL ? (size_t)(equals - name) : strlen(name);
    const struct cli_option *o = find(cli, name, length, is_long ? 0 : name[0]);
    const char *value = equals != NULL ? equals + 1 : NULL;
    if (o == NULL)
        return unknown_fail(cli, word, is_long ? name : "", length);
    if (!is_long && name[1] != '\0')
        value = name + 1; /* -oFILE */
    if (o->value == NULL && value != NULL)
        return cli_fail(cli, CLI_USAGE, "--%s takes no value", o->name);
    if (o->value != NULL && value == NULL) {
        if (*i + 1 >= argc)
            return cli_fail(cli, CLI_USAGE, "--%s needs a value: %s", o->name, o->value);
        value = argv[++*i];
    }
    return give(cli, o, value);
}

/* A number is no option, so that what it stands for says that it must not be below 0. */
static bool is_negative(const char *word)
{
    return word[0] == '-' && word[1] >= '0' && word[1] <= '9';
}

int options_parse(struct cli *cli, int argc, char **argv)
{
    int arguments = 0;
    bool over = false;
    for (int i = 0; i < argc; i++) {
        char *word = argv[i];
        if (!over && strcmp(word, "--") == 0) {
            over = true;
        } else if (!over && word[0] == '-' && word[1] != '\0' && !is_negative(word)) {
            if (option_read(cli, argc, argv, &i) != CLI_OK)
                return -1;
        } else {
            argv[arguments++] = word;
        }
    }
    return arguments;
}

const char *option_text(const struct cli *cli, const char *name)
{
    for (size_t i = cli->given_count; i > 0; i--) {
        const struct cli_given *g = &cli->given[i - 1];
        if (strcmp(g->option->name, name) == 0)
            return g->value != NULL ? g->value : "";
    }
    return NULL;
}

bool option_flag(const struct cli *cli, const char *name)
{
    return option_text(cli, name) != NULL;
}

const char *option_nth(const struct cli *cli, const char *name, size_t n)
{
    for (size_t i = 0; i < cli->given_count; i++) {
        const struct cli_given *g = &cli->given[i];
        if (strcmp(g->option->name, name) == 0 && n-- == 0)
            return g->value;
    }
    return NULL;
}

const char *option_item(struct cli *cli, const char *name, size_t n)
{
    const char *value;
    for (size_t i = 0; (value = option_nth(cli, name, i)) != NULL; i++) {
        for (;;) {
            size_t length = strcspn(value, ",");
            if (n-- == 0) {
                char *item = arena_alloc(&cli->arena, length + 1);
                if (item == NULL)
                    return NULL;
                memcpy(item, value, length);
                return item;
            }
            if (value[length] == '\0')
                break;
            value += length + 1;
        }
    }
    return NULL;
}

const char *option_required(struct cli *cli, const char *name)
{
    const char *value = option_text(cli, name);
    if (value != NULL)
        return value;
    cli_fail(cli, CLI_USAGE, "--%s is missing; see '%s --help'", name, cli->path);
    return "";
}

int options_required(struct cli *cli, const char *const *names)
{
    struct buffer missing = BUFFER_EMPTY;
    uint32_t count = 0;
    for (size_t i = 0; names[i] != NULL; i++) {
        if (option_text(cli, names[i]) == NULL)
            buffer_printf(&missing, "%s--%s", count++ > 0 ? ", " : "", names[i]);
    }
    if (count > 0)
        cli_fail(cli, CLI_USAGE, "%.*s %s missing; see '%s --help'", (int)missing.length,
                 missing.data != NULL ? (const char *)missing.data : "", count == 1 ? "is" : "are",
                 cli->path);
    buffer_release(&missing);
    return cli->exit;
}

/* --- Values --------------------------------------------------------------------------------- */

uint64_t value_u64(struct cli *cli, const char *what, const char *text)
{
    char *end;
    if (cli->exit != CLI_OK)
        return 0;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0) {
        cli_fail(cli, CLI_USAGE, "%s: '%s' is not a number", what, text);
        return 0;
    }
    return value;
}

uint32_t value_u32(struct cli *cli, const char *what, const char *text)
{
    uint64_t value = value_u64(cli, what, text);
    if (value > UINT32_MAX) {
        cli_fail(cli, CLI_USAGE, "%s: %s is too large", what, text);
        return 0;
    }
    return (uint32_t)value;
}

uint64_t value_amount(struct cli *cli, const char *what, const char *text)
{
    amount a = 0;
    if (cli->exit == CLI_OK && !amount_parse(text, &a))
        cli_fail(cli, CLI_USAGE,
                 "%s: '%s' is not an amount of credits, such as 12.5 (at most 6 decimals)", what,
                 text);
    return a;
}

uint64_t value_moment(struct cli *cli, const char *what, const char *text)
{
    uint64_t time_s = 0;
    /* Only relative ones need the exchange, whose time is the one that counts. */
    bool relative = text[0] == '+' || text[0] == '-' || strcmp(text, "now") == 0;
    uint64_t now_s = relative ? cli_time_s(cli) : 0;
    if (cli->exit == CLI_OK && !moment_parse(text, now_s, &time_s))
        cli_fail(cli, CLI_USAGE,
                 "%s: '%s' is not a time, such as now, +6h, 2026-11-22 or 2026-11-22T10:00Z", what,
                 text);
    return time_s;
}

uint32_t value_minutes(struct cli *cli, const char *what, const char *text)
{
    uint64_t seconds = 0;
    if (cli->exit != CLI_OK)
        return 0;
    if (!duration_parse(text, &seconds))
        cli_fail(cli, CLI_USAGE, "%s: '%s' is not a duration, such as 90m, 24h, 7d or 1d12h", what,
                 text);
    else if (seconds % 60 != 0)
        cli_fail(cli, CLI_USAGE, "%s: %s is not a number of whole minutes", what, text);
    else if (seconds / 60 > UINT32_MAX)
        cli_fail(cli, CLI_USAGE, "%s: %s is too long", what, text);
    return cli->exit == CLI_OK ? (uint32_t)(seconds / 60) : 0;
}

uint32_t value_word(struct cli *cli, const struct vocabulary *words, const char *text)
{
    if (cli->exit != CLI_OK)
        return 0;
    int64_t value = vocabulary_value(words, text);
    if (value >= 0)
        return (uint32_t)value;
    struct buffer list = BUFFER_EMPTY;
    for (uint32_t i = 0; i < words->count; i++)
        buffer_printf(&list, "%s%s", i > 0 ? ", " : "", words->values[i].name);
    char word[64];
    snprintf(word, sizeof(word), "%s", words->word);
    for (char *c = word; *c != '\0'; c++)
        *c = *c == '_' ? ' ' : *c;
    cli_fail(cli, CLI_USAGE, "'%s' is no %s; there are: %.*s", text, word, (int)list.length,
             list.data != NULL ? (const char *)list.data : "");
    buffer_release(&list);
    return 0;
}

struct text value_text(struct cli *cli, const char *what, const char *text, size_t max)
{
    size_t length = strlen(text);
    if (length > max)
        cli_fail(cli, CLI_USAGE, "%s: longer than %zu bytes", what, max);
    return cli->exit == CLI_OK ? (struct text){text, (uint32_t)length} : (struct text){"", 0};
}

/* The option as it is typed, for errors. */
static const char *dashed(struct cli *cli, const char *name)
{
    size_t length = strlen(name);
    char *text = arena_alloc(&cli->arena, length + 3);
    if (text == NULL)
        return name;
    snprintf(text, length + 3, "--%s", name);
    return text;
}

uint64_t option_u64(struct cli *cli, const char *name, uint64_t missing)
{
    const char *text = option_text(cli, name);
    return text == NULL ? missing : value_u64(cli, dashed(cli, name), text);
}

uint32_t option_u32(struct cli *cli, const char *name, uint32_t missing)
{
    const char *text = option_text(cli, name);
    return text == NULL ? missing : value_u32(cli, dashed(cli, name), text);
}

uint64_t option_amount(struct cli *cli, const char *name, uint64_t missing)
{
    const char *text = option_text(cli, name);
    return text == NULL ? missing : value_amount(cli, dashed(cli, name), text);
}

uint32_t value_ppm(struct cli *cli, const char *what, const char *text)
{
    amount percent = 0;
    size_t length = strlen(text);
    char *number = arena_copy(&cli->arena, text, length + 1);
    if (number != NULL && length > 0 && number[length - 1] == '%')
        number[length - 1] = '\0';
    if (cli->exit == CLI_OK && (number == NULL || !amount_parse(number, &percent) ||
                                percent > 100 * UCR_PER_CREDIT || percent % 100 != 0))
        cli_fail(cli, CLI_USAGE,
                 "%s: '%s' is not a percentage from 0 to 100, such as 99.5 (at "
                 "most 4 decimals)",
                 what, text);
    return cli->exit == CLI_OK ? (uint32_t)(percent / 100) : 0;
}

uint32_t option_ppm(struct cli *cli, const char *name, uint32_t missing)
{
    const char *text = option_text(cli, name);
    return text == NULL ? missing : value_ppm(cli, dashed(cli, name), text);
}

uint64_t option_moment(struct cli *cli, const char *name, uint64_t missing)
{
    const char *text = option_text(cli, name);
    return text == NULL ? missing : value_moment(cli, dashed(cli, name), text);
}

uint32_t option_minutes(struct cli *cli, const char *name, uint32_t missing)
{
    const char *text = option_text(cli, name);
    return text == NULL ? missing : value_minutes(cli, dashed(cli, name), text);
}

uint32_t option_word(struct cli *cli, const char *name, const struct vocabulary *words,
                     uint32_t missing)
{
    const char *text = option_text(cli, name);
    return text == NULL ? missing : value_word(cli, words, text);
}

struct text option_string(struct cli *cli, const char *name, size_t max)
{
    const char *text = option_text(cli, name);
    return value_text(cli, dashed(cli, name), text != NULL ? text : "", max);
}

uint32_t option_numbers(struct cli *cli, const char *name, const uint64_t **items_out)
{
    uint32_t count = 0;
    while (option_item(cli, name, count) != NULL)
        count++;
    uint64_t *items = arena_alloc(&cli->arena, ((size_t)count + 1) * sizeof(*items));
    if (items == NULL) {
        cli_fail(cli, CLI_LOCAL, "out of memory");
        return 0;
    }
    for (uint32_t i = 0; i < count; i++)
        items[i] = value_u64(cli, dashed(cli, name), option_item(cli, name, i));
    *items_out = items;
    return count;
}

uint32_t value_numbers(struct cli *cli, const char *what, int argc, char **argv,
                       const uint64_t **items_out)
{
    uint64_t *items = arena_alloc(&cli->arena, ((size_t)argc + 1) * sizeof(*items));
    if (items == NULL) {
        cli_fail(cli, CLI_LOCAL, "out of memory");
        return 0;
    }
    for (int i = 0; i < argc; i++)
        items[i] = value_u64(cli, what, argv[i]);
    *items_out = items;
    return (uint32_t)argc;
}
