#include "client/cli/import_outcome.h"

#include "protocol/status.h"

int outcome_orders(struct market *m, void (*each)(void *context, const struct order_info *order),
                   void *context, struct connection_error *error)
{
    struct arena arena = ARENA_EMPTY;
    struct q_orders body = {.account = m->startup.account};
    int status = STATUS_OK;
    do {
        const void *got = NULL;
        arena_clear(&arena);
        status = wire_ask(m->wire, &q_orders_message, &body, error);
        if (status == STATUS_OK)
            status = wire_answer(m->wire, &q_orders_message, &arena, &got, error);
        if (status != STATUS_OK)
            break;
        const struct a_orders *answer = got;
        for (uint32_t i = 0; i < answer->rows.count; i++)
            each(context, &answer->rows.items[i]);
        body.from = answer->next;
    } while (body.from != 0);
    arena_release(&arena);
    return status;
}

static void order_count(void *context, const struct order_info *order)
{
    struct import_result *r = context;
    bool waited = order->time_in_force == TIME_IN_FORCE_GTT && order->ended_s > order->placed_s;
    if (order->state == ORDER_STATE_FILLED && waited) {
        r->filled_later++;
        r->rested_s += order->ended_s - order->placed_s;
    } else if (order->state == ORDER_STATE_FILLED) {
        r->filled++;
    } else if (order->state == ORDER_STATE_PARTLY_FILLED) {
        r->partly_filled++;
        r->partly_wanted += order->gpus;
        r->partly_got += order->gpus_filled;
    } else {
        r->expired++;
    }
}

int outcome_count(struct market *m, struct import_result *r, struct connection_error *error)
{
    return outcome_orders(m, order_count, r, error);
}
