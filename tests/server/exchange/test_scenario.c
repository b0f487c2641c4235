/* The harness itself: what it must report, it reports. */
#include "tests/server/exchange/support.h"

#include "tests/server/exchange/scenario.h"

static const char story[] =
    "scenario story\n"
    "accounts alice:startup bob:startup\n"
    "admin: series_create name=s funder=$admin expired_to=$admin transferable=true => ok object=s\n"
    "admin: mint series=$s outputs=[{account=$alice amount_ucr=10}] => ok tokens=t\n";

/* How many scenarios of the story and these lines fail. */
static int failures(const char *lines)
{
    char text[4096];
    snprintf(text, sizeof(text), "%s%s\n", story, lines);
    return scenario_run_text("planted", text);
}

static void a_true_story_passes(void **state)
{
    (void)state;
    assert_int_equal(failures(""), 0);
    assert_int_equal(failures("expect balance alice s tokens=10"), 0);
    assert_int_equal(failures("admin ? report kind=exposure => total[0].nominal_ucr=0"), 0);
    assert_int_equal(failures("scenario another\nexpect time +0s"), 0);
}

static void planted_faults_are_reported(void **state)
{
    (void)state;
    static const char *const faults[] = {
        "expect balance alice s tokens=11",
        "expect supply s minted=9",
        "expect tokens alice",
        "expect tokens bob t",
        "expect events minted",
        "expect time +1s",
        "expect nothing",
        "alice: token_burn inputs=[$t] => refused token_spent",
        "alice: token_burn inputs=[99] => ok object=_",
        "alice: token_burn inputs=[99] => refused token_spent",
        "alice: token_burn inputs=[99] => refused no_such_refusal",
        "alice: token_burn inputs=[99] => request_refused account_frozen",
        "alice: token_burn inputs=[$t]",
        "alice: token_burn inputs=[$nothing] => ok object=_",
        "alice: token_burn outputs=[1] => ok object=_",
        "alice: no_such_operation => ok object=_",
        "admin: mint series=$s outputs=[{account=$bob amount_ucr=1}] => ok tokens=a,b",
        "next key=bob\nalice: token_burn inputs=[$t] => ok object=_",
        "alice ? tokens => rows=2",
        "alice ? tokens => amount_ucr=9",
        "alice ? tokens account=$bob => rows=0",
        "bob ? tokens => amount_ucr=1",
        "alice ? tokens => refused not_visible",
        "carol ? tokens => rows=0",
        "alice ? no_such_query => rows=0",
        "batch alice\n  token_burn inputs=[$t] => ok object=_",
        "retry_changed => request_refused account_frozen",
        "admin ? report kind=exposure => total[0].nominal_ucr=1",
        "admin ? report kind=exposure => total[1].nominal_ucr=0",
        "admin ? report kind=exposure => total[0].nothing=0",
        "admin ? report kind=exposure => nothing[0].nominal_ucr=0",
        "admin ? report kind=exposure => rows(total)=2",
        "admin ? report kind=exposure => notes(no_such_words)=1",
        "admin ? report kind=exposure => refused terms_invalid",
        "admin ? report kind=collateral => ok",
        "alice ? report kind=exposure account=$bob => ok",
        "no_such_line",
    };
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        if (failures(faults[i]) != 1)
            fail_msg("not reported: %s", faults[i]);
    }
}

static void only_the_scenario_with_the_fault_fails(void **state)
{
    (void)state;
    assert_int_equal(failures("expect time +1s\nscenario two\nexpect time +0s"), 1);
    assert_int_equal(scenario_run_text("planted", "expect time +0s\n"), 1);
    assert_int_equal(scenario_run_file("/nowhere/at all"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_true_story_passes),
        cmocka_unit_test(planted_faults_are_reported),
        cmocka_unit_test(only_the_scenario_with_the_fault_fails),
    };
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
