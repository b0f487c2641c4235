/* What the commands of each kind of contract share. */
#ifndef BOURSE_CLIENT_CLI_CONTRACT_H
#define BOURSE_CLIENT_CLI_CONTRACT_H

#include "client/cli/cli.h"

/* One contract that one may see, of any kind; NULL after a failure, which has been said. */
const struct contract_info *contract_fetch(struct cli *cli, uint64_t contract);
/* The same of one kind, for a command that lists what there is of that kind alone; of another one
 * the noun that shows it is said. */
const struct contract_info *contract_of_kind(struct cli *cli, uint64_t contract, uint32_t kind);
/* The same of the kind that the command line names, which is said otherwise; any kind under the
 * noun "contract". */
const struct contract_info *contract_of_noun(struct cli *cli, uint64_t contract);

/*
 * The contract that --amend names; 0: a new one is proposed, or it has failed. An amendment goes
 * with none of the options `fixed` (names with blanks between), which say what stays as it is;
 * `kind` is the contract's, for messages.
 */
uint64_t contract_amended(struct cli *cli, const char *fixed, const char *kind);

/* Sends proposed terms and says how the other party accepts them; `amended` is the contract of an
 * amendment, 0 for a new one; `noun` is the kind's, as on the command line. Nothing after a
 * failure. Returns cli->exit. */
int contract_propose(struct cli *cli, const struct message *operation, const void *terms,
                     uint64_t amended, const char *noun);

/* Shows one version of the terms (0: those in force) and where the contract stands: all fields of
 * the row but those in `without`; what `more` adds for people is printed behind it (NULL: nothing
 * is). Returns cli->exit. */
int contract_show(struct cli *cli, int argc, char **argv, const char *without,
                  void (*more)(struct cli *cli, const void *row));

/* --- Terms of all kinds (contract_terms.c) --- */

/* The noun of the command line for a kind, and what it is called in a sentence. */
const char *contract_noun(uint32_t kind);
const char *contract_called(uint32_t kind);
/* The query for contracts of a kind, and the message of their terms, with which their rows begin.
 */
const struct message *contract_query(uint32_t kind);
const struct message *contract_terms(uint32_t kind);
/* The row of a version of the terms; NULL when it is not there, without a failure. */
const void *contract_row(struct cli *cli, uint32_t kind, uint64_t contract, uint32_t version);
/* Says what the exchange would refuse in fewer words, or take without a use: one account in two
 * roles, or an amendment (of the contract `amended`; 0: none) that changes nothing. */
void contract_terms_check(struct cli *cli, const struct message *operation, const void *terms,
                          uint64_t amended);
/* Who is what in it: "guarantor atlas, operator meridian"; in the arena. */
struct text contract_parties(struct cli *cli, const struct contract_info *c);
/* Appends item `i` of a list of lots, phases or tranches as people read it; false: it is another
 * list. */
bool contract_part_print(const struct message *part, const void *items, uint32_t i, uint32_t count,
                         struct buffer *out);

/*
 * A grant's row has bits for which of its tranches are paid and which wait. They are shown with
 * each tranche, so that nobody reads bits:
 */
/* Appends what became of item `i` of a list of the row `m`: of a tranche of a grant. */
void contract_part_became(struct cli *cli, const struct message *m, const struct message *part,
                          const void *row, uint32_t i, struct buffer *out);
/* Whether the field is such bits. */
bool contract_is_bits(const struct message *m, const struct field *f);
/* A row of any message as JSON; in that of a grant each tranche has "state", "paid" and "waits" in
 * place of the bits. */
json_t *contract_json(struct cli *cli, const struct message *m, const void *row);

#endif
