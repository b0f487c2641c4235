/*
 * How fast groups become durable: bench_journal [FOLDER] [SECONDS]. Not a test; prints one line a
 * case. The folder must not exist and is removed afterwards.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/status.h"
#include "server/journal/writer.h"
#include "server/port/clock.h"

static const uint8_t exchange[JOURNAL_HASH] = "bench";

static uint64_t now_ns(void)
{
    return clock_monotonic_ns(port_clock_system());
}

static int remove_visit(void *context, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", (const char *)context, name);
    return file_remove(path);
}

static struct journal *journal_fresh(char *folder)
{
    const struct journal_options options = {.prepare_ahead = true};
    struct journal_error error = {{0}};
    struct journal *j = NULL;
    folder_list(folder, remove_visit, folder);
    if (journal_create(folder, exchange, &options, &error) != 0 ||
        journal_open(folder, exchange, 1, &options, &j, &error) != 0) {
        fprintf(stderr, "%s\n", error.text);
        exit(1);
    }
    return j;
}

static void report(const char *name, uint64_t groups, size_t length, uint64_t elapsed_ns)
{
    double s = (double)elapsed_ns / 1e9;
    printf("%-28s %8.0f groups/s %8.1f MB/s\n", name, (double)groups / s,
           (double)groups * (double)length / 1e6 / s);
}

/* One append and one sync at a time. */
static void bench_direct(char *folder, const char *name, size_t length, double seconds)
{
    struct journal *j = journal_fresh(folder);
    uint8_t *body = calloc(1, length);
    uint64_t start = now_ns(), worst = 0, before = start;
    while ((double)(before - start) < seconds * 1e9) {
        const struct journal_group group = {.index = journal_last(j) + 1};
        const struct iovec part = {body, length};
        if (journal_append(j, &group, &part, 1) != 0 || journal_sync(j) != 0) {
            fprintf(stderr, "%s\n", journal_error_text(j));
            exit(1);
        }
        uint64_t after = now_ns();
        if (after - before > worst)
            worst = after - before;
        before = after;
    }
    report(name, journal_durable(j), length, now_ns() - start);
    printf("%-28s %8.1f ms\n", "  longest", (double)worst / 1e6);
    journal_close(j);
    free(body);
}

static void done(void *context, uint64_t index, int status)
{
    (void)context;
    (void)index;
    if (status != 0)
        abort();
}

/* A queue that is always full. */
static void bench_queued(char *folder, const char *name, size_t length, double seconds)
{
    struct journal *j = journal_fresh(folder);
    uint8_t *body = calloc(1, length);
    struct writer *w = NULL;
    uint64_t index = 0, start = now_ns();
    if (body == NULL || writer_start(j, 64, done, NULL, &w) != 0)
        exit(1);
    while ((double)(now_ns() - start) < seconds * 1e9) {
        const struct journal_group group = {.index = index + 1};
        int status = writer_submit(w, &group, body, length);
        if (status == 0)
            index++;
        else if (status == STATUS_LIMIT)
            usleep(20);
        else
            exit(1);
    }
    writer_stop(w);
    report(name, index, length, now_ns() - start);
    journal_close(j);
    free(body);
}

/* The disk alone: 4 KiB written over and synced. */
static void bench_sync(char *folder, double seconds)
{
    static uint8_t page[JOURNAL_PAGE];
    char path[PATH_MAX];
    struct journal *j = journal_fresh(folder);
    journal_close(j);
    int fd = -1;
    if (segment_path(folder, 1, path) != 0 || file_open(path, FILE_WRITE, &fd) != 0)
        exit(1);
    uint64_t n = 0, start = now_ns();
    while ((double)(now_ns() - start) < seconds * 1e9) {
        if (file_write_at(fd, (1 + n++ % 16000) * JOURNAL_PAGE, page, sizeof(page)) != 0 ||
            file_sync_data(fd) != 0)
            exit(1);
    }
    report("write 4 KiB + fdatasync", n, sizeof(page), now_ns() - start);
    file_close(fd);
}

int main(int argc, char **argv)
{
    char folder[PATH_MAX];
    double seconds = argc > 2 ? atof(argv[2]) : 2;
    snprintf(folder, sizeof(folder), "%s", argc > 1 ? argv[1] : "bench-journal");
    bench_sync(folder, seconds);
    bench_direct(folder, "append + sync, 3.8 KiB", JOURNAL_PAGE - 208, seconds);
    bench_direct(folder, "append + sync, 128 KiB", 128 << 10, seconds);
    bench_queued(folder, "writer, 3.8 KiB", JOURNAL_PAGE - 208, seconds);
    bench_queued(folder, "writer, 128 KiB", 128 << 10, seconds);
    folder_list(folder, remove_visit, folder);
    return rmdir(folder);
}
