#include "protocol/pin.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "protocol/checked_text.h"
#include "protocol/status.h"

static const char pin_name[] = "bourse-exchange:";
static const char pin_head[] = "bourse-exchange:v1:";

enum { KEYS_BYTES = KEYS_EXCHANGE_ID_BYTES + 2 * KEYS_PUBLIC_BYTES };

static_assert(PIN_TEXT_SIZE ==
                  sizeof(pin_head) - 1 + ORIGIN_MAX_BYTES + 1 + CHECKED_TEXT_LENGTH(KEYS_BYTES) + 1,
              "room for the longest pin");

bool pin_origin_valid(const char *origin)
{
    size_t length = strnlen(origin, ORIGIN_MAX_BYTES + 1);
    if (length == 0 || length > ORIGIN_MAX_BYTES)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (origin[i] <= ' ' || origin[i] > '~' || origin[i] == '+')
            return false;
    }
    return true;
}

int pin_print(const struct pin *p, char text_out[PIN_TEXT_SIZE])
{
    if (!pin_origin_valid(p->origin))
        return STATUS_MALFORMED;
    char prefix[PIN_TEXT_SIZE];
    snprintf(prefix, sizeof(prefix), "%s%s:", pin_head, p->origin);
    uint8_t bytes[KEYS_BYTES];
    memcpy(bytes, p->exchange_id, 32);
    memcpy(bytes + 32, p->root, 32);
    memcpy(bytes + 64, p->channel, 32);
    checked_text_print(prefix, bytes, sizeof(bytes), text_out);
    return STATUS_OK;
}

int pin_parse(const char *text, struct pin *pin_out)
{
    size_t length = strnlen(text, PIN_TEXT_SIZE);
    if (strncmp(text, pin_name, sizeof(pin_name) - 1) != 0)
        return STATUS_MALFORMED;
    if (strncmp(text, pin_head, sizeof(pin_head) - 1) != 0)
        return STATUS_VERSION;
    if (length >= PIN_TEXT_SIZE)
        return STATUS_MALFORMED;
    /* An origin may hold colons (a port); base64url holds none, so the last one separates. */
    size_t origin_start = sizeof(pin_head) - 1;
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon < text + origin_start)
        return STATUS_MALFORMED;
    struct pin p = {.origin = ""};
    size_t origin_length = (size_t)(colon - text) - origin_start;
    if (origin_length > ORIGIN_MAX_BYTES)
        return STATUS_MALFORMED;
    memcpy(p.origin, text + origin_start, origin_length);
    if (!pin_origin_valid(p.origin))
        return STATUS_MALFORMED;

    char prefix[PIN_TEXT_SIZE];
    size_t prefix_length = (size_t)(colon - text) + 1;
    memcpy(prefix, text, prefix_length);
    prefix[prefix_length] = '\0';
    uint8_t bytes[KEYS_BYTES];
    int status = checked_text_parse(prefix, text, length, bytes, sizeof(bytes));
    if (status != STATUS_OK)
        return status;
    memcpy(p.exchange_id, bytes, 32);
    memcpy(p.root, bytes + 32, 32);
    memcpy(p.channel, bytes + 64, 32);
    *pin_out = p;
    return STATUS_OK;
}
