/*
 * Where contracts stand, in words: how many of each kind there are and what they hold, and what an
 * image says of one that the journal does not lead to.
 */
#ifndef BOURSE_COMMAND_POSITIONS_H
#define BOURSE_COMMAND_POSITIONS_H

#include <jansson.h>

#include "protocol/buffer.h"
#include "server/store/image.h"

/*
 * Appends what differs, as a sentence: "backstop 1: 393 credits left of its pool in the image, 392
 * by the journal". Nothing is appended when the row is not one of a contract, its fund, its claims
 * or of declarations of revenue.
 */
void position_difference(const struct image_difference *d, struct buffer *line);

/* What contracts there are, by kind those that were accepted once: appended as a sentence to
 * `text`. The same as JSON. */
json_t *positions_count(const struct store *s, struct buffer *text);

#endif
