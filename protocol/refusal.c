#include "protocol/refusal.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *name;
    const char *text;
    bool transient;
} refusals[REFUSAL_COUNT] = {
#define REFUSAL_ROW(name, number, transient, text) [number] = {#name, text, transient},
    REFUSAL_LIST(REFUSAL_ROW)
#undef REFUSAL_ROW
};

bool refusal_is_known(unsigned refusal)
{
    return refusal < REFUSAL_COUNT && refusals[refusal].name != NULL;
}

const char *refusal_name(unsigned refusal)
{
    return refusal_is_known(refusal) ? refusals[refusal].name : "unknown";
}

const char *refusal_text(unsigned refusal)
{
    return refusal_is_known(refusal) ? refusals[refusal].text
                                     : "refused for a reason this client does not know";
}

bool refusal_is_transient(unsigned refusal)
{
    return refusal < REFUSAL_COUNT && refusals[refusal].transient;
}

int refusal_from_name(const char *name)
{
    for (size_t i = 0; i < REFUSAL_COUNT; i++) {
        if (refusals[i].name != NULL && strcmp(refusals[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}
