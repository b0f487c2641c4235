#include "client/operations_json.h"

#include <stdio.h>
#include <string.h>

#include "client/json.h"
#include "protocol/status.h"

static int fail(struct decode_error *error, const char *text)
{
    snprintf(error->text, sizeof(error->text), "%s", text);
    return STATUS_MALFORMED;
}

int operations_from_json(const char *text, size_t length, struct arena *arena,
                         struct request *request_out, struct decode_error *error)
{
    json_error_t why;
    json_t *json = json_loadb(text != NULL ? text : "", length, JSON_REJECT_DUPLICATES, &why);
    if (json == NULL) {
        snprintf(error->text, sizeof(error->text), "line %d: %.120s", why.line, why.text);
        return STATUS_MALFORMED;
    }
    json_t *whole = NULL;
    int status = STATUS_OK;
    if (json_is_array(json))
        whole = json_pack("{s:O}", "operations", json);
    else if (json_is_object(json) && json_is_array(json_object_get(json, "operations")))
        whole = json_deep_copy(json);
    else
        status = fail(error, "neither an array of operations nor an object with \"operations\"");
    if (status == STATUS_OK && whole == NULL)
        status = STATUS_MEMORY;
    /* What only the sender of a request sets. */
    static const char *const ours[] = {"account", "key", "id", "valid_until_s"};
    for (size_t i = 0; status == STATUS_OK && i < sizeof(ours) / sizeof(ours[0]); i++) {
        if (json_object_get(whole, ours[i]) != NULL)
            status = fail(error, "account, key, id and valid_until_s are set when it is sent");
    }
    if (status == STATUS_OK)
        status = json_object_set_new(whole, "valid_until_s", json_integer(1)) != 0 ? STATUS_MEMORY
                                                                                   : STATUS_OK;
    if (status == STATUS_OK)
        status = message_from_json(&request_message, whole, arena, request_out, error);
    json_decref(whole);
    json_decref(json);
    return status;
}
