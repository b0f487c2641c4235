#include "server/command/report_state.h"

#include <inttypes.h>

#include "protocol/moment.h"
#include "protocol/status.h"
#include "server/command/tell.h"
#include "server/engine/replay.h"
#include "server/exchange/rows.h"

/* What the groups' headers say of where to end. A header knows how long the log was, and how late
 * it was at the least, before its group; of the journal's last group nobody says. */
struct reach {
    uint64_t last;           /* the last group that may be early enough; 0: there is none */
    bool open;               /* it is the journal's last one */
    enum report_bound bound; /* what the group behind it would have gone beyond */
};

static void reach_take(struct reach *r, const struct report_end *end,
                       const struct journal_group *group, bool *ends)
{
    /* The group just before has more entries than asked for. */
    bool beyond = group->root_group > 0 && group->root_log_size > end->entries;
    *ends = beyond || group->time_s > end->time_s;
    r->open = !*ends;
    r->bound = beyond ? REPORT_BOUND_ENTRIES : *ends ? REPORT_BOUND_TIME : REPORT_BOUND_NONE;
    r->last = beyond ? group->root_group - 1 : *ends ? group->index - 1 : group->index;
}

static int reach_find(const struct data_folder *folder, const struct report_end *end,
                      struct reach *out, struct buffer *error)
{
    char path[PATH_MAX];
    struct journal_reader *reader = NULL;
    struct journal_error wrong = {{0}};
    struct journal_group group;
    const uint8_t *body;
    size_t length;
    bool ends = false;
    *out = (struct reach){.open = true};
    int status = data_folder_path(folder, "journal", path);
    if (status == 0)
        status = journal_reader_open(path, folder->exchange_id, 1, READER_BESIDE, &reader, &wrong);
    while (status == 0 && !ends) {
        status = journal_read(reader, &group, &body, &length, &wrong);
        if (status == 0)
            reach_take(out, end, &group, &ends);
    }
    journal_reader_close(reader);
    if (status == STATUS_MORE)
        return 0;
    if (status != 0)
        buffer_printf(error, "%s", wrong.text[0] != '\0' ? wrong.text : status_text(status));
    return status;
}

static void groups_shown(void *context, uint64_t group)
{
    progress_show(context, group);
}

/* Replays up to and with group `to`; *entries_out is how long the log is then. */
static int state_replay(const struct data_folder *folder, uint64_t to, struct exchange **out,
                        uint64_t *entries_out, struct buffer *error)
{
    struct replay replay;
    struct exchange *x = NULL;
    *out = NULL;
    int status = replay_exchange_new(folder, &x, error);
    if (status != 0)
        return status;
    struct progress progress = progress_begin("replay", to);
    store_record_changes(exchange_store(x), 0);
    replay_init(&replay, folder, x, 0, 0, NULL);
    replay.progress = groups_shown;
    replay.context = &progress;
    status = replay_journal(&replay, READER_BESIDE, to, error);
    progress_end(&progress);
    *entries_out = replay.frontier.size;
    replay_release(&replay);
    if (status == 0)
        *out = x;
    else
        exchange_free(x);
    return status;
}

/* Why there is no such state. */
static int too_early(const struct report_end *end, enum report_bound bound, struct buffer *error)
{
    char moment[MOMENT_TEXT_BYTES];
    if (bound == REPORT_BOUND_NONE)
        buffer_printf(error, "the journal has no group yet");
    else if (bound == REPORT_BOUND_ENTRIES)
        buffer_printf(error, "the first group alone has more than %" PRIu64 " log entries",
                      end->entries);
    else
        buffer_printf(error, "nothing was there yet at %s", moment_format(end->time_s, moment));
    return STATUS_NOT_FOUND;
}

int report_state_at(const struct data_folder *folder, const struct report_end *end,
                    struct exchange **out, enum report_bound *bound_out, struct buffer *error)
{
    struct reach reach;
    uint64_t entries = 0;
    *out = NULL;
    int status = reach_find(folder, end, &reach, error);
    if (status != 0)
        return status;
    /* Only the replay tells whether the last group goes beyond: if it does, again without it. No
     * group before it moved the clock further than where that one began, and its entries are known
     * to be few enough: at most twice. */
    for (; reach.last > 0; reach.last--, reach.open = false) {
        status = state_replay(folder, reach.last, out, &entries, error);
        if (status != 0)
            return status;
        if (entries <= end->entries && exchange_time(*out) <= end->time_s)
            break;
        reach.bound = entries > end->entries ? REPORT_BOUND_ENTRIES : REPORT_BOUND_TIME;
        exchange_free(*out);
        *out = NULL;
    }
    *bound_out = reach.bound;
    if (reach.last == 0)
        return too_early(end, reach.bound, error);
    if (reach.open && end->entries != UINT64_MAX && entries < end->entries) {
        buffer_printf(error, "the log has %" PRIu64 " entries so far, not %" PRIu64, entries,
                      end->entries);
        exchange_free(*out);
        *out = NULL;
        return STATUS_NOT_FOUND;
    }
    return 0;
}

int report_state_before(const struct data_folder *folder, const struct report_end *end,
                        uint64_t time_s, struct exchange **out, struct buffer *error)
{
    struct report_end sooner = *end;
    enum report_bound bound;
    *out = NULL;
    if (time_s == 0)
        return 0;
    if (time_s - 1 < sooner.time_s)
        sooner.time_s = time_s - 1;
    int status = report_state_at(folder, &sooner, out, &bound, error);
    if (status != STATUS_NOT_FOUND)
        return status;
    buffer_release(error);
    return 0;
}
