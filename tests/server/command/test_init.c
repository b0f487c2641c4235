/* `boursed init` and `boursed certify`. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/keyfile.h"
#include "protocol/status.h"
#include "server/port/file.h"

struct scene {
    struct bench bench; /* for its scratch folder */
    char key[KEYS_TEXT_BYTES + 1];
    char data[PATH_MAX + 32];
};

static int set_up(void **state)
{
    struct scene *p = malloc(sizeof(*p));
    struct keys_public public;
    bench_make(&p->bench);
    keys_get_public(&p->bench.admin, &public);
    keys_print(&public, p->key);
    snprintf(p->data, sizeof(p->data), "%s/new", p->bench.root);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *p = *state;
    bench_remove(&p->bench);
    free(p);
    return 0;
}

static int open_it(const struct scene *p, struct data_folder **out)
{
    struct buffer error = BUFFER_EMPTY;
    int status = data_folder_open(p->data, FOLDER_LOOK, out, &error);
    buffer_release(&error);
    return status;
}

static void test_init(void **state)
{
    struct scene *p = *state;
    struct data_folder *folder;
    struct buffer error = BUFFER_EMPTY;
    struct pin pin;
    struct stat info;
    char text[PIN_TEXT_SIZE], path[PATH_MAX];
    assert_int_equal(bench_command(&p->bench, "init", "--data", p->data, "--origin",
                                   "example.org/one", "--admin", p->key, "--admin-name", "Ada",
                                   "--meter-grace", "2h", "--dispute-window", "2678400s", NULL),
                     0);
    assert_int_equal(open_it(p, &folder), 0);
    assert_int_equal(folder->genesis.dispute_window_s, GRACE_MAX_S);
    assert_string_equal(folder->origin, "example.org/one");
    assert_int_equal(folder->genesis.admins.count, 1);
    assert_memory_equal(folder->genesis.admins.items[0].name.data, "Ada", 3);
    assert_int_equal(folder->genesis.activation_grace_s, 1800);
    assert_int_equal(folder->genesis.meter_grace_s, 7200);
    assert_true(folder->has_root_key);
    assert_false(folder->is_backup);
    assert_int_equal(data_folder_certificates_check(folder, folder->genesis.created_s, &error), 0);
    assert_int_equal(
        data_folder_certificates_check(folder, folder->genesis.created_s + 800 * 86400, &error),
        STATUS_EXPIRED);
    data_folder_pin(folder, &pin);
    assert_int_equal(pin_print(&pin, text), 0);
    assert_true(bench_said(&p->bench, text));
    assert_true(bench_said(&p->bench, "offline"));
    assert_int_equal(data_folder_path(folder, "keys/root.key", path), 0);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    data_folder_close(folder);
    buffer_release(&error);
}

/* The option's value for a further admin. */
static void admin_line(const char *name, uint8_t seed, char out[128], struct keys_public *public)
{
    uint8_t bytes[KEYS_SEED_BYTES] = {seed};
    char key[KEYS_TEXT_BYTES + 1];
    struct keys k;
    keys_from_seed(&k, bytes);
    keys_get_public(&k, public);
    keys_print(public, key);
    snprintf(out, 128, "%s=%s", name, key);
}

/* What was set is said, with what to do first. */
static void test_policy(void **state)
{
    struct scene *p = *state;
    struct data_folder *folder;
    struct keys_public bea, cem;
    char with_bea[128], with_cem[128];
    admin_line("bea", 11, with_bea, &bea);
    admin_line("c = m", 12, with_cem, &cem);
    assert_int_equal(bench_command(&p->bench, "init", "--data", p->data, "--origin", "ok",
                                   "--admin", p->key, "--approvals", "3", "--mint-limit", "250000",
                                   "--co-admin", with_bea, "--co-admin", with_cem, NULL),
                     0);
    assert_true(bench_said(&p->bench, "minting: up to 250000 credits a day without approval"));
    assert_true(bench_said(&p->bench, "payouts of an account: without limit"));
    assert_true(bench_said(&p->bench, "3 of 3 admins approve"));
    assert_true(bench_said(&p->bench, "accounts 1 to 3"));
    assert_true(bench_said(&p->bench, "  admin,\n  bea,\n  c = m.\n"));
    assert_true(bench_said(&p->bench, "All of them are needed"));
    assert_int_equal(open_it(p, &folder), 0);
    assert_int_equal(folder->genesis.approvals, 3);
    assert_true(folder->genesis.mint_limit_ucr == 250000 * UCR_PER_CREDIT);
    assert_int_equal(folder->genesis.payout_limit_ucr, 0);
    assert_int_equal(folder->genesis.admins.count, 3);
    const struct genesis_admin *admins = folder->genesis.admins.items;
    assert_int_equal(admins[2].name.length, 5);
    assert_memory_equal(admins[1].sign_key, bea.sign, 32);
    assert_memory_equal(admins[1].channel_key, bea.channel, 32);
    assert_memory_equal(admins[2].sign_key, cem.sign, 32);
    data_folder_close(folder);
    assert_int_equal(bench_command(&p->bench, "check", "--data", p->data, NULL), 0);
}

/* Names may have what turns text round, as those of other accounts; people see that they do. */
static void test_hidden_name(void **state)
{
    struct scene *p = *state;
    struct data_folder *folder;
    struct keys_public bea;
    char with_bea[128];
    admin_line("\u202ebea", 11, with_bea, &bea);
    assert_int_equal(bench_command(&p->bench, "init", "--data", p->data, "--origin", "ok",
                                   "--admin", p->key, "--co-admin", with_bea, NULL),
                     0);
    assert_true(bench_said(&p->bench, "  admin,\n  \\u202ebea.\n"));
    assert_false(bench_said(&p->bench, "\u202e"));
    assert_int_equal(open_it(p, &folder), 0);
    assert_memory_equal(folder->genesis.admins.items[1].name.data, "\u202ebea", 6);
    data_folder_close(folder);
}

static int init_with(struct scene *p, const char *co_admin, const char *other,
                     const char *approvals)
{
    return bench_command(&p->bench, "init", "--data", p->data, "--origin", "ok", "--admin", p->key,
                         "--approvals", approvals, "--co-admin", co_admin, "--co-admin", other,
                         NULL);
}

/* Too few admins for the approvals, or two that are one. */
static void test_admins_refused(void **state)
{
    struct scene *p = *state;
    struct data_folder *folder;
    struct keys_public public;
    char bea[128], cem[128], again[128], own[KEYS_TEXT_BYTES + 8], many[GENESIS_ADMINS_MAX][128];
    admin_line("bea", 11, bea, &public);
    admin_line("cem", 12, cem, &public);
    admin_line("cem", 11, again, &public);
    snprintf(own, sizeof(own), "dan=%s", p->key);
    assert_int_equal(init_with(p, bea, cem, "4"), 2);
    assert_true(bench_said(&p->bench, "--approvals 4 takes 4 admins, and there are 3; name 1 more "
                                      "with --co-admin NAME=PUBKEY"));
    assert_int_equal(init_with(p, bea, again, "1"), 2);
    assert_true(bench_said(&p->bench, "the admins 'bea' and 'cem' have the same key"));
    assert_int_equal(init_with(p, cem, again, "1"), 2);
    assert_true(bench_said(&p->bench, "two admins have the name 'cem'"));
    assert_int_equal(init_with(p, bea, own, "1"), 2);
    assert_true(bench_said(&p->bench, "the admins 'admin' and 'dan' have the same key"));
    assert_int_equal(init_with(p, bea, "cem", "1"), 2);
    assert_true(bench_said(&p->bench, "is not NAME=PUBKEY"));
    assert_int_equal(init_with(p, bea, "cem=bourse-key:x", "1"), 2);
    assert_true(bench_said(&p->bench, "is not a public key"));
    assert_int_equal(init_with(p, bea, strchr(bea, '='), "1"), 2);
    assert_true(bench_said(&p->bench, "cannot be an admin's name"));
    /* What a terminal would obey is refused, and spelt out where it is said. */
    admin_line("b\033[2J\na", 11, bea, &public);
    assert_int_equal(init_with(p, bea, cem, "1"), 2);
    assert_true(bench_said(&p->bench, "'b\\x1b[2J\na' cannot be an admin's name"));
    assert_int_equal(init_with(p, "b\033", cem, "1"), 2);
    assert_true(bench_said(&p->bench, "--co-admin 'b\\x1b' is not NAME=PUBKEY"));
    assert_int_equal(init_with(p, "b=\033[2J", cem, "1"), 2);
    assert_true(bench_said(&p->bench, "'\\x1b[2J' is not a public key"));
    admin_line("\u202ebea", 12, again, &public);
    assert_int_equal(init_with(p, again, cem, "1"), 2);
    assert_true(bench_said(&p->bench, "'\\u202ebea' and 'cem' have the same key"));
    /* As many as there may be; then one more. */
    for (int i = 0; i < GENESIS_ADMINS_MAX; i++) {
        char name[8];
        snprintf(name, sizeof(name), "a%d", i);
        admin_line(name, (uint8_t)(20 + i), many[i], &public);
    }
#define CO_ADMIN(i) "--co-admin", many[i]
#define CO_ADMINS                                                                                  \
    CO_ADMIN(0), CO_ADMIN(1), CO_ADMIN(2), CO_ADMIN(3), CO_ADMIN(4), CO_ADMIN(5), CO_ADMIN(6),     \
        CO_ADMIN(7), CO_ADMIN(8), CO_ADMIN(9), CO_ADMIN(10), CO_ADMIN(11), CO_ADMIN(12),           \
        CO_ADMIN(13), CO_ADMIN(14)
    assert_int_equal(bench_command(&p->bench, "init", "--data", p->data, "--origin", "ok",
                                   "--admin", p->key, CO_ADMINS, CO_ADMIN(15), NULL),
                     2);
    assert_true(bench_said(&p->bench, "at most 16 admins"));
    assert_false(file_exists(p->data));
    assert_int_equal(bench_command(&p->bench, "init", "--data", p->data, "--origin", "ok",
                                   "--admin", p->key, CO_ADMINS, NULL),
                     0);
    assert_true(bench_said(&p->bench, "accounts 1 to 16"));
    assert_int_equal(open_it(p, &folder), 0);
    assert_int_equal(folder->genesis.admins.count, GENESIS_ADMINS_MAX);
    data_folder_close(folder);
}

static void test_refused(void **state)
{
    struct scene *p = *state;
    struct data_folder *folder;
    char path[PATH_MAX + 64];
    static const struct {
        const char *option, *value;
        int code;
    } cases[] = {
        {"--origin", "has space", 2},
        {"--admin", "bourse-key:x", 2},
        {"--meter-grace", "59s", 2},
        {"--meter-grace", "2678401s", 2},
        {"--activation-grace", "2678401s", 2},
        {"--dispute-window", "2678401s", 2},
        {"--approvals", "0", 2},
        {"--approvals", "17", 2},
        {"--mint-limit", "0", 2},
        {"--mint-limit", "-1", 2},
        {"--payout-limit", "many", 2},
        {"--admin-name", "", 2},
        {"--approvals", "2", 2}, /* of one admin */
        {"--seed", "x", 2},
        {"--nonsense", "x", 2},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *origin = strcmp(cases[i].option, "--origin") == 0 ? cases[i].value : "ok";
        const char *admin = strcmp(cases[i].option, "--admin") == 0 ? cases[i].value : p->key;
        bool other = origin[0] == 'o' && admin == p->key;
        assert_int_equal(bench_command(&p->bench, "init", "--data", p->data, "--origin", origin,
                                       "--admin", admin, other ? cases[i].option : NULL,
                                       cases[i].value, NULL),
                         cases[i].code);
        assert_int_equal(open_it(p, &folder), STATUS_NOT_FOUND);
        assert_false(file_exists(p->data));
    }
    /* An exchange is never overwritten, nor anything else. */
    assert_int_equal(bench_command(&p->bench, "init", "--data", p->bench.data, "--origin", "ok",
                                   "--admin", p->key, NULL),
                     1);
    assert_true(bench_said(&p->bench, "there is an exchange here already"));
    assert_int_equal(mkdir(p->data, 0700), 0);
    snprintf(path, sizeof(path), "%s/file", p->data);
    FILE *file = fopen(path, "w");
    fclose(file);
    assert_int_equal(bench_command(&p->bench, "init", "--data", p->data, "--origin", "ok",
                                   "--admin", p->key, NULL),
                     1);
    /* An empty directory is taken. */
    unlink(path);
    assert_int_equal(bench_command(&p->bench, "init", "--data", p->data, "--origin", "ok",
                                   "--admin", p->key, NULL),
                     0);
}

static void test_seed(void **state)
{
    struct scene *p = *state;
    struct data_folder *folder;
    uint8_t id[32];
    assert_int_equal(bench_command(&p->bench, "init", "--data", p->data, "--origin",
                                   "example.org/bourse", "--admin", p->key, "--seed", "7", NULL),
                     0);
    assert_true(bench_said(&p->bench, "INSECURE"));
    assert_int_equal(open_it(p, &folder), 0);
    memcpy(id, folder->exchange_id, sizeof(id));
    data_folder_close(folder);
    snprintf(p->data, sizeof(p->data), "%s", p->bench.data); /* made with the same */
    assert_int_equal(open_it(p, &folder), 0);
    assert_memory_equal(id, folder->exchange_id, sizeof(id));
    data_folder_close(folder);
}

/* The root key is made elsewhere, certificates are renewed and keys replaced with it. */
static void test_certify(void **state)
{
    struct scene *p = *state;
    struct data_folder *before, *after;
    char root[PATH_MAX + 32], wrong[PATH_MAX + 32];
    uint8_t seed[32] = {3};
    struct buffer error = BUFFER_EMPTY;
    snprintf(root, sizeof(root), "%s/root", p->bench.root);
    snprintf(wrong, sizeof(wrong), "%s/wrong", p->bench.root);
    assert_int_equal(bench_command(&p->bench, "init", "--data", p->data, "--origin", "ok",
                                   "--admin", p->key, "--root-key", root, NULL),
                     0);
    assert_int_equal(open_it(p, &before), 0);
    assert_false(before->has_root_key);
    assert_int_equal(keyfile_write(wrong, seed, NULL, 0, NULL), 0);
    assert_int_equal(
        bench_command(&p->bench, "certify", "--data", p->data, "--root-key", wrong, NULL), 1);
    static const char *const rotated[] = {NULL, "log", "channel"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(bench_command(&p->bench, "certify", "--data", p->data, "--root-key", root,
                                       "--days", "10", rotated[i] != NULL ? "--rotate" : NULL,
                                       rotated[i], NULL),
                         0);
        assert_int_equal(open_it(p, &after), 0);
        uint64_t now_s = clock_wall_s(port_clock_system());
        assert_int_equal(data_folder_certificates_check(after, now_s, &error), 0);
        assert_int_equal(data_folder_certificates_check(after, now_s + 11 * 86400, &error),
                         STATUS_EXPIRED);
        bool same_log = memcmp(before->log_key.sign_public, after->log_key.sign_public, 32) == 0;
        bool same_channel =
            memcmp(before->channel_key.channel_public, after->channel_key.channel_public, 32) == 0;
        assert_int_equal(same_log, i < 1);
        assert_int_equal(same_channel, i < 2);
        data_folder_close(after);
    }
    data_folder_close(before);
    buffer_release(&error);
    assert_int_equal(bench_command(&p->bench, "check", "--data", p->data, NULL), 0);
}

/* Files that are missing or not what they should be. */
static void test_open_faults(void **state)
{
    struct scene *p = *state;
    static const char *const names[] = {"keys/log.key", "keys/nonce.key", "keys/log.certificate",
                                        "keys/channel.certificate", "genesis"};
    struct data_folder *folder;
    snprintf(p->data, sizeof(p->data), "%s", p->bench.data);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[PATH_MAX + 64], aside[PATH_MAX + 64];
        snprintf(path, sizeof(path), "%s", bench_path(&p->bench, names[i]));
        snprintf(aside, sizeof(aside), "%s/aside", p->bench.root);
        assert_int_equal(rename(path, aside), 0);
        assert_int_equal(open_it(p, &folder), STATUS_NOT_FOUND);
        assert_int_equal(file_replace(path, "short", 5), 0);
        assert_true(open_it(p, &folder) < 0);
        assert_int_equal(rename(aside, path), 0);
        assert_int_equal(open_it(p, &folder), 0);
        data_folder_close(folder);
    }
    /* A key that others may read is refused. */
    assert_int_equal(chmod(bench_path(&p->bench, "keys/log.key"), 0644), 0);
    assert_int_equal(open_it(p, &folder), STATUS_PERMISSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_init, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_policy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hidden_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_admins_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_seed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_certify, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_open_faults, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
