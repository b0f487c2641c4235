/*
 * How long reports take over a large exchange: by default 1 000 backstops over ten years, a million
 * leases that run in them, and 2 000 accounts. Arguments: backstops, leases, accounts. Prints
 * seconds of processor time, over the rows in memory and over a snapshot of their image, and how
 * much memory the process has grown by at the most over those in memory.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "protocol/moment.h"
#include "server/report/report.h"
#include "server/store/image.h"

enum { YEARS = 10, DAYS = 90 };
#define NOW_S UINT64_C(1800000000)

static uint64_t drawn_state = 1;

static uint64_t drawn_below(uint64_t limit)
{
    drawn_state = drawn_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (drawn_state >> 20) % limit;
}

/* Processor time of this process. */
static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* VmRSS or VmHWM of this process, in KiB. */
static uint64_t memory_kib(const char *what)
{
    char line[256];
    uint64_t kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        if (strncmp(line, what, strlen(what)) == 0)
            kib = strtoull(line + strlen(what) + 1, NULL, 10);
    }
    if (f != NULL)
        fclose(f);
    return kib;
}

/* The peak counts anew from here. */
static void peak_reset(void)
{
    FILE *f = fopen("/proc/self/clear_refs", "w");
    if (f == NULL)
        return;
    fputs("5", f);
    fclose(f);
}

static void parties_put(struct store *s, uint64_t backstops, uint64_t accounts)
{
    const struct head_row head = {.time_s = NOW_S, .log_size = 1};
    const struct sku_row sku = {.sku = 1, .name = "h", .generation = "hopper"};
    store_put(s, TABLE_HEAD, &head);
    store_put(s, TABLE_SKU, &sku);
    for (uint32_t i = 1; i <= accounts; i++) {
        struct account_row account = {.account = i, .role = ROLE_STARTUP};
        snprintf(account.name, sizeof(account.name), "a%u", i);
        store_put(s, TABLE_ACCOUNT, &account);
    }
    for (uint64_t i = 1; i <= backstops; i++) {
        struct site_row site = {.site = i, .operator=(uint32_t)(1 + i % 100)};
        snprintf(site.name, sizeof(site.name), "s%" PRIu64, i);
        store_put(s, TABLE_SITE, &site);
    }
}

/* A backstop at each site, from now on. */
static void backstops_put(struct store *s, uint64_t backstops)
{
    for (uint64_t i = 1; i <= backstops; i++) {
        const struct contract_row contract = {.contract = i,
                                              .kind = CONTRACT_KIND_BACKSTOP,
                                              .state = CONTRACT_STATE_IN_FORCE,
                                              .debtor = (uint32_t)(101 + i % 20),
                                              .creditor = (uint32_t)(1 + i % 100),
                                              .version = 1,
                                              .start_s = NOW_S,
                                              .end_s = NOW_S + UINT64_C(365) * YEARS * DAY_S};
        const struct backstop_row terms = {.contract = i,
                                           .version = 1,
                                           .site = i,
                                           .sku = 1,
                                           .strike_ucr = 1500000,
                                           .gpus = 4000,
                                           .start_s = NOW_S,
                                           .end_s = contract.end_s,
                                           .lots_count = 1,
                                           .lot_from_s = {NOW_S},
                                           .lot_gpus = {4000}};
        const struct cover_row cover = {
            .contract = i, .cursor_s = NOW_S, .pool_left_ucr = UINT64_C(1) << 60, .version = 1};
        store_put(s, TABLE_CONTRACT, &contract);
        store_put(s, TABLE_BACKSTOP, &terms);
        store_put(s, TABLE_COVER, &cover);
        for (uint64_t day = 1; day <= DAYS; day++) {
            const struct occupancy_row row = {.site = i,
                                              .sku = 1,
                                              .day_s = (NOW_S / DAY_S - day) * DAY_S,
                                              .gpu_minutes_sold = 1000000,
                                              .gpu_minutes_free = 2000000};
            store_put(s, TABLE_OCCUPANCY, &row);
        }
    }
}

static void leases_put(struct store *s, uint64_t backstops, uint64_t leases)
{
    for (uint64_t i = 1; i <= leases; i++) {
        struct lease_row lease = {.lease = i,
                                  .site = 1 + drawn_below(backstops),
                                  .sku = 1,
                                  .gpus = 1 + (uint32_t)drawn_below(16),
                                  .holder = (uint32_t)(1 + i % 2000)};
        lease.start_s = NOW_S + drawn_below(YEARS * 365 * 1440) * 60;
        lease.end_s = lease.start_s + (1 + drawn_below(90 * 1440)) * 60;
        store_put(s, TABLE_LEASE, &lease);
    }
}

/* --- The image --- */

struct bench_image {
    char folder[64];
    struct image *image;
    struct image_meta meta;
};

static void image_begin(struct bench_image *b)
{
    snprintf(b->folder, sizeof(b->folder), "/tmp/bench_reports.XXXXXX");
    if (mkdtemp(b->folder) == NULL ||
        image_open(b->folder, IMAGE_WRITE, exchange_tables, TABLE_COUNT, &b->image, NULL) != 0) {
        fprintf(stderr, "no image in %s\n", b->folder);
        exit(EXIT_FAILURE);
    }
}

/* Writes what was put since the last time. */
static void image_take(struct bench_image *b, struct store *s)
{
    struct changes *c = changes_new();
    store_settle(s);
    store_changes_swap(s, &c);
    b->meta.group++;
    if (image_write(b->image, c, &b->meta, NULL) != 0) {
        fprintf(stderr, "the image cannot be written\n");
        exit(EXIT_FAILURE);
    }
    changes_free(c);
}

static void image_end(struct bench_image *b)
{
    char file[128];
    image_close(b->image);
    snprintf(file, sizeof(file), "%s/data.mdb", b->folder);
    unlink(file);
    snprintf(file, sizeof(file), "%s/lock.mdb", b->folder);
    unlink(file);
    rmdir(b->folder);
}

/* --- Reports --- */

static uint32_t report_run(const char *name, const struct source *source, const struct q_report *q,
                           uint32_t account, double *seconds_out)
{
    struct report *report = NULL;
    enum refusal refusal;
    double begin = seconds_now();
    int status = report_make(q, account, source, &report, &refusal);
    *seconds_out = seconds_now() - begin;
    if (status != 0 || report == NULL) {
        fprintf(stderr, "%s cannot be made: status %d\n", name, status);
        exit(EXIT_FAILURE);
    }
    uint32_t rows = report_page(report, 0, true).rows.count;
    report_free(report);
    return rows;
}

static void report_time(const char *name, struct store *s, struct bench_image *b,
                        const struct q_report *q, uint32_t account)
{
    struct source rows = source_of_store(s);
    struct snapshot_source of = {.snapshot = NULL};
    struct image_meta meta;
    double seconds, image_seconds;
    peak_reset();
    uint64_t before = memory_kib("VmRSS:");
    uint32_t count = report_run(name, &rows, q, account, &seconds);
    double grown = (double)(memory_kib("VmHWM:") - before) / 1024;
    if (image_snapshot_open(b->image, &of.snapshot, &meta, NULL) != 0)
        exit(EXIT_FAILURE);
    struct source image = source_of_snapshot(&of);
    report_run(name, &image, q, account, &image_seconds);
    image_snapshot_close(of.snapshot);
    printf("%s: %u rows in %.3f s, of the image in %.3f s, %.1f MiB more at the peak\n", name,
           count, seconds, image_seconds, grown);
}

int main(int argc, char **argv)
{
    uint64_t backstops = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;
    uint64_t leases = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;
    uint64_t accounts = argc > 3 ? strtoull(argv[3], NULL, 10) : 2000;
    struct store *s = store_new(exchange_tables, TABLE_COUNT);
    struct bench_image image = {.image = NULL};
    if (s == NULL || backstops == 0 || accounts < 2000)
        return EXIT_FAILURE;
    image_begin(&image);
    parties_put(s, backstops, accounts);
    backstops_put(s, backstops);
    image_take(&image, s);
    leases_put(s, backstops, leases);
    image_take(&image, s);
    const struct q_report exposure = {.kind = REPORT_KIND_EXPOSURE};
    const struct q_report stress = {.kind = REPORT_KIND_STRESS, .demand_down_ppm = 300000};
    const struct q_report vacancy = {.kind = REPORT_KIND_VACANCY};
    const struct q_report statement = {.kind = REPORT_KIND_STATEMENT, .account = 1};
    report_time("exposure", s, &image, &exposure, 0);
    report_time("stress", s, &image, &stress, 0);
    report_time("vacancy", s, &image, &vacancy, 0);
    report_time("statement", s, &image, &statement, 1);
    image_end(&image);
    store_free(s);
    return EXIT_SUCCESS;
}
