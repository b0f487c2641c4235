/*
 * What the kinds of report share while they are made: what is asked for, the rows, and the tables
 * being filled. A kind declares its tables first, then adds rows cell by cell. Once something has
 * failed (memory, too many rows) the rest does nothing; report_make() sees it in the end.
 */
#ifndef BOURSE_REPORT_JOB_H
#define BOURSE_REPORT_JOB_H

#include "server/report/report.h"

struct job {
    const struct q_report *query;
    uint32_t account; /* whose; 0: of the whole exchange */
    const struct source *source;
    const struct source *before; /* of a statement: the rows when its time began; NULL: not there */
    const struct head_row *head;
    struct names *names;
    struct arena *arena; /* lives as long as the report */
    struct report *report;
};

struct job_column {
    const char *name;
    enum cell_kind kind;
};

/* Begins a table; returns its number, for job_row(). The strings are static. */
uint32_t job_table(struct job *j, const char *name, const char *title,
                   const struct job_column *columns, uint32_t count);
#define JOB_TABLE(j, name, title, columns)                                                         \
    job_table(j, name, title, columns, sizeof(columns) / sizeof((columns)[0]))

/* Begins a row of a table; its cells follow in the order of the columns. False: it has failed. */
bool job_row(struct job *j, uint32_t table);
void job_number(struct job *j, uint64_t number); /* any kind but text and named */
void job_none(struct job *j);
void job_text(struct job *j, const char *text); /* copied; "" prints as nothing */
/* The same of a text that is static or in the report's memory: not copied. */
void job_word(struct job *j, const char *word);
/* Of kind named; number 0 is none. */
void job_account(struct job *j, uint32_t account);
void job_series(struct job *j, uint32_t series);
void job_sku(struct job *j, uint64_t sku);
void job_site(struct job *j, uint64_t site);
/* Of kind text: the generation of a SKU, "" where it has none. */
void job_generation(struct job *j, uint64_t sku);

/* A sentence that says what the report assumes. */
void job_note(struct job *j, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The time that the report is about, where it is about one. */
void job_span(struct job *j, uint64_t from_s, uint64_t until_s);
/* Whether the report is to be given up, and then it has failed: walks over rows look at that
 * themselves, what computes for long after them asks here now and then. */
bool job_stops(struct job *j);
/* Refuses the report. */
void job_refuse(struct job *j, enum refusal refusal);

/* Memory of the report's arena; NULL when there is none (the job has failed then). */
void *job_alloc(struct job *j, size_t size);

/* The kinds, a file each. They return 0, or an error of the source. */
int exposure_report(struct job *j);
int stress_report(struct job *j);
int collateral_report(struct job *j);
int endorsement_report(struct job *j);
int circularity_report(struct job *j);
int concentration_report(struct job *j);
int vacancy_report(struct job *j);
int carbon_report(struct job *j);
int portability_report(struct job *j);
int statement_report(struct job *j);
int usage_report(struct job *j);

#endif
