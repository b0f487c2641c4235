#include "tests/server/store/support.h"

#include "server/store/changes.h"
#include "server/store/codec.h"
#include "tests/server/store/rows.h"

enum { KEYS = 500 };

/* What became of each note key, kept naively. */
struct fate {
    int there_before, there_now, changed;
    struct note_row row;
};

/* Few days and accounts, so that keys share their first words and differ in the last. */
static struct note_row note_of(uint64_t number)
{
    struct note_row note = {.day = number % 3, .account = (uint32_t)(number % 5)};
    uint32_t id = (uint32_t)number * 2654435761u;
    memcpy(note.id + (number % 2) * 8, &id, sizeof(id));
    return note;
}

struct walk {
    struct fate *fates;
    uint64_t seen;
    int any;
    uint8_t last_key[24];
};

static int check_net(void *context, const struct net_change *net)
{
    struct walk *w = context;
    uint8_t key[24];
    struct fate *fate = NULL;

    codec_encode_key(&test_specs[NOTE], net->row, key);
    assert_true(!w->any || memcmp(key, w->last_key, sizeof(key)) > 0);
    memcpy(w->last_key, key, sizeof(key));
    w->any = 1;
    for (uint64_t n = 0; n < KEYS && !fate; n++) {
        struct note_row note = note_of(n);
        if (memcmp(&note, net->row, test_specs[NOTE].key_size) == 0)
            fate = &w->fates[n];
    }
    assert_non_null(fate);
    assert_true(fate->changed);
    assert_int_equal(net->was_there, fate->there_before);
    assert_int_equal(!net->gone, fate->there_now);
    if (!net->gone)
        assert_memory_equal(net->row, &fate->row, sizeof(fate->row));
    w->seen++;
    return 0;
}

static void change_notes(struct store *s, struct fate *fates)
{
    for (uint64_t steps = random_below(3000); steps > 0; steps--) {
        uint64_t n = random_below(KEYS);
        struct note_row note = note_of(n);
        struct coin_row coin = {.serial = random_below(50), .amount_ucr = 1};
        fates[n].changed = 1;
        if (fates[n].there_now && random_below(2)) {
            store_remove(s, NOTE, &note);
            fates[n].there_now = 0;
            continue;
        }
        note.small = (uint16_t)random_below(65536);
        store_put(s, NOTE, &note);
        fates[n].row = note;
        fates[n].there_now = 1;
        store_put(s, COIN, &coin); /* another table between, which must not mix in */
    }
}

static void coalesces_to_the_last_image_of_each_key_in_order(void **state)
{
    static struct fate fates[KEYS];
    struct change_sorter sorter = CHANGE_SORTER_EMPTY;
    struct changes *c = changes_new();
    (void)state;

    random_start();
    struct store *s = store_new(test_specs, TABLES);
    for (int round = 0; round < 30; round++) {
        uint64_t expected = 0;
        struct walk walk = {.fates = fates};
        change_notes(s, fates);
        store_settle(s);
        store_changes_swap(s, &c);
        assert_int_equal(change_sorter_run(&sorter, c, test_specs, TABLES), 0);
        assert_int_equal(change_sorter_each(&sorter, c, test_specs, NOTE, check_net, &walk), 0);
        for (size_t n = 0; n < KEYS; n++) {
            expected += fates[n].changed && (fates[n].there_before || fates[n].there_now);
            fates[n].there_before = fates[n].there_now;
            fates[n].changed = 0;
        }
        assert_int_equal(walk.seen, expected);
        changes_clear(c);
    }
    change_sorter_release(&sorter);
    changes_free(c);
    store_free(s);
}

static int count_net(void *context, const struct net_change *net)
{
    uint64_t *count = context;
    (void)net;
    return ++*count == 2 ? 7 : 0;
}

static void a_row_that_lived_between_two_flushes_only_is_left_out(void **state)
{
    struct change_sorter sorter = CHANGE_SORTER_EMPTY;
    struct changes *c = changes_new();
    uint64_t count = 0;
    (void)state;

    struct store *s = store_new(test_specs, TABLES);
    for (uint32_t n = 0; n < 100; n++) {
        struct mark_row mark = {n};
        store_put(s, MARK, &mark);
        store_remove(s, MARK, &mark);
    }
    store_settle(s);
    store_changes_swap(s, &c);
    assert_int_equal(change_sorter_run(&sorter, c, test_specs, TABLES), 0);
    assert_int_equal(change_sorter_count(&sorter, MARK), 200);
    assert_int_equal(change_sorter_count(&sorter, COIN), 0);
    assert_int_equal(change_sorter_each(&sorter, c, test_specs, MARK, count_net, &count), 0);
    assert_int_equal(count, 0);
    changes_clear(c);

    for (uint32_t n = 0; n < 5; n++) {
        struct mark_row mark = {n};
        store_put(s, MARK, &mark);
    }
    store_settle(s);
    store_changes_swap(s, &c);
    assert_int_equal(change_sorter_run(&sorter, c, test_specs, TABLES), 0);
    assert_int_equal(change_sorter_each(&sorter, c, test_specs, MARK, count_net, &count), 7);
    assert_int_equal(count, 2);
    change_sorter_release(&sorter);
    changes_free(c);
    store_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(coalesces_to_the_last_image_of_each_key_in_order),
        cmocka_unit_test(a_row_that_lived_between_two_flushes_only_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
