/* Copies the groups of a journal into a new one, checking them on the way. */
#ifndef BOURSE_COMMAND_JOURNAL_COPY_H
#define BOURSE_COMMAND_JOURNAL_COPY_H

#include "server/engine/replay.h"
#include "server/engine/stage.h"

/*
 * Copies every whole record of `from`'s journal into the stage's `journal`. `mode` is BESIDE when a
 * server may run on `from`. With a `replay` (at the state before group 1), each group is worked off
 * as well. *last_out is the last group copied. What was copied is durable in the source, too.
 */
int journal_copy(const struct data_folder *from, enum reader_mode mode, const struct stage *stage,
                 struct replay *replay, uint64_t *last_out, struct buffer *error);

#endif
