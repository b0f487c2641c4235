#include "tests/server/store/support.h"

#include "server/store/table.h"

/* A row as most tables have it: a number as key, something behind it. */
struct item {
    uint64_t key;
    uint32_t value;
    uint32_t check;
};

static const uint8_t seed[TABLE_SEED_SIZE] = "seed of the test";

static struct item item_of(uint64_t key, uint32_t value)
{
    return (struct item){.key = key, .value = value, .check = (uint32_t)key ^ value};
}

static void insert(struct table *t, uint64_t key, uint32_t value)
{
    struct item item = item_of(key, value);
    table_insert(t, &item, table_hash(t, &key));
}

static const struct item *find(const struct table *t, uint64_t key)
{
    return table_find(t, &key, table_hash(t, &key));
}

static int count_one(void *context, const void *row)
{
    const struct item *item = row;
    uint64_t *count = context;
    assert_int_equal(item->check, (uint32_t)item->key ^ item->value);
    ++*count;
    return 0;
}

static int stop_at_third(void *context, const void *row)
{
    int *count = context;
    (void)row;
    return ++*count == 3 ? 42 : 0;
}

static void finds_what_was_inserted_through_many_splits(void **state)
{
    enum { ROWS = 300000 };
    struct table t;
    uint64_t count = 0;
    (void)state;

    table_init(&t, sizeof(struct item), 8, seed);
    assert_null(find(&t, 1));
    for (uint64_t key = 0; key < ROWS; key++)
        insert(&t, key * 3, (uint32_t)key);
    assert_int_equal(t.count, ROWS);
    assert_true(t.depth > 4);
    for (uint64_t key = 0; key < ROWS; key++) {
        const struct item *item = find(&t, key * 3);
        assert_non_null(item);
        assert_int_equal(item->value, key);
        assert_null(find(&t, key * 3 + 1));
    }
    assert_int_equal(table_each(&t, count_one, &count), 0);
    assert_int_equal(count, ROWS);
    int visited = 0;
    assert_int_equal(table_each(&t, stop_at_third, &visited), 42);
    assert_int_equal(visited, 3);
    table_release(&t);
}

static void churn_of_equal_size_takes_no_more_memory(void **state)
{
    enum { LIVE = 50000, ROUNDS = 500000 };
    struct table t;
    (void)state;

    table_init(&t, sizeof(struct item), 8, seed);
    for (uint64_t key = 0; key < LIVE; key++)
        insert(&t, key, 0);
    size_t before = 0;
    for (uint64_t key = LIVE; key < LIVE + ROUNDS; key++) {
        struct item taken;
        uint64_t old = key - LIVE;
        table_take(&t, &old, table_hash(&t, &old), &taken);
        assert_int_equal(taken.key, old);
        insert(&t, key, 0);
        if (key == LIVE + 4 * LIVE)
            before = table_memory(&t);
    }
    assert_int_equal(t.count, LIVE);
    /* A segment may still split by chance; removed rows alone would have made it ten times. */
    assert_true(table_memory(&t) < before + before / 4);
    table_release(&t);
}

static void a_row_of_32_bytes_costs_less_than_60(void **state)
{
    struct table t;
    uint8_t row[32] = {0};
    (void)state;

    table_init(&t, sizeof(row), 8, seed);
    for (uint64_t key = 1; key <= 1200000; key++) {
        memcpy(row, &key, sizeof(key));
        table_insert(&t, row, table_hash(&t, &key));
        if (key >= 200000 && key % 50000 == 0)
            assert_true(table_memory(&t) < 60 * key + 4 * 1024 * 1024);
    }
    table_release(&t);
}

/* The same random operations on the table and on an array indexed by key. */
static void agrees_with_an_array(void **state)
{
    enum { KEYS = 20000, STEPS = 600000 };
    struct table t;
    uint32_t *values = calloc(KEYS, sizeof(*values)); /* 0: no such row */
    uint64_t count = 0;
    (void)state;

    random_start();
    assert_non_null(values);
    table_init(&t, sizeof(struct item), 8, seed);
    for (int step = 0; step < STEPS; step++) {
        /* Long phases of growing and shrinking, so that free places run out and pile up. */
        uint64_t key = random_below(KEYS);
        uint64_t wanted = (step / 100000) % 2 ? 20 : 80;
        const struct item *present = find(&t, key);
        assert_int_equal(present ? present->value : 0, values[key]);
        if (random_below(100) < wanted && !present) {
            values[key] = (uint32_t)random_below(1000) + 1;
            insert(&t, key, values[key]);
            count++;
        } else if (present) {
            struct item taken;
            table_take(&t, &key, table_hash(&t, &key), &taken);
            assert_int_equal(taken.value, values[key]);
            values[key] = 0;
            count--;
        }
        assert_int_equal(t.count, count);
    }
    free(values);
    table_release(&t);
}

static void keys_and_rows_of_many_sizes(void **state)
{
    static const struct {
        size_t row, key;
    } sizes[] = {{4, 1}, {4, 4}, {5, 2}, {16, 4}, {24, 8}, {40, 12}, {100, 32}, {3000, 64}};
    uint8_t row[3000], taken[3000];
    (void)state;

    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        struct table t;
        uint32_t rows = sizes[s].key == 1 ? 256 : 5000;
        table_init(&t, sizes[s].row, sizes[s].key, seed);
        for (uint32_t n = 0; n < rows; n++) {
            memset(row, (int)n, sizeof(row));
            memcpy(row, &n, sizes[s].key < 4 ? sizes[s].key : 4);
            table_insert(&t, row, table_hash(&t, row));
        }
        for (uint32_t n = 0; n < rows; n++) {
            memset(row, (int)n, sizeof(row));
            memcpy(row, &n, sizes[s].key < 4 ? sizes[s].key : 4);
            assert_memory_equal(table_find(&t, row, table_hash(&t, row)), row, sizes[s].row);
            table_take(&t, row, table_hash(&t, row), taken);
            assert_memory_equal(taken, row, sizes[s].row);
            assert_null(table_find(&t, row, table_hash(&t, row)));
        }
        assert_int_equal(t.count, 0);
        table_release(&t);
    }
}

static void another_seed_hashes_otherwise(void **state)
{
    static const size_t key_sizes[] = {4, 8, 20};
    uint8_t key[32] = "the same key in both tables";
    (void)state;

    for (size_t i = 0; i < 3; i++) {
        struct table one, other;
        table_init(&one, 32, key_sizes[i], seed);
        table_init(&other, 32, key_sizes[i], (const uint8_t *)"another 16 bytes");
        assert_true(table_hash(&one, key) != table_hash(&other, key));
        table_release(&one);
        table_release(&other);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_inserted_through_many_splits),
        cmocka_unit_test(churn_of_equal_size_takes_no_more_memory),
        cmocka_unit_test(a_row_of_32_bytes_costs_less_than_60),
        cmocka_unit_test(agrees_with_an_array),
        cmocka_unit_test(keys_and_rows_of_many_sizes),
        cmocka_unit_test(another_seed_hashes_otherwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
