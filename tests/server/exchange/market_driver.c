/*
 * The rules behind a pipe, for a test in another language: a command a line on stdin, an answer a
 * line on stdout, both JSON.
 *
 *   {"register": NAME, "role": ROLE}    {"account": NUMBER}
 *   {"keys": NAME}                      {"sign_key": HEX, "channel_key": HEX} that follow from the
 *                                       name; with "account" that account has them from now on
 *   {"as": ACCOUNT, "operations": [...], "atomic": BOOL}
 *                                       {"refusal": WORD, "results": [...]}; fields as in json.h
 *   {"tick": SECONDS}                   lets so much time pass and works off what falls due, each
 *                                       thing at its second; 0: what is due now. With
 *                                       "late": true all of it only at the end of that time
 *   {"state": true}                     balances, supply, rules, sites, offers, resting orders,
 *                                       live leases, contracts and where those of each kind
 *                                       stand, open proposals, policy
 *   {"papers": true}                    what came of contracts: claims, draws, shares,
 *                                       declarations; flows, and those of each account;
 *                                       all proposals
 *   {"lease": NUMBER}                   that lease, also when it is settled
 *   {"check": true}                     {"faults": [...]}: what exchange_check() finds, and what
 * the referee has found since the check before
 *   {"verify": true}                    {"count": N}: how many things world_verify() finds
 *
 * Requests and ticks also answer "time", in seconds, and "events", all that they logged. The
 * exchange begins with account 1, "admin", which may also be named in "as".
 */
#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/json.h"
#include "client/operations_json.h"
#include "protocol/endian.h"
#include "protocol/status.h"
#include "server/exchange/referee.h"
#include "tests/server/exchange/world.h"

enum { NAMES_MAX = 64 };

struct driver {
    struct world world;
    struct arena arena;                        /* of one answer */
    char names[NAMES_MAX][NAME_MAX_BYTES + 1]; /* by account: whose keys it has */
    uint32_t accounts;
    struct referee *referee;
    json_t *found; /* lines of the referee */
};

static _Noreturn void stop(const char *why)
{
    fprintf(stderr, "market_driver: %s\n", why);
    exit(2);
}

static json_t *made(json_t *json)
{
    if (json == NULL)
        stop("no memory");
    return json;
}

static void set(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, made(value)) != 0)
        stop("no memory");
}

static void append(json_t *array, json_t *value)
{
    if (json_array_append_new(array, made(value)) != 0)
        stop("no memory");
}

/* --- Events -------------------------------------------------------------------------------- */

static json_t *event_to_json(struct driver *d, uint64_t index)
{
    const uint8_t *data;
    size_t length;
    const struct message *m;
    const void *body;
    struct decode_error error;
    if (world_read(&d->world, index, &data, &length) != STATUS_OK ||
        message_decode_coded(&event_set, data + EVENT_NONCE_BYTES, length - EVENT_NONCE_BYTES,
                             &d->arena, &m, &body, &error) != STATUS_OK)
        stop("an event of its own does not decode");
    json_t *json = made(message_to_json(m, body));
    set(json, "event", json_string(m->name));
    return json;
}

static void events_since(struct driver *d, uint64_t from, json_t *answer)
{
    json_t *events = made(json_array());
    for (uint64_t i = from; i < world_log_size(&d->world); i++)
        append(events, event_to_json(d, i));
    set(answer, "events", events);
    set(answer, "time", json_integer((json_int_t)exchange_time(d->world.x)));
}

/* --- Commands ------------------------------------------------------------------------------ */

static json_t *account_register(struct driver *d, const char *name, const char *word)
{
    int64_t role = word != NULL ? vocabulary_value(&role_vocabulary, word) : -1;
    if (name == NULL || strlen(name) > NAME_MAX_BYTES || role < 0)
        stop("register needs a name and a role");
    uint32_t account = world_register(&d->world, name, (enum role)role);
    if (account >= NAMES_MAX)
        stop("too many accounts");
    snprintf(d->names[account], sizeof(d->names[account]), "%s", name);
    d->accounts = account;
    return json_pack("{s:i}", "account", (int)account);
}

static json_t *keys_show(struct driver *d, const char *name, json_int_t account)
{
    struct op_admin_propose op = {0};
    struct keys keys;
    if (name == NULL || strlen(name) > NAME_MAX_BYTES || account < 0 || account >= NAMES_MAX)
        stop("keys needs a name, and an account in order");
    world_keys(name, &keys);
    if (account > 0) {
        snprintf(d->names[account], sizeof(d->names[account]), "%s", name);
        if (account > (json_int_t)d->accounts)
            d->accounts = (uint32_t)account;
    }
    memcpy(op.sign_key, keys.sign_public, sizeof(op.sign_key));
    memcpy(op.channel_key, keys.channel_public, sizeof(op.channel_key));
    return message_to_json(&op_admin_propose_message, &op);
}

static json_t *request_run(struct driver *d, uint32_t account, json_t *command)
{
    struct decode_error error;
    struct keys keys;
    struct world *w = &d->world;
    struct request *request = arena_alloc(&w->arena, sizeof(*request));
    if (request == NULL)
        stop("no memory");
    if (account == 0 || account > d->accounts)
        stop("no such account");
    json_object_del(command, "as");
    char *text = json_dumps(command, JSON_COMPACT);
    if (text == NULL)
        stop("no memory");
    if (operations_from_json(text, strlen(text), &w->arena, request, &error) != STATUS_OK)
        stop(error.text);
    free(text);
    world_keys(d->names[account], &keys);
    request->account = account;
    memcpy(request->key, keys.sign_public, sizeof(request->key));
    put_u64_be(request->id, ++w->ids);
    request->valid_until_s = w->time_s + 300;

    uint64_t from = world_log_size(w);
    const struct frame_reply *reply = world_request(w, request);
    json_t *results = made(json_array());
    for (uint32_t i = 0; i < reply->results.count; i++)
        append(results, message_to_json(&result_message, &reply->results.items[i]));
    json_t *answer =
        made(json_pack("{s:s, s:o}", "refusal", refusal_name(reply->refusal), "results", results));
    events_since(d, from, answer);
    return answer;
}

static json_t *tick_run(struct driver *d, json_int_t seconds, bool late)
{
    uint64_t from = world_log_size(&d->world);
    if (seconds < 0)
        stop("time runs forwards");
    world_settle(&d->world);
    if (seconds > 0)
        world_advance(&d->world, (uint64_t)seconds, !late);
    world_settle(&d->world);
    json_t *answer = made(json_object());
    events_since(d, from, answer);
    return answer;
}

/* --- State --------------------------------------------------------------------------------- */

/* All rows of a list, page by page. `from` is the query's cursor in `body`. */
static json_t *rows_all(struct driver *d, const struct message *query, const void *body,
                        uint64_t *from)
{
    json_t *rows = made(json_array());
    do {
        const struct message *m;
        const void *answer;
        if (exchange_query(d->world.x, 1, query, body, &d->arena, &m, &answer) != REFUSAL_accepted)
            stop("a query of the admin was refused");
        json_t *page = made(message_to_json(m, answer));
        *from = (uint64_t)json_integer_value(json_object_get(page, "next"));
        if (json_array_extend(rows, json_object_get(page, "rows")) != 0)
            stop("no memory");
        json_decref(page);
    } while (*from != 0);
    return rows;
}

static void rows_join(json_t *all, json_t *rows)
{
    if (json_array_extend(all, rows) != 0)
        stop("no memory");
    json_decref(rows);
}

static void contracts_show(struct driver *d, json_t *state)
{
    struct q_contracts contracts = {0};
    set(state, "contracts", rows_all(d, &q_contracts_message, &contracts, &contracts.from));
    struct q_backstops backstops = {0};
    set(state, "backstops", rows_all(d, &q_backstops_message, &backstops, &backstops.from));
    struct q_revshares revshares = {0};
    set(state, "revshares", rows_all(d, &q_revshares_message, &revshares, &revshares.from));
    struct q_grants grants = {0};
    set(state, "grants", rows_all(d, &q_grants_message, &grants, &grants.from));
    struct q_guarantees guarantees = {0};
    set(state, "guarantees", rows_all(d, &q_guarantees_message, &guarantees, &guarantees.from));
}

static json_t *policy_show(struct driver *d)
{
    struct q_policy q = {0};
    const struct message *m;
    const void *answer;
    if (exchange_query(d->world.x, 1, &q_policy_message, &q, &d->arena, &m, &answer) !=
        REFUSAL_accepted)
        stop("a query of the admin was refused");
    return made(message_to_json(m, answer));
}

static json_t *state_show(struct driver *d)
{
    json_t *state = made(json_object());
    json_t *balances = made(json_array());
    json_t *rules = made(json_array());
    for (uint32_t account = 1; account <= d->accounts; account++) {
        struct q_balances q = {.account = account};
        rows_join(balances, rows_all(d, &q_balances_message, &q, &q.from));
        struct q_rules of = {.account = account};
        rows_join(rules, rows_all(d, &q_rules_message, &of, &of.from));
    }
    set(state, "balances", balances);
    struct q_supply supply = {0};
    set(state, "supply", rows_all(d, &q_supply_message, &supply, &supply.from));
    set(state, "rules", rules);
    struct q_sites sites = {0};
    set(state, "sites", rows_all(d, &q_sites_message, &sites, &sites.from));
    struct q_offers offers = {.open_only = true};
    set(state, "offers", rows_all(d, &q_offers_message, &offers, &offers.from));
    struct q_orders orders = {.resting_only = true};
    set(state, "orders", rows_all(d, &q_orders_message, &orders, &orders.from));
    struct q_leases leases = {.live_only = true};
    set(state, "leases", rows_all(d, &q_leases_message, &leases, &leases.from));
    contracts_show(d, state);
    struct q_proposals proposals = {0};
    set(state, "proposals", rows_all(d, &q_proposals_message, &proposals, &proposals.from));
    set(state, "policy", policy_show(d));
    return state;
}

static json_t *papers_show(struct driver *d)
{
    json_t *papers = made(json_object());
    json_t *draws = made(json_array());
    json_t *shares = made(json_array());
    json_t *declarations = made(json_array());
    struct q_claims claims = {0};
    set(papers, "claims", rows_all(d, &q_claims_message, &claims, &claims.from));
    struct q_contracts of = {0};
    json_t *contracts = rows_all(d, &q_contracts_message, &of, &of.from);
    size_t i;
    json_t *contract;
    json_array_foreach(contracts, i, contract)
    {
        uint64_t number = (uint64_t)json_integer_value(json_object_get(contract, "contract"));
        const char *kind = json_string_value(json_object_get(contract, "kind"));
        struct q_draws q_draws = {.contract = number};
        struct q_shares q_shares = {.contract = number};
        if (strcmp(kind, "backstop") == 0)
            rows_join(draws, rows_all(d, &q_draws_message, &q_draws, &q_draws.from));
        if (strcmp(kind, "revenue_share") == 0)
            rows_join(shares, rows_all(d, &q_shares_message, &q_shares, &q_shares.from));
    }
    json_decref(contracts);
    for (uint32_t account = 1; account <= d->accounts; account++) {
        struct q_declarations q = {.account = account};
        rows_join(declarations, rows_all(d, &q_declarations_message, &q, &q.from));
    }
    set(papers, "draws", draws);
    set(papers, "shares", shares);
    set(papers, "declarations", declarations);
    struct q_flows flows = {0};
    set(papers, "flows", rows_all(d, &q_flows_message, &flows, &flows.from));
    json_t *own = made(json_object());
    for (uint32_t account = 1; account <= d->accounts; account++) {
        char number[16];
        struct q_flows q = {.account = account};
        snprintf(number, sizeof(number), "%" PRIu32, account);
        set(own, number, rows_all(d, &q_flows_message, &q, &q.from));
    }
    set(papers, "flows_of", own);
    struct q_proposals proposals = {.all = true};
    set(papers, "proposals", rows_all(d, &q_proposals_message, &proposals, &proposals.from));
    return papers;
}

static json_t *lease_show(struct driver *d, uint64_t lease)
{
    struct q_leases q = {.lease = lease};
    json_t *rows = rows_all(d, &q_leases_message, &q, &q.from);
    return json_pack("{s:o}", "leases", rows);
}

static void line_collect(void *context, const char *line)
{
    append(context, json_string(line));
}

static void referee_collect(void *context, const char *line)
{
    struct driver *d = context;
    append(d->found, json_string(line));
}

static json_t *check_run(struct driver *d)
{
    json_t *faults = d->found;
    d->found = made(json_array());
    exchange_check(d->world.x, line_collect, faults);
    return json_pack("{s:o}", "faults", faults);
}

/* --- The pipe ------------------------------------------------------------------------------ */

static json_t *command_run(struct driver *d, json_t *command)
{
    json_t *value;
    if ((value = json_object_get(command, "as")) != NULL)
        return request_run(d, (uint32_t)json_integer_value(value), command);
    if ((value = json_object_get(command, "tick")) != NULL)
        return tick_run(d, json_integer_value(value),
                        json_is_true(json_object_get(command, "late")));
    if (json_object_get(command, "state") != NULL)
        return state_show(d);
    if (json_object_get(command, "papers") != NULL)
        return papers_show(d);
    if ((value = json_object_get(command, "lease")) != NULL)
        return lease_show(d, (uint64_t)json_integer_value(value));
    if (json_object_get(command, "check") != NULL)
        return check_run(d);
    if (json_object_get(command, "verify") != NULL)
        return json_pack("{s:i}", "count", (int)world_verify(&d->world));
    if ((value = json_object_get(command, "register")) != NULL)
        return account_register(d, json_string_value(value),
                                json_string_value(json_object_get(command, "role")));
    if ((value = json_object_get(command, "keys")) != NULL)
        return keys_show(d, json_string_value(value),
                         json_integer_value(json_object_get(command, "account")));
    stop("no such command");
}

int main(void)
{
    static struct driver driver = {.accounts = 1};
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    world_begin(&driver.world, WORLD_OPTIONS);
    snprintf(driver.names[1], sizeof(driver.names[1]), "admin");
    driver.found = made(json_array());
    driver.referee = referee_new(driver.world.x, referee_collect, &driver);
    while ((length = getline(&line, &room, stdin)) > 0) {
        json_error_t why;
        json_t *command = json_loadb(line, (size_t)length, 0, &why);
        if (!json_is_object(command))
            stop("a line is no JSON object");
        json_t *answer = made(command_run(&driver, command));
        if (json_dumpf(answer, stdout, JSON_COMPACT) != 0 || putchar('\n') == EOF ||
            fflush(stdout) != 0)
            stop("nobody reads the answers");
        json_decref(answer);
        json_decref(command);
        arena_clear(&driver.arena);
    }
    free(line);
    referee_free(driver.referee);
    json_decref(driver.found);
    arena_release(&driver.arena);
    world_end(&driver.world);
    return 0;
}
