#include "server/exchange/ask_turn.h"

#include <stdlib.h>

#include "server/exchange/index.h"
#include "server/exchange/tree.h"

struct turn_node {
    RB_ENTRY(turn_node) link;
    struct ask_turn_row row;
};

RB_HEAD(turn_tree, turn_node);

struct turn_queue {
    struct turn_tree tree; /* owned */
    uint64_t count;
};

static int turn_compare(const struct turn_node *a, const struct turn_node *b)
{
    int order = number_compare(a->row.turn, b->row.turn);
    return order != 0 ? order : number_compare(a->row.seller, b->row.seller);
}

TREE_GENERATE(turn_tree, turn_node, link, turn_compare)

const struct ask_turn_row *ask_turn_find(const struct exchange *x, uint32_t seller)
{
    return store_find(x->store, TABLE_ASK_TURN, &seller);
}

/* The seller stands last from now on. */
static void turn_put(struct exchange *x, uint32_t seller)
{
    const struct turn_node *last = RB_MAX(turn_tree, &x->turns->tree);
    struct ask_turn_row row = {.seller = seller, .turn = last != NULL ? last->row.turn + 1 : 1};
    store_put(x->store, TABLE_ASK_TURN, &row);
}

void ask_turn_join(struct exchange *x, uint32_t seller)
{
    if (ask_turn_find(x, seller) == NULL)
        turn_put(x, seller);
}

bool ask_turn_first(const struct exchange *x, struct due_item *out)
{
    const struct turn_node *first = RB_MIN(turn_tree, &x->turns->tree);
    if (first == NULL)
        return false;
    if (!due_first_to_ask(x, first->row.seller, out))
        *out = (struct due_item){.kind = DUE_ASK, .part = first->row.seller};
    return true;
}

static uint32_t turn_take(struct exchange *x, struct due_item item, uint32_t limit)
{
    if (item.serial == 0)
        return 0;
    if (item.kind == DUE_ASK_SITE)
        return ask_site_due(x, item.serial, limit);
    return ask_due(x, item.serial, limit);
}

uint32_t ask_turn_due(struct exchange *x, uint32_t limit)
{
    struct due_item item;
    struct due_item next;
    if (!ask_turn_first(x, &item))
        return 0;
    uint32_t worked = turn_take(x, item, limit < ASK_TURN_ITEMS ? limit : ASK_TURN_ITEMS);
    struct ask_turn_row row = {.seller = item.part};
    if (!due_first_to_ask(x, item.part, &next))
        store_remove(x->store, TABLE_ASK_TURN, &row);
    else if (worked >= ASK_TURN_ITEMS || !due_has(x, item))
        turn_put(x, item.part);
    /* Else the tick has ended before the turn. */
    return worked;
}

uint64_t ask_turn_count(const struct exchange *x)
{
    return x->turns->count;
}

static struct turn_node *node_find(const struct exchange *x, const struct ask_turn_row *row)
{
    struct turn_node key = {.row = *row};
    return RB_FIND(turn_tree, &x->turns->tree, &key);
}

bool ask_turn_stands(const struct exchange *x, const struct ask_turn_row *row)
{
    return node_find(x, row) != NULL;
}

/* --- Index --------------------------------------------------------------------------------- */

static void ask_turn_hook(void *context, const void *old_row, const void *new_row)
{
    struct exchange *x = context;
    struct turn_node *old = old_row != NULL ? node_find(x, old_row) : NULL;
    if (old != NULL) {
        RB_REMOVE(turn_tree, &x->turns->tree, old);
        x->turns->count--;
        free(old);
    }
    if (new_row != NULL) {
        struct turn_node *node = memory_zeroed(1, sizeof(*node));
        node->row = *(const struct ask_turn_row *)new_row;
        RB_INSERT(turn_tree, &x->turns->tree, node);
        x->turns->count++;
    }
}

void ask_turn_index_new(struct exchange *x)
{
    x->turns = memory_zeroed(1, sizeof(*x->turns));
    RB_INIT(&x->turns->tree);
    store_set_hook(x->store, TABLE_ASK_TURN, ask_turn_hook, x);
}

void ask_turn_index_free(struct exchange *x)
{
    struct turn_node *node;
    if (x->turns == NULL)
        return;
    while ((node = RB_MIN(turn_tree, &x->turns->tree)) != NULL) {
        RB_REMOVE(turn_tree, &x->turns->tree, node);
        free(node);
    }
    free(x->turns);
    x->turns = NULL;
}
