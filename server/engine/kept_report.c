#include "server/engine/kept_report.h"

#include <string.h>

int report_asker_init(struct report_asker *a, const uint8_t peer_key[32], uint32_t account,
                      const struct q_report *q)
{
    struct buffer encoded = BUFFER_EMPTY;
    struct q_report question = *q;
    question.index = 0;
    question.from = 0;
    *a = (struct report_asker){.account = account};
    memcpy(a->peer_key, peer_key, sizeof(a->peer_key));
    message_encode(&q_report_message, &question, &encoded);
    int status = encoded.status;
    if (status == 0)
        sha256(encoded.data, encoded.length, a->question);
    buffer_release(&encoded);
    return status;
}

static bool asker_is(const struct report_asker *a, const struct report_asker *b)
{
    return memcmp(a->peer_key, b->peer_key, sizeof(a->peer_key)) == 0 &&
           memcmp(a->question, b->question, sizeof(a->question)) == 0 && a->account == b->account;
}

/* How many an account has, with the one that comes. */
static uint32_t owner_count(const struct kept_reports *k, uint32_t owner, uint32_t comes)
{
    uint32_t count = owner == comes;
    for (uint32_t i = 0; i < k->count; i++)
        count += k->items[i].owner == owner;
    return count;
}

/* Which one makes room for one of `comes`. */
static struct kept_report *kept_least(struct kept_reports *k, uint32_t comes)
{
    struct kept_report *least = &k->items[0];
    uint32_t most = owner_count(k, least->owner, comes);
    for (uint32_t i = 1; i < k->count; i++) {
        uint32_t count = owner_count(k, k->items[i].owner, comes);
        if (count > most || (count == most && k->items[i].used < least->used)) {
            least = &k->items[i];
            most = count;
        }
    }
    return least;
}

void kept_reports_put(struct kept_reports *k, struct kept_report item)
{
    size_t bytes = report_bytes(item.report);
    while (k->count == REPORTS_KEPT_MAX || (k->count > 0 && k->bytes + bytes > k->bytes_max))
        kept_reports_drop(k, kept_least(k, item.owner));
    item.used = ++k->uses;
    k->bytes += bytes;
    k->items[k->count++] = item;
}

struct kept_report *kept_reports_find(struct kept_reports *k, const struct report_asker *asker,
                                      uint64_t index)
{
    for (uint32_t i = 0; i < k->count; i++) {
        struct kept_report *item = &k->items[i];
        if (report_index(item->report) == index && asker_is(&item->asker, asker)) {
            item->used = ++k->uses;
            return item;
        }
    }
    return NULL;
}

void kept_reports_drop(struct kept_reports *k, struct kept_report *item)
{
    k->bytes -= report_bytes(item->report);
    report_free(item->report);
    *item = k->items[--k->count];
}

void kept_reports_release(struct kept_reports *k)
{
    while (k->count > 0)
        kept_reports_drop(k, &k->items[k->count - 1]);
}
