#include "tests/server/store/support.h"

#include "protocol/status.h"
#include "server/store/codec.h"
#include "tests/server/store/rows.h"

enum { KEY_SIZE = 24, VALUE_SIZE = 24 };

static const struct table_spec *const spec = &test_specs[NOTE];

static struct note_row random_note(void)
{
    struct note_row note = {.day = random_below(UINT64_MAX),
                            .account = (uint32_t)random_below(UINT32_MAX),
                            .pair = {1, (uint32_t)random_below(UINT32_MAX)},
                            .small = (uint16_t)random_below(65536),
                            .tiny = (uint8_t)random_below(256)};
    for (size_t i = 0; i < sizeof(note.id); i++)
        note.id[i] = (uint8_t)random_below(256);
    for (uint64_t i = random_below(sizeof(note.title)); i > 0; i--)
        note.title[i - 1] = (char)('a' + random_below(26));
    return note;
}

static void bytes_stand_in_the_stated_order(void **state)
{
    struct note_row note = {.day = 0x0102030405060708,
                            .account = 0x0a0b0c0d,
                            .id = "id",
                            .pair = {0x01020304, 5},
                            .small = 0x0607,
                            .title = "t"};
    static const uint8_t key[KEY_SIZE] = {1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 'i', 'd'};
    static const uint8_t value[VALUE_SIZE] = {4, 3, 2, 1, 5, 0, 0, 0, 7, 6, 0, 't'};
    uint8_t key_out[KEY_SIZE], value_out[VALUE_SIZE];
    (void)state;

    codec_check_spec(spec);
    codec_encode_key(spec, &note, key_out);
    codec_encode_value(spec, &note, value_out);
    assert_memory_equal(key_out, key, sizeof(key));
    assert_memory_equal(value_out, value, sizeof(value));
}

static void round_trip_truncation_and_mutation(void **state)
{
    uint8_t key[KEY_SIZE + 1], value[VALUE_SIZE + 1];
    (void)state;

    random_start();
    for (int round = 0; round < 2000; round++) {
        struct note_row note = random_note(), back;
        memset(&back, 0xee, sizeof(back));
        codec_encode_key(spec, &note, key);
        codec_encode_value(spec, &note, value);
        assert_int_equal(codec_decode(spec, key, KEY_SIZE, value, VALUE_SIZE, &back), 0);
        assert_memory_equal(&back, &note, sizeof(note));
        for (size_t n = 0; n <= KEY_SIZE + 1; n++)
            if (n != KEY_SIZE)
                assert_int_equal(codec_decode(spec, key, n, value, VALUE_SIZE, &back),
                                 STATUS_DAMAGED);
        for (size_t n = 0; n <= VALUE_SIZE + 1; n++)
            if (n != VALUE_SIZE)
                assert_int_equal(codec_decode(spec, key, KEY_SIZE, value, n, &back),
                                 STATUS_DAMAGED);

        /* What decodes after a change encodes to the same bytes again. */
        value[random_below(VALUE_SIZE)] = (uint8_t)random_below(256);
        if (codec_decode(spec, key, KEY_SIZE, value, VALUE_SIZE, &back) == 0) {
            uint8_t again[VALUE_SIZE];
            codec_encode_value(spec, &back, again);
            assert_memory_equal(again, value, VALUE_SIZE);
        }
    }
}

static void a_text_must_be_padded(void **state)
{
    struct note_row note = {.title = "abc"}, back;
    uint8_t key[KEY_SIZE], value[VALUE_SIZE];
    (void)state;

    codec_encode_key(spec, &note, key);
    codec_encode_value(spec, &note, value);
    value[VALUE_SIZE - 3] = 'x';
    assert_int_equal(codec_decode(spec, key, KEY_SIZE, value, VALUE_SIZE, &back), STATUS_DAMAGED);
    memset(value + VALUE_SIZE - 13, 'x', 13);
    assert_int_equal(codec_decode(spec, key, KEY_SIZE, value, VALUE_SIZE, &back), STATUS_DAMAGED);
}

static void prints_rows_for_people(void **state)
{
    struct note_row note = {.day = 3, .id = {0xab}, .pair = {1, 2}, .title = "a\"b"};
    struct note_row other = note;
    struct buffer text = BUFFER_EMPTY;
    (void)state;

    codec_print(spec, &note, 100, &text);
    buffer_append(&text, "", 1);
    assert_string_equal((char *)text.data, "day=3 account=0 id=ab0000000000000000000000 pair=1,2 "
                                           "small=0 tiny=0 title=\"a\\x22b\"");
    buffer_clear(&text);
    other.small = 9;
    other.tiny = 1;
    codec_print_difference(spec, &note, &other, &text);
    buffer_append(&text, "", 1);
    assert_string_equal((char *)text.data, "small=0 instead of 9, tiny=0 instead of 1");
    buffer_release(&text);
}

static void a_layout_is_told_from_another(void **state)
{
    struct column columns[7];
    struct table_spec other = *spec;
    uint8_t one[CODEC_LAYOUT_SIZE], two[CODEC_LAYOUT_SIZE];
    (void)state;

    memcpy(columns, spec->columns, sizeof(columns));
    other.columns = columns;
    codec_layout(spec, one);
    codec_layout(&other, two);
    assert_memory_equal(one, two, sizeof(one));
    columns[3].name = "couple";
    codec_layout(&other, two);
    assert_memory_not_equal(one, two, sizeof(one));
    columns[3] = spec->columns[3];
    columns[6].kind = COLUMN_BYTES;
    codec_layout(&other, two);
    assert_memory_not_equal(one, two, sizeof(one));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_stand_in_the_stated_order),
        cmocka_unit_test(round_trip_truncation_and_mutation),
        cmocka_unit_test(a_text_must_be_padded),
        cmocka_unit_test(prints_rows_for_people),
        cmocka_unit_test(a_layout_is_told_from_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
