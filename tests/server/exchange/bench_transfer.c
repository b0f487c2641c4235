/*
 * How long the rules take for a transfer of one token into two, in batches, over so many tokens:
 * bench_transfer [tokens] [transfers]. No journal, no log, no signatures.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "protocol/endian.h"
#include "server/store/store.h"
#include "tests/random.h"
#include "tests/server/exchange/world.h"

enum { OWNERS = 400, BATCH = 1000 };

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct tokens {
    uint64_t *serials;
    uint32_t *owners;
    uint64_t count;
};

static void mint_all(struct exchange *x, uint64_t *group, struct tokens *t, uint32_t series)
{
    static struct payment outputs[TRANSFER_OUTPUTS_MAX];
    struct op_mint mint = {.series = series};
    struct operation operation = {&op_mint_message, &mint};
    struct keys admin;
    struct arena arena = ARENA_EMPTY;
    world_keys("admin", &admin);
    for (uint64_t made = 0; made < t->count; made += TRANSFER_OUTPUTS_MAX) {
        for (uint32_t i = 0; i < TRANSFER_OUTPUTS_MAX; i++) {
            outputs[i] = (struct payment){(uint32_t)(2 + random_below(OWNERS)), 1000000};
            t->owners[made + i] = outputs[i].account;
        }
        mint.outputs.items = outputs;
        mint.outputs.count = TRANSFER_OUTPUTS_MAX;
        struct request request = {.account = 1, .valid_until_s = WORLD_BEGIN_S + 300};
        struct frame_reply reply = {0};
        uint8_t hash[32] = {0};
        memcpy(request.key, admin.sign_public, 32);
        put_u64_be(request.id, *group);
        request.operations.items = &operation;
        request.operations.count = 1;
        exchange_begin(x, (*group)++, WORLD_BEGIN_S);
        exchange_request(x, &request, hash, &arena, &reply);
        exchange_end(x);
        for (uint32_t i = 0; i < TRANSFER_OUTPUTS_MAX; i++)
            t->serials[made + i] = reply.results.items[0].token_first + i;
        arena_clear(&arena);
    }
    arena_release(&arena);
}

/* Random owners' batches, each of tokens of that owner, made before the clock runs. */
struct batch {
    struct request request;
    struct operation operations[BATCH];
    struct op_token_transfer transfers[BATCH];
    uint64_t inputs[BATCH];
    struct payment outputs[BATCH][2];
};

static void batch_make(struct batch *b, const struct tokens *t, uint64_t first, uint32_t owner,
                       uint64_t number)
{
    char name[24];
    struct keys keys;
    snprintf(name, sizeof(name), "owner %u", owner);
    world_keys(name, &keys);
    memset(&b->request, 0, sizeof(b->request));
    b->request.account = owner;
    memcpy(b->request.key, keys.sign_public, 32);
    put_u64_be(b->request.id, number);
    b->request.valid_until_s = WORLD_BEGIN_S + 300;
    b->request.operations.items = b->operations;
    b->request.operations.count = BATCH;
    for (uint32_t i = 0; i < BATCH; i++) {
        b->inputs[i] = t->serials[first + i];
        b->outputs[i][0] = (struct payment){(uint32_t)(2 + random_below(OWNERS)), 400000};
        b->outputs[i][1] = (struct payment){owner, 600000};
        b->transfers[i].inputs.items = &b->inputs[i];
        b->transfers[i].inputs.count = 1;
        b->transfers[i].outputs.items = b->outputs[i];
        b->transfers[i].outputs.count = 2;
        b->operations[i] = (struct operation){&op_token_transfer_message, &b->transfers[i]};
    }
}

/* Orders the tokens by owner, so that batches of one owner can be cut out of them. */
static void tokens_sort(struct tokens *t)
{
    uint64_t starts[OWNERS + 3] = {0};
    uint64_t *serials = malloc(t->count * sizeof(*serials));
    uint32_t *owners = malloc(t->count * sizeof(*owners));
    if (!serials || !owners)
        abort();
    for (uint64_t i = 0; i < t->count; i++)
        starts[t->owners[i] + 1]++;
    for (uint32_t o = 1; o < OWNERS + 3; o++)
        starts[o] += starts[o - 1];
    for (uint64_t i = 0; i < t->count; i++) {
        serials[starts[t->owners[i]]] = t->serials[i];
        owners[starts[t->owners[i]]++] = t->owners[i];
    }
    free(t->serials);
    free(t->owners);
    t->serials = serials;
    t->owners = owners;
}

int main(int argc, char **argv)
{
    struct world w;
    struct tokens t = {.count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000};
    uint64_t wanted = argc > 2 ? strtoull(argv[2], NULL, 10) : 300000;
    uint64_t group, done = 0, refused = 0;
    double spent = 0;
    struct arena arena = ARENA_EMPTY;
    struct batch *b = malloc(sizeof(*b));
    struct changes *changes = changes_new();
    uint8_t hash[32] = {0};

    if (sodium_init() < 0 || !b)
        return EXIT_FAILURE;
    t.count = (t.count + TRANSFER_OUTPUTS_MAX - 1) / TRANSFER_OUTPUTS_MAX * TRANSFER_OUTPUTS_MAX;
    t.serials = malloc(t.count * sizeof(*t.serials));
    t.owners = malloc(t.count * sizeof(*t.owners));
    world_begin(&w, WORLD_OPTIONS);
    for (uint32_t i = 0; i < OWNERS; i++) {
        char name[24];
        snprintf(name, sizeof(name), "owner %u", i + 2);
        world_register(&w, name, ROLE_STARTUP);
    }
    uint32_t series = world_series(&w, "seed", 0);
    group = w.entries[w.entries_count - 1].group + 1;
    mint_all(w.x, &group, &t, series);
    tokens_sort(&t);
    for (uint64_t at = 0; at + BATCH <= t.count && done < wanted;) {
        if (t.owners[at] != t.owners[at + BATCH - 1]) {
            at++;
            continue;
        }
        batch_make(b, &t, at, t.owners[at], 1000000 + group);
        struct frame_reply reply = {0};
        double from = now_s();
        exchange_begin(w.x, group++, WORLD_BEGIN_S);
        exchange_request(w.x, &b->request, hash, &arena, &reply);
        exchange_end(w.x);
        spent += now_s() - from;
        for (uint32_t i = 0; i < reply.results.count; i++)
            refused += reply.results.items[i].refusal != 0;
        done += reply.results.count;
        at += BATCH;
        arena_clear(&arena);
        if (store_changes_bytes(exchange_store(w.x)) > 64 * 1024 * 1024) {
            store_changes_swap(exchange_store(w.x), &changes);
            changes_free(changes);
            changes = changes_new();
        }
    }
    printf("%llu transfers over %llu tokens, %llu refused: %.0f ns each\n",
           (unsigned long long)done, (unsigned long long)t.count, (unsigned long long)refused,
           spent / (double)done * 1e9);
    changes_free(changes);
    arena_release(&arena);
    free(b);
    free(t.serials);
    free(t.owners);
    world_end(&w);
    return EXIT_SUCCESS;
}
