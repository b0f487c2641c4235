/* Cuts and damage of the log's files: junk is cut off, the rest is told and never given out. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "protocol/limits.h"
#include "protocol/status.h"
#include "server/log/log_store.h"
#include "tests/random.h"
#include "tests/server/log/sample_log.h"

static void flip(const char *name, off_t at, uint8_t bits)
{
    char path[300];
    uint8_t byte;
    sample_path(name, path);
    int file = open(path, O_RDWR);
    assert_true(file >= 0);
    assert_int_equal(pread(file, &byte, 1, at), 1);
    byte ^= bits;
    assert_int_equal(pwrite(file, &byte, 1, at), 1);
    close(file);
}

/* Junk behind what was synced, as after a loss of power, is cut off. */
static void cuts_off_junk(void **state)
{
    (void)state;
    static const char *const names[] = {"offsets", "tiles-0",       "tiles-1",
                                        "tiles-2", "events-000000", "events-000077"};
    struct log_store *s = sample_open(0);
    sample_append(s, 0, 10);
    assert_int_equal(log_store_publish(s), STATUS_OK);
    log_store_close(s);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[300];
        sample_path(names[i], path);
        FILE *file = fopen(path, "a");
        assert_non_null(file);
        for (int j = 0; j < 5000; j++)
            fputc('J', file);
        fclose(file);
    }
    s = sample_open(10);
    sample_append(s, 10, SAMPLE_ENTRIES);
    assert_int_equal(log_store_publish(s), STATUS_OK);
    log_store_close(s);
    s = sample_open(SAMPLE_ENTRIES);
    struct log_check_report quiet = {0};
    assert_int_equal(log_store_check(s, SAMPLE_ENTRIES, sample_roots[SAMPLE_ENTRIES], &quiet),
                     STATUS_OK);
    log_store_close(s);
}

static void shorten(const char *name, off_t by)
{
    char path[300];
    struct stat st;
    sample_path(name, path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(truncate(path, st.st_size - by), 0);
}

static void last_segment(char name[32])
{
    uint64_t bytes = 0;
    for (uint64_t i = 0; i < SAMPLE_ENTRIES; i++)
        bytes += i * 37 % 401;
    snprintf(name, 32, "events-%06u", (unsigned)(bytes / SAMPLE_SEGMENT));
}

/* Each file too short or wrong at the right edge: damage, then reset and anew. */
static void opening_finds_damage(void **state)
{
    (void)state;
    char last[32];
    last_segment(last);
    const struct {
        const char *name;
        off_t cut; /* bytes cut off, or 0: a bit is flipped at `flip_at` */
        off_t flip_at;
    } cases[] = {
        {"offsets", 1, 0},
        {"tiles-0", 1, 0},
        {"tiles-1", 1, 0},
        {"events-000000", 1, 0},
        {last, 1, 0},
        {"tiles-0", 0, 699 * 32},
        {"tiles-1", 0, 32 + 5},
        {"offsets", 0, 699 * 8},
        {"offsets", 0, 699 * 8 + 7},
        {last, 0, 5},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct log_store *s = sample_filled();
        log_store_close(s);
        if (cases[i].cut > 0)
            shorten(cases[i].name, cases[i].cut);
        else
            flip(cases[i].name, cases[i].flip_at, 0x40);
        int status = log_store_open(sample_folder, SAMPLE_SEGMENT, SAMPLE_ENTRIES,
                                    sample_roots[SAMPLE_ENTRIES], &s);
        if (status != STATUS_DAMAGED)
            fail_msg("case %zu: %s", i, status_text(status));
        assert_null(s);
        assert_int_equal(log_store_reset(sample_folder), STATUS_OK);
    }
    log_store_close(sample_filled());
    struct log_store *s;
    assert_int_equal(log_store_open(sample_folder, SAMPLE_SEGMENT, SAMPLE_ENTRIES,
                                    sample_roots[SAMPLE_ENTRIES - 1], &s),
                     STATUS_DAMAGED);
    assert_int_equal(log_store_open(sample_folder, SAMPLE_SEGMENT, 0, sample_roots[1], &s),
                     STATUS_DAMAGED);
    assert_int_equal(
        log_store_open(sample_folder, SAMPLE_SEGMENT, LOG_SIZE_MAX, sample_roots[1], &s),
        STATUS_DAMAGED);
    assert_int_equal(log_store_open(sample_folder, SAMPLE_SEGMENT, UINT64_MAX, sample_roots[1], &s),
                     STATUS_LIMIT);
    log_store_close(sample_open(SAMPLE_ENTRIES)); /* a failed opening changed nothing */
}

static int visit_any(void *context, uint64_t index, const uint8_t *event, size_t length)
{
    uint8_t expected[1024];
    (void)context;
    assert_int_equal(length, sample_event(index, expected));
    if (length > 0)
        assert_memory_equal(event, expected, length);
    return 0;
}

/* Files that change under the store: readers get the right bytes or STATUS_DAMAGED. */
static void random_damage_is_never_given_out(void **state)
{
    (void)state;
    srandom((unsigned)random_seed());
    static const struct {
        const char *name;
        long length;
    } files[] = {{"offsets", SAMPLE_ENTRIES * 8},
                 {"tiles-0", SAMPLE_ENTRIES * 32},
                 {"tiles-1", 64},
                 {"events-000000", SAMPLE_SEGMENT},
                 {"events-000003", SAMPLE_SEGMENT}};
    struct log_store *s = sample_filled();
    unsigned found = 0;
    for (int round = 0; round < 300; round++) {
        size_t which = (size_t)random() % 5;
        off_t at = random() % files[which].length;
        uint8_t bits = (uint8_t)(1 << random() % 8);
        struct buffer b = BUFFER_EMPTY;
        merkle_hash proof[MERKLE_PROOF_MAX];
        size_t count;
        flip(files[which].name, at, bits);
        for (uint64_t i = 0; i < SAMPLE_ENTRIES; i++) {
            uint8_t event[1024];
            size_t length = sample_event(i, event);
            buffer_clear(&b);
            int status = log_store_read(s, i, &b);
            assert_true(status == STATUS_OK || status == STATUS_DAMAGED);
            if (status == STATUS_OK) {
                assert_int_equal(b.length, length);
                if (length > 0)
                    assert_memory_equal(b.data, event, length);
            } else {
                assert_int_equal(b.length, 0);
                found++;
            }
        }
        int status = log_store_read_range(s, 0, SAMPLE_ENTRIES, SIZE_MAX, visit_any, NULL);
        assert_true(status == STATUS_OK || status == STATUS_DAMAGED);
        assert_int_equal(log_store_inclusion(s, 3, SAMPLE_ENTRIES, proof, &count), STATUS_OK);
        struct log_check_report quiet = {0};
        assert_int_equal(log_store_check(s, SAMPLE_ENTRIES, sample_roots[SAMPLE_ENTRIES], &quiet),
                         STATUS_DAMAGED);
        flip(files[which].name, at, bits);
        buffer_release(&b);
    }
    assert_true(found > 0);
    log_store_close(s);
}

struct differences {
    char text[1024];
    uint64_t done;
};

static void note_difference(void *context, const char *file, uint64_t index, const char *text)
{
    struct differences *d = context;
    size_t used = strlen(d->text);
    assert_non_null(text);
    snprintf(d->text + used, sizeof(d->text) - used, "%s@%llu ", file, (unsigned long long)index);
}

static void note_progress(void *context, uint64_t done, uint64_t total)
{
    struct differences *d = context;
    assert_true(done > d->done && done <= total);
    d->done = done;
}

/* The check names the file that was damaged, and the first place. */
static void check_names_the_damage(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        off_t at;
        const char *expected; /* what must be named */
        const char *not_expected;
    } cases[] = {
        {"events-000000", 37, "events@2 ", "tiles"},
        {"tiles-0", 300 * 32, "tiles-0@300 ", "events"},
        {"tiles-1", 0, "tiles-1@0 ", "tiles-0"},
        {"tiles-1", 32, "tiles-1@1 ", "events"},
        {"offsets", 8 * 9 + 7, "offsets@9 ", "tiles"},
        {"offsets", 8 * 9, "events@9 ", "tiles"}, /* a place that is possible but wrong */
    };
    struct log_store *s = sample_filled();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct differences d = {"", 0};
        struct log_check_report report = {&d, note_progress, note_difference};
        assert_int_equal(log_store_check(s, SAMPLE_ENTRIES, sample_roots[SAMPLE_ENTRIES], &report),
                         STATUS_OK);
        assert_int_equal(d.done, SAMPLE_ENTRIES);
        assert_string_equal(d.text, "");
        d.done = 0;
        flip(cases[i].name, cases[i].at, 1);
        assert_int_equal(log_store_check(s, SAMPLE_ENTRIES, sample_roots[SAMPLE_ENTRIES], &report),
                         STATUS_DAMAGED);
        flip(cases[i].name, cases[i].at, 1);
        if (strstr(d.text, cases[i].expected) == NULL ||
            strstr(d.text, cases[i].not_expected) != NULL)
            fail_msg("case %zu: \"%s\"", i, d.text);
    }
    struct differences d = {"", 0};
    struct log_check_report report = {&d, NULL, note_difference};
    assert_int_equal(log_store_check(s, SAMPLE_ENTRIES, sample_roots[3], &report), STATUS_DAMAGED);
    assert_string_equal(d.text, "root@700 ");
    d.text[0] = '\0';
    shorten("tiles-0", 32);
    shorten("tiles-1", 32);
    assert_int_equal(log_store_check(s, SAMPLE_ENTRIES, sample_roots[SAMPLE_ENTRIES], &report),
                     STATUS_DAMAGED);
    assert_non_null(strstr(d.text, "tiles-0@0 ")); /* read by runs: the first of the run */
    assert_non_null(strstr(d.text, "tiles-1@1 "));
    assert_int_equal(log_store_check(s, SAMPLE_ENTRIES + 1, sample_roots[0], &report),
                     STATUS_NOT_FOUND);
    log_store_close(s);
}

#define WITH_FOLDER(test)                                                                          \
    cmocka_unit_test_setup_teardown(test, sample_folder_make, sample_folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(cuts_off_junk),
        WITH_FOLDER(opening_finds_damage),
        WITH_FOLDER(random_damage_is_never_given_out),
        WITH_FOLDER(check_names_the_damage),
    };
    return cmocka_run_group_tests_name("log_damage", tests, sample_roots_make, NULL);
}
