/*
 * Status codes of operations that can fail for a reason of the machine or of malformed input:
 * 0 is success, everything else is negative. What the exchange's rules refuse is a different kind
 * of outcome and stands in refusal.h.
 */
#ifndef BOURSE_PROTOCOL_STATUS_H
#define BOURSE_PROTOCOL_STATUS_H

/* X(name, number, text for people) */
#define STATUS_LIST(X)                                                                             \
    X(STATUS_OK, 0, "success")                                                                     \
    X(STATUS_MEMORY, -1, "out of memory")                                                          \
    X(STATUS_IO, -2, "input/output error")                                                         \
    X(STATUS_MALFORMED, -3, "malformed data")                                                      \
    X(STATUS_DAMAGED, -4, "stored data is damaged")                                                \
    X(STATUS_FORGED, -5, "a signature or authentication tag does not verify")                      \
    X(STATUS_LIMIT, -6, "a limit was reached")                                                     \
    X(STATUS_CLOSED, -7, "the connection was closed")                                              \
    X(STATUS_MORE, -8, "more input is needed")                                                     \
    X(STATUS_LOCKED, -9, "in use by another process")                                              \
    X(STATUS_NOT_FOUND, -10, "not found")                                                          \
    X(STATUS_EXISTS, -11, "already exists")                                                        \
    X(STATUS_VERSION, -12, "made by an unknown or newer version")                                  \
    X(STATUS_PERMISSION, -13, "permission denied")                                                 \
    X(STATUS_MISUSE, -14, "called in a state or with arguments that do not allow it")              \
    X(STATUS_FORKED, -15, "two histories of one log contradict each other")                        \
    X(STATUS_FULL, -16, "no space left on the device")                                             \
    X(STATUS_TIMEOUT, -17, "timed out")                                                            \
    X(STATUS_EXPIRED, -18, "outside its window of validity")                                       \
    X(STATUS_FILE_LIMIT, -19, "a file has reached the limit on file sizes (ulimit -f)")

enum status {
#define STATUS_ENUM(name, number, text) name = number,
    STATUS_LIST(STATUS_ENUM)
#undef STATUS_ENUM
};

/* The text of a status code; never NULL, static storage. */
const char *status_text(int status);
/* The status that an errno stands for; 0 for 0. */
int status_of_errno(int error_number);

#endif
