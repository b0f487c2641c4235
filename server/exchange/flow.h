/*
 * Flows: what went from one account to another, by calendar month and reason, series, site and SKU.
 * Reports are made of them. Only what is earned or paid under a contract is a flow; transfers of
 * tokens are not. The rows are numbered as they come and never go, so that each account's are read
 * in the order of their months; what goes into them within the present month is found by a tree of
 * that month's alone.
 */
#ifndef BOURSE_EXCHANGE_FLOW_H
#define BOURSE_EXCHANGE_FLOW_H

#include "server/exchange/owned.h"
#include "server/exchange/state.h"
#include "server/exchange/tree.h"

struct flow {
    enum flow_kind kind;
    uint64_t site; /* 0: of none */
    uint64_t sku;
    uint64_t gpu_minutes; /* that were paid for; counted with the first series alone */
};

/* A flow by what makes it one. */
struct flow_line {
    RB_ENTRY(flow_line) link;
    uint64_t month_s;
    uint32_t kind;
    uint32_t payer;
    uint32_t payee;
    uint32_t series;
    uint64_t site;
    uint64_t sku;
    uint64_t flow;
};

RB_HEAD(flow_tree, flow_line);

struct flow_index {
    struct owned by_account; /* all flows of payer and payee */
    struct flow_tree lines;  /* of the present month, and until the group's end of those before */
    uint64_t settled_s;      /* the month before which there are no lines */
};

/* Adds `a` of a series to the flow of the present month. payer 0: the exchange; payee 0: out of it.
 */
void flow_add(struct exchange *x, const struct flow *why, uint32_t payer, uint32_t payee,
              uint32_t series, amount a);
/* The same for several series; gpu_minutes go with the first. */
void flow_add_shares(struct exchange *x, const struct flow *why, uint32_t payer, uint32_t payee,
                     const struct share *shares, uint32_t count);

/* For checks: the line that the row of this flow should have; 0: there is none. */
uint64_t flow_number(const struct exchange *x, const struct flow_row *row);

#endif
