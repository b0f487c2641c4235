/*
 * From a client's frame to a submission of the engine: decoding and, for requests, the signature.
 * Runs in the thread pool, since a signature costs more than everything else the network does.
 */
#ifndef BOURSE_NET_INTAKE_H
#define BOURSE_NET_INTAKE_H

#include "protocol/refusal.h"
#include "server/engine/engine.h"
#include "server/net/session.h"

/* What came of a frame. */
struct intake_outcome {
    enum refusal refusal; /* of a request as a whole, before it is journaled */
    char error[192];      /* what is malformed; empty: nothing */
};

/*
 * Fills in a submission from a frame of kind request, query or subscribe; takes `frame->memory`.
 * Any thread. Errors: STATUS_MALFORMED with outcome->error, STATUS_FORGED with outcome->refusal,
 * STATUS_MEMORY.
 */
int intake_prepare(struct submission *s, struct session_frame *frame, const uint8_t exchange_id[32],
                   struct intake_outcome *outcome);

#endif
