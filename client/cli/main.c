#include <sodium.h>

#include "client/cli/cli.h"

int main(int argc, char **argv)
{
    if (sodium_init() < 0)
        return CLI_LOCAL;
    return cli_main(argc, argv);
}
