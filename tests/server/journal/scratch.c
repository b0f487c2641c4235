#include "tests/server/journal/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/status.h"
#include "server/port/clock.h"

const uint8_t scratch_exchange[JOURNAL_HASH] = "an exchange made for tests only";

int scratch_setup(void **state)
{
    struct scratch *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    const char *base = getenv("TMPDIR");
    snprintf(s->root, sizeof(s->root), "%s/bourse-journal-XXXXXX", base != NULL ? base : "/tmp");
    assert_non_null(mkdtemp(s->root));
    snprintf(s->folder, sizeof(s->folder), "%s/journal", s->root);
    *state = s;
    return 0;
}

static int remove_visit(void *context, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", (const char *)context, name);
    unlink(path);
    return 0;
}

int scratch_teardown(void **state)
{
    struct scratch *s = *state;
    file_faults_set(NULL);
    folder_list(s->folder, remove_visit, s->folder);
    rmdir(s->folder);
    folder_list(s->root, remove_visit, s->root);
    rmdir(s->root);
    free(s);
    return 0;
}

void scratch_body(uint64_t index, uint8_t *out, size_t length)
{
    struct seeded_entropy e;
    seeded_entropy_init(&e, index);
    entropy_fill(&e.entropy, out, length);
}

struct journal_group scratch_group(uint64_t index)
{
    struct journal_group group = {
        .index = index,
        .time_s = 1700000000 + index,
        .rules_version = 7,
        .root_group = index - 1,
        .root_log_size = index * 3,
    };
    memset(group.root_hash, (int)(index & 0xff), sizeof(group.root_hash));
    return group;
}

static const struct journal_options scratch_options = {.segment_size = SCRATCH_SEGMENT};

struct journal *scratch_create(const struct scratch *s)
{
    struct journal_error error = {{0}};
    if (journal_create(s->folder, scratch_exchange, &scratch_options, &error) != 0)
        fail_msg("%s", error.text);
    return scratch_open(s, 1);
}

struct journal *scratch_open(const struct scratch *s, uint64_t from)
{
    struct journal_error error = {{0}};
    struct journal *j = NULL;
    if (journal_open(s->folder, scratch_exchange, from, &scratch_options, &j, &error) != 0)
        fail_msg("%s", error.text);
    return j;
}

void scratch_open_fails(const struct scratch *s, uint64_t from, int status, const char *words)
{
    struct journal_error error = {{0}};
    struct journal *j = NULL;
    assert_int_equal(journal_open(s->folder, scratch_exchange, from, &scratch_options, &j, &error),
                     status);
    assert_null(j);
    if (strstr(error.text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.text, words);
}

int scratch_append(struct journal *j, size_t length)
{
    uint8_t *body = malloc(length + 1);
    assert_non_null(body);
    const struct journal_group group = scratch_group(journal_last(j) + 1);
    scratch_body(group.index, body, length);
    /* Two parts, so that the seam between them is somewhere. */
    const struct iovec parts[2] = {{body, length / 3}, {body + length / 3, length - length / 3}};
    int status = journal_append(j, &group, parts, 2);
    free(body);
    return status;
}

void scratch_write(struct journal *j, size_t length)
{
    assert_int_equal(scratch_append(j, length), 0);
    assert_int_equal(journal_sync(j), 0);
}

static void group_compare(uint64_t index, const struct journal_group *group, const uint8_t *body,
                          size_t length)
{
    const struct journal_group expected = scratch_group(index);
    assert_int_equal(group->index, index);
    assert_int_equal(group->time_s, expected.time_s);
    assert_int_equal(group->rules_version, expected.rules_version);
    assert_int_equal(group->root_group, expected.root_group);
    assert_int_equal(group->root_log_size, expected.root_log_size);
    assert_memory_equal(group->root_hash, expected.root_hash, sizeof(expected.root_hash));
    uint8_t *wanted = malloc(length + 1);
    assert_non_null(wanted);
    scratch_body(index, wanted, length);
    assert_memory_equal(body, wanted, length);
    free(wanted);
}

uint64_t scratch_check(const struct scratch *s, uint64_t from)
{
    struct journal_error error = {{0}};
    struct journal_reader *r = NULL;
    if (journal_reader_open(s->folder, scratch_exchange, from, READER_ALONE, &r, &error) != 0)
        fail_msg("%s", error.text);
    uint64_t index = from;
    for (;; index++) {
        struct journal_group group;
        const uint8_t *body;
        size_t length;
        int status = journal_read(r, &group, &body, &length, &error);
        if (status == STATUS_MORE)
            break;
        if (status != 0)
            fail_msg("%s", error.text);
        group_compare(index, &group, body, length);
    }
    journal_reader_close(r);
    return index - 1;
}

int scratch_read_all(const struct scratch *s, struct journal_error *error)
{
    struct journal_reader *r = NULL;
    int status = journal_reader_open(s->folder, scratch_exchange, 1, READER_ALONE, &r, error);
    while (status == 0) {
        struct journal_group group;
        const uint8_t *body;
        size_t length;
        status = journal_read(r, &group, &body, &length, error);
    }
    journal_reader_close(r);
    return status;
}

void scratch_path(const struct scratch *s, uint64_t number, char path_out[PATH_MAX])
{
    assert_int_equal(segment_path(s->folder, number, path_out), 0);
}

void scratch_peek(const struct scratch *s, uint64_t number, uint64_t offset, void *data,
                  size_t length)
{
    char path[PATH_MAX];
    int fd = -1;
    size_t got = 0;
    scratch_path(s, number, path);
    assert_int_equal(file_open(path, FILE_READ, &fd), 0);
    assert_int_equal(file_read_at(fd, offset, data, length, &got), 0);
    assert_int_equal(got, length);
    file_close(fd);
}

void scratch_poke(const struct scratch *s, uint64_t number, uint64_t offset, const void *data,
                  size_t length)
{
    char path[PATH_MAX];
    int fd = -1;
    scratch_path(s, number, path);
    assert_int_equal(file_open(path, FILE_WRITE, &fd), 0);
    assert_int_equal(file_write_at(fd, offset, data, length), 0);
    file_close(fd);
}

void scratch_flip(const struct scratch *s, uint64_t number, uint64_t offset, unsigned bit)
{
    uint8_t byte;
    scratch_peek(s, number, offset, &byte, 1);
    byte = (uint8_t)(byte ^ (1u << bit));
    scratch_poke(s, number, offset, &byte, 1);
}
