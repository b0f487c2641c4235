/* Terms of contracts of all kinds: asked for by kind, and as people read them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/contract.h"
#include "client/json.h"
#include "protocol/amount.h"
#include "protocol/moment.h"
#include "protocol/month.h"

struct kind {
    const char *noun;
    const char *called;
    const struct message *query;
    const struct message *terms;
    const char *creditor; /* what the parties are in it; NULL: there is none such */
    const char *debtor;
    const char *beneficiary;
};

static const struct kind kinds[] = {
    [CONTRACT_KIND_BACKSTOP] = {"backstop", "a backstop", &q_backstops_message,
                                &op_backstop_propose_message, "operator", "guarantor", NULL},
    [CONTRACT_KIND_REVSHARE] = {"revshare", "a revenue share", &q_revshares_message,
                                &op_revshare_propose_message, "beneficiary", "operator", NULL},
    [CONTRACT_KIND_GRANT] = {"grant", "a grant", &q_grants_message, &op_grant_propose_message,
                             "funder", "startup", NULL},
    [CONTRACT_KIND_GUARANTEE] = {"guarantee", "a lease guarantee", &q_guarantees_message,
                                 &op_guarantee_propose_message, "operator", "guarantor",
                                 "beneficiary"},
};

/* A kind that this client does not know is shown as a contract. */
static const struct kind *kind_of(uint32_t kind)
{
    static const struct kind unknown = {
        "contract", "a contract", &q_contracts_message, &contract_info_message,
        "creditor", "debtor",     "beneficiary"};
    bool known = kind < sizeof(kinds) / sizeof(kinds[0]) && kinds[kind].noun != NULL;
    return known ? &kinds[kind] : &unknown;
}

const char *contract_noun(uint32_t kind)
{
    return kind_of(kind)->noun;
}

const char *contract_called(uint32_t kind)
{
    return kind_of(kind)->called;
}

const struct message *contract_query(uint32_t kind)
{
    return kind_of(kind)->query;
}

const struct message *contract_terms(uint32_t kind)
{
    return kind_of(kind)->terms;
}

const void *contract_row(struct cli *cli, uint32_t kind, uint64_t contract, uint32_t version)
{
    const struct message *query = contract_query(kind);
    const struct field *rows = field_by_name(message_by_code(&answer_set, query->code), "rows");
    const struct field *by_version = field_by_name(query, "version");
    uint8_t *body = arena_alloc(&cli->arena, query->size);
    if (body == NULL) {
        cli_fail(cli, CLI_LOCAL, "out of memory");
        return NULL;
    }
    memcpy(body + field_by_name(query, "contract")->offset, &contract, sizeof(contract));
    if (by_version != NULL)
        memcpy(body + by_version->offset, &version, sizeof(version));
    const uint8_t *answer = cli_query_quietly(cli, query, body);
    struct list list = {NULL, 0};
    if (answer != NULL)
        memcpy(&list, answer + rows->offset, sizeof(list));
    return list.count > 0 ? list.items : NULL;
}

struct text contract_parties(struct cli *cli, const struct contract_info *c)
{
    const struct kind *kind = kind_of(c->kind);
    struct buffer b = BUFFER_EMPTY;
    /* Who pays, or vouches, comes first. */
    bool funder_first = c->kind == CONTRACT_KIND_GRANT;
    const char *first = funder_first ? kind->creditor : kind->debtor;
    const char *second = funder_first ? kind->debtor : kind->creditor;
    buffer_printf(&b, "%s %s", first,
                  name_of(cli, NAMED_ACCOUNT, funder_first ? c->creditor : c->debtor));
    buffer_printf(&b, ", %s %s", second,
                  name_of(cli, NAMED_ACCOUNT, funder_first ? c->debtor : c->creditor));
    if (kind->beneficiary != NULL && c->beneficiary > 0)
        buffer_printf(&b, ", %s %s", kind->beneficiary,
                      name_of(cli, NAMED_ACCOUNT, c->beneficiary));
    const char *kept = arena_copy(&cli->arena, b.data, b.length);
    struct text text = {kept != NULL ? kept : "", kept != NULL ? (uint32_t)b.length : 0};
    buffer_release(&b);
    return text;
}

/* --- What is proposed ----------------------------------------------------------------------- */

static uint32_t party_at(const struct message *terms, const void *body, const char *name)
{
    const struct field *f = name != NULL ? field_by_name(terms, name) : NULL;
    uint32_t account = 0;
    if (f != NULL)
        memcpy(&account, (const uint8_t *)body + f->offset, sizeof(account));
    return account;
}

static void parties_check(struct cli *cli, const struct kind *kind, const void *body)
{
    const char *const names[] = {kind->debtor, kind->creditor, kind->beneficiary};
    for (size_t i = 1; i < sizeof(names) / sizeof(names[0]); i++) {
        for (size_t j = 0; j < i && cli->exit == CLI_OK; j++) {
            uint32_t account = party_at(kind->terms, body, names[i]);
            if (account != 0 && account == party_at(kind->terms, body, names[j]))
                cli_fail(cli, CLI_USAGE, "%s is named as %s and as %s; these must be two accounts",
                         name_of(cli, NAMED_ACCOUNT, account), names[j], names[i]);
        }
    }
}

/* Rows of a kind begin with the fields of its terms. */
static void change_check(struct cli *cli, const struct kind *kind, const void *body,
                         uint64_t contract)
{
    struct buffer before = BUFFER_EMPTY;
    struct buffer after = BUFFER_EMPTY;
    const void *row = contract_row(cli, (uint32_t)(kind - kinds), contract, 0);
    if (row != NULL) {
        message_encode(kind->terms, row, &before);
        message_encode(kind->terms, body, &after);
        if (before.length == after.length && memcmp(before.data, after.data, after.length) == 0)
            cli_fail(cli, CLI_USAGE,
                     "nothing would change; give what is to be different from the terms that "
                     "'bourse %s show %" PRIu64 "' has",
                     kind->noun, contract);
    }
    buffer_release(&before);
    buffer_release(&after);
}

void contract_terms_check(struct cli *cli, const struct message *operation, const void *terms,
                          uint64_t amended)
{
    const struct kind *kind = kinds;
    const struct kind *end = kinds + sizeof(kinds) / sizeof(kinds[0]);
    while (kind < end && kind->terms != operation)
        kind++;
    if (kind == end)
        return;
    if (amended == 0)
        parties_check(cli, kind, terms);
    else
        change_check(cli, kind, terms, amended);
}

/* --- Lots, phases, tranches ----------------------------------------------------------------- */

static void lot_print(const struct lot *lot, struct buffer *out)
{
    char text[MOMENT_TEXT_BYTES];
    buffer_printf(out, "%" PRIu32 " from %s", lot->gpus, moment_format(lot->from_s, text));
}

/* The rate, and what leads to the next phase; the last one has no end. */
static void phase_print(const struct phase *p, bool last, struct buffer *out)
{
    char text[AMOUNT_TEXT_BYTES];
    buffer_printf(out, "%u.%02u%%", (unsigned)p->rate_bp / 100, (unsigned)p->rate_bp % 100);
    if (last)
        return;
    buffer_printf(out, " until");
    if (p->milestone_ucr > 0)
        buffer_printf(out, " %s of cash", amount_format(p->milestone_ucr, text));
    if (p->milestone_ucr > 0 && p->utilisation_ppm > 0)
        buffer_printf(out, " and");
    if (p->utilisation_ppm > 0)
        buffer_printf(out, " %u.%02u%% sold", (unsigned)p->utilisation_ppm / 10000,
                      (unsigned)p->utilisation_ppm / 100 % 100);
}

static void tranche_print(const struct tranche *t, struct buffer *out)
{
    char text[AMOUNT_TEXT_BYTES];
    char when[MOMENT_TEXT_BYTES];
    buffer_printf(out, "%s ", amount_format(t->amount_ucr, text));
    if (t->kind == TRANCHE_KIND_DATE)
        buffer_printf(out, "at %s", moment_format(t->from_s, when));
    else if (t->kind == TRANCHE_KIND_SPENT)
        buffer_printf(out, "once %s is spent", amount_format(t->spent_ucr, text));
    else
        buffer_printf(out, "on an admin's word");
}

bool contract_part_print(const struct message *part, const void *items, uint32_t i, uint32_t count,
                         struct buffer *out)
{
    if (part != &lot_message && part != &phase_message && part != &tranche_message)
        return false;
    if (i > 0)
        buffer_printf(out, part == &phase_message ? ", then " : "; ");
    if (part == &lot_message)
        lot_print((const struct lot *)items + i, out);
    else if (part == &phase_message)
        phase_print((const struct phase *)items + i, i + 1 == count, out);
    else
        tranche_print((const struct tranche *)items + i, out);
    return true;
}

/* --- What became of tranches ---------------------------------------------------------------- */

enum tranche_state {
    TRANCHE_PROPOSED, /* under terms that are not in force yet */
    TRANCHE_PAID,
    TRANCHE_DUE_ON_DATE,
    TRANCHE_WAITS_FOR_START,
    TRANCHE_WAITS_FOR_SPEND,
    TRANCHE_WAITS_FOR_ADMIN,
    TRANCHE_WAITS_FOR_FUNDS,
    TRANCHE_FROZEN,       /* it would be paid if a declaration were not late */
    TRANCHE_LAPSED,       /* nothing can pay it any more */
    TRANCHE_NOT_IN_FORCE, /* under terms that others took the place of */
};

/* In JSON, and for people. */
static const char *const tranche_words[][2] = {
    [TRANCHE_PROPOSED] = {"proposed", NULL},
    [TRANCHE_PAID] = {"paid", "paid"},
    [TRANCHE_DUE_ON_DATE] = {"due_on_date", "due then"},
    [TRANCHE_WAITS_FOR_START] = {"waits_for_start", "waits for the start"},
    [TRANCHE_WAITS_FOR_SPEND] = {"waits_for_spend", "waits for spend"},
    [TRANCHE_WAITS_FOR_ADMIN] = {"waits_for_admin", "waits for an admin"},
    [TRANCHE_WAITS_FOR_FUNDS] = {"waits_for_funds", "waits for funds"},
    [TRANCHE_FROZEN] = {"frozen", "frozen: a declaration is late"},
    [TRANCHE_LAPSED] = {"lapsed", "lapsed"},
    [TRANCHE_NOT_IN_FORCE] = {"not_in_force", NULL},
};

static bool tranche_bit(uint32_t bits, uint32_t i)
{
    return (bits >> i & 1) != 0;
}

/* When credits of the grant's series are worth nothing any more; UINT64_MAX: never. */
static uint64_t series_end_s(struct cli *cli, const struct grant_info *g)
{
    struct q_series q = {.series = g->series};
    const struct a_series *a = cli_query_quietly(cli, &q_series_message, &q);
    const struct series_info *series = a != NULL && a->rows.count > 0 ? a->rows.items : NULL;
    return series != NULL && series->expires_s > 0 ? series->expires_s : UINT64_MAX;
}

/* None is paid after the term, a number of calendar months, nor in a series that has expired. */
static bool tranche_lapses(struct cli *cli, const struct grant_info *g, const struct tranche *t)
{
    uint64_t at_s = cli_time_s(cli);
    if (g->state != CONTRACT_STATE_IN_FORCE ||
        at_s >= month_start_s(month_of(g->start_s) + g->term_months))
        return true;
    uint64_t from_s = g->start_s > t->from_s ? g->start_s : t->from_s;
    return (at_s > from_s ? at_s : from_s) >= series_end_s(cli, g);
}

/* What waits is known of the terms in force. */
static enum tranche_state tranche_state(struct cli *cli, const struct grant_info *g, uint32_t i)
{
    const struct tranche *t = (const struct tranche *)g->tranches.items + i;
    if (cli->superseded)
        return TRANCHE_NOT_IN_FORCE;
    if (g->version > 0 && tranche_bit(g->tranches_paid, i))
        return TRANCHE_PAID;
    if (g->state == CONTRACT_STATE_PROPOSED || g->version == g->pending)
        return TRANCHE_PROPOSED;
    if (tranche_lapses(cli, g, t))
        return TRANCHE_LAPSED;
    if (tranche_bit(g->tranches_due, i))
        return g->late_month_s > 0 ? TRANCHE_FROZEN : TRANCHE_WAITS_FOR_FUNDS;
    if (t->kind == TRANCHE_KIND_DATE)
        return TRANCHE_DUE_ON_DATE;
    if (t->kind == TRANCHE_KIND_SPENT && t->spent_ucr > g->spent_so_far_ucr)
        return TRANCHE_WAITS_FOR_SPEND;
    /* Before the start nothing falls due, released or not. */
    return cli_time_s(cli) < g->start_s ? TRANCHE_WAITS_FOR_START : TRANCHE_WAITS_FOR_ADMIN;
}

void contract_part_became(struct cli *cli, const struct message *m, const struct message *part,
                          const void *row, uint32_t i, struct buffer *out)
{
    if (m != &grant_info_message || part != &tranche_message)
        return;
    const char *words = tranche_words[tranche_state(cli, row, i)][1];
    if (words != NULL)
        buffer_printf(out, " (%s)", words);
}

bool contract_is_bits(const struct message *m, const struct field *f)
{
    return m == &grant_info_message && strncmp(f->name, "tranches_", 9) == 0;
}

json_t *contract_json(struct cli *cli, const struct message *m, const void *row)
{
    json_t *json = message_to_json(m, row);
    if (m != &grant_info_message || json == NULL)
        return json;
    json_t *tranche;
    size_t i;
    json_array_foreach(json_object_get(json, "tranches"), i, tranche)
    {
        enum tranche_state state = tranche_state(cli, row, (uint32_t)i);
        json_object_set_new(tranche, "state", json_string(tranche_words[state][0]));
        json_object_set_new(tranche, "paid", json_boolean(state == TRANCHE_PAID));
        json_object_set_new(
            tranche, "waits",
            json_boolean(state == TRANCHE_WAITS_FOR_FUNDS || state == TRANCHE_FROZEN));
    }
    json_object_del(json, "tranches_paid");
    json_object_del(json, "tranches_due");
    return json;
}
