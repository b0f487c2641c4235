/*
 * A trace of GPU nodes and tasks, read from two CSV files: columns are found by the name in the
 * first line, others than those named here are passed over.
 *
 *   nodes: gpu (0: not a GPU node, passed over), model
 *   tasks: num_gpu (0: passed over), gpu_spec (models, `|` between them, empty: any), qos,
 *          creation_time, deletion_time (seconds from the trace's beginning)
 *
 * Strict: no quotes, each line with as many columns as the first, numbers in decimal digits alone.
 * A line that does not hold to this is an error that names file and line.
 */
#ifndef BOURSE_CLI_IMPORT_TRACE_H
#define BOURSE_CLI_IMPORT_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/buffer.h"
#include "protocol/limits.h"

enum {
    /* "Any model" must fit one order. */
    TRACE_MODELS_MAX = ORDER_SKUS_MAX,
    TRACE_MODEL_BYTES = 32,
    TRACE_NODE_GPUS_MAX = 1000,
    TRACE_TASK_GPUS_MAX = 10000,
};

struct trace_node {
    uint32_t line;
    uint32_t gpus;
    uint32_t model; /* place in `models` */
};

struct trace_task {
    uint32_t line;
    uint32_t gpus;
    uint32_t models;  /* bit i: models[i] will do; never 0 */
    uint32_t profile; /* enum profile: LS is inference, everything else training */
    uint64_t created_s;
    uint64_t deleted_s; /* at least created_s */
};

struct trace {
    char models[TRACE_MODELS_MAX][TRACE_MODEL_BYTES]; /* in the order of their first node */
    uint32_t models_count;
    struct trace_node *nodes; /* owned; GPU nodes in the order of the file */
    size_t nodes_count;
    struct trace_task *tasks; /* owned; GPU tasks in the order of the file */
    size_t tasks_count;
};

/*
 * Reads both files. A model that only tasks name is a model too, of which there is nothing. Errors,
 * with lines for people in `error` (the first TRACE_ERRORS_MAX bad lines of each file):
 * STATUS_NOT_FOUND, STATUS_PERMISSION, STATUS_IO (a file that cannot be read), STATUS_MALFORMED
 * (bad lines, no GPU node or task at all), STATUS_MEMORY. `out` is then empty.
 */
int trace_read(const char *nodes_path, const char *tasks_path, struct trace *out,
               struct buffer *error);
void trace_release(struct trace *t);

enum { TRACE_ERRORS_MAX = 10 };

#endif
