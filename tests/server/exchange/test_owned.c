#include "tests/server/exchange/support.h"

#include "server/exchange/owned.h"

enum { ACCOUNTS = 5, SERIALS = 3000 };

/* Whose each serial is; 0: it is gone. */
struct model {
    uint32_t owners[SERIALS + 1];
};

static bool model_lives(const void *context, uint32_t account, uint64_t serial)
{
    const struct model *m = context;
    return serial <= SERIALS && m->owners[serial] == account;
}

static void compare(const struct owned *o, const struct model *m)
{
    for (uint32_t account = 1; account < ACCOUNTS; account++) {
        uint64_t count = 0;
        uint64_t at = 0;
        for (uint64_t serial = 1; serial <= SERIALS; serial++) {
            if (m->owners[serial] != account)
                continue;
            uint32_t looks = UINT32_MAX;
            uint64_t resume = 7;
            at = owned_next(o, account, at + (count > 0), &looks, &resume);
            assert_int_equal(at, serial);
            assert_int_equal(resume, 0);
            count++;
        }
        assert_int_equal(owned_count(o, account), count);
    }
}

static void follows_a_model(void **state)
{
    (void)state;
    static struct model m;
    struct owned o;
    uint64_t last = 0;
    memset(&m, 0, sizeof(m));
    owned_init(&o, model_lives, &m);
    for (int i = 0; i < 20000; i++) {
        uint64_t serial = random_below(SERIALS) + 1;
        if (last < SERIALS && random_below(3) == 0) {
            m.owners[++last] = (uint32_t)random_below(ACCOUNTS - 1) + 1;
            owned_add(&o, m.owners[last], last);
        } else if (m.owners[serial]) {
            uint32_t owner = m.owners[serial];
            m.owners[serial] = 0;
            owned_remove(&o, owner, serial);
            /* As undo does: it comes back, perhaps after its hole has been closed. */
            if (random_below(4) == 0) {
                m.owners[serial] = owner;
                owned_add(&o, owner, serial);
            }
        }
        if (random_below(50) == 0)
            owned_settle(&o);
        if (i % 1000 == 0)
            compare(&o, &m);
    }
    compare(&o, &m);
    owned_release(&o);
}

static bool many_lives(const void *context, uint32_t account, uint64_t serial)
{
    const uint8_t *lives = context;
    return account == 1 && lives[serial] != 0;
}

static void gives_up_after_so_many_looks(void **state)
{
    (void)state;
    static struct model m;
    struct owned o;
    memset(&m, 0, sizeof(m));
    owned_init(&o, model_lives, &m);
    for (uint64_t serial = 1; serial <= 100; serial++) {
        m.owners[serial] = 1;
        owned_add(&o, 1, serial);
    }
    for (uint64_t serial = 1; serial <= 50; serial++) {
        m.owners[serial] = 0;
        owned_remove(&o, 1, serial);
    }
    uint32_t looks = 10;
    uint64_t resume;
    assert_int_equal(owned_next(&o, 1, 0, &looks, &resume), 0);
    assert_int_equal(resume, 11);
    looks = 100;
    assert_int_equal(owned_next(&o, 1, resume, &looks, &resume), 51);
    assert_int_equal(resume, 0);
    assert_int_equal(owned_next(&o, 1, 101, &looks, &resume), 0);
    assert_int_equal(owned_next(&o, 2, 0, &looks, &resume), 0);
    assert_int_equal(owned_count(&o, 4000), 0);
    owned_release(&o);
}

/* All of a long run goes and comes back, the last first, as an atomic request does that is refused
 * at its end. Were the holes closed meanwhile, each would have to move the whole run. */
static void undo_of_a_long_run_is_quick(void **state)
{
    (void)state;
    enum { MANY = 400000 };
    static uint8_t lives[MANY + 1];
    struct owned o;
    owned_init(&o, many_lives, lives);
    for (uint64_t serial = 1; serial <= MANY; serial++) {
        lives[serial] = 1;
        owned_add(&o, 1, serial);
    }
    clock_t began = clock();
    for (uint64_t serial = 1; serial <= MANY; serial++) {
        lives[serial] = 0;
        owned_remove(&o, 1, serial);
    }
    for (uint64_t serial = MANY; serial > 0; serial--) {
        lives[serial] = 1;
        owned_add(&o, 1, serial);
    }
    /* It takes milliseconds; moving the run each time took half a minute. */
    assert_true(clock() - began < 5 * CLOCKS_PER_SEC);
    owned_settle(&o);
    assert_int_equal(owned_count(&o, 1), MANY);
    uint32_t looks = 1;
    uint64_t resume;
    assert_int_equal(owned_next(&o, 1, MANY / 2, &looks, &resume), MANY / 2);
    owned_release(&o);
}

static void passes_over_impossible_accounts(void **state)
{
    (void)state;
    struct owned o;
    owned_init(&o, model_lives, NULL);
    owned_add(&o, 0, 1);
    owned_add(&o, UINT32_MAX, 1);
    owned_remove(&o, UINT32_MAX, 1);
    assert_int_equal(owned_count(&o, 0), 0);
    owned_release(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_a_model),
        cmocka_unit_test(gives_up_after_so_many_looks),
        cmocka_unit_test(undo_of_a_long_run_is_quick),
        cmocka_unit_test(passes_over_impossible_accounts),
    };
    random_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
