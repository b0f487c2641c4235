#include "tests/server/exchange/scenario.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/endian.h"
#include "protocol/moment.h"
#include "tests/server/exchange/scenario_value.h"
#include "tests/server/exchange/world.h"

enum { LINE_ROOM = 16384, BATCH_ROOM = 9000, KEY_NAMES_MAX = 256, KEPT_MAX = 16 };

struct key_name {
    char who[NAME_ROOM]; /* an account, or "gift 3" */
    char key[NAME_ROOM];
};

/* What `next` has said of the next request. */
struct next_request {
    uint64_t valid_s;
    bool valid_given;
    char key[NAME_ROOM];
    char as[NAME_ROOM];
    char id[NAME_ROOM];
};

struct step {
    struct operation operation;
    char outcome[512];
    char key_name[NAME_ROOM]; /* the key the operation names first: a new one, or a claim key */
    uint32_t line;
};

struct kept_request {
    char word[NAME_ROOM];
    const struct request *request;
    const struct frame_reply *reply;
};

struct scenario {
    const char *file;
    uint32_t line;
    char title[128];
    unsigned failures; /* of this scenario */
    bool broken;       /* the rest of it is passed over */
    bool running;
    struct world world;
    struct value_scope scope;
    struct key_name key_names[KEY_NAMES_MAX];
    uint32_t key_names_count;
    struct next_request next;
    const struct request *last_request;
    const struct frame_reply *last_reply;
    struct kept_request kept[KEPT_MAX];
    uint32_t kept_count;
    uint64_t log_before; /* size of the log before the last line that did something */

    struct step *steps; /* of the batch being read */
    uint32_t steps_count;
    bool in_batch;
    bool atomic;
    char batch_who[NAME_ROOM];
};

static void fail(struct scenario *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void fail(struct scenario *s, const char *format, ...)
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

static char *trimmed(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        text[--length] = '\0';
    return text;
}

/* Cuts the first word off. */
static char *word_cut(char **rest)
{
    char *word = trimmed(*rest);
    char *end = word;
    while (*end && !isspace((unsigned char)*end))
        end++;
    if (*end)
        *end++ = '\0';
    *rest = trimmed(end);
    return word;
}

/* Cuts what follows `=>` off; an empty text when there is none. */
static char *outcome_cut(char *line)
{
    char *arrow = strstr(line, "=>");
    if (!arrow)
        return line + strlen(line);
    *arrow = '\0';
    return trimmed(arrow + 2);
}

static const char *key_name_of(const struct scenario *s, const char *who)
{
    for (uint32_t i = s->key_names_count; i-- > 0;) {
        if (strcmp(s->key_names[i].who, who) == 0)
            return s->key_names[i].key;
    }
    return who;
}

static void key_name_set(struct scenario *s, const char *who, const char *key)
{
    if (s->key_names_count == KEY_NAMES_MAX)
        abort();
    struct key_name *k = &s->key_names[s->key_names_count++];
    snprintf(k->who, sizeof(k->who), "%s", who);
    snprintf(k->key, sizeof(k->key), "%s", key);
}

static void scope_refresh(struct scenario *s)
{
    s->scope.now_s = s->world.time_s;
    s->scope.arena = &s->world.arena;
}

/* --- Operations: what is left out is filled in --- */

static void *room(struct scenario *s, size_t size)
{
    void *memory = arena_alloc(&s->world.arena, size);
    if (!memory)
        abort();
    return memory;
}

static void rekey_complete(struct scenario *s, const char *who, struct op_account_rekey *op)
{
    struct keys keys;
    uint64_t account = 0;
    uint8_t proven[4 + 32 + 32];
    if (s->scope.proof_name[0] && strcmp(s->scope.proof_name, "bad") == 0)
        return;
    world_keys(s->scope.proof_name[0] ? s->scope.proof_name : s->scope.sign_key_name, &keys);
    scope_find(&s->scope, who, &account);
    put_u32_be(proven, (uint32_t)account);
    memcpy(proven + 4, op->sign_key, 32);
    memcpy(proven + 36, op->channel_key, 32);
    keys_sign(&keys, PURPOSE_REKEY, s->world.id, proven, sizeof(proven), op->proof);
}

static void claim_complete(struct scenario *s, const char *who, struct op_gift_claim *op,
                           const bool *seen)
{
    struct keys keys, own;
    uint64_t account;
    uint8_t proven[8 + 32 + 32];
    char gift[32];
    world_keys(key_name_of(s, who), &own);
    if (!scope_find(&s->scope, who, &account)) { /* a newcomer */
        if (!seen[1])
            op->name = (struct text){.data = who, .length = (uint32_t)strlen(who)};
        if (!seen[2])
            memcpy(op->channel_key, own.channel_public, 32);
    }
    if (s->scope.proof_name[0] && strcmp(s->scope.proof_name, "bad") == 0)
        return;
    snprintf(gift, sizeof(gift), "gift %" PRIu64, op->gift);
    world_keys(s->scope.proof_name[0] ? s->scope.proof_name : key_name_of(s, gift), &keys);
    put_u64_be(proven, op->gift);
    memcpy(proven + 8, own.sign_public, 32);
    memcpy(proven + 40, op->channel_key, 32);
    keys_sign(&keys, PURPOSE_CLAIM, s->world.id, proven, sizeof(proven), op->proof);
}

static void register_complete(struct op_account_register *op, const bool *seen)
{
    struct keys keys;
    char name[NAME_ROOM];
    snprintf(name, sizeof(name), "%.*s", (int)op->name.length, op->name.data);
    world_keys(name, &keys);
    if (!seen[2])
        memcpy(op->sign_key, keys.sign_public, 32);
    if (!seen[3])
        memcpy(op->channel_key, keys.channel_public, 32);
}

/* Reads `operation field=value ...` into a step. */
static bool step_read(struct scenario *s, const char *who, char *text, struct step *out)
{
    bool seen[64] = {false};
    char *name = word_cut(&text);
    const struct message *m = message_by_name(&operation_set, name);
    if (!m) {
        fail(s, "no operation is called %s", name);
        return false;
    }
    void *body = room(s, m->size);
    char *kept_who = room(s, strlen(who) + 1);
    strcpy(kept_who, who);
    body_defaults(m, body);
    scope_refresh(s);
    s->scope.sign_key_name[0] = s->scope.proof_name[0] = '\0';
    if (!body_read(&s->scope, m, text, body, seen)) {
        fail(s, "%s", s->scope.error);
        return false;
    }
    if (m->code == OPERATION_account_register)
        register_complete(body, seen);
    else if (m->code == OPERATION_account_rekey)
        rekey_complete(s, kept_who, body);
    else if (m->code == OPERATION_gift_claim)
        claim_complete(s, kept_who, body, seen);
    out->operation = (struct operation){m, body};
    out->line = s->line;
    snprintf(out->key_name, sizeof(out->key_name), "%s", s->scope.sign_key_name);
    return true;
}

/* --- Outcomes --- */

static bool names_bind(struct scenario *s, const char *names, uint64_t first, uint32_t count,
                       const char *what)
{
    char copy[512];
    char *rest = NULL;
    uint32_t bound = 0;
    snprintf(copy, sizeof(copy), "%s", names);
    for (char *name = strtok_r(copy, ",", &rest); name; name = strtok_r(NULL, ",", &rest))
        scope_bind(&s->scope, name, first + bound++);
    if (bound != count)
        fail(s, "%u %s issued, %u named", count, what, bound);
    return bound == count;
}

static bool accepted_bind(struct scenario *s, char *rest, const struct result *result)
{
    while (*rest) {
        char *word = word_cut(&rest);
        if (strncmp(word, "object=", 7) == 0)
            scope_bind(&s->scope, word + 7, result->object);
        else if (strncmp(word, "tokens=", 7) == 0) {
            if (!names_bind(s, word + 7, result->token_first, result->token_count, "tokens"))
                return false;
        } else if (strncmp(word, "leases=", 7) == 0) {
            if (!names_bind(s, word + 7, result->lease_first, result->lease_count, "leases"))
                return false;
        } else {
            fail(s, "an outcome is not called %s", word);
            return false;
        }
    }
    return true;
}

/* What the harness learns from an accepted operation. */
static void accepted_note(struct scenario *s, const char *who, const struct step *step,
                          const struct result *result)
{
    char gift[32];
    uint64_t account;
    switch (step->operation.message->code) {
    case OPERATION_account_rekey:
        if (step->key_name[0])
            key_name_set(s, who, step->key_name);
        break;
    case OPERATION_token_give:
        snprintf(gift, sizeof(gift), "gift %" PRIu64, result->object);
        key_name_set(s, gift, step->key_name);
        break;
    case OPERATION_gift_claim:
        if (!scope_find(&s->scope, who, &account))
            scope_bind(&s->scope, who, result->object);
        break;
    default:
        break;
    }
}

static bool outcome_check(struct scenario *s, const char *who, const struct step *step,
                          const struct result *result)
{
    char copy[512];
    snprintf(copy, sizeof(copy), "%s", step->outcome);
    char *rest = copy;
    char *word = word_cut(&rest);
    s->line = step->line;
    if (strcmp(word, "ok") == 0) {
        if (result->refusal) {
            fail(s, "refused %s", refusal_name(result->refusal));
            return false;
        }
        accepted_note(s, who, step, result);
        return accepted_bind(s, rest, result);
    }
    if (strcmp(word, "refused") != 0) {
        fail(s, "no outcome: %s", step->outcome);
        return false;
    }
    if (refusal_from_name(rest) < 0)
        fail(s, "no refusal is called %s", rest);
    else if (!result->refusal)
        fail(s, "accepted, not refused %s", rest);
    else if ((int)result->refusal != refusal_from_name(rest))
        fail(s, "refused %s, not %s", refusal_name(result->refusal), rest);
    return !s->broken;
}

static void reply_check(struct scenario *s, const char *who, const char *request_outcome,
                        const struct frame_reply *reply)
{
    static const char prefix[] = "request_refused ";
    const char *expected = NULL;
    if (strncmp(request_outcome, prefix, strlen(prefix)) == 0)
        expected = request_outcome + strlen(prefix);
    if (expected && refusal_from_name(expected) < 0)
        fail(s, "no refusal is called %s", expected);
    else if (expected && !reply->refusal)
        fail(s, "the request was not refused %s", expected);
    else if (reply->refusal && !expected)
        fail(s, "the request was refused %s", refusal_name(reply->refusal));
    else if (expected && (int)reply->refusal != refusal_from_name(expected))
        fail(s, "the request was refused %s, not %s", refusal_name(reply->refusal), expected);
    if (s->broken || expected)
        return;
    for (uint32_t i = 0; i < s->steps_count; i++) {
        if (!outcome_check(s, who, &s->steps[i], &reply->results.items[i]))
            return;
    }
}

/* --- Requests --- */

static void request_head(struct scenario *s, const char *who, struct request *request)
{
    const char *as = s->next.as[0] ? s->next.as : who;
    uint64_t account = 0;
    struct keys keys;
    if (!scope_find(&s->scope, as, &account) && strncmp(as, "account:", 8) == 0)
        account = strtoull(as + 8, NULL, 10);
    world_keys(s->next.key[0] ? s->next.key : key_name_of(s, who), &keys);
    request->account = (uint32_t)account;
    memcpy(request->key, keys.sign_public, 32);
    if (s->next.id[0]) {
        request->id[0] = 1; /* apart from those that are drawn */
        memcpy(request->id + 1, s->next.id, strnlen(s->next.id, 15));
    } else {
        put_u64_be(request->id + 8, ++s->world.ids);
    }
    request->valid_until_s = s->next.valid_given ? s->next.valid_s : s->world.time_s + 300;
    memset(&s->next, 0, sizeof(s->next));
}

static void request_send(struct scenario *s, const char *who, const char *request_outcome)
{
    struct request *request = room(s, sizeof(*request));
    struct operation *operations = room(s, (s->steps_count + 1) * sizeof(*operations));
    for (uint32_t i = 0; i < s->steps_count; i++)
        operations[i] = s->steps[i].operation;
    request_head(s, who, request);
    request->atomic = s->atomic;
    request->operations.items = operations;
    request->operations.count = s->steps_count;
    s->log_before = world_log_size(&s->world);
    s->last_request = request;
    s->last_reply = NULL;
    const struct frame_reply *reply = world_request(&s->world, request);
    struct frame_reply *kept = room(s, sizeof(*kept));
    *kept = *reply;
    s->last_reply = kept;
    reply_check(s, who, request_outcome, kept);
}

static void operation_line(struct scenario *s, const char *who, char *rest)
{
    char *outcome = outcome_cut(rest);
    struct step *step = &s->steps[0];
    s->steps_count = 1;
    s->atomic = false;
    if (!step_read(s, who, rest, step))
        return;
    snprintf(step->outcome, sizeof(step->outcome), "%s", outcome);
    request_send(s, who, outcome);
}

static void batch_line(struct scenario *s, char *line)
{
    if (strncmp(line, "end", 3) == 0 && (line[3] == '\0' || isspace((unsigned char)line[3]))) {
        s->in_batch = false;
        request_send(s, s->batch_who, outcome_cut(line));
        return;
    }
    if (s->steps_count == BATCH_ROOM) {
        fail(s, "the batch is too long");
        return;
    }
    char *outcome = outcome_cut(line);
    uint32_t times = 1;
    if (line[0] == '*') /* `*5 operation ...`: five times the same line */
        times = (uint32_t)strtoul(line + 1, &line, 10);
    struct step step;
    memset(&step, 0, sizeof(step));
    if (!step_read(s, s->batch_who, line, &step))
        return;
    snprintf(step.outcome, sizeof(step.outcome), "%s", outcome);
    for (uint32_t i = 0; i < times && s->steps_count < BATCH_ROOM; i++)
        s->steps[s->steps_count++] = step;
}

static bool results_equal(const struct frame_reply *a, const struct frame_reply *b)
{
    if (a->results.count != b->results.count)
        return false;
    for (uint32_t i = 0; i < a->results.count; i++) {
        const struct result *left = &a->results.items[i];
        const struct result *right = &b->results.items[i];
        if (left->refusal != right->refusal || left->index != right->index ||
            left->object != right->object || left->token_first != right->token_first ||
            left->token_count != right->token_count || left->lease_first != right->lease_first ||
            left->lease_count != right->lease_count)
            return false;
    }
    return true;
}

/* `keep WORD` and `recall WORD`: which request the next retry is of. */
static void keep_line(struct scenario *s, const char *what, const char *word)
{
    struct kept_request *kept = NULL;
    for (uint32_t i = 0; i < s->kept_count; i++) {
        if (strcmp(s->kept[i].word, word) == 0)
            kept = &s->kept[i];
    }
    if (strcmp(what, "keep") == 0 && s->kept_count < KEPT_MAX) {
        kept = &s->kept[s->kept_count++];
        snprintf(kept->word, sizeof(kept->word), "%s", word);
        kept->request = s->last_request;
        kept->reply = s->last_reply;
    }
    if (!kept) {
        fail(s, "no request is kept as %s", word);
        return;
    }
    s->last_request = kept->request;
    s->last_reply = kept->reply;
}

static void retry_line(struct scenario *s, char *rest)
{
    char *outcome = outcome_cut(rest);
    s->log_before = world_log_size(&s->world);
    struct frame_reply reply = *world_request(&s->world, s->last_request);
    if (*outcome) {
        s->steps_count = 0;
        reply_check(s, "", outcome, &reply);
        return;
    }
    if (!reply.repeated) {
        fail(s, "the retry was worked off anew (%s)", refusal_name(reply.refusal));
        return;
    }
    if (reply_rebuild(&reply, world_read, &s->world, &s->world.arena) != 0 ||
        !results_equal(&reply, s->last_reply) || reply.group != s->last_reply->group ||
        reply.time_s != s->last_reply->time_s)
        fail(s, "the retry had another outcome");
}

static void retry_changed_line(struct scenario *s, char *rest)
{
    struct request *request = room(s, sizeof(*request));
    *request = *s->last_request;
    /* `retry_changed valid=+9m`: another valid_until; without it the other flag. */
    char *outcome = outcome_cut(rest);
    rest = trimmed(rest);
    scope_refresh(s);
    if (strncmp(rest, "valid=", 6) == 0)
        moment_parse(rest + 6, s->world.time_s, &request->valid_until_s);
    else
        request->atomic = !request->atomic;
    s->log_before = world_log_size(&s->world);
    s->steps_count = 0;
    reply_check(s, "", outcome, world_request(&s->world, request));
}

static void next_line(struct scenario *s, char *rest)
{
    while (*rest && !s->broken) {
        char *word = word_cut(&rest);
        if (strncmp(word, "valid=", 6) == 0)
            s->next.valid_given = moment_parse(word + 6, s->world.time_s, &s->next.valid_s);
        else if (strncmp(word, "key=", 4) == 0)
            snprintf(s->next.key, sizeof(s->next.key), "%s", word + 4);
        else if (strncmp(word, "as=", 3) == 0)
            snprintf(s->next.as, sizeof(s->next.as), "%s", word + 3);
        else if (strncmp(word, "id=", 3) == 0)
            snprintf(s->next.id, sizeof(s->next.id), "%s", word + 3);
        else
            fail(s, "next knows no %s", word);
    }
}

/* --- Queries --- */

static void field_check(struct scenario *s, const struct message *m, const void *body,
                        const char *name, const char *expected)
{
    char has[256];
    const struct field *f = field_by_name(m, name, strlen(name));
    if (!f) {
        fail(s, "%s has no field %s", m->name, name);
        return;
    }
    scope_refresh(s);
    const char *differs = value_differs(&s->scope, f, body, expected, has, sizeof(has));
    if (differs)
        fail(s, "%s is %s, not %s", name, differs, expected);
}

/* One `name=value`, `rows=N` or `name[2]=value` of what a query should answer. */
static void answer_word_check(struct scenario *s, const struct message *m, const void *body,
                              char *word)
{
    char *value = strchr(word, '=');
    struct list rows = {NULL, 0};
    const struct field *page = field_by_name(m, "rows", 4);
    if (!value) {
        fail(s, "name=value expected: %s", word);
        return;
    }
    *value++ = '\0';
    if (page)
        memcpy(&rows, (const uint8_t *)body + page->offset, sizeof(rows));
    if (page && strcmp(word, "rows") == 0) {
        if (rows.count != strtoul(value, NULL, 10))
            fail(s, "%u rows, not %s", rows.count, value);
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
        fail(s, "%u rows only", rows.count);
    else
        field_check(s, page->part, (const uint8_t *)rows.items + (size_t)row * page->part->size,
                    word, value);
}

static void query_line(struct scenario *s, const char *who, char *rest)
{
    char *outcome = outcome_cut(rest);
    char *name = word_cut(&rest);
    const struct message *m = message_by_name(&query_set, name);
    const struct message *answer;
    const void *answer_body;
    uint64_t account = 0;
    if (!m) {
        fail(s, "no query is called %s", name);
        return;
    }
    if (!scope_find(&s->scope, who, &account) && strcmp(who, "stranger") != 0) {
        fail(s, "%s is no account", who);
        return;
    }
    void *body = room(s, m->size);
    body_defaults(m, body);
    scope_refresh(s);
    /* A query's fields are about everything unless they say more; `account` 0 is oneself. */
    if (!body_read(&s->scope, m, rest, body, NULL)) {
        fail(s, "%s", s->scope.error);
        return;
    }
    enum refusal refusal = exchange_query(s->world.x, (uint32_t)account, m, body, &s->world.arena,
                                          &answer, &answer_body);
    char *word = word_cut(&outcome);
    if (strcmp(word, "refused") == 0) {
        if ((int)refusal != refusal_from_name(outcome))
            fail(s, "%s, not %s", refusal_name(refusal), outcome);
        return;
    }
    if (refusal) {
        fail(s, "refused %s", refusal_name(refusal));
        return;
    }
    for (; *word && !s->broken; word = word_cut(&outcome)) {
        if (strcmp(word, "ok") != 0)
            answer_word_check(s, answer, answer_body, word);
    }
}

/* --- Expectations --- */

static void expect_events(struct scenario *s, char *rest)
{
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
            fail(s, "event %" PRIu64 " does not decode: %s", i, error.text);
            break;
        }
        size_t used = strlen(logged);
        snprintf(logged + used, sizeof(logged) - used, "%s%s", used ? " " : "", m->name);
    }
    if (strcmp(logged, rest) != 0)
        fail(s, "events: %s, not: %s", logged, rest);
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
            fail(s, "name=amount expected: %s", word);
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
        fail(s, "%s or %s is bound to nothing", who, which);
        return;
    }
    struct q_balances q = {.from = series, .limit = 1};
    struct balance_info none = {.account = (uint32_t)account, .series = (uint32_t)series};
    if (exchange_query(s->world.x, (uint32_t)account, &q_balances_message, &q, &s->world.arena, &m,
                       &body)) {
        fail(s, "no answer about balances");
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
        fail(s, "%s is bound to nothing", which);
        return;
    }
    struct q_supply q = {.series = (uint32_t)series};
    if (exchange_query(s->world.x, 1, &q_supply_message, &q, &s->world.arena, &m, &body))
        fail(s, "no answer about the supply");
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
        fail(s, "no answer about the tokens of %s", who);
        return;
    }
    const struct a_tokens *answer = body;
    while (*rest) {
        char *name = word_cut(&rest);
        if (!scope_find(&s->scope, name, &token)) {
            fail(s, "%s is bound to nothing", name);
            return;
        }
        if (count >= answer->rows.count || answer->rows.items[count].token != token) {
            fail(s, "token %u of %s is not %s", count, who, name);
            return;
        }
        count++;
    }
    if (count != answer->rows.count)
        fail(s, "%s has %u tokens, not %u", who, answer->rows.count, count);
}

static void expect_line(struct scenario *s, char *rest)
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
    else if (strcmp(what, "time") != 0 || !moment_parse(rest, WORLD_BEGIN_S, &time_s))
        fail(s, "expect knows no %s %s", what, rest);
    else if (time_s != s->world.time_s)
        fail(s, "the time is T+%" PRIu64 "s", s->world.time_s - WORLD_BEGIN_S);
}

/* --- Other lines --- */

static void accounts_line(struct scenario *s, char *rest)
{
    while (*rest && !s->broken) {
        char *name = word_cut(&rest);
        char *role = strchr(name, ':');
        int64_t value = role ? vocabulary_value(&role_vocabulary, role + 1) : -1;
        if (value < 0) {
            fail(s, "name:role expected: %s", name);
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
    fail(s, "%s is no duration", text);
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
            fail(s, "restart knows no %s", word);
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
        fail(s, "%s", s->scope.error);
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
        query_line(s, what, rest + 1);
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
        fail(s, "no line begins with %s", what);
    }
}

/* --- Scenarios --- */

static bool option_read(const char *word, struct world_options *options)
{
    uint64_t seconds = 0;
    const char *value = strchr(word, '=');
    if (!value)
        return false;
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
    scope_bind(&s->scope, "admin", 1);
    s->running = true;
}

static unsigned scenario_end(struct scenario *s)
{
    if (!s->running)
        return 0;
    if (s->in_batch && !s->broken)
        fail(s, "a batch has no end");
    unsigned faults = world_verify(&s->world);
    if (faults > 0)
        fail(s, "%u things do not hold afterwards", faults);
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
        char *content = trimmed(line);
        s->line = number;
        if (content[0] == '\0' || content[0] == '#')
            continue;
        if (strncmp(content, "scenario ", 9) == 0) {
            failed += scenario_end(s);
            scenario_begin(s, content + 9);
        } else if (!s->running) {
            fail(s, "a file begins with a scenario");
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
