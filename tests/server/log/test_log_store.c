/* The log's files: what was appended is read and proven; cuts, damage and a full disk are told. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "protocol/limits.h"
#include "protocol/status.h"
#include "server/log/log_files.h"
#include "server/log/log_store.h"

enum { SEGMENT = 4096, ENTRIES = 700 };

static char folder[256];
static merkle_hash roots[ENTRIES + 1]; /* by size */

/* Events of 0 to 400 bytes or so, told apart by their index. */
static size_t event_make(uint64_t index, uint8_t event[1024])
{
    size_t length = (size_t)(index * 37 % 401);
    for (size_t i = 0; i < length; i++)
        event[i] = (uint8_t)(index * 31 + i);
    return length;
}

static void leaf_make(uint64_t index, uint8_t *leaf)
{
    uint8_t event[1024];
    merkle_leaf_hash(event, event_make(index, event), leaf);
}

static int make_roots(void **state)
{
    (void)state;
    struct merkle_frontier f;
    merkle_frontier_init(&f);
    merkle_frontier_root(&f, roots[0]);
    for (uint64_t i = 0; i < ENTRIES; i++) {
        merkle_hash leaf;
        leaf_make(i, leaf);
        merkle_frontier_append(&f, leaf);
        merkle_frontier_root(&f, roots[i + 1]);
    }
    return 0;
}

static int make_folder(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof(folder), "%s/bourse-log-XXXXXX", base != NULL ? base : "/tmp");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    assert_int_equal(log_store_reset(folder), STATUS_OK);
    return rmdir(folder); /* fails if a reset leaves anything behind */
}

static struct log_store *open_at(uint64_t size)
{
    struct log_store *s;
    assert_int_equal(log_store_open(folder, SEGMENT, size, roots[size], &s), STATUS_OK);
    assert_int_equal(log_store_size(s), size);
    return s;
}

static void append(struct log_store *s, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++) {
        uint8_t event[1024];
        merkle_hash leaf;
        size_t length = event_make(i, event);
        leaf_make(i, leaf);
        assert_int_equal(log_store_append(s, event, length, leaf), STATUS_OK);
    }
}

static struct log_store *filled(void)
{
    struct log_store *s = open_at(0);
    append(s, 0, ENTRIES);
    assert_int_equal(log_store_publish(s), STATUS_OK);
    return s;
}

static void expect_event(const struct log_store *s, uint64_t index)
{
    uint8_t event[1024];
    struct buffer b = BUFFER_EMPTY;
    size_t length = event_make(index, event);
    assert_int_equal(log_store_read(s, index, &b), STATUS_OK);
    assert_int_equal(b.length, length);
    if (length > 0)
        assert_memory_equal(b.data, event, length);
    buffer_release(&b);
}

static void reads_what_was_published(void **state)
{
    (void)state;
    struct log_store *s = open_at(0);
    struct buffer b = BUFFER_EMPTY;
    for (uint64_t size = 0; size < ENTRIES;) {
        uint64_t next = size + 1 + size % 5;
        next = next < ENTRIES ? next : ENTRIES;
        append(s, size, next);
        assert_int_equal(log_store_size(s), size);
        assert_int_equal(log_store_read(s, size, &b), STATUS_NOT_FOUND);
        assert_int_equal(log_store_publish(s), STATUS_OK);
        assert_int_equal(log_store_size(s), next);
        size = next;
    }
    for (uint64_t i = 0; i < ENTRIES; i++)
        expect_event(s, i);
    assert_int_equal(log_store_read(s, ENTRIES, &b), STATUS_NOT_FOUND);
    assert_int_equal(log_store_read(s, UINT64_MAX, &b), STATUS_NOT_FOUND);
    assert_int_equal(b.length, 0);
    assert_int_equal(log_store_frontier(s)->size, ENTRIES);
    assert_int_equal(log_store_publish(s), STATUS_OK); /* nothing to do */
    static const uint8_t large[EVENT_BYTES_MAX + 1];
    assert_int_equal(log_store_append(s, large, sizeof(large), roots[0]), STATUS_LIMIT);
    assert_int_equal(log_store_size(s), ENTRIES);
    buffer_release(&b);
    log_store_close(s);
}

struct range {
    uint64_t next;
    uint64_t stop;
    size_t bytes;
};

static int visit_range(void *context, uint64_t index, const uint8_t *event, size_t length)
{
    struct range *r = context;
    uint8_t expected[1024];
    assert_int_equal(index, r->next);
    assert_int_equal(length, event_make(index, expected));
    if (length > 0)
        assert_memory_equal(event, expected, length);
    r->next++;
    r->bytes += length;
    return r->next == r->stop ? 77 : 0;
}

static void reads_ranges(void **state)
{
    (void)state;
    struct log_store *s = filled();
    static const struct {
        uint64_t from, count_max;
        size_t bytes_max;
        uint64_t to;
    } cases[] = {
        {0, UINT64_MAX, SIZE_MAX, ENTRIES},
        {0, 10, SIZE_MAX, 10},
        {300, 300, SIZE_MAX, 600},
        {699, 10, SIZE_MAX, 700},
        {700, 10, SIZE_MAX, 700},
        {5000, 10, SIZE_MAX, 5000},
        {UINT64_MAX, 10, SIZE_MAX, UINT64_MAX},
        {5, 0, SIZE_MAX, 5},
        {1, 10, 1, 2}, /* at least one: 37 bytes */
        {1, 10, 37, 2},
        {1, 10, 37 + 74, 3},
        {1, 10, 37 + 73, 2},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct range r = {cases[i].from, UINT64_MAX, 0};
        assert_int_equal(log_store_read_range(s, cases[i].from, cases[i].count_max,
                                              cases[i].bytes_max, visit_range, &r),
                         STATUS_OK);
        assert_int_equal(r.next, cases[i].to);
    }
    struct range r = {100, 120, 0};
    assert_int_equal(log_store_read_range(s, 100, 500, SIZE_MAX, visit_range, &r), 77);
    assert_int_equal(r.next, 120);
    r = (struct range){0, UINT64_MAX, 0};
    assert_int_equal(log_store_read_range(s, 0, 700, 20000, visit_range, &r), STATUS_OK);
    assert_in_range(r.bytes, 20000 - 401, 20000);
    log_store_close(s);
}

static void proves_inclusion_and_consistency(void **state)
{
    (void)state;
    struct log_store *s = filled();
    merkle_hash proof[MERKLE_PROOF_MAX] = {{0}};
    merkle_hash root;
    size_t count;
    for (uint64_t size = 0; size <= ENTRIES; size += size < 260 ? 1 : 37) {
        assert_int_equal(log_store_root(s, size, root), STATUS_OK);
        assert_memory_equal(root, roots[size], sizeof(root));
        for (uint64_t i = 0; i < size; i += 1 + i / 8) {
            merkle_hash leaf;
            leaf_make(i, leaf);
            assert_int_equal(log_store_inclusion(s, i, size, proof, &count), STATUS_OK);
            assert_int_equal(merkle_inclusion_verify(leaf, i, size, proof[0], count, roots[size]),
                             STATUS_OK);
            assert_int_equal(log_store_consistency(s, i, size, proof, &count), STATUS_OK);
            assert_int_equal(
                merkle_consistency_verify(i, roots[i], size, roots[size], proof[0], count),
                STATUS_OK);
        }
    }
    assert_int_equal(log_store_root(s, ENTRIES + 1, root), STATUS_NOT_FOUND);
    assert_int_equal(log_store_inclusion(s, 0, ENTRIES + 1, proof, &count), STATUS_NOT_FOUND);
    assert_int_equal(log_store_inclusion(s, 5, 5, proof, &count), STATUS_MISUSE);
    assert_int_equal(log_store_consistency(s, 0, ENTRIES + 1, proof, &count), STATUS_NOT_FOUND);
    assert_int_equal(log_store_consistency(s, 6, 5, proof, &count), STATUS_MISUSE);
    log_store_close(s);
}

/* Enough entries for the third level of tiles, all of one content. */
static void reaches_the_third_tile_level(void **state)
{
    (void)state;
    enum { MANY = 65536 + 256 + 3 };
    struct log_store *s = open_at(0);
    merkle_hash leaf;
    merkle_hash root;
    merkle_hash proof[MERKLE_PROOF_MAX] = {{0}};
    size_t count;
    struct log_check_report quiet = {0};
    merkle_leaf_hash("x", 1, leaf);
    for (uint64_t i = 0; i < MANY; i++)
        assert_int_equal(log_store_append(s, "x", 1, leaf), STATUS_OK);
    assert_int_equal(log_store_publish(s), STATUS_OK);
    assert_int_equal(log_store_sync(s), STATUS_OK);
    merkle_frontier_root(log_store_frontier(s), root);
    log_store_close(s);
    assert_int_equal(log_store_open(folder, SEGMENT, MANY, root, &s), STATUS_OK);
    for (uint64_t i = 0; i < MANY; i += 4999) {
        assert_int_equal(log_store_inclusion(s, i, MANY, proof, &count), STATUS_OK);
        assert_int_equal(merkle_inclusion_verify(leaf, i, MANY, proof[0], count, root), STATUS_OK);
    }
    assert_int_equal(log_store_check(s, MANY, root, &quiet), STATUS_OK);
    log_store_close(s);
}

static void opens_at_an_earlier_size(void **state)
{
    (void)state;
    log_store_close(filled());
    static const uint64_t sizes[] = {700, 650, 513, 512, 511, 257, 256, 255, 100, 12, 1, 0};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct log_store *s = open_at(sizes[i]);
        for (uint64_t j = 0; j < sizes[i]; j += 7)
            expect_event(s, j);
        /* What is appended after a cut is as if there had been nothing. */
        append(s, sizes[i], ENTRIES);
        assert_int_equal(log_store_publish(s), STATUS_OK);
        merkle_hash root;
        assert_int_equal(log_store_root(s, ENTRIES, root), STATUS_OK);
        assert_memory_equal(root, roots[ENTRIES], sizeof(root));
        log_store_close(s);
        log_store_close(open_at(sizes[i]));
        s = open_at(sizes[i]);
        log_store_close(s);
    }
    struct stat st;
    char path[300];
    snprintf(path, sizeof(path), "%s/events-000000", folder);
    assert_int_equal(stat(path, &st), -1); /* an empty log has no segments */
}

static void file_path(const char *name, char path[300])
{
    snprintf(path, 300, "%s/%s", folder, name);
}

static void flip(const char *name, off_t at, uint8_t bits)
{
    char path[300];
    uint8_t byte;
    file_path(name, path);
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
    struct log_store *s = open_at(0);
    append(s, 0, 10);
    assert_int_equal(log_store_publish(s), STATUS_OK);
    log_store_close(s);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[300];
        file_path(names[i], path);
        FILE *file = fopen(path, "a");
        assert_non_null(file);
        for (int j = 0; j < 5000; j++)
            fputc('J', file);
        fclose(file);
    }
    s = open_at(10);
    append(s, 10, ENTRIES);
    assert_int_equal(log_store_publish(s), STATUS_OK);
    log_store_close(s);
    s = open_at(ENTRIES);
    struct log_check_report quiet = {0};
    assert_int_equal(log_store_check(s, ENTRIES, roots[ENTRIES], &quiet), STATUS_OK);
    log_store_close(s);
}

static void shorten(const char *name, off_t by)
{
    char path[300];
    struct stat st;
    file_path(name, path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(truncate(path, st.st_size - by), 0);
}

static void last_segment(char name[32])
{
    uint64_t bytes = 0;
    for (uint64_t i = 0; i < ENTRIES; i++)
        bytes += i * 37 % 401;
    snprintf(name, 32, "events-%06u", (unsigned)(bytes / SEGMENT));
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
        struct log_store *s = filled();
        log_store_close(s);
        if (cases[i].cut > 0)
            shorten(cases[i].name, cases[i].cut);
        else
            flip(cases[i].name, cases[i].flip_at, 0x40);
        int status = log_store_open(folder, SEGMENT, ENTRIES, roots[ENTRIES], &s);
        if (status != STATUS_DAMAGED)
            fail_msg("case %zu: %s", i, status_text(status));
        assert_null(s);
        assert_int_equal(log_store_reset(folder), STATUS_OK);
    }
    log_store_close(filled());
    struct log_store *s;
    assert_int_equal(log_store_open(folder, SEGMENT, ENTRIES, roots[ENTRIES - 1], &s),
                     STATUS_DAMAGED);
    assert_int_equal(log_store_open(folder, SEGMENT, 0, roots[1], &s), STATUS_DAMAGED);
    assert_int_equal(log_store_open(folder, SEGMENT, LOG_SIZE_MAX, roots[1], &s), STATUS_DAMAGED);
    assert_int_equal(log_store_open(folder, SEGMENT, UINT64_MAX, roots[1], &s), STATUS_LIMIT);
    log_store_close(open_at(ENTRIES)); /* a failed opening changed nothing */
}

static int visit_any(void *context, uint64_t index, const uint8_t *event, size_t length)
{
    uint8_t expected[1024];
    (void)context;
    assert_int_equal(length, event_make(index, expected));
    if (length > 0)
        assert_memory_equal(event, expected, length);
    return 0;
}

/* Files that change under the store: readers get the right bytes or STATUS_DAMAGED. */
static void random_damage_is_never_given_out(void **state)
{
    (void)state;
    const char *given = getenv("BOURSE_SEED");
    unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    print_message("BOURSE_SEED=%u\n", seed);
    srandom(seed);
    static const struct {
        const char *name;
        long length;
    } files[] = {{"offsets", ENTRIES * 8},
                 {"tiles-0", ENTRIES * 32},
                 {"tiles-1", 64},
                 {"events-000000", SEGMENT},
                 {"events-000003", SEGMENT}};
    struct log_store *s = filled();
    unsigned found = 0;
    for (int round = 0; round < 300; round++) {
        size_t which = (size_t)random() % 5;
        off_t at = random() % files[which].length;
        uint8_t bits = (uint8_t)(1 << random() % 8);
        struct buffer b = BUFFER_EMPTY;
        merkle_hash proof[MERKLE_PROOF_MAX];
        size_t count;
        flip(files[which].name, at, bits);
        for (uint64_t i = 0; i < ENTRIES; i++) {
            uint8_t event[1024];
            size_t length = event_make(i, event);
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
        int status = log_store_read_range(s, 0, ENTRIES, SIZE_MAX, visit_any, NULL);
        assert_true(status == STATUS_OK || status == STATUS_DAMAGED);
        assert_int_equal(log_store_inclusion(s, 3, ENTRIES, proof, &count), STATUS_OK);
        struct log_check_report quiet = {0};
        assert_int_equal(log_store_check(s, ENTRIES, roots[ENTRIES], &quiet), STATUS_DAMAGED);
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
    struct log_store *s = filled();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct differences d = {"", 0};
        struct log_check_report report = {&d, note_progress, note_difference};
        assert_int_equal(log_store_check(s, ENTRIES, roots[ENTRIES], &report), STATUS_OK);
        assert_int_equal(d.done, ENTRIES);
        assert_string_equal(d.text, "");
        d.done = 0;
        flip(cases[i].name, cases[i].at, 1);
        assert_int_equal(log_store_check(s, ENTRIES, roots[ENTRIES], &report), STATUS_DAMAGED);
        flip(cases[i].name, cases[i].at, 1);
        if (strstr(d.text, cases[i].expected) == NULL ||
            strstr(d.text, cases[i].not_expected) != NULL)
            fail_msg("case %zu: \"%s\"", i, d.text);
    }
    struct differences d = {"", 0};
    struct log_check_report report = {&d, NULL, note_difference};
    assert_int_equal(log_store_check(s, ENTRIES, roots[3], &report), STATUS_DAMAGED);
    assert_string_equal(d.text, "root@700 ");
    d.text[0] = '\0';
    shorten("tiles-0", 32);
    shorten("tiles-1", 32);
    assert_int_equal(log_store_check(s, ENTRIES, roots[ENTRIES], &report), STATUS_DAMAGED);
    assert_non_null(strstr(d.text, "tiles-0@0 ")); /* read by runs: the first of the run */
    assert_non_null(strstr(d.text, "tiles-1@1 "));
    assert_int_equal(log_store_check(s, ENTRIES + 1, roots[0], &report), STATUS_NOT_FOUND);
    log_store_close(s);
}

/* A full disk at any of the files: nothing new is visible, and it works again with space. */
static void full_disk(void **state)
{
    (void)state;
    struct log_store *s = open_at(0);
    append(s, 0, 100);
    assert_int_equal(log_store_publish(s), STATUS_OK);
    int *const files[] = {&s->files.offsets, &s->files.tiles[0], &s->files.tiles[1]};
    uint64_t size = 100;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        int kept = *files[i];
        *files[i] = open("/dev/full", O_RDWR);
        assert_true(*files[i] >= 0);
        append(s, size, size + 200); /* the last one completes a tile, so that tiles-1 grows */
        int status = log_store_publish(s);
        close(*files[i]);
        *files[i] = kept;
        assert_int_equal(status, STATUS_FULL);
        assert_int_equal(log_store_size(s), size);
        assert_int_equal(log_store_publish(s), STATUS_OK);
        size += 200;
        assert_int_equal(log_store_size(s), size);
    }
    struct log_check_report quiet = {0};
    assert_int_equal(log_store_check(s, size, roots[size], &quiet), STATUS_OK);
    log_store_close(s);
}

/* After a failed sync no later one may claim success. */
static void failed_sync_sticks(void **state)
{
    (void)state;
    struct log_store *s = filled();
    assert_int_equal(log_store_sync(s), STATUS_OK);
    int kept = s->files.offsets;
    int pipe_ends[2];
    assert_int_equal(pipe(pipe_ends), 0);
    s->files.offsets = pipe_ends[0]; /* cannot be synced */
    assert_int_equal(log_store_sync(s), STATUS_IO);
    s->files.offsets = kept;
    assert_int_equal(log_store_sync(s), STATUS_IO);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    log_store_close(s);
}

struct crowd {
    struct log_store *store;
    _Atomic int is_done;
    _Atomic int failures;
};

static void *crowd_write(void *context)
{
    struct crowd *c = context;
    for (uint64_t i = 0; i < ENTRIES; i++) {
        uint8_t event[1024];
        merkle_hash leaf;
        size_t length = event_make(i, event);
        merkle_leaf_hash(event, length, leaf);
        if (log_store_append(c->store, event, length, leaf) != STATUS_OK ||
            (i % 3 == 0 && log_store_publish(c->store) != STATUS_OK))
            atomic_fetch_add(&c->failures, 1);
    }
    if (log_store_publish(c->store) != STATUS_OK)
        atomic_fetch_add(&c->failures, 1);
    atomic_store(&c->is_done, 1);
    return NULL;
}

static void *crowd_sync(void *context)
{
    struct crowd *c = context;
    while (!atomic_load(&c->is_done)) {
        if (log_store_sync(c->store) != STATUS_OK)
            atomic_fetch_add(&c->failures, 1);
    }
    return NULL;
}

static int visit_count(void *context, uint64_t index, const uint8_t *event, size_t length)
{
    uint8_t expected[1024];
    if (length != event_make(index, expected) || memcmp(event, expected, length) != 0)
        return 1;
    ++*(uint64_t *)context;
    return 0;
}

static void *crowd_read(void *context)
{
    struct crowd *c = context;
    int last;
    do {
        last = atomic_load(&c->is_done);
        uint64_t size = log_store_size(c->store);
        uint64_t from = size > 20 ? size - 20 : 0;
        uint64_t count = 0;
        merkle_hash proof[MERKLE_PROOF_MAX];
        merkle_hash root;
        merkle_hash leaf;
        size_t length;
        int failed =
            log_store_read_range(c->store, from, size - from, SIZE_MAX, visit_count, &count) != 0 ||
            count != size - from || log_store_root(c->store, size, root) != STATUS_OK ||
            memcmp(root, roots[size], sizeof(root)) != 0;
        if (!failed && size > 0) {
            leaf_make(size / 2, leaf);
            failed =
                log_store_inclusion(c->store, size / 2, size, proof, &length) != STATUS_OK ||
                merkle_inclusion_verify(leaf, size / 2, size, proof[0], length, root) != STATUS_OK;
        }
        if (failed)
            atomic_fetch_add(&c->failures, 1);
    } while (!last);
    return NULL;
}

/* A writer, a syncer and two readers at once; meant for TSan too. */
static void threads_get_along(void **state)
{
    (void)state;
    struct crowd c = {.store = open_at(0)};
    void *(*const bodies[])(void *) = {crowd_write, crowd_sync, crowd_read, crowd_read};
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, bodies[i], &c), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&c.failures), 0);
    assert_int_equal(log_store_size(c.store), ENTRIES);
    log_store_close(c.store);
    log_store_close(open_at(ENTRIES));
}

static void missing_parent_and_file_in_the_way(void **state)
{
    (void)state;
    struct log_store *s;
    char path[300];
    file_path("no/folder", path);
    assert_int_equal(log_store_open(path, SEGMENT, 0, roots[0], &s), STATUS_NOT_FOUND);
    assert_int_equal(log_store_reset(path), STATUS_OK);
    file_path("offsets", path);
    log_store_close(open_at(0));
    assert_int_equal(log_store_open(path, SEGMENT, 0, roots[0], &s), STATUS_IO);
    log_store_close(NULL);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(reads_what_was_published),
        WITH_FOLDER(reads_ranges),
        WITH_FOLDER(proves_inclusion_and_consistency),
        WITH_FOLDER(reaches_the_third_tile_level),
        WITH_FOLDER(opens_at_an_earlier_size),
        WITH_FOLDER(cuts_off_junk),
        WITH_FOLDER(opening_finds_damage),
        WITH_FOLDER(random_damage_is_never_given_out),
        WITH_FOLDER(check_names_the_damage),
        WITH_FOLDER(full_disk),
        WITH_FOLDER(failed_sync_sticks),
        WITH_FOLDER(threads_get_along),
        WITH_FOLDER(missing_parent_and_file_in_the_way),
    };
    return cmocka_run_group_tests_name("log_store", tests, make_roots, NULL);
}
