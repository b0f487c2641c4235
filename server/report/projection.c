#include "server/report/projection.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/amount.h"
#include "protocol/month.h"
#include "protocol/status.h"
#include "server/report/sums.h"
#include "server/report/vector.h"

/* --- Which backstops --- */

struct projection_pass {
    const struct job *job;
    struct projection *out;
};

static int contract_visit(void *context, const void *row)
{
    const struct projection_pass *pass = context;
    struct projection *p = pass->out;
    const struct contract_row *c = row;
    uint32_t account = pass->job->account;
    if (c->kind != CONTRACT_KIND_BACKSTOP || c->state != CONTRACT_STATE_IN_FORCE)
        return 0;
    if (account != 0 && c->debtor != account && c->creditor != account)
        return 0;
    struct projection_plan *plan = vector_reserve(p->plans, sizeof(*plan), p->count, &p->room);
    if (plan == NULL)
        return STATUS_MEMORY;
    p->plans = plan;
    plan += p->count++;
    memset(plan, 0, sizeof(*plan));
    plan->contract = *c;
    return 0;
}

static struct projection_plan *plan_find(struct projection *p, uint64_t contract)
{
    return vector_find(p->plans, sizeof(*p->plans), p->count, &contract, vector_by_number);
}

static int terms_visit(void *context, const void *row)
{
    const struct projection_pass *pass = context;
    const struct backstop_row *terms = row;
    struct projection_plan *plan = plan_find(pass->out, terms->contract);
    if (plan != NULL && plan->contract.version == terms->version)
        plan->terms = *terms;
    return 0;
}

static int cover_visit(void *context, const void *row)
{
    const struct projection_pass *pass = context;
    const struct cover_row *cover = row;
    struct projection_plan *plan = plan_find(pass->out, cover->contract);
    if (plan != NULL)
        plan->cover = *cover;
    return 0;
}

uint64_t projection_from_min(const struct projection_plan *plan)
{
    return greater(plan->cover.cursor_s, plan->terms.start_s) / 60;
}

uint64_t projection_accrued(const struct projection_plan *plan)
{
    wide sum = ((wide)plan->cover.cost_high << 64) + plan->cover.cost_low;
    return cell_of(sum / 60 + (sum % 60 != 0));
}

/* As the rules count a backstop's minutes: the latest of those of each name that is asked for. */
static uint64_t certified_until_min(const struct job *j, const struct backstop_row *terms)
{
    const struct site_row *site = names_site(j->names, terms->site);
    uint64_t until_min = UINT64_MAX;
    for (uint32_t i = 0; i < terms->certifications_count && i < ORDER_CERTIFICATIONS_MAX; i++) {
        const uint8_t *name = terms->certifications + (size_t)i * NAME_BYTES;
        uint64_t held_s = 0;
        for (uint32_t k = 0;
             site != NULL && k < site->certifications_count && k < SITE_CERTIFICATIONS_MAX; k++) {
            if (memcmp(site->certification_names + (size_t)k * NAME_BYTES, name, NAME_BYTES) == 0)
                held_s = greater(held_s, site->certification_expires_s[k]);
        }
        until_min = lesser(until_min, held_s / 60);
    }
    return until_min;
}

/* Leaves those that are not asked for, and those whose rows are incomplete, out. */
static int plans_choose(const struct job *j, struct projection *p)
{
    const struct q_report *q = j->query;
    size_t kept = 0;
    for (size_t i = 0; i < p->count; i++) {
        const struct projection_plan *plan = &p->plans[i];
        if (plan->terms.contract == 0 || plan->cover.contract == 0 ||
            (q->site != 0 && plan->terms.site != q->site) ||
            (q->sku != 0 && plan->terms.sku != q->sku))
            continue;
        int status =
            outlook_add(&p->outlook, plan->terms.site, plan->terms.sku, projection_from_min(plan));
        if (status != 0)
            return status;
        p->plans[kept++] = *plan;
    }
    p->count = kept;
    return 0;
}

int projection_load(struct job *j, struct projection *out)
{
    const struct source *from = j->source;
    struct projection_pass pass = {j, out};
    out->month = month_of(j->head->time_s);
    int status = from->each(from->of, TABLE_CONTRACT, contract_visit, &pass);
    if (status == 0)
        status = from->each(from->of, TABLE_BACKSTOP, terms_visit, &pass);
    if (status == 0)
        status = from->each(from->of, TABLE_COVER, cover_visit, &pass);
    if (status == 0)
        status = plans_choose(j, out);
    if (status == 0)
        status = outlook_load(&out->outlook, j);
    for (size_t i = 0; status == 0 && i < out->count; i++) {
        struct projection_plan *plan = &out->plans[i];
        plan->spot = outlook_find(&out->outlook, plan->terms.site, plan->terms.sku);
        plan->certified_min = certified_until_min(j, &plan->terms);
    }
    return status;
}

void projection_release(struct projection *p)
{
    outlook_release(&p->outlook);
    free(p->plans);
    *p = (struct projection){0};
}

void projection_notes(struct job *j)
{
    job_note(j,
             "On offer at a site and SKU is taken to be what is on offer there now, and at least "
             "what is covered. Of it the part sells that sold of all that was sold or free in the "
             "last 90 whole days, none at a price below the strike, and what is in leases "
             "granted already in any case. The price is that of the leases settled "
             "in the months of these 90 days, else of the lowest open offer; where there is "
             "none, nothing sells.");
    job_note(j, "All that is sold counts against what is covered first, as in the settlement. What "
                "of that is left is owed for at the strike until the pool is used up, as if it "
                "stood on offer at the price that the terms ask for. While the site is closed, as "
                "listed now, and once a certification that the terms ask for has expired, nothing "
                "is owed for what is not sold; the worst case alone assumes that all are renewed, "
                "and the site open.");
    job_note(j, "What operators withhold is not owed for either: what leases that they have ended "
                "by now, or did not hand over, had left from their end on, up to the time for "
                "which they were granted. It is taken off what does not sell, since what is sold "
                "anew lowers what is owed beside it. That more will be withheld is not assumed.");
    job_note(j,
             "The present month counts from where minutes were last added up, with what the "
             "running period had come to by then. Nothing after %d months is projected.",
             PROJECTION_MONTHS_MAX);
}

/* --- Months --- */

uint64_t projection_covered(const struct backstop_row *terms, uint64_t at_min, uint64_t *until_min)
{
    wide delivered = 0;
    for (uint32_t i = 0; i < terms->lots_count && i < LOTS_MAX; i++) {
        if (terms->lot_from_s[i] / 60 <= at_min)
            delivered += terms->lot_gpus[i];
        else
            *until_min = lesser(*until_min, terms->lot_from_s[i] / 60);
    }
    return delivered < terms->gpus ? (uint64_t)delivered : terms->gpus;
}

uint64_t projection_capacity(const struct projection_plan *plan, uint64_t covered)
{
    return greater(covered, plan->spot->offered_gpus);
}

bool projection_owes(const struct projection_plan *plan, const struct outlook_walk *walk,
                     uint64_t at_min, uint64_t *until_min)
{
    bool certified = at_min < plan->certified_min;
    if (certified)
        *until_min = lesser(*until_min, plan->certified_min);
    return certified && outlook_walk_gpus(walk, OUTLOOK_CLOSED) == 0;
}

void projection_walk_begin(const struct projection *p, const struct projection_plan *plan,
                           const uint32_t sells_ppm[PROJECTION_COURSES],
                           struct projection_walk *out)
{
    uint64_t end_s = plan->terms.end_s > 0 ? plan->terms.end_s - 1 : 0;
    *out = (struct projection_walk){
        .plan = plan,
        .outlook = outlook_walk_begin(plan->spot),
        .month = p->month,
        .month_last = (uint32_t)lesser(greater(p->month, month_of(lesser(end_s, TIME_MAX_S))),
                                       (uint64_t)p->month + PROJECTION_MONTHS_MAX - 1),
        .at_min = projection_from_min(plan),
        .accrued_ucr = projection_accrued(plan),
    };
    memcpy(out->sells_ppm, sells_ppm, sizeof(out->sells_ppm));
}

bool projection_walk_next(struct projection_walk *w, struct projection_month *out)
{
    const struct backstop_row *terms = &w->plan->terms;
    if (w->month > w->month_last)
        return false;
    *out = (struct projection_month){.month = w->month, .accrued_ucr = w->accrued_ucr};
    uint64_t end_min = lesser(month_start_s(w->month + 1), terms->end_s) / 60;
    wide owed[PROJECTION_COURSES] = {0}; /* GPU-minutes times a million */
    wide worst = 0;
    while (w->at_min < end_min) {
        uint64_t until = outlook_walk_to(&w->outlook, w->at_min, end_min);
        uint64_t covered = projection_covered(terms, w->at_min, &until);
        bool owes = projection_owes(w->plan, &w->outlook, w->at_min, &until);
        uint64_t elected = lesser(outlook_walk_gpus(&w->outlook, OUTLOOK_ELECTED), covered);
        uint64_t sold = outlook_walk_gpus(&w->outlook, OUTLOOK_SOLD);
        uint64_t withheld = outlook_walk_gpus(&w->outlook, OUTLOOK_WITHHELD);
        uint64_t capacity = projection_capacity(w->plan, covered) - elected;
        uint64_t left = covered - elected;
        uint64_t minutes = until - w->at_min;
        worst += (wide)(left - lesser(withheld, left)) * minutes;
        for (uint32_t i = 0; owes && i < PROJECTION_COURSES; i++) {
            wide granted = (wide)sold * PPM_ONE, usual = (wide)capacity * w->sells_ppm[i];
            wide unpaid = (granted > usual ? granted : usual) + (wide)withheld * PPM_ONE;
            wide all = (wide)left * PPM_ONE;
            owed[i] += all > unpaid ? (all - unpaid) * minutes : 0;
        }
        w->at_min = until;
    }
    for (uint32_t i = 0; i < PROJECTION_COURSES; i++)
        out->owed[i] = cell_of((owed[i] + PPM_ONE - 1) / PPM_ONE);
    out->owed_worst = cell_of(worst);
    w->month++;
    w->accrued_ucr = 0;
    return true;
}

/* --- What sells --- */

/* The price then, for a GPU-hour; REPORT_NONE: nobody knows. */
static uint64_t price_then(const struct job *j, const struct projection_plan *plan,
                           const struct projection_shock *shock)
{
    const struct sku_row *sku = names_sku(j->names, plan->terms.sku);
    uint64_t price = outlook_price(plan->spot);
    if (price == REPORT_NONE)
        return price;
    uint32_t down = (uint32_t)lesser(shock->price_down_ppm, PPM_ONE);
    wide then = (wide)price * (PPM_ONE - down);
    bool repriced =
        shock->density_ppm != 0 && sku != NULL && names_same(sku->generation, shock->generation);
    return cell_of(then / (repriced ? shock->density_ppm : PPM_ONE));
}

uint32_t projection_sells_ppm(const struct job *j, const struct projection_plan *plan,
                              const struct projection_shock *shock)
{
    uint64_t price = price_then(j, plan, shock);
    uint32_t down = (uint32_t)lesser(shock->demand_down_ppm, PPM_ONE);
    if (price == REPORT_NONE || price < plan->terms.strike_ucr)
        return 0;
    return (uint32_t)((uint64_t)outlook_utilisation_ppm(plan->spot) * (PPM_ONE - down) / PPM_ONE);
}

uint64_t projection_draw(const struct projection_plan *plan, const struct projection_month *month,
                         uint64_t owed_minutes, uint64_t *pool_left_ucr)
{
    uint64_t owed = sum_of(cost_of(owed_minutes, plan->terms.strike_ucr), month->accrued_ucr);
    uint64_t drawn = lesser(owed, *pool_left_ucr);
    *pool_left_ucr -= drawn;
    return drawn;
}
