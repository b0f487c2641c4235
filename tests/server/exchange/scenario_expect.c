/* Lines that ask and lines that expect. */
#include "tests/server/exchange/scenario_state.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/moment.h"

/* --- Queries --- */

static void field_check(struct scenario *s, const struct message *m, const void *body,
                        const char *name, const char *expected)
{
    char has[256];
    const struct field *f = field_by_name(m, name, strlen(name));
    if (!f) {
        scenario_fail(s, "%s has no field %s", m->name, name);
        return;
    }
    scope_refresh(s);
    const char *differs = value_differs(&s->scope, f, body, expected, has, sizeof(has));
    if (differs)
        scenario_fail(s, "%s is %s, not %s", name, differs, expected);
}

/* `name[2].part=value`: of the item 2 of a list of the answer. */
static void item_check(struct scenario *s, const struct message *m, const void *body, char *name,
                       const char *expected)
{
    char *end;
    char *bracket = strchr(name, '[');
    *bracket = '\0';
    uint32_t at = (uint32_t)strtoul(bracket + 1, &end, 10);
    const struct field *f = field_by_name(m, name, strlen(name));
    struct list list;
    if (!f || f->kind != FIELD_LIST || strncmp(end, "].", 2) != 0) {
        scenario_fail(s, "%s is no list of parts", name);
        return;
    }
    memcpy(&list, (const uint8_t *)body + f->offset, sizeof(list));
    if (at >= list.count)
        scenario_fail(s, "%s has %u items only", name, list.count);
    else
        field_check(s, f->part, (const uint8_t *)list.items + (size_t)at * f->part->size, end + 2,
                    expected);
}

/* One `name=value`, `rows=N` or `name[2]=value` of what a query should answer. */
static void answer_word_check(struct scenario *s, const struct message *m, const void *body,
                              char *word)
{
    char *value = strchr(word, '=');
    struct list rows = {NULL, 0};
    const struct field *page = field_by_name(m, "rows", 4);
    if (!value) {
        scenario_fail(s, "name=value expected: %s", word);
        return;
    }
    *value++ = '\0';
    if (page)
        memcpy(&rows, (const uint8_t *)body + page->offset, sizeof(rows));
    if (page && strcmp(word, "rows") == 0) {
        if (rows.count != strtoul(value, NULL, 10))
            scenario_fail(s, "%u rows, not %s", rows.count, value);
        return;
    }
    if (!page && strchr(word, '[')) {
        item_check(s, m, body, word, value);
        return;
    }
    if (!page || strcmp(word, "next") == 0) {
        field_check(s, m, body, word, value);
        return;
    }
    uint32_t row = 0;
    char *bracket = strchr(word, '[');
    if (bracket) {
        *bracket = '\0';
        row = (uint32_t)strtoul(bracket + 1, NULL, 10);
    }
    if (row >= rows.count)
        scenario_fail(s, "%u rows only", rows.count);
    else
        field_check(s, page->part, (const uint8_t *)rows.items + (size_t)row * page->part->size,
                    word, value);
}

void query_line(struct scenario *s, const char *who, char *rest)
{
    char *outcome = outcome_cut(rest);
    char *name = word_cut(&rest);
    const struct message *m = message_by_name(&query_set, name);
    const struct message *answer;
    const void *answer_body;
    uint64_t account = 0;
    if (!m) {
        scenario_fail(s, "no query is called %s", name);
        return;
    }
    if (!scope_find(&s->scope, who, &account) && strcmp(who, "stranger") != 0) {
        scenario_fail(s, "%s is no account", who);
        return;
    }
    void *body = scenario_room(s, m->size);
    body_defaults(m, body);
    scope_refresh(s);
    /* A query's fields are about everything unless they say more; `account` 0 is oneself. */
    if (!body_read(&s->scope, m, rest, body, NULL)) {
        scenario_fail(s, "%s", s->scope.error);
        return;
    }
    enum refusal refusal = exchange_query(s->world.x, (uint32_t)account, m, body, &s->world.arena,
                                          &answer, &answer_body);
    char *word = word_cut(&outcome);
    if (strcmp(word, "refused") == 0) {
        if ((int)refusal != refusal_from_name(outcome))
            scenario_fail(s, "%s, not %s", refusal_name(refusal), outcome);
        return;
    }
    if (refusal) {
        scenario_fail(s, "refused %s", refusal_name(refusal));
        return;
    }
    for (; *word && !s->broken; word = word_cut(&outcome)) {
        if (strcmp(word, "ok") != 0)
            answer_word_check(s, answer, answer_body, word);
    }
}

/* --- Expectations --- */

/* The price index comes at whole hours of its own; a line that is not about it need not name it. */
static void expect_events(struct scenario *s, char *rest)
{
    bool about_index = strstr(rest, ev_index_published_message.name) != NULL;
    bool about_cuts = strstr(rest, ev_trade_cut_message.name) != NULL;
    struct arena arena = ARENA_EMPTY;
    uint64_t index = s->log_before;
    uint64_t size = world_log_size(&s->world);
    char logged[512] = "";
    for (uint64_t i = index; i < size; i++) {
        const uint8_t *data;
        size_t length;
        const struct message *m;
        const void *body;
        struct decode_error error;
        world_read(&s->world, i, &data, &length);
        if (event_decode(data, length, &arena, &m, &body, &error) != 0) {
            scenario_fail(s, "event %" PRIu64 " does not decode: %s", i, error.text);
            break;
        }
        if ((m->code == EVENT_index_published && !about_index) ||
            (m->code == EVENT_trade_cut && !about_cuts))
            continue;
        size_t used = strlen(logged);
        snprintf(logged + used, sizeof(logged) - used, "%s%s", used ? " " : "", m->name);
    }
    if (strcmp(logged, rest) != 0)
        scenario_fail(s, "events: %s, not: %s", logged, rest);
    arena_release(&arena);
}

/* Fields of one row of balances or supply; `tokens` stands for tokens_ucr. */
static void amounts_check(struct scenario *s, const struct message *m, const void *row, char *rest)
{
    while (*rest && !s->broken) {
        char *word = word_cut(&rest);
        char *value = strchr(word, '=');
        char name[NAME_ROOM];
        if (!value) {
            scenario_fail(s, "name=amount expected: %s", word);
            return;
        }
        snprintf(name, sizeof(name), "%.*s_ucr", (int)(value - word), word);
        field_check(s, m, row, name, value + 1);
    }
}

static void expect_balance(struct scenario *s, char *rest)
{
    uint64_t account, series;
    char *who = word_cut(&rest);
    char *which = word_cut(&rest);
    const struct message *m;
    const void *body;
    if (!scope_find(&s->scope, who, &account) || !scope_find(&s->scope, which, &series)) {
        scenario_fail(s, "%s or %s is bound to nothing", who, which);
        return;
    }
    struct q_balances q = {.from = series, .limit = 1};
    struct balance_info none = {.account = (uint32_t)account, .series = (uint32_t)series};
    if (exchange_query(s->world.x, (uint32_t)account, &q_balances_message, &q, &s->world.arena, &m,
                       &body)) {
        scenario_fail(s, "no answer about balances");
        return;
    }
    const struct a_balances *answer = body;
    bool there = answer->rows.count == 1 && answer->rows.items[0].series == series;
    amounts_check(s, &balance_info_message, there ? &answer->rows.items[0] : &none, rest);
}

static void expect_supply(struct scenario *s, char *rest)
{
    uint64_t series;
    char *which = word_cut(&rest);
    const struct message *m;
    const void *body;
    if (!scope_find(&s->scope, which, &series)) {
        scenario_fail(s, "%s is bound to nothing", which);
        return;
    }
    struct q_supply q = {.series = (uint32_t)series};
    if (exchange_query(s->world.x, 1, &q_supply_message, &q, &s->world.arena, &m, &body))
        scenario_fail(s, "no answer about the supply");
    else
        amounts_check(s, &supply_info_message, ((const struct a_supply *)body)->rows.items, rest);
}

static void expect_tokens(struct scenario *s, char *rest)
{
    uint64_t account, token;
    char *who = word_cut(&rest);
    const struct message *m;
    const void *body;
    struct q_tokens q = {0};
    uint32_t count = 0;
    if (!scope_find(&s->scope, who, &account) ||
        exchange_query(s->world.x, (uint32_t)account, &q_tokens_message, &q, &s->world.arena, &m,
                       &body)) {
        scenario_fail(s, "no answer about the tokens of %s", who);
        return;
    }
    const struct a_tokens *answer = body;
    while (*rest) {
        char *name = word_cut(&rest);
        if (!scope_find(&s->scope, name, &token)) {
            scenario_fail(s, "%s is bound to nothing", name);
            return;
        }
        if (count >= answer->rows.count || answer->rows.items[count].token != token) {
            scenario_fail(s, "token %u of %s is not %s", count, who, name);
            return;
        }
        count++;
    }
    if (count != answer->rows.count)
        scenario_fail(s, "%s has %u tokens, not %u", who, answer->rows.count, count);
}

/* `expect channel KEY ACCOUNT`: whom the channel key of KEY speaks for. */
static void expect_channel(struct scenario *s, char *rest)
{
    char *key = word_cut(&rest);
    struct keys keys;
    uint64_t account = 0;
    if (strcmp(rest, "nobody") != 0 && !scope_find(&s->scope, rest, &account)) {
        scenario_fail(s, "%s is no account", rest);
        return;
    }
    world_keys(key, &keys);
    uint32_t found = exchange_account_by_channel(s->world.x, keys.channel_public);
    if (found != account)
        scenario_fail(s, "the channel key of %s is account %u's", key, found);
}

void expect_line(struct scenario *s, char *rest)
{
    char *what = word_cut(&rest);
    uint64_t time_s;
    if (strcmp(what, "events") == 0)
        expect_events(s, rest);
    else if (strcmp(what, "balance") == 0)
        expect_balance(s, rest);
    else if (strcmp(what, "supply") == 0)
        expect_supply(s, rest);
    else if (strcmp(what, "tokens") == 0)
        expect_tokens(s, rest);
    else if (strcmp(what, "channel") == 0)
        expect_channel(s, rest);
    else if (strcmp(what, "time") != 0 || !moment_parse(rest, WORLD_BEGIN_S, &time_s))
        scenario_fail(s, "expect knows no %s %s", what, rest);
    else if (time_s != s->world.time_s)
        scenario_fail(s, "the time is T+%" PRIu64 "s", s->world.time_s - WORLD_BEGIN_S);
}
