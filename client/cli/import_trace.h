/*
 * A trace of GPU nodes and tasks, read from two CSV files: columns are found by the name in the
 * first line, others than those named here are passed over.
 *
 *   nodes: gpu (0: not a GPU node, passed over), model
 *   tasks: num_gpu (0: passed over), gpu_spec (models, `|` between them, empty: any), qos,
 *          creation_time, deletion_time (seconds from the trace's beginning)
 *
 * Strict: no quotes, each line with as many columns as the first, numbers in decimal digits alone.
 * A line that does not hold to this is named with file, line and column; it is an error, or passed
 * over where that is asked for. Files are read a line at a time; what is kept of them is bounded.
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
    TRACE_NODES_MAX = 100 * 1000,
    TRACE_TASKS_MAX = 2 * 1000 * 1000,
    TRACE_LINE_BYTES_MAX = 64 * 1024,
    TRACE_ERRORS_MAX = 20, /* bad lines of a file that are listed; the others are counted */
};

/* How patient a task is, as its column qos says. */
enum trace_qos {
    TRACE_QOS_STRICT, /* LS, Guaranteed and whatever else */
    TRACE_QOS_BURSTABLE,
    TRACE_QOS_BEST_EFFORT, /* BE */
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
    uint32_t qos;       /* enum trace_qos */
};

struct trace {
    char models[TRACE_MODELS_MAX][TRACE_MODEL_BYTES]; /* in the order of their first node */
    uint32_t models_count;
    struct trace_node *nodes; /* owned; GPU nodes in the order of the file */
    size_t nodes_count;
    struct trace_task *tasks; /* owned; GPU tasks in the order of the file */
    size_t tasks_count;
};

/* Lines that were passed over. */
struct trace_skipped {
    uint64_t nodes;
    uint64_t tasks;
};

/*
 * Reads both files. A model that only tasks name is a model too, of which there is nothing.
 * `skipped_out` NULL: a bad line is an error; else it is passed over, counted there, and nothing
 * is an error but a first line that does not name the columns. Either way the bad lines are told
 * in `said`, a line of text each: the first TRACE_ERRORS_MAX of a file, then how many there are.
 *
 * Errors, with words in `said`: STATUS_NOT_FOUND, STATUS_PERMISSION, STATUS_IO (a file that cannot
 * be read), STATUS_MALFORMED (bad lines, no GPU node or task at all), STATUS_LIMIT (more nodes or
 * tasks than TRACE_NODES_MAX, TRACE_TASKS_MAX), STATUS_MEMORY. `out` is then empty.
 */
int trace_read(const char *nodes_path, const char *tasks_path, struct trace *out,
               struct trace_skipped *skipped_out, struct buffer *said);
void trace_release(struct trace *t);

#endif
