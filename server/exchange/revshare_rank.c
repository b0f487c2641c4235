/*
 * In which order the revenue shares of an operator are paid, and that none passes another one of
 * its rank: who signs a rank stands back behind all better ones, but among equals behind nobody
 * that was not before it already.
 */
#include "server/exchange/revshare.h"

int share_line_compare(const struct share_line *a, const struct share_line *b)
{
    int order = number_compare(a->operator, b->operator);
    if (order == 0)
        order = number_compare(a->rank, b->rank);
    return order != 0 ? order : number_compare(a->contract, b->contract);
}

static uint64_t terms_floor(const struct revshare_row *terms)
{
    return terms->base == SHARE_BASE_ABOVE_FLOOR ? terms->floor_ucr : 0;
}

/* Whether from a phase on a share could take more, or for longer, than now. */
static bool takes_more(const struct revshare_row *now, const struct revshare_row *terms,
                       uint32_t phase)
{
    if (terms_floor(terms) < terms_floor(now) || terms->start_s < now->start_s ||
        terms->window_days != now->window_days || terms->milestone != now->milestone ||
        (now->latching && !terms->latching) || terms->phases_count < now->phases_count)
        return true;
    for (uint32_t i = phase; i < terms->phases_count; i++) {
        uint32_t last = now->phases_count - 1;
        if (terms->rate_bp[i] > now->rate_bp[i < last ? i : last])
            return true;
        if (i < last && (terms->milestone_ucr[i] > now->milestone_ucr[i] ||
                         terms->utilisation_ppm[i] > now->utilisation_ppm[i]))
            return true;
    }
    return false;
}

/* Whether another share gets of the same leases, and belongs to somebody else. */
static bool shares_meet(const struct revshare_row *a, const struct revshare_row *b)
{
    return a->beneficiary != b->beneficiary && (a->site == b->site || a->site == 0 || b->site == 0);
}

bool revshare_passes(const struct exchange *x, uint64_t contract, const struct revshare_row *terms)
{
    const struct progress_row *p = revshare_progress(x, contract);
    const struct revshare_row *now = p ? revshare_terms(x, contract, p->version) : NULL;
    if (now && (now->rank < terms->rank ||
                (now->rank == terms->rank && !takes_more(now, terms, p->phase))))
        return false;
    for (struct share_line *line = revshare_first(x, terms->operator); line;
         line = revshare_next(line)) {
        const struct progress_row *other = revshare_progress(x, line->contract);
        const struct revshare_row *others =
            other ? revshare_terms(x, line->contract, other->version) : NULL;
        if (others && line->rank == terms->rank && line->contract > contract &&
            shares_meet(terms, others))
            return true;
    }
    return false;
}
