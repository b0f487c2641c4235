/* Contracts and claims as their parties see them. */
#include "server/exchange/contract.h"
#include "server/exchange/query.h"

static bool contract_seen(const struct exchange *x, uint32_t asking, const struct contract_row *row)
{
    return asking != 0 && (contract_has_party(row, asking) || query_sees_all(x, asking));
}

enum refusal contract_visible(const struct exchange *x, uint32_t asking, uint64_t contract)
{
    const struct contract_row *row = contract_find(x, contract);
    return row && contract_seen(x, asking, row) ? REFUSAL_accepted : REFUSAL_contract_not_found;
}

static void page_fill(const struct exchange *x, const struct contract_row *row, struct arena *arena,
                      struct contract_page *page)
{
    uint32_t version = page->version;
    if (version == 0)
        version = row->version > 0 ? row->version : row->version_last;
    page->fill(x, row, version, arena, (char *)page->rows + page->size * page->count++);
}

/* The page of one account's contracts, or of everybody's (subject 0). */
static void page_walk(const struct exchange *x, uint32_t subject, uint32_t rows_max,
                      struct arena *arena, struct contract_page *page)
{
    uint32_t looks = QUERY_LOOKS_MAX;
    uint64_t serial = page->from > 0 ? page->from : 1;
    for (;; serial++) {
        uint64_t resume = 0;
        if (subject != 0)
            serial = owned_next(&x->contracts->by_account, subject, serial, &looks, &resume);
        else if (serial > x->head.contract_last || looks-- == 0)
            resume = serial > x->head.contract_last ? 0 : serial, serial = 0;
        if (serial == 0) {
            page->next = resume;
            return;
        }
        const struct contract_row *row = contract_find(x, serial);
        if (!row || (page->kind != 0 && row->kind != page->kind))
            continue;
        if (page->count == rows_max) {
            page->next = serial;
            return;
        }
        page_fill(x, row, arena, page);
    }
}

enum refusal contract_page_fill(const struct exchange *x, uint32_t asking, struct arena *arena,
                                struct contract_page *page)
{
    uint32_t rows_max = page->contract > 0 ? 1 : query_page_rows(page->limit);
    page->rows = query_alloc(arena, rows_max * page->size);
    page->count = 0;
    page->next = 0;
    if (page->contract > 0) {
        const struct contract_row *row = contract_find(x, page->contract);
        if (!row || !contract_seen(x, asking, row) || (page->kind && row->kind != page->kind))
            return REFUSAL_contract_not_found;
        if (page->version > row->version_last)
            return REFUSAL_contract_no_proposal;
        page_fill(x, row, arena, page);
        return REFUSAL_accepted;
    }
    if (page->version > 0)
        return REFUSAL_contract_no_proposal;
    uint32_t subject;
    enum refusal refusal = query_subject(x, asking, page->account, &subject);
    if (refusal)
        return refusal;
    if (page->account == 0 && query_sees_all(x, asking))
        subject = 0;
    page_walk(x, subject, rows_max, arena, page);
    return REFUSAL_accepted;
}

static void info_fill(const struct exchange *x, const struct contract_row *row, uint32_t version,
                      struct arena *arena, void *info)
{
    (void)version;
    (void)arena;
    *(struct contract_info *)info = (struct contract_info){
        .contract = row->contract,
        .kind = row->kind,
        .state = row->state,
        .version = row->version,
        .pending = row->pending,
        .proposer = row->proposer,
        .creditor = row->creditor,
        .debtor = row->debtor,
        .beneficiary = row->third,
        .start_s = row->start_s,
        .end_s = row->end_s,
        .funded_ucr = contract_funds(x, row, row->debtor) + contract_funds(x, row, row->creditor),
        .claims_ucr = row->claims_ucr,
        .index = row->index,
        .claims_open = row->claims_open,
        .paying_s = row->paying_s,
    };
}

enum refusal query_contracts(const struct exchange *x, uint32_t account, const void *body,
                             struct arena *arena, const struct message **answer_out,
                             const void **body_out)
{
    const struct q_contracts *q = body;
    struct contract_page page = {
        .contract = q->contract,
        .account = q->account,
        .kind = q->kind,
        .from = q->from,
        .limit = q->limit,
        .size = sizeof(struct contract_info),
        .fill = info_fill,
    };
    enum refusal refusal = contract_page_fill(x, account, arena, &page);
    if (refusal)
        return refusal;
    struct a_contracts *answer = query_alloc(arena, sizeof(*answer));
    answer->next = page.next;
    answer->rows.items = page.rows;
    answer->rows.count = page.count;
    *answer_out = &a_contracts_message;
    *body_out = answer;
    return REFUSAL_accepted;
}

/* --- Claims --- */

static struct claim_info claim_shown(const struct exchange *x, const struct claim_row *row)
{
    uint64_t until_s = row->paid_s > 0 ? row->paid_s : x->head.time_s;
    return (struct claim_info){
        .claim = row->claim,
        .contract = row->contract,
        .creditor = row->creditor,
        .debtor = row->debtor,
        .amount_ucr = row->amount_ucr,
        .left_ucr = row->left_ucr,
        .since_s = row->since_s,
        .age_s = until_s > row->since_s ? until_s - row->since_s : 0,
        .index = row->index,
    };
}

/* Whose claims a query is about: of one contract, of one account, or (both 0) of everybody. */
struct claim_scan {
    uint64_t contract;
    uint32_t account;
    uint32_t rows_max;
};

/* The first claim from a serial on that is to be looked at; 0: none, *resume_out being where to go
 * on when the looks are used up. */
static uint64_t claim_next(const struct exchange *x, uint32_t of, uint64_t serial, uint32_t *looks,
                           uint64_t *resume_out)
{
    *resume_out = 0;
    if (of != 0)
        return owned_next(&x->contracts->claims_by_party, of, serial, looks, resume_out);
    if (serial > x->head.claim_last)
        return 0;
    if (*looks == 0) {
        *resume_out = serial;
        return 0;
    }
    --*looks;
    return serial;
}

static void claims_walk(const struct exchange *x, const struct claim_scan *s, uint64_t from,
                        struct claim_info *rows, struct a_claims *answer)
{
    /* Of one contract all claims are against the same party, or for it. */
    const struct contract_row *contract = contract_find(x, s->contract);
    uint32_t of = contract && s->account == 0 ? contract->debtor : s->account;
    uint32_t looks = QUERY_LOOKS_MAX;
    uint64_t serial = from > 0 ? from : 1;
    while ((serial = claim_next(x, of, serial, &looks, &answer->next)) != 0) {
        const struct claim_row *row = store_find(x->store, TABLE_CLAIM, &serial);
        if (row && (s->contract == 0 || row->contract == s->contract)) {
            if (answer->rows.count == s->rows_max) {
                answer->next = serial;
                break;
            }
            rows[answer->rows.count++] = claim_shown(x, row);
        }
        serial++;
    }
    answer->rows.items = rows;
}

/* The claims of one contract are seen by all of its parties; without one, each sees its own. */
enum refusal query_claims(const struct exchange *x, uint32_t account, const void *body,
                          struct arena *arena, const struct message **answer_out,
                          const void **body_out)
{
    const struct q_claims *q = body;
    struct claim_scan scan = {.contract = q->contract, .rows_max = query_page_rows(q->limit)};
    enum refusal refusal = query_subject(x, account, q->account, &scan.account);
    if (!refusal && q->contract > 0)
        refusal = contract_visible(x, account, q->contract);
    if (refusal)
        return refusal;
    if (q->account == 0 && (q->contract > 0 || query_sees_all(x, account)))
        scan.account = 0;
    struct a_claims *answer = query_alloc(arena, sizeof(*answer));
    struct claim_info *rows = query_alloc(arena, scan.rows_max * sizeof(*rows));
    claims_walk(x, &scan, q->from, rows, answer);
    *answer_out = &a_claims_message;
    *body_out = answer;
    return REFUSAL_accepted;
}
