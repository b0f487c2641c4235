#include "protocol/genesis.h"

#include <string.h>

#include "protocol/endian.h"
#include "protocol/sha256.h"

/* The terminating NUL is the zero byte between purpose and record. */
static const char genesis_purpose[] = "bourse/genesis/v1";

uint32_t genesis_rules_version(const uint8_t *encoded, size_t length)
{
    /* A msgpack array (fixarray, array 16), and as its first item an unsigned number of at most 32
     * bits. */
    size_t at = length > 0 && encoded[0] == 0xdc ? 3 : 1;
    if (length == 0 || ((encoded[0] & 0xf0) != 0x90 && at == 1) || length < at + 5)
        return 0;
    const uint8_t *number = encoded + at;
    switch (number[0]) {
    case 0xcc:
        return number[1];
    case 0xcd:
        return get_u16_be(number + 1);
    case 0xce:
        return get_u32_be(number + 1);
    default:
        return number[0] < 0x80 ? number[0] : 0;
    }
}

static bool names_equal(struct text a, struct text b)
{
    return a.length == b.length && memcmp(a.data, b.data, a.length) == 0;
}

static bool admins_differ(const struct genesis_admin *a, const struct genesis_admin *b,
                          struct buffer *error)
{
    if (names_equal(a->name, b->name))
        buffer_printf(error, "two admins have the name '%.*s'", (int)a->name.length, a->name.data);
    else if (memcmp(a->sign_key, b->sign_key, sizeof(a->sign_key)) == 0 ||
             memcmp(a->channel_key, b->channel_key, sizeof(a->channel_key)) == 0)
        buffer_printf(error, "the admins '%.*s' and '%.*s' have the same key", (int)a->name.length,
                      a->name.data, (int)b->name.length, b->name.data);
    else
        return true;
    return false;
}

bool genesis_admins_valid(const struct genesis *g, struct buffer *error)
{
    if (g->admins.count == 0 || g->admins.count < g->approvals) {
        buffer_printf(error, "%u admins are to approve, but there are %u", (unsigned)g->approvals,
                      (unsigned)g->admins.count);
        return false;
    }
    for (uint32_t i = 1; i < g->admins.count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (!admins_differ(&g->admins.items[j], &g->admins.items[i], error))
                return false;
        }
    }
    return true;
}

void genesis_id(const uint8_t *encoded, size_t length, uint8_t id_out[32])
{
    sha256_parts(genesis_purpose, sizeof(genesis_purpose), encoded, length, NULL, 0, id_out);
}
