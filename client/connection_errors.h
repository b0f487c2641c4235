/* Words for what goes wrong between a client and an exchange. Used by the files of connection. */
#ifndef BOURSE_CLIENT_CONNECTION_ERRORS_H
#define BOURSE_CLIENT_CONNECTION_ERRORS_H

#include "client/connection.h"

/* Fills in the error and returns `status`. */
int connection_fail(struct connection_error *error, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Why no connection came about; `detail` is what the stream said. */
int connection_explain_open(int status, const char *address, const char *detail,
                            struct connection_error *error);
/* Why one ended. */
int connection_explain_broken(int status, const char *address, struct connection_error *error);
/* What the server said of a frame of ours; the status that stands for it. */
int connection_explain_wire(const struct frame_error *frame, struct connection_error *error);

#endif
