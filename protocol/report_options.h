/*
 * The options of reports, as `bourse report` and `boursed report` share them: from a name and a
 * text to a field of the query.
 */
#ifndef BOURSE_PROTOCOL_REPORT_OPTIONS_H
#define BOURSE_PROTOCOL_REPORT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/arena.h"
#include "protocol/queries.h"
#include "protocol/report_files.h"

enum report_named { REPORT_NAMED_ACCOUNT, REPORT_NAMED_SITE, REPORT_NAMED_SKU };

/*
 * Set arena, name, now_s and context; the rest zero. Texts and rows of the query point into the
 * arena, or at the values that were given.
 */
struct report_options {
    struct q_report query;
    struct arena *arena;
    /* The number for a number or a name. False: it has said why, or has written it to `why`. */
    bool (*name)(void *context, enum report_named kind, const char *text, uint64_t *number_out,
                 char why[REPORT_ERROR_BYTES]);
    /* From when on relative times count; called for those, and for statements. */
    uint64_t (*now_s)(void *context);
    void *context;
    bool by_month; /* --month was given; --from or --until was */
    bool by_time;
    bool stressed; /* a shock was given, be it of nothing */
    bool offline;  /* made of the journal: a statement may be of any time, and names its account */
    bool unreadable; /* a file cannot be read, and nothing else is wrong with what was asked for */
    char why[REPORT_ERROR_BYTES]; /* what is wrong, as one sentence without a full stop; "" when
                                     name() has said it */
};

/* The names of all there are but the kind, then NULL. */
extern const char *const report_options_all[];

/* The kind by its word; false with o->why, which lists them. Comes before all others. */
bool report_option_kind(struct report_options *o, const char *word);
/*
 * Whether the option (of report_options_all) means something for reports of this kind. A false one
 * that is given anyway is an error of report_option_set().
 */
bool report_option_counts(enum report_kind kind, const char *name);
/* Sets what the option says, reading the file that it names ("-": standard input); false with
 * o->why. */
bool report_option_set(struct report_options *o, const char *name, const char *value);
/* Once all are set: whether something is missing or contradicts itself. False with o->why. */
bool report_options_check(struct report_options *o);
/* Whether what begins and ends does so with calendar months (UTC). */
bool report_months_whole(const struct q_report *q);

#endif
