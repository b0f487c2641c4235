/* What the commands of each kind of contract share. */
#ifndef BOURSE_CLIENT_CLI_CONTRACT_H
#define BOURSE_CLIENT_CLI_CONTRACT_H

#include "client/cli/cli.h"

/* One contract that one may see, of any kind; NULL after a failure, which has been said. */
const struct contract_info *contract_fetch(struct cli *cli, uint64_t contract);

/* Sends proposed terms and says how the other party accepts them; `noun` is the kind's, as on the
 * command line. Nothing after a failure. Returns cli->exit. */
int contract_propose(struct cli *cli, const struct message *operation, const void *terms,
                     const char *noun);

#endif
