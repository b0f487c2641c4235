/* Operations as people's scripts write them: a JSON array, or an object that says more. */
#ifndef BOURSE_CLIENT_OPERATIONS_JSON_H
#define BOURSE_CLIENT_OPERATIONS_JSON_H

#include "protocol/arena.h"
#include "protocol/operations.h"

/*
 * Reads `[{"operation": "mint", ...}, ...]` or `{"atomic": true, "operations": [...]}` (json.h says
 * how fields are written) into the operations and the flag `atomic` of a request, which point into
 * the arena; its other fields are not set. Errors: STATUS_MALFORMED with `error`, STATUS_MEMORY.
 */
int operations_from_json(const char *text, size_t length, struct arena *arena,
                         struct request *request_out, struct decode_error *error);

#endif
