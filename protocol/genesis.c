#include "protocol/genesis.h"

#include "protocol/sha256.h"

/* The terminating NUL is the zero byte between purpose and record. */
static const char genesis_purpose[] = "bourse/genesis/v1";

void genesis_id(const uint8_t *encoded, size_t length, uint8_t id_out[32])
{
    sha256_parts(genesis_purpose, sizeof(genesis_purpose), encoded, length, NULL, 0, id_out);
}
