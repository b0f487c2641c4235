/* What the commands of each kind of contract share. */
#ifndef BOURSE_CLIENT_CLI_CONTRACT_H
#define BOURSE_CLIENT_CLI_CONTRACT_H

#include "client/cli/cli.h"

/* One contract that one may see, of any kind; NULL after a failure, which has been said. */
const struct contract_info *contract_fetch(struct cli *cli, uint64_t contract);

#endif
