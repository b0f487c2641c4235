#include "server/exchange/rest.h"

#include <stdlib.h>
#include <string.h>

#include "server/exchange/due.h"
#include "server/exchange/index.h"
#include "server/exchange/order.h"
#include "server/exchange/rest_index.h"

bool rest_key_before(const struct rest_key *a, const struct rest_key *b)
{
    if (a->limit_ucr != b->limit_ucr)
        return a->limit_ucr > b->limit_ucr;
    if (a->place != b->place)
        return a->place < b->place;
    return a->order < b->order;
}

int rest_bucket_compare(const struct rest_bucket *a, const struct rest_bucket *b)
{
    return number_compare(a->number, b->number);
}

int rest_shelf_compare(const struct rest_shelf *a, const struct rest_shelf *b)
{
    int order = number_compare(a->sku, b->sku);
    if (order == 0)
        order = number_compare(a->scope, b->scope);
    if (order == 0)
        order = number_compare(a->where, b->where);
    if (order == 0)
        order = number_compare(a->spread, b->spread);
    if (order == 0)
        order = number_compare(a->length, b->length);
    return order != 0 ? order : number_compare(a->size, b->size);
}

static int rest_sku_compare(const struct rest_sku *a, const struct rest_sku *b)
{
    return number_compare(a->sku, b->sku);
}

static int rest_offered_compare(const struct rest_offered *a, const struct rest_offered *b)
{
    int order = number_compare(a->sku, b->sku);
    return order != 0 ? order : number_compare(a->site, b->site);
}

TREE_GENERATE(rest_bucket_tree, rest_bucket, link, rest_bucket_compare)
TREE_GENERATE(rest_shelf_tree, rest_shelf, link, rest_shelf_compare)
TREE_GENERATE(rest_sku_tree, rest_sku, link, rest_sku_compare)
TREE_GENERATE(rest_offered_tree, rest_offered, link, rest_offered_compare)

uint32_t rest_size(uint64_t gpus)
{
    uint32_t size = 0;
    while (size + 1 < REST_SIZES && gpus >> (size + 1) != 0)
        size++;
    return size;
}

/* --- Terms --------------------------------------------------------------------------------- */

const struct rest_row *rest_find(const struct exchange *x, uint64_t order)
{
    return store_find(x->store, TABLE_REST, &order);
}

uint64_t rest_until(const struct order_row *order, const struct rest_row *rest)
{
    uint64_t window_s = rest->start_until_s + 60;
    return order->rest_until_s < window_s ? order->rest_until_s : window_s;
}

bool rest_needs(const struct order_row *order, const struct rest_row *rest, amount *needs_out)
{
    uint64_t limit = 0;
    for (uint32_t i = 0; i < rest->skus_count && i < ORDER_SKUS_MAX; i++) {
        if (rest->limits_ucr[i] > limit)
            limit = rest->limits_ucr[i];
    }
    amount one;
    uint32_t minutes = rest->funded_min != 0 ? rest->funded_min : order->duration_min;
    return amount_cost_rounded_up(minutes, limit, &one) &&
           !__builtin_mul_overflow(one, (amount)rest->gpus_missing, needs_out);
}

/* --- Buckets ------------------------------------------------------------------------------- */

bool rest_bucket_best(const struct rest_bucket *b, struct rest_key *best_out)
{
    const struct rest_line *first = rest_lines_first(&b->lines);
    bool found = first != NULL;
    if (found)
        *best_out = first->key;
    for (uint32_t i = 0; i < REST_CHILDREN; i++) {
        const struct rest_bucket *child = b->children[i];
        if (child != NULL && (!found || rest_key_before(&child->best, best_out))) {
            *best_out = child->best;
            found = true;
        }
    }
    return found;
}

/* Works out the best anew from a bucket upwards, and takes away buckets where nothing stands. */
static void bucket_refresh(struct rest_shelf *shelf, struct rest_bucket *b)
{
    while (b != NULL) {
        struct rest_bucket *parent = b->parent;
        if (!rest_bucket_best(b, &b->best)) {
            if (parent != NULL)
                parent->children[b->number % REST_CHILDREN] = NULL;
            else
                RB_REMOVE(rest_bucket_tree, &shelf->buckets, b);
            free(b);
        }
        b = parent;
    }
}

/* NULL when it is not there and is not to be made. */
static struct rest_bucket *bucket_get(struct rest_shelf *shelf, uint32_t level, uint64_t from_min,
                                      bool make)
{
    struct rest_bucket key = {.number = from_min >> rest_bits(REST_LEVELS - 1)};
    struct rest_bucket *b = RB_FIND(rest_bucket_tree, &shelf->buckets, &key);
    if (b == NULL && make) {
        b = memory_zeroed(1, sizeof(*b));
        b->level = REST_LEVELS - 1;
        b->number = key.number;
        RB_INSERT(rest_bucket_tree, &shelf->buckets, b);
    }
    while (b != NULL && b->level > level) {
        uint64_t number = from_min >> rest_bits(b->level - 1);
        struct rest_bucket *child = b->children[number % REST_CHILDREN];
        if (child == NULL && make) {
            child = memory_zeroed(1, sizeof(*child));
            child->level = b->level - 1;
            child->number = number;
            child->parent = b;
            b->children[number % REST_CHILDREN] = child;
        }
        b = child;
    }
    return b;
}

static uint32_t window_level(const struct rest_line *line)
{
    uint32_t level = 0;
    while (level + 1 < REST_LEVELS &&
           line->window.until_min - line->window.from_min + 1 > UINT64_C(1) << rest_bits(level))
        level++;
    return level;
}

/* --- Lines --------------------------------------------------------------------------------- */

/* Where the order of a row stands; visited for each of its SKUs and places. */
struct standing {
    struct rest_shelf shelf; /* its key */
    struct rest_line line;
};

static struct rest_line line_of(const struct rest_row *row, uint32_t sku)
{
    struct rest_line line = {
        .key = {.limit_ucr = row->limits_ucr[sku], .place = row->place, .order = row->order},
        .window = {.from_min = row->start_from_s / 60, .until_min = row->start_until_s / 60},
    };
    line.window.slots = rest_slots(line.window.from_min, line.window.until_min,
                                   rest_slot_bits(window_level(&line)));
    return line;
}

/* The least that a fill gives. Of several SKUs in one lease's place nothing can be said of one. */
static uint32_t row_size(const struct rest_row *row, bool spread)
{
    uint32_t least = row->gpus_min < row->gpus_missing ? row->gpus_min : row->gpus_missing;
    if (spread && row->skus_count > 1)
        return 0;
    return rest_size(least > row->block_gpus ? least : row->block_gpus);
}

static uint32_t row_standings(const struct rest_row *row, const struct order_row *order,
                              uint32_t sku, struct standing out[FILTER_PLACES_MAX])
{
    bool spread = order->placement == PLACEMENT_SPREAD;
    uint32_t count = row->site == 0 && row->regions_count > 0 ? row->regions_count : 1;
    for (uint32_t i = 0; i < count; i++) {
        out[i] = (struct standing){
            .shelf = {.sku = row->skus[sku],
                      .spread = spread,
                      .length = rest_size(order->duration_min),
                      .size = row_size(row, spread)},
            .line = line_of(row, sku),
        };
        if (row->site != 0) {
            out[i].shelf.scope = REST_SITE;
            out[i].shelf.where = row->site;
        } else if (row->regions_count > 0) {
            out[i].shelf.scope = REST_REGION;
            out[i].shelf.where = place_number((const char *)row->regions + (size_t)i * PLACE_BYTES);
        }
    }
    return count;
}

static void line_add(struct rest_index *index, const struct standing *s)
{
    struct rest_shelf key = s->shelf;
    struct rest_shelf *shelf = RB_FIND(rest_shelf_tree, &index->shelves, &key);
    if (shelf == NULL) {
        shelf = memory_zeroed(1, sizeof(*shelf));
        *shelf = s->shelf;
        RB_INIT(&shelf->buckets);
        RB_INSERT(rest_shelf_tree, &index->shelves, shelf);
    }
    struct rest_bucket *b =
        bucket_get(shelf, window_level(&s->line), s->line.window.from_min, true);
    struct rest_line *line = memory_zeroed(1, sizeof(*line));
    *line = s->line;
    if (!rest_lines_put(&b->lines, line)) {
        free(line); /* the same region named twice */
        return;
    }
    index->lines++;
    bucket_refresh(shelf, b);
}

static void line_remove(struct rest_index *index, const struct standing *s)
{
    struct standing key = *s;
    struct rest_shelf *shelf = RB_FIND(rest_shelf_tree, &index->shelves, &key.shelf);
    struct rest_bucket *b =
        shelf != NULL ? bucket_get(shelf, window_level(&key.line), key.line.window.from_min, false)
                      : NULL;
    struct rest_line *line = b != NULL ? rest_lines_take(&b->lines, &key.line) : NULL;
    if (line == NULL)
        return;
    free(line);
    index->lines--;
    bucket_refresh(shelf, b);
    if (RB_EMPTY(&shelf->buckets)) {
        RB_REMOVE(rest_shelf_tree, &index->shelves, shelf);
        free(shelf);
    }
}

static struct rest_sku *sku_get(struct rest_index *index, uint64_t sku, bool make)
{
    struct rest_sku key = {.sku = sku};
    struct rest_sku *s = RB_FIND(rest_sku_tree, &index->skus, &key);
    if (s == NULL && make) {
        s = memory_zeroed(1, sizeof(*s));
        s->sku = sku;
        RB_INSERT(rest_sku_tree, &index->skus, s);
    }
    return s;
}

static void sku_set(struct rest_index *index, const struct rest_row *row, uint32_t i, bool here)
{
    struct rest_line key = line_of(row, i);
    struct rest_sku *s = sku_get(index, row->skus[i], here);
    if (s == NULL)
        return;
    if (here) {
        struct rest_line *line = memory_zeroed(1, sizeof(*line));
        *line = key;
        if (!rest_lines_put(&s->lines, line))
            free(line);
        return;
    }
    free(rest_lines_take(&s->lines, &key));
}

/* --- Index --------------------------------------------------------------------------------- */

static void rest_counted(struct rest_index *index, uint32_t account, bool here)
{
    if (account >= index->accounts) {
        size_t accounts = index->accounts != 0 ? index->accounts : 64;
        while (accounts <= account)
            accounts *= 2;
        uint32_t *counts = realloc(index->counts, accounts * sizeof(*counts));
        if (counts == NULL)
            memory_exhausted();
        memset(counts + index->accounts, 0, (accounts - index->accounts) * sizeof(*counts));
        index->counts = counts;
        index->accounts = accounts;
    }
    if (here)
        index->counts[account]++;
    else
        index->counts[account]--;
}

/* A row of a damaged image that makes no sense stays out of the index, which the check reports. */
static bool row_is_sound(const struct rest_row *row, const struct order_row *order)
{
    return order != NULL && order->account <= ACCOUNTS_MAX && row->skus_count <= ORDER_SKUS_MAX &&
           row->regions_count <= FILTER_PLACES_MAX && row->start_from_s <= row->start_until_s;
}

static void rest_set(struct exchange *x, const struct rest_row *row, bool here)
{
    const struct order_row *order = order_find(x, row->order);
    if (!row_is_sound(row, order))
        return;
    struct standing standings[FILTER_PLACES_MAX];
    for (uint32_t sku = 0; sku < row->skus_count; sku++) {
        uint32_t count = row_standings(row, order, sku, standings);
        for (uint32_t i = 0; i < count; i++) {
            if (here)
                line_add(x->rests, &standings[i]);
            else
                line_remove(x->rests, &standings[i]);
        }
        sku_set(x->rests, row, sku, here);
    }
    rest_counted(x->rests, order->account, here);
    struct due_item due = {.due_s = row->due_s, .kind = DUE_ORDER, .serial = row->order};
    if (here)
        due_put(x, due);
    else
        due_remove(x, due);
}

static void rest_hook(void *context, const void *old_row, const void *new_row)
{
    if (old_row != NULL)
        rest_set(context, old_row, false);
    if (new_row != NULL)
        rest_set(context, new_row, true);
}

void rest_index_new(struct exchange *x)
{
    x->rests = memory_zeroed(1, sizeof(*x->rests));
    RB_INIT(&x->rests->shelves);
    RB_INIT(&x->rests->skus);
    RB_INIT(&x->rests->offered);
    store_set_hook(x->store, TABLE_REST, rest_hook, x);
}

static void lines_free(struct rest_line_tree *lines)
{
    struct rest_line *line;
    while ((line = rest_lines_first(lines)) != NULL)
        free(rest_lines_take(lines, line));
}

static void bucket_free(struct rest_bucket *b)
{
    for (uint32_t i = 0; i < REST_CHILDREN; i++) {
        if (b->children[i] != NULL)
            bucket_free(b->children[i]);
    }
    lines_free(&b->lines);
    free(b);
}

void rest_index_free(struct exchange *x)
{
    struct rest_index *index = x->rests;
    if (index == NULL)
        return;
    struct rest_shelf *shelf;
    while ((shelf = RB_ROOT(&index->shelves)) != NULL) {
        struct rest_bucket *b;
        while ((b = RB_ROOT(&shelf->buckets)) != NULL) {
            RB_REMOVE(rest_bucket_tree, &shelf->buckets, b);
            bucket_free(b);
        }
        RB_REMOVE(rest_shelf_tree, &index->shelves, shelf);
        free(shelf);
    }
    struct rest_sku *sku;
    while ((sku = RB_ROOT(&index->skus)) != NULL) {
        lines_free(&sku->lines);
        RB_REMOVE(rest_sku_tree, &index->skus, sku);
        free(sku);
    }
    struct rest_offered *offered;
    while ((offered = RB_ROOT(&index->offered)) != NULL) {
        RB_REMOVE(rest_offered_tree, &index->offered, offered);
        free(offered);
    }
    free(index->counts);
    free(index->asking);
    free(index);
    x->rests = NULL;
}

/* --- Looking ------------------------------------------------------------------------------- */

uint64_t rest_count(const struct exchange *x, uint32_t account)
{
    return account < x->rests->accounts ? x->rests->counts[account] : 0;
}

bool rest_waits(const struct exchange *x, uint64_t sku, uint64_t price_ucr)
{
    struct rest_sku *s = sku_get(x->rests, sku, false);
    const struct rest_line *first = s != NULL ? rest_lines_first(&s->lines) : NULL;
    return first != NULL && first->key.limit_ucr >= price_ucr;
}

void rest_each(const struct exchange *x, uint64_t sku,
               bool (*visit)(void *context, const struct rest_row *rest, uint64_t limit_ucr),
               void *context)
{
    struct rest_sku *s = sku_get(x->rests, sku, false);
    struct rest_line *line = s != NULL ? rest_lines_first(&s->lines) : NULL;
    while (line != NULL && visit(context, rest_find(x, line->key.order), line->key.limit_ucr))
        line = rest_lines_after(line);
}

/* --- What is on offer ---------------------------------------------------------------------- */

static void offered_add(struct rest_index *index, uint64_t sku, uint64_t site, int64_t gpus)
{
    struct rest_offered key = {.sku = sku, .site = site};
    struct rest_offered *offered = RB_FIND(rest_offered_tree, &index->offered, &key);
    if (offered == NULL) {
        offered = memory_zeroed(1, sizeof(*offered));
        *offered = key;
        RB_INSERT(rest_offered_tree, &index->offered, offered);
    }
    offered->gpus += (uint64_t)gpus;
}

void rest_supply(struct exchange *x, uint64_t sku, uint64_t site, int64_t gpus)
{
    offered_add(x->rests, sku, site, gpus);
    offered_add(x->rests, sku, 0, gpus);
}

uint64_t rest_supplied(const struct exchange *x, uint64_t sku, uint64_t site)
{
    struct rest_offered key = {.sku = sku, .site = site};
    const struct rest_offered *offered = RB_FIND(rest_offered_tree, &x->rests->offered, &key);
    return offered != NULL ? offered->gpus : 0;
}

void rest_track(struct exchange *x, const struct offer_row *offer, bool here)
{
    struct rest_index *index = x->rests;
    /* Of those that nobody has been asked about there is nothing to go back on. */
    if (offer->ask_limit_ucr == 0 && offer->ask_place == 0)
        return;
    size_t i = 0;
    while (i < index->asking_count && index->asking[i] < offer->offer)
        i++;
    bool there = i < index->asking_count && index->asking[i] == offer->offer;
    if (there == here)
        return;
    if (!here) {
        memmove(&index->asking[i], &index->asking[i + 1],
                (--index->asking_count - i) * sizeof(*index->asking));
        return;
    }
    if (index->asking_count == index->asking_capacity) {
        size_t capacity = index->asking_capacity != 0 ? 2 * index->asking_capacity : 16;
        uint64_t *asking = realloc(index->asking, capacity * sizeof(*asking));
        if (asking == NULL)
            memory_exhausted();
        index->asking = asking;
        index->asking_capacity = capacity;
    }
    memmove(&index->asking[i + 1], &index->asking[i],
            (index->asking_count++ - i) * sizeof(*index->asking));
    index->asking[i] = offer->offer;
}

size_t rest_asking(const struct exchange *x, const uint64_t **offers_out)
{
    *offers_out = x->rests->asking;
    return x->rests->asking_count;
}

/* --- For checks ---------------------------------------------------------------------------- */

uint64_t rest_missing(const struct exchange *x, const struct rest_row *row, uint64_t *lines_out)
{
    const struct order_row *order = order_find(x, row->order);
    uint64_t missing = 0;
    *lines_out = 0;
    if (!row_is_sound(row, order))
        return 1;
    struct standing standings[FILTER_PLACES_MAX];
    for (uint32_t sku = 0; sku < row->skus_count; sku++) {
        uint32_t count = row_standings(row, order, sku, standings);
        for (uint32_t i = 0; i < count; i++) {
            struct standing *s = &standings[i];
            bool twice = false;
            for (uint32_t j = 0; j < i; j++)
                twice = twice || standings[j].shelf.where == s->shelf.where;
            if (twice)
                continue;
            struct rest_shelf *shelf = RB_FIND(rest_shelf_tree, &x->rests->shelves, &s->shelf);
            struct rest_bucket *b = shelf != NULL ? bucket_get(shelf, window_level(&s->line),
                                                               s->line.window.from_min, false)
                                                  : NULL;
            ++*lines_out;
            missing += b == NULL || rest_lines_find(&b->lines, &s->line) == NULL;
        }
        struct rest_line line = line_of(row, sku);
        struct rest_sku *s = sku_get(x->rests, row->skus[sku], false);
        missing += s == NULL || rest_lines_find(&s->lines, &line) == NULL;
    }
    return missing;
}

static uint64_t bucket_lines(struct rest_bucket *b, uint64_t *faults)
{
    uint64_t lines = 0;
    struct rest_key best = {0, 0, 0};
    const struct rest_line *first = rest_lines_first(&b->lines);
    for (const struct rest_line *line = first; line != NULL; line = rest_lines_after(line))
        lines++;
    *faults += rest_lines_faults(&b->lines) > 0;
    for (uint32_t i = 0; i < REST_CHILDREN; i++) {
        if (b->children[i] != NULL)
            lines += bucket_lines(b->children[i], faults);
    }
    *faults += !rest_bucket_best(b, &best) || rest_key_before(&best, &b->best) ||
               rest_key_before(&b->best, &best);
    return lines;
}

uint64_t rest_lines(const struct exchange *x, uint64_t *faults_out)
{
    uint64_t lines = 0;
    *faults_out = 0;
    struct rest_shelf *shelf;
    RB_FOREACH (shelf, rest_shelf_tree, &x->rests->shelves) {
        struct rest_bucket *b;
        RB_FOREACH (b, rest_bucket_tree, &shelf->buckets)
            lines += bucket_lines(b, faults_out);
    }
    *faults_out += lines != x->rests->lines;
    return lines;
}
