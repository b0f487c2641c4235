#include "server/exchange/revshare_split.h"

#include "protocol/amount.h"

amount revshare_add(amount a, amount b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static bool phase_is_last(const struct revshare_row *terms, const struct progress_row *p)
{
    return p->phase + 1 >= terms->phases_count;
}

/* --- The step out of the present phase --- */

bool revshare_utilised(const struct revshare_row *terms, const struct progress_row *p)
{
    return !phase_is_last(terms, p) && p->utilisation_peak_ppm >= terms->utilisation_ppm[p->phase];
}

static amount cash_of(const struct revshare_row *terms, const struct progress_row *p)
{
    return terms->milestone == MILESTONE_KIND_SHARE ? p->share_ucr : p->gross_ucr;
}

amount revshare_cash_left(const struct revshare_row *terms, const struct progress_row *p)
{
    if (phase_is_last(terms, p) || cash_of(terms, p) >= terms->milestone_ucr[p->phase])
        return 0;
    return terms->milestone_ucr[p->phase] - cash_of(terms, p);
}

bool revshare_cashed(const struct revshare_row *terms, const struct progress_row *p)
{
    return !phase_is_last(terms, p) && revshare_cash_left(terms, p) == 0;
}

void revshare_steps(const struct revshare_row *terms, struct progress_row *p,
                    struct share_split *out)
{
    while (revshare_utilised(terms, p) && revshare_cashed(terms, p)) {
        p->phase++;
        out->steps[out->steps_count++] =
            (struct share_step){.phase = p->phase, .gross = p->gross_ucr, .share = p->share_ucr};
    }
}

/* --- One settlement --- */

/* What of the month's next `gross` lies below the floor. */
static amount below_floor(const struct revshare_row *terms, const struct progress_row *p)
{
    if (terms->base != SHARE_BASE_ABOVE_FLOOR || p->month_gross_ucr >= terms->floor_ucr)
        return 0;
    return terms->floor_ucr - p->month_gross_ucr;
}

/* How much more gross brings the present phase to its milestone, of at most `left`; the milestone
 * has not been reached. */
static amount gross_to_milestone(const struct revshare_row *terms, const struct progress_row *p,
                                 amount left)
{
    wide needed = revshare_cash_left(terms, p);
    if (terms->milestone == MILESTONE_KIND_SHARE) {
        /* The least base at which the sum, rounded down, is the milestone. */
        uint64_t rate_bp = terms->rate_bp[p->phase];
        if (rate_bp == 0)
            return left;
        needed = (needed * WHOLE_BP - p->rest + rate_bp - 1) / rate_bp + below_floor(terms, p);
    }
    return needed < left ? (amount)needed : left;
}

/* The next `gross` of the settlement, all of it in the present phase. */
static void part_take(const struct revshare_row *terms, struct progress_row *p, amount gross,
                      struct share_split *out)
{
    amount below = below_floor(terms, p);
    amount base = gross > below ? gross - below : 0;
    uint64_t rate_bp = terms->rate_bp[p->phase];
    wide sum = (wide)base * rate_bp + p->rest;
    amount share = (amount)(sum / WHOLE_BP);
    p->rest = (uint32_t)(sum % WHOLE_BP);
    p->gross_ucr = revshare_add(p->gross_ucr, gross);
    p->month_gross_ucr = revshare_add(p->month_gross_ucr, gross);
    p->share_ucr = revshare_add(p->share_ucr, share);
    out->base += base;
    out->share += share;
    out->phase_last = p->phase;
    if (base > 0)
        out->parts[out->parts_count++] = (struct share_part){
            .phase = p->phase,
            .rate_bp = (uint32_t)rate_bp,
            .base_ucr = base,
            .share_ucr = share,
        };
}

void revshare_split(const struct revshare_row *terms, struct progress_row *p, amount gross,
                    struct share_split *out)
{
    *out = (struct share_split){.base = 0};
    revshare_steps(terms, p, out); /* none, as long as whatever opens one takes it */
    out->phase_first = p->phase;
    while (gross > 0) {
        amount part = revshare_utilised(terms, p) ? gross_to_milestone(terms, p, gross) : gross;
        part_take(terms, p, part, out);
        gross -= part;
        revshare_steps(terms, p, out);
    }
}
