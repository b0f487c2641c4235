/* Files of operations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "client/operations_json.h"
#include "protocol/status.h"

static int read_text(const char *text, struct arena *arena, struct request *r,
                     struct decode_error *error)
{
    return operations_from_json(text, strlen(text), arena, r, error);
}

static void test_both_forms(void **state)
{
    struct arena arena = ARENA_EMPTY;
    struct request r;
    struct decode_error error;
    (void)state;
    assert_int_equal(
        read_text("[{\"operation\": \"token_burn\", \"inputs\": [4, 5]}]", &arena, &r, &error),
        STATUS_OK);
    assert_int_equal(r.operations.count, 1);
    assert_false(r.atomic);
    assert_ptr_equal(r.operations.items[0].message, &op_token_burn_message);
    const struct op_token_burn *burn = r.operations.items[0].body;
    assert_int_equal(burn->inputs.count, 2);
    assert_int_equal(burn->inputs.items[1], 5);
    assert_int_equal(read_text("{\"atomic\": true, \"operations\": [{\"operation\": \"payout\", "
                               "\"series\": 1, \"amount_ucr\": \"12.5\", \"reference\": \"r\"}]}",
                               &arena, &r, &error),
                     STATUS_OK);
    assert_true(r.atomic);
    const struct op_payout *payout = r.operations.items[0].body;
    assert_int_equal(payout->amount_ucr, 12500000);
    arena_release(&arena);
}

static void test_errors_say_what(void **state)
{
    static const struct {
        const char *text;
        const char *words;
    } rows[] = {
        {"", "line 1"},
        {"[\n{,}]", "line 2"},
        {"7", "line 1"},
        {"{\"operations\": 5}", "neither an array"},
        {"[{\"operation\": \"steal\"}]", "no operation \"steal\""},
        {"[{\"inputs\": [4]}]", "operation"},
        {"[{\"operation\": \"token_burn\", \"input\": [4]}]", "no field \"input\""},
        {"{\"operations\": [], \"key\": \"00\"}", "set when it is sent"},
        {"{\"operations\": [], \"atomc\": true}", "atomc"},
        {"[{\"operation\": \"token_burn\", \"inputs\": [4], \"inputs\": [5]}]", "duplicate"},
    };
    struct arena arena = ARENA_EMPTY;
    struct request r;
    struct decode_error error;
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(read_text(rows[i].text, &arena, &r, &error), STATUS_MALFORMED);
        if (strstr(error.text, rows[i].words) == NULL)
            fail_msg("'%s' is not in: %s", rows[i].words, error.text);
    }
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_forms),
        cmocka_unit_test(test_errors_say_what),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
