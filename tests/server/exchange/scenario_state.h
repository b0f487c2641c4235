/* What the files of the harness share; see scenario.h. */
#ifndef BOURSE_TESTS_EXCHANGE_SCENARIO_STATE_H
#define BOURSE_TESTS_EXCHANGE_SCENARIO_STATE_H

#include "tests/server/exchange/scenario_value.h"
#include "tests/server/exchange/world.h"

enum { LINE_ROOM = 16384, BATCH_ROOM = 9000, KEY_NAMES_MAX = 256, KEPT_MAX = 16 };

struct key_name {
    char who[NAME_ROOM]; /* an account, or "gift 3" */
    char key[NAME_ROOM];
};

/* What `next` has said of the next request. */
struct next_request {
    uint64_t valid_s;
    bool valid_given;
    char key[NAME_ROOM];
    char as[NAME_ROOM];
    char id[NAME_ROOM];
};

struct step {
    struct operation operation;
    char outcome[512];
    char key_name[NAME_ROOM]; /* the key the operation names first: a new one, or a claim key */
    uint32_t line;
};

struct kept_request {
    char word[NAME_ROOM];
    const struct request *request;
    const struct frame_reply *reply;
};

struct scenario {
    const char *file;
    uint32_t line;
    char title[128];
    unsigned failures; /* of this scenario */
    bool broken;       /* the rest of it is passed over */
    bool running;
    struct world world;
    struct value_scope scope;
    struct key_name key_names[KEY_NAMES_MAX];
    uint32_t key_names_count;
    struct next_request next;
    const struct request *last_request;
    const struct frame_reply *last_reply;
    struct kept_request kept[KEPT_MAX];
    uint32_t kept_count;
    uint64_t log_before; /* size of the log before the last line that did something */

    struct step *steps; /* of the batch being read */
    uint32_t steps_count;
    bool in_batch;
    bool atomic;
    char batch_who[NAME_ROOM];
};

/* Reports what is wrong with the present line; the rest of the scenario is passed over. */
void scenario_fail(struct scenario *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Without the spaces around it, in place. */
char *text_trimmed(char *text);
/* Cuts the first word off. */
char *word_cut(char **rest);
/* Cuts what follows `=>` off; an empty text when there is none. */
char *outcome_cut(char *line);
/* Whose keys an account signs with now; of "gift 3", what its claim key is called. */
const char *key_name_of(const struct scenario *s, const char *who);
void key_name_set(struct scenario *s, const char *who, const char *key);
/* To be called before values are read. */
void scope_refresh(struct scenario *s);
/* Memory that lives as long as the scenario. */
void *scenario_room(struct scenario *s, size_t size);

/* Lines, each in words of scenario.h. */
void operation_line(struct scenario *s, const char *who, char *rest);
void batch_line(struct scenario *s, char *line);
void next_line(struct scenario *s, char *rest);
void keep_line(struct scenario *s, const char *what, const char *word);
void retry_line(struct scenario *s, char *rest);
void retry_changed_line(struct scenario *s, char *rest);
void query_line(struct scenario *s, const char *who, char *rest);
void report_line(struct scenario *s, const char *who, char *rest);
void books_check(struct scenario *s);
void expect_line(struct scenario *s, char *rest);

#endif
