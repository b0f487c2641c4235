/* The examples of docs/protocol.md are what the code makes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <sodium.h>

#include "protocol/frames.h"
#include "protocol/keys.h"
#include "protocol/operations.h"
#include "protocol/pin.h"
#include "tests/protocol/document.h"

static void expect_hex(const char *document, const void *bytes, size_t length)
{
    char *hex = malloc(length * 2 + 1);
    assert_non_null(hex);
    sodium_bin2hex(hex, length * 2 + 1, bytes, length);
    if (strstr(document, hex) == NULL)
        fail_msg("docs/protocol.md does not show %s", hex);
    free(hex);
}

static void keys_of_the_example(struct keys *k, uint8_t exchange_id[32])
{
    uint8_t seed[KEYS_SEED_BYTES];
    for (size_t i = 0; i < sizeof(seed); i++)
        seed[i] = (uint8_t)i;
    keys_from_seed(k, seed);
    memset(exchange_id, 0x11, 32);
}

/* A request with one transfer of two inputs, the second of them an output of this request. */
static void test_the_example_of_a_request(void **state)
{
    struct keys k;
    uint8_t exchange_id[32], signature[64];
    keys_of_the_example(&k, exchange_id);
    expect_hex(*state, k.sign_public, 32);
    expect_hex(*state, k.channel_public, 32);

    uint64_t inputs[] = {7, token_reference(0, 1)};
    struct payment outputs[] = {{.account = 3, .amount_ucr = 12500000}};
    struct op_token_transfer transfer = {.inputs = {inputs, 2}, .outputs = {outputs, 1}};
    struct operation operation = {&op_token_transfer_message, &transfer};
    struct request request = {
        .account = 2, .valid_until_s = 1800000000, .atomic = true, .operations = {&operation, 1}};
    memcpy(request.key, k.sign_public, 32);
    memset(request.id, 0x22, 16);
    struct buffer body = BUFFER_EMPTY;
    message_encode(&request_message, &request, &body);
    expect_hex(*state, body.data, body.length);
    keys_sign(&k, PURPOSE_REQUEST, exchange_id, body.data, body.length, signature);
    expect_hex(*state, signature, sizeof(signature));

    struct frame_request frame = {.seq = 1, .body = {body.data, (uint32_t)body.length}};
    memcpy(frame.signature, signature, sizeof(signature));
    struct buffer bytes = BUFFER_EMPTY;
    message_encode_coded(&frame_request_message, &frame, &bytes);
    /* The frame is shown up to where the body begins. */
    expect_hex(*state, bytes.data, bytes.length - sizeof(signature) - 2 - body.length);
    buffer_release(&bytes);
    buffer_release(&body);
    keys_wipe(&k);
}

static void test_the_example_of_texts(void **state)
{
    struct keys k;
    struct keys_public p;
    struct pin pin = {.origin = "example.org/bourse"};
    char text[KEYS_TEXT_BYTES + 1], line[PIN_TEXT_SIZE];
    keys_of_the_example(&k, pin.exchange_id);
    keys_get_public(&k, &p);
    keys_print(&p, text);
    assert_non_null(strstr(*state, text));
    memcpy(pin.root, k.sign_public, 32);
    memcpy(pin.channel, k.channel_public, 32);
    assert_int_equal(pin_print(&pin, line), 0);
    assert_non_null(strstr(*state, line));
    keys_wipe(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_example_of_a_request),
        cmocka_unit_test(test_the_example_of_texts),
    };
    return cmocka_run_group_tests(tests, document_load, document_free);
}
