/* The cash of a site at several shares sold, against what falls due of its debt: what a lender may
 * count on because a guarantor stands behind it. */
#include <stdlib.h>

#include "protocol/amount.h"
#include "protocol/moment.h"
#include "protocol/month.h"
#include "protocol/status.h"
#include "server/report/debt.h"
#include "server/report/position.h"
#include "server/report/share_rate.h"
#include "server/report/site_scope.h"
#include "server/report/sums.h"

enum { LEVELS = 4 };
static const uint32_t level_ppm[LEVELS] = {0, 250000, 500000, 750000};

/* Where the months stand in a backstop's time. */
struct floor_plan {
    const struct projection_plan *plan;
    struct outlook_walk walk;
    uint64_t at_min;
    uint64_t pool_left_ucr[LEVELS];
    uint64_t funded_left_ucr[LEVELS]; /* of what the guarantor has in the fund today */
};

struct floor_month {
    uint64_t sales_ucr;
    uint64_t shared_ucr;
    uint64_t claimed_ucr; /* of sales, by those whose claims are older */
    uint64_t backstop_ucr;
    uint64_t funded_ucr; /* of that, with what is in the fund today */
    uint64_t cash_ucr;
    uint64_t funded_cash_ucr; /* without what the guarantor has not funded yet */
};

struct endorsement {
    struct job *job;
    struct positions positions;
    struct share_rates shares;
    struct floor_plan *plans;
    struct floor_month (*months)[LEVELS]; /* of each row of the debt */
    uint64_t claimed_left_ucr[LEVELS];
    uint32_t summary, by_month, backstops, guarantees;
    bool priceless; /* of a SKU nobody knows a price */
};

static void endorsement_tables(struct endorsement *e)
{
    static const struct job_column summary[] = {
        {"sold_ppm", CELL_KIND_PPM},
        {"cash_ucr", CELL_KIND_AMOUNT},
        {"due_ucr", CELL_KIND_AMOUNT},
        {"coverage_ppm", CELL_KIND_PPM},
        {"least_coverage_ppm", CELL_KIND_PPM},
        {"first_short_month", CELL_KIND_MONTH},
        {"funded_cash_ucr", CELL_KIND_AMOUNT},
        {"funded_coverage_ppm", CELL_KIND_PPM},
        {"funded_short_month", CELL_KIND_MONTH},
    };
    static const struct job_column months[] = {
        {"month", CELL_KIND_MONTH},
        {"sold_ppm", CELL_KIND_PPM},
        {"sales_ucr", CELL_KIND_AMOUNT},
        {"shared_ucr", CELL_KIND_AMOUNT},
        {"claimed_ucr", CELL_KIND_AMOUNT},
        {"backstop_ucr", CELL_KIND_AMOUNT},
        {"backstop_funded_ucr", CELL_KIND_AMOUNT},
        {"cash_ucr", CELL_KIND_AMOUNT},
        {"due_ucr", CELL_KIND_AMOUNT},
        {"coverage_ppm", CELL_KIND_PPM},
        {"funded_coverage_ppm", CELL_KIND_PPM},
        {"short", CELL_KIND_YES},
    };
    static const struct job_column backstops[] = {
        {"contract", CELL_KIND_COUNT},
        {"guarantor", CELL_KIND_NAMED},
        {"sku", CELL_KIND_NAMED},
        {"until", CELL_KIND_TIME},
        {"pool_left_ucr", CELL_KIND_AMOUNT},
        {"funded_ucr", CELL_KIND_AMOUNT},
        {"claims_ucr", CELL_KIND_AMOUNT},
        {"certified_until", CELL_KIND_TIME},
    };
    static const struct job_column guarantees[] = {
        {"contract", CELL_KIND_COUNT},        {"guarantor", CELL_KIND_NAMED},
        {"lender", CELL_KIND_NAMED},          {"until", CELL_KIND_TIME},
        {"limit_left_ucr", CELL_KIND_AMOUNT}, {"funded_ucr", CELL_KIND_AMOUNT},
        {"claims_ucr", CELL_KIND_AMOUNT},
    };
    e->summary = JOB_TABLE(e->job, "summary", "Floor cash against the debt", summary);
    e->by_month = JOB_TABLE(e->job, "months", "By month of the debt", months);
    e->backstops = JOB_TABLE(e->job, "backstops", "Backstops of the site", backstops);
    e->guarantees = JOB_TABLE(e->job, "guarantees", "Lease guarantees of the site", guarantees);
}

/* --- A month --- */

/* GPU-minutes times a million that are sold at each level, of one SKU. */
struct floor_sums {
    wide sold[LEVELS];
    wide minutes; /* in the time of a backstop */
};

/* What a backstop pays in a month at each level; adds what is sold in its time to `sums`. */
static void plan_month(const struct endorsement *e, struct floor_plan *f, uint32_t month,
                       struct floor_sums *sums, struct floor_month *out)
{
    const struct backstop_row *terms = &f->plan->terms;
    uint64_t end_min = lesser(month_start_s(month + 1), terms->end_s) / 60;
    wide owed[LEVELS] = {0};
    uint64_t elected_minutes = 0;
    while (f->at_min < end_min) {
        uint64_t until = outlook_walk_to(&f->walk, f->at_min, end_min);
        uint64_t covered = projection_covered(terms, f->at_min, &until);
        bool owes = projection_owes(f->plan, &f->walk, f->at_min, &until);
        uint64_t minutes = until - f->at_min;
        uint64_t elected = lesser(outlook_walk_gpus(&f->walk, OUTLOOK_ELECTED), covered);
        uint64_t withheld = outlook_walk_gpus(&f->walk, OUTLOOK_WITHHELD);
        uint64_t capacity = projection_capacity(f->plan, covered) - elected;
        for (int i = 0; i < LEVELS; i++) {
            wide sold = (wide)capacity * level_ppm[i];
            wide unpaid = sold + (wide)withheld * PPM_ONE;
            wide open = (wide)(covered - elected) * PPM_ONE;
            sums->sold[i] += sold * minutes;
            owed[i] += owes && open > unpaid ? (open - unpaid) * minutes : 0;
        }
        sums->minutes += minutes;
        elected_minutes += elected * minutes;
        f->at_min = until;
    }
    bool present = month == e->positions.projection.month;
    uint64_t accrued = present ? projection_accrued(f->plan) : 0;
    uint64_t taken = cost_of(elected_minutes, terms->strike_ucr);
    for (int i = 0; i < LEVELS; i++) {
        uint64_t draw = sum_of(accrued, cost_of(owed[i] / PPM_ONE, terms->strike_ucr));
        draw = lesser(draw, f->pool_left_ucr[i]);
        f->pool_left_ucr[i] -= draw;
        uint64_t funded = lesser(draw, f->funded_left_ucr[i]);
        f->funded_left_ucr[i] -= funded;
        sum_into(&out[i].backstop_ucr, sum_of(draw, taken));
        sum_into(&out[i].funded_ucr, sum_of(funded, taken));
    }
}

/* What the SKU sells outside of its backstops' time, too, and what that pays. */
static void spot_month(struct endorsement *e, const struct outlook_spot *spot, uint32_t month,
                       struct floor_sums *sums, struct floor_month *out)
{
    uint64_t price = outlook_price(spot);
    bool present = month == e->positions.projection.month;
    uint64_t begin_min = present ? e->job->head->time_s / 60 : month_start_s(month) / 60;
    wide minutes = month_start_s(month + 1) / 60 - begin_min;
    wide rest = minutes > sums->minutes ? minutes - sums->minutes : 0;
    e->priceless = e->priceless || price == REPORT_NONE;
    for (int i = 0; i < LEVELS; i++) {
        sums->sold[i] += rest * spot->offered_gpus * level_ppm[i];
        wide sold = sums->sold[i] / PPM_ONE;
        wide most = price == 0 || price == REPORT_NONE ? 0 : ~(wide)0 / price;
        wide paid = price == 0 || price == REPORT_NONE ? 0 : sold > most ? ~(wide)0 : sold * price;
        sum_into(&out[i].sales_ucr, cell_of(paid / 60));
    }
}

/* The cash of one month at each level; months must come one after the other. */
static void month_fill(struct endorsement *e, uint32_t month, struct floor_month *out)
{
    const struct projection *p = &e->positions.projection;
    for (int i = 0; i < LEVELS; i++)
        out[i] = (struct floor_month){0};
    for (size_t s = 0; s < p->outlook.count; s++) {
        struct floor_sums sums = {.minutes = 0};
        for (size_t i = 0; i < p->count; i++) {
            if (p->plans[i].spot == &p->outlook.spots[s])
                plan_month(e, &e->plans[i], month, &sums, out);
        }
        spot_month(e, &p->outlook.spots[s], month, &sums, out);
    }
    for (int i = 0; i < LEVELS; i++) {
        out[i].shared_ucr = share_rates_take(&e->shares, month, out[i].sales_ucr);
        uint64_t left = out[i].sales_ucr - out[i].shared_ucr;
        out[i].claimed_ucr = lesser(left, e->claimed_left_ucr[i]);
        e->claimed_left_ucr[i] -= out[i].claimed_ucr;
        left -= out[i].claimed_ucr;
        out[i].cash_ucr = sum_of(left, out[i].backstop_ucr);
        out[i].funded_cash_ucr = sum_of(left, out[i].funded_ucr);
    }
}

/* What is in the fund of a backstop beyond what is claimed of it already. */
static uint64_t funded_free(const struct positions *p, uint64_t contract)
{
    const struct position *at = positions_find(p, contract);
    return at != NULL ? at->funded_ucr - lesser(at->funded_ucr, at->claims_ucr) : 0;
}

/* Months without a row of the debt are gone through too: pools are used up in them. False: it has
 * failed. */
static bool months_fill(struct endorsement *e)
{
    struct job *j = e->job;
    const struct q_report *q = j->query;
    const struct projection *p = &e->positions.projection;
    e->plans = job_alloc(j, p->count * sizeof(*e->plans) + 1);
    e->months = job_alloc(j, q->debt.count * sizeof(*e->months));
    if (e->plans == NULL || e->months == NULL)
        return false;
    for (size_t i = 0; i < p->count; i++) {
        const struct projection_plan *plan = &p->plans[i];
        e->plans[i] = (struct floor_plan){
            .plan = plan,
            .walk = outlook_walk_begin(plan->spot),
            .at_min = projection_from_min(plan),
        };
        for (int level = 0; level < LEVELS; level++) {
            e->plans[i].pool_left_ucr[level] = lesser(plan->cover.pool_left_ucr, CELL_MAX);
            e->plans[i].funded_left_ucr[level] =
                funded_free(&e->positions, plan->contract.contract);
        }
    }
    for (int level = 0; level < LEVELS; level++)
        e->claimed_left_ucr[level] = sum_of(e->shares.claims_ucr, e->shares.recover_ucr);
    uint32_t month = p->month;
    for (uint32_t i = debt_from(q, month); i < q->debt.count; i++) {
        struct floor_month passed[LEVELS];
        for (; month < month_of(q->debt.items[i].month_s) && !job_stops(j); month++)
            month_fill(e, month, passed);
        if (job_stops(j))
            return false;
        month_fill(e, month++, e->months[i]);
    }
    return true;
}

/* --- Rows --- */

static void summary_rows(struct endorsement *e)
{
    struct job *j = e->job;
    const struct q_report *q = j->query;
    for (int level = 0; level < LEVELS && job_row(j, e->summary); level++) {
        uint64_t cash = 0, due = 0, least_ppm = REPORT_NONE, short_s = REPORT_NONE;
        uint64_t funded = 0, funded_short_s = REPORT_NONE;
        for (uint32_t i = debt_from(q, e->positions.projection.month); i < q->debt.count; i++) {
            const struct debt_row *d = &q->debt.items[i];
            uint64_t has = e->months[i][level].cash_ucr;
            uint64_t needs = lesser(d->due_ucr, CELL_MAX);
            sum_into(&cash, has);
            sum_into(&due, needs);
            least_ppm = lesser(least_ppm, ratio_ppm(has, needs));
            if (has < needs && short_s == REPORT_NONE)
                short_s = d->month_s;
            sum_into(&funded, e->months[i][level].funded_cash_ucr);
            if (e->months[i][level].funded_cash_ucr < needs && funded_short_s == REPORT_NONE)
                funded_short_s = d->month_s;
        }
        job_number(j, level_ppm[level]);
        job_number(j, cash);
        job_number(j, due);
        job_number(j, ratio_ppm(cash, due));
        job_number(j, least_ppm);
        job_number(j, short_s);
        job_number(j, funded);
        job_number(j, ratio_ppm(funded, due));
        job_number(j, funded_short_s);
    }
}

static void month_rows(struct endorsement *e)
{
    struct job *j = e->job;
    const struct q_report *q = j->query;
    uint32_t first = debt_from(q, e->positions.projection.month);
    for (uint32_t at = first * LEVELS; at < q->debt.count * LEVELS; at++) {
        const struct debt_row *d = &q->debt.items[at / LEVELS];
        const struct floor_month *m = &e->months[at / LEVELS][at % LEVELS];
        uint64_t due = lesser(d->due_ucr, CELL_MAX);
        if (!job_row(j, e->by_month))
            return;
        job_number(j, d->month_s);
        job_number(j, level_ppm[at % LEVELS]);
        job_number(j, m->sales_ucr);
        job_number(j, m->shared_ucr);
        job_number(j, m->claimed_ucr);
        job_number(j, m->backstop_ucr);
        job_number(j, m->funded_ucr);
        job_number(j, m->cash_ucr);
        job_number(j, due);
        job_number(j, ratio_ppm(m->cash_ucr, due));
        job_number(j, ratio_ppm(m->funded_cash_ucr, due));
        job_number(j, m->cash_ucr < due);
    }
}

static void guarantee_rows(struct endorsement *e)
{
    struct job *j = e->job;
    for (size_t i = 0; i < e->positions.count; i++) {
        const struct position *p = &e->positions.items[i];
        if (p->kind != CONTRACT_KIND_GUARANTEE || p->state != CONTRACT_STATE_IN_FORCE)
            continue;
        if (!job_row(j, e->guarantees))
            return;
        job_number(j, p->contract);
        job_account(j, p->guarantor);
        job_account(j, p->lender);
        job_number(j, p->end_s);
        job_number(j, p->nominal_ucr);
        job_number(j, p->funded_ucr);
        job_number(j, p->claims_ucr);
    }
}

/* Those that have ended with claims open, too. */
static void backstop_rows(struct endorsement *e)
{
    struct job *j = e->job;
    for (size_t i = 0; i < e->positions.count; i++) {
        const struct position *p = &e->positions.items[i];
        if (p->kind != CONTRACT_KIND_BACKSTOP)
            continue;
        if (!job_row(j, e->backstops))
            return;
        job_number(j, p->contract);
        job_account(j, p->guarantor);
        job_sku(j, p->sku);
        job_number(j, p->end_s);
        job_number(j, p->nominal_ucr);
        job_number(j, p->funded_ucr);
        job_number(j, p->claims_ucr);
        job_number(j, p->certified_s);
    }
}

/* How many backstops in force pay for what is not sold until a certification lapses alone. */
static void lapse_notes(const struct endorsement *e)
{
    struct job *j = e->job;
    const struct projection *p = &e->positions.projection;
    uint64_t now_min = j->head->time_s / 60, first_min = UINT64_MAX;
    size_t lapsed = 0, lapsing = 0;
    char first[MOMENT_TEXT_BYTES];
    for (size_t i = 0; i < p->count; i++) {
        const struct projection_plan *plan = &p->plans[i];
        if (plan->certified_min <= now_min) {
            lapsed++;
        } else if (plan->certified_min < plan->terms.end_s / 60) {
            lapsing++;
            first_min = lesser(first_min, plan->certified_min);
        }
    }
    if (lapsed > 0)
        job_note(j,
                 "Attention: the site lacks a certification that %zu of its %zu backstops in force "
                 "ask for: they owe nothing for what is not sold until it is renewed, and count as "
                 "cash for elected GPUs alone, and for what the running period had come to before.",
                 lapsed, p->count);
    if (lapsing > 0)
        job_note(j,
                 "Attention: of %zu of %zu backstops in force a certification lapses before the "
                 "end, the "
                 "first at %s: each counts as cash until its CERTIFIED-UNTIL, and not longer.",
                 lapsing, p->count, moment_format(lesser(first_min, TIME_MAX_S / 60) * 60, first));
}

/* What stands against the cash, with the amounts. */
static void claim_notes(const struct endorsement *e)
{
    struct job *j = e->job;
    char claims[AMOUNT_TEXT_BYTES], recover[AMOUNT_TEXT_BYTES], owed[AMOUNT_TEXT_BYTES];
    uint64_t claims_ucr = 0;
    for (size_t i = 0; i < e->positions.count; i++) {
        if (e->positions.items[i].kind == CONTRACT_KIND_BACKSTOP)
            sum_into(&claims_ucr, e->positions.items[i].claims_ucr);
    }
    amount_format(claims_ucr, owed);
    amount_format(e->shares.claims_ucr, claims);
    amount_format(e->shares.recover_ucr, recover);
    if (claims_ucr > 0)
        job_note(j,
                 "Attention: guarantors owe %s credits already under backstops of this site and "
                 "have not paid them. That is not counted as cash, and the rest only if they pay.",
                 owed);
    if (e->shares.claims_ucr > 0 || e->shares.recover_ucr > 0)
        job_note(j,
                 "Attention: settlements pay older debts first: %s credits to guarantors that have "
                 "stepped in, and %s credits of open claims of revenue shares. Both are taken off "
                 "the sales (claimed), as if this site alone paid them.",
                 recover, claims);
}

static void endorsement_notes(const struct endorsement *e)
{
    struct job *j = e->job;
    debt_note(j, true);
    lapse_notes(e);
    claim_notes(e);
    if (e->priceless)
        job_note(j, "Attention: of a SKU of this site no price is known: it sells for nothing "
                    "here.");
    job_note(j, "Capacity of a SKU is what its backstop covers, or what is on offer now where that "
                "is more. The sold share of it, but of elected GPUs, sells at the price of the "
                "leases settled in the months of the last 90 days, else at the lowest open offer, "
                "also while the site is closed, and where that is below a strike. Leases granted "
                "already count by that share alone.");
    job_note(j, "Revenue shares in force take the rate of their present phase. The backstop pays "
                "the strike for what is covered and not sold until its pool is used up, and for "
                "elected GPUs beside the pool, as if all stood on offer as the terms ask and the "
                "guarantor paid; not for what the operator withholds of leases that it has ended "
                "by now, nor while the site is closed or lacks a certification that the terms ask "
                "for, as both are listed now. Lease guarantees are not counted as cash.");
    job_note(j,
             "Funded is what the guarantor has put into the fund already, beyond what is claimed "
             "of it, in the order of the months, and what elected GPUs cost, which was paid when "
             "they were elected; all else is its promise. Funded coverage counts no promise.");
    job_note(j, "The present month counts from where minutes were last added up, with what the "
                "running period had come to by then. Months of the schedule that have passed are "
                "left out.");
}

/* The site's contracts are the account's business, whoever they are between. */
static int endorsement_load(struct endorsement *e)
{
    struct job whole = *e->job;
    whole.account = 0;
    e->positions.projection.outlook.site = e->job->query->site;
    e->positions.projection.outlook.sku = e->job->query->sku;
    int status = positions_load(&whole, &e->positions);
    return status != 0 ? status : share_rates_load(e->job, e->job->query->site, &e->shares);
}

static int endorsement_make(struct job *j)
{
    struct endorsement *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return STATUS_MEMORY;
    e->job = j;
    int status = endorsement_load(e);
    if (status == 0 && months_fill(e)) {
        endorsement_tables(e);
        summary_rows(e);
        month_rows(e);
        backstop_rows(e);
        guarantee_rows(e);
        endorsement_notes(e);
    }
    positions_release(&e->positions);
    share_rates_release(&e->shares);
    free(e);
    return status;
}

int endorsement_report(struct job *j)
{
    const struct q_report *q = j->query;
    if (q->site == 0 || !debt_is_valid(q)) {
        job_refuse(j, REFUSAL_terms_invalid);
        return 0;
    }
    bool concerned;
    int status = site_scope_check(j, &concerned);
    return status == 0 && concerned ? endorsement_make(j) : status;
}
