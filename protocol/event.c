#include <stdio.h>

#include "protocol/events.h"
#include "protocol/status.h"

bool event_names(const struct message *m, const void *body, uint32_t account)
{
    if (event_is_public(m->code))
        return true;
    /* Account 0 is a stranger, while `by` 0 says that the exchange did it itself. */
    return account != 0 && message_names_account(m, body, account);
}

int event_decode(const uint8_t *data, size_t length, struct arena *arena,
                 const struct message **message_out, const void **body_out,
                 struct decode_error *error)
{
    if (length <= EVENT_NONCE_BYTES || length > EVENT_BYTES_MAX) {
        snprintf(error->text, sizeof(error->text), "event: %zu bytes where %d to %d belong", length,
                 EVENT_NONCE_BYTES + 1, EVENT_BYTES_MAX);
        return STATUS_MALFORMED;
    }
    return message_decode_coded(&event_set, data + EVENT_NONCE_BYTES, length - EVENT_NONCE_BYTES,
                                arena, message_out, body_out, error);
}
