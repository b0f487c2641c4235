#include "server/report/charge.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "protocol/amount.h"
#include "protocol/month.h"
#include "server/report/sums.h"

/* The 21 columns that FOCUS 1.2 has in every data set, and those that it has where there are
 * prices in credits, capacity reservations, resources, regions and SKUs. */
static const struct job_column charge_columns[] = {
    {"BilledCost", CELL_KIND_AMOUNT},
    {"BillingAccountId", CELL_KIND_TEXT},
    {"BillingAccountName", CELL_KIND_TEXT},
    {"BillingCurrency", CELL_KIND_TEXT},
    {"BillingPeriodEnd", CELL_KIND_TIME},
    {"BillingPeriodStart", CELL_KIND_TIME},
    {"CapacityReservationId", CELL_KIND_TEXT},
    {"CapacityReservationStatus", CELL_KIND_TEXT},
    {"ChargeCategory", CELL_KIND_TEXT},
    {"ChargeClass", CELL_KIND_TEXT},
    {"ChargeDescription", CELL_KIND_TEXT},
    {"ChargeFrequency", CELL_KIND_TEXT},
    {"ChargePeriodEnd", CELL_KIND_TIME},
    {"ChargePeriodStart", CELL_KIND_TIME},
    {"ConsumedQuantity", CELL_KIND_GPU_MINUTES},
    {"ConsumedUnit", CELL_KIND_TEXT},
    {"ContractedCost", CELL_KIND_AMOUNT},
    {"ContractedUnitPrice", CELL_KIND_AMOUNT},
    {"EffectiveCost", CELL_KIND_AMOUNT},
    {"InvoiceIssuerName", CELL_KIND_TEXT},
    {"ListCost", CELL_KIND_AMOUNT},
    {"ListUnitPrice", CELL_KIND_AMOUNT},
    {"PricingCurrency", CELL_KIND_TEXT},
    {"PricingCurrencyContractedUnitPrice", CELL_KIND_AMOUNT},
    {"PricingCurrencyEffectiveCost", CELL_KIND_AMOUNT},
    {"PricingCurrencyListUnitPrice", CELL_KIND_AMOUNT},
    {"PricingQuantity", CELL_KIND_GPU_MINUTES},
    {"PricingUnit", CELL_KIND_TEXT},
    {"ProviderName", CELL_KIND_TEXT},
    {"PublisherName", CELL_KIND_TEXT},
    {"RegionId", CELL_KIND_TEXT},
    {"RegionName", CELL_KIND_TEXT},
    {"ResourceId", CELL_KIND_TEXT},
    {"ResourceType", CELL_KIND_TEXT},
    {"ServiceCategory", CELL_KIND_TEXT},
    {"ServiceName", CELL_KIND_TEXT},
    {"SkuId", CELL_KIND_TEXT},
    {"SkuPriceId", CELL_KIND_TEXT},
};

static const struct {
    const char *category;
    const char *frequency;
} charge_words[] = {
    [CHARGE_USAGE] = {"Usage", "Usage-Based"},
    [CHARGE_PURCHASE] = {"Purchase", "One-Time"},
    [CHARGE_ADJUSTMENT] = {"Adjustment", "Usage-Based"},
};

static const char exchange_name[] = "Bourse";
static const char hours_unit[] = "GPU-Hours";

uint32_t charge_table(struct job *j)
{
    return JOB_TABLE(j, "usage", "Usage (FinOps FOCUS 1.2)", charge_columns);
}

const char *charge_text(struct job *j, const char *format, ...)
{
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    size_t size = length < 0 ? 0 : strnlen(line, sizeof(line) - 1);
    char *kept = job_alloc(j, size + 1);
    if (kept != NULL) {
        memcpy(kept, line, size);
        kept[size] = '\0';
    }
    return kept;
}

const char *charge_price_text(struct job *j, const char *kind, uint64_t number, uint64_t price_ucr)
{
    char price[AMOUNT_TEXT_BYTES];
    return charge_text(j, "%s/%" PRIu64 "/%s", kind, number, amount_format(price_ucr, price));
}

bool charge_par_of(struct job *j, struct charge_par *out)
{
    const struct text currency = j->query->currency;
    bool named = currency.length == 3;
    for (uint32_t i = 0; named && i < 3; i++)
        named = currency.data[i] >= 'A' && currency.data[i] <= 'Z';
    bool dollar = currency.length == 0 || (named && memcmp(currency.data, "USD", 3) == 0);
    if ((!named && !dollar) || (!dollar && j->query->par_micros == 0)) {
        job_refuse(j, REFUSAL_terms_invalid);
        return false;
    }
    out->micros = j->query->par_micros != 0 ? j->query->par_micros : PPM_ONE;
    out->currency = dollar ? "USD" : charge_text(j, "%.3s", currency.data);
    return out->currency != NULL;
}

void charge_note(struct job *j, const struct charge_par *par)
{
    char value[AMOUNT_TEXT_BYTES];
    job_note(j,
             "Columns and values as FinOps FOCUS 1.2 has them. Costs and unit prices are in %s at "
             "the par value of a credit, %s %s; those of columns that begin with PricingCurrency, "
             "and in SkuPriceId, are in credits. The exchange settles in credits alone: the par "
             "value is what was asked for.",
             par->currency, amount_format(par->micros, value), par->currency);
}

uint64_t charge_billed(const struct charge_par *par, uint64_t amount_ucr)
{
    return cell_of(((wide)amount_ucr * par->micros + PPM_ONE / 2) / PPM_ONE);
}

static void word_show(struct job *j, const char *word)
{
    job_word(j, word != NULL ? word : "");
}

/* From BilledCost to ChargePeriodStart. */
static void charge_show_time(struct job *j, const struct charge_par *par, const struct charge *c)
{
    uint32_t month = month_of(c->start_s);
    job_number(j, c->billed);
    word_show(j, c->account_id);
    word_show(j, c->account_name);
    word_show(j, par->currency);
    job_number(j, month_start_s(month + 1));
    job_number(j, month_start_s(month));
    word_show(j, c->reservation);
    word_show(j, c->category != CHARGE_USAGE ? NULL : c->used ? "Used" : "Unused");
    word_show(j, charge_words[c->category].category);
    word_show(j, NULL);
    word_show(j, c->description);
    word_show(j, charge_words[c->category].frequency);
    job_number(j, c->end_s);
    job_number(j, c->start_s);
}

/* From ConsumedQuantity to PricingUnit. */
static void charge_show_cost(struct job *j, const struct charge_par *par, const struct charge *c)
{
    bool consumed = c->category == CHARGE_USAGE;
    bool priced = c->category != CHARGE_ADJUSTMENT;
    uint64_t price = priced ? charge_billed(par, c->price_ucr) : REPORT_NONE;
    uint64_t price_ucr = priced ? c->price_ucr : REPORT_NONE;
    job_number(j, !consumed ? REPORT_NONE : c->used ? c->gpu_minutes : 0);
    word_show(j, consumed ? hours_unit : NULL);
    job_number(j, c->listed);
    job_number(j, price);
    job_number(j, c->billed);
    word_show(j, exchange_name);
    job_number(j, c->listed);
    job_number(j, price);
    word_show(j, "credits");
    job_number(j, price_ucr);
    job_number(j, c->cost_ucr);
    job_number(j, price_ucr);
    job_number(j, priced ? c->gpu_minutes : REPORT_NONE);
    word_show(j, priced ? hours_unit : NULL);
}

/* From ProviderName to SkuPriceId. */
static void charge_show_place(struct job *j, const struct charge *c)
{
    word_show(j, exchange_name);
    word_show(j, c->publisher);
    word_show(j, c->region);
    word_show(j, c->region);
    word_show(j, c->resource);
    word_show(j, c->resource != NULL ? "Lease of GPUs" : NULL);
    word_show(j, "Compute");
    word_show(j, "GPU capacity");
    word_show(j, c->sku);
    word_show(j, c->sku_price);
}

bool charge_show(struct job *j, uint32_t table, const struct charge_par *par,
                 const struct charge *c)
{
    if (!job_row(j, table))
        return false;
    charge_show_time(j, par, c);
    charge_show_cost(j, par, c);
    charge_show_place(j, c);
    return true;
}
