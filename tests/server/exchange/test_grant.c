/*
 * Grants over years: how long it takes to pay them back, month by month, and random stories of
 * declarations, amendments, payments and tranches against a plain model (plain_grant.h). In the end
 * of each story everything is checked, replayed, taken over and rebuilt.
 */
#include "protocol/moment.h"
#include "tests/server/exchange/support.h"

#include "protocol/month.h"
#include "server/exchange/exchange.h"
#include "tests/server/exchange/plain_grant.h"
#include "tests/server/exchange/scenario.h"
#include "tests/server/exchange/world.h"

/* --- How long it takes --- */

/* The grant of `advance` credits at cap 1.5 and 5 % of 100 000 credits a month, as a scenario: each
 * month is declared and paid; it is over with month `last` and not before. */
static void pays_back(const char *advance, uint32_t last)
{
    struct buffer text = BUFFER_EMPTY;
    uint32_t first = month_of(WORLD_BEGIN_S);
    buffer_printf(&text,
                  "scenario %s credits are paid back with month %u clock=manual\n"
                  "accounts fund:guarantor young:startup\n"
                  "admin: series_create name=s funder=$fund expired_to=$fund => ok object=s\n"
                  "admin: mint series=$s outputs=[{account=$fund amount_ucr=%scr}] => ok tokens=f\n"
                  "fund: grant_propose funder=$fund startup=$young series=$s share_bp=500 "
                  "cap_bp=15000 start_s=+0s term_months=%u declare_days=30 "
                  "tranches=[{kind=date amount_ucr=%scr from_s=+0s}] => ok object=g\n"
                  "young: contract_accept contract=$g version=1 => ok object=_\n"
                  "fund: contract_fund contract=$g tokens=[$f] => ok object=_\n",
                  advance, last, advance, last + 12, advance);
    for (uint32_t month = 0; month < last; month++) {
        uint64_t next_s = month_start_s(first + month + 1);
        uint64_t now_s = month > 0 ? month_start_s(first + month) : WORLD_BEGIN_S;
        buffer_printf(&text,
                      "tick %llus\n"
                      "young: revenue_declare month_s=@%llu streams=[{name=sales "
                      "amount_ucr=100000cr}] => ok object=_\n"
                      "young ? grants contract=$g => state=in_force due_ucr=5000cr\n"
                      "fund: royalty_record contract=$g amount_ucr=5000cr reference=x => ok "
                      "object=_\n",
                      (unsigned long long)(next_s - now_s),
                      (unsigned long long)month_start_s(first + month));
    }
    buffer_printf(&text, "expect events royalty_recorded contract_ended request\n"
                         "young ? grants contract=$g => state=completed due_ucr=0\n");
    buffer_append(&text, "", 1);
    assert_int_equal(text.status, 0);
    assert_int_equal(scenario_run_text("pays_back", (const char *)text.data), 0);
    buffer_release(&text);
}

static void paid_back_in_month_75(void **state)
{
    (void)state;
    pays_back("250000", 75);
}

static void twice_as_much_in_month_150(void **state)
{
    (void)state;
    pays_back("500000", 150);
}

/* --- Limits --- */

static uint64_t limit_of(const struct message *m, const char *name)
{
    for (uint32_t i = 0; i < m->fields_count; i++) {
        if (strcmp(m->fields[i].name, name) == 0)
            return m->fields[i].max;
    }
    return 0;
}

/* As many tranches, carve-outs, months and days as there may be, and the largest cap; what is
 * beyond is not decoded. */
static void at_the_limits(void **state)
{
    (void)state;
    struct buffer text = BUFFER_EMPTY;
    const struct message *m = &op_grant_propose_message;
    assert_int_equal(limit_of(m, "term_months"), GRANT_MONTHS_MAX);
    assert_int_equal(limit_of(m, "tail_months"), GRANT_MONTHS_MAX);
    assert_int_equal(limit_of(m, "declare_days"), GRANT_DECLARE_MAX_DAYS);
    assert_int_equal(limit_of(m, "cap_bp"), GRANT_CAP_MAX_BP);
    assert_int_equal(limit_of(m, "tranches"), TRANCHES_MAX);
    assert_int_equal(limit_of(m, "carve_outs"), STREAMS_MAX);
    assert_int_equal(limit_of(&op_revenue_declare_message, "streams"), STREAMS_MAX);
    buffer_printf(&text,
                  "scenario as large as a grant can be\n"
                  "accounts fund:guarantor young:startup\n"
                  "admin: series_create name=s funder=$fund expired_to=$fund => ok object=s\n"
                  "admin: mint series=$s outputs=[{account=$fund amount_ucr=%u}] => ok tokens=f\n"
                  "fund: grant_propose funder=$fund startup=$young series=$s share_bp=10000 "
                  "cap_bp=%u start_s=-10980d term_months=%u tail_months=%u declare_days=%u "
                  "carve_outs=[",
                  TRANCHES_MAX, GRANT_CAP_MAX_BP, GRANT_MONTHS_MAX, GRANT_MONTHS_MAX,
                  GRANT_DECLARE_MAX_DAYS);
    for (int i = 0; i < STREAMS_MAX; i++)
        buffer_printf(&text, " {name=carved%d}", i);
    buffer_printf(&text, "] tranches=[");
    for (int i = 0; i < TRANCHES_MAX; i++)
        buffer_printf(&text, " {kind=admin amount_ucr=1}");
    buffer_printf(&text, "] => ok object=g\n"
                         "young: contract_accept contract=$g version=1 => ok object=_\n"
                         "fund: contract_fund contract=$g tokens=[$f] => ok object=_\n");
    /* Every month since, the last of the streams alone counting. */
    uint32_t first = month_of(WORLD_BEGIN_S - UINT64_C(10980) * 86400);
    for (uint32_t month = first; month < month_of(WORLD_BEGIN_S); month++) {
        buffer_printf(&text, "young: revenue_declare month_s=@%llu streams=[",
                      (unsigned long long)month_start_s(month));
        for (int i = 1; i < STREAMS_MAX; i++)
            buffer_printf(&text, " {name=carved%d amount_ucr=%llu}", i,
                          (unsigned long long)AMOUNT_MAX_UCR);
        buffer_printf(&text, " {name=sales amount_ucr=%llu}] => ok object=_\n",
                      (unsigned long long)AMOUNT_MAX_UCR);
    }
    for (int i = 0; i < TRANCHES_MAX; i++)
        buffer_printf(&text, "admin: grant_release contract=$g tranche=%d => ok object=_\n", i);
    buffer_printf(&text,
                  "admin: grant_release contract=$g tranche=%d => refused tranche_not_found\n"
                  "young ? grants => tranches_paid=65535 advanced_ucr=16 royalty_max_ucr=1600 "
                  "royalty_ucr=1600 due_ucr=1600\n",
                  TRANCHES_MAX);
    buffer_append(&text, "", 1);
    assert_int_equal(text.status, 0);
    assert_int_equal(scenario_run_text("at_the_limits", (const char *)text.data), 0);
    buffer_release(&text);
}

/* --- Random stories --- */

enum { STORIES = 30, STEPS_MAX = 900 };

static struct world w;
static struct plain_grant g;
static uint32_t fund, young, series;
static uint64_t contract;
static uint32_t version; /* last proposed */
static uint32_t seen[8]; /* how often each step has done something */

static void propose(uint32_t account, const char *who, const struct plain_version *v)
{
    struct required *carved = arena_alloc(&w.arena, sizeof(*carved));
    struct tranche *tranches = arena_alloc(&w.arena, PLAIN_TRANCHES * sizeof(*tranches));
    struct op_grant_propose *op = arena_alloc(&w.arena, sizeof(*op));
    carved->name = (struct text){"second", 6};
    for (uint32_t i = 0; i < PLAIN_TRANCHES; i++)
        tranches[i] = (struct tranche){
            .kind = g.tranches[i].by_admin ? TRANCHE_KIND_ADMIN : TRANCHE_KIND_DATE,
            .amount_ucr = g.tranches[i].amount_ucr,
            .from_s = g.tranches[i].from_s,
        };
    *op = (struct op_grant_propose){
        .contract = contract,
        .funder = fund,
        .startup = young,
        .series = series,
        .share_bp = v->share_bp,
        .cap_bp = v->cap_bp,
        .start_s = WORLD_BEGIN_S,
        .term_months = g.term_months,
        .tail_months = v->tail_months,
        .declare_days = g.declare_days,
        .tranches = {tranches, PLAIN_TRANCHES},
        .carve_outs = {carved, v->carved},
    };
    const struct result *r = world_do(&w, account, who, &op_grant_propose_message, op);
    assert_int_equal(r->refusal, REFUSAL_accepted);
    contract = r->object;
    version++;
}

static void accept(uint32_t account, const char *who)
{
    struct op_contract_accept op = {contract, version};
    const void *body = world_keep(&w, &op_contract_accept_message, &op);
    const struct result *r = world_do(&w, account, who, &op_contract_accept_message, body);
    assert_int_equal(r->refusal, REFUSAL_accepted);
}

static struct plain_version version_draw(uint64_t now_s)
{
    return (struct plain_version){
        .accepted_s = now_s,
        .share_bp = (uint32_t)random_below(1500),
        .cap_bp = (uint32_t)(5000 + random_below(15000)),
        .tail_months = (uint32_t)random_below(6),
        .carved = random_below(2),
    };
}

static void story_begin(void)
{
    uint32_t first = month_of(WORLD_BEGIN_S);
    struct world_options options = WORLD_OPTIONS;
    options.mode = CLOCK_MODE_MANUAL;
    world_begin(&w, options);
    g = (struct plain_grant){
        .now_s = WORLD_BEGIN_S,
        .term_months = (uint32_t)(3 + random_below(15)),
        .declare_days = (uint32_t)(1 + random_below(45)),
        .versions_count = 1,
    };
    contract = 0;
    version = 0;
    for (uint32_t month = 0; month <= PLAIN_MONTHS; month++)
        g.month_s[month] = month_start_s(first + month);
    for (uint32_t i = 0; i < PLAIN_TRANCHES; i++) {
        g.tranches[i].by_admin = random_below(2);
        g.tranches[i].amount_ucr = 1 + random_below(1000000);
        if (!g.tranches[i].by_admin)
            g.tranches[i].from_s = WORLD_BEGIN_S + random_below(g.term_months * 28u - 15) * DAY_S;
    }
    fund = world_register(&w, "fund", ROLE_GUARANTOR);
    young = world_register(&w, "young", ROLE_STARTUP);
    struct op_series_create create = {
        .name = {"s", 1}, .funder = fund, .expired_to = fund, .transferable = true};
    const struct result *r = world_do(&w, 1, "admin", &op_series_create_message,
                                      world_keep(&w, &op_series_create_message, &create));
    series = (uint32_t)r->object;
    g.versions[0] = version_draw(g.now_s);
    propose(fund, "fund", &g.versions[0]);
    accept(young, "young");
}

static bool refused(const struct result *r, enum refusal expected)
{
    assert_int_equal(r->refusal, expected);
    return r->refusal != REFUSAL_accepted;
}

static bool over(void)
{
    return g.completed || g.expired;
}

static void fund_step(void)
{
    uint64_t a = 1 + random_below(800000);
    uint64_t token = world_mint(&w, series, fund, a);
    struct op_contract_fund op = {.contract = contract, .tokens = {&token, 1}};
    const struct result *r = world_do(&w, fund, "fund", &op_contract_fund_message,
                                      world_keep(&w, &op_contract_fund_message, &op));
    if (refused(r, over() ? REFUSAL_contract_not_in_force : REFUSAL_accepted))
        return;
    g.fund_ucr += a;
    seen[0]++;
}

static void release_step(void)
{
    uint32_t i = (uint32_t)random_below(PLAIN_TRANCHES);
    struct plain_tranche *t = &g.tranches[i];
    struct op_grant_release op = {contract, i};
    enum refusal expected = REFUSAL_accepted;
    if (over() || g.now_s >= g.month_s[g.term_months])
        expected = REFUSAL_contract_not_in_force;
    else if (t->released || t->paid)
        expected = REFUSAL_tranche_paid;
    else if (!t->by_admin)
        expected = REFUSAL_tranche_not_found;
    const struct result *r = world_do(&w, 1, "admin", &op_grant_release_message,
                                      world_keep(&w, &op_grant_release_message, &op));
    if (refused(r, expected))
        return;
    t->released = true;
    seen[1]++;
}

/* Any month, those not over and beyond the tail, too; often the first that is missing. */
static void declare_step(void)
{
    uint32_t month = (uint32_t)random_below(PLAIN_MONTHS);
    if (random_below(2)) {
        for (month = 0; month + 1 < PLAIN_MONTHS && g.declared[month];)
            month++;
    }
    struct revenue streams[2] = {{{"first", 5}, random_below(3) ? random_below(9000000) : 0},
                                 {{"second", 6}, random_below(9000000)}};
    struct op_revenue_declare op = {.month_s = g.month_s[month],
                                    .streams = {streams, (uint32_t)random_below(3)}};
    const struct result *r = world_do(&w, young, "young", &op_revenue_declare_message,
                                      world_keep(&w, &op_revenue_declare_message, &op));
    bool is_over = g.month_s[month + 1] <= g.now_s;
    if (refused(r, is_over ? REFUSAL_accepted : REFUSAL_month_invalid))
        return;
    seen[g.declared[month] ? 3 : 2]++;
    g.declared[month] = true;
    g.streams_ucr[month][0] = op.streams.count > 0 ? streams[0].amount_ucr : 0;
    g.streams_ucr[month][1] = op.streams.count > 1 ? streams[1].amount_ucr : 0;
}

/* In credits or outside; now and then more than is due. */
static void pay_step(void)
{
    uint64_t due = plain_due(&g);
    uint64_t a = random_below(4) ? due : due + 1 - random_below(due + 1) / 2;
    if (a == 0)
        return;
    enum refusal expected = a > due ? REFUSAL_royalty_not_due : REFUSAL_accepted;
    /* What a correction makes due after the time is over is paid all the same. */
    if (g.completed || (g.expired && due == 0))
        expected = REFUSAL_contract_not_in_force;
    const struct result *r;
    if (random_below(2)) {
        uint64_t token = world_mint(&w, series, young, a + random_below(3));
        struct op_royalty_pay op = {contract, a, {&token, 1}};
        r = world_do(&w, young, "young", &op_royalty_pay_message,
                     world_keep(&w, &op_royalty_pay_message, &op));
    } else {
        struct op_royalty_record op = {contract, a, {"wire", 4}};
        r = world_do(&w, fund, "fund", &op_royalty_record_message,
                     world_keep(&w, &op_royalty_record_message, &op));
    }
    if (refused(r, expected))
        return;
    g.paid_ucr += a;
    seen[4]++;
}

static void amend_step(void)
{
    if (over() || g.versions_count == PLAIN_VERSIONS || random_below(4) > 0)
        return;
    struct plain_version v = version_draw(g.now_s);
    uint32_t tail = g.versions[g.versions_count - 1].tail_months;
    if (g.month_s[g.term_months + v.tail_months] <= g.now_s ||
        g.month_s[g.term_months + tail] <= g.now_s)
        return;
    bool by_startup = random_below(2);
    propose(by_startup ? young : fund, by_startup ? "young" : "fund", &v);
    accept(by_startup ? fund : young, by_startup ? "fund" : "young");
    g.versions[g.versions_count++] = v;
    seen[5]++;
}

static void time_step(void)
{
    uint64_t days = 1 + random_below(40);
    for (uint64_t day = 0; day < days; day++) {
        world_advance(&w, DAY_S, true);
        g.now_s += DAY_S;
        plain_go_on(&g);
    }
}

/* Asked for in pages, the months of royalty come to what the grant says. */
static void months_compare(const struct grant_info *info)
{
    struct arena arena = ARENA_EMPTY;
    const struct message *message;
    const void *body;
    uint64_t royalty_ucr = 0, due_ucr = 0, settled_ucr = 0;
    uint32_t months = 0, late = PLAIN_MONTHS;
    struct q_royalties q = {.contract = contract, .limit = 1 + (uint32_t)random_below(9)};
    do {
        assert_int_equal(
            exchange_query(w.x, fund, &q_royalties_message, &q, &arena, &message, &body),
            REFUSAL_accepted);
        const struct a_royalties *a = body;
        for (uint32_t i = 0; i < a->rows.count; i++, months++) {
            const struct royalty_info *row = &a->rows.items[i];
            assert_int_equal(row->month_s, g.month_s[months]);
            assert_int_equal(row->due_ucr, row->royalty_ucr - row->settled_ucr);
            royalty_ucr += row->royalty_ucr;
            settled_ucr += row->settled_ucr;
            due_ucr += row->due_ucr;
            late = row->late && late == PLAIN_MONTHS ? months : late;
        }
        q.from = a->next;
    } while (q.from > 0);
    if (!g.completed)
        assert_int_equal(due_ucr, info->due_ucr);
    if (!over()) {
        uint64_t paid_ucr = info->paid_ucr + info->recorded_ucr;
        assert_int_equal(royalty_ucr, info->royalty_ucr);
        assert_int_equal(settled_ucr, paid_ucr < royalty_ucr ? paid_ucr : royalty_ucr);
        assert_int_equal(late < PLAIN_MONTHS ? g.month_s[late] : 0, info->late_month_s);
        assert_true(months == info->term_months + info->tail_months ||
                    g.month_s[months + 1] > g.now_s);
    }
    arena_release(&arena);
}

static void compare(void)
{
    struct arena arena = ARENA_EMPTY;
    const struct message *message;
    const void *body;
    struct q_grants q = {.contract = contract};
    assert_int_equal(exchange_query(w.x, young, &q_grants_message, &q, &arena, &message, &body),
                     REFUSAL_accepted);
    const struct grant_info *info = ((const struct a_grants *)body)->rows.items;
    uint32_t paid = 0;
    for (uint32_t i = 0; i < PLAIN_TRANCHES; i++)
        paid |= (uint32_t)g.tranches[i].paid << i;
    assert_int_equal(info->tranches_paid, paid);
    assert_int_equal(info->advanced_ucr, g.advanced_ucr);
    assert_int_equal(info->paid_ucr + info->recorded_ucr, g.paid_ucr);
    assert_int_equal(info->funded_ucr, g.fund_ucr);
    assert_int_equal(info->state, g.completed ? CONTRACT_STATE_COMPLETED
                                  : g.expired ? CONTRACT_STATE_EXPIRED
                                              : CONTRACT_STATE_IN_FORCE);
    if (!g.completed)
        assert_int_equal(info->due_ucr, plain_due(&g));
    if (!over()) {
        uint32_t late = plain_late(&g);
        assert_int_equal(info->royalty_ucr, plain_royalty(&g));
        assert_int_equal(info->late_month_s, late < PLAIN_MONTHS ? g.month_s[late] : 0);
    }
    months_compare(info);
    arena_release(&arena);
}

static void story_tell(void)
{
    static void (*const steps[])(void) = {fund_step, release_step, declare_step, declare_step,
                                          pay_step,  amend_step,   time_step,    declare_step};
    uint32_t after = 0;
    story_begin();
    plain_go_on(&g);
    compare();
    for (uint32_t i = 0; i < STEPS_MAX && after < 20; i++) {
        if (g.now_s > g.month_s[PLAIN_MONTHS - 2])
            break;
        steps[random_below(sizeof(steps) / sizeof(steps[0]))]();
        plain_go_on(&g);
        compare();
        after += over();
    }
    seen[6] += g.completed;
    seen[7] += g.expired;
    assert_int_equal(world_verify(&w), 0);
    world_end(&w);
}

static void stories(void **state)
{
    (void)state;
    random_start();
    for (int i = 0; i < STORIES; i++)
        story_tell();
    printf("funded %u, released %u, declared %u and %u again, paid %u, amended %u; %u completed, "
           "%u expired\n",
           seen[0], seen[1], seen[2], seen[3], seen[4], seen[5], seen[6], seen[7]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paid_back_in_month_75),
        cmocka_unit_test(twice_as_much_in_month_150),
        cmocka_unit_test(at_the_limits),
        cmocka_unit_test(stories),
    };
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
