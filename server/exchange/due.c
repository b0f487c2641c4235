#include "server/exchange/due.h"

#include <assert.h>

#include <stdlib.h>

#include "server/exchange/index.h"
#include "server/exchange/tree.h"

struct due_node {
    RB_ENTRY(due_node) entry;
    struct due_item item;
};

RB_HEAD(due_tree, due_node);

struct due_queue {
    struct due_tree tree;
    struct due_tree asks;           /* of those that take turns: by part, then as above */
    uint64_t counts[DUE_KINDS_END]; /* by kind */
};

static int item_compare(const struct due_item *a, const struct due_item *b)
{
    int order = number_compare(a->due_s, b->due_s);
    if (order == 0)
        order = number_compare(a->kind, b->kind);
    if (order == 0)
        order = number_compare(a->serial, b->serial);
    return order != 0 ? order : number_compare(a->part, b->part);
}

static bool item_asks(const struct due_item *item)
{
    return item->kind == DUE_ASK_SITE || item->kind == DUE_ASK;
}

/* The items of one tree all ask, or none does. */
static int node_compare(const struct due_node *a, const struct due_node *b)
{
    int order = item_asks(&a->item) ? number_compare(a->item.part, b->item.part) : 0;
    return order != 0 ? order : item_compare(&a->item, &b->item);
}

TREE_GENERATE(due_tree, due_node, entry, node_compare)

void due_queue_new(struct exchange *x)
{
    x->due = calloc(1, sizeof(*x->due));
    if (!x->due)
        memory_exhausted();
    RB_INIT(&x->due->tree);
    RB_INIT(&x->due->asks);
}

static void nodes_free(struct due_tree *tree)
{
    struct due_node *n;
    while ((n = RB_MIN(due_tree, tree)) != NULL) {
        RB_REMOVE(due_tree, tree, n);
        free(n);
    }
}

void due_queue_free(struct exchange *x)
{
    if (!x->due)
        return;
    nodes_free(&x->due->tree);
    nodes_free(&x->due->asks);
    free(x->due);
    x->due = NULL;
}

static struct due_tree *tree_of(const struct exchange *x, const struct due_item *item)
{
    return item_asks(item) ? &x->due->asks : &x->due->tree;
}

void due_put(struct exchange *x, struct due_item item)
{
    assert(item.kind >= DUE_REQUEST && item.kind < DUE_KINDS_END);
    struct due_node *node = malloc(sizeof(*node));
    if (!node)
        memory_exhausted();
    node->item = item;
    if (RB_INSERT(due_tree, tree_of(x, &item), node)) {
        free(node); /* it is there already */
        return;
    }
    x->due->counts[item.kind]++;
}

static struct due_node *node_find(const struct exchange *x, struct due_item item)
{
    struct due_node key = {.item = item};
    return RB_FIND(due_tree, tree_of(x, &item), &key);
}

void due_remove(struct exchange *x, struct due_item item)
{
    struct due_node *node = node_find(x, item);
    if (!node)
        return;
    RB_REMOVE(due_tree, tree_of(x, &item), node);
    x->due->counts[item.kind]--;
    free(node);
}

bool due_first(const struct exchange *x, struct due_item *out)
{
    const struct due_node *node = RB_MIN(due_tree, &x->due->tree);
    if (!node)
        return false;
    *out = node->item;
    return true;
}

bool due_first_to_ask(const struct exchange *x, uint32_t seller, struct due_item *out)
{
    struct due_node key = {.item = {.kind = DUE_ASK_SITE, .part = seller}};
    const struct due_node *node = RB_NFIND(due_tree, &x->due->asks, &key);
    if (!node || node->item.part != seller)
        return false;
    *out = node->item;
    return true;
}

bool due_has(const struct exchange *x, struct due_item item)
{
    return node_find(x, item) != NULL;
}

uint64_t due_count(const struct exchange *x, enum due_kind kind)
{
    return x->due->counts[kind];
}
