#include "tests/fuzz/fuzz_message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/events.h"
#include "protocol/frames.h"
#include "protocol/genesis.h"
#include "protocol/message.h"
#include "protocol/operations.h"
#include "protocol/queries.h"
#include "tests/protocol/generate.h"

static const struct message_set *const sets[] = {&operation_set, &frame_set, &event_set, &query_set,
                                                 &answer_set};
static const struct message *const plain[] = {&request_message, &genesis_message};

enum {
    SETS = sizeof(sets) / sizeof(sets[0]),
    PLAIN = sizeof(plain) / sizeof(plain[0]),
};

static void require(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "fuzz_message: %s\n", what);
        abort();
    }
}

static int decode(unsigned selector, const uint8_t *data, size_t length, struct arena *arena,
                  const struct message **m, const void **body)
{
    /* Nothing beyond the last byte may be read; an exact copy lets a sanitizer see that. */
    uint8_t *copy = arena_copy(arena, data, length);
    require(copy != NULL, "out of memory");
    struct decode_error error;
    int rc;
    if (selector < SETS) {
        rc = message_decode_coded(sets[selector], copy, length, arena, m, body, &error);
    } else {
        *m = plain[selector - SETS];
        void *out = arena_alloc(arena, (*m)->size);
        require(out != NULL, "out of memory");
        *body = out;
        rc = message_decode(*m, copy, length, arena, out, &error);
    }
    require(rc == 0 || (error.text[0] != '\0' && memchr(error.text, '\0', sizeof(error.text))),
            "an error without a text");
    return rc;
}

static void encode(unsigned selector, const struct message *m, const void *body, struct buffer *out)
{
    if (selector < SETS)
        message_encode_coded(m, body, out);
    else
        message_encode(m, body, out);
    require(out->status == 0, "out of memory");
}

int fuzz_message(const uint8_t *data, size_t length)
{
    if (length == 0)
        return 0;
    unsigned selector = data[0] % (SETS + PLAIN);
    struct arena arena = ARENA_EMPTY;
    struct buffer once = BUFFER_EMPTY;
    struct buffer twice = BUFFER_EMPTY;
    const struct message *m = NULL;
    const struct message *again_m = NULL;
    const void *body = NULL;
    const void *again = NULL;
    int decoded = decode(selector, data + 1, length - 1, &arena, &m, &body) == 0;
    if (decoded) {
        encode(selector, m, body, &once);
        require(once.length <= length - 1, "the shortest encoding is longer than another");
        require(decode(selector, once.data, once.length, &arena, &again_m, &again) == 0,
                "what was encoded does not decode");
        require(again_m == m && bodies_equal(m, body, again), "decodes to something else");
        encode(selector, m, again, &twice);
        require(twice.length == once.length && memcmp(twice.data, once.data, once.length) == 0,
                "encodes to something else");
    }
    buffer_release(&twice);
    buffer_release(&once);
    arena_release(&arena);
    return decoded;
}

uint8_t fuzz_message_selector(const void *set)
{
    for (uint8_t i = 0; i < SETS; i++) {
        if (sets[i] == set)
            return i;
    }
    return SETS;
}

#ifdef BOURSE_FUZZER
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    (void)fuzz_message(data, length);
    return 0;
}
#endif
