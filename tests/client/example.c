/*
 * A small program on libbourse: says who it is to an exchange, what it holds, and shows events as
 * they come.
 *
 *   bourse_example 127.0.0.1:7420 bourse-exchange:v1:... ~/.config/bourse/key
 */
#include <stdio.h>
#include <stdlib.h>

#include "client/bourse.h"

static int show_event(void *context, uint64_t index, const char *name, const char *fields)
{
    int *left = context;
    printf("%llu %s %s\n", (unsigned long long)index, name, fields);
    return --*left == 0;
}

static int failed(const struct bourse_error *error)
{
    fprintf(stderr, "%s\n", error->message);
    return error->class_code;
}

int main(int argc, char **argv)
{
    struct bourse *b;
    struct bourse_error error;
    char *balances;
    int left = 10;
    if (argc != 4) {
        fprintf(stderr, "usage: %s SERVER PIN KEY-FILE\n", argv[0]);
        return BOURSE_USAGE;
    }
    struct bourse_options options = {.server = argv[1], .exchange = argv[2], .key_file = argv[3]};
    if (bourse_open(&options, &b, &error) != BOURSE_OK)
        return failed(&error);
    printf("account %u, exchange time %llu\n", (unsigned)bourse_account(b),
           (unsigned long long)bourse_time_s(b));
    int code = bourse_query(b, "balances", NULL, &balances, &error);
    if (code == BOURSE_OK) {
        printf("%s\n", balances);
        bourse_free(balances);
        code = bourse_events(b, 0, 1000, show_event, &left, NULL, &error);
    }
    if (code != BOURSE_OK)
        failed(&error);
    bourse_close(b);
    return code;
}
