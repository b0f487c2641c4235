/* Resting orders in the order in which they are asked; every subtree knows the time that its
 * windows of starts may cover. */
#include "server/exchange/rest_lines.h"

#include <stddef.h>

enum { KEY_BITS = 3 * 64 };

uint64_t rest_slots(uint64_t from_min, uint64_t until_min, uint32_t bits)
{
    uint64_t first = from_min >> bits;
    uint64_t last = until_min >> bits;
    if (last - first >= 63)
        return UINT64_MAX;
    uint64_t slots = (UINT64_C(2) << (last - first)) - 1;
    uint32_t turn = first % 64;
    return turn == 0 ? slots : slots << turn | slots >> (64 - turn);
}

/* --- Keys as bits -------------------------------------------------------------------------- */

/* The order of these bits is that of rest_key_before(). */
static uint64_t key_word(const struct rest_key *key, uint32_t word)
{
    return word == 0 ? ~key->limit_ucr : word == 1 ? key->place : key->order;
}

static uint32_t key_bit(const struct rest_key *key, uint32_t bit)
{
    return key_word(key, bit / 64) >> (63 - bit % 64) & 1;
}

/* The first bit in which they differ; KEY_BITS: none. */
static uint32_t keys_differ(const struct rest_key *a, const struct rest_key *b)
{
    for (uint32_t word = 0; word < KEY_BITS / 64; word++) {
        uint64_t other = key_word(a, word) ^ key_word(b, word);
        if (other != 0)
            return word * 64 + (uint32_t)__builtin_clzll(other);
    }
    return KEY_BITS;
}

/* --- Nodes --------------------------------------------------------------------------------- */

static struct rest_line *leaf_line(struct rest_node *leaf)
{
    return (struct rest_line *)(void *)((char *)leaf - offsetof(struct rest_line, leaf));
}

static struct rest_span span_of_both(const struct rest_span *a, const struct rest_span *b)
{
    return (struct rest_span){
        .from_min = a->from_min < b->from_min ? a->from_min : b->from_min,
        .until_min = a->until_min > b->until_min ? a->until_min : b->until_min,
        .slots = a->slots | b->slots,
    };
}

static void branches_refresh(struct rest_node *branch)
{
    for (; branch != NULL; branch = branch->parent)
        branch->all = span_of_both(&branch->sides[0]->all, &branch->sides[1]->all);
}

/* The first node on the way to the key that tells nothing of the bits before `bit`. */
static struct rest_node *node_towards(const struct rest_line_tree *lines,
                                      const struct rest_key *key, uint32_t bit)
{
    struct rest_node *n = lines->root;
    while (n->bit < bit)
        n = n->sides[key_bit(key, n->bit)];
    return n;
}

/* The bit in which the key first differs from those in the tree that are most like it. */
static uint32_t tree_differs(const struct rest_line_tree *lines, const struct rest_key *key)
{
    return keys_differ(key, &leaf_line(node_towards(lines, key, KEY_BITS))->key);
}

/* What points to a node. */
static struct rest_node **node_place(struct rest_line_tree *lines, const struct rest_node *n)
{
    return n->parent == NULL ? &lines->root : &n->parent->sides[n->parent->sides[1] == n];
}

static struct rest_line *subtree_first(struct rest_node *n)
{
    while (n->bit < KEY_BITS)
        n = n->sides[0];
    return leaf_line(n);
}

/* The subtree that follows on this one; NULL: none. */
static struct rest_node *node_after(const struct rest_node *n)
{
    while (n->parent != NULL && n->parent->sides[1] == n)
        n = n->parent;
    return n->parent != NULL ? n->parent->sides[1] : NULL;
}

/* --- Lines --------------------------------------------------------------------------------- */

bool rest_lines_put(struct rest_line_tree *lines, struct rest_line *line)
{
    line->leaf = (struct rest_node){.bit = KEY_BITS, .all = line->window};
    line->branch = (struct rest_node){.bit = 0};
    if (lines->root == NULL) {
        lines->root = &line->leaf;
        return true;
    }
    uint32_t bit = tree_differs(lines, &line->key);
    if (bit == KEY_BITS)
        return false;
    struct rest_node *beside = node_towards(lines, &line->key, bit);
    struct rest_node **place = node_place(lines, beside);
    uint32_t side = key_bit(&line->key, bit);
    line->branch.bit = bit;
    line->branch.parent = beside->parent;
    line->branch.sides[side] = &line->leaf;
    line->branch.sides[1 - side] = beside;
    *place = &line->branch;
    beside->parent = line->leaf.parent = &line->branch;
    branches_refresh(&line->branch);
    return true;
}

/* Lets the branch `to`, which is in no tree, stand where `from` does. */
static void branch_move(struct rest_line_tree *lines, struct rest_node *from, struct rest_node *to)
{
    *node_place(lines, from) = to;
    *to = *from;
    to->sides[0]->parent = to->sides[1]->parent = to;
}

struct rest_line *rest_lines_take(struct rest_line_tree *lines, const struct rest_line *key)
{
    struct rest_line *line = rest_lines_find(lines, key);
    if (line == NULL)
        return NULL;
    struct rest_node *branch = line->leaf.parent;
    if (branch == NULL) {
        lines->root = NULL;
        return line;
    }
    struct rest_node *beside = branch->sides[branch->sides[0] == &line->leaf];
    *node_place(lines, branch) = beside;
    beside->parent = branch->parent;
    branch->sides[0] = branch->sides[1] = NULL;
    /* The line goes with its branch: what that is in the tree, the one set free is from now on. */
    if (line->branch.sides[0] != NULL)
        branch_move(lines, &line->branch, branch);
    branches_refresh(beside->parent);
    return line;
}

struct rest_line *rest_lines_find(const struct rest_line_tree *lines, const struct rest_line *key)
{
    if (lines->root == NULL || tree_differs(lines, &key->key) < KEY_BITS)
        return NULL;
    return leaf_line(node_towards(lines, &key->key, KEY_BITS));
}

struct rest_line *rest_lines_first(const struct rest_line_tree *lines)
{
    return lines->root != NULL ? subtree_first(lines->root) : NULL;
}

struct rest_line *rest_lines_after(const struct rest_line *line)
{
    struct rest_node *after = node_after(&line->leaf);
    return after != NULL ? subtree_first(after) : NULL;
}

/* --- By time ------------------------------------------------------------------------------- */

static bool span_meets(const struct rest_span *span, const struct rest_span *time)
{
    return span->from_min <= time->until_min && span->until_min >= time->from_min &&
           (span->slots & time->slots) != 0;
}

/* The first line of a subtree whose window meets the time; no deeper than a key has bits. */
static struct rest_line *subtree_meet(struct rest_node *n, const struct rest_span *time,
                                      uint64_t *looks)
{
    ++*looks;
    if (!span_meets(&n->all, time))
        return NULL;
    if (n->bit == KEY_BITS)
        return leaf_line(n);
    struct rest_line *found = subtree_meet(n->sides[0], time, looks);
    return found != NULL ? found : subtree_meet(n->sides[1], time, looks);
}

struct rest_line *rest_lines_meet(const struct rest_line_tree *lines, const struct rest_key *since,
                                  const struct rest_span *time, uint64_t *looks)
{
    if (lines->root == NULL)
        return NULL;
    uint32_t bit = tree_differs(lines, since);
    /* All of this subtree is before `since`, or all of it is not. */
    struct rest_node *n = node_towards(lines, since, bit);
    if (bit < KEY_BITS && key_bit(since, bit) == 1)
        n = node_after(n);
    struct rest_line *found = NULL;
    while (n != NULL && found == NULL) {
        found = subtree_meet(n, time, looks);
        n = node_after(n);
    }
    return found;
}

static bool span_equal(const struct rest_span *a, const struct rest_span *b)
{
    return a->from_min == b->from_min && a->until_min == b->until_min && a->slots == b->slots;
}

uint64_t rest_lines_faults(const struct rest_line_tree *lines)
{
    uint64_t faults = 0;
    for (struct rest_line *line = rest_lines_first(lines); line != NULL;
         line = rest_lines_after(line)) {
        const struct rest_node *branch = &line->branch;
        faults += !span_equal(&line->leaf.all, &line->window);
        if (branch->sides[0] == NULL)
            continue;
        struct rest_span both = span_of_both(&branch->sides[0]->all, &branch->sides[1]->all);
        faults += !span_equal(&branch->all, &both);
    }
    return faults;
}
