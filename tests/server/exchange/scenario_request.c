/* Lines that send requests, and what is to come of them. */
#include "tests/server/exchange/scenario_state.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/endian.h"
#include "protocol/moment.h"

/* --- Operations: what is left out is filled in --- */

/* The proof of new keys, of account_rekey and account_key_add. */
static void keys_prove(struct scenario *s, const char *who, const uint8_t sign_key[32],
                       const uint8_t channel_key[32], uint8_t proof[64])
{
    struct keys keys;
    uint64_t account = 0;
    uint8_t proven[4 + 32 + 32];
    if (s->scope.proof_name[0] && strcmp(s->scope.proof_name, "bad") == 0)
        return;
    world_keys(s->scope.proof_name[0] ? s->scope.proof_name : s->scope.sign_key_name, &keys);
    scope_find(&s->scope, who, &account);
    put_u32_be(proven, (uint32_t)account);
    memcpy(proven + 4, sign_key, 32);
    memcpy(proven + 36, channel_key, 32);
    keys_sign(&keys, PURPOSE_REKEY, s->world.id, proven, sizeof(proven), proof);
}

static void rekey_complete(struct scenario *s, const char *who, struct op_account_rekey *op)
{
    keys_prove(s, who, op->sign_key, op->channel_key, op->proof);
}

static void key_add_complete(struct scenario *s, const char *who, struct op_account_key_add *op)
{
    keys_prove(s, who, op->sign_key, op->channel_key, op->proof);
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
            op->name = text_of(who);
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
        scenario_fail(s, "no operation is called %s", name);
        return false;
    }
    void *body = scenario_room(s, m->size);
    char *kept_who = scenario_room(s, strlen(who) + 1);
    strcpy(kept_who, who);
    body_defaults(m, body);
    scope_refresh(s);
    s->scope.sign_key_name[0] = s->scope.proof_name[0] = '\0';
    if (!body_read(&s->scope, m, text, body, seen)) {
        scenario_fail(s, "%s", s->scope.error);
        return false;
    }
    if (m->code == OPERATION_account_register)
        register_complete(body, seen);
    else if (m->code == OPERATION_account_rekey)
        rekey_complete(s, kept_who, body);
    else if (m->code == OPERATION_account_key_add)
        key_add_complete(s, kept_who, body);
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
        scenario_fail(s, "%u %s issued, %u named", count, what, bound);
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
            scenario_fail(s, "an outcome is not called %s", word);
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
            scenario_fail(s, "refused %s", refusal_name(result->refusal));
            return false;
        }
        accepted_note(s, who, step, result);
        return accepted_bind(s, rest, result);
    }
    if (strcmp(word, "refused") != 0) {
        scenario_fail(s, "no outcome: %s", step->outcome);
        return false;
    }
    if (refusal_from_name(rest) < 0)
        scenario_fail(s, "no refusal is called %s", rest);
    else if (!result->refusal)
        scenario_fail(s, "accepted, not refused %s", rest);
    else if ((int)result->refusal != refusal_from_name(rest))
        scenario_fail(s, "refused %s, not %s", refusal_name(result->refusal), rest);
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
        scenario_fail(s, "no refusal is called %s", expected);
    else if (expected && !reply->refusal)
        scenario_fail(s, "the request was not refused %s", expected);
    else if (reply->refusal && !expected)
        scenario_fail(s, "the request was refused %s", refusal_name(reply->refusal));
    else if (expected && (int)reply->refusal != refusal_from_name(expected))
        scenario_fail(s, "the request was refused %s, not %s", refusal_name(reply->refusal),
                      expected);
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
    struct request *request = scenario_room(s, sizeof(*request));
    struct operation *operations = scenario_room(s, (s->steps_count + 1) * sizeof(*operations));
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
    struct frame_reply *kept = scenario_room(s, sizeof(*kept));
    *kept = *reply;
    s->last_reply = kept;
    reply_check(s, who, request_outcome, kept);
}

void operation_line(struct scenario *s, const char *who, char *rest)
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

void batch_line(struct scenario *s, char *line)
{
    if (strncmp(line, "end", 3) == 0 && (line[3] == '\0' || isspace((unsigned char)line[3]))) {
        s->in_batch = false;
        request_send(s, s->batch_who, outcome_cut(line));
        return;
    }
    if (s->steps_count == BATCH_ROOM) {
        scenario_fail(s, "the batch is too long");
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
void keep_line(struct scenario *s, const char *what, const char *word)
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
        scenario_fail(s, "no request is kept as %s", word);
        return;
    }
    s->last_request = kept->request;
    s->last_reply = kept->reply;
}

void retry_line(struct scenario *s, char *rest)
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
        scenario_fail(s, "the retry was worked off anew (%s)", refusal_name(reply.refusal));
        return;
    }
    if (reply_rebuild(&reply, world_read, &s->world, &s->world.arena) != 0 ||
        !results_equal(&reply, s->last_reply) || reply.group != s->last_reply->group ||
        reply.time_s != s->last_reply->time_s)
        scenario_fail(s, "the retry had another outcome");
}

void retry_changed_line(struct scenario *s, char *rest)
{
    struct request *request = scenario_room(s, sizeof(*request));
    *request = *s->last_request;
    /* `retry_changed valid=+9m`: another valid_until; without it the other flag. */
    char *outcome = outcome_cut(rest);
    rest = text_trimmed(rest);
    scope_refresh(s);
    if (strncmp(rest, "valid=", 6) == 0)
        moment_parse(rest + 6, s->world.time_s, &request->valid_until_s);
    else
        request->atomic = !request->atomic;
    s->log_before = world_log_size(&s->world);
    s->steps_count = 0;
    reply_check(s, "", outcome, world_request(&s->world, request));
}

void next_line(struct scenario *s, char *rest)
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
            scenario_fail(s, "next knows no %s", word);
    }
}
