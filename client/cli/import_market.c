#include "client/cli/import_market.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/connection_errors.h"
#include "protocol/refusal.h"
#include "protocol/status.h"

/* "import-1-operator-T4" in the arena: a name that tells the seed, so that several runs can share
 * an exchange. Empty when memory is out, which the exchange then refuses. */
static struct text name_of_part(const struct market *m, struct arena *arena, const char *part)
{
    char name[NAME_MAX_BYTES + 1];
    int n = snprintf(name, sizeof(name), "import-%" PRIu64 "-%s", m->seed, part);
    uint32_t length = n < (int)sizeof(name) ? (uint32_t)n : NAME_MAX_BYTES;
    char *copy = arena_copy(arena, name, length);
    return (struct text){copy, copy == NULL ? 0 : length};
}

enum { PART_BYTES = TRACE_MODEL_BYTES + 32 };

/* "operator-T4", and "operator-T4-2" of the model's second seller. */
static const char *part_of_seller(const struct market *m, const char *role, char separator,
                                  uint32_t seller, char out[PART_BYTES])
{
    uint32_t operators = m->plan->options.operators;
    const char *model = m->plan->models[seller / operators].name;
    int n = snprintf(out, PART_BYTES, "%s%c%s", role, separator, model);
    if (seller % operators > 0)
        snprintf(out + n, PART_BYTES - (size_t)n, "-%u", seller % operators + 1);
    return out;
}

int market_refused(const struct operation *o, uint32_t refusal, struct connection_error *error)
{
    connection_fail(error, STATUS_MISUSE, "%s was refused: %s: %s", o->message->name,
                    refusal_name(refusal), refusal_text(refusal));
    error->refusal = refusal;
    return STATUS_MISUSE;
}

/* Takes the reply to `count` operations; their results, accepted or not, go behind `results`. */
static int results_take(struct market *m, uint32_t count, struct arena *arena,
                        struct result *results, struct connection_error *error)
{
    const struct frame_reply *reply = NULL;
    int status = wire_reply(m->wire, arena, &reply, error);
    if (status != STATUS_OK)
        return status;
    if (reply->results.count != count)
        return connection_fail(error, STATUS_MALFORMED, "%u results for %u operations",
                               (unsigned)reply->results.count, (unsigned)count);
    memcpy(results, reply->results.items, count * sizeof(*results));
    return STATUS_OK;
}

/* As market_apply(), but leaves it to the caller to look at refusals. */
static int apply_any(struct market *m, const struct wire_party *who,
                     const struct operation *operations, uint32_t count, struct arena *arena,
                     struct result **results_out, struct connection_error *error)
{
    struct result *results = arena_alloc(arena, (count + 1) * sizeof(*results));
    if (results == NULL)
        return connection_fail(error, STATUS_MEMORY, "out of memory");
    *results_out = results;
    for (uint32_t at = 0; at < count;) {
        uint32_t n = count - at < MARKET_BATCH_OPERATIONS ? count - at : MARKET_BATCH_OPERATIONS;
        int status = wire_send(m->wire, who, operations + at, n, error);
        if (status == STATUS_OK)
            status = results_take(m, n, arena, results + at, error);
        if (status != STATUS_OK)
            return status;
        at += n;
    }
    return STATUS_OK;
}

int market_apply(struct market *m, const struct wire_party *who, const struct operation *operations,
                 uint32_t count, struct arena *arena, struct result **results_out,
                 struct connection_error *error)
{
    struct arena own = ARENA_EMPTY;
    struct result *results = NULL;
    int status =
        apply_any(m, who, operations, count, arena == NULL ? &own : arena, &results, error);
    for (uint32_t i = 0; status == STATUS_OK && i < count; i++) {
        if (results[i].refusal != REFUSAL_accepted)
            status = market_refused(&operations[i], results[i].refusal, error);
    }
    if (results_out != NULL && arena != NULL)
        *results_out = results;
    arena_release(&own);
    return status;
}

int market_send(struct market *m, const struct wire_party *who, const struct operation *operations,
                uint32_t count, struct connection_error *error)
{
    int status = STATUS_OK;
    for (uint32_t at = 0; status == STATUS_OK && at < count; at += MARKET_BATCH_OPERATIONS) {
        uint32_t left = count - at;
        status = wire_send(m->wire, who, operations + at,
                           left < MARKET_BATCH_OPERATIONS ? left : MARKET_BATCH_OPERATIONS, error);
    }
    return status;
}

int market_send_expecting(struct market *m, const struct wire_party *who,
                          const struct operation *operations, uint32_t count,
                          struct connection_error *error)
{
    if (count == 0)
        return STATUS_OK;
    if (m->expected_count == m->expected_capacity) {
        size_t capacity = m->expected_capacity == 0 ? 64 : 2 * m->expected_capacity;
        struct market_expected *expected = reallocarray(m->expected, capacity, sizeof(*expected));
        if (expected == NULL)
            return connection_fail(error, STATUS_MEMORY, "out of memory");
        m->expected = expected;
        m->expected_capacity = capacity;
    }
    m->expected[m->expected_count++] = (struct market_expected){operations[0].message, count};
    return market_send(m, who, operations, count, error);
}

int market_take_expected(struct market *m, struct arena *arena, struct connection_error *error)
{
    for (size_t i = 0; i < m->expected_count; i++) {
        struct market_expected e = m->expected[i];
        while (e.count > 0) {
            const struct frame_reply *reply = NULL;
            int status = wire_reply(m->wire, arena, &reply, error);
            if (status != STATUS_OK)
                return status;
            if (reply->results.count == 0 || reply->results.count > e.count)
                return connection_fail(error, STATUS_MALFORMED, "a reply to other operations");
            for (uint32_t j = 0; j < reply->results.count; j++) {
                struct operation o = {e.message, NULL};
                if (reply->results.items[j].refusal != REFUSAL_accepted)
                    return market_refused(&o, reply->results.items[j].refusal, error);
            }
            e.count -= reply->results.count;
        }
    }
    m->expected_count = 0;
    return STATUS_OK;
}

/* `count` operations of one kind with zeroed bodies to fill in; NULL when memory is out. */
static struct operation *operations_new(struct arena *arena, const struct message *message,
                                        size_t count, void **bodies_out)
{
    struct operation *o = arena_alloc(arena, (count + 1) * sizeof(*o));
    uint8_t *bodies = arena_alloc(arena, (count + 1) * message->size);
    if (o == NULL || bodies == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++)
        o[i] = (struct operation){message, bodies + i * message->size};
    *bodies_out = bodies;
    return o;
}

static int out_of_memory(struct connection_error *error)
{
    return connection_fail(error, STATUS_MEMORY, "out of memory");
}

static int clock_to_epoch(struct market *m, struct connection_error *error)
{
    struct op_clock_advance body = {.time_s = m->epoch_s};
    struct operation o = {&op_clock_advance_message, &body};
    int status = market_apply(m, &m->admin, &o, 1, NULL, NULL, error);
    wire_time_set(m->wire, m->epoch_s);
    return status;
}

static void party_register(struct op_account_register *to, const struct wire_party *who,
                           struct text name, enum role role)
{
    to->name = name;
    to->role = role;
    memcpy(to->sign_key, who->keys.sign_public, sizeof(to->sign_key));
    memcpy(to->channel_key, who->keys.channel_public, sizeof(to->channel_key));
}

/* The startup and the operators. */
static int parties_make(struct market *m, struct arena *arena, struct connection_error *error)
{
    uint32_t sellers = m->plan->sellers_count;
    void *bodies;
    char part[PART_BYTES];
    struct result *results = NULL;
    struct operation *o = operations_new(arena, &op_account_register_message, sellers + 1, &bodies);
    if (o == NULL)
        return out_of_memory(error);
    struct op_account_register *accounts = bodies;
    wire_keys(m->seed, "startup", &m->startup.keys);
    party_register(&accounts[sellers], &m->startup, name_of_part(m, arena, "startup"),
                   ROLE_STARTUP);
    for (uint32_t i = 0; i < sellers; i++) {
        wire_keys(m->seed, part_of_seller(m, "operator", ' ', i, part), &m->operators[i].keys);
        part_of_seller(m, "operator", '-', i, part);
        party_register(&accounts[i], &m->operators[i], name_of_part(m, arena, part), ROLE_OPERATOR);
    }
    int status = market_apply(m, &m->admin, o, sellers + 1, arena, &results, error);
    if (status != STATUS_OK)
        return status;
    for (uint32_t i = 0; i < sellers; i++)
        m->operators[i].account = (uint32_t)results[i].object;
    m->startup.account = (uint32_t)results[sellers].object;
    return STATUS_OK;
}

/* The number of a SKU that the exchange has already. */
static int sku_find(struct market *m, const char *name, uint64_t *sku_out,
                    struct connection_error *error)
{
    struct arena arena = ARENA_EMPTY;
    struct q_skus body = {.name = text_of(name)};
    const void *got = NULL;
    int status = wire_ask(m->wire, &q_skus_message, &body, error);
    if (status == STATUS_OK)
        status = wire_answer(m->wire, &q_skus_message, &arena, &got, error);
    if (status == STATUS_OK) {
        const struct a_skus *answer = got;
        if (answer->rows.count == 1)
            *sku_out = answer->rows.items[0].sku;
        else
            status = connection_fail(error, STATUS_NOT_FOUND, "SKU %s: not found", name);
    }
    arena_release(&arena);
    return status;
}

static int skus_make(struct market *m, struct arena *arena, struct connection_error *error)
{
    uint32_t models = m->plan->models_count;
    void *bodies;
    struct result *results = NULL;
    struct operation *o = operations_new(arena, &op_sku_add_message, models, &bodies);
    if (o == NULL)
        return out_of_memory(error);
    struct op_sku_add *skus = bodies;
    for (uint32_t i = 0; i < models; i++) {
        const struct plan_model *from = &m->plan->models[i];
        skus[i] = (struct op_sku_add){.name = text_of(from->sku),
                                      .vendor = text_of(from->vendor),
                                      .model = text_of(from->model),
                                      .memory_gb = from->memory_gb,
                                      .interconnect = text_of(from->interconnect),
                                      .power_w = from->power_w,
                                      .generation = text_of(from->generation)};
    }
    int status = apply_any(m, &m->admin, o, models, arena, &results, error);
    for (uint32_t i = 0; status == STATUS_OK && i < models; i++) {
        if (results[i].refusal == REFUSAL_accepted)
            m->skus[i] = results[i].object;
        else if (results[i].refusal == REFUSAL_sku_taken)
            status = sku_find(m, m->plan->models[i].sku, &m->skus[i], error);
        else
            status = market_refused(&o[i], results[i].refusal, error);
    }
    return status;
}

static int sites_make(struct market *m, struct arena *arena, struct connection_error *error)
{
    int status = STATUS_OK;
    for (uint32_t i = 0; status == STATUS_OK && i < m->plan->sellers_count; i++) {
        char part[PART_BYTES];
        struct result *results = NULL;
        part_of_seller(m, "site", '-', i, part);
        struct op_site_add body = {.name = name_of_part(m, arena, part),
                                   .region = text_of("CN"),
                                   .jurisdiction = text_of("CN"),
                                   .power_kw = (uint32_t)m->plan->power_kw[i]};
        struct operation o = {&op_site_add_message, &body};
        status = market_apply(m, &m->operators[i], &o, 1, arena, &results, error);
        if (status == STATUS_OK)
            m->sites[i] = results[0].object;
    }
    return status;
}

static int series_make(struct market *m, struct arena *arena, struct connection_error *error)
{
    struct result *results = NULL;
    struct op_series_create body = {.name = name_of_part(m, arena, "credits"),
                                    .funder = m->admin.account,
                                    .expired_to = m->admin.account,
                                    .transferable = true};
    struct operation o = {&op_series_create_message, &body};
    int status = market_apply(m, &m->admin, &o, 1, arena, &results, error);
    if (status == STATUS_OK)
        m->series = (uint32_t)results[0].object;
    return status;
}

/* A token for each task. */
static int tokens_mint(struct market *m, struct arena *arena, struct connection_error *error)
{
    size_t count = m->plan->tasks_count;
    struct payment *outputs = arena_alloc(arena, count * sizeof(*outputs));
    m->tokens = calloc(count, sizeof(*m->tokens));
    if (outputs == NULL || m->tokens == NULL)
        return out_of_memory(error);
    for (size_t i = 0; i < count; i++)
        outputs[i] = (struct payment){m->startup.account, m->plan->tasks[i].funds_ucr};
    int status = STATUS_OK;
    for (size_t at = 0; status == STATUS_OK && at < count; at += TRANSFER_OUTPUTS_MAX) {
        size_t n = count - at < TRANSFER_OUTPUTS_MAX ? count - at : TRANSFER_OUTPUTS_MAX;
        struct result *results = NULL;
        struct op_mint body = {.series = m->series};
        body.outputs.items = outputs + at;
        body.outputs.count = (uint32_t)n;
        struct operation o = {&op_mint_message, &body};
        status = market_apply(m, &m->admin, &o, 1, arena, &results, error);
        for (size_t i = 0; status == STATUS_OK && i < n; i++)
            m->tokens[at + i] = results[0].token_first + i;
    }
    return status;
}

/* The nodes of one seller. */
static int offers_publish_of(struct market *m, uint32_t seller, uint64_t end_s, struct arena *arena,
                             struct connection_error *error)
{
    const struct plan *p = m->plan;
    void *bodies;
    uint32_t count = 0;
    struct result *results = NULL;
    struct operation *o =
        operations_new(arena, &op_offer_publish_message, p->offers_count, &bodies);
    if (o == NULL)
        return out_of_memory(error);
    struct op_offer_publish *offers = bodies;
    for (size_t i = 0; i < p->offers_count; i++) {
        const struct plan_offer *from = &p->offers[i];
        if (from->seller != seller)
            continue;
        offers[count++] = (struct op_offer_publish){
            .site = m->sites[seller],
            .sku = m->skus[from->model],
            .gpus = from->gpus,
            .block_gpus = 1,
            .start_s = m->epoch_s,
            .end_s = end_s,
            .price_ucr = from->price_ucr,
            .preemptible = from->preemptible,
            .notice_min = from->preemptible ? PLAN_NOTICE_MIN : 0,
            .lease_min_min = 1,
            .billing = BILLING_METERED,
            .meter_period_min = MARKET_METER_PERIOD_MIN,
            .standing_min = from->standing ? PLAN_STANDING_MIN : 0,
        };
    }
    int status = market_apply(m, &m->operators[seller], o, count, arena, &results, error);
    for (size_t i = 0, at = 0; status == STATUS_OK && i < p->offers_count; i++) {
        if (p->offers[i].seller == seller)
            m->offers[i] = results[at++].object;
    }
    return status;
}

static int offers_publish(struct market *m, struct connection_error *error)
{
    /* Beyond what anybody can book. */
    uint64_t end_s = m->epoch_s + (m->plan->open_min + 1) * 60;
    int status = STATUS_OK;
    m->offers = calloc(m->plan->offers_count, sizeof(*m->offers));
    if (m->offers == NULL)
        return out_of_memory(error);
    for (uint32_t i = 0; status == STATUS_OK && i < m->plan->sellers_count; i++) {
        struct arena arena = ARENA_EMPTY;
        status = offers_publish_of(m, i, end_s, &arena, error);
        arena_release(&arena);
    }
    return status;
}

const struct plan_offer *market_offer(const struct market *m, uint64_t offer)
{
    for (size_t i = 0; i < m->plan->offers_count; i++) {
        if (m->offers[i] == offer)
            return &m->plan->offers[i];
    }
    return NULL;
}

int market_open(struct market *m, struct connection_error *error)
{
    struct arena arena = ARENA_EMPTY;
    int status = clock_to_epoch(m, error);
    if (status == STATUS_OK)
        status = parties_make(m, &arena, error);
    if (status == STATUS_OK)
        status = skus_make(m, &arena, error);
    if (status == STATUS_OK)
        status = sites_make(m, &arena, error);
    if (status == STATUS_OK)
        status = series_make(m, &arena, error);
    if (status == STATUS_OK)
        status = tokens_mint(m, &arena, error);
    if (status == STATUS_OK)
        status = offers_publish(m, error);
    arena_release(&arena);
    return status;
}

void market_release(struct market *m)
{
    keys_wipe(&m->admin.keys);
    keys_wipe(&m->startup.keys);
    for (uint32_t i = 0; i < PLAN_SELLERS_MAX; i++)
        keys_wipe(&m->operators[i].keys);
    free(m->offers);
    m->offers = NULL;
    free(m->tokens);
    m->tokens = NULL;
    free(m->expected);
    m->expected = NULL;
}
