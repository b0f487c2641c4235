/* One way of writing to a descriptor, for all who write small files whole. Any thread. */
#ifndef BOURSE_PROTOCOL_WRITE_ALL_H
#define BOURSE_PROTOCOL_WRITE_ALL_H

#include <stdbool.h>
#include <stddef.h>

/* Writes all of it, over short writes and interruptions. False with errno when that fails; some of
 * it may have been written then. */
bool write_all(int fd, const void *data, size_t length);

#endif
