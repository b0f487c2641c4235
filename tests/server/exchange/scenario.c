#include "tests/server/exchange/scenario.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/moment.h"
#include "tests/server/exchange/scenario_state.h"

void scenario_fail(struct scenario *s, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s:%u: %s (scenario: %s)\n", s->file, s->line, text, s->title);
    s->failures++;
    s->broken = true;
}

char *text_trimmed(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        text[--length] = '\0';
    return text;
}

/* Cuts the first word off. */
char *word_cut(char **rest)
{
    char *word = text_trimmed(*rest);
    char *end = word;
    while (*end && !isspace((unsigned char)*end))
        end++;
    if (*end)
        *end++ = '\0';
    *rest = text_trimmed(end);
    return word;
}

/* Cuts what follows `=>` off; an empty text when there is none. */
char *outcome_cut(char *line)
{
    char *arrow = strstr(line, "=>");
    if (!arrow)
        return line + strlen(line);
    *arrow = '\0';
    return text_trimmed(arrow + 2);
}

const char *key_name_of(const struct scenario *s, const char *who)
{
    for (uint32_t i = s->key_names_count; i-- > 0;) {
        if (strcmp(s->key_names[i].who, who) == 0)
            return s->key_names[i].key;
    }
    return who;
}

void key_name_set(struct scenario *s, const char *who, const char *key)
{
    if (s->key_names_count == KEY_NAMES_MAX)
        abort();
    struct key_name *k = &s->key_names[s->key_names_count++];
    snprintf(k->who, sizeof(k->who), "%s", who);
    snprintf(k->key, sizeof(k->key), "%s", key);
}

void scope_refresh(struct scenario *s)
{
    s->scope.now_s = s->world.time_s;
    s->scope.arena = &s->world.arena;
}

void *scenario_room(struct scenario *s, size_t size)
{
    void *memory = arena_alloc(&s->world.arena, size);
    if (!memory)
        abort();
    return memory;
}

/* --- Other lines --- */

static void accounts_line(struct scenario *s, char *rest)
{
    while (*rest && !s->broken) {
        char *name = word_cut(&rest);
        char *role = strchr(name, ':');
        int64_t value = role ? vocabulary_value(&role_vocabulary, role + 1) : -1;
        if (value < 0) {
            scenario_fail(s, "name:role expected: %s", name);
            return;
        }
        *role = '\0';
        scope_bind(&s->scope, name, world_register(&s->world, name, (enum role)value));
    }
}

static bool span_of(struct scenario *s, const char *text, uint64_t *seconds_out)
{
    if (duration_parse(text, seconds_out))
        return true;
    scenario_fail(s, "%s is no duration", text);
    return false;
}

static void restart_line(struct scenario *s, char *rest)
{
    uint64_t outage_s = 0;
    enum clock_mode mode = exchange_clock_mode(s->world.x);
    while (*rest && !s->broken) {
        char *word = word_cut(&rest);
        if (strncmp(word, "outage=", 7) == 0)
            span_of(s, word + 7, &outage_s);
        else if (strncmp(word, "clock=", 6) == 0)
            mode = (enum clock_mode)vocabulary_value(&clock_mode_vocabulary, word + 6);
        else
            scenario_fail(s, "restart knows no %s", word);
    }
    if (!s->broken)
        world_restart(&s->world, outage_s, mode);
}

static void time_line(struct scenario *s, const char *what, char *rest)
{
    uint64_t seconds = 0;
    if (*rest && !span_of(s, rest, &seconds))
        return;
    world_advance(&s->world, seconds, strcmp(what, "tick") == 0);
}

static void set_line(struct scenario *s, char *rest)
{
    char *name = word_cut(&rest);
    uint64_t value;
    scope_refresh(s);
    if (!number_read(&s->scope, rest, &value))
        scenario_fail(s, "%s", s->scope.error);
    else
        scope_bind(&s->scope, name, value);
}

static void batch_begin(struct scenario *s, const char *what, char *rest)
{
    s->in_batch = true;
    s->atomic = strcmp(what, "atomic") == 0;
    s->steps_count = 0;
    snprintf(s->batch_who, sizeof(s->batch_who), "%s", rest);
}

/* Lines that do something to the exchange; false when `what` is none of them. */
static bool doing_line(struct scenario *s, const char *what, char *rest)
{
    uint64_t log_before = world_log_size(&s->world);
    if (strcmp(what, "tick") == 0 || strcmp(what, "jump") == 0)
        time_line(s, what, rest);
    else if (strcmp(what, "tick_once") == 0)
        world_tick(&s->world);
    else if (strcmp(what, "restart") == 0)
        restart_line(s, rest);
    else if (strcmp(what, "reload") == 0)
        world_reload(&s->world);
    else
        return false;
    s->log_before = log_before;
    return true;
}

static void scenario_line(struct scenario *s, char *line)
{
    if (s->in_batch) {
        batch_line(s, line);
        return;
    }
    char *rest = line;
    char *what = word_cut(&rest);
    size_t length = strlen(what);
    if (what[length - 1] == ':') {
        what[length - 1] = '\0';
        operation_line(s, what, rest);
    } else if (rest[0] == '?' && isspace((unsigned char)rest[1])) {
        char *query = text_trimmed(rest + 1);
        if (strncmp(query, "report ", 7) == 0)
            report_line(s, what, query + 7);
        else
            query_line(s, what, query);
    } else if (strcmp(what, "accounts") == 0) {
        accounts_line(s, rest);
    } else if (strcmp(what, "batch") == 0 || strcmp(what, "atomic") == 0) {
        batch_begin(s, what, rest);
    } else if (strcmp(what, "next") == 0) {
        next_line(s, rest);
    } else if (strcmp(what, "retry") == 0) {
        retry_line(s, rest);
    } else if (strcmp(what, "retry_changed") == 0) {
        retry_changed_line(s, rest);
    } else if (strcmp(what, "keep") == 0 || strcmp(what, "recall") == 0) {
        keep_line(s, what, rest);
    } else if (strcmp(what, "expect") == 0) {
        expect_line(s, rest);
    } else if (strcmp(what, "set") == 0) {
        set_line(s, rest);
    } else if (!doing_line(s, what, rest)) {
        scenario_fail(s, "no line begins with %s", what);
    }
}

/* --- Scenarios --- */

/* What needs several admins. */
static bool policy_read(const char *word, const char *value, struct world_options *options)
{
    uint64_t number = strtoull(value, NULL, 10);
    if (strncmp(word, "approvals=", 10) == 0)
        options->approvals = (uint32_t)number;
    else if (strncmp(word, "mint_limit=", 11) == 0)
        options->mint_limit_ucr = number;
    else if (strncmp(word, "payout_limit=", 13) == 0)
        options->payout_limit_ucr = number;
    else
        return false;
    return true;
}

static bool option_read(const char *word, struct world_options *options)
{
    uint64_t seconds = 0;
    const char *value = strchr(word, '=');
    if (!value)
        return false;
    if (policy_read(word, value + 1, options))
        return true;
    if (strncmp(word, "co_admins=", 10) == 0) {
        options->co_admins = value + 1;
        return true;
    }
    if (strncmp(word, "clock=", 6) == 0)
        options->mode = (enum clock_mode)vocabulary_value(&clock_mode_vocabulary, value + 1);
    else if (!duration_parse(value + 1, &seconds))
        return false;
    if (strncmp(word, "activation_grace=", 17) == 0)
        options->activation_grace_s = (uint32_t)seconds;
    else if (strncmp(word, "meter_grace=", 12) == 0)
        options->meter_grace_s = (uint32_t)seconds;
    else if (strncmp(word, "dispute_window=", 15) == 0)
        options->dispute_window_s = (uint32_t)seconds;
    else
        return strncmp(word, "clock=", 6) == 0;
    return true;
}

static void scenario_begin(struct scenario *s, char *rest)
{
    struct world_options options = WORLD_OPTIONS;
    s->title[0] = '\0';
    s->failures = 0;
    s->broken = s->in_batch = false;
    s->key_names_count = 0;
    s->last_request = NULL;
    s->kept_count = 0;
    memset(&s->next, 0, sizeof(s->next));
    memset(&s->scope, 0, sizeof(s->scope));
    while (*rest) {
        char *word = word_cut(&rest);
        size_t used = strlen(s->title);
        if (!option_read(word, &options))
            snprintf(s->title + used, sizeof(s->title) - used, "%s%s", used ? " " : "", word);
    }
    world_begin(&s->world, options);
    s->scope.begin_s = WORLD_BEGIN_S;
    s->log_before = world_log_size(&s->world);
    for (uint32_t i = 0; i < s->world.genesis.admins.count; i++)
        scope_bind(&s->scope, s->world.genesis.admins.items[i].name.data, i + 1);
    s->running = true;
}

static unsigned scenario_end(struct scenario *s)
{
    if (!s->running)
        return 0;
    if (s->in_batch && !s->broken)
        scenario_fail(s, "a batch has no end");
    unsigned faults = world_verify(&s->world);
    if (faults > 0)
        scenario_fail(s, "%u things do not hold afterwards", faults);
    books_check(s);
    world_end(&s->world);
    s->running = false;
    return s->failures > 0 ? 1 : 0;
}

/* Joins lines that end in a backslash. Returns false at the end of the text. */
static bool line_next(const char **text, char *line, uint32_t *number)
{
    size_t length = 0;
    if (**text == '\0')
        return false;
    for (;;) {
        size_t part = strcspn(*text, "\n");
        if (length + part + 1 >= LINE_ROOM)
            abort();
        memcpy(line + length, *text, part);
        length += part;
        *text += part + ((*text)[part] == '\n');
        (*number)++;
        if (length == 0 || line[length - 1] != '\\' || **text == '\0')
            break;
        line[length - 1] = ' ';
    }
    line[length] = '\0';
    return true;
}

int scenario_run_text(const char *file, const char *text)
{
    struct scenario *s = calloc(1, sizeof(*s));
    char *line = malloc(LINE_ROOM);
    unsigned failed = 0;
    if (!s || !line)
        abort();
    s->steps = calloc(BATCH_ROOM, sizeof(*s->steps));
    s->file = file;
    uint32_t number = 0;
    while (line_next(&text, line, &number)) {
        char *content = text_trimmed(line);
        s->line = number;
        if (content[0] == '\0' || content[0] == '#')
            continue;
        if (strncmp(content, "scenario ", 9) == 0) {
            failed += scenario_end(s);
            scenario_begin(s, content + 9);
        } else if (!s->running) {
            scenario_fail(s, "a file begins with a scenario");
            failed++;
            break;
        } else if (!s->broken) {
            scenario_line(s, content);
        }
    }
    failed += scenario_end(s);
    free(s->steps);
    free(s);
    free(line);
    return (int)failed;
}

int scenario_run_file(const char *path)
{
    FILE *f = fopen(path, "r");
    if (!f) {
        fprintf(stderr, "%s: cannot be read\n", path);
        return 1;
    }
    struct buffer text = BUFFER_EMPTY;
    char part[4096];
    size_t read;
    while ((read = fread(part, 1, sizeof(part), f)) > 0)
        buffer_append(&text, part, read);
    fclose(f);
    buffer_append(&text, "", 1);
    int failed = scenario_run_text(path, (const char *)text.data);
    buffer_release(&text);
    return failed;
}
