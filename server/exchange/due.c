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
    uint64_t counts[DUE_KINDS_END]; /* by kind */
};

static int node_compare(const struct due_node *a, const struct due_node *b)
{
    int order = number_compare(a->item.due_s, b->item.due_s);
    if (order == 0)
        order = number_compare(a->item.kind, b->item.kind);
    if (order == 0)
        order = number_compare(a->item.serial, b->item.serial);
    if (order == 0)
        order = number_compare(a->item.part, b->item.part);
    return order;
}

TREE_GENERATE(due_tree, due_node, entry, node_compare)

void due_queue_new(struct exchange *x)
{
    x->due = calloc(1, sizeof(*x->due));
    if (!x->due)
        memory_exhausted();
    RB_INIT(&x->due->tree);
}

void due_queue_free(struct exchange *x)
{
    if (!x->due)
        return;
    struct due_node *next;
    for (struct due_node *n = RB_MIN(due_tree, &x->due->tree); n; n = next) {
        next = RB_NEXT(due_tree, &x->due->tree, n);
        RB_REMOVE(due_tree, &x->due->tree, n);
        free(n);
    }
    free(x->due);
    x->due = NULL;
}

void due_put(struct exchange *x, struct due_item item)
{
    assert(item.kind >= DUE_REQUEST && item.kind < DUE_KINDS_END);
    struct due_node *node = malloc(sizeof(*node));
    if (!node)
        memory_exhausted();
    node->item = item;
    if (RB_INSERT(due_tree, &x->due->tree, node)) {
        free(node); /* it is there already */
        return;
    }
    x->due->counts[item.kind]++;
}

static struct due_node *node_find(const struct exchange *x, struct due_item item)
{
    struct due_node key = {.item = item};
    return RB_FIND(due_tree, &x->due->tree, &key);
}

void due_remove(struct exchange *x, struct due_item item)
{
    struct due_node *node = node_find(x, item);
    if (!node)
        return;
    RB_REMOVE(due_tree, &x->due->tree, node);
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

bool due_has(const struct exchange *x, struct due_item item)
{
    return node_find(x, item) != NULL;
}

uint64_t due_count(const struct exchange *x, enum due_kind kind)
{
    return x->due->counts[kind];
}
