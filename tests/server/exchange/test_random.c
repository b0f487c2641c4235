/*
 * Random registrations, mints, transfers, gifts, burns and expiries against a model that knows
 * nothing but who holds which token: after every few hundred steps all holdings agree, and in the
 * end everything is checked, replayed, taken over and rebuilt.
 */
#include "tests/server/exchange/support.h"

#include "protocol/endian.h"
#include "tests/server/exchange/world.h"

enum {
    STEPS = 3000,
    TOKENS_ROOM = 20000,
    ACCOUNTS_ROOM = 200,
    SERIES_ROOM = 64,
    GIFTS_ROOM = 4000
};

struct coin {
    uint32_t owner; /* 0: gone */
    uint32_t series;
    amount a;
};

/* By serial and number. */
struct model {
    struct coin tokens[TOKENS_ROOM];
    struct coin gifts[GIFTS_ROOM];
    amount burned[ACCOUNTS_ROOM][SERIES_ROOM];
    amount minted[SERIES_ROOM];
    uint64_t expires_s[SERIES_ROOM];
    uint64_t tokens_last;
    uint64_t gifts_last;
    uint32_t accounts;
    uint32_t series;
};

static struct world w;
static struct model m;
static char names[ACCOUNTS_ROOM][24];

static bool expired(uint32_t series)
{
    return m.expires_s[series] > 0 && m.expires_s[series] <= w.time_s;
}

static uint32_t any_account(void)
{
    return (uint32_t)random_below(m.accounts) + 1;
}

/* A living token of a series that has not expired; 0 when a few tries find none. */
static uint64_t any_token(void)
{
    for (int i = 0; i < 30 && m.tokens_last > 0; i++) {
        uint64_t token = random_below(m.tokens_last) + 1;
        if (m.tokens[token].owner && !expired(m.tokens[token].series))
            return token;
    }
    return 0;
}

static void token_new(uint64_t serial, uint32_t owner, uint32_t series, amount a)
{
    assert_int_equal(serial, m.tokens_last + 1);
    m.tokens[++m.tokens_last] = (struct coin){owner, series, a};
}

static void register_step(void)
{
    uint32_t account = m.accounts + 1;
    if (account >= ACCOUNTS_ROOM - 1)
        return;
    snprintf(names[account], sizeof(names[account]), "account %u", account);
    assert_int_equal(world_register(&w, names[account], ROLE_STARTUP), account);
    m.accounts = account;
}

static void series_step(void)
{
    char name[24];
    if (m.series + 1 >= SERIES_ROOM)
        return;
    uint32_t series = ++m.series;
    snprintf(name, sizeof(name), "series %u", series);
    m.expires_s[series] = random_below(2) ? w.time_s + 600 + random_below(20000) : 0;
    assert_int_equal(world_series(&w, name, m.expires_s[series]), series);
}

static void mint_step(void)
{
    uint32_t series = (uint32_t)random_below(m.series) + 1;
    uint32_t owner = any_account();
    amount a = random_below(1000000) + 1;
    if (expired(series))
        return;
    token_new(world_mint(&w, series, owner, a), owner, series, a);
    m.minted[series] += a;
}

/* Sends one request of the owner, perhaps atomic and with a refused operation behind it. Returns
 * the result of the first operation; NULL when it was undone. */
static const struct result *send(uint32_t owner, const struct message *message, const void *body)
{
    struct request *request = arena_alloc(&w.arena, sizeof(*request));
    struct operation *operations = arena_alloc(&w.arena, 2 * sizeof(*operations));
    static struct op_token_burn nothing; /* refused: names no token */
    struct keys keys;
    bool undone = random_below(4) == 0;
    world_keys(owner == 1 ? "admin" : names[owner], &keys);
    request->account = owner;
    memcpy(request->key, keys.sign_public, 32);
    put_u64_be(request->id, ++w.ids);
    request->valid_until_s = w.time_s + 1 + random_below(600);
    request->atomic = undone || random_below(2);
    operations[0] = (struct operation){message, body};
    operations[1] = (struct operation){&op_token_burn_message, &nothing};
    request->operations.items = operations;
    request->operations.count = undone ? 2 : 1;
    const struct frame_reply *reply = world_request(&w, request);
    assert_int_equal(reply->refusal, 0);
    const struct result *result = &reply->results.items[0];
    assert_int_equal(result->refusal, undone ? REFUSAL_batch_aborted : REFUSAL_accepted);
    return undone ? NULL : result;
}

/* Up to four tokens of the same owner and series as the first. */
static uint32_t inputs_pick(uint64_t first, uint64_t *inputs, amount *total_out)
{
    uint32_t count = 1;
    inputs[0] = first;
    *total_out = m.tokens[first].a;
    for (uint64_t t = m.tokens_last; t > 0 && count < 4 && m.tokens_last - t < 200; t--) {
        if (t == first || m.tokens[t].owner != m.tokens[first].owner ||
            m.tokens[t].series != m.tokens[first].series)
            continue;
        inputs[count++] = t;
        *total_out += m.tokens[t].a;
    }
    return count;
}

static void inputs_spend(const uint64_t *inputs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        m.tokens[inputs[i]].owner = 0;
}

static void transfer_step(void)
{
    uint64_t first = any_token();
    amount left;
    if (!first || m.tokens_last + 8 >= TOKENS_ROOM)
        return;
    uint64_t *inputs = arena_alloc(&w.arena, 4 * sizeof(*inputs));
    struct payment *outputs = arena_alloc(&w.arena, 4 * sizeof(*outputs));
    struct op_token_transfer *op = arena_alloc(&w.arena, sizeof(*op));
    struct coin of = m.tokens[first];
    op->inputs.items = inputs;
    op->inputs.count = inputs_pick(first, inputs, &left);
    op->outputs.items = outputs;
    while (left > 0) {
        amount part = op->outputs.count == 3 ? left : random_below(left) + 1;
        outputs[op->outputs.count++] = (struct payment){any_account(), part};
        left -= part;
    }
    const struct result *result = send(of.owner, &op_token_transfer_message, op);
    if (!result)
        return;
    inputs_spend(inputs, op->inputs.count);
    for (uint32_t i = 0; i < op->outputs.count; i++)
        token_new(result->token_first + i, outputs[i].account, of.series, outputs[i].amount_ucr);
}

static void burn_step(void)
{
    uint64_t first = any_token();
    amount total;
    if (!first)
        return;
    uint64_t *inputs = arena_alloc(&w.arena, 4 * sizeof(*inputs));
    struct op_token_burn *op = arena_alloc(&w.arena, sizeof(*op));
    struct coin of = m.tokens[first];
    op->inputs.items = inputs;
    op->inputs.count = inputs_pick(first, inputs, &total);
    if (!send(of.owner, &op_token_burn_message, op))
        return;
    inputs_spend(inputs, op->inputs.count);
    m.burned[of.owner][of.series] += total;
}

static void claim_keys(uint64_t gift, struct keys *k)
{
    char name[32];
    snprintf(name, sizeof(name), "gift %llu", (unsigned long long)gift);
    world_keys(name, k);
}

static void give_step(void)
{
    uint64_t first = any_token();
    amount total;
    struct keys keys;
    if (!first || m.gifts_last + 2 >= GIFTS_ROOM || m.tokens_last + 8 >= TOKENS_ROOM)
        return;
    uint64_t *inputs = arena_alloc(&w.arena, 4 * sizeof(*inputs));
    struct op_token_give *op = arena_alloc(&w.arena, sizeof(*op));
    struct coin of = m.tokens[first];
    op->inputs.items = inputs;
    op->inputs.count = inputs_pick(first, inputs, &total);
    op->amount_ucr = random_below(total) + 1;
    claim_keys(m.gifts_last + 1, &keys);
    memcpy(op->claim_key, keys.sign_public, 32);
    const struct result *result = send(of.owner, &op_token_give_message, op);
    if (!result)
        return;
    inputs_spend(inputs, op->inputs.count);
    m.gifts[++m.gifts_last] = (struct coin){of.owner, of.series, op->amount_ucr};
    assert_int_equal(result->object, m.gifts_last);
    assert_int_equal(result->token_count, total > op->amount_ucr);
    if (total > op->amount_ucr)
        token_new(result->token_first, of.owner, of.series, total - op->amount_ucr);
}

static uint64_t any_gift(void)
{
    for (int i = 0; i < 10 && m.gifts_last > 0; i++) {
        uint64_t gift = random_below(m.gifts_last) + 1;
        if (m.gifts[gift].owner && !expired(m.gifts[gift].series))
            return gift;
    }
    return 0;
}

static void claim_step(void)
{
    uint64_t gift = any_gift();
    bool newcomer = random_below(2) && m.accounts + 2 < ACCOUNTS_ROOM;
    struct keys keys, own;
    uint8_t proven[8 + 32 + 32] = {0};
    if (!gift)
        return;
    uint32_t account = newcomer ? m.accounts + 1 : any_account();
    struct op_gift_claim *op = arena_alloc(&w.arena, sizeof(*op));
    if (newcomer)
        snprintf(names[account], sizeof(names[account]), "account %u", account);
    world_keys(account == 1 ? "admin" : names[account], &own);
    op->gift = gift;
    if (newcomer) {
        op->name = text_of(names[account]);
        memcpy(op->channel_key, own.channel_public, 32);
    }
    put_u64_be(proven, gift);
    memcpy(proven + 8, own.sign_public, 32);
    memcpy(proven + 40, op->channel_key, 32);
    claim_keys(gift, &keys);
    keys_sign(&keys, PURPOSE_CLAIM, w.id, proven, sizeof(proven), op->proof);
    const struct result *result =
        world_do(&w, newcomer ? 0 : account, account == 1 ? "admin" : names[account],
                 &op_gift_claim_message, op);
    assert_true(result && !result->refusal);
    assert_int_equal(result->object, account);
    if (newcomer)
        m.accounts = account;
    token_new(result->token_first, account, m.gifts[gift].series, m.gifts[gift].a);
    m.gifts[gift].owner = 0;
}

static void revoke_step(void)
{
    uint64_t gift = any_gift();
    if (!gift)
        return;
    struct op_gift_revoke *op = arena_alloc(&w.arena, sizeof(*op));
    op->gift = gift;
    const struct result *result = send(m.gifts[gift].owner, &op_gift_revoke_message, op);
    if (!result)
        return;
    token_new(result->token_first, m.gifts[gift].owner, m.gifts[gift].series, m.gifts[gift].a);
    m.gifts[gift].owner = 0;
}

static const struct balance_info *balance_of(const struct a_balances *answer, uint32_t series)
{
    static const struct balance_info none;
    for (uint32_t i = 0; i < answer->rows.count; i++) {
        if (answer->rows.items[i].series == series)
            return &answer->rows.items[i];
    }
    return &none;
}

static void account_compare(uint32_t account, struct arena *arena)
{
    struct q_balances q = {0};
    const struct message *message;
    const void *body;
    amount tokens[SERIES_ROOM] = {0};
    amount gifts[SERIES_ROOM] = {0};
    for (uint64_t t = 1; t <= m.tokens_last; t++) {
        if (m.tokens[t].owner == account && !expired(m.tokens[t].series))
            tokens[m.tokens[t].series] += m.tokens[t].a;
    }
    for (uint64_t g = 1; g <= m.gifts_last; g++) {
        if (m.gifts[g].owner == account && !expired(m.gifts[g].series))
            gifts[m.gifts[g].series] += m.gifts[g].a;
    }
    assert_int_equal(exchange_query(w.x, account, &q_balances_message, &q, arena, &message, &body),
                     0);
    for (uint32_t series = 1; series <= m.series; series++) {
        const struct balance_info *has = balance_of(body, series);
        assert_int_equal(has->tokens_ucr, tokens[series]);
        assert_int_equal(has->gifts_ucr, gifts[series]);
        assert_int_equal(has->burned_ucr, m.burned[account][series]);
    }
}

static void compare(void)
{
    struct arena arena = ARENA_EMPTY;
    const struct message *message;
    const void *body;
    for (uint32_t account = 1; account <= m.accounts; account++)
        account_compare(account, &arena);
    struct q_supply q = {0};
    assert_int_equal(exchange_query(w.x, 1, &q_supply_message, &q, &arena, &message, &body), 0);
    const struct a_supply *supply = body;
    assert_int_equal(supply->rows.count, m.series);
    for (uint32_t i = 0; i < supply->rows.count; i++) {
        const struct supply_info *s = &supply->rows.items[i];
        assert_int_equal(s->minted_ucr, m.minted[s->series]);
        assert_int_equal(s->minted_ucr,
                         s->tokens_ucr + s->gifts_ucr + s->burned_ucr + s->expired_ucr);
    }
    assert_int_equal(world_check(w.x, NULL), 0);
    arena_release(&arena);
}

static void step(void)
{
    switch (random_below(16)) {
    case 0:
        register_step();
        break;
    case 1:
        series_step();
        break;
    case 2:
    case 3:
    case 4:
        mint_step();
        break;
    case 5:
        burn_step();
        break;
    case 6:
    case 7:
        give_step();
        break;
    case 8:
        claim_step();
        break;
    case 9:
        revoke_step();
        break;
    case 10:
        /* Sometimes the sweep keeps up, sometimes it lags behind. */
        world_advance(&w, random_below(300), random_below(2) == 0);
        break;
    default:
        transfer_step();
        break;
    }
    if (random_below(500) == 0)
        world_restart(&w, random_below(7200), CLOCK_MODE_REAL);
    if (random_below(500) == 0)
        world_reload(&w);
    if (random_below(100) == 0)
        world_tick(&w);
}

static void follows_a_model(void **state)
{
    (void)state;
    world_begin(&w, WORLD_OPTIONS);
    m.accounts = 1;
    register_step();
    series_step();
    for (int i = 1; i <= STEPS; i++) {
        step();
        if (i % 300 == 0)
            compare();
    }
    compare();
    assert_int_equal(world_verify(&w), 0);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(follows_a_model)};
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    random_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
